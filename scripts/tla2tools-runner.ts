// `npm run tla [SPEC ...]`: has TLC check the specifications of specs/ and compares what it says
// with specs/manifest.json: verdict, distinct states and depth of every model; every action taken;
// every situation reached; every broken spec rejected, in as many steps as expected; and every
// trace of the simulator accepted.
//
// Usage: node scripts/run.mjs tla [SPEC ...] [--only NAME] [--jobs N] [--traces N] [--update]
//  --only    only the model, situation or broken spec of that name
//  --jobs    runs at a time (default: one per core, at most two)
//  --traces  how many runs of the simulator are replayed (default 50)
//  --update  writes measured states and depths to the manifest; verdicts must still be right
// Exit code 0: all as expected; 1: something is not; 3: no Java or no jar, nothing was checked.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { count, integer } from "../src/bin/option-values.js";
import { isMain } from "./project.js";
import {
  breakSpec,
  codeLinksOf,
  type Manifest,
  readManifest,
  readSpecFiles,
  runModule,
  watchingConfig,
  watchingModule,
  writeManifest,
} from "./tla-manifest.js";
import { findTools, runSany, runTlc, type Verdict } from "./tla-tools.js";
import { type Recording, recordRun, traceFiles } from "./tla-traces.js";

const runMsMax = 300_000;
const heapMb = 1500;

/** One run of TLC and what is expected of it. */
interface Check {
  readonly spec: string;
  readonly kind: "model" | "broken" | "traces";
  readonly name: string;
  readonly module: string;
  readonly config: string;
  /** Files that differ from those of specs/. */
  readonly changed: ReadonlyMap<string, string>;
  readonly verdict: string;
  /** The manifest's record, where measured numbers are kept. */
  readonly expected: { states?: number; depth?: number };
  /** Situations that the model must meet, by name. */
  readonly reached: readonly string[];
}

interface Finished {
  readonly check: Check;
  readonly result: Verdict;
  readonly ms: number;
  readonly problems: string[];
}

type Files = ReadonlyMap<string, string>;

/** Every check of the manifest, in its order. */
export function checksOf(manifest: Manifest, files: Files): Check[] {
  const checks: Check[] = [];
  for (const [spec, { models, reached, broken }] of Object.entries(manifest)) {
    const configOf = (model: string): string => files.get(`${model}.cfg`)!;
    for (const [name, expected] of Object.entries(models)) {
      const situations = Object.keys(reached).filter((each) => reached[each] === name);
      const run = watchingModule(expected.module, situations);
      checks.push({
        ...{ spec, kind: "model", name, module: runModule, verdict: "holds", expected },
        config: watchingConfig(configOf(name)),
        changed: new Map([[`${runModule}.tla`, run]]),
        reached: situations,
      });
    }
    for (const [name, expected] of Object.entries(broken)) {
      const file = `${expected.file}.tla`;
      const { model, breaks: verdict } = expected;
      checks.push({
        ...{ spec, kind: "broken", name, module: models[model]!.module, verdict, expected },
        config: configOf(model),
        changed: new Map([[file, breakSpec(files.get(file)!, expected)]]),
        reached: [],
      });
    }
  }
  return checks;
}

/** Replays runs of the simulator, all in one run of TLC for each specification. */
export function traceChecksOf(
  manifest: Manifest,
  files: Files,
  runs: readonly Recording[],
): Check[] {
  return Object.entries(manifest).flatMap(([spec, { traces }]) => {
    if (traces === undefined || runs.length === 0) return [];
    const { module } = traces;
    const name = `${module}, ${runs.length} traces`;
    const parts = traceFiles(traces, runs, files.get(`${module}.cfg`)!);
    return [
      { spec, kind: "traces", name, module, ...parts, verdict: "holds", expected: {}, reached: [] },
    ];
  });
}

/** The specs in a folder of their own: TLC writes beside what it reads. */
function withFolder<T>(files: Files, body: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "skerry-tla-"));
  for (const [name, text] of files) writeFileSync(join(folder, name), text);
  return body(folder).finally(() => rmSync(folder, { recursive: true, force: true }));
}

type FoundTools = { readonly java: string; readonly jar: string };

export async function perform(tools: FoundTools, files: Files, check: Check): Promise<Finished> {
  const startedMs = performance.now();
  const result = await withFolder(
    new Map([...files, ...check.changed, ["run.cfg", check.config]]),
    (folder) =>
      runTlc(tools, {
        folder,
        module: check.module,
        config: "run.cfg",
        isShort: check.kind !== "model",
        timeoutMs: runMsMax,
        heapMb,
      }),
  );
  return { check, result, ms: performance.now() - startedMs, problems: judge(check, result) };
}

function judge({ verdict, expected, reached }: Check, result: Verdict): string[] {
  const problems: string[] = [];
  if (result.verdict !== verdict)
    return [`TLC says ${result.verdict}, expected ${verdict}\n${result.output.slice(-4000)}`];
  if (expected.states !== undefined && result.states !== expected.states)
    problems.push(`${result.states} distinct states, expected ${expected.states}`);
  if (expected.depth !== undefined && result.depth !== expected.depth)
    problems.push(`depth ${result.depth}, expected ${expected.depth}`);
  for (const name of reached)
    if (!result.reached.has(name)) problems.push(`${name} holds for ever: nothing reaches it`);
  return problems;
}

/** Actions of a spec that none of its models has taken. */
function idleActions(files: Files, spec: string, finished: readonly Finished[]): string[] {
  const taken = new Set<string>();
  for (const { check, result } of finished)
    if (check.kind === "model" && check.spec === spec)
      for (const [action, count] of result.actions) if (count > 0) taken.add(action);
  const links = codeLinksOf(spec, files.get(`${spec}.tla`)!);
  return [...new Set(links.map(({ action }) => action))].filter((action) => !taken.has(action));
}

function describe({ check, result, ms, problems }: Finished): string {
  const numbers = check.kind === "model" ? `${result.states} states, ` : "";
  const count = check.reached.length;
  const what =
    check.kind === "broken"
      ? `rejected: ${result.verdict}`
      : count > 0
        ? `${check.kind}, ${count} situations`
        : check.kind;
  const verdict = problems.length === 0 ? "ok  " : "FAIL";
  const line = `${verdict} ${check.spec.padEnd(22)}${check.name.padEnd(38)}${what.padEnd(28)}`;
  const tail = `${numbers}depth ${result.depth}, ${(ms / 1000).toFixed(1)} s`;
  return [line + tail, ...problems.map((problem) => `     ${problem}`)].join("\n");
}

async function runAll(
  tools: FoundTools,
  files: Files,
  checks: readonly Check[],
  jobs: number,
  onFinished: (one: Finished) => void,
): Promise<Finished[]> {
  const finished: Finished[] = [];
  const queue = [...checks];
  const work = async (): Promise<void> => {
    for (let check = queue.shift(); check !== undefined; check = queue.shift()) {
      if (process.stderr.isTTY)
        process.stderr.write(`\r\x1b[K${finished.length + 1}/${checks.length} ${check.name} ...`);
      const one = await perform(tools, files, check);
      finished.push(one);
      if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
      console.log(describe(one));
      onFinished(one);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return finished;
}

/** A verdict that is wrong is never taken over. */
function update({ check, result }: Finished): void {
  if (result.verdict !== check.verdict || check.kind === "traces") return;
  check.expected.depth = result.depth;
  if (check.kind === "model") check.expected.states = result.states;
}

export interface SpecsOptions {
  /** Empty: all. */
  readonly specs: readonly string[];
  readonly only?: string | undefined;
  readonly jobs: number;
  /** How many runs of the simulator are replayed. */
  readonly traceCount: number;
  readonly update: boolean;
  readonly mayDownload: boolean;
}

/** How many checks were as expected and how many not, or why none was made. */
export type SpecsOutcome =
  | { readonly kind: "checked"; readonly passed: number; readonly failed: number }
  | { readonly kind: "not run"; readonly reason: string };

/** Has TLC check specs; tells each check on the console. */
export async function checkSpecs(options: SpecsOptions): Promise<SpecsOutcome> {
  const tools = await findTools(options.mayDownload);
  if (tools.kind === "missing") return { kind: "not run", reason: tools.reason };
  const manifest = readManifest();
  const files = readSpecFiles();
  const modules = [...files.keys()].filter((name) => name.endsWith(".tla"));
  const complaint = await withFolder(files, (folder) => runSany(tools, folder, modules));
  if (complaint !== undefined) {
    console.log(complaint);
    return { kind: "checked", passed: 0, failed: 1 };
  }
  const checks = [
    ...checksOf(manifest, files),
    ...traceChecksOf(manifest, files, recordRuns(options)),
  ].filter(
    ({ spec, name }) =>
      (options.specs.length === 0 || options.specs.includes(spec)) &&
      (options.only === undefined || options.only === name),
  );
  const finished = await runAll(tools, files, checks, options.jobs, (one) => {
    if (!options.update) return;
    update(one);
    writeManifest(manifest);
  });
  let failed = finished.filter(({ problems }) => problems.length > 0).length;
  const passed = finished.length - failed;
  if (options.only === undefined)
    for (const spec of new Set(checks.map((check) => check.spec)))
      for (const action of idleActions(files, spec, finished)) {
        failed++;
        console.log(`FAIL ${spec.padEnd(22)}action ${action} is never taken`);
      }
  return { kind: "checked", passed, failed };
}

function recordRuns({ traceCount, only }: SpecsOptions): Recording[] {
  if (only !== undefined) return [];
  return Array.from({ length: traceCount }, (_, index) => recordRun(index + 1));
}

/** So many runs of the simulator must be accepted. */
export const defaultTraceCount = 50;
/** Runs of TLC at a time: each takes a core. */
export const defaultJobs = Math.min(2, availableParallelism());

/** Exit code 0, 1 or 3. */
async function main(): Promise<number> {
  const program = new Command("tla")
    .description("Has TLC check the specifications, their broken variants, and recorded traces.")
    .argument("[specs...]", "these alone")
    .option("--only <part>", "checks whose name has this part")
    .option("--jobs <count>", "runs of TLC at a time", integer(1), defaultJobs)
    .option("--traces <count>", "recorded runs per specification", count, defaultTraceCount)
    .option("--update", "write what was measured into the manifest")
    .parse();
  const options = program.opts<{ only?: string; jobs: number; traces: number; update?: true }>();
  const known = Object.keys(readManifest());
  const unknown = program.args.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    console.error(`no such spec: ${unknown.join(" ")}; there are ${known.join(" ")}`);
    return 1;
  }
  const { only, jobs, traces: traceCount, update = false } = options;
  const outcome = await checkSpecs({
    ...{ specs: program.args, only, jobs, traceCount, update },
    mayDownload: true,
  });
  if (outcome.kind === "not run") {
    console.error(`TLC did not run: ${outcome.reason}`);
    return 3;
  }
  const { passed, failed } = outcome;
  console.log(`TLC: ${passed} as expected, ${failed} not`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

if (isMain(import.meta.url)) process.exitCode = await main();
