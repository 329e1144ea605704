// `npm run store-trials -- --seeds 200`: the trial of test/storage/stream.test.ts over more seeds:
// a node that streams its log into a store with all faults, killed, crashed, lost and taken over
// from.

import { Command } from "commander";
import { count, integer } from "../src/bin/option-values.js";
import { StreamTrial } from "../test/storage/stream-trial.js";
import { isMain } from "./project.js";

if (isMain(import.meta.url)) {
  const options = new Command("store-trials")
    .description("A node's log in an object store that fails, by seed: nothing stored is lost.")
    .option("--seeds <count>", "how many seeds to run", integer(1), 200)
    .option("--from <seed>", "the first of them", count, 1)
    .parse()
    .opts<{ seeds: number; from: number }>();
  const first = options.from;
  let clean = 0;
  const seen = new Set<string>();
  const failed: string[] = [];
  for (let seed = first; seed < first + options.seeds; seed++) {
    const trial = StreamTrial.ofSeed(seed);
    try {
      trial.run();
      clean++;
    } catch (error) {
      failed.push(`seed ${seed}: ${(error as Error).message}`);
    }
    for (const thing of trial.seen) seen.add(thing);
  }
  for (const line of failed) process.stdout.write(`${line}\n`);
  process.stdout.write(`happened: ${[...seen].sort().join(" ")}\n`);
  process.stdout.write(`${clean} clean, ${failed.length} failed\n`);
  if (failed.length > 0) process.exitCode = 1;
}
