// One key: the product of its slots, one slot per type (merge-rules 10). Two replicas may make
// different types under one name; both survive the join, and the slot with the highest birth is the
// one that is seen. A slot's birth is the highest `born` of its live entries, so it follows from
// the entries and is never joined by itself.
//
// A write goes through `prepare` first, which removes what a write must remove before it adds (a
// clash, a key that has expired, leftovers of an invisible key) and answers the birth that new
// entries carry. After it has removed something, `settle` empties a key of which nothing is visible
// any more.
//
// The object is changed in place. While a batch is open it keeps the cells as they were before, so
// that `takeDelta` can answer the net change at the close (merge-rules 5); a join in the meantime
// would mix what the batch saw with what it did not, and is refused by assertion (merge-rules 3).
//
// Left out: what the elements of a type mean, and the clock: whether a deadline has passed is the
// caller's to say.

import { assert } from "../base/assert.js";
import {
  type ByteReader,
  type Bytes,
  type ByteWriter,
  fromLatin1,
  latin1,
  MalformedBytes,
} from "../base/bytes.js";
import type { ReplicaTable } from "../clock/replica-table.js";
import type { ReplicaIndex, Stamp } from "../clock/stamp.js";
import type { Seen } from "../clock/version-vector.js";
import { type Cell, cloneCell, emptyCell, type ReplicaCodec } from "./cell.js";
import {
  type CellDelta,
  decodeCellDelta,
  differenceOfCells,
  encodeCellDelta,
  isEmptyDelta,
} from "./cell-delta.js";
import { CellMap } from "./cell-map.js";
import { deadlineOf, encodeDeadline } from "./deadline.js";
import type { Decimal } from "./decimal.js";
import type { ElementStore } from "./element-store.js";

/** Slot numbers are part of the stored format. */
export const slots = {
  deadline: 0,
  string: 1,
  hash: 2,
  set: 3,
  zset: 4,
  list: 5,
  stream: 6,
} as const;

export type Slot = (typeof slots)[keyof typeof slots];

export const slotCount = 7;

/** The deadline and the string are one cell each, under this element. */
export const onlyElement = "";

/** The cell of an element that is not there; never changed. */
const nothing: Cell = emptyCell();

/** A slot that was never used; never changed. */
const noElements = new CellMap();

/** What a batch did to one element. */
export interface ElementDelta extends CellDelta {
  readonly slot: Slot;
  readonly element: string;
}

/** Makes the store behind a slot. */
export type StoreFactory = (slot: Slot) => ElementStore;

const plainStore: StoreFactory = () => new CellMap();

export class KeyEntry {
  /** By slot; a slot that was never used is absent. */
  readonly #slots: (ElementStore | undefined)[] = [];
  /** Per slot and element, the cell before the open batch changed it. */
  #before: Map<string, Cell> | undefined;
  /** Off where nobody will ask for a delta: a node alone, a register's state. */
  isTracked = true;
  /** What a log of states (keyspace/redo-log.ts) has to write of the open batch. */
  logged: "nothing" | "elements" | "whole" = "nothing";
  readonly #newStore: StoreFactory;

  /** @param newStore makes the store of a slot at its first use; the plain one unless told. */
  constructor(newStore: StoreFactory = plainStore) {
    this.#newStore = newStore;
  }

  /** The elements of a slot, for reading; undefined when it holds nothing. */
  slot(slot: Slot): ElementStore | undefined {
    return this.#slots[slot];
  }

  /**
   * The store of a slot when no other slot but the deadline's holds anything, so that no clash of
   * types is possible; else undefined.
   */
  sole(slot: Slot): ElementStore | undefined {
    for (let other: number = slots.string; other < this.#slots.length; other++) {
      if (other === slot) continue;
      const store = this.#slots[other];
      if (store !== undefined && !store.isBlank) return undefined;
    }
    return this.#slots[slot];
  }

  /** Makes `store` the store of a slot that was never used. The entry owns it from now on. */
  adopt(slot: Slot, store: ElementStore): void {
    assert(this.#slots[slot] === undefined, "a slot in use is given another store");
    while (this.#slots.length < slot) this.#slots.push(undefined);
    this.#slots[slot] = store;
  }

  /**
   * Moves what lies in plain stores into those that `make` offers. A plain store of nothing goes:
   * who writes the type next expects one of those.
   */
  rehouse(make: (slot: Slot) => ElementStore | undefined): void {
    this.#slots.forEach((store, slot) => {
      if (!(store instanceof CellMap) || slot <= slots.string) return;
      if (store.isBlank) this.#slots[slot] = undefined;
      const fresh = store.isBlank ? undefined : make(slot as Slot);
      if (fresh === undefined) return;
      for (const [element, cell] of store.entries()) fresh.restore(element, cell);
      this.#slots[slot] = fresh;
    });
  }

  /** One element, for reading. */
  cell(slot: Slot, element: string = onlyElement): Readonly<Cell> | undefined {
    return this.#slots[slot]?.get(element);
  }

  /** Nothing is stored, not even a dead row or a hidden slot: the key may be forgotten. */
  get isBlank(): boolean {
    return this.#slots.every((map) => map === undefined || map.isBlank);
  }

  birth(slot: Slot, replicas: ReplicaTable): Stamp | undefined {
    return this.#slots[slot]?.birth(replicas);
  }

  /**
   * The type that a reader sees: the highest birth; equal births are decided by the slot's number.
   */
  visibleSlot(replicas: ReplicaTable): Slot | undefined {
    let best: Slot | undefined;
    let bestBirth: Stamp | undefined;
    for (let slot = slots.string; slot < this.#slots.length; slot++) {
      const birth = this.#slots[slot]?.birth(replicas);
      if (birth === undefined) continue;
      if (bestBirth !== undefined && replicas.compareStamps(birth, bestBirth) < 0) continue;
      best = slot as Slot;
      bestBirth = birth;
    }
    return best;
  }

  /** Unix milliseconds; undefined when the key is absent or never expires. */
  deadline(replicas: ReplicaTable): number | undefined {
    const cell = this.cell(slots.deadline);
    if (cell === undefined) return undefined;
    const visible = this.visibleSlot(replicas);
    if (visible === undefined) return undefined;
    return deadlineOf(cell, this.birth(visible, replicas)!);
  }

  // ---- writing

  /**
   * What every write does first. An expired or invisible key is emptied of all that was seen, the
   * losers of a type clash are removed. Answers the birth for new entries: the visible slot's, else
   * the write's own stamp.
   * @param hasExpired the caller's judgement of `deadline`.
   */
  prepare(stamp: Stamp, hasExpired: boolean, replicas: ReplicaTable): Stamp {
    const visible = hasExpired ? undefined : this.visibleSlot(replicas);
    if (visible === undefined) {
      this.clearAll(stamp.replica);
      return stamp;
    }
    for (let slot = slots.string; slot < this.#slots.length; slot++)
      if (slot !== visible && this.#slots[slot]?.visibleCount)
        this.clearSlot(slot as Slot, stamp.replica);
    return this.birth(visible, replicas)!;
  }

  /**
   * What every write that removed something does last: emptying a key removes all that was seen
   * under it.
   */
  settle(self: ReplicaIndex): void {
    for (let slot = slots.string; slot < this.#slots.length; slot++)
      if (this.#slots[slot]?.visibleCount) return;
    this.clearAll(self);
  }

  assign(slot: Slot, element: string, stamp: Stamp, born: Stamp, value: Bytes): void {
    this.remember(slot, element);
    this.#use(slot).assign(element, stamp, born, value);
  }

  increment(slot: Slot, element: string, stamp: Stamp, born: Stamp, by: Decimal): void {
    this.remember(slot, element);
    this.#use(slot).increment(element, stamp, born, by);
  }

  /** @param deadlineMs Unix milliseconds or `persist` (deadline.ts). */
  assignDeadline(deadlineMs: number, stamp: Stamp, born: Stamp): void {
    this.assign(slots.deadline, onlyElement, stamp, born, encodeDeadline(deadlineMs));
  }

  /** Puts a cell as it was read from its stored form: not a write, so no delta follows. */
  restore(slot: Slot, element: string, cell: Cell): void {
    this.#use(slot).restore(element, cell);
  }

  /** Removes what was seen of one element. */
  clear(slot: Slot, element: string, self: ReplicaIndex): void {
    const map = this.#slots[slot];
    if (map?.get(element) === undefined) return;
    this.remember(slot, element);
    map.clear(element, self);
  }

  clearSlot(slot: Slot, self: ReplicaIndex): void {
    const map = this.#slots[slot];
    if (map === undefined) return;
    if (!this.isTracked) map.clearAll(self);
    else for (const [element] of [...map.entries()]) this.clear(slot, element, self);
  }

  /** DEL: removes everything seen under the key, hidden slots and the deadline too. */
  clearAll(self: ReplicaIndex): void {
    if (this.logged === "elements") this.wantWhole();
    for (let slot = 0; slot < this.#slots.length; slot++) this.clearSlot(slot as Slot, self);
  }

  // ---- deltas

  /** Whether a batch has changed the key since the last `takeDelta`. */
  get hasDelta(): boolean {
    return this.#before !== undefined;
  }

  /** Closes the batch for this key: its net change, element by element. */
  takeDelta(): ElementDelta[] {
    const delta: ElementDelta[] = [];
    for (const [path, before] of this.#before ?? []) {
      const slot = path.charCodeAt(0) as Slot;
      const element = path.slice(1);
      const { fragment, removed } = differenceOfCells(before, this.cell(slot, element) ?? nothing);
      if (!isEmptyDelta({ fragment, removed })) delta.push({ slot, element, fragment, removed });
    }
    this.#before = undefined;
    return delta;
  }

  // ---- for a log of states, which needs no memory of what was

  /** From here to the close of the batch the names of changed elements are kept. */
  wantElements(): void {
    if (this.logged !== "nothing") return;
    this.logged = "elements";
    this.isTracked = true;
  }

  /** The log will write all of the entry at the close of the batch. */
  wantWhole(): void {
    this.logged = "whole";
    this.isTracked = false;
    this.#before = undefined;
  }

  /** Ends the batch for a log of states: the elements that changed, unless it writes everything. */
  takeChanged(): readonly [Slot, string][] {
    const paths = [...(this.#before?.keys() ?? [])];
    this.#before = undefined;
    this.logged = "nothing";
    this.isTracked = false;
    return paths.map((path) => [path.charCodeAt(0) as Slot, path.slice(1)]);
  }

  /** Joins what a batch did to one element. */
  apply(seen: Seen, delta: ElementDelta): void {
    assert(this.#before === undefined, "a delta is joined into a key with an open batch");
    this.#use(delta.slot).apply(delta.element, seen, delta);
  }

  /** Joins another replica's key into this one; `other` stays as it is. */
  joinWith(seen: Seen, other: KeyEntry, otherSeen: Seen): void {
    assert(this.#before === undefined, "a state is joined into a key with an open batch");
    const slotsUsed = Math.max(this.#slots.length, other.#slots.length);
    for (let slot = 0; slot < slotsUsed; slot++) {
      const theirs = other.#slots[slot];
      if (theirs === undefined && this.#slots[slot] === undefined) continue;
      this.#use(slot as Slot).join(seen, theirs ?? noElements, otherSeen);
    }
  }

  // ---- whole keys

  forEachCell(visit: (slot: Slot, element: string, cell: Readonly<Cell>) => void): void {
    this.#slots.forEach((map, slot) => {
      for (const [element, cell] of map?.entries() ?? []) visit(slot as Slot, element, cell);
    });
  }

  /** Elements of all slots. */
  get elementCount(): number {
    return this.#slots.reduce((sum, store) => sum + (store?.count ?? 0), 0);
  }

  /** `ElementStore.walk` through all slots. */
  *walk(
    visit: (slot: Slot, element: string, cell: Readonly<Cell>) => void,
  ): IterableIterator<void> {
    for (let slot = 0; slot < this.#slots.length; slot++)
      yield* this.#slots[slot]?.walk((element, cell) => visit(slot as Slot, element, cell)) ?? [];
  }

  /** A copy without the memory of an open batch. */
  clone(): KeyEntry {
    const copy = new KeyEntry();
    this.#slots.forEach((map, slot) => {
      if (map !== undefined) copy.#slots[slot] = map.clone();
    });
    return copy;
  }

  equals(other: KeyEntry, replicas: ReplicaTable): boolean {
    const slotsUsed = Math.max(this.#slots.length, other.#slots.length);
    for (let slot = 0; slot < slotsUsed; slot++) {
      const ours = this.#slots[slot] ?? noElements;
      if (!ours.equals(other.#slots[slot] ?? noElements, replicas)) return false;
    }
    return true;
  }

  /** Canonical: slots in order, blank ones left out. */
  encode(writer: ByteWriter, codec: ReplicaCodec, replicas: ReplicaTable): void {
    const used = this.#slots.filter((map) => map !== undefined && !map.isBlank);
    writer.u8(used.length);
    this.#slots.forEach((map, slot) => {
      if (map === undefined || map.isBlank) return;
      writer.u8(slot);
      map.encode(writer, codec, replicas);
    });
  }

  /** @throws MalformedBytes when the bytes are not a key. */
  static decode(reader: ByteReader, codec: ReplicaCodec): KeyEntry {
    const entry = new KeyEntry();
    let last = -1;
    for (let count = reader.u8(); count > 0; count--) {
      const slot = decodeSlot(reader);
      if (slot <= last) throw new MalformedBytes("slots out of order or repeated");
      last = slot;
      const map = CellMap.decode(reader, codec);
      if (map.isBlank) throw new MalformedBytes("a slot without elements");
      entry.#slots[slot] = map;
    }
    return entry;
  }

  /** Compares kept figures with the entries; for tests and for verifying invariants. */
  verify(replicas: ReplicaTable): boolean {
    return this.#slots.every((map) => map === undefined || map.verify(replicas));
  }

  #use(slot: Slot): ElementStore {
    let map = this.#slots[slot];
    if (map === undefined) {
      while (this.#slots.length < slot) this.#slots.push(undefined);
      map = this.#newStore(slot);
      this.#slots[slot] = map;
    }
    return map;
  }

  /**
   * Gives back memory that the stores hold outside the collector; the entry is not used afterwards.
   */
  release(): void {
    for (const store of this.#slots) store?.release?.();
  }

  /**
   * Keeps the element as it stands, unless the open batch has changed it already. Whoever changes a
   * store without going through this entry calls it first, if `isTracked`.
   */
  remember(slot: Slot, element: string): void {
    if (!this.isTracked) return;
    this.#before ??= new Map();
    const path = String.fromCharCode(slot) + element;
    if (this.#before.has(path)) return;
    if (this.logged === "elements") {
      this.#before.set(path, nothing);
      return;
    }
    const cell = this.#slots[slot]?.get(element);
    this.#before.set(path, cell === undefined ? nothing : cloneCell(cell));
  }
}

/** Canonical: equal deltas have equal bytes on every node. */
export function encodeElementDelta(
  writer: ByteWriter,
  delta: ElementDelta,
  codec: ReplicaCodec,
  replicas: ReplicaTable,
): void {
  writer.u8(delta.slot).bytes(fromLatin1(delta.element));
  encodeCellDelta(writer, delta, codec, replicas);
}

/** @throws MalformedBytes when the bytes are not a delta. */
export function decodeElementDelta(reader: ByteReader, codec: ReplicaCodec): ElementDelta {
  const slot = decodeSlot(reader);
  const element = latin1(reader.bytes());
  return { slot, element, ...decodeCellDelta(reader, codec) };
}

function decodeSlot(reader: ByteReader): Slot {
  const slot = reader.u8();
  if (slot >= slotCount) throw new MalformedBytes(`no slot has the number ${slot}`);
  return slot as Slot;
}
