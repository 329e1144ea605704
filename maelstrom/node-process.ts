// One node: a real process that is given lines on stdin and answers lines on stdout; its stderr
// goes straight into a log file. It leads a process group of its own, so that a launcher's children
// die and pause with it.

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";

export interface NodeProcessOptions {
  readonly id: string;
  readonly bin: string;
  readonly args: readonly string[];
  /** Appended to: a restarted node continues its log. */
  readonly logFile: string;
  /** One line of stdout, without its newline. */
  readonly onLine: (line: string) => void;
  /** The process ended by itself, or could not be started. Not called after `kill`. */
  readonly onCrash: (how: string) => void;
}

/**
 * A longer line without a newline is no protocol any more: the node is killed and counted as
 * crashed.
 */
const LINE_BYTES_MAX = 64 * 1024 * 1024;
/**
 * Bytes waiting for a node that does not read (it may be paused). Beyond, messages to it are
 * dropped.
 */
const BACKLOG_BYTES_MAX = 64 * 1024 * 1024;
const NEWLINE = 10;

export class NodeProcess {
  readonly id: string;
  /** Resolves when it was killed, or ended by itself, or could not be started. */
  readonly ended: Promise<void>;
  #onEnded: () => void = () => {};
  readonly #options: NodeProcessOptions;
  readonly #child: ChildProcess;
  #outbox: string[] = [];
  #unfinished: Buffer[] = [];
  #unfinishedBytes = 0;
  #isOver = false;

  constructor(options: NodeProcessOptions) {
    this.id = options.id;
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#onEnded = resolve;
    });
    const log = openSync(options.logFile, "a");
    // As Maelstrom does: nodes run in the system's temporary folder.
    this.#child = spawn(options.bin, [...options.args], {
      cwd: tmpdir(),
      stdio: ["pipe", "pipe", log],
      detached: true,
    });
    closeSync(log);
    this.#child.stdout!.on("data", (chunk: Buffer) => this.#onData(chunk));
    // A node that died no longer reads; the exit itself tells.
    this.#child.stdin!.on("error", () => {});
    this.#child.on("error", (error) => this.#onEnd(`could not run: ${error.message}`));
    this.#child.on("exit", (code, signal) => {
      this.#onEnd(code === null ? `was ended by ${signal}` : `exited with status ${code}`);
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return !this.#isOver;
  }

  /** Queues a line. False: the node is gone, or does not read and its backlog is full. */
  send(line: string): boolean {
    if (this.#isOver) return false;
    const stdin = this.#child.stdin!;
    if (stdin.writableLength > BACKLOG_BYTES_MAX) return false;
    // Everything of one turn leaves in one write.
    if (this.#outbox.push(line) === 1) process.nextTick(() => this.#flush());
    return true;
  }

  /** As `kill -9`: no warning, no last words. */
  kill(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#signal("SIGKILL");
    this.#onEnded();
  }

  pause(): void {
    this.#signal("SIGSTOP");
  }

  resume(): void {
    this.#signal("SIGCONT");
  }

  /** The end of the log, for a report of a crash. */
  lastLogLines(count: number): string {
    try {
      return readFileSync(this.#options.logFile, "utf8")
        .trimEnd()
        .split("\n")
        .slice(-count)
        .join("\n");
    } catch {
      return "";
    }
  }

  #signal(signal: NodeJS.Signals): void {
    const pid = this.#child.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // The group is gone already.
    }
  }

  #flush(): void {
    const lines = this.#outbox;
    this.#outbox = [];
    if (!this.#isOver) this.#child.stdin!.write(`${lines.join("\n")}\n`);
  }

  #onData(chunk: Buffer): void {
    if (this.#isOver) return;
    const lastNewline = chunk.lastIndexOf(NEWLINE);
    if (lastNewline === -1) {
      this.#unfinished.push(chunk);
      this.#unfinishedBytes += chunk.length;
      if (this.#unfinishedBytes > LINE_BYTES_MAX) {
        this.kill();
        this.#options.onCrash(`printed ${this.#unfinishedBytes} bytes without a newline`);
      }
      return;
    }
    this.#unfinished.push(chunk.subarray(0, lastNewline));
    const text = Buffer.concat(this.#unfinished).toString("utf8");
    this.#unfinished = lastNewline + 1 < chunk.length ? [chunk.subarray(lastNewline + 1)] : [];
    this.#unfinishedBytes = chunk.length - lastNewline - 1;
    for (const line of text.split("\n")) if (!this.#isOver) this.#options.onLine(line);
  }

  #onEnd(how: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    // What it started may outlive it.
    this.#signal("SIGKILL");
    this.#options.onCrash(how);
    this.#onEnded();
  }
}
