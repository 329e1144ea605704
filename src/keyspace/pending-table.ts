// The pending entries of a consumer group, in the order of their ids: columns of numbers in chunks,
// so that a pending entry is no object. Found by bisection over the chunks and within one.
//
// Left out: an index per consumer. What one consumer holds is found by looking through the group's.

import type { Time } from "../clock/stamp.js";
import { compareIds, idOf, type StreamId } from "../lattice/stream-id.js";

const rowsMax = 128;
const rowsFirst = 4;
/** The columns of a row: an id of sixteen bytes, a time twice, a count, two numbers. */
const rowBytes = 16 + 3 * 8 + 2 * 4;

/** What is kept of a pending entry beside its id. */
export interface PendingRow {
  /** The consumer's number in its group. */
  readonly consumer: number;
  /** Unix milliseconds. */
  readonly deliveredMs: number;
  readonly deliveries: bigint;
  readonly time: Time;
  /** Number of the replica and birth (`Origins`). */
  readonly origin: number;
}

class PendingChunk {
  count = 0;
  ids: Uint32Array;
  consumers: Uint32Array;
  delivered: Float64Array;
  deliveries: BigInt64Array;
  times: Float64Array;
  origins: Uint32Array;

  constructor(capacity: number) {
    this.ids = new Uint32Array(capacity * 4);
    this.consumers = new Uint32Array(capacity);
    this.delivered = new Float64Array(capacity);
    this.deliveries = new BigInt64Array(capacity);
    this.times = new Float64Array(capacity);
    this.origins = new Uint32Array(capacity);
  }

  get capacity(): number {
    return this.consumers.length;
  }

  compare(at: number, id: StreamId): number {
    const { ids } = this;
    const from = at * 4;
    if (ids[from] !== id.msHigh) return ids[from]! - id.msHigh;
    if (ids[from + 1] !== id.msLow) return ids[from + 1]! - id.msLow;
    if (ids[from + 2] !== id.seqHigh) return ids[from + 2]! - id.seqHigh;
    return ids[from + 3]! - id.seqLow;
  }

  id(at: number): StreamId {
    const { ids } = this;
    return idOf(ids[at * 4]!, ids[at * 4 + 1]!, ids[at * 4 + 2]!, ids[at * 4 + 3]!);
  }

  /** Copies rows of another chunk behind one's own. */
  append(from: PendingChunk, start: number, end: number): void {
    const to = this.count;
    this.ids.set(from.ids.subarray(start * 4, end * 4), to * 4);
    this.consumers.set(from.consumers.subarray(start, end), to);
    this.delivered.set(from.delivered.subarray(start, end), to);
    this.deliveries.set(from.deliveries.subarray(start, end), to);
    this.times.set(from.times.subarray(start, end), to);
    this.origins.set(from.origins.subarray(start, end), to);
    this.count = to + end - start;
  }

  /** Moves the rows from one place on to another place. */
  move(from: number, to: number): void {
    const end = this.count;
    this.ids.copyWithin(to * 4, from * 4, end * 4);
    this.consumers.copyWithin(to, from, end);
    this.delivered.copyWithin(to, from, end);
    this.deliveries.copyWithin(to, from, end);
    this.times.copyWithin(to, from, end);
    this.origins.copyWithin(to, from, end);
    this.count += to - from;
  }

  setId(at: number, id: StreamId): void {
    this.ids[at * 4] = id.msHigh;
    this.ids[at * 4 + 1] = id.msLow;
    this.ids[at * 4 + 2] = id.seqHigh;
    this.ids[at * 4 + 3] = id.seqLow;
  }

  set(at: number, row: PendingRow): void {
    this.consumers[at] = row.consumer;
    this.delivered[at] = row.deliveredMs;
    this.deliveries[at] = row.deliveries;
    this.times[at] = row.time;
    this.origins[at] = row.origin;
  }
}

export class PendingTable {
  #chunks: PendingChunk[] = [];
  count = 0;
  /** Where the table stands. */
  #chunk = 0;
  #at = 0;

  /** Stands at the first entry that is not below `id`; false when there is none. */
  seek(id: StreamId): boolean {
    const chunks = this.#chunks;
    let low = 0;
    let high = chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (chunks[middle]!.compare(0, id) <= 0) low = middle;
      else high = middle - 1;
    }
    this.#chunk = low;
    const chunk = chunks[low];
    let from = 0;
    let to = chunk?.count ?? 0;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (chunk!.compare(middle, id) < 0) from = middle + 1;
      else to = middle;
    }
    this.#at = from;
    return this.#settle();
  }

  /** Moves on to the next chunk at the end of one. */
  #settle(): boolean {
    const chunk = this.#chunks[this.#chunk];
    if (chunk === undefined) return false;
    if (this.#at < chunk.count) return true;
    if (this.#chunk + 1 >= this.#chunks.length) return false;
    this.#chunk++;
    this.#at = 0;
    return true;
  }

  next(): boolean {
    this.#at++;
    return this.#settle();
  }

  /** Stands at the last entry; false when there is none. */
  last(): boolean {
    this.#chunk = this.#chunks.length - 1;
    this.#at = (this.#chunks[this.#chunk]?.count ?? 0) - 1;
    return this.#at >= 0;
  }

  /** Stands at the entry of this id; false when it is not there. */
  find(id: StreamId): boolean {
    return this.seek(id) && this.#chunks[this.#chunk]!.compare(this.#at, id) === 0;
  }

  // ---- the entry stood at

  get id(): StreamId {
    return this.#chunks[this.#chunk]!.id(this.#at);
  }

  get consumer(): number {
    return this.#chunks[this.#chunk]!.consumers[this.#at]!;
  }

  get deliveredMs(): number {
    return this.#chunks[this.#chunk]!.delivered[this.#at]!;
  }

  get deliveries(): bigint {
    return this.#chunks[this.#chunk]!.deliveries[this.#at]!;
  }

  get time(): Time {
    return this.#chunks[this.#chunk]!.times[this.#at]!;
  }

  get origin(): number {
    return this.#chunks[this.#chunk]!.origins[this.#at]!;
  }

  /** Writes over the entry stood at. */
  set(row: PendingRow): void {
    this.#chunks[this.#chunk]!.set(this.#at, row);
  }

  /** Puts an entry that is not there yet, and stands at it. */
  insert(id: StreamId, row: PendingRow): void {
    this.seek(id);
    this.#makeRoom();
    const chunk = this.#chunks[this.#chunk]!;
    chunk.move(this.#at, this.#at + 1);
    chunk.setId(this.#at, id);
    chunk.set(this.#at, row);
    this.count++;
  }

  #makeRoom(): void {
    const chunks = this.#chunks;
    const chunk = chunks[this.#chunk];
    if (chunk === undefined) {
      chunks.push(new PendingChunk(rowsFirst));
      this.#chunk = 0;
      this.#at = 0;
    } else if (chunk.count === rowsMax) {
      this.#split(chunk);
    } else if (chunk.count === chunk.capacity) {
      const wider = new PendingChunk(Math.min(rowsMax, chunk.capacity * 2));
      wider.append(chunk, 0, chunk.count);
      chunks[this.#chunk] = wider;
    }
  }

  /** At the end a chunk stays full, for ids mostly grow; elsewhere it is halved. */
  #split(chunk: PendingChunk): void {
    const chunks = this.#chunks;
    const rest = new PendingChunk(rowsMax);
    chunks.splice(this.#chunk + 1, 0, rest);
    const kept = this.#at === chunk.count ? chunk.count : rowsMax / 2;
    rest.append(chunk, kept, chunk.count);
    chunk.count = kept;
    if (this.#at < kept || (this.#at === kept && kept < rowsMax)) return;
    this.#chunk++;
    this.#at -= kept;
  }

  /** Removes the entry stood at, and stands at the next; false when there is none. */
  remove(): boolean {
    const chunk = this.#chunks[this.#chunk]!;
    chunk.move(this.#at + 1, this.#at);
    this.count--;
    if (chunk.count === 0) {
      this.#chunks.splice(this.#chunk, 1);
      this.#at = 0;
      return this.#chunk < this.#chunks.length;
    }
    return this.#settle();
  }

  get memoryBytes(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.capacity * rowBytes, 0);
  }

  /** Whether ids ascend and the count is right; for tests. */
  verify(): boolean {
    let count = 0;
    let last: StreamId | undefined;
    for (const chunk of this.#chunks) {
      for (let at = 0; at < chunk.count; at++) {
        if (last !== undefined && compareIds(last, chunk.id(at)) >= 0) return false;
        last = chunk.id(at);
        count++;
      }
      if (chunk.count === 0) return false;
    }
    return count === this.count;
  }
}
