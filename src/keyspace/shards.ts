// The shards of a keyspace as one replica among others: closing batches, joining those of other
// replicas, and whole states, all under merge-rules 1 to 5, 12 to 14, 19 and 20.
//
// Replication costs nothing until it is opened: a node alone writes no deltas, and its own part of
// every context is what its clock says. After `open`, batches are captured and logged.
//
// Everything that lets state in or out closes the open batch first (merge-rules 3), so a caller
// cannot forget it.
//
// A shard whose keepers have it can be given up (`release`): its context, its log and at once all
// that may be said of it go; its keys go piece by piece (shard-sweep.ts). What this replica itself
// wrote in it stays its own, so a shard that comes back takes in nothing before a whole state that
// brings that with it (merge-rules 17; `isBare`): else a new write would follow on one that is not
// there.
//
// Left out: overlays and range-wise sync (merge-rules 11 and 12; a shard's state is joined in one
// step), compact wipes (5), restarting after a clock disaster (19).

import { assert } from "../base/assert.js";
import { buggify } from "../base/buggify.js";
import { type Bytes, MalformedBytes } from "../base/bytes.js";
import { type Lease, LeasedMemory } from "../base/leased-memory.js";
import { type ReplicaIndex, type Time, timeOfMs } from "../clock/stamp.js";
import { VersionVector } from "../clock/version-vector.js";
import { KeyEntry } from "../lattice/key-entry.js";
import { type Batch, newBatch } from "./batch.js";
import { joinBody } from "./batch-join.js";
import { Capture, type ClosedParts, type ShardPart } from "./capture.js";
import { type Digest, digestShards, digestSlots } from "./digest.js";
import { hashBytes } from "./hash.js";
import type { Keyspace } from "./keyspace.js";
import { ReleasedShards } from "./released-shards.js";
import { type LogTotal, Shard, type Verdict } from "./shard.js";
import { shardOfSlot, slotOfKey } from "./slot.js";
import {
  decodeShardState,
  encodePartialState,
  encodeShardState,
  nameOfKey,
  type ShardState,
  type StoredEntry,
  type StoredKey,
} from "./state-sync.js";

export interface ShardsOptions {
  /** Fixed for a cluster. Default 64. */
  readonly shardCount?: number;
  /** Stamps further ahead of local time are held, not joined. Default one minute. */
  readonly clockSkewMsMax?: number;
  /** About how many bytes of batches all logs may hold together. Default 32 MiB. */
  readonly logBytesMax?: number;
  /** What everybody has stays in the logs for a while, but not of more than this. Default 1 MiB. */
  readonly stableBytesMax?: number;
  /**
   * Bodies of closes from this size on are put into memory that is used again
   * (base/leased-memory.ts).
   */
  readonly leasedBytesMin?: number;
}

/** `foreign`: made under this replica's name, but not by it. */
export type ApplyOutcome = "applied" | "duplicate" | "gap" | "early" | "foreign";

/**
 * `foreign`: it claims writes of this very replica that this replica has not made. `behind`: it
 * lacks some that this replica has made. `elsewhere`: this replica keeps no copy of the shard.
 */
export type JoinOutcome = "joined" | "early" | "foreign" | "behind" | "elsewhere";

/** Told of each closed batch, whoever closed it: those are to be logged and sent. */
export type ClosedListener = (batches: readonly Batch[]) => void;

/** What most batches depend on that no earlier one did; never changed. */
const nothing = new VersionVector();

const none: ClosedParts = { parts: [], lease: undefined };

export class Shards {
  readonly keyspace: Keyspace;
  readonly shards: readonly Shard[];
  readonly clockSkewMsMax: number;
  readonly logBytesMax: number;
  readonly stableBytesMax: number;
  /** Where closed batches go. */
  onClosed: ClosedListener | undefined;
  /**
   * Told of each batch and each state of other replicas that was joined, in that order; of what
   * becomes visible together at once.
   */
  onApplied: ((batches: readonly Batch[]) => void) | undefined;
  onJoined: ((state: Bytes) => void) | undefined;
  /** Told of each shard whose whole state was joined. */
  onWholeState: ((shard: number) => void) | undefined;
  /** Told that shards were given up, before anything else happens to them. */
  onReleased: ((shards: readonly number[]) => void) | undefined;
  /** Whether this replica keeps a copy of a shard, or takes part in nothing of it. */
  isHeld: (shard: number) => boolean = () => true;
  /** Batches that were dropped from the logs for want of room. */
  truncatedCount = 0;
  readonly released: ReleasedShards;

  readonly #logs: LogTotal = { bytes: 0 };
  #capture: Capture | undefined;
  /** Of bodies, where it is used again (`reuseMemory`). */
  memory: LeasedMemory | undefined;
  readonly #leasedBytesMin: number | undefined;
  /** Per shard, what of the others' batches this replica's own batches have named so far. */
  readonly #named: VersionVector[];

  constructor(keyspace: Keyspace, options: ShardsOptions = {}) {
    const count = options.shardCount ?? 64;
    this.keyspace = keyspace;
    this.shards = Array.from({ length: count }, (_, index) => new Shard(index, this.#logs));
    this.#named = this.shards.map(() => new VersionVector());
    this.released = new ReleasedShards(this);
    this.clockSkewMsMax = options.clockSkewMsMax ?? 60_000;
    this.logBytesMax = options.logBytesMax ?? 32 * 1024 * 1024;
    this.stableBytesMax = options.stableBytesMax ?? 1024 * 1024;
    this.#leasedBytesMin = options.leasedBytesMin;
  }

  get count(): number {
    return this.shards.length;
  }

  get isOpen(): boolean {
    return this.#capture !== undefined;
  }

  shardOfKey(key: Uint8Array): number {
    return shardOfSlot(slotOfKey(key), this.count);
  }

  /** From now on batches are captured. What was written before travels as state only. */
  open(): void {
    if (this.isOpen) return;
    this.#countOwnAsSeen();
    this.#capture = new Capture();
    this.keyspace.capture = this.#capture;
  }

  /**
   * From now on the memory of bodies is used again once the logs have forgotten them because
   * everybody has them. Nobody may look into a batch later than that (base/leased-memory.ts).
   */
  reuseMemory(): void {
    this.memory ??= new LeasedMemory(this.#leasedBytesMin);
  }

  /**
   * What this replica has seen of a shard. Closes the open batch, which would otherwise be half
   * seen.
   */
  context(shard: number): VersionVector {
    this.settle();
    return this.shards[shard]!.context;
  }

  /** Nothing is open, contexts say all that is stored. */
  settle(): void {
    if (this.isOpen) {
      if (this.keyspace.hasOpenBatch) this.closeBatch();
    } else this.#countOwnAsSeen();
  }

  // ---- this replica's own batches

  /** Closes the open batch, logs it and answers it shard by shard; also tells `onClosed`. */
  // Spec: AntiEntropy.Write, Convergence.Write.
  closeBatch(): readonly Batch[] {
    const { parts, lease } = this.#capture?.close(this.keyspace, this.count, this.memory) ?? none;
    const time = this.keyspace.endBatch();
    if (time === 0) {
      assert(parts.length === 0, "keys changed without an open batch");
      return [];
    }
    // What becomes of the keys of a shard that was given up is nobody's news.
    const kept = parts.filter(({ shard }) => !this.released.isGone(shard));
    const group = kept.map(({ shard }) => shard);
    const batches = kept.map((part) => this.#closeShard(part, time, group, lease));
    this.#boundLogs();
    if (batches.length > 0) this.onClosed?.(batches);
    return batches;
  }

  #closeShard(
    part: ShardPart,
    time: Time,
    group: readonly number[],
    lease: Lease | undefined,
  ): Batch {
    const shard = this.shards[part.shard]!;
    const origin = this.keyspace.self;
    const dependencies = this.#takeNews(shard, origin);
    const previous = shard.context.get(origin);
    const { names, body } = part;
    const place = { shard: shard.index, origin, previous, time };
    const batch = newBatch(place, dependencies, group, names, body, lease);
    shard.append(batch);
    return batch;
  }

  /** What the shard's context gained from others since the last own batch. */
  #takeNews(shard: Shard, self: ReplicaIndex): VersionVector {
    const named = this.#named[shard.index]!;
    const news = shard.context.beyond(named, self);
    if (news === undefined) return nothing;
    named.join(news);
    return news;
  }

  #countOwnAsSeen(): void {
    const { keyspace } = this;
    keyspace.endBatch();
    for (const { context } of this.shards) context.advance(keyspace.self, keyspace.clock.last);
  }

  // ---- other replicas' batches

  /** Whether a batch may be joined now. */
  judge(batch: Batch): Verdict {
    if (this.released.isBare(batch.shard)) return "gap";
    const verdict = this.shards[batch.shard]!.judge(batch);
    if (verdict !== "ready") return verdict;
    if (batch.origin === this.keyspace.self) return "foreign";
    return this.isEarly(batch.time) ? "early" : "ready";
  }

  /** Whether a stamp is so far ahead that it is held (merge-rules 19). */
  isEarly(time: Time): boolean {
    return time > timeOfMs(this.keyspace.nowMs + this.clockSkewMsMax);
  }

  /**
   * Joins a batch if it is ready (merge-rules 14). The parts of a group are each joined by a call
   * of their own, in one turn (merge-rules 20): see `Inbox`.
   */
  // Spec: AntiEntropy.Apply, CausalSessions.Deliver, Convergence.Apply.
  apply(batch: Batch): ApplyOutcome {
    const outcome = this.#join(batch);
    if (outcome === "applied") this.onApplied?.([batch]);
    return outcome;
  }

  /**
   * Joins the parts of a group, which are one record of the log: a crash must not leave some of
   * them. Answers those that were new.
   */
  applyTogether(batches: readonly Batch[]): Batch[] {
    const applied = batches.filter((batch) => this.#join(batch) === "applied");
    if (applied.length > 0) this.onApplied?.(applied);
    return applied;
  }

  #join(batch: Batch): ApplyOutcome {
    assert(this.isOpen, "a batch arrived at a node that runs alone");
    this.settle();
    const verdict = this.judge(batch);
    if (verdict !== "ready") return verdict;
    const { keyspace } = this;
    const shard = this.shards[batch.shard]!;
    keyspace.clock.observe(batch.time);
    joinBody(keyspace, batch, shard.context);
    shard.append(batch);
    this.#boundLogs();
    return "applied";
  }

  /**
   * Joins a batch from this node's own log, in the log's order. What is stored may be ahead of it
   * (a checkpoint is written while commands run): what the batch adds is removed again by the one
   * that did so, which follows.
   */
  restoreBatch(batch: Batch): void {
    const { keyspace } = this;
    const shard = this.shards[batch.shard]!;
    keyspace.clock.observe(batch.time);
    if (shard.context.covers(batch.time, batch.origin)) return;
    joinBody(keyspace, batch, shard.context);
    if (shard.judge(batch) === "ready") shard.append(batch);
    else shard.context.advance(batch.origin, batch.time);
  }

  /** Joins a state from this node's own log. @throws MalformedBytes */
  restoreState(bytes: Bytes): void {
    const state = decodeShardState(bytes, this.keyspace, this.count);
    const { context } = this.shards[state.shard]!;
    for (const [, time] of state.context.entries()) this.keyspace.clock.observe(time);
    state.join(context);
    this.shards[state.shard]!.joinContext(state.context);
  }

  // ---- whole states

  /** A shard's keys and context as bytes. */
  // Spec: AntiEntropy.OnDifferent.
  encodeShard(shard: number): Bytes {
    this.settle();
    return encodeShardState(this.keyspace, this.count, this.shards[shard]!);
  }

  /** Some keys of a shard and its context as bytes; a key that is not there counts as absent. */
  encodePart(shard: number, keys: readonly StoredKey[]): Bytes {
    this.settle();
    const { keyspace } = this;
    const entries = keys.map(({ database, key }): StoredEntry => {
      const db = keyspace.databases[database]!;
      const hash = hashBytes(key, 0, key.length);
      const ref = keyspace.findRecord(db, hash, key, 0, key.length);
      return { database, key, entry: keyspace.entryOrEmpty(ref) };
    });
    const { context } = this.shards[shard]!;
    return encodePartialState(keyspace, this.count, shard, context, entries);
  }

  /**
   * Joins a shard's state as another replica encoded it. Both contexts take part, so keys that are
   * absent there and covered are removed here; only then does the context grow (merge-rules 12).
   * @throws MalformedBytes, with nothing joined.
   */
  // Spec: AntiEntropy.OnState, Convergence.JoinState.
  joinShard(bytes: Bytes): JoinOutcome {
    assert(this.isOpen, "a state arrived at a node that runs alone");
    this.settle();
    const state = decodeShardState(bytes, this.keyspace, this.count);
    // Of keys that a partial state leaves out nobody has made sure here.
    if (state.isPartial) throw new MalformedBytes("a part of a state came as a state");
    const outcome = this.#joinState(state, bytes);
    if (outcome === "joined") this.onWholeState?.(state.shard);
    return outcome;
  }

  /**
   * Joins a partial state; the caller has made sure that all keys that it leaves out are equal on
   * both sides. @param absent further keys that the other side lacks. Answers which keys it was
   * about, or undefined when it was refused (`JoinOutcome`).
   * @throws MalformedBytes, with nothing joined.
   */
  // Spec: AntiEntropy.Finish.
  joinPartial(
    bytes: Bytes,
    shard: number,
    absent: readonly StoredKey[],
  ): readonly StoredKey[] | undefined {
    this.settle();
    const { keyspace, count } = this;
    const state = decodeShardState(bytes, keyspace, count);
    if (!state.isPartial || state.shard !== shard)
      throw new MalformedBytes("not that partial state");
    const named = new Set(state.keys.map(nameOfKey));
    const missing = absent.filter((key) => !named.has(nameOfKey(key)));
    const keys = [...state.keys, ...missing.map((key) => ({ ...key, entry: new KeyEntry() }))];
    const whole = encodePartialState(keyspace, count, shard, state.context, keys);
    const outcome = this.#joinState(decodeShardState(whole, keyspace, count), whole);
    return outcome === "joined" ? keys : undefined;
  }

  #joinState(state: ShardState, bytes: Bytes): JoinOutcome {
    const { keyspace } = this;
    const { context } = this.shards[state.shard]!;
    if (!this.isHeld(state.shard)) return "elsewhere";
    const own = state.context.get(keyspace.self);
    const isBare = this.released.isBare(state.shard);
    const made = isBare ? this.released.ownTime(state.shard) : context.get(keyspace.self);
    if (own > made) return "foreign";
    if (isBare && (own < made || state.isPartial)) return "behind";
    for (const [, time] of state.context.entries()) if (this.isEarly(time)) return "early";
    for (const [, time] of state.context.entries()) keyspace.clock.observe(time);
    state.join(context);
    this.shards[state.shard]!.joinContext(state.context);
    this.onJoined?.(bytes);
    return "joined";
  }

  // ---- giving up

  /** Gives shards up: from now on nothing was ever seen of them. Their keys go by a sweep. */
  release(shards: readonly number[]): void {
    this.settle();
    this.released.add(shards);
    for (const shard of shards) this.shards[shard]!.release();
    this.onReleased?.(shards);
  }

  // ---- digests

  /** The digest of one shard; equal contexts have equal digests (merge-rules 13). */
  digest(shard: number): Digest {
    return this.digests()[shard]!;
  }

  /** The digests of all shards, in one pass over the keys. */
  digests(): Digest[] {
    this.settle();
    return digestShards(this.keyspace, this.count);
  }

  /** The digests of a shard's slots that hold anything. */
  slotDigests(shard: number): Map<number, Digest> {
    this.settle();
    return digestSlots(this.keyspace, this.count, shard);
  }

  // ---- logs

  get logBytes(): number {
    return this.#logs.bytes;
  }

  /**
   * Over the bound the oldest batches of all shards go, a quarter at once; state sync serves who
   * lacks them.
   */
  #boundLogs(): void {
    let bytes = this.logBytes;
    const bytesMax = buggify("logs_are_full") ? bytes / 2 : this.logBytesMax;
    if (bytes <= bytesMax) return;
    const all = this.shards.flatMap((shard) => [...shard.batches()]);
    all.sort((a, b) => a.time - b.time);
    let until = 0;
    for (const batch of all) {
      if (bytes <= bytesMax * 0.75 && batch.time > until) break;
      bytes -= batch.bytes;
      until = batch.time;
      this.truncatedCount++;
    }
    for (const shard of this.shards) shard.forgetUntil(until);
  }

  /** Checks contexts, logs and keys against each other. For tests and DEBUG: it visits each key. */
  verifyInvariants(): void {
    this.settle();
    const logged = this.shards.reduce((sum, { bytes }) => sum + bytes, 0);
    assert(logged === this.logBytes, "the bytes of all logs do not add up");
    for (const shard of this.shards) {
      shard.verifyInvariants();
      for (const [, time] of shard.context.entries())
        assert(time <= this.keyspace.clock.last, "a context is ahead of the clock");
    }
    for (const db of this.keyspace.databases)
      db.keys.forEach((ref) => {
        const { context, index } = this.shards[this.shardOfKey(this.keyspace.keyOf(ref))]!;
        if (!this.released.isSwept(index)) return;
        this.keyspace.entryOf(ref).forEachCell((_slot, _element, { siblings, rows }) => {
          for (const { time, replica } of siblings)
            assert(context.covers(time, replica), "a value is stored that the context lacks");
          for (const { hiTime, replica } of rows)
            assert(context.covers(hiTime, replica), "a row is stored that the context lacks");
        });
      });
  }
}
