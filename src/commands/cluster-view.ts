// What CLUSTER and its clients are told about the nodes. Every node holds every key, so any
// division of the slots is right: those that are heard share them in equal ranges in the order of
// their names, each owner's fellows being its replicas.

import { slotCount } from "../keyspace/slot.js";

export interface ClusterNode {
  /**
   * 40 hexadecimal digits, as cluster-aware clients want them; the same for all lives of a node.
   */
  readonly id: string;
  readonly name: string;
  readonly host: string;
  /** For clients, and for peers. */
  readonly port: number;
  readonly peerPort: number;
  readonly state: "alive" | "suspected" | "left" | "forgotten";
  readonly isSelf: boolean;
  /** Milliseconds since it was heard; 0 for this node itself. */
  readonly silentMs: number;
}

/** How far a peer is behind, as this node knows. */
export interface ClusterLag {
  readonly name: string;
  readonly silentMs: number;
  /** Own batches that it has not acknowledged. */
  readonly waitingCount: number;
  readonly waitingBytes: number;
  /** Shards of which it lacks something that this node has, and the other way round. */
  readonly behindShards: number;
  readonly aheadShards: number;
}

export interface ClusterView {
  /** The epoch of the voters' configuration. */
  readonly epoch: number;
  nodes(): readonly ClusterNode[];
  lag(): readonly ClusterLag[];
  /** Takes a node out for good; answers why not. */
  forget(id: string): string | undefined;
  /** Dials an address. */
  meet(address: string): void;
  /** Leaves the cluster in order; answers why not yet. */
  leave(): string | undefined;
}

export interface SlotRange {
  readonly start: number;
  readonly end: number;
  readonly owner: ClusterNode;
  readonly others: readonly ClusterNode[];
}

/** The nodes that clients may go to, each with its share of the slots. */
export function slotRanges(nodes: readonly ClusterNode[]): SlotRange[] {
  const live = nodes.filter(({ state }) => state === "alive");
  return live.map((owner, index) => ({
    start: Math.ceil((index * slotCount) / live.length),
    end: Math.ceil(((index + 1) * slotCount) / live.length) - 1,
    owner,
    others: live.filter((other) => other !== owner),
  }));
}
