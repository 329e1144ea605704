// One other node, as far as it has told: what its present incarnation has seen, when it was last
// heard, and how long an answer takes. Knowledge only grows, until the node comes back as another
// incarnation, which may have nothing of what the former one had.

import type { ReplicaTable } from "../clock/replica-table.js";
import type { ReplicaIndex } from "../clock/stamp.js";
import { VersionVector } from "../clock/version-vector.js";
import type { Batch } from "../keyspace/batch.js";
import type { NodeId, ShardContext } from "./messages.js";

const nothing = new VersionVector();

export class Peer {
  readonly node: NodeId;
  incarnation: ReplicaIndex | undefined;
  readonly #retired = new Set<ReplicaIndex>();
  /** How often it has given shards up, as far as it has told. */
  #releases = 0;
  readonly #known = new Map<number, VersionVector>();
  heardMs = Number.NEGATIVE_INFINITY;
  /** Smoothed time between a push and its acknowledgement; undefined before the first. */
  roundTripMs: number | undefined;

  readonly #replicas: ReplicaTable;

  constructor(node: NodeId, replicas: ReplicaTable) {
    this.node = node;
    this.#replicas = replicas;
  }

  /**
   * A message came from this incarnation. False when it is one of the past, whose words about
   * itself say nothing any more - also of one that was gone again before it was ever heard.
   * `onReturn` is called when the node is found to be a new one.
   */
  hear(sender: ReplicaIndex, now: number, onReturn: () => void): boolean {
    if (this.#retired.has(sender)) return false;
    const former = this.incarnation;
    if (former !== undefined && sender !== former && this.#isBefore(sender, former)) {
      this.#retired.add(sender);
      return false;
    }
    this.heardMs = now;
    if (sender === former) return true;
    this.incarnation = sender;
    this.#releases = 0;
    this.#known.clear();
    if (former === undefined) return true;
    this.#retired.add(former);
    onReturn();
    return true;
  }

  /**
   * The peer says how often it has given shards up: what it had before it may lack now. False for a
   * message from before, whose words about the peer are as void as those of a past incarnation.
   */
  hearReleases(count: number, onMore: () => void): boolean {
    if (count < this.#releases) return false;
    if (count === this.#releases) return true;
    this.#releases = count;
    this.#known.clear();
    onMore();
    return true;
  }

  #isBefore(a: ReplicaIndex, b: ReplicaIndex): boolean {
    return this.#replicas.incarnationOf(a) < this.#replicas.incarnationOf(b);
  }

  /** What the peer has seen of a shard, at least. Not to be changed. */
  known(shard: number): VersionVector {
    return this.#known.get(shard) ?? nothing;
  }

  covers(batch: Batch): boolean {
    return this.known(batch.shard).covers(batch.time, batch.origin);
  }

  learn({ shard, context }: ShardContext): void {
    this.#use(shard).join(context);
  }

  /** Who sends a batch has joined it, with all that it depends on. */
  learnBatch({ shard, origin, time, dependencies }: Batch): void {
    const known = this.#use(shard);
    known.advance(origin, time);
    known.join(dependencies);
  }

  measure(roundTripMs: number): void {
    const before = this.roundTripMs ?? roundTripMs;
    this.roundTripMs = before + (roundTripMs - before) / 4;
  }

  #use(shard: number): VersionVector {
    let known = this.#known.get(shard);
    if (known === undefined) {
      known = new VersionVector();
      this.#known.set(shard, known);
    }
    return known;
  }
}
