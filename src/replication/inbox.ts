// Batches that have arrived, until they can be joined: each waits for its predecessor, for what it
// depends on (merge-rules 14), for the other shards of its group (20) or for the clock (19).
//
// Bounded: when it is full, the batch with the latest stamp is dropped and counted; its sender
// still has it, and repair asks again. Never the earliest: nothing waits for a later batch, so the
// earliest always gets through. What has waited for long is dropped too: its maker may have
// crashed, and with it what should have come before.
//
// So what a batch waits for may be lost for ever, in a shard of its group, while others have taken
// its own shard as a state. Once the first batch of a stream has waited for a while, the stream is
// *stuck*: it does not count as at hand any more, and repair asks for it as if nothing had come.

import { buggify } from "../base/buggify.js";
import type { ReplicaIndex, Time } from "../clock/stamp.js";
import type { Batch } from "../keyspace/batch.js";
import type { Shards } from "../keyspace/shards.js";

/** The rest of a group may still come for so long, whatever is known of it. */
const tornMsMin = 2_000;

interface Waiting {
  readonly batch: Batch;
  readonly sinceMs: number;
}

export interface InboxLimits {
  readonly batchCountMax: number;
  readonly bytesMax: number;
  readonly waitMsMax: number;
  /** How long the first batch of a stream may wait before the stream is asked for anew. */
  readonly patienceMs: number;
}

export class Inbox {
  readonly #shards: Shards;
  readonly #limits: InboxLimits;
  /** Per shard and origin, by ascending time. */
  readonly #waiting: Map<ReplicaIndex, Waiting[]>[];
  /** Origins whose streams are stuck, per shard. */
  readonly #stuck: Set<ReplicaIndex>[];
  #count = 0;
  #bytes = 0;
  /** Batches that were new. */
  admittedCount = 0;
  droppedCount = 0;
  duplicateCount = 0;
  /**
   * Batches that bear this replica's name and are not its own: two processes share one identity.
   */
  foreignCount = 0;
  /** Shards into which nothing is let for the moment (difference.ts). */
  isHeld: (shard: number) => boolean = () => false;
  /** Shards that this node keeps no copy of: their batches are none of its business. */
  isForeign: (shard: number) => boolean = () => false;
  /** Batches of such shards. */
  elsewhereCount = 0;
  /**
   * Whether a batch has been joined elsewhere without the part of its group that lies in a shard,
   * and nobody is known to have that: its maker is gone, and with it the group as a whole.
   */
  isTorn: (batch: Batch, shard: number) => boolean = () => false;
  /** When something was last taken in or looked at. */
  #nowMs = 0;

  constructor(shards: Shards, limits: InboxLimits) {
    this.#shards = shards;
    this.#limits = limits;
    this.#waiting = shards.shards.map(() => new Map());
    this.#stuck = shards.shards.map(() => new Set());
  }

  /** Batches that wait. */
  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * How many wait for the clock: their makers' clocks are far ahead of this one (merge-rules 19).
   */
  get earlyCount(): number {
    let count = 0;
    for (const chains of this.#waiting)
      for (const chain of chains.values())
        for (const { batch } of chain) if (this.#shards.isEarly(batch.time)) count++;
    return count;
  }

  /** Takes batches in, joins whatever is ready now, and answers what was joined, in order. */
  // Spec: Gossip.OnDelta.
  take(batches: readonly Batch[], now: number): Batch[] {
    this.#nowMs = now;
    const joined: Batch[] = [];
    const touched = new Set<number>();
    for (const batch of batches) {
      if (this.#isFull(batch.bytes)) joined.push(...this.#drain(touched));
      if (this.#admit(batch, now)) touched.add(batch.shard);
    }
    joined.push(...this.#drain(touched));
    return joined;
  }

  /** Looks at everything again: time has passed, or a state was joined. */
  retry(now: number): Batch[] {
    this.#nowMs = now;
    for (const origins of this.#stuck) origins.clear();
    if (this.#count === 0) return [];
    // What came before the shard went elsewhere.
    for (const shard of this.#waiting.keys()) if (this.isForeign(shard)) this.forget(shard);
    const joined = this.#drain(new Set(this.#waiting.keys()));
    for (const chains of this.#waiting)
      for (const chain of chains.values())
        for (const { batch, sinceMs } of [...chain])
          if (now - sinceMs > this.#limits.waitMsMax) this.#drop(batch);
    this.#noteStuck(now);
    return joined;
  }

  #noteStuck(now: number): void {
    const sinceMsMax = now - this.#limits.patienceMs;
    // While something is held for the clock, that may be what all others wait for.
    if (this.earlyCount > 0) return;
    for (const [shard, chains] of this.#waiting.entries())
      for (const [origin, [head]] of chains)
        if (head !== undefined && head.sinceMs < sinceMsMax) this.#stuck[shard]!.add(origin);
  }

  /**
   * How far an origin's stream is at hand without a gap, joined or waiting. What lies beyond is to
   * be asked for.
   */
  reach(shard: number, origin: ReplicaIndex): Time {
    let reach = this.#shards.shards[shard]!.context.get(origin);
    if (this.#stuck[shard]!.has(origin)) return reach;
    for (const { batch } of this.#waiting[shard]!.get(origin) ?? [])
      if (batch.previous === reach) reach = batch.time;
    return reach;
  }

  #admit(batch: Batch, now: number): boolean {
    if (this.isForeign(batch.shard)) {
      this.elsewhereCount++;
      return false;
    }
    if (this.#shards.shards[batch.shard]!.context.covers(batch.time, batch.origin)) {
      this.duplicateCount++;
      return false;
    }
    if (batch.origin === this.#shards.keyspace.self) {
      this.foreignCount++;
      return false;
    }
    const chains = this.#waiting[batch.shard]!;
    let chain = chains.get(batch.origin);
    if (chain === undefined) {
      chain = [];
      chains.set(batch.origin, chain);
    }
    let at = chain.length;
    while (at > 0 && chain[at - 1]!.batch.time > batch.time) at--;
    if (chain[at - 1]?.batch.time === batch.time) {
      this.duplicateCount++;
      return false;
    }
    chain.splice(at, 0, { batch, sinceMs: now });
    this.#count++;
    this.#bytes += batch.bytes;
    if (buggify("inbox_is_full")) {
      this.#drop(batch);
      return false;
    }
    while (this.#count > 1 && this.#isFull(0)) {
      const last = this.#latest();
      this.#drop(last);
      if (last === batch) return false;
    }
    this.admittedCount++;
    return true;
  }

  #isFull(moreBytes: number): boolean {
    const { batchCountMax, bytesMax } = this.#limits;
    return this.#count + Math.sign(moreBytes) > batchCountMax || this.#bytes + moreBytes > bytesMax;
  }

  #latest(): Batch {
    let latest: Batch | undefined;
    for (const chains of this.#waiting)
      for (const chain of chains.values()) {
        const last = chain.at(-1)?.batch;
        if (last !== undefined && last.time > (latest?.time ?? 0)) latest = last;
      }
    return latest!;
  }

  /**
   * Joining one batch may free others of its shard, so a shard is looked at until nothing moves.
   */
  #drain(touched: Set<number>): Batch[] {
    const joined: Batch[] = [];
    for (const shard of touched) {
      touched.delete(shard); // Deleted and added again, it comes round once more.
      for (const chain of this.#waiting[shard]!.values()) {
        while (chain.length > 0) {
          const members = this.#joinable(chain[0]!);
          if (members === undefined) break;
          joined.push(...this.#shards.applyTogether(members));
          for (const batch of members) {
            this.#remove(batch);
            touched.add(batch.shard);
          }
        }
      }
    }
    return joined;
  }

  /**
   * The batches that are to be joined together with the head of a chain; undefined while it must
   * wait.
   */
  #joinable({ batch: head, sinceMs }: Waiting): readonly Batch[] | undefined {
    const verdict = this.#shards.judge(head);
    if (verdict === "duplicate") return [head];
    if (this.isForeign(head.shard)) return undefined;
    if (verdict !== "ready" || this.isHeld(head.shard)) return undefined;
    if (head.group.length === 1) return [head];
    const members: Batch[] = [];
    for (const shard of head.group) {
      // A part that came with a state is there already; the others follow it (merge-rules 20).
      if (this.#shards.shards[shard]!.context.covers(head.time, head.origin)) continue;
      if (this.isForeign(shard)) continue;
      const member = this.#waiting[shard]!.get(head.origin)?.[0]?.batch;
      if (member === undefined || member.time !== head.time) {
        if (this.#nowMs - sinceMs > tornMsMin && this.isTorn(head, shard)) continue;
        return undefined;
      }
      if (this.#shards.judge(member) !== "ready" || this.isHeld(shard)) return undefined;
      members.push(member);
    }
    return members;
  }

  /** Nothing of a shard is waited for any more. */
  forget(shard: number): void {
    for (const chain of this.#waiting[shard]!.values())
      for (const { batch } of [...chain]) this.#remove(batch);
  }

  #drop(batch: Batch): void {
    this.#remove(batch);
    this.droppedCount++;
  }

  #remove(batch: Batch): void {
    const chain = this.#waiting[batch.shard]!.get(batch.origin)!;
    const at = chain.findIndex((waiting) => waiting.batch === batch);
    chain.splice(at, 1);
    this.#count--;
    this.#bytes -= batch.bytes;
  }
}
