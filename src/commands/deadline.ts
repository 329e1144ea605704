// Points in time as commands give them: seconds or milliseconds, from now or since 1970, and the
// overflow rules of Redis's 64-bit arithmetic. Deadlines are kept as Unix milliseconds in a
// float64, exact up to the year 287396; beyond that the last digits are rounded.

import type { Call } from "./call.js";
import { fail, failExpireTime } from "./errors.js";

export const int64Max = 2n ** 63n - 1n;
const int64Min = -(2n ** 63n);

/** Within this nothing can overflow and every step is exact in a double. */
const plainMax = 2 ** 42;

/** What a number means. */
export interface TimeUnit {
  readonly inSeconds: boolean;
  readonly fromNow: boolean;
}

export const timeUnits = {
  EX: { inSeconds: true, fromNow: true },
  PX: { inSeconds: false, fromNow: true },
  EXAT: { inSeconds: true, fromNow: false },
  PXAT: { inSeconds: false, fromNow: false },
} as const satisfies Record<string, TimeUnit>;

/**
 * The deadline of SET and its kin, where a time must be positive. NaN after the error was replied.
 */
export function positiveDeadline(call: Call, index: number, unit: TimeUnit): number {
  const value = call.safeInteger(index);
  if (value > 0 && value < plainMax) {
    return (unit.inSeconds ? value * 1000 : value) + (unit.fromNow ? call.keyspace.nowMs : 0);
  }
  const large = call.int64(index);
  if (large === undefined) {
    fail(call, "notInteger");
    return Number.NaN;
  }
  const ms = large > 0n ? deadlineOf(large, unit, call.keyspace.nowMs) : undefined;
  if (ms === undefined) {
    failExpireTime(call);
    return Number.NaN;
  }
  return ms;
}

/**
 * The deadline of EXPIRE and its kin, which may lie in the past. NaN after the error was replied.
 */
export function anyDeadline(call: Call, index: number, unit: TimeUnit): number {
  const value = call.safeInteger(index);
  if (value > -plainMax && value < plainMax) {
    return (unit.inSeconds ? value * 1000 : value) + (unit.fromNow ? call.keyspace.nowMs : 0);
  }
  const large = call.int64(index);
  if (large === undefined) {
    fail(call, "notInteger");
    return Number.NaN;
  }
  const ms = deadlineOf(large, unit, call.keyspace.nowMs);
  if (ms === undefined) {
    failExpireTime(call);
    return Number.NaN;
  }
  return ms;
}

/** Undefined when the time does not fit 64 bits. */
function deadlineOf(value: bigint, unit: TimeUnit, nowMs: number): number | undefined {
  if (unit.inSeconds && (value > int64Max / 1000n || value < int64Min / 1000n)) return undefined;
  const ms = (unit.inSeconds ? value * 1000n : value) + (unit.fromNow ? BigInt(nowMs) : 0n);
  return ms > int64Max ? undefined : Number(ms);
}
