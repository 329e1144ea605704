// Forgetting deleted registers (consensus-rules 14): random runs that collect between two writes,
// and the three stories of why a floor, an idle check and a floor of operations are needed.

import { beforeAll, expect, test } from "vitest";
import { type Counter, newCounters } from "../../src/consensus/counters.js";
import { Cluster } from "./harness.js";
import { begin, call, count, registerAt } from "./stories.js";
import { drawCollectingProfile, judge, runWorkload } from "./workload.js";

const seedCount = 80;
const total = newCounters();
const failures: string[] = [];

beforeAll(() => {
  for (let seed = 1; seed <= seedCount && failures.length === 0; seed++) {
    const profile = drawCollectingProfile(seed);
    const result = runWorkload(profile);
    for (const name of Object.keys(total) as Counter[]) total[name] += result.counters[name];
    const problems = judge(result);
    if (problems.length > 0) failures.push(`${JSON.stringify(profile)}\n${problems.join("\n")}`);
  }
});

test("collecting: random histories stay linearizable", () => {
  expect(failures.join("\n\n")).toBe("");
});

test.each([
  "registersCollected",
  "registersErased",
  "envelopesTooOld",
  "storedOutcomes",
  "takeovers",
] as const)("collecting: sometimes %s", (counter) => {
  expect(total[counter]).toBeGreaterThan(0);
});

const timing = { collectMs: 100 };

test("collecting: a deleted register leaves nothing behind on any node", () => {
  const cluster = new Cluster({ nodeCount: 5, timing });
  const register = registerAt(cluster, "n1");
  expect(call(cluster, "n2", register, "delete")).toBe("0");
  const kept = cluster.nodes.map(({ registers }) => registers.registerCount);
  cluster.run(cluster.nowMs + 500);
  const left = cluster.nodes.map(({ registers }) => registers.registerCount);
  expect(left).toEqual(kept.map((n) => n - 1));
  expect(call(cluster, "n3", register, "read")).toBe("ok");
  expect(call(cluster, "n3", register, "append", "new")).toBe(3);
});

test("collecting: nothing is collected while a member is away, and it is when it is back", () => {
  const cluster = new Cluster({ nodeCount: 3, timing });
  const register = registerAt(cluster, "n1");
  cluster.partition(["n1", "n2"], ["n3"]);
  cluster.run(cluster.nowMs + 400);
  expect(call(cluster, "n1", register, "delete")).toBe("0");
  cluster.run(cluster.nowMs + 1000);
  expect(cluster.counters().registersCollected).toBe(0);
  cluster.heal();
  cluster.run(cluster.nowMs + 3000);
  expect(cluster.counters().registersErased).toBe(3);
});

test("collecting: a write that comes with the votes is not lost", () => {
  // The origin is not idle: its envelope may already run at a higher ballot (the idle check).
  const cluster = new Cluster({ nodeCount: 3, timing });
  const register = registerAt(cluster, "n1");
  expect(call(cluster, "n1", register, "delete")).toBe("0");
  const erases = count(cluster, "erase");
  cluster.filter = (_from, _to, { body }) => body.type !== "forward";
  const write = begin(cluster, "n2", register, "append", "x");
  cluster.run(cluster.nowMs + 150);
  expect(erases()).toBe(0);
  cluster.filter = () => true;
  cluster.run(cluster.nowMs + 600);
  expect(write.told).toBe(1);
  expect(call(cluster, "n3", register, "read")).toBe("x");
});

test("collecting: what is erased under a waiting read starts anew, without its old table", () => {
  // The read keeps the roles of the register, and with them the proposer, whose warm ballot holds
  // the tombstone: proposed from, it would bring back what everybody has just forgotten.
  const cluster = new Cluster({ nodeCount: 3, timing });
  const register = registerAt(cluster, "n1");
  expect(call(cluster, "n2", register, "delete")).toBe("0");
  let read: ReturnType<typeof begin> | undefined;
  const tables: string[][] = [];
  cluster.filter = (from, _to, { body }) => {
    if (body.type === "accept" && body.collects && from === "n1")
      read ??= begin(cluster, "n1", register, "read");
    if (body.type === "accept") tables.push(body.value.applied.map(({ origin }) => origin));
    return body.type !== "read_ok" || cluster.counters().registersErased === 3;
  };
  while (cluster.counters().registersErased < 3) cluster.run(cluster.nowMs + 1);
  expect(read?.told).toBeUndefined();
  expect(tables.at(-1)).toContain("n2");
  expect(call(cluster, "n1", register, "append", "new")).toBe(3);
  expect(tables.at(-1)).toEqual(["n1"]);
});

test("collecting: a late accept does not bring the register back", () => {
  // The blank acceptors have forgotten that they promised above it; the floor remembers.
  const cluster = new Cluster({ nodeCount: 3, timing });
  const register = registerAt(cluster, "n1");
  const late: (() => void)[] = [];
  cluster.filter = (from, to, message) => {
    if (message.body.type === "accept" && late.length < 2)
      late.push(() => cluster.node(to).receive(from, message));
    return true;
  };
  expect(call(cluster, "n1", register, "append", "old")).toBe(4);
  expect(call(cluster, "n1", register, "delete")).toBe("0old");
  cluster.run(cluster.nowMs + 500);
  expect(cluster.counters().registersErased).toBe(3);
  for (const deliver of late) deliver();
  cluster.run(cluster.nowMs + 100);
  for (const { id } of cluster.nodes) expect(call(cluster, id, register, "read")).toBe("ok");
});

test("collecting: a late envelope of before does not run again", () => {
  // Its entry in the applied table is gone with the register; its birth below the floor betrays it.
  const cluster = new Cluster({ nodeCount: 3, timing });
  const register = registerAt(cluster, "n1");
  let late: (() => void) | undefined;
  cluster.filter = (from, to, message) => {
    if (message.body.type === "forward") late ??= () => cluster.node(to).receive(from, message);
    return true;
  };
  expect(call(cluster, "n2", register, "append", "once")).toBe(5);
  expect(call(cluster, "n1", register, "delete")).toBe("0once");
  cluster.run(cluster.nowMs + 500);
  expect(cluster.counters().registersErased).toBe(3);
  late?.();
  cluster.run(cluster.nowMs + 100);
  expect(cluster.counters().envelopesTooOld).toBe(1);
  expect(call(cluster, "n3", register, "read")).toBe("ok");
});

test("collecting: a floor survives the restart of its acceptor", () => {
  const cluster = new Cluster({ nodeCount: 3, timing, profile: { diskMs: [1, 1] } });
  const register = registerAt(cluster, "n1");
  const late: (() => void)[] = [];
  cluster.filter = (from, to, message) => {
    if (message.body.type === "accept" && late.length < 2)
      late.push(() => cluster.node(to).receive(from, message));
    return true;
  };
  expect(call(cluster, "n1", register, "delete")).toBe("0");
  cluster.run(cluster.nowMs + 500);
  for (const node of cluster.nodes) node.crash({ loseState: false });
  for (const node of cluster.nodes) node.start();
  for (const deliver of late) deliver();
  cluster.run(cluster.nowMs + 100);
  for (const { id } of cluster.nodes) expect(call(cluster, id, register, "read")).toBe("ok");
});

test("collecting: a round that fails is not begun again before its time", () => {
  const cluster = new Cluster({ nodeCount: 3, timing: { collectMs: 1000 } });
  const [first, second] = [registerAt(cluster, "n1"), registerAt(cluster, "n1", 1)];
  for (let i = 0; i < 9; i++) call(cluster, "n1", first, "append", "x");
  call(cluster, "n1", first, "delete");
  cluster.run(cluster.nowMs + 200);
  call(cluster, "n1", second, "delete");
  // The first one's floor is above the ballot that the second one was deleted at: it prepares.
  const ballots = new Set<number>();
  cluster.filter = (_from, _to, { body }) => {
    if (body.type !== "prepare" || body.register !== second) return true;
    ballots.add(body.ballot.round);
    return false;
  };
  cluster.run(cluster.nowMs + 2500);
  expect(cluster.counters().registersErased).toBe(3);
  expect(ballots.size).toBe(1);
});
