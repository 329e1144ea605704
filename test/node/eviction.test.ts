// Eviction: which key goes under each policy, what is counted of uses, and that for other nodes it
// is a removal like any other.

import { describe, expect, test } from "vitest";
import { Prng } from "../../src/base/prng.js";
import { type EvictionPolicy, evictOne } from "../../src/keyspace/eviction.js";
import { Cluster } from "../commands/zset-replicas.js";
import { type Client, Rig } from "../server-commands/harness.js";

const policies = [
  ...["allkeys-lru", "allkeys-lfu", "allkeys-random"],
  ...["volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"],
] as const;

const used = (client: Client): number => Number(client.info("memory").get("used_memory"));
const evicted = (client: Client): number => Number(client.info("stats").get("evicted_keys"));

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe("policies", () => {
  test.each(policies)("%s keeps below the limit and takes only what it may", (policy) => {
    const client = new Rig({ "maxmemory-policy": policy }).connect();
    for (const i of range(300)) client.send("SET", `keep${i}`, "x".repeat(100));
    for (const i of range(300)) client.send("SETEX", `go${i}`, 10_000 + i, "x".repeat(100));
    const limit = used(client);
    client.send("CONFIG", "SET", "maxmemory", limit);
    for (const i of range(200)) {
      expect(client.send("SETEX", `new${i}`, 20_000, "x".repeat(100))).toBe("+OK\r\n");
      expect(used(client)).toBeLessThan(limit + 1000);
    }
    expect(evicted(client)).toBeGreaterThan(150);
    const kept = Number(client.send("EXISTS", ...range(300).map((i) => `keep${i}`)).slice(1));
    if (policy.startsWith("volatile-")) expect(kept).toBe(300);
    else expect(kept).toBeLessThan(300);
  });

  test("volatile policies refuse writes when nothing volatile is left", () => {
    const client = new Rig({ "maxmemory-policy": "volatile-lru" }).connect();
    for (const i of range(100)) client.send("SET", `keep${i}`, "x".repeat(100));
    client.send("SETEX", "go", 100, "x");
    client.send("CONFIG", "SET", "maxmemory", 1);
    expect(client.send("SET", "new", "x")).toMatch(/^-OOM/);
    expect(client.send("GET", "keep1")).toMatch(/^\$100/);
    expect(client.send("DBSIZE")).toBe(":100\r\n");
  });

  test("noeviction takes nothing and refuses", () => {
    const client = new Rig().connect();
    client.send("SETEX", "k", 100, "x");
    client.send("CONFIG", "SET", "maxmemory", 1);
    expect(client.send("SET", "new", "x")).toMatch(/^-OOM/);
    expect(client.send("DBSIZE")).toBe(":1\r\n");
    expect(evicted(client)).toBe(0);
  });

  test("a limit that is lowered is kept at once, in every database, a bounded number at a time", () => {
    const rig = new Rig({ "maxmemory-policy": "allkeys-random" });
    const client = rig.connect();
    for (const db of [0, 3]) {
      client.send("SELECT", db);
      for (const i of range(300)) client.send("SET", `k${i}`, "x");
    }
    client.send("CONFIG", "SET", "maxmemory", 1);
    expect(evicted(client)).toBeGreaterThan(0);
    expect(evicted(client)).toBeLessThan(600);
    for (const _ of range(9)) client.send("PING");
    expect(client.send("DBSIZE")).toBe(":0\r\n");
    expect(client.send("SET", "new", "x")).toMatch(/^-OOM/);
  });

  test("listeners are told", () => {
    const rig = new Rig({ "maxmemory-policy": "allkeys-lru", "notify-keyspace-events": "Ee" });
    const [listener, client] = [rig.connect(), rig.connect()];
    listener.send("PSUBSCRIBE", "*");
    client.send("SET", "foo", "bar");
    listener.output = "";
    client.send("CONFIG", "SET", "maxmemory", 1);
    expect(listener.output).toContain("__keyevent@0__:evicted\r\n$3\r\nfoo");
  });
});

describe("what was used", () => {
  test("least recently: of many keys those that were read stay", () => {
    const rig = new Rig({ "maxmemory-policy": "allkeys-lru", "maxmemory-samples": "10" });
    const client = rig.connect();
    for (const i of range(400)) client.send("SET", `k${i}`, "x");
    rig.nowMs += 60_000;
    for (const i of range(200)) client.send("GET", `k${i * 2}`);
    rig.nowMs += 60_000;
    client.send("PING");
    evict(rig, "allkeys-lru", 150);
    const read = Number(client.send("EXISTS", ...range(200).map((i) => `k${i * 2}`)).slice(1));
    expect(read).toBeGreaterThan(190);
    expect(client.send("OBJECT", "IDLETIME", "k0")).toBe(":60\r\n");
  });

  test("least often: uses raise a counter and time lowers it", () => {
    const rig = new Rig({ "maxmemory-policy": "allkeys-lfu", "lfu-log-factor": "0" });
    const client = rig.connect();
    client.send("SET", "k", "x");
    expect(client.send("OBJECT", "FREQ", "k")).toBe(":5\r\n");
    for (const _ of range(10)) client.send("GET", "k");
    expect(client.send("OBJECT", "FREQ", "k")).toBe(":15\r\n");
    rig.nowMs += 3 * 60_000;
    client.send("PING");
    expect(client.send("OBJECT", "FREQ", "k")).toBe(":12\r\n");
    client.send("CONFIG", "SET", "lfu-decay-time", 0);
    expect(client.send("OBJECT", "FREQ", "k")).toBe(":15\r\n");
    client.send("CONFIG", "SET", "lfu-decay-time", 1);
    client.send("CONFIG", "SET", "lfu-log-factor", 10_000);
    for (const _ of range(100)) client.send("GET", "k");
    expect(client.send("OBJECT", "FREQ", "k")).toBe(":12\r\n");
    expect(client.send("OBJECT", "IDLETIME", "k")).toMatch(/^-ERR An LFU/);
    client.send("CLIENT", "NO-TOUCH", "ON");
    client.send("CONFIG", "SET", "lfu-log-factor", 0);
    client.send("GET", "k");
    expect(client.send("OBJECT", "FREQ", "k")).toBe(":12\r\n");
  });

  test("writing over a key is a use of it, whatever becomes of its record", () => {
    const rig = new Rig({ "maxmemory-policy": "allkeys-lfu", "lfu-log-factor": "0" });
    const client = rig.connect();
    for (const [first, second] of [
      ["a", "b"],
      ["a", "b".repeat(500)],
      ["a".repeat(40_000), "b"],
    ] as const) {
      client.send("SET", "k", first);
      client.send("SET", "k", second);
      expect(client.send("OBJECT", "FREQ", "k")).toBe(":6\r\n");
      client.send("DEL", "k");
    }
    client.send("RPUSH", "k", "x");
    client.send("SET", "k", "text");
    expect(client.send("OBJECT", "FREQ", "k")).toBe(":6\r\n");
    client.send("CONFIG", "SET", "maxmemory-policy", "noeviction");
    client.send("SET", "k", "a");
    rig.nowMs += 10_000;
    client.send("SET", "k", "b".repeat(500));
    expect(client.send("OBJECT", "IDLETIME", "k")).toBe(":0\r\n");
  });

  test("least often: keys in use stay", () => {
    const rig = new Rig({ "maxmemory-policy": "allkeys-lfu", "maxmemory-samples": "10" });
    const client = rig.connect();
    for (const i of range(400)) client.send("SET", `k${i}`, "x");
    for (const _ of range(20)) for (const i of range(100)) client.send("GET", `k${i}`);
    evict(rig, "allkeys-lfu", 230);
    const kept = Number(client.send("EXISTS", ...range(100).map((i) => `k${i}`)).slice(1));
    expect(kept).toBeGreaterThan(90);
  });

  test("RESTORE takes what it is told of earlier uses", () => {
    const rig = new Rig();
    const client = rig.connect();
    client.send("SET", "k", "v");
    const dump = client.words("DUMP", "k")[0]!;
    client.send("RESTORE", "a", 0, dump, "IDLETIME", 1000);
    expect(client.send("OBJECT", "IDLETIME", "a")).toBe(":1000\r\n");
    client.send("CONFIG", "SET", "maxmemory-policy", "volatile-lfu");
    client.send("RESTORE", "b", 0, dump, "FREQ", 100);
    expect(client.send("OBJECT", "FREQ", "b")).toBe(":100\r\n");
  });
});

function evict(rig: Rig, policy: EvictionPolicy, count: number): void {
  const prng = new Prng(7);
  for (const _ of range(count)) evictOne(rig.node.keyspace, policy, 10, () => prng.float());
}

test("volatile-ttl: the earliest deadline goes first, whatever the order of writing", () => {
  const rig = new Rig();
  const client = rig.connect();
  for (const i of [5, 1, 4, 2, 3]) client.send("SETEX", `k${i}`, i * 100, "x");
  client.send("SET", "k0", "x");
  const left: string[] = [];
  for (const _ of range(6)) {
    evict(rig, "volatile-ttl", 1);
    left.push(client.words("KEYS", "*").sort().join(" "));
  }
  expect(left).toEqual(["k0 k2 k3 k4 k5", "k0 k3 k4 k5", "k0 k4 k5", "k0 k5", "k0", "k0"]);
});

test("for other nodes an eviction is a removal of what was seen", () => {
  const cluster = new Cluster(2);
  cluster.on(1, "set a 1");
  cluster.on(1, "sadd s x y");
  cluster.settle();
  cluster.on(2, "sadd s z");
  const { keyspace } = cluster.replicas[0]!;
  expect(evictOne(keyspace, "allkeys-random", 1, () => 0)).toBe(true);
  expect(evictOne(keyspace, "allkeys-random", 1, () => 0)).toBe(true);
  expect(evictOne(keyspace, "allkeys-random", 1, () => 0)).toBe(false);
  cluster.settle();
  for (const node of [1, 2]) {
    expect(cluster.on(node, "exists a")).toBe(0);
    expect(cluster.on(node, "smembers s")).toEqual(["z"]); // Node 1 had not heard of it.
  }
  const [one, two] = cluster.replicas;
  expect(one!.dump()).toEqual(two!.dump());
});
