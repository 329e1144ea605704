// Mutation testing by seed: draws small changes of the code that must not be wrong - an operator
// turned round, a condition fixed, a statement taken away - and demands that some suite fails.
// Planted bugs are mistakes that somebody thought of; mutants are those that nobody did.
//
// Lines are taken for what they look like, which is enough for code in one format: a change that
// does not parse is drawn again. Left out: assertions and what only checks invariants, messages,
// types, and constants of time, where most changes mean nothing.
//
// Usage: npm run mutants -- [--count N] [--seed S] [--skip N] [--only FILE:LINE]

import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { Prng } from "../src/base/prng.js";
import { count, integer } from "../src/bin/option-values.js";
import { copyProject, judge } from "./planted.js";
import { isMain, projectFolder, runNode, vitestProgram } from "./project.js";

export interface Mutant {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly before: string;
  /** Empty: the statement is taken away. */
  readonly after: string;
}

/** Suites by folder, the quick ones first: a mutant is given to one after the other. */
const suitesOf: Readonly<Record<string, readonly (readonly string[])[]>> = {
  lattice: [
    ["test/laws", "test/explore/explore.test.ts"],
    ["test/replicas", "test/keyspace", "test/commands"],
    ["test/replication", "test/sim/campaign.test.ts"],
  ],
  replication: [
    ["test/replication"],
    ["test/sim/campaign.test.ts", "test/sim/scenarios.test.ts"],
    ["test/maelstrom", "test/membership"],
  ],
  consensus: [
    ["test/consensus"],
    ["test/explore/explore.test.ts", "test/node"],
    ["test/sim/campaign.test.ts", "test/sim/scenarios.test.ts"],
  ],
};

const folders = Object.keys(suitesOf);
/** Generous: a busy machine must not make a mutant look caught. */
const timeoutMs = 900_000;

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

async function tryMutant(mutant: Mutant, folder: string): Promise<Outcome> {
  const path = join(folder, mutant.file);
  const source = readFileSync(path, "utf8");
  const lines = source.split("\n");
  lines[mutant.line - 1] = mutant.after;
  writeFileSync(path, lines.join("\n"));
  try {
    let detail = "";
    for (const suites of suitesOf[mutant.file.split("/")[1]!]!) {
      const outcome = await runSuites(suites, folder);
      if (outcome.isCaught || outcome.isBroken) return outcome;
      detail = outcome.detail;
    }
    return { isCaught: false, isBroken: false, detail };
  } finally {
    writeFileSync(path, source);
  }
}

async function runSuites(suites: readonly string[], folder: string): Promise<Outcome> {
  const reportPath = join(folder, "report.json");
  rmSync(reportPath, { force: true });
  const args = [vitestProgram, "run", ...suites, "--bail", "1", "--retry=0", "--reporter=json"];
  const child = await runNode([...args, `--outputFile=${reportPath}`], {
    cwd: folder,
    timeoutMs,
    passOn: false,
  });
  // A loop that never ends is noticed by everybody.
  if (child.timedOut) return { isCaught: true, isBroken: false, detail: "it hangs" };
  let text: string | undefined;
  try {
    text = readFileSync(reportPath, "utf8");
  } catch {
    text = undefined;
  }
  const { isCaught, detail } = judge(text, child.output);
  const isBroken = !isCaught && /the patch is broken|the suite broke|no report/.test(detail);
  return { isCaught, isBroken, detail };
}

const titleOf = ({ file, line, before, after }: Mutant): string =>
  `${file}:${line}  ${before.trim()}  ->  ${after === "" ? "(nothing)" : after.trim()}`;

async function main(): Promise<void> {
  const options = new Command("mutants")
    .description(
      "Changes lattices, replication and consensus by seed; each time a suite must fail.",
    )
    .option("--count <count>", "mutants to try", integer(1), 60)
    .option("--seed <seed>", "of the draw (default: drawn)", count)
    .option("--skip <count>", "leave out so many of the draw, the first ones", count, 0)
    .option("--only <file:line>", "the mutants of one line")
    .parse()
    .opts<{ count: number; seed?: number; skip: number; only?: string }>();
  const seed = options.seed ?? Math.floor(performance.timeOrigin) % 1_000_000;
  const all = allMutants();
  const drawn =
    options.only === undefined
      ? new Prng(seed).shuffle([...all]).slice(options.skip)
      : all.filter(({ file, line }) => `${file}:${line}` === options.only);
  const wanted = Math.min(options.count, drawn.length);
  console.log(`${wanted} of ${all.length} mutants, drawn by --seed ${seed}`);
  const folder = copyProject(projectFolder);
  const survivors: Mutant[] = [];
  let tried = 0;
  try {
    for (const mutant of drawn) {
      if (tried === wanted) break;
      const { isCaught, isBroken, detail } = await tryMutant(mutant, folder);
      if (isBroken) continue; // It does not parse or load: another one is drawn.
      tried++;
      if (!isCaught) survivors.push(mutant);
      console.log(`${isCaught ? "caught  " : "SURVIVED"} ${titleOf(mutant)}\n           ${detail}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`${tried - survivors.length} of ${tried} caught`);
  if (survivors.length > tried * 0.1) process.exitCode = 1;
}

if (isMain(import.meta.url)) await main();
