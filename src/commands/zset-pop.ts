// Taking the lowest or the highest members: ZPOPMIN, ZPOPMAX, ZMPOP, and the forms that wait. Two
// nodes that pop at once may both answer the same member: popping is "at least once" where keys are
// not linearizable. Replies and errors: Redis 7.0, t_zset.c.

import type { Call } from "./call.js";
import { type CommandSpec, oneKey } from "./command.js";
import { replyDouble } from "./double-text.js";
import { fail } from "./errors.js";
import { notify } from "./notify.js";
import { demandZset } from "./zset-lookup.js";
import { edit, openEdit } from "./zsets.js";

/**
 * Pops and replies up to `count` members of the set at argument `index`, whose record is `ref`. The
 * caller has made sure that it is a sorted set and begun the reply.
 */
function pop(
  call: Call,
  index: number,
  ref: number,
  count: number,
  isMax: boolean,
  isNested: boolean,
): void {
  const { reply } = call;
  openEdit(call, index, ref);
  for (let left = count; left > 0; left--) {
    const view = edit.goToEnd(isMax);
    if (isNested) reply.array(2);
    reply.bulk(view.bytes, view.start, view.length);
    replyDouble(reply, view.score);
    edit.removeHere();
  }
  const isEmptied = edit.close();
  notify(call, "zset", isMax ? "zpopmax" : "zpopmin", index);
  if (isEmptied) notify(call, "generic", "del", index);
}

const zpop =
  (isMax: boolean) =>
  (call: Call): void => {
    if (call.argc > 3) {
      fail(call, "syntax");
      return;
    }
    let count = 1;
    if (call.argc === 3) {
      count = integerFrom(call, 2, 0n, "ERR value is out of range, must be positive");
      if (Number.isNaN(count)) return;
    }
    const ref = call.findForWrite(1);
    if (ref === 0) {
      call.reply.array(0);
      return;
    }
    const view = demandZset(call, ref);
    if (view === undefined) return;
    const taken = Math.min(count, view.visibleCount);
    // RESP3 nests the pairs, but only where a count was given.
    const isNested = call.argc === 3 && call.reply.resp3;
    call.reply.array(isNested ? taken : taken * 2);
    if (taken > 0) pop(call, 1, ref, taken, isMax, isNested);
  };

/** What ZMPOP and BZMPOP ask for. */
const wanted = { keys: 0, isMax: false, count: 1 };

/** Reads `numkeys key ... MIN|MAX [COUNT count]` from argument `index` on. */
function parsePop(call: Call, index: number): boolean {
  wanted.keys = integerFrom(call, index, 1n, "ERR numkeys should be greater than 0");
  if (Number.isNaN(wanted.keys)) return false;
  const where = index + wanted.keys + 1;
  if (where >= call.argc || (!call.is(where, "MIN") && !call.is(where, "MAX"))) {
    fail(call, "syntax");
    return false;
  }
  wanted.isMax = call.is(where, "MAX");
  wanted.count = 1;
  if (where + 1 === call.argc) return true;
  if (!call.is(where + 1, "COUNT") || where + 2 >= call.argc) {
    fail(call, "syntax");
    return false;
  }
  wanted.count = integerFrom(call, where + 2, 1n, "ERR count should be greater than 0");
  if (Number.isNaN(wanted.count)) return false;
  if (where + 3 === call.argc) return true;
  fail(call, "syntax");
  return false;
}

/** NaN after the error was replied. */
function integerFrom(call: Call, index: number, min: bigint, error: string): number {
  const value = call.int64(index);
  if (value !== undefined && value >= min) return Number(value);
  call.reply.error(error);
  return Number.NaN;
}

/** Whether the first of these keys that exists was answered, by an error or by its members. */
function popFirst(
  call: Call,
  first: number,
  keys: number,
  answer: (index: number, ref: number, visibleCount: number) => void,
): boolean {
  for (let index = first; index < first + keys; index++) {
    const ref = call.findForWrite(index);
    if (ref === 0) continue;
    const view = demandZset(call, ref);
    if (view !== undefined) answer(index, ref, view.visibleCount);
    return true;
  }
  return false;
}

/** ZMPOP's answer, the key and its pairs; false when there was nothing to pop. */
function popMany(call: Call, first: number): boolean {
  const { keys, isMax, count } = wanted;
  return popFirst(call, first, keys, (index, ref, visibleCount) => {
    const taken = Math.min(count, visibleCount);
    call.reply.array(2);
    call.reply.bulk(call.bytes, call.start(index), call.size(index));
    call.reply.array(taken);
    pop(call, index, ref, taken, isMax, true);
  });
}

function zmpop(call: Call): void {
  if (parsePop(call, 1) && !popMany(call, 2)) call.reply.nilArray();
}

const numberedKeys =
  (at: number) =>
  (call: Call): number[] | undefined => {
    const count = call.safeInteger(at);
    if (!(count >= 1) || at + count >= call.argc) return undefined;
    return Array.from({ length: count }, (_, i) => at + 1 + i);
  };

const shared = { categories: ["sortedset"], group: "sorted-set", replication: "delta" } as const;
const complexity =
  "O(log(N)*M) with N being the number of elements in the sorted set, and M being the number of elements popped.";

export const zsetPopCommands: readonly CommandSpec[] = [
  {
    ...shared,
    name: "zpopmin",
    arity: -2,
    flags: ["write", "fast"],
    keys: oneKey,
    since: "5.0.0",
    summary: "Remove and return members with the lowest scores in a sorted set",
    complexity,
    run: zpop(false),
  },
  {
    ...shared,
    name: "zpopmax",
    arity: -2,
    flags: ["write", "fast"],
    keys: oneKey,
    since: "5.0.0",
    summary: "Remove and return members with the highest scores in a sorted set",
    complexity,
    run: zpop(true),
  },
  {
    ...shared,
    name: "zmpop",
    arity: -4,
    flags: ["write", "movablekeys"],
    findKeys: numberedKeys(1),
    since: "7.0.0",
    summary: "Remove and return members with scores in a sorted set",
    complexity:
      "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the sorted set, and M being the number of elements popped.",
    run: zmpop,
  },
];
