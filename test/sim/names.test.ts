// Names of nodes are used again: what a forgotten node wrote, and what a new one of its name
// writes, are the work of two writers, wherever either of them is known already.

import { afterEach, expect, test } from "vitest";
import { fromUtf8, utf8 } from "../../src/base/bytes.js";
import { drawProfile, faultKinds } from "../../src/sim/fault-profile.js";
import { describeDivergence, isConverged } from "../../src/sim/judges.js";
import type { SimulatedHost } from "../../src/sim/simulated-host.js";
import { Simulation } from "../../src/sim/simulation.js";

const ms = 1000;

let simulation: Simulation;

afterEach(() => simulation.end());

function found(replicationFactor: number): SimulatedHost[] {
  const options = { nodeCount: 3, isClustered: true, replicationFactor, hasLog: false };
  const drawn = drawProfile(1, { ...options, suppressed: faultKinds });
  simulation = new Simulation({ ...drawn, delayMs: [1, 3], turnUs: 20, readsPerCopy: 0 });
  simulation.runFor(5_000 * ms);
  return simulation.hosts.slice(0, 3);
}

function ask(host: SimulatedHost, ...args: string[]): string {
  let answer = "(nothing)";
  host.perform(({ node }) => {
    node.request(args.map(utf8), (reply) => {
      answer = typeof reply === "string" ? reply : fromUtf8(reply);
    });
  });
  return answer;
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
  for (let i = 0; i < 5; i++) ask(third!, "INCR", "c");
  ask(third!, "SADD", "s", "old");
  ask(third!, "SET", "t", "old");
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
  expect(ask(third!, "GET", "c")).toBe("$-1\r\n");
  for (let i = 0; i < 7; i++) ask(third!, "INCR", "c");
  ask(third!, "SADD", "s", "new");
  ask(third!, "SET", "t", "new");
  simulation.runFor(1_000 * ms);
  network.mend([...between(first!, second!), ...between(first!, third!)]);
  for (let waited = 0; waited < 40 && !isConverged(simulation); waited++)
    simulation.runFor(1_000 * ms);
  expect(isConverged(simulation), describeDivergence(simulation)).toBe(true);
  for (const host of [first!, second!, third!]) {
    expect(ask(host, "GET", "c")).toBe("$2\r\n12\r\n");
    expect(ask(host, "SCARD", "s")).toBe(":2\r\n");
    expect(ask(host, "GET", "t")).toBe("$3\r\nnew\r\n");
    expect(writersOn(host, "c")).toEqual(["n3/1", "n3/2"]);
    expect(host.life!.node.clustering!.membership.get("n3")).toMatchObject({
      ...{ state: "alive", incarnation: 2 },
    });
    host.life!.node.verifyInvariants();
  }
});
