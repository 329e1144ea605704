// The store of a list: elements in the order of their positions (list-position.ts), in chunks
// (list-chunks.ts). An element's key is found by bisection; pushing and popping at the ends touch
// one chunk and allocate nothing until it is full.
//
// Plain elements need no key: it is derived when somebody asks. What is not plain (inserted between
// others, written over, concurrent siblings, another birth in the middle of a run) keeps its key
// and its cell beside a marker in the chunk; what no reader sees (dead rows that a hostile peer
// sent) lies in a map of its own and takes no index.

import { assert } from "../base/assert.js";
import { type Bytes, type ByteWriter, compareText, emptyBytes } from "../base/bytes.js";
import type { ReplicaTable } from "../clock/replica-table.js";
import type { ReplicaIndex, Stamp, Time } from "../clock/stamp.js";
import type { Seen } from "../clock/version-vector.js";
import {
  assignCell,
  type Cell,
  clearCell,
  emptyCell,
  incrementCell,
  isBlank,
  isLive,
  isVisible,
  type ReplicaCodec,
  winner,
} from "../lattice/cell.js";
import { applyCellDelta, type CellDelta } from "../lattice/cell-delta.js";
import type { Decimal } from "../lattice/decimal.js";
import type { ElementStore, VisitElement } from "../lattice/element-store.js";
import { type KeyEntry, slots } from "../lattice/key-entry.js";
import {
  type ListPosition,
  placeOf,
  positionAtEnd,
  positionFirst,
  positionLast,
} from "../lattice/list-position.js";
import { eachBirth, HighestBirth } from "./highest-birth.js";
import type { Keyspace } from "./keyspace.js";
import type { ListChunk } from "./list-chunk.js";
import { ListChunks } from "./list-chunks.js";
import { ObjectTable } from "./object-table.js";
import { resolveText } from "./text-view.js";
import { encodeStore, equalStores, joinStores, plainCopy } from "./whole-store.js";

interface ComplexElement {
  readonly position: ListPosition;
  readonly cell: Cell;
}

export class ListStore extends ListChunks implements ElementStore {
  readonly #keyspace: Keyspace;
  #complex: ObjectTable<ComplexElement> | undefined;
  #hidden: Map<ListPosition, Cell> | undefined;
  readonly #births = new HighestBirth();
  /** The value that `load` looked at: valid until the next write. */
  value: Uint8Array = emptyBytes;
  valueStart = 0;
  valueLength = 0;
  valueWords: DataView | undefined;

  constructor(keyspace: Keyspace) {
    super();
    this.#keyspace = keyspace;
  }

  // ---- by index

  /** Reads the value where the store stands. */
  load(): void {
    const chunk = this.chunks.get(this.chunk)!;
    if (chunk.isComplex(this.at)) {
      this.value = this.#resolve(this.#complexAt(chunk, this.at).cell);
      this.valueStart = 0;
      this.valueLength = this.value.length;
      this.valueWords = undefined;
      return;
    }
    this.value = chunk.bytes;
    this.valueStart = chunk.start(this.at);
    this.valueLength = chunk.size(this.at);
    this.valueWords = chunk.words;
  }

  #resolve(cell: Readonly<Cell>): Bytes {
    return cell.rows.some(isLive)
      ? resolveText(this.#keyspace, cell)
      : winner(cell, this.#keyspace.replicas)!.value;
  }

  /** The element's key where the store stands. */
  get position(): ListPosition {
    return this.#positionAt(this.chunks.get(this.chunk)!, this.at);
  }

  #complexAt(chunk: ListChunk, at: number): ComplexElement {
    return this.#complex!.get(chunk.start(at));
  }

  #positionAt(chunk: ListChunk, at: number): ListPosition {
    if (chunk.isComplex(at)) return this.#complexAt(chunk, at).position;
    const stamp = { time: chunk.time(at), replica: chunk.replica(at) };
    const { replicas } = this.#keyspace;
    return chunk.isLeft(at)
      ? positionFirst(stamp, chunk.place(at), replicas)
      : positionLast(stamp, chunk.place(at), replicas);
  }

  #cellAt(chunk: ListChunk, at: number): Cell {
    if (chunk.isComplex(at)) return this.#complexAt(chunk, at).cell;
    const start = chunk.start(at);
    const sibling = {
      time: chunk.time(at),
      replica: chunk.replica(at),
      bornTime: chunk.bornTime,
      bornReplica: chunk.bornReplica,
      value: chunk.bytes.slice(start, start + chunk.size(at)),
    };
    return { siblings: [sibling], rows: [] };
  }

  // ---- writing as part of the open batch

  /** The visible birth, settled: what new elements carry. */
  settleBirth(): void {
    if (!this.#births.isKnown) this.#findBirth();
  }

  get bornTime(): Time {
    return this.#births.time;
  }

  get bornReplica(): ReplicaIndex {
    return this.#births.replica;
  }

  /**
   * Pushes a value at an end. `entry`, which holds this store, is told first what to remember if
   * somebody wants the batch's delta.
   */
  push(
    entry: KeyEntry,
    isFront: boolean,
    value: Uint8Array,
    start: number,
    length: number,
    bornTime: Time,
    bornReplica: ReplicaIndex,
  ): void {
    const keyspace = this.#keyspace;
    const time = keyspace.batchTime;
    const replica = keyspace.self;
    const place = keyspace.nextPlace();
    if (entry.isTracked) {
      const position = positionAtEnd(isFront, { time, replica }, place, keyspace.replicas);
      entry.remember(slots.list, position);
    }
    const chunks = this.chunks;
    const last = chunks.length - 1;
    this.chunk = isFront || last < 0 ? 0 : last;
    const chunk = chunks.get(this.chunk);
    this.at = isFront || chunk === undefined ? 0 : chunk.count;
    // A plain element at the end was pushed before; what another one's key is cannot be known
    // without looking.
    if (chunk?.isComplex(isFront ? 0 : chunk.count - 1)) {
      this.#locate(positionAtEnd(isFront, { time, replica }, place, keyspace.replicas));
    }
    this.#insertPlain(time, replica, isFront, place, value, start, length, bornTime, bornReplica);
    this.elementCount++;
  }

  /** Puts a plain element at the end, where its position belongs: not a write. */
  append(
    time: Time,
    replica: ReplicaIndex,
    isLeft: boolean,
    place: number,
    value: Uint8Array,
    start: number,
    length: number,
    bornTime: Time,
    bornReplica: ReplicaIndex,
  ): void {
    this.chunk = Math.max(0, this.chunks.length - 1);
    this.at = this.chunks.get(this.chunk)?.count ?? 0;
    this.#insertPlain(time, replica, isLeft, place, value, start, length, bornTime, bornReplica);
    this.elementCount++;
  }

  /**
   * A chunk with the birth that all elements share; undefined when one is not plain, or there is
   * none.
   */
  onlyBirth(): ListChunk | undefined {
    if ((this.#complex?.count ?? 0) > 0 || (this.#hidden?.size ?? 0) > 0) return undefined;
    const first = this.chunks.get(0);
    for (const { bornTime, bornReplica } of this.chunks)
      if (bornTime !== first?.bornTime || bornReplica !== first.bornReplica) return undefined;
    return first;
  }

  /** Removes the element where the store stands, and stands at the one behind it. */
  remove(entry: KeyEntry): void {
    if (entry.isTracked) entry.remember(slots.list, this.position);
    const chunk = this.chunks.get(this.chunk)!;
    if (!chunk.isComplex(this.at)) {
      this.#births.lower(chunk.bornTime, chunk.bornReplica);
    } else {
      const { position, cell } = this.#complexAt(chunk, this.at);
      eachBirth(cell, (time, replica) => this.#births.lower(time, replica));
      if (cell.rows.length > 0) {
        clearCell(cell, this.#keyspace.self);
        this.#hide(position, cell);
      }
    }
    this.#takeOut();
    this.tidy();
    if (this.at === (this.chunks.get(this.chunk)?.count ?? -1)) {
      this.chunk++;
      this.at = 0;
    }
  }

  #hide(position: ListPosition, cell: Cell): void {
    if (isBlank(cell)) return;
    this.#hidden ??= new Map();
    this.#hidden.set(position, cell);
  }

  /** Takes the element where the store stands out of its chunk, which may stay empty. */
  #takeOut(): void {
    const chunk = this.chunks.get(this.chunk)!;
    if (chunk.isComplex(this.at)) this.#complex!.remove(chunk.start(this.at));
    chunk.remove(this.at);
    this.elementCount--;
  }

  /** Puts a plain element before the one stood at, in whatever form has room. */
  #insertPlain(
    time: Time,
    replica: ReplicaIndex,
    isLeft: boolean,
    place: number,
    value: Uint8Array,
    start: number,
    length: number,
    bornTime: Time,
    bornReplica: ReplicaIndex,
  ): void {
    if (!this.findRoom(length, bornTime, bornReplica)) {
      const position = positionAtEnd(isLeft, { time, replica }, place, this.#keyspace.replicas);
      const sibling = {
        time,
        replica,
        bornTime,
        bornReplica,
        value: value.slice(start, start + length),
      };
      this.#insertComplex(position, { siblings: [sibling], rows: [] });
      return;
    }
    const chunk = this.chunks.get(this.chunk)!;
    if (chunk.count === chunk.complexCount) {
      chunk.bornTime = bornTime;
      chunk.bornReplica = bornReplica;
    }
    chunk.insert(this.at, time, replica, isLeft, place, value, start, length);
    this.#births.raise(bornTime, bornReplica);
  }

  #insertComplex(position: ListPosition, cell: Cell): void {
    this.findRoom(0, 0, 0);
    this.#complex ??= new ObjectTable();
    this.chunks.get(this.chunk)!.insertComplex(this.at, this.#complex.put({ position, cell }));
    eachBirth(cell, (time, replica) => this.#births.raise(time, replica));
  }

  // ---- by key

  /**
   * Stands at the element, or where it belongs. Ends are looked at first: most news is about them.
   */
  #locate(element: ListPosition): boolean {
    const chunks = this.chunks;
    this.chunk = 0;
    this.at = 0;
    if (chunks.length === 0) return false;
    const lastChunk = chunks.length - 1;
    const lastAt = chunks.get(lastChunk)!.count - 1;
    const last = this.#positionAt(chunks.get(lastChunk)!, lastAt);
    if (element >= last) {
      this.chunk = lastChunk;
      this.at = element === last ? lastAt : lastAt + 1;
      return element === last;
    }
    const first = this.#positionAt(chunks.get(0)!, 0);
    if (element <= first) return element === first;
    const begins = (index: number): boolean => this.#positionAt(chunks.get(index)!, 0) <= element;
    this.chunk = this.bisect(lastChunk, begins);
    const chunk = chunks.get(this.chunk)!;
    const at = this.bisect(chunk.count - 1, (index) => this.#positionAt(chunk, index) <= element);
    const isFound = this.#positionAt(chunk, at) === element;
    this.at = isFound ? at : at + 1;
    return isFound;
  }

  /** The one way by which a cell changes here: unfolded, edited, folded again where it can be. */
  #change(element: ListPosition, edit: (cell: Cell) => void): void {
    let cell = this.#hidden?.get(element);
    const isFound = this.#locate(element);
    if (cell !== undefined) {
      this.#hidden!.delete(element);
    } else if (isFound) {
      cell = this.#cellAt(this.chunks.get(this.chunk)!, this.at);
      eachBirth(cell, (time, replica) => this.#births.lower(time, replica));
      this.#takeOut();
    } else {
      cell = emptyCell();
    }
    edit(cell);
    if (isVisible(cell)) this.#putIn(element, cell);
    else this.#hide(element, cell);
    this.tidy();
  }

  #putIn(element: ListPosition, cell: Cell): void {
    this.elementCount++;
    const sibling = cell.siblings[0];
    const isOne = cell.siblings.length === 1 && cell.rows.length === 0;
    const place = isOne ? placeOf(element, sibling!, this.#keyspace.replicas) : -1;
    if (place < 0) {
      this.#insertComplex(element, cell);
      return;
    }
    const { time, replica, value, bornTime, bornReplica } = sibling!;
    const isLeft = element.charCodeAt(0) === 0;
    this.#insertPlain(time, replica, isLeft, place, value, 0, value.length, bornTime, bornReplica);
  }

  get count(): number {
    return this.elementCount + (this.#hidden?.size ?? 0);
  }

  get visibleCount(): number {
    return this.elementCount;
  }

  get isBlank(): boolean {
    return this.count === 0;
  }

  isVisible(element: string): boolean {
    return this.#locate(element);
  }

  get(element: string): Readonly<Cell> | undefined {
    if (!this.#locate(element)) return this.#hidden?.get(element);
    return this.#cellAt(this.chunks.get(this.chunk)!, this.at);
  }

  sortedElements(): string[] {
    const elements: string[] = [];
    for (const chunk of this.chunks)
      for (let at = 0; at < chunk.count; at++) elements.push(this.#positionAt(chunk, at));
    if (this.#hidden === undefined) return elements;
    return elements.concat([...this.#hidden.keys()]).sort(compareText);
  }

  *entries(): IterableIterator<[string, Readonly<Cell>]> {
    for (const chunk of this.chunks)
      for (let at = 0; at < chunk.count; at++)
        yield [this.#positionAt(chunk, at), this.#cellAt(chunk, at)];
    if (this.#hidden !== undefined) yield* this.#hidden.entries();
  }

  *walk(visit: VisitElement): IterableIterator<void> {
    this.chunk = 0;
    this.at = 0;
    while (this.chunk < this.chunks.length) {
      const chunk = this.chunks.get(this.chunk)!;
      for (let at = this.at; at < chunk.count; at++)
        visit(this.#positionAt(chunk, at), this.#cellAt(chunk, at));
      const last = this.#positionAt(chunk, chunk.count - 1);
      yield;
      if (!this.#locate(last)) this.at--;
      if (this.elementCount > 0) this.step(false);
    }
    for (const [element, cell] of this.#hidden ?? []) {
      visit(element, cell);
      yield;
    }
  }

  birth(_replicas: ReplicaTable): Stamp | undefined {
    if (this.elementCount === 0) return undefined;
    this.settleBirth();
    return { time: this.#births.time, replica: this.#births.replica };
  }

  /** Looks at every element: the last one with the highest birth is gone, or two names compete. */
  #findBirth(): void {
    const births = this.#births;
    const { replicas } = this.#keyspace;
    births.reset();
    for (const chunk of this.chunks) {
      for (let at = 0; at < chunk.count; at++) {
        if (!chunk.isComplex(at)) {
          births.consider(chunk.bornTime, chunk.bornReplica, replicas);
          continue;
        }
        eachBirth(this.#complexAt(chunk, at).cell, (time, replica) => {
          births.consider(time, replica, replicas);
        });
      }
    }
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
    for (const element of [...(this.#hidden?.keys() ?? [])]) this.clear(element, self);
    const left = this.#complex?.all() ?? [];
    this.chunks.clear();
    this.elementCount = 0;
    this.#complex = undefined;
    this.#births.reset();
    for (const { position, cell } of left) {
      clearCell(cell, self);
      this.#hide(position, cell);
    }
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

  // ---- the whole store

  equals(other: ElementStore, replicas: ReplicaTable): boolean {
    return equalStores(this, other, replicas);
  }

  clone(): ElementStore {
    return plainCopy(this);
  }

  encode(writer: ByteWriter, codec: ReplicaCodec, replicas: ReplicaTable): void {
    const isSorted = (this.#hidden?.size ?? 0) === 0;
    encodeStore(this, isSorted, writer, codec, replicas);
  }

  verify(replicas: ReplicaTable): boolean {
    let count = 0;
    let complexCount = 0;
    let last: string | undefined;
    for (const chunk of this.chunks) {
      assert(chunk.count > 0, "an empty chunk in a list");
      chunk.verifyInvariants();
      for (let at = 0; at < chunk.count; at++) {
        const position = this.#positionAt(chunk, at);
        assert(last === undefined || last < position, "list elements out of order");
        last = position;
        if (chunk.isComplex(at)) complexCount++;
      }
      count += chunk.count;
    }
    const kept = this.birth(replicas);
    this.#findBirth();
    const found = this.birth(replicas);
    return (
      count === this.elementCount &&
      complexCount === (this.#complex?.count ?? 0) &&
      kept?.time === found?.time &&
      kept?.replica === found?.replica
    );
  }
}
