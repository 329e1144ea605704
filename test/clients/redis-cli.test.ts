// redis-cli and its bulk modes against our server and, for comparison, redis-server: --pipe,
// --scan, --bigkeys,
// --memkeys and a bounded --latency. These modes lean on commands nothing else uses together (SCAN
// with TYPE, STRLEN in bulk, MEMORY USAGE, a million inline PINGs), so they make a judge of their
// own.

import { spawn } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  redisCliBin,
  type ServerKind,
  ServerProcess,
  versionOf,
} from "../../scripts/lib/server-process.js";
import { skipReason } from "../differential/servers.js";

const kinds: readonly ServerKind[] = ["redis", "skerry"];
const cliTimeoutMs = 30_000;
const keyCount = 3_000;

interface Ended {
  readonly output: string;
  readonly code: number | null;
}

function cli(
  port: number,
  args: readonly string[],
  input = "",
  stopAfterMs?: number,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    // A command that reads nothing may end before an empty input is written: it is given none.
    const child = spawn(redisCliBin, ["-p", String(port), ...args], {
      stdio: [input === "" ? "ignore" : "pipe", "pipe", "pipe"],
    });
    let output = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      output += chunk.toString("latin1");
    });
    child.stderr?.on("data", (chunk: Buffer) => {
      output += chunk.toString("latin1");
    });
    const timer = setTimeout(() => child.kill("SIGTERM"), stopAfterMs ?? cliTimeoutMs);
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve({ output, code });
    });
    child.stdin?.once("error", reject);
    child.stdin?.end(input);
  });
}

describe.each(kinds)("redis-cli against %s", (kind) => {
  const reason =
    skipReason(kind) ??
    (versionOf(redisCliBin) === null ? `${redisCliBin} is not installed` : null);
  describe.skipIf(reason !== null)(reason ?? "its bulk modes", () => {
    let server: ServerProcess;
    beforeAll(async () => {
      server = await ServerProcess.start(kind);
      const commands = Array.from({ length: keyCount }, (_, n) => {
        const value = n === 7 ? "x".repeat(5_000) : `value ${n}`;
        const key = `key:${n}`;
        return `*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n$${value.length}\r\n${value}\r\n`;
      });
      const { output } = await cli(server.port, ["--pipe"], commands.join(""));
      expect(output).toContain(`errors: 0, replies: ${keyCount}`);
    });
    afterAll(() => server?.stop());

    test("--pipe: everything sent has arrived", async () => {
      expect((await cli(server.port, ["dbsize"])).output.trim()).toBe(String(keyCount));
    });

    test("--scan: every key, also by pattern", async () => {
      const all = await cli(server.port, ["--scan"]);
      expect(new Set(all.output.trim().split("\n")).size).toBe(keyCount);
      const some = await cli(server.port, ["--scan", "--pattern", "key:29?"]);
      expect(new Set(some.output.trim().split("\n")).size).toBe(10);
    });

    test("--bigkeys and --memkeys: the one large key is found", async () => {
      const { output, code } = await cli(server.port, ["--bigkeys"]);
      expect(code, output).toBe(0);
      expect(output).toMatch(/Biggest string found '"key:7"' has 5000 bytes/);
      expect(output).toContain(`${keyCount} strings with`);
      const memory = await cli(server.port, ["--memkeys"]);
      expect(memory.code, memory.output).toBe(0);
      expect(memory.output).toMatch(/Biggest string found '"key:7"' has \d{4} bytes/);
    });

    test("--latency: answers until it is stopped", async () => {
      const { output } = await cli(server.port, ["--latency", "--raw", "-i", "1"], "", 2_500);
      expect(output.trim()).toMatch(/^\d+ \d+ [\d.]+ \d+/);
    });

    test("inline commands, quotes and exit codes of the prompt", async () => {
      const { output } = await cli(
        server.port,
        [],
        'set "a b" "c\\x00d"\nget "a b"\nincr "a b"\nfoo\n',
      );
      expect(output).toMatch(/^OK\nc\0d\n(ERR|\(error\)).*not an integer[\s\S]*unknown command/);
    });

    test("-3: the prompt in RESP3", async () => {
      const { output } = await cli(server.port, ["-3", "get", "absent"]);
      expect(output.trim()).toBe("");
      expect((await cli(server.port, ["-3", "--json", "get", "key:1"])).output.trim()).toBe(
        '"value 1"',
      );
    });
  });
});
