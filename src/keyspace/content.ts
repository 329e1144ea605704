// What a reader sees of a key, taken out and written elsewhere: RENAME, COPY, MOVE, SWAPDB. The
// copy is a key of its own with a new birth: siblings and counter rows are resolved first, so the
// copy has one entry per element and concurrent writes to the source do not reach it.

import type { Bytes } from "../base/bytes.js";
import { type Cell, isLive, isVisible, winner } from "../lattice/cell.js";
import { onlyElement, type Slot, slots } from "../lattice/key-entry.js";
import { positionLast } from "../lattice/list-position.js";
import type { Ref } from "./arena.js";
import { copyCollection } from "./collection-copy.js";
import type { Database } from "./database.js";
import { visibleDeadline } from "./deadline-record.js";
import type { Keyspace } from "./keyspace.js";
import * as record from "./record.js";
import { copyStream, streamUnder } from "./stream-edit.js";
import { markTextRoomy, noDeadline, setText } from "./text.js";
import { copyText, resolveText, viewText } from "./text-view.js";
import { copyScore } from "./zset-score.js";
import { resolveScore } from "./zset-table.js";

export interface Content {
  readonly slot: Slot;
  readonly elements: readonly (readonly [string, Bytes])[];
  /** Unix milliseconds, or `noDeadline`. */
  readonly deadline: number;
}

/**
 * The content of a visible record. Values may be shared with it: they are never changed in place
 * there.
 */
export function contentOf(keyspace: Keyspace, ref: Ref): Content {
  const deadline = visibleDeadline(keyspace, ref);
  if (record.kindOf(keyspace.arena, ref) < record.objectKind) {
    const text = copyText(keyspace, ref);
    return { slot: slots.string, elements: [[onlyElement, text]], deadline };
  }
  const entry = keyspace.entryOf(ref);
  const slot = entry.visibleSlot(keyspace.replicas)!;
  const elements: (readonly [string, Bytes])[] = [];
  for (const [element, cell] of entry.slot(slot)!.entries()) {
    if (isVisible(cell)) elements.push([element, resolvedValue(keyspace, slot, cell)]);
  }
  return { slot, elements, deadline };
}

/** What a reader of the element sees, as the value of a cell without rows. */
function resolvedValue(keyspace: Keyspace, slot: Slot, cell: Cell): Bytes {
  if (slot === slots.string) return resolveText(keyspace, cell);
  if (!cell.rows.some(isLive)) return winner(cell, keyspace.replicas)!.value;
  if (slot === slots.zset) return copyScore(resolveScore(keyspace, cell));
  return resolveText(keyspace, cell);
}

/** Writes a content under a key, over whatever was seen there. */
export function putContent(
  keyspace: Keyspace,
  db: Database,
  hash: number,
  key: Bytes,
  content: Content,
): void {
  if (content.slot === slots.string) {
    const [, text] = content.elements[0]!;
    const { length } = key;
    setText(keyspace, db, hash, key, 0, length, text, 0, text.length, content.deadline);
    return;
  }
  keyspace.edit(db, hash, key, (entry) => {
    const { stamp } = keyspace;
    entry.clearAll(keyspace.self);
    const isList = content.slot === slots.list;
    for (const [element, value] of content.elements) {
      // A list of its own has places of its own, in the same order.
      const id = isList ? positionLast(stamp, keyspace.nextPlace(), keyspace.replicas) : element;
      entry.assign(content.slot, id, stamp, stamp, value);
    }
    if (content.deadline !== noDeadline) entry.assignDeadline(content.deadline, stamp, stamp);
  });
}

/** Writes what `from` holds under another key. The two keys differ, or their databases do. */
export function copyKey(
  keyspace: Keyspace,
  from: Ref,
  db: Database,
  hash: number,
  key: Bytes,
): void {
  const { arena } = keyspace;
  const isRoomy = record.isRoomy(arena, from);
  const deadline = visibleDeadline(keyspace, from);
  if (record.kindOf(arena, from) >= record.objectKind) {
    const stream = streamUnder(keyspace, from);
    if (stream !== undefined) copyStream(keyspace, stream, db, hash, key, deadline);
    else if (!copyCollection(keyspace, from, db, hash, key, deadline))
      putContent(keyspace, db, hash, key, contentOf(keyspace, from));
  } else {
    const { bytes, start, length } = viewText(keyspace, from);
    setText(keyspace, db, hash, key, 0, key.length, bytes, start, length, deadline);
    if (isRoomy) markTextRoomy(keyspace, db, hash, key, 0, key.length);
  }
  const copy = db.keys.find(hash, key, 0, key.length);
  if (isRoomy) record.markRoomy(arena, copy);
  else if (record.kindOf(arena, copy) >= record.objectKind) record.unmarkRoomy(arena, copy);
}
