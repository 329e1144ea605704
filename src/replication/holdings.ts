// Who keeps a copy of which shard. What a node does not hold it neither takes nor asks for, and a
// peer is neither sent nor blamed for what it does not hold.

import type { NodeId } from "./messages.js";

export interface Holdings {
  /** Whether this node holds a shard, be it that it is still being fetched. */
  holds(shard: number): boolean;
  /** Whether a peer does, as far as it has told. */
  peerHolds(node: NodeId, shard: number): boolean;
  /** Whether a peer has all of a shard and serves it, as far as it has told. */
  peerServes(node: NodeId, shard: number): boolean;
  /**
   * Whether logs keep for a peer what it has not confirmed: not for one that has only a read copy
   * (merge-rules 11).
   */
  awaits(node: NodeId, shard: number): boolean;
  /** Whether a shard is served here and is to stay here: others may rely on this copy. */
  keeps(shard: number): boolean;
}

/** Every node holds every shard. */
export const everywhere: Holdings = {
  holds: () => true,
  peerHolds: () => true,
  peerServes: () => true,
  awaits: () => true,
  keeps: () => true,
};
