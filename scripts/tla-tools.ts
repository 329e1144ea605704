// TLC as a program: where its jar and Java are, one run of it in a folder, and what it said.
//
// The jar is the one that TLA2TOOLS_JAR names, or the pinned official release, which is downloaded
// once into the user's cache and checked against its hash. Nothing else of it is used, so any
// release from 1.7.4 on will do.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { type ChildOutcome, runProgram } from "./project.js";

const pinnedVersion = "1.7.4";
const pinnedUrl = `https://github.com/tlaplus/tlaplus/releases/download/v${pinnedVersion}/tla2tools.jar`;
const pinnedSha256 = "936a262061c914694dfd669a543be24573c45d5aa0ff20a8b96b23d01e050e88";
const downloadMsMax = 60_000;

/** Java and the jar, or one line that says what is missing. */
export type Tools =
  | { readonly kind: "found"; readonly java: string; readonly jar: string }
  | { readonly kind: "missing"; readonly reason: string };

/** @param mayDownload false: only what is on this machine already. */
export async function findTools(mayDownload: boolean): Promise<Tools> {
  const java = process.env.JAVA_HOME ? join(process.env.JAVA_HOME, "bin", "java") : "java";
  if (!(await runs(java))) return { kind: "missing", reason: "there is no Java 11 or newer here" };
  const named = process.env.TLA2TOOLS_JAR;
  if (named) {
    if (existsSync(named)) return { kind: "found", java, jar: named };
    return { kind: "missing", reason: `TLA2TOOLS_JAR names no file: ${named}` };
  }
  const cached = join(cacheFolder(), `tla2tools-${pinnedVersion}.jar`);
  if (existsSync(cached)) return { kind: "found", java, jar: cached };
  if (!mayDownload) return { kind: "missing", reason: "TLA2TOOLS_JAR not set" };
  const problem = await download(cached);
  return problem === undefined
    ? { kind: "found", java, jar: cached }
    : { kind: "missing", reason: `${problem}; set TLA2TOOLS_JAR to a tla2tools.jar` };
}

const cacheFolder = (): string =>
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "skerry");

async function runs(java: string): Promise<boolean> {
  try {
    const { code } = await runProgram(java, ["-version"], { cwd: ".", passOn: false });
    return code === 0;
  } catch {
    return false;
  }
}

/** @returns what went wrong. */
async function download(path: string): Promise<string | undefined> {
  try {
    const response = await fetch(pinnedUrl, { signal: AbortSignal.timeout(downloadMsMax) });
    if (!response.ok) return `${pinnedUrl} answered ${response.status}`;
    const bytes = Buffer.from(await response.arrayBuffer());
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    if (sha256 !== pinnedSha256) return `${pinnedUrl} has another hash than the pinned one`;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.part`, bytes);
    renameSync(`${path}.part`, path);
    return undefined;
  } catch (error) {
    return `${pinnedUrl} cannot be had (${error instanceof Error ? error.message : String(error)})`;
  }
}

/** `holds`, or what was broken: an invariant's name, "action property", "temporal property" ... */
export interface Verdict {
  readonly verdict: string;
  /** Distinct states. */
  readonly states: number;
  /** Of the whole graph, or, when something was broken, the states of the shortest way there. */
  readonly depth: number;
  /** Of every action that the run reports: how often it was taken. */
  readonly actions: ReadonlyMap<string, number>;
  /** Situations that were met, and in how many states. */
  readonly reached: ReadonlyMap<string, number>;
  readonly output: string;
}

export interface TlcRun {
  readonly folder: string;
  readonly module: string;
  readonly config: string;
  readonly timeoutMs: number;
  readonly heapMb: number;
  /** It will end soon: compiling what it runs would take longer. */
  readonly isShort: boolean;
}

/** Runs TLC on one core, breadth first: counts and counterexamples are the same each time. */
export async function runTlc(
  tools: { readonly java: string; readonly jar: string },
  run: TlcRun,
): Promise<Verdict> {
  const outcome = await runProgram(
    tools.java,
    [
      "-XX:+UseSerialGC",
      ...(run.isShort ? ["-XX:TieredStopAtLevel=1"] : []),
      `-Xmx${run.heapMb}m`,
      "-cp",
      tools.jar,
      "tlc2.TLC",
      ...["-workers", "1", "-fp", "1", "-seed", "1"],
      ...(run.isShort ? [] : ["-coverage", "1"]),
      ...["-metadir", join(run.folder, "states"), "-config", run.config, run.module],
    ],
    { cwd: run.folder, timeoutMs: run.timeoutMs, passOn: false },
  );
  return readVerdict(outcome, run.folder);
}

/** Parses modules without checking them. @returns SANY's complaints, or undefined. */
export async function runSany(
  tools: { readonly java: string; readonly jar: string },
  folder: string,
  modules: readonly string[],
): Promise<string | undefined> {
  const { code, output } = await runProgram(
    tools.java,
    ["-XX:+UseSerialGC", "-cp", tools.jar, "tla2sany.SANY", ...modules],
    { cwd: folder, timeoutMs: 120_000, passOn: false },
  );
  const isClean = code === 0 && !/\*\*\* Errors|Fatal errors|Could not|^Abort/m.test(output);
  return isClean ? undefined : output;
}

/** Reads TLC's report. Exported for tests. */
export function readVerdict(
  outcome: Pick<ChildOutcome, "output" | "timedOut">,
  folder: string,
): Verdict {
  const { output } = outcome;
  const numberIn = (pattern: RegExp): number => {
    const found = [...output.matchAll(pattern)].at(-1)?.[1];
    return found === undefined ? 0 : Number(found.replaceAll(",", ""));
  };
  const verdict = outcome.timedOut ? "out of time" : verdictIn(output);
  const steps = numberIn(/^State (\d+):/gm);
  const isLoop = /^(?:Back to state|State \d+: Stuttering)/m.test(output);
  return {
    verdict,
    states: numberIn(/([\d,]+) distinct states found, /g),
    depth:
      verdict === "holds"
        ? numberIn(/depth of the complete state graph search is (\d+)/g)
        : steps - (isLoop && /Stuttering/.test(output) ? 1 : 0),
    actions: actionsIn(output, folder),
    reached: new Map(
      [...output.matchAll(/^<<"reached", "(\w+)", (\d+)>>/gm)].map((m) => [m[1]!, Number(m[2])]),
    ),
    output,
  };
}

function verdictIn(output: string): string {
  if (/^Model checking completed\. No error has been found/m.test(output)) return "holds";
  const invariant = /^Error: Invariant (\w+) is violated/m.exec(output);
  if (invariant) return invariant[1]!;
  if (/^Error: Action property .* is violated/m.test(output)) return "action property";
  // 1.7.4 says "properties were", later releases name the one.
  if (/^Error: Temporal propert(?:ies were|y \w+ was) violated/m.test(output))
    return "temporal property";
  if (/^Error: Deadlock reached/m.test(output)) return "deadlock";
  if (/^Error: Property .* is violated by the initial state/m.test(output)) return "initial state";
  return "did not run";
}

/**
 * How often each action was taken. TLC names an action, or, for one below a quantifier over a
 * variable's value, only the place where it stands: then the text there says which it is.
 */
function actionsIn(output: string, folder: string): Map<string, number> {
  const actions = new Map<string, number>();
  const line = /^<(\w+) line .*? of module (\w+)(?: \((\d+) (\d+) (\d+) (\d+)\))?>: (\d+):(\d+)/gm;
  // Only the last report counts; TLC prints one a minute.
  const last = output.slice(Math.max(0, output.lastIndexOf("The coverage statistics at")));
  for (const [, name, module, fromLine, fromColumn, , , , taken] of last.matchAll(line)) {
    const isPlace = fromLine !== undefined && (name === "Next" || name === "MCNext");
    const names = isPlace
      ? namesAt(folder, module!, Number(fromLine), Number(fromColumn))
      : [name!];
    for (const action of names) actions.set(action, (actions.get(action) ?? 0) + Number(taken));
  }
  return actions;
}

function namesAt(folder: string, module: string, line: number, column: number): string[] {
  const text = readFileSync(join(folder, `${module}.tla`), "utf8").split("\n")[line - 1] ?? "";
  return /(?<=[:(]\s*)[A-Z]\w+(?=\()|^[A-Z]\w+/.exec(text.slice(column - 1))?.slice(0, 1) ?? [];
}
