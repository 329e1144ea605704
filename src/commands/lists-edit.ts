// Lists in the middle: writing over, inserting, removing by value or by range, looking for a value.
// LSET is last writer wins per element and survives a pop that has not seen it; LINSERT hangs the
// new element on a neighbour (merge-rules 18). Replies and errors: Redis 7.0, t_list.c.

import type { ListView } from "../keyspace/packed-list.js";
import { roundedInteger } from "./arguments.js";
import type { Call } from "./call.js";
import { type CommandSpec, oneKey } from "./command.js";
import { fail } from "./errors.js";
import { begin, demandList, edit, end, integerFrom, isValue } from "./lists-lookup.js";

function lset(call: Call): void {
  const ref = call.findForWrite(1);
  if (ref === 0) {
    fail(call, "noSuchKey");
    return;
  }
  const store = demandList(call, ref);
  if (store === undefined) return;
  const given = roundedInteger(call, 2);
  if (Number.isNaN(given)) return;
  const index = given < 0 ? store.visibleCount + given : given;
  if (index < 0 || index >= store.visibleCount) {
    call.reply.error("ERR index out of range");
    return;
  }
  begin(call, 1, ref);
  edit.set(index, call.copy(3));
  end(call, 1, "lset");
  call.reply.ok();
}

function linsert(call: Call): void {
  const isAfter = call.is(2, "AFTER");
  if (!isAfter && !call.is(2, "BEFORE")) {
    fail(call, "syntax");
    return;
  }
  const ref = call.findForWrite(1);
  if (ref === 0) {
    call.reply.integer(0);
    return;
  }
  const store = demandList(call, ref);
  if (store === undefined) return;
  const pivot = indexOf(call, store, 3);
  if (pivot < 0) {
    call.reply.integer(-1);
    return;
  }
  begin(call, 1, ref);
  edit.insert(isAfter ? pivot + 1 : pivot, call.copy(4));
  end(call, 1, "linsert");
  call.reply.integer(edit.visibleCount);
}

/** The first index of the value that argument `argument` names, or -1. */
function indexOf(call: Call, store: ListView, argument: number): number {
  const count = store.visibleCount;
  store.seek(0);
  for (let index = 0; index < count; index++, store.step(false))
    if (isValue(call, store, argument)) return index;
  return -1;
}

function lrem(call: Call): void {
  const given = roundedInteger(call, 2);
  if (Number.isNaN(given)) return;
  const ref = call.findForWrite(1);
  if (ref === 0) {
    call.reply.integer(0);
    return;
  }
  const store = demandList(call, ref);
  if (store === undefined) return;
  const isReverse = given < 0;
  const wanted = given === 0 ? Number.POSITIVE_INFINITY : Math.abs(given);
  let removed = 0;
  const count = store.visibleCount;
  store.seek(isReverse ? count - 1 : 0);
  for (let seen = 0; seen < count && removed < wanted; seen++) {
    if (!isValue(call, store, 3)) {
      store.step(isReverse);
      continue;
    }
    if (removed++ === 0) begin(call, 1, ref);
    edit.remove();
    if (isReverse) store.step(true);
  }
  if (removed > 0) end(call, 1, "lrem");
  call.reply.integer(removed);
}

function ltrim(call: Call): void {
  let start = roundedInteger(call, 2);
  if (Number.isNaN(start)) return;
  let stop = roundedInteger(call, 3);
  if (Number.isNaN(stop)) return;
  const ref = call.findForWrite(1);
  if (ref === 0) {
    call.reply.ok();
    return;
  }
  const store = demandList(call, ref);
  if (store === undefined) return;
  const count = store.visibleCount;
  if (start < 0) start = Math.max(0, count + start);
  stop = Math.min(stop < 0 ? count + stop : stop, count - 1);
  const isEmpty = start > stop;
  const atFront = isEmpty ? count : start;
  const atBack = isEmpty ? 0 : count - 1 - stop;
  begin(call, 1, ref);
  if (atBack > 0) {
    store.seek(count - atBack);
    for (let left = atBack; left > 0; left--) edit.remove();
  }
  if (atFront > 0) {
    store.seek(0);
    for (let left = atFront; left > 0; left--) edit.remove();
  }
  end(call, 1, "ltrim");
  call.reply.ok();
}

interface LposOptions {
  /** From 1; negative counts from the end. */
  rank: number;
  /** -1: one index is wanted, not an array. */
  count: number;
  /** Elements compared at most; 0 is no limit. */
  maxLength: number;
}

const rankZero =
  "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use " +
  "negative to start from the end of the list";

/** The one rank that C cannot negate: it counts from the end, and every match is beyond it. */
const boundlessRank = Number.NEGATIVE_INFINITY;

function rankArgument(call: Call, index: number): number {
  return call.int64(index) === -(2n ** 63n) ? boundlessRank : roundedInteger(call, index);
}

/** Undefined after the error was replied. */
function lposOptions(call: Call): LposOptions | undefined {
  const options = { rank: 1, count: -1, maxLength: 0 };
  for (let index = 3; index < call.argc; index += 2) {
    const hasMore = index + 1 < call.argc;
    let value: number;
    if (call.is(index, "RANK") && hasMore) {
      value = options.rank = rankArgument(call, index + 1);
      if (value === 0) {
        call.reply.error(rankZero);
        return undefined;
      }
    } else if (call.is(index, "COUNT") && hasMore) {
      value = options.count = integerFrom(call, index + 1, 0, "COUNT can't be negative");
    } else if (call.is(index, "MAXLEN") && hasMore) {
      value = options.maxLength = integerFrom(call, index + 1, 0, "MAXLEN can't be negative");
    } else {
      fail(call, "syntax");
      return undefined;
    }
    if (Number.isNaN(value)) return undefined;
  }
  return options;
}

function lpos(call: Call): void {
  const options = lposOptions(call);
  if (options === undefined) return;
  const isOne = options.count === -1;
  const ref = call.findForRead(1);
  if (ref === 0) {
    if (isOne) call.reply.nil();
    else call.reply.array(0);
    return;
  }
  const store = demandList(call, ref);
  if (store === undefined) return;
  const found = matches(call, store, options);
  if (!isOne) {
    call.reply.array(found.length);
    for (const index of found) call.reply.integer(index);
  } else if (found.length === 0) {
    call.reply.nil();
  } else {
    call.reply.integer(found[0]!);
  }
}

function matches(call: Call, store: ListView, { rank, count, maxLength }: LposOptions): number[] {
  const isReverse = rank < 0;
  const size = store.visibleCount;
  const seenMax = maxLength === 0 ? size : Math.min(size, maxLength);
  const isBoundless = rank === boundlessRank;
  const wanted = count === -1 ? 1 : count === 0 || isBoundless ? size : count;
  const found: number[] = [];
  let passed = isBoundless ? 0 : Math.abs(rank) - 1;
  store.seek(isReverse ? size - 1 : 0);
  for (let seen = 0; seen < seenMax && found.length < wanted; seen++, store.step(isReverse)) {
    if (!isValue(call, store, 2)) continue;
    if (passed > 0) passed--;
    else found.push(isReverse ? size - 1 - seen : seen);
  }
  return found;
}

const writing = {
  keys: oneKey,
  categories: ["list"],
  group: "list",
  since: "1.0.0",
  replication: "delta",
} as const;

export const listEditCommands: readonly CommandSpec[] = [
  {
    ...writing,
    name: "lset",
    arity: 4,
    flags: ["write", "denyoom"],
    summary: "Set the value of an element in a list by its index",
    complexity:
      "O(N/128) where N is the number of elements between the index and the nearer end, and " +
      "O(log N) in the length of the list.",
    run: lset,
  },
  {
    ...writing,
    name: "linsert",
    arity: 5,
    flags: ["write", "denyoom"],
    since: "2.2.0",
    summary: "Insert an element before or after another element in a list",
    complexity: "O(N) where N is the number of elements to traverse before seeing the value pivot.",
    run: linsert,
  },
  {
    ...writing,
    name: "lrem",
    arity: 4,
    flags: ["write"],
    summary: "Remove elements from a list",
    complexity:
      "O(N+M) where N is the length of the list and M is the number of elements " + "removed.",
    run: lrem,
  },
  {
    ...writing,
    name: "ltrim",
    arity: 4,
    flags: ["write"],
    summary: "Trim a list to the specified range",
    complexity: "O(N) where N is the number of elements to be removed by the operation.",
    run: ltrim,
  },
  {
    keys: oneKey,
    categories: ["list"],
    group: "list",
    name: "lpos",
    arity: -3,
    flags: ["readonly"],
    since: "6.0.6",
    summary: "Return the index of matching elements on a list",
    complexity:
      "O(N) where N is the number of elements in the list, for the average case. When searching " +
      "for elements near the head or the tail of the list, or when the MAXLEN option is given, " +
      "the command may run in constant time.",
    run: lpos,
  },
];
