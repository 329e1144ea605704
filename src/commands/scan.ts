// Looking for keys: KEYS, SCAN, RANDOMKEY. The cursor of SCAN is the index's
// (keyspace/hash-index.ts): a key that is there from the beginning of a scan to its end is returned
// at least once, whatever else happens.

import type { Ref } from "../keyspace/arena.js";
import * as record from "../keyspace/record.js";
import { roundedInteger } from "./arguments.js";
import type { Call } from "./call.js";
import type { CommandSpec } from "./command.js";
import { fail } from "./errors.js";
import { isMatchAll, matchesGlob } from "./glob.js";
import { typeNameOf } from "./lookup.js";

/** Draws of RANDOMKEY before it takes the next key it meets: enough in the sparsest table. */
const drawsMax = 1000;

const isShown = (call: Call, ref: Ref): boolean =>
  record.kindOf(call.keyspace.arena, ref) !== record.hiddenKind && !call.keyspace.isExpired(ref);

function keyMatches(call: Call, ref: Ref, pattern: Uint8Array): boolean {
  const { arena } = call.keyspace;
  const start = record.keyStartOf(arena, ref);
  return matchesGlob(pattern, record.bytesOf(arena, ref), start, record.keyLengthOf(arena, ref));
}

function replyKeys(call: Call, refs: readonly Ref[]): void {
  const { arena } = call.keyspace;
  call.reply.array(refs.length);
  for (const ref of refs) {
    const start = record.keyStartOf(arena, ref);
    call.reply.bulk(record.bytesOf(arena, ref), start, record.keyLengthOf(arena, ref));
  }
}

function keys(call: Call): void {
  const pattern = call.view(1);
  const matchesAll = isMatchAll(pattern);
  const found: Ref[] = [];
  call.db.keys.forEach((ref) => {
    if (isShown(call, ref) && (matchesAll || keyMatches(call, ref, pattern))) found.push(ref);
  });
  replyKeys(call, found);
}

const cursorMax = 2n ** 64n;

/**
 * A cursor as C's strtoul reads it; undefined after the error was replied. Ours are 32 bits wide.
 */
export function cursorArgument(call: Call, index: number): number | undefined {
  const text = call.text(index);
  if (!/^([+-]?\d+)?$/.test(text) || abs(BigInt(text)) >= cursorMax) {
    call.reply.error("ERR invalid cursor");
    return undefined;
  }
  return Number(BigInt.asUintN(32, BigInt(text)));
}

const abs = (value: bigint): bigint => (value < 0n ? -value : value);

export interface ScanOptions {
  pattern: Uint8Array | undefined;
  count: number;
  type: string | undefined;
}

/**
 * The options from argument `first` on; undefined after an error was replied. Only SCAN itself
 * takes TYPE.
 */
export function scanOptions(
  call: Call,
  first: number,
  takesType: boolean,
): ScanOptions | undefined {
  const options: ScanOptions = { pattern: undefined, count: 10, type: undefined };
  for (let index = first; index < call.argc; index += 2) {
    const hasValue = index + 1 < call.argc;
    if (hasValue && call.is(index, "COUNT")) {
      options.count = roundedInteger(call, index + 1);
      if (Number.isNaN(options.count)) return undefined;
      if (options.count < 1) return refuse(call);
    } else if (hasValue && call.is(index, "MATCH")) {
      const pattern = call.view(index + 1);
      options.pattern = isMatchAll(pattern) ? undefined : pattern;
    } else if (hasValue && takesType && call.is(index, "TYPE")) {
      options.type = call.text(index + 1).toLowerCase();
    } else {
      return refuse(call);
    }
  }
  return options;
}

function refuse(call: Call): undefined {
  fail(call, "syntax");
  return undefined;
}

function scan(call: Call): void {
  let cursor = cursorArgument(call, 1);
  if (cursor === undefined) return;
  const options = scanOptions(call, 2, true);
  if (options === undefined) return;
  const { keyspace, db } = call;
  const visited: Ref[] = [];
  // In a sparse table many buckets are empty: a call looks at ten times as many as keys are wanted.
  let bucketsLeft = options.count * 10;
  do {
    cursor = db.keys.scan(cursor, (ref) => visited.push(ref));
  } while (cursor !== 0 && bucketsLeft-- > 0 && visited.length < options.count);
  const shown: Ref[] = [];
  for (const ref of visited) {
    if (record.kindOf(keyspace.arena, ref) === record.hiddenKind) continue;
    if (options.pattern !== undefined && !keyMatches(call, ref, options.pattern)) continue;
    if (keyspace.isExpired(ref)) {
      // Removing a record leaves the other refs valid.
      if (keyspace.mayExpire) keyspace.expireRecord(db, keyspace.hashOf(ref), ref);
    } else if (options.type === undefined || typeNameOf(call, ref) === options.type) {
      shown.push(ref);
    }
  }
  call.reply.array(2);
  call.reply.bulkInteger(cursor);
  replyKeys(call, shown);
}

function randomkey(call: Call): void {
  const { environment, db } = call;
  if (db.size > 0) {
    for (let draw = 0; draw < drawsMax; draw++) {
      const ref = db.keys.peek(environment.random());
      if (ref === 0 || !isShown(call, ref)) continue;
      replyKey(call, ref);
      return;
    }
  }
  const left = firstShown(call);
  if (left === 0) call.reply.nil();
  else replyKey(call, left);
}

function replyKey(call: Call, ref: Ref): void {
  const { arena } = call.keyspace;
  const start = record.keyStartOf(arena, ref);
  call.reply.bulk(record.bytesOf(arena, ref), start, record.keyLengthOf(arena, ref));
}

/** Almost every record is hidden or past its deadline: look at all of them. */
function firstShown(call: Call): Ref {
  let first: Ref = 0;
  call.db.keys.forEach((ref) => {
    if (first === 0 && isShown(call, ref)) first = ref;
  });
  return first;
}

const shared = { categories: ["keyspace"], group: "generic" } as const;

export const scanCommands: readonly CommandSpec[] = [
  {
    ...shared,
    name: "keys",
    arity: 2,
    flags: ["readonly"],
    categories: ["keyspace", "dangerous"],
    since: "1.0.0",
    summary: "Find all keys matching the given pattern",
    complexity: "O(N) with N being the number of keys in the database.",
    run: keys,
  },
  {
    ...shared,
    name: "scan",
    arity: -2,
    flags: ["readonly"],
    since: "2.8.0",
    summary: "Incrementally iterate the keys space",
    complexity: "O(1) for every call. O(N) for a complete iteration.",
    run: scan,
  },
  {
    ...shared,
    name: "randomkey",
    arity: 1,
    flags: ["readonly"],
    since: "1.0.0",
    summary: "Return a random key from the keyspace",
    complexity: "O(1)",
    run: randomkey,
  },
];
