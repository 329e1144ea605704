// A batch: what one replica did to one shard under one stamp, as everybody else joins it
// (merge-rules 14).
//
// The batches of one origin in one shard form a chain: each names the stamp time of the one before
// it. Across origins a batch names what its maker had seen. Only what is new since the maker's
// previous batch is listed: who has that one has, by induction, everything it depended on
// (merge-rules 2), so a batch stays small in a large cluster.
//
// Left out: coalesced batches, and compact wipes for FLUSHALL and for DEL of a big key (merge-rules
// 5). Until then a wipe names every element it removes, which is correct and long.

import type { ReplicaIndex, Time } from "../clock/stamp.js";
import type { VersionVector } from "../clock/version-vector.js";
import type { KeyDelta } from "./capture.js";

export interface Batch {
  readonly shard: number;
  readonly origin: ReplicaIndex;
  /** The time of the origin's preceding batch in this shard; 0 before the first. */
  readonly previous: Time;
  readonly time: Time;
  /**
   * What the origin had seen of others in this shard, as far as it is new since its preceding
   * batch.
   */
  readonly dependencies: VersionVector;
  /**
   * Every shard that the origin changed under this stamp, ascending, this one included (merge-rules
   * 20).
   */
  readonly group: readonly number[];
  readonly deltas: readonly KeyDelta[];
  /** About how many bytes the batch takes, for bounds. */
  readonly bytes: number;
}

/** A batch with its size worked out. */
export const newBatch = (parts: Omit<Batch, "bytes">): Batch => ({
  ...parts,
  bytes: sizeOf(parts.deltas),
});

/** Objects around each part cost memory too, so the guess is on the high side. */
const perBatchBytes = 160;
const perElementBytes = 96;
const perEntryBytes = 32;

function sizeOf(deltas: readonly KeyDelta[]): number {
  let bytes = perBatchBytes;
  for (const { key, elements } of deltas) {
    bytes += key.length + perEntryBytes;
    for (const { element, fragment, removed } of elements) {
      bytes += element.length + perElementBytes + removed.length * perEntryBytes;
      bytes += fragment.rows.length * perElementBytes;
      for (const { value } of fragment.siblings) bytes += value.length + perEntryBytes;
    }
  }
  return bytes;
}
