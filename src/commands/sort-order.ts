// The orders of SORT, and the two ways to establish them. Where elements tie, what comes first is
// part of Redis's answer: a whole sort is stable there (glibc's merge sort), a sort of which only a
// range is shown is the quicksort of Bentley and McIlroy ("Engineering a Sort Function", 1993),
// which leaves out parts that lie outside of the range. Redis 7.0: sort.c, pqsort.c.

import type { Bytes } from "../base/bytes.js";
import { compareBytes, latin1 } from "../base/bytes.js";
import { parseBound } from "./double-text.js";

/** One element with what it is sorted by. */
export interface Sortable {
  readonly element: Bytes;
  /** For numeric order; 0 where the pattern found nothing. */
  score: number;
  /** For alphabetic order by a pattern; undefined where it found nothing. */
  weight: Bytes | undefined;
}

export type Order = (a: Sortable, b: Sortable) => number;

export interface OrderRequest {
  readonly isAlpha: boolean;
  readonly isDescending: boolean;
  /** By what a pattern finds, instead of by the element. */
  readonly isByPattern: boolean;
  /** The result is stored: whole byte strings are compared, not C strings. */
  readonly isStored: boolean;
}

export function orderOf(request: OrderRequest): Order {
  const ascending = request.isAlpha ? alphaOrder(request) : byScore;
  return request.isDescending ? (a, b) => -ascending(a, b) : ascending;
}

function byScore(a: Sortable, b: Sortable): number {
  if (a.score !== b.score) return a.score < b.score ? -1 : 1;
  return compareBytes(a.element, b.element);
}

function alphaOrder({ isByPattern, isStored }: OrderRequest): Order {
  const compare = isStored ? compareBytes : compareLines;
  if (!isByPattern) return (a, b) => compare(a.element, b.element);
  return ({ weight: a }, { weight: b }) => {
    if (a !== undefined && b !== undefined) return compare(a, b);
    if (a === b) return 0;
    return a === undefined ? -1 : 1;
  };
}

/** As C strings, which end at a zero byte; the locale is C's. */
function compareLines(a: Bytes, b: Bytes): number {
  for (let i = 0; ; i++) {
    const left = a[i] ?? 0;
    const right = b[i] ?? 0;
    if (left !== right) return left - right;
    if (left === 0) return 0;
  }
}

/** The smallest double that has all its digits; strtod calls what lies below out of range. */
const normalMin = 2.2250738585072014e-308;

/** A text as the score of a numeric sort (strtod); NaN when it is none. */
export function sortScore(bytes: Bytes): number {
  const value = parseBound(bytes, 0, bytes.length);
  if (value === 0 || Math.abs(value) < normalMin) {
    const digits = latin1(bytes).replace(/\0.*/s, "").trimStart();
    return /[1-9a-f]/i.test(digits.replace(/^[+-]?0x/i, "").replace(/[ep].*$/i, ""))
      ? Number.NaN
      : value;
  }
  if (Number.isFinite(value)) return value;
  return /^\s*[+-]?i/i.test(latin1(bytes)) ? value : Number.NaN;
}

/** Sorts so that what lies from `first` to `last` stands where a whole sort might have put it. */
export function sortRange(items: Sortable[], order: Order, first: number, last: number): void {
  sortPart(items, order, 0, items.length, first, last);
}

const insertionMax = 6;
const ninthsMin = 41;

function sortPart(
  items: Sortable[],
  order: Order,
  start: number,
  length: number,
  first: number,
  last: number,
): void {
  let from = start;
  let count = length;
  for (;;) {
    if (count <= insertionMax) {
      insertionSort(items, order, from, count);
      return;
    }
    swap(items, from, pivotOf(items, order, from, count));
    const [below, above] = partition(items, order, from, count);
    if (below > 1 && isWanted(from, below, first, last))
      sortPart(items, order, from, below, first, last);
    from = from + count - above;
    count = above;
    if (above <= 1 || !isWanted(from, above, first, last)) return;
  }
}

const isWanted = (from: number, count: number, first: number, last: number): boolean =>
  !((first < from && last < from) || (first >= from + count && last >= from + count));

function insertionSort(items: Sortable[], order: Order, from: number, count: number): void {
  for (let i = from + 1; i < from + count; i++)
    for (let at = i; at > from && order(items[at - 1]!, items[at]!) > 0; at--)
      swap(items, at, at - 1);
}

function swap(items: Sortable[], a: number, b: number): void {
  const item = items[a]!;
  items[a] = items[b]!;
  items[b] = item;
}

/** The middle of seven; of more the median of three, of many the median of three such medians. */
function pivotOf(items: Sortable[], order: Order, from: number, count: number): number {
  const median = (a: number, b: number, c: number): number => {
    if (order(items[a]!, items[b]!) < 0) {
      if (order(items[b]!, items[c]!) < 0) return b;
      return order(items[a]!, items[c]!) < 0 ? c : a;
    }
    if (order(items[b]!, items[c]!) > 0) return b;
    return order(items[a]!, items[c]!) < 0 ? a : c;
  };
  let middle = from + Math.floor(count / 2);
  if (count === insertionMax + 1) return middle;
  let low = from;
  let high = from + count - 1;
  if (count >= ninthsMin) {
    const step = Math.floor(count / 8);
    low = median(low, low + step, low + 2 * step);
    middle = median(middle - step, middle, middle + step);
    high = median(high - 2 * step, high - step, high);
  }
  return median(low, middle, high);
}

/**
 * Three-way partition around the first element: equals gather at both ends and move to the middle.
 * Answers how many lie below and above.
 */
function partition(items: Sortable[], order: Order, from: number, count: number): [number, number] {
  const end = from + count;
  let equalsLow = from + 1;
  let low = from + 1;
  let high = end - 1;
  let equalsHigh = end - 1;
  for (;;) {
    for (; low <= high; low++) {
      const side = order(items[low]!, items[from]!);
      if (side > 0) break;
      if (side === 0) swap(items, equalsLow++, low);
    }
    for (; low <= high; high--) {
      const side = order(items[high]!, items[from]!);
      if (side < 0) break;
      if (side === 0) swap(items, high, equalsHigh--);
    }
    if (low > high) break;
    swap(items, low++, high--);
  }
  swapRuns(items, from, low, Math.min(equalsLow - from, low - equalsLow));
  swapRuns(items, low, end, Math.min(equalsHigh - high, end - equalsHigh - 1));
  return [low - equalsLow, equalsHigh - high];
}

/** Exchanges `count` items from `start` on with the last ones before `end`. */
function swapRuns(items: Sortable[], start: number, end: number, count: number): void {
  for (let i = 0; i < count; i++) swap(items, start + i, end - count + i);
}
