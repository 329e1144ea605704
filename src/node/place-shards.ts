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
  environment.infoSections.set("stability", () => infoLines(describeStability(node, clustering)));
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

/** What the logs keep, and for whose sake: the node that has confirmed least comes first. */
function describeStability(node: Node, { membership }: Clustering): object {
  const { shards, replicator } = node;
  const lags = membership.peers().flatMap(({ name }) => {
    const lag = replicator?.lagOf(name);
    return lag === undefined ? [] : [{ name, ...lag }];
  });
  const laggard = lags
    .filter(({ heldBatches }) => heldBatches > 0)
    .reduce<(typeof lags)[number] | undefined>(
      (most, each) => (most === undefined || each.heldBytes > most.heldBytes ? each : most),
      undefined,
    );
  return {
    log_batches: shards.shards.reduce((sum, { count }) => sum + count, 0),
    log_bytes: shards.logBytes,
    log_batches_truncated: shards.truncatedCount,
    held_back_by: laggard?.name ?? "",
    held_back_batches: laggard?.heldBatches ?? 0,
    held_back_bytes: laggard?.heldBytes ?? 0,
  };
}
