// Members with scores outside any set: results on their way to a reply or to another key. Their
// bytes lie in one buffer and their numbers in arrays, so that a hundred thousand of them are a few
// objects.

import { copyBytes } from "../base/bytes.js";
import { hashBytes } from "./hash.js";
import type { ZsetView } from "./zset-view.js";

const countMin = 16;
const bytesMin = 256;

export class ScoredList {
  bytes = new Uint8Array(bytesMin);
  #starts = new Int32Array(countMin);
  #lengths = new Int32Array(countMin);
  #scores = new Float64Array(countMin);
  /** Where the next member's bytes go. */
  #end = 0;
  count = 0;
  lengthMax = 0;
  /** Open addressing for `merge`: indices plus one, 0 for none. */
  #table = new Int32Array(0);

  push(source: Uint8Array, start: number, length: number, score: number): void {
    const { count } = this;
    if (count === this.#starts.length) this.#grow();
    const end = this.#end + length;
    if (end > this.bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.bytes.length * 2));
      grown.set(this.bytes.subarray(0, this.#end));
      this.bytes = grown;
    }
    copyBytes(this.bytes, this.#end, source, start, length);
    this.#starts[count] = this.#end;
    this.#lengths[count] = length;
    this.#scores[count] = score;
    this.#end = end;
    this.count = count + 1;
    if (length > this.lengthMax) this.lengthMax = length;
  }

  /** The index of a member among those that came by `merge`, which must be all of them; else -1. */
  #find(hash: number, source: Uint8Array, start: number, length: number): number {
    const mask = this.#table.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const index = this.#table[slot]! - 1;
      if (index < 0) return -1;
      if (this.#isMember(index, source, start, length)) return index;
    }
  }

  #isMember(index: number, source: Uint8Array, start: number, length: number): boolean {
    if (this.#lengths[index] !== length) return false;
    const at = this.#starts[index]!;
    for (let i = 0; i < length; i++) if (this.bytes[at + i] !== source[start + i]) return false;
    return true;
  }

  /**
   * Where the member stands in the list: -1 when it was not there and has been added with this
   * score.
   */
  merge(source: Uint8Array, start: number, length: number, score: number): number {
    if (this.count * 2 >= this.#table.length) this.#growTable();
    const hash = hashBytes(source, start, length);
    const index = this.#find(hash, source, start, length);
    if (index >= 0) return index;
    this.push(source, start, length, score);
    this.#enter(hash, this.count);
    return -1;
  }

  #enter(hash: number, place: number): void {
    const mask = this.#table.length - 1;
    let slot = hash & mask;
    while (this.#table[slot] !== 0) slot = (slot + 1) & mask;
    this.#table[slot] = place;
  }

  #growTable(): void {
    this.#table = new Int32Array(Math.max(countMin * 4, this.#table.length * 2));
    for (let i = 0; i < this.count; i++)
      this.#enter(hashBytes(this.bytes, this.#starts[i]!, this.#lengths[i]!), i + 1);
  }

  #grow(): void {
    const size = this.#starts.length * 2;
    const [starts, lengths, scores] = [this.#starts, this.#lengths, this.#scores];
    this.#starts = new Int32Array(size);
    this.#starts.set(starts);
    this.#lengths = new Int32Array(size);
    this.#lengths.set(lengths);
    this.#scores = new Float64Array(size);
    this.#scores.set(scores);
  }

  /** Position in `bytes`. */
  start(index: number): number {
    return this.#starts[index]!;
  }

  length(index: number): number {
    return this.#lengths[index]!;
  }

  score(index: number): number {
    return this.#scores[index]!;
  }

  setScore(index: number, score: number): void {
    this.#scores[index] = score;
  }

  /** The indices in the order of score and member. */
  sorted(): Int32Array {
    const indices = new Int32Array(this.count);
    for (let index = 0; index < this.count; index++) indices[index] = index;
    return indices.sort((a, b) => this.#compare(a, b));
  }

  #compare(a: number, b: number): number {
    const [left, right] = [this.#scores[a]!, this.#scores[b]!];
    if (left !== right) return left < right ? -1 : 1;
    const common = Math.min(this.#lengths[a]!, this.#lengths[b]!);
    for (let i = 0; i < common; i++) {
      const difference = this.bytes[this.#starts[a]! + i]! - this.bytes[this.#starts[b]! + i]!;
      if (difference !== 0) return difference;
    }
    return this.#lengths[a]! - this.#lengths[b]!;
  }
}

/** Copies `count` members from a rank on. */
export function copyMembers(
  view: ZsetView,
  rank: number,
  count: number,
  isReverse: boolean,
): ScoredList {
  const list = new ScoredList();
  if (count === 0) return list;
  view.seek(rank);
  for (let left = count; ; view.step(isReverse)) {
    list.push(view.bytes, view.start, view.length, view.score);
    if (--left === 0) return list;
  }
}
