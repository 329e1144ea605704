// Digests: one number for all that a shard, or one of its slots, holds. Replicas with equal
// contexts have equal digests, so a difference under equal contexts is a broken promise, and a
// difference in one slot says where.
//
// Each key is hashed over its canonical bytes, with replica names, siblings, hidden slots and dead
// rows (merge-rules 13), and the hashes are added up: a sum has no order, so neither the index nor
// the history of a replica shows in it.
//
// Left out: keeping the sums up to date at every write. They are computed in one pass when somebody
// asks.

import { ByteWriter, fromLatin1 } from "../base/bytes.js";
import type { ReplicaTable } from "../clock/replica-table.js";
import type { ReplicaIndex, Time } from "../clock/stamp.js";
import { type KeyEntry, onlyElement, slots } from "../lattice/key-entry.js";
import { NameCodec } from "../lattice/replica-codec.js";
import { type Ref, slabOf } from "./arena.js";
import type { Keyspace } from "./keyspace.js";
import * as record from "./record.js";
import { shardOfSlot, slotCount, slotOfKey, slotsOfShard } from "./slot.js";

/** 64 bits, to be compared only. */
export type Digest = bigint;

export const digestShards = (keyspace: Keyspace, shardCount: number): Digest[] => {
  const sums = new Sums(shardCount);
  forEachKeyHash(keyspace, undefined, ({ slot, low, high }) => {
    sums.add(shardOfSlot(slot, shardCount), low, high);
  });
  return sums.digests();
};

/** By slot; empty slots are left out. */
// Spec: AntiEntropy.Offer.
export function digestSlots(
  keyspace: Keyspace,
  shardCount: number,
  shard: number,
): Map<number, Digest> {
  const sums = slotSums(keyspace);
  const [first, end] = slotsOfShard(shard, shardCount);
  const digests = new Map<number, Digest>();
  for (let slot = first; slot < end; slot++)
    if (sums.counts[slot] !== 0) digests.set(slot, sums.digest(slot));
  return digests;
}

/** The sums over all slots, in one pass. */
export function slotSums(keyspace: Keyspace): Sums {
  const sums = new Sums(slotCount);
  forEachKeyHash(keyspace, undefined, ({ slot, low, high }) => sums.add(slot, low, high));
  return sums;
}

/** Bytes of a hash or a sum where it is sent to be compared: 48 bits. */
export const hashBytesSent = 6;

/** Sums of hashes, by place. */
export class Sums {
  readonly #low: Uint32Array;
  readonly #high: Uint32Array;
  readonly counts: Uint32Array;

  constructor(count: number) {
    this.#low = new Uint32Array(count);
    this.#high = new Uint32Array(count);
    this.counts = new Uint32Array(count);
  }

  add(place: number, low: number, high: number): void {
    this.#low[place]! += low;
    this.#high[place]! += high;
    this.counts[place]!++;
  }

  digest(place: number): Digest {
    return (BigInt(this.#high[place]!) << 32n) | BigInt(this.#low[place]!);
  }

  digests(): Digest[] {
    return Array.from(this.#low, (_, place) => this.digest(place));
  }

  /** 48 bits of a sum. */
  short(place: number): number {
    return shortHash(this.#low[place]!, this.#high[place]!);
  }
}

export const shortHash = (low: number, high: number): number =>
  (high & 0xffff) * 0x1_0000_0000 + low;

/** A hash of one key's entry, to find out cheaply whether it changed. */
export function hashOfEntry({ replicas }: Keyspace, entry: KeyEntry): string {
  const writer = new ByteWriter(256);
  entry.encode(writer, new NameCodec(replicas), replicas);
  const bytes = writer.view();
  return `${hash32(bytes, 3)} ${hash32(bytes, 4)}`;
}

/** One key, as it is visited: the object is used again for the next. */
export interface HashedKey {
  slot: number;
  database: number;
  ref: Ref;
  low: number;
  high: number;
}

const seeds = [0x9747b28c, 0x3c6ef372] as const;

/**
 * Visits every key with its hash, in no order. @param wanted by slot, which keys to visit;
 * undefined: all.
 */
export function forEachKeyHash(
  keyspace: Keyspace,
  wanted: Uint8Array | undefined,
  visit: (key: HashedKey) => void,
): void {
  const { arena } = keyspace;
  const writer = new ByteWriter(1024);
  const codec = new NameCodec(keyspace.replicas);
  const heads = new TextHeads(keyspace.replicas);
  const found: HashedKey = { slot: 0, database: 0, ref: 0, low: 0, high: 0 };
  for (const db of keyspace.databases)
    forEachLoaded(keyspace, db, (ref) => {
      const slab = arena.bytes[slabOf(ref)]!;
      const start = record.keyStartOf(arena, ref);
      const length = record.keyLengthOf(arena, ref);
      found.slot = slotOfKey(slab, start, start + length);
      if (wanted !== undefined && wanted[found.slot] === 0) return;
      writer.clear();
      writer.u8(db.index).varint(length);
      const isPlain =
        record.kindOf(arena, ref) === record.textKind &&
        (record.flagsOf(arena, ref) & ~record.roomyFlag) === 0;
      if (isPlain) {
        const words = arena.data[slabOf(ref)]!;
        writer.copy(words, start, length);
        heads.write(writer, record.replicaOf(arena, ref), record.timeOf(arena, ref));
        const size = record.valueLengthOf(arena, ref);
        writer
          .varint(size)
          .copy(words, start + length, size)
          .varint(0);
      } else {
        writer.raw(slab.subarray(start, start + length));
        keyspace.entryOf(ref).encode(writer, codec, keyspace.replicas);
      }
      hashBoth(writer.words, writer.length, found);
      found.database = db.index;
      found.ref = ref;
      visit(found);
    });
}

/** Records that are loaded into the processor's cache together, before they are read. */
const loadedCount = 64;

/** Every record of a database, in no order. */
function forEachLoaded(
  { arena }: Keyspace,
  { keys }: Keyspace["databases"][number],
  visit: (ref: Ref) => void,
): void {
  const refs = new Int32Array(loadedCount);
  let count = 0;
  const visitAll = (): void => {
    touched ^= arena.touchAll(refs, count);
    for (let i = 0; i < count; i++) visit(refs[i]!);
    count = 0;
  };
  keys.forEach((ref) => {
    refs[count++] = ref;
    if (count === loadedCount) visitAll();
  });
  visitAll();
}

/** What loading read, so that nobody may leave it out. */
export let touched = 0;

/**
 * What stands before the value in the canonical bytes of a plain text, which is most keys: written
 * without unfolding the record (test: it is what the entry would write).
 */
class TextHeads {
  readonly #replicas: ReplicaTable;
  readonly #heads: { readonly bytes: Uint8Array; readonly view: DataView; readonly at: number }[] =
    [];

  constructor(replicas: ReplicaTable) {
    this.#replicas = replicas;
  }

  write(writer: ByteWriter, replica: ReplicaIndex, time: Time): void {
    this.#heads[replica] ??= this.#newHead(replica);
    const { bytes, view, at } = this.#heads[replica];
    view.setFloat64(at, time, true);
    writer.raw(bytes);
  }

  #newHead(replica: ReplicaIndex) {
    const writer = new ByteWriter(64);
    // One slot, one element, one sibling; its stamp; born by its own write.
    writer.u8(1).u8(slots.string).varint(1).bytes(fromLatin1(onlyElement)).varint(1);
    const at = writer.length;
    writer.f64(0).text(this.#replicas.nameOf(replica)).u8(1);
    const bytes = writer.finish();
    return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), at };
  }
}

/**
 * MurmurHash3 (x86, 32 bits; Appleby 2011, public domain): the same on every machine, unlike the
 * index's hash.
 */
export function hash32(bytes: Uint8Array, seed: number): number {
  let h = seed | 0;
  const whole = bytes.length & ~3;
  for (let at = 0; at < whole; at += 4) {
    const k = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    h ^= scramble(k);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  }
  let rest = 0;
  for (let at = bytes.length - 1; at >= whole; at--) rest = (rest << 8) | bytes[at]!;
  return avalanche(h ^ scramble(rest) ^ bytes.length);
}

/** `hash32` under both seeds, in one pass over words. */
function hashBoth(words: DataView, length: number, into: HashedKey): void {
  let low: number = seeds[0];
  let high: number = seeds[1];
  const whole = length & ~3;
  for (let at = 0; at < whole; at += 4) {
    const k = scramble(words.getInt32(at, true));
    low ^= k;
    low = (low << 13) | (low >>> 19);
    low = (Math.imul(low, 5) + 0xe6546b64) | 0;
    high ^= k;
    high = (high << 13) | (high >>> 19);
    high = (Math.imul(high, 5) + 0xe6546b64) | 0;
  }
  let rest = 0;
  for (let at = length - 1; at >= whole; at--) rest = (rest << 8) | words.getUint8(at);
  const last = scramble(rest) ^ length;
  into.low = avalanche(low ^ last);
  into.high = avalanche(high ^ last);
}

function avalanche(hash: number): number {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function scramble(word: number): number {
  const k = Math.imul(word, 0xcc9e2d51);
  return Math.imul((k << 15) | (k >>> 17), 0x1b873593);
}
