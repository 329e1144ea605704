// A random run: clients at every node, a nemesis, and the judgement of what came out. One seed
// draws the fault profile and everything after it.

import { Prng } from "../../src/base/prng.js";
import type { Json } from "../../src/check/canonical.js";
import type { Operation, Outcome } from "../../src/check/history.js";
import { checkLinearizable, explainKey } from "../../src/check/linearizability.js";
import type { OperationKind, OperationResult } from "../../src/consensus/context.js";
import type { Counters } from "../../src/consensus/counters.js";
import type { Timing } from "../../src/consensus/timing.js";
import { Cluster, type NetworkProfile, type TestNode } from "./harness.js";
import { decodeOutcome, machineModel, type OperationName, type TestOperation } from "./machine.js";

export interface RunProfile {
  readonly seed: number;
  readonly nodeCount: number;
  readonly clientsPerNode: number;
  readonly registerCount: number;
  readonly durationMs: number;
  /** Mean pause between two operations of a client. */
  readonly thinkMs: number;
  readonly network: Partial<NetworkProfile>;
  readonly timing?: Partial<Timing>;
  /** Mean time between two faults of each kind; absent: never. */
  readonly partitionEveryMs?: number;
  readonly pauseEveryMs?: number;
  readonly crashEveryMs?: number;
  /** Crashes that lose the disk, at most a minority of nodes. */
  readonly loseState?: boolean;
  readonly operations?: readonly OperationName[];
}

export interface RunResult {
  readonly history: readonly Operation[];
  readonly violations: readonly string[];
  readonly counters: Counters;
  readonly messageCount: number;
  readonly chosenCount: number;
}

/** Enough for a story; the logs in the states grow with every operation. */
const operationCountMax = 250;

/** Everything a seed decides about the weather. */
export function drawProfile(seed: number): RunProfile {
  const prng = new Prng(seed);
  const often = (): number => prng.between(150, 900);
  const delayMax = prng.pick([2, 5, 20, 60]);
  const maybe = (chance: number): boolean => prng.chance(chance);
  return {
    seed,
    nodeCount: prng.pick([3, 3, 5]),
    clientsPerNode: prng.between(1, 3),
    registerCount: prng.between(1, 2),
    durationMs: 2000,
    thinkMs: prng.pick([5, 30, 60]),
    network: {
      delayMs: [0.1, delayMax],
      loss: maybe(0.5) ? prng.float() * 0.2 : 0,
      duplication: maybe(0.5) ? prng.float() * 0.2 : 0,
      stragglers: maybe(0.3) ? prng.float() * 0.1 : 0,
      diskMs: maybe(0.5) ? [0.1, 8] : [0, 0],
      codec: maybe(0.3),
    },
    ...(maybe(0.6) && { partitionEveryMs: often() }),
    ...(maybe(0.4) && { pauseEveryMs: often() }),
    ...(maybe(0.4) && { crashEveryMs: often() }),
    loseState: maybe(0.4),
  };
}

/** The weather in which deleted registers are collected between one write and the next. */
export function drawCollectingProfile(seed: number): RunProfile {
  const prng = new Prng(seed);
  return {
    ...drawProfile(seed),
    nodeCount: 3,
    clientsPerNode: 1,
    registerCount: prng.between(1, 3),
    thinkMs: prng.pick([60, 120]),
    operations: ["read", "append", "append", "incr", "delete", "delete"],
    network: {
      delayMs: [0.1, 5],
      loss: 0,
      duplication: prng.float() * 0.3,
      stragglers: prng.float() * 0.3,
      diskMs: prng.chance(0.5) ? [0.1, 8] : [0, 0],
      codec: prng.chance(0.3),
    },
    loseState: false,
    timing: { collectMs: 10 },
  };
}

/** Runs the clients and the nemesis, then heals and reads every register once more. */
export function runWorkload(profile: RunProfile): RunResult {
  const run = new Run(profile);
  return run.finish();
}

/** Empty if the history is linearizable and the monitor saw nothing wrong. */
export function judge(result: RunResult): string[] {
  const verdict = checkLinearizable(result.history, machineModel, { statesMax: 300_000 });
  const bad = verdict.keys.filter((key) => key.verdict === "invalid");
  return [...result.violations, ...bad.map(explainKey)];
}

class Run {
  readonly cluster: Cluster;
  readonly profile: RunProfile;
  readonly prng: Prng;
  readonly history: Operation[] = [];
  #clock = 0;
  #process = 0;
  #nextId = 1;
  #lostCount = 0;
  #isOver = false;
  readonly #open = new Map<number, OpenOperation>();

  constructor(profile: RunProfile) {
    this.profile = profile;
    this.prng = new Prng(profile.seed + 1);
    this.cluster = new Cluster({
      nodeCount: profile.nodeCount,
      seed: profile.seed,
      profile: profile.network,
      ...(profile.timing && { timing: profile.timing }),
    });
    this.cluster.monitor.forgets = profile.operations?.includes("delete") ?? false;
    for (const node of this.cluster.nodes) {
      for (let i = 0; i < profile.clientsPerNode; i++) this.#client(node, ++this.#process);
    }
    this.#every(profile.partitionEveryMs, () => this.#partition());
    this.#every(profile.pauseEveryMs, () => this.#pause());
    this.#every(profile.crashEveryMs, () => this.#crash());
  }

  finish(): RunResult {
    const { cluster, profile } = this;
    cluster.run(profile.durationMs);
    this.#isOver = true;
    cluster.heal();
    for (const node of cluster.nodes) {
      node.pausedUntilMs = 0;
      if (!node.isUp) node.start();
    }
    cluster.run(profile.durationMs + 3000);
    this.#finalReads();
    const violations = [...cluster.monitor.violations];
    if (this.#open.size > 0) violations.push(`${this.#open.size} operations never ended`);
    return {
      history: this.history,
      violations,
      counters: cluster.counters(),
      messageCount: cluster.messageCount,
      chosenCount: cluster.monitor.chosenCount,
    };
  }

  #finalReads(): void {
    for (let i = 0; i < this.profile.registerCount; i++) {
      for (const node of this.cluster.nodes) {
        this.#invoke(node, ++this.#process, `r${i}`, "read", null, "read", () => {});
      }
    }
    this.cluster.run(this.cluster.nowMs + 1000);
  }

  #client(node: TestNode, process: number): void {
    if (this.#isOver) return;
    const { prng, profile, cluster } = this;
    const pauseMs = -Math.log(1 - prng.float()) * profile.thinkMs;
    cluster.atNode(node, cluster.nowMs + pauseMs, () => {
      if (this.#isOver || this.history.length >= operationCountMax) return;
      if (!node.isUp) {
        this.#client(node, process);
        return;
      }
      const register = `r${prng.below(profile.registerCount)}`;
      const f = prng.pick(
        profile.operations ?? (["read", "read", "write", "cas", "incr", "append"] as const),
      );
      const kind =
        f === "read" ? "read" : f === "cas" && prng.chance(0.5) ? "conditional" : "write";
      this.#invoke(node, process, register, f, this.#input(f), kind, (outcome) => {
        this.#client(node, outcome === "indefinite" ? ++this.#process : process);
      });
    });
  }

  #input(f: OperationName): Json {
    const digit = (): string => String(this.prng.below(4));
    if (f === "cas") return [digit(), digit()];
    return f === "write" || f === "append" ? digit() : null;
  }

  #invoke(
    node: TestNode,
    process: number,
    register: string,
    f: OperationName,
    input: Json,
    kind: OperationKind,
    onEnd: (outcome: Outcome) => void,
  ): void {
    const id = this.#nextId++;
    const operation: TestOperation = { id, f, input };
    const record: Writable = {
      process,
      node: node.id,
      f,
      key: register,
      input,
      invokedAt: ++this.#clock,
      outcome: "indefinite",
    };
    this.history.push(record);
    this.#open.set(id, { nodeId: node.id, onCrash: () => onEnd("indefinite") });
    node.submit(register, operation, kind, (result) => {
      this.#open.delete(id);
      this.#record(record, operation, result);
      onEnd(record.outcome);
    });
  }

  #record(record: Writable, { id, f }: TestOperation, result: OperationResult): void {
    const { monitor } = this.cluster;
    record.completedAt = ++this.#clock;
    if (result.kind === "error") {
      const isDefinite = result.error === "temporarily_unavailable";
      record.outcome = isDefinite ? "fail" : "indefinite";
      record.error = { code: isDefinite ? 11 : 0 };
      if (isDefinite && f !== "read") monitor.onDefiniteError(id);
      return;
    }
    const outcome = decodeOutcome(result.outcome);
    record.output = outcome as unknown as Json;
    record.outcome = "ok" in outcome ? "ok" : "fail";
    if ("refused" in outcome) {
      record.error = { code: outcome.refused };
      monitor.onDefiniteError(id);
    } else {
      monitor.onOk(id, f !== "read");
    }
  }

  #every(meanMs: number | undefined, act: () => void): void {
    if (meanMs === undefined) return;
    const { cluster, prng } = this;
    cluster.at(cluster.nowMs + meanMs * (0.5 + prng.float()), () => {
      if (this.#isOver) return;
      act();
      this.#every(meanMs, act);
    });
  }

  #partition(): void {
    const { cluster, prng } = this;
    if (prng.chance(0.3)) {
      cluster.heal();
      return;
    }
    const ids = prng.shuffle(cluster.nodes.map(({ id }) => id));
    const cut = prng.between(1, ids.length - 1);
    cluster.partition(ids.slice(0, cut), ids.slice(cut));
  }

  #pause(): void {
    const node = this.prng.pick(this.cluster.nodes);
    node.pausedUntilMs = this.cluster.nowMs + this.prng.between(20, 600);
  }

  #crash(): void {
    const { cluster, prng, profile } = this;
    const node = prng.pick(cluster.nodes);
    if (!node.isUp) return;
    const mayLose = !node.hasLostState && this.#lostCount + 1 < Math.ceil(profile.nodeCount / 2);
    const loseState = profile.loseState === true && mayLose && prng.chance(0.5);
    if (loseState) this.#lostCount++;
    node.crash({ loseState });
    const orphans = [...this.#open].filter(([, { nodeId }]) => nodeId === node.id);
    for (const [id] of orphans) this.#open.delete(id);
    cluster.at(cluster.nowMs + prng.between(1, 400), () => {
      if (!node.isUp) node.start();
      for (const [, { onCrash }] of orphans) onCrash();
    });
  }
}

type Writable = { -readonly [K in keyof Operation]: Operation[K] };

interface OpenOperation {
  readonly nodeId: string;
  readonly onCrash: () => void;
}
