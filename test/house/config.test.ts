// Configuration: precedence and sources, and the start that is refused with place, key and reason.

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { parse } from "smol-toml";
import { expect, test } from "vitest";
import {
  type ConfigError,
  describeConfig,
  describeError,
  type Environment,
  type Flags,
  loadConfig,
  type SkerryConfig,
} from "../../src/host/config.js";
import { lineOfKey } from "../../src/host/config-lines.js";
import { settingNames, settingOf } from "../../src/host/config-table.js";

const noFlags: Flags = { values: {} };

function load(given: { toml?: string; env?: Environment; flags?: Flags["values"] }) {
  const readFile = (path: string) => (path === "perf_config.toml" ? given.toml : undefined);
  return loadConfig({ values: given.flags ?? {} }, given.env ?? {}, readFile);
}

function loaded(given: Parameters<typeof load>[0]): SkerryConfig {
  const result = load(given);
  if (!result.ok) throw new Error(result.error.map(describeError).join("\n"));
  return result.value;
}

function refused(given: Parameters<typeof load>[0]): string[] {
  const result = load(given);
  return result.ok ? [] : result.error.map(describeError);
}

test("config: a flag wins over the environment, that over the file, that over the default", () => {
  const toml = "num_shards = 8\n\n[server]\nport = 7001\n";
  const env = { REDIS_PORT: "7002" };
  const flags = { port: "7003" };
  const portOf = (config: SkerryConfig) => [config.settings.port, config.sources.port];
  expect(portOf(loaded({}))).toEqual([6379, { kind: "default", place: "" }]);
  expect(portOf(loaded({ toml }))).toEqual([7001, { kind: "file", place: "perf_config.toml:4" }]);
  expect(portOf(loaded({ toml, env }))).toEqual([
    7002,
    { kind: "environment", place: "REDIS_PORT" },
  ]);
  expect(portOf(loaded({ toml, env, flags }))).toEqual([7003, { kind: "flag", place: "--port" }]);
  expect(loaded({ toml, env, flags }).settings.numShards).toBe(8);
});

test.each<[string, string, string]>([
  [
    "an unknown key",
    "[server]\n\nprot = 1\n",
    "perf_config.toml:3: server.prot: unknown key; did you mean server.port?",
  ],
  [
    "a key of another section",
    "port = 1\n",
    "perf_config.toml:1: port: unknown key; did you mean server.port?",
  ],
  ["an unknown section", "[serverr]\nx = 1\n", "perf_config.toml:1: serverr: unknown key"],
  [
    "a wrong type",
    `[server]\nport = "x"\n`,
    `perf_config.toml:2: server.port: expected an integer from 0 to 65535, found "x"`,
  ],
  [
    "a value out of range",
    "server.port = 65536\n",
    "perf_config.toml:1: server.port: expected an integer from 0 to 65535, found 65536",
  ],
  [
    "a fraction",
    "num_shards = 1.5\n",
    "perf_config.toml:1: num_shards: expected an integer from 1 to 16384, found 1.5",
  ],
  [
    "a section that is a value",
    "server = 5\n",
    "perf_config.toml:1: server: expected a table, found 5",
  ],
  [
    "a list with a wrong member",
    `[server]\nbind = ["::1", 7]\n`,
    "perf_config.toml:2: server.bind.1: expected a list of addresses, found 7",
  ],
  [
    "an unknown mode",
    `[consistency.prefixes]\n"a" = "causal"\n"b:c" = "strong"\n`,
    `perf_config.toml:3: consistency.prefixes.b:c: expected PREFIX=MODE, where the mode is one of eventual, causal, linearizable, found "strong"`,
  ],
  [
    "a refused name",
    "[response_pool]\ncapacity = 512\n",
    "perf_config.toml:2: response_pool.capacity: refused: replies are encoded straight into the output buffer, there is no pool of them",
  ],
  [
    "no TOML",
    "[server]\nport = = 1\n",
    "perf_config.toml:2:8: Invalid TOML document: invalid value",
  ],
])("config: %s stops the start with file, line, key and reason", (_name, toml, expected) => {
  expect(refused({ toml })).toEqual([expected]);
});

test("config: every mistake is told, not only the first", () => {
  const toml = "num_shards = 0\n[server]\nport = -1\nx = 1\n";
  const interval = "replication.gossip_interval_ms: expected an integer from 1 to 60000";
  expect(refused({ toml, env: { GOSSIP_INTERVAL_MS: "often" }, flags: { bind: "a b" } })).toEqual([
    "perf_config.toml:1: num_shards: expected an integer from 1 to 16384, found 0",
    "perf_config.toml:3: server.port: expected an integer from 0 to 65535, found -1",
    "perf_config.toml:4: server.x: unknown key",
    `environment GOSSIP_INTERVAL_MS=often: ${interval}`,
    "--bind a b: server.bind: expected a list of addresses",
  ]);
});

test("config: what would silently weaken the node is refused, whatever its source", () => {
  expect(refused({ env: { TLS_CERT_PATH: "/c.pem" } })).toEqual([
    "environment TLS_CERT_PATH: tls.cert_path: refused: TLS is not built yet",
  ]);
  expect(refused({ env: { TLS_REQUIRE_CLIENT_CERT: "true" } })).toHaveLength(1);
  // Asking for what is the case anyway is no mistake, nor is an empty variable.
  const harmless = { REDIS_WAL_ENABLED: "false", REDIS_STORE_TYPE: "memory", TLS_CERT_PATH: "" };
  expect(refused({ env: harmless })).toEqual([]);
});

test("config: a secret is never shown", () => {
  const env = { REDIS_REQUIRE_PASS: "hunter2" };
  const { settings, sources, file } = loaded({ env });
  expect(settings.password).toBe("hunter2");
  expect(describeConfig({ settings, sources, file }).join()).not.toContain("hunter2");
});

test("config: parameters of Redis come from a table of their own", () => {
  const toml =
    '[redis]\nmaxmemory-policy = "allkeys-lru"\ntcp-keepalive = 60\nactivedefrag = false\n';
  expect(loaded({ toml }).settings.parameters).toEqual({
    "maxmemory-policy": "allkeys-lru",
    "tcp-keepalive": 60,
    activedefrag: false,
  });
  const flags = { parameters: "save=900 1 300 10\nrequirepass=a=b" };
  expect({ ...loaded({ flags }).settings.parameters }).toEqual({
    save: "900 1 300 10",
    requirepass: "a=b",
  });
  expect(refused({ toml: "[redis]\nsave = [1]\n" })).toHaveLength(1);
});

test("config: lists and tables come from text too", () => {
  const flags = { bind: "127.0.0.1, ::1", consistencyPrefixes: "a=b:=causal,__proto__=eventual" };
  const { settings } = loaded({ flags });
  expect(settings.bind).toEqual(["127.0.0.1", "::1"]);
  expect(Object.entries(settings.consistencyPrefixes)).toEqual([
    ["a=b:", "causal"],
    ["__proto__", "eventual"],
  ]);
  expect(refused({ flags: { consistencyPrefixes: "lock:" } })).toHaveLength(1);
});

test("config: PERF_CONFIG_PATH and --config name another file, which must exist", () => {
  const readFile = (path: string) => (path === "/etc/s.toml" ? "num_shards = 3" : undefined);
  const fromEnv = loadConfig(noFlags, { PERF_CONFIG_PATH: "/etc/s.toml" }, readFile);
  expect(fromEnv.ok && fromEnv.value.settings.numShards).toBe(3);
  const flags: Flags = { file: "/etc/s.toml", values: {} };
  const fromFlag = loadConfig(flags, { PERF_CONFIG_PATH: "/none" }, readFile);
  expect(fromFlag.ok && fromFlag.value.file).toBe("/etc/s.toml");
  const missing = loadConfig(noFlags, { PERF_CONFIG_PATH: "/none" }, readFile);
  expect(missing.ok || missing.error).toEqual([
    { place: "environment PERF_CONFIG_PATH", key: "", reason: "there is no file /none" },
  ] satisfies ConfigError[]);
});

test("config: the package's file serves where the current folder has none", () => {
  const readFile = (path: string) =>
    path === "/pkg/perf_config.toml" ? "num_shards = 5" : undefined;
  const result = loadConfig(noFlags, {}, readFile, "/pkg");
  expect(result.ok && result.value.sources.numShards.place).toBe("/pkg/perf_config.toml:1");
});

test("config: a prefix in a bucket is parts between slashes", () => {
  const refusedPrefix = (prefix: string) => refused({ env: { REDIS_S3_PREFIX: prefix } });
  expect(refusedPrefix("a/b-c/")).toEqual([]);
  for (const prefix of ["/a", "a//b", "a b", "../a"]) expect(refusedPrefix(prefix)).toHaveLength(1);
});

test("config: perf_config.toml shows every setting in force with its default", () => {
  const text = readFileSync(new URL("../../perf_config.toml", import.meta.url), "utf8");
  expect(parse(text)).toEqual({});
  const uncommented = text.replace(/^# (?=\[|[a-z0-9_]+ = )/gm, "");
  const { settings, sources } = loaded({ toml: uncommented });
  for (const name of settingNames) {
    const { refusal, note, default: usual, path } = settingOf(name);
    if (refusal !== undefined || note !== undefined) continue;
    expect(sources[name].kind, path).toBe("file");
    if (name !== "consistencyPrefixes") expect(settings[name], path).toEqual(usual);
  }
});

test("config: --print-config shows every value with its source", () => {
  const lines = describeConfig(loaded({ flags: { port: "7000" }, env: { DD_ENV: "prod" } }));
  expect(lines).toHaveLength(settingNames.length);
  expect(lines.find((line) => line.startsWith("server.port"))).toMatch(/7000\s+flag --port$/);
  expect(lines.find((line) => line.startsWith("telemetry.dd_env"))).toMatch(
    /"prod"\s+environment DD_ENV \(no effect: /,
  );
});

test("config: names are unique, and every default passes its own row", () => {
  const all = settingNames.map(settingOf);
  for (const names of [
    all.map((row) => row.path),
    all.flatMap((row) => row.env),
    all.map((row) => row.flag ?? row.path),
  ])
    expect(new Set(names).size).toBe(names.length);
  for (const name of settingNames) {
    const { default: usual, flag } = settingOf(name);
    if (flag === undefined || typeof usual === "object") continue;
    expect(loaded({ flags: { [name]: String(usual) } }).settings[name]).toEqual(usual);
  }
});

test("config: no text makes it throw", () => {
  const piece = fc.constantFrom(
    "[server]",
    "port",
    "=",
    '"""',
    "'",
    "{",
    "}",
    "1",
    "a.b",
    "\n",
    "[[x]]",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece).map((parts) => parts.join(" ")),
      ),
      (toml) => {
        const result = load({
          toml,
          env: { REDIS_PORT: toml },
          flags: { consistencyPrefixes: toml },
        });
        expect(result.ok || result.error.length > 0).toBe(true);
      },
    ),
  );
});

test("config: a line is found through quotes, dots, long strings and inline tables", () => {
  const text = [
    "a.b = 1",
    'long = """',
    "[server]",
    'port = 2"""',
    '[ "x y" . z ]',
    "k = { q = 1 }",
  ].join("\n");
  expect(lineOfKey(text, ["a", "b"])).toBe(1);
  expect(lineOfKey(text, ["x y", "z", "k"])).toBe(6);
  expect(lineOfKey(text, ["x y", "z", "k", "q"])).toBe(6);
  expect(lineOfKey(text, ["server", "port"])).toBe(1); // Only inside a string: no such line.
});
