// ZSCAN and ZRANDMEMBER. Replies and errors: Redis 7.0, t_zset.c and db.c. ZRANDMEMBER draws ranks,
// so every member is equally likely; the draws come from the node's generator, so a run can be
// repeated.

import type { Ref } from "../keyspace/arena.js";
import { Collection } from "../keyspace/collection.js";
import * as record from "../keyspace/record.js";
import { ScoredList } from "../keyspace/scored-list.js";
import type { ZsetView } from "../keyspace/zset-view.js";
import { slots } from "../lattice/key-entry.js";
import type { Call } from "./call.js";
import { demandSendable, randomCount } from "./collection-random.js";
import { type CommandSpec, oneKey } from "./command.js";
import { formatDouble, replyDouble } from "./double-text.js";
import { fail } from "./errors.js";
import { matchesGlob } from "./glob.js";
import { cursorArgument, scanOptions } from "./scan.js";
import { demandZset, replyMembers } from "./zset-lookup.js";

// ---- ZSCAN

const members = new Collection();

/** In a sparse table many buckets are empty: a call looks at ten times as many as wanted. */
const bucketsPerMember = 10;

function zscan(call: Call): void {
  const { reply } = call;
  const cursor = cursorArgument(call, 2);
  if (cursor === undefined) return;
  const ref = call.findForRead(1);
  if (ref === 0) {
    reply.array(2);
    reply.bulkInteger(0);
    reply.array(0);
    return;
  }
  const view = demandZset(call, ref);
  if (view === undefined) return;
  const options = scanOptions(call, 3, false);
  if (options === undefined) return;
  const { pattern } = options;
  const found = new ScoredList();
  const next = scanMembers(call, ref, cursor, options.count, (bytes, start, length) => {
    if (pattern !== undefined && !matchesGlob(pattern, bytes, start, length)) return;
    view.seekMember(bytes, start, length);
    found.push(bytes, start, length, view.score);
  });
  const isListpack = !record.isRoomy(call.keyspace.arena, ref);
  reply.array(2);
  reply.bulkInteger(next);
  reply.array(found.count * 2);
  for (let i = 0; i < found.count; i++) {
    const score = found.score(i);
    reply.bulk(found.bytes, found.start(i), found.length(i));
    reply.bulkText(isListpack ? formatPacked(score) : formatDouble(score));
  }
}

function scanMembers(
  call: Call,
  ref: Ref,
  start: number,
  count: number,
  visit: (bytes: Uint8Array, start: number, length: number) => void,
): number {
  members.open(call.keyspace, ref, slots.zset);
  const next = members.scan(
    start,
    count,
    count * bucketsPerMember,
    ({ element, elementStart, elementLength }) => visit(element, elementStart, elementLength),
  );
  members.close();
  return next;
}

/** Integers up to this are integers in a listpack, and are sent with all their digits. */
const packedIntegerMax = 2 ** 62;

const formatPacked = (score: number): string =>
  Number.isInteger(score) && Math.abs(score) <= packedIntegerMax
    ? BigInt(score).toString()
    : formatDouble(score);

// ---- ZRANDMEMBER

/** With scores two replies come for each member, and Redis halves the bound of the count. */
const pairsMax = (2n ** 63n - 1n) / 2n;

function zrandmember(call: Call): void {
  if (call.argc > 2) {
    zrandmemberCount(call);
    return;
  }
  const ref = call.findForRead(1);
  if (ref === 0) {
    call.reply.nil();
    return;
  }
  const view = demandZset(call, ref);
  if (view === undefined) return;
  view.seek(draw(call, view.visibleCount));
  call.reply.bulk(view.bytes, view.start, view.length);
}

const draw = (call: Call, below: number): number => Math.floor(call.environment.random() * below);

function zrandmemberCount(call: Call): void {
  const count = randomCount(call, 2);
  if (Number.isNaN(count)) return;
  if (call.argc > 4 || (call.argc === 4 && !call.is(3, "WITHSCORES"))) {
    fail(call, "syntax");
    return;
  }
  const withScores = call.argc === 4;
  const exact = withScores ? call.int64(2)! : 0n;
  if (exact > pairsMax || exact < -pairsMax) {
    call.reply.error("ERR value is out of range");
    return;
  }
  const ref = call.findForRead(1);
  const view = ref === 0 ? undefined : demandZset(call, ref);
  if (ref !== 0 && view === undefined) return;
  if (view === undefined || count === 0) call.reply.array(0);
  else replyRandom(call, view, count, withScores);
}

function replyRandom(call: Call, view: ZsetView, count: number, withScores: boolean): void {
  const { reply } = call;
  const size = view.visibleCount;
  if (count >= size) {
    replyMembers(call, view, size - 1, size, true, withScores);
    return;
  }
  const times = Math.abs(count);
  demandSendable(times);
  const isNested = withScores && reply.resp3;
  reply.array(withScores && !isNested ? times * 2 : times);
  const answer = (rank: number): void => {
    view.seek(rank);
    if (isNested) reply.array(2);
    reply.bulk(view.bytes, view.start, view.length);
    if (withScores) replyDouble(reply, view.score);
  };
  if (count > 0) drawDistinct(call, size, times, answer);
  else for (let i = 0; i < times; i++) answer(draw(call, size));
}

/**
 * Above this share of the set, different members are found by shuffling rather than by drawing
 * again.
 */
const drawnShareMax = 1 / 3;

function drawDistinct(
  call: Call,
  size: number,
  times: number,
  visit: (rank: number) => void,
): void {
  if (times <= size * drawnShareMax) {
    const drawn = new Set<number>();
    while (drawn.size < times) {
      const rank = draw(call, size);
      if (drawn.has(rank)) continue;
      drawn.add(rank);
      visit(rank);
    }
    return;
  }
  const ranks = Int32Array.from({ length: size }, (_, rank) => rank);
  for (let i = 0; i < times; i++) {
    const chosen = i + draw(call, size - i);
    const rank = ranks[chosen]!;
    ranks[chosen] = ranks[i]!;
    visit(rank);
  }
}

const shared = {
  keys: oneKey,
  categories: ["sortedset"],
  group: "sorted-set",
  flags: ["readonly"],
} as const;

export const zsetScanCommands: readonly CommandSpec[] = [
  {
    ...shared,
    name: "zscan",
    arity: -3,
    since: "2.8.0",
    summary: "Incrementally iterate sorted sets elements and associated scores",
    complexity:
      "O(1) for every call. O(N) for a complete iteration, including enough command " +
      "calls for the cursor to return back to 0. N is the number of elements inside the " +
      "collection..",
    run: zscan,
  },
  {
    ...shared,
    name: "zrandmember",
    arity: -2,
    since: "6.2.0",
    summary: "Get one or multiple random elements from a sorted set",
    complexity: "O(N) where N is the number of elements returned",
    run: zrandmember,
  },
];
