// A map from elements to cells: the fields of a hash, the members of a set, the scores of a sorted
// set, the elements of a list. Joined cell by cell, so it needs no rule of its own; an element
// without a cell is an empty cell. Elements are byte strings held as Latin-1 text (`latin1`), one
// character per byte.
//
// Two figures are kept beside the cells, because a key asks for them at every access and the map
// may be large: how many elements are visible, and the map's birth, the highest `born` of its live
// entries (merge-rules 10), with the number of entries that have it. Only when the last of those
// goes is the map searched again; births differ only where an empty key was written concurrently,
// so that is as rare as those.
//
// Cells that are handed out are for reading. Every change goes through this class.

import {
  type ByteReader,
  type Bytes,
  type ByteWriter,
  compareText,
  fromLatin1,
  latin1,
  MalformedBytes,
} from "../base/bytes.js";
import type { ReplicaTable } from "../clock/replica-table.js";
import type { ReplicaIndex, Stamp, Time } from "../clock/stamp.js";
import type { Seen } from "../clock/version-vector.js";
import {
  assignCell,
  type Cell,
  clearCell,
  cloneCell,
  decodeCell,
  emptyCell,
  encodeCell,
  equalCells,
  incrementCell,
  isBlank,
  isLive,
  isVisible,
  joinCell,
  type ReplicaCodec,
  sortCell,
} from "./cell.js";
import { applyCellDelta, type CellDelta } from "./cell-delta.js";
import type { Decimal } from "./decimal.js";
import type { ElementStore, VisitElement } from "./element-store.js";

/** `#bornCount` when two births of one time compete: their names decide, at the next question. */
const unknown = -1;

export class CellMap implements ElementStore {
  readonly #cells = new Map<string, Cell>();
  #visibleCount = 0;
  #bornTime: Time = 0;
  #bornReplica: ReplicaIndex = 0;
  #bornCount = 0;

  /** Stored elements, also those of which only dead rows are left. */
  get count(): number {
    return this.#cells.size;
  }

  /** Elements that a reader sees. */
  get visibleCount(): number {
    return this.#visibleCount;
  }

  /** Nothing is stored: the map may be forgotten. */
  get isBlank(): boolean {
    return this.#cells.size === 0;
  }

  get(element: string): Readonly<Cell> | undefined {
    return this.#cells.get(element);
  }

  /** Whether a reader sees the element; a stored one may consist of dead rows. */
  isVisible(element: string): boolean {
    const cell = this.#cells.get(element);
    return cell !== undefined && isVisible(cell);
  }

  /** In no particular order. */
  entries(): IterableIterator<[string, Cell]> {
    return this.#cells.entries();
  }

  *walk(visit: VisitElement): IterableIterator<void> {
    for (const [element, cell] of this.#cells) {
      visit(element, cell);
      yield;
    }
  }

  /** In the order of their bytes. */
  sortedElements(): string[] {
    return [...this.#cells.keys()].sort(compareText);
  }

  /** The highest `born` of the live entries, undefined when nothing is visible. */
  birth(replicas: ReplicaTable): Stamp | undefined {
    if (this.#visibleCount === 0) return undefined;
    if (this.#bornCount <= 0) this.#findBirth(replicas);
    return { time: this.#bornTime, replica: this.#bornReplica };
  }

  assign(element: string, stamp: Stamp, born: Stamp, value: Bytes): void {
    this.#change(element, (cell) => assignCell(cell, stamp, born, value));
  }

  increment(element: string, stamp: Stamp, born: Stamp, by: Decimal): void {
    this.#change(element, (cell) => incrementCell(cell, stamp, born, by));
  }

  /** Removes what was seen of one element; dead rows of other replicas stay behind. */
  clear(element: string, self: ReplicaIndex): void {
    if (this.#cells.has(element)) this.#change(element, (cell) => clearCell(cell, self));
  }

  /** Puts a cell as it was read from its stored form; the map owns it from now on. */
  restore(element: string, cell: Cell): void {
    this.#change(element, (empty) => {
      empty.siblings = cell.siblings;
      empty.rows = cell.rows;
    });
  }

  /** Removes what was seen of every element. */
  clearAll(self: ReplicaIndex): void {
    for (const element of [...this.#cells.keys()]) this.clear(element, self);
  }

  /** Joins the delta of one element. */
  apply(element: string, seen: Seen, delta: CellDelta): void {
    this.#change(element, (cell) => applyCellDelta(cell, seen, delta));
  }

  /** Joins `other` into this map; `other` stays as it is. */
  join(seen: Seen, other: ElementStore, otherSeen: Seen): void {
    for (const element of [...this.#cells.keys()]) {
      const theirs = other.get(element) ?? emptyCell();
      this.#change(element, (cell) => joinCell(cell, seen, theirs, otherSeen));
    }
    for (const [element, theirs] of other.entries()) {
      // Those that both have are done. One that was joined and found removed stays removed: `seen`
      // covers it.
      if (this.#cells.has(element)) continue;
      this.#change(element, (cell) => joinCell(cell, seen, theirs, otherSeen));
    }
  }

  equals(other: ElementStore, replicas: ReplicaTable): boolean {
    if (this.count !== other.count) return false;
    for (const [element, cell] of this.#cells) {
      const twin = other.get(element);
      if (twin === undefined || !equalCells(cell, twin, replicas)) return false;
    }
    return true;
  }

  clone(): CellMap {
    const copy = new CellMap();
    for (const [element, cell] of this.#cells) copy.#cells.set(element, cloneCell(cell));
    copy.#visibleCount = this.#visibleCount;
    copy.#bornTime = this.#bornTime;
    copy.#bornReplica = this.#bornReplica;
    copy.#bornCount = this.#bornCount;
    return copy;
  }

  /** Canonical: elements in byte order, entries in stamp order. */
  encode(writer: ByteWriter, codec: ReplicaCodec, replicas: ReplicaTable): void {
    writer.varint(this.#cells.size);
    for (const element of this.sortedElements()) {
      const cell = this.#cells.get(element)!;
      writer.bytes(fromLatin1(element));
      sortCell(cell, replicas);
      encodeCell(writer, cell, codec);
    }
  }

  /**
   * @throws MalformedBytes when the bytes are not a map, or elements are not in strictly ascending
   * order.
   */
  static decode(reader: ByteReader, codec: ReplicaCodec): CellMap {
    const map = new CellMap();
    let last: string | undefined;
    for (let count = reader.count(3); count > 0; count--) {
      const element = latin1(reader.bytes());
      if (last !== undefined && element <= last)
        throw new MalformedBytes("elements out of order or repeated");
      last = element;
      const cell = decodeCell(reader, codec);
      if (isBlank(cell)) throw new MalformedBytes("an element without entries");
      map.#cells.set(element, cell);
      map.#enter(cell);
    }
    return map;
  }

  /** Compares the kept figures with the cells; for tests and for verifying invariants. */
  verify(replicas: ReplicaTable): boolean {
    const fresh = new CellMap();
    for (const [element, cell] of this.#cells) {
      if (isBlank(cell)) return false;
      fresh.#cells.set(element, cell);
      fresh.#enter(cell);
    }
    const ours = this.birth(replicas);
    const theirs = fresh.birth(replicas);
    return (
      this.#visibleCount === fresh.#visibleCount &&
      ours?.time === theirs?.time &&
      ours?.replica === theirs?.replica
    );
  }

  /**
   * The one place where a cell changes: the figures leave with the old cell and come back with the
   * new one.
   */
  #change(element: string, edit: (cell: Cell) => void): void {
    const known = this.#cells.get(element);
    const cell = known ?? emptyCell();
    if (known !== undefined) this.#leave(cell);
    edit(cell);
    if (isBlank(cell)) {
      if (known !== undefined) this.#cells.delete(element);
      return;
    }
    if (known === undefined) this.#cells.set(element, cell);
    this.#enter(cell);
  }

  #enter(cell: Cell): void {
    if (!isVisible(cell)) return;
    this.#visibleCount++;
    for (const sibling of cell.siblings) this.#raise(sibling.bornTime, sibling.bornReplica);
    for (const row of cell.rows) if (isLive(row)) this.#raise(row.bornTime, row.bornReplica);
  }

  #leave(cell: Cell): void {
    if (!isVisible(cell)) return;
    this.#visibleCount--;
    for (const sibling of cell.siblings) this.#lower(sibling.bornTime, sibling.bornReplica);
    for (const row of cell.rows) if (isLive(row)) this.#lower(row.bornTime, row.bornReplica);
  }

  #raise(time: Time, replica: ReplicaIndex): void {
    if (time < this.#bornTime) return;
    if (time > this.#bornTime) {
      this.#bornTime = time;
      this.#bornReplica = replica;
      this.#bornCount = 1;
    } else if (replica !== this.#bornReplica) {
      this.#bornCount = unknown;
    } else if (this.#bornCount !== unknown) {
      this.#bornCount++;
    }
  }

  #lower(time: Time, replica: ReplicaIndex): void {
    if (this.#bornCount > 0 && time === this.#bornTime && replica === this.#bornReplica)
      this.#bornCount--;
  }

  #findBirth(replicas: ReplicaTable): void {
    let time = 0;
    let replica = 0;
    let count = 0;
    const consider = (bornTime: Time, bornReplica: ReplicaIndex): void => {
      const order = count === 0 ? 1 : replicas.compare(bornTime, bornReplica, time, replica);
      if (order < 0) return;
      count = order > 0 ? 1 : count + 1;
      time = bornTime;
      replica = bornReplica;
    };
    for (const cell of this.#cells.values()) {
      for (const sibling of cell.siblings) consider(sibling.bornTime, sibling.bornReplica);
      for (const row of cell.rows) if (isLive(row)) consider(row.bornTime, row.bornReplica);
    }
    this.#bornTime = time;
    this.#bornReplica = replica;
    this.#bornCount = count;
  }
}
