// A key's state as bytes, in the form in which the keyspace holds it: one kind of record each for a
// text, an own counter, a packed collection, an object; besides, changed elements of an object, a
// removed key, an emptied database. Written by redo-log.ts and by checkpoints, read by
// redo-replay.ts.
//
// Replicas are indices of the replica table, which the log that these bytes stand in carries and
// restores (storage/names.ts): packed collections hold such indices in their bytes, so a table in
// another order would not do.

import {
  type ByteReader,
  type Bytes,
  type ByteWriter,
  copyBytes,
  fromLatin1,
  writeVarint,
} from "../base/bytes.js";
import type { ReplicaIndex } from "../clock/stamp.js";
import { emptyCell, encodeCell, type ReplicaCodec } from "../lattice/cell.js";
import type { KeyEntry, Slot } from "../lattice/key-entry.js";
import { type Arena, type Ref, slabOf } from "./arena.js";
import type { Keyspace } from "./keyspace.js";
import * as record from "./record.js";
import { viewText } from "./text-view.js";

/** The first byte of an operation; numbers are part of the stored format. */
export const redoOps = {
  text: 1,
  counter: 2,
  packed: 3,
  entry: 4,
  elements: 5,
  removed: 6,
  flushed: 7,
  swapped: 8,
  roomy: 9,
} as const;

/** The flags of a record that are stored; where a value lies is this process's business. */
export const storedFlags = record.deadlineFlag | record.bornFlag | record.roomyFlag;

/** Replicas as indices of the table that the log restores. */
export const indexCodec: ReplicaCodec = {
  write: (writer: ByteWriter, replica: ReplicaIndex) => {
    writer.varint(replica);
  },
  read: (reader: ByteReader): ReplicaIndex => reader.varint(),
};

/** Most that stands before the fields of a form: 13 bytes, a deadline's 18, a birth's 10. */
const headBytesMax = 41;
/** Most that the length of a key or a value takes. */
const lengthBytesMax = 5;

function writeU16(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  return at + 2;
}

const eight = new Uint8Array(8);
const eightView = new DataView(eight.buffer);

function writeF64(bytes: Uint8Array, at: number, value: number): number {
  eightView.setFloat64(0, value, true);
  for (let i = 0; i < 8; i++) bytes[at + i] = eight[i]!;
  return at + 8;
}

/** The key under `ref` as it is now, whatever its form. */
export function encodeKey(
  writer: ByteWriter,
  keyspace: Keyspace,
  database: number,
  ref: Ref,
): void {
  const { arena } = keyspace;
  const kind = record.kindOf(arena, ref);
  if (kind === record.textKind) encodeText(writer, keyspace, database, ref);
  else if (kind === record.counterKind) encodeCounter(writer, keyspace, database, ref);
  else if (record.isPacked(kind)) encodePacked(writer, arena, database, ref);
  else encodeEntry(writer, keyspace, database, ref);
}

function encodeText(writer: ByteWriter, keyspace: Keyspace, database: number, ref: Ref): void {
  const { arena } = keyspace;
  const flags = record.flagsOf(arena, ref);
  const keyLength = record.keyLengthOf(arena, ref);
  const valueLength = record.valueLengthOf(arena, ref);
  const bytes = writer.room(headBytesMax + 2 * lengthBytesMax + keyLength + valueLength);
  let at = writeHead(bytes, writer.length, arena, redoOps.text, database, ref);
  at = writeVarint(bytes, at, keyLength);
  const key = record.keyStartOf(arena, ref);
  const slab = arena.bytes[slabOf(ref)]!;
  copyBytes(bytes, at, slab, key, keyLength);
  at = writeVarint(bytes, at + keyLength, valueLength);
  if ((flags & record.externalFlag) === 0) copyBytes(bytes, at, slab, key + keyLength, valueLength);
  else {
    const text = viewText(keyspace, ref);
    copyBytes(bytes, at, text.bytes, text.start, valueLength);
  }
  writer.length = at + valueLength;
}

/**
 * What all compact forms begin with: operation, database, flags, stamp, deadline, birth. Answers
 * where it ends; there must be room for `headBytesMax`. Numbers of eight bytes lie in the record as
 * they are stored.
 */
function writeHead(
  bytes: Uint8Array,
  start: number,
  arena: Arena,
  op: number,
  database: number,
  ref: Ref,
): number {
  const flags = record.flagsOf(arena, ref) & storedFlags;
  const replica = record.replicaOf(arena, ref);
  bytes[start] = op;
  bytes[start + 1] = database;
  bytes[start + 2] = flags;
  bytes[start + 3] = replica;
  bytes[start + 4] = replica >>> 8;
  copyBytes(bytes, start + 5, record.bytesOf(arena, ref), record.timeStartOf(ref), 8);
  let at = start + 13;
  if ((flags & record.deadlineFlag) !== 0) {
    at = writeF64(bytes, at, record.deadlineOf(arena, ref));
    at = writeF64(bytes, at, record.deadlineTimeOf(arena, ref));
    at = writeU16(bytes, at, record.deadlineReplicaOf(arena, ref));
  }
  if ((flags & record.bornFlag) !== 0) {
    at = writeF64(bytes, at, record.bornTimeOf(arena, ref));
    at = writeU16(bytes, at, record.bornReplicaOf(arena, ref));
  }
  return at;
}

function encodeHead(
  writer: ByteWriter,
  arena: Arena,
  op: number,
  database: number,
  ref: Ref,
): void {
  const bytes = writer.room(headBytesMax);
  writer.length = writeHead(bytes, writer.length, arena, op, database, ref);
}

function encodeCounter(writer: ByteWriter, keyspace: Keyspace, database: number, ref: Ref): void {
  const { arena } = keyspace;
  const keyLength = record.keyLengthOf(arena, ref);
  const bytes = writer.room(headBytesMax + 34 + lengthBytesMax + keyLength);
  let at = writeHead(bytes, writer.length, arena, redoOps.counter, database, ref);
  // Sum, birth, base, its time and its replica; zeros where there is no base.
  const slab = record.bytesOf(arena, ref);
  const flags = record.flagsOf(arena, ref);
  const sum = record.counterAt(ref, flags) << 3;
  const origin = record.originAt(arena, ref) << 3;
  copyBytes(bytes, at, slab, sum, 8);
  copyBytes(bytes, at + 8, slab, origin, 8);
  if ((flags & record.baseFlag) === 0) {
    for (let i = 16; i < 34; i++) bytes[at + i] = 0;
    at += 34;
  } else {
    copyBytes(bytes, at + 16, slab, sum + 8, 8);
    copyBytes(bytes, at + 24, slab, origin + 8, 8);
    at = writeU16(bytes, at + 32, arena.floats[slabOf(ref)]![(origin >> 3) + 2]!);
  }
  at = writeVarint(bytes, at, keyLength);
  copyBytes(bytes, at, slab, record.keyStartOf(arena, ref), keyLength);
  writer.length = at + keyLength;
}

function encodePacked(writer: ByteWriter, arena: Arena, database: number, ref: Ref): void {
  encodeHead(writer, arena, redoOps.packed, database, ref);
  writer.u8(record.kindOf(arena, ref));
  encodeKeyBytes(writer, arena, ref);
  const start = record.keyStartOf(arena, ref) + record.keyLengthOf(arena, ref);
  const size = record.valueLengthOf(arena, ref);
  writer.varint(size).raw(record.bytesOf(arena, ref), start, start + size);
}

function encodeKeyBytes(writer: ByteWriter, arena: Arena, ref: Ref): void {
  const start = record.keyStartOf(arena, ref);
  const length = record.keyLengthOf(arena, ref);
  writer.varint(length).raw(record.bytesOf(arena, ref), start, start + length);
}

function encodeEntry(writer: ByteWriter, keyspace: Keyspace, database: number, ref: Ref): void {
  const { arena, replicas } = keyspace;
  writer
    .u8(redoOps.entry)
    .u8(database)
    .u8(record.flagsOf(arena, ref) & record.roomyFlag);
  encodeKeyBytes(writer, arena, ref);
  keyspace.entryOf(ref).encode(writer, indexCodec, replicas);
}

/** Elements of an object as they are now; an absent one is an empty cell. */
export function encodeChangedElements(
  writer: ByteWriter,
  database: number,
  key: Bytes,
  entry: KeyEntry,
  changed: readonly (readonly [Slot, string])[],
): void {
  writer.u8(redoOps.elements).u8(database).bytes(key).varint(changed.length);
  for (const [slot, element] of changed) {
    writer.u8(slot).bytes(fromLatin1(element));
    encodeCell(writer, entry.cell(slot, element) ?? emptyCell(), indexCodec);
  }
}

export function encodeRemoved(
  writer: ByteWriter,
  database: number,
  keys: Bytes,
  start: number,
  length: number,
): void {
  writer
    .u8(redoOps.removed)
    .u8(database)
    .varint(length)
    .raw(keys, start, start + length);
}

/** Behind the elements of a collection that was written in pieces. */
export function encodeRoomy(writer: ByteWriter, database: number, key: Bytes): void {
  writer.u8(redoOps.roomy).u8(database).bytes(key);
}
