// Joins placement (placing.ts) with those who act on it: the replicator, the members, the gate of
// the clients, INFO and CLUSTER.

import { ClusterStatus } from "./cluster-status.js";
import type { Clustering } from "./clustering.js";
import { nodeGate } from "./dispatcher.js";
import { infoLines } from "./info-lines.js";
import type { Node } from "./node.js";
import { Placing } from "./placing.js";
import { errorForKey, type PlacingGatePorts, placingGate } from "./placing-gate.js";

/** @param factor copies of each shard; 0 or undefined: every node holds every shard. */
export function placeShards(node: Node, clustering: Clustering, factor = 0): void {
  const { environment } = node;
  const onChanged = (): void => {
    if (gatePorts !== undefined) node.blocking.redirect((key) => errorForKey(gatePorts, key));
  };
  const placing = factor === 0 ? undefined : newPlacing(node, clustering, factor, onChanged);
  const gatePorts = placing && gatePortsOf(node, clustering, placing);
  environment.cluster = new ClusterStatus(node, clustering, placing);
  environment.infoSections.set("stability", () => infoLines(describeStability(node, clustering)));
  if (placing === undefined || gatePorts === undefined) return;
  node.replicator!.holdings = placing;
  clustering.placing = placing;
  const { dispatcher } = node;
  dispatcher.nodeGates |= nodeGate.placed;
  dispatcher.gates.set("placement", placingGate(gatePorts));
  const { released } = node.shards;
  environment.infoSections.set("placement", () =>
    infoLines({ ...placing.describe(), keys_given_up: released.sweptKeyCount }),
  );
}

const gatePortsOf = (
  { shards, consistency }: Node,
  { membership }: Clustering,
  placing: Placing,
): PlacingGatePorts => ({
  shardCount: shards.count,
  consistency,
  placing,
  addressOf: (name) => membership.get(name)?.clientAddress,
});

/** @param onChanged told when something is held or served that was not, or the reverse */
function newPlacing(
  node: Node,
  { membership }: Clustering,
  factor: number,
  onChanged: () => void,
): Placing {
  const replicator = node.replicator!;
  return new Placing({
    self: node.name,
    shardCount: node.shards.count,
    factor,
    members: () => [node.name, ...membership.peers().map(({ name }) => name)],
    isHeard: (name) => !membership.isSuspected(name, node.nowMs),
    loadOf: (name) => membership.pingOf(name)?.operationRate ?? 0,
    toldBy: (name) => membership.pingOf(name)?.holdings,
    hasAllOf: (name, shard, sinceMs) => replicator.hasAllOf(name, shard, sinceMs),
    isBlank: (shard) => node.shards.context(shard).isEmpty,
    isBare: (shard) => node.shards.released.isBare(shard),
    startAnew: (shard) => node.shards.released.startAnew(shard),
    hasRemains: (shard) => !node.shards.released.isSwept(shard),
    handOver: (handings) => replicator.handOver(handings, node.nowMs),
    announce: () => {
      onChanged();
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
