// Reading the string under a record where it lies. Values are resolved as merge-rules 6 to 9 say:
// the sibling with the highest stamp is the base, live rows add to it when it is a number, and a
// base that is text hides them. HyperLogLogs that were written at once are read as their union.

import { type Bytes, emptyBytes, fromLatin1, fromUtf8 } from "../base/bytes.js";
import { writeInteger } from "../base/digits.js";
import { type Cell, isLive, rowSum, winner } from "../lattice/cell.js";
import { add, formatDecimal, parseDecimal } from "../lattice/decimal.js";
import { slots } from "../lattice/key-entry.js";
import { type Ref, slabOf, wordOf } from "./arena.js";
import { unionOf } from "./hyperloglog.js";
import type { Keyspace } from "./keyspace.js";
import * as record from "./record.js";

/** Where a value lies. Reused: valid until the next `viewText` or the next write. */
export interface TextView {
  bytes: Uint8Array;
  start: number;
  length: number;
}

export const view: TextView = { bytes: emptyBytes, start: 0, length: 0 };

/** The decimal text of a safe integer, as new bytes. */
export const integerText = (value: number): Bytes => fromLatin1(String(value));

/** Digits after the point that a float counter shows, as Redis's %.17Lg. */
const fractionDigitsMax = 17;

/** Whether the visible slot of a record is a string. */
export function isText(keyspace: Keyspace, ref: Ref): boolean {
  const kind = record.kindOf(keyspace.arena, ref);
  if (kind === record.textKind || kind === record.counterKind) return true;
  if (record.isPacked(kind)) return false;
  return keyspace.entryOf(ref).visibleSlot(keyspace.replicas) === slots.string;
}

/** Where the digits of a counter are written to be looked at. */
const counterDigits = new Uint8Array(24);

/** Points `view` at the string under a record; the record must satisfy `isText`. */
export function viewText(keyspace: Keyspace, ref: Ref): TextView {
  const { arena } = keyspace;
  const word = arena.words[slabOf(ref)]![wordOf(ref)]!;
  const kind = word & 0xff;
  if (kind === record.textKind) {
    view.length = record.valueLengthOf(arena, ref);
    if ((word & (record.externalFlag << 8)) !== 0) {
      view.bytes = keyspace.externals.get(record.externalPlaceOf(arena, ref));
      view.start = 0;
    } else {
      view.bytes = arena.bytes[slabOf(ref)]!;
      view.start = record.keyStartOf(arena, ref) + record.keyLengthOf(arena, ref);
    }
  } else if (kind === record.counterKind) {
    view.bytes = counterDigits;
    view.start = 0;
    view.length = writeInteger(counterDigits, 0, counterValue(keyspace, ref));
  } else {
    viewBytes(resolveText(keyspace, keyspace.entryOf(ref).cell(slots.string)!));
  }
  return view;
}

function viewBytes(bytes: Bytes): void {
  view.bytes = bytes;
  view.start = 0;
  view.length = bytes.length;
}

/** The value of a `counterKind` record. */
export function counterValue(keyspace: Keyspace, ref: Ref): number {
  const { arena } = keyspace;
  const floats = arena.floats[slabOf(ref)]!;
  const flags = record.flagsOf(arena, ref);
  const at = record.counterAt(ref, flags);
  return (flags & record.baseFlag) === 0 ? floats[at]! : floats[at]! + floats[at + 1]!;
}

/** A copy of the string under a record. */
export function copyText(keyspace: Keyspace, ref: Ref): Bytes {
  const { bytes, start, length } = viewText(keyspace, ref);
  return bytes.slice(start, start + length);
}

/** What a reader of a string cell sees. */
export function resolveText(keyspace: Keyspace, cell: Readonly<Cell>): Bytes {
  if (cell.siblings.length > 1) {
    const union = unionOf(cell.siblings.map(({ value }) => value));
    if (union !== undefined) return union;
  }
  const base = winner(cell, keyspace.replicas);
  if (!cell.rows.some(isLive)) return base?.value ?? emptyBytes;
  const sum = rowSum(cell);
  if (base === undefined) return fromLatin1(formatDecimal(sum, fractionDigitsMax));
  const number = parseDecimal(fromUtf8(base.value));
  return number === undefined
    ? base.value
    : fromLatin1(formatDecimal(add(number, sum), fractionDigitsMax));
}
