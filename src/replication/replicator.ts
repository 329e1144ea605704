// Replication of the keyspace among the nodes of a cluster, as a state machine: told of closed
// batches, of messages and of the time, it answers with messages. It reads no clock and sends
// nothing itself (`Port`).
//
// A batch travels by push (dissemination.ts: direct or through a hub), waits in the inbox until it
// can be joined, and is repaired (repair.ts) when it gets lost. Convergence depends on repair
// alone.
//
// Left out: deciding who belongs to the cluster (membership.ts), placement (every node holds every
// shard), waiting for durability.

import { MalformedBytes } from "../base/bytes.js";
import type { Prng } from "../base/prng.js";
import type { Batch } from "../keyspace/batch.js";
import type { Shards } from "../keyspace/shards.js";
import { Cluster, type Counters, type Port } from "./cluster.js";
import { DirectPush } from "./direct-push.js";
import type { Dissemination } from "./dissemination.js";
import { type Handing, Handover } from "./handover.js";
import type { Holdings } from "./holdings.js";
import { HubPush } from "./hub-push.js";
import { Inbox } from "./inbox.js";
import type { Delta, NodeId, Relay, ReplicationMessage } from "./messages.js";
import { Peer } from "./peer.js";
import { Repair } from "./repair.js";
import { defaultLimits, defaultTiming, hubTiming, type Limits, type Timing } from "./timing.js";

export type DisseminationMode = "direct" | "hub";

/** From this many nodes on a hub saves more messages than it costs time. */
const hubNodeCountMin = 10;

export const modeFor = (nodeCount: number): DisseminationMode =>
  nodeCount < hubNodeCountMin ? "direct" : "hub";

export interface ReplicatorOptions {
  readonly self: NodeId;
  /** The other nodes. */
  readonly peers: readonly NodeId[];
  /** Default: by the number of nodes. All nodes of a cluster should agree, and need not. */
  readonly mode?: DisseminationMode;
  readonly prng: Prng;
  readonly timing?: Partial<Timing>;
  readonly limits?: Partial<Limits>;
}

/** Gauges beside the counters. */
export interface ReplicatorStatus extends Counters {
  readonly waitingCount: number;
  readonly waitingBytes: number;
  /** Held because their makers' clocks are far ahead. */
  readonly earlyCount: number;
  readonly inboxDroppedCount: number;
  readonly duplicateCount: number;
  readonly foreignCount: number;
  /** Batches of shards that this node does not hold. */
  readonly elsewhereCount: number;
  readonly logBytes: number;
}

export interface PeerLag {
  readonly waitingCount: number;
  readonly waitingBytes: number;
  /** Shards of which the peer lacks something that is here, and the other way round. */
  readonly behindShards: number;
  readonly aheadShards: number;
  /**
   * Batches in this node's logs that may not be forgotten before the peer has confirmed them
   * (causal stability), and their bytes.
   */
  readonly heldBatches: number;
  readonly heldBytes: number;
}

export class Replicator {
  readonly mode: DisseminationMode;
  readonly #cluster: Cluster;
  readonly #inbox: Inbox;
  readonly #repair: Repair;
  readonly #push: Dissemination;
  readonly #handover: Handover;
  #retryDueMs = Number.POSITIVE_INFINITY;

  /**
   * @param now milliseconds of any steady clock, as everywhere below; stamps and the hub's term
   * take the wall clock from the keyspace's turn.
   */
  constructor(shards: Shards, port: Port, options: ReplicatorOptions, now: number) {
    shards.open();
    this.mode = options.mode ?? modeFor(options.peers.length + 1);
    this.#cluster = new Cluster(shards, port, {
      self: options.self,
      peers: options.peers,
      prng: options.prng,
      timing: { ...(this.mode === "hub" ? hubTiming : defaultTiming), ...options.timing },
      limits: { ...defaultLimits, ...options.limits },
    });
    const { limits } = this.#cluster;
    this.#inbox = new Inbox(shards, {
      batchCountMax: limits.inboxBatchCountMax,
      bytesMax: limits.inboxBytesMax,
      waitMsMax: limits.inboxWaitMsMax,
      patienceMs: limits.inboxPatienceMs,
    });
    this.#repair = new Repair(this.#cluster, this.#inbox, now);
    // A hub may pass on what everybody has learnt of meanwhile by other ways.
    if (this.mode === "direct") shards.reuseMemory();
    this.#handover = new Handover(this.#cluster);
    this.#push = this.mode === "hub" ? new HubPush(this.#cluster) : new DirectPush(this.#cluster);
  }

  /** A node has joined the cluster, or is known at last. */
  addPeer(node: NodeId): void {
    if (this.#cluster.peer(node) !== undefined) return;
    const peer = new Peer(node, this.#cluster.shards.keyspace.replicas);
    this.#cluster.peers.push(peer);
    this.#push.onAdded(peer);
  }

  /** A node has left for good: nothing waits for it any more. */
  removePeer(node: NodeId): void {
    const peer = this.#cluster.peer(node);
    if (peer === undefined) return;
    this.#cluster.peers.splice(this.#cluster.peers.indexOf(peer), 1);
    this.#push.onRemoved(peer);
    this.#repair.onRemoved(peer);
  }

  /** Who holds which shard; by default every node holds every one. */
  set holdings(holdings: Holdings) {
    this.#cluster.holdings = holdings;
  }

  /** Whether this node has all of a shard that a peer has told of since a time. */
  hasAllOf(node: NodeId, shard: number, sinceMs: number): boolean {
    const peer = this.#cluster.peer(node);
    return peer === undefined || this.#repair.hasAllOf(peer, shard, sinceMs);
  }

  /**
   * Gives up those of the shards that all their keepers have; answers which (handover.ts). To be
   * called often, with all that are to go.
   */
  handOver(handings: readonly Handing[], now: number): number[] {
    const done = this.#handover.look(handings, now);
    if (done.length === 0) return done;
    this.#cluster.shards.release(done);
    this.#repair.onReleased(done);
    this.#push.onReleased(done);
    return done;
  }

  /** Asks a peer how far it is, unless it has said so since it was met. */
  askFirst(node: NodeId): void {
    const peer = this.#cluster.peer(node);
    if (peer !== undefined && !this.#repair.hasTold(peer)) this.#repair.ask(peer);
  }

  /** Asks every peer how far it is. */
  inquire(): void {
    for (const peer of this.#cluster.peers) this.#repair.inquire(peer);
  }

  /** A way to a peer has opened. */
  onLinked(node: NodeId): void {
    const peer = this.#cluster.peer(node);
    if (peer !== undefined) this.#repair.onLinked(peer);
  }

  /** Whether this node has all that the peer had when it was asked. */
  hasCaughtUpWith(node: NodeId): boolean {
    const peer = this.#cluster.peer(node);
    return peer === undefined || this.#repair.hasCaughtUpWith(peer);
  }

  /** How far a peer is behind and ahead, as far as it has told; undefined for a stranger. */
  lagOf(node: NodeId): PeerLag | undefined {
    const peer = this.#cluster.peer(node);
    if (peer === undefined) return undefined;
    const { count, bytes } = this.#push.waitingFor(peer);
    let behindShards = 0;
    let aheadShards = 0;
    let heldBatches = 0;
    let heldBytes = 0;
    for (const { index, context } of this.#cluster.shards.shards) {
      if (!this.#cluster.isShared(peer, index)) continue;
      const known = peer.known(index);
      if (!known.includes(context)) behindShards++;
      if (!context.includes(known)) aheadShards++;
      if (!this.#cluster.isAwaited(peer, index)) continue;
      for (const batch of this.#cluster.shards.shards[index]!.batches()) {
        if (known.covers(batch.time, batch.origin)) continue;
        heldBatches++;
        heldBytes += batch.bytes;
      }
    }
    return {
      waitingCount: count,
      waitingBytes: bytes,
      behindShards,
      aheadShards,
      heldBatches,
      heldBytes,
    };
  }

  /**
   * Whether every peer has all that this replica has written itself, and somebody each thing that
   * is here. Others may go on writing: what a peer wrote that peer has.
   */
  get isHandedOver(): boolean {
    const { peers, shards } = this.#cluster;
    shards.settle();
    const { self } = shards.keyspace;
    return shards.shards.every(({ index, context }) => {
      if (context.isEmpty) return true;
      const holders = peers.filter((peer) => this.#cluster.isShared(peer, index));
      const isOwnThere = holders.every((peer) => peer.known(index).covers(context.get(self), self));
      // What somebody wrote who is no more may be here alone.
      const { holdings } = this.#cluster;
      const servers = holders.filter((peer) => holdings.peerServes(peer.node, index));
      const isAllThere = [...context.entries()].every(([origin, time]) =>
        servers.some((peer) => peer.known(index).covers(time, origin)),
      );
      return isOwnThere && isAllThere;
    });
  }

  /** Whether a peer has, or may have, what a replica wrote up to a time. */
  mayHave(node: NodeId, shard: number, replica: string, time: number): boolean {
    const peer = this.#cluster.peer(node);
    if (peer === undefined) return false;
    const { replicas } = this.#cluster.shards.keyspace;
    const isKnown = peer.known(shard).covers(time, replicas.indexOf(replica));
    return isKnown || !this.#repair.hasTold(peer);
  }

  /** Before this the open batch need not be closed. */
  batchDueMs = Number.NEGATIVE_INFINITY;

  /** This node closed batches (`Shards.onClosed`): they are pushed. */
  onLocalBatches(batches: readonly Batch[], now: number): void {
    this.batchDueMs = now + this.#cluster.timing.batchMsMin;
    if (this.#cluster.peers.length > 0) this.#push.onLocal(batches, now);
  }

  /** Whether replies to writers are to be held back, because peers do not keep up. */
  isCrowded(now: number): boolean {
    return this.#push.isCrowded(now);
  }

  /** A message from a peer. Whatever is wrong with it is counted and does no harm. */
  onMessage(from: NodeId, message: ReplicationMessage, now: number): void {
    const { shards, counters } = this.#cluster;
    const peer = this.#cluster.peer(from);
    if (peer === undefined) {
      counters.unknownPeerCount++;
      return;
    }
    // An acknowledgement lets nothing in or out (merge-rules 3).
    const { body } = message;
    const isAck = body.type === "delta" && body.batches.length === 0 && !body.isAnswer;
    if (!isAck) shards.settle();
    const isPresent = peer.hear(message.sender, now, () => {
      this.#push.onReturn(peer, now);
      this.#repair.onForgotten(peer);
      this.#repair.compareWith(peer);
    });
    // Words of a past incarnation about itself are void. The batches it made are as good as any.
    const onMore = (): void => {
      this.#repair.onForgotten(peer);
      this.#repair.inquire(peer);
    };
    if (isPresent && peer.hearReleases(message.releases ?? 0, onMore))
      this.#onPresent(peer, message, now);
    else if ("batches" in message.body) this.#join(message.body.batches, now);
  }

  #onPresent(peer: Peer, { body }: ReplicationMessage, now: number): void {
    switch (body.type) {
      case "delta":
        this.#onDelta(peer, body, now);
        break;
      case "relay":
        this.#onRelay(peer, body, now);
        break;
      case "summary":
        this.#repair.onSummary(peer, body, now);
        break;
      case "contexts":
        this.#repair.onContexts(peer, body, now);
        break;
      case "pull":
        this.#repair.onPull(peer, body, now);
        return;
      case "state":
        this.#onState(peer, body.bytes, now);
        return;
      case "state_part": {
        const whole = this.#repair.states.onPart(peer, body, now);
        if (whole !== undefined) this.#onState(peer, whole, now);
        return;
      }
      case "state_more":
        this.#repair.states.onMore(peer, body.id, body.at, now);
        return;
      case "offer":
        this.#repair.comparison.onOffer(peer, body, now);
        return;
      case "inquiry":
        this.#repair.comparison.onInquiry(peer, body, now);
        return;
      case "release":
        this.#handover.onRelease(peer, body);
        return;
      case "kept":
        this.#handover.onKept(peer, body);
        return;
      case "difference":
        this.#takeState(peer, now, () => this.#repair.comparison.onDifference(peer, body, now));
        return;
    }
    this.#push.onKnown(peer, now);
    this.#repair.onKnown(now);
  }

  #onDelta(peer: Peer, { batches, contexts, isAnswer }: Delta, now: number): void {
    this.#repair.learnBatches(peer, batches);
    const hasNews = this.#join(batches, now);
    for (const context of contexts) this.#repair.learn(peer, context, now);
    this.#repair.noteLacks(peer, batches, now);
    if (isAnswer) this.#repair.onAnswer(peer, hasNews, now);
    else if (batches.length > 0) this.#push.onPushed(peer, batches, now);
  }

  #onRelay(peer: Peer, { batches }: Relay, now: number): void {
    this.#repair.learnBatches(peer, batches);
    this.#push.onRelay(peer, batches, now);
    this.#join(batches, now);
    this.#repair.noteLacks(peer, batches, now);
  }

  #onState(peer: Peer, bytes: Uint8Array, now: number): void {
    const { shards, counters } = this.#cluster;
    this.#takeState(peer, now, () => {
      const outcome = shards.joinShard(bytes);
      if (outcome === "joined") counters.stateJoinedCount++;
      else counters.stateRefusedCount++;
      return outcome === "joined";
    });
  }

  /** @param join answers whether it joined anything; may throw `MalformedBytes`. */
  #takeState(peer: Peer, now: number, join: () => boolean): void {
    try {
      if (!join()) return;
    } catch (error) {
      if (!(error instanceof MalformedBytes)) throw error;
      this.#cluster.counters.malformedCount++;
      return;
    }
    this.#repair.onState(peer, now);
    this.#onJoined(this.#inbox.retry(now), now);
  }

  /** Whether any of the batches was new. */
  #join(batches: readonly Batch[], now: number): boolean {
    const before = this.#inbox.admittedCount;
    this.#onJoined(this.#inbox.take(batches, now), now);
    return this.#inbox.admittedCount > before;
  }

  #onJoined(joined: readonly Batch[], now: number): void {
    if (joined.length > 0) this.#push.onJoined(joined, now);
    if (this.#inbox.count === 0) this.#retryDueMs = Number.POSITIVE_INFINITY;
    else this.#retryDueMs = Math.min(this.#retryDueMs, now + this.#cluster.timing.retryMs);
  }

  /** Does what is due. To be called at `nextDueMs`, or any time. */
  tick(now: number): void {
    if (this.#retryDueMs <= now) {
      this.#cluster.shards.settle();
      // Batches that were too early may have come of age.
      this.#retryDueMs = Number.POSITIVE_INFINITY;
      this.#onJoined(this.#inbox.retry(now), now);
    }
    if (this.#push.dueMs <= now) this.#push.onDue(now);
    if (this.#repair.dueMs <= now) this.#repair.onDue(now);
  }

  /** When `tick` is to be called next. */
  nextDueMs(): number {
    return Math.min(this.#retryDueMs, this.#push.dueMs, this.#repair.dueMs);
  }

  status(): ReplicatorStatus {
    return {
      ...this.#cluster.counters,
      waitingCount: this.#inbox.count,
      waitingBytes: this.#inbox.bytes,
      earlyCount: this.#inbox.earlyCount,
      inboxDroppedCount: this.#inbox.droppedCount,
      duplicateCount: this.#inbox.duplicateCount,
      foreignCount: this.#inbox.foreignCount,
      elsewhereCount: this.#inbox.elsewhereCount,
      logBytes: this.#cluster.shards.logBytes,
    };
  }
}
