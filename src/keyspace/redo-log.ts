// What the open batch changed, for a log on this node's own disk: states, not deltas. A node alone
// has nobody to tell what a write removed, so the log need not know how a key was before; at the
// close of the batch each changed key is written as it is then (redo-codec.ts), and replay puts it
// back. Of a large collection only the changed elements are written.
//
// Replaying such records in order, onto any state between the one before the first and the one
// after the last, ends in the state after the last: each record replaces what it names. That is why
// a checkpoint may be written while commands run (design.md section 7).
//
// Texts and counters, the most common writes, are written to the log at once: their record lies in
// the processor's cache then, and need not be found again. Either way a write of a string allocates
// nothing. What a batch may gather is bounded by what one turn of the loop can run.
//
// Left out: replicas with peers, which log the batches they exchange (src/node/journal.ts).

import { type Bytes, ByteWriter, copyBytes } from "../base/bytes.js";
import type { Ref } from "./arena.js";
import type { Database } from "./database.js";
import { hashBytes } from "./hash.js";
import type { Keyspace } from "./keyspace.js";
import * as record from "./record.js";
import { encodeChangedElements, encodeKey, encodeRemoved, redoOps } from "./redo-codec.js";

/** Buffers are given back to the system when a batch has made them larger than this. */
const keptBytes = 1024 * 1024;

export class RedoLog {
  /** Keys as they were touched, with repetitions: bytes one behind the other ... */
  readonly #keys = new ByteWriter(4096);
  /** ... and for each its start, its length and its database. */
  #places = new Int32Array(3 * 256);
  #count = 0;
  readonly #body = new ByteWriter(16 * 1024);
  /** Records that the close of this batch has written already. */
  readonly #written = new Set<Ref>();
  /** Called when databases change places, which no replay onto a later state survives. */
  onSwap: (() => void) | undefined;

  get isEmpty(): boolean {
    return this.#count === 0 && this.#body.length === 0;
  }

  /** Called before each write to a key. `ref` 0: no reader sees it. */
  touch(
    keyspace: Keyspace,
    db: Database,
    ref: Ref,
    bytes: Uint8Array,
    start: number,
    length: number,
  ): void {
    const there =
      ref === 0 && db.hiddenCount > 0
        ? db.keys.find(hashBytes(bytes, start, length), bytes, start, length)
        : ref;
    if (there !== 0) {
      const kind = record.kindOf(keyspace.arena, there);
      if (kind === record.objectKind || kind === record.hiddenKind)
        keyspace.entryOf(there).wantElements();
    }
    const at = this.#count * 3;
    if (at === this.#places.length) {
      const grown = new Int32Array(at * 2);
      grown.set(this.#places);
      this.#places = grown;
    }
    const keys = this.#keys;
    const into = keys.length;
    copyBytes(keys.room(length), into, bytes, start, length);
    keys.length = into + length;
    this.#places[at] = into;
    this.#places[at + 1] = length;
    this.#places[at + 2] = db.index;
    this.#count++;
  }

  /**
   * Called after a write that left a compact record. What `touch` was told of is written later, as
   * it is then, so it does no harm that both may name the same key.
   */
  wrote(keyspace: Keyspace, database: number, ref: Ref): void {
    encodeKey(this.#body, keyspace, database, ref);
  }

  /** Called before databases are emptied as a whole. */
  willFlush(keyspace: Keyspace, databases: readonly Database[]): void {
    this.#encodeTouched(keyspace);
    for (const { index } of databases) this.#body.u8(redoOps.flushed).u8(index);
  }

  /** Called before two databases exchange their contents. */
  willSwap(keyspace: Keyspace, a: Database, b: Database): void {
    this.#encodeTouched(keyspace);
    this.#body.u8(redoOps.swapped).u8(a.index).u8(b.index);
    this.onSwap?.();
  }

  /** Closes the batch: what it changed, as bytes that are valid until the next write. */
  take(keyspace: Keyspace): Bytes {
    this.#encodeTouched(keyspace);
    return this.#body.view();
  }

  /** Forgets what `take` has answered. */
  clear(): void {
    this.#body.clear(keptBytes);
  }

  #encodeTouched(keyspace: Keyspace): void {
    const keys = this.#keys.view();
    for (let i = 0; i < this.#count; i++) {
      const start = this.#places[i * 3]!;
      const length = this.#places[i * 3 + 1]!;
      this.#encodeKey(keyspace, this.#places[i * 3 + 2]!, keys, start, length);
    }
    if (this.#count * 3 > keptBytes) this.#places = new Int32Array(3 * 256);
    this.#count = 0;
    this.#keys.clear(keptBytes);
    if (this.#written.size > 0) this.#written.clear();
  }

  #encodeKey(
    keyspace: Keyspace,
    database: number,
    keys: Bytes,
    start: number,
    length: number,
  ): void {
    const db = keyspace.databases[database]!;
    const hash = hashBytes(keys, start, length);
    const ref = db.keys.find(hash, keys, start, length);
    if (ref === 0) {
      encodeRemoved(this.#body, database, keys, start, length);
      return;
    }
    if (this.#written.has(ref)) return;
    this.#written.add(ref);
    const kind = record.kindOf(keyspace.arena, ref);
    if (kind !== record.objectKind && kind !== record.hiddenKind) {
      encodeKey(this.#body, keyspace, database, ref);
      return;
    }
    const entry = keyspace.entryOf(ref);
    const isWhole = entry.logged !== "elements";
    const changed = entry.takeChanged();
    if (isWhole) encodeKey(this.#body, keyspace, database, ref);
    else {
      const key = keys.slice(start, start + length);
      encodeChangedElements(this.#body, database, key, entry, changed);
      // It was an object at least because its changes were kept; fold it where that is possible.
      keyspace.storeEntry(db, hash, key, entry);
    }
  }
}
