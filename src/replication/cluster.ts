// What the parts of a replicator share: the peers, the way to them, and counters.

import { assert } from "../base/assert.js";
import type { Prng } from "../base/prng.js";
import type { Shards } from "../keyspace/shards.js";
import { everywhere, type Holdings } from "./holdings.js";
import type { Body, NodeId, ReplicationMessage, ShardContext } from "./messages.js";
import { Peer } from "./peer.js";
import type { Limits, Timing } from "./timing.js";

/** Takes messages away. They may be lost; nobody waits for them. */
export interface Port {
  send(to: NodeId, message: ReplicationMessage): void;
}

/** Since the start; nothing that is dropped or repeated goes uncounted. */
export interface Counters {
  sentCount: number;
  sentBatchCount: number;
  /** Pushes repeated for want of an acknowledgement, as batches. */
  resentBatchCount: number;
  /** Own batches not kept for a peer, because too many waited; the peer will ask for them. */
  outboxDroppedCount: number;
  pullCount: number;
  stateSentCount: number;
  /** Parts of long states. */
  statePartCount: number;
  stateJoinedCount: number;
  /** Comparisons by digests: begun as giver, answered as taker; shards brought up to date so. */
  offerSentCount: number;
  inquirySentCount: number;
  differenceJoinedCount: number;
  /** States refused for the clock or for a false identity. */
  stateRefusedCount: number;
  malformedCount: number;
  unknownPeerCount: number;
}

export class Cluster {
  readonly self: NodeId;
  readonly shards: Shards;
  /** The other nodes; they come and go by `Replicator.addPeer` and `removePeer`. */
  readonly peers: Peer[];
  readonly timing: Timing;
  readonly limits: Limits;
  readonly prng: Prng;
  readonly counters: Counters = {
    sentCount: 0,
    sentBatchCount: 0,
    resentBatchCount: 0,
    outboxDroppedCount: 0,
    pullCount: 0,
    stateSentCount: 0,
    statePartCount: 0,
    stateJoinedCount: 0,
    offerSentCount: 0,
    inquirySentCount: 0,
    differenceJoinedCount: 0,
    stateRefusedCount: 0,
    malformedCount: 0,
    unknownPeerCount: 0,
  };
  holdings: Holdings = everywhere;
  readonly #port: Port;

  constructor(
    shards: Shards,
    port: Port,
    parts: {
      self: NodeId;
      peers: readonly NodeId[];
      timing: Timing;
      limits: Limits;
      prng: Prng;
    },
  ) {
    assert(!parts.peers.includes(parts.self), "a node is not its own peer");
    this.self = parts.self;
    this.shards = shards;
    shards.isHeld = (shard) => this.holdings.holds(shard);
    this.#port = port;
    this.peers = parts.peers.map((node) => new Peer(node, shards.keyspace.replicas));
    this.timing = parts.timing;
    this.limits = parts.limits;
    this.prng = parts.prng;
  }

  peer(node: NodeId): Peer | undefined {
    return this.peers.find((peer) => peer.node === node);
  }

  send(peer: Peer, body: Body): void {
    this.sendAll([peer], body);
  }

  /** One message for several peers: it is the same object, so that its bytes are made once. */
  sendAll(peers: readonly Peer[], body: Body): void {
    // What leaves must be closed (merge-rules 3): an open batch is half written. Batches are, and
    // an acknowledgement says nothing about what is not.
    if (body.type !== "delta") this.shards.settle();
    const { keyspace, released } = this.shards;
    const message = { sender: keyspace.self, releases: released.count, body };
    for (const { node } of peers) {
      this.counters.sentCount++;
      if ("batches" in body) this.counters.sentBatchCount += body.batches.length;
      this.#port.send(node, message);
    }
  }

  /** Whether a peer holds every shard, as where each node does. */
  get isEverywhere(): boolean {
    return this.holdings === everywhere;
  }

  /** Whether this node and a peer both hold a shard. */
  isShared(peer: Peer, shard: number): boolean {
    return this.holdings.holds(shard) && this.holdings.peerHolds(peer.node, shard);
  }

  /** Whether what a peer has not confirmed of a shard is kept for it. */
  isAwaited(peer: Peer, shard: number): boolean {
    return this.isShared(peer, shard) && this.holdings.awaits(peer.node, shard);
  }

  /** What this node has seen of some shards, or of all that are not empty. */
  contexts(shards: Iterable<number> = this.shards.shards.keys()): ShardContext[] {
    const contexts: ShardContext[] = [];
    for (const shard of [...shards].sort((a, b) => a - b)) {
      const { context } = this.shards.shards[shard]!;
      // A copy: the message may be read only after the context has grown.
      if (!context.isEmpty) contexts.push({ shard, context: context.clone() });
    }
    return contexts;
  }
}
