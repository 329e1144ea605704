// Traces of the simulator as modules of TLA+: each run's busiest register and busiest shard, and of
// another run one node's log; from the beginning, as far as a bound. Names become small numbers,
// because TLC's are; what an event means is told in the specifications named Trace*.tla.

import { type DrawOptions, drawProfile, type FaultProfile } from "../src/sim/fault-profile.js";
import type { ProtocolEvent } from "../src/sim/protocol-trace.js";
import { ProtocolTrace } from "../src/sim/protocol-trace.js";
import { simulateProfile } from "../src/sim/simulate.js";
import { Trace } from "../src/sim/trace.js";
import type { LogEvent } from "../src/sim/wal-trace.js";
import type { TraceModule } from "./tla-manifest.js";

/** Every traced run has so many nodes, since one module's traces share their constants. */
const nodeCount = 3;
const safetyMs = 3000;
const registerEventsMax = 160;
const contextEventsMax = 60;
const logEventsMax = 1500;
/** Ballots have one digit for the process. */
const incarnationMax = 9;

/** What was recorded for one seed. */
export interface Recording {
  /** In the models of registers and shards a process that ends has lost what it knew. */
  readonly withoutLogs: readonly ProtocolEvent[];
  /** Logs under `always`. Writes do not fail: the model has no step for it. */
  readonly withLogs: readonly ProtocolEvent[];
}

/** Everything the protocols did. */
export const recordRun = (seed: number): Recording => ({
  withoutLogs: record(seed, { hasLog: false }),
  withLogs: record(seed, logOptions, (rates) => ({ ...rates, ...logRates })),
});

const logOptions: DrawOptions = {
  ...{ hasLog: true, logPolicy: "always", clientsPerNode: 1 },
  suppressed: [
    ...(["disk_write_fail", "disk_partial_write", "disk_full"] as const),
    ...(["disk_corruption", "disk_stale_read"] as const),
  ],
};
/** So that few traces are without the end of a machine and a failed sync. */
const logRates = { process_crash: 20, disk_fsync_fail: 0.02 };

type Rates = FaultProfile["rates"];

function record(
  seed: number,
  options: DrawOptions,
  ratesOf = (rates: Rates): Rates => rates,
): ProtocolEvent[] {
  const events: ProtocolEvent[] = [];
  const trace = new Trace();
  trace.watcher = new ProtocolTrace((event) => events.push(event));
  // The models know the nodes from the start, and contexts that only grow.
  const fixed = { nodeCount, safetyMs, preset: "moderate", isClustered: false } as const;
  const profile = drawProfile(seed, { ...fixed, ...options });
  simulateProfile({ ...profile, rates: ratesOf(profile.rates) }, { trace });
  return events;
}

/** The text of a module of traces. */
const moduleOf = (name: string, traces: readonly string[]): string =>
  `---- MODULE ${name} ----\nTraces == <<\n${traces.join(",\n")} >>\n====\n`;

const sequence = (items: readonly (string | number)[]): string => `<<${items.join(", ")}>>`;

// ---- registers

type RegisterEvent = Extract<ProtocolEvent, { register: string }>;
type Proposal = Extract<ProtocolEvent, { kind: "accept" | "vote" }>;
type Parts = Proposal["ballot"];

const numberOf = (node: string): number => Number(node.slice(1));

const ballotOf = ([epoch, round, node, incarnation]: Parts): number =>
  epoch * 1_000_000 + round * 100 + numberOf(node) * 10 + incarnation;

const registerModule = (runs: readonly Recording[]): string =>
  moduleOf(
    "RegisterTraces",
    runs.map(({ withoutLogs }) => registerTrace(withoutLogs)),
  );

function busiest<T extends ProtocolEvent, K>(
  events: readonly ProtocolEvent[],
  isOf: (event: ProtocolEvent) => event is T,
  keyOf: (event: T) => K,
): K | undefined {
  const counts = new Map<K, number>();
  for (const event of events)
    if (isOf(event)) counts.set(keyOf(event), (counts.get(keyOf(event)) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}

const isOfRegister = (event: ProtocolEvent): event is RegisterEvent => "register" in event;

function registerTrace(events: readonly ProtocolEvent[]): string {
  const erased = new Set(events.filter(({ kind }) => kind === "erased").filter(isOfRegister));
  const collected = new Set([...erased].map(({ register }) => register));
  const isTraced = (event: ProtocolEvent): event is RegisterEvent =>
    isOfRegister(event) && event.kind !== "erased" && !collected.has(event.register);
  const register = busiest(events, isTraced, (event) => event.register);
  const chosen = events.filter(
    (event) => event.kind === "start" || (isTraced(event) && event.register === register),
  );
  const envelopes = new Envelopes(chosen);
  const steps: string[] = [];
  const prepared = new Set<number>();
  const proposed = new Set<number>();
  const prepare = (ballot: number): void => {
    if (prepared.has(ballot)) return;
    prepared.add(ballot);
    steps.push(`[kind |-> "prepare", ballot |-> ${ballot}]`);
  };
  for (const event of chosen) {
    if (steps.length >= registerEventsMax) break;
    if ("ballot" in event && event.ballot[3] > incarnationMax) break;
    switch (event.kind) {
      case "start":
        if (event.incarnation > 1)
          steps.push(`[kind |-> "lost", node |-> ${numberOf(event.node)}]`);
        break;
      case "prepare":
        prepare(ballotOf(event.ballot));
        break;
      case "promise": {
        const ballot = ballotOf(event.ballot);
        // A proposer's own acceptor hears it before the network does.
        if (event.node === event.ballot[2]) prepare(ballot);
        steps.push(`[kind |-> "promise", node |-> ${numberOf(event.node)}, ballot |-> ${ballot}]`);
        break;
      }
      case "accept":
      case "vote": {
        const ballot = ballotOf(event.ballot);
        const parts = `ballot |-> ${ballot}, applied |-> ${envelopes.table(event)}`;
        if (!proposed.has(ballot)) {
          proposed.add(ballot);
          steps.push(`[kind |-> "accept", next |-> ${ballotOf(event.next)}, ${parts}]`);
        }
        if (event.kind === "vote")
          steps.push(`[kind |-> "vote", node |-> ${numberOf(event.node)}, ${parts}]`);
        break;
      }
      case "told": {
        const { origin, incarnation, seq } = event;
        const op = envelopes.operation(origin, incarnation, seq);
        steps.push(`[kind |-> "told", op |-> ${op}]`);
        break;
      }
    }
  }
  return sequence(steps.map((step) => `\n  ${step}`));
}

/** Envelopes of each origin, numbered in the order of (process, number). */
class Envelopes {
  readonly #ranks = new Map<string, number>();

  constructor(events: readonly ProtocolEvent[]) {
    const named: (readonly [string, number, number])[] = [];
    for (const event of events) {
      if (event.kind === "accept" || event.kind === "vote") named.push(...event.applied);
      if (event.kind === "told") named.push([event.origin, event.incarnation, event.seq]);
    }
    named.sort((a, b) => a[1] - b[1] || a[2] - b[2]);
    const counts = new Map<string, number>();
    for (const [origin, incarnation, seq] of named) {
      const name = `${origin} ${incarnation} ${seq}`;
      if (this.#ranks.has(name)) continue;
      counts.set(origin, (counts.get(origin) ?? 0) + 1);
      this.#ranks.set(name, counts.get(origin)!);
    }
  }

  operation(origin: string, incarnation: number, seq: number): number {
    return numberOf(origin) * 1000 + this.#ranks.get(`${origin} ${incarnation} ${seq}`)!;
  }

  table({ applied }: Proposal): string {
    const last = new Array<number>(nodeCount).fill(0);
    for (const [origin, incarnation, seq] of applied)
      last[numberOf(origin) - 1] = this.operation(origin, incarnation, seq);
    return sequence(last);
  }
}

// ---- replication

type ContextEvent = Extract<ProtocolEvent, { kind: "context" }>;
type BatchEvent = Extract<ProtocolEvent, { kind: "batch" }>;

const isContext = (event: ProtocolEvent): event is ContextEvent => event.kind === "context";
const isBatch = (event: ProtocolEvent): event is BatchEvent => event.kind === "batch";

/** The module, and how many replicas its traces speak of. */
function replicationModule(runs: readonly Recording[]): {
  readonly text: string;
  readonly replicaCount: number;
} {
  const shards = runs.map(({ withoutLogs }) => new ShardTrace(withoutLogs));
  const replicaCount = Math.max(...shards.map(({ replicas }) => replicas.length));
  const traces = shards.map((shard) => shard.encode(replicaCount));
  return { text: moduleOf("ReplicationTraces", traces), replicaCount };
}

class ShardTrace {
  /** Names of the processes that write; the position is the number less one. */
  readonly replicas: readonly string[];
  readonly #contexts: readonly ContextEvent[];
  readonly #batches: readonly BatchEvent[];
  /** Times of each stream that anybody named, ascending. */
  readonly #times = new Map<string, number[]>();

  constructor(events: readonly ProtocolEvent[]) {
    const shard = busiest(events, isContext, (event) => event.shard);
    const all = events.filter(isContext).filter((event) => event.shard === shard);
    this.#contexts = all.slice(0, contextEventsMax);
    this.#batches = events.filter(isBatch).filter((event) => event.shard === shard);
    const names = this.#contexts.flatMap(({ replica, context }) => [
      replica,
      ...context.map(([origin]) => origin),
    ]);
    this.replicas = [...new Set(names)];
    for (const { context } of this.#contexts)
      for (const [origin, time] of context) this.#note(origin, time);
    for (const { origin, time, previous } of this.#batches) {
      this.#note(origin, time);
      this.#note(origin, previous);
    }
    for (const times of this.#times.values()) times.sort((a, b) => a - b);
  }

  #note(origin: string, time: number): void {
    const times = this.#times.get(origin) ?? [];
    this.#times.set(origin, times);
    if (time > 0 && !times.includes(time)) times.push(time);
  }

  encode(replicaCount: number): string {
    const replicas = Array.from({ length: replicaCount }, (_, index) => this.replicas[index] ?? "");
    const seen = replicas.map((origin) => {
      const times = this.#times.get(origin) ?? [];
      return sequence(
        times.map((time) => this.#vector(this.#dependencies(origin, time), replicas)),
      );
    });
    const steps = this.#contexts.map(({ replica, context, digest = "" }) => {
      const at = replicas.indexOf(replica) + 1;
      const vector = this.#vector(context, replicas);
      return `\n  [replica |-> ${at}, context |-> ${vector}, digest |-> "${digest}"]`;
    });
    return `[seen |-> ${sequence(seen)},\n events |-> ${sequence(steps)}]`;
  }

  /** A batch that never travelled has no dependencies that anybody was told of. */
  #dependencies(origin: string, time: number): BatchEvent["dependencies"] {
    const found = this.#batches.find((batch) => batch.origin === origin && batch.time === time);
    return found?.dependencies ?? [];
  }

  /** Of each stream how many batches. */
  #vector(context: BatchEvent["dependencies"], replicas: readonly string[]): string {
    const counts = replicas.map((origin) => {
      const time = context.find(([name]) => name === origin)?.[1] ?? 0;
      return (this.#times.get(origin) ?? []).filter((each) => each <= time).length;
    });
    return sequence(counts);
  }
}

// ---- logs

/** Every kind, and the others of a recording none of them. */
const logKinds: Readonly<Record<LogEvent["kind"], true>> = {
  ...{ written: true, syncing: true, synced: true, answered: true },
  ...{ begun: true, closed: true, named: true, abandoned: true },
  ...{ dropped: true, left: true, power: true, recovered: true },
};

const isOfLog = (event: ProtocolEvent): event is LogEvent => event.kind in logKinds;

const logModule = (runs: readonly Recording[]): string =>
  moduleOf(
    "LogTraces",
    runs.map(({ withLogs }) => logTrace(withLogs.filter(isOfLog))),
  );

/** Of the node that went down most often, or else did most. */
function logTrace(events: readonly LogEvent[]): string {
  const ends = events.filter(({ kind }) => kind === "power");
  const node = busiest(ends.length > 0 ? ends : events, isOfLog, (event) => event.node);
  const chosen = events.filter((event) => event.node === node);
  return sequence(chosen.slice(0, logEventsMax).map((event) => `\n  ${recordOf(event)}`));
}

/** An event as a record of TLA+. */
function recordOf({ node: _, ...fields }: LogEvent): string {
  const parts = Object.entries(fields).map(([name, value]) => `${name} |-> ${textOf(value)}`);
  return `[${parts.join(", ")}]`;
}

const textOf = (value: string | number | boolean | readonly number[]): string => {
  if (typeof value === "object") return sequence(value);
  return typeof value === "boolean" ? String(value).toUpperCase() : JSON.stringify(value);
};

/** For as many replicas as the traces speak of. */
function configFor(config: string, replicaCount: number): string {
  const numbers = Array.from({ length: replicaCount }, (_, index) => index + 1).join(", ");
  return config.replace(/^ {2}Replicas = .*$/m, `  Replicas = {${numbers}}`);
}

/** The traces as the module that a trace specification reads, and its configuration for them. */
export function traceFiles(
  { module, data }: TraceModule,
  runs: readonly Recording[],
  config: string,
): { readonly changed: ReadonlyMap<string, string>; readonly config: string } {
  const name = `${data}.tla`;
  if (module === "TraceLinearizableRegister")
    return { changed: new Map([[name, registerModule(runs)]]), config };
  if (module === "TraceWalDurability")
    return { changed: new Map([[name, logModule(runs)]]), config };
  const { text, replicaCount } = replicationModule(runs);
  return { changed: new Map([[name, text]]), config: configFor(config, replicaCount) };
}
