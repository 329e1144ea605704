// `npm run sim`: runs seeds through the simulator and tells what failed, each failure with the line
// that replays it. Exit code 1: a seed failed, or the campaign met too little to prove anything.

import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Command, Option } from "commander";
import { Campaign, provenSeedCount } from "../sim/campaign.js";
import {
  describeProfile,
  drawProfile,
  type FaultProfile,
  faultKinds,
  presets,
  weathers,
} from "../sim/fault-profile.js";
import { Film } from "../sim/film.js";
import { renderPage } from "../sim/page.js";
import { type ProtocolEvent, ProtocolTrace } from "../sim/protocol-trace.js";
import { describeScale, measureScale } from "../sim/scale.js";
import { runScenario } from "../sim/scenario.js";
import { shrink } from "../sim/shrink.js";
import { type RunResult, simulate } from "../sim/simulate.js";
import { chaoticFrom, type SometimesName } from "../sim/sometimes.js";
import { Trace } from "../sim/trace.js";
import { count } from "./option-values.js";
import { drawOptionsOf, flagsOf, type RunFlags, replayLine, suppressedBy } from "./sim-replay.js";

interface Options extends RunFlags {
  readonly seeds: number;
  readonly seed?: number;
  readonly from?: number;
  readonly seconds?: number;
  readonly trace?: true;
  readonly meta?: true;
  readonly node?: string;
  readonly shrink: boolean;
  readonly scenario?: string;
  readonly html?: string;
  readonly scale?: true;
  readonly first?: true;
  readonly protocol?: string;
}

const traceBytesMax = 1 << 30;
/** Of a campaign's failures so many are shrunk. */
const shrunkCountMax = 2;
/** How much of the liveness phase is worth watching. */
const filmTailMs = 2000;
const scaleNodeCounts = [3, 5, 10, 25, 50, 100, 200];
const scaleDelayMs = 5;
const scenarioFolder = new URL("../../../test/scenarios/", import.meta.url);

const program = new Command("sim")
  .description("Runs a cluster of production nodes in virtual time under drawn faults.")
  .option("--seeds <count>", "how many seeds to run", count, 200)
  .option("--seed <seed>", "run this seed alone", count)
  .option("--from <seed>", "run the seeds from this one on; fresh ones unless given", count)
  .option("--seconds <seconds>", "stop after about so long", count)
  .addOption(
    new Option("--preset <preset>", "how bad it gets").choices(presets).default("moderate"),
  )
  .addOption(
    new Option("--weather <weather>", "strain one thing more").choices(Object.keys(weathers)),
  )
  .option("--nodes <count>", "nodes of the cluster; drawn from the seed unless given", count)
  .option("--stores", "nodes stream their logs into object stores, which fail as well")
  .addOption(new Option("--without <kinds...>", "suppress kinds of faults").choices(faultKinds))
  .addOption(new Option("--only [kinds...]", "suppress all other kinds").choices(faultKinds))
  .option("--safety <ms>", "length of the phase in which anything may fail", count)
  .option("--clients <count>", "clients per node", count)
  .option("--faults-from <ms>", "no faults before", count)
  .option("--faults-until <ms>", "no faults after", count)
  .option("--requests <count>", "clients ask no more than this together", count)
  .option("--first", "stop at the first seed that fails")
  .option("--no-shrink", "do not make failing runs smaller")
  .option("--scenario <name>", "run test/scenarios/NAME.txt and tell what differs; `list` lists")
  .option("--scale", "how messages, bytes and time grow with the nodes (--nodes: up to so many)")
  .option("--trace", "print one line per event (with --seed)")
  .option("--protocol <file>", "write what the protocols did, as lines of JSON (with --seed)")
  .option("--html <file>", "write a page to watch the run in a browser (with --seed)")
  .option("--meta", "run a seed twice in two processes and compare the traces byte for byte")
  .option("--node <file>", "the Node.js that runs the second process of --meta");

/** What failed, then the smallest run found that fails alike, as a line that replays it. */
function tellFailure({ profile, violations }: RunResult, options: Options): void {
  console.log(`seed ${profile.seed} failed: ${violations.join("\n  ")}`);
  console.log(`  replay: ${replayLine(profile.seed, drawOptionsOf(options))}`);
}

function tellShrunk(failed: RunResult, options: Options): void {
  if (!options.shrink) return;
  const { seed } = failed.profile;
  const shrunk = shrink(failed, drawOptionsOf(options), (smaller) => simulate(seed, smaller));
  const { profile, faultCounts, requestCount, violations } = shrunk.result;
  const { nodeCount, safetyMs } = profile;
  console.log(
    `  shrunk in ${shrunk.runCount} runs to ${nodeCount} nodes, ${safetyMs} ms, ` +
      `${requestCount} requests, ${faultCounts.total} faults ` +
      `(${
        faultCounts
          .entries()
          .map((entry) => entry.join(" "))
          .join(", ") || "none"
      })`,
  );
  console.log(`  it says: ${violations[0]}`);
  console.log(`  replay: ${replayLine(seed, shrunk.options)}`);
}

/** From the beginning until shortly after everything is healed. */
const filmOf = ({ nodeCount, safetyMs }: FaultProfile): Film =>
  new Film(
    Array.from({ length: nodeCount }, (_, index) => `n${index + 1}`),
    safetyMs + filmTailMs,
  );

function runOne(seed: number, options: Options): void {
  const lines: string[] = [];
  const write = (line: string): void => {
    if (lines.push(line) >= 1000) process.stdout.write(`${lines.splice(0).join("\n")}\n`);
  };
  const drawn = drawOptionsOf(options);
  const trace = new Trace(options.trace === true ? write : () => {});
  const film = options.html === undefined ? undefined : filmOf(drawProfile(seed, drawn));
  const events: ProtocolEvent[] = [];
  if (film !== undefined) trace.watcher = film;
  else if (options.protocol !== undefined)
    trace.watcher = new ProtocolTrace((event) => events.push(event));
  const isTraced = options.trace === true || trace.watcher !== undefined;
  const result = simulate(seed, { ...drawn, ...(isTraced && { trace }) });
  if (lines.length > 0) process.stdout.write(`${lines.join("\n")}\n`);
  if (options.protocol !== undefined)
    writeFileSync(options.protocol, events.map((event) => `${JSON.stringify(event)}\n`).join(""));
  console.log(describeProfile(result.profile));
  if (film !== undefined && options.html !== undefined) {
    const { profile, violations } = result;
    const facts = {
      title: `Skerry simulation: seed ${seed}, ${profile.preset}, ${profile.nodeCount} nodes`,
      violations,
      profile: describeProfile(profile),
      replay: replayLine(seed, drawn),
    };
    writeFileSync(options.html, renderPage(film.finish(), facts));
    console.log(`open ${options.html} in a browser`);
  }
  const { requestCount, frameCount, simulatedMs, convergedMs } = result;
  console.log(
    `${simulatedMs} ms simulated, ${requestCount} requests, ${frameCount} frames, ` +
      `agreed after ${convergedMs} ms`,
  );
  if (result.violations.length === 0) console.log(`seed ${seed}: no violation`);
  else {
    tellFailure(result, options);
    if (options.trace !== true) tellShrunk(result, options);
    process.exitCode = 1;
  }
}

/** Processor time of this process. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function runMany(options: Options): void {
  const first = options.from ?? randomInt(2 ** 40);
  const campaign = new Campaign();
  const startMs = performance.now();
  const usage = process.cpuUsage();
  const isOver = (): boolean =>
    options.seconds !== undefined && performance.now() - startMs > options.seconds * 1000;
  for (let seed = first; seed < first + options.seeds && !isOver(); seed++) {
    const result = simulate(seed, { ...drawOptionsOf(options), realMs: cpuMs });
    campaign.add(result);
    if (result.violations.length > 0) {
      tellFailure(result, options);
      // The first tell enough; shrinking takes as long as many seeds.
      if (campaign.failedCount <= shrunkCountMax) tellShrunk(result, options);
    }
    tellProgress(campaign, options.seeds);
    if (options.first === true && campaign.failedCount > 0) break;
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
function isVacuous(campaign: Campaign, options: Options): boolean {
  const { preset } = options;
  if (campaign.seedCount < provenSeedCount || preset === "calm") return false;
  if (suppressedBy(options).length > 0 || options.weather !== undefined) return false;
  const isDemanded = (name: SometimesName): boolean => {
    const from = chaoticFrom[name];
    return from === undefined || (preset === "chaos" && campaign.seedCount >= from);
  };
  const missing = [...campaign.neverMet.filter(isDemanded), ...campaign.neverHappened()];
  if (missing.length > 0) console.log(`never happened: ${missing.join(", ")}`);
  return missing.length > 0;
}

function tellProgress({ seedCount, failedCount }: Campaign, total: number): void {
  const line = `${seedCount}/${total} seeds, ${failedCount} failed`;
  if (process.stderr.isTTY) process.stderr.write(`\r${line}`);
  else if (seedCount % 25 === 0) process.stderr.write(`${line}\n`);
}

/** One seed, two processes, one trace; with `--node` also two versions of Node.js. */
function runMeta(options: Options): void {
  const programs = [process.execPath, options.node ?? process.execPath];
  const versions = programs.map((file) => outputOf(file, ["--version"]).trim());
  const first = options.seed ?? options.from ?? randomInt(2 ** 40);
  const count = options.seed === undefined && options.from !== undefined ? options.seeds : 1;
  for (let seed = first; seed < first + count; seed++) compareTraces(seed, options, programs);
  console.log(`compared: Node ${versions.join(" and ")}`);
}

function compareTraces(seed: number, options: Options, programs: readonly string[]): void {
  const flags = flagsOf(seed, drawOptionsOf(options));
  const args = [fileURLToPath(import.meta.url), ...flags, "--trace"];
  const [first, second] = programs.map((file) => outputOf(file, args).split("\n"));
  const differing = first!.findIndex((line, index) => line !== second![index]);
  if (differing < 0 && first!.length === second!.length && first!.length > 10) {
    console.log(`seed ${seed}: ${first!.length} lines, both traces are the same`);
    return;
  }
  console.log(`seed ${seed}: the traces differ from line ${differing + 1} on`);
  console.log(`  ${first![differing]}\n  ${second![differing]}`);
  process.exitCode = 1;
}

const outputOf = (file: string, args: readonly string[]): string => {
  const { stdout, error } = spawnSync(file, args, { encoding: "utf8", maxBuffer: traceBytesMax });
  if (error !== undefined) program.error(`cannot run ${file}: ${error.message}`);
  return stdout;
};

/** A story of test/scenarios: what comes out, and where it is not what is written. */
function runStory(name: string, options: Options): void {
  const names = readdirSync(scenarioFolder)
    .filter((file) => file.endsWith(".txt"))
    .map((file) => file.slice(0, -4));
  if (!names.includes(name)) {
    console.log(`${name === "list" ? "scenarios" : `no scenario ${name}; there are`}:`);
    for (const known of names) console.log(`  ${known}`);
    if (name !== "list") process.exitCode = 1;
    return;
  }
  const written = readFileSync(new URL(`${name}.txt`, scenarioFolder), "utf8");
  const trace = options.trace === true ? new Trace(console.log) : undefined;
  const actual = runScenario(written, trace).split("\n");
  const expected = written.split("\n");
  const differing = actual.findIndex((line, index) => line !== expected[index]);
  if (trace === undefined) console.log(actual.join("\n").trimEnd());
  if (differing < 0 && actual.length === expected.length) {
    console.log(`scenario ${name}: as written`);
    return;
  }
  const at = differing < 0 ? actual.length : differing;
  console.log(`scenario ${name}: differs at line ${at + 1}, where is written:`);
  console.log(`  ${expected[at] ?? "(nothing more)"}`);
  process.exitCode = 1;
}

function runScale({ nodes = 200 }: Options): void {
  const rows = scaleNodeCounts
    .filter((nodeCount) => nodeCount <= nodes)
    .map((nodeCount) => {
      process.stderr.write(`${nodeCount} nodes\n`);
      return measureScale(nodeCount, scaleDelayMs);
    });
  console.log(`quiet network, ${scaleDelayMs} ms one way, every node holds every key`);
  for (const line of describeScale(rows)) console.log(line);
}

program.action((options: Options) => {
  if (options.scale === true) runScale(options);
  else if (options.scenario !== undefined) runStory(options.scenario, options);
  else if (options.meta === true) runMeta(options);
  else if (options.seed !== undefined) runOne(options.seed, options);
  else runMany(options);
});
program.parse();
