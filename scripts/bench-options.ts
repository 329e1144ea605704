// The command line of `npm run bench`, whatever is measured.

import { Command, Option } from "commander";
import { count, integer } from "../src/bin/option-values.js";
import { type SuiteName, suites } from "./bench-cells.js";

export interface BenchOptions {
  readonly quick?: true;
  readonly suite: SuiteName;
  readonly only: readonly string[];
  readonly pipeline: readonly number[];
  readonly size: readonly number[];
  readonly slices?: number;
  readonly memory?: true;
  readonly persistence?: true;
  readonly fsync: readonly string[];
  readonly cluster?: true;
  readonly antiEntropy?: true;
  readonly keys: number;
  readonly differ: number;
  readonly inProcess?: true;
  readonly json?: string;
  readonly svg?: string;
  readonly selfTest?: true;
}

/** Reads one number more of an option that takes several. */
const integers = (text: string, before: readonly number[]): number[] => [
  ...before,
  integer(1)(text),
];

/** A wrong command line ends the program with a sentence. */
export function readBenchOptions(): BenchOptions {
  return new Command("bench")
    .description("Skerry against redis-server in the same run, unless another measure is chosen.")
    .option("--quick", "short slices")
    .addOption(
      new Option("--suite <name>", "which commands")
        .choices(Object.keys(suites))
        .default("strings"),
    )
    .option("--only <names...>", "these commands alone", [])
    .option("--pipeline <depths...>", "commands a client sends at once", integers, [])
    .option("--size <bytes...>", "of the values, with --in-process", integers, [])
    .option("--slices <count>", "measured slices per server, taken in turn", integer(1))
    .option("--memory", "resident memory of a million keys instead")
    .option("--persistence", "with logs on both sides")
    .option("--fsync <policies...>", "with --persistence, these alone: always, everysec, no", [])
    .option("--cluster", "what replication and agreement cost on three processes")
    .option("--anti-entropy", "what bringing replicas together costs")
    .option("--keys <count>", "with --anti-entropy: on each replica", integer(1), 1_000_000)
    .option("--differ <count>", "with --anti-entropy: of them not alike", count, 1_000)
    .option("--in-process", "a node without sockets, without redis-server")
    .option("--json <file>", "write the figures there")
    .option("--svg <file>", "draw the chart there")
    .option("--self-test", "redis-server against itself: every ratio must be about one")
    .parse()
    .opts<BenchOptions>();
}
