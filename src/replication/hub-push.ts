// Dissemination through a hub, for larger clusters: a node sends a new batch to one other node, the
// hub, which joins what it gets and sends everybody one message per window. With 25 nodes and a
// window of 230 ms an update is everywhere after one link, at most one window and another link, and
// costs little more than one message.
//
// Who is the hub follows from the clock: each node has its term, in the order of names. Nothing
// depends on nodes agreeing about it: whoever is asked acts as hub. Clocks that differ, a change of
// term or a cut cost messages only.
//
// The context in the hub's message is the acknowledgement. Without it the hub is avoided for a
// while and the next one is asked. What a lost message carried is missing at its receiver only
// until the next one, whose contexts show the gap, or until an exchange (repair.ts).

import { compareText } from "../base/bytes.js";
import type { Batch } from "../keyspace/batch.js";
import type { Cluster } from "./cluster.js";
import type { Dissemination } from "./dissemination.js";
import type { NodeId } from "./messages.js";
import type { Peer } from "./peer.js";

const nameOf = ({ shard, origin, time }: Batch): string => `${shard} ${origin} ${time}`;

export class HubPush implements Dissemination {
  readonly #cluster: Cluster;
  /** All nodes in the order of their names, this one as undefined. */
  #order: readonly (Peer | undefined)[] = [];
  readonly #suspectUntilMs = new Map<Peer, number>();

  /** Own batches that no peer is known to have, oldest first. */
  #unconfirmed: Batch[] = [];
  #unconfirmedBytes = 0;
  #relayedMs = 0;
  #relayedTo: Peer | undefined;
  #failures = 0;
  #confirmMs: number | undefined;

  /**
   * As hub: what the next message to everybody carries, and what was relayed here and is not joined
   * yet.
   */
  #collected: Batch[] = [];
  readonly #expected = new Set<string>();
  readonly #owed = new Set<Peer>();
  #flushDueMs = Number.POSITIVE_INFINITY;
  #flushedMs = Number.NEGATIVE_INFINITY;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#sort();
  }

  #sort(): void {
    const order: { node: NodeId; peer: Peer | undefined }[] = this.#cluster.peers.map((peer) => ({
      node: peer.node,
      peer,
    }));
    order.push({ node: this.#cluster.self, peer: undefined });
    this.#order = order
      .sort((a, b) => compareText(a.node, b.node))
      .map(({ peer }): Peer | undefined => peer);
  }

  /** A hub gathers what everybody says; nobody waits for one peer. */
  isCrowded(): boolean {
    return false;
  }

  get dueMs(): number {
    return Math.min(this.#flushDueMs, this.#timeoutMs());
  }

  // ---- as a writer

  onLocal(batches: readonly Batch[], now: number): void {
    const hub = this.#hub(now);
    if (hub === undefined) {
      this.#collect(batches, now);
      return;
    }
    this.#keep(batches);
    if (this.#relayedTo === undefined) this.#relayedMs = now;
    if (this.#unconfirmed.length > 0) this.#relayedTo = hub;
    this.#cluster.send(hub, { type: "relay", batches });
  }

  #keep(batches: readonly Batch[]): void {
    const { limits, counters } = this.#cluster;
    for (const batch of batches) {
      if (this.#unconfirmedBytes + batch.bytes > limits.outboxBytesMax) {
        counters.outboxDroppedCount++;
        continue;
      }
      this.#unconfirmed.push(batch);
      this.#unconfirmedBytes += batch.bytes;
    }
  }

  onKnown(peer: Peer, now: number): void {
    if (this.#unconfirmed.length === 0) return;
    const left = this.#unconfirmed.filter((batch) => !peer.covers(batch));
    if (left.length === this.#unconfirmed.length) return;
    if (this.#failures === 0) this.#measure(now - this.#relayedMs);
    this.#unconfirmed = left;
    this.#unconfirmedBytes = left.reduce((sum, batch) => sum + batch.bytes, 0);
    this.#failures = 0;
    // The clock of what is left starts again: some of it was sent only just now.
    this.#relayedMs = now;
    if (left.length === 0) this.#relayedTo = undefined;
  }

  #measure(confirmMs: number): void {
    const before = this.#confirmMs ?? confirmMs;
    this.#confirmMs = before + (confirmMs - before) / 4;
  }

  #timeoutMs(): number {
    if (this.#relayedTo === undefined) return Number.POSITIVE_INFINITY;
    const patience = Math.max(this.#cluster.timing.hubTimeoutMs, 2 * (this.#confirmMs ?? 0));
    return this.#relayedMs + patience * 2 ** Math.min(this.#failures, 2);
  }

  /** No word of what was relayed: the hub is avoided, the next one gets all of it. */
  #relayAgain(now: number): void {
    const { timing, counters } = this.#cluster;
    this.#suspectUntilMs.set(this.#relayedTo!, now + timing.hubSuspectMs);
    this.#failures++;
    this.#relayedMs = now;
    const batches = this.#unconfirmed;
    const hub = this.#hub(now);
    counters.resentBatchCount += batches.length;
    if (hub !== undefined) {
      this.#relayedTo = hub;
      this.#cluster.send(hub, { type: "relay", batches });
      return;
    }
    this.#unconfirmed = [];
    this.#unconfirmedBytes = 0;
    this.#relayedTo = undefined;
    this.#collect(batches, now);
  }

  /** The node whose term it is, or the next that is not suspected; undefined means this one. */
  #hub(now: number): Peer | undefined {
    const count = this.#order.length;
    const term = Math.floor(this.#cluster.shards.keyspace.nowMs / this.#cluster.timing.hubTermMs);
    for (let step = 0; step < count; step++) {
      const node = this.#order[(term + step) % count];
      if (node === undefined || (this.#suspectUntilMs.get(node) ?? now) <= now) return node;
    }
    return undefined;
  }

  // ---- as a hub

  onRelay(from: Peer, batches: readonly Batch[], now: number): void {
    const { shards, limits } = this.#cluster;
    for (const batch of batches) {
      const isJoined = shards.shards[batch.shard]!.context.covers(batch.time, batch.origin);
      // Sent a second time: everybody has been told or will find out, only the sender waits for
      // word.
      if (isJoined) {
        this.#owed.add(from);
        continue;
      }
      // Names of batches that came by other ways stay behind; at the bound all go, and repair
      // brings the news.
      if (this.#expected.size >= limits.inboxBatchCountMax) this.#expected.clear();
      this.#expected.add(nameOf(batch));
    }
    if (this.#owed.size > 0) this.#flushBy(now);
  }

  /**
   * A hub passes on only what it has joined, so who gets it can join it or ask this node for what
   * is missing.
   */
  onJoined(batches: readonly Batch[], now: number): void {
    if (this.#expected.size === 0) return;
    this.#collect(
      batches.filter((batch) => this.#expected.delete(nameOf(batch))),
      now,
    );
  }

  #collect(batches: readonly Batch[], now: number): void {
    if (batches.length === 0) return;
    for (const batch of batches) this.#collected.push(batch);
    this.#flushBy(now);
  }

  #flushBy(now: number): void {
    this.#flushDueMs = Math.min(
      this.#flushDueMs,
      Math.max(now, this.#flushedMs + this.#cluster.timing.hubWindowMs),
    );
  }

  #flush(now: number): void {
    const collected = this.#collected;
    const shards = new Set(collected.map((batch) => batch.shard));
    const contexts = this.#cluster.contexts(shards);
    for (const peer of this.#cluster.peers) {
      if (collected.length === 0 && !this.#owed.has(peer)) continue;
      // A node's own batches do not go back to it; the context tells it that they were received.
      const batches = collected.filter((batch) => !peer.covers(batch));
      const told = collected.length > 0 && !this.#owed.has(peer) ? contexts : undefined;
      this.#cluster.send(peer, {
        type: "delta",
        batches,
        contexts: told ?? this.#cluster.contexts(),
        isAnswer: false,
      });
    }
    this.#collected = [];
    this.#owed.clear();
    this.#flushDueMs = Number.POSITIVE_INFINITY;
    this.#flushedMs = now;
  }

  // ---- the rest

  /**
   * A hub's message needs no acknowledgement; that of a node in direct mode finds out by exchange.
   */
  onPushed(): void {}

  onReturn(): void {}

  waitingFor(): { readonly count: number; readonly bytes: number } {
    return { count: this.#unconfirmed.length, bytes: this.#unconfirmedBytes };
  }

  /** Through hubs only where every node holds every shard. */
  onReleased(): void {}

  onAdded(): void {
    this.#sort();
  }

  onRemoved(peer: Peer): void {
    this.#sort();
    this.#suspectUntilMs.delete(peer);
    this.#owed.delete(peer);
  }

  onDue(now: number): void {
    if (this.#flushDueMs <= now) this.#flush(now);
    if (this.#timeoutMs() <= now) this.#relayAgain(now);
  }
}
