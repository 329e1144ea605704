// Fields as numbers: HINCRBY in 64-bit integers, HINCRBYFLOAT in x87 long doubles. Where changes
// are captured, what was added is kept beside the value, so that increments of several nodes add up
// (merge-rules 6 to 8). On a node alone nobody has seen the value before, so the sum is written as
// the field's value: what nobody else has seen may be netted. Replies and errors: Redis 7.0,
// t_hash.c.

import { fromLatin1, latin1 } from "../base/bytes.js";
import { writeInteger } from "../base/digits.js";
import type { CollectionEditor } from "../keyspace/collection-edit.js";
import { integer, parseDecimal, subtract } from "../lattice/decimal.js";
import { int64Argument } from "./arguments.js";
import { type Call, parseInt64, parseSafeInteger } from "./call.js";
import { type CommandSpec, oneKey } from "./command.js";
import { fail } from "./errors.js";
import { editHash, endHash } from "./hashes.js";
import { addExtended, formatExtended, parseExtended } from "./long-double.js";
import { notify } from "./notify.js";

const int64Max = 2n ** 63n - 1n;
const int64Min = -(2n ** 63n);

/** The decimal text of a sum on its way into the hash. */
const scratch = new Uint8Array(24);

function hincrby(call: Call): void {
  const by = call.safeInteger(3);
  if (Number.isNaN(by)) {
    const large = int64Argument(call, 3);
    const fields = large === undefined ? undefined : editHash(call);
    if (fields !== undefined) incrementExactly(call, fields, large!);
    return;
  }
  const fields = editHash(call);
  if (fields === undefined) return;
  const old = safeValue(call, fields);
  const sum = old + by;
  // Beyond 53 bits, or not a number: the slow way decides.
  if (!Number.isSafeInteger(sum)) {
    incrementExactly(call, fields, BigInt(by));
    return;
  }
  if (call.keyspace.capture === undefined) {
    put(call, fields, scratch, writeInteger(scratch, 0, sum));
  } else {
    increment(call, fields, BigInt(by));
  }
  notify(call, "hash", "hincrby", 1);
  call.reply.integer(sum);
}

/** The value of the field that is argument 2 as a safe integer, 0 when there is none, else NaN. */
function safeValue(call: Call, fields: CollectionEditor): number {
  if (!fields.find(call.bytes, call.start(2), call.size(2))) return 0;
  const { value, valueStart, valueLength } = fields.view;
  return parseSafeInteger(value, valueStart, valueLength);
}

function incrementExactly(call: Call, fields: CollectionEditor, by: bigint): void {
  let old: bigint | undefined = 0n;
  if (fields.find(call.bytes, call.start(2), call.size(2))) {
    const { value, valueStart, valueLength } = fields.view;
    old = parseInt64(value, valueStart, valueLength);
  }
  if (old === undefined) {
    fields.end();
    call.reply.error("ERR hash value is not an integer");
    return;
  }
  const sum = old + by;
  if (sum > int64Max || sum < int64Min) {
    fields.end();
    call.reply.error("ERR increment or decrement would overflow");
    return;
  }
  if (call.keyspace.capture === undefined) {
    const text = fromLatin1(sum.toString());
    put(call, fields, text, text.length);
  } else {
    increment(call, fields, by);
  }
  notify(call, "hash", "hincrby", 1);
  call.reply.bigInteger(sum);
}

function put(call: Call, fields: CollectionEditor, value: Uint8Array, length: number): void {
  const size = call.size(2);
  fields.put(call.bytes, call.start(2), size, value, 0, length, false);
  endHash(call, Math.max(size, length));
}

function increment(call: Call, fields: CollectionEditor, by: bigint): void {
  const size = call.size(2);
  fields.increment(call.bytes, call.start(2), size, integer(by));
  endHash(call, size);
}

function hincrbyfloat(call: Call): void {
  const by = parseExtended(call.text(3));
  if (by === undefined) {
    fail(call, "notFloat");
    return;
  }
  if (by.infinite) {
    call.reply.error("ERR value is NaN or Infinity");
    return;
  }
  const fields = editHash(call);
  if (fields === undefined) return;
  let text = "0";
  if (fields.find(call.bytes, call.start(2), call.size(2))) {
    const { value, valueStart, valueLength } = fields.view;
    text = latin1(value, valueStart, valueStart + valueLength);
  }
  const old = parseExtended(text);
  const sum = old === undefined ? undefined : addExtended(old, by);
  if (sum === undefined) {
    fields.end();
    if (old === undefined) call.reply.error("ERR hash value is not a float");
    else fail(call, "notANumberOrInfinity");
    return;
  }
  const shown = formatExtended(sum);
  writeSum(call, fields, text, shown);
  notify(call, "hash", "hincrbyfloat", 1);
  call.reply.bulkText(shown);
}

function writeSum(call: Call, fields: CollectionEditor, old: string, shown: string): void {
  const exactOld = parseDecimal(old);
  const exactNew = parseDecimal(shown);
  if (call.keyspace.capture === undefined || exactOld === undefined || exactNew === undefined) {
    // Alone, or hexadecimal, or thousands of digits: the rows of a counter do not hold such
    // numbers.
    const bytes = fromLatin1(shown);
    put(call, fields, bytes, bytes.length);
    return;
  }
  // The exact difference, so that readers see what is replied and concurrent increments add up.
  const size = call.size(2);
  fields.increment(call.bytes, call.start(2), size, subtract(exactNew, exactOld));
  endHash(call, size);
}

const shared = {
  keys: oneKey,
  categories: ["hash"],
  group: "hash",
  arity: 4,
  flags: ["write", "denyoom", "fast"],
  replication: "delta",
  complexity: "O(1)",
} as const;

export const hashCountCommands: readonly CommandSpec[] = [
  {
    ...shared,
    name: "hincrby",
    element: 2,
    since: "2.0.0",
    summary: "Increment the integer value of a hash field by the given number",
    run: hincrby,
  },
  {
    ...shared,
    name: "hincrbyfloat",
    element: 2,
    since: "2.6.0",
    summary: "Increment the float value of a hash field by the given amount",
    run: hincrbyfloat,
  },
];
