// Taking the lowest or the highest members: ZPOPMIN, ZPOPMAX, ZMPOP, and the forms that wait. Two
// nodes that pop at once may both answer the same member: popping is "at least once" where keys are
// not linearizable. Replies and errors: Redis 7.0, t_zset.c.

import type { Ref } from "../keyspace/arena.js";
import { viewZset } from "../keyspace/zset-forms.js";
import type { ZsetView } from "../keyspace/zset-view.js";
import { deadlineArgument, waitForKeys } from "./blocking.js";
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
    reply.bulk(view.bytes, view.start, view.length, view.words);
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

// ---- ZMPOP and those that wait

interface Wish {
  /** The first argument that is a key, and how many there are. */
  readonly first: number;
  readonly keyCount: number;
  readonly isMax: boolean;
  /** 0: one member and its score beside the key. Else up to so many, as an array of pairs. */
  readonly count: number;
}

/** Reads `numkeys key ... MIN|MAX [COUNT count]` from argument `index` on. */
function wishOf(call: Call, index: number): Wish | undefined {
  const keyCount = integerFrom(call, index, 1n, "ERR numkeys should be greater than 0");
  if (Number.isNaN(keyCount)) return undefined;
  const where = index + keyCount + 1;
  if (where >= call.argc || (!call.is(where, "MIN") && !call.is(where, "MAX"))) {
    return refuse(call);
  }
  const isMax = call.is(where, "MAX");
  let count = 1;
  if (where + 1 < call.argc) {
    if (!call.is(where + 1, "COUNT") || where + 2 >= call.argc) return refuse(call);
    count = integerFrom(call, where + 2, 1n, "ERR count should be greater than 0");
    if (Number.isNaN(count)) return undefined;
    if (where + 3 < call.argc) return refuse(call);
  }
  return { first: index + 1, keyCount, isMax, count };
}

function refuse(call: Call): undefined {
  fail(call, "syntax");
  return undefined;
}

/** NaN after the error was replied. */
function integerFrom(call: Call, index: number, min: bigint, error: string): number {
  const value = call.int64(index);
  if (value !== undefined && value >= min) return Number(value);
  call.reply.error(error);
  return Number.NaN;
}

/** Replies the key at argument `index` and what is popped from its set. */
function popFrom(call: Call, index: number, ref: Ref, view: ZsetView, wish: Wish): void {
  const { reply } = call;
  const isNested = wish.count > 0;
  const taken = Math.min(isNested ? wish.count : 1, view.visibleCount);
  reply.array(isNested ? 2 : 3);
  reply.bulk(call.bytes, call.start(index), call.size(index));
  if (isNested) reply.array(taken);
  pop(call, index, ref, taken, wish.isMax, isNested);
}

/**
 * Pops from the first set that is there. False when none is; true also after WRONGTYPE was replied.
 */
function popFirst(call: Call, wish: Wish): boolean {
  for (let index = wish.first; index < wish.first + wish.keyCount; index++) {
    const ref = call.findForWrite(index);
    if (ref === 0) continue;
    const view = demandZset(call, ref);
    if (view !== undefined) popFrom(call, index, ref, view, wish);
    return true;
  }
  return false;
}

function zmpop(call: Call): void {
  const wish = wishOf(call, 1);
  if (wish !== undefined && !popFirst(call, wish)) call.reply.nilArray();
}

function popOrWait(call: Call, wish: Wish, timeout: number): void {
  const deadlineMs = deadlineArgument(call, timeout);
  if (Number.isNaN(deadlineMs) || popFirst(call, wish)) return;
  waitForKeys(call, {
    keys: Array.from({ length: wish.keyCount }, (_, i) => wish.first + i),
    deadlineMs,
    serve: (later, index) => {
      const ref = later.findForWrite(index);
      const view = ref === 0 ? undefined : viewZset(later.keyspace, ref);
      if (view === undefined) return false;
      popFrom(later, index, ref, view, wish);
      return true;
    },
    giveUp: (later) => later.reply.nilArray(),
  });
}

const blockingPop =
  (isMax: boolean) =>
  (call: Call): void =>
    popOrWait(call, { first: 1, keyCount: call.argc - 2, isMax, count: 0 }, call.argc - 1);

function bzmpop(call: Call): void {
  const wish = wishOf(call, 2);
  if (wish !== undefined) popOrWait(call, wish, 1);
}

const numberedKeys =
  (at: number) =>
  (call: Call): number[] | undefined => {
    const count = call.safeInteger(at);
    if (!(count >= 1) || at + count >= call.argc) return undefined;
    return Array.from({ length: count }, (_, i) => at + 1 + i);
  };

const shared = { categories: ["sortedset"], group: "sorted-set", replication: "delta" } as const;
const waiting = { ...shared, categories: ["sortedset", "blocking"] } as const;
const popKeys = { first: 1, last: -2, step: 1 } as const;
const complexity =
  "O(log(N)*M) with N being the number of elements in the sorted set, and M being the " +
  "number of elements popped.";

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
      "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of " +
      "elements in the sorted set, and M being the number of elements popped.",
    run: zmpop,
  },
  {
    ...waiting,
    name: "bzpopmin",
    arity: -3,
    flags: ["write", "noscript", "blocking", "fast"],
    keys: popKeys,
    since: "5.0.0",
    summary:
      "Remove and return the member with the lowest score from one or more sorted sets, " +
      "or block until one is available",
    complexity: "O(log(N)) with N being the number of elements in the sorted set.",
    run: blockingPop(false),
  },
  {
    ...waiting,
    name: "bzpopmax",
    arity: -3,
    flags: ["write", "noscript", "blocking", "fast"],
    keys: popKeys,
    since: "5.0.0",
    summary:
      "Remove and return the member with the highest score from one or more sorted sets, " +
      "or block until one is available",
    complexity: "O(log(N)) with N being the number of elements in the sorted set.",
    run: blockingPop(true),
  },
  {
    ...waiting,
    name: "bzmpop",
    arity: -5,
    flags: ["write", "blocking", "movablekeys"],
    findKeys: numberedKeys(2),
    since: "7.0.0",
    summary:
      "Remove and return members with scores in a sorted set or block until one is available",
    complexity:
      "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of " +
      "elements in the sorted set, and M being the number of elements popped.",
    run: bzmpop,
  },
];
