// The ranges of sorted sets: by rank, by score, by member. Parsing leaves a range in module state,
// which the command that runs uses at once; so ranges cost no allocation. Syntax: Redis 7.0,
// zslParseRange and zslParseLexRange.

import { PackedZset } from "../keyspace/packed-zset.js";
import type { ZsetView } from "../keyspace/zset-view.js";
import type { Call } from "./call.js";
import { parseBound } from "./double-text.js";

/** Ranks [from, to): what a range comes to in one sorted set. Empty when `to <= from`. */
export const ranks = { from: 0, to: 0 };

const scores = { min: 0, max: 0, isMinOut: false, isMaxOut: false };

const parenthesis = 40;

/** Reads a range of scores; false after the error was replied. */
export function parseScores(call: Call, min: number, max: number): boolean {
  scores.isMinOut = isOpen(call, min);
  scores.isMaxOut = isOpen(call, max);
  scores.min = boundOf(call, min, scores.isMinOut);
  scores.max = boundOf(call, max, scores.isMaxOut);
  if (!Number.isNaN(scores.min) && !Number.isNaN(scores.max)) return true;
  call.reply.error("ERR min or max is not a float");
  return false;
}

const isOpen = (call: Call, index: number): boolean =>
  call.size(index) > 0 && call.bytes[call.start(index)] === parenthesis;

function boundOf(call: Call, index: number, isOut: boolean): number {
  const skipped = isOut ? 1 : 0;
  return parseBound(call.bytes, call.start(index) + skipped, call.size(index) - skipped);
}

/** Brings the range of scores that was read last into `ranks`. */
export function findScores(view: ZsetView): void {
  ranks.from = view.rankOfScore(scores.min, scores.isMinOut);
  ranks.to = view.rankOfScore(scores.max, !scores.isMaxOut);
}

/** A bound by member: below or above every member, or at the bytes of an argument. */
const lex = {
  minKind: 0,
  minStart: 0,
  minLength: 0,
  isMinOut: false,
  maxKind: 0,
  maxStart: 0,
  maxLength: 0,
  isMaxOut: false,
};

const lowest = -1;
const atBytes = 0;
const highest = 1;

const bracket = 91;
const minus = 45;
const plus = 43;

/** Reads a range of members; false after the error was replied. */
export function parseMembers(call: Call, min: number, max: number): boolean {
  lex.minKind = kindOf(call, min);
  lex.maxKind = kindOf(call, max);
  if (Number.isNaN(lex.minKind) || Number.isNaN(lex.maxKind)) {
    call.reply.error("ERR min or max not valid string range item");
    return false;
  }
  lex.isMinOut = lex.minKind !== atBytes || isOpen(call, min);
  lex.minStart = call.start(min) + 1;
  lex.minLength = call.size(min) - 1;
  lex.isMaxOut = lex.maxKind !== atBytes || isOpen(call, max);
  lex.maxStart = call.start(max) + 1;
  lex.maxLength = call.size(max) - 1;
  return true;
}

function kindOf(call: Call, index: number): number {
  const length = call.size(index);
  const first = length === 0 ? 0 : call.bytes[call.start(index)]!;
  if (first === parenthesis || first === bracket) return atBytes;
  // As a C string would, `-` and `+` end at a zero byte.
  const isAlone = length === 1 || (length > 1 && call.bytes[call.start(index) + 1] === 0);
  if (first === minus && isAlone) return lowest;
  return first === plus && isAlone ? highest : Number.NaN;
}

/**
 * Brings the range of members that was read last into `ranks`, less the first `offset` of them, in
 * reverse the last ones.
 */
export function findMembers(call: Call, view: ZsetView, isReverse: boolean, offset: number): void {
  ranks.from = 0;
  ranks.to = 0;
  if (isNeverFilled(call)) return;
  if (view instanceof PackedZset) {
    if (isReverse) findBackwards(call, view, offset);
    else findForwards(call, view, offset);
    return;
  }
  ranks.from = firstAtMin(call, view, 0);
  ranks.to = firstAboveMax(call, view, 0);
  skip(offset, isReverse);
}

/**
 * Takes the first members of `ranks` away, in reverse the last. A negative offset leads nowhere.
 */
export function skip(offset: number, isReverse: boolean): void {
  if (offset < 0) ranks.to = ranks.from;
  else if (isReverse) ranks.to -= offset;
  else ranks.from += offset;
}

/** The minimum lies above the maximum, or they meet and one of them is left out. */
function isNeverFilled(call: Call): boolean {
  const order =
    lex.minKind !== lex.maxKind || lex.minKind !== atBytes
      ? lex.minKind - lex.maxKind
      : compareBounds(call);
  if (lex.minKind === atBytes && lex.maxKind === atBytes) {
    return order > 0 || (order === 0 && (lex.isMinOut || lex.isMaxOut));
  }
  return order >= 0;
}

function compareBounds(call: Call): number {
  const { bytes } = call;
  const common = Math.min(lex.minLength, lex.maxLength);
  for (let i = 0; i < common; i++) {
    const difference = bytes[lex.minStart + i]! - bytes[lex.maxStart + i]!;
    if (difference !== 0) return difference;
  }
  return lex.minLength - lex.maxLength;
}

function firstAtMin(call: Call, view: ZsetView, from: number): number {
  if (lex.minKind !== atBytes) return lex.minKind === lowest ? from : view.visibleCount;
  return view.rankOfMember(call.bytes, lex.minStart, lex.minLength, lex.isMinOut, from);
}

function firstAboveMax(call: Call, view: ZsetView, from: number): number {
  if (lex.maxKind !== atBytes) return lex.maxKind === highest ? view.visibleCount : from;
  return view.rankOfMember(call.bytes, lex.maxStart, lex.maxLength, !lex.isMaxOut, from);
}

// Where scores differ a range of members means nothing, yet Redis answers something: what a walk
// over its listpack meets, from the first member inside, `offset` members further without looking,
// to the first outside.

function findForwards(call: Call, view: PackedZset, offset: number): void {
  const count = view.visibleCount;
  if (!isAtMin(call, view, count - 1) || !isAtMax(call, view, 0)) return;
  const first = firstAtMin(call, view, 0);
  const from = first + offset;
  if (!isAtMax(call, view, first) || offset < 0 || from >= count) return;
  ranks.from = from;
  ranks.to = firstAboveMax(call, view, from);
}

function findBackwards(call: Call, view: PackedZset, offset: number): void {
  if (!isAtMin(call, view, view.visibleCount - 1) || !isAtMax(call, view, 0)) return;
  let last = view.visibleCount - 1;
  while (last >= 0 && !isAtMax(call, view, last)) last--;
  const to = last + 1 - offset;
  if (last < 0 || !isAtMin(call, view, last) || offset < 0 || to <= 0) return;
  let from = to;
  while (from > 0 && isAtMin(call, view, from - 1)) from--;
  ranks.from = from;
  ranks.to = to;
}

const isAtMin = (call: Call, view: PackedZset, rank: number): boolean =>
  firstAtMin(call, view, rank) === rank;

const isAtMax = (call: Call, view: PackedZset, rank: number): boolean =>
  firstAboveMax(call, view, rank) !== rank;

/** Brings a range of ranks, negative ones from the end, into `ranks`. */
export function findRanks(count: number, start: number, end: number): void {
  const first = start < 0 ? Math.max(0, count + start) : start;
  const last = end < 0 ? count + end : end;
  ranks.from = first;
  ranks.to = first >= count ? first : Math.min(last, count - 1) + 1;
}
