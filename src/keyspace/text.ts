// Strings on records: writing over a value, changing part of it, and counting.
//
// What is compact stays compact: SET over a text of the same block size, and INCR of one's own
// counter, change bytes in place. What is not (siblings, rows of other replicas, sums beyond 53
// bits, floats) goes through the key's entry.

import { type Bytes, fromUtf8 } from "../base/bytes.js";
import { persist } from "../lattice/deadline.js";
import { type Decimal, integer } from "../lattice/decimal.js";
import { onlyElement, slots } from "../lattice/key-entry.js";
import { type Arena, type Ref, roundUnits, slabOf, wordOf } from "./arena.js";
import { type CounterFields, writeCounter } from "./counter-record.js";
import type { Database } from "./database.js";
import type { Keyspace } from "./keyspace.js";
import * as record from "./record.js";
import { copyText, viewText } from "./text-view.js";

/** The deadline that a SET leaves: none, a given one, or the one that the key has. */
export const noDeadline = 0;
export const keepDeadline = -1;

/**
 * SET: the value over everything seen, under a new birth. `deadline` is Unix milliseconds,
 * `noDeadline` or `keepDeadline`. Value and key may lie in any buffer but must not be freed by this
 * write.
 */
export function setText(
  keyspace: Keyspace,
  db: Database,
  hash: number,
  keyBytes: Uint8Array,
  keyStart: number,
  keyLength: number,
  value: Uint8Array,
  valueStart: number,
  valueLength: number,
  deadline: number,
): void {
  const { arena } = keyspace;
  let ref = db.keys.find(hash, keyBytes, keyStart, keyLength);
  if (ref !== 0 && deadline === noDeadline && fitsInPlace(arena, ref, 0, valueLength)) {
    keyspace.willWriteRecord(db, ref, keyBytes, keyStart, keyLength);
    overwrite(keyspace, ref, 0, value, valueStart, valueLength);
    keyspace.didWriteRecord(db, ref, keyBytes, keyStart, keyLength);
    return;
  }
  let until = deadline;
  if (ref !== 0) {
    const flags = record.flagsOf(arena, ref);
    if ((flags & record.deadlineFlag) !== 0) {
      if (keyspace.isExpired(ref)) {
        keyspace.expireRecord(db, hash, ref);
        ref = db.keys.find(hash, keyBytes, keyStart, keyLength);
        if (until === keepDeadline) until = noDeadline;
      } else if (until === keepDeadline) {
        until = record.deadlineOf(arena, ref);
        if (until === persist) until = noDeadline;
      }
    }
  }
  if (until === keepDeadline) until = noDeadline;
  const kind = ref === 0 ? 0 : record.kindOf(arena, ref);
  if (kind === record.objectKind || kind === record.hiddenKind) {
    keyspace.touch(ref);
    const key = keyBytes.slice(keyStart, keyStart + keyLength);
    const text = value.slice(valueStart, valueStart + valueLength);
    setThroughEntry(keyspace, db, hash, key, text, until);
    return;
  }
  keyspace.willWriteRecord(db, ref, keyBytes, keyStart, keyLength);
  let flags = until === noDeadline ? 0 : record.deadlineFlag;
  if (record.isExternal(flags, keyLength, valueLength)) flags |= record.externalFlag;
  const isSmall = (flags & record.externalFlag) === 0;
  let fresh = ref;
  if (ref !== 0 && isSmall && fitsInPlace(arena, ref, flags, valueLength)) {
    overwrite(keyspace, ref, flags, value, valueStart, valueLength);
  } else {
    const kind = record.textKind;
    fresh = keyspace.createRecord(db, kind, flags, keyBytes, keyStart, keyLength, valueLength);
    placeValue(keyspace, fresh, flags, value, valueStart, valueLength);
  }
  if (until !== noDeadline) {
    record.setDeadline(arena, fresh, until, keyspace.batchTime, keyspace.self);
  }
  if (ref === 0) keyspace.attach(db, hash, fresh);
  else if (fresh !== ref) {
    keyspace.supersede(db, hash, ref, fresh);
    keyspace.touch(fresh);
  } else if (until !== noDeadline) {
    // The key had been made to persist.
    if (record.heapPositionOf(arena, ref) < 0) db.expiringCount++;
    keyspace.expiry.schedule(ref, until);
  }
  keyspace.didWriteRecord(db, fresh, keyBytes, keyStart, keyLength);
}

/** After `setText`: a value that Redis would not keep in its tightest encoding. */
export function markTextRoomy(
  keyspace: Keyspace,
  db: Database,
  hash: number,
  keyBytes: Uint8Array,
  keyStart: number,
  keyLength: number,
): void {
  const ref = db.keys.find(hash, keyBytes, keyStart, keyLength);
  // The log has the text already, without the mark.
  keyspace.willWrite(db, ref, keyBytes, keyStart, keyLength);
  record.markRoomy(keyspace.arena, ref);
}

/** The most common write of all: another text in the place of one that has the same layout. */
function overwrite(
  keyspace: Keyspace,
  ref: Ref,
  flags: number,
  value: Uint8Array,
  start: number,
  length: number,
): void {
  const { arena } = keyspace;
  const slab = slabOf(ref);
  const words = arena.words[slab]!;
  const at = wordOf(ref);
  words[at] = record.textKind | (flags << 8) | (keyspace.self << 16);
  words[at + 2] = length;
  if (keyspace.accessNow >= 0) words[at + 3] = (keyspace.accessNow << 8) | (words[at + 3]! & 0xff);
  else keyspace.touch(ref);
  keyspace.writeBatchTime(ref);
  const into = (at << 2) + record.prefixBytes(record.textKind, flags) + words[at + 1]!;
  arena.put(slab, into, value, start, length);
}

export function placeValue(
  keyspace: Keyspace,
  ref: Ref,
  flags: number,
  value: Uint8Array,
  start: number,
  length: number,
): void {
  const { arena } = keyspace;
  if ((flags & record.externalFlag) !== 0) {
    const place = keyspace.externals.put(value.slice(start, start + length));
    record.setExternalPlace(arena, ref, place);
    keyspace.externalBytes += length;
    return;
  }
  const at = record.keyStartOf(arena, ref) + record.keyLengthOf(arena, ref);
  arena.put(slabOf(ref), at, value, start, length);
}

function setThroughEntry(
  keyspace: Keyspace,
  db: Database,
  hash: number,
  key: Bytes,
  value: Bytes,
  until: number,
): void {
  keyspace.edit(db, hash, key, (entry) => {
    const { stamp } = keyspace;
    entry.clearAll(keyspace.self);
    entry.assign(slots.string, onlyElement, stamp, stamp, value);
    if (until !== noDeadline) entry.assignDeadline(until, stamp, stamp);
  });
}

/**
 * Changes part of a string (APPEND, SETRANGE, SETBIT): the key's birth and deadline stay. The value
 * becomes `length` bytes long, old bytes kept, new ones zero, and `fill` writes into it. `ref` 0
 * creates the key.
 */
export function modifyText(
  keyspace: Keyspace,
  db: Database,
  hash: number,
  key: Bytes,
  ref: Ref,
  length: number,
  fill: (bytes: Uint8Array, start: number) => void,
): void {
  const { arena } = keyspace;
  const kind = ref === 0 ? 0 : record.kindOf(arena, ref);
  if (kind === record.textKind && canModifyInPlace(keyspace, ref, length)) {
    keyspace.willWrite(db, ref, key, 0, key.length);
    const flags = record.flagsOf(arena, ref);
    const held = record.valueLengthOf(arena, ref);
    const isExternal = (flags & record.externalFlag) !== 0;
    if (isExternal) growExternal(keyspace, ref, length);
    arena.words[slabOf(ref)]![wordOf(ref) + 2] = length;
    record.setHeader(arena, ref, record.textKind, flags, keyspace.self, keyspace.batchTime);
    record.markRoomy(arena, ref);
    const { bytes, start } = viewText(keyspace, ref);
    if (length > held) bytes.fill(0, start + held, start + length);
    fill(bytes, start);
    keyspace.didWrite(db, key, 0, key.length);
    return;
  }
  const value = new Uint8Array(length);
  if (ref !== 0) {
    const old = viewText(keyspace, ref);
    value.set(old.bytes.subarray(old.start, old.start + Math.min(old.length, length)));
  }
  fill(value, 0);
  keyspace.edit(db, hash, key, (entry) => {
    const { stamp } = keyspace;
    const born = entry.prepare(stamp, false, keyspace.replicas);
    entry.assign(slots.string, onlyElement, stamp, born, value);
  });
  record.markRoomy(arena, db.keys.find(hash, key, 0, key.length));
}

/** In place: the birth has its own field, or the slot was born in this very batch. */
function canModifyInPlace(keyspace: Keyspace, ref: Ref, length: number): boolean {
  const { arena } = keyspace;
  const flags = record.flagsOf(arena, ref);
  const bornInBatch =
    record.timeOf(arena, ref) === keyspace.batchTime &&
    record.replicaOf(arena, ref) === keyspace.self;
  if ((flags & record.bornFlag) === 0 && !bornInBatch) return false;
  if ((flags & record.externalFlag) !== 0) return length > 0;
  return !record.isExternal(flags, record.keyLengthOf(arena, ref), length)
    ? fitsInPlace(keyspace.arena, ref, flags, length)
    : false;
}

/**
 * External buffers grow by doubling, so that a run of APPENDs copies each byte a bounded number of
 * times.
 */
function growExternal(keyspace: Keyspace, ref: Ref, length: number): void {
  const place = record.externalPlaceOf(keyspace.arena, ref);
  const held = keyspace.externals.get(place);
  if (length <= held.length) return;
  const grown = new Uint8Array(Math.min(length * 2, length + (1 << 20)));
  grown.set(held);
  keyspace.externals.replace(place, grown);
  keyspace.externalBytes += grown.length - held.length;
}

/** Why a counter could not be changed. */
export type CountError = "not-an-integer" | "overflow";

const int64Max = 2n ** 63n - 1n;
const int64Min = -(2n ** 63n);

/**
 * INCRBY by a safe integer on the compact forms. NaN means that the slow way must decide
 * (`incrementExact`). The key has been looked up for writing: `ref` is visible, or 0 when there is
 * none.
 */
export function incrementFast(
  keyspace: Keyspace,
  db: Database,
  hash: number,
  keyBytes: Uint8Array,
  keyStart: number,
  keyLength: number,
  ref: Ref,
  by: number,
): number {
  const { arena } = keyspace;
  if (ref === 0) return createCounter(keyspace, db, hash, keyBytes, keyStart, keyLength, by);
  const word = arena.words[slabOf(ref)]![wordOf(ref)]!;
  const kind = word & 0xff;
  if ((word & (0xff | (record.roomyFlag << 8))) === record.counterKind) {
    const floats = arena.floats[slabOf(ref)]!;
    const at = record.counterAt(ref, (word >>> 8) & 0xff);
    const added = floats[at]! + by;
    const value = (word & (record.baseFlag << 8)) === 0 ? added : added + floats[at + 1]!;
    if (!Number.isSafeInteger(value) || !Number.isSafeInteger(added)) return Number.NaN;
    keyspace.willWriteRecord(db, ref, keyBytes, keyStart, keyLength);
    floats[at] = added;
    keyspace.writeBatchTime(ref);
    keyspace.didWriteRecord(db, ref, keyBytes, keyStart, keyLength);
    return value;
  }
  if (kind !== record.textKind || ((word >>> 8) & ~record.deadlineFlag & 0xff) !== 0) {
    return Number.NaN;
  }
  return textToCounter(keyspace, db, hash, keyBytes, keyStart, keyLength, ref, by);
}

function createCounter(
  keyspace: Keyspace,
  db: Database,
  hash: number,
  keyBytes: Uint8Array,
  keyStart: number,
  keyLength: number,
  by: number,
): number {
  // A hidden record (dead rows of others) needs the entry's rules.
  if (db.hiddenCount > 0 && db.keys.find(hash, keyBytes, keyStart, keyLength) !== 0) {
    return Number.NaN;
  }
  keyspace.willWriteRecord(db, 0, keyBytes, keyStart, keyLength);
  const kind = record.counterKind;
  const ref = keyspace.createRecord(db, kind, 0, keyBytes, keyStart, keyLength, 0);
  counter.added = by;
  counter.birth = keyspace.batchTime;
  counter.base = 0;
  counter.baseTime = 0;
  counter.baseReplica = 0;
  writeCounter(keyspace, ref, counter);
  keyspace.attach(db, hash, ref);
  keyspace.didWriteRecord(db, ref, keyBytes, keyStart, keyLength);
  return by;
}

const counter: CounterFields = { added: 0, birth: 0, base: 0, baseTime: 0, baseReplica: 0 };

/**
 * A text that is a canonical integer and was born by its own write becomes the base of an own
 * counter.
 */
function textToCounter(
  keyspace: Keyspace,
  db: Database,
  hash: number,
  keyBytes: Uint8Array,
  keyStart: number,
  keyLength: number,
  ref: Ref,
  by: number,
): number {
  const { arena } = keyspace;
  const text = viewText(keyspace, ref);
  const base = parseCanonical(text.bytes, text.start, text.length);
  const value = base + by;
  // A base of more than 53 bits was rounded, though the sum may be safe.
  if (!Number.isSafeInteger(base) || !Number.isSafeInteger(value)) return Number.NaN;
  keyspace.willWriteRecord(db, ref, keyBytes, keyStart, keyLength);
  const flags = record.flagsOf(arena, ref) | record.baseFlag;
  const kind = record.counterKind;
  const fresh = keyspace.createRecord(db, kind, flags, keyBytes, keyStart, keyLength, 0);
  if ((flags & record.deadlineFlag) !== 0) {
    record.setDeadline(
      arena,
      fresh,
      record.deadlineOf(arena, ref),
      record.deadlineTimeOf(arena, ref),
      record.deadlineReplicaOf(arena, ref),
    );
  }
  counter.added = by;
  counter.birth = keyspace.batchTime;
  counter.base = base;
  counter.baseTime = record.timeOf(arena, ref);
  counter.baseReplica = record.replicaOf(arena, ref);
  writeCounter(keyspace, fresh, counter);
  keyspace.supersede(db, hash, ref, fresh);
  keyspace.didWriteRecord(db, fresh, keyBytes, keyStart, keyLength);
  return value;
}

/** A safe integer in canonical decimal, else NaN. */
function parseCanonical(bytes: Uint8Array, start: number, length: number): number {
  if (length === 0 || length > 17) return Number.NaN;
  let at = start;
  const negative = bytes[at] === 45;
  if (negative) at++;
  const end = start + length;
  if (at === end) return Number.NaN;
  if (bytes[at] === 48) return length === 1 ? 0 : Number.NaN;
  let value = 0;
  for (; at < end; at++) {
    const digit = bytes[at]! - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}

/** INCRBY in full: 64-bit values and keys that are objects. */
export function incrementExact(
  keyspace: Keyspace,
  db: Database,
  hash: number,
  key: Bytes,
  ref: Ref,
  by: bigint,
): bigint | CountError {
  let value = 0n;
  if (ref !== 0) {
    const text = fromUtf8(copyText(keyspace, ref));
    if (text.length > 20 || !/^(0|-?[1-9][0-9]*)$/.test(text)) return "not-an-integer";
    value = BigInt(text);
    if (value > int64Max || value < int64Min) return "not-an-integer";
  }
  const sum = value + by;
  if (sum > int64Max || sum < int64Min) return "overflow";
  incrementEntry(keyspace, db, hash, key, integer(by));
  return sum;
}

/**
 * Adds to the key's counter rows, keeping birth and deadline. The caller has checked that the value
 * is a number.
 */
export function incrementEntry(
  keyspace: Keyspace,
  db: Database,
  hash: number,
  key: Bytes,
  by: Decimal,
): void {
  keyspace.edit(db, hash, key, (entry) => {
    const { stamp } = keyspace;
    const born = entry.prepare(stamp, false, keyspace.replicas);
    entry.increment(slots.string, onlyElement, stamp, born, by);
  });
}

/** Whether a text of this layout, which is not external, fits the block of `ref` as it is. */
export function fitsInPlace(arena: Arena, ref: Ref, flags: number, valueLength: number): boolean {
  const words = arena.words[slabOf(ref)]!;
  const at = wordOf(ref);
  if ((words[at]! & 0xffff) !== (record.textKind | (flags << 8))) return false;
  const rest = record.prefixBytes(record.textKind, flags) + words[at + 1]! + 7;
  const held = (rest + words[at + 2]!) >>> 3;
  const wanted = (rest + valueLength) >>> 3;
  return held === wanted || roundUnits(held) === roundUnits(wanted);
}
