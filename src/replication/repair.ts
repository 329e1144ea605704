// Repair: finding out what is missing and asking for it. It alone brings replicas together,
// whatever was lost; the pushes only make it fast.
//
//  1. Exchange. Every interval one peer, in a shuffled round, gets a hash of what this node has
//     seen of the streams up to a moment ago. Equality is silent. Otherwise contexts go back and
//     forth.
//  2. Pull. What a peer is known to have and this node lacks may still be on its way; after a delay
//     it is asked for.
//  3. State. What the peer's log no longer has comes as the shard's state, or, where both sides
//     have much, as the keys in which the two differ (difference.ts).
//
// At most one pull per peer is outstanding; an answer is bounded and tells how far the peer is, so
// the rest is asked for again. After a difference the next exchange comes soon: news spreads in a
// few rounds.

import { buggify } from "../base/buggify.js";
import { timeOfMs } from "../clock/stamp.js";
import { VersionVector } from "../clock/version-vector.js";
import type { Batch } from "../keyspace/batch.js";
import type { Shards } from "../keyspace/shards.js";
import type { Cluster } from "./cluster.js";
import { Comparison } from "./difference.js";
import type { Inbox } from "./inbox.js";
import type { Contexts, Pull, ShardContext, Summary } from "./messages.js";
import type { Peer } from "./peer.js";
import { SettledHash } from "./settled-hash.js";
import { StateTransfer } from "./state-transfer.js";

/** A pull without an answer so far. */
interface Outstanding {
  readonly untilMs: number;
  /** A state has come of it. */
  hasProgress: boolean;
}

export class Repair {
  readonly #cluster: Cluster;
  readonly #inbox: Inbox;
  readonly #hash: SettledHash;
  /** Peers still to be visited in this round. */
  #round: Peer[] = [];
  #exchangeDueMs: number;
  #exchangeGapMs: number;
  #forgetDueMs: number;
  /** Shards of which somebody has more, and when to ask. */
  readonly #lacking = new Map<number, number>();
  readonly #pulling = new Map<Peer, Outstanding>();
  readonly states: StateTransfer;
  readonly comparison: Comparison;
  /** Peers that have said how far they are: until then nothing is known of what is missing. */
  readonly #told = new Map<Peer, readonly ShardContext[]>();
  /** When a peer last told all that it has. */
  readonly #contextsMs = new Map<Peer, number>();

  constructor(cluster: Cluster, inbox: Inbox, now: number) {
    this.#cluster = cluster;
    this.#inbox = inbox;
    this.#hash = new SettledHash(cluster.shards);
    this.states = new StateTransfer(cluster);
    this.comparison = new Comparison(cluster, this.states);
    // What has come back takes nothing in before its whole state.
    inbox.isForeign = (shard) =>
      !cluster.holdings.holds(shard) || cluster.shards.released.isBare(shard);
    // Where nodes hold different shards a part may be joined that the others never left.
    inbox.isTorn = (batch, shard) =>
      !cluster.isEverywhere &&
      cluster.peers.some((peer) => peer.covers(batch)) &&
      !cluster.peers.some((peer) => peer.known(shard).covers(batch.time, batch.origin));
    inbox.isHeld = (shard) => this.comparison.isHeld(shard);
    const { exchangeMs, forgetMs } = cluster.timing;
    this.#exchangeGapMs = exchangeMs;
    // Nodes that start together do not all talk at once.
    this.#exchangeDueMs = now + cluster.prng.below(exchangeMs);
    this.#forgetDueMs = now + forgetMs;
  }

  get dueMs(): number {
    let due = Math.min(this.#exchangeDueMs, this.#forgetDueMs, this.comparison.dueMs);
    for (const at of this.#lacking.values()) due = Math.min(due, at);
    return due;
  }

  onDue(now: number): void {
    this.comparison.onDue(now);
    if (this.#exchangeDueMs <= now) this.#exchange(now);
    if (this.#forgetDueMs <= now) this.#forget(now);
    this.#pullDue(now);
  }

  /** A node has left for good. */
  onRemoved(peer: Peer): void {
    this.#round = this.#round.filter((each) => each !== peer);
    this.#pulling.delete(peer);
    this.#told.delete(peer);
    this.#contextsMs.delete(peer);
    this.states.forget(peer);
    this.comparison.forget(peer);
  }

  /** Shards that this node has given up. */
  onReleased(shards: readonly number[]): void {
    for (const shard of shards) {
      this.#lacking.delete(shard);
      this.#inbox.forget(shard);
      this.states.forgetShard(shard);
      this.comparison.onState(shard);
    }
  }

  /** What a peer has told of itself is not true any more. */
  onForgotten(peer: Peer): void {
    this.#contextsMs.delete(peer);
    // What a process had that is no more may be nowhere: the mark to be reached is the next one's.
    this.#told.delete(peer);
  }

  /** Whether a shard's state is on its way, whole or as a difference. */
  #isTaking(shard: number, now: number): boolean {
    return this.comparison.isHeld(shard) || this.states.isTaking(shard, now);
  }

  /** Whether a peer has said since it came how far it is. */
  hasTold(peer: Peer): boolean {
    return this.#told.has(peer);
  }

  /**
   * Whether this node has all that a peer had when it first told. A node that has just come serves
   * nobody before (design.md section 5: only what its context covers).
   */
  hasCaughtUpWith(peer: Peer): boolean {
    const { shards } = this.#cluster;
    const { holdings } = this.#cluster;
    const told = this.#told.get(peer)?.filter(({ shard }) => holdings.holds(shard));
    return told?.every(isSeen(shards)) ?? false;
  }

  /** Whether this node has all of a shard that a peer has told of since a time. */
  hasAllOf(peer: Peer, shard: number, sinceMs: number): boolean {
    if ((this.#contextsMs.get(peer) ?? Number.NEGATIVE_INFINITY) <= sinceMs) return false;
    return isSeen(this.#cluster.shards)({ shard, context: peer.known(shard) });
  }

  /** Asks a peer how far it is; it answers whatever it knows of this node. */
  ask(peer: Peer): void {
    this.#cluster.send(peer, { type: "contexts", contexts: [], wantsReply: true });
  }

  /** Tells a peer how far this node is, and asks the same. */
  inquire(peer: Peer): void {
    this.#cluster.shards.settle();
    this.#sendContexts(peer, true);
  }

  /**
   * A way to a peer has opened: it hears how far this node is, all of it. A summary would leave out
   * what is new, and a node that has just come must not take that for nothing.
   */
  onLinked(peer: Peer): void {
    this.#cluster.shards.settle();
    this.#sendContexts(peer, false);
  }

  /** What a peer has told first; later words do not move the mark that this node has to reach. */
  #noteTold(peer: Peer): void {
    if (this.#told.has(peer)) return;
    const told = this.#cluster.shards.shards.map(({ index }) => {
      return { shard: index, context: peer.known(index).clone() };
    });
    this.#told.set(peer, told);
  }

  // ---- exchange

  #exchange(now: number): void {
    const { timing, prng, peers } = this.#cluster;
    this.#exchangeGapMs = Math.min(timing.exchangeMs, this.#exchangeGapMs * 2);
    // Somewhat irregular, so that nodes do not fall into step.
    this.#exchangeDueMs = now + this.#exchangeGapMs * (0.75 + prng.float() / 2);
    if (this.#round.length === 0) this.#round = prng.shuffle([...peers]);
    const peer = this.#round.pop();
    if (peer !== undefined) this.compareWith(peer);
  }

  /** Offers a peer to compare. */
  // Spec: AntiEntropy.Begin, Gossip.Compare.
  compareWith(peer: Peer): void {
    this.#cluster.shards.settle();
    const until = this.#settledUntil();
    const hash = this.#hash.at(until, (shard) => this.#cluster.isShared(peer, shard));
    if (hash !== undefined) this.#cluster.send(peer, { type: "summary", until, hash });
    else this.#sendContexts(peer, true);
  }

  onSummary(peer: Peer, { until, hash }: Summary, now: number): void {
    const isShared = (shard: number): boolean => this.#cluster.isShared(peer, shard);
    if (this.#hash.at(until, isShared) !== hash) {
      this.#sendContexts(peer, true);
      return;
    }
    for (const shard of this.#cluster.shards.shards) {
      if (!isShared(shard.index)) continue;
      const context = shard.contextAt(until)!;
      if (!context.isEmpty) this.learn(peer, { shard: shard.index, context }, now);
    }
  }

  // Spec: Gossip.OnContexts.
  onContexts(peer: Peer, { contexts, wantsReply }: Contexts, now: number): void {
    for (const context of contexts) this.learn(peer, context, now);
    this.#noteTold(peer);
    this.#contextsMs.set(peer, now);
    if (this.#lacking.size > 0) this.#hasten(now);
    // Who fetches a shard must hear also that there is nothing more of it.
    const isOwed = !this.#cluster.isEverywhere || contexts.length === 0 || this.#hasNewsFor(peer);
    if (wantsReply && isOwed) this.#sendContexts(peer, false);
  }

  #sendContexts(peer: Peer, wantsReply: boolean): void {
    const contexts = this.#cluster.contexts();
    this.#cluster.send(peer, { type: "contexts", contexts, wantsReply });
  }

  /** Whether the peer lacks anything that is not just on its way to it. */
  #hasNewsFor(peer: Peer): boolean {
    const until = this.#settledUntil();
    return this.#cluster.shards.shards.some(
      (shard) =>
        this.#cluster.isShared(peer, shard.index) &&
        !peer.known(shard.index).includes(shard.contextAt(until) ?? shard.context),
    );
  }

  #settledUntil(): number {
    const { shards, timing } = this.#cluster;
    const { nowMs, clock } = shards.keyspace;
    // Where somebody's clock is ahead, so are all later stamps: none of them would be old enough
    // before clocks are there, and what was lost would be missed for so long.
    const isAhead = clock.last > timeOfMs(nowMs + timing.settleMs);
    return isAhead ? clock.last : timeOfMs(nowMs - timing.settleMs);
  }

  /** Something differed: the next exchange comes soon. */
  #hasten(now: number): void {
    const { exchangeMsMin } = this.#cluster.timing;
    this.#exchangeGapMs = exchangeMsMin;
    this.#exchangeDueMs = Math.min(this.#exchangeDueMs, now + exchangeMsMin);
  }

  // ---- pull

  learn(peer: Peer, context: ShardContext, now: number): void {
    peer.learn(context);
    this.#noteLack(peer, context.shard, now);
  }

  learnBatches(peer: Peer, batches: readonly Batch[]): void {
    for (const batch of batches) peer.learnBatch(batch);
  }

  /** To be called once the batches had their chance to be joined. */
  noteLacks(peer: Peer, batches: readonly Batch[], now: number): void {
    for (const shard of new Set(batches.map((batch) => batch.shard)))
      this.#noteLack(peer, shard, now);
  }

  #noteLack(peer: Peer, shard: number, now: number): void {
    if (!this.#cluster.holdings.holds(shard)) return;
    if (this.#lacking.has(shard) || !this.#lacks(peer, shard)) return;
    // What is older than any delay will not come by itself.
    const isLate = this.#lacks(peer, shard, this.#settledUntil());
    this.#lacking.set(shard, isLate ? now : now + this.#cluster.timing.pullDelayMs);
  }

  /**
   * Whether the peer has batches of the shard, the last of a stream made until `until`, that are
   * not at hand here and may be joined.
   */
  #lacks(peer: Peer, shard: number, until = Number.POSITIVE_INFINITY): boolean {
    const { shards, holdings } = this.#cluster;
    // It may have been let go since, and whoever keeps it would be asked for it for ever.
    if (!holdings.holds(shard) || !holdings.peerHolds(peer.node, shard)) return false;
    const { self } = shards.keyspace;
    if (shards.released.isBare(shard))
      return peer.known(shard).covers(shards.released.ownTime(shard), self);
    for (const [origin, time] of peer.known(shard).entries()) {
      if (origin === self || time > until || shards.isEarly(time)) continue;
      if (this.#inbox.reach(shard, origin) < time) return true;
    }
    return false;
  }

  #pullDue(now: number): void {
    for (const [shard, at] of [...this.#lacking]) {
      if (at > now) continue;
      if (this.#isTaking(shard, now)) {
        this.#lacking.set(shard, now + this.#cluster.timing.pullTimeoutMs / 2);
        continue;
      }
      const able = this.#cluster.peers.filter((peer) => this.#lacks(peer, shard));
      if (able.length === 0) {
        this.#lacking.delete(shard);
        continue;
      }
      const free = able.filter((peer) => (this.#pulling.get(peer)?.untilMs ?? now) <= now);
      // A peer that has let a pull run out comes last.
      const willing = free.filter((peer) => !this.#pulling.has(peer));
      const choice = willing.length > 0 ? willing : free;
      if (choice.length > 0) this.#pull(this.#cluster.prng.pick(choice), now);
      else this.#lacking.set(shard, this.#soonest(able));
    }
  }

  #soonest(peers: readonly Peer[]): number {
    return Math.min(...peers.map((peer) => this.#pulling.get(peer)!.untilMs));
  }

  /** Asks a peer for everything that is due and that it has. */
  // Spec: Gossip.Pull.
  #pull(peer: Peer, now: number): void {
    const { timing, counters } = this.#cluster;
    const contexts: ShardContext[] = [];
    const whole: number[] = [];
    const { released } = this.#cluster.shards;
    for (const [shard, at] of [...this.#lacking].sort((a, b) => a[0] - b[0])) {
      if (at > now || !this.#lacks(peer, shard) || this.#isTaking(shard, now)) continue;
      contexts.push({ shard, context: this.#reachOf(peer, shard) });
      if (released.isBare(shard)) whole.push(shard);
      this.#lacking.set(shard, now + timing.pullTimeoutMs);
    }
    this.#pulling.set(peer, { untilMs: now + timing.pullTimeoutMs, hasProgress: false });
    counters.pullCount++;
    this.#cluster.send(peer, { type: "pull", contexts, whole });
  }

  #reachOf(peer: Peer, shard: number): VersionVector {
    const reach = new VersionVector();
    if (this.#cluster.shards.released.isBare(shard)) return reach;
    const { context } = this.#cluster.shards.shards[shard]!;
    for (const vector of [context, peer.known(shard)])
      for (const [origin] of vector.entries())
        reach.advance(origin, this.#inbox.reach(shard, origin));
    return reach;
  }

  /** A state was joined; the batches of the same answer follow it. */
  onState(peer: Peer, now: number): void {
    const outstanding = this.#pulling.get(peer);
    if (outstanding !== undefined) outstanding.hasProgress = true;
    // What else is lacking waited for it.
    else for (const shard of this.#lacking.keys()) this.#lacking.set(shard, now);
  }

  /** A pull was answered. With progress the rest is asked for at once, else after a while. */
  onAnswer(peer: Peer, hasNews: boolean, now: number): void {
    const outstanding = this.#pulling.get(peer);
    if (outstanding === undefined) return;
    this.#pulling.delete(peer);
    if (!hasNews && !outstanding.hasProgress) return;
    this.#hasten(now);
    for (const shard of this.#lacking.keys())
      if (this.#lacks(peer, shard)) this.#lacking.set(shard, now);
  }

  // ---- answering

  // Spec: Gossip.OnPull.
  onPull(peer: Peer, { contexts, whole }: Pull, now: number): void {
    if (buggify("pull_answer_is_lost")) return;
    const { limits, holdings, prng } = this.#cluster;
    const batches: Batch[] = [];
    let stateCount = 0;
    const compared: number[] = [];
    // Of states only the first few go, and some may be refused for long: all have their turn.
    for (const { shard, context } of prng.shuffle([...contexts])) {
      if (!holdings.holds(shard)) continue;
      const found = whole.includes(shard) ? undefined : this.#since(shard, context);
      if (found !== undefined) batches.push(...found);
      else if (this.#isWorthComparing(context)) compared.push(shard);
      else if (stateCount < limits.pullStateCountMax) {
        // While a long one is under way the others wait: they are asked for again.
        if (!this.states.give(peer, shard, now)) break;
        stateCount++;
      }
    }
    // When both sides lack something the one with the lower name goes first: what it has taken it
    // has then no more to be asked about. The other pulls again.
    const goesFirst = this.#cluster.self < peer.node && this.#isTakingFrom(peer);
    if (compared.length > 0 && !goesFirst) this.comparison.offer(peer, compared, now);
    if (batches.length + stateCount + compared.length > 0) this.#hasten(now);
    const answer = cut(batches, limits.pullBytesMax);
    // Even an empty answer tells what this node has, so the peer stops asking for what it has not.
    this.#cluster.send(peer, {
      type: "delta",
      batches: answer,
      contexts: this.#cluster.contexts(contexts.map(({ shard }) => shard)),
      isAnswer: true,
    });
  }

  #isTakingFrom(peer: Peer): boolean {
    return this.#pulling.has(peer) || this.comparison.isTakingFrom(peer);
  }

  /** Who has seen nothing lacks everything, and a small state is soon sent. */
  #isWorthComparing(theirs: VersionVector): boolean {
    const { shards, limits } = this.#cluster;
    const keyCount = shards.keyspace.databases.reduce((sum, db) => sum + db.keys.count, 0);
    return !theirs.isEmpty && keyCount >= limits.compareKeyCountMin;
  }

  /** What the log has beyond a point; undefined when it does not reach back. */
  #since(shard: number, from: VersionVector): Batch[] | undefined {
    const found: Batch[] = [];
    const held = this.#cluster.shards.shards[shard]!;
    for (const [origin] of held.context.entries()) {
      const batches = held.since(origin, from.get(origin));
      if (batches === undefined) return undefined;
      found.push(...batches);
    }
    return found;
  }

  // ---- forgetting

  /** More is known of what a peer has: large logs soon forget what everybody has. */
  onKnown(now: number): void {
    const { shards, timing } = this.#cluster;
    if (shards.logBytes <= shards.stableBytesMax) return;
    this.#forgetDueMs = Math.min(this.#forgetDueMs, now + timing.forgetMsMin);
    // What others wrote is known to be everywhere only when its receivers have compared.
    this.#exchangeDueMs = Math.min(this.#exchangeDueMs, now + timing.exchangeMsMin);
  }

  /**
   * Causal stability: what every peer has seen leaves the logs (merge-rules 1: and nothing but the
   * logs).
   */
  // Spec: Gossip.Forget.
  #forget(now: number): void {
    const { shards, peers, timing } = this.#cluster;
    this.#forgetDueMs = now + timing.forgetMs;
    const timesUntil = timeOfMs(shards.keyspace.nowMs - timing.keepMs);
    // Under load what everybody has goes at once: its memory serves the next batches.
    const isLarge = shards.logBytes > shards.stableBytesMax;
    const until = isLarge ? Number.POSITIVE_INFINITY : timesUntil;
    for (const shard of shards.shards) {
      if (shard.count === 0) continue;
      let stable = shard.context;
      for (const peer of peers)
        if (this.#cluster.isAwaited(peer, shard.index))
          stable = stable.meet(peer.known(shard.index));
      shard.forget(stable, until, timesUntil);
    }
  }
}

/** Whether a replica has seen a context; what it holds for the clock's sake does not count. */
const isSeen =
  (shards: Shards) =>
  ({ shard, context }: ShardContext): boolean => {
    const seen = shards.shards[shard]!.context;
    for (const [origin, time] of context.entries())
      if (!seen.covers(time, origin) && !shards.isEarly(time)) return false;
    return true;
  };

/** By time, which no dependency contradicts; as many as the bound admits, at least one. */
function cut(batches: Batch[], bytesMax: number): Batch[] {
  batches.sort((a, b) => a.time - b.time || a.shard - b.shard);
  let bytes = 0;
  const isShort = buggify("pull_answer_is_short");
  const count = batches.findIndex((batch) => {
    bytes += batch.bytes;
    return isShort || bytes > bytesMax;
  });
  return count < 0 ? batches : batches.slice(0, Math.max(1, count));
}
