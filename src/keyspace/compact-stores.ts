// Which store keeps the elements of which type compactly. A string and a deadline are one cell each
// and need none.

import type { ElementStore } from "../lattice/element-store.js";
import { type Slot, slots } from "../lattice/key-entry.js";
import { ElementTable } from "./element-table.js";
import type { Keyspace } from "./keyspace.js";
import { ListStore } from "./list-store.js";
import { StreamStore } from "./stream-store.js";
import { ZsetTable } from "./zset-table.js";

/** A new compact store for a slot, for the types that have one. */
export function newCompactStore(keyspace: Keyspace, slot: Slot): ElementStore | undefined {
  if (slot === slots.zset) return new ZsetTable(keyspace);
  if (slot === slots.list) return new ListStore(keyspace);
  if (slot === slots.stream) return new StreamStore(keyspace);
  return slot === slots.hash || slot === slots.set ? new ElementTable(keyspace) : undefined;
}
