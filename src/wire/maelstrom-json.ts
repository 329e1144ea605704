// JSON values as the bytes of keys and values, so that both faces of a node speak about the same
// thing.
//
// A value is stored as its canonical JSON text (names of members in order, no spaces), except that
// a string which would not parse as JSON is stored as it is: `SET color red` of a Redis client and
// {"type": "write", "key": "color", "value": "red"} are the same write, and 4 is `4` on either
// side. Read backwards: bytes that parse as JSON are that value, all other bytes are a string.
//
// Left out: bytes that are not UTF-8. Written by a Redis client they read as a string with
// replacement characters.

import { type Bytes, compareText, utf8 } from "../base/bytes.js";

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json };

/**
 * Arrays and objects within each other; beyond it a message is refused. JSON.stringify recurses.
 */
export const nestingCountMax = 200;

/**
 * Why a parsed value cannot be kept, or undefined. The bounds hold for everything that a client
 * sends.
 */
export function flawOfJson(value: Json, depth = 0): string | undefined {
  if (typeof value === "number") {
    // JSON.parse has rounded it already: two different keys would be one.
    if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value)))
      return "a number does not fit a double exactly";
    return undefined;
  }
  if (value === null || typeof value !== "object") return undefined;
  if (depth === nestingCountMax) return `it is nested deeper than ${nestingCountMax}`;
  for (const part of Array.isArray(value) ? value : Object.values(value)) {
    const flaw = flawOfJson(part as Json, depth + 1);
    if (flaw !== undefined) return flaw;
  }
  return undefined;
}

/** One text per value: equal values have equal texts. */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const members = Object.keys(value)
    .sort(compareText)
    .map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name]!)}`);
  return `{${members.join(",")}}`;
}

const isArray = (value: Json): value is readonly Json[] => Array.isArray(value);

/** Half of a surrogate pair: it has no UTF-8, but as an escape in JSON text it survives. */
const loneSurrogate = /\p{Cs}/u;

export function bytesOfJson(value: Json): Bytes {
  const isPlain =
    typeof value === "string" && !loneSurrogate.test(value) && parseJson(value) === undefined;
  return utf8(isPlain ? value : canonicalJson(value));
}

export function jsonOfBytes(bytes: Bytes): Json {
  // A TextDecoder would swallow a byte order mark.
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
  const parsed = parseJson(text);
  return parsed === undefined ? text : parsed;
}

/** The value of a JSON text that this face can keep, else undefined. */
function parseJson(text: string): Json | undefined {
  try {
    const value = JSON.parse(text) as Json;
    return flawOfJson(value) === undefined ? value : undefined;
  } catch {
    return undefined;
  }
}
