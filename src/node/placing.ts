// Placement of shards on fewer nodes than there are: which shards this node holds, which of them it
// serves, and where others are served.
//
// The ring (replication/ring.ts) says who should hold a shard; what counts is what each node tells
// in its pings that it does. A shard that falls to this node is *fetched* first: peers are told to
// send what is new, repair brings what is old, and only when everybody who serves it has nothing
// more of it is it *served* here (design.md section 6: a node serves what its context covers).
// Until then, and for what it does not hold, clients are sent to a node that serves the shard.
//
// A shard that falls to others is served here until they serve it, and for a while longer. Then it
// is *leaving*: clients are sent on, and everything that peers still send is taken in and passed
// on, until all who are to keep it say that they have what is here (replication/handover.ts). Only
// then is it given up. Should one of them fall silent before, it is served again. A shard in which
// nothing was ever written is let go at once, as while a cluster is being founded.
//
// A shard that is read very often (hot-shards.ts) gets *copies* on further nodes: fetched the same
// way, told apart from those who serve it, and asked for reads alone. Nobody relies on a copy, and
// it serves only while somebody who serves the shard is heard: else it steps back until it has
// again all that those have. When the heat is gone it leaves as any shard does, for a write may
// have reached the copy and nobody else yet.

import type { Handing } from "../replication/handover.js";
import type { Holdings } from "../replication/holdings.js";
import type { NodeId, ShardReads } from "../replication/messages.js";
import { Ring } from "../replication/ring.js";
import { HotKeys } from "./hot-keys.js";
import { type CopyRules, copyWindowMs, HotShards, toldCountMax } from "./hot-shards.js";
import { adviceOf, ShardLoad } from "./shard-load.js";

/** What a node tells of a shard; four bits in its pings. */
export const holding = {
  ...{ none: 0, fetched: 1, served: 2, leaving: 3 },
  /** A read copy that is not complete yet, and one that answers. */
  ...{ copying: 4, copied: 5 },
} as const;
export type Holding = (typeof holding)[keyof typeof holding];

const isCopy = (held: number): boolean => held === holding.copying || held === holding.copied;
/** What has, or had, all of a shard, and perhaps what nobody else has yet. */
const isWhole = (held: number): boolean => held >= holding.served && held !== holding.copying;

/** For so long a shard that others serve is served here, too: clients' maps change. */
export const stayMs = 5_000;

/** Who fetches a shard asks again after this. */
const askAgainMs = 1_000;

const noCopies: CopyRules = { readsPerCopy: 0, windowMs: copyWindowMs };

export interface PlacingPorts {
  readonly self: NodeId;
  readonly shardCount: number;
  /** Copies of each shard; fewer nodes hold all. */
  readonly factor: number;
  /** The nodes of the cluster, this one included. */
  members(): readonly NodeId[];
  /** Nodes that were heard lately. */
  isHeard(node: NodeId): boolean;
  /** Commands per second on a node's shards, as it told in its last ping. */
  loadOf(node: NodeId): number;
  /** How often shards are read there, likewise. */
  readsToldBy(node: NodeId): readonly ShardReads[];
  /** Whether there is memory for read copies. */
  mayCopy(): boolean;
  /** What a node told in its last ping; undefined before the first. */
  toldBy(node: NodeId): Uint8Array | undefined;
  /** Whether this node has all that a peer has of a shard, by the peer's word since `sinceMs`. */
  hasAllOf(node: NodeId, shard: number, sinceMs: number): boolean;
  /** Whether nothing was ever written in a shard, as far as this node knows. */
  isBlank(shard: number): boolean;
  /** Whether a shard was given up here before, and wants back what this node wrote in it. */
  isBare(shard: number): boolean;
  /** Nobody has that any more: the shard goes on without. */
  startAnew(shard: number): void;
  /** Whether keys are left of a shard that was given up. */
  hasRemains(shard: number): boolean;
  /** Gives up those of the shards whose keepers have them; answers which. */
  handOver(handings: readonly Handing[]): readonly number[];
  /** Tells all peers what is held now, and asks what they have. */
  announce(): void;
}

export class Placing implements Holdings {
  readonly #ports: PlacingPorts;
  readonly #held: Uint8Array;
  /** When a shard began to be fetched, or to be served by all others who are to. */
  readonly #sinceMs: Float64Array;
  #ring = new Ring([]);
  #members: readonly NodeId[] = [];
  /** Shards that began to be served here after they were fetched from others. */
  fetchedCount = 0;
  /** Shards that were given up. */
  givenUpCount = 0;
  /** The traffic of each shard here. */
  readonly load: ShardLoad;
  /** Which shards are read most. */
  readonly hot: HotShards;
  readonly hotKeys: HotKeys;
  /** Read copies that began to answer, those that were not wanted any more, and their reads. */
  copyTakenCount = 0;
  copyDroppedCount = 0;
  copyReadCount = 0;
  /** How often a copy heard nobody who serves its shard, and stopped answering. */
  copyStaleCount = 0;
  #heats: ReadonlyMap<number, number> = new Map();
  #wantedCopies: ReadonlySet<number> = new Set();
  #handings: Handing[] = [];
  #askDueMs = 0;

  constructor(ports: PlacingPorts, rules: CopyRules = noCopies) {
    this.#ports = ports;
    this.load = new ShardLoad(ports.shardCount);
    this.hot = new HotShards(ports.shardCount, rules);
    this.hotKeys = new HotKeys(ports.shardCount);
    this.#held = new Uint8Array(ports.shardCount);
    this.#sinceMs = new Float64Array(ports.shardCount);
  }

  // ---- what the replicator asks

  holds(shard: number): boolean {
    return this.#held[shard] !== holding.none;
  }

  peerHolds(node: NodeId, shard: number): boolean {
    return this.#toldBy(node, shard) !== holding.none;
  }

  peerServes(node: NodeId, shard: number): boolean {
    return this.#toldBy(node, shard) === holding.served;
  }

  awaits(node: NodeId, shard: number): boolean {
    return !isCopy(this.#toldBy(node, shard));
  }

  keeps(shard: number): boolean {
    return this.serves(shard) && this.#holdersOf(shard).includes(this.#ports.self);
  }

  /** The nodes that are to hold a shard; nobody before the first look. */
  #holdersOf(shard: number): readonly NodeId[] {
    return this.#members.length === 0 ? [] : this.#ring.holders(shard, this.#ports.factor);
  }

  // ---- what clients are told

  serves(shard: number): boolean {
    return this.#held[shard] === holding.served;
  }

  /** A command on a key of a shard that is answered here. */
  count(shard: number, bytes: number, isRead: boolean): void {
    this.load.count(shard, bytes);
    this.hot.count(shard, isRead);
    if (this.hasCopy(shard)) this.copyReadCount++;
  }

  /** Whether reads are answered from a read copy. */
  hasCopy(shard: number): boolean {
    return this.#held[shard] === holding.copied;
  }

  /** Whether reads are answered, be it from a read copy. */
  answersReads(shard: number): boolean {
    return this.serves(shard) || this.hasCopy(shard);
  }

  /** The nodes that answer reads from copies, in the order of the ring. */
  copiesOf(shard: number): NodeId[] {
    const { self, isHeard } = this.#ports;
    const nodes = this.#members.filter((node) =>
      node === self
        ? this.hasCopy(shard)
        : isHeard(node) && this.#toldBy(node, shard) === holding.copied,
    );
    return nodes.length < 2 ? nodes : this.#nodesBehind(shard).filter((at) => nodes.includes(at));
  }

  /** The nodes behind a shard's holders, in the order in which copies fall to them. */
  #nodesBehind(shard: number): NodeId[] {
    const { factor, self, isHeard } = this.#ports;
    if (factor >= this.#members.length) return [];
    const others = this.#ring.holders(shard, 0).slice(factor);
    return others.filter((node) => node === self || isHeard(node));
  }

  /** The nodes that serve a shard and are heard; those that the ring wants come first. */
  serversOf(shard: number): NodeId[] {
    const { self, isHeard } = this.#ports;
    const wanted = this.#holdersOf(shard);
    const others = this.#members.filter((node) => !wanted.includes(node));
    return [...wanted, ...others].filter((node) =>
      node === self ? this.serves(shard) : isHeard(node) && this.peerServes(node, shard),
    );
  }

  // ---- telling

  /** Four bits for each shard, for pings. */
  encode(): Uint8Array {
    const bytes = new Uint8Array(Math.ceil(this.#held.length / 2));
    this.#held.forEach((held, shard) => {
      bytes[shard >> 1]! |= held << ((shard & 1) * 4);
    });
    return bytes;
  }

  #toldBy(node: NodeId, shard: number): number {
    const bytes = this.#ports.toldBy(node);
    return ((bytes?.[shard >> 1] ?? 0) >> ((shard & 1) * 4)) & 15;
  }

  // ---- deciding

  /** Looks what falls to this node now. To be called once it has met others, and then often. */
  look(nowMs: number): void {
    this.load.sample(nowMs);
    const members = [...this.#ports.members()].sort();
    if (members.join() !== this.#members.join()) {
      this.#members = members;
      this.#ring = new Ring(members);
    }
    this.#lookWhatIsHot(nowMs);
    let isChanged = false;
    this.#handings = [];
    for (let shard = 0; shard < this.#held.length; shard++)
      if (this.#lookAt(shard, nowMs)) isChanged = true;
    if (this.#giveUp()) isChanged = true;
    // Who fetches needs answers, and they may be lost.
    const isFetching = this.#held.includes(holding.fetched) || this.#held.includes(holding.copying);
    const isAsking = isFetching && nowMs >= this.#askDueMs;
    if (!isChanged && !isAsking) return;
    this.#askDueMs = nowMs + askAgainMs;
    this.#ports.announce();
  }

  #lookWhatIsHot(nowMs: number): void {
    const { self, isHeard, readsToldBy, mayCopy } = this.#ports;
    this.hot.sample(nowMs);
    const others = this.#members.filter((node) => node !== self && isHeard(node));
    this.#heats = this.hot.heats(others.map(readsToldBy));
    this.#wantedCopies = mayCopy()
      ? this.hot.wanted(
          this.#heats,
          (shard) => this.#nodesBehind(shard).indexOf(self),
          (shard) => isCopy(this.#held[shard]!),
        )
      : new Set();
  }

  /** Whether anything was given up. What is not named here is wanted again. */
  #giveUp(): boolean {
    const done = this.#ports.handOver(this.#handings);
    for (const shard of done) this.#held[shard] = holding.none;
    this.givenUpCount += done.length;
    return done.length > 0;
  }

  #lookAt(shard: number, nowMs: number): boolean {
    const { self, isBlank, hasRemains } = this.#ports;
    const isWanted = this.#holdersOf(shard).includes(self);
    const held = this.#held[shard]!;
    if (held === holding.none) {
      if (hasRemains(shard)) return false;
      // What a log brought back is kept, whoever it falls to now.
      if (isWanted || !isBlank(shard)) return this.#begin(shard, nowMs);
      if (!this.#wantedCopies.has(shard) || this.#isNeeded(shard)) return false;
      return this.#become(holding.copying, shard, nowMs);
    }
    if (isCopy(held)) return this.#lookAtCopy(shard, isWanted, nowMs);
    if (!isWanted && isBlank(shard) && !this.#isNeeded(shard)) {
      this.#held[shard] = holding.none;
      return true;
    }
    if (held === holding.fetched) return this.#isFetched(shard) && this.#serve(shard, nowMs);
    const isElsewhere = !isWanted && this.#isServedByHolders(shard);
    if (held === holding.leaving) {
      if (!isElsewhere) return this.#begin(shard, nowMs);
      if (this.#wantedCopies.has(shard)) return this.#become(holding.copying, shard, nowMs);
      this.#handings.push({ shard, keepers: this.#holdersOf(shard) });
      return false;
    }
    if (!isElsewhere) this.#sinceMs[shard] = nowMs;
    if (nowMs - this.#sinceMs[shard]! < stayMs) return false;
    return this.#become(holding.leaving, shard, nowMs);
  }

  #lookAtCopy(shard: number, isWanted: boolean, nowMs: number): boolean {
    if (isWanted) return this.#begin(shard, nowMs);
    const isAlone = this.#isNeeded(shard);
    if (!this.#wantedCopies.has(shard) && this.#isServedByHolders(shard)) {
      this.copyDroppedCount++;
      // Where nothing was ever written there is nothing that anybody could lack.
      const isBlank = this.#ports.isBlank(shard);
      return this.#become(isBlank ? holding.none : holding.leaving, shard, nowMs);
    }
    if (this.hasCopy(shard)) {
      if (!isAlone) return false;
      this.copyStaleCount++;
      return this.#become(holding.copying, shard, nowMs);
    }
    if (isAlone || !this.#isCopied(shard)) return false;
    this.copyTakenCount++;
    return this.#become(holding.copied, shard, nowMs);
  }

  #begin(shard: number, nowMs: number): boolean {
    return this.#become(holding.fetched, shard, nowMs);
  }

  #serve(shard: number, nowMs: number): boolean {
    return this.#become(holding.served, shard, nowMs);
  }

  #become(held: Holding, shard: number, nowMs: number): boolean {
    this.#held[shard] = held;
    this.#sinceMs[shard] = nowMs;
    return true;
  }

  /** Whether all who are to hold a shard are heard and serve it. */
  #isServedByHolders(shard: number): boolean {
    return this.#holdersOf(shard).every(
      (node) => this.#ports.isHeard(node) && this.peerServes(node, shard),
    );
  }

  /** Nobody else serves it yet. */
  #isNeeded(shard: number): boolean {
    return !this.serversOf(shard).some((node) => node !== this.#ports.self);
  }

  /**
   * Those who have all of a shard, if every node that is heard has told, and none of them has more
   * than is here; else undefined.
   */
  #sourcesOf(shard: number): NodeId[] | undefined {
    const { self, isHeard, toldBy, hasAllOf } = this.#ports;
    const heard = this.#members.filter((node) => node !== self && isHeard(node));
    if (heard.some((node) => toldBy(node) === undefined)) return undefined;
    const sources = heard.filter((node) => isWhole(this.#toldBy(node, shard)));
    if (!sources.every((node) => hasAllOf(node, shard, this.#sinceMs[shard]!))) return undefined;
    return sources;
  }

  #isCopied(shard: number): boolean {
    return !this.#ports.isBare(shard) && this.#sourcesOf(shard) !== undefined;
  }

  #isFetched(shard: number): boolean {
    const { self, isHeard, isBare, startAnew } = this.#ports;
    const sources = this.#sourcesOf(shard);
    if (sources === undefined) return false;
    if (isBare(shard)) {
      const others = this.#members.filter((node) => node !== self);
      // What this node wrote before must come back; only if nobody is left who could have it ...
      const isHeldElsewhere = others.some((node) => this.peerHolds(node, shard));
      if (!others.every(isHeard) || isHeldElsewhere) return false;
      startAnew(shard);
    }
    if (sources.length > 0) this.fetchedCount++;
    return true;
  }

  /** Lines of INFO. */
  describe(): Record<string, string | number> {
    const count = (held: Holding): number => this.#held.filter((each) => each === held).length;
    const shares = this.#members.map((node) => {
      const wanted = Array.from(this.#held, (_, shard) =>
        this.#ring.holders(shard, this.#ports.factor).includes(node),
      );
      return { node, shards: wanted.filter(Boolean).length };
    });
    const { load } = this;
    const loads = this.#loadsOfOthers();
    const own = load.totalRate;
    return {
      replication_factor: this.#ports.factor,
      shards: this.#held.length,
      shards_fetched: count(holding.fetched),
      shards_served: count(holding.served),
      shards_leaving: count(holding.leaving),
      shards_copied: count(holding.copied),
      shards_being_copied: count(holding.copying),
      shards_taken_over: this.fetchedCount,
      shards_given_up: this.givenUpCount,
      read_copies_taken: this.copyTakenCount,
      read_copies_dropped: this.copyDroppedCount,
      read_copies_stepped_back: this.copyStaleCount,
      reads_from_copies: this.copyReadCount,
      hot_shards: this.#describeHeats(),
      ...Object.fromEntries(shares.map(({ node, shards }) => [`share_${node}`, shards])),
      operations_per_s: Math.round(own),
      bytes_per_s: Math.round(load.totalByteRate),
      hottest_shard: own > 0 ? load.hottest : -1,
      hottest_shard_operations_per_s: Math.round(load.operationRate(load.hottest)),
      ...Object.fromEntries(loads.map(([node, rate]) => [`operations_per_s_${node}`, rate])),
      advice: adviceOf({
        own,
        hottest: load.operationRate(load.hottest),
        others: loads.map(([, rate]) => rate),
        shardsPerNode: this.#held.length / Math.max(1, this.#members.length),
      }),
    };
  }

  /** `shard:reads per second:nodes with copies`, the hottest first. */
  #describeHeats(): string {
    const hottest = [...this.#heats].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
    return hottest
      .slice(0, toldCountMax)
      .map(([shard, heat]) => `${shard}:${heat}:${this.copiesOf(shard).join("+")}`)
      .join(",");
  }

  #loadsOfOthers(): [node: NodeId, rate: number][] {
    const { self, isHeard, loadOf } = this.#ports;
    const others = this.#members.filter((node) => node !== self && isHeard(node));
    return others.map((node) => [node, loadOf(node)]);
  }
}
