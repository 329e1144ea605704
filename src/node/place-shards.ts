// Joins placement (placing.ts) with those who act on it: the replicator, the members, the gate of
// the clients, INFO and CLUSTER.

import { usedMemory } from "../commands/server-memory.js";
import { ClusterStatus } from "./cluster-status.js";
import type { Clustering, ClusteringOptions } from "./clustering.js";
import { nodeGate } from "./dispatcher.js";
import type { CopyRules } from "./hot-shards.js";
import { infoLines } from "./info-lines.js";
import type { Node } from "./node.js";
import { Placing, type PlacingPorts } from "./placing.js";
import { errorForKey, type PlacingGatePorts, placingGate } from "./placing-gate.js";

/** Without a replication factor every node holds every shard. */
export function placeShards(
  node: Node,
  clustering: Clustering,
  { replicationFactor: factor = 0, copies }: Partial<ClusteringOptions> = {},
): void {
  const { environment } = node;
  const onChanged = (): void => {
    if (gatePorts !== undefined) node.blocking.redirect((key) => errorForKey(gatePorts, key));
  };
  const placing =
    factor === 0 ? undefined : newPlacing(node, clustering, { factor, copies }, onChanged);
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
  { factor, copies }: { readonly factor: number; readonly copies: CopyRules | undefined },
  onChanged: () => void,
): Placing {
  const replicator = node.replicator!;
  const ports: PlacingPorts = {
    self: node.name,
    shardCount: node.shards.count,
    factor,
    members: () => [node.name, ...membership.peers().map(({ name }) => name)],
    isHeard: (name) => !membership.isSuspected(name, node.nowMs),
    readsToldBy: (name) => membership.pingOf(name)?.reads ?? [],
    mayCopy: () => hasRoom(node),
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
  };
  return new Placing(ports, copies);
}

/** Part of maxmemory in use from which there are no read copies. */
const copyMemoryShare = 0.75;

/** Copies make room first: what eviction takes is gone for everybody. */
function hasRoom({ keyspace, environment: { settings, facts } }: Node): boolean {
  const limit = settings.number("maxmemory");
  return limit === 0 || usedMemory(keyspace, facts) <= limit * copyMemoryShare;
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
