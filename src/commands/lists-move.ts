// Lists between keys and with waiting: LMOVE, RPOPLPUSH, LMPOP and the blocking forms. Replies,
// errors and events: Redis 7.0, t_list.c; who waits is served by the node (blocking.ts).

import { listUnder } from "../keyspace/list-edit.js";
import { copyValue } from "../keyspace/packed-list.js";
import { slots } from "../lattice/key-entry.js";
import { deadlineArgument, waitForKeys } from "./blocking.js";
import type { Call } from "./call.js";
import { type CommandSpec, twoKeys } from "./command.js";
import { fail } from "./errors.js";
import {
  begin,
  demandList,
  edit,
  endArgument,
  integerFrom,
  popEvent,
  popMany,
  popOne,
  pushEvent,
} from "./lists-lookup.js";
import { sameArguments, visibleSlotOf } from "./lookup.js";
import { notify } from "./notify.js";

interface Ends {
  /** LEFT is true. */
  readonly from: boolean;
  readonly to: boolean;
}

const rightToLeft: Ends = { from: false, to: true };

/**
 * Moves an element from the list at argument 1, which is there, to the one at argument 2, and
 * replies it.
 */
function moveOne(call: Call, { from, to }: Ends): void {
  const { reply } = call;
  const source = call.findForWrite(1);
  const target = call.findForWrite(2);
  const isTargetList = target === 0 || visibleSlotOf(call, target) === slots.list;
  const store = demandList(call, source);
  if (store === undefined) return;
  if (!isTargetList) {
    fail(call, "wrongType");
    return;
  }
  store.seek(from ? 0 : store.visibleCount - 1);
  const value = copyValue(store);
  begin(call, 1, source);
  edit.remove();
  let isEmptied = false;
  if (sameArguments(call, 1, 2)) {
    // The key stays, even if it had but this element.
    edit.push(to, value, 0, value.length);
    edit.end();
  } else {
    isEmptied = edit.end();
    begin(call, 2, target);
    edit.push(to, value, 0, value.length);
    edit.end();
  }
  reply.bulk(value);
  notify(call, "list", pushEvent(to), 2);
  notify(call, "list", popEvent(from), 1);
  if (isEmptied) notify(call, "generic", "del", 1);
}

/** The two ends at arguments 3 and 4; undefined after the error was replied. */
function endsOf(call: Call): Ends | undefined {
  const from = endArgument(call, 3);
  if (from === undefined) return undefined;
  const to = endArgument(call, 4);
  return to === undefined ? undefined : { from, to };
}

const move =
  (read: (call: Call) => Ends | undefined) =>
  (call: Call): void => {
    const ends = read(call);
    if (ends === undefined) return;
    if (call.findForWrite(1) === 0) call.reply.nil();
    else moveOne(call, ends);
  };

const blockingMove =
  (read: (call: Call) => Ends | undefined, timeout: number) =>
  (call: Call): void => {
    const ends = read(call);
    if (ends === undefined) return;
    const deadlineMs = deadlineArgument(call, timeout);
    if (Number.isNaN(deadlineMs)) return;
    if (call.findForWrite(1) !== 0) {
      moveOne(call, ends);
      return;
    }
    waitForKeys(call, {
      keys: [1],
      deadlineMs,
      serve: (later) => {
        const ref = later.findForWrite(1);
        if (ref === 0 || listUnder(later.keyspace, ref) === undefined) return false;
        // A target of another type is an error and ends the wait.
        moveOne(later, ends);
        return true;
      },
      // Redis answers a wait that was in vain with an array, and one that may not begin with a
      // missing value.
      giveUp: (later) => (later.mayBlock ? later.reply.nilArray() : later.reply.nil()),
    });
  };

// ---- BLPOP, BRPOP, LMPOP, BLMPOP

interface PopWish {
  readonly isFront: boolean;
  /** 0: one element, beside its key. Else up to so many, as an array. */
  readonly count: number;
}

function popFrom(call: Call, index: number, ref: number, { isFront, count }: PopWish): void {
  const store = listUnder(call.keyspace, ref)!;
  call.reply.array(2);
  call.reply.bulk(call.bytes, call.start(index), call.size(index));
  if (count === 0) popOne(call, index, ref, store, isFront);
  else popMany(call, index, ref, store, isFront, count);
}

/**
 * Pops from the first list that is there. False when none is; true also after WRONGTYPE was
 * replied.
 */
function popFirst(call: Call, first: number, keyCount: number, wish: PopWish): boolean {
  for (let index = first; index < first + keyCount; index++) {
    const ref = call.findForWrite(index);
    if (ref === 0) continue;
    if (demandList(call, ref) !== undefined) popFrom(call, index, ref, wish);
    return true;
  }
  return false;
}

function popOrWait(
  call: Call,
  first: number,
  keyCount: number,
  wish: PopWish,
  timeout: number,
): void {
  const deadlineMs = deadlineArgument(call, timeout);
  if (Number.isNaN(deadlineMs) || popFirst(call, first, keyCount, wish)) return;
  waitForKeys(call, {
    keys: Array.from({ length: keyCount }, (_, index) => first + index),
    deadlineMs,
    serve: (later, index) => {
      const ref = later.findForWrite(index);
      if (ref === 0 || listUnder(later.keyspace, ref) === undefined) return false;
      popFrom(later, index, ref, wish);
      return true;
    },
    giveUp: (later) => later.reply.nilArray(),
  });
}

const blockingPop =
  (isFront: boolean) =>
  (call: Call): void =>
    popOrWait(call, 1, call.argc - 2, { isFront, count: 0 }, call.argc - 1);

interface KeysAndWish extends PopWish {
  readonly first: number;
  readonly keyCount: number;
}

/**
 * `numkeys key ... LEFT|RIGHT [COUNT count]` from an argument on; undefined after the error was
 * replied.
 */
function popArguments(call: Call, at: number): KeysAndWish | undefined {
  const keyCount = integerFrom(call, at, 1, "numkeys should be greater than 0");
  if (Number.isNaN(keyCount)) return undefined;
  const where = at + keyCount + 1;
  if (where >= call.argc) {
    fail(call, "syntax");
    return undefined;
  }
  const isFront = endArgument(call, where);
  if (isFront === undefined) return undefined;
  let count = 1;
  if (call.argc > where + 1) {
    if (!call.is(where + 1, "COUNT") || call.argc === where + 2) {
      fail(call, "syntax");
      return undefined;
    }
    count = integerFrom(call, where + 2, 1, "count should be greater than 0");
    if (Number.isNaN(count)) return undefined;
    if (call.argc > where + 3) {
      fail(call, "syntax");
      return undefined;
    }
  }
  return { first: at + 1, keyCount, isFront, count };
}

function lmpop(call: Call): void {
  const wanted = popArguments(call, 1);
  if (wanted === undefined) return;
  if (!popFirst(call, wanted.first, wanted.keyCount, wanted)) call.reply.nilArray();
}

function blmpop(call: Call): void {
  const wanted = popArguments(call, 2);
  if (wanted !== undefined) popOrWait(call, wanted.first, wanted.keyCount, wanted, 1);
}

/** The keys behind a count at argument `at`; undefined when the request is not well formed. */
const countedKeys =
  (at: number) =>
  (call: Call): number[] | undefined => {
    const count = call.safeInteger(at);
    if (!(count >= 1) || at + count >= call.argc) return undefined;
    return Array.from({ length: count }, (_, index) => at + 1 + index);
  };

const shared = { categories: ["list"], group: "list", replication: "delta" } as const;
const waiting = { ...shared, categories: ["list", "blocking"] } as const;
const onlyReason = "O(1)";
const popComplexity =
  "O(N+M) where N is the number of provided keys and M is the number of elements returned.";

export const listMoveCommands: readonly CommandSpec[] = [
  {
    ...shared,
    name: "lmove",
    arity: 5,
    flags: ["write", "denyoom"],
    keys: twoKeys,
    since: "6.2.0",
    summary: "Pop an element from a list, push it to another list and return it",
    complexity: onlyReason,
    run: move(endsOf),
  },
  {
    ...shared,
    name: "rpoplpush",
    arity: 3,
    flags: ["write", "denyoom"],
    keys: twoKeys,
    since: "1.2.0",
    deprecated: { since: "6.2.0", replacedBy: "`LMOVE` with the `RIGHT` and `LEFT` arguments" },
    summary: "Remove the last element in a list, prepend it to another list and return it",
    complexity: onlyReason,
    run: move(() => rightToLeft),
  },
  {
    ...shared,
    name: "lmpop",
    arity: -4,
    flags: ["write", "movablekeys"],
    findKeys: countedKeys(1),
    since: "7.0.0",
    summary: "Pop elements from a list",
    complexity: popComplexity,
    run: lmpop,
  },
  {
    ...waiting,
    name: "blpop",
    arity: -3,
    flags: ["write", "noscript", "blocking"],
    keys: { first: 1, last: -2, step: 1 },
    since: "2.0.0",
    summary: "Remove and get the first element in a list, or block until one is available",
    complexity: "O(N) where N is the number of provided keys.",
    run: blockingPop(true),
  },
  {
    ...waiting,
    name: "brpop",
    arity: -3,
    flags: ["write", "noscript", "blocking"],
    keys: { first: 1, last: -2, step: 1 },
    since: "2.0.0",
    summary: "Remove and get the last element in a list, or block until one is available",
    complexity: "O(N) where N is the number of provided keys.",
    run: blockingPop(false),
  },
  {
    ...waiting,
    name: "blmove",
    arity: 6,
    flags: ["write", "denyoom", "noscript", "blocking"],
    keys: twoKeys,
    since: "6.2.0",
    summary:
      "Pop an element from a list, push it to another list and return it; or block until one is " +
      "available",
    complexity: onlyReason,
    run: blockingMove(endsOf, 5),
  },
  {
    ...waiting,
    name: "brpoplpush",
    arity: 4,
    flags: ["write", "denyoom", "noscript", "blocking"],
    keys: twoKeys,
    since: "2.2.0",
    deprecated: { since: "6.2.0", replacedBy: "`BLMOVE` with the `RIGHT` and `LEFT` arguments" },
    summary:
      "Pop an element from a list, push it to another list and return it; or block until one is " +
      "available",
    complexity: onlyReason,
    run: blockingMove(() => rightToLeft, 3),
  },
  {
    ...waiting,
    name: "blmpop",
    arity: -5,
    flags: ["write", "blocking", "movablekeys"],
    findKeys: countedKeys(2),
    since: "7.0.0",
    summary: "Pop elements from a list, or block until one is available",
    complexity: popComplexity,
    run: blmpop,
  },
];
