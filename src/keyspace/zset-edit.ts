// Writing a sorted set as part of the open batch, whatever its form: a packed record is edited in
// place and an element table through its records; what neither holds (a key that is not there yet,
// a type clash, concurrent writers, the step from one form to the other) goes through the key's
// entry. Every way keeps the rules of writes: the birth that new members carry, what `capture` must
// remember, the emptied key that goes with all that was seen under it.
//
// One edit serves a command: open, then for each member `seek` and one of `put`, `increment`,
// `remove`; then close. Nothing is allocated on the common ways.

import { type Bytes, copyBytes, latin1 } from "../base/bytes.js";
import { winner } from "../lattice/cell.js";
import { type Decimal, subtract } from "../lattice/decimal.js";
import { decimalOfDouble } from "../lattice/double.js";
import { type KeyEntry, slots } from "../lattice/key-entry.js";
import { blockUnitsMax, type Ref, slabOf } from "./arena.js";
import type { Database } from "./database.js";
import { hashBytes } from "./hash.js";
import type { Keyspace } from "./keyspace.js";
import { lengthBytes, packedCountOf, setPackedCount, stampBytes, writeStamp } from "./packed.js";
import { createPacked, splice, writeParts } from "./packed-edit.js";
import { PackedZset, packedZsetBytesMax, packedZsetMax } from "./packed-zset.js";
import * as record from "./record.js";
import { visibleTable } from "./zset-forms.js";
import {
  copyScore,
  packScore,
  scoreBytes,
  scoreLength,
  scoreOfBytes,
  scoreScratch,
} from "./zset-score.js";
import { exactScore, plainLengthMax, type ZsetTable } from "./zset-table.js";
import type { ZsetView } from "./zset-view.js";

const noBytes = new Uint8Array(0);
/** A copy of a member that is about to go. */
const here = new Uint8Array(256);

export class ZsetEdit {
  #keyspace!: Keyspace;
  #db!: Database;
  #hash = 0;
  #key: Bytes = noBytes;
  #keyStart = 0;
  #keyLength = 0;
  /** The visible record, 0 while there is none. */
  ref: Ref = 0;
  /** The form under `ref`: a table, or the packed record when it is undefined. */
  #table: ZsetTable | undefined;
  readonly #packed = new PackedZset();
  #isPackedStale = false;
  #changes = 0;
  // The member sought.
  #member: Bytes = noBytes;
  #start = 0;
  #length = 0;
  /** Whether `seek` found the member, and its score. */
  isFound = false;
  score = 0;

  /**
   * Begins with the key's visible record, or 0. False when it holds another type. The bytes of the
   * key, and of members, must stay as they are until the edit is closed, and must not lie in the
   * arena.
   */
  open(
    keyspace: Keyspace,
    db: Database,
    hash: number,
    key: Bytes,
    start: number,
    length: number,
    ref: Ref,
  ): boolean {
    this.#keyspace = keyspace;
    this.#db = db;
    this.#hash = hash;
    this.#key = key;
    this.#keyStart = start;
    this.#keyLength = length;
    this.#changes = 0;
    return this.#settleOn(ref);
  }

  #settleOn(ref: Ref): boolean {
    this.ref = ref;
    this.#table = undefined;
    if (ref === 0) return true;
    const kind = record.kindOf(this.#keyspace.arena, ref);
    this.#isPackedStale = true;
    if (kind === record.packedZsetKind) return true;
    if (kind !== record.objectKind) return false;
    this.#table = visibleTable(this.#keyspace, ref);
    return this.#table !== undefined;
  }

  /** Members that a reader sees. */
  get visibleCount(): number {
    if (this.ref === 0) return 0;
    return this.#table?.visibleCount ?? packedCountOf(this.#keyspace.arena, this.ref);
  }

  #open(): PackedZset {
    if (this.#isPackedStale) this.#packed.open(this.#keyspace.arena, this.ref);
    this.#isPackedStale = false;
    return this.#packed;
  }

  /** Looks for a member: `isFound`, and `score` if it is there. */
  seek(member: Bytes, start: number, length: number): void {
    this.#member = member;
    this.#start = start;
    this.#length = length;
    this.isFound = false;
    if (this.ref === 0) return;
    const view = this.#table ?? this.#open();
    this.isFound = view.seekMember(member, start, length);
    if (this.isFound) this.score = view.score;
  }

  /** Gives the member sought a score: ZADD. */
  put(score: number): void {
    this.#willWrite();
    if (this.#table === undefined ? this.#putPacked(score) : this.#putInTable(score)) return;
    const value = copyScore(score);
    this.#editEntry((entry, member) => {
      const { stamp, replicas } = this.#keyspace;
      const born = entry.prepare(stamp, false, replicas);
      entry.assign(slots.zset, member, stamp, born, value);
    });
  }

  /**
   * Adds to the score of the member sought: ZINCRBY. `sum` is what readers see afterwards. What
   * nobody else has seen may be netted, so a node alone writes the sum; else the exact difference
   * joins the increments of other nodes. An infinite sum has no difference to anything and is
   * written as ZADD would.
   */
  increment(by: number, sum: number): void {
    if (this.#keyspace.capture === undefined || !Number.isFinite(sum)) {
      this.put(sum);
      return;
    }
    this.#willWrite();
    this.#editEntry((entry, member) => {
      const { stamp, replicas } = this.#keyspace;
      const born = entry.prepare(stamp, false, replicas);
      entry.increment(slots.zset, member, stamp, born, this.#difference(entry, member, by, sum));
    });
  }

  /** What must be added so that readers see `sum` to the last bit, however the score came about. */
  #difference(entry: KeyEntry, member: string, by: number, sum: number): Decimal {
    const cell = entry.cell(slots.zset, member);
    if (cell === undefined) return decimalOfDouble(by);
    const base = winner(cell, this.#keyspace.replicas);
    const start = base?.value.length === scoreLength ? scoreOfBytes(base.value) : 0;
    if (!Number.isFinite(start)) return decimalOfDouble(by);
    return subtract(decimalOfDouble(sum), exactScore(start, cell));
  }

  /** Removes the member sought, which must have been found. */
  remove(): void {
    this.#willWrite();
    void this.#keyspace.batchTime; // A removal is an event of the batch like any other.
    if (this.#table === undefined ? this.#removePacked() : this.#removeFromTable()) return;
    this.#editEntry((entry, member) => {
      entry.prepare(this.#keyspace.stamp, false, this.#keyspace.replicas);
      entry.clear(slots.zset, member, this.#keyspace.self);
      entry.settle(this.#keyspace.self);
    });
  }

  /** Goes to the lowest or the highest member. The view is valid until the next write. */
  goToEnd(isMax: boolean): ZsetView {
    const view = this.#table ?? this.#open();
    view.seek(isMax ? view.visibleCount - 1 : 0);
    return view;
  }

  /** Removes the member that `goToEnd` came to. */
  removeHere(): void {
    const table = this.#table;
    if (table !== undefined && this.#isOnlyRecords(table)) {
      this.#removeRecord(table);
      return;
    }
    const { bytes, start, length } = this.#table ?? this.#open();
    const member = length <= here.length ? here : new Uint8Array(length);
    // The member lies in the very record that goes.
    copyBytes(member, 0, bytes, start, length);
    this.#member = member;
    this.#start = 0;
    this.#length = length;
    this.isFound = true;
    if (this.#table !== undefined) this.#table.foundHash = hashBytes(member, 0, length);
    this.remove();
  }

  /** Removes `count` members from a rank on. */
  removeRange(rank: number, count: number): void {
    const table = this.#table;
    if (table !== undefined && this.#isOnlyRecords(table)) {
      this.#removeRecords(table, rank, count);
      return;
    }
    for (let left = count; left > 0; left--) {
      const view = this.#table ?? this.#open();
      view.seek(rank);
      this.removeHere();
    }
  }

  /** Whether the table is the key's only slot and every member in it is simple. */
  #isOnlyRecords(table: ZsetTable): boolean {
    return table.isSimple && this.#keyspace.entryOf(this.ref).sole(slots.zset) === table;
  }

  /** Removes the member that a table of simple ones stands at. */
  #removeRecord(table: ZsetTable): void {
    this.#willWrite();
    void this.#keyspace.batchTime;
    this.#rememberRecord(this.#keyspace.entryOf(this.ref), table.ref);
    table.removeHere();
  }

  #removeRecords(table: ZsetTable, rank: number, count: number): void {
    const keyspace = this.#keyspace;
    this.#willWrite();
    this.#changes += count - 1;
    void keyspace.batchTime;
    const entry = keyspace.entryOf(this.ref);
    table.removeRange(rank, count, (ref) => this.#rememberRecord(entry, ref));
  }

  #rememberRecord(entry: KeyEntry, ref: Ref): void {
    if (entry.isTracked) entry.remember(slots.zset, latin1(this.#keyspace.keyOf(ref)));
  }

  /** Ends the edit. Answers whether the key is gone because its last member was removed. */
  close(): boolean {
    if (this.#changes === 0) return false;
    const keyspace = this.#keyspace;
    keyspace.dirty += this.#changes - 1;
    const isEmptied = this.visibleCount === 0;
    if (!isEmptied) keyspace.didWrite(this.#db, this.#key, this.#keyStart, this.#keyLength);
    else if (this.ref !== 0) keyspace.remove(this.#db, this.#hash, this.ref);
    this.#table = undefined;
    return isEmptied;
  }

  #willWrite(): void {
    if (this.#changes++ > 0) return;
    const { ref } = this;
    this.#keyspace.willWrite(this.#db, ref, this.#key, this.#keyStart, this.#keyLength);
  }

  // ---- element tables

  #putInTable(score: number): boolean {
    const table = this.#table!;
    if (!this.#isPlain(table)) return false;
    if (this.isFound && table.hasOneBirth) {
      table.rescore(score);
      return true;
    }
    table.settleBirth();
    const { batchTime, self } = this.#keyspace;
    table.write(
      table.foundHash,
      this.isFound ? table.ref : 0,
      this.#member,
      this.#start,
      this.#length,
      scoreBytes(score),
      0,
      scoreLength,
      batchTime,
      self,
      table.bornTime,
      table.bornReplica,
    );
    return true;
  }

  #removeFromTable(): boolean {
    const table = this.#table!;
    if (!this.#isPlain(table)) return false;
    table.delete(table.foundHash, table.ref);
    return true;
  }

  /**
   * Whether the table may be changed without its entry: it is the key's only slot, it is not empty
   * (then a birth is chosen), and no cell stands behind the member. What the batch must remember of
   * the member is remembered.
   */
  #isPlain(table: ZsetTable): boolean {
    const entry = this.#keyspace.entryOf(this.ref);
    if (table.visibleCount === 0 || entry.sole(slots.zset) !== table) return false;
    if (table.isSimple && !entry.isTracked) return this.#length <= plainLengthMax;
    const member = latin1(this.#member, this.#start, this.#start + this.#length);
    if (!table.isPlain(member)) return false;
    entry.remember(slots.zset, member);
    return true;
  }

  // ---- packed records

  #putPacked(score: number): boolean {
    if (this.ref === 0) return this.#create(score);
    const { arena } = this.#keyspace;
    const packed = this.#open();
    const count = packed.visibleCount;
    if (!this.isFound && count >= packedZsetMax) return false;
    const delay = this.#keyspace.batchTime - record.timeOf(arena, this.ref);
    const isOthers = record.replicaOf(arena, this.ref) !== this.#keyspace.self;
    const added = stampBytes(delay, isOthers) + this.#partBytes(packScore(score));
    const held = this.isFound ? packed.rank : count;
    const removed = this.isFound ? packed.entryStarts[held + 1]! - packed.entryStarts[held]! : 0;
    const size = record.valueLengthOf(arena, this.ref) + added - removed;
    if (!this.#fits(record.flagsOf(arena, this.ref), size)) return false;
    const rank = packed.rankOfPair(score, this.#member, this.#start, this.#length, false);
    const target = packed.entryStarts[rank]! - packed.payloadStart;
    const source = packed.entryStarts[held]! - packed.payloadStart;
    let offset = target;
    if (!this.isFound) this.#splice(target, 0, added);
    else {
      this.#splice(source, removed, added);
      offset = rank > held ? target - removed : target;
      this.#moveGap(source, offset, added);
    }
    this.#writeEntry(offset, delay, isOthers, score);
    if (!this.isFound) setPackedCount(arena, this.ref, count + 1);
    this.#isPackedStale = true;
    return true;
  }

  #partBytes(packedLength: number): number {
    return lengthBytes(this.#length) + this.#length + lengthBytes(packedLength) + packedLength;
  }

  #fits(flags: number, size: number): boolean {
    const units = record.unitsFor(record.packedZsetKind, flags, this.#keyLength, size);
    return size <= packedZsetBytesMax && units <= blockUnitsMax;
  }

  #splice(offset: number, removed: number, added: number): void {
    this.ref = splice(this.#keyspace, this.#db, this.#hash, this.ref, offset, removed, added);
  }

  /** Moves what lies between an entry of `size` bytes and where it is to stand. */
  #moveGap(from: number, to: number, size: number): void {
    if (from === to) return;
    const { arena } = this.#keyspace;
    const bytes = arena.bytes[slabOf(this.ref)]!;
    const payload = record.keyStartOf(arena, this.ref) + this.#keyLength;
    if (to > from) bytes.copyWithin(payload + from, payload + from + size, payload + to + size);
    else bytes.copyWithin(payload + to + size, payload + to, payload + from);
  }

  #writeEntry(offset: number, delay: number, isOthers: boolean, score: number): void {
    const { arena, self } = this.#keyspace;
    const bytes = arena.bytes[slabOf(this.ref)]!;
    const payload = record.keyStartOf(arena, this.ref) + this.#keyLength;
    const at = writeStamp(bytes, payload + offset, delay, isOthers, self);
    const length = packScore(score);
    writeParts(bytes, at, this.#member, this.#start, this.#length, true, scoreScratch, 0, length);
  }

  #create(score: number): boolean {
    const keyspace = this.#keyspace;
    const db = this.#db;
    // A hidden record (dead rows of others) needs the entry's rules.
    const { hiddenCount } = db;
    if (hiddenCount > 0 && db.keys.find(this.#hash, this.#key, this.#keyStart, this.#keyLength))
      return false;
    const length = packScore(score);
    if (!this.#fits(0, 3 + this.#partBytes(length))) return false;
    this.ref = createPacked(
      keyspace,
      db,
      this.#hash,
      record.packedZsetKind,
      this.#key,
      this.#keyStart,
      this.#keyLength,
      this.#member,
      this.#start,
      this.#length,
      scoreScratch,
      0,
      length,
    );
    this.#isPackedStale = true;
    return this.ref !== 0;
  }

  /** The last member goes with its key, in `close`. */
  #removePacked(): boolean {
    const packed = this.#open();
    const { rank, visibleCount } = packed;
    const from = packed.entryStarts[rank]!;
    if (visibleCount === 1) {
      this.#keyspace.remove(this.#db, this.#hash, this.ref);
      this.ref = 0;
      return true;
    }
    this.#splice(from - packed.payloadStart, packed.entryStarts[rank + 1]! - from, 0);
    setPackedCount(this.#keyspace.arena, this.ref, visibleCount - 1);
    this.#isPackedStale = true;
    return true;
  }

  // ---- the general way

  #editEntry(edit: (entry: KeyEntry, member: string) => void): void {
    const keyspace = this.#keyspace;
    const db = this.#db;
    const key = this.#key.slice(this.#keyStart, this.#keyStart + this.#keyLength);
    const entry = keyspace.entryOrEmpty(db.keys.find(this.#hash, key, 0, key.length));
    edit(entry, latin1(this.#member, this.#start, this.#start + this.#length));
    keyspace.storeEntry(db, this.#hash, key, entry);
    const ref = db.keys.find(this.#hash, key, 0, key.length);
    const isVisible = ref !== 0 && record.kindOf(keyspace.arena, ref) !== record.hiddenKind;
    this.#settleOn(isVisible ? ref : 0);
  }
}
