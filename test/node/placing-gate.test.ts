// The gate of placement: what a node answers for keys that it does not serve.

import { expect, test } from "vitest";
import { slotOfKey } from "../../src/keyspace/slot.js";
import { nodeGate } from "../../src/node/dispatcher.js";
import { HotKeys } from "../../src/node/hot-keys.js";
import type { Placing } from "../../src/node/placing.js";
import { errorForKey, placingGate } from "../../src/node/placing-gate.js";
import { adviceOf, ShardLoad } from "../../src/node/shard-load.js";
import { Rig } from "../server-commands/harness.js";

/** This node serves the lower half of two shards, `n2` the upper one. */
function connect(servers: readonly string[] = ["n2"]) {
  const rig = new Rig();
  const { dispatcher, consistency } = rig.node;
  const placing = {
    serves: (shard: number) => shard === 0,
    serversOf: () => servers,
    hasCopy: () => false,
    hotKeys: new HotKeys(2),
    count: () => {},
  } as unknown as Placing;
  dispatcher.nodeGates |= nodeGate.placed;
  const addressOf = (node: string) => (node === "n2" ? "10.0.0.2:6379" : undefined);
  dispatcher.gates.set(
    "placement",
    placingGate({ shardCount: 2, consistency, placing, addressOf }),
  );
  return rig.connect();
}

const keyIn = (shard: number, from = 0): string => {
  for (let i = from; ; i++)
    if (Math.floor(slotOfKey(Buffer.from(`key${i}`)) / 8192) === shard) return `key${i}`;
};
const [here, there] = [keyIn(0), keyIn(1)];
const slot = slotOfKey(Buffer.from(there));

test("placing gate: keys that are here are served, others are elsewhere", () => {
  const client = connect();
  expect(client.send("SET", here, 1)).toBe("+OK\r\n");
  expect(client.send("GET", there)).toBe(`-MOVED ${slot} 10.0.0.2:6379\r\n`);
  expect(client.send("SET", there, 1)).toBe(`-MOVED ${slot} 10.0.0.2:6379\r\n`);
  expect(client.send("PING")).toBe("+PONG\r\n");
  expect(client.send("DBSIZE")).toBe(":1\r\n");
});

test("placing gate: several keys go together to one slot, or nowhere", () => {
  const client = connect();
  const tagged = [`{${there}}a`, `{${there}}b`];
  expect(client.send("MGET", ...tagged)).toBe(`-MOVED ${slot} 10.0.0.2:6379\r\n`);
  const crossed = "-CROSSSLOT Keys in request don't hash to the same slot\r\n";
  expect(client.send("MGET", there, keyIn(1, Number(there.slice(3)) + 1))).toBe(crossed);
  expect(client.send("MGET", here, there)).toBe(crossed);
  // All of them are here: this node does not mind.
  expect(client.send("MGET", here, keyIn(0, Number(here.slice(3)) + 1))).toBe(
    "*2\r\n$-1\r\n$-1\r\n",
  );
});

test("placing gate: a transaction that would reach elsewhere is refused as a whole", () => {
  const client = connect();
  client.send("MULTI");
  expect(client.send("SET", here, 2)).toBe("+QUEUED\r\n");
  expect(client.send("SET", there, 2)).toBe(`-MOVED ${slot} 10.0.0.2:6379\r\n`);
  expect(client.send("EXEC")).toMatch(/^-EXECABORT/);
  expect(client.send("GET", here)).toBe("$-1\r\n");
  client.send("MULTI");
  client.send("SET", here, 3);
  expect(client.send("EXEC")).toBe("*1\r\n+OK\r\n");
});

test("placing gate: a shard that nobody is known to serve is down", () => {
  expect(connect([]).send("GET", there)).toBe("-CLUSTERDOWN Hash slot not served\r\n");
  expect(connect(["n3"]).send("GET", there)).toBe("-CLUSTERDOWN Hash slot not served\r\n");
  expect(connect(["n3", "n2"]).send("GET", there)).toMatch(/^-MOVED/);
});

/** As above; the upper shard is here until it is sent away. */
function connectMoving() {
  const rig = new Rig();
  const { dispatcher, consistency, blocking } = rig.node;
  const away = new Set<number>();
  const load = new ShardLoad(2);
  const placing = {
    serves: (shard: number) => !away.has(shard),
    serversOf: () => ["n2"],
    hasCopy: () => false,
    hotKeys: new HotKeys(2),
    count: (shard: number, bytes: number) => load.count(shard, bytes),
  } as unknown as Placing;
  dispatcher.nodeGates |= nodeGate.placed;
  const ports = { shardCount: 2, consistency, placing, addressOf: () => "10.0.0.2:6379" };
  dispatcher.gates.set("placement", placingGate(ports));
  const send = (shard: number): void => {
    away.add(shard);
    blocking.redirect((key) => errorForKey(ports, key));
    rig.node.settle();
  };
  return { rig, send, load };
}

test("placing gate: a transaction does not run on a shard that has gone since it was queued", () => {
  const { rig, send } = connectMoving();
  const client = rig.connect();
  client.send("MULTI");
  expect(client.send("SET", there, 2)).toBe("+QUEUED\r\n");
  send(1);
  expect(client.send("EXEC")).toMatch(/^-EXECABORT .*MOVED/);
  expect(client.send("SET", here, 1)).toBe("+OK\r\n");
});

test("placing gate: what was watched in a shard that has gone cannot be relied on", () => {
  const { rig, send } = connectMoving();
  const client = rig.connect();
  client.send("WATCH", there);
  client.send("MULTI");
  client.send("SET", here, 2);
  send(1);
  expect(client.send("EXEC")).toMatch(/^-EXECABORT .*MOVED/);
});

test("placing gate: who waits for a key is sent after it", () => {
  const { rig, send } = connectMoving();
  const client = rig.connect();
  expect(client.send("BLPOP", there, 0)).toBe("");
  const other = rig.connect();
  expect(other.send("BLPOP", here, 0)).toBe("");
  send(1);
  expect(client.output).toBe(`-MOVED ${slot} 10.0.0.2:6379\r\n`);
  expect(other.output).toBe("");
});

// ---- traffic

test("load: what is asked of a shard is counted with it, and what is refused is not", () => {
  const { rig, send, load } = connectMoving();
  const client = rig.connect();
  load.sample(1_000_000);
  for (let i = 0; i < 30; i++) client.send("SET", there, "0123456789");
  for (let i = 0; i < 10; i++) client.send("GET", here);
  client.send("PING");
  load.sample(1_010_000);
  expect(load.operationRate(1)).toBeCloseTo(3 * load.operationRate(0), 5);
  expect(load.byteRate(1)).toBeGreaterThan(3 * load.byteRate(0));
  expect(load.hottest).toBe(1);
  const before = load.totalRate;
  send(1);
  for (let i = 0; i < 1_000; i++) client.send("SET", there, "v");
  load.sample(1_011_000);
  expect(load.totalRate).toBeLessThan(before);
});

test("load: a rate follows the traffic, and a burst fades to nothing", () => {
  const load = new ShardLoad(4);
  load.sample(1_000);
  let nowMs = 1_000_000;
  load.sample(nowMs);
  for (let second = 0; second < 60; second++) {
    for (let i = 0; i < 200; i++) load.count(2, 50);
    nowMs += 1_000;
    load.sample(nowMs);
  }
  expect(load.operationRate(2)).toBeGreaterThan(190);
  expect(load.operationRate(2)).toBeLessThanOrEqual(200);
  expect(load.byteRate(2)).toBeCloseTo(load.operationRate(2) * 50, 0);
  for (let second = 1; second <= 300; second++) load.sample(nowMs + second * 1_000);
  expect(load.totalRate).toBe(0);
  expect(load.totalByteRate).toBe(0);
});

test("load: advice comes from traffic, and an idle cluster needs none", () => {
  const few = { others: [10, 10], shardsPerNode: 21 };
  expect(adviceOf({ ...few, own: 0, hottest: 0 })).toBe("none");
  expect(adviceOf({ ...few, own: 50, hottest: 50 })).toBe("none");
  expect(adviceOf({ ...few, own: 1_000, hottest: 900 })).toBe("split");
  expect(adviceOf({ ...few, own: 1_000, hottest: 60 })).toBe("rebalance");
  expect(adviceOf({ own: 1_000, hottest: 60, others: [900, 1_100], shardsPerNode: 21 })).toBe(
    "none",
  );
  expect(adviceOf({ own: 20, hottest: 1, others: [10], shardsPerNode: 4_096 })).toBe("merge");
});
