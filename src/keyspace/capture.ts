// What the open batch touched, while anybody else needs to know. Each key is remembered as it stood
// before the batch's first write to it; at the close the net difference becomes the delta
// (merge-rules 5), packed by shard (batch-body.ts).
//
// A key that was absent, a plain text or an own counter is a mark: its bytes and the stamps that
// were there, in two arrays, no object. A text or a counter that bears the open batch's stamp has a
// mark already, so a key written a thousand times in a batch costs one. What else was compact is
// remembered as an unfolded copy; a key that was an object keeps its own memory
// (`KeyEntry.takeDelta`), so that a large collection is never copied to learn what changed in it.
//
// A key may have several marks, when it goes and comes back within the batch. The first tells how
// it was before; what a later one adds is in the first one's delta already, and joining it twice
// changes nothing.

import { type Bytes, ByteWriter, latin1 } from "../base/bytes.js";
import type { Lease, LeasedMemory } from "../base/leased-memory.js";
import type { ReplicaIndex } from "../clock/stamp.js";
import { emptyCell } from "../lattice/cell.js";
import { differenceOfCells, isEmptyDelta } from "../lattice/cell-delta.js";
import type { ElementDelta, KeyEntry } from "../lattice/key-entry.js";
import type { Ref } from "./arena.js";
import { deltasOf, encodeElements, type KeyDelta, NameTable } from "./batch-body.js";
import { Marks } from "./capture-marks.js";
import type { Database } from "./database.js";
import { hashBytes } from "./hash.js";
import type { Keyspace } from "./keyspace.js";
import { hiddenKind, kindOf, objectKind } from "./record.js";
import { shardOfSlot, slotOfKey } from "./slot.js";

export type { KeyDelta };

interface Touched {
  readonly database: number;
  readonly key: Bytes;
  /** As it was, for a key that was compact or absent. */
  readonly before: KeyEntry | undefined;
  /** The object itself, for a key that was one. */
  readonly tracked: KeyEntry | undefined;
}

/** What a batch did to one shard. */
export interface ShardPart {
  readonly shard: number;
  readonly names: readonly ReplicaIndex[];
  readonly body: Bytes;
}

/** What a batch did, by ascending shard. */
export interface ClosedParts {
  readonly parts: readonly ShardPart[];
  /** Of the memory of all bodies. */
  readonly lease: Lease | undefined;
}

/** Room for a batch when nothing is known of its length. */
const firstBytes = 256;

const pathOf = (database: number, key: Bytes): string =>
  String.fromCharCode(database) + latin1(key);

export class Capture {
  readonly #marks = new Marks();
  readonly #touched = new Map<string, Touched>();
  /** Paths of the first `#indexedCount` marks, for the keys that are touched in another way. */
  readonly #marked = new Set<string>();
  #indexedCount = 0;
  /** Marked keys whose whole entries have been compared in this close. */
  readonly #compared = new Set<string>();
  #expectedBytes = firstBytes;

  /** Touches so far; a key may count more than once. */
  get count(): number {
    return this.#touched.size + this.#marks.count;
  }

  /** Called before the first change of a key in a batch, and harmlessly again. */
  touch(
    keyspace: Keyspace,
    db: Database,
    ref: Ref,
    bytes: Uint8Array,
    start: number,
    length: number,
  ): void {
    const marks = this.#marks;
    if (ref !== 0 && marks.isOfBatch(keyspace, ref)) return;
    const there =
      ref === 0 && db.hiddenCount > 0
        ? db.keys.find(hashBytes(bytes, start, length), bytes, start, length)
        : ref;
    if (this.#touched.size === 0 && marks.add(keyspace, db, there, bytes, start, length)) return;
    this.#touchOther(keyspace, db, there, bytes.slice(start, start + length));
  }

  #touchOther(keyspace: Keyspace, db: Database, ref: Ref, key: Bytes): void {
    const kind = ref === 0 ? 0 : kindOf(keyspace.arena, ref);
    const isObject = kind === objectKind || kind === hiddenKind;
    const entry = isObject ? keyspace.entryOf(ref) : undefined;
    if (entry !== undefined) entry.isTracked = true;
    const path = pathOf(db.index, key);
    if (this.#touched.has(path)) return;
    if (this.#marks.add(keyspace, db, ref, key, 0, key.length) || this.#isMarked(path)) return;
    const before = entry === undefined ? keyspace.entryOrEmpty(ref) : undefined;
    this.#touched.set(path, { database: db.index, key, before, tracked: entry });
  }

  #isMarked(path: string): boolean {
    const marks = this.#marks;
    for (; this.#indexedCount < marks.count; this.#indexedCount++)
      this.#marked.add(
        pathOf(marks.databaseOf(this.#indexedCount), marks.keyOf(this.#indexedCount)),
      );
    return this.#marked.has(path);
  }

  /** The net change of every touched key; forgets them. For those who want to look at it. */
  take(keyspace: Keyspace): KeyDelta[] {
    const { self, openTime } = keyspace;
    return this.close(keyspace, 1).parts.flatMap((part) =>
      deltasOf({ ...part, origin: self, time: openTime }),
    );
  }

  /**
   * The net change of every touched key, by ascending shard; forgets them. To be called before the
   * batch ends. @param memory where bodies are to lie that are worth it.
   */
  close(keyspace: Keyspace, shardCount: number, memory?: LeasedMemory): ClosedParts {
    const names = new NameTable(keyspace.self);
    const others = this.#takeTouched(keyspace, shardCount);
    const marks = this.#marks;
    const order = marks.byShard(shardCount);
    const room = memory?.take(this.#expectedBytes);
    const body = new ByteWriter(room ?? this.#expectedBytes);
    const ends: [shard: number, end: number][] = [];
    let at = 0;
    for (let shard = 0; shard < shardCount; shard++) {
      const start = body.length;
      for (const delta of others.get(shard) ?? []) encodeElements(body, names, keyspace, delta);
      for (; at < marks.count; at++) {
        at = marks.encodeTexts(body, names, keyspace, order, at, shard, keyspace.openTime);
        if (at === marks.count || marks.shardOf(order[at]!) !== shard) break;
        this.#encodeMark(body, names, keyspace, order[at]!);
      }
      if (body.length > start) ends.push([shard, body.length]);
    }
    marks.clear();
    this.#marked.clear();
    this.#compared.clear();
    this.#indexedCount = 0;
    // The buffer goes out with the batches; the next batch is likely to be as long.
    const bytes = body.view();
    this.#expectedBytes = Math.max(firstBytes, bytes.length + (bytes.length >> 3));
    let start = 0;
    const parts = ends.map(([shard, end]) => {
      const part = { shard, names: names.names, body: bytes.subarray(start, end) };
      start = end;
      return part;
    });
    // What was too small for the batch is free again, and the larger buffer takes its place.
    const isLeased = room !== undefined && bytes.buffer === room.buffer && parts.length > 0;
    if (room !== undefined && !isLeased) memory?.giveBack(room);
    return { parts, lease: isLeased ? memory?.lease(room, parts.length) : undefined };
  }

  #encodeMark(body: ByteWriter, names: NameTable, keyspace: Keyspace, mark: number): void {
    const marks = this.#marks;
    const time = keyspace.openTime;
    if (marks.encode(body, names, keyspace, mark, time)) return;
    const database = marks.databaseOf(mark);
    const key = marks.keyOf(mark);
    const path = pathOf(database, key);
    if (this.#compared.has(path)) return;
    this.#compared.add(path);
    const before = marks.beforeOf(keyspace, mark);
    const delta = this.#differ(keyspace, database, key, before, undefined);
    if (delta !== undefined) encodeElements(body, names, keyspace, delta);
  }

  #takeTouched(keyspace: Keyspace, shardCount: number): Map<number, KeyDelta[]> {
    const byShard = new Map<number, KeyDelta[]>();
    for (const { database, key, before, tracked } of this.#touched.values()) {
      const delta = this.#differ(keyspace, database, key, before, tracked);
      if (delta === undefined) continue;
      const shard = shardOfSlot(slotOfKey(delta.key), shardCount);
      const list = byShard.get(shard);
      if (list === undefined) byShard.set(shard, [delta]);
      else list.push(delta);
    }
    this.#touched.clear();
    return byShard;
  }

  /** The net change of one key; undefined when there is none. */
  #differ(
    keyspace: Keyspace,
    database: number,
    key: Bytes,
    before: KeyEntry | undefined,
    tracked: KeyEntry | undefined,
  ): KeyDelta | undefined {
    const db = keyspace.databases[database]!;
    const hash = hashBytes(key, 0, key.length);
    const ref = db.keys.find(hash, key, 0, key.length);
    const after = keyspace.entryOrEmpty(ref);
    const elements = tracked?.takeDelta() ?? [];
    if (tracked !== after) elements.push(...differenceOfEntries(before, after));
    if (after.hasDelta) after.takeDelta();
    // The object may have been kept only for its memory of the batch; fold it where that is
    // possible now.
    const kind = ref === 0 ? 0 : kindOf(keyspace.arena, ref);
    if (kind === objectKind || kind === hiddenKind) keyspace.storeEntry(db, hash, key, after);
    return elements.length > 0 ? { database, key, elements } : undefined;
  }
}

function differenceOfEntries(before: KeyEntry | undefined, after: KeyEntry): ElementDelta[] {
  const deltas: ElementDelta[] = [];
  const nothing = emptyCell();
  before?.forEachCell((slot, element, cell) => {
    const delta = differenceOfCells(cell, after.cell(slot, element) ?? nothing);
    if (!isEmptyDelta(delta)) deltas.push({ slot, element, ...delta });
  });
  after.forEachCell((slot, element, cell) => {
    if (before?.cell(slot, element) !== undefined) return;
    const delta = differenceOfCells(nothing, cell);
    if (!isEmptyDelta(delta)) deltas.push({ slot, element, ...delta });
  });
  return deltas;
}
