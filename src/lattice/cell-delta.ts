// The delta of one cell: what a batch added to it and which stamps it took away, computed net at
// the close of the batch against the cell as it stood before (merge-rules 5). Joining it elsewhere
// brings the same news: `joinCell` with the removal list in the place of the other side's context.
//
// Removals are named one by one. A context instead of the list would also remove what the sender
// had never seen. Left out: deltas that wipe a whole key or shard by context; they belong to the
// keyspace.

import { type ByteReader, type ByteWriter, MalformedBytes } from "../base/bytes.js";
import type { ReplicaTable } from "../clock/replica-table.js";
import { decodeTime, type Stamp } from "../clock/stamp.js";
import type { Seen } from "../clock/version-vector.js";
import {
  type Cell,
  decodeCell,
  encodeCell,
  joinCell,
  RemovedStamps,
  type ReplicaCodec,
  type Row,
  sortCell,
} from "./cell.js";

export interface CellDelta {
  /** New siblings, and rows that are new, extended or reset. */
  readonly fragment: Cell;
  /** Stamps of removed siblings and the `hi` stamps of removed rows. */
  readonly removed: readonly Stamp[];
}

export const isEmptyDelta = (delta: CellDelta): boolean =>
  delta.removed.length === 0 &&
  delta.fragment.siblings.length === 0 &&
  delta.fragment.rows.length === 0;

/**
 * What a batch did to a cell. `before` and `after` stay as they are and share no row with the
 * delta.
 */
export function differenceOfCells(before: Cell, after: Cell): CellDelta {
  const fragment: Cell = { siblings: [], rows: [] };
  const removed: Stamp[] = [];
  for (const sibling of before.siblings) {
    const stays = after.siblings.some(
      (other) => other.time === sibling.time && other.replica === sibling.replica,
    );
    if (!stays) removed.push({ time: sibling.time, replica: sibling.replica });
  }
  for (const sibling of after.siblings) {
    // A batch writes under its own stamp only, so an old stamp is an old sibling, unchanged.
    const isOld = before.siblings.some(
      (other) => other.time === sibling.time && other.replica === sibling.replica,
    );
    if (!isOld) fragment.siblings.push(sibling);
  }
  for (const row of before.rows) {
    if (twinOf(after.rows, row) === undefined)
      removed.push({ time: row.hiTime, replica: row.replica });
  }
  for (const row of after.rows) {
    const twin = twinOf(before.rows, row);
    if (twin === undefined || twin.hiTime !== row.hiTime || twin.loTime !== row.loTime)
      fragment.rows.push({ ...row });
  }
  return { fragment, removed };
}

const twinOf = (rows: readonly Row[], wanted: Row): Row | undefined =>
  rows.find((row) => row.replica === wanted.replica && row.birth === wanted.birth);

/**
 * Joins a delta into `cell`, in place. Repeating it, or having seen it already, changes nothing.
 */
export function applyCellDelta(cell: Cell, seen: Seen, delta: CellDelta): void {
  joinCell(cell, seen, delta.fragment, new RemovedStamps(delta.removed));
}

/** Canonical: equal deltas have equal bytes on every node. */
export function encodeCellDelta(
  writer: ByteWriter,
  delta: CellDelta,
  codec: ReplicaCodec,
  replicas: ReplicaTable,
): void {
  sortCell(delta.fragment, replicas);
  encodeCell(writer, delta.fragment, codec);
  const removed = [...delta.removed].sort((a, b) => replicas.compareStamps(a, b));
  writer.varint(removed.length);
  for (const stamp of removed) {
    writer.f64(stamp.time);
    codec.write(writer, stamp.replica);
  }
}

/** @throws MalformedBytes when the bytes are not a delta. */
export function decodeCellDelta(reader: ByteReader, codec: ReplicaCodec): CellDelta {
  const fragment = decodeCell(reader, codec);
  const removed: Stamp[] = [];
  for (let count = reader.count(9); count > 0; count--) {
    const time = decodeTime(reader);
    if (time === 0) throw new MalformedBytes("a removal names no stamp");
    removed.push({ time, replica: codec.read(reader) });
  }
  return { fragment, removed };
}
