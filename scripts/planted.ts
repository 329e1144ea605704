// Plants each known bug into a copy of the sources and demands that the suite it names fails. This
// is the proof that the checks can fail: production code carries no switches for it. A suite that
// breaks without a failing test (the patch does not parse, the worker died, nothing ran) does not
// count as having caught anything. Left out: bugs that only compiled processes would show, because
// the copies are not compiled.
//
// Usage: npm run planted -- [--only NAME]... [--workers N]

import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { integer } from "../src/bin/option-values.js";
import type { WeatherName } from "../src/sim/fault-profile.js";
import type { SometimesName } from "../src/sim/sometimes.js";
import { isMain, projectFolder, runNode, type VitestReport, vitestProgram } from "./project.js";

export const bugGroups = ["lattice", "replication", "consensus", "cluster", "durability"] as const;
export type BugGroup = (typeof bugGroups)[number];

/** One bug and the suite that must notice it. The lists live in test/planted/. */
export interface PlantedBug {
  readonly name: string;
  /** What would go wrong for somebody, in a sentence. */
  readonly story: string;
  /** The production file, from the project's folder. */
  readonly file: string;
  /** Exact text that occurs once in the file. */
  readonly find: string;
  readonly replace: string;
  /** A vitest file, optionally with ` -t part of a test's name`. */
  readonly suite: string;
  /** Of bugs that the simulator finds by itself: what they are about. */
  readonly group?: BugGroup;
  /** Of those: the situation (sim/sometimes.ts) in which they show. */
  readonly needs?: SometimesName;
  /** The weather (sim/fault-profile.ts) in which it is soon found. */
  readonly weather?: WeatherName;
}

export interface PlantedOutcome {
  readonly bug: PlantedBug;
  readonly isCaught: boolean;
  /** The test that failed, or why the bug does not count as caught. */
  readonly detail: string;
  readonly ms: number;
}

const copiedFolders = ["src", "maelstrom", "scripts", "test", "specs"];
const copiedFiles = ["package.json", "tsconfig.json", "vitest.config.ts", "perf_config.toml"];
const timeoutMsDefault = 60_000;

/** Every bug that the modules of a folder export, in the order of their files. */
export async function loadPlantedBugs(folder: URL = plantedFolder()): Promise<PlantedBug[]> {
  const isList = (name: string): boolean =>
    /^[a-z0-9-]+\.(ts|js)$/.test(name) && !name.endsWith(".d.ts");
  const bugs: PlantedBug[] = [];
  for (const name of readdirSync(folder).filter(isList).sort()) {
    const exported = Object.values((await import(new URL(name, folder).href)) as object);
    for (const list of exported) if (Array.isArray(list)) bugs.push(...(list as PlantedBug[]));
  }
  return bugs;
}

const plantedFolder = (): URL => new URL("../test/planted/", import.meta.url);

/** Why a bug cannot be planted into these sources, or undefined. `read` knows no missing file. */
export function flawOf(
  bug: PlantedBug,
  read: (path: string) => string | undefined,
): string | undefined {
  const source = read(bug.file);
  if (source === undefined) return `patch is stale: there is no file ${bug.file}`;
  const count = source.split(bug.find).length - 1;
  if (count !== 1) return `patch is stale: its text occurs ${count} times in ${bug.file}, not once`;
  if (bug.find === bug.replace) return "patch changes nothing";
  if (read(suiteOf(bug).file) === undefined) return `there is no suite ${suiteOf(bug).file}`;
  return undefined;
}

/** The vitest file of a bug and the part of a test's name, if any. */
export function suiteOf({ suite }: PlantedBug): { file: string; test: string | undefined } {
  const cut = suite.indexOf(" -t ");
  if (cut === -1) return { file: suite.trim(), test: undefined };
  const name = suite.slice(cut + 4).trim();
  return { file: suite.slice(0, cut).trim(), test: name.replace(/^(["'])(.*)\1$/, "$2") };
}

export interface PlantedOptions {
  /** Folders patched at the same time. */
  readonly workers?: number;
  readonly timeoutMs?: number;
  /** The checkout to copy. */
  readonly project?: string;
  readonly onOutcome?: (outcome: PlantedOutcome) => void;
  /** Asked before each bug; false leaves the rest of the list alone. */
  readonly mayBegin?: () => boolean;
}

/**
 * Plants every bug, one after the other in each of a few copies. Outcomes come in the order of
 * `bugs`.
 */
export async function plantAll(
  bugs: readonly PlantedBug[],
  options: PlantedOptions = {},
): Promise<PlantedOutcome[]> {
  const { workers = 2, timeoutMs = timeoutMsDefault, project = projectFolder } = options;
  const outcomes = new Array<PlantedOutcome>(bugs.length);
  let next = 0;
  const work = async (): Promise<void> => {
    const folder = copyProject(project);
    try {
      while (next < bugs.length && options.mayBegin?.() !== false) {
        const index = next++;
        const outcome = await plant(bugs[index]!, folder, timeoutMs);
        outcomes[index] = outcome;
        options.onOutcome?.(outcome);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, bugs.length) }, work));
  return outcomes.filter((outcome) => outcome !== undefined);
}

/**
 * A copy of the sources whose packages are links; its node_modules is its own, so caches do not
 * mix.
 */
export function copyProject(project: string): string {
  const folder = mkdtempSync(join(tmpdir(), "skerry-planted-"));
  for (const name of [...copiedFolders, ...copiedFiles]) {
    try {
      cpSync(join(project, name), join(folder, name), { recursive: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  mkdirSync(join(folder, "node_modules"));
  for (const name of readdirSync(join(projectFolder, "node_modules"))) {
    if (name.startsWith(".")) continue;
    symlinkSync(join(projectFolder, "node_modules", name), join(folder, "node_modules", name));
  }
  return folder;
}

/**
 * Suites draw fresh seeds: one that passes over a bug is given further draws before it counts as
 * missed.
 */
const drawsMax = 4;
const missedMark = "missed:";

async function plant(bug: PlantedBug, folder: string, timeoutMs: number): Promise<PlantedOutcome> {
  const read = (path: string): string | undefined => readIfAny(join(folder, path));
  const flaw = flawOf(bug, read);
  if (flaw !== undefined) return { bug, isCaught: false, detail: flaw, ms: 0 };
  const path = join(folder, bug.file);
  const source = readFileSync(path, "utf8");
  try {
    // A function, because a replacement text may hold "$&".
    writeFileSync(
      path,
      source.replace(bug.find, () => bug.replace),
    );
    let outcome = await runSuite(bug, folder, timeoutMs);
    for (let draw = 1; draw < drawsMax && outcome.detail.startsWith(missedMark); draw++)
      outcome = await runSuite(bug, folder, timeoutMs);
    return outcome;
  } finally {
    writeFileSync(path, source);
  }
}

async function runSuite(
  bug: PlantedBug,
  folder: string,
  timeoutMs: number,
): Promise<PlantedOutcome> {
  const { file, test } = suiteOf(bug);
  const reportPath = join(folder, "report.json");
  rmSync(reportPath, { force: true });
  const args = [vitestProgram, "run", file, "--bail", "1", "--retry=0", "--reporter=json"];
  if (test !== undefined) args.push("-t", escapePattern(test));
  const child = await runNode([...args, `--outputFile=${reportPath}`], {
    cwd: folder,
    timeoutMs,
    passOn: false,
  });
  const report = child.timedOut ? undefined : readIfAny(reportPath);
  const verdict = child.timedOut
    ? { isCaught: false, detail: `hung: the suite did not end within ${timeoutMs / 1000} s` }
    : judge(report, child.output);
  return { bug, ...verdict, ms: child.ms };
}

/** Reads a report: caught means that a test failed, by an assertion, an error or its timeout. */
export function judge(
  reportText: string | undefined,
  output: string,
): { isCaught: boolean; detail: string } {
  const missed = (detail: string) => ({ isCaught: false, detail });
  if (reportText === undefined) return missed(`no report: ${firstLine(output)}`);
  const report = JSON.parse(reportText) as VitestReport;
  const tests = report.testResults.flatMap((result) => result.assertionResults);
  const failed = tests.filter((test) => test.status === "failed");
  const real = failed.find((test) => !isPatchError(test.failureMessages));
  if (real !== undefined) return { isCaught: true, detail: real.fullName };
  if (failed.length > 0)
    return missed(
      `the patch is broken: ${firstLine(failed[0]!.failureMessages?.join("\n") ?? "")}`,
    );
  const broken = report.testResults.find((result) => result.status === "failed");
  if (broken !== undefined) return missed(`the suite broke: ${firstLine(broken.message)}`);
  const passed = tests.filter((test) => test.status === "passed");
  return missed(
    passed.length === 0 ? "no test ran" : `${missedMark} ${passed.length} tests passed`,
  );
}

/** A name that does not exist is a mistake of the patch and says nothing about the suite. */
const isPatchError = (messages: readonly string[] | null): boolean =>
  messages?.[0] !== undefined && /^(ReferenceError|SyntaxError):/.test(messages[0]);

const escapePattern = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

const firstLine = (text: string): string =>
  text
    .split("\n")
    .find((line) => line.trim() !== "")
    ?.trim() ?? "";

function readIfAny(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** One line per bug: whether it was caught, the time, its name, and the test or the reason. */
export function describeOutcome({ bug, isCaught, detail, ms }: PlantedOutcome): string {
  const seconds = `${(ms / 1000).toFixed(1)} s`.padStart(7);
  return `${isCaught ? "caught" : "MISSED"} ${seconds}  ${bug.name}  (${bug.suite})  ${detail}`;
}

async function main(): Promise<void> {
  const options = new Command("planted")
    .description("Plants each bug in a copy of the project; its suite must notice.")
    .option("--only <names...>", "these bugs alone; a name that is none lists all")
    .option("--workers <count>", "bugs at a time", integer(1), 2)
    .parse()
    .opts<{ only?: string[]; workers: number }>();
  const all = await loadPlantedBugs();
  const bugs = all.filter((bug) => options.only === undefined || options.only.includes(bug.name));
  if (bugs.length === 0) {
    console.error(
      `no planted bug is called that; there are:\n  ${all.map((b) => b.name).join("\n  ")}`,
    );
    process.exitCode = 1;
    return;
  }
  const { workers } = options;
  const outcomes = await plantAll(bugs, {
    workers,
    onOutcome: (outcome) => {
      console.log(describeOutcome(outcome));
      console.log(`                 ${outcome.bug.story}`);
    },
  });
  const caught = outcomes.filter((outcome) => outcome.isCaught).length;
  console.log(`${caught} caught, ${outcomes.length - caught} missed`);
  if (caught < outcomes.length) process.exitCode = 1;
}

if (isMain(import.meta.url)) await main();
