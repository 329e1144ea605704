// A run of consecutive entries of a sorted set's order (order-index.ts): scores and refs side by
// side, moved by loop where few of them move.

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
  scores: Float64Array;
  refs: Int32Array;
  count = 0;

  constructor(capacity: number) {
    this.scores = new Float64Array(capacity);
    this.refs = new Int32Array(capacity);
  }

  grow(): void {
    const { scores, refs } = this;
    this.scores = new Float64Array(scores.length * 2);
    this.refs = new Int32Array(scores.length * 2);
    this.scores.set(scores);
    this.refs.set(refs);
  }

  insert(at: number, score: number, ref: Ref): void {
    const { scores, refs, count } = this;
    if (count - at <= loopMax) {
      for (let i = count; i > at; i--) {
        scores[i] = scores[i - 1]!;
        refs[i] = refs[i - 1]!;
      }
    } else {
      scores.copyWithin(at + 1, at, count);
      refs.copyWithin(at + 1, at, count);
    }
    scores[at] = score;
    refs[at] = ref;
    this.count = count + 1;
  }

  remove(at: number): void {
    const { scores, refs } = this;
    const count = --this.count;
    if (count - at <= loopMax) {
      for (let i = at; i < count; i++) {
        scores[i] = scores[i + 1]!;
        refs[i] = refs[i + 1]!;
      }
    } else {
      scores.copyWithin(at, at + 1, count + 1);
      refs.copyWithin(at, at + 1, count + 1);
    }
  }

  /** Takes the entry at `from` to before the one at `to`, with another score. */
  move(from: number, to: number, score: number, ref: Ref): void {
    const { scores, refs } = this;
    const at = to > from ? to - 1 : to;
    if (Math.abs(at - from) <= loopMax) {
      const step = at > from ? 1 : -1;
      for (let i = from; i !== at; i += step) {
        scores[i] = scores[i + step]!;
        refs[i] = refs[i + step]!;
      }
    } else if (at > from) {
      scores.copyWithin(from, from + 1, at + 1);
      refs.copyWithin(from, from + 1, at + 1);
    } else {
      scores.copyWithin(at + 1, at, from);
      refs.copyWithin(at + 1, at, from);
    }
    scores[at] = score;
    refs[at] = ref;
  }

  /** Removes `run` entries from `at` on. */
  removeRun(at: number, run: number): void {
    this.scores.copyWithin(at, at + run, this.count);
    this.refs.copyWithin(at, at + run, this.count);
    this.count -= run;
  }

  append(other: Chunk, from: number, to: number): void {
    this.scores.set(other.scores.subarray(from, to), this.count);
    this.refs.set(other.refs.subarray(from, to), this.count);
    this.count += to - from;
  }
}
