// Whole nodes on virtual time: one leaves its cluster while clients write everywhere, and nothing
// that was acknowledged is lost.

import { afterEach, expect, test } from "vitest";
import { fromUtf8, utf8 } from "../../src/base/bytes.js";
import { leaveMsMax } from "../../src/node/leaving.js";
import { encodeRequest } from "../../src/sim/client.js";
import type { SimulatedHost } from "../../src/sim/simulated-host.js";
import type { Simulation } from "../../src/sim/simulation.js";
import { ms, newQuietCluster, settle } from "./quiet-cluster.js";

const writersPerHost = 4;

let simulation: Simulation;

afterEach(() => simulation.end());

function found(nodeCount: number, replicationFactor: number): SimulatedHost[] {
  simulation = newQuietCluster(nodeCount, replicationFactor);
  // They meet, and serve.
  simulation.runFor(5_000 * ms);
  settle(simulation);
  return simulation.hosts.slice(0, nodeCount);
}

/** A connection on which one request follows the other. */
class Caller {
  readonly replies: string[] = [];
  readonly #host: SimulatedHost;
  readonly #session;

  constructor(host: SimulatedHost, onReply: (reply: string) => void = () => {}) {
    this.#host = host;
    this.#session = host.connect({
      onReply: (bytes) => {
        this.replies.push(fromUtf8(bytes));
        onReply(this.replies.at(-1)!);
      },
      onClose: () => {},
    })!;
  }

  send(...args: string[]): void {
    this.#host.receiveBytes(this.#session, encodeRequest(args), (_life, run) => run());
  }
}

/** Increments a counter again and again, until it is stopped or refused. */
class Writer {
  readonly key: string;
  acknowledged = 0;
  refusal = "";
  isStopped = false;
  readonly #caller: Caller;

  constructor(host: SimulatedHost, key: string) {
    this.key = key;
    this.#caller = new Caller(host, (reply) => this.#onReply(reply));
    this.#caller.send("INCR", key);
  }

  #onReply(reply: string): void {
    if (!reply.startsWith(":")) {
      this.refusal = reply;
      return;
    }
    this.acknowledged++;
    if (!this.isStopped) simulation.queue.after(2 * ms, () => this.#caller.send("INCR", this.key));
  }
}

function serves({ life }: SimulatedHost, key: string): boolean {
  const { clustering, shards } = life!.node;
  return clustering!.placing?.serves(shards.shardOfKey(utf8(key))) ?? true;
}

/** Writers on every host, each with a counter that its host serves. */
function writeEverywhere(hosts: readonly SimulatedHost[]): Writer[] {
  return hosts.flatMap((host) =>
    Array.from({ length: 400 }, (_, i) => `${host.name}:${i}`)
      .filter((key) => serves(host, key))
      .slice(0, writersPerHost)
      .map((key) => new Writer(host, key)),
  );
}

function readAnywhere(key: string): string {
  const server = simulation.members.find((host) => serves(host, key))!;
  const caller = new Caller(server);
  caller.send("GET", key);
  simulation.runFor(10 * ms);
  return caller.replies[0]!.split("\r\n")[1]!;
}

for (const { nodes, factor } of [
  { nodes: 3, factor: 0 },
  { nodes: 4, factor: 2 },
]) {
  const where = factor === 0 ? "every node holds everything" : "each shard is on two of four";
  test(`leaving: under writes, where ${where}, it is soon done and loses nothing`, () => {
    const hosts = found(nodes, factor);
    const leaver = hosts.at(-1)!;
    const writers = writeEverywhere(hosts);
    simulation.runFor(300 * ms);
    expect(writers.every(({ acknowledged }) => acknowledged > 20)).toBe(true);
    const operator = new Caller(leaver);
    operator.send("SKERRY.LEAVE");
    simulation.runFor(1_500 * ms);
    expect(operator.replies).toEqual(["+OK\r\n"]);
    leaver.isMember = false;
    // Its clients are sent on, and those of the others notice nothing.
    for (const writer of writers) {
      const isSentOn = writer.key.startsWith(leaver.name);
      expect(writer.refusal).toMatch(isSentOn ? /^-MOVED \d+ n[123]:/ : /^$/);
    }
    simulation.runFor(2_000 * ms);
    leaver.crash();
    for (const writer of writers) writer.isStopped = true;
    simulation.runFor(100 * ms);
    settle(simulation);
    for (const { key, acknowledged } of writers)
      expect(readAnywhere(key)).toBe(String(acknowledged));
  });
}

test("leaving: a node that cannot leave says so in time, and takes writes again", () => {
  const hosts = found(3, 0);
  const [first, second, third] = hosts;
  const writer = new Writer(third!, "k");
  simulation.runFor(100 * ms);
  simulation.network.cut([[first!.index, third!.index]]);
  const operator = new Caller(third!);
  operator.send("SKERRY.LEAVE");
  simulation.runFor(1_000 * ms);
  const before = writer.acknowledged;
  simulation.runFor((leaveMsMax - 2_000) * ms);
  expect(operator.replies).toEqual([]);
  expect(writer.acknowledged).toBe(before);
  simulation.runFor(1_500 * ms);
  expect(operator.replies[0]).toMatch(/^-TRYAGAIN n1 is not heard/);
  expect(writer.acknowledged).toBeGreaterThan(before);
  writer.isStopped = true;
  simulation.network.mend([[first!.index, third!.index]]);
  settle(simulation);
  expect(readAnywhere("k")).toBe(String(writer.acknowledged));
  expect(second!.life!.node.clustering!.membership.get("n3")!.state).toBe("alive");
});

test("leaving: what one that died told this node alone is passed on before it leaves", () => {
  const [first, second, third] = found(3, 0);
  const both = (a: SimulatedHost, b: SimulatedHost): [number, number][] => [
    [a.index, b.index],
    [b.index, a.index],
  ];
  simulation.network.cut([...both(first!, second!), ...both(second!, third!)]);
  new Caller(third!).send("SET", "k", "v");
  simulation.runFor(50 * ms);
  third!.crash();
  third!.isMember = false;
  simulation.runFor(5_000 * ms);
  simulation.network.mend(both(second!, third!));
  const cluster = first!.life!.node.environment.cluster!;
  expect(cluster.forget("n3")).toBeUndefined();
  // Heard again, and before anything else is said.
  const node = first!.life!.node;
  node.clustering!.membership.noteHeard("n2", second!.incarnation, node.nowMs);
  expect(cluster.leave()).toMatch(/not confirmed/);
  simulation.network.mend(both(first!, second!));
  const operator = new Caller(first!);
  operator.send("SKERRY.LEAVE");
  simulation.runFor(8_000 * ms);
  expect(operator.replies).toEqual(["+OK\r\n"]);
  first!.isMember = false;
  expect(readAnywhere("k")).toBe("v");
});
