// The store of a stream: its own figures, its entries in chunks of bytes (stream-entries.ts) and
// its consumer groups (stream-groups.ts). No entry is an object.
//
// What is not plain (cells that several replicas wrote unseen by each other, names and values that
// no write makes) lies as a cell in a map of its own. Of these only the figures are read; entries
// and groups come to be there by bytes that no honest node sends.
//
// An entry that comes from another replica and belongs before one that is here already is late:
// whoever follows the stream by its ids has read past it. Late entries are counted and the last of
// them named; that is this node's own knowledge and travels nowhere.

import { type Bytes, type ByteWriter, compareText } from "../base/bytes.js";
import type { ReplicaTable } from "../clock/replica-table.js";
import type { ReplicaIndex, Stamp } from "../clock/stamp.js";
import type { Seen } from "../clock/version-vector.js";
import {
  assignCell,
  type Cell,
  clearCell,
  emptyCell,
  incrementCell,
  isBlank,
  isVisible,
  joinCell,
  type ReplicaCodec,
} from "../lattice/cell.js";
import { applyCellDelta, type CellDelta } from "../lattice/cell-delta.js";
import type { Decimal } from "../lattice/decimal.js";
import type { ElementStore, VisitElement } from "../lattice/element-store.js";
import {
  decodeFigures,
  elementKinds,
  encodeFigures,
  entryElement,
  FieldList,
  figuresElement,
  higherFigures,
  noFigures,
  type ParsedElement,
  type PendingFigures,
  parseElement,
  pendingElement,
  type StreamFigures,
} from "../lattice/stream-element.js";
import { compareIds, idMin, keptId, type StreamId } from "../lattice/stream-id.js";
import { eachBirth, HighestBirth } from "./highest-birth.js";
import type { Keyspace } from "./keyspace.js";
import type { EntryStamp, EntryView } from "./stream-chunk.js";
import {
  defaultLimits,
  EntryCursor,
  type NodeLimits,
  StreamEntries,
  type TrimRule,
} from "./stream-entries.js";
import type { StreamGroup } from "./stream-group.js";
import { cellOf, StreamGroups } from "./stream-groups.js";
import { encodeStore, equalStores, plainCopy } from "./whole-store.js";

/** Ids of late entries that are remembered; older ones are only counted. */
export const lateIdsMax = 64;

/** A chunk without its entries: the object, its arrays' heads, its two ids. */
const chunkBytes = 360;

/** Entries that `walk` visits in a piece, or a few more. */
const walkedAtOnce = 100;

const fields = new FieldList();
const cursor = new EntryCursor();

export class StreamStore extends StreamEntries implements ElementStore {
  readonly #keyspace: Keyspace;
  readonly groups = new StreamGroups();
  /** As a reader sees them. */
  figures: StreamFigures = noFigures;
  /** Whose figures these are; undefined when there are none, or when they are no plain cell. */
  figuresStamp: EntryStamp | undefined;
  lateCount = 0;
  readonly lateIds: StreamId[] = [];
  readonly #others = new Map<string, Cell>();
  #othersVisible = 0;
  readonly #births = new HighestBirth();

  constructor(keyspace: Keyspace) {
    super();
    this.#keyspace = keyspace;
  }

  // ---- writing, as part of the open batch: whoever wants a delta has been told (stream-edit.ts)

  /** Appends an entry behind all others. */
  append(id: StreamId, stamp: EntryStamp, list: FieldList, limits: NodeLimits): void {
    this.appendEntry(id, stamp, list, limits);
    this.#births.raise(stamp.bornTime, stamp.bornReplica);
  }

  /** Removes the entry that a cursor of this store stands at. */
  removeEntry(at: EntryCursor): void {
    this.#births.lower(at.bornTime, at.bornReplica);
    at.remove();
  }

  trimEntries(rule: TrimRule, each: (view: EntryView) => void): number {
    return this.trim(rule, (view) => {
      each(view);
      this.#births.lower(view.bornTime, view.bornReplica);
    });
  }

  setFigures(figures: StreamFigures, stamp: EntryStamp): void {
    const known = this.figuresStamp;
    if (known === undefined) this.#takeOther(figuresElement);
    else this.#births.lower(known.bornTime, known.bornReplica);
    this.figures = figures;
    this.figuresStamp = stamp;
    this.#births.raise(stamp.bornTime, stamp.bornReplica);
  }

  /** Writes an element of the groups, over what may be there. */
  setGroupElement(element: string, stamp: EntryStamp, value: Bytes): void {
    this.removeGroupElement(element);
    this.groups.put(parseElement(element)!, stamp, value);
    this.#births.raise(stamp.bornTime, stamp.bornReplica);
  }

  removeGroupElement(element: string): void {
    const at = parseElement(element)!;
    const held = this.groups.read(at);
    if (held === undefined) {
      this.#takeOther(element);
      return;
    }
    this.#births.lower(held.stamp.bornTime, held.stamp.bornReplica);
    this.groups.remove(at);
  }

  setPending(
    group: StreamGroup,
    id: StreamId,
    { consumer, deliveredMs, deliveries }: PendingFigures,
    stamp: EntryStamp,
  ): void {
    if (this.#others.size > 0) this.#takeOther(pendingElement(group.name, id));
    const { groups } = this;
    const before = groups.setPending(group, id, consumer, deliveredMs, deliveries, stamp);
    if (before !== undefined) this.#births.lower(before.bornTime, before.bornReplica);
    this.#births.raise(stamp.bornTime, stamp.bornReplica);
  }

  /** Removes the pending entry of an id, which is there. */
  removePending(group: StreamGroup, id: StreamId): void {
    group.pending.find(id);
    const { bornTime, bornReplica } = this.groups.pendingStamp(group);
    this.#births.lower(bornTime, bornReplica);
    this.groups.removePending(group);
  }

  /** Bytes that the entries and what is pending take. */
  get memoryBytes(): number {
    let bytes = 0;
    for (const chunk of this.chunks) bytes += chunkBytes + chunk.bytes.length + chunk.names.length;
    return bytes + this.groups.memoryBytes;
  }

  /** The name of the entry that a view stands at. */
  nameOf(view: EntryView): string {
    return entryElement(view, this.#keyspace.replicas.nameOf(view.tag));
  }

  // ---- by element

  #stands(at: ParsedElement): boolean {
    const { replicas } = this.#keyspace;
    if (!cursor.seek(this, at.id)) return false;
    do {
      if (compareIds(cursor, at.id) !== 0) return false;
      if (replicas.nameOf(cursor.tag) === at.name) return true;
    } while (cursor.next());
    return false;
  }

  /** The cell of a plain element; undefined when it is none, or not there. */
  #plainCell(at: ParsedElement): Cell | undefined {
    switch (at.kind) {
      case elementKinds.figures:
        if (this.figuresStamp === undefined) return undefined;
        return cellOf(this.figuresStamp, encodeFigures(this.figures));
      case elementKinds.entry:
        return this.#stands(at) ? cellOf(cursor, cursor.value()) : undefined;
      default: {
        const held = this.groups.read(at);
        return held && cellOf(held.stamp, held.value);
      }
    }
  }

  #dropPlain(at: ParsedElement): void {
    switch (at.kind) {
      case elementKinds.figures:
        this.figuresStamp = undefined;
        this.figures = noFigures;
        break;
      case elementKinds.entry:
        if (this.#stands(at)) cursor.remove();
        break;
      default:
        this.groups.remove(at);
    }
  }

  /** Takes an element out of wherever it is. */
  #take(element: string, at: ParsedElement | undefined): Cell {
    const cell = at && this.#plainCell(at);
    if (cell === undefined) return this.#takeOther(element) ?? emptyCell();
    eachBirth(cell, (time, replica) => this.#births.lower(time, replica));
    this.#dropPlain(at!);
    return cell;
  }

  #takeOther(element: string): Cell | undefined {
    const cell = this.#others.get(element);
    if (cell === undefined) return undefined;
    this.#others.delete(element);
    if (isVisible(cell)) {
      this.#othersVisible--;
      eachBirth(cell, (time, replica) => this.#births.lower(time, replica));
    }
    return cell;
  }

  /** The one way by which a cell changes here: taken out, edited, put back where it belongs. */
  #change(element: string, edit: (cell: Cell) => void, isNews = false): void {
    const at = parseElement(element);
    const cell = this.#take(element, at);
    const wasThere = isVisible(cell);
    edit(cell);
    if (!isBlank(cell)) {
      eachVisibleBirth(cell, (time, replica) => this.#births.raise(time, replica));
      if (isNews && !wasThere && at?.kind === elementKinds.entry) this.#noteLate(at.id);
      if (at === undefined || !this.#putPlain(at, cell)) this.#putOther(element, cell);
    }
    if (at?.kind === elementKinds.figures) this.#readFigures();
  }

  #putPlain(at: ParsedElement, cell: Cell): boolean {
    const [sibling] = cell.siblings;
    if (sibling === undefined || cell.siblings.length > 1 || cell.rows.length > 0) return false;
    switch (at.kind) {
      case elementKinds.figures: {
        const figures = decodeFigures(sibling.value);
        if (figures === undefined) return false;
        this.figures = figures;
        this.figuresStamp = sibling;
        return true;
      }
      case elementKinds.entry: {
        const { replicas } = this.#keyspace;
        if (!replicas.mayName(at.name) || !fields.read(sibling.value)) return false;
        const tag = replicas.indexOf(at.name);
        this.insertEntry(at.id, sibling, fields, tag, replicas, defaultLimits);
        return true;
      }
      default:
        return this.groups.put(at, sibling, sibling.value);
    }
  }

  #putOther(element: string, cell: Cell): void {
    this.#others.set(element, cell);
    if (isVisible(cell)) this.#othersVisible++;
  }

  /** Figures written by several replicas, each unseen by the other, are read as the highest. */
  #readFigures(): void {
    if (this.figuresStamp !== undefined) return;
    this.figures = noFigures;
    for (const { value } of this.#others.get(figuresElement)?.siblings ?? [])
      this.figures = higherFigures(this.figures, decodeFigures(value) ?? noFigures);
  }

  #noteLate(id: StreamId): void {
    const last = this.chunks[this.chunks.length - 1];
    if (last === undefined || compareIds(id, last.last) > 0) return;
    this.lateCount++;
    this.lateIds.push(keptId(id));
    if (this.lateIds.length > lateIdsMax) this.lateIds.shift();
  }

  get count(): number {
    return this.#plainCount + this.#others.size;
  }

  get #plainCount(): number {
    const figures = this.figuresStamp === undefined ? 0 : 1;
    return this.entryCount + this.groups.elementCount + figures;
  }

  get visibleCount(): number {
    return this.#plainCount + this.#othersVisible;
  }

  get isBlank(): boolean {
    return this.count === 0;
  }

  isVisible(element: string): boolean {
    const cell = this.get(element);
    return cell !== undefined && isVisible(cell);
  }

  get(element: string): Readonly<Cell> | undefined {
    const other = this.#others.get(element);
    if (other !== undefined) return other;
    const at = parseElement(element);
    return at && this.#plainCell(at);
  }

  sortedElements(): string[] {
    const elements = Array.from(this.entries(), ([element]) => element);
    return this.#others.size === 0 ? elements : elements.sort(compareText);
  }

  *entries(): IterableIterator<[string, Readonly<Cell>]> {
    if (this.figuresStamp !== undefined)
      yield [figuresElement, cellOf(this.figuresStamp, encodeFigures(this.figures))];
    yield* this.groups.elements();
    const own = new EntryCursor();
    for (let has = own.seek(this, idMin); has; has = own.next())
      yield [this.nameOf(own), cellOf(own, own.value())];
    yield* this.#others.entries();
  }

  *walk(visit: VisitElement): IterableIterator<void> {
    if (this.figuresStamp !== undefined)
      visit(figuresElement, cellOf(this.figuresStamp, encodeFigures(this.figures)));
    for (const [element, cell] of this.groups.elements()) {
      visit(element, cell);
      yield;
    }
    const own = new EntryCursor();
    for (let from: StreamId | undefined = idMin; from !== undefined; ) {
      from = this.#visitFrom(own, from, visit);
      yield;
    }
    for (const [element, cell] of this.#others) {
      visit(element, cell);
      yield;
    }
  }

  /** Visits some entries; answers where to go on. Those of one id are never parted. */
  #visitFrom(own: EntryCursor, from: StreamId, visit: VisitElement): StreamId | undefined {
    let count = 0;
    let has = own.seek(this, from);
    let last = from;
    for (; has && (count < walkedAtOnce || compareIds(own, last) === 0); has = own.next()) {
      visit(this.nameOf(own), cellOf(own, own.value()));
      last = keptId(own);
      count++;
    }
    return has ? keptId(own) : undefined;
  }

  birth(_replicas: ReplicaTable): Stamp | undefined {
    if (this.visibleCount === 0) return undefined;
    if (!this.#births.isKnown) this.#findBirth();
    return { time: this.#births.time, replica: this.#births.replica };
  }

  /** Looks at every element: the last one with the highest birth is gone, or two names compete. */
  #findBirth(): void {
    const births = this.#births;
    const { replicas } = this.#keyspace;
    births.reset();
    const consider = (stamp: EntryStamp): void =>
      births.consider(stamp.bornTime, stamp.bornReplica, replicas);
    if (this.figuresStamp !== undefined) consider(this.figuresStamp);
    for (const stamp of this.groups.stamps()) consider(stamp);
    for (let has = cursor.seek(this, idMin); has; has = cursor.next()) consider(cursor);
    for (const cell of this.#others.values())
      eachBirth(cell, (time, replica) => births.consider(time, replica, replicas));
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
    const left = [...this.#others];
    this.chunks = [];
    this.entryCount = 0;
    this.groups.clear();
    this.figures = noFigures;
    this.figuresStamp = undefined;
    this.lateCount = 0;
    this.lateIds.length = 0;
    this.#others.clear();
    this.#othersVisible = 0;
    this.#births.reset();
    for (const [element, cell] of left) {
      clearCell(cell, self);
      if (!isBlank(cell)) this.#others.set(element, cell);
    }
  }

  restore(element: string, cell: Cell): void {
    this.#change(element, (held) => {
      held.siblings = cell.siblings;
      held.rows = cell.rows;
    });
  }

  apply(element: string, seen: Seen, delta: CellDelta): void {
    this.#change(element, (cell) => applyCellDelta(cell, seen, delta), true);
  }

  join(seen: Seen, other: ElementStore, otherSeen: Seen): void {
    for (const element of this.sortedElements()) {
      const theirs = other.get(element) ?? emptyCell();
      this.#change(element, (cell) => joinCell(cell, seen, theirs, otherSeen));
    }
    for (const [element, theirs] of other.entries()) {
      if (this.get(element) !== undefined) continue;
      this.#change(element, (cell) => joinCell(cell, seen, theirs, otherSeen), true);
    }
  }

  // ---- the whole store

  /** Fills this store, which is blank, with what a reader sees of another, under one stamp. */
  copyFrom(source: StreamStore, stamp: EntryStamp): void {
    this.chunks = source.chunks.map((chunk) => chunk.copyAs(stamp, fields));
    this.entryCount = source.entryCount;
    for (let left = this.entryCount; left > 0; left--)
      this.#births.raise(stamp.bornTime, stamp.bornReplica);
    this.setFigures(source.figures, stamp);
    for (const [element, { siblings }] of source.groups.elements())
      this.setGroupElement(element, stamp, siblings[0]!.value);
  }

  equals(other: ElementStore, replicas: ReplicaTable): boolean {
    return equalStores(this, other, replicas);
  }

  clone(): ElementStore {
    return plainCopy(this);
  }

  encode(writer: ByteWriter, codec: ReplicaCodec, replicas: ReplicaTable): void {
    encodeStore(this, this.#others.size === 0, writer, codec, replicas);
  }

  verify(replicas: ReplicaTable): boolean {
    const kept = this.birth(replicas);
    this.#findBirth();
    const found = this.birth(replicas);
    const elements = this.sortedElements();
    return (
      this.verifyEntries(replicas) &&
      this.groups.verify() &&
      elements.length === this.count &&
      elements.every((element, i) => i === 0 || elements[i - 1]! < element) &&
      [...this.#others.values()].filter(isVisible).length === this.#othersVisible &&
      kept?.time === found?.time &&
      kept?.replica === found?.replica
    );
  }
}

/** Nothing for what no reader sees. */
function eachVisibleBirth(cell: Cell, visit: (time: number, replica: number) => void): void {
  if (isVisible(cell)) eachBirth(cell, visit);
}
