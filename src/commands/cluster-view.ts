// What CLUSTER and its clients are told about the nodes. Where every node holds every key, any
// division of the slots is right: those that are heard share them in equal ranges in the order of
// their names, each owner's fellows being its replicas. Where shards are placed on some of the
// nodes, the slots of a shard go to those that serve it.

import { slotCount, slotsOfShard } from "../keyspace/slot.js";

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
  /** What this node's logs keep because the peer has not confirmed it. */
  readonly heldBatches: number;
  readonly heldBytes: number;
  /**
   * Counter rows of the peer, in whichever of its lives, that a SET or DEL has reset: they stay
   * until their owner writes again (merge-rules 7).
   */
  readonly deadRows: number;
}

export interface ClusterView {
  /** The epoch of the voters' configuration. */
  readonly epoch: number;
  nodes(): readonly ClusterNode[];
  /** Which node clients are to ask for which slots. */
  slots(): readonly SlotRange[];
  lag(): readonly ClusterLag[];
  /** Takes a node out for good; answers why not. */
  forget(id: string): string | undefined;
  /** Dials an address. */
  meet(address: string): void;
  /** Leaves the cluster in order; answers why not yet. Writes wait from now on for a while. */
  leave(): string | undefined;
  /** Leaves it as soon as that can be, or says in the end why it cannot. False: too many ask. */
  leaveSoon(done: (objection: string | undefined) => void): boolean;
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

/** Slots by shard; neighbours with the same servers make one range. */
export function placedRanges(
  nodes: readonly ClusterNode[],
  shardCount: number,
  serversOf: (shard: number) => readonly string[],
): SlotRange[] {
  const ranges: SlotRange[] = [];
  for (let shard = 0; shard < shardCount; shard++) {
    const servers = serversOf(shard).flatMap(
      (name) => nodes.find((node) => node.name === name) ?? [],
    );
    const [owner, ...others] = servers;
    if (owner === undefined) continue;
    const [start, next] = slotsOfShard(shard, shardCount);
    const last = ranges.at(-1);
    const isSame =
      last !== undefined &&
      last.end === start - 1 &&
      [last.owner, ...last.others].map(({ name }) => name).join() ===
        servers.map(({ name }) => name).join();
    if (isSame) ranges[ranges.length - 1] = { ...last, end: next - 1 };
    else ranges.push({ start, end: next - 1, owner, others });
  }
  return ranges;
}
