// Whole nodes on virtual time, each shard on two of four: a key that is read often gets read
// copies, which answer with what they have seen, take no writes, lose nothing, and go again.

import { afterEach, expect, test } from "vitest";
import { utf8 } from "../../src/base/bytes.js";
import { shardOfSlot, slotOfKey } from "../../src/keyspace/slot.js";
import type { SimulatedHost } from "../../src/sim/simulated-host.js";
import { causalPrefix, linearizablePrefix } from "../../src/sim/simulated-host.js";
import type { Simulation } from "../../src/sim/simulation.js";
import { ask, bulk, ms, newQuietCluster, settle } from "./quiet-cluster.js";

const key = "celebrity";
const shard = shardOfSlot(slotOfKey(utf8(key)), 64);

let simulation: Simulation;

afterEach(() => simulation.end());

function found(): SimulatedHost[] {
  simulation = newQuietCluster(4, 2, { readsPerCopy: 10 });
  settle(simulation);
  return simulation.hosts.slice(0, 4);
}

const placingOf = ({ life }: SimulatedHost) => life!.node.clustering!.placing!;
const ownersAmong = (hosts: readonly SimulatedHost[]): SimulatedHost[] =>
  hosts.filter((host) => placingOf(host).serves(shard));

/** Reads of the key in so many seconds at a node, as often each second. */
function read(host: SimulatedHost, perSecond: number, seconds: number): void {
  for (let i = 0; i < perSecond * seconds; i++) {
    ask(simulation, host, "GET", key);
    simulation.runFor((1_000 / perSecond) * ms);
  }
}

/** Reads until so many nodes hold copies that answer; answers them. */
function heat(hosts: readonly SimulatedHost[], perSecond: number, count: number): SimulatedHost[] {
  const [owner] = ownersAmong(hosts);
  const copies = (): SimulatedHost[] => hosts.filter((host) => placingOf(host).hasCopy(shard));
  for (let second = 0; second < 20 && copies().length < count; second++) read(owner!, perSecond, 1);
  expect(copies()).toHaveLength(count);
  return copies();
}

test("read copies: a key that is read often is answered by further nodes, and cools down again", () => {
  const hosts = found();
  const [owner, second] = ownersAmong(hosts);
  const others = hosts.filter((host) => host !== owner && host !== second);
  ask(simulation, owner!, "SET", key, "a");
  for (const other of others) expect(ask(simulation, other, "GET", key)).toMatch(/^-MOVED/);
  const [copy] = heat(hosts, 15, 1);
  expect(others.map(({ name }) => name)).toContain(copy!.name);
  expect(ask(simulation, copy!, "GET", key)).toBe(bulk("a"));
  // What is written reaches it like any holder.
  ask(simulation, second!, "SET", key, "b");
  simulation.runFor(100 * ms);
  expect(ask(simulation, copy!, "GET", key)).toBe(bulk("b"));
  expect(ask(simulation, copy!, "MGET", key, `{${key}}2`)).toBe(`*2\r\n${bulk("b")}$-1\r\n`);
  // It takes no writes, and nothing that waits.
  expect(ask(simulation, copy!, "SET", key, "c")).toMatch(/^-MOVED \d+ n\d:/);
  expect(ask(simulation, copy!, "GETDEL", key)).toMatch(/^-MOVED/);
  expect(ask(simulation, copy!, "XREAD", "STREAMS", key, "0")).toMatch(/^-MOVED/);
  // Clients find it as a replica.
  expect(ask(simulation, owner!, "CLUSTER", "SLOTS")).toContain(copy!.name);
  expect(ask(simulation, owner!, "INFO", "placement")).toMatch(
    new RegExp(`hot_shards:${shard}:\\d+:${copy!.name}\r`),
  );
  expect(ask(simulation, copy!, "INFO", "placement")).toMatch(/shards_copied:1\r/);
  expect(ask(simulation, copy!, "INFO", "placement")).toMatch(/reads_from_copies:[1-9]/);
  expect(ask(simulation, copy!, "SKERRY.LOAD")).toContain(`:${shard}\r\n`);
  // What it answers keeps it warm; then nobody asks any more.
  read(copy!, 15, 5);
  expect(placingOf(copy!).hasCopy(shard)).toBe(true);
  expect(ask(simulation, copy!, "SKERRY.LOAD")).toContain(bulk(key));
  settle(simulation);
  expect(ask(simulation, copy!, "GET", key)).toMatch(/^-MOVED/);
  expect(copy!.life!.node.shards.shards[shard]!.context.isEmpty).toBe(true);
  simulation.runFor(1_000 * ms);
  expect(copy!.life!.node.keyspace.databases[0]!.keys.count).toBe(0);
  expect(ask(simulation, owner!, "GET", key)).toBe(bulk("b"));
});

test("read copies: a session keeps what it has seen on a copy that is gone", () => {
  const hosts = found();
  const [owner] = ownersAmong(hosts);
  const causal = `${causalPrefix}{${key}}`;
  ask(simulation, owner!, "SET", causal, "a");
  const [copy] = heat(hosts, 15, 1);
  expect(ask(simulation, copy!, "GET", causal)).toBe(bulk("a"));
  const token = ask(simulation, copy!, "SKERRY.SESSION");
  settle(simulation);
  expect(ask(simulation, copy!, "GET", causal)).toMatch(/^-MOVED/);
  expect(ask(simulation, copy!, "SKERRY.SESSION")).toBe(token);
  const blank = hosts.find((host) => host !== copy && !placingOf(host).holds(shard))!;
  expect(ask(simulation, blank, "SKERRY.SESSION")).not.toBe(token);
});

test("read copies: more heat brings a second one, and linearizable keys have none", () => {
  const hosts = found();
  const [owner] = ownersAmong(hosts);
  ask(simulation, owner!, "SET", key, "a");
  const copies = heat(hosts, 40, 2);
  for (const copy of copies) expect(ask(simulation, copy, "GET", key)).toBe(bulk("a"));
  // Of the same slot, but linearizable: every node decides it with the others, copy or not.
  const strict = `${linearizablePrefix}{${key}}`;
  expect(ask(simulation, owner!, "SET", strict, "1")).toBe("+OK\r\n");
  for (const host of hosts) expect(ask(simulation, host, "GET", strict)).toBe(bulk("1"));
  const before = copies.map((copy) => placingOf(copy).copyReadCount);
  for (const copy of copies) ask(simulation, copy, "GET", strict);
  expect(copies.map((copy) => placingOf(copy).copyReadCount)).toEqual(before);
  settle(simulation);
});

test("read copies: one that is cut off from those who serve the shard does not answer", () => {
  const hosts = found();
  const [owner, second] = ownersAmong(hosts);
  ask(simulation, owner!, "SET", key, "a");
  const [copy] = heat(hosts, 15, 1);
  const links = [owner!, second!].flatMap(({ index }): [number, number][] => [
    [index, copy!.index],
    [copy!.index, index],
  ]);
  simulation.network.cut(links);
  // Its own clients keep it hot, and it is told of nothing.
  read(copy!, 30, 3);
  expect(ask(simulation, copy!, "GET", key)).toMatch(/^-(MOVED|CLUSTERDOWN)/);
  expect(placingOf(copy!).copyStaleCount).toBe(1);
  simulation.network.mend(links);
  settle(simulation);
});

test("read copies: what has reached only a copy is not lost when that goes", () => {
  const hosts = found();
  const [owner, second] = ownersAmong(hosts);
  ask(simulation, owner!, "SET", key, "a");
  const [copy] = heat(hosts, 15, 1);
  simulation.network.cut([[owner!.index, second!.index]]);
  ask(simulation, owner!, "SET", key, "b");
  simulation.runFor(20 * ms);
  simulation.network.cut([[copy!.index, second!.index]]);
  owner!.crash();
  expect(ask(simulation, second!, "GET", key)).toBe(bulk("a"));
  // The heat is gone long before anybody hears of it.
  simulation.runFor(10_000 * ms);
  expect(placingOf(copy!).holds(shard)).toBe(true);
  simulation.network.mend([
    [owner!.index, second!.index],
    [copy!.index, second!.index],
  ]);
  owner!.start();
  settle(simulation);
  expect(placingOf(copy!).holds(shard)).toBe(false);
  for (const host of ownersAmong(hosts)) expect(ask(simulation, host, "GET", key)).toBe(bulk("b"));
});
