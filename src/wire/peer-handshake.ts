// How a peer connection begins. The dialler says hello: who it is, which cluster, which version of
// the protocol; the acceptor answers with a welcome or with the reason of its refusal. Both are
// small frames with a checksum. From then on the connection carries frames of peer-codec.ts from
// the dialler to the acceptor; each direction between two nodes has a connection of its own.
//
// Who dials does not know whom it will reach, for several nodes may stand behind one address: the
// welcome names the node.
//
// Left out: authentication and encryption.

import { crc32 } from "node:zlib";
import { ByteReader, type Bytes, ByteWriter, MalformedBytes } from "../base/bytes.js";
import { readAddress, readNodeName } from "../replication/membership.js";

const magic = 0x534b5259; // "SKRY"
/** Raised whenever a frame means something else than before: other versions are refused. */
export const protocolVersion = 4;
/** A hello or a welcome is never longer. */
export const handshakeBytesMax = 1024;

export interface Hello {
  readonly cluster: string;
  /** Shards of the keyspace: the same on all nodes of a cluster. */
  readonly shardCount: number;
  /** Copies of each shard, likewise; 0: every node holds all. */
  readonly replicationFactor: number;
  readonly name: string;
  readonly incarnation: number;
  readonly peerAddress: string;
  readonly clientAddress: string;
}

/** The position is the code on the wire: append, never reorder. */
const refusals = [
  "malformed",
  "other_version",
  "other_cluster",
  "other_shard_count",
  "older_incarnation",
  "own_name",
  "too_many",
  "other_replication_factor",
] as const;

export type Refusal = (typeof refusals)[number];

export type Welcome =
  | { readonly kind: "welcome"; readonly name: string; readonly incarnation: number }
  | { readonly kind: "refused"; readonly reason: Refusal };

const seal = (writer: ByteWriter): Bytes => writer.u32(crc32(writer.view())).finish();

/** The bytes without their checksum. @throws MalformedBytes when it is wrong. */
function open(frame: Bytes): ByteReader {
  const end = frame.length - 4;
  if (end < 0 || new ByteReader(frame, end).u32() !== crc32(frame.subarray(0, end)))
    throw new MalformedBytes("the frame is damaged");
  return new ByteReader(frame, 0, end);
}

export function encodeHello(hello: Hello, version = protocolVersion): Bytes {
  const writer = new ByteWriter(128);
  writer.u32(magic).u16(version).text(hello.cluster).varint(hello.shardCount);
  writer.varint(hello.replicationFactor);
  writer.text(hello.name).varint(hello.incarnation);
  return seal(writer.text(hello.peerAddress).text(hello.clientAddress));
}

/** Version and magic come first and never move, so that any version can refuse any other. */
export function decodeHello(frame: Bytes): Hello | Refusal {
  try {
    const reader = new ByteReader(frame);
    if (reader.u32() !== magic) return "malformed";
    if (reader.u16() !== protocolVersion) return "other_version";
    const sealed = open(frame);
    sealed.raw(6);
    const cluster = readAddress(sealed);
    const shardCount = sealed.varint();
    const replicationFactor = sealed.varint();
    const name = readNodeName(sealed);
    const incarnation = sealed.varint();
    const peerAddress = readAddress(sealed);
    const clientAddress = readAddress(sealed);
    sealed.expectEnd();
    const counts = { shardCount, replicationFactor };
    return { cluster, ...counts, name, incarnation, peerAddress, clientAddress };
  } catch (error) {
    if (error instanceof MalformedBytes) return "malformed";
    throw error;
  }
}

export function encodeWelcome(welcome: Welcome): Bytes {
  const writer = new ByteWriter(64);
  writer.u32(magic).u16(protocolVersion);
  if (welcome.kind === "refused") return seal(writer.u8(1).u8(refusals.indexOf(welcome.reason)));
  return seal(writer.u8(0).text(welcome.name).varint(welcome.incarnation));
}

export function decodeWelcome(frame: Bytes): Welcome {
  try {
    const start = new ByteReader(frame);
    if (start.u32() !== magic) return { kind: "refused", reason: "malformed" };
    if (start.u16() !== protocolVersion) return { kind: "refused", reason: "other_version" };
    const reader = open(frame);
    reader.raw(6);
    if (reader.u8() === 1) return { kind: "refused", reason: refusals[reader.u8()] ?? "malformed" };
    const name = readNodeName(reader);
    const incarnation = reader.varint();
    reader.expectEnd();
    return { kind: "welcome", name, incarnation };
  } catch (error) {
    if (error instanceof MalformedBytes) return { kind: "refused", reason: "malformed" };
    throw error;
  }
}
