// What `skerry serve` adds for a node of a cluster: the listener for peers and how the cluster is
// founded or joined. A node without any of these settings is alone and pays nothing.

import { hostname } from "node:os";
import type { SkerryConfig } from "../host/config.js";
import { PeerHost } from "../host/peer-host.js";
import type { ClusteringOptions } from "../node/clustering.js";
import { copyWindowMs } from "../node/hot-shards.js";
import type { NodeOptions } from "../node/node.js";
import type { Refusal } from "../wire/peer-handshake.js";
import { CliError } from "./cli.js";

export interface ClusterStart {
  readonly host: PeerHost;
  /** What the node is to be made with. */
  readonly options: Pick<NodeOptions, "incarnation" | "shards" | "timing" | "cluster">;
  /** For people. */
  readonly line: string;
  /** Why the node cannot serve: it does not fit the cluster that it was to be part of. */
  readonly refused: Promise<CliError>;
}

/**
 * Peers hear of a write within `batchMsMin` and the time on the way, or at once when it comes
 * alone. TCP repeats what is lost itself: a push is repeated only when a peer has long been silent.
 */
const overTcp = { batchMsMin: 40, ackDelayMs: 100, resendMsMin: 2_000, resendMsMax: 10_000 };

export interface ClusterFacts {
  /** Of the Redis listener. */
  readonly port: number;
  readonly now: () => number;
  readonly startedMs: number;
}

/** Undefined: the configuration names no cluster. @throws CliError when it cannot be served. */
export async function startCluster(
  config: SkerryConfig,
  { port, now, startedMs }: ClusterFacts,
): Promise<ClusterStart | undefined> {
  const { settings } = config;
  const { replicaName: name, peers, join, gossipIntervalMs } = settings;
  const isAsked =
    settings.listenPeers !== "" || settings.gossipPort > 0 || peers.length + join.length > 0;
  if (!isAsked) return undefined;
  if (peers.length > 0 && join.length > 0)
    throw new CliError("replication: either peers (found a cluster) or join (one that exists)");
  const [listenHost, listenPort] = whereToListen(config);
  // Without a log each start is a new incarnation (merge-rules 16); time tells them apart.
  const incarnation = startedMs;
  const hello = {
    cluster: settings.clusterName,
    shardCount: settings.numShards,
    replicationFactor: settings.replicationFactor,
    name,
    incarnation,
    peerAddress: "",
    clientAddress: "",
  };
  let refuse: (error: CliError) => void;
  const refused = new Promise<CliError>((resolve) => {
    refuse = resolve;
  });
  const onRefused = (address: string, reason: Refusal, isServing: boolean): void => {
    const why = misfits[reason];
    if (why !== undefined && !isServing)
      refuse(new CliError(`replication: ${address} does not admit this node: ${why}`));
  };
  const host = new PeerHost({ hello, now, random: Math.random, onRefused });
  const bound = await listen(host, listenHost, listenPort);
  const peerAddress = settings.advertise || `${reachable(listenHost)}:${bound}`;
  const clientHost = reachable(settings.bind[0] ?? "127.0.0.1");
  const clientAddress = `${clientHost}:${port}`;
  host.hello = { ...hello, peerAddress, clientAddress };
  const founding = join.length > 0 ? "never" : peers.length > 0 ? "together" : "alone";
  const cluster: ClusteringOptions = {
    entry: { name, incarnation, state: "alive", peerAddress, clientAddress },
    seeds: join.length > 0 ? join : peers,
    founding,
    replicationFactor: settings.replicationFactor,
    copies: { readsPerCopy: settings.readsPerCopy, windowMs: copyWindowMs },
  };
  const options = {
    incarnation,
    shards: { shardCount: settings.numShards, clockSkewMsMax: settings.maxClockSkewMs },
    timing: {
      ...overTcp,
      exchangeMs: gossipIntervalMs,
      exchangeMsMin: Math.min(200, gossipIntervalMs),
    },
    cluster,
  };
  const line = `Node ${name} of cluster ${settings.clusterName}: peers connect to ${peerAddress}`;
  return { host, options, line, refused };
}

/** What a node cannot serve with, rather than alone and beside its cluster. */
const misfits: Partial<Record<Refusal, string>> = {
  other_cluster: "its cluster has another name (--cluster-name)",
  other_shard_count: "its cluster has another number of shards (--num-shards)",
  other_replication_factor:
    "its cluster keeps another number of copies (--replication-factor); all nodes must agree",
  older_incarnation:
    "it knows a later process of this name (--node): is one running, or was the clock set back?",
};

function whereToListen({ settings }: SkerryConfig): [host: string, port: number] {
  const { listenPeers, gossipPort, bind } = settings;
  if (listenPeers === "") return [bind[0] ?? "127.0.0.1", gossipPort];
  const cut = listenPeers.lastIndexOf(":");
  return [listenPeers.slice(0, cut).replace(/^\[|\]$/g, ""), Number(listenPeers.slice(cut + 1))];
}

/** An address for all interfaces says nothing to others: the machine's name does. */
function reachable(host: string): string {
  if (host === "0.0.0.0" || host === "::" || host === "*") return hostname();
  return host.includes(":") ? `[${host}]` : host;
}

async function listen(host: PeerHost, address: string, port: number): Promise<number> {
  try {
    return await host.listen(address, port);
  } catch (error) {
    const reason = (error as Error).message;
    throw new CliError(`Failed listening for peers on ${address}:${port}: ${reason}`);
  }
}
