// What the commands of sorted sets share: finding one, sending members and scores, and the limits
// by which Redis names the encoding of a set.

import { type Ref, slabOf } from "../keyspace/arena.js";
import * as record from "../keyspace/record.js";
import { viewZset } from "../keyspace/zset-forms.js";
import { run, ZsetTable } from "../keyspace/zset-table.js";
import type { ZsetView } from "../keyspace/zset-view.js";
import type { Call } from "./call.js";
import { replyDouble } from "./double-text.js";
import { fail } from "./errors.js";

/** The sorted set under a record that was found; undefined after WRONGTYPE was replied. */
export function demandZset(call: Call, ref: Ref): ZsetView | undefined {
  const view = viewZset(call.keyspace, ref);
  if (view === undefined) fail(call, "wrongType");
  return view;
}

/**
 * Sends `count` members from a rank on, with their scores if asked: pairs are arrays of their own
 * in RESP3.
 */
export function replyMembers(
  call: Call,
  view: ZsetView,
  rank: number,
  count: number,
  isReverse: boolean,
  withScores: boolean,
): void {
  const { reply } = call;
  const isNested = withScores && reply.resp3;
  reply.array(withScores && !isNested ? count * 2 : count);
  if (count === 0) return;
  if (view instanceof ZsetTable) {
    replyRuns(call, view, rank, count, isReverse, withScores);
    return;
  }
  view.seek(rank);
  for (let left = count; ; view.step(isReverse)) {
    if (isNested) reply.array(2);
    reply.bulk(view.bytes, view.start, view.length);
    if (withScores) replyDouble(reply, view.score);
    if (--left === 0) return;
  }
}

function replyRuns(
  call: Call,
  table: ZsetTable,
  rank: number,
  count: number,
  isReverse: boolean,
  withScores: boolean,
): void {
  const { reply } = call;
  const { arena } = call.keyspace;
  const isNested = withScores && reply.resp3;
  for (let done = 0; done < count; ) {
    const copied = table.copyRun(isReverse ? rank - done : rank + done, count - done, isReverse);
    for (let i = 0; i < copied; i++) {
      const ref = run.refs[i]!;
      if (isNested) reply.array(2);
      const start = record.keyStartOf(arena, ref);
      const words = arena.data[slabOf(ref)];
      reply.bulk(record.bytesOf(arena, ref), start, record.keyLengthOf(arena, ref), words);
      if (withScores) replyDouble(reply, run.scores[i]!);
    }
    done += copied;
  }
}

/** Whether Redis keeps so many members, the longest so long, in a listpack. */
export function fitsListpack(call: Call, count: number, lengthMax: number): boolean {
  const { settings } = call.environment;
  return (
    count <= settings.number("zset-max-listpack-entries") &&
    lengthMax <= settings.number("zset-max-listpack-value")
  );
}

/**
 * Remembers that a set outgrew the listpack: Redis never turns it back. `ref` is its record now.
 */
export function noteGrowth(call: Call, ref: Ref, count: number, lengthMax: number): void {
  const { arena } = call.keyspace;
  if (record.isRoomy(arena, ref) || fitsListpack(call, count, lengthMax)) return;
  record.markRoomy(arena, ref);
}

/**
 * The score as the encoding would keep it: a listpack stores integers, and minus zero becomes zero
 * in it.
 * @param count members there will be.
 */
export function storedScore(
  call: Call,
  ref: Ref,
  score: number,
  count: number,
  length: number,
): number {
  if (!Object.is(score, -0)) return score;
  const isRoomy = ref !== 0 && record.isRoomy(call.keyspace.arena, ref);
  return !isRoomy && fitsListpack(call, count, length) ? 0 : score;
}
