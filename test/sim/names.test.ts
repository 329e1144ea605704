// Names of nodes are used again: what a forgotten node wrote, and what a new one of its name
// writes, are the work of two writers, wherever either of them is known already.

import { afterEach, expect, test } from "vitest";
import { utf8 } from "../../src/base/bytes.js";
import type { SimulatedHost } from "../../src/sim/simulated-host.js";
import type { Simulation } from "../../src/sim/simulation.js";
import { ask, ms, newQuietCluster, settle } from "./quiet-cluster.js";

let simulation: Simulation;

afterEach(() => simulation.end());

function found(replicationFactor: number): SimulatedHost[] {
  simulation = newQuietCluster(3, replicationFactor);
  simulation.runFor(5_000 * ms);
  return simulation.hosts.slice(0, 3);
}

const between = (a: SimulatedHost, b: SimulatedHost): [number, number][] => [
  [a.index, b.index],
  [b.index, a.index],
];

/** The processes that have written, by the word of a node. */
const writersOn = ({ life }: SimulatedHost, key: string): string[] => {
  const { shards, keyspace } = life!.node;
  const { context } = shards.shards[shards.shardOfKey(utf8(key))]!;
  return [...context.entries()].map(([replica]) => keyspace.replicas.nameOf(replica)).sort();
};

test("names: a forgotten name is used again while its former writes are known to one node alone", () => {
  // No wait for stability: a counter row, a stamp and a stream belong to a name *and* a process,
  // and no process is ever named twice. So the two never meet in one row, in one stream or as one
  // stamp.
  const [first, second, third] = found(0);
  const network = simulation.network;
  network.cut([...between(second!, third!), ...between(first!, second!)]);
  for (let i = 0; i < 5; i++) ask(simulation, third!, "INCR", "c");
  ask(simulation, third!, "SADD", "s", "old");
  ask(simulation, third!, "SET", "t", "old");
  simulation.runFor(100 * ms);
  third!.crash();
  third!.isMember = false;
  simulation.runFor(5_000 * ms);
  expect(first!.life!.node.environment.cluster!.forget("n3")).toBeUndefined();
  // The new one meets only who has heard neither of those writes nor that its name was forgotten.
  network.cut(between(first!, third!));
  network.mend(between(second!, third!));
  third!.join(true);
  simulation.runFor(35_000 * ms);
  expect(ask(simulation, third!, "GET", "c")).toBe("$-1\r\n");
  for (let i = 0; i < 7; i++) ask(simulation, third!, "INCR", "c");
  ask(simulation, third!, "SADD", "s", "new");
  ask(simulation, third!, "SET", "t", "new");
  simulation.runFor(1_000 * ms);
  network.mend([...between(first!, second!), ...between(first!, third!)]);
  settle(simulation);
  for (const host of [first!, second!, third!]) {
    expect(ask(simulation, host, "GET", "c")).toBe("$2\r\n12\r\n");
    expect(ask(simulation, host, "SCARD", "s")).toBe(":2\r\n");
    expect(ask(simulation, host, "GET", "t")).toBe("$3\r\nnew\r\n");
    expect(writersOn(host, "c")).toEqual(["n3/1", "n3/2"]);
    expect(host.life!.node.clustering!.membership.get("n3")).toMatchObject({
      ...{ state: "alive", incarnation: 2 },
    });
    host.life!.node.verifyInvariants();
  }
});
