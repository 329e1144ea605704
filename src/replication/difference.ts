// Comparing a shard with a peer's when the log does not reach back, so that what travels grows with
// the difference and not with the shard (design.md section 6, merge-rules 11 to 13):
//
//   giver  offer       the digest of every slot, and the shard's context
//   taker  inquiry     the slots that differ, and a hash of each key that it has in them
//   giver  difference  the keys in which they differ as they are now, which hashes it has too, and
//                      the context of this moment
//
// The taker joins the difference and the context in one step, as if it had been given the whole
// state. That is right because every other key is known to be equal on both sides:
//
//  - The giver may have changed keys since its offer. Its log tells which: they are in the
//    difference as well. If the log does not tell any more, the whole state goes.
//  - The taker lets no batch of others into the shard between its inquiry and the join (`isHeld`):
//    one that the giver's context covers would be counted twice. Its own writes go on; what they
//    did to an equal key is newer than all that the giver has, or is in the difference.
//
// An inquiry without an answer is repeated; a comparison without progress is given up by both
// sides, and the pull that it came from is repeated.

import type { VersionVector } from "../clock/version-vector.js";
import { BodyReader } from "../keyspace/batch-body.js";
import {
  forEachKeyHash,
  hashBytesSent,
  type Sums,
  shortHash,
  slotSums,
} from "../keyspace/digest.js";
import type { Shards } from "../keyspace/shards.js";
import { slotCount, slotsOfShard } from "../keyspace/slot.js";
import { nameOfKey, type StoredKey } from "../keyspace/state-sync.js";
import type { Cluster } from "./cluster.js";
import type { Difference, InquiredShard, Inquiry, Offer } from "./messages.js";
import type { Peer } from "./peer.js";
import { partBytesMax, type StateTransfer } from "./state-transfer.js";

/** A comparison without a word for so long is over. */
export const comparisonMsMax = 5_000;
/** What may be on its way is said again after this. */
const repeatMs = 300;
/** Keys that a pass over the keyspace visits in a millisecond, at the least: it is waited for. */
const passKeysPerMs = 500;
/** When more of a shard's slots differ than this share, its whole state is cheaper. */
const differingShareMax = 0.5;

/** Keys by name. */
type Keys = Map<string, StoredKey>;

/**
 * What the giver remembers by shard: a context, and what had changed between the offer and then.
 */
interface Offered {
  readonly id: number;
  readonly bases: Map<number, { readonly context: VersionVector; readonly changed: Keys }>;
  movedMs: number;
}

/** What the taker remembers: by shard, the keys that it had in the slots that differ. */
interface Inquired {
  readonly id: number;
  readonly keys: Map<number, readonly StoredKey[]>;
  /** As it was sent: what it says stays true while the shards are held. */
  readonly shards: readonly InquiredShard[];
  movedMs: number;
  askedMs: number;
}

export class Comparison {
  readonly #cluster: Cluster;
  readonly #states: StateTransfer;
  readonly #offered = new Map<Peer, Offered>();
  readonly #inquired = new Map<Peer, Inquired>();
  #id = 0;

  constructor(cluster: Cluster, states: StateTransfer) {
    this.#cluster = cluster;
    this.#states = states;
    cluster.shards.onWholeState = (shard) => this.onState(shard);
  }

  forget(peer: Peer): void {
    this.#offered.delete(peer);
    this.#inquired.delete(peer);
  }

  /** Whether a shard is being compared: batches of others wait, and nobody else is asked for it. */
  isHeld(shard: number): boolean {
    for (const { keys } of this.#inquired.values()) if (keys.has(shard)) return true;
    return false;
  }

  isTakingFrom(peer: Peer): boolean {
    return (this.#inquired.get(peer)?.keys.size ?? 0) > 0;
  }

  /** Asks again, and ends what the other side no longer answers. */
  onDue(now: number): void {
    for (const [peer, inquired] of this.#inquired) {
      const { id, keys, shards, movedMs, askedMs } = inquired;
      if (keys.size === 0 || now - movedMs >= comparisonMsMax + 2 * this.#passMs()) {
        this.#inquired.delete(peer);
      } else if (now >= Math.ceil(askedMs) + repeatMs + this.#passMs()) {
        inquired.askedMs = now;
        const open = shards.filter(({ shard }) => keys.has(shard));
        this.#cluster.send(peer, { type: "inquiry", id, shards: open });
      }
    }
    for (const [peer, { movedMs }] of this.#offered)
      if (now - movedMs >= comparisonMsMax + 2 * this.#passMs()) this.#offered.delete(peer);
  }

  get dueMs(): number {
    let due = Number.POSITIVE_INFINITY;
    for (const { askedMs } of this.#inquired.values())
      due = Math.min(due, Math.ceil(askedMs) + repeatMs + this.#passMs());
    return due;
  }

  /** How long a pass over all keys may take here or, as replicas hold about the same, there. */
  #passMs(): number {
    const { databases } = this.#cluster.shards.keyspace;
    return Math.ceil(databases.reduce((sum, { keys }) => sum + keys.count, 0) / passKeysPerMs);
  }

  // ---- the giver

  // Spec: AntiEntropy.Offer.
  offer(peer: Peer, wanted: readonly number[], now: number): void {
    this.onDue(now);
    const former = this.#offered.get(peer);
    if (former !== undefined && now - former.movedMs < repeatMs + this.#passMs()) return;
    const { shards, counters } = this.#cluster;
    shards.settle();
    const sums = slotSums(shards.keyspace);
    const contexts = this.#cluster.contexts(wanted);
    const id = ++this.#id;
    this.#offered.set(peer, {
      id,
      bases: new Map(
        contexts.map(({ shard, context }) => [shard, { context, changed: new Map() }]),
      ),
      movedMs: now,
    });
    counters.offerSentCount++;
    this.#cluster.send(peer, {
      type: "offer",
      id,
      shards: contexts.map((each) => ({ ...each, digests: digestsOf(each.shard, shards, sums) })),
    });
  }

  // Spec: AntiEntropy.OnDifferent.
  onInquiry(peer: Peer, { id, shards: inquired }: Inquiry, now: number): void {
    this.onDue(now);
    const offered = this.#offered.get(peer);
    if (offered?.id !== id) return;
    offered.movedMs = now;
    this.#cluster.shards.settle();
    const found = this.#collect(inquired);
    for (const each of inquired) {
      // It was given up meanwhile.
      if (!this.#cluster.holdings.holds(each.shard)) continue;
      const changed = each.isWhole ? undefined : this.#changedSince(each.shard, offered);
      if (changed === undefined) this.#states.give(peer, each.shard, now);
      else this.#answer(peer, id, each, found.get(each.shard) ?? [], changed, now);
    }
  }

  #answer(
    peer: Peer,
    id: number,
    { shard, hashes }: InquiredShard,
    found: readonly FoundKey[],
    changed: Keys,
    now: number,
  ): void {
    const places = new Map(readHashes(hashes).map((hash, place) => [hash, place]));
    const matched = new Uint8Array(Math.ceil(hashes.length / hashBytesSent / 8));
    const differing = new Map(changed);
    for (const key of found) {
      const place = places.get(key.hash);
      if (place === undefined) differing.set(nameOfKey(key), key);
      else matched[place >> 3]! |= 1 << (place & 7);
    }
    const bytes = this.#cluster.shards.encodePart(shard, [...differing.values()]);
    if (bytes.length > partBytesMax) this.#states.give(peer, shard, now);
    else this.#cluster.send(peer, { type: "difference", id, shard, matched, bytes });
  }

  /** Keys that have changed since an offer; undefined when nobody can tell. */
  #changedSince(shard: number, { bases }: Offered): Keys | undefined {
    const base = bases.get(shard);
    if (base === undefined) return undefined;
    const held = this.#cluster.shards.shards[shard]!;
    const changed: Keys = new Map(base.changed);
    for (const [origin] of held.context.entries()) {
      const batches = held.since(origin, base.context.get(origin));
      if (batches === undefined) return undefined;
      for (const batch of batches) {
        const body = new BodyReader(batch);
        while (body.next()) {
          const { database, key } = body;
          changed.set(nameOfKey({ database, key }), { database, key });
        }
      }
    }
    return changed;
  }

  /**
   * This node, a giver of the shard, joins a difference itself, as two sides do that compare with
   * each other: no log tells of it, so the keys are noted here.
   */
  #rebase(shard: number, join: () => readonly StoredKey[] | undefined): boolean {
    const before = [...this.#offered.values()].map((offered) => ({
      offered,
      changed: this.#changedSince(shard, offered),
    }));
    const keys = join();
    if (keys === undefined) return false;
    const context = this.#cluster.shards.shards[shard]!.context.clone();
    for (const { offered, changed } of before) {
      if (changed === undefined) continue;
      for (const key of keys) changed.set(nameOfKey(key), key);
      offered.bases.set(shard, { context, changed });
    }
    return true;
  }

  // ---- the taker

  onOffer(peer: Peer, { id, shards: offered }: Offer, now: number): void {
    const { shards, counters } = this.#cluster;
    this.onDue(now);
    this.#inquired.delete(peer);
    const wanted = offered.filter(({ shard, context }) => {
      const isNews = !shards.shards[shard]!.context.includes(context);
      if (!this.#cluster.holdings.holds(shard) || shards.released.isBare(shard)) return false;
      return isNews && !this.isHeld(shard) && !this.#states.isTaking(shard, now);
    });
    if (wanted.length === 0) return;
    shards.settle();
    const sums = slotSums(shards.keyspace);
    const inquired = wanted.map(({ shard, digests }): InquiredShard => {
      const slots = differingSlots(digests, digestsOf(shard, shards, sums));
      const isWhole = slots.length > (digests.length / hashBytesSent) * differingShareMax;
      return { shard, isWhole, slots: isWhole ? [] : slots, hashes: noBytes };
    });
    const found = this.#collect(inquired);
    const keys = new Map<number, readonly StoredKey[]>();
    const complete = inquired.map((each): InquiredShard => {
      if (each.isWhole) return each;
      const own = found.get(each.shard) ?? [];
      keys.set(each.shard, own);
      return { ...each, hashes: writeHashes(own.map(({ hash }) => hash)) };
    });
    const asked = { id, keys, shards: complete, movedMs: now, askedMs: now };
    this.#inquired.set(peer, asked);
    counters.inquirySentCount++;
    this.#cluster.send(peer, { type: "inquiry", id, shards: complete });
  }

  /** Answers whether the difference was joined. @throws MalformedBytes */
  onDifference(peer: Peer, { id, shard, matched, bytes }: Difference, now: number): boolean {
    const { shards, counters } = this.#cluster;
    this.onDue(now);
    const inquired = this.#inquired.get(peer);
    const keys = inquired?.keys.get(shard);
    // Too late: batches of others may have come in between.
    if (inquired?.id !== id || keys === undefined) return false;
    inquired.movedMs = now;
    inquired.keys.delete(shard);
    const absent = keys.filter(
      (_, place) => ((matched[place >> 3] ?? 0) & (1 << (place & 7))) === 0,
    );
    const isJoined = this.#rebase(shard, () => shards.joinPartial(bytes, shard, absent));
    if (isJoined) counters.differenceJoinedCount++;
    else counters.stateRefusedCount++;
    return isJoined;
  }

  /**
   * A whole state of the shard came in between, or it was given up: what was noted of its keys is
   * not true any more.
   */
  onState(shard: number): void {
    for (const { keys } of this.#inquired.values()) keys.delete(shard);
  }

  /** The keys in the slots that differ, with their hashes, by shard. */
  #collect(inquired: readonly InquiredShard[]): Map<number, FoundKey[]> {
    const { shards } = this.#cluster;
    const wanted = new Uint8Array(slotCount);
    const shardOf = new Map<number, FoundKey[]>();
    const lists = new Array<FoundKey[] | undefined>(slotCount);
    for (const { shard, slots } of inquired) {
      const list: FoundKey[] = [];
      shardOf.set(shard, list);
      const [first] = slotsOfShard(shard, shards.count);
      for (const slot of slots) {
        wanted[first + slot] = 1;
        lists[first + slot] = list;
      }
    }
    if (!wanted.includes(1)) return shardOf;
    forEachKeyHash(shards.keyspace, wanted, ({ slot, database, ref, low, high }) => {
      const key = shards.keyspace.keyOf(ref);
      lists[slot]!.push({ database, key, hash: shortHash(low, high) });
    });
    return shardOf;
  }
}

interface FoundKey extends StoredKey {
  readonly hash: number;
}

const noBytes = new Uint8Array(0);

function digestsOf(shard: number, shards: Shards, sums: Sums): Uint8Array {
  const [first, end] = slotsOfShard(shard, shards.count);
  return writeHashes(Array.from({ length: end - first }, (_, at) => sums.short(first + at)));
}

function writeHashes(hashes: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(hashes.length * hashBytesSent);
  hashes.forEach((hash, place) => {
    bytes.writeUIntLE(hash, place * hashBytesSent, hashBytesSent);
  });
  return bytes;
}

function readHashes(bytes: Uint8Array): number[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / hashBytesSent }, (_, place) =>
    buffer.readUIntLE(place * hashBytesSent, hashBytesSent),
  );
}

/** Places at which two lists of digests differ. */
function differingSlots(theirs: Uint8Array, ours: Uint8Array): number[] {
  const [a, b] = [readHashes(theirs), readHashes(ours)];
  return a.flatMap((digest, slot) => (digest === b[slot] ? [] : [slot]));
}
