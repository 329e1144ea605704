// Ranges of sorted sets: ZRANGE with its relatives, counts, removal by range, ZRANGESTORE, ZQUERY.
// A range becomes an interval of ranks first; whatever is asked of it then takes O(log n + k).
// Replies and errors: Redis 7.0, t_zset.c.

import { copyMembers, ScoredList } from "../keyspace/scored-list.js";
import type { ZsetView } from "../keyspace/zset-view.js";
import { roundedInteger } from "./arguments.js";
import type { Call } from "./call.js";
import { type CommandSpec, oneKey, twoKeys } from "./command.js";
import { parseDouble } from "./double-text.js";
import { fail } from "./errors.js";
import { notify } from "./notify.js";
import {
  findMembers,
  findRanks,
  findScores,
  parseMembers,
  parseScores,
  ranks,
  skip,
} from "./zset-bounds.js";
import { demandZset, fitsListpack, replyMembers } from "./zset-lookup.js";
import { replaceZset } from "./zset-store.js";
import { edit, openEdit } from "./zsets.js";

type By = "rank" | "score" | "member";

/** What the options of a range command said. */
const options = {
  by: "rank" as By,
  isReverse: false,
  withScores: false,
  offset: 0,
  limit: -1,
};

/** Reads the options from argument `index` on; `isFree` commands take BYSCORE, BYLEX and REV. */
function parseOptions(call: Call, index: number, isFree: boolean, isStored: boolean): boolean {
  let isOrderOpen = isFree;
  for (let at = index; at < call.argc; at++) {
    if (!isStored && call.is(at, "WITHSCORES")) options.withScores = true;
    else if (call.is(at, "LIMIT") && at + 2 < call.argc) {
      options.offset = roundedInteger(call, at + 1);
      if (Number.isNaN(options.offset)) return false;
      options.limit = roundedInteger(call, at + 2);
      if (Number.isNaN(options.limit)) return false;
      at += 2;
    } else if (isFree && !options.isReverse && call.is(at, "REV")) options.isReverse = true;
    else if (isOrderOpen && call.is(at, "BYLEX")) {
      options.by = "member";
      isOrderOpen = false;
    } else if (isOrderOpen && call.is(at, "BYSCORE")) {
      options.by = "score";
      isOrderOpen = false;
    } else {
      fail(call, "syntax");
      return false;
    }
  }
  return true;
}

function areCompatible(call: Call): boolean {
  if (options.limit !== -1 && options.by === "rank") {
    call.reply.error(
      "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
    );
    return false;
  }
  if (options.withScores && options.by === "member") {
    call.reply.error("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
    return false;
  }
  return true;
}

const rankRange = { start: 0, end: 0 };

/**
 * Reads the two bounds at `min` and after it, which are given as maximum and minimum in reverse.
 */
function parseRange(call: Call, by: By, min: number, isReverse: boolean): boolean {
  const low = isReverse ? min + 1 : min;
  const high = isReverse ? min : min + 1;
  if (by === "score") return parseScores(call, low, high);
  if (by === "member") return parseMembers(call, low, high);
  rankRange.start = roundedInteger(call, min);
  if (Number.isNaN(rankRange.start)) return false;
  rankRange.end = roundedInteger(call, min + 1);
  return !Number.isNaN(rankRange.end);
}

/**
 * The place of the first member of a range and how many there are; in reverse it is the highest.
 */
const found = { rank: 0, count: 0 };

function find(call: Call, view: ZsetView): void {
  const count = view.visibleCount;
  const { by, isReverse, offset, limit } = options;
  if (by === "rank") {
    findRanks(count, rankRange.start, rankRange.end);
    found.rank = isReverse ? count - 1 - ranks.from : ranks.from;
    found.count = Math.max(0, ranks.to - ranks.from);
    return;
  }
  if (by === "member") findMembers(call, view, isReverse, offset);
  else {
    findScores(view);
    skip(offset, isReverse);
  }
  const left = Math.max(0, ranks.to - ranks.from);
  found.rank = isReverse ? ranks.to - 1 : ranks.from;
  found.count = limit < 0 ? left : Math.min(left, limit); // A negative limit means no limit.
}

/** ZRANGE and all its relatives: the source key is argument `source`. */
function range(call: Call, source: number, isFree: boolean, isStored: boolean): void {
  if (call.argc > source + 3 && !parseOptions(call, source + 3, isFree, isStored)) return;
  if (!areCompatible(call)) return;
  const { by, isReverse } = options;
  if (!parseRange(call, by, source + 1, by !== "rank" && isReverse)) return;
  const ref = call.findForRead(source);
  const view = ref === 0 ? undefined : demandZset(call, ref);
  if (view === undefined) {
    if (ref !== 0) return;
    if (isStored) replaceZset(call, 1, new ScoredList(), "zrangestore");
    else call.reply.array(0);
    return;
  }
  find(call, view);
  if (!isStored) {
    replyMembers(call, view, found.rank, found.count, isReverse, options.withScores);
    return;
  }
  const members = copyMembers(view, found.rank, found.count, isReverse);
  addOneByOne(call, members, by === "rank" ? members.count : 0);
  replaceZset(call, 1, members, "zrangestore");
}

/**
 * Minus zero becomes zero in a listpack. Redis adds the members one after another, to a listpack
 * until it is outgrown; `expected` members make it begin without one.
 */
function addOneByOne(call: Call, members: ScoredList, expected: number): void {
  let isListpack = fitsListpack(call, expected, 0);
  for (let i = 0; i < members.count; i++) {
    isListpack &&= fitsListpack(call, i + 1, members.length(i));
    if (!isListpack) return;
    members.setScore(i, members.score(i) + 0);
  }
}

const fixed =
  (by: By, isReverse: boolean) =>
  (call: Call): void => {
    begin(by, isReverse);
    range(call, 1, false, false);
  };

function begin(by: By, isReverse: boolean): void {
  options.by = by;
  options.isReverse = isReverse;
  options.withScores = false;
  options.offset = 0;
  options.limit = -1;
}

function zrange(call: Call): void {
  begin("rank", false);
  range(call, 1, true, false);
}

function zrangestore(call: Call): void {
  begin("rank", false);
  range(call, 2, true, true);
}

const counted =
  (by: "score" | "member") =>
  (call: Call): void => {
    if (!parseRange(call, by, 2, false)) return;
    const ref = call.findForRead(1);
    if (ref === 0) {
      call.reply.integer(0);
      return;
    }
    const view = demandZset(call, ref);
    if (view === undefined) return;
    if (by === "score") findScores(view);
    else findMembers(call, view, false, 0);
    call.reply.integer(Math.max(0, ranks.to - ranks.from));
  };

const removed =
  (by: By) =>
  (call: Call): void => {
    if (!parseRange(call, by, 2, false)) return;
    const ref = call.findForWrite(1);
    if (ref === 0) {
      call.reply.integer(0);
      return;
    }
    const view = demandZset(call, ref);
    if (view === undefined) return;
    if (by === "score") findScores(view);
    else if (by === "member") findMembers(call, view, false, 0);
    else findRanks(view.visibleCount, rankRange.start, rankRange.end);
    const count = Math.max(0, ranks.to - ranks.from);
    if (count > 0) {
      openEdit(call, 1, ref);
      edit.removeRange(ranks.from, count);
      const isEmptied = edit.close();
      notify(call, "zset", call.command.name, 1);
      if (isEmptied) notify(call, "generic", "del", 1);
    }
    call.reply.integer(count);
  };

/**
 * ZQUERY key score member offset limit: from the first pair at or after (score, member), `offset`
 * further on (or back), up to `limit` pairs. Nothing when there is no such place.
 */
function zquery(call: Call): void {
  const score = parseDouble(call.bytes, call.start(2), call.size(2));
  if (Number.isNaN(score)) {
    fail(call, "notFloat");
    return;
  }
  const offset = roundedInteger(call, 4);
  if (Number.isNaN(offset)) return;
  const limit = roundedInteger(call, 5);
  if (Number.isNaN(limit)) return;
  const ref = call.findForRead(1);
  if (ref === 0) {
    call.reply.array(0);
    return;
  }
  const view = demandZset(call, ref);
  if (view === undefined) return;
  const count = view.visibleCount;
  const first = view.rankOfPair(score, call.bytes, call.start(3), call.size(3), false);
  const rank = first + offset;
  const isInside = first < count && rank >= 0 && rank < count && limit > 0;
  replyMembers(call, view, rank, isInside ? Math.min(limit, count - rank) : 0, false, true);
}

const shared = { keys: oneKey, categories: ["sortedset"], group: "sorted-set" } as const;
const read = { ...shared, flags: ["readonly"] } as const;
const logPlusM =
  "O(log(N)+M) with N being the number of elements in the sorted set and M the number of " +
  "elements returned.";
const logPlusRemoved =
  "O(log(N)+M) with N being the number of elements in the sorted set and M the number of " +
  "elements removed by the operation.";

export const zsetRangeCommands: readonly CommandSpec[] = [
  {
    ...read,
    name: "zrange",
    arity: -4,
    since: "1.2.0",
    summary: "Return a range of members in a sorted set",
    complexity: logPlusM,
    run: zrange,
  },
  {
    ...read,
    name: "zrevrange",
    arity: -4,
    since: "1.2.0",
    summary:
      "Return a range of members in a sorted set, by index, with scores ordered from high to low",
    complexity: logPlusM,
    deprecated: { since: "6.2.0", replacedBy: "`ZRANGE` with the `REV` argument" },
    run: fixed("rank", true),
  },
  {
    ...read,
    name: "zrangebyscore",
    arity: -4,
    since: "1.0.5",
    summary: "Return a range of members in a sorted set, by score",
    complexity: logPlusM,
    deprecated: { since: "6.2.0", replacedBy: "`ZRANGE` with the `BYSCORE` argument" },
    run: fixed("score", false),
  },
  {
    ...read,
    name: "zrevrangebyscore",
    arity: -4,
    since: "2.2.0",
    summary:
      "Return a range of members in a sorted set, by score, with scores ordered from high to low",
    complexity: logPlusM,
    deprecated: { since: "6.2.0", replacedBy: "`ZRANGE` with the `REV` and `BYSCORE` arguments" },
    run: fixed("score", true),
  },
  {
    ...read,
    name: "zrangebylex",
    arity: -4,
    since: "2.8.9",
    summary: "Return a range of members in a sorted set, by lexicographical range",
    complexity: logPlusM,
    deprecated: { since: "6.2.0", replacedBy: "`ZRANGE` with the `BYLEX` argument" },
    run: fixed("member", false),
  },
  {
    ...read,
    name: "zrevrangebylex",
    arity: -4,
    since: "2.8.9",
    summary:
      "Return a range of members in a sorted set, by lexicographical range, ordered from " +
      "higher to lower strings.",
    complexity: logPlusM,
    deprecated: { since: "6.2.0", replacedBy: "`ZRANGE` with the `REV` and `BYLEX` arguments" },
    run: fixed("member", true),
  },
  {
    ...shared,
    keys: twoKeys,
    name: "zrangestore",
    arity: -5,
    flags: ["write", "denyoom"],
    replication: "delta",
    since: "6.2.0",
    summary: "Store a range of members from sorted set into another key",
    complexity:
      "O(log(N)+M) with N being the number of elements in the sorted set and M the " +
      "number of elements stored into the destination key.",
    run: zrangestore,
  },
  {
    ...shared,
    name: "zcount",
    arity: 4,
    flags: ["readonly", "fast"],
    since: "2.0.0",
    summary: "Count the members in a sorted set with scores within the given values",
    complexity: "O(log(N)) with N being the number of elements in the sorted set.",
    run: counted("score"),
  },
  {
    ...shared,
    name: "zlexcount",
    arity: 4,
    flags: ["readonly", "fast"],
    since: "2.8.9",
    summary: "Count the number of members in a sorted set between a given lexicographical range",
    complexity: "O(log(N)) with N being the number of elements in the sorted set.",
    run: counted("member"),
  },
  {
    ...shared,
    name: "zremrangebyrank",
    arity: 4,
    flags: ["write"],
    replication: "delta",
    since: "2.0.0",
    summary: "Remove all members in a sorted set within the given indexes",
    complexity: logPlusRemoved,
    run: removed("rank"),
  },
  {
    ...shared,
    name: "zremrangebyscore",
    arity: 4,
    flags: ["write"],
    replication: "delta",
    since: "1.2.0",
    summary: "Remove all members in a sorted set within the given scores",
    complexity: logPlusRemoved,
    run: removed("score"),
  },
  {
    ...shared,
    name: "zremrangebylex",
    arity: 4,
    flags: ["write"],
    replication: "delta",
    since: "2.8.9",
    summary: "Remove all members in a sorted set between the given lexicographical range",
    complexity: logPlusRemoved,
    run: removed("member"),
  },
  {
    ...read,
    name: "zquery",
    arity: 6,
    since: "7.0.0",
    summary: "Return pairs of a sorted set from a place given by score, member and offset",
    complexity:
      "O(log(N)+M) with N being the number of elements in the sorted set and M the " +
      "number of pairs returned.",
    run: zquery,
  },
];
