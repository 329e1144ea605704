// The compact element store of large collections: every simple element is one record in the arena, found through an
// index of the table's own. A simple element has one sibling and no rows; anything else (concurrent siblings, counter
// rows) is kept as a cell in a map beside the records until it is simple again.
//
// An element's record has the layout of a text record (record.ts): key = element, value = the sibling's value, stamp in
// the header. Its birth is the table's common one unless `bornFlag` says otherwise. Where a key's record holds access
// clock and database, an element's holds the number of its table, which is how compaction finds the index.
//
// Subclasses keep an order beside the index (sorted sets) through the `note...` methods.

import { assert } from "../base/assert.js";
import { type Bytes, type ByteWriter, compareText, fromLatin1, latin1 } from "../base/bytes.js";
import type { ReplicaTable } from "../clock/replica-table.js";
import type { ReplicaIndex, Stamp, Time } from "../clock/stamp.js";
import type { Seen } from "../clock/version-vector.js";
import {
  assignCell,
  type Cell,
  clearCell,
  cloneCell,
  emptyCell,
  encodeCell,
  equalCells,
  incrementCell,
  isBlank,
  isVisible,
  joinCell,
  type ReplicaCodec,
  sortCell,
} from "../lattice/cell.js";
import { applyCellDelta, type CellDelta } from "../lattice/cell-delta.js";
import { CellMap } from "../lattice/cell-map.js";
import type { Decimal } from "../lattice/decimal.js";
import type { ElementStore } from "../lattice/element-store.js";
import { type Ref, slabOf, wordOf } from "./arena.js";
import { hashBytes } from "./hash.js";
import { HashIndex } from "./hash-index.js";
import { eachBirth, HighestBirth } from "./highest-birth.js";
import type { Keyspace } from "./keyspace.js";
import * as record from "./record.js";

export class ElementTable implements ElementStore {
  protected readonly keyspace: Keyspace;
  /** Simple elements. Their order of probing also serves the SCAN commands. */
  readonly index: HashIndex;
  /** The number of this table in the keyspace, which its records carry. */
  protected readonly number: number;
  #complex: Map<string, Cell> | undefined;
  #complexVisible = 0;
  /** The birth of every record without `bornFlag`. */
  #bornTime: Time = 0;
  #bornReplica: ReplicaIndex = 0;
  /** Records with a birth of their own. */
  #ownBornCount = 0;
  /** The highest birth of all live entries. */
  readonly #births = new HighestBirth();

  constructor(keyspace: Keyspace) {
    this.keyspace = keyspace;
    this.index = new HashIndex(keyspace.arena);
    this.number = keyspace.tables.put(this);
  }

  // ---- simple elements, by bytes

  /** The visible birth, settled: what new elements carry. The table must not be blank. */
  settleBirth(): void {
    if (!this.#births.isKnown) this.#findBirth();
  }

  get bornTime(): Time {
    return this.#births.time;
  }

  get bornReplica(): ReplicaIndex {
    return this.#births.replica;
  }

  /** Whether all live entries have the same birth, so that a record may be written over in place. */
  get hasOneBirth(): boolean {
    return this.#ownBornCount === 0 && this.#complex === undefined;
  }

  /** The record of a simple element, or 0. */
  find(hash: number, bytes: Uint8Array, start: number, length: number): Ref {
    return this.index.find(hash, bytes, start, length);
  }

  /** Whether every element is simple: then the byte-wise methods tell the whole truth. */
  get isSimple(): boolean {
    return this.#complex === undefined;
  }

  /**
   * Writes an element as part of the open batch. The caller has made sure that the element is not complex and
   * that the entry remembers it. Answers the record.
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

  /** Writes a simple element with any stamp over `old`, which is its record or 0. Answers the record. */
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
    if (old === 0) this.index.insert(hash, fresh);
    else if (fresh !== old) this.index.replace(hash, old, fresh);
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
    this.#births.raise(bornTime, bornReplica);
    let ref = old;
    if (old === 0 || !this.#fits(old, flags, valueLength)) {
      ref = arena.allocate(record.unitsFor(record.elementKind, flags, length, valueLength));
      const words = arena.words[slabOf(ref)]!;
      words[wordOf(ref) + 1] = length;
      words[wordOf(ref) + 3] = this.number;
      record.setHeader(arena, ref, record.elementKind, flags, replica, time);
      const at = record.keyStartOf(arena, ref);
      record.copyBytes(arena.bytes[slabOf(ref)]!, at, bytes, start, length);
      if (old !== 0) this.#free(old);
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
    record.copyBytes(arena.bytes[slabOf(ref)]!, at, value, start, length);
  }

  /** Removes a simple element. */
  delete(hash: number, ref: Ref): void {
    this.noteRemoved(ref);
    this.index.remove(hash, ref);
    this.#free(ref);
  }

  #free(ref: Ref): void {
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
      this.#births.lower(this.#bornTime, this.#bornReplica);
      return;
    }
    const { arena } = this.keyspace;
    this.#births.lower(record.bornTimeOf(arena, ref), record.bornReplicaOf(arena, ref));
  }

  /** Compaction moved a record of this table. */
  moved(from: Ref, to: Ref): void {
    this.index.replace(this.keyspace.hashOf(to), from, to);
    this.noteMoved(from, to);
  }

  // ---- for subclasses

  /** A simple element's record is complete. */
  protected noteAdded(_ref: Ref): void {}
  /** A simple element's record is about to change or go. */
  protected noteRemoved(_ref: Ref): void {}
  protected noteMoved(_from: Ref, _to: Ref): void {}
  /** A complex element is about to go (`cell` as it is), or has come. */
  protected noteComplexRemoved(_element: string, _cell: Readonly<Cell>): void {}
  protected noteComplexAdded(_element: string, _cell: Readonly<Cell>): void {}

  // ---- any element, by cell

  get count(): number {
    return this.index.count + (this.#complex?.size ?? 0);
  }

  get visibleCount(): number {
    return this.index.count + this.#complexVisible;
  }

  get isBlank(): boolean {
    return this.count === 0;
  }

  isVisible(element: string): boolean {
    const cell = this.#complex?.get(element);
    return cell === undefined ? this.#findElement(element) !== 0 : isVisible(cell);
  }

  #findElement(element: string): Ref {
    const bytes = fromLatin1(element);
    return this.index.find(hashBytes(bytes, 0, bytes.length), bytes, 0, bytes.length);
  }

  get(element: string): Readonly<Cell> | undefined {
    const cell = this.#complex?.get(element);
    if (cell !== undefined) return cell;
    const ref = this.#findElement(element);
    return ref === 0 ? undefined : this.#unfold(ref);
  }

  /** A complex element's cell. */
  complexCell(element: string): Readonly<Cell> | undefined {
    return this.#complex?.get(element);
  }

  complexEntries(): IterableIterator<[string, Readonly<Cell>]> {
    return (this.#complex ?? new Map<string, Cell>()).entries();
  }

  #unfold(ref: Ref): Cell {
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

  #refs(): Ref[] {
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

  sortedElements(): string[] {
    const elements: string[] = [];
    for (const [element] of this.entries()) elements.push(element);
    return elements.sort(compareText);
  }

  *entries(): IterableIterator<[string, Readonly<Cell>]> {
    for (const ref of this.#refs()) yield [latin1(this.keyspace.keyOf(ref)), this.#unfold(ref)];
    if (this.#complex !== undefined) yield* this.#complex.entries();
  }

  birth(_replicas: ReplicaTable): Stamp | undefined {
    if (this.visibleCount === 0) return undefined;
    this.settleBirth();
    return { time: this.#births.time, replica: this.#births.replica };
  }

  /** Looks at every live entry: the last one with the highest birth is gone, or two names compete. */
  #findBirth(): void {
    const { arena, replicas } = this.keyspace;
    this.#births.reset();
    const { time, replica } = { time: this.#bornTime, replica: this.#bornReplica };
    this.index.forEach((ref) => {
      const isOwn = (record.flagsOf(arena, ref) & record.bornFlag) !== 0;
      this.#births.consider(
        isOwn ? record.bornTimeOf(arena, ref) : time,
        isOwn ? record.bornReplicaOf(arena, ref) : replica,
        replicas,
      );
    });
    for (const cell of this.#complex?.values() ?? [])
      eachBirth(cell, (bornTime, bornReplica) => {
        this.#births.consider(bornTime, bornReplica, replicas);
      });
  }

  assign(element: string, stamp: Stamp, born: Stamp, value: Bytes): void {
    this.#change(element, (cell) => assignCell(cell, stamp, born, value));
  }

  increment(element: string, stamp: Stamp, born: Stamp, by: Decimal): void {
    this.#change(element, (cell) => incrementCell(cell, stamp, born, by));
  }

  clear(element: string, self: ReplicaIndex): void {
    this.#change(element, (cell) => clearCell(cell, self));
  }

  clearAll(self: ReplicaIndex): void {
    this.index.forEach((ref) => {
      this.noteRemoved(ref);
      this.#free(ref);
    });
    this.index.clear();
    for (const element of [...(this.#complex?.keys() ?? [])]) this.clear(element, self);
  }

  restore(element: string, cell: Cell): void {
    this.#change(element, (held) => {
      held.siblings = cell.siblings;
      held.rows = cell.rows;
    });
  }

  apply(element: string, seen: Seen, delta: CellDelta): void {
    this.#change(element, (cell) => applyCellDelta(cell, seen, delta));
  }

  join(seen: Seen, other: ElementStore, otherSeen: Seen): void {
    for (const element of this.sortedElements()) {
      const theirs = other.get(element) ?? emptyCell();
      this.#change(element, (cell) => joinCell(cell, seen, theirs, otherSeen));
    }
    for (const [element, theirs] of other.entries()) {
      if (this.get(element) !== undefined) continue;
      this.#change(element, (cell) => joinCell(cell, seen, theirs, otherSeen));
    }
  }

  /** The one way by which a cell changes here: unfolded, edited, folded again where it can be. */
  #change(element: string, edit: (cell: Cell) => void): void {
    const bytes = fromLatin1(element);
    const hash = hashBytes(bytes, 0, bytes.length);
    const held = this.#complex?.get(element);
    const ref = held === undefined ? this.index.find(hash, bytes, 0, bytes.length) : 0;
    const cell = held ?? (ref === 0 ? emptyCell() : this.#unfold(ref));
    if (held !== undefined) {
      this.noteComplexRemoved(element, held);
      if (isVisible(held)) this.#complexVisible--;
      eachBirth(held, (time, replica) => this.#births.lower(time, replica));
      this.#complex!.delete(element);
      if (this.#complex!.size === 0) this.#complex = undefined;
    }
    edit(cell);
    const sibling = cell.siblings[0];
    if (sibling === undefined || cell.siblings.length > 1 || cell.rows.length > 0) {
      if (ref !== 0) this.delete(hash, ref);
      if (isBlank(cell)) return;
      this.#complex ??= new Map();
      this.#complex.set(element, cell);
      if (isVisible(cell)) this.#complexVisible++;
      eachBirth(cell, (time, replica) => this.#births.raise(time, replica));
      this.noteComplexAdded(element, cell);
      return;
    }
    const { value } = sibling;
    const fresh = this.#write(
      ref,
      bytes,
      0,
      bytes.length,
      value,
      0,
      value.length,
      sibling.time,
      sibling.replica,
      sibling.bornTime,
      sibling.bornReplica,
    );
    if (ref === 0) this.index.insert(hash, fresh);
    else if (fresh !== ref) this.index.replace(hash, ref, fresh);
  }

  // ---- the whole store

  equals(other: ElementStore, replicas: ReplicaTable): boolean {
    if (this.count !== other.count) return false;
    for (const [element, cell] of this.entries()) {
      const twin = other.get(element);
      if (twin === undefined || !equalCells(cell, twin, replicas)) return false;
    }
    return true;
  }

  clone(): ElementStore {
    const copy = new CellMap();
    for (const [element, cell] of this.entries()) copy.restore(element, cloneCell(cell));
    return copy;
  }

  encode(writer: ByteWriter, codec: ReplicaCodec, replicas: ReplicaTable): void {
    writer.varint(this.count);
    for (const element of this.sortedElements()) {
      const cell = this.get(element)!;
      writer.bytes(fromLatin1(element));
      sortCell(cell, replicas);
      encodeCell(writer, cell, codec);
    }
  }

  verify(replicas: ReplicaTable): boolean {
    const { arena } = this.keyspace;
    this.index.verifyInvariants((ref) => this.keyspace.hashOf(ref));
    let ownBorn = 0;
    this.index.forEach((ref) => {
      assert(
        arena.words[slabOf(ref)]![wordOf(ref) + 3] === this.number,
        "element of another table",
      );
      if ((record.flagsOf(arena, ref) & record.bornFlag) !== 0) ownBorn++;
    });
    let visible = 0;
    for (const cell of this.#complex?.values() ?? []) if (isVisible(cell)) visible++;
    const kept = this.birth(replicas);
    this.#findBirth();
    const found = this.birth(replicas);
    return (
      ownBorn === this.#ownBornCount &&
      visible === this.#complexVisible &&
      kept?.time === found?.time &&
      kept?.replica === found?.replica
    );
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

  release(): void {
    for (const ref of this.#refs()) this.#free(ref);
    this.keyspace.tables.remove(this.number);
  }
}
