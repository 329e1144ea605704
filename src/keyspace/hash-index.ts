// The key index of one database: open addressing over pairs (hash, ref), growing and shrinking in
// slices.
//
// While it resizes there are two tables: `old` is drained slot by slot from the front, each drained
// slot becoming a tombstone so that probe runs stay whole; inserts go to the new table only. Every
// operation drains a few slots, so no single one pays for the growth. In the new table a removal
// shifts the run back, so it never holds tombstones.
//
// A scan cursor is a *home bucket* (hash & mask), advanced in reversed-bit order as Redis's
// dictScan does, so a key that is present from beginning to end of a scan is returned whatever
// resizes happen meanwhile (Pieter Noordhuis's argument, which needs only that a key's bucket is a
// function of its hash and the mask).

import { assert } from "../base/assert.js";
import type { Arena, Ref } from "./arena.js";
import { keyEquals } from "./record.js";

const slotsMin = 64;
/**
 * Slots drained per operation while resizing. More than two, so that draining ends before the next
 * growth.
 */
const drainStep = 16;
/**
 * A table with fewer records than this share of its slots is halved: whoever draws one meets few
 * empty slots.
 */
const shrinkShare = 5;
const tombstone = -1; // No ref has this value: it would be the last unit of the last slab.

export class HashIndex {
  readonly #arena: Arena;
  #table: Int32Array = new Int32Array(slotsMin * 2);
  #mask = slotsMin - 1;
  #used = 0;
  #old: Int32Array | undefined;
  #oldMask = 0;
  #oldUsed = 0;
  #drained = 0;
  /** Moves on when a record comes, goes or moves: until then a key is found where it was. */
  version = 0;
  /** Hash of the record that `draw` answered last. */
  drawnHash = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  get count(): number {
    return this.#used + this.#oldUsed;
  }

  get slotCount(): number {
    return this.#mask + 1;
  }

  get isResizing(): boolean {
    return this.#old !== undefined;
  }

  get tableBytes(): number {
    return this.#table.byteLength + (this.#old?.byteLength ?? 0);
  }

  /**
   * Loads the slots of the first `count` hashes, so that later work on them finds them cached; four
   * at a time, as `Arena.touch` does.
   */
  touch(hashes: Int32Array, count: number): number {
    const table = this.#table;
    const mask = this.#mask;
    let touched = 0;
    let i = 0;
    for (; i + 4 <= count; i += 4) {
      const first = table[(hashes[i]! & mask) << 1]! ^ table[(hashes[i + 1]! & mask) << 1]!;
      const second = table[(hashes[i + 2]! & mask) << 1]! ^ table[(hashes[i + 3]! & mask) << 1]!;
      touched ^= first ^ second;
    }
    for (; i < count; i++) touched ^= table[(hashes[i]! & mask) << 1]!;
    return touched;
  }

  /** The refs that `find` will most likely look at, unverified; 0 where it will find none. */
  candidates(hashes: Int32Array, refs: Int32Array, count: number): void {
    const table = this.#table;
    const mask = this.#mask;
    for (let i = 0; i < count; i++) {
      const hash = hashes[i]!;
      for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
        const ref = table[(slot << 1) | 1]!;
        if (ref !== 0 && table[slot << 1] !== hash) continue;
        refs[i] = ref;
        break;
      }
    }
  }

  /** The record whose key is `bytes[start, start + length)`, or 0. */
  find(hash: number, bytes: Uint8Array, start: number, length: number): Ref {
    const table = this.#table;
    const mask = this.#mask;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const ref = table[(slot << 1) + 1]!;
      if (ref === 0) break;
      if (table[slot << 1] === hash && keyEquals(this.#arena, ref, bytes, start, length))
        return ref;
    }
    return this.#old === undefined ? 0 : this.#findOld(hash, bytes, start, length);
  }

  #findOld(hash: number, bytes: Uint8Array, start: number, length: number): Ref {
    const table = this.#old!;
    const mask = this.#oldMask;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const ref = table[(slot << 1) + 1]!;
      if (ref === 0) return 0;
      if (ref !== tombstone && table[slot << 1] === hash) {
        if (keyEquals(this.#arena, ref, bytes, start, length)) return ref;
      }
    }
  }

  /** Adds a record whose key is not in the index. */
  insert(hash: number, ref: Ref): void {
    this.version = (this.version + 1) | 0;
    if (this.#old !== undefined) this.drain(drainStep);
    else if (this.#used * 4 >= this.slotCount * 3) this.#resize(this.slotCount * 2);
    this.#place(hash, ref);
  }

  #place(hash: number, ref: Ref): void {
    const table = this.#table;
    const mask = this.#mask;
    let slot = hash & mask;
    while (table[(slot << 1) + 1] !== 0) slot = (slot + 1) & mask;
    table[slot << 1] = hash;
    table[(slot << 1) + 1] = ref;
    this.#used++;
  }

  /** Takes a record out. It must be there. */
  remove(hash: number, ref: Ref): void {
    this.version = (this.version + 1) | 0;
    const slot = this.#slotIn(this.#table, this.#mask, hash, ref);
    if (slot >= 0) this.#removeAt(slot);
    else {
      assert(this.#old !== undefined, "removed a record that is not in the index");
      const oldSlot = this.#slotIn(this.#old, this.#oldMask, hash, ref);
      assert(oldSlot >= 0, "removed a record that is not in the index");
      this.#old[(oldSlot << 1) + 1] = tombstone;
      this.#oldUsed--;
    }
    if (this.#old !== undefined) this.drain(drainStep);
    else if (this.slotCount > slotsMin && this.#used * shrinkShare < this.slotCount) {
      this.#resize(this.slotCount >> 1);
    }
  }

  /** A record moved to another place in the arena. */
  replace(hash: number, ref: Ref, moved: Ref): void {
    this.version = (this.version + 1) | 0;
    let table = this.#table;
    let slot = this.#slotIn(table, this.#mask, hash, ref);
    if (slot < 0) {
      assert(this.#old !== undefined, "replaced a record that is not in the index");
      table = this.#old;
      slot = this.#slotIn(table, this.#oldMask, hash, ref);
    }
    assert(slot >= 0, "replaced a record that is not in the index");
    table[(slot << 1) + 1] = moved;
  }

  #slotIn(table: Int32Array, mask: number, hash: number, ref: Ref): number {
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const there = table[(slot << 1) + 1];
      if (there === 0) return -1;
      if (there === ref) return slot;
    }
  }

  // Backward shift: later members of the run that may live in the hole move into it (Knuth 6.4,
  // algorithm R).
  #removeAt(removed: number): void {
    const table = this.#table;
    const mask = this.#mask;
    let hole = removed;
    for (let slot = (hole + 1) & mask; table[(slot << 1) + 1] !== 0; slot = (slot + 1) & mask) {
      const home = table[slot << 1]! & mask;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      table[hole << 1] = table[slot << 1]!;
      table[(hole << 1) + 1] = table[(slot << 1) + 1]!;
      hole = slot;
    }
    table[(hole << 1) + 1] = 0;
    this.#used--;
  }

  /** Forgets every record. */
  clear(): void {
    this.version = (this.version + 1) | 0;
    this.#table = new Int32Array(slotsMin * 2);
    this.#mask = slotsMin - 1;
    this.#used = 0;
    this.#old = undefined;
    this.#oldUsed = 0;
  }

  #resize(slots: number): void {
    this.#old = this.#table;
    this.#oldMask = this.#mask;
    this.#oldUsed = this.#used;
    this.#drained = 0;
    this.#table = new Int32Array(slots * 2);
    this.#mask = slots - 1;
    this.#used = 0;
  }

  /**
   * Moves up to `slots` slots from the old table; the host's cron calls it too, so an idle index
   * finishes.
   */
  drain(slots: number): void {
    const old = this.#old;
    if (old === undefined) return;
    const end = Math.min(this.#drained + slots, this.#oldMask + 1);
    for (let slot = this.#drained; slot < end; slot++) {
      const ref = old[(slot << 1) + 1]!;
      if (ref === 0 || ref === tombstone) continue;
      this.#place(old[slot << 1]!, ref);
      old[(slot << 1) + 1] = tombstone;
      this.#oldUsed--;
    }
    this.#drained = end;
    if (end > this.#oldMask) {
      assert(this.#oldUsed === 0, "the old table is drained but keys are left");
      this.#old = undefined;
    }
  }

  /**
   * Visits every record of one home bucket and returns the next cursor; 0 begins and 0 ends a scan.
   * Cursors are unsigned 32-bit numbers.
   */
  scan(cursor: number, visit: (ref: Ref, hash: number) => void): number {
    let at = cursor >>> 0;
    if (this.#old === undefined) {
      this.#visitBucket(this.#table, this.#mask, at & this.#mask, visit);
      return nextCursor(at, this.#mask);
    }
    const [small, smallMask, large, largeMask] =
      this.#oldMask < this.#mask
        ? [this.#old, this.#oldMask, this.#table, this.#mask]
        : [this.#table, this.#mask, this.#old, this.#oldMask];
    this.#visitBucket(small, smallMask, at & smallMask, visit);
    // All expansions of the small table's bucket in the large one.
    do {
      this.#visitBucket(large, largeMask, at & largeMask, visit);
      at = nextCursor(at, largeMask);
    } while ((at & (smallMask ^ largeMask)) !== 0);
    return at;
  }

  #visitBucket(
    table: Int32Array,
    mask: number,
    home: number,
    visit: (ref: Ref, hash: number) => void,
  ): void {
    for (let slot = home; ; slot = (slot + 1) & mask) {
      const ref = table[(slot << 1) + 1]!;
      if (ref === 0) return;
      const hash = table[slot << 1]!;
      if (ref !== tombstone && (hash & mask) === home) visit(ref, hash);
    }
  }

  /** All records, in no order that means anything. The index must not change meanwhile. */
  forEach(visit: (ref: Ref, hash: number) => void): void {
    for (const table of [this.#table, this.#old]) {
      if (table === undefined) continue;
      for (let at = 0; at < table.length; at += 2) {
        const ref = table[at + 1]!;
        if (ref !== 0 && ref !== tombstone) visit(ref, table[at]!);
      }
    }
  }

  /** As `forEach`, until `visit` answers true. */
  some(visit: (ref: Ref, hash: number) => boolean): boolean {
    for (const table of [this.#table, this.#old]) {
      if (table === undefined) continue;
      for (let at = 0; at < table.length; at += 2) {
        const ref = table[at + 1]!;
        if (ref !== 0 && ref !== tombstone && visit(ref, table[at]!)) return true;
      }
    }
    return false;
  }

  /**
   * What lies at a position in [0, 1), 0 for an empty slot: drawing until it is not 0 is fair to
   * every record.
   */
  peek(position: number): Ref {
    return this.#refAt(Math.floor(position * this.#drawableSlots));
  }

  /** A record, each as likely as any other; `drawnHash` is its hash. There must be one. */
  draw(source: { randomBits(): number }): Ref {
    const span = (1 << (32 - Math.clz32(this.#drawableSlots - 1))) - 1;
    for (;;) {
      // Many slots are empty, and each lies somewhere else in memory: four are asked for before the
      // first answer is looked at.
      const first = source.randomBits() & span;
      const second = source.randomBits() & span;
      const third = source.randomBits() & span;
      const fourth = source.randomBits() & span;
      const a = this.#refAt(first);
      const b = this.#refAt(second);
      const c = this.#refAt(third);
      const d = this.#refAt(fourth);
      if ((a | b | c | d) === 0) continue;
      const drawn = a !== 0 ? first : b !== 0 ? second : c !== 0 ? third : fourth;
      this.drawnHash = this.#hashAt(drawn);
      return a || b || c || d;
    }
  }

  // For drawing, slots of both tables have numbers: those of the new one first, then those of the
  // old one that are not drained, for nothing lies in its drained part.

  get #drawableSlots(): number {
    return this.slotCount + (this.#old === undefined ? 0 : this.#oldMask + 1 - this.#drained);
  }

  #refAt(slot: number): Ref {
    if (slot <= this.#mask) return this.#table[(slot << 1) | 1]!;
    const oldSlot = slot - this.slotCount + this.#drained;
    if (this.#old === undefined || oldSlot > this.#oldMask) return 0;
    const ref = this.#old[(oldSlot << 1) | 1]!;
    return ref === tombstone ? 0 : ref;
  }

  #hashAt(slot: number): number {
    if (slot <= this.#mask) return this.#table[slot << 1]!;
    return this.#old![(slot - this.slotCount + this.#drained) << 1]!;
  }

  /** A record near a position drawn by the caller in [0, 1); 0 when the index is empty. */
  sample(position: number): Ref {
    if (this.count === 0) return 0;
    const newSlots = this.slotCount;
    const slots = newSlots + (this.#old === undefined ? 0 : this.#oldMask + 1);
    const start = Math.floor(position * slots);
    for (let step = 0; step < slots; step++) {
      const slot = (start + step) % slots;
      const ref =
        slot < newSlots ? this.#table[(slot << 1) + 1]! : this.#old![((slot - newSlots) << 1) + 1]!;
      if (ref !== 0 && ref !== tombstone) return ref;
    }
    return 0;
  }

  /** Checks counts and that every entry can be found from its home bucket. */
  verifyInvariants(hashOf: (ref: Ref) => number): void {
    let used = 0;
    this.forEach((ref, hash) => {
      used++;
      assert(hashOf(ref) === hash, "an index slot holds a stale hash or ref");
      const found =
        this.#slotIn(this.#table, this.#mask, hash, ref) >= 0 ||
        (this.#old !== undefined && this.#slotIn(this.#old, this.#oldMask, hash, ref) >= 0);
      assert(found, "an index entry cannot be reached from its home bucket");
    });
    assert(used === this.count, "the index's count does not add up");
  }
}

function reverseBits(value: number): number {
  let v = value;
  v = ((v >>> 1) & 0x55555555) | ((v & 0x55555555) << 1);
  v = ((v >>> 2) & 0x33333333) | ((v & 0x33333333) << 2);
  v = ((v >>> 4) & 0x0f0f0f0f) | ((v & 0x0f0f0f0f) << 4);
  v = ((v >>> 8) & 0x00ff00ff) | ((v & 0x00ff00ff) << 8);
  return ((v >>> 16) | (v << 16)) >>> 0;
}

/** Increments the reversed cursor under the mask; returns 0 after the last bucket. */
function nextCursor(cursor: number, mask: number): number {
  const unmasked = (cursor | ~mask) >>> 0;
  return reverseBits((reverseBits(unmasked) + 1) >>> 0);
}
