// The compact element store of large collections: every simple element is one record in the arena
// (element-records.ts). A simple element has one sibling and no rows; anything else (concurrent
// siblings, counter rows) is kept as a cell in a map beside the records until it is simple again.

import { type Bytes, type ByteWriter, compareText, fromLatin1, latin1 } from "../base/bytes.js";
import type { ReplicaTable } from "../clock/replica-table.js";
import type { ReplicaIndex, Stamp } from "../clock/stamp.js";
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
  type ReplicaCodec,
  sortCell,
} from "../lattice/cell.js";
import { applyCellDelta, type CellDelta } from "../lattice/cell-delta.js";
import { CellMap } from "../lattice/cell-map.js";
import type { Decimal } from "../lattice/decimal.js";
import type { ElementStore, VisitElement } from "../lattice/element-store.js";
import type { Ref } from "./arena.js";
import { ElementRecords } from "./element-records.js";
import { hashBytes } from "./hash.js";
import { eachBirth, type HighestBirth } from "./highest-birth.js";
import { joinStores } from "./whole-store.js";

export class ElementTable extends ElementRecords implements ElementStore {
  #complex: Map<string, Cell> | undefined;
  #complexVisible = 0;

  /** Whether every element is simple: then the byte-wise methods tell the whole truth. */
  get isSimple(): boolean {
    return this.#complex === undefined;
  }

  /**
   * Whether all live entries have the same birth, so that a record may be written over in place.
   */
  override get hasOneBirth(): boolean {
    return super.hasOneBirth && this.#complex === undefined;
  }

  /** A complex element is about to go (`cell` as it is), or has come. */
  protected noteComplexRemoved(_element: string, _cell: Readonly<Cell>): void {}
  protected noteComplexAdded(_element: string, _cell: Readonly<Cell>): void {}

  protected override considerOthers(births: HighestBirth): void {
    const { replicas } = this.keyspace;
    for (const cell of this.#complex?.values() ?? [])
      eachBirth(cell, (time, replica) => births.consider(time, replica, replicas));
  }

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
    return ref === 0 ? undefined : this.unfold(ref);
  }

  /** A complex element's cell. */
  complexCell(element: string): Readonly<Cell> | undefined {
    return this.#complex?.get(element);
  }

  complexEntries(): IterableIterator<[string, Readonly<Cell>]> {
    return (this.#complex ?? new Map<string, Cell>()).entries();
  }

  sortedElements(): string[] {
    const elements: string[] = [];
    for (const [element] of this.entries()) elements.push(element);
    return elements.sort(compareText);
  }

  *entries(): IterableIterator<[string, Readonly<Cell>]> {
    for (const ref of this.refs()) yield [latin1(this.keyspace.keyOf(ref)), this.unfold(ref)];
    if (this.#complex !== undefined) yield* this.#complex.entries();
  }

  *walk(visit: VisitElement): IterableIterator<void> {
    let cursor = 0;
    do {
      cursor = this.index.scan(cursor, (ref) => {
        visit(latin1(this.keyspace.keyOf(ref)), this.unfold(ref));
      });
      yield;
    } while (cursor !== 0);
    for (const [element, cell] of this.complexEntries()) {
      visit(element, cell);
      yield;
    }
  }

  birth(_replicas: ReplicaTable): Stamp | undefined {
    if (this.visibleCount === 0) return undefined;
    this.settleBirth();
    return { time: this.births.time, replica: this.births.replica };
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
      this.free(ref);
    });
    this.index.clear();
    this.forgetOrder();
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
    joinStores(this, seen, other, otherSeen, (element, edit) => this.#change(element, edit));
  }

  /** The one way by which a cell changes here: unfolded, edited, folded again where it can be. */
  #change(element: string, edit: (cell: Cell) => void): void {
    const bytes = fromLatin1(element);
    const hash = hashBytes(bytes, 0, bytes.length);
    const held = this.#complex?.get(element);
    const ref = held === undefined ? this.index.find(hash, bytes, 0, bytes.length) : 0;
    const cell = held ?? (ref === 0 ? emptyCell() : this.unfold(ref));
    if (held !== undefined) {
      this.noteComplexRemoved(element, held);
      if (isVisible(held)) this.#complexVisible--;
      eachBirth(held, (time, replica) => this.births.lower(time, replica));
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
      eachBirth(cell, (time, replica) => this.births.raise(time, replica));
      this.noteComplexAdded(element, cell);
      return;
    }
    const { value } = sibling;
    this.write(
      hash,
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
    this.verifyRecords();
    let visible = 0;
    for (const cell of this.#complex?.values() ?? []) if (isVisible(cell)) visible++;
    const kept = this.birth(replicas);
    this.findBirth();
    const found = this.birth(replicas);
    return (
      visible === this.#complexVisible &&
      kept?.time === found?.time &&
      kept?.replica === found?.replica
    );
  }
}
