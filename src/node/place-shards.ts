// Joins placement (placing.ts) with those who act on it: the replicator, the members, the gate of
// the clients, INFO and CLUSTER.

import { ClusterStatus } from "./cluster-status.js";
import type { Clustering } from "./clustering.js";
import { nodeGate } from "./dispatcher.js";
import { infoLines } from "./info-lines.js";
import type { Node } from "./node.js";
import { Placing } from "./placing.js";
import { placingGate } from "./placing-gate.js";

/** @param factor copies of each shard; 0 or undefined: every node holds every shard. */
export function placeShards(node: Node, clustering: Clustering, factor = 0): void {
  const { environment } = node;
  const placing = factor === 0 ? undefined : newPlacing(node, clustering, factor);
  environment.cluster = new ClusterStatus(node, clustering, placing);
  if (placing === undefined) return;
  node.replicator!.holdings = placing;
  clustering.placing = placing;
  const { dispatcher, consistency } = node;
  const shardCount = node.shards.count;
  const addressOf = (name: string): string | undefined =>
    clustering.membership.get(name)?.clientAddress;
  dispatcher.nodeGates |= nodeGate.placed;
  const gate = placingGate({ shardCount, consistency, placing, addressOf });
  dispatcher.gates.set("placement", gate);
  environment.infoSections.set("placement", () => infoLines(placing.describe()));
}

function newPlacing(node: Node, { membership }: Clustering, factor: number): Placing {
  const replicator = node.replicator!;
  return new Placing({
    self: node.name,
    shardCount: node.shards.count,
    factor,
    members: () => [node.name, ...membership.peers().map(({ name }) => name)],
    isHeard: (name) => !membership.isSuspected(name, node.nowMs),
    toldBy: (name) => membership.pingOf(name)?.holdings,
    hasAllOf: (name, shard, sinceMs) => replicator.hasAllOf(name, shard, sinceMs),
    isBlank: (shard) => node.shards.context(shard).isEmpty,
    announce: () => {
      membership.pingAll();
      replicator.inquire();
    },
  });
}
