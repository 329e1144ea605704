// A run of consecutive entries of a sorted set's order (order-index.ts): scores and refs side by
// side, moved by loop where few of them move. The entries stand in a window with room at both ends,
// so taking the first one away moves nothing, and an insertion moves the shorter side.

import type { Ref } from "./arena.js";

/**
 * Entries per chunk. Larger ones make insertions move more, smaller ones make splits rebuild the
 * tree more often.
 */
export const chunkMax = 512;
/** A chunk's first capacity: most sorted sets are small. */
export const chunkMin = 8;
/** Runs up to this length move by loop: a native call costs about as much. */
const loopMax = 32;

export class Chunk {
  #scores: Float64Array;
  #refs: Int32Array;
  /** Where the window begins. */
  #first = 0;
  count = 0;

  constructor(capacity: number) {
    this.#scores = new Float64Array(capacity);
    this.#refs = new Int32Array(capacity);
  }

  get capacity(): number {
    return this.#refs.length;
  }

  score(at: number): number {
    return this.#scores[this.#first + at]!;
  }

  ref(at: number): Ref {
    return this.#refs[this.#first + at]!;
  }

  get lastScore(): number {
    return this.#scores[this.#first + this.count - 1]!;
  }

  setScore(at: number, score: number): void {
    this.#scores[this.#first + at] = score;
  }

  setRef(at: number, ref: Ref): void {
    this.#refs[this.#first + at] = ref;
  }

  /** The first entry whose score is at least `score`, or above it; `count` when there is none. */
  find(score: number, isExclusive: boolean): number {
    const end = this.#first + this.count;
    return firstNotBefore(this.#scores, this.#first, end, score, isExclusive) - this.#first;
  }

  // ---- changing

  grow(): void {
    const scores = new Float64Array(this.capacity * 2);
    const refs = new Int32Array(this.capacity * 2);
    const end = this.#first + this.count;
    scores.set(this.#scores.subarray(this.#first, end));
    refs.set(this.#refs.subarray(this.#first, end));
    this.#scores = scores;
    this.#refs = refs;
    this.#first = 0;
  }

  /** Puts an entry before the one at `at`; there must be room. */
  insert(at: number, score: number, ref: Ref): void {
    const first = this.#first;
    const end = first + this.count;
    if (first > 0 && (at < this.count >> 1 || end === this.capacity)) {
      this.#shift(first, first - 1, at);
      this.#first--;
    } else this.#shift(first + at, first + at + 1, this.count - at);
    this.count++;
    this.setScore(at, score);
    this.setRef(at, ref);
  }

  remove(at: number): void {
    const first = this.#first;
    this.count--;
    if (at < this.count >> 1) {
      this.#shift(first, first + 1, at);
      this.#first++;
    } else this.#shift(first + at + 1, first + at, this.count - at);
  }

  /** Moves `count` entries within the arrays, by one place. */
  #shift(from: number, to: number, count: number): void {
    const scores = this.#scores;
    const refs = this.#refs;
    if (count > loopMax) {
      scores.copyWithin(to, from, from + count);
      refs.copyWithin(to, from, from + count);
      return;
    }
    if (to < from) {
      for (let i = 0; i < count; i++) {
        scores[to + i] = scores[from + i]!;
        refs[to + i] = refs[from + i]!;
      }
      return;
    }
    for (let i = count - 1; i >= 0; i--) {
      scores[to + i] = scores[from + i]!;
      refs[to + i] = refs[from + i]!;
    }
  }

  /** Takes the entry at `from` to before the one at `to`, with another score. */
  move(from: number, to: number, score: number, ref: Ref): void {
    const first = this.#first;
    const at = to > from ? to - 1 : to;
    if (at > from) this.#shift(first + from + 1, first + from, at - from);
    else this.#shift(first + at, first + at + 1, from - at);
    this.setScore(at, score);
    this.setRef(at, ref);
  }

  /** Removes `run` entries from `at` on. */
  removeRun(at: number, run: number): void {
    const from = this.#first + at;
    const end = this.#first + this.count;
    this.#scores.copyWithin(from, from + run, end);
    this.#refs.copyWithin(from, from + run, end);
    this.count -= run;
  }

  /** Appends entries of another chunk; there must be room for them. */
  append(other: Chunk, from: number, to: number): void {
    if (this.#first + this.count + to - from > this.capacity) this.#slide();
    const at = this.#first + this.count;
    const start = other.#first;
    this.#scores.set(other.#scores.subarray(start + from, start + to), at);
    this.#refs.set(other.#refs.subarray(start + from, start + to), at);
    this.count += to - from;
  }

  /** Moves the window to the beginning. */
  #slide(): void {
    const end = this.#first + this.count;
    this.#scores.copyWithin(0, this.#first, end);
    this.#refs.copyWithin(0, this.#first, end);
    this.#first = 0;
  }
}

/** The first of ascending scores that is at least `score`, or above it; `to` when there is none. */
export function firstNotBefore(
  scores: Float64Array,
  from: number,
  to: number,
  score: number,
  isExclusive: boolean,
): number {
  // Each step looks at seven scores and leaves an eighth. It has to wait for the one before, and
  // mostly for memory, which takes as long for seven scores as for one. Nothing branches on what is
  // found: which way it goes cannot be guessed.
  let low = from;
  let left = to - from;
  while (left > 7) {
    const part = left >> 3;
    const at = low + part - 1;
    const a = scores[at]!;
    const b = scores[at + part]!;
    const c = scores[at + part * 2]!;
    const d = scores[at + part * 3]!;
    const e = scores[at + part * 4]!;
    const f = scores[at + part * 5]!;
    const g = scores[at + part * 6]!;
    const parts = isExclusive
      ? +(a <= score) +
        +(b <= score) +
        +(c <= score) +
        +(d <= score) +
        +(e <= score) +
        +(f <= score) +
        +(g <= score)
      : +(a < score) +
        +(b < score) +
        +(c < score) +
        +(d < score) +
        +(e < score) +
        +(f < score) +
        +(g < score);
    low += part * parts;
    left -= part * 7;
  }
  let before = 0;
  for (let i = 0; i < left; i++) {
    const held = scores[low + i]!;
    before += Number(isExclusive ? held <= score : held < score);
  }
  return low + before;
}
