// Small collections inside one record: the counterpart of Redis's listpack and intset, for hashes,
// sets and sorted sets.
//
// The record (record.ts) has a packed kind; its stamp is the birth of the slot, which all elements
// share, and every element has one sibling and no rows. Its payload:
//
//   count       16 bits
//   per element, in the order of first writing:
//     stamp     how much later than the birth the sibling was written: bit 0 another replica than
//     the birth's (its
//               index follows in 16 bits), bits 1-6 the low bits, bit 7 more; then seven bits a
//               byte, bit 7 more
//     element   length (one or two bytes), bytes
//     [value]   length, bytes; not in sets
//
// An element written in the batch that made the key thus pays one byte for its stamp, a later one
// four to six. This file reads; packed-edit.ts writes, packed-fold.ts turns records into entries
// and back.

import { assert } from "../base/assert.js";
import type { ReplicaIndex, Time } from "../clock/stamp.js";
import { type Slot, slots } from "../lattice/key-entry.js";
import { type Arena, type Ref, slabOf } from "./arena.js";
import * as record from "./record.js";

/**
 * Longer payloads and larger collections become element tables. Lengths must fit two bytes of seven
 * bits.
 */
export const packedBytesMax = 16 * 1024 - 1;
export const packedCountMax = 512;

export const countBytes = 2;

/** The packed kind of a slot; a zset's is `packedZsetKind`. */
export const packedKindOf = (slot: Slot): number => slot - slots.hash + record.packedHashKind;
export const slotOfPacked = (kind: number): Slot =>
  (kind - record.packedHashKind + slots.hash) as Slot;

/** Where the payload begins in its slab. */
export const payloadStartOf = (arena: Arena, ref: Ref): number =>
  record.keyStartOf(arena, ref) + record.keyLengthOf(arena, ref);

export function packedCountOf(arena: Arena, ref: Ref): number {
  const bytes = arena.bytes[slabOf(ref)]!;
  const at = payloadStartOf(arena, ref);
  return bytes[at]! | (bytes[at + 1]! << 8);
}

export function setPackedCount(arena: Arena, ref: Ref, count: number): void {
  const bytes = arena.bytes[slabOf(ref)]!;
  const at = payloadStartOf(arena, ref);
  bytes[at] = count;
  bytes[at + 1] = count >>> 8;
}

/** Bytes that a length takes. */
export const lengthBytes = (length: number): number => (length < 0x80 ? 1 : 2);

/** Writes a length; answers where it ends. */
export function writeLength(bytes: Uint8Array, at: number, length: number): number {
  if (length < 0x80) {
    bytes[at] = length;
    return at + 1;
  }
  bytes[at] = (length & 0x7f) | 0x80;
  bytes[at + 1] = length >>> 7;
  return at + 2;
}

/** The bits of a delay that the first four bytes of a stamp hold: 6 and three times 7. */
const lowRange = 2 ** 27;

/** Bytes of the stamp of an element that was written so long after the birth. */
export function stampBytes(delay: number, isOthers: boolean): number {
  const others = isOthers ? 2 : 0;
  if (delay < lowRange)
    return others + (delay < 0x40 ? 1 : delay < 0x2000 ? 2 : delay < 0x10_0000 ? 3 : 4);
  const high = Math.floor(delay / lowRange);
  return others + (high < 0x80 ? 5 : high < 0x4000 ? 6 : high < 0x20_0000 ? 7 : 8);
}

/** Writes a stamp; answers where it ends. `replica` counts only where it is not the birth's. */
export function writeStamp(
  bytes: Uint8Array,
  start: number,
  delay: number,
  isOthers: boolean,
  replica: ReplicaIndex,
): number {
  // In two halves of small integers, which are faster than the digits of a large number.
  let high = delay < lowRange ? 0 : Math.floor(delay / lowRange);
  const low = (delay - high * lowRange) | 0;
  let rest = low >>> 6;
  let at = start;
  bytes[at++] = ((low & 0x3f) << 1) | (isOthers ? 1 : 0) | (rest + high > 0 ? 0x80 : 0);
  for (let i = 0; high > 0 ? i < 3 : rest > 0; i++) {
    bytes[at++] = (rest & 0x7f) | (rest >= 0x80 || high > 0 ? 0x80 : 0);
    rest >>>= 7;
  }
  for (; high > 0; high >>>= 7) bytes[at++] = (high & 0x7f) | (high >= 0x80 ? 0x80 : 0);
  if (isOthers) {
    bytes[at++] = replica;
    bytes[at++] = replica >>> 8;
  }
  return at;
}

/**
 * Walks over the elements of one record. Positions are byte positions in `bytes`; a write makes
 * them stale.
 */
export class PackedCursor {
  bytes: Uint8Array = new Uint8Array(0);
  /** The payload: first byte after the count, and the end. */
  first = 0;
  end = 0;
  count = 0;
  hasValues = false;
  /** The element that `next` or `find` came to. */
  entryStart = 0;
  elementStart = 0;
  elementLength = 0;
  valueStart = 0;
  valueLength = 0;
  /** Where the next element begins. */
  at = 0;

  open(arena: Arena, ref: Ref): this {
    const start = payloadStartOf(arena, ref);
    const bytes = arena.bytes[slabOf(ref)]!;
    this.bytes = bytes;
    this.count = bytes[start]! | (bytes[start + 1]! << 8);
    this.first = start + countBytes;
    this.end = start + record.valueLengthOf(arena, ref);
    this.hasValues = record.kindOf(arena, ref) !== record.packedSetKind;
    this.at = this.first;
    return this;
  }

  next(): boolean {
    const { bytes } = this;
    let at = this.at;
    if (at >= this.end) return false;
    this.entryStart = at;
    const stamp = bytes[at++]!;
    if (stamp >= 0x80) while (bytes[at++]! >= 0x80);
    if ((stamp & 1) !== 0) at += 2;
    let length = bytes[at++]!;
    if (length >= 0x80) length = (length & 0x7f) | (bytes[at++]! << 7);
    this.elementStart = at;
    this.elementLength = length;
    at += length;
    if (this.hasValues) {
      let valueLength = bytes[at++]!;
      if (valueLength >= 0x80) valueLength = (valueLength & 0x7f) | (bytes[at++]! << 7);
      this.valueStart = at;
      this.valueLength = valueLength;
      at += valueLength;
    }
    this.at = at;
    return true;
  }

  /** Goes to an element, from the beginning. False leaves the cursor at the end. */
  find(wanted: Uint8Array, start: number, size: number): boolean {
    const { bytes, end, hasValues } = this;
    let at = this.first;
    while (at < end) {
      const entryStart = at;
      const stamp = bytes[at++]!;
      if (stamp >= 0x80) while (bytes[at++]! >= 0x80);
      if ((stamp & 1) !== 0) at += 2;
      let length = bytes[at++]!;
      if (length >= 0x80) length = (length & 0x7f) | (bytes[at++]! << 7);
      if (length === size) {
        // Elements of one collection tend to begin alike and end differently.
        let i = size - 1;
        while (i >= 0 && bytes[at + i] === wanted[start + i]) i--;
        if (i < 0) {
          this.at = entryStart;
          return this.next();
        }
      }
      at += length;
      if (hasValues) {
        let valueLength = bytes[at++]!;
        if (valueLength >= 0x80) valueLength = (valueLength & 0x7f) | (bytes[at++]! << 7);
        at += valueLength;
      }
    }
    this.at = end;
    return false;
  }

  /** Goes to the element at a place in the order of the record. */
  seek(place: number): void {
    this.at = this.first;
    for (let i = 0; i <= place; i++) assert(this.next(), "a packed record ends before its count");
  }

  /** How much later than the birth the element was written. */
  get delay(): Time {
    const { bytes } = this;
    let at = this.entryStart;
    const stamp = bytes[at++]!;
    let delay = (stamp >>> 1) & 0x3f;
    if (stamp < 0x80) return delay;
    for (let scale = 0x40; ; scale *= 0x80) {
      const byte = bytes[at++]!;
      delay += (byte & 0x7f) * scale;
      if (byte < 0x80) return delay;
    }
  }

  /** The replica that wrote the element, given the birth's. */
  replica(bornReplica: ReplicaIndex): ReplicaIndex {
    const { bytes } = this;
    let at = this.entryStart;
    const stamp = bytes[at++]!;
    if ((stamp & 1) === 0) return bornReplica;
    if (stamp >= 0x80) while (bytes[at++]! >= 0x80);
    return bytes[at]! | (bytes[at + 1]! << 8);
  }

  element(): Uint8Array {
    return this.bytes.slice(this.elementStart, this.elementStart + this.elementLength);
  }

  value(): Uint8Array {
    return this.bytes.slice(this.valueStart, this.valueStart + this.valueLength);
  }
}

/** Checks a packed record against its own layout. For tests and DEBUG. */
export function verifyPacked(arena: Arena, ref: Ref): void {
  const cursor = new PackedCursor().open(arena, ref);
  const seen = new Set<string>();
  let count = 0;
  while (cursor.next()) {
    count++;
    assert(cursor.at <= cursor.end, "an element reaches beyond its packed record");
    seen.add(Buffer.from(cursor.element()).toString("latin1"));
  }
  assert(count === cursor.count, "a packed record's count is wrong");
  // What names a list's element is only with its stamp distinct.
  const isList = record.kindOf(arena, ref) === record.packedListKind;
  assert(isList || seen.size === count, "an element stands twice in a packed record");
  assert(count > 0, "an empty packed record is stored");
}
