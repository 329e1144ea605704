// The arena: where keys and plain values live as bytes, outside the garbage collector's sight.
//
// Memory is a list of slabs of 64 MiB. A *ref* names a block: slab number and 8-byte unit inside
// it, packed into one signed 32-bit integer (so 512 slabs, 32 GiB); 0 is no block. Blocks have
// exact sizes in units up to 1 KiB, then multiples of 16 units, so that the size of a live block
// follows from its record's header and a freed one fits the next record of its size. Every block is
// at least three units long: a free one holds its size and the links of its size's list.
//
// Left out: moving blocks (compaction.ts) and what is inside a block (record.ts). Blocks above
// `blockUnitsMax` do not live here: large values are buffers of their own behind a record.

import { assert } from "../base/assert.js";
import { copyGiven } from "../base/bytes.js";

export const unitBytes = 8;
const slabShift = 23;
export const slabUnits = 1 << slabShift;
const slabMask = slabUnits - 1;
const slabCountMax = 1 << (32 - slabShift);

/** The largest block that a value may make: 32 KiB. Only long keys make larger ones. */
export const blockUnitsMax = 4096;
const exactUnitsMax = 128;
/** Blocks above `blockUnitsMax` are multiples of it. */
const longShift = 12;
const firstLongClass = exactUnitsMax + (blockUnitsMax - exactUnitsMax) / 16;
const classCount = firstLongClass + (slabUnits >> longShift) + 1;

/** Ref 0 means none, so the first block of slab 0 is never used. */
const firstUnit = 3;

/** The smallest block: a free one's size and links must fit. */
export const blockUnitsMin = 3;

/** First byte of a free block. Records use other kinds. */
export const freeKind = 0;
/** Word 0 of a free block that is in no list, because its slab is being emptied. */
const looseWord = freeKind | (1 << 8);

/** A block's name; 0 is none. */
export type Ref = number;

/** The size that a block of at least `units` really has. */
export const roundUnits = (units: number): number => {
  if (units <= exactUnitsMax) return units;
  return units <= blockUnitsMax
    ? (units + 15) & ~15
    : (units + blockUnitsMax - 1) & ~(blockUnitsMax - 1);
};

const classOf = (rounded: number): number => {
  if (rounded <= exactUnitsMax) return rounded;
  return rounded <= blockUnitsMax
    ? exactUnitsMax + ((rounded - exactUnitsMax) >> 4)
    : firstLongClass + (rounded >> longShift) - 1;
};

export const slabOf = (ref: Ref): number => ref >>> slabShift;

/** Position of the block's first 32-bit word in its slab's `words`. */
export const wordOf = (ref: Ref): number => (ref & slabMask) << 1;

export const refOf = (slab: number, unit: number): Ref => (slab << slabShift) | unit;

/** Fresh memory handed out before the free blocks are looked over again: 16 KiB. */
const freshUnitsPerSweep = 2048;
/** Less in free blocks than this, or than an eighth of the arena, is not worth looking over. */
const sweepFreeUnitsMin = (4 * 1024 * 1024) / unitBytes;

/** Words from the beginning of a record to where its second line of the cache surely has begun. */
const nextLine = 12;
const lineWords = 16;
/** Words of a record with a short key and a text of about 64 bytes. */
const usualWords = 26;

/** Thrown when the address space of refs is used up: 32 GiB of small records. */
export class ArenaFull extends Error {
  override readonly name = "ArenaFull";
}

export class Arena {
  /** Per slab, four views of the same memory. */
  readonly bytes: Uint8Array[] = [];
  readonly data: DataView[] = [];
  readonly words: Int32Array[] = [];
  readonly floats: Float64Array[] = [];
  /** Units in use per slab. */
  readonly liveUnits: number[] = [];
  /** Units handed out at least once per slab; beyond it the slab is untouched. */
  readonly tops: number[] = [];
  /** The slab that `compaction` is emptying: nothing new goes there. */
  evacuating = -1;
  /** Moves on when a slab is given back, so that places in it mean nothing any more. */
  generation = 0;
  /** Moves on with every block that is given back: until then a reference means what it meant. */
  freedCount = 0;
  /**
   * Looks for neighbouring free blocks of so many units together and gives them to `takeRun`
   * (arena-sweep.ts). False when it found none.
   */
  findRun: ((units: number) => boolean) | undefined;

  /**
   * Units of each slab; fewer than `slabUnits` only where many small keyspaces live in one process.
   */
  readonly slabCapacity: number;
  readonly #freeHeads = new Int32Array(classCount + 1);
  readonly #vacantSlabs: number[] = [];
  #current = -1;
  // The run of joined free blocks that is being carved: a block in no list.
  #runSlab = -1;
  #runUnit = 0;
  #runUnits = 0;
  #freshLeft = freshUnitsPerSweep;
  #liveUnitsTotal = 0;
  #freeUnitsTotal = 0;

  constructor(slabCapacity = slabUnits) {
    this.slabCapacity = slabCapacity;
  }

  get liveBytes(): number {
    return this.#liveUnitsTotal * unitBytes;
  }

  /** Bytes in free blocks, which compaction can win back. */
  get freeBytes(): number {
    return this.#freeUnitsTotal * unitBytes;
  }

  get slabCount(): number {
    return this.bytes.length - this.#vacantSlabs.length;
  }

  /**
   * Loads the records of the first `count` refs, 0 among them, so that later work on them finds
   * them cached. Four at a time: the fewer steps there are between the loads, the more of them the
   * processor has under way at once.
   */
  touch(refs: Int32Array, count: number): number {
    let touched = 0;
    let i = 0;
    for (; i + 4 <= count; i += 4) {
      const a = refs[i]!;
      const b = refs[i + 1]!;
      const c = refs[i + 2]!;
      const d = refs[i + 3]!;
      const words = this.words[slabOf(a)];
      const last = words === undefined ? -1 : words.length - 1;
      if (words === undefined || last < 0 || ((a ^ b) | (a ^ c) | (a ^ d)) >>> slabShift !== 0) {
        touched ^= this.#touchOne(a) ^ this.#touchOne(b) ^ this.#touchOne(c) ^ this.#touchOne(d);
        continue;
      }
      touched ^= words[wordOf(a)]! ^ words[wordOf(b)]! ^ words[wordOf(c)]! ^ words[wordOf(d)]!;
      // Most records lie across two lines of the cache.
      const first = words[Math.min(wordOf(a) + nextLine, last)]!;
      const second = words[Math.min(wordOf(b) + nextLine, last)]!;
      const third = words[Math.min(wordOf(c) + nextLine, last)]!;
      touched ^= first ^ second ^ third ^ words[Math.min(wordOf(d) + nextLine, last)]!;
    }
    for (; i < count; i++) touched ^= this.#touchOne(refs[i]!);
    return touched;
  }

  /** After `touch`, of longer records: the line in which one of usual length ends. */
  touchThird(refs: Int32Array, count: number): number {
    let touched = 0;
    for (let i = 0; i < count; i++) {
      const words = this.words[slabOf(refs[i]!)];
      if (words === undefined || words.length === 0) continue;
      touched ^= words[Math.min(wordOf(refs[i]!) + usualWords, words.length) - 1]!;
    }
    return touched;
  }

  /** As `touch`, of each record all that one of usual length has. */
  touchAll(refs: Int32Array, count: number): number {
    let touched = 0;
    for (let i = 0; i < count; i++) {
      const words = this.words[slabOf(refs[i]!)];
      if (words === undefined || words.length === 0) continue;
      const at = wordOf(refs[i]!);
      const last = words.length - 1;
      touched ^= words[at]! ^ words[Math.min(at + lineWords, last)]!;
      touched ^= words[Math.min(at + usualWords, last)]!;
    }
    return touched;
  }

  /** Writes bytes of any buffer into a slab. */
  put(slab: number, at: number, bytes: Uint8Array, start: number, length: number): void {
    copyGiven(this.bytes[slab]!, this.data[slab]!, at, bytes, start, length);
  }

  #touchOne(ref: Ref): number {
    const words = this.words[slabOf(ref)];
    // Slab 0 may not be there, and is what 0 seems to lie in.
    if (words === undefined || words.length === 0) return 0;
    return words[wordOf(ref)]! ^ words[Math.min(wordOf(ref) + nextLine, words.length - 1)]!;
  }

  /**
   * @param units the size wanted, at least 3. Returns a block of `roundUnits(units)`, its content
   * undefined.
   */
  allocate(units: number): Ref {
    const rounded = roundUnits(units);
    if (rounded > this.slabCapacity) return this.#allocateAlone(rounded);
    const head = this.#freeHeads[classOf(rounded)]!;
    if (head !== 0) {
      this.unlink(head, rounded);
      this.#account(slabOf(head), rounded);
      return head;
    }
    return this.#carve(rounded);
  }

  #account(slab: number, units: number): void {
    this.liveUnits[slab]! += units;
    this.#liveUnitsTotal += units;
  }

  #carve(rounded: number): Ref {
    if (this.#fitsRun(rounded)) return this.#carveRun(rounded);
    if (this.#freshLeft < rounded && this.#isWorthSweeping) {
      this.dropRun();
      this.#freshLeft = Math.max(freshUnitsPerSweep, rounded);
      // A run of just that size, or one that leaves a block.
      if (this.findRun?.(rounded + blockUnitsMin) === true) {
        this.#freshLeft = 0;
        return this.#carveRun(rounded);
      }
    }
    this.#freshLeft -= rounded;
    let slab = this.#current;
    if (slab < 0 || slab === this.evacuating || this.tops[slab]! + rounded > this.slabCapacity) {
      this.#retireCurrent();
      slab = this.#openSlab();
    }
    const unit = this.tops[slab]!;
    this.tops[slab] = unit + rounded;
    this.#account(slab, rounded);
    return refOf(slab, unit);
  }

  get #isWorthSweeping(): boolean {
    const free = this.#freeUnitsTotal;
    return free >= sweepFreeUnitsMin && free * 8 >= free + this.#liveUnitsTotal;
  }

  #fitsRun(rounded: number): boolean {
    const rest = this.#runUnits - rounded;
    return rest === 0 || rest >= blockUnitsMin;
  }

  #carveRun(rounded: number): Ref {
    const slab = this.#runSlab;
    const ref = refOf(slab, this.#runUnit);
    this.#runUnit += rounded;
    this.#runUnits -= rounded;
    if (this.#runUnits > 0) this.#markLoose(refOf(slab, this.#runUnit), this.#runUnits);
    this.#account(slab, rounded);
    return ref;
  }

  /**
   * Takes neighbouring free blocks out of their lists: they are one block now, from which the next
   * ones are carved.
   */
  takeRun(slab: number, unit: number, units: number): void {
    const words = this.words[slab]!;
    for (let at = unit; at < unit + units; ) {
      const ref = refOf(slab, at);
      const size = words[wordOf(ref) + 1]!;
      this.unlink(ref, size);
      at += size;
    }
    this.#runSlab = slab;
    this.#runUnit = unit;
    this.#runUnits = units;
    this.#markLoose(refOf(slab, unit), units);
  }

  /** What is left of the run becomes free blocks again. */
  dropRun(): void {
    if (this.#runUnits > 0) this.#linkRest(this.#runSlab, this.#runUnit, this.#runUnits);
    this.#runSlab = -1;
    this.#runUnits = 0;
  }

  /** A block longer than a slab (a key above 64 MiB) has a slab of its own, which goes with it. */
  #allocateAlone(rounded: number): Ref {
    if (this.bytes.length === 0) this.#openSlab(); // Slab 0 holds the ref that means none.
    const current = this.#current;
    // Not slab 0, which compaction may have given back: its first ref means none.
    const first = this.#vacantSlabs.indexOf(0);
    if (first >= 0) this.#vacantSlabs.splice(first, 1);
    const slab = this.#openSlab(rounded);
    if (first >= 0) this.#vacantSlabs.push(0);
    this.#current = current;
    this.tops[slab] = rounded;
    this.#account(slab, rounded);
    return refOf(slab, 0);
  }

  /**
   * What is left at the end of a slab becomes free blocks, so that a walk over the slab sees only
   * blocks.
   */
  #retireCurrent(): void {
    const slab = this.#current;
    if (slab < 0 || slab === this.evacuating) return;
    const first = this.tops[slab]!;
    const rest = this.slabCapacity - first;
    if (rest >= blockUnitsMin) this.tops[slab] = this.slabCapacity;
    this.#linkRest(slab, first, rest);
  }

  #linkRest(slab: number, first: number, units: number): void {
    let rest = units;
    for (let unit = first; rest >= blockUnitsMin; ) {
      const exact = Math.min(rest, exactUnitsMax);
      const isRestTooShort = rest > exact && rest - exact < blockUnitsMin;
      const size = isRestTooShort ? exact - blockUnitsMin : exact;
      this.#link(refOf(slab, unit), size);
      unit += size;
      rest -= size;
    }
  }

  #openSlab(capacity = this.slabCapacity): number {
    const vacant = this.#vacantSlabs.pop();
    const slab = vacant ?? this.bytes.length;
    if (slab >= slabCountMax)
      throw new ArenaFull("the arena holds 32 GiB of records and can hold no more");
    // The operating system hands out zero pages on first touch: an empty slab costs address space
    // only.
    const memory = new ArrayBuffer(capacity * unitBytes);
    this.bytes[slab] = new Uint8Array(memory);
    this.data[slab] = new DataView(memory);
    this.words[slab] = new Int32Array(memory);
    this.floats[slab] = new Float64Array(memory);
    this.liveUnits[slab] = 0;
    this.tops[slab] = slab === 0 ? firstUnit : 0;
    this.#current = slab;
    return slab;
  }

  /** Gives a block back. `units` is the size it was allocated with. */
  free(ref: Ref, units: number): void {
    this.freedCount = (this.freedCount + 1) | 0;
    const rounded = roundUnits(units);
    assert(this.words[slabOf(ref)]![wordOf(ref)]! << 24 !== freeKind, "block freed twice");
    const slab = slabOf(ref);
    this.liveUnits[slab]! -= rounded;
    this.#liveUnitsTotal -= rounded;
    if (rounded > this.slabCapacity) this.releaseSlab(slab);
    else if (slab === this.evacuating) this.#markLoose(ref, rounded);
    else this.#link(ref, rounded);
  }

  #markLoose(ref: Ref, rounded: number): void {
    const words = this.words[slabOf(ref)]!;
    words[wordOf(ref)] = looseWord;
    words[wordOf(ref) + 1] = rounded;
  }

  /** Whether a free block is in no list. */
  isLoose(ref: Ref): boolean {
    return this.words[slabOf(ref)]![wordOf(ref)] === looseWord;
  }

  /** Takes a free block of the slab being emptied out of its list for good. */
  loosen(ref: Ref, rounded: number): void {
    this.unlink(ref, rounded);
    this.#markLoose(ref, rounded);
  }

  /** The size of a block that was allocated for `units`. */
  sizeOf(units: number): number {
    return roundUnits(units);
  }

  copyBlock(from: Ref, to: Ref, units: number): void {
    const source = this.words[slabOf(from)]!;
    this.words[slabOf(to)]!.set(
      source.subarray(wordOf(from), wordOf(from) + units * 2),
      wordOf(to),
    );
  }

  // A free block: word 0 its kind, word 1 its size in units, words 2 and 3 the previous and next of
  // its list.
  #link(ref: Ref, rounded: number): void {
    const index = classOf(rounded);
    const next = this.#freeHeads[index]!;
    const words = this.words[slabOf(ref)]!;
    const at = wordOf(ref);
    words[at] = freeKind;
    words[at + 1] = rounded;
    words[at + 2] = 0;
    words[at + 3] = next;
    if (next !== 0) this.words[slabOf(next)]![wordOf(next) + 2] = ref;
    this.#freeHeads[index] = ref;
    this.#freeUnitsTotal += rounded;
  }

  /** Takes a free block out of its list. */
  unlink(ref: Ref, rounded: number): void {
    const words = this.words[slabOf(ref)]!;
    const at = wordOf(ref);
    const previous = words[at + 2]!;
    const next = words[at + 3]!;
    if (previous === 0) this.#freeHeads[classOf(rounded)] = next;
    else this.words[slabOf(previous)]![wordOf(previous) + 3] = next;
    if (next !== 0) this.words[slabOf(next)]![wordOf(next) + 2] = previous;
    this.#freeUnitsTotal -= rounded;
  }

  /**
   * Gives an emptied slab back to the operating system. Its free blocks must have been unlinked.
   */
  releaseSlab(slab: number): void {
    assert(this.liveUnits[slab] === 0, "slab released with live blocks in it");
    if (slab === this.#current) this.#current = -1;
    if (slab === this.#runSlab) this.#runUnits = 0;
    this.generation++;
    const nothing = new ArrayBuffer(0);
    this.bytes[slab] = new Uint8Array(nothing);
    this.data[slab] = new DataView(nothing);
    this.words[slab] = new Int32Array(nothing);
    this.floats[slab] = new Float64Array(nothing);
    this.tops[slab] = 0;
    this.#vacantSlabs.push(slab);
  }

  get current(): number {
    return this.#current;
  }

  /**
   * Forgets every block. A slab of which little was used stays, so that emptying a small arena
   * costs nothing.
   */
  reset(): void {
    this.freedCount = (this.freedCount + 1) | 0;
    const keepsFirst = this.bytes.length > 0 && this.tops[0]! < this.slabCapacity / 8;
    const slabs = keepsFirst && this.tops[0]! > 0 ? 1 : 0;
    for (const list of [this.bytes, this.words, this.floats, this.liveUnits, this.tops])
      list.length = slabs;
    if (slabs === 1) {
      this.liveUnits[0] = 0;
      this.tops[0] = firstUnit;
    }
    this.#current = slabs - 1;
    this.evacuating = -1;
    this.#runUnits = 0;
    this.generation++;
    this.#freshLeft = freshUnitsPerSweep;
    this.#freeHeads.fill(0);
    this.#vacantSlabs.length = 0;
    this.#liveUnitsTotal = 0;
    this.#freeUnitsTotal = 0;
  }

  /** Checks the lists and the accounts against a walk over the lists. For tests and DEBUG. */
  verifyInvariants(): void {
    let free = 0;
    for (let index = 0; index < classCount; index++) {
      let previous = 0;
      for (let ref = this.#freeHeads[index]!; ref !== 0; ) {
        const words = this.words[slabOf(ref)]!;
        const at = wordOf(ref);
        assert((words[at]! & 0xff) === freeKind, "a block in a free list is not free");
        assert(classOf(words[at + 1]!) === index, "a free block is in the list of another size");
        assert(words[at + 2] === previous, "a free list's back link is wrong");
        free += words[at + 1]!;
        previous = ref;
        ref = words[at + 3]!;
      }
    }
    assert(free === this.#freeUnitsTotal, "free units do not add up");
    const live = this.liveUnits.reduce((sum, units) => sum + units, 0);
    assert(live === this.#liveUnitsTotal, "live units do not add up");
  }
}
