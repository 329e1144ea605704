// Frames between nodes: everything that one node says to another in one turn. A frame is a count,
// then per message a tag and the bytes of the protocol that owns the message (node/messages.ts),
// and at its end the CRC-32 of all before.
//
// Decoding trusts nothing: a frame is taken whole or refused whole. The checksum is there because
// damaged bytes may well be a message: one flipped bit in a peer's incarnation, and the peer is
// taken for a ghost of itself for ever.

import { crc32 } from "node:zlib";
import { ByteReader, type Bytes, ByteWriter, MalformedBytes } from "../base/bytes.js";
import type { Lease, LeasedMemory } from "../base/leased-memory.js";
import { failure, type Result, success } from "../base/result.js";
import * as consensus from "../consensus/codec.js";
import type { Shards } from "../keyspace/shards.js";
import type { PeerMessage } from "../node/messages.js";
import * as replication from "../replication/codec.js";
import { decodeMembership, encodeMembership } from "../replication/membership.js";
import type { ReplicationMessage } from "../replication/messages.js";

/** Tags are part of the wire format: append, never reuse. */
const tags = { consensus: 1, replication: 2, membership: 3 } as const satisfies Record<
  PeerMessage["kind"],
  number
>;

const checksumBytes = 4;

export interface EncodedMessage {
  readonly tag: number;
  readonly bytes: Bytes;
  /** Of the bytes' memory: who keeps the message holds it until the bytes have left. */
  readonly lease?: Lease;
}

/** @param memory where long messages are to lie. */
export function encodePeerMessage(
  peerMessage: PeerMessage,
  shards: Shards,
  memory?: LeasedMemory,
): EncodedMessage {
  const tag = tags[peerMessage.kind];
  switch (peerMessage.kind) {
    case "consensus":
      return { tag, bytes: consensus.encodeMessage(peerMessage.message) };
    case "replication":
      return { tag, ...encodeReplication(peerMessage.message, shards, memory) };
    case "membership":
      return { tag, bytes: encodeMembership(peerMessage.message) };
  }
}

function encodeReplication(
  message: ReplicationMessage,
  shards: Shards,
  memory: LeasedMemory | undefined,
): Omit<EncodedMessage, "tag"> {
  const room = memory?.take(replication.roomFor(message.body));
  if (room === undefined) return { bytes: replication.encodeMessage(message, shards) };
  const bytes = replication.encodeMessage(message, shards, room);
  if (bytes.buffer === room.buffer) return { bytes, lease: memory!.lease(room) };
  memory!.giveBack(room);
  return { bytes };
}

/** The bytes are a view of a buffer that nobody writes to again. */
export function encodeFrame(messages: readonly EncodedMessage[]): Bytes {
  const writer = new ByteWriter(messages.reduce((sum, { bytes }) => sum + bytes.length + 8, 16));
  writer.varint(messages.length);
  for (const { tag, bytes } of messages) writer.u8(tag).bytes(bytes);
  return writer.u32(crc32(writer.view())).view();
}

/** From this length on a message is not copied into its frame. */
const copiedBytesMax = 16 * 1024;

/** A frame as one or several pieces, to be sent one behind the other. */
export function encodeFramePieces(messages: readonly EncodedMessage[]): readonly Bytes[] {
  if (messages.every(({ bytes }) => bytes.length < copiedBytesMax)) return [encodeFrame(messages)];
  const pieces: Bytes[] = [];
  let small = new ByteWriter().varint(messages.length);
  let sum = 0;
  const endPiece = (): void => {
    sum = crc32(small.view(), sum);
    pieces.push(small.view());
    small = new ByteWriter();
  };
  for (const { tag, bytes } of messages) {
    small.u8(tag).varint(bytes.length);
    if (bytes.length < copiedBytesMax) small.raw(bytes);
    else {
      endPiece();
      sum = crc32(bytes, sum);
      pieces.push(bytes);
    }
  }
  if (small.length > 0) endPiece();
  pieces.push(new ByteWriter(checksumBytes).u32(sum).view());
  return pieces;
}

/** The messages of a frame, in the order in which they were sent. */
export function decodeFrame(frame: Bytes, shards: Shards): Result<PeerMessage[]> {
  try {
    const end = frame.length - checksumBytes;
    if (end < 0 || new ByteReader(frame, end).u32() !== crc32(frame.subarray(0, end)))
      return failure("the frame is damaged");
    const reader = new ByteReader(frame, 0, end);
    const messages: PeerMessage[] = [];
    for (let count = reader.count(2); count > 0; count--) {
      const tag = reader.u8();
      messages.push(decodePeerMessage(tag, reader.bytes(), shards));
    }
    reader.expectEnd();
    return success(messages);
  } catch (error) {
    if (error instanceof MalformedBytes) return failure(error.message);
    throw error;
  }
}

function decodePeerMessage(tag: number, bytes: Bytes, shards: Shards): PeerMessage {
  switch (tag) {
    case tags.consensus:
      return { kind: "consensus", message: consensus.decodeMessage(bytes) };
    case tags.replication:
      return { kind: "replication", message: replication.decodeMessage(bytes, shards) };
    case tags.membership:
      return { kind: "membership", message: decodeMembership(bytes) };
    default:
      throw new MalformedBytes(`no protocol has the tag ${tag}`);
  }
}
