// Sorted sets, member by member: ZADD, ZINCRBY, ZREM, scores and ranks. Replies and errors: Redis
// 7.0, t_zset.c.
//
// For other nodes ZADD writes a member's score over what was seen, and ZINCRBY adds to it
// (keyspace/zset-edit.ts). Where other nodes exist a ZADD that changes nothing still gives the
// member a fresh stamp, so that it survives a removal that has not seen it.

import { ZsetEdit } from "../keyspace/zset-edit.js";
import type { Call } from "./call.js";
import { type CommandSpec, oneKey } from "./command.js";
import { parseDouble, replyDouble } from "./double-text.js";
import { fail } from "./errors.js";
import { notify } from "./notify.js";
import { demandZset, noteGrowth, storedScore } from "./zset-lookup.js";

/** The edit of the command that runs. */
export const edit = new ZsetEdit();

/**
 * Opens the edit on argument `index`, whose visible record is `ref`; false after WRONGTYPE was
 * replied.
 */
export function openEdit(call: Call, index: number, ref: number): boolean {
  const { keyspace, db, bytes } = call;
  const hash = call.hashOf(index);
  if (edit.open(keyspace, db, hash, bytes, call.start(index), call.size(index), ref)) return true;
  fail(call, "wrongType");
  return false;
}

export const option = { nx: 1, xx: 2, gt: 4, lt: 8, ch: 16, incr: 32 } as const;

const lastDigit = 57;

/** The bit of an option, 0 when the argument is none. */
function optionOf(call: Call, index: number): number {
  if (call.bytes[call.start(index)]! <= lastDigit) return 0;
  if (call.size(index) === 2) {
    if (call.is(index, "NX")) return option.nx;
    if (call.is(index, "XX")) return option.xx;
    if (call.is(index, "GT")) return option.gt;
    if (call.is(index, "LT")) return option.lt;
    if (call.is(index, "CH")) return option.ch;
  }
  return call.is(index, "INCR") ? option.incr : 0;
}

/** Redis reads ZADD's options in ZINCRBY too, which leaves no room for its own arguments. */
function add(call: Call, given: number): void {
  let options = given;
  let first = 2;
  while (first < call.argc) {
    const bit = optionOf(call, first);
    if (bit === 0) break;
    options |= bit;
    first++;
  }
  const rest = call.argc - first;
  if (rest === 0 || rest % 2 !== 0) fail(call, "syntax");
  else if (areCompatible(call, options, rest) && readScores(call, first)) {
    addMembers(call, scores, first + 1, 2, options);
  }
}

function areCompatible(call: Call, options: number, rest: number): boolean {
  const { nx, xx, gt, lt, incr } = option;
  const has = (bits: number): boolean => (options & bits) === bits;
  if (has(nx | xx)) {
    call.reply.error("ERR XX and NX options at the same time are not compatible");
    return false;
  }
  if (has(gt | nx) || has(lt | nx) || has(gt | lt)) {
    call.reply.error("ERR GT, LT, and/or NX options at the same time are not compatible");
    return false;
  }
  if (has(incr) && rest > 2) {
    call.reply.error("ERR INCR option supports a single increment-element pair");
    return false;
  }
  return true;
}

/** The scores of one ZADD: all are read before anything is written. */
let scores = new Float64Array(64);

function readScores(call: Call, first: number): boolean {
  const count = (call.argc - first) >> 1;
  if (scores.length < count) scores = new Float64Array(count * 2);
  for (let i = 0; i < count; i++) {
    const index = first + i * 2;
    const score = parseDouble(call.bytes, call.start(index), call.size(index));
    if (Number.isNaN(score)) {
      fail(call, "notFloat");
      return false;
    }
    scores[i] = score;
  }
  return true;
}

/**
 * Adds the members at arguments `first`, `first + step` and so on with their scores, and replies.
 */
export function addMembers(
  call: Call,
  given: Float64Array,
  first: number,
  step: number,
  options: number,
): void {
  const ref = call.findForWrite(1);
  if (!openEdit(call, 1, ref)) return;
  tally.added = 0;
  tally.updated = 0;
  tally.sum = Number.NaN;
  tally.lengthMax = 0;
  const isIncrement = (options & option.incr) !== 0;
  if (ref !== 0 || (options & option.xx) === 0) {
    for (let index = first, i = 0; index < call.argc; index += step, i++) {
      if (addMember(call, index, given[i]!, options)) continue;
      call.reply.error("ERR resulting score is not a number (NaN)");
      return;
    }
  }
  finish(call, isIncrement);
  if (!isIncrement) {
    call.reply.integer(tally.added + ((options & option.ch) !== 0 ? tally.updated : 0));
  } else if (Number.isNaN(tally.sum)) call.reply.nil();
  else replyDouble(call.reply, tally.sum);
}

/**
 * What one ZADD has done so far; `sum` is the score that ZINCRBY replies, NaN while it did nothing.
 */
const tally = { added: 0, updated: 0, sum: Number.NaN, lengthMax: 0 };

/** Adds or changes one member; false when its score would not be a number. */
function addMember(call: Call, index: number, given: number, options: number): boolean {
  const length = call.size(index);
  edit.seek(call.bytes, call.start(index), length);
  const { isFound } = edit;
  if ((options & (isFound ? option.nx : option.xx)) !== 0) return true;
  let score = given;
  if (isFound) {
    const held = edit.score;
    if ((options & option.incr) !== 0) score += held;
    if (Number.isNaN(score)) return false;
    if ((options & option.lt) !== 0 && score >= held) return true;
    if ((options & option.gt) !== 0 && score <= held) return true;
    tally.sum = score;
    if (score === held) {
      if ((options & option.incr) === 0 && call.keyspace.capture !== undefined) edit.put(held);
      return true;
    }
    tally.updated++;
  } else {
    tally.sum = score;
    tally.added++;
    if (length > tally.lengthMax) tally.lengthMax = length;
  }
  const count = Object.is(score, -0) ? edit.visibleCount + (isFound ? 0 : 1) : 0;
  const stored = storedScore(call, edit.ref, score, count, tally.lengthMax);
  if ((options & option.incr) === 0) edit.put(stored);
  else edit.increment(given, stored);
  return true;
}

function finish(call: Call, isIncrement: boolean): void {
  if (tally.added > 0) noteGrowth(call, edit.ref, edit.visibleCount, tally.lengthMax);
  edit.close();
  if (tally.added + tally.updated > 0) notify(call, "zset", isIncrement ? "zincr" : "zadd", 1);
}

function zrem(call: Call): void {
  const ref = call.findForWrite(1);
  if (ref === 0) {
    call.reply.integer(0);
    return;
  }
  if (!openEdit(call, 1, ref)) return;
  let removed = 0;
  for (let index = 2; index < call.argc && edit.ref !== 0; index++) {
    edit.seek(call.bytes, call.start(index), call.size(index));
    if (!edit.isFound) continue;
    edit.remove();
    removed++;
  }
  const isEmptied = edit.close();
  if (removed > 0) notify(call, "zset", "zrem", 1);
  if (isEmptied) notify(call, "generic", "del", 1);
  call.reply.integer(removed);
}

function zscore(call: Call): void {
  const ref = call.findForRead(1);
  if (ref === 0) {
    call.reply.nil();
    return;
  }
  const view = demandZset(call, ref);
  if (view === undefined) return;
  if (view.seekMember(call.bytes, call.start(2), call.size(2))) replyDouble(call.reply, view.score);
  else call.reply.nil();
}

function zmscore(call: Call): void {
  const ref = call.findForRead(1);
  const view = ref === 0 ? undefined : demandZset(call, ref);
  if (ref !== 0 && view === undefined) return;
  call.reply.array(call.argc - 2);
  for (let index = 2; index < call.argc; index++) {
    if (view?.seekMember(call.bytes, call.start(index), call.size(index)) === true) {
      replyDouble(call.reply, view.score);
    } else {
      call.reply.nil();
    }
  }
}

function zcard(call: Call): void {
  const ref = call.findForRead(1);
  if (ref === 0) {
    call.reply.integer(0);
    return;
  }
  const view = demandZset(call, ref);
  if (view !== undefined) call.reply.integer(view.visibleCount);
}

const rank =
  (isReverse: boolean) =>
  (call: Call): void => {
    const ref = call.findForRead(1);
    if (ref === 0) {
      call.reply.nil();
      return;
    }
    const view = demandZset(call, ref);
    if (view === undefined) return;
    if (!view.seekMember(call.bytes, call.start(2), call.size(2))) call.reply.nil();
    else call.reply.integer(isReverse ? view.visibleCount - 1 - view.rank : view.rank);
  };

const shared = {
  keys: oneKey,
  categories: ["sortedset"],
  group: "sorted-set",
} as const;

export const zsetCommands: readonly CommandSpec[] = [
  {
    ...shared,
    name: "zadd",
    element: 3,
    arity: -4,
    flags: ["write", "denyoom", "fast"],
    replication: "delta",
    since: "1.2.0",
    summary: "Add one or more members to a sorted set, or update its score if it already exists",
    complexity:
      "O(log(N)) for each item added, where N is the number of elements in the sorted set.",
    run: (call) => add(call, 0),
  },
  {
    ...shared,
    name: "zincrby",
    element: 3,
    arity: 4,
    flags: ["write", "denyoom", "fast"],
    replication: "delta",
    since: "1.2.0",
    summary: "Increment the score of a member in a sorted set",
    complexity: "O(log(N)) where N is the number of elements in the sorted set.",
    run: (call) => add(call, option.incr),
  },
  {
    ...shared,
    name: "zrem",
    element: 2,
    arity: -3,
    flags: ["write", "fast"],
    replication: "delta",
    since: "1.2.0",
    summary: "Remove one or more members from a sorted set",
    complexity:
      "O(M*log(N)) with N being the number of elements in the sorted set and M the " +
      "number of elements to be removed.",
    run: zrem,
  },
  {
    ...shared,
    name: "zscore",
    element: 2,
    arity: 3,
    flags: ["readonly", "fast"],
    since: "1.2.0",
    summary: "Get the score associated with the given member in a sorted set",
    complexity: "O(1)",
    run: zscore,
  },
  {
    ...shared,
    name: "zmscore",
    element: 2,
    arity: -3,
    flags: ["readonly", "fast"],
    since: "6.2.0",
    summary: "Get the score associated with the given members in a sorted set",
    complexity: "O(N) where N is the number of members being requested.",
    run: zmscore,
  },
  {
    ...shared,
    name: "zcard",
    arity: 2,
    flags: ["readonly", "fast"],
    since: "1.2.0",
    summary: "Get the number of members in a sorted set",
    complexity: "O(1)",
    run: zcard,
  },
  {
    ...shared,
    name: "zrank",
    element: 2,
    arity: 3,
    flags: ["readonly", "fast"],
    since: "2.0.0",
    summary: "Determine the index of a member in a sorted set",
    complexity: "O(log(N))",
    run: rank(false),
  },
  {
    ...shared,
    name: "zrevrank",
    element: 2,
    arity: 3,
    flags: ["readonly", "fast"],
    since: "2.0.0",
    summary:
      "Determine the index of a member in a sorted set, with scores ordered from high to low",
    complexity: "O(log(N))",
    run: rank(true),
  },
];
