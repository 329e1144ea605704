// `npm run cluster-test -- --minutes 10 --nodes 5 [--fsync always] [--seed N]`: the trial of
// scripts/lib/cluster-trial with all its faults; prints what was done and found, and fails on any
// flaw. Without `always` kills of all at once do lose what was told, so that must fail.

import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { Command, Option } from "commander";
import { count, integer, positive } from "../src/bin/option-values.js";
import { fsyncPolicies } from "./bench-persistence.js";
import { runTrial } from "./lib/cluster-trial.js";
import { isMain } from "./project.js";

/** How many flaws each kind of key has. */
function countByKind(flaws: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const flaw of flaws) {
    const kind = `  ${flaw.split(":")[0]}: ... ${flaw.split(" ").slice(2).join(" ").slice(0, 40)}`;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].map(([kind, count]) => `${kind}  ${count} times`);
}

/** Of the processor time of one core since the start of this process. */
function generatorShare(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 10_000 / process.uptime();
}

/**
 * How much of the time this process was ready to run and had no processor, where the system tells:
 * then the machine is the limit, for the nodes as for the load.
 */
function waitingShare(): number {
  try {
    const waitedNs = Number(readFileSync("/proc/self/schedstat", "utf8").split(" ")[1]);
    return waitedNs / 1e7 / process.uptime();
  } catch {
    return Number.NaN;
  }
}

async function main(): Promise<void> {
  const options = new Command("cluster-test")
    .description("A cluster of real processes under mixed load and faults; any flaw is a failure.")
    .option("--nodes <count>", "nodes of the cluster", integer(3), 5)
    .option("--minutes <minutes>", "how long faults come", positive, 0.5)
    .addOption(
      new Option("--fsync <policy>", "nodes keep their data; also kills all at once").choices([
        ...fsyncPolicies,
      ]),
    )
    .option("--clients <count>", "clients of each node with eventual keys", integer(1), 12)
    .option("--rate <count>", "operations per second of them all while they run", positive, 1_000)
    .option("--seed <seed>", "of the load and the faults (default: drawn)", count)
    .parse()
    .opts<{
      nodes: number;
      minutes: number;
      fsync?: string;
      clients: number;
      rate: number;
      seed?: number;
    }>();
  const { nodes: nodeCount, seed = (Date.now() % 1_000_000) + 1, fsync } = options;
  const { clients: clientsEach, rate: perSecond } = options;
  const seconds = options.minutes * 60;
  const storage = fsync === undefined ? "in memory" : `fsync ${fsync}`;
  console.log(`seed ${seed}, ${nodeCount} nodes, ${storage}, ${seconds} s`);
  const startedMs = performance.now();
  const say = (line: string): void => {
    console.log(`${((performance.now() - startedMs) / 1000).toFixed(1).padStart(7)}  ${line}`);
  };
  const result = await runTrial({
    ...{ nodeCount, seconds, seed, say, clientsEach, perSecond },
    ...(fsync === undefined ? {} : { fsync }),
  });
  const { counts, convergeMs, faults, missing, linearizableOperations } = result;
  const sorted = [...convergeMs].sort((a, b) => a - b);
  console.log(
    [
      `operations      ${result.operations}: ` +
        `${counts.ok} ok, ${counts.fail} refused, ${counts.indefinite} indefinite`,
      `rate            ${result.operationsPerSecond.toFixed(0)}/s over all (goal at least 500), ` +
        `${result.operationsPerLoadedSecond.toFixed(0)}/s while the load ran`,
      `load generator  ${generatorShare().toFixed(0)} % of a core, waited ` +
        `${waitingShare().toFixed(0)} % of the time for one, ` +
        `load of the machine ${loadavg()
          .map((each) => each.toFixed(1))
          .join(" ")}`,
      `linearizable    ${linearizableOperations} operations in the history`,
      `faults          ${Object.entries(faults)
        .map(([kind, count]) => `${kind} ${count}`)
        .join(", ")}`,
      `converged       median ${sorted[sorted.length >> 1]} ms, longest ${sorted.at(-1)} ms`,
      `lost with kills ${missing} values (acknowledged by a killed node that never told anybody)`,
      `flaws           ${result.flaws.length}`,
      ...countByKind(result.flaws),
      ...result.flaws.slice(0, 20),
    ].join("\n"),
  );
  if (result.flaws.length > 0) process.exitCode = 1;
}

if (isMain(import.meta.url)) await main();
