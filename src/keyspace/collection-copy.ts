// A hash or a set under another key, from record to record without a cell in between: what RENAME,
// COPY and MOVE do with collections in their compact forms. The copy is a key of its own with a new
// birth (content.ts).

import { type Slot, slots } from "../lattice/key-entry.js";
import type { Ref } from "./arena.js";
import { Collection, forms } from "./collection.js";
import { ElementList, replaceCollection } from "./collection-replace.js";
import type { Database } from "./database.js";
import type { Keyspace } from "./keyspace.js";
import { packedCountMax } from "./packed.js";
import { wordSetCountMax } from "./packed-fold.js";
import * as record from "./record.js";

const source = new Collection();

/**
 * Copies the collection under `from`; false when it is of another type, or has cells that only its
 * entry can copy.
 */
export function copyCollection(
  keyspace: Keyspace,
  from: Ref,
  db: Database,
  hash: number,
  key: Uint8Array,
  deadline: number,
): boolean {
  const slot = compactSlot(keyspace, from);
  if (slot === undefined) return false;
  const elements = new ElementList();
  const values = slot === slots.hash ? new ElementList() : undefined;
  source.each((at) => {
    elements.push(at.element, at.elementStart, at.elementLength);
    values?.push(at.value, at.valueStart, at.valueLength);
  });
  source.close();
  const isWords = slot === slots.set && record.isRoomy(keyspace.arena, from);
  const packedMax = isWords ? wordSetCountMax : packedCountMax;
  replaceCollection(keyspace, db, hash, key, { slot, elements, values, packedMax, deadline });
  return true;
}

/** Opens `source` on a compact hash or set. */
function compactSlot(keyspace: Keyspace, ref: Ref): Slot | undefined {
  for (const slot of [slots.hash, slots.set])
    if (source.open(keyspace, ref, slot) && source.form !== forms.general) return slot;
  return undefined;
}
