// The order of a sorted set: entries (score, ref) sorted by score and then by the bytes of the record's key, in chunks of
// up to 512, with a Fenwick tree over the chunks' counts (Fenwick 1994). Rank, the entry at a rank and the bounds of a
// range take O(log n); an insertion moves at most one chunk's entries.
//
// Scores lie beside the refs, so a search touches a record only where scores tie.

import { assert } from "../base/assert.js";
import { type Arena, type Ref, slabOf } from "./arena.js";
import { keyLengthOf, keyStartOf } from "./record.js";

const chunkMax = 512;

interface Chunk {
  readonly scores: Float64Array;
  readonly refs: Int32Array;
  count: number;
}

const newChunk = (): Chunk => ({
  scores: new Float64Array(chunkMax),
  refs: new Int32Array(chunkMax),
  count: 0,
});

export class OrderIndex {
  readonly #arena: Arena;
  #chunks: Chunk[] = [];
  /** Fenwick tree over the counts of the chunks, one-based. */
  #tree = new Int32Array(2);
  #count = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  get count(): number {
    return this.#count;
  }

  add(score: number, ref: Ref): void {
    const { bytes, start, length } = this.#keyOf(ref);
    const chunkNumber = Math.min(
      this.#chunkFor(score, bytes, start, length),
      this.#chunks.length - 1,
    );
    if (chunkNumber < 0) this.#insertChunk(0, newChunk());
    const target = Math.max(0, chunkNumber);
    const chunk = this.#chunks[target]!;
    if (chunk.count === chunkMax) {
      this.#split(target);
      this.add(score, ref);
      return;
    }
    const at = this.#positionIn(chunk, score, bytes, start, length);
    chunk.scores.copyWithin(at + 1, at, chunk.count);
    chunk.refs.copyWithin(at + 1, at, chunk.count);
    chunk.scores[at] = score;
    chunk.refs[at] = ref;
    chunk.count++;
    this.#count++;
    this.#adjust(target, 1);
  }

  remove(score: number, ref: Ref): void {
    const { chunkNumber, at } = this.#locate(score, ref, ref);
    const chunk = this.#chunks[chunkNumber]!;
    chunk.scores.copyWithin(at, at + 1, chunk.count);
    chunk.refs.copyWithin(at, at + 1, chunk.count);
    chunk.count--;
    this.#count--;
    this.#adjust(chunkNumber, -1);
    if (chunk.count === 0) this.#removeChunk(chunkNumber);
    else this.#mergeIfSparse(chunkNumber);
  }

  /** The record moved inside the arena; its bytes were copied. */
  moved(score: number, from: Ref, to: Ref): void {
    const { chunkNumber, at } = this.#locate(score, to, from);
    this.#chunks[chunkNumber]!.refs[at] = to;
  }

  /** The number of entries before this one. */
  rankOf(score: number, ref: Ref): number {
    const { chunkNumber, at } = this.#locate(score, ref, ref);
    return this.#before(chunkNumber) + at;
  }

  /** The record at a rank in [0, count). */
  refAt(rank: number): Ref {
    const chunkNumber = this.#chunkAtRank(rank);
    return this.#chunks[chunkNumber]!.refs[rank - this.#before(chunkNumber)]!;
  }

  scoreAt(rank: number): number {
    const chunkNumber = this.#chunkAtRank(rank);
    return this.#chunks[chunkNumber]!.scores[rank - this.#before(chunkNumber)]!;
  }

  /** Visits entries from a rank on, `count` of them, forwards or backwards. */
  visit(
    rank: number,
    count: number,
    isReverse: boolean,
    each: (ref: Ref, score: number) => void,
  ): void {
    if (count <= 0 || rank < 0 || rank >= this.#count) return;
    let chunkNumber = this.#chunkAtRank(rank);
    let at = rank - this.#before(chunkNumber);
    for (let left = count; left > 0; left--) {
      const chunk = this.#chunks[chunkNumber]!;
      each(chunk.refs[at]!, chunk.scores[at]!);
      at += isReverse ? -1 : 1;
      if (at < 0) {
        if (--chunkNumber < 0) return;
        at = this.#chunks[chunkNumber]!.count - 1;
      } else if (at === chunk.count) {
        if (++chunkNumber === this.#chunks.length) return;
        at = 0;
      }
    }
  }

  /** The rank of the first entry whose score is at least `score`, or above it when `isExclusive`. */
  rankOfScore(score: number, isExclusive: boolean): number {
    let low = 0;
    let high = this.#chunks.length;
    const isBefore = (other: number): boolean => (isExclusive ? other <= score : other < score);
    while (low < high) {
      const middle = (low + high) >> 1;
      const chunk = this.#chunks[middle]!;
      if (isBefore(chunk.scores[chunk.count - 1]!)) low = middle + 1;
      else high = middle;
    }
    if (low === this.#chunks.length) return this.#count;
    const { scores, count } = this.#chunks[low]!;
    let from = 0;
    let to = count;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (isBefore(scores[middle]!)) from = middle + 1;
      else to = middle;
    }
    return this.#before(low) + from;
  }

  /** The rank of the first entry at or after (score, member), or after it when `isExclusive`. */
  rankOfPair(score: number, member: Uint8Array, isExclusive: boolean): number {
    const chunkNumber = this.#chunkFor(score, member, 0, member.length, isExclusive);
    if (chunkNumber === this.#chunks.length) return this.#count;
    const chunk = this.#chunks[chunkNumber]!;
    const at = this.#positionIn(chunk, score, member, 0, member.length, isExclusive);
    return this.#before(chunkNumber) + at;
  }

  /** The rank of the first entry whose member is at or after `member`, as if all scores were equal. */
  rankOfMember(member: Uint8Array, isExclusive: boolean): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >> 1;
      const order = this.#compareMember(member, 0, member.length, this.refAt(middle));
      if (order > 0 || (isExclusive && order === 0)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // ---- searching

  #keyOf(ref: Ref): { bytes: Uint8Array; start: number; length: number } {
    const arena = this.#arena;
    return {
      bytes: arena.bytes[slabOf(ref)]!,
      start: keyStartOf(arena, ref),
      length: keyLengthOf(arena, ref),
    };
  }

  #compareMember(bytes: Uint8Array, start: number, length: number, ref: Ref): number {
    const other = this.#arena.bytes[slabOf(ref)]!;
    const at = keyStartOf(this.#arena, ref);
    const otherLength = keyLengthOf(this.#arena, ref);
    const common = Math.min(length, otherLength);
    for (let i = 0; i < common; i++) {
      const difference = bytes[start + i]! - other[at + i]!;
      if (difference !== 0) return difference;
    }
    return length - otherLength;
  }

  /** Whether the entry lies before the pair sought. */
  #isBefore(
    entryScore: number,
    entryRef: Ref,
    score: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    isExclusive: boolean,
  ): boolean {
    if (entryScore !== score) return entryScore < score;
    const order = this.#compareMember(bytes, start, length, entryRef);
    return isExclusive ? order >= 0 : order > 0;
  }

  /** The first chunk whose last entry is not before the pair. */
  #chunkFor(
    score: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    isExclusive = false,
  ): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const chunk = this.#chunks[middle]!;
      const last = chunk.count - 1;
      if (
        this.#isBefore(
          chunk.scores[last]!,
          chunk.refs[last]!,
          score,
          bytes,
          start,
          length,
          isExclusive,
        )
      ) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  #positionIn(
    chunk: Chunk,
    score: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    isExclusive = false,
  ): number {
    let low = 0;
    let high = chunk.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      const entry = chunk.scores[middle]!;
      const ref = chunk.refs[middle]!;
      if (this.#isBefore(entry, ref, score, bytes, start, length, isExclusive)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Where the entry stands whose key is that of `keyRef` and whose ref is `held`. */
  #locate(score: number, keyRef: Ref, held: Ref): { chunkNumber: number; at: number } {
    const { bytes, start, length } = this.#keyOf(keyRef);
    const chunkNumber = this.#chunkFor(score, bytes, start, length);
    const chunk = this.#chunks[chunkNumber];
    assert(chunk !== undefined, "an element is not in the order");
    const at = this.#positionIn(chunk, score, bytes, start, length);
    assert(chunk.refs[at] === held, "an element is not where the order has it");
    return { chunkNumber, at };
  }

  // ---- chunks and their counts

  #split(chunkNumber: number): void {
    const chunk = this.#chunks[chunkNumber]!;
    const right = newChunk();
    const half = chunk.count >> 1;
    right.scores.set(chunk.scores.subarray(half, chunk.count));
    right.refs.set(chunk.refs.subarray(half, chunk.count));
    right.count = chunk.count - half;
    chunk.count = half;
    this.#insertChunk(chunkNumber + 1, right);
  }

  #mergeIfSparse(chunkNumber: number): void {
    const left = this.#chunks[chunkNumber]!;
    const right = this.#chunks[chunkNumber + 1];
    if (right === undefined || left.count + right.count > chunkMax / 2) return;
    left.scores.set(right.scores.subarray(0, right.count), left.count);
    left.refs.set(right.refs.subarray(0, right.count), left.count);
    left.count += right.count;
    this.#removeChunk(chunkNumber + 1);
  }

  #insertChunk(at: number, chunk: Chunk): void {
    this.#chunks.splice(at, 0, chunk);
    this.#rebuildTree();
  }

  #removeChunk(at: number): void {
    this.#chunks.splice(at, 1);
    this.#rebuildTree();
  }

  #rebuildTree(): void {
    const { length } = this.#chunks;
    if (this.#tree.length < length + 1) this.#tree = new Int32Array((length + 1) * 2);
    else this.#tree.fill(0, 0, length + 1);
    for (let i = 1; i <= length; i++) {
      this.#tree[i]! += this.#chunks[i - 1]!.count;
      const parent = i + (i & -i);
      if (parent <= length) this.#tree[parent]! += this.#tree[i]!;
    }
  }

  #adjust(chunkNumber: number, by: number): void {
    for (let i = chunkNumber + 1; i <= this.#chunks.length; i += i & -i) this.#tree[i]! += by;
  }

  /** Entries in the chunks before this one. */
  #before(chunkNumber: number): number {
    let sum = 0;
    for (let i = chunkNumber; i > 0; i -= i & -i) sum += this.#tree[i]!;
    return sum;
  }

  #chunkAtRank(rank: number): number {
    assert(rank >= 0 && rank < this.#count, "a rank beyond the order");
    const { length } = this.#chunks;
    let at = 0;
    let left = rank;
    let step = 1;
    while (step * 2 <= length) step *= 2;
    for (; step > 0; step >>= 1) {
      const next = at + step;
      if (next <= length && this.#tree[next]! <= left) {
        at = next;
        left -= this.#tree[next]!;
      }
    }
    return at;
  }

  verifyInvariants(): void {
    let count = 0;
    let lastScore = Number.NEGATIVE_INFINITY;
    let lastRef = 0;
    this.#chunks.forEach((chunk, number) => {
      assert(this.#before(number) === count, "the counts of the order's chunks do not add up");
      for (let i = 0; i < chunk.count; i++) {
        const score = chunk.scores[i]!;
        const ref = chunk.refs[i]!;
        if (lastRef !== 0) {
          const { bytes, start, length } = this.#keyOf(lastRef);
          const isSorted =
            lastScore < score ||
            (lastScore === score && this.#compareMember(bytes, start, length, ref) < 0);
          assert(isSorted, "the order is not sorted");
        }
        lastScore = score;
        lastRef = ref;
      }
      count += chunk.count;
    });
    assert(count === this.#count, "the order's count does not add up");
  }
}
