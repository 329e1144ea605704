// Arguments of the geo commands: positions, lengths, units. Each function answers NaN or false
// after it has replied an error. Errors: Redis 7.0, geo.c.

import type { Call } from "./call.js";
import { formatFixed, parseDouble } from "./double-text.js";
import { errorText } from "./errors.js";
import { isOnGrid } from "./geo-area.js";

export function doubleArgument(call: Call, index: number, error: string): number {
  const value = parseDouble(call.bytes, call.start(index), call.size(index));
  if (Number.isNaN(value)) call.reply.error(error);
  return value;
}

/** The position that `readPosition` read. */
export const given = { longitude: 0, latitude: 0 };

/** Reads longitude and latitude at `index` and after it into `given`. */
export function readPosition(call: Call, index: number): boolean {
  given.longitude = doubleArgument(call, index, errorText.notFloat);
  if (Number.isNaN(given.longitude)) return false;
  given.latitude = doubleArgument(call, index + 1, errorText.notFloat);
  if (Number.isNaN(given.latitude)) return false;
  if (isOnGrid(given.longitude, given.latitude)) return true;
  const pair = `${formatFixed(given.longitude, 6)},${formatFixed(given.latitude, 6)}`;
  call.reply.error(`ERR invalid longitude,latitude pair ${pair}`);
  return false;
}

/** Meters in a unit; NaN after the error was replied. */
export function unitArgument(call: Call, index: number): number {
  if (call.is(index, "M")) return 1;
  if (call.is(index, "KM")) return 1000;
  if (call.is(index, "FT")) return 0.3048;
  if (call.is(index, "MI")) return 1609.34;
  call.reply.error("ERR unsupported unit provided. please use M, KM, FT, MI");
  return Number.NaN;
}

/** A length with four decimals, a half rounded to even. */
export function replyDistance(call: Call, distance: number): void {
  const scaled = distance * 10_000;
  let whole = Math.round(scaled);
  if (whole - scaled === 0.5 && whole % 2 !== 0) whole--;
  const digits = String(whole).padStart(5, "0");
  call.reply.bulkText(`${digits.slice(0, -4)}.${digits.slice(-4)}`);
}
