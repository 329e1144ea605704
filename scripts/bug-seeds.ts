// How many seeds the simulator needs to find each planted bug: the bugs of test/planted/sim.ts,
// each compiled into a copy of the project, seeds from several places on until the first failure.
// Prints the table of specs/simulation.md.
//
// Usage: npm run bug-seeds -- [--draws N] [--preset P] [--seconds S] [--only NAME]...

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command, Option } from "commander";
import { integer } from "../src/bin/option-values.js";
import { presets } from "../src/sim/fault-profile.js";
import { copyProject, loadPlantedBugs, type PlantedBug } from "./planted.js";
import { isMain, projectFolder, runNode } from "./project.js";

/** A bug that is not found within so many counts as missed. */
const seedsMax = 2000;
const compileMsMax = 300_000;

interface Effort {
  readonly draws: number;
  readonly preset: string;
  /** For one draw. */
  readonly seconds: number;
}

interface Draw {
  /** Seeds up to the first failure; Infinity when there was none. */
  readonly count: number;
  readonly text: string;
}

/** One for each place to begin at, by ascending count. */
async function seedsToFailure(
  folder: string,
  weather: string | undefined,
  { draws, preset, seconds }: Effort,
): Promise<Draw[]> {
  const found: Draw[] = [];
  for (let draw = 1; draw <= draws; draw++) {
    const first = draw * 10_000;
    const args = ["--from", String(first), "--seeds", String(seedsMax), "--preset", preset];
    args.push("--first", "--no-shrink", ...(weather === undefined ? [] : ["--weather", weather]));
    const program = join(folder, "dist", "src", "bin", "sim.js");
    const options = { cwd: folder, passOn: false, timeoutMs: seconds * 1000 };
    const { output } = await runNode([program, ...args], options);
    const failed = /^seed (\d+) failed/m.exec(output)?.[1];
    if (failed !== undefined) {
      const count = Number(failed) - first + 1;
      found.push({ count, text: String(count) });
      continue;
    }
    // On a slow machine the time is over first.
    const clean = [...output.matchAll(/(\d+)\/\d+ seeds/g)].at(-1)?.[1] ?? "0";
    found.push({ count: Number.POSITIVE_INFINITY, text: `none in ${clean}` });
  }
  return found.sort((a, b) => a.count - b.count);
}

async function measure(bug: PlantedBug, folder: string, effort: Effort): Promise<string> {
  const path = join(folder, bug.file);
  const source = readFileSync(path, "utf8");
  writeFileSync(
    path,
    source.replace(bug.find, () => bug.replace),
  );
  try {
    const compiler = join(projectFolder, "node_modules", "typescript", "bin", "tsc");
    // A patch may leave a name unused; what is emitted runs all the same.
    await runNode([compiler, "-p", folder], {
      cwd: folder,
      passOn: false,
      timeoutMs: compileMsMax,
    });
    const found = await seedsToFailure(folder, bug.weather, effort);
    const median = found[Math.floor(found.length / 2)]!.text;
    const area = bug.file.split("/")[1];
    const all = found.map(({ text }) => text).join(" ");
    const weather = bug.weather ?? "";
    return `| ${bug.name.slice(5)} | ${area} | ${bug.needs} | ${weather} | ${median} | ${all} |`;
  } finally {
    writeFileSync(path, source);
  }
}

async function main(): Promise<void> {
  const options = new Command("bug-seeds")
    .description("How many seeds the simulator needs to find each bug planted for it.")
    .option("--draws <count>", "first seeds drawn per bug", integer(1), 5)
    .addOption(
      new Option("--preset <preset>", "how bad it gets").choices(presets).default("moderate"),
    )
    .option("--seconds <seconds>", "how long to look for one, at most", integer(1), 600)
    .option("--only <names...>", "these bugs alone")
    .parse()
    .opts<Effort & { only?: string[] }>();
  const bugs = (await loadPlantedBugs()).filter(
    ({ name }) =>
      name.startsWith("sim: ") && (options.only === undefined || options.only.includes(name)),
  );
  console.log(
    "| Bug | In | Needs | Weather | Median seeds | Seeds of each draw |\n" +
      "| --- | --- | --- | --- | --- | --- |",
  );
  const folder = copyProject(projectFolder);
  try {
    for (const bug of bugs) console.log(await measure(bug, folder, options));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (isMain(import.meta.url)) await main();
