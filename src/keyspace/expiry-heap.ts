// Deadlines in order: a 4-ary min-heap of (deadline, ref) in pages, so that growing never copies.
// Each record knows its place in the heap, so a changed deadline moves one entry and nothing stale
// is ever left behind: the heap holds exactly the records with a finite deadline, and a command's
// cost does not depend on how many there are beyond the heap's depth.

import { assert } from "../base/assert.js";
import type { Arena, Ref } from "./arena.js";
import { deadlineOf, heapPositionOf, setHeapPosition } from "./record.js";

const pageShift = 14;
const pageSize = 1 << pageShift;
const pageMask = pageSize - 1;

export class ExpiryHeap {
  readonly #arena: Arena;
  readonly #deadlines: Float64Array[] = [];
  readonly #refs: Int32Array[] = [];
  #count = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  get count(): number {
    return this.#count;
  }

  /** The earliest deadline in Unix milliseconds; Infinity when there is none. */
  get nextDeadline(): number {
    return this.#count === 0 ? Number.POSITIVE_INFINITY : this.#deadlines[0]![0]!;
  }

  /** The record with the earliest deadline, or 0. */
  get first(): Ref {
    return this.#count === 0 ? 0 : this.#refs[0]![0]!;
  }

  /** The record at a position in [0, 1), in no order that means anything; 0 when there is none. */
  sample(position: number): Ref {
    return this.#count === 0 ? 0 : this.#refAt(Math.floor(position * this.#count));
  }

  /** Adds a record, or moves it after its deadline changed. Its heap position is -1 or right. */
  schedule(ref: Ref, deadline: number): void {
    let position = heapPositionOf(this.#arena, ref);
    if (position < 0) {
      position = this.#count++;
      if (position >> pageShift === this.#refs.length) {
        this.#deadlines.push(new Float64Array(pageSize));
        this.#refs.push(new Int32Array(pageSize));
      }
    }
    this.#settle(position, ref, deadline);
  }

  cancel(ref: Ref): void {
    const position = heapPositionOf(this.#arena, ref);
    if (position < 0) return;
    setHeapPosition(this.#arena, ref, -1);
    const last = --this.#count;
    if (position === last) return;
    this.#settle(position, this.#refAt(last), this.#deadlineAt(last));
  }

  /** The record moved inside the arena; its header was copied with it. */
  moved(to: Ref): void {
    const position = heapPositionOf(this.#arena, to);
    if (position >= 0) this.#refs[position >> pageShift]![position & pageMask] = to;
  }

  #deadlineAt(position: number): number {
    return this.#deadlines[position >> pageShift]![position & pageMask]!;
  }

  #refAt(position: number): Ref {
    return this.#refs[position >> pageShift]![position & pageMask]!;
  }

  #set(position: number, ref: Ref, deadline: number): void {
    this.#deadlines[position >> pageShift]![position & pageMask] = deadline;
    this.#refs[position >> pageShift]![position & pageMask] = ref;
    setHeapPosition(this.#arena, ref, position);
  }

  /** Puts the entry where it belongs, starting from a free position. */
  #settle(start: number, ref: Ref, deadline: number): void {
    let position = start;
    while (position > 0) {
      const parent = (position - 1) >> 2;
      if (this.#deadlineAt(parent) <= deadline) break;
      this.#set(position, this.#refAt(parent), this.#deadlineAt(parent));
      position = parent;
    }
    for (;;) {
      let least = position;
      let leastDeadline = deadline;
      const firstChild = (position << 2) + 1;
      const end = Math.min(firstChild + 4, this.#count);
      for (let child = firstChild; child < end; child++) {
        if (this.#deadlineAt(child) < leastDeadline) {
          least = child;
          leastDeadline = this.#deadlineAt(child);
        }
      }
      if (least === position) break;
      this.#set(position, this.#refAt(least), leastDeadline);
      position = least;
    }
    this.#set(position, ref, deadline);
  }

  /** Forgets every entry; the records are gone. */
  reset(): void {
    this.#count = 0;
    this.#deadlines.length = Math.min(1, this.#deadlines.length);
    this.#refs.length = this.#deadlines.length;
  }

  verifyInvariants(): void {
    for (let position = 0; position < this.#count; position++) {
      const ref = this.#refAt(position);
      assert(heapPositionOf(this.#arena, ref) === position, "a record's heap position is stale");
      assert(
        deadlineOf(this.#arena, ref) === this.#deadlineAt(position),
        "the heap holds an old deadline",
      );
      const parent = (position - 1) >> 2;
      assert(
        position === 0 || this.#deadlineAt(parent) <= this.#deadlineAt(position),
        "the heap is out of order",
      );
    }
  }
}
