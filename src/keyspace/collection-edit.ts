// Writing a hash or a set whatever its form. A command begins an edit of one key, puts and removes
// elements, and ends it; in between the collection may change its form: from nothing to a packed
// record, from that to an element table. In both compact forms a single put or removal allocates
// nothing on the heap.
//
// Rules of every write (merge-rules 5 and 10): `capture` hears of the key before its first change;
// new elements carry the birth of the visible slot; emptying a collection removes the key with
// everything seen under it. Where a compact form does not tell the whole truth (a clash of types,
// dead rows, concurrent cells) the key's entry decides.
//
// Left out: replacing a whole collection (collection-replace.ts).

import { assert } from "../base/assert.js";
import { emptyBytes, latin1 } from "../base/bytes.js";
import type { Decimal } from "../lattice/decimal.js";
import { KeyEntry, type Slot } from "../lattice/key-entry.js";
import type { Ref } from "./arena.js";
import { Collection, forms } from "./collection.js";
import type { Database } from "./database.js";
import { ElementTable } from "./element-table.js";
import { hashBytes } from "./hash.js";
import type { Keyspace } from "./keyspace.js";
import { packedCountMax, packedKindOf } from "./packed.js";
import { createPacked, putPacked, removePacked } from "./packed-edit.js";
import { restoreDeadline } from "./packed-fold.js";
import * as record from "./record.js";

/** An entry being edited in the general form, with the birth that its new elements carry. */
interface General {
  readonly entry: KeyEntry;
  readonly bornTime: number;
  readonly bornReplica: number;
}

export class CollectionEditor {
  /**
   * The collection as it stands; its positions are stale after every write until `view.find` or
   * `refresh`.
   */
  readonly view = new Collection();
  /** The record, 0 when there is none. It moves with every write. */
  ref: Ref = 0;
  /** Visible elements. */
  count = 0;
  /** How many elements a packed record may have, for this edit. */
  packedMax = packedCountMax;
  /** The last element went, and the key with it. */
  isEmptied = false;

  #keyspace!: Keyspace;
  #db!: Database;
  #slot!: Slot;
  #hash = 0;
  #key: Uint8Array = emptyBytes;
  #keyStart = 0;
  #keyLength = 0;
  #hasWritten = false;
  #isStale = false;
  #general: General | undefined;

  /**
   * Begins an edit of the key whose visible record is `ref`, or 0. False when it holds another
   * type. The key's bytes must stay where they are until `end`.
   */
  begin(
    keyspace: Keyspace,
    db: Database,
    slot: Slot,
    hash: number,
    key: Uint8Array,
    keyStart: number,
    keyLength: number,
    ref: Ref,
  ): boolean {
    if (!this.view.open(keyspace, ref, slot)) return false;
    this.#keyspace = keyspace;
    this.#db = db;
    this.#slot = slot;
    this.#hash = hash;
    this.#key = key;
    this.#keyStart = keyStart;
    this.#keyLength = keyLength;
    this.#hasWritten = false;
    this.#isStale = false;
    this.ref = ref;
    this.count = this.view.count;
    this.packedMax = packedCountMax;
    this.isEmptied = false;
    // Dead rows of others lie hidden under an absent key: only the entry knows what to do with
    // them.
    if (ref === 0 && db.hiddenCount > 0 && db.keys.find(hash, key, keyStart, keyLength) !== 0)
      this.view.form = forms.general;
    return true;
  }

  /** Ends the edit: the key is stored, and those who watch it are told if anything was written. */
  end(): void {
    const general = this.#general;
    const keyspace = this.#keyspace;
    if (general !== undefined) {
      this.#general = undefined;
      const key = this.#key.slice(this.#keyStart, this.#keyStart + this.#keyLength);
      if (this.count === 0) general.entry.settle(keyspace.self);
      this.isEmptied = this.count === 0;
      keyspace.storeEntry(this.#db, this.#hash, key, general.entry);
      this.ref = this.isEmptied ? 0 : this.#db.keys.find(this.#hash, key, 0, key.length);
    }
    if (this.#hasWritten) keyspace.didWrite(this.#db, this.#key, this.#keyStart, this.#keyLength);
    this.#key = emptyBytes;
    this.view.close();
  }

  /** Points the view at the record as it is now. */
  refresh(): void {
    if (!this.#isStale) return;
    this.#isStale = false;
    if (this.view.form === forms.packed) this.view.cursor.open(this.#keyspace.arena, this.ref);
  }

  /** Goes to an element of the collection as it is now (`view`). */
  find(bytes: Uint8Array, start: number, length: number): boolean {
    this.refresh();
    if (this.view.form !== forms.general) return this.view.find(bytes, start, length);
    const store = this.#general?.entry.slot(this.#slot) ?? this.view.store;
    if (store === undefined) return false;
    this.view.store = store;
    return this.view.find(bytes, start, length);
  }

  /**
   * Writes an element. True when it is new. With `isKept` an element that is there is left alone,
   * unless others must hear that it was written again (add-wins).
   */
  put(
    bytes: Uint8Array,
    start: number,
    length: number,
    value: Uint8Array,
    valueStart: number,
    valueLength: number,
    isKept: boolean,
  ): boolean {
    const { view } = this;
    this.refresh();
    if (view.form === forms.packed) {
      const isThere = view.cursor.find(bytes, start, length);
      if (isThere && isKept && this.#keyspace.capture === undefined) return false;
      return this.#putPacked(isThere, bytes, start, length, value, valueStart, valueLength);
    }
    if (view.form === forms.table)
      return this.#putTable(bytes, start, length, value, valueStart, valueLength, isKept);
    if (view.form === forms.none)
      return this.#create(bytes, start, length, value, valueStart, valueLength);
    return this.#putGeneral(bytes, start, length, value, valueStart, valueLength, isKept);
  }

  #willWrite(): void {
    if (this.#hasWritten) return;
    this.#hasWritten = true;
    this.#keyspace.willWrite(this.#db, this.ref, this.#key, this.#keyStart, this.#keyLength);
  }

  #create(
    bytes: Uint8Array,
    start: number,
    length: number,
    value: Uint8Array,
    valueStart: number,
    valueLength: number,
  ): boolean {
    this.#willWrite();
    this.count = 1;
    this.ref = createPacked(
      this.#keyspace,
      this.#db,
      this.#hash,
      packedKindOf(this.#slot),
      this.#key,
      this.#keyStart,
      this.#keyLength,
      bytes,
      start,
      length,
      value,
      valueStart,
      valueLength,
    );
    if (this.ref !== 0) {
      this.view.form = forms.packed;
      this.#isStale = true;
      return true;
    }
    const keyspace = this.#keyspace;
    const { batchTime, self } = keyspace;
    const table = new ElementTable(keyspace);
    const hash = hashBytes(bytes, start, length);
    table.put(hash, bytes, start, length, value, valueStart, valueLength, batchTime, self);
    this.#storeTable(table, undefined, 0);
    return true;
  }

  #putPacked(
    isThere: boolean,
    bytes: Uint8Array,
    start: number,
    length: number,
    value: Uint8Array,
    valueStart: number,
    valueLength: number,
  ): boolean {
    this.#willWrite();
    const fresh = putPacked(
      this.#keyspace,
      this.#db,
      this.#hash,
      this.ref,
      this.view.cursor,
      isThere,
      this.packedMax,
      bytes,
      start,
      length,
      value,
      valueStart,
      valueLength,
    );
    if (fresh === 0) {
      this.#toTable();
      return this.#putTable(bytes, start, length, value, valueStart, valueLength, false);
    }
    this.ref = fresh;
    this.#isStale = true;
    if (!isThere) this.count++;
    return !isThere;
  }

  #putTable(
    bytes: Uint8Array,
    start: number,
    length: number,
    value: Uint8Array,
    valueStart: number,
    valueLength: number,
    isKept: boolean,
  ): boolean {
    const table = this.view.table!;
    const keyspace = this.#keyspace;
    const hash = hashBytes(bytes, start, length);
    const old = table.find(hash, bytes, start, length);
    if (old !== 0 && isKept && keyspace.capture === undefined) return false;
    this.#noteElement(bytes, start, length);
    table.putOwn(hash, old, bytes, start, length, value, valueStart, valueLength);
    if (old === 0) this.count++;
    return old === 0;
  }

  /** Before an element of a table changes: somebody may have to know which one. */
  #noteElement(bytes: Uint8Array, start: number, length: number): void {
    const { capture, redo } = this.#keyspace;
    if (capture === undefined && redo === undefined) {
      this.#hasWritten = true;
      return;
    }
    this.#willWrite();
    const entry = this.#keyspace.entryOf(this.ref);
    if (entry.isTracked) entry.remember(this.#slot, latin1(bytes, start, start + length));
  }

  /**
   * Puts a table that belongs to nobody yet under the key, with the deadline of the packed record
   * `old`, if any.
   */
  #storeTable(table: ElementTable, old: Ref | undefined, flags: number): void {
    const keyspace = this.#keyspace;
    const { arena } = keyspace;
    const entry = new KeyEntry(keyspace.newStore);
    // What the batch changed of a key that was compact is found by comparing (capture.ts).
    entry.isTracked = false;
    entry.adopt(this.#slot, table);
    if (old !== undefined) restoreDeadline(keyspace, old, entry);
    const place = keyspace.putEntry(entry);
    const { objectKind } = record;
    const [key, start, length] = [this.#key, this.#keyStart, this.#keyLength];
    const ref = keyspace.createRecord(this.#db, objectKind, flags, key, start, length, place, 0);
    if (old === undefined) keyspace.attach(this.#db, this.#hash, ref);
    else {
      if ((flags & record.deadlineFlag) !== 0)
        record.setDeadline(arena, ref, record.deadlineOf(arena, old), 0, 0);
      keyspace.supersede(this.#db, this.#hash, old, ref);
    }
    this.ref = ref;
    this.view.form = forms.table;
    this.view.table = table;
  }

  /** From a packed record, whatever its size, to a table of the same elements, stamps and birth. */
  #toTable(): void {
    const keyspace = this.#keyspace;
    const { arena } = keyspace;
    const { ref } = this;
    const table = new ElementTable(keyspace);
    const bornTime = record.timeOf(arena, ref);
    const bornReplica = record.replicaOf(arena, ref);
    const cursor = this.view.cursor.open(arena, ref);
    while (cursor.next()) {
      const { bytes, elementStart, elementLength, valueStart } = cursor;
      table.write(
        hashBytes(bytes, elementStart, elementLength),
        0,
        bytes,
        elementStart,
        elementLength,
        bytes,
        valueStart,
        cursor.hasValues ? cursor.valueLength : 0,
        bornTime + cursor.delay,
        cursor.replica(bornReplica),
        bornTime,
        bornReplica,
      );
    }
    const flags = record.flagsOf(arena, ref) & (record.deadlineFlag | record.roomyFlag);
    this.#storeTable(table, ref, flags);
  }

  // ---- the general form

  #toGeneral(): General {
    if (this.#general !== undefined) return this.#general;
    const keyspace = this.#keyspace;
    const db = this.#db;
    const ref = db.keys.find(this.#hash, this.#key, this.#keyStart, this.#keyLength);
    if (!this.#hasWritten) {
      this.#hasWritten = true;
      keyspace.willWrite(db, ref, this.#key, this.#keyStart, this.#keyLength);
    }
    const entry = keyspace.entryOrEmpty(ref);
    const born = entry.prepare(keyspace.stamp, false, keyspace.replicas);
    this.#general = { entry, bornTime: born.time, bornReplica: born.replica };
    this.view.form = forms.general;
    this.view.store = entry.slot(this.#slot);
    return this.#general;
  }

  #putGeneral(
    bytes: Uint8Array,
    start: number,
    length: number,
    value: Uint8Array,
    valueStart: number,
    valueLength: number,
    isKept: boolean,
  ): boolean {
    const keyspace = this.#keyspace;
    const element = latin1(bytes, start, start + length);
    const isThere = this.view.store?.isVisible(element) === true;
    if (isThere && isKept && keyspace.capture === undefined) return false;
    const { entry, bornTime, bornReplica } = this.#toGeneral();
    const text = value.slice(valueStart, valueStart + valueLength);
    const born = { time: bornTime, replica: bornReplica };
    entry.assign(this.#slot, element, keyspace.stamp, born, text);
    this.view.store = entry.slot(this.#slot);
    if (!isThere) this.count++;
    return !isThere;
  }

  /** Adds to the counter rows of an element, for others to add theirs (merge-rules 6 to 8). */
  increment(bytes: Uint8Array, start: number, length: number, by: Decimal): void {
    const { entry, bornTime, bornReplica } = this.#toGeneral();
    const element = latin1(bytes, start, start + length);
    const isThere = this.view.store?.isVisible(element) === true;
    const born = { time: bornTime, replica: bornReplica };
    entry.increment(this.#slot, element, this.#keyspace.stamp, born, by);
    this.view.store = entry.slot(this.#slot);
    if (!isThere) this.count++;
  }

  // ---- removing

  /** Removes an element. False when it is not there. */
  remove(bytes: Uint8Array, start: number, length: number): boolean {
    const { view } = this;
    this.refresh();
    switch (view.form) {
      case forms.none:
        return false;
      case forms.packed:
        if (!view.cursor.find(bytes, start, length)) return false;
        this.removeAtCursor();
        return true;
      case forms.table: {
        const hash = hashBytes(bytes, start, length);
        const ref = view.table!.find(hash, bytes, start, length);
        if (ref === 0) return false;
        this.removeRecord(hash, ref);
        return true;
      }
      default:
        return this.#removeGeneral(latin1(bytes, start, start + length));
    }
  }

  /** Removes the element of a packed record that the view's cursor stands at. */
  removeAtCursor(): void {
    this.#willWrite();
    void this.#keyspace.batchTime; // A removal is an event of the batch like any other.
    this.count--;
    if (this.count === 0) {
      this.#removeKey();
      return;
    }
    const { cursor } = this.view;
    this.ref = removePacked(this.#keyspace, this.#db, this.#hash, this.ref, cursor);
    this.#isStale = true;
  }

  /** Removes an element of a table by its record. */
  removeRecord(hash: number, ref: Ref): void {
    const keyspace = this.#keyspace;
    void keyspace.batchTime;
    const { arena } = keyspace;
    const start = record.keyStartOf(arena, ref);
    this.#noteElement(record.bytesOf(arena, ref), start, record.keyLengthOf(arena, ref));
    this.view.table!.delete(hash, ref);
    this.count--;
    if (this.count === 0) this.#removeKey();
  }

  #removeGeneral(element: string): boolean {
    if (this.view.store?.isVisible(element) !== true) return false;
    const { entry } = this.#toGeneral();
    entry.clear(this.#slot, element, this.#keyspace.self);
    this.count--;
    return true;
  }

  #removeKey(): void {
    assert(this.ref !== 0, "an absent key was emptied");
    this.#keyspace.remove(this.#db, this.#hash, this.ref);
    this.#hasWritten = false; // The removal has told everybody.
    this.isEmptied = true;
    this.ref = 0;
    this.view.form = forms.none;
  }
}
