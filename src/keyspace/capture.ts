// What the open batch touched, while anybody else needs to know. Each key is remembered as it stood
// before the batch's first write to it; at the close the net difference becomes the delta
// (merge-rules 5).
//
// A key that was compact is remembered as an unfolded copy; a key that was an object keeps its own
// memory (`KeyEntry.takeDelta`), so that a large collection is never copied to learn what changed
// in it.

import { fromLatin1, latin1 } from "../base/bytes.js";
import { emptyCell } from "../lattice/cell.js";
import { differenceOfCells, isEmptyDelta } from "../lattice/cell-delta.js";
import type { ElementDelta, KeyEntry } from "../lattice/key-entry.js";
import type { Ref } from "./arena.js";
import type { Database } from "./database.js";
import { hashBytes } from "./hash.js";
import type { Keyspace } from "./keyspace.js";
import { hiddenKind, kindOf, objectKind } from "./record.js";

interface Touched {
  readonly database: number;
  readonly key: string;
  /** As it was, for a key that was compact or absent. */
  readonly before: KeyEntry | undefined;
  /** The object itself, for a key that was one. */
  readonly tracked: KeyEntry | undefined;
}

/** What a batch did to one key. */
export interface KeyDelta {
  readonly database: number;
  readonly key: Uint8Array;
  readonly elements: readonly ElementDelta[];
}

export class Capture {
  readonly #touched = new Map<string, Touched>();

  get count(): number {
    return this.#touched.size;
  }

  /** `touch` for a key among other bytes. `ref` 0: no reader sees it, but it may be hidden. */
  touchBytes(
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
    this.touch(keyspace, db.index, latin1(bytes, start, start + length), there);
  }

  /** Called before the first change of a key in a batch, and harmlessly again. */
  touch(keyspace: Keyspace, database: number, key: string, ref: Ref): void {
    const path = String.fromCharCode(database) + key;
    if (this.#touched.has(path)) return;
    const kind = ref === 0 ? 0 : kindOf(keyspace.arena, ref);
    const entry = keyspace.entryOrEmpty(ref);
    const isObject = kind === objectKind || kind === hiddenKind;
    if (isObject) entry.isTracked = true;
    this.#touched.set(path, {
      database,
      key,
      before: isObject ? undefined : entry,
      tracked: isObject ? entry : undefined,
    });
  }

  /** The net change of every touched key, in the order of first touch; forgets them. */
  take(keyspace: Keyspace): KeyDelta[] {
    const deltas: KeyDelta[] = [];
    for (const { database, key, before, tracked } of this.#touched.values()) {
      const keyBytes = fromLatin1(key);
      const db = keyspace.databases[database]!;
      const hash = hashBytes(keyBytes, 0, keyBytes.length);
      const ref = db.keys.find(hash, keyBytes, 0, keyBytes.length);
      const after = keyspace.entryOrEmpty(ref);
      const elements = tracked?.takeDelta() ?? [];
      if (tracked !== after) elements.push(...differenceOfEntries(before, after));
      if (after.hasDelta) after.takeDelta();
      // The object may have been kept only for its memory of the batch; fold it where that is
      // possible now.
      const kind = ref === 0 ? 0 : kindOf(keyspace.arena, ref);
      if (kind === objectKind || kind === hiddenKind)
        keyspace.storeEntry(db, hash, keyBytes, after);
      if (elements.length > 0) deltas.push({ database, key: keyBytes, elements });
    }
    this.#touched.clear();
    return deltas;
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
