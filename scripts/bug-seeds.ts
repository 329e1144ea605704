// How many seeds the simulator needs to find each planted bug: the bugs of test/planted that have a
// group, each compiled into a copy of the project, seeds from several places on until the first
// failure. Prints rows of the table of specs/simulation.md, and writes them there if asked to.
//
// Usage: npm run bug-seeds -- [--draws N] [--preset P] [--seconds S] [--only NAME]... [--write]

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command, Option } from "commander";
import { integer } from "../src/bin/option-values.js";
import { presets } from "../src/sim/fault-profile.js";
import { formatMarkdown } from "./lib/markdown.js";
import { bugGroups, copyProject, loadPlantedBugs, type PlantedBug } from "./planted.js";
import { isMain, projectFolder, runNode } from "./project.js";

/** A bug that is not found within so many counts as missed. */
export const seedsMax = 2000;
export const seedTablePath = join(projectFolder, "specs", "simulation.md");
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

/** The bugs that the simulator finds by itself, group by group. */
export const simulatorBugs = async (folder?: URL): Promise<PlantedBug[]> => {
  const bugs = await loadPlantedBugs(folder);
  return bugGroups.flatMap((group) => bugs.filter((bug) => bug.group === group));
};

const head = ["Bug", "Group", "In", "Needs", "Weather", "Median seeds", "Seeds of each draw"];

/** The first columns of a bug's row. */
export const describeBug = ({ name, group, file, needs, weather }: PlantedBug): string[] => [
  ...[name.replace(/^sim: /, "").replaceAll("_", " "), group ?? "", file.split("/")[1]!],
  ...[`\`${needs}\``, weather ?? ""],
];

/** The cells of the rows of the table, the head left out. */
export function seedTableRows(document: string): string[][] {
  const lines = document.split("\n");
  const first = lines.findIndex((line) => /^\| Bug +\| Group /.test(line)) + 2;
  const rows = lines.slice(first, lines.indexOf("", first));
  return rows.map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** The document with these rows in the place of those of the same bugs; rows of no bug go. */
export function withRows(
  document: string,
  fresh: readonly string[],
  bugs: readonly PlantedBug[],
): string {
  const lines = document.split("\n");
  const first = lines.findIndex((line) => /^\| Bug +\| Group /.test(line)) + 2;
  const nameOf = (row: string): string => row.split("|")[1]!.trim();
  const rows = new Map(
    [...lines.slice(first, lines.indexOf("", first)), ...fresh].map((row) => [nameOf(row), row]),
  );
  const kept = bugs.map((bug) => rows.get(describeBug(bug)[0]!)).filter((row) => row !== undefined);
  return [...lines.slice(0, first), ...kept, ...lines.slice(lines.indexOf("", first))].join("\n");
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
    const all = found.map(({ text }) => text).join(" ");
    return `| ${describeBug(bug).join(" | ")} | ${median} | ${all} |`;
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
    .option("--write", "put the rows into specs/simulation.md")
    .parse()
    .opts<Effort & { only?: string[]; write?: true }>();
  const all = await simulatorBugs();
  const bugs = all.filter(({ name }) => options.only?.includes(name) ?? true);
  console.log(`| ${head.join(" | ")} |\n${"| --- ".repeat(head.length)}|`);
  const folder = copyProject(projectFolder);
  try {
    for (const bug of bugs) {
      const row = await measure(bug, folder, options);
      console.log(row);
      if (options.write !== true) continue;
      const document = readFileSync(seedTablePath, "utf8");
      writeFileSync(seedTablePath, formatMarkdown(withRows(document, [row], all)));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (isMain(import.meta.url)) await main();
