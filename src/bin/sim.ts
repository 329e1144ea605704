// `npm run sim`: runs seeds through the simulator and tells what failed, each failure with the line
// that replays it. Exit code 1: a seed failed, or the campaign met too little to prove anything.

import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError, Option } from "commander";
import { Campaign, provenSeedCount } from "../sim/campaign.js";
import {
  describeProfile,
  type FaultKind,
  faultKinds,
  type Preset,
  presets,
} from "../sim/fault-profile.js";
import { type RunResult, simulate } from "../sim/simulate.js";
import { chaoticNames, type SometimesName } from "../sim/sometimes.js";
import { Trace } from "../sim/trace.js";

interface Options {
  readonly seeds: number;
  readonly seed?: number;
  readonly from?: number;
  readonly seconds?: number;
  readonly preset: Preset;
  readonly nodes?: number;
  readonly without?: readonly FaultKind[];
  readonly trace?: true;
  readonly meta?: true;
}

const traceBytesMax = 1 << 30;

function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError("a whole number");
  return value;
}

const program = new Command("sim")
  .description("Runs a cluster of production nodes in virtual time under drawn faults.")
  .option("--seeds <count>", "how many seeds to run", count, 200)
  .option("--seed <seed>", "run this seed alone", count)
  .option("--from <seed>", "run the seeds from this one on; fresh ones unless given", count)
  .option("--seconds <seconds>", "stop after about so long", count)
  .addOption(
    new Option("--preset <preset>", "how bad it gets").choices(presets).default("moderate"),
  )
  .option("--nodes <count>", "nodes of the cluster; drawn from the seed unless given", count)
  .addOption(new Option("--without <kinds...>", "suppress kinds of faults").choices(faultKinds))
  .option("--trace", "print one line per event (with --seed)")
  .option("--meta", "run a seed twice in two processes and compare the traces byte for byte");

function drawOptions({ preset, nodes, without }: Options) {
  return {
    preset,
    ...(nodes !== undefined && { nodeCount: nodes }),
    ...(without !== undefined && { suppressed: without }),
  };
}

/** The line that brings a run back. */
function replayLine(seed: number, { preset, nodes, without }: Options): string {
  const parts = [`npm run sim -- --seed ${seed} --preset ${preset}`];
  if (nodes !== undefined) parts.push(`--nodes ${nodes}`);
  if (without !== undefined) parts.push(`--without ${without.join(" ")}`);
  return `${parts.join(" ")} --trace`;
}

function tellFailure({ profile, violations }: RunResult, options: Options): void {
  console.log(`seed ${profile.seed} failed: ${violations.join("\n  ")}`);
  console.log(`  replay: ${replayLine(profile.seed, options)}`);
}

function runOne(seed: number, options: Options): void {
  const lines: string[] = [];
  const write = (line: string): void => {
    if (lines.push(line) >= 1000) process.stdout.write(`${lines.splice(0).join("\n")}\n`);
  };
  const trace = options.trace === true ? { trace: new Trace(write) } : {};
  const result = simulate(seed, { ...drawOptions(options), ...trace });
  if (lines.length > 0) process.stdout.write(`${lines.join("\n")}\n`);
  console.log(describeProfile(result.profile));
  const { requestCount, frameCount, simulatedMs, convergedMs } = result;
  console.log(
    `${simulatedMs} ms simulated, ${requestCount} requests, ${frameCount} frames, ` +
      `agreed after ${convergedMs} ms`,
  );
  if (result.violations.length === 0) console.log(`seed ${seed}: no violation`);
  else {
    tellFailure(result, options);
    process.exitCode = 1;
  }
}

function runMany(options: Options): void {
  const first = options.from ?? randomInt(2 ** 40);
  const campaign = new Campaign();
  const startMs = performance.now();
  const usage = process.cpuUsage();
  const isOver = (): boolean =>
    options.seconds !== undefined && performance.now() - startMs > options.seconds * 1000;
  for (let seed = first; seed < first + options.seeds && !isOver(); seed++) {
    const result = simulate(seed, drawOptions(options));
    campaign.add(result);
    if (result.violations.length > 0) tellFailure(result, options);
    tellProgress(campaign, options.seeds);
  }
  if (process.stderr.isTTY) process.stderr.write("\n");
  const { user, system } = process.cpuUsage(usage);
  for (const line of campaign.report((user + system) / 1e6)) console.log(line);
  console.log(
    `seeds ${first} to ${first + campaign.seedCount - 1}, preset ${options.preset}: ` +
      `${campaign.seedCount - campaign.failedCount} clean, ${campaign.failedCount} failed`,
  );
  if (campaign.failedCount > 0 || isVacuous(campaign, options)) process.exitCode = 1;
}

/** A campaign that met too little has proved nothing. */
function isVacuous(campaign: Campaign, { without = [], preset }: Options): boolean {
  if (campaign.seedCount < provenSeedCount || without.length > 0 || preset === "calm") return false;
  const isDemanded = (name: SometimesName): boolean =>
    preset === "chaos" || !chaoticNames.includes(name);
  const missing = [...campaign.neverMet.filter(isDemanded), ...campaign.neverHappened(without)];
  if (missing.length > 0) console.log(`never happened: ${missing.join(", ")}`);
  return missing.length > 0;
}

function tellProgress({ seedCount, failedCount }: Campaign, total: number): void {
  const line = `${seedCount}/${total} seeds, ${failedCount} failed`;
  if (process.stderr.isTTY) process.stderr.write(`\r${line}`);
  else if (seedCount % 25 === 0) process.stderr.write(`${line}\n`);
}

/** One seed, two processes, one trace. */
function runMeta(options: Options): void {
  const seed = options.seed ?? randomInt(2 ** 40);
  const args = [fileURLToPath(import.meta.url), "--seed", String(seed), "--trace"];
  args.push("--preset", options.preset);
  if (options.nodes !== undefined) args.push("--nodes", String(options.nodes));
  const [first, second] = [1, 2].map(() =>
    spawnSync(process.execPath, args, { encoding: "utf8", maxBuffer: traceBytesMax }).stdout.split(
      "\n",
    ),
  );
  const differing = first!.findIndex((line, index) => line !== second![index]);
  if (differing < 0 && first!.length === second!.length && first!.length > 10) {
    console.log(`seed ${seed}: ${first!.length} lines, both traces are the same`);
    return;
  }
  console.log(`seed ${seed}: the traces differ from line ${differing + 1} on`);
  console.log(`  ${first![differing]}\n  ${second![differing]}`);
  process.exitCode = 1;
}

program.action((options: Options) => {
  if (options.meta === true) runMeta(options);
  else if (options.seed !== undefined) runOne(options.seed, options);
  else runMany(options);
});
program.parse();
