// States too long for one message travel in parts: the giver keeps the encoded state while it is
// fetched, the taker asks for one part after another and joins the whole in one step. So a state
// stays what it is, the content of one moment together with its context (merge-rules 2 and 12): a
// shard's context never advances before every key of it is there, and a write that comes in between
// is simply newer.
//
// Bounded: a node gives one such state to each peer at a time and forgets it after `idleMsMax`; it
// takes one at a time from each, of at most `stateBytesMax`. Whatever is lost is asked for again.
//
// Left out: overlays (merge-rules 11), with which the parts could be joined one by one. It costs
// the encoded state in memory on both sides and one long join per shard.

import type { Cluster } from "./cluster.js";
import type { StatePart } from "./messages.js";
import type { Peer } from "./peer.js";

/** A state up to this size is one message. */
export const partBytesMax = 1024 * 1024;
export const stateBytesMax = 1024 * 1024 * 1024;
/** A transfer without a word for so long is over. */
const idleMsMax = 10_000;
/** A part that does not come is asked for again after this. */
const repeatMs = 500;

interface Given {
  readonly id: number;
  readonly shard: number;
  readonly bytes: Uint8Array;
  movedMs: number;
}

interface Taken {
  readonly id: number;
  readonly shard: number;
  readonly bytes: Uint8Array;
  filled: number;
  /** When a part came, and when one was asked for. */
  movedMs: number;
  askedMs: number;
}

export class StateTransfer {
  readonly #cluster: Cluster;
  readonly #given = new Map<Peer, Given>();
  readonly #taken = new Map<Peer, Taken>();
  #id = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Gives a peer the state of a shard; false: another one is still on its way to it. */
  give(peer: Peer, shard: number, now: number): boolean {
    const running = this.#given.get(peer);
    if (running !== undefined && now - running.movedMs < idleMsMax) return false;
    const bytes = this.#cluster.shards.encodeShard(shard);
    this.#cluster.counters.stateSentCount++;
    if (bytes.length <= partBytesMax) {
      this.#given.delete(peer);
      this.#cluster.send(peer, { type: "state", bytes });
      return true;
    }
    const given: Given = { id: ++this.#id, shard, bytes, movedMs: now };
    this.#given.set(peer, given);
    this.#sendPart(peer, given, 0);
    return true;
  }

  #sendPart(peer: Peer, { id, shard, bytes }: Given, at: number): void {
    const part = bytes.subarray(at, at + partBytesMax);
    this.#cluster.counters.statePartCount++;
    const total = bytes.length;
    this.#cluster.send(peer, { type: "state_part", id, shard, total, at, bytes: part });
  }

  /** The peer has so much and asks for the next part. */
  onMore(peer: Peer, id: number, at: number, now: number): void {
    const given = this.#given.get(peer);
    if (given === undefined || given.id !== id) return;
    given.movedMs = now;
    if (at < given.bytes.length) this.#sendPart(peer, given, at);
    else this.#given.delete(peer);
  }

  /** Takes a part; answers the whole state once it is there. */
  onPart(peer: Peer, part: StatePart, now: number): Uint8Array | undefined {
    if (part.total > stateBytesMax || part.at + part.bytes.length > part.total) return undefined;
    let taken = this.#taken.get(peer);
    if (part.at === 0 && taken?.id !== part.id) {
      const bytes = new Uint8Array(part.total);
      taken = { id: part.id, shard: part.shard, bytes, filled: 0, movedMs: now, askedMs: now };
      this.#taken.set(peer, taken);
    }
    if (taken === undefined || taken.id !== part.id) return undefined;
    taken.movedMs = now;
    // Parts come in order; one that came twice says nothing new.
    if (part.at === taken.filled && part.total === taken.bytes.length) {
      taken.bytes.set(part.bytes, part.at);
      taken.filled += part.bytes.length;
    }
    this.#ask(peer, taken, now);
    if (taken.filled < taken.bytes.length) return undefined;
    this.#taken.delete(peer);
    return taken.bytes;
  }

  #ask(peer: Peer, taken: Taken, now: number): void {
    taken.askedMs = now;
    this.#cluster.send(peer, { type: "state_more", id: taken.id, at: taken.filled });
  }

  /** Whether a shard's state is being taken from anybody: then it need not be asked for. */
  isTaking(shard: number, now: number): boolean {
    for (const [peer, taken] of this.#taken) {
      if (now - taken.movedMs >= idleMsMax) {
        this.#taken.delete(peer);
        continue;
      }
      if (taken.shard !== shard) continue;
      if (now - taken.askedMs >= repeatMs) this.#ask(peer, taken, now);
      return true;
    }
    return false;
  }

  /** A shard was given up. */
  forgetShard(shard: number): void {
    for (const [peer, taken] of this.#taken) if (taken.shard === shard) this.#taken.delete(peer);
  }

  forget(peer: Peer): void {
    this.#given.delete(peer);
    this.#taken.delete(peer);
  }
}
