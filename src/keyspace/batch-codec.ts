// The bytes of a batch. Replicas are numbers of a dictionary that the surrounding message or record
// carries.
//
// Decoding refuses what closing a batch cannot have produced (`checkBody`). The body is copied,
// because batches outlive the read buffer, and kept as it is.

import { assert } from "../base/assert.js";
import { type ByteReader, type Bytes, type ByteWriter, MalformedBytes } from "../base/bytes.js";
import type { Lease, LeasedMemory } from "../base/leased-memory.js";
import { decodeTime } from "../clock/stamp.js";
import { VersionVector } from "../clock/version-vector.js";
import type { ReplicaCodec } from "../lattice/cell.js";
import type { DictionaryCodec } from "../lattice/replica-codec.js";
import { type Batch, newBatch } from "./batch.js";
import { checkBody, decodeNames } from "./batch-body.js";
import type { Keyspace } from "./keyspace.js";

export function encodeContext(
  writer: ByteWriter,
  context: VersionVector,
  codec: ReplicaCodec,
): void {
  writer.varint(context.size);
  if (context.size > 0)
    for (const [replica, time] of context.entries()) {
      codec.write(writer, replica);
      writer.f64(time);
    }
}

/** @throws MalformedBytes */
export function decodeContext(reader: ByteReader, codec: ReplicaCodec): VersionVector {
  const context = new VersionVector();
  for (let count = reader.count(9); count > 0; count--) {
    const replica = codec.read(reader);
    context.advance(replica, decodeTime(reader));
  }
  return context;
}

export function encodeBatch(writer: ByteWriter, batch: Batch, codec: ReplicaCodec): void {
  assert(batch.lease?.isOver !== true, "a batch is sent whose memory was given back");
  writer.varint(batch.shard);
  codec.write(writer, batch.origin);
  writer.f64(batch.previous).f64(batch.time);
  encodeContext(writer, batch.dependencies, codec);
  encodeGroup(writer, batch.group);
  // The first name is the origin's.
  writer.varint(batch.names.length - 1);
  for (let i = 1; i < batch.names.length; i++) codec.write(writer, batch.names[i]!);
  writer.bytes(batch.body);
}

/** A batch of one shard is its own group; others are a set of bits, as long as it needs to be. */
function encodeGroup(writer: ByteWriter, group: readonly number[]): void {
  if (group.length === 1) {
    writer.varint(0);
    return;
  }
  const count = (group.at(-1)! >> 3) + 1;
  writer.varint(count);
  const bits = writer.room(count);
  const start = writer.length;
  bits.fill(0, start, start + count);
  for (const shard of group) bits[start + (shard >> 3)]! |= 1 << (shard & 7);
  writer.length += count;
}

/** Notes the replicas that a batch names, so that a dictionary can stand before it. */
export function noteNames({ names, dependencies }: Batch, codec: DictionaryCodec): void {
  for (const replica of names) codec.note(replica);
  noteContext(dependencies, codec);
}

export function noteContext(context: VersionVector, codec: DictionaryCodec): void {
  if (context.size > 0) for (const [replica] of context.entries()) codec.note(replica);
}

/** Where the bodies of the batches of one message go. */
export class BodyRoom {
  readonly lease: Lease | undefined;
  readonly #room: Bytes | undefined;
  #used = 0;

  /** @param bytesMax of all bodies together. */
  constructor(memory: LeasedMemory | undefined, bytesMax: number, batchCount: number) {
    this.#room = memory?.take(bytesMax);
    if (this.#room !== undefined) this.lease = memory?.lease(this.#room, batchCount);
  }

  /** A copy of a body. */
  keep(body: Bytes): Bytes {
    if (this.#room === undefined) return body.slice();
    const start = this.#used;
    this.#used += body.length;
    this.#room.set(body, start);
    return this.#room.subarray(start, this.#used);
  }
}

/** @throws MalformedBytes */
export function decodeBatch(
  reader: ByteReader,
  codec: ReplicaCodec,
  keyspace: Keyspace,
  shardCount: number,
  room?: BodyRoom,
): Batch {
  const shard = reader.varint();
  const origin = codec.read(reader);
  const previous = decodeTime(reader);
  const time = decodeTime(reader);
  if (shard >= shardCount || previous >= time)
    throw new MalformedBytes("a batch out of its place in the stream");
  const dependencies = decodeContext(reader, codec);
  for (const [replica, seen] of dependencies.entries())
    if (replica === origin || seen >= time)
      throw new MalformedBytes("a batch depends on its future");
  const group = decodeGroup(reader, shard, shardCount);
  const names = decodeNames(reader, codec, origin);
  const bytes = reader.bytes();
  const body = room === undefined ? bytes.slice() : room.keep(bytes);
  const place = { shard, origin, previous, time };
  const batch = newBatch(place, dependencies, group, names, body, room?.lease);
  checkBody(batch, keyspace, shardCount);
  return batch;
}

function decodeGroup(reader: ByteReader, shard: number, shardCount: number): readonly number[] {
  const bits = reader.bytes();
  if (bits.length === 0) return [shard];
  const group: number[] = [];
  for (let member = 0; member < bits.length * 8; member++)
    if ((bits[member >> 3]! & (1 << (member & 7))) !== 0) group.push(member);
  // One spelling: the last byte is not empty, and who stands alone says so.
  if (bits.at(-1) === 0 || group.length === 1 || group.at(-1)! >= shardCount)
    throw new MalformedBytes("a group that nobody writes");
  if (!group.includes(shard)) throw new MalformedBytes("a batch outside its group");
  return group;
}
