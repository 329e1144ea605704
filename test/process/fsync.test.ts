// The system calls of a real node, in their order: under always no reply leaves before a sync that
// began after its write has ended well, files that change included. A kill cannot show this,
// because the system's memory survives it.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { freePort, skerryEntry, sleep, whyUnavailable } from "../../scripts/lib/server-process.js";
import { RespConnection } from "../differential/resp-client.js";

const hasStrace = ((): boolean => {
  try {
    execFileSync("strace", ["-V"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();
const reason = whyUnavailable("skerry") ?? (hasStrace ? null : "strace is not installed");

/** One call as strace tells it, whole or in two halves. */
interface Call {
  readonly kind: "write" | "sync begins" | "sync ends" | "reply";
  readonly file: string;
  readonly index: number;
}

/** The calls that matter, in order; a sync has two ends, because it runs beside the others. */
function callsOf(trace: string): Call[] {
  const calls: Call[] = [];
  const unfinished = new Map<string, string>();
  for (const line of trace.split("\n")) {
    const [, thread, rest] = /^(\d+) +[\d.]+ (.*)$/.exec(line) ?? [];
    if (thread === undefined || rest === undefined) continue;
    const add = (kind: Call["kind"], file: string): void => {
      calls.push({ kind, file, index: calls.length });
    };
    const path = /^\w+\(\d+<([^>]*)>/.exec(rest)?.[1] ?? "";
    const isDone = !rest.includes("<unfinished");
    if (/^(pwrite64|pwritev|write|writev)\(/.test(rest) && path.includes("wal-"))
      add("write", path);
    else if (/^(write|writev|sendto|sendmsg)\(/.test(rest) && /socket:|TCP:/.test(path)) {
      if (rest.includes("+OK")) add("reply", path);
    } else if (rest.startsWith("fdatasync(")) {
      add("sync begins", path);
      if (isDone) add("sync ends", rest.endsWith("= 0") ? path : "");
      else unfinished.set(thread, path);
    } else if (rest.includes("fdatasync resumed") && rest.trimEnd().endsWith("= 0"))
      add("sync ends", unfinished.get(thread) ?? "");
  }
  return calls;
}

/**
 * Replies to commands that were sent one at a time and that left before the command had been
 * written to the log, or while something written there was not synced.
 */
function earlyReplies(calls: readonly Call[]): number {
  /** Files that were written and not synced since, and of each sync what it covers. */
  const dirty = new Map<string, number>();
  const begun = new Map<string, number>();
  let hasWritten = false;
  let early = 0;
  for (const { kind, file, index } of calls) {
    if (kind === "write") {
      dirty.set(file, index);
      hasWritten = true;
    } else if (kind === "sync begins") begun.set(file, index);
    else if (kind === "sync ends") {
      if ((dirty.get(file) ?? -1) < (begun.get(file) ?? -1)) dirty.delete(file);
    } else {
      if (dirty.size > 0 || !hasWritten) early++;
      hasWritten = false;
    }
  }
  return early;
}

async function traceOf(fsync: string, waitMs: number): Promise<Call[]> {
  const folder = mkdtempSync(join(tmpdir(), "skerry-fsync-"));
  const port = await freePort();
  const log = join(folder, "trace");
  const flags = ["--port", String(port), "--data-dir", join(folder, "data"), "--fsync", fsync];
  flags.push("--wal-sync-wait-ms", String(waitMs));
  const calls = "trace=pwrite64,pwritev,write,writev,sendto,sendmsg,fdatasync,fsync";
  const options = ["-f", "-yy", "-ttt", "-s", "64", "-e", calls, "-o", log];
  const node = [process.execPath, skerryEntry, "serve", ...flags, "--wal-segment-bytes", "65536"];
  let output = "";
  const child = spawn("strace", [...options, ...node], { stdio: ["ignore", "pipe", "ignore"] });
  try {
    await new Promise<void>((resolve, reject) => {
      child.stdout.on("data", (chunk: Buffer) => {
        output += chunk.toString();
        if (output.includes("Ready to accept")) resolve();
      });
      child.once("close", () => reject(new Error("the node did not start")));
    });
    // One at a time: between a client's reply and its next command nothing else is written.
    const connection = await RespConnection.connect(port);
    for (let i = 0; i < 60; i++) await connection.call("SET", `key:${i}`, "x".repeat(2500));
    connection.close();
    await sleep(50);
  } finally {
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
    // The tracer ends with what it traces.
    const pid = Number(/ PID: (\d+)/.exec(output)?.[1]);
    if (pid > 0) process.kill(pid, "SIGTERM");
    else child.kill("SIGKILL");
    await ended;
  }
  const result = callsOf(readFileSync(log, "utf8"));
  rmSync(folder, { recursive: true, force: true });
  return result;
}

describe.skipIf(reason !== null)(`fsync${reason === null ? "" : `: ${reason}`}`, () => {
  // The event loop waits for the disk, which no tracer makes slow enough; and it never does.
  test.each([
    ["in the event loop", 1000],
    ["beside the event loop", 0],
  ])("log: under always no reply leaves before its sync, %s", async (_, waitMs) => {
    const calls = await traceOf("always", waitMs);
    expect(calls.filter(({ kind }) => kind === "reply").length).toBe(60);
    expect(new Set(calls.filter(({ kind }) => kind === "write").map(({ file }) => file)).size)
      // Files change in the middle of it.
      .toBeGreaterThan(1);
    expect(earlyReplies(calls)).toBe(0);
  });

  test("log: the judge notices replies that do not wait", async () => {
    expect(earlyReplies(await traceOf("everysec", 0))).toBeGreaterThan(0);
  });
});
