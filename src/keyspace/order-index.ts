// The order of a sorted set: entries (score, ref) sorted by score and then by the bytes of the
// record's key, in chunks of up to 512, with a Fenwick tree over the chunks' counts (Fenwick 1994).
// Rank, the entry at a rank and the bounds of a range take O(log n); an insertion moves at most one
// chunk's entries.
//
// Scores lie beside the refs, and each chunk's last score once more in one array of its own, so
// that a search stays within few cache lines and touches a record only where scores tie.

import { assert } from "../base/assert.js";
import { knownWordsOf, wordsOf } from "../base/words.js";
import { type Arena, type Ref, slabOf } from "./arena.js";
import { Chunk, chunkMax, chunkMin, firstNotBefore } from "./order-chunk.js";
import { keyLengthOf, keyStartOf } from "./record.js";

/** Entries of one score that are looked at one by one before members are compared. */
const nearMax = 16;

export class OrderIndex {
  readonly #arena: Arena;
  #chunks: Chunk[] = [];
  /** The last score of each chunk. */
  #lastScores = new Float64Array(4);
  /** Fenwick tree over the counts of the chunks, one-based. */
  #tree = new Int32Array(5);
  #count = 0;
  // Where the last search or `seek` ended.
  #chunkNumber = 0;
  #at = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  get count(): number {
    return this.#count;
  }

  // ---- changing

  add(score: number, ref: Ref): void {
    if (this.#chunks.length === 0) this.#insertChunk(0, new Chunk(chunkMin));
    this.#searchRecord(score, ref);
    this.#insertHere(score, ref);
  }

  /** Puts an entry where a search for it has ended. */
  #insertHere(score: number, ref: Ref): void {
    if (this.#chunkNumber === this.#chunks.length) {
      this.#chunkNumber--;
      this.#at = this.#chunks[this.#chunkNumber]!.count;
    }
    const chunk = this.#roomForOne();
    chunk.insert(this.#at, score, ref);
    if (this.#at === chunk.count - 1) this.#lastScores[this.#chunkNumber] = score;
    this.#count++;
    this.#adjust(this.#chunkNumber, 1);
  }

  remove(score: number, ref: Ref): void {
    this.#locate(score, ref, ref);
    const chunk = this.#chunks[this.#chunkNumber]!;
    chunk.remove(this.#at);
    this.#count--;
    if (chunk.count === 0) {
      this.#removeChunk(this.#chunkNumber);
      return;
    }
    this.#lastScores[this.#chunkNumber] = chunk.lastScore;
    this.#adjust(this.#chunkNumber, -1);
    this.#mergeIfSparse(this.#chunkNumber);
  }

  /** The entry has another score now; where its neighbours allow, it stays in its place. */
  rescore(old: number, score: number, ref: Ref): void {
    this.#locate(old, ref, ref);
    const chunk = this.#chunks[this.#chunkNumber]!;
    const at = this.#at;
    // Strictly between its neighbours within the chunk: no member needs to be compared.
    const isAfter = at > 0 && chunk.score(at - 1) < score;
    const isBefore = at + 1 < chunk.count && score < chunk.score(at + 1);
    if (isAfter && isBefore) {
      chunk.setScore(at, score);
      return;
    }
    const number = this.#chunkNumber;
    this.#searchRecord(score, ref);
    // The beginning of the next chunk is as good as the end of this one.
    const isBehind = this.#at === 0 && this.#chunkNumber === number + 1;
    if (isBehind || this.#chunkNumber === number) {
      chunk.move(at, isBehind ? chunk.count : this.#at, score, ref);
      this.#lastScores[number] = chunk.lastScore;
      return;
    }
    const foundNumber = this.#chunkNumber;
    const foundAt = this.#at;
    const { length } = this.#chunks;
    this.#chunkNumber = number;
    this.#at = at;
    this.remove(old, ref);
    // The place found is one of another chunk, and still there unless chunks went or merged.
    if (this.#chunks.length < length) {
      this.add(score, ref);
      return;
    }
    this.#chunkNumber = foundNumber;
    this.#at = foundAt;
    this.#insertHere(score, ref);
  }

  /** The record moved inside the arena; its bytes were copied. */
  moved(score: number, from: Ref, to: Ref): void {
    this.#locate(score, to, from);
    this.#chunks[this.#chunkNumber]!.setRef(this.#at, to);
  }

  /** Removes `count` entries from a rank on. */
  removeRange(rank: number, count: number): void {
    if (count === 0) return;
    this.seek(rank);
    let at = this.#at;
    let left = count;
    for (let number = this.#chunkNumber; left > 0; number++) {
      const chunk = this.#chunks[number]!;
      const run = Math.min(left, chunk.count - at);
      chunk.removeRun(at, run);
      left -= run;
      at = 0;
    }
    this.#count -= count;
    this.#chunks = this.#chunks.filter((chunk) => chunk.count > 0);
    this.#chunks.forEach((chunk, number) => {
      this.#lastScores[number] = chunk.lastScore;
    });
    this.#rebuildTree();
    const last = Math.min(this.#chunkNumber, this.#chunks.length - 1);
    if (last >= 0) this.#mergeIfSparse(last);
  }

  clear(): void {
    this.#chunks = [];
    this.#count = 0;
    this.#rebuildTree();
  }

  // ---- asking

  /** The number of entries before this one. */
  rankOf(score: number, ref: Ref): number {
    this.#locate(score, ref, ref);
    return this.#rank();
  }

  /** The record at a rank in [0, count). */
  refAt(rank: number): Ref {
    this.seek(rank);
    return this.ref;
  }

  /** Goes to the entry at a rank in [0, count): `ref` and `score` are its. */
  seek(rank: number): void {
    assert(rank >= 0 && rank < this.#count, "a rank beyond the order");
    const tree = this.#tree;
    const { length } = this.#chunks;
    let at = 0;
    let left = rank;
    for (let step = 1 << (31 - Math.clz32(length)); step > 0; step >>= 1) {
      const next = at + step;
      if (next <= length && tree[next]! <= left) {
        at = next;
        left -= tree[next]!;
      }
    }
    this.#chunkNumber = at;
    this.#at = left;
  }

  get ref(): Ref {
    return this.#chunks[this.#chunkNumber]!.ref(this.#at);
  }

  /** Whether the last step ended at an entry. */
  get isInside(): boolean {
    return this.#chunkNumber >= 0 && this.#chunkNumber < this.#chunks.length;
  }

  get score(): number {
    return this.#chunks[this.#chunkNumber]!.score(this.#at);
  }

  /**
   * From a place that `seek` found to its neighbour, which must exist if `ref` is asked for. No
   * change in between.
   */
  step(isReverse: boolean): void {
    if (isReverse) {
      if (--this.#at >= 0) return;
      this.#chunkNumber--;
      if (this.#chunkNumber >= 0) this.#at = this.#chunks[this.#chunkNumber]!.count - 1;
    } else if (++this.#at === this.#chunks[this.#chunkNumber]!.count) {
      this.#chunkNumber++;
      this.#at = 0;
    }
  }

  /** Copies `count` entries from a rank on into the arrays. */
  copy(
    rank: number,
    count: number,
    isReverse: boolean,
    refs: Int32Array,
    scores: Float64Array,
  ): void {
    if (count === 0) return;
    this.seek(rank);
    let number = this.#chunkNumber;
    let chunk = this.#chunks[number]!;
    let at = this.#at;
    for (let i = 0; i < count; i++) {
      refs[i] = chunk.ref(at);
      scores[i] = chunk.score(at);
      at += isReverse ? -1 : 1;
      if ((isReverse ? at >= 0 : at < chunk.count) || i + 1 === count) continue;
      number += isReverse ? -1 : 1;
      chunk = this.#chunks[number]!;
      at = isReverse ? chunk.count - 1 : 0;
    }
  }

  /**
   * The rank of the first entry whose score is at least `score`, or above it when `isExclusive`.
   */
  rankOfScore(score: number, isExclusive: boolean): number {
    const chunkNumber = firstNotBefore(
      this.#lastScores,
      0,
      this.#chunks.length,
      score,
      isExclusive,
    );
    if (chunkNumber === this.#chunks.length) return this.#count;
    return this.#before(chunkNumber) + this.#chunks[chunkNumber]!.find(score, isExclusive);
  }

  /** The rank of the first entry at or after (score, member), or after it when `isExclusive`. */
  rankOfPair(
    score: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    isExclusive: boolean,
  ): number {
    this.#search(score, wordsToCompare(bytes), start, length, isExclusive);
    return this.#rank();
  }

  /**
   * The rank of the first entry whose member is at or after the given one, as if all scores were
   * equal.
   */
  rankOfMember(bytes: Uint8Array, start: number, length: number, isExclusive: boolean): number {
    const words = wordsToCompare(bytes);
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >> 1;
      const order = this.#compareMember(words, start, length, this.refAt(middle));
      if (order > 0 || (isExclusive && order === 0)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // ---- searching

  #wordsOf(ref: Ref): DataView {
    return this.#arena.data[slabOf(ref)]!;
  }

  #startOf(ref: Ref): number {
    return keyStartOf(this.#arena, ref);
  }

  #lengthOf(ref: Ref): number {
    return keyLengthOf(this.#arena, ref);
  }

  #compareMember(words: DataView, start: number, length: number, ref: Ref): number {
    const other = this.#wordsOf(ref);
    const at = this.#startOf(ref);
    const otherLength = this.#lengthOf(ref);
    const common = Math.min(length, otherLength);
    let i = 0;
    while (i + 4 <= common && words.getInt32(start + i, true) === other.getInt32(at + i, true))
      i += 4;
    for (; i < common; i++) {
      const difference = words.getUint8(start + i) - other.getUint8(at + i);
      if (difference !== 0) return difference;
    }
    return length - otherLength;
  }

  /** Finds where the record stands in the order with this score, or is to stand. */
  #searchRecord(score: number, ref: Ref): void {
    this.#search(score, this.#wordsOf(ref), this.#startOf(ref), this.#lengthOf(ref), false);
  }

  /**
   * Finds the first entry that is not before the pair; beyond the last chunk when there is none.
   */
  #search(
    score: number,
    words: DataView,
    start: number,
    length: number,
    isExclusive: boolean,
  ): void {
    const chunks = this.#chunks;
    const last = chunks.length;
    let number = firstNotBefore(this.#lastScores, 0, last, score, false);
    // Among chunks that end with this very score the member decides.
    if (number < last && this.#lastScores[number] === score) {
      let high = firstNotBefore(this.#lastScores, number, last, score, true);
      while (number < high) {
        const middle = (number + high) >> 1;
        const chunk = chunks[middle]!;
        const order = this.#compareMember(words, start, length, chunk.ref(chunk.count - 1));
        if (order > 0 || (isExclusive && order === 0)) number = middle + 1;
        else high = middle;
      }
    }
    this.#chunkNumber = number;
    this.#at = 0;
    if (number === last) return;
    const chunk = chunks[number]!;
    let low = chunk.find(score, false);
    // Few members have one score as a rule: they are asked in turn.
    const near = Math.min(chunk.count, low + nearMax);
    while (low < near && chunk.score(low) === score) {
      const order = this.#compareMember(words, start, length, chunk.ref(low));
      if (order < 0 || (order === 0 && !isExclusive)) break;
      low++;
    }
    let high = low;
    if (low === near && low < chunk.count && chunk.score(low) === score)
      high = chunk.find(score, true);
    while (low < high) {
      const middle = (low + high) >> 1;
      const order = this.#compareMember(words, start, length, chunk.ref(middle));
      if (order > 0 || (isExclusive && order === 0)) low = middle + 1;
      else high = middle;
    }
    this.#at = low;
  }

  /** Goes where the entry stands whose key is that of `keyRef` and whose ref is `held`. */
  #locate(score: number, keyRef: Ref, held: Ref): void {
    const here = this.#chunks[this.#chunkNumber];
    // Whoever pops the lowest has just come from there.
    if (here !== undefined && this.#at < here.count && here.ref(this.#at) === held) return;
    if (this.#locateNear(score, held)) return;
    this.#searchRecord(score, keyRef);
    const chunk = this.#chunks[this.#chunkNumber];
    assert(chunk !== undefined, "an element is not in the order");
    assert(chunk.ref(this.#at) === held, "an element is not where the order has it");
  }

  /** Looks for a ref among the first entries of its score: that takes no member's bytes. */
  #locateNear(score: number, held: Ref): boolean {
    const number = firstNotBefore(this.#lastScores, 0, this.#chunks.length, score, false);
    const chunk = this.#chunks[number];
    if (chunk === undefined) return false;
    const first = chunk.find(score, false);
    const end = Math.min(chunk.count, first + nearMax);
    for (let at = first; at < end; at++) {
      if (chunk.ref(at) !== held) continue;
      this.#chunkNumber = number;
      this.#at = at;
      return true;
    }
    return false;
  }

  /** The rank of the place found. */
  #rank(): number {
    return this.#before(this.#chunkNumber) + this.#at;
  }

  // ---- chunks and their counts

  /** The chunk of the place found, with room for an entry there; the place follows a split. */
  #roomForOne(): Chunk {
    const chunk = this.#chunks[this.#chunkNumber]!;
    if (chunk.count < chunk.capacity) return chunk;
    if (chunk.count < chunkMax) {
      chunk.grow();
      return chunk;
    }
    // Ascending insertion would leave every chunk half full: at the very end a new chunk begins.
    const isAtEnd = this.#at === chunk.count && this.#chunkNumber === this.#chunks.length - 1;
    const kept = isAtEnd ? chunk.count : chunk.count >> 1;
    const right = new Chunk(chunkMax);
    right.append(chunk, kept, chunk.count);
    chunk.count = kept;
    this.#lastScores[this.#chunkNumber] = chunk.score(kept - 1);
    this.#insertChunk(this.#chunkNumber + 1, right);
    if (this.#at < kept || (this.#at === kept && !isAtEnd)) return chunk;
    this.#chunkNumber++;
    this.#at -= kept;
    return right;
  }

  #mergeIfSparse(chunkNumber: number): void {
    const left = this.#chunks[chunkNumber]!;
    const right = this.#chunks[chunkNumber + 1];
    if (right === undefined || left.count + right.count > chunkMax / 2) return;
    while (left.capacity < left.count + right.count) left.grow();
    left.append(right, 0, right.count);
    this.#lastScores[chunkNumber] = left.lastScore;
    this.#removeChunk(chunkNumber + 1);
  }

  #insertChunk(at: number, chunk: Chunk): void {
    const { length } = this.#chunks;
    if (length === this.#lastScores.length) {
      const grown = new Float64Array(length * 2);
      grown.set(this.#lastScores);
      this.#lastScores = grown;
      this.#tree = new Int32Array(length * 2 + 1);
    }
    this.#chunks.splice(at, 0, chunk);
    this.#lastScores.copyWithin(at + 1, at, length);
    this.#lastScores[at] = chunk.count === 0 ? 0 : chunk.lastScore;
    this.#rebuildTree();
  }

  #removeChunk(at: number): void {
    this.#lastScores.copyWithin(at, at + 1, this.#chunks.length);
    this.#chunks.splice(at, 1);
    this.#rebuildTree();
  }

  #rebuildTree(): void {
    const { length } = this.#chunks;
    const tree = this.#tree;
    tree.fill(0, 0, length + 1);
    for (let i = 1; i <= length; i++) {
      tree[i]! += this.#chunks[i - 1]!.count;
      const parent = i + (i & -i);
      if (parent <= length) tree[parent]! += tree[i]!;
    }
  }

  #adjust(chunkNumber: number, by: number): void {
    const tree = this.#tree;
    const { length } = this.#chunks;
    for (let i = chunkNumber + 1; i <= length; i += i & -i) tree[i]! += by;
  }

  /** Entries in the chunks before this one. */
  #before(chunkNumber: number): number {
    const tree = this.#tree;
    let sum = 0;
    for (let i = chunkNumber; i > 0; i -= i & -i) sum += tree[i]!;
    return sum;
  }

  verifyInvariants(): void {
    let count = 0;
    let lastScore = Number.NEGATIVE_INFINITY;
    let lastRef = 0;
    this.#chunks.forEach((chunk, number) => {
      assert(chunk.count > 0, "an empty chunk stayed in the order");
      assert(this.#before(number) === count, "the counts of the order's chunks do not add up");
      assert(this.#lastScores[number] === chunk.lastScore, "a chunk's last score is stale");
      for (let i = 0; i < chunk.count; i++) {
        const score = chunk.score(i);
        const ref = chunk.ref(i);
        if (lastRef !== 0) {
          const order = this.#compareMember(
            this.#wordsOf(lastRef),
            this.#startOf(lastRef),
            this.#lengthOf(lastRef),
            ref,
          );
          const isSorted = lastScore < score || (lastScore === score && order < 0);
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

/** Members are compared by words: those of a request, or of bytes that came another way. */
const wordsToCompare = (bytes: Uint8Array): DataView => knownWordsOf(bytes) ?? wordsOf(bytes);
