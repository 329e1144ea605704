// The options that SET and GETEX share, parsed as Redis's t_string.c does: which may stand
// together, that a repeated one is allowed and that of two times of one unit the last counts.

import type { Call } from "./call.js";
import { positiveDeadline, type TimeUnit, timeUnits } from "./deadline.js";
import { fail } from "./errors.js";

export const option = {
  nx: 1,
  xx: 2,
  ex: 4,
  px: 8,
  exat: 16,
  pxat: 32,
  keepttl: 64,
  get: 128,
  persist: 256,
} as const;

const anyTime = option.ex | option.px | option.exat | option.pxat;

/** The options of the command that runs; reused, so that parsing allocates nothing. */
export const parsed = {
  flags: 0,
  /** Argument that holds the time; 0 when there is none. */
  timeAt: 0,
};

/** Fills `parsed` from the options at `first` and after; false after a syntax error was replied. */
export function parseOptions(call: Call, first: number, command: "SET" | "GETEX"): boolean {
  parsed.flags = 0;
  parsed.timeAt = 0;
  const isSet = command === "SET";
  for (let index = first; index < call.argc; index++) {
    const hasNext = index + 1 < call.argc;
    if (isSet ? parseSetOption(call, index) : parseGetOption(call, index)) continue;
    if (!hasNext || !parseTime(call, index)) {
      fail(call, "syntax");
      return false;
    }
    index++;
  }
  return true;
}

function parseSetOption(call: Call, index: number): boolean {
  const { flags } = parsed;
  if (call.is(index, "NX") && (flags & option.xx) === 0) parsed.flags |= option.nx;
  else if (call.is(index, "XX") && (flags & option.nx) === 0) parsed.flags |= option.xx;
  else if (call.is(index, "GET")) parsed.flags |= option.get;
  else if (call.is(index, "KEEPTTL") && (flags & anyTime) === 0) parsed.flags |= option.keepttl;
  else return false;
  return true;
}

function parseGetOption(call: Call, index: number): boolean {
  if (!call.is(index, "PERSIST") || (parsed.flags & anyTime) !== 0) return false;
  parsed.flags |= option.persist;
  return true;
}

function parseTime(call: Call, index: number): boolean {
  const bit = timeOption(call, index);
  const others = (anyTime & ~bit) | option.keepttl | option.persist;
  if (bit === 0 || (parsed.flags & others) !== 0) return false;
  parsed.flags |= bit;
  parsed.timeAt = index + 1;
  return true;
}

function timeOption(call: Call, index: number): number {
  if (call.is(index, "EX")) return option.ex;
  if (call.is(index, "PX")) return option.px;
  if (call.is(index, "EXAT")) return option.exat;
  return call.is(index, "PXAT") ? option.pxat : 0;
}

function unitOf(flags: number): TimeUnit {
  if ((flags & option.ex) !== 0) return timeUnits.EX;
  if ((flags & option.px) !== 0) return timeUnits.PX;
  return (flags & option.exat) !== 0 ? timeUnits.EXAT : timeUnits.PXAT;
}

/** The deadline that the options ask for, 0 for none, NaN after an error was replied. */
export const parsedDeadline = (call: Call): number =>
  parsed.timeAt === 0 ? 0 : positiveDeadline(call, parsed.timeAt, unitOf(parsed.flags));
