// The bytes of a batch. Replicas are numbers of a dictionary that the surrounding message or record
// carries.
//
// Decoding refuses what closing a batch cannot have produced: a value under another stamp than the
// batch's, a removal of what cannot have been seen, a key of another shard. Otherwise hostile bytes
// could plant state that the context does not account for. Byte strings are copied, because batches
// outlive the read buffer.

import { type ByteReader, type Bytes, type ByteWriter, MalformedBytes } from "../base/bytes.js";
import { decodeTime, type ReplicaIndex, type Time } from "../clock/stamp.js";
import { VersionVector } from "../clock/version-vector.js";
import type { ReplicaCodec } from "../lattice/cell.js";
import { decodeDeadline, encodeDeadline, persist } from "../lattice/deadline.js";
import {
  decodeElementDelta,
  type ElementDelta,
  encodeElementDelta,
  slots,
} from "../lattice/key-entry.js";
import { type Batch, newBatch } from "./batch.js";
import type { KeyDelta } from "./capture.js";
import type { Keyspace } from "./keyspace.js";
import { shardOfSlot, slotOfKey } from "./slot.js";

export function encodeContext(
  writer: ByteWriter,
  context: VersionVector,
  codec: ReplicaCodec,
): void {
  const entries = [...context.entries()];
  writer.varint(entries.length);
  for (const [replica, time] of entries) {
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

export function encodeBatch(
  writer: ByteWriter,
  batch: Batch,
  codec: ReplicaCodec,
  { replicas }: Keyspace,
): void {
  writer.varint(batch.shard);
  codec.write(writer, batch.origin);
  writer.f64(batch.previous).f64(batch.time);
  encodeContext(writer, batch.dependencies, codec);
  // A batch of one shard is its own group.
  writer.varint(batch.group.length === 1 ? 0 : batch.group.length);
  if (batch.group.length > 1) for (const shard of batch.group) writer.varint(shard);
  writer.varint(batch.deltas.length);
  for (const { database, key, elements } of batch.deltas) {
    writer.u8(database).bytes(key).varint(elements.length);
    for (const element of elements) encodeElementDelta(writer, element, codec, replicas);
  }
}

/** @throws MalformedBytes */
export function decodeBatch(
  reader: ByteReader,
  codec: ReplicaCodec,
  keyspace: Keyspace,
  shardCount: number,
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
  const deltas: KeyDelta[] = [];
  for (let count = reader.count(8); count > 0; count--)
    deltas.push(decodeKeyDelta(reader, codec, keyspace, origin, time));
  for (const { key } of deltas)
    if (shardOfSlot(slotOfKey(key), shardCount) !== shard)
      throw new MalformedBytes("a key of another shard");
  return newBatch({ shard, origin, previous, time, dependencies, group, deltas });
}

function decodeGroup(reader: ByteReader, shard: number, shardCount: number): readonly number[] {
  const count = reader.count();
  if (count === 0) return [shard];
  const group: number[] = [];
  for (let i = 0; i < count; i++) {
    const member = reader.varint();
    if (member >= shardCount || (i > 0 && member <= group[i - 1]!))
      throw new MalformedBytes("a group out of order");
    group.push(member);
  }
  if (count === 1 || !group.includes(shard)) throw new MalformedBytes("a batch outside its group");
  return group;
}

function decodeKeyDelta(
  reader: ByteReader,
  codec: ReplicaCodec,
  keyspace: Keyspace,
  origin: ReplicaIndex,
  time: Time,
): KeyDelta {
  const database = reader.u8();
  if (database >= keyspace.databases.length) throw new MalformedBytes("no such database");
  const key = reader.bytes().slice();
  const elements: ElementDelta[] = [];
  for (let count = reader.count(5); count > 0; count--) {
    const element = decodeElementDelta(reader, codec);
    refuseForeign(element, origin, time);
    elements.push(element);
  }
  if (elements.length === 0) throw new MalformedBytes("a key that did not change");
  return { database, key, elements };
}

function refuseForeign(
  { slot, fragment, removed }: ElementDelta,
  origin: ReplicaIndex,
  time: Time,
): void {
  for (const sibling of fragment.siblings) {
    if (sibling.time !== time || sibling.replica !== origin)
      throw new MalformedBytes("a value under a stamp that is not its batch's");
    refuseBadDeadline(slot, sibling.value);
  }
  for (const row of fragment.rows)
    if (Math.max(row.hiTime, row.loTime) > time || (row.replica !== origin && row.hiTime >= time))
      throw new MalformedBytes("a row from the future");
  for (const stamp of removed)
    if (stamp.time >= time) throw new MalformedBytes("a removal of what was not yet there");
}

/**
 * A deadline in a second spelling would be stored in two ways on two replicas. @throws
 * MalformedBytes
 */
export function refuseBadDeadline(slot: number, value: Bytes): void {
  if (slot !== slots.deadline) return;
  const ms = decodeDeadline(value);
  const isRight = ms === persist || (Number.isSafeInteger(ms) && ms > 0);
  if (!isRight || encodeDeadline(ms).length !== value.length)
    throw new MalformedBytes("not a deadline");
}
