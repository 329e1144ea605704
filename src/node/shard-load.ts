// The traffic of each shard on this node: commands and bytes of requests, counted where placement
// looks at every key anyway (placing-gate.ts), and their rates over the last seconds. What INFO and
// SKERRY.LOAD show, and what advice is given from.
//
// A rate follows what was counted with a time constant of `memoryMs` (an exponentially weighted
// moving average), so a burst fades and an idle shard comes to rest.
//
// Left out: nodes that hold every shard count nothing, for nobody asks their placement. Bytes of
// replies, which are not known where keys are looked at.

/** How far back a rate looks. */
const memoryMs = 10_000;
/** Rates are brought up to date at most so often. */
const sampleMs = 1_000;
/** Below this rate a shard rests. */
const restingRate = 0.01;

function sumOf(rates: Iterable<number>): number {
  let sum = 0;
  for (const rate of rates) sum += rate;
  return sum;
}

export class ShardLoad {
  readonly #operations: Float64Array;
  readonly #bytes: Float64Array;
  readonly #operationRates: Float64Array;
  readonly #byteRates: Float64Array;
  #sampledMs = 0;

  constructor(shardCount: number) {
    this.#operations = new Float64Array(shardCount);
    this.#bytes = new Float64Array(shardCount);
    this.#operationRates = new Float64Array(shardCount);
    this.#byteRates = new Float64Array(shardCount);
  }

  /** A command on a key of a shard. */
  count(shard: number, bytes: number): void {
    this.#operations[shard]!++;
    this.#bytes[shard]! += bytes;
  }

  /** Brings the rates up to date. To be called now and then. */
  sample(nowMs: number): void {
    const passedMs = nowMs - this.#sampledMs;
    if (passedMs < sampleMs) return;
    this.#sampledMs = nowMs;
    const weight = 1 - Math.exp(-passedMs / memoryMs);
    for (const [counts, rates] of [
      [this.#operations, this.#operationRates],
      [this.#bytes, this.#byteRates],
    ] as const)
      for (let shard = 0; shard < counts.length; shard++) {
        const rate = rates[shard]! + (counts[shard]! / (passedMs / 1000) - rates[shard]!) * weight;
        rates[shard] = rate < restingRate ? 0 : rate;
        counts[shard] = 0;
      }
  }

  /** Commands per second on a shard. */
  operationRate(shard: number): number {
    return this.#operationRates[shard]!;
  }

  /** Bytes of requests per second. */
  byteRate(shard: number): number {
    return this.#byteRates[shard]!;
  }

  /** Commands per second on all shards. */
  get totalRate(): number {
    return sumOf(this.#operationRates);
  }

  get totalByteRate(): number {
    return sumOf(this.#byteRates);
  }

  /** The shard with the most commands; the first of equals. */
  get hottest(): number {
    return this.#operationRates.indexOf(Math.max(...this.#operationRates));
  }
}

/** Below this many commands per second on a node nothing is worth moving. */
const adviceRateMin = 100;
/** A shard with more than this part of its node's commands stands out. */
const hotShare = 0.5;
/** A node with more than so many times the mean stands out. */
const unevenFactor = 1.5;

export interface LoadView {
  /** Commands per second of this node, and of its hottest shard. */
  readonly own: number;
  readonly hottest: number;
  /** Of the other nodes, as far as they have told. */
  readonly others: readonly number[];
  /** Shards for each node; more are needlessly small. */
  readonly shardsPerNode: number;
}

/**
 * What an operator might do: `split` (one shard takes most of this node's commands: more shards, or
 * tags that spread), `rebalance` (this node takes far more than the others: another node, or other
 * names on the ring), `merge` (very many shards for little traffic), or `none`.
 */
export function adviceOf({ own, hottest, others, shardsPerNode }: LoadView): string {
  const all = [own, ...others];
  const mean = sumOf(all) / all.length;
  if (own >= adviceRateMin && hottest > own * hotShare) return "split";
  if (own >= adviceRateMin && others.length > 0 && own > mean * unevenFactor) return "rebalance";
  if (own > 0 && mean < adviceRateMin && shardsPerNode > 1024) return "merge";
  return "none";
}
