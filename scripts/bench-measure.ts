// Measures one cell: slices of redis-benchmark against each server in turn, the order turned round
// every round (A B, B A, ...), so that a drift of the machine falls on both. Medians of the slices
// are reported. Server CPU per operation is the steadiest figure of all: it does not depend on who
// waits for whom.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import type { RespConnection } from "../test/differential/resp-client.js";
import { argvOf, type Cell, clientCount, keyCount, prepare, sampleReply } from "./bench-cells.js";
import { redisBenchmarkBin, type ServerKind, type ServerProcess } from "./lib/server-process.js";

export interface Slice {
  readonly requestsPerSecond: number;
  /** Server CPU per operation, nanoseconds. */
  readonly serverNs: number;
  /** CPU of redis-benchmark itself per operation, nanoseconds. */
  readonly clientNs: number;
}

export interface Figures {
  readonly requestsPerSecond: number;
  readonly serverNs: number;
  readonly slices: readonly Slice[];
}

export interface CellResult {
  readonly command: string;
  /** Null when the value size does not matter. */
  readonly size: number | null;
  readonly pipeline: number;
  readonly skerry: Figures | null;
  readonly redis: Figures;
  readonly floor: Figures | null;
  /** Requests per second at which redis-benchmark's own core is full. */
  readonly clientCeiling: number | null;
  readonly ratio: number | null;
  readonly cpuRatio: number | null;
  /** Why there is no figure of ours. */
  readonly note?: string;
}

export interface Contestant {
  readonly kind: ServerKind;
  readonly server: ServerProcess;
  readonly connection: RespConnection;
}

export interface Plan {
  readonly slices: number;
  readonly sliceSeconds: number;
  readonly warmUpSeconds: number;
  readonly clientCore: number | null;
}

const requestsMin = 5_000;
const benchmarkTimeoutMs = 60_000;

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

/**
 * CPU nanoseconds of children that have ended, in ticks of 10 ms; read before and after a child.
 */
export function endedChildrenNs(): number {
  const stat = readFileSync("/proc/self/stat", "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) * 10_000_000;
}

/** Runs redis-benchmark once and returns its requests per second. */
function runBenchmark(
  port: number,
  cell: Cell,
  requests: number,
  core: number | null,
): Promise<number> {
  const argv = [
    ...(core === null ? [] : ["taskset", "-c", String(core)]),
    ...[redisBenchmarkBin, "-p", String(port), "-c", String(clientCount), "--csv"],
    ...["-r", String(keyCount), "-P", String(cell.pipeline), "-n", String(requests)],
    ...argvOf(cell),
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0]!, argv.slice(1), { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let complaints = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString("latin1");
    });
    child.stderr.on("data", (chunk: Buffer) => {
      complaints = (complaints + chunk.toString("latin1")).slice(-2000);
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), benchmarkTimeoutMs);
    child.once("error", reject);
    child.once("close", () => {
      clearTimeout(timer);
      // The last line is "name","rps",...; the name is the command with its value and may hold
      // anything.
      const fields = output.trim().split("\n").at(-1)!.split('","');
      const rate = Number(fields.at(-7));
      if (Number.isFinite(rate) && rate > 0) resolve(rate);
      else reject(new Error(`redis-benchmark gave no result: ${output} ${complaints}`));
    });
  });
}

async function measureSlice(
  contestant: Contestant,
  cell: Cell,
  requests: number,
  plan: Plan,
): Promise<Slice> {
  if (cell.test.fresh === true && contestant.kind !== "floor")
    await prepare(contestant.connection, cell);
  const serverBefore = contestant.server.cpuNs();
  const clientBefore = endedChildrenNs();
  const rate = await runBenchmark(contestant.server.port, cell, requests, plan.clientCore);
  return {
    requestsPerSecond: rate,
    serverNs: (contestant.server.cpuNs() - serverBefore) / requests,
    clientNs: (endedChildrenNs() - clientBefore) / requests,
  };
}

function toFigures(slices: readonly Slice[]): Figures {
  return {
    requestsPerSecond: median(slices.map((slice) => slice.requestsPerSecond)),
    serverNs: median(slices.map((slice) => slice.serverNs)),
    slices,
  };
}

/** Warms a contestant up and tells its rough rate; the measured slices are sized by it. */
async function warmUp(contestant: Contestant, cell: Cell, plan: Plan): Promise<number> {
  const probe = Math.max(requestsMin, 20_000 * Math.min(8, cell.pipeline) * plan.warmUpSeconds);
  const rate = await runBenchmark(contestant.server.port, cell, Math.round(probe), plan.clientCore);
  const rest = Math.round(rate * plan.warmUpSeconds) - probe;
  if (rest < requestsMin) return rate;
  return runBenchmark(contestant.server.port, cell, rest, plan.clientCore);
}

/** Prepares a contestant for the cell; the floor learns to reply what redis-server does. */
async function ready(
  contestants: readonly Contestant[],
  { kind, connection }: Contestant,
  cell: Cell,
): Promise<void> {
  if (kind === "floor") return;
  await prepare(connection, cell);
  if (kind !== "redis") return;
  const reply = await sampleReply(connection, cell);
  const floor = contestants.find((each) => each.kind === "floor");
  await floor?.connection.call("FLOOR.REPLY", reply);
}

/** The same number of requests for everybody, so that lists and sets grow to the same length. */
export async function measureCell(
  contestants: readonly Contestant[],
  cell: Cell,
  plan: Plan,
): Promise<CellResult> {
  const rates = new Map<ServerKind, number>();
  let note: string | undefined;
  for (const contestant of contestants) {
    try {
      await ready(contestants, contestant, cell);
      rates.set(contestant.kind, await warmUp(contestant, cell, plan));
    } catch (error) {
      if (contestant.kind !== "skerry") throw error;
      note = error instanceof Error ? error.message : String(error);
    }
  }
  const able = contestants.filter((each) => rates.has(each.kind));
  const rivals = able.filter((each) => each.kind !== "floor");
  const mean = rivals.reduce((sum, each) => sum + rates.get(each.kind)!, 0) / rivals.length;
  const requests = Math.max(requestsMin, Math.round(mean * plan.sliceSeconds));
  const slices = new Map<ServerKind, Slice[]>(able.map((each) => [each.kind, []]));
  for (let round = 0; round < plan.slices; round++) {
    const order = round % 2 === 0 ? able : [...able].reverse();
    for (const contestant of order) {
      // The floor is a line to hold the others to; three slices place it well enough.
      if (contestant.kind === "floor" && round % 2 === 1) continue;
      const slice = await measureSlice(contestant, cell, requests, plan);
      slices.get(contestant.kind)!.push(slice);
    }
  }
  return summarise(cell, slices, note);
}

function summarise(
  cell: Cell,
  slices: ReadonlyMap<ServerKind, readonly Slice[]>,
  note: string | undefined,
): CellResult {
  const of = (kind: ServerKind): Figures | null => {
    const measured = slices.get(kind);
    return measured === undefined ? null : toFigures(measured);
  };
  const skerry = of("skerry");
  const redis = of("redis")!;
  const floor = of("floor");
  // Ticks of 10 ms are coarse, so the client's cost is taken over all slices against the responder.
  const clientNs = floor?.slices.map((slice) => slice.clientNs) ?? [];
  const meanNs = clientNs.reduce((sum, each) => sum + each, 0) / Math.max(1, clientNs.length);
  return {
    command: cell.test.name,
    size: cell.test.sized ? cell.size : null,
    pipeline: cell.pipeline,
    ...{ skerry, redis, floor },
    clientCeiling:
      floor === null ? null : Math.max(floor.requestsPerSecond, meanNs > 0 ? 1e9 / meanNs : 0),
    ratio: skerry === null ? null : skerry.requestsPerSecond / redis.requestsPerSecond,
    cpuRatio: skerry === null ? null : skerry.serverNs / redis.serverNs,
    ...(note === undefined ? {} : { note }),
  };
}
