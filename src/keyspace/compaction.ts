// Compaction: wins back memory that freed records of other sizes leave behind. The slab with the
// fewest live units is emptied, a bounded number of blocks at a time, and given back to the
// operating system.
//
// Two walks over the slab. The first takes its free blocks out of the lists, so that nothing new is
// placed there; the second moves the live records. Between steps the slab is an ordinary one:
// records in it are read, changed and freed.

import { type Arena, blockUnitsMin, freeKind, type Ref, refOf, wordOf } from "./arena.js";
import type { Keyspace } from "./keyspace.js";
import {
  databaseOf,
  deadlineFlag,
  elementKind,
  flagsOf,
  kindOf,
  ownerOf,
  unitsOf,
} from "./record.js";

/** Compaction begins when this share of the arena is free blocks, and stops helping below it. */
const freeShareMin = 0.25;
/** Less than this is not worth the work. */
const freeBytesMin = 16 * 1024 * 1024;
/** A slab fuller than this is not emptied. */
const liveShareMax = 0.75;
/** More blocks per step while more of the arena is free than is in use. */
const hasteFactor = 4;

export class Compaction {
  readonly #keyspace: Keyspace;
  #slab = -1;
  #unit = 0;
  #isMoving = false;
  /** Slabs emptied and records moved since the start. */
  slabsReleased = 0;
  recordsMoved = 0;

  constructor(keyspace: Keyspace) {
    this.#keyspace = keyspace;
  }

  get isRunning(): boolean {
    return this.#slab >= 0;
  }

  /**
   * Works on at most `blocksMax` blocks, or some times as many while the greater part of the arena
   * is free. True while there is more to do.
   */
  step(blocksMax: number): boolean {
    const { arena } = this.#keyspace;
    // A flush dropped the slab under our feet.
    if (arena.evacuating !== this.#slab) this.#slab = -1;
    if (this.#slab < 0 && !this.#begin()) return false;
    const blocks = arena.freeBytes > arena.liveBytes ? blocksMax * hasteFactor : blocksMax;
    for (let block = 0; block < blocks; block++) {
      // Less than the smallest block may be left over at the end of a full slab.
      if (this.#unit + blockUnitsMin > arena.tops[this.#slab]!) {
        if (this.#isMoving) {
          this.#end();
          return this.#isWanted;
        }
        this.#isMoving = true;
        this.#rewind();
        continue;
      }
      this.#unit += this.#visit(refOf(this.#slab, this.#unit));
    }
    return true;
  }

  get #isWanted(): boolean {
    const { freeBytes, liveBytes } = this.#keyspace.arena;
    return freeBytes >= freeBytesMin && freeBytes >= (liveBytes + freeBytes) * freeShareMin;
  }

  #begin(): boolean {
    const { arena } = this.#keyspace;
    if (!this.#isWanted) return false;
    arena.dropRun();
    const slab = emptiestSlab(arena);
    if (slab < 0) return false;
    this.#slab = slab;
    this.#isMoving = false;
    arena.evacuating = slab;
    this.#rewind();
    return true;
  }

  #rewind(): void {
    this.#unit = this.#slab === 0 ? blockUnitsMin : 0;
  }

  /** Handles one block; answers its size. */
  #visit(ref: Ref): number {
    const { arena } = this.#keyspace;
    const words = arena.words[this.#slab]!;
    const at = wordOf(ref);
    if ((words[at]! & 0xff) === freeKind) {
      const units = words[at + 1]!;
      if (!arena.isLoose(ref)) arena.loosen(ref, units);
      return units;
    }
    const units = arena.sizeOf(unitsOf(arena, ref));
    if (this.#isMoving) this.#move(ref, units);
    return units;
  }

  #move(ref: Ref, units: number): void {
    const keyspace = this.#keyspace;
    const { arena } = keyspace;
    const fresh = arena.allocate(units);
    arena.copyBlock(ref, fresh, units);
    if (kindOf(arena, fresh) === elementKind) {
      keyspace.tables.get(ownerOf(arena, fresh)).moved(ref, fresh);
    } else {
      const db = keyspace.databaseOfStore(databaseOf(arena, fresh));
      db.keys.replace(keyspace.hashOf(fresh), ref, fresh);
      if ((flagsOf(arena, fresh) & deadlineFlag) !== 0) keyspace.expiry.moved(fresh);
    }
    arena.free(ref, units);
    this.recordsMoved++;
  }

  #end(): void {
    const { arena } = this.#keyspace;
    arena.evacuating = -1;
    arena.releaseSlab(this.#slab);
    this.#slab = -1;
    this.slabsReleased++;
  }
}

function emptiestSlab(arena: Arena): number {
  let best = -1;
  for (let slab = 0; slab < arena.tops.length; slab++) {
    if (slab === arena.current || arena.tops[slab] === 0) continue;
    if (arena.liveUnits[slab]! > arena.slabCapacity * liveShareMax) continue;
    if (best < 0 || arena.liveUnits[slab]! < arena.liveUnits[best]!) best = slab;
  }
  return best;
}
