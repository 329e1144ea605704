// Reading a hash or a set whatever its form: packed record, element table, or general cells. One
// `Collection` looks at one key at a time and is used again and again; looking up an element
// allocates nothing in the two compact forms.
//
// What it points at is valid until the next write. Left out: orders (sorted sets, lists) and
// writing (collection-edit.ts).

import { type Bytes, emptyBytes, fromLatin1, latin1 } from "../base/bytes.js";
import { type Cell, isLive, winner } from "../lattice/cell.js";
import type { ElementStore } from "../lattice/element-store.js";
import type { Slot } from "../lattice/key-entry.js";
import { type Ref, slabOf } from "./arena.js";
import { ElementTable } from "./element-table.js";
import { hashBytes } from "./hash.js";
import type { Keyspace } from "./keyspace.js";
import { PackedCursor, slotOfPacked } from "./packed.js";
import * as record from "./record.js";
import { resolveText } from "./text-view.js";

/** How a collection is kept. */
export const forms = { none: 0, packed: 1, table: 2, general: 3 } as const;
export type Form = (typeof forms)[keyof typeof forms];

/** What a reader sees as the value of an element. */
export const resolveValue = (keyspace: Keyspace, cell: Readonly<Cell>): Bytes =>
  cell.rows.some(isLive) ? resolveText(keyspace, cell) : winner(cell, keyspace.replicas)!.value;

export class Collection {
  keyspace!: Keyspace;
  ref: Ref = 0;
  form: Form = forms.none;
  /** Visible elements. */
  count = 0;
  readonly cursor = new PackedCursor();
  table: ElementTable | undefined;
  /** The general form: cells that are concurrent, or a store that is no table. */
  store: ElementStore | undefined;

  /** The element that was found or visited last, and its value. */
  element: Uint8Array = emptyBytes;
  /** The words of the buffer in which the element lies, where it is one of a table. */
  elementWords: DataView | undefined;
  /** Its record, where it is one of a table. */
  elementRef: Ref = 0;
  /** Its hash, where a table was visited by `each` or `some`, or an element of it was drawn. */
  elementHash = 0;
  elementStart = 0;
  elementLength = 0;
  value: Uint8Array = emptyBytes;
  valueStart = 0;
  valueLength = 0;

  /** Looks at the visible record `ref`, or at nothing for 0. False when it holds another type. */
  open(keyspace: Keyspace, ref: Ref, slot: Slot): boolean {
    this.keyspace = keyspace;
    this.ref = ref;
    if (ref === 0) {
      this.close();
      this.count = 0;
      return true;
    }
    const kind = record.kindOf(keyspace.arena, ref);
    if (record.isPacked(kind)) {
      if (slotOfPacked(kind) !== slot) return false;
      this.form = forms.packed;
      this.count = this.cursor.open(keyspace.arena, ref).count;
      return true;
    }
    if (kind !== record.objectKind) return false;
    const entry = keyspace.entryOf(ref);
    let store = entry.sole(slot);
    if (store === undefined) {
      if (entry.visibleSlot(keyspace.replicas) !== slot) return false;
      store = entry.slot(slot)!;
    }
    this.count = store.visibleCount;
    if (this.count === 0) return false; // The deadline's slot alone: the type is another slot's.
    if (store instanceof ElementTable && store.isSimple) {
      this.form = forms.table;
      this.table = store;
    } else {
      this.form = forms.general;
      this.store = store;
    }
    return true;
  }

  /** Goes to an element. */
  find(bytes: Uint8Array, start: number, length: number): boolean {
    if (this.form === forms.packed) {
      if (!this.cursor.find(bytes, start, length)) return false;
      this.#atCursor();
      return true;
    }
    if (this.form === forms.none) return false;
    return this.findHashed(hashBytes(bytes, start, length), bytes, start, length);
  }

  /** `find` where the hash of the element is at hand. */
  findHashed(hash: number, bytes: Uint8Array, start: number, length: number): boolean {
    if (this.form === forms.table) {
      const ref = this.table!.find(hash, bytes, start, length);
      if (ref === 0) return false;
      this.atRecord(ref);
      return true;
    }
    if (this.form === forms.general) {
      const element = latin1(bytes, start, start + length);
      if (!this.store!.isVisible(element)) return false;
      this.#atCell(element, this.store!.get(element)!);
      return true;
    }
    return this.find(bytes, start, length);
  }

  #atCursor(): void {
    const { cursor } = this;
    this.element = cursor.bytes;
    this.elementWords = undefined;
    this.elementStart = cursor.elementStart;
    this.elementLength = cursor.elementLength;
    this.value = cursor.bytes;
    this.valueStart = cursor.valueStart;
    this.valueLength = cursor.valueLength;
  }

  /** Goes to a record of the table. */
  atRecord(ref: Ref): void {
    const { arena, externals } = this.keyspace;
    const start = record.keyStartOf(arena, ref);
    const length = record.keyLengthOf(arena, ref);
    const bytes = arena.bytes[slabOf(ref)]!;
    this.element = bytes;
    this.elementWords = arena.data[slabOf(ref)];
    this.elementRef = ref;
    this.elementStart = start;
    this.elementLength = length;
    this.valueLength = record.valueLengthOf(arena, ref);
    if ((record.flagsOf(arena, ref) & record.externalFlag) === 0) {
      this.value = bytes;
      this.valueStart = start + length;
    } else {
      this.value = externals.get(record.externalPlaceOf(arena, ref));
      this.valueStart = 0;
    }
  }

  #atCell(element: string, cell: Readonly<Cell>): void {
    this.element = fromLatin1(element);
    this.elementWords = undefined;
    this.elementStart = 0;
    this.elementLength = element.length;
    this.value = resolveValue(this.keyspace, cell);
    this.valueStart = 0;
    this.valueLength = this.value.length;
  }

  /** Goes to the element at a place in the order of a packed record. */
  seek(place: number): void {
    this.cursor.seek(place);
    this.#atCursor();
  }

  /** Goes to the entry of a packed record that begins at a position in `cursor.bytes`. */
  atEntry(position: number): void {
    this.cursor.at = position;
    this.cursor.next();
    this.#atCursor();
  }

  /** Goes to every visible element in turn, in no order that means anything. */
  each(visit: (at: this) => void): void {
    switch (this.form) {
      case forms.packed:
        this.cursor.at = this.cursor.first;
        while (this.cursor.next()) {
          this.#atCursor();
          visit(this);
        }
        break;
      case forms.table:
        this.table!.index.forEach((ref, hash) => {
          this.atRecord(ref);
          this.elementHash = hash;
          visit(this);
        });
        break;
      case forms.general:
        for (const [element, cell] of this.store!.entries()) {
          if (!this.store!.isVisible(element)) continue;
          this.#atCell(element, cell);
          visit(this);
        }
        break;
      default:
        break;
    }
  }

  /**
   * As `each`, but where Redis would have a listpack a table gives its elements in the order of
   * writing, which is the order of insertion there unless a field was written over.
   */
  eachByAge(visit: (at: this) => void): void {
    const { arena } = this.keyspace;
    if (this.form !== forms.table || record.isRoomy(arena, this.ref)) {
      this.each(visit);
      return;
    }
    for (const ref of this.table!.byAge()) {
      this.atRecord(ref);
      visit(this);
    }
  }

  /** As `each`, until `visit` answers true. */
  some(visit: (at: this) => boolean): void {
    if (this.form === forms.table) {
      this.table!.index.some((ref, hash) => {
        this.atRecord(ref);
        this.elementHash = hash;
        return visit(this);
      });
      return;
    }
    let isDone = false;
    this.each((at) => {
      if (!isDone) isDone = visit(at);
    });
  }

  /**
   * Part of a scan: goes to the elements of buckets from `cursor` on, until there were `wanted` of
   * them or so many buckets, and answers the next cursor, 0 at the end. What is not a table is
   * given whole. Complex elements of a table come with the bucket that they would be in, so one
   * that changes its kind meanwhile is not passed over.
   */
  scan(cursor: number, wanted: number, bucketsMax: number, visit: (at: this) => void): number {
    const table = this.form === forms.table ? this.table! : this.store;
    if (!(table instanceof ElementTable) || this.form === forms.packed) {
      this.each(visit);
      return 0;
    }
    let visited = 0;
    let bucketsLeft = bucketsMax;
    let next = cursor;
    do {
      next = table.index.scan(next, (ref) => {
        visited++;
        this.atRecord(ref);
        visit(this);
      });
    } while (next !== 0 && visited < wanted && bucketsLeft-- > 0);
    if (!table.isSimple) this.#visitComplex(table, scanPlace(cursor), scanPlace(next), visit);
    return next;
  }

  /**
   * Goes to the complex elements whose hashes a scan comes to from `start` on and before `end`; 0
   * is the end of all.
   */
  #visitComplex(table: ElementTable, start: number, end: number, visit: (at: this) => void): void {
    for (const [element, cell] of table.complexEntries()) {
      if (!table.isVisible(element)) continue;
      const bytes = fromLatin1(element);
      const place = scanPlace(hashBytes(bytes, 0, bytes.length));
      if (place < start || (end !== 0 && place >= end)) continue;
      this.#atCell(element, cell);
      visit(this);
    }
  }

  elementCopy(): Bytes {
    return this.element.slice(this.elementStart, this.elementStart + this.elementLength);
  }

  /** Lets go of what was looked at, so that nothing is kept alive. */
  close(): void {
    this.table = undefined;
    this.store = undefined;
    this.form = forms.none;
  }
}

/**
 * Where a scan comes to a hash: buckets are visited in the order of their reversed bits
 * (hash-index.ts).
 */
function scanPlace(hash: number): number {
  let v = hash;
  v = ((v >>> 1) & 0x55555555) | ((v & 0x55555555) << 1);
  v = ((v >>> 2) & 0x33333333) | ((v & 0x33333333) << 2);
  v = ((v >>> 4) & 0x0f0f0f0f) | ((v & 0x0f0f0f0f) << 4);
  v = ((v >>> 8) & 0x00ff00ff) | ((v & 0x00ff00ff) << 8);
  return ((v >>> 16) | (v << 16)) >>> 0;
}
