// Arguments as numbers, with the error reply that a bad one gets. Each function answers undefined
// (or NaN) after it has replied, so that a command reads: parse, return if that failed, act.

import type { Call } from "./call.js";
import { type ErrorText, fail } from "./errors.js";

/** A signed 64-bit integer, else the error is replied. */
export function int64Argument(
  call: Call,
  index: number,
  error: ErrorText = "notInteger",
): bigint | undefined {
  const value = call.int64(index);
  if (value === undefined) fail(call, error);
  return value;
}

/**
 * A 64-bit integer as a number: exact within 53 bits, rounded beyond. For arguments that are
 * compared with sizes, where the digits of a huge number do not matter. NaN after the error was
 * replied.
 */
export function roundedInteger(call: Call, index: number, error: ErrorText = "notInteger"): number {
  const value = call.safeInteger(index);
  if (!Number.isNaN(value)) return value;
  const large = int64Argument(call, index, error);
  return large === undefined ? Number.NaN : Number(large);
}

const int32Max = 0x7fff_ffff;

/** A 32-bit integer; NaN after the error was replied. */
export function int32Argument(call: Call, index: number): number {
  const value = roundedInteger(call, index);
  if (Number.isNaN(value)) return value;
  if (value >= -int32Max - 1 && value <= int32Max) return value;
  fail(call, "notInt32");
  return Number.NaN;
}

/** The largest string a command may make. Lengths of records are 31 bits. */
export const stringBytesMax = (call: Call): number =>
  Math.min(call.environment.settings.number("proto-max-bulk-len"), int32Max);
