// Replicas in one process over a virtual network with virtual time: loss, duplication, reordering,
// partitions, skewed clocks, crashes. Every message goes through its codec. A seed decides
// everything.

import { Prng } from "../../src/base/prng.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import { Keyspace } from "../../src/keyspace/keyspace.js";
import { Shards, type ShardsOptions } from "../../src/keyspace/shards.js";
import { decodeMessage, encodeMessage } from "../../src/replication/codec.js";
import { Replicator, type ReplicatorOptions } from "../../src/replication/replicator.js";

/** 2027-01-15: the wall clock when virtual time is 0. */
export const startMs = 1_800_000_000_000;

export interface Link {
  readonly delayMs: () => number;
  loss: number;
  duplication: number;
}

export interface WorldOptions {
  readonly seed: number;
  readonly nodeCount?: number;
  readonly link?: Partial<Link>;
  readonly shards?: ShardsOptions;
  readonly replicator?: Partial<Omit<ReplicatorOptions, "self" | "peers" | "prng">>;
  /** How far each node's wall clock is ahead. */
  readonly skewMs?: readonly number[];
}

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** One node: its present incarnation. */
export class Replica {
  readonly name: string;
  readonly keyspace: Keyspace;
  readonly shards: Shards;
  readonly replicator: Replicator;

  constructor(world: World, index: number, incarnation: number) {
    this.name = `n${index}`;
    this.keyspace = new Keyspace({
      replicas: new ReplicaTable(),
      self: `${this.name}/${incarnation}`,
      databaseCount: 2,
      slabCapacity: 1 << 14,
    });
    this.keyspace.beginTurn(startMs + world.nowMs + world.skewMs(index));
    this.shards = new Shards(this.keyspace, world.options.shards);
    const peers = world.names.filter((name) => name !== this.name);
    this.replicator = new Replicator(
      this.shards,
      {
        send: (to, message) =>
          world.send(index, world.names.indexOf(to), encodeMessage(message, this.shards)),
      },
      { ...world.options.replicator, self: this.name, peers, prng: world.prng.fork() },
      world.nowMs,
    );
    this.shards.onClosed = (batches) => this.replicator.onLocalBatches(batches, world.nowMs);
  }

  /** The context of a shard by replica names, as text that can be compared across nodes. */
  contextText(shard: number): string {
    const entries = [...this.shards.context(shard).entries()].map(
      ([replica, time]) => `${this.keyspace.replicas.nameOf(replica)}:${time}`,
    );
    return entries.sort().join(" ");
  }

  /** All that must be equal after healing. */
  fingerprint(): string {
    const contexts = this.shards.shards.map(({ index }) => this.contextText(index));
    return JSON.stringify([contexts, this.shards.digests().map(String)]);
  }
}

export class World {
  readonly options: WorldOptions;
  readonly prng: Prng;
  readonly names: readonly string[];
  readonly replicas: Replica[] = [];
  readonly link: Link;
  nowMs = 0;
  sentCount = 0;
  sentBytes = 0;
  /** Pairs that are cut, by `from * nodeCount + to`. */
  readonly cut = new Set<number>();
  /** Sees every message; answers false to swallow it. */
  filter: (from: number, to: number, bytes: Uint8Array) => boolean = () => true;
  readonly #heap: Event[] = [];
  readonly #ticks: number[] = [];
  #order = 0;
  #incarnations = 0;

  constructor(options: WorldOptions) {
    this.options = options;
    this.prng = new Prng(options.seed);
    const count = options.nodeCount ?? 3;
    this.names = Array.from({ length: count }, (_, index) => `n${index}`);
    const delays = this.prng.fork();
    this.link = { delayMs: () => delays.between(1, 20), loss: 0, duplication: 0, ...options.link };
    for (let index = 0; index < count; index++) this.start(index);
  }

  skewMs(index: number): number {
    return this.options.skewMs?.[index] ?? 0;
  }

  /** Starts, or restarts without its data, a node: a new incarnation. */
  start(index: number): Replica {
    const replica = new Replica(this, index, ++this.#incarnations);
    this.replicas[index] = replica;
    this.#ticks[index] = Number.POSITIVE_INFINITY;
    this.#wake(index);
    return replica;
  }

  /** Lets a node work: sets its clock, runs `work`, ends the turn. */
  turn(index: number, work: (replica: Replica) => void): void {
    const replica = this.replicas[index]!;
    replica.keyspace.beginTurn(startMs + this.nowMs + this.skewMs(index));
    work(replica);
    this.#wake(index);
  }

  send(from: number, to: number, bytes: Uint8Array): void {
    this.sentCount++;
    this.sentBytes += bytes.length;
    if (!this.filter(from, to, bytes) || this.cut.has(from * this.names.length + to)) return;
    if (this.prng.chance(this.link.loss)) return;
    const copies = this.prng.chance(this.link.duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++)
      this.at(this.nowMs + this.link.delayMs(), () =>
        this.turn(to, ({ replicator, shards }) =>
          replicator.onMessage(this.names[from]!, decodeMessage(bytes, shards), this.nowMs),
        ),
      );
  }

  /** Splits the nodes: those in `group` hear only each other. */
  partition(group: readonly number[]): void {
    const count = this.names.length;
    for (let from = 0; from < count; from++)
      for (let to = 0; to < count; to++)
        if (group.includes(from) !== group.includes(to)) this.cut.add(from * count + to);
  }

  cutOneWay(from: number, to: number): void {
    this.cut.add(from * this.names.length + to);
  }

  heal(): void {
    this.cut.clear();
    this.link.loss = 0;
    this.link.duplication = 0;
  }

  at(atMs: number, run: () => void): void {
    const heap = this.#heap;
    const event = { atMs, order: this.#order++, run };
    let place = heap.length;
    heap.push(event);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[place] = heap[parent]!;
      place = parent;
    }
    heap[place] = event;
  }

  run(forMs: number): void {
    const untilMs = this.nowMs + forMs;
    while (this.#heap.length > 0 && this.#heap[0]!.atMs <= untilMs) {
      const event = this.#pop();
      this.nowMs = Math.max(this.nowMs, event.atMs);
      event.run();
    }
    this.nowMs = untilMs;
  }

  /** Whether all replicas have seen and hold the same. */
  isConverged(): boolean {
    const first = this.replicas[0]!.fingerprint();
    return this.replicas.every((replica) => replica.fingerprint() === first);
  }

  /** Runs until all agree; answers how long that took, undefined when they do not in time. */
  converge(withinMs = 10_000): number | undefined {
    for (let ms = 0; ms <= withinMs; ms += 250) {
      if (this.isConverged()) return ms;
      this.run(250);
    }
    return undefined;
  }

  verify(): void {
    for (const { keyspace, shards } of this.replicas) {
      shards.verifyInvariants();
      keyspace.verifyInvariants();
    }
  }

  #wake(index: number): void {
    const replica = this.replicas[index]!;
    const due = Math.max(this.nowMs, replica.replicator.nextDueMs());
    if (due >= this.#ticks[index]!) return;
    this.#ticks[index] = due;
    this.at(due, () => {
      if (this.replicas[index] !== replica || this.#ticks[index] !== due) return;
      this.#ticks[index] = Number.POSITIVE_INFINITY;
      this.turn(index, ({ replicator }) => replicator.tick(this.nowMs));
    });
  }

  #pop(): Event {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    let place = 0;
    for (;;) {
      let child = place * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[place] = heap[child]!;
      place = child;
    }
    heap[place] = last;
    return top;
  }
}

const isBefore = (a: Event, b: Event): boolean =>
  a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
