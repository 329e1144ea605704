// Whole nodes on virtual time, each shard on two of them: what becomes of shards, and of the memory
// that they take, when nodes come and go.

import { afterEach, expect, test } from "vitest";
import { utf8 } from "../../src/base/bytes.js";
import { shardOfSlot, slotOfKey } from "../../src/keyspace/slot.js";
import type { FaultProfile } from "../../src/sim/fault-profile.js";
import type { SimulatedHost } from "../../src/sim/simulated-host.js";
import type { Simulation } from "../../src/sim/simulation.js";
import { ask, bulk, ms, newQuietCluster, settle } from "./quiet-cluster.js";

const shardCount = 64;
const keyCount = 300;

let simulation: Simulation;

afterEach(() => simulation.end());

function found(more: Partial<FaultProfile> = {}): SimulatedHost[] {
  simulation = newQuietCluster(3, 2, more);
  settle(simulation);
  return simulation.hosts;
}

const shardOf = (key: string): number => shardOfSlot(slotOfKey(utf8(key)), shardCount);
const placingOf = ({ life }: SimulatedHost) => life!.node.clustering!.placing!;
const serversOf = (key: string): SimulatedHost[] =>
  simulation.members.filter((host) => placingOf(host).serves(shardOf(key)));

const keys = Array.from({ length: keyCount }, (_, i) => `key:${i}`);

function write(round: string): void {
  for (const [i, key] of keys.entries()) {
    const servers = serversOf(key);
    const host = servers[i % servers.length]!;
    host.perform(({ node }) => node.request(["SET", key, `${round} ${i}`].map(utf8), () => {}));
    const counter = `{${key}}n`;
    host.perform(({ node }) => node.request(["INCRBY", counter, "2"].map(utf8), () => {}));
    simulation.runFor(5 * ms);
  }
}

function expectValues(round: string, increments: number): void {
  for (const [i, key] of keys.entries()) {
    const servers = serversOf(key);
    expect(servers).toHaveLength(2);
    const host = servers[i % 2]!;
    expect(ask(simulation, host, "GET", key)).toBe(bulk(`${round} ${i}`));
    expect(ask(simulation, host, "GET", `{${key}}n`)).toBe(bulk(String(increments * 2)));
  }
}

const keysOn = ({ life }: SimulatedHost): number => life!.node.keyspace.databases[0]!.keys.count;

const givenUpBy = (host: SimulatedHost): number[] =>
  Array.from({ length: shardCount }, (_, shard) => shard).filter((shard) => {
    const { shards } = host.life!.node;
    return shards.released.isBare(shard) && !placingOf(host).holds(shard);
  });

test("giving up: what moved to a node that joined is given back by those who had it", () => {
  const [first, , , fourth] = found();
  write("a");
  simulation.runFor(2_000 * ms);
  const before = first!.life!.node.keyspace.arena.liveBytes;
  fourth!.join(true);
  settle(simulation);
  simulation.runFor(2_000 * ms);
  expect(givenUpBy(first!).length).toBeGreaterThan(2);
  // Two copies of each key and its counter, and no more.
  const total = simulation.members.reduce((sum, host) => sum + keysOn(host), 0);
  expect(total).toBe(keyCount * 2 * 2);
  expect(first!.life!.node.keyspace.arena.liveBytes).toBeLessThan(before * 0.9);
  expect(ask(simulation, first!, "INFO", "placement")).toMatch(/shards_given_up:[1-9]/);
  // What clients are refused counts for nothing, and what they are answered is seen by the others.
  expect(ask(simulation, first!, "INFO", "placement")).toMatch(/operations_per_s_n4:\d/);
  expect(ask(simulation, first!, "SKERRY.LOAD")).toMatch(/^\*\d+\r\n\*8\r\n:\d+\r\n/);
  expectValues("a", 1);
  write("b");
  settle(simulation);
  expectValues("b", 2);
});

test("giving up: a shard that comes back has first what its node wrote in it before", () => {
  const [first, , , fourth] = found();
  write("a");
  fourth!.join(true);
  settle(simulation);
  const gone = givenUpBy(first!);
  write("b");
  settle(simulation);
  expect(fourth!.life!.node.environment.cluster!.leave()).toBeUndefined();
  fourth!.isMember = false;
  settle(simulation);
  expect(gone.every((shard) => placingOf(first!).serves(shard))).toBe(true);
  expect(givenUpBy(first!)).toEqual([]);
  write("c");
  settle(simulation);
  expectValues("c", 3);
});

test("giving up: what comes late for a shard that was given up is not taken in", () => {
  const [first, , , fourth] = found();
  write("a");
  fourth!.join(true);
  settle(simulation);
  const [shard] = givenUpBy(first!);
  const keeper = simulation.members.find(
    (host) => host !== first && placingOf(host).serves(shard!),
  )!;
  const { node } = first!.life!;
  const { shards, keyspace } = keeper.life!.node;
  const state = shards.encodeShard(shard!);
  const sender = node.keyspace.replicas.indexOf(keyspace.replicas.nameOf(keyspace.self));
  const key = keys.find((each) => shardOf(each) === shard)!;
  const before = keysOn(first!);
  first!.perform(() => {
    node.receivePeer(keeper.name, {
      kind: "replication",
      message: { sender, releases: shards.released.count, body: { type: "state", bytes: state } },
    });
  });
  ask(simulation, keeper, "SET", key, "late");
  simulation.runFor(3_000 * ms);
  expect(node.shards.shards[shard!]!.context.isEmpty).toBe(true);
  expect(keysOn(first!)).toBe(before);
  expect(ask(simulation, first!, "GET", key)).toMatch(/^-MOVED/);
});

test("giving up: a log does not bring back what was given up, with a checkpoint or without", () => {
  for (const hasCheckpoint of [false, true]) {
    const [first, , , fourth] = found({ hasLog: true, logPolicy: "always" });
    write("a");
    fourth!.join(true);
    settle(simulation);
    const gone = givenUpBy(first!);
    expect(gone.length).toBeGreaterThan(2);
    if (hasCheckpoint) {
      ask(simulation, first!, "BGSAVE");
      simulation.runFor(3_000 * ms);
    }
    first!.crash();
    first!.start();
    const { node } = first!.life!;
    for (const shard of gone) {
      expect(node.shards.shards[shard]!.context.isEmpty).toBe(true);
      expect(node.shards.released.isBare(shard)).toBe(true);
    }
    node.keyspace.databases[0]!.keys.forEach((ref) => {
      expect(gone).not.toContain(node.shards.shardOfKey(node.keyspace.keyOf(ref)));
    });
    settle(simulation);
    expectValues("a", 1);
    // And back again: the log knows what this node had written.
    expect(fourth!.life!.node.environment.cluster!.leave()).toBeUndefined();
    fourth!.isMember = false;
    settle(simulation);
    write("b");
    settle(simulation);
    expectValues("b", 2);
    simulation.end();
  }
});

test("giving up: nothing is given up while a keeper does not answer", () => {
  const [first, second, third, fourth] = found();
  write("a");
  fourth!.join(true);
  // All the time that it takes others to serve and to stay; then nobody hears the newcomer.
  for (let waited = 0; waited < 100; waited++) {
    simulation.runFor(100 * ms);
    if (placingOf(fourth!).fetchedCount > 0) break;
  }
  const links = [first!, second!, third!].flatMap(({ index }): [number, number][] => [
    [index, fourth!.index],
    [fourth!.index, index],
  ]);
  simulation.network.cut(links);
  simulation.runFor(15_000 * ms);
  expect([first!, second!, third!].flatMap(givenUpBy)).toEqual([]);
  for (const key of keys)
    expect(serversOf(key).filter((host) => host !== fourth).length).toBeGreaterThan(0);
  simulation.network.mend(links);
  settle(simulation);
  expectValues("a", 1);
});

test("membership: who has left and still runs is nobody's peer again", () => {
  const [first, , , fourth] = found({ replicationFactor: 0 });
  fourth!.join(true);
  simulation.runFor(3_000 * ms);
  expect(fourth!.life!.node.environment.cluster!.leave()).toBeUndefined();
  fourth!.isMember = false;
  simulation.runFor(1_000 * ms);
  expect(first!.life!.node.replicator!.lagOf("n4")).toBeUndefined();
  first!.perform(({ node }) => node.clustering!.onLinked("n4", 1, node.nowMs));
  expect(first!.life!.node.replicator!.lagOf("n4")).toBeUndefined();
  // A later process of that name comes as a new one.
  fourth!.crash();
  fourth!.join(true);
  simulation.runFor(3_000 * ms);
  expect(first!.life!.node.replicator!.lagOf("n4")).toBeDefined();
});

test("membership: a fourth voter is taken in only when three others vote, and the rest goes on", () => {
  const [first, second, third, fourth] = found({ replicationFactor: 0 });
  const isVoting = ({ life }: SimulatedHost): boolean => life!.node.registers.votes;
  simulation.runFor(3_000 * ms);
  expect([first, second, third].map((host) => isVoting(host!))).not.toContain(false);
  third!.crash();
  simulation.runFor(10_000 * ms);
  fourth!.join(true);
  simulation.runFor(5_000 * ms);
  expect(isVoting(fourth!)).toBe(false);
  expect(ask(simulation, first!, "SET", "l:key", "a")).toBe("+OK\r\n");
  expect(ask(simulation, second!, "GET", "l:key")).toBe("$1\r\na\r\n");
  third!.start();
  for (let waited = 0; waited < 30 && !isVoting(fourth!); waited++) simulation.runFor(1_000 * ms);
  expect([first, second, third, fourth].map((host) => isVoting(host!))).not.toContain(false);
  expect(ask(simulation, fourth!, "GET", "l:key")).toBe("$1\r\na\r\n");
});

test("membership: one of three voters may lose its memory while a fourth is taken in", () => {
  const [first, second, third, fourth] = found({ replicationFactor: 0 });
  const isVoting = ({ life }: SimulatedHost): boolean => life!.node.registers.votes;
  simulation.runFor(1_000 * ms);
  expect(ask(simulation, first!, "SET", "l:key", "a")).toBe("+OK\r\n");
  fourth!.join(true);
  const epochOf = ({ life }: SimulatedHost): number => life!.node.registers.configuration.epoch;
  while (epochOf(first!) === 1) simulation.runFor(0.1 * ms);
  expect(isVoting(fourth!)).toBe(false);
  second!.crash();
  simulation.runFor(1_000 * ms);
  second!.start();
  for (let waited = 0; waited < 10 && !isVoting(second!); waited++) simulation.runFor(1_000 * ms);
  expect([first, second, third, fourth].map((host) => isVoting(host!))).not.toContain(false);
  expect(ask(simulation, second!, "GET", "l:key")).toBe("$1\r\na\r\n");
});

test("membership: voters change once a majority knows what was chosen before, and not earlier", () => {
  const [first, second, third, fourth] = found({ replicationFactor: 0 });
  const five = simulation.hosts[4]!;
  simulation.runFor(1_000 * ms);
  fourth!.join(true);
  simulation.runFor(4_000 * ms);
  const epochOf = ({ life }: SimulatedHost): number => life!.node.registers.configuration.epoch;
  expect(epochOf(fourth!)).toBe(2);
  const voters = [first!, second!, third!, fourth!].map(({ life }) => life!.node.registers);
  for (const each of voters) {
    expect(each.isSettled).toBe(true);
    Object.defineProperty(each, "isSettled", { configurable: true, value: false });
  }
  simulation.runFor(1_000 * ms);
  five.join(true);
  simulation.runFor(4_000 * ms);
  expect(epochOf(five)).toBe(2);
  for (const each of voters) Reflect.deleteProperty(each, "isSettled");
  simulation.runFor(4_000 * ms);
  expect(epochOf(five)).toBe(3);
});

test("membership: a voter who has left and runs on does not keep others from coming", () => {
  const [first, second, third, fourth] = found({ replicationFactor: 0 });
  simulation.runFor(1_000 * ms);
  expect(first!.life!.node.environment.cluster!.leave()).toBeUndefined();
  first!.isMember = false;
  fourth!.join(true);
  // It is still heard, and was the first of the voters, who admits.
  simulation.runFor(6_000 * ms);
  expect(second!.life!.node.clustering!.membership.isSuspected("n1", 0)).toBe(false);
  for (const { life } of [second!, third!, fourth!]) {
    const { configuration, votes } = life!.node.registers;
    expect(configuration.members.map(({ node }) => node)).toEqual(["n2", "n3", "n4"]);
    expect(votes).toBe(true);
  }
});

test("membership: who hears that it was forgotten answers no clients any more", () => {
  const [first, , third] = found({ replicationFactor: 0 });
  simulation.runFor(1_000 * ms);
  expect(ask(simulation, third!, "SET", "key", "a")).toBe("+OK\r\n");
  simulation.runFor(500 * ms);
  const links = [0, 1].flatMap((other): [number, number][] => [
    [other, third!.index],
    [third!.index, other],
  ]);
  simulation.network.cut(links);
  simulation.runFor(4_000 * ms);
  expect(first!.life!.node.environment.cluster!.forget("n3")).toBeUndefined();
  third!.isMember = false;
  expect(ask(simulation, third!, "SET", "key", "b")).toBe("+OK\r\n");
  simulation.network.mend(links);
  simulation.runFor(3_000 * ms);
  expect(ask(simulation, third!, "SET", "key", "c")).toMatch(/^-LOADING this node does not belong/);
  expect(ask(simulation, first!, "GET", "key")).toBe("$1\r\na\r\n");
});

/** Whether anybody of the founders wants a link to the fourth node. */
const isDialled = (): boolean =>
  simulation.hosts
    .slice(0, 3)
    .some(({ life }) => life!.node.clustering!.targets().includes("n4:7"));

test("membership: a newcomer that hears that it was forgotten does not say that it catches up", () => {
  const [first, , , fourth] = found({ replicationFactor: 0 });
  simulation.runFor(1_000 * ms);
  fourth!.join(true);
  const { clustering } = fourth!.life!.node;
  while (clustering!.membership.peers().length < 3) simulation.runFor(0.1 * ms);
  const links = [0, 1, 2].flatMap((other): [number, number][] => [
    [other, fourth!.index],
    [fourth!.index, other],
  ]);
  simulation.network.cut(links);
  simulation.runFor(2_300 * ms);
  expect(first!.life!.node.environment.cluster!.forget("n4")).toBeUndefined();
  fourth!.isMember = false;
  simulation.runFor(100 * ms);
  // It is heard, and is dialled to be told; a moment later nobody wants a link to it any more.
  expect(isDialled()).toBe(false);
  simulation.network.mend(links);
  const isForgotten = (): boolean => clustering!.membership.get("n4")!.state === "forgotten";
  for (let waited = 0; waited < 40 && !isForgotten(); waited++) simulation.runFor(50 * ms);
  expect(ask(simulation, fourth!, "GET", "key")).toMatch(/^-MOVED \d+ n[123]:/);
  simulation.runFor(3_000 * ms);
  expect(isDialled()).toBe(false);
  expect(ask(simulation, fourth!, "GET", "key")).toMatch(/^-LOADING this node does not belong/);
});

test("membership: who was forgotten is not dialled any more when it dies before it can be told", () => {
  const [first, , , fourth] = found({ replicationFactor: 0 });
  fourth!.join(true);
  simulation.runFor(5_000 * ms);
  const links = [0, 1, 2].flatMap((other): [number, number][] => [
    [other, fourth!.index],
    [fourth!.index, other],
  ]);
  simulation.network.cut(links);
  simulation.runFor(2_300 * ms);
  expect(first!.life!.node.environment.cluster!.forget("n4")).toBeUndefined();
  fourth!.isMember = false;
  simulation.runFor(100 * ms);
  simulation.network.mend(links);
  for (let waited = 0; waited < 2_000 && !isDialled(); waited++) simulation.runFor(ms);
  expect(isDialled()).toBe(true);
  fourth!.crash();
  simulation.runFor(3_000 * ms);
  expect(isDialled()).toBe(false);
});

test("membership: a process whose name a later one goes by answers no clients any more", () => {
  const [, , third] = found({ replicationFactor: 0 });
  simulation.runFor(1_000 * ms);
  const { membership } = third!.life!.node.clustering!;
  third!.perform(() => membership.learn([{ ...membership.self, incarnation: 7 }]));
  expect(ask(simulation, third!, "SET", "key", "a")).toMatch(/^-(MOVED|LOADING)/);
  // Nor once it has heard nobody for so long that a newcomer would serve alone.
  simulation.runFor(4_000 * ms);
  expect(ask(simulation, third!, "SET", "key", "a")).toMatch(/^-(MOVED|LOADING)/);
});

test("membership: a newcomer that heard no answer to its first question asks again", () => {
  const [, , , fourth] = found({ replicationFactor: 0 });
  fourth!.join(true);
  const { clustering, replicator } = fourth!.life!.node;
  while (clustering!.membership.peers().length < 3) simulation.runFor(0.1 * ms);
  // Its questions leave, and for a moment nothing comes back.
  const links = [0, 1, 2].map((other): [number, number] => [other, fourth!.index]);
  simulation.network.cut(links);
  simulation.runFor(250 * ms);
  simulation.network.mend(links);
  expect(replicator!.hasCaughtUpWith("n3")).toBe(false);
  simulation.runFor(6_000 * ms);
  expect(clustering!.isServing).toBe(true);
});

test("membership: a newcomer does not wait for what died with the process that told of it", () => {
  const [first, , , fourth] = found({ replicationFactor: 0 });
  simulation.runFor(1_000 * ms);
  // What the first has written last reaches nobody, but its word that it has.
  const { node } = first!.life!;
  const { shards, keyspace } = node;
  fourth!.join(true);
  const newcomer = fourth!.life!.node;
  while (newcomer.replicator!.lagOf("n1") === undefined) simulation.runFor(0.1 * ms);
  const context = shards.context(0).clone();
  const origin = newcomer.keyspace.replicas.indexOf(keyspace.replicas.nameOf(keyspace.self));
  context.advance(origin, keyspace.clock.last + 4096);
  fourth!.perform(() =>
    newcomer.receivePeer("n1", {
      kind: "replication",
      message: {
        sender: origin,
        body: { type: "contexts", contexts: [{ shard: 0, context }], wantsReply: false },
      },
    }),
  );
  first!.crash();
  first!.start();
  simulation.runFor(8_000 * ms);
  expect(newcomer.clustering!.isServing).toBe(true);
});
