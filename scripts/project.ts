// The checkout as seen by the scripts, which run from scripts/ under vitest and from dist/scripts/
// otherwise: its folder, its vitest, children that can be ended together with everything they
// started, and what a judge does when something it needs is missing.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The folder of package.json. */
export const projectFolder = findProjectFolder();

/** The program that `node` runs as vitest. */
export const vitestProgram = join(projectFolder, "node_modules", "vitest", "vitest.mjs");

function findProjectFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return folder;
}

/** A folder under `.cache/` (git-ignored), created when absent. */
export function cacheFolder(...parts: string[]): string {
  const folder = join(projectFolder, ".cache", ...parts);
  mkdirSync(folder, { recursive: true });
  return folder;
}

const alarmTickMs = 1000;

export const isCi = process.env.CI === "true";

/**
 * Ends the script because something it needs is missing. On a developer's machine that is a named
 * skip; in CI it is a failure, so that a judge can never fall silent unnoticed.
 */
export function skipOrFail(reason: string): never {
  console.log(`SKIPPED: ${reason}`);
  process.exit(isCi ? 2 : 0);
}

/** Whether a module is the program rather than imported by a test. */
export const isMain = (moduleUrl: string): boolean =>
  process.argv[1] !== undefined && moduleUrl === pathToFileURL(process.argv[1]).href;

export interface ChildOutcome {
  /** Exit code; undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly timedOut: boolean;
  /** Both streams in the order they came; empty when they were passed on. */
  readonly output: string;
  readonly ms: number;
}

export interface ChildOptions {
  readonly cwd: string;
  /**
   * The child and its children are killed after this; while this process is stopped, no time goes
   * by. Undefined: never.
   */
  readonly timeoutMs?: number;
  /** True: the streams of this process. False: collected. */
  readonly passOn: boolean;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Runs `node` with arguments. Ctrl-C and termination reach the child too. */
export const runNode = (args: readonly string[], options: ChildOptions): Promise<ChildOutcome> =>
  runProgram(process.execPath, args, options);

/** Runs any program; rejects if there is none of that name. */
export function runProgram(
  program: string,
  args: readonly string[],
  options: ChildOptions,
): Promise<ChildOutcome> {
  const startedAt = performance.now();
  const streams = options.passOn ? "inherit" : "pipe";
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", streams, streams],
    detached: true, // Its own group, so that its workers end with it.
  });
  const chunks: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => chunks.push(chunk));
  let timedOut = false;
  const stopAlarm = setAlarm(options.timeoutMs, () => {
    timedOut = true;
    killGroup(child);
  });
  const forget = endWithUs(child);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      stopAlarm();
      forget();
      const output = Buffer.concat(chunks).toString();
      resolve({ code: code ?? undefined, timedOut, output, ms: performance.now() - startedAt });
    });
  });
}

/** Counts ticks rather than the time: who is stopped meanwhile must not kill when it goes on. */
function setAlarm(timeoutMs: number | undefined, onAlarm: () => void): () => void {
  if (timeoutMs === undefined) return () => {};
  const tickMs = Math.min(timeoutMs, alarmTickMs);
  let leftMs = timeoutMs;
  const ticker = setInterval(() => {
    leftMs -= tickMs;
    if (leftMs > 0) return;
    clearInterval(ticker);
    onAlarm();
  }, tickMs);
  return () => clearInterval(ticker);
}

/** Ends the child's group when this process is asked to end. @returns takes the listeners away. */
function endWithUs(child: ChildProcess): () => void {
  const onExit = (): void => killGroup(child);
  const onInterrupt = (): never => process.exit(130);
  const onTerminate = (): never => process.exit(143);
  process.once("exit", onExit).once("SIGINT", onInterrupt).once("SIGTERM", onTerminate);
  return () => {
    process.off("exit", onExit).off("SIGINT", onInterrupt).off("SIGTERM", onTerminate);
  };
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // The group has ended already.
  }
}

/** What the scripts read of vitest's JSON report. */
export interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly startTime: number;
    readonly endTime: number;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[] | null;
    }[];
  }[];
}
