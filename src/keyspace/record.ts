// The layout of a record in the arena, and accessors that read and write it in place.
//
//   word 0      kind (8 bits) · flags (8) · replica of the last write (16)
//   word 1      key length in bytes
//   word 2      value length in bytes; for `objectKind` the place in the object table
//   word 3      access clock (24) · store of the database (8)
//   float 2     time of the last write: with the replica, its stamp
//   [deadline]  24 bytes: deadline (Unix ms), time of its stamp, heap position (32 bits), replica
//   of its stamp
//   [born]      16 bytes: birth of the slot (time, replica), when it is not the stamp itself
//   [counter]   8 bytes, only `counterKind`: what this row added
//   [base]      8 bytes, only a counter over a base: its value
//   key bytes
//   then value bytes (`textKind`, packed kinds), or 8 bytes naming an external buffer
//   (`externalFlag`), or of a counter, from the next multiple of eight on, what counting does not
//   ask for: the row's birth, and with a base its time and replica
//
// Kinds are the compact forms of a key's entry (lattice/key-entry.ts). `textKind` is a string slot
// with one sibling and no rows. `counterKind` is a string slot whose only row is this node's own
// live one, never reset by others, over at most one integer base. A packed kind is a small
// collection of one sibling per element and one birth, which is the record's stamp (packed.ts).
// Everything else is an object behind the record.

import { knownWordsOf } from "../base/words.js";
import { type Arena, blockUnitsMax, type Ref, slabOf, wordOf } from "./arena.js";

export const textKind = 1;
export const counterKind = 2;
export const objectKind = 3;
/** A record that no reader sees: an object of which only dead rows or hidden slots are left. */
export const hiddenKind = 4;
/** An element of a large collection (element-table.ts); the layout is that of a text. */
export const elementKind = 5;
/**
 * Small collections, all elements inside the record (packed.ts): one kind per type, from here on.
 */
export const packedHashKind = 6;
export const packedSetKind = 7;
export const packedZsetKind = 8;
export const packedListKind = 9;

export const isPacked = (kind: number): boolean => kind >= packedHashKind;

/** The record has a deadline, born with the visible slot. */
export const deadlineFlag = 1;
/** The slot's birth differs from the record's stamp. */
export const bornFlag = 2;
/** The value is a buffer of its own in the object table. */
export const externalFlag = 4;

/**
 * Redis would not keep the value in its tightest encoding any more: a text written piece by piece,
 * a number that was a float, a set that once held more than integers. Only OBJECT ENCODING asks; a
 * write of the whole value clears it.
 */
export const roomyFlag = 8;

/**
 * A counter that counts on from a text which was there before; what others do not have takes no
 * room in them.
 */
export const baseFlag = 16;

/** An element record that only stands in an order for a member kept as a cell (zset-table.ts). */
export const standInFlag = 8;

export const headerBytes = 24;
export const deadlineBytes = 24;
export const bornBytes = 16;
/** A number, of those that a counter has before its key or behind it. */
const numberBytes = 8;

/** Bytes before the key of a record with this kind and these flags. */
export const prefixBytes = (kind: number, flags: number): number =>
  headerBytes +
  ((flags & deadlineFlag) !== 0 ? deadlineBytes : 0) +
  ((flags & bornFlag) !== 0 ? bornBytes : 0) +
  (kind === counterKind ? sumBytes(flags) : 0);

/** Before the key of a counter. */
const sumBytes = (flags: number): number =>
  (flags & baseFlag) === 0 ? numberBytes : 2 * numberBytes;

/** Bytes after the key. */
export const payloadBytes = (kind: number, flags: number, valueLength: number): number =>
  kind >= packedHashKind
    ? valueLength
    : kind !== textKind && kind !== elementKind
      ? kind === counterKind
        ? originBytes(flags)
        : 0
      : (flags & externalFlag) !== 0
        ? 8
        : valueLength;

/** Behind the key of a counter; these begin at a multiple of eight. */
const originBytes = (flags: number): number =>
  (flags & baseFlag) === 0 ? numberBytes : 3 * numberBytes;

export const unitsFor = (
  kind: number,
  flags: number,
  keyLength: number,
  valueLength: number,
): number =>
  (prefixBytes(kind, flags) + keyLength + payloadBytes(kind, flags, valueLength) + 7) >>> 3;

/** Whether a text of this size must live outside the arena. */
export const isExternal = (flags: number, keyLength: number, valueLength: number): boolean =>
  unitsFor(textKind, flags & ~externalFlag, keyLength, valueLength) > blockUnitsMax;

export const kindOf = (arena: Arena, ref: Ref): number =>
  arena.words[slabOf(ref)]![wordOf(ref)]! & 0xff;

export const flagsOf = (arena: Arena, ref: Ref): number =>
  (arena.words[slabOf(ref)]![wordOf(ref)]! >>> 8) & 0xff;

export const replicaOf = (arena: Arena, ref: Ref): number =>
  arena.words[slabOf(ref)]![wordOf(ref)]! >>> 16;

export const keyLengthOf = (arena: Arena, ref: Ref): number =>
  arena.words[slabOf(ref)]![wordOf(ref) + 1]!;

export const valueLengthOf = (arena: Arena, ref: Ref): number =>
  arena.words[slabOf(ref)]![wordOf(ref) + 2]!;

export const timeOf = (arena: Arena, ref: Ref): number =>
  arena.floats[slabOf(ref)]![(wordOf(ref) >> 1) + 2]!;

/** The `store` of the record's database. */
export const databaseOf = (arena: Arena, ref: Ref): number =>
  arena.words[slabOf(ref)]![wordOf(ref) + 3]! & 0xff;

/**
 * The number of the table that an `elementKind` record belongs to; it fills the whole of word 3.
 */
export const ownerOf = (arena: Arena, ref: Ref): number =>
  arena.words[slabOf(ref)]![wordOf(ref) + 3]!;

/** 24 bits: seconds of idle clock, or the frequency counter and its minute, by eviction policy. */
export const accessOf = (arena: Arena, ref: Ref): number =>
  arena.words[slabOf(ref)]![wordOf(ref) + 3]! >>> 8;

export function setAccess(arena: Arena, ref: Ref, access: number): void {
  const words = arena.words[slabOf(ref)]!;
  const at = wordOf(ref) + 3;
  words[at] = (access << 8) | (words[at]! & 0xff);
}

export function setHeader(
  arena: Arena,
  ref: Ref,
  kind: number,
  flags: number,
  replica: number,
  time: number,
): void {
  const at = wordOf(ref);
  arena.words[slabOf(ref)]![at] = kind | (flags << 8) | (replica << 16);
  arena.floats[slabOf(ref)]![(at >> 1) + 2] = time;
}

export const isRoomy = (arena: Arena, ref: Ref): boolean => (flagsOf(arena, ref) & roomyFlag) !== 0;

/** Sets `roomyFlag`, which changes nothing in the layout. */
export function markRoomy(arena: Arena, ref: Ref): void {
  arena.words[slabOf(ref)]![wordOf(ref)]! |= roomyFlag << 8;
}

export function unmarkRoomy(arena: Arena, ref: Ref): void {
  arena.words[slabOf(ref)]![wordOf(ref)]! &= ~(roomyFlag << 8);
}

/** Byte position of the key inside its slab. */
export function keyStartOf(arena: Arena, ref: Ref): number {
  const at = wordOf(ref);
  const word = arena.words[slabOf(ref)]![at]!;
  return (at << 2) + prefixBytes(word & 0xff, (word >>> 8) & 0xff);
}

/** Where in its slab the eight bytes of a record's time begin. */
export const timeStartOf = (ref: Ref): number => (wordOf(ref) << 2) + 16;

/** The slab that a record lies in, as bytes. */
export const bytesOf = (arena: Arena, ref: Ref): Uint8Array => arena.bytes[slabOf(ref)]!;

export const unitsOf = (arena: Arena, ref: Ref): number => {
  const words = arena.words[slabOf(ref)]!;
  const at = wordOf(ref);
  const kind = words[at]! & 0xff;
  return unitsFor(kind, (words[at]! >>> 8) & 0xff, words[at + 1]!, words[at + 2]!);
};

// Indices into the slab's floats of the optional parts.
const deadlineAt = (ref: Ref): number => (wordOf(ref) >> 1) + 3;
const bornAt = (ref: Ref, flags: number): number =>
  (wordOf(ref) >> 1) + ((flags & deadlineFlag) !== 0 ? 6 : 3);
export const counterAt = (ref: Ref, flags: number): number =>
  bornAt(ref, flags) + ((flags & bornFlag) !== 0 ? 2 : 0);

/** Index into the slab's floats of what a counter has behind its key. */
export const originAt = (arena: Arena, ref: Ref): number =>
  (keyStartOf(arena, ref) + keyLengthOf(arena, ref) + 7) >> 3;

/** Unix milliseconds; 0 when the record has none; Infinity after PERSIST. */
export const deadlineOf = (arena: Arena, ref: Ref): number =>
  (flagsOf(arena, ref) & deadlineFlag) === 0 ? 0 : arena.floats[slabOf(ref)]![deadlineAt(ref)]!;

export const deadlineTimeOf = (arena: Arena, ref: Ref): number =>
  arena.floats[slabOf(ref)]![deadlineAt(ref) + 1]!;

export const deadlineReplicaOf = (arena: Arena, ref: Ref): number =>
  arena.words[slabOf(ref)]![(deadlineAt(ref) << 1) + 5]!;

export function setDeadline(
  arena: Arena,
  ref: Ref,
  at: number,
  time: number,
  replica: number,
): void {
  const floats = arena.floats[slabOf(ref)]!;
  floats[deadlineAt(ref)] = at;
  floats[deadlineAt(ref) + 1] = time;
  arena.words[slabOf(ref)]![(deadlineAt(ref) << 1) + 5] = replica;
}

/** Where the expiry heap holds this record, -1 when it does not. Kept by `ExpiryHeap` alone. */
export const heapPositionOf = (arena: Arena, ref: Ref): number =>
  arena.words[slabOf(ref)]![(deadlineAt(ref) << 1) + 4]!;

export function setHeapPosition(arena: Arena, ref: Ref, position: number): void {
  arena.words[slabOf(ref)]![(deadlineAt(ref) << 1) + 4] = position;
}

export function bornTimeOf(arena: Arena, ref: Ref): number {
  const flags = flagsOf(arena, ref);
  if ((flags & bornFlag) === 0) return timeOf(arena, ref);
  return arena.floats[slabOf(ref)]![bornAt(ref, flags)]!;
}

export function bornReplicaOf(arena: Arena, ref: Ref): number {
  const flags = flagsOf(arena, ref);
  if ((flags & bornFlag) === 0) return replicaOf(arena, ref);
  return arena.words[slabOf(ref)]![(bornAt(ref, flags) << 1) + 2]!;
}

export function setBorn(arena: Arena, ref: Ref, time: number, replica: number): void {
  const at = bornAt(ref, flagsOf(arena, ref));
  arena.floats[slabOf(ref)]![at] = time;
  arena.words[slabOf(ref)]![(at << 1) + 2] = replica;
}

/** Place of an external value's buffer in the object table. */
export function externalPlaceOf(arena: Arena, ref: Ref): number {
  const bytes = arena.bytes[slabOf(ref)]!;
  const at = keyStartOf(arena, ref) + keyLengthOf(arena, ref);
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** Copies what lies between header and key, but for the deadline: birth and a counter's sum. */
export function copyPrefix(arena: Arena, from: Ref, to: Ref): void {
  const kind = kindOf(arena, from);
  const flags = flagsOf(arena, from);
  const count = (prefixBytes(kind, flags & ~deadlineFlag) - headerBytes) >> 3;
  const source = arena.floats[slabOf(from)]!;
  const target = arena.floats[slabOf(to)]!;
  const at = bornAt(from, flags);
  const into = bornAt(to, flagsOf(arena, to));
  for (let i = 0; i < count; i++) target[into + i] = source[at + i]!;
}

export function setExternalPlace(arena: Arena, ref: Ref, place: number): void {
  const bytes = arena.bytes[slabOf(ref)]!;
  const at = keyStartOf(arena, ref) + keyLengthOf(arena, ref);
  bytes[at] = place;
  bytes[at + 1] = place >>> 8;
  bytes[at + 2] = place >>> 16;
  bytes[at + 3] = place >>> 24;
}

/** Whether the record's key is `bytes[start, start + length)`. */
export function keyEquals(
  arena: Arena,
  ref: Ref,
  bytes: Uint8Array,
  start: number,
  length: number,
): boolean {
  const slab = slabOf(ref);
  const words = arena.words[slab]!;
  const word = wordOf(ref);
  if (words[word + 1] !== length) return false;
  const head = words[word]!;
  const key = arena.bytes[slab]!;
  const at = (word << 2) + prefixBytes(head & 0xff, (head >>> 8) & 0xff);
  if (length > 96) {
    return (
      Buffer.compare(key.subarray(at, at + length), bytes.subarray(start, start + length)) === 0
    );
  }
  let i = 0;
  const asked = knownWordsOf(bytes);
  if (isLittleEndian && asked !== undefined) {
    // A key begins at a multiple of eight.
    let w = at >> 2;
    // One question for sixteen bytes: nearly always they are equal, for the hashes are.
    for (; i + 16 <= length; i += 16, w += 4) {
      const from = start + i;
      const first = words[w]! ^ asked.getInt32(from, true);
      const second = words[w + 1]! ^ asked.getInt32(from + 4, true);
      const third = words[w + 2]! ^ asked.getInt32(from + 8, true);
      if ((first | second | third | (words[w + 3]! ^ asked.getInt32(from + 12, true))) !== 0)
        return false;
    }
    for (; i + 4 <= length; i += 4)
      if (words[w++] !== asked.getInt32(start + i, true)) return false;
  }
  for (; i < length; i++) if (key[at + i] !== bytes[start + i]) return false;
  return true;
}

const isLittleEndian = new Uint8Array(Int32Array.of(1).buffer)[0] === 1;
