// A run of list elements: the values' bytes lie in one buffer, stamps and lengths in two typed
// arrays beside it. The counterpart of a node of Redis's quicklist. Elements stand in list order in
// a window that has room at both ends, so pushing and popping at either end moves nothing; values
// lie in the buffer in the order of their writing, and what popped values leave behind is won back
// when the buffer is full.
//
// A plain element is a pushed one that nobody has written over: its id has one step, whose stamp is
// also the sibling's (list-position.ts), so time, replica, side and place tell the whole of it. Any
// other element is a marker here and a cell in the store (list-store.ts). All plain elements of a
// chunk have one birth.

import { assert } from "../base/assert.js";
import { copyBytes, copyGiven } from "../base/bytes.js";
import type { ReplicaIndex, Time } from "../clock/stamp.js";

/** Elements of one chunk. */
export const chunkCountMax = 128;
/** Bytes of values in one chunk; a single larger value has a chunk for itself. */
export const chunkBytesMax = 8192;

/** Marks of an element; the low 16 bits are the replica's index. */
export const leftMark = 1 << 16;
export const complexMark = 1 << 17;

/**
 * Numbers per element in `meta`: start and length of the value, place in the batch, replica with
 * marks.
 */
const stride = 4;
/** Bytes of an element beside its value. */
const elementBytes = 8 + stride * 4;

export class ListChunk {
  // All in one buffer: chunks come and go as fast as elements do.
  times!: Float64Array;
  /** For a complex element the first number is its place in the store's table. */
  meta!: Int32Array;
  bytes!: Uint8Array;
  /** The same as `bytes`. */
  words!: DataView;
  /** The window. */
  first: number;
  count = 0;
  bornTime: Time = 0;
  bornReplica: ReplicaIndex = 0;
  /** Where the next value goes. */
  used = 0;
  /** Bytes of values that are still wanted. */
  live = 0;
  /** Markers among the elements. */
  complexCount = 0;

  /** @param isFront whether the room is before the first element. */
  constructor(capacity: number, bytesCapacity: number, isFront: boolean) {
    this.#allocate(capacity, bytesCapacity);
    this.first = isFront ? capacity : 0;
  }

  #allocate(capacity: number, bytesCapacity: number): void {
    const numbers = capacity * elementBytes;
    const buffer = new ArrayBuffer(numbers + bytesCapacity);
    this.times = new Float64Array(buffer, 0, capacity);
    this.meta = new Int32Array(buffer, capacity * 8, capacity * stride);
    this.bytes = new Uint8Array(buffer, numbers);
    this.words = new DataView(buffer, numbers);
  }

  get capacity(): number {
    return this.times.length;
  }

  /** Whether one more element with so many bytes belongs into another chunk. */
  isFullFor(length: number): boolean {
    return this.count > 0 && (this.count >= chunkCountMax || this.live + length > chunkBytesMax);
  }

  start(at: number): number {
    return this.meta[(this.first + at) * stride]!;
  }

  /** Length of a plain element's value. */
  size(at: number): number {
    return this.meta[(this.first + at) * stride + 1]!;
  }

  place(at: number): number {
    return this.meta[(this.first + at) * stride + 2]! >>> 0;
  }

  time(at: number): Time {
    return this.times[this.first + at]!;
  }

  replica(at: number): ReplicaIndex {
    return this.meta[(this.first + at) * stride + 3]! & 0xffff;
  }

  isLeft(at: number): boolean {
    return (this.meta[(this.first + at) * stride + 3]! & leftMark) !== 0;
  }

  isComplex(at: number): boolean {
    return (
      this.complexCount > 0 && (this.meta[(this.first + at) * stride + 3]! & complexMark) !== 0
    );
  }

  // ---- changes

  /** Makes room for an element before the one at `at`; its numbers are left to the caller. */
  #open(at: number): number {
    if (this.count === this.capacity) this.#grow(at === 0);
    if (at === 0 || (at < this.count >> 1 && this.first > 0)) {
      if (this.first === 0) this.#slide(this.capacity - this.count);
      this.#move(this.first, this.first - 1, at);
      this.first--;
    } else {
      if (this.first + this.count === this.capacity) this.#slide(0);
      this.#move(this.first + at, this.first + at + 1, this.count - at);
    }
    this.count++;
    return this.first + at;
  }

  /** Moves the whole window. */
  #slide(first: number): void {
    this.#move(this.first, first, this.count);
    this.first = first;
  }

  #move(from: number, to: number, count: number): void {
    if (count === 0 || from === to) return;
    this.times.copyWithin(to, from, from + count);
    this.meta.copyWithin(to * stride, from * stride, (from + count) * stride);
  }

  #grow(isFront: boolean): void {
    const capacity = Math.min(chunkCountMax, this.capacity * 2);
    const { times, meta, bytes, first, count } = this;
    this.#allocate(capacity, bytes.length);
    this.bytes.set(bytes.subarray(0, this.used));
    this.first = isFront ? capacity - count : 0;
    this.times.set(times.subarray(first, first + count), this.first);
    this.meta.set(meta.subarray(first * stride, (first + count) * stride), this.first * stride);
  }

  /** Puts a plain element before the one at `at`. The chunk must not be full for it. */
  insert(
    at: number,
    time: Time,
    replica: ReplicaIndex,
    isLeft: boolean,
    place: number,
    value: Uint8Array,
    valueStart: number,
    valueLength: number,
  ): void {
    if (this.used + valueLength > this.bytes.length) this.#makeRoom(valueLength);
    const index = this.#open(at);
    copyGiven(this.bytes, this.words, this.used, value, valueStart, valueLength);
    this.times[index] = time;
    const { meta } = this;
    const base = index * stride;
    meta[base] = this.used;
    meta[base + 1] = valueLength;
    meta[base + 2] = place;
    meta[base + 3] = replica | (isLeft ? leftMark : 0);
    this.used += valueLength;
    this.live += valueLength;
  }

  /** Puts a marker of a complex element before the one at `at`. */
  insertComplex(at: number, complex: number): void {
    const index = this.#open(at);
    const base = index * stride;
    this.times[index] = 0;
    this.meta[base] = complex;
    this.meta[base + 1] = 0;
    this.meta[base + 2] = 0;
    this.meta[base + 3] = complexMark;
    this.complexCount++;
  }

  /** A larger buffer, or the same size without what popped values left behind. */
  #makeRoom(length: number): void {
    const wanted = this.live + length;
    let size = this.bytes.length;
    if (wanted > size - (size >> 2)) size = Math.max(wanted, Math.min(size * 2, chunkBytesMax));
    const { times, meta, bytes: old } = this;
    this.#allocate(this.capacity, size);
    this.times.set(times);
    this.meta.set(meta);
    this.used = 0;
    for (let at = 0; at < this.count; at++) {
      if (this.isComplex(at)) continue;
      const base = (this.first + at) * stride;
      const start = this.meta[base]!;
      const held = this.meta[base + 1]!;
      copyBytes(this.bytes, this.used, old, start, held);
      this.meta[base] = this.used;
      this.used += held;
    }
  }

  /** Takes an element out. */
  remove(at: number): void {
    if (this.isComplex(at)) this.complexCount--;
    else this.live -= this.size(at);
    if (at < this.count >> 1) {
      this.#move(this.first, this.first + 1, at);
      this.first++;
    } else {
      this.#move(this.first + at + 1, this.first + at, this.count - at - 1);
    }
    this.count--;
    if (this.count === this.complexCount) this.used = 0;
  }

  /** Appends elements of another chunk, which keeps them until they are cut off there. */
  append(other: ListChunk, from: number, to: number): void {
    for (let at = from; at < to; at++) {
      if (other.isComplex(at)) {
        this.insertComplex(this.count, other.start(at));
        continue;
      }
      this.insert(
        this.count,
        other.time(at),
        other.replica(at),
        other.isLeft(at),
        other.place(at),
        other.bytes,
        other.start(at),
        other.size(at),
      );
    }
  }

  /** Moves everything from `at` on into a chunk of its own. */
  split(at: number): ListChunk {
    const rest = new ListChunk(chunkCountMax, this.bytes.length, false);
    rest.bornTime = this.bornTime;
    rest.bornReplica = this.bornReplica;
    rest.append(this, at, this.count);
    while (this.count > at) this.remove(this.count - 1);
    return rest;
  }
  /** For tests: the figures agree with the elements. */
  verifyInvariants(): void {
    let live = 0;
    let complexCount = 0;
    for (let at = 0; at < this.count; at++) {
      if ((this.meta[(this.first + at) * stride + 3]! & complexMark) !== 0) {
        complexCount++;
        continue;
      }
      live += this.size(at);
      assert(this.start(at) + this.size(at) <= this.used, "a value beyond the chunk's bytes");
    }
    assert(this.first >= 0 && this.first + this.count <= this.capacity, "a chunk's window");
    assert(live === this.live, "a chunk's live bytes do not add up");
    assert(complexCount === this.complexCount, "a chunk's markers do not add up");
  }
}
