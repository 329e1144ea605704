// A sorted set inside one record: the layout of packed.ts, its elements in the order of score and
// member, the score in its short form as the value. Opening reads the whole record into arrays of
// positions, at most `packedZsetMax` of them, so that every question afterwards is a search in
// those.

import { assert } from "../base/assert.js";
import type { Arena, Ref } from "./arena.js";
import { slabOf } from "./arena.js";
import { countBytes, payloadStartOf } from "./packed.js";
import { unpackScore } from "./zset-score.js";
import type { ZsetView } from "./zset-view.js";

/** A sorted set with more members is a table. */
export const packedZsetMax = 128;
/** Nor one with a longer payload: searching and inserting walk through it. */
export const packedZsetBytesMax = 8 * 1024;

export class PackedZset implements ZsetView {
  bytes: Uint8Array = new Uint8Array(0);
  readonly words = undefined;
  visibleCount = 0;
  /** The place that the view stands at. */
  rank = 0;
  /** Entries read so far. */
  #known = 0;
  /** Where each entry begins, as far as they were read, and where the last of those ends. */
  readonly entryStarts = new Int32Array(packedZsetMax + 1);
  readonly #starts = new Int32Array(packedZsetMax);
  readonly #lengths = new Int32Array(packedZsetMax);
  readonly #scores = new Float64Array(packedZsetMax);
  /** Where the payload begins. */
  payloadStart = 0;

  open(arena: Arena, ref: Ref): this {
    const bytes = arena.bytes[slabOf(ref)]!;
    const payload = payloadStartOf(arena, ref);
    this.bytes = bytes;
    this.visibleCount = bytes[payload]! | (bytes[payload + 1]! << 8);
    assert(this.visibleCount <= packedZsetMax, "a packed sorted set has too many members");
    this.payloadStart = payload;
    this.entryStarts[0] = payload + countBytes;
    this.#known = 0;
    this.rank = 0;
    return this;
  }

  /** Reads the entry at `#known`. */
  #readNext(): void {
    const { bytes } = this;
    const rank = this.#known;
    let at = this.entryStarts[rank]!;
    const stamp = bytes[at++]!;
    if (stamp >= 0x80) while (bytes[at++]! >= 0x80);
    if ((stamp & 1) !== 0) at += 2;
    let length = bytes[at++]!;
    if (length >= 0x80) length = (length & 0x7f) | (bytes[at++]! << 7);
    this.#starts[rank] = at;
    this.#lengths[rank] = length;
    at += length;
    const scoreLength = bytes[at++]!;
    this.#scores[rank] = unpackScore(bytes, at, scoreLength);
    this.entryStarts[rank + 1] = at + scoreLength;
    this.#known = rank + 1;
  }

  /** Reads up to a rank below the count. */
  #reach(rank: number): void {
    while (this.#known <= rank) this.#readNext();
  }

  get start(): number {
    return this.#starts[this.rank]!;
  }

  get length(): number {
    return this.#lengths[this.rank]!;
  }

  get score(): number {
    return this.#scores[this.rank]!;
  }

  seekMember(wanted: Uint8Array, start: number, length: number): boolean {
    const { bytes, visibleCount } = this;
    for (let rank = 0; rank < visibleCount; rank++) {
      if (rank === this.#known) this.#readNext();
      if (this.#lengths[rank] !== length) continue;
      const at = this.#starts[rank]!;
      // Members of one set tend to begin alike and end differently.
      let i = length - 1;
      while (i >= 0 && bytes[at + i] === wanted[start + i]) i--;
      if (i >= 0) continue;
      this.rank = rank;
      return true;
    }
    return false;
  }

  seek(rank: number): void {
    assert(rank >= 0 && rank < this.visibleCount, "a rank beyond the sorted set");
    this.#reach(rank);
    this.rank = rank;
  }

  step(isReverse: boolean): void {
    this.rank += isReverse ? -1 : 1;
    if (this.rank < this.visibleCount) this.#reach(this.rank);
  }

  rankOfScore(score: number, isExclusive: boolean): number {
    let rank = 0;
    while (rank < this.visibleCount && this.#isBelow(rank, score, isExclusive)) rank++;
    return rank;
  }

  #isBelow(rank: number, score: number, isExclusive: boolean): boolean {
    if (rank === this.#known) this.#readNext();
    const held = this.#scores[rank]!;
    return isExclusive ? held <= score : held < score;
  }

  rankOfPair(
    score: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    isExclusive: boolean,
  ): number {
    let rank = this.rankOfScore(score, false);
    for (; rank < this.visibleCount; rank++) {
      this.#reach(rank);
      if (this.#scores[rank] !== score) break;
      const order = this.#compareMember(bytes, start, length, rank);
      if (isExclusive ? order < 0 : order <= 0) break;
    }
    return rank;
  }

  rankOfMember(
    bytes: Uint8Array,
    start: number,
    length: number,
    isExclusive: boolean,
    from: number,
  ): number {
    for (let rank = from; rank < this.visibleCount; rank++) {
      this.#reach(rank);
      const order = this.#compareMember(bytes, start, length, rank);
      if (isExclusive ? order < 0 : order <= 0) return rank;
    }
    return this.visibleCount;
  }

  #compareMember(bytes: Uint8Array, start: number, length: number, rank: number): number {
    const other = this.bytes;
    const at = this.#starts[rank]!;
    const otherLength = this.#lengths[rank]!;
    const common = Math.min(length, otherLength);
    for (let i = 0; i < common; i++) {
      const difference = bytes[start + i]! - other[at + i]!;
      if (difference !== 0) return difference;
    }
    return length - otherLength;
  }

  /** Whether the members stand in order, for verifying invariants. */
  get isSorted(): boolean {
    this.#reach(this.visibleCount - 1);
    for (let rank = 1; rank < this.visibleCount; rank++) {
      const [score, before] = [this.#scores[rank]!, this.#scores[rank - 1]!];
      if (before > score) return false;
      const isTie = before === score;
      const start = this.#starts[rank - 1]!;
      const length = this.#lengths[rank - 1]!;
      if (isTie && this.#compareMember(this.bytes, start, length, rank) >= 0) return false;
    }
    return true;
  }
}
