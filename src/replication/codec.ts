// The bytes of replication messages: replica names once, in front, then the sender, the type and
// the body. Decoding trusts nothing: an unknown tag, a count that cannot fit, a batch that nobody
// can have made or bytes left over throw `MalformedBytes`, and nothing is allocated beyond a small
// multiple of the input.

import { ByteReader, type Bytes, ByteWriter, MalformedBytes } from "../base/bytes.js";
import { decodeTime } from "../clock/stamp.js";
import type { Batch } from "../keyspace/batch.js";
import {
  BodyRoom,
  decodeBatch,
  decodeContext,
  encodeBatch,
  encodeContext,
  noteContext,
  noteNames,
} from "../keyspace/batch-codec.js";
import { hashBytesSent } from "../keyspace/digest.js";
import type { Shards } from "../keyspace/shards.js";
import { slotsOfShard } from "../keyspace/slot.js";
import { DictionaryCodec } from "../lattice/replica-codec.js";
import type { Body, InquiredShard, Offer, ReplicationMessage, ShardContext } from "./messages.js";

/** The position is the tag on the wire: append, never reorder. */
const types = [
  "delta",
  "relay",
  "summary",
  "contexts",
  "pull",
  "state",
  "state_part",
  "state_more",
  "offer",
  "inquiry",
  "difference",
  "release",
  "kept",
] as const satisfies readonly Body["type"][];

const tags = new Map<Body["type"], number>(types.map((type, tag) => [type, tag]));

/** A batch's least size: shard, origin, two times, no dependencies, no group, no names, no body. */
const batchBytesMin = 22;

/**
 * The bytes are a view of a buffer that nobody writes to again. @param room a buffer for them
 * (`roomFor`); another one takes its place if it is too small.
 */
export function encodeMessage(
  { sender, releases = 0, body }: ReplicationMessage,
  shards: Shards,
  room: Bytes | number = roomFor(body),
): Bytes {
  const codec = new DictionaryCodec(shards.keyspace.replicas);
  codec.note(sender);
  if ("batches" in body) for (const batch of body.batches) noteNames(batch, codec);
  if ("contexts" in body) for (const { context } of body.contexts) noteContext(context, codec);
  if (body.type === "offer") for (const { context } of body.shards) noteContext(context, codec);
  const writer = new ByteWriter(room);
  codec.writeNames(writer);
  codec.write(writer, sender);
  writer.varint(releases);
  writer.u8(tags.get(body.type)!);
  writeBody(writer, body, codec);
  return writer.view();
}

/** Enough for most, so that the buffer need not grow. */
export function roomFor(body: Body): number {
  if ("batches" in body) return body.batches.reduce((sum, { bytes }) => sum + bytes, 256);
  return "bytes" in body ? body.bytes.length + 256 : 256;
}

/** @throws MalformedBytes on anything that `encodeMessage` cannot have written. */
export function decodeMessage(bytes: Bytes, shards: Shards): ReplicationMessage {
  const reader = new ByteReader(bytes);
  const codec = new DictionaryCodec(shards.keyspace.replicas);
  codec.readNames(reader);
  const sender = codec.read(reader);
  const releases = reader.varint();
  const type = types[reader.u8()];
  if (type === undefined) throw new MalformedBytes("unknown replication message");
  const body = readBody(reader, type, codec, shards);
  reader.expectEnd();
  return { sender, releases, body };
}

function writeBody(writer: ByteWriter, body: Body, codec: DictionaryCodec): void {
  switch (body.type) {
    case "delta":
      writer.u8(body.isAnswer ? 1 : 0);
      writeBatches(writer, body.batches, codec);
      writeContexts(writer, body.contexts, codec);
      return;
    case "relay":
      writeBatches(writer, body.batches, codec);
      return;
    case "summary":
      writer.f64(body.until).f64(body.hash);
      return;
    case "contexts":
      writer.u8(body.wantsReply ? 1 : 0);
      writeContexts(writer, body.contexts, codec);
      return;
    case "pull":
      writeContexts(writer, body.contexts, codec);
      writeShards(writer, body.whole);
      return;
    case "release":
      writer.varint(body.id);
      writeContexts(writer, body.contexts, codec);
      return;
    case "kept":
      writer.varint(body.id);
      writeShards(writer, body.shards);
      return;
    case "state":
      writer.bytes(body.bytes);
      return;
    case "state_part":
      writer.varint(body.id).varint(body.shard).varint(body.total).varint(body.at);
      writer.bytes(body.bytes);
      return;
    case "state_more":
      writer.varint(body.id).varint(body.at);
      return;
    case "offer":
      writer.varint(body.id).varint(body.shards.length);
      for (const { shard, context, digests } of body.shards) {
        writer.varint(shard);
        encodeContext(writer, context, codec);
        writer.bytes(digests);
      }
      return;
    case "inquiry":
      writer.varint(body.id).varint(body.shards.length);
      for (const inquired of body.shards) {
        writer
          .varint(inquired.shard)
          .u8(inquired.isWhole ? 1 : 0)
          .varint(inquired.slots.length);
        for (const slot of inquired.slots) writer.varint(slot);
        writer.bytes(inquired.hashes);
      }
      return;
    case "difference":
      writer.varint(body.id).varint(body.shard).bytes(body.matched).bytes(body.bytes);
  }
}

function readBody(
  reader: ByteReader,
  type: Body["type"],
  codec: DictionaryCodec,
  shards: Shards,
): Body {
  switch (type) {
    case "delta": {
      const isAnswer = readFlag(reader);
      const batches = readBatches(reader, codec, shards);
      return { type, isAnswer, batches, contexts: readContexts(reader, codec, shards) };
    }
    case "relay":
      return { type, batches: readBatches(reader, codec, shards) };
    case "summary": {
      const until = decodeTime(reader);
      return { type, until, hash: readHash(reader) };
    }
    case "contexts": {
      const wantsReply = readFlag(reader);
      return { type, wantsReply, contexts: readContexts(reader, codec, shards) };
    }
    case "pull": {
      const contexts = readContexts(reader, codec, shards);
      return { type, contexts, whole: readShards(reader, shards) };
    }
    case "release": {
      const id = reader.varint();
      return { type, id, contexts: readContexts(reader, codec, shards) };
    }
    case "kept": {
      const id = reader.varint();
      return { type, id, shards: readShards(reader, shards) };
    }
    case "state":
      return { type, bytes: reader.bytes().slice() };
    case "state_part": {
      const id = reader.varint();
      const shard = readShard(reader, shards);
      const [total, at] = [reader.varint(), reader.varint()];
      return { type, id, shard, total, at, bytes: reader.bytes().slice() };
    }
    case "state_more":
      return { type, id: reader.varint(), at: reader.varint() };
    case "offer":
      return { type, id: reader.varint(), shards: readOffered(reader, codec, shards) };
    case "inquiry":
      return { type, id: reader.varint(), shards: readInquired(reader, shards) };
    case "difference": {
      const id = reader.varint();
      const shard = readShard(reader, shards);
      const matched = reader.bytes().slice();
      return { type, id, shard, matched, bytes: reader.bytes().slice() };
    }
  }
}

function readOffered(reader: ByteReader, codec: DictionaryCodec, shards: Shards): Offer["shards"] {
  const offered: Offer["shards"][number][] = [];
  for (let count = reader.count(3); count > 0; count--) {
    const shard = readLaterShard(reader, shards, offered.at(-1)?.shard);
    const context = decodeContext(reader, codec);
    const digests = reader.bytes().slice();
    const [first, end] = slotsOfShard(shard, shards.count);
    if (digests.length !== (end - first) * hashBytesSent)
      throw new MalformedBytes("not one digest for each slot");
    offered.push({ shard, context, digests });
  }
  return offered;
}

function readInquired(reader: ByteReader, shards: Shards): InquiredShard[] {
  const inquired: InquiredShard[] = [];
  for (let count = reader.count(4); count > 0; count--) {
    const shard = readLaterShard(reader, shards, inquired.at(-1)?.shard);
    const isWhole = readFlag(reader);
    const [first, end] = slotsOfShard(shard, shards.count);
    const slots: number[] = [];
    for (let left = reader.count(1); left > 0; left--) {
      const slot = reader.varint();
      if (slot >= end - first || slot <= (slots.at(-1) ?? -1))
        throw new MalformedBytes("slots out of range or order");
      slots.push(slot);
    }
    const hashes = reader.bytes().slice();
    if (hashes.length % hashBytesSent !== 0) throw new MalformedBytes("not a list of hashes");
    inquired.push({ shard, isWhole, slots, hashes });
  }
  return inquired;
}

function readLaterShard(reader: ByteReader, shards: Shards, last = -1): number {
  const shard = readShard(reader, shards);
  if (shard <= last) throw new MalformedBytes("shards out of order");
  return shard;
}

function readFlag(reader: ByteReader): boolean {
  const flag = reader.u8();
  if (flag > 1) throw new MalformedBytes(`${flag} is no flag`);
  return flag === 1;
}

function readHash(reader: ByteReader): number {
  const hash = reader.f64();
  if (!Number.isSafeInteger(hash) || hash < 0) throw new MalformedBytes("not a hash");
  return hash;
}

function readShard(reader: ByteReader, shards: Shards): number {
  const shard = reader.varint();
  if (shard >= shards.count) throw new MalformedBytes(`no shard has the number ${shard}`);
  return shard;
}

function writeShards(writer: ByteWriter, list: readonly number[]): void {
  writer.varint(list.length);
  for (const shard of list) writer.varint(shard);
}

function readShards(reader: ByteReader, shards: Shards): number[] {
  const list: number[] = [];
  for (let count = reader.count(1); count > 0; count--)
    list.push(readLaterShard(reader, shards, list.at(-1)));
  return list;
}

function writeBatches(writer: ByteWriter, batches: readonly Batch[], codec: DictionaryCodec): void {
  writer.varint(batches.length);
  for (const batch of batches) encodeBatch(writer, batch, codec);
}

function readBatches(reader: ByteReader, codec: DictionaryCodec, shards: Shards): Batch[] {
  const batches: Batch[] = [];
  const count = reader.count(batchBytesMin);
  const room = new BodyRoom(shards.memory, reader.remaining, count);
  while (batches.length < count)
    batches.push(decodeBatch(reader, codec, shards.keyspace, shards.count, room));
  return batches;
}

function writeContexts(
  writer: ByteWriter,
  contexts: readonly ShardContext[],
  codec: DictionaryCodec,
): void {
  writer.varint(contexts.length);
  for (const { shard, context } of contexts) {
    writer.varint(shard);
    encodeContext(writer, context, codec);
  }
}

function readContexts(reader: ByteReader, codec: DictionaryCodec, shards: Shards): ShardContext[] {
  const contexts: ShardContext[] = [];
  for (let count = reader.count(2); count > 0; count--) {
    const shard = readShard(reader, shards);
    const last = contexts.at(-1);
    if (last !== undefined && last.shard >= shard) throw new MalformedBytes("shards out of order");
    contexts.push({ shard, context: decodeContext(reader, codec) });
  }
  return contexts;
}
