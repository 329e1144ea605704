// One shard's causal bookkeeping: its context, and the log of recent batches by origin from which
// other replicas are served. The keys themselves live in the keyspace; a shard is a range of its
// hash slots.
//
// An origin's part of the log is an unbroken chain that ends at the context. Forgetting takes from
// the front only (bounds, causal stability); joining a state breaks the chain of every origin that
// it advanced, so those start afresh. What the log cannot serve is served by state sync.

import { assert } from "../base/assert.js";
import type { ReplicaIndex, Time } from "../clock/stamp.js";
import { VersionVector } from "../clock/version-vector.js";
import type { Batch } from "./batch.js";

/**
 * `gap` waits for other batches, `early` is held for the clock, `foreign` bears this replica's own
 * name.
 */
export type Verdict = "ready" | "duplicate" | "gap" | "early" | "foreign";

export interface LogTotal {
  bytes: number;
}

/** The recent past of one origin's stream. */
interface Chain {
  /** Those that are still at hand, oldest first; they end at the context. */
  readonly batches: Batch[];
  /**
   * Where the stream stood, ascending, without a gap: before the first batch that is remembered and
   * after each. Reaches further back than the batches: times take little room.
   */
  readonly times: Time[];
}

export class Shard {
  readonly index: number;
  readonly context = new VersionVector();
  readonly #chains = new Map<ReplicaIndex, Chain>();
  #count = 0;
  #bytes = 0;
  readonly #total: LogTotal;

  /** @param total what the logs of all shards hold together, kept up to date by each. */
  constructor(index: number, total: LogTotal) {
    this.index = index;
    this.#total = total;
  }

  /** Batches in the log. */
  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Rule 14, clocks apart. */
  judge(batch: Batch): "ready" | "duplicate" | "gap" {
    if (this.context.covers(batch.time, batch.origin)) return "duplicate";
    // Exactly: an origin's batches link one to the next, so one that overlaps what is there is not
    // its own.
    if (this.context.get(batch.origin) !== batch.previous) return "gap";
    return this.context.includes(batch.dependencies) ? "ready" : "gap";
  }

  /** Counts a batch as seen and keeps it for others. */
  append(batch: Batch): void {
    const chain = this.#chains.get(batch.origin);
    assert(
      this.context.get(batch.origin) === batch.previous,
      "a batch is appended that does not follow what is there",
    );
    this.context.advance(batch.origin, batch.time);
    if (chain === undefined)
      this.#chains.set(batch.origin, { batches: [batch], times: [batch.previous, batch.time] });
    else {
      chain.batches.push(batch);
      chain.times.push(batch.time);
    }
    this.#count++;
    this.#changeBytes(batch.bytes);
  }

  /**
   * The batches of one origin after `time`, oldest first; undefined when the log does not reach
   * back so far.
   */
  since(origin: ReplicaIndex, time: Time): readonly Batch[] | undefined {
    if (this.context.get(origin) <= time) return [];
    const chain = this.#chains.get(origin)?.batches ?? [];
    let first = chain.length;
    while (first > 0 && chain[first - 1]!.time > time) first--;
    if (first === chain.length || chain[first]!.previous > time) return undefined;
    return chain.slice(first);
  }

  /**
   * What had been seen of the streams up to a time, exactly: batches made since then do not count.
   * Undefined when the log does not say.
   */
  contextAt(time: Time): VersionVector | undefined {
    const result = new VersionVector();
    for (const [origin, end] of this.context.entries()) {
      const at = end <= time ? end : lastUntil(this.#chains.get(origin)?.times ?? [], time);
      if (at === undefined) return undefined;
      result.advance(origin, at);
    }
    return result;
  }

  *batches(): IterableIterator<Batch> {
    for (const { batches } of this.#chains.values()) yield* batches;
  }

  /**
   * Forgets the batches up to a time that a context covers, because everybody has them, and where
   * the streams stood before another time.
   */
  forget(covered: VersionVector, time: Time, timesUntil: Time): void {
    for (const [origin, { batches, times }] of this.#chains) {
      for (const { lease } of this.#drop(batches, Math.min(time, covered.get(origin))))
        lease?.release();
      // Where the first batch begins is to stay.
      const countMax = times.length - batches.length - 1;
      let count = 0;
      while (count < countMax && times[count + 1]! <= timesUntil) count++;
      if (count > 0) times.splice(0, count);
    }
  }

  /**
   * Forgets the batches up to a time, because there is no room; who lacks them needs a state sync.
   */
  forgetUntil(time: Time): void {
    for (const { batches } of this.#chains.values()) this.#drop(batches, time);
  }

  /** Takes the batches up to a time out of a chain, and answers them. */
  #drop(batches: Batch[], until: Time): readonly Batch[] {
    let count = 0;
    while (count < batches.length && batches[count]!.time <= until) {
      this.#changeBytes(-batches[count]!.bytes);
      count++;
    }
    if (count === 0) return noBatches;
    this.#count -= count;
    return batches.splice(0, count);
  }

  /** A state with this context was joined: chains that it went past do not connect any more. */
  // Spec: AntiEntropy.Finish.
  joinContext(other: VersionVector): void {
    for (const [origin, time] of other.entries()) {
      if (this.context.covers(time, origin)) continue;
      for (const batch of this.#chains.get(origin)?.batches ?? []) {
        this.#count--;
        this.#changeBytes(-batch.bytes);
      }
      this.#chains.delete(origin);
      this.context.advance(origin, time);
    }
  }

  /**
   * Nothing was ever seen (merge-rules 17): a shard that was given up is none of this replica's
   * business.
   */
  release(): void {
    // Others may still be sent them: their memory is not given back.
    for (const { batches } of this.#chains.values()) this.#drop(batches, Number.POSITIVE_INFINITY);
    this.#chains.clear();
    this.context.clear();
  }

  #changeBytes(by: number): void {
    this.#bytes += by;
    this.#total.bytes += by;
  }

  verifyInvariants(): void {
    let count = 0;
    let bytes = 0;
    for (const [origin, { batches, times }] of this.#chains) {
      assert(
        times.at(-1) === this.context.get(origin),
        "a chain's times do not end at the context",
      );
      batches.forEach((batch, i) => {
        assert(batch.origin === origin && batch.shard === this.index, "a batch in a wrong chain");
        assert(batch.lease?.isOver !== true, "a logged batch's memory was given back");
        const place = times.length - batches.length + i;
        assert(
          times[place] === batch.time && times[place - 1] === batch.previous,
          "a chain's times are not those of its batches",
        );
        const next = batches[i + 1];
        const end = next === undefined ? this.context.get(origin) : next.previous;
        assert(end === batch.time, "a chain of batches is broken or does not end at the context");
        assert(this.context.includes(batch.dependencies), "a batch depends on what is not there");
        count++;
        bytes += batch.bytes;
      });
    }
    assert(count === this.#count, "the count of logged batches does not add up");
    assert(bytes === this.#bytes, "the bytes of logged batches do not add up");
  }
}

const noBatches: readonly Batch[] = [];

/** The last of ascending times that is not after `time`. */
function lastUntil(times: readonly Time[], time: Time): Time | undefined {
  for (let i = times.length - 1; i >= 0; i--) if (times[i]! <= time) return times[i];
  return undefined;
}
