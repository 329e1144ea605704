// The command line: what reaches the commands, what is printed, and which mistakes end it.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CommanderError } from "commander";
import { expect, test } from "vitest";
import { CliError, newProgram } from "../../src/bin/cli.js";
import type { ImportOptions } from "../../src/bin/import.js";
import type { MaelstromOptions } from "../../src/bin/maelstrom-options.js";
import type { SkerryConfig } from "../../src/host/config.js";

interface Run {
  code: number;
  out: string[];
  err: string[];
  served: SkerryConfig[];
  maelstrom: MaelstromOptions[];
  /** What the tools for stores were told, beside the configuration. */
  tools: unknown[];
  imported: ImportOptions[];
}

async function run(line: string, env: Record<string, string> = {}): Promise<Run> {
  const result: Run = {
    ...{ code: 0, out: [], err: [], served: [], maelstrom: [], tools: [], imported: [] },
  };
  const program = newProgram({
    env,
    out: (text) => result.out.push(text),
    err: (text) => result.err.push(text),
    serve: async (config) => void result.served.push(config),
    maelstrom: async (options) => void result.maelstrom.push(options),
    backup: async (config, folder) => void result.tools.push(config.settings.storePath, folder),
    restore: async (config, options) => void result.tools.push(config.settings.dataPath, options),
    inspect: async (_config, options) => void result.tools.push(options),
    importFile: async (options) => void result.imported.push(options),
  });
  try {
    await program.parseAsync(
      line.split(" ").filter((word) => word !== ""),
      { from: "user" },
    );
  } catch (error) {
    if (error instanceof CommanderError) result.code = error.exitCode;
    else if (error instanceof CliError) result.code = 1;
    else throw error;
  }
  return result;
}

test("cli: the tools for stores take a store and say where from and to", async () => {
  const backup = await run("backup /b --store localfs --store-path /s");
  expect(backup.tools).toEqual(["/s", "/b"]);
  const restore = await run("restore --data-dir /d --from /b --to 2026-11-20T12:00:00Z");
  expect(restore.tools).toEqual(["/d", { from: "/b", to: "2026-11-20T12:00:00Z" }]);
  const inspect = await run("inspect --verify");
  expect(inspect.tools).toEqual([{ from: undefined, isThorough: true }]);
  expect((await run("backup")).code).not.toBe(0);
});

test("cli: import hands over file, place and password, which may stand in the environment", async () => {
  const { imported } = await run("import dump.rdb --port 7000 --replace", { REDISCLI_AUTH: "s" });
  const place = { host: "127.0.0.1", port: 7000, user: undefined, password: "s" };
  expect(imported).toEqual([{ file: "dump.rdb", ...place, mayReplace: true }]);
  expect((await run("import")).code).toBe(1);
});

test("cli: a redis.conf gives parameters, and flags come first", async () => {
  const folder = mkdtempSync(join(tmpdir(), "skerry-conf-"));
  const file = join(folder, "redis.conf");
  writeFileSync(file, "port 7001\nbind 127.0.0.1 -::1\nhz 10\nsave 60 1\n");
  const { served } = await run(`serve --redis-conf ${file} --hz 50`);
  expect(served[0]!.settings).toMatchObject({
    ...{ port: 7001, bind: ["127.0.0.1"], parameters: { hz: "50", save: "60 1" } },
  });
  const missing = await run(`serve --redis-conf ${file}.none`);
  expect([missing.code, missing.served]).toEqual([1, []]);
  rmSync(folder, { recursive: true });
});

test("cli: serve hands over the configuration", async () => {
  const { served, code } = await run("serve --port 0 --prefix a:=causal --prefix b:=linearizable", {
    GOSSIP_INTERVAL_MS: "50",
  });
  expect(code).toBe(0);
  expect(served[0]!.settings).toMatchObject({
    port: 0,
    gossipIntervalMs: 50,
    consistencyPrefixes: { "a:": "causal", "b:": "linearizable" },
  });
});

test("cli: parameters of redis-server are flags of serve", async () => {
  const line = "serve --port 7000 --enable-debug-command yes --maxmemory-policy allkeys-lru";
  const { served } = await run(line);
  expect({ ...served[0]!.settings.parameters }).toEqual({
    "enable-debug-command": "yes",
    "maxmemory-policy": "allkeys-lru",
  });
  expect((await run("serve --help")).out.join()).not.toContain("maxmemory-policy");
});

test("cli: --print-config prints and starts nothing", async () => {
  const { served, out } = await run("serve --port 7000 --print-config");
  expect(served).toEqual([]);
  expect(out.find((line) => line.startsWith("server.port"))).toMatch(/7000\s+flag --port/);
});

test("cli: maelstrom takes what stands behind Maelstrom's dashes", async () => {
  const nothing = {
    ...{ consistency: undefined, port: undefined, seed: undefined },
    ...{ dataFolder: undefined, isTraced: false },
  };
  expect((await run("maelstrom")).maelstrom).toEqual([nothing]);
  expect((await run("maelstrom --consistency eventual --port 7000 --trace")).maelstrom).toEqual([
    { ...nothing, consistency: "eventual", port: 7000, isTraced: true },
  ]);
});

test.each([
  ["serve --port abc", /--port abc: server.port: expected an integer from 0 to 65535/],
  ["serve --prot 1", /unknown option '--prot'[\s\S]*Did you mean --port/],
  ["serve extra", /too many arguments/],
  ["serve --port", /argument missing/],
  ["serve --config /nowhere.toml", /there is no file \/nowhere\.toml/],
  ["serv", /unknown command 'serv'[\s\S]*Did you mean serve/],
  ["maelstrom --consistency strong", /Allowed choices are eventual, causal, linearizable/],
  ["maelstrom --port 0", /must be an integer from 1 to 65000/],
  ["maelstrom --port 7e3", /must be an integer from 1 to 65000/],
  ["maelstrom --seed -1", /must be an integer not below 0/],
])("cli: %s ends with exit code 1 and a reason", async (line, reason) => {
  const { code, err, served, maelstrom } = await run(line);
  expect(code).toBe(1);
  expect(err.join("\n")).toMatch(reason);
  expect([served, maelstrom]).toEqual([[], []]);
});

test("cli: --version and --help are no errors", async () => {
  expect(await run("--version")).toMatchObject({
    code: 0,
    out: [expect.stringMatching(/^\d+\.\d+\./)],
  });
  for (const line of ["--help", "serve --help", "maelstrom --help", "import --help"]) {
    const { code, out } = await run(line);
    expect(code).toBe(0);
    expect(out.join()).toContain("Usage: skerry");
  }
});
