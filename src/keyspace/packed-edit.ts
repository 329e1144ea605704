// Writing packed records in place: adding, replacing and removing an element as part of the open
// batch. An edit that changes the size of the record's block moves it; callers go on with the ref
// they are answered.
//
// Nothing is allocated on the heap. Left out: telling `capture` and whoever watches (the caller's,
// see collection-edit.ts), and going over to an element table when a packed record grows too large.

import { copyBytes } from "../base/bytes.js";
import { blockUnitsMax, type Ref, roundUnits, slabOf, wordOf } from "./arena.js";
import type { Database } from "./database.js";
import type { Keyspace } from "./keyspace.js";
import {
  countBytes,
  lengthBytes,
  type PackedCursor,
  packedBytesMax,
  packedCountOf,
  payloadStartOf,
  setPackedCount,
  stampBytes,
  writeLength,
  writeStamp,
} from "./packed.js";
import * as record from "./record.js";

/**
 * A new packed record with one element, born by the open batch; 0 when it does not fit one.
 * Attached.
 */
export function createPacked(
  keyspace: Keyspace,
  db: Database,
  hash: number,
  kind: number,
  key: Uint8Array,
  keyStart: number,
  keyLength: number,
  element: Uint8Array,
  start: number,
  length: number,
  value: Uint8Array,
  valueStart: number,
  valueLength: number,
): Ref {
  const hasValue = kind !== record.packedSetKind;
  const size = countBytes + 1 + partBytes(length, hasValue, valueLength);
  if (!fits(kind, 0, keyLength, size)) return 0;
  const ref = keyspace.createRecord(db, kind, 0, key, keyStart, keyLength, size);
  const bytes = keyspace.arena.bytes[slabOf(ref)]!;
  const at = payloadStartOf(keyspace.arena, ref);
  bytes[at] = 1;
  bytes[at + 1] = 0;
  bytes[at + 2] = 0;
  writeParts(bytes, at + 3, element, start, length, hasValue, value, valueStart, valueLength);
  keyspace.attach(db, hash, ref);
  return ref;
}

const fits = (kind: number, flags: number, keyLength: number, size: number): boolean =>
  size <= packedBytesMax && record.unitsFor(kind, flags, keyLength, size) <= blockUnitsMax;

const partBytes = (length: number, hasValue: boolean, valueLength: number): number =>
  lengthBytes(length) + length + (hasValue ? lengthBytes(valueLength) + valueLength : 0);

/** Writes element and value behind a stamp. */
export function writeParts(
  bytes: Uint8Array,
  start: number,
  element: Uint8Array,
  elementStart: number,
  length: number,
  hasValue: boolean,
  value: Uint8Array,
  valueStart: number,
  valueLength: number,
): void {
  let at = writeLength(bytes, start, length);
  copyBytes(bytes, at, element, elementStart, length);
  if (!hasValue) return;
  at = writeLength(bytes, at + length, valueLength);
  copyBytes(bytes, at, value, valueStart, valueLength);
}

/**
 * Writes an element under the open batch's stamp. `cursor` has looked for it in `ref`: it stands at
 * the element, or at the end when `isThere` is false. Answers the record, or 0 with nothing done
 * when it would grow too large.
 */
export function putPacked(
  keyspace: Keyspace,
  db: Database,
  hash: number,
  ref: Ref,
  cursor: PackedCursor,
  isThere: boolean,
  countMax: number,
  element: Uint8Array,
  start: number,
  length: number,
  value: Uint8Array,
  valueStart: number,
  valueLength: number,
): Ref {
  const { arena } = keyspace;
  const { hasValues } = cursor;
  if (!isThere && cursor.count >= countMax) return 0;
  const delay = keyspace.batchTime - record.timeOf(arena, ref);
  const isOthers = record.replicaOf(arena, ref) !== keyspace.self;
  const added = stampBytes(delay, isOthers) + partBytes(length, hasValues, valueLength);
  const from = isThere ? cursor.entryStart : cursor.end;
  const removed = isThere ? cursor.at - from : 0;
  const offset = from - (cursor.first - countBytes);
  const fresh = splice(keyspace, db, hash, ref, offset, removed, added);
  if (fresh === 0) return 0;
  if (!isThere) setPackedCount(arena, fresh, cursor.count + 1);
  const bytes = arena.bytes[slabOf(fresh)]!;
  const at = writeStamp(
    bytes,
    payloadStartOf(arena, fresh) + offset,
    delay,
    isOthers,
    keyspace.self,
  );
  writeParts(bytes, at, element, start, length, hasValues, value, valueStart, valueLength);
  return fresh;
}

/** Removes the element that `cursor` stands at. It must not be the last one: then the key goes. */
export function removePacked(
  keyspace: Keyspace,
  db: Database,
  hash: number,
  ref: Ref,
  cursor: PackedCursor,
): Ref {
  const offset = cursor.entryStart - (cursor.first - countBytes);
  const fresh = splice(keyspace, db, hash, ref, offset, cursor.at - cursor.entryStart, 0);
  setPackedCount(keyspace.arena, fresh, packedCountOf(keyspace.arena, fresh) - 1);
  return fresh;
}

/**
 * Replaces `removed` bytes of the payload at `offset` by a gap of `added` bytes, in place where the
 * block keeps its size. The new bytes must come from elsewhere than the record. Answers the record,
 * or 0 when it would be too large.
 */
export function splice(
  keyspace: Keyspace,
  db: Database,
  hash: number,
  ref: Ref,
  offset: number,
  removed: number,
  added: number,
): Ref {
  if (added === removed) return ref;
  const { arena } = keyspace;
  const words = arena.words[slabOf(ref)]!;
  const at = wordOf(ref);
  const kind = words[at]! & 0xff;
  const flags = (words[at]! >>> 8) & 0xff;
  const keyLength = words[at + 1]!;
  const size = words[at + 2]!;
  const newSize = size + added - removed;
  const units = record.unitsFor(kind, flags, keyLength, newSize);
  if (newSize > packedBytesMax || units > blockUnitsMax) return 0;
  const bytes = arena.bytes[slabOf(ref)]!;
  const start = payloadStartOf(arena, ref);
  const tail = start + offset + removed;
  const tailLength = size - offset - removed;
  if (roundUnits(units) === roundUnits(record.unitsFor(kind, flags, keyLength, size))) {
    if (tailLength > 0) bytes.copyWithin(tail + added - removed, tail, tail + tailLength);
    words[at + 2] = newSize;
    return ref;
  }
  const fresh = copyHead(keyspace, db, ref, newSize);
  const target = arena.bytes[slabOf(fresh)]!;
  const into = payloadStartOf(arena, fresh);
  copyBytes(target, into, bytes, start, offset);
  copyBytes(target, into + offset + added, bytes, tail, tailLength);
  keyspace.supersede(db, hash, ref, fresh);
  return fresh;
}

/**
 * A record with the key, the stamp, the flags and the deadline of `ref` and room for so many bytes
 * of payload.
 */
export function copyHead(keyspace: Keyspace, db: Database, ref: Ref, size: number): Ref {
  const { arena } = keyspace;
  const kind = record.kindOf(arena, ref);
  const flags = record.flagsOf(arena, ref);
  const key = arena.bytes[slabOf(ref)]!;
  const keyStart = record.keyStartOf(arena, ref);
  const keyLength = record.keyLengthOf(arena, ref);
  const time = record.timeOf(arena, ref);
  const fresh = keyspace.createRecord(db, kind, flags, key, keyStart, keyLength, size, time);
  record.setHeader(arena, fresh, kind, flags, record.replicaOf(arena, ref), time);
  if ((flags & record.deadlineFlag) !== 0) {
    const at = record.deadlineOf(arena, ref);
    const stamped = record.deadlineTimeOf(arena, ref);
    record.setDeadline(arena, fresh, at, stamped, record.deadlineReplicaOf(arena, ref));
  }
  return fresh;
}
