// Several `Registers` on a virtual network with a seed: delay, loss, duplication, reordering,
// partitions, pauses, crashes with and without their disk. One seed, one run. Self-votes are
// watched through the log: an acceptor's own vote counts once its record is durable.

import { Prng } from "../../src/base/prng.js";
import { decodeMessage, encodeMessage } from "../../src/consensus/codec.js";
import {
  type Configuration,
  firstConfiguration,
  majorityOf,
  type NodeId,
} from "../../src/consensus/configuration.js";
import type { OperationKind, OperationResult } from "../../src/consensus/context.js";
import type { Counters } from "../../src/consensus/counters.js";
import { newCounters } from "../../src/consensus/counters.js";
import type { ConsensusMessage } from "../../src/consensus/messages.js";
import { decodeRecord } from "../../src/consensus/records.js";
import { type ConsensusPort, Registers } from "../../src/consensus/registers.js";
import type { Timing } from "../../src/consensus/timing.js";
import { change, encode, query, type TestOperation } from "./machine.js";
import { Monitor } from "./monitor.js";

export interface NetworkProfile {
  readonly delayMs: readonly [min: number, max: number];
  readonly loss: number;
  readonly duplication: number;
  /** Part of the messages that take a second or so longer than the others. */
  readonly stragglers: number;
  readonly diskMs: readonly [min: number, max: number];
  /** Messages travel as bytes. */
  readonly codec: boolean;
}

export const quietNetwork: NetworkProfile = {
  delayMs: [1, 1],
  loss: 0,
  duplication: 0,
  stragglers: 0,
  diskMs: [0, 0],
  codec: true,
};

export interface ClusterOptions {
  readonly nodeCount: number;
  readonly seed?: number;
  readonly profile?: Partial<NetworkProfile>;
  readonly timing?: Partial<Timing>;
  /** Default: the first one, of all nodes. */
  readonly configuration?: Configuration;
}

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Called for each message that leaves; false drops it. */
export type MessageFilter = (from: NodeId, to: NodeId, message: ConsensusMessage) => boolean;

export class TestNode {
  readonly id: NodeId;
  readonly #cluster: Cluster;
  registers!: Registers;
  incarnation = 0;
  stateIncarnation = 1;
  isUp = false;
  pausedUntilMs = 0;
  hasLostState = false;
  #tickAtMs = Number.POSITIVE_INFINITY;
  #durable: Uint8Array[] = [];
  #results = new Map<number, (result: OperationResult) => void>();

  constructor(cluster: Cluster, id: NodeId) {
    this.id = id;
    this.#cluster = cluster;
    this.start();
  }

  start(): void {
    this.incarnation++;
    this.isUp = true;
    this.#tickAtMs = Number.POSITIVE_INFINITY; // What is scheduled belongs to the old process.
    this.registers = new Registers(
      {
        self: this.id,
        incarnation: this.incarnation,
        stateIncarnation: this.stateIncarnation,
        configuration: this.#cluster.configuration,
        ...(this.#cluster.timing && { timing: this.#cluster.timing }),
      },
      this.#port(this.incarnation),
    );
    for (const record of this.#durable) this.registers.recover(record);
  }

  /** Open operations end without a word. */
  crash(options: { loseState: boolean }): void {
    this.isUp = false;
    this.#cluster.addCounters(this.registers.counters);
    this.#results.clear();
    if (!options.loseState) return;
    this.#durable = [];
    this.hasLostState = true;
    this.stateIncarnation = this.incarnation + 1;
  }

  /** Puts a record on the disk of a node that is down, as if written by an earlier process. */
  remember(record: Uint8Array): void {
    this.#durable.push(record);
    this.#watch(record);
  }

  submit(
    register: string,
    operation: TestOperation,
    kind: OperationKind,
    onResult: (result: OperationResult) => void,
  ): void {
    this.#results.set(operation.id, onResult);
    this.#call((now) =>
      this.registers.submit(now, operation.id, register, encode(operation), kind),
    );
  }

  receive(from: NodeId, message: ConsensusMessage): void {
    if (!this.isUp) return;
    this.#call((now) => this.registers.receive(now, from, message));
  }

  #call(input: (now: number) => void): void {
    const cluster = this.#cluster;
    input(cluster.nowMs);
    this.registers.verifyInvariants();
    const due = this.registers.nextDueMs();
    if (due >= this.#tickAtMs) return;
    this.#tickAtMs = Math.max(due, cluster.nowMs);
    const { incarnation } = this;
    cluster.atNode(this, this.#tickAtMs, () => {
      if (!this.isUp || this.incarnation !== incarnation) return;
      this.#tickAtMs = Number.POSITIVE_INFINITY;
      this.#call((now) => this.registers.tick(now));
    });
  }

  #port(incarnation: number): ConsensusPort {
    const cluster = this.#cluster;
    const isCurrent = (): boolean => this.isUp && this.incarnation === incarnation;
    return {
      send: (to, message) => cluster.send(this.id, to, message),
      persist: (lsn, record) => {
        const delayMs = cluster.draw(cluster.profile.diskMs);
        const done = (): void => {
          this.#durable.push(record);
          this.#watch(record);
        };
        if (delayMs === 0) {
          done();
          this.registers.persisted(cluster.nowMs, lsn);
          return;
        }
        // The disk is in order: a later record is never durable before an earlier one.
        this.#diskFreeMs = Math.max(this.#diskFreeMs, cluster.nowMs + delayMs);
        cluster.at(this.#diskFreeMs, () => {
          if (!isCurrent()) return;
          done();
          this.#call((now) => this.registers.persisted(now, lsn));
        });
      },
      change,
      query,
      random: () => cluster.prng.float(),
      complete: (ticket, result) => {
        if (!isCurrent()) return;
        const onResult = this.#results.get(ticket);
        if (onResult === undefined) throw new Error(`ticket ${ticket} ended twice`);
        this.#results.delete(ticket);
        onResult(result);
      },
    };
  }

  #diskFreeMs = 0;

  /** A durable vote of this node's acceptor. */
  #watch(bytes: Uint8Array): void {
    const record = decodeRecord(bytes);
    if (record.kind !== "accepted") return;
    this.#cluster.monitor.onVote(this.id, record.register, record.ballot, record.value.state);
  }
}

export class Cluster {
  nowMs = 0;
  messageCount = 0;
  readonly messagesByType = new Map<string, number>();
  readonly nodes: TestNode[] = [];
  readonly prng: Prng;
  readonly profile: NetworkProfile;
  readonly configuration: Configuration;
  readonly timing: Partial<Timing> | undefined;
  readonly monitor: Monitor;
  /** Scenario hook: false drops the message. */
  filter: MessageFilter = () => true;
  readonly #counters = newCounters();
  #groups = new Map<NodeId, number>();
  #heap: Event[] = [];
  #order = 0;

  constructor(options: ClusterOptions) {
    this.prng = new Prng(options.seed ?? 1);
    this.profile = { ...quietNetwork, ...options.profile };
    this.timing = options.timing;
    const ids = Array.from({ length: options.nodeCount }, (_, i) => `n${i + 1}`);
    this.configuration = options.configuration ?? firstConfiguration(ids);
    this.monitor = new Monitor(majorityOf(this.configuration));
    for (const id of ids) this.nodes.push(new TestNode(this, id));
  }

  node(id: NodeId): TestNode {
    const node = this.nodes.find((candidate) => candidate.id === id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  /** Cuts the network between the groups; a node in none is alone. */
  partition(...groups: readonly (readonly NodeId[])[]): void {
    this.#groups = new Map(groups.flatMap((group, i) => group.map((id) => [id, i + 1] as const)));
    this.nodes.forEach(({ id }, i) => {
      if (!this.#groups.has(id)) this.#groups.set(id, -1 - i);
    });
  }

  heal(): void {
    this.#groups.clear();
  }

  isConnected(a: NodeId, b: NodeId): boolean {
    return this.#groups.get(a) === this.#groups.get(b);
  }

  draw([min, max]: readonly [number, number]): number {
    return max === min ? min : min + this.prng.float() * (max - min);
  }

  send(from: NodeId, to: NodeId, message: ConsensusMessage): void {
    const { type } = message.body;
    this.messageCount++;
    this.messagesByType.set(type, (this.messagesByType.get(type) ?? 0) + 1);
    if (!this.filter(from, to, message) || !this.isConnected(from, to)) return;
    const copies = this.prng.chance(this.profile.duplication) ? 2 : 1;
    const bytes = this.profile.codec ? encodeMessage(message) : undefined;
    for (let i = 0; i < copies; i++) {
      if (this.prng.chance(this.profile.loss)) continue;
      const node = this.node(to);
      const isLate = this.prng.chance(this.profile.stragglers);
      const delayMs = this.draw(isLate ? [200, 2000] : this.profile.delayMs);
      this.atNode(node, this.nowMs + delayMs, () => {
        if (this.isConnected(from, to)) {
          node.receive(from, bytes === undefined ? message : decodeMessage(bytes));
        }
      });
    }
  }

  at(atMs: number, run: () => void): void {
    const heap = this.#heap;
    const event = { atMs, order: this.#order++, run };
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(heap[parent]!, event)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  /** As `at`, but a paused node gets it when it runs again. */
  atNode(node: TestNode, atMs: number, run: () => void): void {
    this.at(atMs, () => {
      if (node.pausedUntilMs > this.nowMs) this.atNode(node, node.pausedUntilMs, run);
      else run();
    });
  }

  /** Runs every event up to `untilMs`. */
  run(untilMs: number): void {
    while (this.#heap.length > 0 && this.#heap[0]!.atMs <= untilMs) {
      const event = this.#pop();
      this.nowMs = Math.max(this.nowMs, event.atMs);
      event.run();
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
  }

  addCounters(counters: Counters): void {
    for (const name of Object.keys(counters) as (keyof Counters)[])
      this.#counters[name] += counters[name];
  }

  /** Of all nodes and all their processes. */
  counters(): Counters {
    const sum = { ...this.#counters };
    for (const { isUp, registers } of this.nodes) {
      if (!isUp) continue;
      for (const name of Object.keys(sum) as (keyof Counters)[])
        sum[name] += registers.counters[name];
    }
    return sum;
  }

  #pop(): Event {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (isBefore(last, heap[child]!)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

const isBefore = (a: Event, b: Event): boolean =>
  a.atMs !== b.atMs ? a.atMs < b.atMs : a.order < b.order;
