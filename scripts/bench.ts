// `npm run bench`: Skerry against redis-server in the same run, or what else is chosen (--help).
// Both servers share core 0, redis-benchmark has core 1 (where there are two). `--self-test` puts a
// second redis-server in our place: every ratio must then be about one, else the method itself is
// at fault.

import { readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { RespConnection } from "../test/differential/resp-client.js";
import { type Cell, cellsOf, clientCount, keyCount, suites } from "./bench-cells.js";
import { drawChart } from "./bench-chart.js";
import {
  type CellResult,
  type Contestant,
  endedChildrenNs,
  measureCell,
  type Plan,
} from "./bench-measure.js";
import { measureMemory } from "./bench-memory.js";
import { type BenchOptions, readBenchOptions } from "./bench-options.js";
import { Durable, fsyncPolicies } from "./bench-persistence.js";
import { cellTable, type Report, reportText } from "./bench-report.js";
import {
  redisBenchmarkBin,
  redisServerBin,
  type ServerKind,
  ServerProcess,
  versionOf,
  whyUnavailable,
} from "./lib/server-process.js";
import { skipOrFail } from "./project.js";

const quick: Omit<Plan, "clientCore"> = { slices: 5, sliceSeconds: 0.25, warmUpSeconds: 0.3 };
const thorough: Omit<Plan, "clientCore"> = { slices: 7, sliceSeconds: 1, warmUpSeconds: 1.5 };
/** redis-benchmark's own values: its default and one that no longer fits beside a key. */
const sizes = [3, 64];

const foreignCoresMax = 0.1;
const busyWarning = ": the machine was busy, do not quote these figures";

interface Options extends BenchOptions {
  readonly plan: Omit<Plan, "clientCore">;
}

function withPlan(options: BenchOptions): Options {
  const plan = options.quick ? quick : thorough;
  return { ...options, plan: { ...plan, slices: options.slices ?? plan.slices } };
}

function chosenCells(options: Options): Cell[] {
  const only = options.only.map((name) => name.toUpperCase());
  const depths = options.pipeline;
  return cellsOf(suites[options.suite], sizes).filter(
    (cell) =>
      (only.length === 0 || only.includes(cell.test.name)) &&
      (depths.length === 0 || depths.includes(cell.pipeline)),
  );
}

/** Nanoseconds all cores have spent on anything so far. */
function busyNs(): number {
  const fields = readFileSync("/proc/stat", "utf8").split("\n")[0]!.trim().split(/\s+/).map(Number);
  // user nice system irq softirq; idle, waiting and stolen time are nobody's work.
  return (fields[1]! + fields[2]! + fields[3]! + fields[6]! + fields[7]!) * 10_000_000;
}

/**
 * Says how many cores other programs kept busy meanwhile; above a tenth of one the figures are
 * suspect.
 */
async function withForeignLoad<T>(
  own: () => number,
  work: () => Promise<T>,
): Promise<{ result: T; coresMean: number }> {
  const [busy, ours, begun] = [busyNs(), own(), process.hrtime.bigint()];
  const result = await work();
  const elapsed = Number(process.hrtime.bigint() - begun);
  return { result, coresMean: Math.max(0, (busyNs() - busy - (own() - ours)) / elapsed) };
}

async function measureCells(
  cells: readonly Cell[],
  ours: ServerKind,
  plan: Plan,
  serverCore: number | null,
  durable?: Durable,
): Promise<{ cells: CellResult[]; foreignCores: number }> {
  const contestants: Contestant[] = [];
  const results: CellResult[] = [];
  try {
    const kinds: readonly (readonly [ServerKind, ServerKind])[] = [
      ["skerry", ours],
      ["redis", "redis"],
      ["floor", "floor"],
    ];
    for (const [kind, program] of kinds) {
      const args = durable?.argsOf(program) ?? [];
      const server = await ServerProcess.start(program, { core: serverCore, args });
      contestants.push({ kind, server, connection: await RespConnection.connect(server.port) });
    }
    const own = (): number =>
      contestants.reduce((sum, { server }) => sum + server.cpuNs(), 0) +
      endedChildrenNs() +
      process.cpuUsage().user * 1000 +
      process.cpuUsage().system * 1000;
    const measured = await withForeignLoad(own, async () => {
      for (const cell of cells) {
        const result = await measureCell(contestants, cell, plan);
        results.push(result);
        // Progress, one cell a line; the table proper comes at the end.
        console.log(cellTable([result], durable?.policy).split("\n").at(-1));
      }
    });
    return { cells: results, foreignCores: measured.coresMean };
  } finally {
    for (const { server, connection } of contestants) {
      connection.close();
      await server.stop();
    }
  }
}

function describeMachine(): Record<string, string> {
  return {
    machine: [
      `${cpus()[0]?.model ?? "unknown"} x${cpus().length}`,
      `${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
      `Linux ${release()}`,
    ].join(", "),
    node: process.version,
    redis: versionOf(redisServerBin) ?? "absent",
    "redis-benchmark": versionOf(redisBenchmarkBin) ?? "absent",
    date: new Date().toISOString().slice(0, 10),
  };
}

/** Writes only: a log costs readers nothing. */
async function measurePersistence(
  options: Options,
  cells: readonly Cell[],
  ours: ServerKind,
  plan: Plan,
  serverCore: number | null,
): Promise<void> {
  const writes = cells.filter(({ test }) => !/^(GET|PING|LRANGE)/.test(test.name));
  const chosen = fsyncPolicies.filter(
    (policy) => options.fsync.length === 0 || options.fsync.includes(policy),
  );
  for (const policy of chosen) {
    const durable = new Durable(policy);
    console.log(`\nfsync ${policy}`);
    try {
      const { foreignCores } = await measureCells(writes, ours, plan, serverCore, durable);
      console.log(`other load: ${foreignCores.toFixed(2)} cores`);
    } finally {
      durable.remove();
    }
  }
}

async function main(): Promise<void> {
  const options = withPlan(readBenchOptions());
  if (options.antiEntropy) {
    const { benchAntiEntropy } = await import("./bench-anti-entropy.js");
    process.exitCode = benchAntiEntropy(options.keys, options.differ);
    return;
  }
  if (options.cluster) {
    const { benchCluster } = await import("./bench-cluster.js");
    await benchCluster();
    return;
  }
  if (options.inProcess) {
    const { benchInProcess } = await import("./bench-in-process.js");
    benchInProcess(options);
    return;
  }
  const ours: ServerKind = options.selfTest ? "redis" : "skerry";
  for (const kind of ["redis", ours] as const) {
    const reason = whyUnavailable(kind);
    if (reason !== null) skipOrFail(reason);
  }
  if (versionOf(redisBenchmarkBin) === null) skipOrFail(`${redisBenchmarkBin} is not installed`);
  const hasTwoCores = cpus().length >= 2 && versionOf("taskset") !== null;
  const serverCore = hasTwoCores ? 0 : null;
  const plan: Plan = { ...options.plan, clientCore: hasTwoCores ? 1 : null };
  const cells = options.memory ? [] : chosenCells(options);
  if (options.persistence) {
    await measurePersistence(options, cells, ours, plan, serverCore);
    return;
  }
  const measured = cells.length === 0 ? null : await measureCells(cells, ours, plan, serverCore);
  const foreign = measured?.foreignCores ?? 0;
  const report: Report = {
    machine: describeMachine(),
    settings: {
      cores: hasTwoCores ? "servers on 0, client on 1" : "not pinned: one core only",
      load: `${clientCount} clients, ${keyCount} random keys`,
      slices: `${plan.slices} per server, about ${plan.sliceSeconds} s each, interleaved`,
      "other load": `${foreign.toFixed(2)} cores${foreign > foreignCoresMax ? busyWarning : ""}`,
      ...(options.selfTest ? { "self-test": "both servers are redis-server" } : {}),
    },
    cells: measured?.cells ?? [],
    memory: options.memory ? await measureMemory(ours, serverCore) : [],
  };
  console.log(`\n${reportText(report)}`);
  if (options.json !== undefined)
    writeFileSync(options.json, `${JSON.stringify(report, null, 1)}\n`);
  if (options.svg !== undefined) {
    const { machine, redis, node } = report.machine;
    const version = /v=([\d.]+)/.exec(redis!)?.[1] ?? "?";
    const caption = `redis-server ${version}, Node ${node}, ${clientCount} clients, ${machine}`;
    writeFileSync(options.svg, drawChart(report.cells, caption));
  }
}

await main();
