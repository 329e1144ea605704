// The command line of the bench: Maelstrom's names and defaults where it has them. Everything is
// checked here; a wrong value ends the program with a sentence and exit code 2 before any node is
// started.

import { randomInt } from "node:crypto";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { atLeastZero, count, integer, positive } from "../src/bin/option-values.js";
import type { AvailabilityDemand } from "../src/check/availability.js";
import { STATES_MAX_DEFAULT } from "../src/check/linearizability.js";
import { defaultBin } from "./default-bin.js";
import { type FaultName, faultNames } from "./nemesis.js";
import type { LatencyShape } from "./network.js";
import type { RunOptions } from "./run.js";
import { type TopologyName, topologies } from "./topologies.js";
import { isWorkloadName, workloads } from "./workloads.js";

export interface BenchOptions {
  readonly run: RunOptions;
  readonly availability: AvailabilityDemand;
  readonly observeRefusals: boolean;
  readonly statesMax: number;
  readonly historyFile: string;
  readonly jsonFile: string | undefined;
  /** A history to judge instead of running anything. */
  readonly judgeFile: string | undefined;
  readonly isQuiet: boolean;
}

interface Flags {
  readonly workload?: string;
  readonly bin: string;
  readonly nodeCount: number;
  readonly timeLimit: number;
  readonly rate: number;
  readonly concurrency?: string;
  readonly latency: number;
  readonly latencyDist: LatencyShape;
  readonly nemesis: readonly FaultName[];
  readonly nemesisInterval: number;
  readonly recovery: number;
  readonly topology: TopologyName;
  readonly availability?: AvailabilityDemand;
  readonly strict?: true;
  readonly statesMax: number;
  readonly seed?: number;
  readonly out: string;
  readonly json?: string;
  readonly judge?: string;
  readonly keepData?: true;
  readonly quiet?: true;
}

const EXIT_USAGE = 2;
const SEED_BOUND = 2 ** 31;
const NODE_COUNT_DEFAULT = 5;

/** Parses the arguments after the program's name; on a mistake it prints why and exits with 2. */
export function parseOptions(argv: readonly string[]): BenchOptions {
  const program = buildCommand();
  program.parse([...argv], { from: "user" });
  const flags = program.opts<Flags>();
  const [first, ...others] = program.args;
  const named = flags.workload ?? first;
  const nodeArgs = flags.workload === undefined ? others : program.args;
  if (named === undefined || !isWorkloadName(named)) {
    return program.error(`name a workload: ${Object.keys(workloads).join(", ")}`);
  }
  const bin = resolve(flags.bin);
  if (!existsSync(bin)) return program.error(`there is no program ${bin}`);
  const workload = workloads[named];
  const { nodeCount } = flags;
  const groupSize = workload.threadsPerGroup(nodeCount);
  const threadCount = countThreads(flags.concurrency, nodeCount, groupSize, program);
  const seed = flags.seed ?? randomInt(SEED_BOUND);
  const out = resolve(flags.out);
  const logFolder = join(out, `logs.${seed}`);
  const dataFolder = flags.keepData === true ? join(logFolder, "data") : undefined;
  const dataArgs = dataFolder === undefined ? [] : ["--data-dir", dataFolder];
  return {
    run: {
      workload,
      bin,
      nodeArgs: [...nodeArgs, ...dataArgs],
      nodeCount,
      timeLimitMs: flags.timeLimit * 1000,
      rate: flags.rate,
      threadCount,
      latency: { meanMs: flags.latency, shape: flags.latencyDist },
      faults: flags.nemesis,
      nemesisIntervalMs: flags.nemesisInterval * 1000,
      recoveryMs: flags.recovery * 1000,
      topology: flags.topology,
      seed,
      ...{ logFolder, dataFolder },
    },
    availability: flags.availability,
    observeRefusals: flags.strict === true,
    statesMax: flags.statesMax,
    historyFile: join(out, `history.${seed}.jsonl`),
    jsonFile: flags.json === undefined ? undefined : resolve(flags.json),
    judgeFile: flags.judge === undefined ? undefined : resolve(flags.judge),
    isQuiet: flags.quiet === true,
  };
}

function buildCommand(): Command {
  return new Command("maelstrom")
    .description("Runs a workload against real node processes, injects faults, judges the history.")
    .argument("[workload]", Object.keys(workloads).join(", "))
    .argument("[node-args...]", "after `--`: arguments for the node")
    .option("-w, --workload <name>", "the workload, as in Maelstrom")
    .option("--bin <path>", "the node to judge", defaultBin())
    .option("--node-count <n>", "nodes, named n0, n1, ...", integer(1), NODE_COUNT_DEFAULT)
    .option("--time-limit <seconds>", "how long clients ask", positive, 60)
    .option("--rate <hz>", "requests per second over all clients", atLeastZero, 5)
    .option("--concurrency <c>", "client threads: a number, or 4n for four per node")
    .option("--latency <ms>", "mean latency between nodes", atLeastZero, 0)
    .addOption(
      new Option("--latency-dist <shape>", "how latencies spread")
        .choices(["constant", "uniform", "exponential"])
        .default("constant"),
    )
    .option("--nemesis <faults>", `some of ${faultNames.join(",")}`, parseFaults, [])
    .option("--nemesis-interval <seconds>", "between steps of a fault, on average", positive, 10)
    .option("--recovery <seconds>", "quiet time before the final reads", atLeastZero, 10)
    .addOption(
      new Option("--topology <name>", "neighbours suggested to broadcast nodes")
        .choices(Object.keys(topologies))
        .default("grid"),
    )
    .option("--availability <part>", "`total`, or the part that must end ok", parseAvailability)
    .option("--strict", "lin-kv: refusals (20, 22) are observations and must be explained too")
    .option(
      "--states-max <n>",
      "lin-kv: configurations per key until giving up",
      integer(1),
      STATES_MAX_DEFAULT,
    )
    .option("--seed <n>", "of the workload's and the faults' schedule (default: drawn)", count)
    .option("--out <folder>", "for the history and the nodes' logs", ".cache/maelstrom")
    .option("--json <file>", "writes everything that is known about the run")
    .option("--judge <file>", "only judges a history that was recorded before")
    .option(
      "--keep-data",
      "nodes are given a --data-dir, empty at first, and keep their logs there",
    )
    .option("--quiet", "no progress line")
    .showHelpAfterError("(--help shows the options)")
    .exitOverride((error) => {
      process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE);
    });
}

function parseFaults(text: string): FaultName[] {
  const names = text.split(",").map((name) => name.trim());
  const isFault = (name: string): name is FaultName =>
    (faultNames as readonly string[]).includes(name);
  return names.map((name) => {
    if (isFault(name)) return name;
    throw new InvalidArgumentError(`Known faults: ${faultNames.join(", ")}.`);
  });
}

function parseAvailability(text: string): AvailabilityDemand {
  if (text === "total") return "total";
  const part = Number(text);
  if (text.trim() !== "" && part >= 0 && part <= 1) return part;
  throw new InvalidArgumentError("It must be `total` or a number from 0 to 1.");
}

/** As in Maelstrom one thread per node by default; lin-kv needs whole groups of 2n. */
function countThreads(
  text: string | undefined,
  nodeCount: number,
  groupSize: number,
  program: Command,
): number {
  if (text === undefined) return Math.max(nodeCount, groupSize);
  const form = /^(\d+)(n?)$/.exec(text);
  const threads = form === null ? 0 : Number(form[1]) * (form[2] === "n" ? nodeCount : 1);
  if (threads === 0) {
    return program.error("--concurrency must be a positive number, or such a number and n");
  }
  if (threads % groupSize !== 0) {
    return program.error(
      `--concurrency ${text} means ${threads} threads; ` +
        `this workload needs a multiple of ${groupSize}`,
    );
  }
  return threads;
}
