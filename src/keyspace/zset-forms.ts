// The forms of a sorted set: a packed record while it is small, an element table with an order when
// it is not.

import { assert } from "../base/assert.js";
import { slots } from "../lattice/key-entry.js";
import type { Ref } from "./arena.js";
import type { Keyspace } from "./keyspace.js";
import { PackedZset } from "./packed-zset.js";
import * as record from "./record.js";
import { ZsetTable } from "./zset-table.js";
import type { ZsetView } from "./zset-view.js";

/**
 * The sorted set under a visible record; undefined when it holds another type. Valid until the next
 * call or write.
 */
export function viewZset(keyspace: Keyspace, ref: Ref): ZsetView | undefined {
  const kind = record.kindOf(keyspace.arena, ref);
  if (kind === record.packedZsetKind) return shared.open(keyspace.arena, ref);
  if (kind !== record.objectKind) return undefined;
  return visibleTable(keyspace, ref);
}

/** As `viewZset`, for commands that read several sets at once. */
export function ownViewOfZset(keyspace: Keyspace, ref: Ref): ZsetView | undefined {
  const kind = record.kindOf(keyspace.arena, ref);
  if (kind === record.packedZsetKind) return new PackedZset().open(keyspace.arena, ref);
  return viewZset(keyspace, ref);
}

const shared = new PackedZset();

/** The table of a sorted set that is an object; undefined when the object shows another type. */
export function visibleTable(keyspace: Keyspace, ref: Ref): ZsetTable | undefined {
  const entry = keyspace.entryOf(ref);
  const sole = entry.sole(slots.zset);
  if (sole instanceof ZsetTable) return sole;
  if (entry.visibleSlot(keyspace.replicas) !== slots.zset) return undefined;
  const store = entry.slot(slots.zset);
  return store instanceof ZsetTable ? store : undefined;
}

/** Checks what a packed sorted set keeps beyond other packed records. For tests and DEBUG. */
export function verifyPackedZset(keyspace: Keyspace, ref: Ref): void {
  assert(shared.open(keyspace.arena, ref).isSorted, "a packed sorted set is not sorted");
}
