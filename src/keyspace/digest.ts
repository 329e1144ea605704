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

import { ByteWriter } from "../base/bytes.js";
import type { KeyEntry } from "../lattice/key-entry.js";
import { NameCodec } from "../lattice/replica-codec.js";
import type { Keyspace } from "./keyspace.js";
import { shardOfSlot, slotOfKey } from "./slot.js";

/** 64 bits, to be compared only. */
export type Digest = bigint;

export const digestShards = (keyspace: Keyspace, shardCount: number): Digest[] =>
  sumHashes(keyspace, shardCount, (slot) => shardOfSlot(slot, shardCount)).digests();

/** By slot; empty slots are left out. */
// Spec: AntiEntropy.Offer.
export function digestSlots(
  keyspace: Keyspace,
  shardCount: number,
  shard: number,
): Map<number, Digest> {
  const used = new Map<number, number>();
  const sums = sumHashes(keyspace, 0, (slot) => {
    if (shardOfSlot(slot, shardCount) !== shard) return -1;
    const place = used.get(slot) ?? used.size;
    used.set(slot, place);
    return place;
  });
  const digests = sums.digests();
  return new Map([...used].map(([slot, place]) => [slot, digests[place]!]));
}

class Sums {
  readonly #low: number[];
  readonly #high: number[];

  constructor(count: number) {
    this.#low = new Array<number>(count).fill(0);
    this.#high = new Array<number>(count).fill(0);
  }

  add(place: number, low: number, high: number): void {
    this.#low[place] = ((this.#low[place] ?? 0) + low) >>> 0;
    this.#high[place] = ((this.#high[place] ?? 0) + high) >>> 0;
  }

  digests(): Digest[] {
    return this.#low.map((low, place) => (BigInt(this.#high[place]!) << 32n) | BigInt(low));
  }
}

/** A hash of one key's entry, to find out cheaply whether it changed. */
export function hashOfEntry({ replicas }: Keyspace, entry: KeyEntry): string {
  const writer = new ByteWriter(256);
  entry.encode(writer, new NameCodec(replicas), replicas);
  const bytes = writer.view();
  return `${hash32(bytes, 3)} ${hash32(bytes, 4)}`;
}

/** @param placeOf the sum that a slot's keys go to; negative: none. */
function sumHashes(keyspace: Keyspace, count: number, placeOf: (slot: number) => number): Sums {
  const sums = new Sums(count);
  const writer = new ByteWriter(1024);
  const codec = new NameCodec(keyspace.replicas);
  for (const db of keyspace.databases)
    db.keys.forEach((ref) => {
      const key = keyspace.keyOf(ref);
      const place = placeOf(slotOfKey(key));
      if (place < 0) return;
      writer.clear();
      writer.u8(db.index).bytes(key);
      keyspace.entryOf(ref).encode(writer, codec, keyspace.replicas);
      const bytes = writer.view();
      sums.add(place, hash32(bytes, 0x9747b28c), hash32(bytes, 0x3c6ef372));
    });
  return sums;
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
  h ^= scramble(rest);
  h ^= bytes.length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function scramble(word: number): number {
  const k = Math.imul(word, 0xcc9e2d51);
  return Math.imul((k << 15) | (k >>> 17), 0x1b873593);
}
