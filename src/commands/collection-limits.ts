// The sizes at which Redis gives up a compact encoding of a hash or a set. They decide nothing here
// but the name that OBJECT ENCODING shows (record.ts, `roomyFlag`), and that name never goes back
// while the key lives.

import type { Call } from "./call.js";
import type { Settings } from "./settings.js";

export interface CollectionLimits {
  hashEntries: number;
  hashValueBytes: number;
  intsetEntries: number;
}

/** An intset cannot have more members whatever the setting says. */
const intsetEntriesMax = 2 ** 30;

let lastSettings: Settings | undefined;
let lastLimits: CollectionLimits = { hashEntries: 0, hashValueBytes: 0, intsetEntries: 0 };
const known = new WeakMap<Settings, CollectionLimits>();

/** The limits of the node that runs the command, kept up to date. */
export function limitsOf(call: Call): CollectionLimits {
  const { settings } = call.environment;
  if (settings === lastSettings) return lastLimits;
  lastSettings = settings;
  lastLimits = known.get(settings) ?? follow(settings);
  return lastLimits;
}

function follow(settings: Settings): CollectionLimits {
  const limits: CollectionLimits = { hashEntries: 0, hashValueBytes: 0, intsetEntries: 0 };
  const keep = (name: string, put: (value: number) => void): void =>
    settings.onChange(name, () => put(settings.number(name)));
  keep("hash-max-listpack-entries", (value) => {
    limits.hashEntries = value;
  });
  keep("hash-max-listpack-value", (value) => {
    limits.hashValueBytes = value;
  });
  keep("set-max-intset-entries", (value) => {
    limits.intsetEntries = Math.min(value, intsetEntriesMax);
  });
  known.set(settings, limits);
  return limits;
}

/** Whether Redis would keep these bytes as an integer: canonical, 64 bits, signed. */
export function isIntegerText(bytes: Uint8Array, start: number, length: number): boolean {
  if (length === 0 || length > 20) return false;
  let at = start;
  const end = start + length;
  const isNegative = bytes[at] === 45;
  if (isNegative) at++;
  const first = bytes[at]! - 48;
  if (at === end || first < 0 || first > 9) return false;
  if (first === 0) return length === 1;
  for (let i = at + 1; i < end; i++) {
    const digit = bytes[i]! - 48;
    if (digit < 0 || digit > 9) return false;
  }
  const digits = end - at;
  return digits < 19 || (digits === 19 && isWithinInt64(bytes, at, isNegative));
}

const int64Digits = "9223372036854775807";

/** Nineteen digits against the bound, the last one of which is an eight for negative numbers. */
function isWithinInt64(bytes: Uint8Array, start: number, isNegative: boolean): boolean {
  for (let i = 0; i < 19; i++) {
    const bound = int64Digits.charCodeAt(i) + (i === 18 && isNegative ? 1 : 0);
    const difference = bytes[start + i]! - bound;
    if (difference !== 0) return difference < 0;
  }
  return true;
}
