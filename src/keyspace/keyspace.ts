// The keyspace: databases of records in one arena, with the compact forms of strings and counters
// handled in place. A read or a write of a plain string allocates nothing.
//
// A key's entry has three forms: text, own counter (record.ts) and object. The compact ones are
// representations, not another kind of value: `entryOf` unfolds a record into a `KeyEntry`,
// `storeEntry` folds it again where it can, and both forms join, hash and travel alike. When other
// replicas exist, `capture` remembers each touched key as it stood before the open batch
// (batch.ts).
//
// Left out: what commands mean (src/commands), contexts and logs (shard.ts).

import type { ReplicaTable } from "../clock/replica-table.js";
import { HybridClock, type ReplicaIndex, type Stamp, type Time } from "../clock/stamp.js";
import { CellMap } from "../lattice/cell-map.js";
import type { ElementStore } from "../lattice/element-store.js";
import type { KeyEntry, Slot, StoreFactory } from "../lattice/key-entry.js";
import { AccessMarks } from "./access.js";
import { Arena, type Ref, slabOf, wordOf } from "./arena.js";
import { Sweep } from "./arena-sweep.js";
import type { Capture } from "./capture.js";
import { newCompactStore } from "./compact-stores.js";
import { Database } from "./database.js";
import { entryOfRecord, foldable } from "./entry-record.js";
import { ExpiryHeap } from "./expiry-heap.js";
import { hashWords } from "./hash.js";
import type { EventListener, ModifiedListener } from "./listeners.js";
import { type MovableElements, ObjectTable } from "./object-table.js";
import { slotOfPacked } from "./packed.js";
import * as record from "./record.js";
import type { RedoLog } from "./redo-log.js";
import { verifyKeyspace } from "./verify.js";

/** The place of an object whose record has been superseded by another one of the same object. */
const nowhere = -1;

export interface KeyspaceOptions {
  readonly replicas: ReplicaTable;
  /** This incarnation's name. */
  readonly self: string;
  /** Default 16, as in Redis. */
  readonly databaseCount?: number;
  /**
   * 8-byte units per slab of the arena; small where a process holds many keyspaces (tests,
   * simulation).
   */
  readonly slabCapacity?: number;
}

export type { EventListener, ModifiedListener };

export class Keyspace extends AccessMarks {
  readonly arena: Arena;
  readonly replicas: ReplicaTable;
  readonly self: ReplicaIndex;
  readonly clock = new HybridClock();
  readonly databases: Database[] = [];
  readonly expiry: ExpiryHeap;
  readonly entries = new ObjectTable<KeyEntry>();
  readonly externals = new ObjectTable<Uint8Array>();
  /** Element tables by number, so that compaction finds the index of an element. */
  readonly tables = new ObjectTable<MovableElements>();
  /** Unix milliseconds of this turn; the host says so through `beginTurn`. */
  nowMs = 0;
  /** Set while other replicas exist: what the open batch touched. */
  capture: Capture | undefined;
  /** Set while a log keeps what the open batch changed (redo-log.ts). */
  redo: RedoLog | undefined;
  /**
   * Whether a key past its deadline may be removed here, or is only hidden until its owner removes
   * it.
   */
  mayExpire = true;
  /**
   * Other nodes write here, too, and are joined. What needs one order of all writes (consumer
   * groups) is refused then.
   */
  isShared = false;
  /** Changes since the last save, as INFO counts them. */
  dirty = 0;
  hits = 0;
  misses = 0;
  expiredKeys = 0;
  externalBytes = 0;
  /** The open batch's stamp time, or 0. Others read it only; `batchTime` opens a batch. */
  openTime: Time = 0;

  #places = 0;

  constructor(options: KeyspaceOptions) {
    super();
    this.arena = new Arena(options.slabCapacity);
    const sweep = new Sweep(this.arena);
    this.arena.findRun = (units) => sweep.find(units);
    this.expiry = new ExpiryHeap(this.arena);
    this.replicas = options.replicas;
    this.self = options.replicas.indexOf(options.self);
    for (let index = 0; index < (options.databaseCount ?? 16); index++) {
      this.databases.push(new Database(index, this.arena));
    }
  }

  // ---- time and batches

  beginTurn(nowMs: number): void {
    this.nowMs = nowMs;
    this.beginAccess(nowMs);
  }

  /** The open batch's stamp time; opens a batch when none is open (merge-rules 3 and 4). */
  get batchTime(): Time {
    if (this.openTime === 0) this.openTime = this.clock.next(this.nowMs);
    return this.openTime;
  }

  get stamp(): Stamp {
    return { time: this.batchTime, replica: this.self };
  }

  /**
   * Writes the open batch's time into a record. A method, so that the number is never boxed on its
   * way.
   */
  writeBatchTime(ref: Ref): void {
    if (this.openTime === 0) this.openTime = this.clock.next(this.nowMs);
    this.arena.floats[slabOf(ref)]![(wordOf(ref) >> 1) + 2] = this.openTime;
  }

  get hasOpenBatch(): boolean {
    return this.openTime !== 0;
  }

  /**
   * The stamp time of the batch that closes now, or 0 when none was open. `BatchLog.close` calls
   * it.
   */
  endBatch(): Time {
    const time = this.openTime;
    this.openTime = 0;
    this.#places = 0;
    return time;
  }

  /**
   * A number of the open batch that it has not given out yet: with the stamp it names a list
   * element (merge-rules 18).
   */
  nextPlace(): number {
    return this.#places++;
  }

  // ---- finding

  /** The record under a key whatever its state, or 0. */
  findRecord(db: Database, hash: number, bytes: Uint8Array, start: number, length: number): Ref {
    return db.keys.find(hash, bytes, start, length);
  }

  /** The visible record under a key, or 0; a key past its deadline is removed or passed over. */
  find(db: Database, hash: number, bytes: Uint8Array, start: number, length: number): Ref {
    const ref = db.keys.find(hash, bytes, start, length);
    if (ref === 0) return 0;
    const word = this.arena.words[slabOf(ref)]![wordOf(ref)]!;
    if ((word & 0xff) === record.hiddenKind) return 0;
    if ((word & (record.deadlineFlag << 8)) !== 0 && this.isExpired(ref)) {
      if (this.mayExpire) this.expireRecord(db, hash, ref);
      return 0;
    }
    return ref;
  }

  /** `find` for a read: counts hits and misses and leaves an access mark. */
  findForRead(db: Database, hash: number, bytes: Uint8Array, start: number, length: number): Ref {
    const ref = this.find(db, hash, bytes, start, length);
    if (ref === 0) {
      this.misses++;
      if (this.onMissed !== undefined) this.onMissed(db.index, bytes.slice(start, start + length));
      return 0;
    }
    this.hits++;
    this.touch(ref);
    return ref;
  }

  /**
   * `find` for a write: a key past its deadline is removed first, whoever owns it (merge-rules 10).
   */
  findForWrite(db: Database, hash: number, bytes: Uint8Array, start: number, length: number): Ref {
    const ref = db.keys.find(hash, bytes, start, length);
    if (ref === 0) return 0;
    const word = this.arena.words[slabOf(ref)]![wordOf(ref)]!;
    if ((word & 0xff) === record.hiddenKind) return 0;
    if ((word & (record.deadlineFlag << 8)) !== 0 && this.isExpired(ref)) {
      this.expireRecord(db, hash, ref);
      return 0;
    }
    this.touch(ref);
    return ref;
  }

  isExpired(ref: Ref): boolean {
    const deadline = record.deadlineOf(this.arena, ref);
    return deadline !== 0 && deadline <= this.nowMs;
  }

  expireRecord(db: Database, hash: number, ref: Ref): void {
    this.expiredKeys++;
    if (this.onExpired !== undefined) this.onExpired(db.index, this.keyOf(ref));
    this.remove(db, hash, ref);
  }

  /** The database that records carry this number for. */
  databaseOfStore(store: number): Database {
    const usual = this.databases[store]!;
    return usual.store === store ? usual : this.databases.find((db) => db.store === store)!;
  }

  /** A copy of a record's key. */
  keyOf(ref: Ref): Uint8Array {
    const start = record.keyStartOf(this.arena, ref);
    return this.arena.bytes[slabOf(ref)]!.slice(start, start + record.keyLengthOf(this.arena, ref));
  }

  hashOf(ref: Ref): number {
    return hashWords(
      this.arena.data[slabOf(ref)]!,
      record.keyStartOf(this.arena, ref),
      record.keyLengthOf(this.arena, ref),
    );
  }

  // ---- before and after a write

  /**
   * Every write calls this before it changes or creates a record. `ref` 0 means that no reader sees
   * the key; what is hidden under it is remembered all the same.
   */
  willWrite(db: Database, ref: Ref, bytes: Uint8Array, start: number, length: number): void {
    this.redo?.touch(this, db, ref, bytes, start, length);
    this.capture?.touch(this, db, ref, bytes, start, length);
  }

  /**
   * `willWrite` for what leaves a text or a counter: its record goes to the log by `didWriteRecord`
   * while it is still in the processor's cache.
   */
  willWriteRecord(db: Database, ref: Ref, bytes: Uint8Array, start: number, length: number): void {
    if (this.capture !== undefined) this.capture.touch(this, db, ref, bytes, start, length);
  }

  /** Every write that began with `willWriteRecord` ends with this. */
  didWriteRecord(db: Database, ref: Ref, bytes: Uint8Array, start: number, length: number): void {
    if (this.redo !== undefined) this.redo.wrote(this, db.index, ref);
    this.didWrite(db, bytes, start, length);
  }

  /** Every write calls this after it changed, created or removed a key. */
  didWrite(db: Database, bytes: Uint8Array, start: number, length: number): void {
    this.dirty++;
    if (this.onModified !== undefined) {
      this.onModified(db.index, bytes.slice(start, start + length));
    }
  }

  // ---- records

  /**
   * A new record with its key copied in; header complete, value left to the caller. Not in any
   * index. Who stores what was not written by this batch passes `time`, so that no batch opens
   * (merge-rules 3).
   */
  createRecord(
    db: Database,
    kind: number,
    flags: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    valueLength: number,
    time: Time = this.batchTime,
  ): Ref {
    const ref = this.arena.allocate(record.unitsFor(kind, flags, length, valueLength));
    const words = this.arena.words[slabOf(ref)]!;
    const at = wordOf(ref);
    words[at] = kind | (flags << 8) | (this.self << 16);
    words[at + 1] = length;
    words[at + 2] = valueLength;
    words[at + 3] = (this.accessBirth << 8) | db.store;
    this.arena.floats[slabOf(ref)]![(at >> 1) + 2] = time;
    if ((flags & record.deadlineFlag) !== 0) record.setHeapPosition(this.arena, ref, -1);
    const keyStart = (at << 2) + record.prefixBytes(kind, flags);
    this.arena.put(slabOf(ref), keyStart, bytes, start, length);
    return ref;
  }

  /** Puts a new record into the index; its deadline, if any, into the heap. */
  attach(db: Database, hash: number, ref: Ref): void {
    db.keys.insert(hash, ref);
    this.noteAttached(db, ref);
    if (this.onCreated !== undefined && record.kindOf(this.arena, ref) !== record.hiddenKind)
      this.onCreated(db.index, this.keyOf(ref));
  }

  noteAttached(db: Database, ref: Ref): void {
    if (record.kindOf(this.arena, ref) === record.hiddenKind) db.hiddenCount++;
    if ((record.flagsOf(this.arena, ref) & record.deadlineFlag) === 0) return;
    const deadline = record.deadlineOf(this.arena, ref);
    if (deadline === Number.POSITIVE_INFINITY) return;
    db.expiringCount++;
    this.expiry.schedule(ref, deadline);
  }

  /** Undoes what `noteAttached` did. */
  noteDetached(db: Database, ref: Ref): void {
    if (record.kindOf(this.arena, ref) === record.hiddenKind) db.hiddenCount--;
    if ((record.flagsOf(this.arena, ref) & record.deadlineFlag) === 0) return;
    if (record.heapPositionOf(this.arena, ref) < 0) return;
    db.expiringCount--;
    this.expiry.cancel(ref);
  }

  /**
   * Takes a record's memory back, with what lies behind it. The index must not name it any more.
   */
  freeRecord(db: Database, ref: Ref): void {
    this.noteDetached(db, ref);
    const kind = record.kindOf(this.arena, ref);
    if (kind === record.objectKind || kind === record.hiddenKind) {
      const place = record.valueLengthOf(this.arena, ref);
      if (place !== nowhere) this.entries.remove(place).release();
    } else if ((record.flagsOf(this.arena, ref) & record.externalFlag) !== 0) {
      this.externalBytes -= this.externals.remove(record.externalPlaceOf(this.arena, ref)).length;
    }
    this.arena.free(ref, record.unitsOf(this.arena, ref));
  }

  /** Puts `fresh` where `old` stood, and frees `old`. */
  supersede(db: Database, hash: number, old: Ref, fresh: Ref): void {
    db.keys.replace(hash, old, fresh);
    record.setAccess(this.arena, fresh, record.accessOf(this.arena, old));
    this.freeRecord(db, old);
    this.noteAttached(db, fresh);
  }

  // ---- whole entries

  /**
   * The key's entry: the object itself for an object record, a fresh unfolding of a compact one.
   */
  entryOf(ref: Ref): KeyEntry {
    const kind = record.kindOf(this.arena, ref);
    if (kind === record.objectKind || kind === record.hiddenKind) {
      return this.entries.get(record.valueLengthOf(this.arena, ref));
    }
    return entryOfRecord(this, ref);
  }

  /**
   * Stores a key's entry in the most compact form that holds it, in place of what is there. A blank
   * entry removes the record. Does not tell `capture`: the caller has, or it is a join.
   */
  storeEntry(db: Database, hash: number, key: Uint8Array, entry: KeyEntry): void {
    const old = db.keys.find(hash, key, 0, key.length);
    const isStored = old !== 0 && this.#isObject(old) && this.entryOf(old) === entry;
    if (entry.isBlank) {
      if (old !== 0) this.drop(db, hash, old);
      if (!isStored) entry.release();
      return;
    }
    const compact = entry.hasDelta ? undefined : foldable(this, entry, key.length);
    const fresh =
      compact !== undefined ? compact.create(db, key) : this.#createObject(db, key, entry, old);
    if (fresh === old) return;
    if (compact !== undefined && old !== 0) this.#inheritRoomy(old, fresh);
    if (old === 0) this.attach(db, hash, fresh);
    else this.supersede(db, hash, old, fresh);
    // The object goes with its record; an entry that was none is not needed any more.
    if (compact !== undefined && !isStored) entry.release();
  }

  /** A collection that changes its form keeps the name of its encoding. */
  #inheritRoomy(old: Ref, fresh: Ref): void {
    const kind = record.kindOf(this.arena, fresh);
    if (!record.isPacked(kind) || !record.isRoomy(this.arena, old)) return;
    if (this.#isObject(old) || record.kindOf(this.arena, old) === kind)
      record.markRoomy(this.arena, fresh);
  }

  /** The object's record mirrors what every access asks: visibility and deadline. */
  #createObject(db: Database, key: Uint8Array, entry: KeyEntry, old: Ref): Ref {
    const visible = entry.visibleSlot(this.replicas);
    const deadline = visible === undefined ? undefined : entry.deadline(this.replicas);
    const kind = visible === undefined ? record.hiddenKind : record.objectKind;
    let flags = deadline === undefined ? 0 : record.deadlineFlag;
    if (old !== 0 && this.#isObject(old)) {
      const place = record.valueLengthOf(this.arena, old);
      if (this.entries.get(place) === entry) {
        entry.rehouse(this.compactStore);
        if (visible !== undefined) flags |= record.flagsOf(this.arena, old) & record.roomyFlag;
        const same =
          record.kindOf(this.arena, old) === kind && record.flagsOf(this.arena, old) === flags;
        if (same && (deadline ?? 0) === record.deadlineOf(this.arena, old)) return old;
        // The fresh record takes the place over.
        const ref = this.createRecord(db, kind, flags, key, 0, key.length, place, 0);
        this.arena.words[slabOf(old)]![wordOf(old) + 2] = nowhere;
        if (deadline !== undefined) record.setDeadline(this.arena, ref, deadline, 0, 0);
        return ref;
      }
    }
    entry.rehouse(this.compactStore);
    if (old !== 0 && visible !== undefined && this.#isPackedAs(old, visible))
      flags |= record.flagsOf(this.arena, old) & record.roomyFlag;
    const place = this.putEntry(entry);
    const ref = this.createRecord(db, kind, flags, key, 0, key.length, place, 0);
    if (deadline !== undefined) record.setDeadline(this.arena, ref, deadline, 0, 0);
    return ref;
  }

  /** A place for an entry that no record had before. */
  putEntry(entry: KeyEntry): number {
    if (this.redo !== undefined) entry.wantWhole();
    return this.entries.put(entry);
  }

  #isPackedAs(ref: Ref, slot: Slot): boolean {
    const kind = record.kindOf(this.arena, ref);
    return record.isPacked(kind) && slotOfPacked(kind) === slot;
  }

  #isObject(ref: Ref): boolean {
    const kind = record.kindOf(this.arena, ref);
    return kind === record.objectKind || kind === record.hiddenKind;
  }

  /** Takes a record out of the index and frees it. */
  drop(db: Database, hash: number, ref: Ref): void {
    db.keys.remove(hash, ref);
    this.freeRecord(db, ref);
  }

  /**
   * Changes a key's entry as part of the open batch: unfolds it, lets `edit` work on it, stores it
   * again. The key may be absent. `hasExpired` keys were removed by `findForWrite` before.
   */
  edit(db: Database, hash: number, key: Uint8Array, edit: (entry: KeyEntry) => void): void {
    const ref = db.keys.find(hash, key, 0, key.length);
    this.willWrite(db, ref, key, 0, key.length);
    const entry = this.entryOrEmpty(ref);
    edit(entry);
    this.storeEntry(db, hash, key, entry);
    this.didWrite(db, key, 0, key.length);
  }

  /**
   * The store behind a slot of an entry that this keyspace owns: compact where the type has such a
   * form.
   */
  readonly newStore: StoreFactory = (slot) => this.compactStore(slot) ?? new CellMap();

  /** The compact store of a slot, for the types that have one. */
  readonly compactStore = (slot: Slot): ElementStore | undefined => newCompactStore(this, slot);

  /** The entry under a record; for ref 0 a new one. */
  entryOrEmpty(ref: Ref): KeyEntry {
    return ref === 0 ? entryOfRecord(this, 0) : this.entryOf(ref);
  }

  /**
   * Removes a key: everything seen under it. Rows of other replicas stay behind, dead and hidden.
   */
  remove(db: Database, hash: number, ref: Ref): void {
    const isWatched =
      this.capture !== undefined || this.onModified !== undefined || this.redo !== undefined;
    const key = isWatched || this.#isObject(ref) ? this.keyOf(ref) : undefined;
    void this.batchTime; // A removal is an event of the batch like any other.
    if (key !== undefined) this.willWrite(db, ref, key, 0, key.length);
    if (this.#isObject(ref)) {
      const entry = this.entryOf(ref);
      entry.clearAll(this.self);
      this.storeEntry(db, hash, key!, entry);
    } else {
      this.drop(db, hash, ref);
    }
    this.dirty++;
    if (key !== undefined && this.onModified !== undefined) this.onModified(db.index, key);
  }

  /** Checks every structure against every other. For tests and DEBUG: it visits each key. */
  verifyInvariants(): void {
    verifyKeyspace(this);
  }
}
