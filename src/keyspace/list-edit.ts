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
import * as record from "./record.js";

/** The list under a visible record; undefined when the record holds another type. */
export function listUnder(keyspace: Keyspace, ref: Ref): ListStore | undefined {
  if (record.kindOf(keyspace.arena, ref) !== record.objectKind) return undefined;
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
  #entry!: KeyEntry;
  #changes = 0;
  store!: ListStore;

  /**
   * Begins to write the list under the visible record `ref`, or to make one for 0. The bytes of the
   * key must stay as they are until the end. Nothing may be written before `begin` that the batch
   * should tell of.
   */
  begin(
    keyspace: Keyspace,
    db: Database,
    hash: number,
    key: Uint8Array,
    keyStart: number,
    keyLength: number,
    ref: Ref,
  ): void {
    this.#keyspace = keyspace;
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
    this.#entry = keyspace.entryOrEmpty(this.#ref);
    const sole = ref === 0 ? undefined : this.#entry.sole(slots.list);
    if (sole !== undefined) {
      this.store = sole as ListStore;
      this.store.settleBirth();
      this.#born = undefined;
      return;
    }
    this.#born = this.#entry.prepare(keyspace.stamp, false, keyspace.replicas);
    if (this.#entry.slot(slots.list) === undefined)
      this.#entry.adopt(slots.list, new ListStore(keyspace));
    this.store = this.#entry.slot(slots.list) as ListStore;
  }

  /** Set when the entry must be stored again at the end: the birth that new elements carry. */
  #born: Stamp | undefined;

  push(isFront: boolean, value: Uint8Array, start: number, length: number): void {
    this.#changes++;
    const { store } = this;
    const born = this.#born;
    const bornTime = born === undefined ? store.bornTime : born.time;
    const bornReplica = born === undefined ? store.bornReplica : born.replica;
    store.push(this.#entry, isFront, value, start, length, bornTime, bornReplica);
  }

  /** Removes the element where the store stands. */
  remove(): void {
    this.#changes++;
    this.store.remove(this.#entry);
  }

  /** Writes over the element at an index. */
  set(index: number, value: Bytes): void {
    this.store.seek(index);
    this.#assign(this.store.position, value);
  }

  /** Puts an element before the one at an index, which may be the list's length. */
  insert(index: number, value: Bytes): void {
    const { store } = this;
    const keyspace = this.#keyspace;
    const positionAt = (at: number): string | undefined => {
      if (at < 0 || at >= store.visibleCount) return undefined;
      store.seek(at);
      return store.position;
    };
    const [left, right] = [positionAt(index - 1), positionAt(index)];
    const { stamp, replicas } = keyspace;
    this.#assign(positionBetween(left, right, stamp, keyspace.nextPlace(), replicas), value);
  }

  #assign(position: string, value: Bytes): void {
    this.#changes++;
    const keyspace = this.#keyspace;
    const born = this.#born ?? this.store.birth(keyspace.replicas)!;
    if (keyspace.capture !== undefined) this.#entry.remember(slots.list, position);
    this.store.assign(position, keyspace.stamp, born, value);
  }

  /** Ends the write. Answers whether the key is gone because its last element was removed. */
  end(): boolean {
    const keyspace = this.#keyspace;
    const isEmptied = this.store.visibleCount === 0;
    const start = this.#keyStart;
    keyspace.dirty += this.#changes - 1;
    if (this.#born !== undefined) {
      const key = this.#key.subarray(start, start + this.#keyLength);
      if (isEmptied) this.#entry.clearAll(keyspace.self);
      keyspace.storeEntry(this.#db, this.#hash, key, this.#entry);
    } else if (isEmptied) {
      keyspace.dirty--;
      keyspace.remove(this.#db, this.#hash, this.#ref);
      return true;
    }
    keyspace.didWrite(this.#db, this.#key, start, this.#keyLength);
    return isEmptied;
  }
}
