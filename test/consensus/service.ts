// The service that the registers give under a nemesis like the bench's: Maelstrom's lin-kv mix at a
// fixed rate against nodes whose network is cut into two random parts, and healed, every few
// seconds.

import { Prng } from "../../src/base/prng.js";
import type { Counters } from "../../src/consensus/counters.js";
import type { Timing } from "../../src/consensus/timing.js";
import { Cluster, type NetworkProfile } from "./harness.js";
import { decodeOutcome, type OperationName } from "./machine.js";

export interface ServiceProfile {
  readonly nodeCount: number;
  readonly seed: number;
  readonly seconds: number;
  readonly ratePerSecond: number;
  readonly clientsPerNode: number;
  readonly registerCount: number;
  readonly network: Partial<NetworkProfile>;
  readonly timing?: Partial<Timing>;
  /** Cut, then heal, then cut: one change each this many seconds. 0: never. */
  readonly partitionSeconds: number;
  /** Whether cas is submitted as conditional (a read first) or as a write. */
  readonly casKind: "conditional" | "write";
}

interface SideTally {
  ended: number;
  /** ok, 20 or 22. */
  good: number;
  unavailable: number;
  indefinite: number;
}

export interface ServiceResult {
  readonly majority: SideTally;
  readonly minority: SideTally;
  readonly messagesPerOperation: number;
  readonly heartbeatsPerOperation: number;
  readonly latencyMs: { readonly median: number; readonly p95: number; readonly max: number };
  /**
   * The longest time from a cut to the first write that succeeded after it on the majority side.
   */
  readonly firstWriteMsMax: number;
  readonly counters: Counters;
  readonly messagesByType: ReadonlyMap<string, number>;
}

export function serve(profile: ServiceProfile): ServiceResult {
  return new Service(profile).run();
}

class Service {
  readonly #profile: ServiceProfile;
  readonly #prng: Prng;
  readonly #cluster: Cluster;
  readonly #tallies = { majority: newTally(), minority: newTally() };
  readonly #latencies: number[] = [];
  #nextId = 1;
  #minority = new Set<string>();
  #cutMs: number | undefined;
  #firstWriteMsMax = 0;

  constructor(profile: ServiceProfile) {
    this.#profile = profile;
    this.#prng = new Prng(profile.seed + 77);
    const { nodeCount, seed, network, timing } = profile;
    this.#cluster = new Cluster({ nodeCount, seed, profile: network, ...(timing && { timing }) });
  }

  run(): ServiceResult {
    const { seconds, clientsPerNode, nodeCount, partitionSeconds } = this.#profile;
    const endMs = seconds * 1000;
    for (let i = 0; i < clientsPerNode * nodeCount; i++) this.#client(i, endMs);
    if (partitionSeconds > 0) this.#nemesis(partitionSeconds * 1000, endMs);
    this.#cluster.run(endMs + 1000);
    const counters = this.#cluster.counters();
    const operations = Math.max(1, this.#latencies.length);
    const sorted = this.#latencies.sort((a, b) => a - b);
    const at = (part: number): number => sorted[Math.floor((sorted.length - 1) * part)] ?? 0;
    if (this.#cluster.monitor.violations.length > 0)
      throw new Error(this.#cluster.monitor.violations.join("\n"));
    return {
      ...this.#tallies,
      messagesPerOperation: this.#cluster.messageCount / operations,
      heartbeatsPerOperation: counters.heartbeatsSent / operations,
      latencyMs: { median: at(0.5), p95: at(0.95), max: at(1) },
      firstWriteMsMax: this.#firstWriteMsMax,
      counters,
      messagesByType: this.#cluster.messagesByType,
    };
  }

  #client(index: number, endMs: number): void {
    const { clientsPerNode, nodeCount, ratePerSecond } = this.#profile;
    const thinkMs = (2 * this.#prng.float() * 1000 * clientsPerNode * nodeCount) / ratePerSecond;
    this.#cluster.at(this.#cluster.nowMs + thinkMs, () => {
      if (this.#cluster.nowMs < endMs) this.#operate(index, endMs);
    });
  }

  #operate(index: number, endMs: number): void {
    const { nodeCount, registerCount, casKind } = this.#profile;
    const prng = this.#prng;
    const cluster = this.#cluster;
    const node = cluster.nodes[index % nodeCount]!;
    const isReader = index % (2 * nodeCount) < nodeCount;
    const f: OperationName = isReader ? "read" : prng.pick(["write", "cas", "cas"] as const);
    const digit = (): string => String(prng.below(5));
    const input = f === "read" ? null : f === "write" ? digit() : [digit(), digit()];
    const register = `key${Math.floor(cluster.nowMs / 5000)}-${prng.below(registerCount)}`;
    const startMs = cluster.nowMs;
    const side = this.#minority.has(node.id) ? "minority" : "majority";
    const kind = f === "cas" ? casKind : f;
    node.submit(register, { id: this.#nextId++, f, input }, kind, (result) => {
      const tally = this.#tallies[side];
      tally.ended++;
      this.#latencies.push(cluster.nowMs - startMs);
      if (result.kind === "ok") tally.good++;
      else if (result.error === "timeout") tally.indefinite++;
      else tally.unavailable++;
      const isWritten =
        f === "write" && result.kind === "ok" && "ok" in decodeOutcome(result.outcome);
      if (isWritten && side === "majority" && this.#cutMs !== undefined && startMs >= this.#cutMs) {
        this.#firstWriteMsMax = Math.max(this.#firstWriteMsMax, cluster.nowMs - this.#cutMs);
        this.#cutMs = undefined;
      }
      this.#client(index, endMs);
    });
  }

  #nemesis(intervalMs: number, endMs: number): void {
    const cluster = this.#cluster;
    cluster.at(cluster.nowMs + intervalMs, () => {
      if (cluster.nowMs >= endMs) return;
      if (this.#minority.size > 0) {
        this.#minority = new Set();
        this.#cutMs = undefined;
        cluster.heal();
      } else {
        const ids = this.#prng.shuffle(cluster.nodes.map(({ id }) => id));
        const few = ids.slice(0, Math.floor((ids.length - 1) / 2));
        this.#minority = new Set(few);
        this.#cutMs = cluster.nowMs;
        cluster.partition(few, ids.slice(few.length));
      }
      this.#nemesis(intervalMs, endMs);
    });
  }
}

const newTally = (): SideTally => ({ ended: 0, good: 0, unavailable: 0, indefinite: 0 });
