// Mutation testing by seed: draws small changes of the code that must not be wrong - an operator
// turned round, a condition fixed, a statement taken away - and demands that some suite fails.
// Planted bugs are mistakes that somebody thought of; mutants are those that nobody did.
//
// Lines are taken for what they look like, which is enough for code in one format: a change that
// does not parse is drawn again. Left out: assertions and what only checks invariants, messages,
// types, and constants of time, where most changes mean nothing.
//
// Usage: npm run mutants -- [--count N] [--seed S] [--skip N] [--only FILE:LINE] [--workers N]

import {
  existsSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { Command } from "commander";
import { Prng } from "../src/base/prng.js";
import { count, integer } from "../src/bin/option-values.js";
import { copyProject, judge } from "./planted.js";
import { isMain, projectFolder, runNode, type VitestReport, vitestProgram } from "./project.js";

export interface Mutant {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly before: string;
  /** Empty: the statement is taken away. */
  readonly after: string;
}

/** Suites by folder, the nearest first: a mutant is given to one stage after the other. */
const suitesOf: Readonly<Record<string, readonly (readonly string[])[]>> = {
  lattice: [
    ["test/laws/", "test/explore/explore.test.ts"],
    ["test/replicas/", "test/keyspace/", "test/commands/"],
    ["test/replication/"],
    ["test/sim/campaign.test.ts"],
  ],
  replication: [
    ["test/replication/", "test/explore/explore.test.ts"],
    ["test/node/", "test/sim/scenarios.test.ts", "test/sim/leaving.test.ts"],
    ["test/sim/giving-up.test.ts", "test/sim/read-copies.test.ts"],
    ["test/sim/campaign.test.ts"],
  ],
  consensus: [
    ["test/consensus/"],
    ["test/explore/explore.test.ts", "test/node/", "test/sim/scenarios.test.ts"],
    ["test/sim/campaign.test.ts"],
  ],
};

const folders = Object.keys(suitesOf);
/** Of a stage the files that take longer than this wait for the others. */
const quickMsMax = 3000;
/** What a stage may take: generous, because a busy machine must not make a mutant look caught. */
const slackMs = 90_000;
const slackFactor = 5;
const unchangedMsMax = 1_800_000;

/** Texts and what they become; each stands between spaces, as the formatter writes it. */
const swaps: readonly (readonly [string, string])[] = [
  [" < ", " <= "],
  [" <= ", " < "],
  [" > ", " >= "],
  [" >= ", " > "],
  [" === ", " !== "],
  [" !== ", " === "],
  [" && ", " || "],
  [" || ", " && "],
  [" + ", " - "],
  [" - ", " + "],
  ["Math.max(", "Math.min("],
  ["Math.min(", "Math.max("],
  ["true", "false"],
  ["false", "true"],
  ["++", "--"],
  ["(!", "("],
  ["continue;", "break;"],
];

const skipped = new RegExp(
  [
    /^\s*(\/\/|\*|\/\*|import |export (type|interface) |interface |type )/,
    /^\s*(readonly |assert\(|throw )/,
    /MalformedBytes|verify|=>\s*$|^\s*[a-zA-Z]+Ms\w*: /,
  ]
    .map(({ source }) => source)
    .join("|"),
);
/** A whole statement in one line: a call or an assignment, no declaration. */
const statement = new RegExp(
  /^\s+(?!return\b|const\b|let\b|readonly\b|export\b|throw\b|super\b)/.source +
    /[\w.#!?[\]]+(\(.*\)| [-+|^&]?= .*|\+\+|--);$/.source,
);
const condition = /^(\s*(?:\} else )?if \()(.+)(\)(?: \{| return.*;| continue;| break;)?)$/;

/** Every mutant of a source. */
export function mutantsOf(file: string, source: string): Mutant[] {
  const found: Mutant[] = [];
  let inCheck = false;
  source.split("\n").forEach((before, index) => {
    if (/^ {2}verify\w*\(.*\{$/.test(before)) inCheck = true;
    if (before === "  }") inCheck = false;
    if (inCheck || skipped.test(before)) return;
    const add = (after: string): void => {
      if (after !== before) found.push({ file, line: index + 1, before, after });
    };
    for (const [text, other] of swaps)
      for (let at = before.indexOf(text); at >= 0; at = before.indexOf(text, at + text.length))
        if (isCode(before, at)) add(before.slice(0, at) + other + before.slice(at + text.length));
    const [, head, , tail] = condition.exec(before) ?? [];
    if (head !== undefined) for (const fixed of ["true", "false"]) add(head + fixed + tail);
    if (statement.test(before)) add("");
  });
  return found;
}

/** Whether a place is outside of strings and of a comment at the end of the line. */
function isCode(line: string, at: number): boolean {
  const head = line.slice(0, at);
  const quotes = (head.match(/["`']/g) ?? []).length;
  return quotes % 2 === 0 && !head.includes("// ");
}

/** All mutants of the folders, in the order of their files. */
export function allMutants(project = projectFolder): Mutant[] {
  return folders.flatMap((folder) =>
    readdirSync(join(project, "src", folder))
      .filter((name) => name.endsWith(".ts") && name !== "timing.ts" && name !== "counters.ts")
      .sort()
      .flatMap((name) => {
        const file = `src/${folder}/${name}`;
        return mutantsOf(file, readFileSync(join(project, file), "utf8"));
      }),
  );
}

interface Outcome {
  readonly isCaught: boolean;
  readonly isBroken: boolean;
  readonly detail: string;
}

/** Test files that are run together, and how long they take when nothing is wrong. */
export interface Stage {
  readonly files: readonly string[];
  readonly ms: number;
}

/** A folder's stages, by what its test files took unchanged: in each the quick ones first. */
export function stagesOf(
  suites: readonly (readonly string[])[],
  msOf: ReadonlyMap<string, number>,
): Stage[] {
  const stage = (files: string[]): Stage => ({
    files,
    ms: files.reduce((sum, file) => sum + msOf.get(file)!, 0),
  });
  return suites
    .flatMap((prefixes) => {
      const files = [...msOf.keys()].filter((file) => prefixes.some((p) => file.startsWith(p)));
      const isQuick = (file: string): boolean => msOf.get(file)! <= quickMsMax;
      return [stage(files.filter(isQuick)), stage(files.filter((file) => !isQuick(file)))];
    })
    .filter(({ files }) => files.length > 0);
}

/**
 * Runs every suite that the mutants will be given on the unchanged sources: a test that fails there
 * proves nothing about a mutant. @returns the milliseconds of each test file
 */
async function runUnchanged(
  folder: string,
  wanted: ReadonlySet<string>,
  workers: number,
): Promise<Stages> {
  const suites = new Set([...wanted].flatMap((name) => suitesOf[name]!.flat()));
  const { report, output } = await runVitest([...suites], folder, unchangedMsMax, workers);
  const { testResults } = JSON.parse(report ?? '{"testResults":[]}') as VitestReport;
  const objection = await compile(folder);
  if (objection !== undefined) throw new Error(`no code without a mutant: ${objection.detail}`);
  const failed = testResults.filter(({ status }) => status !== "passed");
  if (failed.length > 0 || testResults.length === 0)
    throw new Error(
      `fails without a mutant: ${failed.map(({ name }) => name).join(", ")}${output}`,
    );
  const msOf = new Map(
    testResults.map(({ name, startTime, endTime }) => [
      relative(realpathSync(folder), name),
      endTime - startTime,
    ]),
  );
  return new Map([...wanted].map((name) => [name, stagesOf(suitesOf[name]!, msOf)]));
}

type Stages = ReadonlyMap<string, readonly Stage[]>;

/** How a change that does not parse shows; a suite that breaks of anything else has noticed it. */
const notCode =
  /the patch is broken|no report|the suite broke: (Transform|Parse|Private f|Unexpected|Invalid)/;

const folderOf = ({ file }: Mutant): string => file.split("/")[1]!;

async function tryMutant(mutant: Mutant, folder: string, stages: Stages): Promise<Outcome> {
  const path = join(folder, mutant.file);
  const source = readFileSync(path, "utf8");
  const lines = source.split("\n");
  lines[mutant.line - 1] = mutant.after;
  writeFileSync(path, lines.join("\n"));
  try {
    let detail = "";
    for (const stage of stages.get(folderOf(mutant))!) {
      const outcome = await runStage(stage, folder);
      if (outcome.isCaught || outcome.isBroken) return outcome;
      detail = outcome.detail;
    }
    const objection = await compile(folder);
    return objection ?? { isCaught: false, isBroken: false, detail };
  } finally {
    writeFileSync(path, source);
  }
}

/** What the tests let pass is given to the compiler, which every build asks first. */
async function compile(folder: string): Promise<Outcome | undefined> {
  const compiler = join(projectFolder, "node_modules", "typescript", "bin", "tsc");
  const options = { cwd: folder, passOn: false, timeoutMs: unchangedMsMax };
  const { code, output } = await runNode([compiler, "--noEmit", "-p", folder], options);
  if (code === 0) return undefined;
  return { isCaught: true, isBroken: false, detail: `the compiler: ${output.split("\n")[0]}` };
}

async function runStage({ files, ms }: Stage, folder: string): Promise<Outcome> {
  const limitMs = slackMs + slackFactor * ms;
  const { report, output, timedOut } = await runVitest(files, folder, limitMs);
  // A loop that never ends is noticed by everybody.
  if (timedOut) return { isCaught: true, isBroken: false, detail: `it hangs: ${files[0]} ...` };
  const { isCaught, detail } = judge(report, output);
  const isBroken = !isCaught && notCode.test(detail);
  return { isCaught: isCaught || (!isBroken && /the suite broke/.test(detail)), isBroken, detail };
}

interface VitestRun {
  readonly report: string | undefined;
  readonly output: string;
  readonly timedOut: boolean;
}

/** As in CI, where seeds are fixed: one draw, one answer. */
async function runVitest(
  suites: readonly string[],
  folder: string,
  timeoutMs: number,
  workers = 1,
): Promise<VitestRun> {
  const reportPath = join(folder, "report.json");
  rmSync(reportPath, { force: true });
  const args = [
    vitestProgram,
    "run",
    ...suites,
    "--bail=1",
    "--retry=0",
    `--maxWorkers=${workers}`,
  ];
  const { output, timedOut } = await runNode(
    [...args, "--reporter=json", `--outputFile=${reportPath}`],
    { cwd: folder, timeoutMs, passOn: false, env: { CI: "true" } },
  );
  const report = existsSync(reportPath) ? readFileSync(reportPath, "utf8") : undefined;
  return { report, output, timedOut };
}

const titleOf = ({ file, line, before, after }: Mutant): string =>
  `${file}:${line}  ${before.trim()}  ->  ${after === "" ? "(nothing)" : after.trim()}`;

interface Options {
  readonly count: number;
  readonly seed?: number;
  readonly skip: number;
  readonly only?: string;
  readonly workers: number;
}

/** Tries mutants in their order, each worker in a copy of its own. @returns those that survived */
async function tryAll(
  drawn: readonly Mutant[],
  wanted: number,
  workers: number,
): Promise<{ tried: number; survivors: Mutant[] }> {
  const names = new Set(drawn.slice(0, wanted).map(folderOf));
  const queue = drawn.filter((mutant) => names.has(folderOf(mutant)));
  const survivors: Mutant[] = [];
  let tried = 0;
  let begun = 0;
  let underWay = 0;
  const work = async (folder: string, stages: Stages): Promise<void> => {
    while (tried + underWay < wanted && begun < queue.length) {
      const mutant = queue[begun++]!;
      underWay++;
      const { isCaught, isBroken, detail } = await tryMutant(mutant, folder, stages);
      underWay--;
      if (!isBroken) tried++;
      if (!isBroken && !isCaught) survivors.push(mutant);
      // One that does not parse or load does not count: another one is drawn.
      const verdict = isBroken ? "no code " : isCaught ? "caught  " : "SURVIVED";
      console.log(`${verdict} ${titleOf(mutant)}\n           ${detail}`);
    }
  };
  const copies = Array.from({ length: workers }, () => copyProject(projectFolder));
  try {
    const stages = await runUnchanged(copies[0]!, names, workers);
    await Promise.all(copies.map((folder) => work(folder, stages)));
  } finally {
    for (const folder of copies) rmSync(folder, { recursive: true, force: true });
  }
  return { tried, survivors };
}

async function main(): Promise<void> {
  const options = new Command("mutants")
    .description(
      "Changes lattices, replication and consensus by seed; each time a suite must fail.",
    )
    .option("--count <count>", "mutants to try", integer(1), 60)
    .option("--seed <seed>", "of the draw (default: drawn)", count)
    .option("--skip <count>", "leave out so many of the draw, the first ones", count, 0)
    .option("--only <file:line>", "the mutants of one line")
    .option("--workers <count>", "mutants at a time", integer(1), 2)
    .parse()
    .opts<Options>();
  const seed = options.seed ?? Math.floor(performance.timeOrigin) % 1_000_000;
  const all = allMutants();
  const drawn =
    options.only === undefined
      ? new Prng(seed).shuffle([...all]).slice(options.skip)
      : all.filter(({ file, line }) => `${file}:${line}` === options.only);
  const wanted = Math.min(options.count, drawn.length);
  console.log(`${wanted} of ${all.length} mutants, drawn by --seed ${seed}`);
  const { tried, survivors } = await tryAll(drawn, wanted, options.workers);
  console.log(`${tried - survivors.length} of ${tried} caught`);
  if (survivors.length > tried * 0.1) process.exitCode = 1;
}

if (isMain(import.meta.url)) await main();
