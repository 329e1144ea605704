// Shards that were given up because others keep them (merge-rules 17): what is left of their keys,
// and what this replica had written in them.
//
// The keys go in slices, for no index tells which keys a shard has: one pass visits all buckets of
// all databases, drops what lies in such a shard and tells those who watch the key. Passes follow
// each other until one finds nothing, because a key may be moved between databases under way.
//
// A shard in which this replica wrote is *bare* from then on until a state brings that back. Its
// last own stamp is kept for that, also in the log: a batch must follow on the one before it.

import { assert } from "../base/assert.js";
import { type ByteReader, ByteWriter, MalformedBytes } from "../base/bytes.js";
import { decodeTime, type Time } from "../clock/stamp.js";
import { VersionVector } from "../clock/version-vector.js";
import type { Ref } from "./arena.js";
import type { Keyspace } from "./keyspace.js";
import type { Shard } from "./shard.js";
import { shardOfSlot, slotOfKey } from "./slot.js";

/** Buckets in one slice: about a millisecond. */
const bucketsPerSlice = 4096;

export interface ShardsView {
  readonly keyspace: Keyspace;
  readonly shards: readonly Shard[];
}

export class ReleasedShards {
  /** How often this replica has given anything up: what it said before is void for its peers. */
  count = 0;
  /** Keys that were dropped. */
  sweptKeyCount = 0;
  readonly #view: ShardsView;
  /** By shard: the last stamp that this replica itself wrote in it before it was given up. */
  readonly #ownTimes: Float64Array;
  /** By shard: what was seen of it here before it was given up. */
  readonly #formerContexts = new Map<number, VersionVector>();
  /** Shards whose keys are not all gone yet. */
  readonly #remains = new Set<number>();
  #database = 0;
  #cursor = 0;
  #hasFound = false;

  constructor(view: ShardsView) {
    this.#view = view;
    this.#ownTimes = new Float64Array(view.shards.length);
  }

  /** A shard that waits for a state with what this replica wrote in it before. */
  isBare(shard: number): boolean {
    const own = this.#ownTimes[shard]!;
    if (own === 0) return false;
    return !this.#view.shards[shard]!.context.covers(own, this.#view.keyspace.self);
  }

  /** Whether a shard's keys are nobody's news: it was given up, and nothing of it has come back. */
  isGone(shard: number): boolean {
    return this.#remains.has(shard) || this.isBare(shard);
  }

  ownTime(shard: number): Time {
    return this.#ownTimes[shard]!;
  }

  /** What clients of this process may have been told of a shard before it was given up. */
  formerContext(shard: number): VersionVector | undefined {
    return this.#formerContexts.get(shard);
  }

  /** To be called while the contexts still say what is there. */
  add(shards: readonly number[]): void {
    this.count++;
    const { self } = this.#view.keyspace;
    for (const shard of shards) {
      const { context } = this.#view.shards[shard]!;
      const former = this.#formerContexts.get(shard) ?? new VersionVector();
      former.join(context);
      this.#formerContexts.set(shard, former);
      const own = context.get(self);
      this.#note(shard, Math.max(own, this.#ownTimes[shard]!));
    }
  }

  #note(shard: number, own: Time): void {
    this.#ownTimes[shard] = own;
    this.#remains.add(shard);
    this.#beginPass();
  }

  /**
   * Nobody has any more what this replica wrote in a shard: it goes on without.
   */
  startAnew(shard: number): void {
    this.#view.shards[shard]!.context.advance(this.#view.keyspace.self, this.#ownTimes[shard]!);
  }

  // ---- the keys

  /** Whether nothing is left of a shard's former keys. */
  isSwept(shard: number): boolean {
    return !this.#remains.has(shard);
  }

  #beginPass(): void {
    this.#database = 0;
    this.#cursor = 0;
    this.#hasFound = false;
  }

  /** Visits so many buckets; false when there is nothing left to do. */
  sweep(buckets = bucketsPerSlice): boolean {
    const { databases } = this.#view.keyspace;
    for (let left = buckets; left > 0 && this.#remains.size > 0; left--) {
      this.#sweepBucket();
      if (this.#database < databases.length) continue;
      if (!this.#hasFound) this.#remains.clear();
      this.#beginPass();
    }
    return this.#remains.size > 0;
  }

  #sweepBucket(): void {
    const { keyspace, shards } = this.#view;
    const db = keyspace.databases[this.#database]!;
    const found: { ref: Ref; hash: number }[] = [];
    this.#cursor = db.keys.scan(this.#cursor, (ref, hash) => {
      const shard = shardOfSlot(slotOfKey(keyspace.keyOf(ref)), shards.length);
      if (this.#remains.has(shard)) found.push({ ref, hash });
    });
    if (this.#cursor === 0) this.#database++;
    for (const { ref, hash } of found) {
      // Who watches the key must not take what was here for what is elsewhere now.
      const key = keyspace.onModified === undefined ? undefined : keyspace.keyOf(ref);
      keyspace.drop(db, hash, ref);
      if (key !== undefined) keyspace.onModified?.(db.index, key);
      this.#hasFound = true;
      this.sweptKeyCount++;
    }
  }

  // ---- the log

  /** What a log must know of some shards, or of all that it would bring back. */
  encode(shards: readonly number[] = this.#told): Uint8Array {
    const writer = new ByteWriter(64);
    writer.varint(this.count).varint(shards.length);
    for (const shard of shards) writer.varint(shard).f64(this.#ownTimes[shard]!);
    return writer.finish();
  }

  /** Shards that were given up and have not come back. */
  get #told(): number[] {
    return [...this.#ownTimes.keys()].filter((shard) => this.isGone(shard));
  }

  /** A log says that shards were given up at this point. @throws MalformedBytes */
  restore(reader: ByteReader): void {
    const count = reader.varint();
    for (let left = reader.count(9); left > 0; left--) {
      const shard = reader.varint();
      if (shard >= this.#view.shards.length) throw new MalformedBytes("no such shard");
      const own = decodeTime(reader);
      this.#view.shards[shard]!.release();
      this.#note(shard, own);
    }
    reader.expectEnd();
    this.count = Math.max(this.count, count);
  }

  /** All at once, before what the log says next of such a shard, and at its end. */
  sweepAll(): void {
    while (this.sweep(Number.MAX_SAFE_INTEGER));
    assert(this.#remains.size === 0, "keys of a shard that was given up are left");
  }
}
