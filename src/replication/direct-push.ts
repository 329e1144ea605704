// Direct dissemination, for small clusters: each node sends its own batches to every peer at once.
// Nobody passes on the batches of others, so none goes back where it came from; who missed one asks
// for it (repair.ts).
//
// A link keeps what its peer has not acknowledged. An acknowledgement is the peer's context,
// piggybacked on its own batches or sent after a short delay. Without one the oldest part is sent
// again, more and more rarely, as a probe.
//
// Bounded twice: what is on its way (the window) and what waits (the outbox). A batch that finds
// the outbox full is not kept for that peer; it is counted, and the peer will find out that it
// lacks it.

import { buggify } from "../base/buggify.js";
import type { ReplicaIndex } from "../clock/stamp.js";
import { VersionVector } from "../clock/version-vector.js";
import type { Batch } from "../keyspace/batch.js";
import type { Cluster } from "./cluster.js";
import type { Dissemination } from "./dissemination.js";
import type { ShardContext } from "./messages.js";
import type { Peer } from "./peer.js";

/** From so much on peers share one message; below, each gets its acknowledgements along with it. */
const sharedBytesMin = 8 * 1024;

/** For so long after its last acknowledgement a peer may slow this node's clients down. */
const crowdedMsMax = 500;

interface Link {
  readonly peer: Peer;
  /** Own batches without acknowledgement, oldest first; the first `sentCount` are on their way. */
  outbox: Batch[];
  bytes: number;
  sentCount: number;
  sentBytes: number;
  windowBytes: number;
  /** When something was sent or acknowledged last. */
  movedMs: number;
  /** Sends in a row without acknowledgement. */
  attempts: number;
  /** When the peer acknowledged something last. */
  ackedMs: number;
  /** Streams that are to be acknowledged: origins by shard; and how much came on them. */
  readonly owed: Map<number, Set<ReplicaIndex>>;
  owedBytes: number;
  ackDueMs: number;
}

export class DirectPush implements Dissemination {
  readonly #cluster: Cluster;
  #links: Link[];

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#links = cluster.peers.map((peer) => newLink(peer, cluster.limits.windowBytesMax));
  }

  waitingFor(peer: Peer): { readonly count: number; readonly bytes: number } {
    const { outbox, bytes } = this.#linkOf(peer);
    return { count: outbox.length, bytes };
  }

  onAdded(peer: Peer): void {
    this.#links.push(newLink(peer, this.#cluster.limits.windowBytesMax));
  }

  onRemoved(peer: Peer): void {
    this.#links = this.#links.filter((link) => link.peer !== peer);
  }

  /**
   * A peer that takes what it is sent takes it more slowly than it is made: what waits for it would
   * grow beyond the outbox, and whole states cost far more. A peer that has not acknowledged for a
   * while holds nobody up; repair is for that.
   */
  isCrowded(now: number): boolean {
    const { crowdedBytes } = this.#cluster.limits;
    for (const { bytes, ackedMs } of this.#links)
      if (bytes > crowdedBytes && now - ackedMs < crowdedMsMax) return true;
    return false;
  }

  get dueMs(): number {
    let due = Number.POSITIVE_INFINITY;
    for (const link of this.#links) due = Math.min(due, link.ackDueMs, this.#resendMs(link));
    return due;
  }

  // Spec: Gossip.Write.
  onLocal(batches: readonly Batch[], now: number): void {
    if (!this.#cluster.isEverywhere) {
      const { holdings } = this.#cluster;
      for (const link of this.#links) {
        const held = batches.filter(({ shard }) => holdings.peerHolds(link.peer.node, shard));
        if (held.length === 0) continue;
        this.#keep(link, held);
        this.#pump(link, now);
      }
      return;
    }
    const bytes = bytesOf(batches);
    if (bytes < sharedBytesMin) {
      for (const link of this.#links) {
        this.#keep(link, batches);
        this.#pump(link, now);
      }
      return;
    }
    const free: Link[] = [];
    for (const link of this.#links) {
      if (this.#keep(link, batches) && this.#takeWindow(link, bytes, now)) free.push(link);
      else this.#pump(link, now);
    }
    if (free.length === 0) return;
    const peers = free.map(({ peer }) => peer);
    // What is owed to one of them goes by itself: all get the same bytes.
    this.#cluster.sendAll(peers, { type: "delta", batches, contexts: [], isAnswer: false });
  }

  /** Keeps batches for a peer; true when there was room for all. */
  #keep(link: Link, batches: readonly Batch[]): boolean {
    const { outboxBytesMax } = this.#cluster.limits;
    let kept = 0;
    for (const batch of batches) {
      const isFull = link.bytes + batch.bytes > outboxBytesMax && link.outbox.length > 0;
      if (isFull || buggify("outbox_is_full")) {
        this.#cluster.counters.outboxDroppedCount++;
        continue;
      }
      link.outbox.push(batch);
      link.bytes += batch.bytes;
      kept++;
    }
    return kept === batches.length;
  }

  /** Counts all that waits as sent, if the window admits it and it is these bytes only. */
  #takeWindow(link: Link, bytes: number, now: number): boolean {
    const isFull = link.sentBytes > 0 && link.sentBytes + bytes > link.windowBytes;
    if (isFull || link.bytes !== link.sentBytes + bytes || buggify("window_is_small")) return false;
    if (link.sentCount === 0) link.movedMs = now;
    link.sentCount = link.outbox.length;
    link.sentBytes = link.bytes;
    return true;
  }

  onPushed(from: Peer, batches: readonly Batch[], now: number): void {
    const link = this.#linkOf(from);
    for (const { shard, origin } of batches) {
      const origins = link.owed.get(shard);
      if (origins === undefined) link.owed.set(shard, new Set([origin]));
      else origins.add(origin);
    }
    link.owedBytes += bytesOf(batches);
    if (link.owedBytes >= this.#cluster.limits.ackBytesMax) this.#send(link, []);
    else if (link.owed.size > 0)
      link.ackDueMs = Math.min(link.ackDueMs, now + this.#cluster.timing.ackDelayMs);
  }

  /** From a node that works with hubs: joined like a push, and acknowledged, but not passed on. */
  onRelay(from: Peer, batches: readonly Batch[], now: number): void {
    this.onPushed(from, batches, now);
  }

  onJoined(): void {}

  onKnown(peer: Peer, now: number): void {
    const link = this.#linkOf(peer);
    if (link.outbox.length === 0) return;
    const before = link.outbox.length;
    const sent = link.outbox.slice(0, link.sentCount).filter((batch) => !peer.covers(batch));
    const unsent = link.outbox.slice(link.sentCount).filter((batch) => !peer.covers(batch));
    if (sent.length + unsent.length === before) return;
    // Karn's rule: after a repetition nobody knows which sending was answered.
    if (link.attempts === 0 && sent.length < link.sentCount) peer.measure(now - link.movedMs);
    link.outbox = [...sent, ...unsent];
    link.sentCount = sent.length;
    link.sentBytes = bytesOf(sent);
    link.bytes = link.sentBytes + bytesOf(unsent);
    link.attempts = 0;
    link.movedMs = now;
    link.ackedMs = now;
    link.windowBytes = this.#cluster.limits.windowBytesMax;
    this.#pump(link, now);
  }

  onReturn(peer: Peer): void {
    const link = this.#linkOf(peer);
    // The new incarnation has nothing of the streams' beginnings: it asks for all of them.
    link.outbox = [];
    link.bytes = 0;
    link.sentCount = 0;
    link.sentBytes = 0;
    link.attempts = 0;
    this.#forgetOwed(link);
  }

  #forgetOwed(link: Link): void {
    link.owed.clear();
    link.owedBytes = 0;
    link.ackDueMs = Number.POSITIVE_INFINITY;
  }

  onReleased(shards: readonly number[]): void {
    for (const { owed } of this.#links) for (const shard of shards) owed.delete(shard);
  }

  /** What a peer does not hold any more it will never acknowledge. */
  #dropElsewhere(link: Link): void {
    const { holdings } = this.#cluster;
    const { node } = link.peer;
    link.outbox = link.outbox.filter(({ shard }) => holdings.peerHolds(node, shard));
    link.bytes = bytesOf(link.outbox);
  }

  onDue(now: number): void {
    for (const link of this.#links) {
      if (this.#resendMs(link) <= now) {
        link.attempts++;
        this.#cluster.counters.resentBatchCount += link.sentCount;
        link.sentCount = 0;
        link.sentBytes = 0;
        if (!this.#cluster.isEverywhere) this.#dropElsewhere(link);
        link.windowBytes = this.#cluster.limits.probeBytesMax;
        this.#pump(link, now);
      }
      if (link.ackDueMs <= now) this.#send(link, []);
    }
  }

  /** Sends what the window admits: at least one batch when nothing is on its way. */
  // Spec: Gossip.Push.
  #pump(link: Link, now: number): void {
    const batches: Batch[] = [];
    const wasIdle = link.sentCount === 0;
    while (link.sentCount < link.outbox.length) {
      const batch = link.outbox[link.sentCount]!;
      const isFull = link.sentBytes + batch.bytes > link.windowBytes || buggify("window_is_small");
      if (link.sentBytes > 0 && isFull) break;
      // What the peer has told of by another way may be gone already (base/leased-memory.ts), and
      // so may be what concerns a shard that the peer does not hold.
      if (!link.peer.covers(batch) && batch.lease?.isOver !== true) batches.push(batch);
      link.sentCount++;
      link.sentBytes += batch.bytes;
    }
    // Also where nothing is left to send: it would be due again at once.
    if (wasIdle) link.movedMs = now;
    if (batches.length > 0) this.#send(link, batches);
  }

  #send(link: Link, batches: readonly Batch[]): void {
    const contexts = this.#takeOwed(link);
    this.#cluster.send(link.peer, { type: "delta", batches, contexts, isAnswer: false });
  }

  #takeOwed(link: Link): ShardContext[] {
    const contexts: ShardContext[] = [];
    for (const shard of [...link.owed.keys()].sort((a, b) => a - b)) {
      const seen = this.#cluster.shards.shards[shard]!.context;
      const context = new VersionVector();
      for (const origin of link.owed.get(shard)!) context.advance(origin, seen.get(origin));
      contexts.push({ shard, context });
    }
    this.#forgetOwed(link);
    return contexts;
  }

  /** When what is on its way counts as lost. */
  #resendMs(link: Link): number {
    if (link.sentCount === 0) return Number.POSITIVE_INFINITY;
    const { resendMsMin, resendMsMax } = this.#cluster.timing;
    const patience = Math.max(resendMsMin, 3 * (link.peer.roundTripMs ?? 0));
    return link.movedMs + Math.min(Math.max(resendMsMax, patience), patience * 2 ** link.attempts);
  }

  #linkOf(peer: Peer): Link {
    return this.#links.find((link) => link.peer === peer)!;
  }
}

const newLink = (peer: Peer, windowBytes: number): Link => ({
  peer,
  outbox: [],
  bytes: 0,
  sentCount: 0,
  sentBytes: 0,
  windowBytes,
  movedMs: 0,
  attempts: 0,
  ackedMs: Number.NEGATIVE_INFINITY,
  owed: new Map(),
  owedBytes: 0,
  ackDueMs: Number.POSITIVE_INFINITY,
});

const bytesOf = (batches: readonly Batch[]): number =>
  batches.reduce((sum, batch) => sum + batch.bytes, 0);
