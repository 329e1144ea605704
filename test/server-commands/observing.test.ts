// INFO, SLOWLOG, LATENCY and what DEBUG asks of the node.

import { expect, test } from "vitest";
import { drawGraph } from "../../src/commands/latency-graph.js";
import { LatencyHistogram } from "../../src/commands/latency-histogram.js";
import { LatencyMeter } from "../../src/commands/latency-meter.js";
import { LatencyMonitor } from "../../src/commands/latency-monitor.js";
import { ServerStatistics } from "../../src/commands/server-statistics.js";
import { SettingsStore } from "../../src/commands/settings-store.js";
import { Rig, startMs } from "./harness.js";

const redisSections = (
  "Server Clients Memory Persistence Stats Replication CPU Modules Commandstats Errorstats " +
  "Latencystats Cluster Keyspace"
).split(" ");

const titles = (lines: readonly string[]): string[] =>
  lines.filter((line) => line.startsWith("# ")).map((line) => line.slice(2));

test("info: sections come in Redis's order, by default without the long ones", () => {
  const client = new Rig().connect();
  expect(titles(client.lines("INFO", "everything"))).toEqual(redisSections);
  const long = ["Commandstats", "Latencystats"];
  const byDefault = redisSections.filter((title) => !long.includes(title));
  expect(titles(client.lines("INFO"))).toEqual(byDefault);
  expect(titles(client.lines("INFO", "CPU", "server", "nosuch", "cpu"))).toEqual(["Server", "CPU"]);
  expect(titles(client.lines("INFO", "commandstats", "default"))).toHaveLength(12);
});

test("info: figures follow what happened", () => {
  const rig = new Rig();
  const [client, other] = [rig.connect(), rig.connect()];
  client.send("SET", "a", "1");
  client.send("SET", "b", "1", "PX", 100);
  client.send("GET", "a");
  client.send("GET", "nosuch");
  other.send("SELECT", 2);
  other.send("SET", "c", "x");
  rig.wait(3000);
  client.send("GET", "b");
  const info = client.info("everything");
  expect(info.get("connected_clients")).toBe("2");
  expect(info.get("keyspace_hits")).toBe("1");
  expect(info.get("keyspace_misses")).toBe("2");
  expect(info.get("expired_keys")).toBe("1");
  expect(info.get("db0")).toBe("keys=1,expires=0,avg_ttl=0");
  expect(info.get("db2")).toBe("keys=1,expires=0,avg_ttl=0");
  expect(info.get("db1")).toBeUndefined();
  expect(info.get("uptime_in_seconds")).toBe("3");
  expect(info.get("total_connections_received")).toBe("2");
  expect(info.get("cmdstat_set")).toMatch(/^calls=3,usec=\d+,usec_per_call=\d+\.\d\d,/);
});

test("info: used memory grows and shrinks with the data", () => {
  const client = new Rig().connect();
  const used = (): number => Number(client.info("memory").get("used_memory"));
  const before = used();
  for (let i = 0; i < 1000; i++) client.send("SET", `key:${i}`, "x".repeat(100));
  const full = used();
  expect(full - before).toBeGreaterThan(1000 * 100);
  client.send("FLUSHALL");
  expect(used()).toBeLessThan(full - 1000 * 50);
});

test("info: RESETSTAT clears counters and leaves the data alone", () => {
  const client = new Rig().connect();
  client.send("SET", "a", "1");
  client.send("GET", "a");
  client.send("NOSUCH");
  client.send("CONFIG", "RESETSTAT");
  const info = client.info("everything");
  expect(info.get("keyspace_hits")).toBe("0");
  expect(info.get("total_connections_received")).toBe("0");
  expect(info.get("cmdstat_get")).toBeUndefined();
  expect(info.get("db0")).toBe("keys=1,expires=0,avg_ttl=0");
});

test("statistics: a rate is the mean of the last sixteen samples", () => {
  const statistics = new ServerStatistics();
  for (let i = 0; i <= 40; i++) {
    statistics.commandsProcessed += 50;
    statistics.sample(startMs + i * 100);
  }
  expect(statistics.operationsPerSecond).toBe(500);
  for (let i = 41; i < 60; i++) statistics.sample(startMs + i * 100);
  expect(statistics.operationsPerSecond).toBe(0);
});

test("slowlog: keeps the newest, shortens arguments, hides passwords", () => {
  const rig = new Rig();
  const client = rig.connect();
  client.send("CLIENT", "SETNAME", "slow");
  client.send("CONFIG", "SET", "slowlog-log-slower-than", 0, "slowlog-max-len", 3);
  const { slowLog } = rig.node.environment;
  slowLog.reset();
  // From here on the dispatcher notes every command by itself.
  const note = (...args: string[]): string => client.send(...args);
  note("SET", "k", "v".repeat(200));
  note("DEL", ...Array.from({ length: 40 }, (_, i) => `key${i}`));
  note("AUTH", "default", "wrong");
  note("CONFIG", "SET", "masterauth", "hidden", "timeout", "5");
  const words = client.words("SLOWLOG", "GET", -1);
  expect(words).not.toContain("hidden");
  expect(words.filter((word) => word === "(redacted)")).toHaveLength(3);
  expect(words).toContain("... (10 more arguments)");
  // Three entries are kept, so the first has gone.
  expect(words.some((word) => word.includes("more bytes"))).toBe(false);
  expect(words.filter((word) => word === "slow")).toHaveLength(3);
});

test("latency: one sample a second, the worst of it, and none below the threshold", () => {
  const settings = new SettingsStore();
  const monitor = new LatencyMonitor(settings);
  monitor.note("command", 500, startMs);
  expect(monitor.all()).toEqual([]);
  settings.set("latency-monitor-threshold", "100");
  for (const [ms, at] of [
    [99, 0],
    [150, 0],
    [300, 400],
    [200, 900],
    [120, 1000],
  ] as const) {
    monitor.note("command", ms, startMs + at);
  }
  const second = startMs / 1000;
  expect(monitor.find("command")).toEqual({
    event: "command",
    samples: [
      { time: second, ms: 300 },
      { time: second + 1, ms: 120 },
    ],
    worstMs: 300,
  });
  expect(monitor.reset("other")).toBe(0);
  expect(monitor.reset()).toBe(1);
});

test("latency: a measured command reaches its counters, histogram, slow log and spikes", () => {
  const rig = new Rig();
  const client = rig.connect();
  const { environment, dispatcher } = rig.node;
  const meter = new LatencyMeter(rig.settings, environment.slowLog, environment.latency);
  expect(meter.measuresEach).toBe(false);
  client.send("CONFIG", "SET", "latency-monitor-threshold", 20);
  expect(meter.measuresEach).toBe(true);
  client.send("CONFIG", "SET", "latency-monitor-threshold", 0, "slowlog-log-slower-than", 50);
  expect(meter.measuresEach).toBe(true);
  client.send("CONFIG", "SET", "latency-monitor-threshold", 20, "slowlog-log-slower-than", 500);
  client.send("GET", "k");
  client.send("CONFIG", "RESETSTAT");
  const { call } = dispatcher;
  const get = environment.findCommand("get")!;
  meter.note(call, get, 25_000, rig.nowMs);
  meter.note(call, get, 400, rig.nowMs);
  meter.share(get, 1);
  expect(get.microseconds).toBeCloseTo(25_401, 0);
  expect(environment.slowLog.newest(9).map(({ micros }) => micros)).toEqual([25_000]);
  expect(environment.latency.find("fast-command")?.worstMs).toBe(25);
  expect(client.words("LATENCY", "HISTOGRAM", "get", "nosuch")).toEqual(
    "get calls 3 histogram_usec 1 1 528 2 33816 3".split(" "),
  );
  client.send("CONFIG", "SET", "latency-tracking", "no");
  meter.share(get, 1);
  expect(get.latency?.total).toBe(3);
});

test("latency: the histogram tells percentiles to one part in a hundred", () => {
  const histogram = new LatencyHistogram();
  for (let i = 1; i <= 10_000; i++) histogram.record(i * 1000);
  for (const [percent, nanos] of [
    [50, 5_000_000],
    [99, 9_900_000],
    [100, 10_000_000],
  ] as const) {
    expect(Math.abs(histogram.percentile(percent) / nanos - 1)).toBeLessThan(0.01);
  }
  const rows = histogram.cumulative();
  expect(rows[0]).toEqual([1, 1]);
  expect(rows.at(-1)).toEqual([16_908, 10_000]);
  for (let i = 1; i < rows.length; i++) expect(rows[i]![1]).toBeGreaterThan(rows[i - 1]![1]);
});

test("latency: percentiles and bounds are those that Redis prints for the same times", () => {
  // Recorded from redis-server 7.0.15: INFO latencystats and LATENCY HISTOGRAM after four DEBUG
  // SLEEPs.
  const histogram = new LatencyHistogram();
  for (const nanos of [180_900, 3_090_000, 20_700_000, 250_400_000]) histogram.record(nanos);
  const shown = [0, 10, 50, 75, 99, 100].map((p) => (histogram.percentile(p) / 1000).toFixed(3));
  expect(shown.join(" ")).toBe("180.224 181.247 3096.575 20709.375 250609.663 250609.663");
  expect(histogram.cumulative()).toEqual([
    [264, 1],
    [4227, 2],
    [33_816, 3],
    [270_532, 4],
  ]);
});

test("latency: the graph is drawn as Redis draws it", () => {
  const samples = [
    { time: 100, ms: 100 },
    { time: 130, ms: 200 },
    { time: 159, ms: 500 },
  ];
  const graph = drawGraph({ event: "command", samples, worstMs: 900 }, 160);
  expect(graph.split("\n")).toEqual([
    "command - high 500 ms, low 100 ms (all time high 900 ms)",
    "-".repeat(80),
    "  #",
    "  |",
    " _|",
    "_||",
    "",
    "131",
    "m0s",
    " s ",
    "",
  ]);
});

test("debug: is refused unless it is allowed", () => {
  const refused = new Rig({ "enable-debug-command": "no" }).connect();
  expect(refused.send("DEBUG", "SLEEP", 0)).toMatch(/^-ERR DEBUG command not allowed/);
  const local = new Rig({ "enable-debug-command": "local" }).connect();
  expect(local.send("DEBUG", "SLEEP", 0)).toBe("+OK\r\n");
});

test("debug: SLEEP is the host's business, the switches the node's", () => {
  const rig = new Rig();
  const client = rig.connect();
  client.send("DEBUG", "SLEEP", "0.25");
  expect(rig.stalledMicros).toBe(250_000);
  client.send("DEBUG", "SET-ACTIVE-EXPIRE", 0);
  expect(rig.node.environment.debug.activeExpire).toBe(false);
  client.send("SHUTDOWN", "NOSAVE");
  expect(rig.shutdowns).toEqual([false]);
});

test("debug: equal values have equal digests, however they came about", () => {
  const client = new Rig().connect();
  const digest = (key: string): string => client.send("DEBUG", "DIGEST-VALUE", key);
  client.send("SET", "a", "11");
  client.send("SET", "b", "10");
  expect(digest("a")).not.toBe(digest("b"));
  client.send("INCR", "b");
  expect(digest("a")).toBe(digest("b"));
  client.send("EXPIRE", "b", 100);
  expect(digest("a")).not.toBe(digest("b"));
  client.send("SADD", "s", "x", "y", "z");
  client.send("SADD", "t", "z", "y", "w", "x");
  expect(digest("s")).not.toBe(digest("t"));
  client.send("SREM", "t", "w");
  expect(digest("s")).toBe(digest("t"));
  client.send("SADD", "u", "x", "y", "v");
  expect(digest("s")).not.toBe(digest("u"));
  const all = client.send("DEBUG", "DIGEST");
  client.send("SET", "a", "12");
  expect(client.send("DEBUG", "DIGEST")).not.toBe(all);
  client.send("SET", "a", "11");
  expect(client.send("DEBUG", "DIGEST")).toBe(all);
  client.send("FLUSHALL");
  expect(client.send("DEBUG", "DIGEST")).toBe(`+${"0".repeat(40)}\r\n`);
});

test("memory: a key's usage covers its value and grows with it", () => {
  const client = new Rig().connect();
  client.send("SET", "small", "x");
  client.send("SET", "large", "x".repeat(100_000));
  client.send("SADD", "set", ..."abcdefghijklmnop");
  const usage = (key: string): number =>
    Number(client.send("MEMORY", "USAGE", key).slice(1).trim());
  expect(usage("small")).toBeGreaterThan(20);
  expect(usage("small")).toBeLessThan(200);
  expect(usage("large")).toBeGreaterThan(100_000);
  expect(usage("set")).toBeGreaterThan(16);
  const stats = client.pairs("MEMORY", "STATS");
  expect(Number(stats.get("total.allocated"))).toBeGreaterThan(8_000_000);
});

test("command: HELP of a container names its subcommands", () => {
  const client = new Rig().connect();
  const words = client.words("CLIENT", "HELP");
  expect(words[0]).toBe("CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  expect(words).toContain("UNBLOCK <id> [TIMEOUT|ERROR]");
  expect(words.slice(-2)).toEqual(["HELP", "    Print this help."]);
});
