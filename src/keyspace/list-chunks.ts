// Chunks in a row, as a sequence: an index is found by counting chunks from the nearer end, and
// there is always room for one more element where one stands: beside it, in the neighbour, or in a
// chunk of its own. What the elements are is the store's business (list-store.ts).
//
// Left out: an index over the chunks; a list of a million elements has eight thousand of them.

import { Row } from "../base/row.js";
import type { ReplicaIndex, Time } from "../clock/stamp.js";
import { chunkBytesMax, chunkCountMax, ListChunk } from "./list-chunk.js";

/**
 * A small list begins with room for this much; the chunks of a long one have the full number of
 * elements.
 */
const firstCapacity = 4;
const firstBytes = 32;
const nextBytesMin = 128;
/** What is expected of a chunk's values, in proportion to those of its neighbour. */
const roomShare = 9 / 8;
/** A chunk that has fewer elements takes its right neighbour's in, if they fit. */
const sparseCount = chunkCountMax / 4;

export class ListChunks {
  protected readonly chunks = new Row<ListChunk>();
  /** Elements of all chunks. */
  protected elementCount = 0;
  /** Where the list stands: a chunk, and a place in it. */
  protected chunk = 0;
  protected at = 0;

  /** Goes to an element; the index must lie in the list. */
  seek(index: number): void {
    const chunks = this.chunks;
    if (index < this.elementCount >> 1) {
      let chunk = 0;
      let rest = index;
      while (rest >= chunks.get(chunk)!.count) rest -= chunks.get(chunk++)!.count;
      this.chunk = chunk;
      this.at = rest;
      return;
    }
    let chunk = chunks.length - 1;
    let start = this.elementCount - chunks.get(chunk)!.count;
    while (index < start) start -= chunks.get(--chunk)!.count;
    this.chunk = chunk;
    this.at = index - start;
  }

  /** Goes to the next element, or the one before; past an end the store stands nowhere. */
  step(isReverse: boolean): void {
    if (!isReverse) {
      if (++this.at < this.chunks.get(this.chunk)!.count) return;
      this.chunk++;
      this.at = 0;
      return;
    }
    if (--this.at >= 0) return;
    this.at = (this.chunks.get(--this.chunk)?.count ?? 0) - 1;
  }

  /** Visits every element, in order. */
  eachPlain(visit: (chunk: ListChunk, at: number) => void): void {
    for (const chunk of this.chunks) for (let at = 0; at < chunk.count; at++) visit(chunk, at);
  }

  /** Drops an empty chunk, and joins a sparse one in the middle with its neighbour. */
  protected tidy(): void {
    const chunks = this.chunks;
    const chunk = chunks.get(this.chunk);
    if (chunk === undefined) return;
    if (chunk.count === 0) {
      chunks.remove(this.chunk);
      this.at = 0;
      return;
    }
    // The first chunk is where pops come by: it is going to be empty soon.
    const next = chunks.get(this.chunk + 1);
    if (chunk.count >= sparseCount || this.chunk === 0 || next === undefined) return;
    if (next.bornTime !== chunk.bornTime || next.bornReplica !== chunk.bornReplica) return;
    if (chunk.count + next.count > chunkCountMax || chunk.live + next.live > chunkBytesMax) return;
    chunk.append(next, 0, next.count);
    chunks.remove(this.chunk + 1);
  }

  /**
   * Stands where an element of this birth and length can be put before the one stood at; birth 0
   * fits everywhere. False when only a cell can stand there.
   */
  protected findRoom(length: number, bornTime: Time, bornReplica: ReplicaIndex): boolean {
    const chunks = this.chunks;
    const chunk = chunks.get(this.chunk);
    if (chunk === undefined) {
      this.#addChunk(0, length, false);
      return true;
    }
    if (isRoomy(chunk, length, bornTime, bornReplica)) return true;
    if (this.at > 0 && this.at < chunk.count) {
      if (!isBornWith(chunk, bornTime, bornReplica)) return false;
      chunks.insert(this.chunk + 1, chunk.split(this.at));
      return this.findRoom(length, bornTime, bornReplica);
    }
    const isBehind = this.at > 0;
    const neighbour = this.chunk + (isBehind ? 1 : -1);
    const other = chunks.get(neighbour);
    if (other !== undefined && isRoomy(other, length, bornTime, bornReplica)) {
      this.chunk = neighbour;
      this.at = isBehind ? 0 : other.count;
      return true;
    }
    this.#addChunk(isBehind ? this.chunk + 1 : this.chunk, length, !isBehind, chunk);
    return true;
  }

  #addChunk(index: number, length: number, isFront: boolean, neighbour?: ListChunk): void {
    const capacity = neighbour === undefined ? firstCapacity : chunkCountMax;
    const bytes = Math.max(length, neighbour === undefined ? firstBytes : bytesLike(neighbour));
    const chunk = new ListChunk(capacity, bytes, isFront);
    this.chunks.insert(index, chunk);
    this.chunk = index;
    this.at = 0;
  }

  /**
   * The highest of 0 to `last` for which the test holds; it holds for 0 and never again once it
   * fails.
   */
  protected bisect(last: number, holds: (index: number) => boolean): number {
    let low = 0;
    let high = last;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (holds(middle)) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/**
 * Room for as many bytes as the elements of a full chunk like the neighbour take, and some more.
 */
function bytesLike({ count, live }: ListChunk): number {
  const expected = Math.ceil((live / count) * chunkCountMax * roomShare);
  return Math.min(chunkBytesMax, Math.max(nextBytesMin, expected));
}

const isBornWith = (chunk: ListChunk, bornTime: Time, bornReplica: ReplicaIndex): boolean =>
  bornTime === 0 ||
  chunk.count === chunk.complexCount ||
  (chunk.bornTime === bornTime && chunk.bornReplica === bornReplica);

const isRoomy = (
  chunk: ListChunk,
  length: number,
  bornTime: Time,
  bornReplica: ReplicaIndex,
): boolean => !chunk.isFullFor(length) && isBornWith(chunk, bornTime, bornReplica);
