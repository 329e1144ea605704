// A deadline as a value of a cell: Unix milliseconds, or "persist", which PERSIST writes so that a
// concurrent EXPIRE loses to it. All siblings stay; a reader takes the latest deadline and persist
// is the latest of all (merge-rules 9: EXPIRE beside PERSIST with the loser dropped is not
// associative).

import { type Bytes, emptyBytes } from "../base/bytes.js";
import type { Stamp } from "../clock/stamp.js";
import type { Cell } from "./cell.js";

/** Never: the deadline that PERSIST writes. */
export const persist = Number.POSITIVE_INFINITY;

/** @param deadlineMs Unix milliseconds, an integer, or `persist`. */
export function encodeDeadline(deadlineMs: number): Bytes {
  if (deadlineMs === persist) return emptyBytes;
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, deadlineMs, true);
  return bytes;
}

/**
 * Bytes that are no deadline, which only a broken peer sends, read as `persist`: losing no key is
 * the safe side.
 */
export function decodeDeadline(value: Bytes): number {
  if (value.length !== 8) return persist;
  const ms = new DataView(value.buffer, value.byteOffset, 8).getFloat64(0, true);
  return Number.isNaN(ms) ? persist : ms;
}

/**
 * The deadline in Unix milliseconds that a cell holds for a slot born at `born`, undefined when it
 * never expires. Deadlines of another birth were set on an earlier key of the same name and do not
 * count (merge-rules 10).
 */
export function deadlineOf(cell: Readonly<Cell>, born: Stamp): number | undefined {
  const deadlines: number[] = [];
  for (const sibling of cell.siblings) {
    if (sibling.bornTime !== born.time || sibling.bornReplica !== born.replica) continue;
    deadlines.push(decodeDeadline(sibling.value));
  }
  const ms = latest(deadlines);
  return ms === persist ? undefined : ms;
}

/** The latest of some deadlines, `persist` being the latest of all; undefined of none. */
export const latest = (deadlines: readonly number[]): number | undefined =>
  deadlines.length === 0 ? undefined : Math.max(...deadlines);
