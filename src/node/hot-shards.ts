// Which shards are read so often that nodes beside their holders should answer reads of them, too.
//
// Every node counts the reads of each shard over a sliding window, less the writes: a copy takes
// reads off the holders and costs each write once more. It tells its busiest shards in its pings,
// and the sum of what all tell is the heat of a shard. From the heat and the ring each node works
// out by itself whether a copy falls to it (placing.ts takes it and gives it up again): the first
// node behind the holders at `readsPerCopy` reads a second, the second at twice as many. Who has a
// copy keeps it down to half of that, so that heat at the border moves nothing.
//
// Bounded: copies of a shard, copies on a node, and shards that a ping tells of.
//
// Left out: copies of single keys. A shard is what contexts, digests and moves know (design.md
// section 3); with one key of it the others come along.

import type { ShardReads } from "../replication/messages.js";

export interface CopyRules {
  /** Reads a second that call for a copy; 0: there are none. */
  readonly readsPerCopy: number;
  /** How far back reads count. */
  readonly windowMs: number;
}

export const copyWindowMs = 10_000;
/** Nodes that hold a copy of one shard. */
export const copiesPerShardMax = 2;
/** Shards of which a node holds a copy. */
export const copyCountMax = 4;
/** Shards that a node tells of. */
export const toldCountMax = 8;
/** Parts of the window; the oldest is forgotten as a new one begins. */
const slotCount = 10;
/** Who has a copy keeps it down to this part of the heat that called for it. */
const keepShare = 0.5;

export class HotShards {
  readonly #rules: CopyRules;
  readonly #shardCount: number;
  /** Reads less writes, by part of the window and shard. */
  readonly #slots: Int32Array;
  readonly #sums: Float64Array;
  #slot = 0;
  #beganMs = 0;
  /** What this node tells: its most read shards, the busiest first. */
  told: readonly ShardReads[] = [];

  constructor(shardCount: number, rules: CopyRules) {
    this.#rules = rules;
    this.#shardCount = shardCount;
    this.#slots = new Int32Array(slotCount * shardCount);
    this.#sums = new Float64Array(shardCount);
  }

  /** A command on a key of a shard. */
  count(shard: number, isRead: boolean): void {
    const by = isRead ? 1 : -1;
    this.#slots[this.#slot * this.#shardCount + shard]! += by;
    this.#sums[shard]! += by;
  }

  /** Lets time pass: what is older than the window counts no more. */
  sample(nowMs: number): void {
    const slotMs = this.#rules.windowMs / slotCount;
    const passed = Math.floor((nowMs - this.#beganMs) / slotMs);
    if (passed <= 0) return;
    this.#beganMs += passed * slotMs;
    for (let left = Math.min(passed, slotCount); left > 0; left--) {
      this.#slot = (this.#slot + 1) % slotCount;
      const first = this.#slot * this.#shardCount;
      for (let shard = 0; shard < this.#shardCount; shard++) {
        this.#sums[shard]! -= this.#slots[first + shard]!;
        this.#slots[first + shard] = 0;
      }
    }
    this.told = this.#busiest();
  }

  #busiest(): ShardReads[] {
    if (this.#rules.readsPerCopy === 0) return [];
    const reads: ShardReads[] = [];
    for (let shard = 0; shard < this.#shardCount; shard++) {
      const perSecond = this.rate(shard);
      if (perSecond > 0) reads.push({ shard, perSecond });
    }
    return reads.sort(byHeat).slice(0, toldCountMax);
  }

  /** Reads per second, rounded up, as far as they outnumber the writes. */
  rate(shard: number): number {
    return Math.ceil((Math.max(0, this.#sums[shard]!) * 1_000) / this.#rules.windowMs);
  }

  /** Reads per second of all nodes together, of shards that any of them tells of. */
  heats(others: readonly (readonly ShardReads[])[]): ReadonlyMap<number, number> {
    const heats = new Map<number, number>();
    for (const told of [this.told, ...others])
      for (const { shard, perSecond } of told)
        if (shard < this.#shardCount) heats.set(shard, (heats.get(shard) ?? 0) + perSecond);
    return heats;
  }

  /**
   * The shards of which this node is to hold a copy, the hottest at most.
   * @param placeOf which of the nodes behind a shard's holders this one is, from 0; negative: none
   */
  wanted(
    heats: ReadonlyMap<number, number>,
    placeOf: (shard: number) => number,
    hasCopy: (shard: number) => boolean,
  ): ReadonlySet<number> {
    const candidates: ShardReads[] = [];
    const { readsPerCopy } = this.#rules;
    if (readsPerCopy === 0) return noShards;
    for (const [shard, perSecond] of heats) {
      const share = hasCopy(shard) ? keepShare : 1;
      if (perSecond < readsPerCopy * share) continue;
      const place = placeOf(shard);
      if (place < 0 || place >= copiesPerShardMax) continue;
      if (perSecond < readsPerCopy * (place + 1) * share) continue;
      // What is here stays before what would have to come, unless that is far hotter.
      candidates.push({ shard, perSecond: perSecond / share });
    }
    return new Set(
      candidates
        .sort(byHeat)
        .slice(0, copyCountMax)
        .map(({ shard }) => shard),
    );
  }
}

const noShards: ReadonlySet<number> = new Set();

const byHeat = (a: ShardReads, b: ShardReads): number =>
  b.perSecond - a.perSecond || a.shard - b.shard;
