// The patterns of SORT's BY and GET: `weight_*` names a key, `object_*->field` a field of a hash,
// `#` the element itself. A pattern without an asterisk finds nothing. Redis 7.0: sort.c.

import type { Bytes } from "../base/bytes.js";
import { Collection } from "../keyspace/collection.js";
import { hashBytes } from "../keyspace/hash.js";
import { copyText, isText } from "../keyspace/text-view.js";
import { slots } from "../lattice/key-entry.js";
import type { Call } from "./call.js";

export interface Pattern {
  readonly isElement: boolean;
  /** What stands before and after the first asterisk; undefined when there is none. */
  readonly around: readonly [Bytes, Bytes] | undefined;
  readonly field: Bytes | undefined;
}

const asterisk = 42;
const hash = 35;

/** Where a C string ends: patterns are searched as such. */
function lineEnd(bytes: Bytes): number {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes.length : end;
}

/** Whether a BY pattern has something to substitute; if not, nothing is sorted. */
export function hasAsterisk(bytes: Bytes): boolean {
  const at = bytes.indexOf(asterisk);
  return at >= 0 && at < lineEnd(bytes);
}

export function parsePattern(bytes: Bytes): Pattern {
  const none = { around: undefined, field: undefined };
  if (bytes[0] === hash && lineEnd(bytes) === 1) return { isElement: true, ...none };
  if (!hasAsterisk(bytes)) return { isElement: false, ...none };
  const at = bytes.indexOf(asterisk);
  const arrow = arrowAfter(bytes, at + 1);
  const end = arrow < 0 ? bytes.length : arrow;
  return {
    isElement: false,
    around: [bytes.subarray(0, at), bytes.subarray(at + 1, end)],
    field: arrow < 0 ? undefined : bytes.subarray(arrow + 2),
  };
}

/** The first `->` that something follows, within the C string; only the first one counts. */
function arrowAfter(bytes: Bytes, from: number): number {
  const end = lineEnd(bytes);
  for (let at = from; at + 1 < end; at++)
    if (bytes[at] === 45 && bytes[at + 1] === 62) return at + 2 < end ? at : -1;
  return -1;
}

const fields = new Collection();

/** A copy of what a pattern names for an element; undefined when there is no such thing. */
export function lookup(call: Call, pattern: Pattern, element: Bytes): Bytes | undefined {
  if (pattern.isElement) return element;
  if (pattern.around === undefined) return undefined;
  const [before, after] = pattern.around;
  const key = new Uint8Array(before.length + element.length + after.length);
  key.set(before);
  key.set(element, before.length);
  key.set(after, before.length + element.length);
  const { keyspace, db } = call;
  const ref = keyspace.findForRead(db, hashBytes(key, 0, key.length), key, 0, key.length);
  if (ref === 0) return undefined;
  const { field } = pattern;
  if (field === undefined) return isText(keyspace, ref) ? copyText(keyspace, ref) : undefined;
  if (!fields.open(keyspace, ref, slots.hash)) return undefined;
  const isFound = fields.find(field, 0, field.length);
  const { value, valueStart, valueLength } = fields;
  fields.close();
  return isFound ? value.slice(valueStart, valueStart + valueLength) : undefined;
}
