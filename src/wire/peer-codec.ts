// Frames between nodes: everything that one node says to another in one turn. A frame is a count,
// then per message a tag and the bytes of the protocol that owns the message (node/messages.ts),
// and at its end the CRC-32 of all before.
//
// Decoding trusts nothing: a frame is taken whole or refused whole. The checksum is there because
// damaged bytes may well be a message: one flipped bit in a peer's incarnation, and the peer is
// taken for a ghost of itself for ever.

import { crc32 } from "node:zlib";
import { ByteReader, type Bytes, ByteWriter, MalformedBytes } from "../base/bytes.js";
import { failure, type Result, success } from "../base/result.js";
import * as consensus from "../consensus/codec.js";
import type { Shards } from "../keyspace/shards.js";
import type { PeerMessage } from "../node/messages.js";
import * as replication from "../replication/codec.js";
import { decodeMembership, encodeMembership } from "../replication/membership.js";

/** Tags are part of the wire format: append, never reuse. */
const tags = { consensus: 1, replication: 2, membership: 3 } as const satisfies Record<
  PeerMessage["kind"],
  number
>;

const checksumBytes = 4;

export interface EncodedMessage {
  readonly tag: number;
  readonly bytes: Bytes;
}

export function encodePeerMessage(peerMessage: PeerMessage, shards: Shards): EncodedMessage {
  const tag = tags[peerMessage.kind];
  switch (peerMessage.kind) {
    case "consensus":
      return { tag, bytes: consensus.encodeMessage(peerMessage.message) };
    case "replication":
      return { tag, bytes: replication.encodeMessage(peerMessage.message, shards) };
    case "membership":
      return { tag, bytes: encodeMembership(peerMessage.message) };
  }
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
  const [only] = messages;
  if (messages.length !== 1 || only === undefined || only.bytes.length < copiedBytesMax)
    return [encodeFrame(messages)];
  const head = new ByteWriter(16).varint(1).u8(only.tag).varint(only.bytes.length).view();
  const sum = crc32(only.bytes, crc32(head));
  return [head, only.bytes, new ByteWriter(checksumBytes).u32(sum).view()];
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
