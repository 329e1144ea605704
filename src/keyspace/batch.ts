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

import type { Bytes } from "../base/bytes.js";
import type { Lease } from "../base/leased-memory.js";
import type { ReplicaIndex, Time } from "../clock/stamp.js";
import type { VersionVector } from "../clock/version-vector.js";
import type { Packed } from "./batch-body.js";

export interface Batch extends Packed {
  /** The time of the origin's preceding batch in this shard; 0 before the first. */
  readonly previous: Time;
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
  /** About how many bytes the batch takes, for bounds. */
  readonly bytes: number;
  /** Whose memory `body` is; undefined: the batch's own. */
  readonly lease: Lease | undefined;
}

/** Where a batch stands in its origin's stream. */
export type BatchPlace = Pick<Batch, "shard" | "origin" | "previous" | "time">;

/** A batch with its size worked out. */
export const newBatch = (
  { shard, origin, previous, time }: BatchPlace,
  dependencies: VersionVector,
  group: readonly number[],
  names: readonly ReplicaIndex[],
  body: Bytes,
  lease?: Lease,
): Batch => {
  const bytes = body.length + perBatchBytes;
  return { shard, origin, previous, time, dependencies, group, names, body, bytes, lease };
};

/**
 * The batch with a body of its own, for somebody who keeps it longer than the logs do.
 */
export const withOwnBody = (batch: Batch): Batch =>
  batch.lease === undefined ? batch : { ...batch, body: batch.body.slice(), lease: undefined };

/** The object, its place in logs and queues, and the buffer around its bytes. */
const perBatchBytes = 256;
