// The sweep: finds runs of neighbouring free blocks, which the arena then carves like fresh memory.
// Without it a collection that grows element by element leaves a free block of each size behind,
// which nothing of its new size ever fits (jemalloc and the like join such neighbours at once; here
// a block has no mark of the one before it, so they are joined when they are wanted).
//
// It walks over the slabs in a circle, a bounded number of blocks at each call, and remembers where
// it was. Left out: moving live records, which is compaction's (compaction.ts).

import { type Arena, blockUnitsMin, freeKind, refOf, wordOf } from "./arena.js";
import { unitsOf } from "./record.js";

/** Blocks looked at for one run: some microseconds, also when every one is a miss of the cache. */
export const sweepBlocksMax = 512;

export class Sweep {
  readonly #arena: Arena;
  #slab = 0;
  #unit = 0;
  #generation = -1;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** Looks for a run of at least `units` and hands it to the arena. False: none was met. */
  find(units: number): boolean {
    const arena = this.#arena;
    if (this.#generation !== arena.generation) this.#beginSlab(0);
    for (let left = sweepBlocksMax; left > 0; ) {
      if (this.#isAtEnd()) {
        this.#beginSlab((this.#slab + 1) % arena.bytes.length);
        left -= 8; // A slab that is passed over costs about as much.
        continue;
      }
      const start = this.#unit;
      while (left > 0 && !this.#isAtEnd()) {
        const free = this.#freeUnits();
        left--;
        if (free === 0) break;
        this.#unit += free;
      }
      if (this.#unit - start >= units) {
        arena.takeRun(this.#slab, start, this.#unit - start);
        return true;
      }
      if (!this.#isAtEnd() && this.#freeUnits() === 0) this.#skipRecord();
    }
    return false;
  }

  /** Also where the slab is not to be touched: being emptied, or given back. */
  #isAtEnd(): boolean {
    const arena = this.#arena;
    const slab = this.#slab;
    if (slab === arena.evacuating) return true;
    return this.#unit + blockUnitsMin > (arena.tops[slab] ?? 0);
  }

  /** Size of the free block here; 0: it is not free. */
  #freeUnits(): number {
    const words = this.#arena.words[this.#slab]!;
    const at = wordOf(refOf(this.#slab, this.#unit));
    return (words[at]! & 0xff) === freeKind ? words[at + 1]! : 0;
  }

  #skipRecord(): void {
    const ref = refOf(this.#slab, this.#unit);
    this.#unit += this.#arena.sizeOf(unitsOf(this.#arena, ref));
  }

  #beginSlab(slab: number): void {
    this.#slab = slab;
    this.#unit = slab === 0 ? blockUnitsMin : 0;
    this.#generation = this.#arena.generation;
  }
}
