// A server under test as a child process: how Skerry and redis-server are started, pinned, measured
// and ended. Every script and test that compares the two goes through this file, so both are always
// treated alike. A server is ended by its own process id, never by name.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { projectFolder } from "../project.js";

export type ServerKind = "skerry" | "redis" | "floor";

/** The compiled entry point of the node; tests may point it at a build of their own. */
export let skerryEntry = join(projectFolder, "dist/src/bin/skerry.js");

export function useSkerryEntry(path: string): void {
  skerryEntry = path;
}

/**
 * The no-operation responder of the benchmark (see bench-floor.ts), beside this file when compiled.
 */
const floorEntry = join(import.meta.dirname, "../bench-floor.js");

export const redisServerBin = process.env.REDIS_SERVER_BIN ?? "redis-server";
export const redisBenchmarkBin = process.env.REDIS_BENCHMARK_BIN ?? "redis-benchmark";
export const redisCliBin = process.env.REDIS_CLI_BIN ?? "redis-cli";

/**
 * What the command line of each kind is for a port. Redis runs without any persistence, like a
 * fresh Skerry.
 */
const commandLines: Record<ServerKind, (port: number, debug: boolean) => string[]> = {
  skerry: (port, debug) => [
    process.execPath,
    skerryEntry,
    "serve",
    "--port",
    String(port),
    ...(debug ? ["--enable-debug-command", "yes"] : []),
  ],
  redis: (port, debug) => [
    ...[redisServerBin, "--port", String(port), "--bind", "127.0.0.1"],
    ...["--save", "", "--appendonly", "no"],
    ...(debug
      ? ["--enable-debug-command", "yes", "--enable-protected-configs", "yes"].concat(
          ...["--enable-module-command", "yes"],
        )
      : []),
  ],
  floor: (port) => [process.execPath, floorEntry, String(port)],
};

const startTimeoutMs = 30_000;
const stopTimeoutMs = 10_000;
const outputBytesMax = 64 * 1024;

/** A port nobody listens on at the moment of asking. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}

/** Why servers of this kind cannot be started here, or null when they can. */
export function whyUnavailable(kind: ServerKind): string | null {
  if (kind === "skerry")
    return existsSync(skerryEntry) ? null : `${skerryEntry} does not exist: run npm run build`;
  if (kind !== "redis") return null;
  return versionOf(redisServerBin) === null ? `${redisServerBin} is not installed` : null;
}

/** First line of `bin --version`, or null when it cannot be run. */
export function versionOf(bin: string): string | null {
  try {
    return execFileSync(bin, ["--version"], { encoding: "utf8", stdio: "pipe" }).split("\n")[0]!;
  } catch {
    return null;
  }
}

export interface StartOptions {
  readonly core?: number | null;
  readonly debug?: boolean;
  readonly cwd?: string;
  /** Further arguments of the server. */
  readonly args?: readonly string[];
  /** How long it may take until it answers. */
  readonly timeoutMs?: number;
}

export class ServerProcess {
  readonly kind: ServerKind;
  readonly port: number;
  readonly child: ChildProcess;
  /** The last output of the process, for error messages; bounded. */
  output = "";
  exited = false;

  private constructor(kind: ServerKind, port: number, child: ChildProcess) {
    this.kind = kind;
    this.port = port;
    this.child = child;
    const keep = (chunk: Buffer): void => {
      this.output = (this.output + chunk.toString("latin1")).slice(-outputBytesMax);
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    child.once("exit", () => {
      this.exited = true;
    });
  }

  /** Starts a server on a free port and waits until it answers PING. */
  static async start(kind: ServerKind, options: StartOptions = {}): Promise<ServerProcess> {
    const port = await freePort();
    let argv = [...commandLines[kind](port, options.debug ?? false), ...(options.args ?? [])];
    // taskset replaces itself by the command, so the process id stays that of the server.
    if (options.core !== undefined && options.core !== null)
      argv = ["taskset", "-c", String(options.core), ...argv];
    const child = spawn(argv[0]!, argv.slice(1), {
      cwd: options.cwd ?? projectFolder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let failure: Error | null = null;
    child.once("error", (error) => {
      failure = error;
    });
    const server = new ServerProcess(kind, port, child);
    endWithThisProcess(child);
    const deadline = Date.now() + (options.timeoutMs ?? startTimeoutMs);
    while (!(await answersPing(port))) {
      if (failure !== null) throw failure;
      if (server.exited || Date.now() > deadline) {
        await server.stop();
        throw new Error(`${argv.join(" ")} did not start:\n${server.output}`);
      }
      await sleep(30);
    }
    return server;
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** User and system time of all threads so far, in nanoseconds. */
  cpuNs(): number {
    return cpuNsOf(this.pid);
  }

  residentBytes(): number {
    return this.#memory("VmRSS");
  }

  /** The most that it was resident with so far. */
  peakBytes(): number {
    return this.#memory("VmHWM");
  }

  #memory(field: string): number {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) * 1024;
  }

  async stop(): Promise<void> {
    if (this.exited || this.child.pid === undefined) return;
    const ended = new Promise<void>((resolve) => this.child.once("exit", () => resolve()));
    this.child.kill("SIGTERM");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), stopTimeoutMs);
    await ended;
    clearTimeout(timer);
  }
}

/**
 * Nanoseconds of processor time of a process. The scheduler's own account is exact;
 * `/proc/PID/stat` counts ticks of 10 ms and is the fallback where the kernel keeps no such
 * account.
 */
export function cpuNsOf(pid: number): number {
  try {
    let total = 0;
    for (const task of readdirSync(`/proc/${pid}/task`))
      total += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]);
    if (total > 0) return total;
  } catch {
    // Fall through to the ticks.
  }
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000_000;
}

/**
 * A server that can be started again after a crash, on a new port; what a search over crashes
 * needs.
 */
export class RevivableServer {
  current: ServerProcess;
  readonly #options: StartOptions;

  private constructor(first: ServerProcess, options: StartOptions) {
    this.current = first;
    this.#options = options;
  }

  static async start(kind: ServerKind, options: StartOptions = {}): Promise<RevivableServer> {
    return new RevivableServer(await ServerProcess.start(kind, options), options);
  }

  async restart(): Promise<number> {
    await this.current.stop();
    this.current = await ServerProcess.start(this.current.kind, this.#options);
    return this.current.port;
  }

  lastWords(): string {
    return this.current.output.slice(-2_000);
  }
}

export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/** Whether a server on this machine answers PING. */
export function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const finish = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1000, () => finish(false));
    socket.once("error", () => finish(false));
    // It may end in the middle of it.
    socket.once("close", () => finish(false));
    socket.once("connect", () => socket.write("*1\r\n$4\r\nPING\r\n"));
    socket.once("data", (reply) => finish(reply[0] === 0x2b));
  });
}

const living = new Set<ChildProcess>();
const endAll = (): void => {
  for (const each of living) each.kill("SIGKILL");
};
process.once("exit", endAll);
let areSignalsHooked = false;

/** A script that dies must not leave servers behind. */
export function endAtExit(child: ChildProcess): void {
  living.add(child);
  child.once("exit", () => living.delete(child));
}

/** The same for a script that is told to end and has no way of its own to do so. */
function endWithThisProcess(child: ChildProcess): void {
  endAtExit(child);
  if (areSignalsHooked) return;
  areSignalsHooked = true;
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => {
      endAll();
      process.exit(130);
    });
}
