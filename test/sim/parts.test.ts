// The parts of the simulator that other conclusions rest on.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { type BuggifyPoint, buggify, buggifyPoints } from "../../src/base/buggify.js";
import { Prng } from "../../src/base/prng.js";
import type { Operation } from "../../src/check/history.js";
import { checkLinearizable } from "../../src/check/linearizability.js";
import { Client } from "../../src/sim/client.js";
import { EventQueue } from "../../src/sim/event-queue.js";
import {
  describeProfile,
  drawProfile,
  faultKinds,
  isBuggifyPoint,
} from "../../src/sim/fault-profile.js";
import { History } from "../../src/sim/history.js";
import { judgeNode } from "../../src/sim/judges.js";
import { type LoggedWrite, OperationLog, seenBy } from "../../src/sim/operation-log.js";
import { simulate } from "../../src/sim/simulate.js";
import { SimulatedClock, startUnixMs } from "../../src/sim/simulated-clock.js";
import { Simulation } from "../../src/sim/simulation.js";
import { stringModel } from "../../src/sim/string-model.js";
import type { Request } from "../../src/sim/workload.js";
import { Zipf } from "../../src/sim/zipf.js";
import { storeFaults } from "../../src/storage/faulty-store.js";
import { set } from "../replication/operations.js";
import { newReplica } from "../replication/pair.js";

test("zipf: the exact law, so ten of a thousand keys get 39 % of the picks", () => {
  const zipf = new Zipf(1000, 1);
  const prng = new Prng(1);
  const picks = 200_000;
  const counts = new Array<number>(1000).fill(0);
  for (let i = 0; i < picks; i++) counts[zipf.draw(prng)]!++;
  const harmonic = Array.from({ length: 1000 }, (_, i) => 1 / (i + 1)).reduce((a, b) => a + b);
  const share = (count: number): number => counts.slice(0, count).reduce((a, b) => a + b) / picks;
  expect(share(10)).toBeCloseTo(0.3913, 2);
  expect(share(1)).toBeCloseTo(1 / harmonic, 2);
  expect(counts.every((count) => count > 0)).toBe(true);
});

test("zipf: without skew all keys are alike", () => {
  const zipf = new Zipf(4, 0);
  const prng = new Prng(2);
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < 40_000; i++) counts[zipf.draw(prng)]!++;
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
});

test("virtual time: events run by time, then in the order in which they were made", () => {
  const queue = new EventQueue();
  const ran: string[] = [];
  const prng = new Prng(3);
  for (let i = 0; i < 500; i++) {
    const at = prng.below(20);
    queue.at(at, () => ran.push(`${String(at).padStart(2)} ${String(i).padStart(3)}`));
  }
  queue.runUntil(20);
  expect(ran).toHaveLength(500);
  expect(ran).toEqual([...ran].sort());
  queue.at(5, () => ran.push("late")); // In the past: next, and time does not go back.
  queue.runUntil(30);
  expect(ran.at(-1)).toBe("late");
  expect(queue.nowUs).toBe(30);
});

test("clocks: they follow a jump forward, and go on evenly after a jump back", () => {
  const clock = new SimulatedClock(0, 1);
  expect(clock.now(1_000_000)).toBe(startUnixMs + 1000);
  clock.jump(500);
  expect(clock.now(1_000_000)).toBe(startUnixMs + 1500);
  clock.jump(-2000);
  expect(clock.now(1_100_000)).toBe(startUnixMs + 1600);
  const fast = new SimulatedClock(0, 1.5);
  expect(fast.now(2_000_000)).toBe(startUnixMs + 3000);
});

test("profiles: drawn from the seed, with whole kinds switched off; suppression moves nothing", () => {
  const seeds = Array.from({ length: 100 }, (_, seed) => seed);
  for (const kind of faultKinds) {
    const on = seeds.filter((seed) => drawProfile(seed).rates[kind] > 0).length;
    expect(on, kind).toBeGreaterThan(40);
    expect(on, kind).toBeLessThan(90);
  }
  expect(drawProfile(7)).toEqual(drawProfile(7));
  const { rates, ...rest } = drawProfile(7, { suppressed: ["network_drop"] });
  const { rates: all, ...others } = drawProfile(7);
  expect(rest).toEqual(others);
  expect(rates).toEqual({ ...all, network_drop: 0 });
  expect(describeProfile(drawProfile(7))).toContain("seed=7 preset=moderate");
});

/** The 40 of the project's catalogue, by the part of the world that fails. */
const catalogue: Readonly<Record<string, string>> = {
  network: "drop corrupt partial_write reorder reset connect_timeout delay duplicate",
  timer: "drift_fast drift_slow skip duplicate jump_forward jump_back",
  process: "crash pause slow out_of_memory",
  cpu: "starvation",
  disk: "write_fail partial_write corruption slow fsync_fail stale_read full",
  object: "put_fail get_fail delete_fail rename_fail get_corrupt timeout partial_write",
  "object ": "incomplete_list slow",
  gossip: "drop delay corrupt",
  split: "brain",
  stale: "replica",
};
/** The cluster keeps nothing in an object store in here yet: test/storage fails its stores. */
const isElsewhere = (name: string): boolean => name.startsWith("object");

test("faults: all 40 of the catalogue, those of object stores at the stores themselves", () => {
  const names = Object.entries(catalogue).flatMap(([part, kinds]) =>
    kinds.split(" ").map((kind) => `${part.trim()}_${kind}`),
  );
  expect(names).toHaveLength(40);
  const known: readonly string[] = faultKinds;
  expect(names.filter((name) => !isElsewhere(name) && !known.includes(name))).toEqual([]);
  const elsewhere = names.filter(isElsewhere).map((name) => name.slice("object_".length));
  expect(elsewhere.filter((name) => !(name in storeFaults))).toEqual([]);
});

/** Operations one after the other, each by a process of its own. */
const verdictOf = (...operations: (Partial<Operation> & { f: string })[]): string =>
  checkLinearizable(
    operations.map((operation, i) => ({
      process: i,
      input: null,
      invokedAt: i * 10,
      completedAt: i * 10 + 5,
      outcome: "ok" as const,
      ...operation,
    })),
    stringModel,
  ).verdict;

test("the judge of strings: increments, appends and refusals must be explained", () => {
  const incr = (output: string) => ({ f: "incr", input: 1, output });
  const read = (output: string | null) => ({ f: "read", output });
  const failed = { outcome: "fail" as const, error: { code: 11 } };
  expect(verdictOf(incr("1"), incr("2"), read("2"))).toBe("valid");
  expect(verdictOf(incr("1"), incr("1"))).toBe("invalid");
  expect(verdictOf(incr("1"), read(null))).toBe("invalid");
  // Told that it certainly did not happen, and it did.
  expect(verdictOf({ f: "incr", input: 1, ...failed }, read("1"))).toBe("invalid");
  expect(verdictOf({ f: "incr", input: 1, outcome: "indefinite" }, read("1"))).toBe("valid");
  const append = (input: string, output: number) => ({ f: "append", input, output });
  expect(verdictOf(append("ab", 2), append("c", 3), read("abc"))).toBe("valid");
  expect(verdictOf(append("ab", 2), append("c", 3), read("cab"))).toBe("invalid");
  const refused = { f: "cas", input: ["1", "2"], outcome: "fail" as const, error: { code: 22 } };
  expect(verdictOf({ f: "write", input: "1" }, refused)).toBe("invalid");
  expect(verdictOf({ f: "write", input: "3" }, refused, read("3"))).toBe("valid");
});

test("the judge of logs: what a crash took is told, unless it came to nothing in its batch", () => {
  const [living, returned] = [newReplica("n1/1"), newReplica("n1/1")];
  const node = (shards: typeof living) => ({ shards, keyspace: shards.keyspace });
  const lostOf = (...writes: LoggedWrite[]): string[] => {
    const log = new OperationLog();
    set(living.keyspace, "t1", "opens the batch");
    const told = log.addTogether(node(living), writes, (key) => seenBy(node(living), key));
    for (const write of told) write.isTold = true;
    expect(log.forgetLost(node(living), "n2")).toEqual([]);
    return log.forgetLost(node(returned), "n1");
  };
  const write = (key: string, kind: LoggedWrite["kind"], element = ""): LoggedWrite => ({
    ...{ key, kind, element, text: "1", by: 1 },
  });
  expect(lostOf(write("t1", "increment"))).toEqual(["t1"]);
  expect(lostOf(write("q1", "add", "a"), write("q1", "remove", "a"))).toEqual([]);
  expect(lostOf(write("q1", "add", "a"), write("q1", "remove", "b"))).toEqual(["q1"]);
});

test("the judge of logs: an empty disk is not blamed for what was told before, but for what comes later", () => {
  const [first, second, returned] = [newReplica("n1/1"), newReplica("n1/2"), newReplica("n1/2")];
  const log = new OperationLog();
  const tell = (shards: typeof first, key: string): void => {
    set(shards.keyspace, key, "opens the batch");
    const node = { shards, keyspace: shards.keyspace };
    const write: LoggedWrite = { key, kind: "set", element: "", text: "1", by: 0 };
    for (const told of log.addTogether(node, [write], () => seenBy(node, key))) told.isTold = true;
  };
  tell(first, "t1");
  log.forgive("n1");
  tell(second, "t2");
  log.forgive("n2");
  expect(log.forgetLost({ shards: returned, keyspace: returned.keyspace }, "n1")).toEqual(["t2"]);
});

/** Requests of one client at a node whose writes wait, and what the log then expects of a key. */
function logWhatWaited(key: string, requests: readonly Request[]): unknown {
  const profile = drawProfile(1, { nodeCount: 3, isClustered: false, suppressed: faultKinds });
  const simulation = new Simulation({ ...profile, delayMs: [1, 3] });
  try {
    const log = new OperationLog();
    const history = new History(simulation);
    const [host] = simulation.members;
    const { life } = host!;
    host!.perform(({ node }) => node.environment.pause(node.nowMs + 300, "write"));
    const left = [...requests];
    const world = { simulation, log, history, next: () => left.shift() };
    new Client(world, host!, new Prng(4), { thinkMs: 1, mayMove: false });
    simulation.runFor(100_000);
    expect(log.expect(key, seenBy(life!.node, key))).toBeUndefined();
    simulation.runFor(500_000);
    expect(left).toEqual([]);
    host!.inspect((at) => judgeNode(simulation, log, host!, at, [key]));
    expect(simulation.violations).toEqual([]);
    life!.node.shards.settle();
    return log.expect(key, seenBy(life!.node, key));
  } finally {
    simulation.end();
  }
}

test("the log of operations: what waits at a node is written when it is done, a transaction too", () => {
  const write = { element: "", text: "", by: 0 };
  const push: Request = {
    ...{ family: "logged", args: ["LPUSH", "q1", "a"], keys: ["q1"] },
    write: () => [{ ...write, key: "q1", kind: "add", element: "a" }],
  };
  expect(logWhatWaited("q1", [push])).toEqual(["a"]);
  const transaction = [["INCR", "t1"]];
  const together: Request = {
    ...{ family: "logged", args: ["MULTI", "INCR t1"], transaction, keys: ["t1"] },
    write: ({ kind }) =>
      kind === "array" ? [{ ...write, key: "t1", kind: "increment", by: 1 }] : [],
  };
  expect(logWhatWaited("t1", [together])).toBe("1");
});

test("buggify: nobody but the simulator arms the points, and a run leaves them unarmed", () => {
  const arming = sourceFiles().filter((path) => readFileSync(path, "utf8").includes("armBuggify"));
  expect(arming.map((path) => path.split("/src/")[1]).sort()).toEqual([
    "base/buggify.ts",
    "sim/simulation.ts",
  ]);
  const { faultCounts } = simulate(7, { preset: "chaos", safetyMs: 1000 });
  expect(faultKinds.filter(isBuggifyPoint).some((kind) => faultCounts.count(kind) > 0)).toBe(true);
  for (const point of Object.keys(buggifyPoints) as BuggifyPoint[])
    for (let i = 0; i < 100; i++) expect(buggify(point)).toBe(false);
});

const sourceFiles = (): string[] => {
  const folder = fileURLToPath(new URL("../../src/", import.meta.url));
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return names.filter((name) => name.endsWith(".ts")).map((name) => `${folder}${name}`);
};
