// Elements of a large collection as records in the arena, found through an index of their own: one
// sibling each, no rows. Written and removed by bytes; a value of the same block size changes in
// place. What is not so simple is kept by element-table.ts, which is the store made of both.
//
// An element's record has the layout of a text record (record.ts): key = element, value = the
// sibling's value, stamp in the header. Its birth is the table's common one unless `bornFlag` says
// otherwise. Where a key's record holds access clock and database, an element's holds the number of
// its table, which is how compaction finds the index.
//
// Subclasses keep an order beside the index (sorted sets) through the `note...` methods.

import { assert } from "../base/assert.js";
import type { Bytes } from "../base/bytes.js";
import type { ReplicaIndex, Time } from "../clock/stamp.js";
import type { Cell } from "../lattice/cell.js";
import { type Ref, slabOf, wordOf } from "./arena.js";
import { HashIndex } from "./hash-index.js";
import { HighestBirth } from "./highest-birth.js";
import type { Keyspace } from "./keyspace.js";
import * as record from "./record.js";

/** A table with more elements than this forgets the order in which they came. */
const orderedMax = 64;

export class ElementRecords {
  protected readonly keyspace: Keyspace;
  /** Simple elements. Their order of probing also serves the SCAN commands. */
  readonly index: HashIndex;
  /** The same in the order of insertion, while the table has never been a large one. */
  #inOrder: Ref[] | undefined = [];
  /** The number of this table in the keyspace, which its records carry. */
  protected readonly number: number;
  /** The birth of every record without `bornFlag`. */
  #bornTime: Time = 0;
  #bornReplica: ReplicaIndex = 0;
  /** Records with a birth of their own. */
  #ownBornCount = 0;
  /** The highest birth of all live entries. */
  protected readonly births = new HighestBirth();

  constructor(keyspace: Keyspace) {
    this.keyspace = keyspace;
    this.index = new HashIndex(keyspace.arena);
    this.number = keyspace.tables.put(this);
  }

  // ---- simple elements, by bytes

  /** The visible birth, settled: what new elements carry. The table must not be blank. */
  settleBirth(): void {
    if (!this.births.isKnown) this.findBirth();
  }

  get bornTime(): Time {
    return this.births.time;
  }

  get bornReplica(): ReplicaIndex {
    return this.births.replica;
  }

  /**
   * Whether all live entries have the same birth, so that a record may be written over in place.
   */
  get hasOneBirth(): boolean {
    return this.#ownBornCount === 0;
  }

  /** The record of a simple element, or 0. */
  find(hash: number, bytes: Uint8Array, start: number, length: number): Ref {
    return this.index.find(hash, bytes, start, length);
  }

  /**
   * Writes an element as part of the open batch. The caller has made sure that the element is not
   * complex and that the entry remembers it. Answers the record.
   */
  put(
    hash: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    value: Uint8Array,
    valueStart: number,
    valueLength: number,
    bornTime: Time,
    bornReplica: ReplicaIndex,
  ): Ref {
    const old = this.index.find(hash, bytes, start, length);
    return this.write(
      hash,
      old,
      bytes,
      start,
      length,
      value,
      valueStart,
      valueLength,
      this.keyspace.batchTime,
      this.keyspace.self,
      bornTime,
      bornReplica,
    );
  }

  /**
   * Writes a simple element over `old`, which is its record or 0, as part of the open batch and
   * under the visible birth. The table must not be blank. The common case, another value of the
   * same block size, changes bytes in place.
   */
  putOwn(
    hash: number,
    old: Ref,
    bytes: Uint8Array,
    start: number,
    length: number,
    value: Uint8Array,
    valueStart: number,
    valueLength: number,
  ): void {
    if (!this.births.isKnown) this.findBirth();
    if (old !== 0 && this.#overwrite(old, value, valueStart, valueLength)) return;
    const { batchTime, self } = this.keyspace;
    const { time, replica } = this.births;
    this.write(
      hash,
      old,
      bytes,
      start,
      length,
      value,
      valueStart,
      valueLength,
      batchTime,
      self,
      time,
      replica,
    );
  }

  /**
   * A new value for a record of the common birth, where it lies; false when it does not fit there.
   */
  #overwrite(ref: Ref, value: Uint8Array, valueStart: number, valueLength: number): boolean {
    const { keyspace } = this;
    const { arena } = keyspace;
    const words = arena.words[slabOf(ref)]!;
    const at = wordOf(ref);
    const isPlain = (words[at]! & 0xff00) === 0;
    if (!isPlain || !this.births.is(this.#bornTime, this.#bornReplica)) return false;
    const length = words[at + 1]!;
    if (words[at + 2] !== valueLength && !this.#fits(ref, 0, valueLength)) return false;
    this.noteRemoved(ref);
    words[at] = record.elementKind | (keyspace.self << 16);
    words[at + 2] = valueLength;
    arena.floats[slabOf(ref)]![(at >> 1) + 2] = keyspace.batchTime;
    const into = (at << 2) + record.headerBytes + length;
    arena.put(slabOf(ref), into, value, valueStart, valueLength);
    this.noteAdded(ref);
    return true;
  }

  /**
   * Writes a simple element with any stamp over `old`, which is its record or 0. Answers the
   * record.
   */
  write(
    hash: number,
    old: Ref,
    bytes: Uint8Array,
    start: number,
    length: number,
    value: Uint8Array,
    valueStart: number,
    valueLength: number,
    time: Time,
    replica: ReplicaIndex,
    bornTime: Time,
    bornReplica: ReplicaIndex,
  ): Ref {
    const fresh = this.#write(
      old,
      bytes,
      start,
      length,
      value,
      valueStart,
      valueLength,
      time,
      replica,
      bornTime,
      bornReplica,
    );
    if (old === 0) {
      this.index.insert(hash, fresh);
      if (this.#inOrder !== undefined && this.#inOrder.push(fresh) > orderedMax)
        this.#inOrder = undefined;
    } else if (fresh !== old) {
      this.index.replace(hash, old, fresh);
      this.#reorder(old, fresh);
    }
    return fresh;
  }

  #write(
    old: Ref,
    bytes: Uint8Array,
    start: number,
    length: number,
    value: Uint8Array,
    valueStart: number,
    valueLength: number,
    time: Time,
    replica: ReplicaIndex,
    bornTime: Time,
    bornReplica: ReplicaIndex,
  ): Ref {
    const { arena } = this.keyspace;
    if (this.index.count - this.#ownBornCount === 0 || this.#bornTime === 0) {
      this.#bornTime = bornTime;
      this.#bornReplica = bornReplica;
    }
    const isCommon = bornTime === this.#bornTime && bornReplica === this.#bornReplica;
    let flags = isCommon ? 0 : record.bornFlag;
    if (record.isExternal(flags, length, valueLength)) flags |= record.externalFlag;
    if (old !== 0) this.noteRemoved(old);
    this.births.raise(bornTime, bornReplica);
    let ref = old;
    if (old === 0 || !this.#fits(old, flags, valueLength)) {
      ref = arena.allocate(record.unitsFor(record.elementKind, flags, length, valueLength));
      const words = arena.words[slabOf(ref)]!;
      words[wordOf(ref) + 1] = length;
      words[wordOf(ref) + 3] = this.number;
      record.setHeader(arena, ref, record.elementKind, flags, replica, time);
      const at = record.keyStartOf(arena, ref);
      arena.put(slabOf(ref), at, bytes, start, length);
      if (old !== 0) this.free(old);
      if (!isCommon) this.#ownBornCount++;
    } else {
      this.#lowerBirth(ref, flags);
      record.setHeader(arena, ref, record.elementKind, flags, replica, time);
    }
    arena.words[slabOf(ref)]![wordOf(ref) + 2] = valueLength;
    if (!isCommon) record.setBorn(arena, ref, bornTime, bornReplica);
    this.#placeValue(ref, flags, value, valueStart, valueLength);
    this.noteAdded(ref);
    return ref;
  }

  #fits(ref: Ref, flags: number, valueLength: number): boolean {
    const { arena } = this.keyspace;
    if (flags !== record.flagsOf(arena, ref) || (flags & record.externalFlag) !== 0) return false;
    const keyLength = record.keyLengthOf(arena, ref);
    const wanted = record.unitsFor(record.elementKind, flags, keyLength, valueLength);
    return arena.sizeOf(wanted) === arena.sizeOf(record.unitsOf(arena, ref));
  }

  #placeValue(ref: Ref, flags: number, value: Uint8Array, start: number, length: number): void {
    const { arena, externals } = this.keyspace;
    if ((flags & record.externalFlag) !== 0) {
      record.setExternalPlace(arena, ref, externals.put(value.slice(start, start + length)));
      this.keyspace.externalBytes += length;
      return;
    }
    const at = record.keyStartOf(arena, ref) + record.keyLengthOf(arena, ref);
    arena.put(slabOf(ref), at, value, start, length);
  }

  /** Removes a simple element. */
  delete(hash: number, ref: Ref): void {
    this.noteRemoved(ref);
    this.index.remove(hash, ref);
    if (this.#inOrder !== undefined) this.#inOrder.splice(this.#inOrder.indexOf(ref), 1);
    this.free(ref);
  }

  #reorder(old: Ref, fresh: Ref): void {
    if (this.#inOrder !== undefined) this.#inOrder[this.#inOrder.indexOf(old)] = fresh;
  }

  /** Every simple element has gone from the index. */
  protected forgetOrder(): void {
    this.#inOrder = [];
  }

  /** Simple elements in the order of insertion; of a large table by the time of their writes. */
  byAge(): readonly Ref[] {
    if (this.#inOrder !== undefined) return this.#inOrder;
    const { arena } = this.keyspace;
    const refs: Ref[] = [];
    this.index.forEach((ref) => {
      refs.push(ref);
    });
    return refs.sort((a, b) => record.timeOf(arena, a) - record.timeOf(arena, b));
  }

  protected free(ref: Ref): void {
    const { arena, externals } = this.keyspace;
    const flags = record.flagsOf(arena, ref);
    this.#lowerBirth(ref, flags);
    if ((flags & record.bornFlag) !== 0) this.#ownBornCount--;
    if ((flags & record.externalFlag) !== 0) {
      this.keyspace.externalBytes -= externals.remove(record.externalPlaceOf(arena, ref)).length;
    }
    arena.free(ref, record.unitsOf(arena, ref));
  }

  #lowerBirth(ref: Ref, flags: number): void {
    if ((flags & record.bornFlag) === 0) {
      this.births.lower(this.#bornTime, this.#bornReplica);
      return;
    }
    const { arena } = this.keyspace;
    this.births.lower(record.bornTimeOf(arena, ref), record.bornReplicaOf(arena, ref));
  }

  /** Housekeeping: goes on with the growth of the index; whether there is more to do. */
  drain(slots: number): boolean {
    this.index.drain(slots);
    return this.index.isResizing;
  }

  /** Compaction moved a record of this table. */
  moved(from: Ref, to: Ref): void {
    this.index.replace(this.keyspace.hashOf(to), from, to);
    this.#reorder(from, to);
    this.noteMoved(from, to);
  }

  // ---- for subclasses

  /** A simple element's record is complete. */
  protected noteAdded(_ref: Ref): void {}
  /** A simple element's record is about to change or go. */
  protected noteRemoved(_ref: Ref): void {}
  protected noteMoved(_from: Ref, _to: Ref): void {}

  /** Births of what is not in a record take part in the look for the highest. */
  protected considerOthers(_births: HighestBirth): void {}

  /**
   * Looks at every live entry: the last one with the highest birth is gone, or two names compete.
   */
  protected findBirth(): void {
    const { arena, replicas } = this.keyspace;
    this.births.reset();
    const { time, replica } = { time: this.#bornTime, replica: this.#bornReplica };
    this.index.forEach((ref) => {
      const isOwn = (record.flagsOf(arena, ref) & record.bornFlag) !== 0;
      this.births.consider(
        isOwn ? record.bornTimeOf(arena, ref) : time,
        isOwn ? record.bornReplicaOf(arena, ref) : replica,
        replicas,
      );
    });
    this.considerOthers(this.births);
  }

  protected unfold(ref: Ref): Cell {
    const { arena } = this.keyspace;
    const hasOwnBirth = (record.flagsOf(arena, ref) & record.bornFlag) !== 0;
    const sibling = {
      time: record.timeOf(arena, ref),
      replica: record.replicaOf(arena, ref),
      bornTime: hasOwnBirth ? record.bornTimeOf(arena, ref) : this.#bornTime,
      bornReplica: hasOwnBirth ? record.bornReplicaOf(arena, ref) : this.#bornReplica,
      value: this.valueOf(ref),
    };
    return { siblings: [sibling], rows: [] };
  }

  /** A copy of a simple element's value. */
  valueOf(ref: Ref): Bytes {
    const { arena, externals } = this.keyspace;
    if ((record.flagsOf(arena, ref) & record.externalFlag) !== 0) {
      return externals.get(record.externalPlaceOf(arena, ref)).slice();
    }
    const at = record.keyStartOf(arena, ref) + record.keyLengthOf(arena, ref);
    return arena.bytes[slabOf(ref)]!.slice(at, at + record.valueLengthOf(arena, ref));
  }

  protected refs(): Ref[] {
    const refs: Ref[] = [];
    this.index.forEach((ref) => {
      refs.push(ref);
    });
    return refs;
  }

  /** A copy of a simple element. */
  elementOf(ref: Ref): Bytes {
    return this.keyspace.keyOf(ref);
  }

  protected verifyRecords(): void {
    const { arena } = this.keyspace;
    this.index.verifyInvariants((ref) => this.keyspace.hashOf(ref));
    let ownBorn = 0;
    this.index.forEach((ref) => {
      assert(record.ownerOf(arena, ref) === this.number, "element of another table");
      if ((record.flagsOf(arena, ref) & record.bornFlag) !== 0) ownBorn++;
    });
    assert(ownBorn === this.#ownBornCount, "the count of records with a birth of their own is off");
  }

  /** Units of arena that the records take, for checking the arena's accounts. */
  get liveUnits(): number {
    const { arena } = this.keyspace;
    let units = 0;
    this.index.forEach((ref) => {
      units += arena.sizeOf(record.unitsOf(arena, ref));
    });
    return units;
  }

  /** Gives the records back. The table is not used afterwards. */
  release(): void {
    this.index.forEach((ref) => {
      this.free(ref);
    });
    this.keyspace.tables.remove(this.number);
  }
}
