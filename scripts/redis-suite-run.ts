// Runs one unit of the Tcl suite against one fresh server and returns what its log says. In
// external mode we start the server; in spawn mode the suite does, through a launcher of ours that
// stands where it expects `src/redis-server`. A unit that does not end in its time is ended as a
// process group and reported as hung.

import { spawn } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import {
  redisBenchmarkBin,
  redisCliBin,
  redisServerBin,
  type ServerKind,
  ServerProcess,
  skerryEntry,
} from "./lib/server-process.js";
import { cacheFolder } from "./project.js";
import { parseSuiteLog, type UnitLog } from "./redis-suite-log.js";
import { type Profile, unitSecondsMax } from "./redis-suite-profiles.js";
import type { Skip } from "./redis-suite-skips.js";

export interface UnitRun {
  readonly suiteFolder: string;
  readonly unit: string;
  readonly profile: Profile;
  readonly against: ServerKind;
  readonly only: readonly string[];
  readonly skips: readonly Skip[];
}

/**
 * How the suite's `src/redis-server FILE args...` starts us; `exec` keeps the process id the suite
 * saw.
 */
const launcherOf = (kind: ServerKind): string =>
  kind === "skerry"
    ? `exec ${process.execPath} ${skerryEntry} serve --redis-conf "$@"`
    : `exec ${redisServerBin} "$@"`;

const logBytesMax = 64 * 1024 * 1024;

export async function runUnit(run: UnitRun): Promise<UnitLog> {
  const { mode, debug } = run.profile;
  const data = mkdtempSync(join(cacheFolder("redis-suite"), "data-"));
  // Some tests turn the log on, which ours can only have from its start.
  const args = debug && run.against === "skerry" ? ["--data-dir", data] : [];
  const server = mode === "spawn" ? null : await ServerProcess.start(run.against, { debug, args });
  try {
    const folder = workFolder(run);
    const skipFile = join(cacheFolder("redis-suite"), `skip-${process.pid}.txt`);
    writeFileSync(skipFile, run.skips.map((skip) => `${skip.name}\n`).join(""));
    const flags = (basePort: number): string[] => [
      ...(server === null ? [] : ["--host", "127.0.0.1", "--port", String(server.port)]),
      ...["--baseport", String(basePort), "--dont-clean", "--timeout", "60"],
      ...[...run.profile.flags, "--skipfile", skipFile, "--tags", run.profile.tags],
      ...run.only.flatMap((name) => ["--only", name]),
      ...["--single", run.unit],
    ];
    const { text, hung } = await runTclOnFreePorts(folder, flags, unitSecondsMax(run.unit));
    const logName = `${run.against}-${run.unit.replaceAll("/", "-")}.log`;
    writeFileSync(join(cacheFolder("redis-suite"), logName), text);
    return parseSuiteLog(run.unit, text, hung);
  } finally {
    await server?.stop();
    rmSync(data, { recursive: true, force: true });
  }
}

/** The suite writes beside its files, so each process gets its own copy. */
function workFolder(run: UnitRun): string {
  const folder = join(cacheFolder("redis-suite"), `work-${process.pid}`);
  if (!existsSync(folder)) {
    cpSync(join(run.suiteFolder, "tests"), join(folder, "tests"), { recursive: true });
    mkdirSync(join(folder, "tests", "tmp"), { recursive: true });
    mkdirSync(join(folder, "src"), { recursive: true });
    process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
    const programs: [string, string][] = [
      ["redis-server", launcherOf(run.against)],
      ["redis-cli", `exec ${redisCliBin} "$@"`],
      ["redis-benchmark", `exec ${redisBenchmarkBin} "$@"`],
    ];
    for (const [name, line] of programs) {
      writeFileSync(join(folder, "src", name), `#!/bin/sh\n${line}\n`);
      chmodSync(join(folder, "src", name), 0o755);
    }
  }
  return folder;
}

let runs = 0;
const portTriesMax = 4;

/**
 * The suite looks for its control port below a base port; two runs, at once or in a row, must not
 * meet.
 */
async function runTclOnFreePorts(
  folder: string,
  flags: (basePort: number) => string[],
  secondsMax: number,
): Promise<{ text: string; hung: boolean }> {
  for (let tries = 1; ; tries++) {
    const basePort = 20_000 + (((process.pid % 97) * 131 + runs++ * 64) % 12_000);
    const result = await runTcl(folder, flags(basePort), secondsMax);
    const isTaken = result.text.includes("couldn't open socket: address already in use");
    if (!isTaken || tries === portTriesMax) return result;
  }
}

function runTcl(
  folder: string,
  flags: readonly string[],
  secondsMax: number,
): Promise<{ text: string; hung: boolean }> {
  return new Promise((resolve, reject) => {
    const child = spawn("tclsh", ["tests/test_helper.tcl", ...flags], {
      ...{ cwd: folder, detached: true, stdio: ["ignore", "pipe", "pipe"] },
      env: { ...process.env, TERM: "dumb" },
    });
    let text = "";
    let hung = false;
    const keep = (chunk: Buffer): void => {
      if (text.length < logBytesMax) text += chunk.toString("latin1");
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    const timer = setTimeout(() => {
      hung = true;
      endGroup(child.pid!);
    }, secondsMax * 1000);
    child.once("error", reject);
    child.once("close", () => {
      clearTimeout(timer);
      // Servers that a broken test in spawn mode left behind belong to the same group.
      endGroup(child.pid!);
      resolve({ text, hung });
    });
  });
}

function endGroup(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // Already gone.
  }
}
