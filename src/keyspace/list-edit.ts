// Reading and writing the list under a key. A write is begun, done through the store's methods at
// the place it stands at, and ended: the key is told of, or goes with all that was seen under it
// when its last element went. What the store cannot take by itself (a key that is not there yet, a
// type clash) goes through the key's entry.

import type { Bytes } from "../base/bytes.js";
import type { Stamp } from "../clock/stamp.js";
import { type KeyEntry, slots } from "../lattice/key-entry.js";
import { positionBetween } from "../lattice/list-position.js";
import type { Ref } from "./arena.js";
import type { Database } from "./database.js";
import type { Keyspace } from "./keyspace.js";
import { ListStore } from "./list-store.js";
import { packedCountOf } from "./packed.js";
import { type ListView, PackedList, pushPacked, removePackedElement } from "./packed-list.js";
import * as record from "./record.js";

const packed = new PackedList();

/** The list under a visible record; undefined when the record holds another type. */
export function listUnder(keyspace: Keyspace, ref: Ref): ListView | undefined {
  const kind = record.kindOf(keyspace.arena, ref);
  if (kind === record.packedListKind) return packed.open(keyspace.arena, ref);
  if (kind !== record.objectKind) return undefined;
  const entry = keyspace.entryOf(ref);
  const sole = entry.sole(slots.list);
  if (sole !== undefined) return sole instanceof ListStore && !sole.isBlank ? sole : undefined;
  if (entry.visibleSlot(keyspace.replicas) !== slots.list) return undefined;
  return entry.slot(slots.list) as ListStore;
}

export class ListEdit {
  #keyspace!: Keyspace;
  #db!: Database;
  #hash = 0;
  #key!: Uint8Array;
  #keyStart = 0;
  #keyLength = 0;
  #ref: Ref = 0;
  /** Undefined while the list is packed, or not there yet. */
  #entry: KeyEntry | undefined;
  #store: ListStore | undefined;
  /** Set when the entry must be stored again at the end: the birth that new elements carry. */
  #born: Stamp | undefined;
  #changes = 0;

  /**
   * Begins to write the list under the visible record `ref`, or to make one for 0. False when the
   * record holds another type: nothing has been begun then. The bytes of the key must stay as they
   * are until the end. A view of the list stays where it stands.
   */
  begin(
    keyspace: Keyspace,
    db: Database,
    hash: number,
    key: Uint8Array,
    keyStart: number,
    keyLength: number,
    ref: Ref,
  ): boolean {
    this.#keyspace = keyspace;
    this.#entry = undefined;
    this.#store = undefined;
    this.#born = undefined;
    if (ref !== 0 && !this.#admits(ref)) return false;
    this.#db = db;
    this.#hash = hash;
    this.#key = key;
    this.#keyStart = keyStart;
    this.#keyLength = keyLength;
    this.#changes = 0;
    void keyspace.batchTime; // A removal is an event of the batch like any other.
    // A record that is hidden from readers is written as well.
    this.#ref = ref !== 0 ? ref : db.keys.find(hash, key, keyStart, keyLength);
    keyspace.willWrite(db, this.#ref, key, keyStart, keyLength);
    if (this.#ref !== 0) this.#settle();
    return true;
  }

  #settle(): void {
    if (this.#store !== undefined) this.#store.settleBirth();
    else if (record.kindOf(this.#keyspace.arena, this.#ref) !== record.packedListKind) this.#open();
  }

  /** Whether a visible record holds a list; one that is alone under its key is taken as it is. */
  #admits(ref: Ref): boolean {
    const keyspace = this.#keyspace;
    const kind = record.kindOf(keyspace.arena, ref);
    if (kind !== record.objectKind) return kind === record.packedListKind;
    const entry = keyspace.entryOf(ref);
    const sole = entry.sole(slots.list);
    if (sole === undefined) return entry.visibleSlot(keyspace.replicas) === slots.list;
    if (!(sole instanceof ListStore) || sole.isBlank) return false;
    this.#entry = entry;
    this.#store = sole;
    return true;
  }

  /** The list as part of its key's entry: it is packed, hidden, or in a clash of types. */
  #open(): void {
    const keyspace = this.#keyspace;
    const entry = keyspace.entryOrEmpty(this.#ref);
    this.#entry = entry;
    this.#born = entry.prepare(keyspace.stamp, false, keyspace.replicas);
    if (entry.slot(slots.list) === undefined) entry.adopt(slots.list, new ListStore(keyspace));
    this.#store = entry.slot(slots.list) as ListStore;
  }

  /**
   * The list as an object, for what a packed one cannot hold. It is folded again at the end if it
   * can.
   */
  #unpacked(): ListStore {
    if (this.#store === undefined) this.#open();
    return this.#store!;
  }

  /** The list as it stands, for reading; stale after the next change. */
  get view(): ListView {
    return this.#store ?? packed;
  }

  get visibleCount(): number {
    if (this.#store !== undefined) return this.#store.visibleCount;
    return this.#ref === 0 ? 0 : packedCountOf(this.#keyspace.arena, this.#ref);
  }

  push(isFront: boolean, value: Uint8Array, start: number, length: number): void {
    this.#changes++;
    if (this.#store === undefined && this.#pushPacked(isFront, value, start, length)) return;
    const store = this.#unpacked();
    const born = this.#born;
    const bornTime = born === undefined ? store.bornTime : born.time;
    const bornReplica = born === undefined ? store.bornReplica : born.replica;
    store.push(this.#entry!, isFront, value, start, length, bornTime, bornReplica);
  }

  #pushPacked(isFront: boolean, value: Uint8Array, start: number, length: number): boolean {
    const fresh = pushPacked(
      this.#keyspace,
      this.#db,
      this.#hash,
      this.#key,
      this.#keyStart,
      this.#keyLength,
      this.#ref,
      this.visibleCount,
      isFront,
      value,
      start,
      length,
    );
    if (fresh === 0) return false;
    this.#ref = fresh;
    return true;
  }

  /** Removes the element where the list's view stands, and stands at the one behind it. */
  remove(): void {
    this.#changes++;
    if (this.#store !== undefined) {
      this.#store.remove(this.#entry!);
      return;
    }
    const { index } = packed;
    const keyspace = this.#keyspace;
    this.#ref = removePackedElement(keyspace, this.#db, this.#hash, this.#ref, packed);
    packed.open(keyspace.arena, this.#ref).seek(index);
  }

  /** Writes over the element at an index. */
  set(index: number, value: Bytes): void {
    const store = this.#unpacked();
    store.seek(index);
    this.#assign(store, store.position, value);
  }

  /** Puts an element before the one at an index, which may be the list's length. */
  insert(index: number, value: Bytes): void {
    const store = this.#unpacked();
    const keyspace = this.#keyspace;
    const positionAt = (at: number): string | undefined => {
      if (at < 0 || at >= store.visibleCount) return undefined;
      store.seek(at);
      return store.position;
    };
    const [left, right] = [positionAt(index - 1), positionAt(index)];
    const { stamp, replicas } = keyspace;
    const position = positionBetween(left, right, stamp, keyspace.nextPlace(), replicas);
    this.#assign(store, position, value);
  }

  #assign(store: ListStore, position: string, value: Bytes): void {
    this.#changes++;
    const keyspace = this.#keyspace;
    const born = this.#born ?? store.birth(keyspace.replicas)!;
    this.#entry!.remember(slots.list, position);
    store.assign(position, keyspace.stamp, born, value);
  }

  /** Ends the write. Answers whether the key is gone because its last element was removed. */
  end(): boolean {
    const keyspace = this.#keyspace;
    const isEmptied = this.visibleCount === 0;
    const start = this.#keyStart;
    keyspace.dirty += this.#changes - 1;
    if (this.#born !== undefined) {
      const key = this.#key.subarray(start, start + this.#keyLength);
      if (isEmptied) this.#entry!.clearAll(keyspace.self);
      keyspace.storeEntry(this.#db, this.#hash, key, this.#entry!);
    } else if (isEmptied) {
      keyspace.dirty--;
      keyspace.remove(this.#db, this.#hash, this.#ref);
      return true;
    }
    keyspace.didWrite(this.#db, this.#key, start, this.#keyLength);
    return isEmptied;
  }
}
