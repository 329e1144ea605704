// The cost table of consensus-rules: messages per operation in a quiet network, to the last one.

import { expect, test } from "vitest";
import type { OperationKind, OperationResult } from "../../src/consensus/context.js";
import { encodeRecord } from "../../src/consensus/records.js";
import { Cluster } from "./harness.js";
import { decodeOutcome, type TestOperation, type TestOutcome } from "./machine.js";

/** Heartbeats and widening off: only the operation's own messages are counted. */
const bare = { heartbeatMs: 1e9, suspectMs: 2e9, readWidenMs: 0 };

let nextId = 1;

function call(
  cluster: Cluster,
  at: string,
  operation: Omit<TestOperation, "id">,
  kind: OperationKind,
): { outcome: TestOutcome | undefined; messages: number; ms: number } {
  const before = cluster.messageCount;
  const startMs = cluster.nowMs;
  let result: OperationResult | undefined;
  let ms = Number.NaN;
  cluster.node(at).submit("r", { id: nextId++, ...operation }, kind, (told) => {
    result = told;
    ms = cluster.nowMs - startMs;
  });
  cluster.run(cluster.nowMs + 50);
  const outcome = result?.kind === "ok" ? decodeOutcome(result.outcome) : undefined;
  return { outcome, messages: cluster.messageCount - before, ms };
}

/** The node that the register "r" lives at, found by who answers a forward. */
function homeOf(cluster: Cluster): string {
  let home = "";
  cluster.filter = (_from, to, { body }) => {
    if (body.type === "forward") home = to;
    return true;
  };
  for (const { id } of cluster.nodes) call(cluster, id, { f: "write", input: "0" }, "write");
  cluster.filter = () => true;
  return home;
}

const write = { f: "write", input: "1" } as const;
const read = { f: "read", input: null } as const;

test.each([
  [3, { cold: 8, warm: 4, away: 6, read: 4, fastRead: 2, casAway: 10, casHome: 8 }],
  [5, { cold: 16, warm: 8, away: 10, read: 8, fastRead: 4, casAway: 18, casHome: 16 }],
])("costs: %i nodes pay what the table says", (nodeCount, cost) => {
  const home = homeOf(new Cluster({ nodeCount, timing: bare }));
  const away = home === "n1" ? "n2" : "n1";
  const cluster = new Cluster({ nodeCount, timing: bare });
  expect(call(cluster, home, write, "write")).toEqual({
    outcome: { ok: null },
    messages: cost.cold,
    ms: 4,
  });
  expect(call(cluster, home, write, "write")).toEqual({
    outcome: { ok: null },
    messages: cost.warm,
    ms: 2,
  });
  const refused = { f: "cas", input: ["8", "9"] } as const;
  expect(call(cluster, home, refused, "write")).toEqual({
    outcome: { refused: 22 },
    messages: cost.warm,
    ms: 2,
  });
  expect(call(cluster, away, write, "write")).toEqual({
    outcome: { ok: null },
    messages: cost.away,
    ms: 4,
  });
  for (const at of [home, away]) {
    expect(call(cluster, at, read, "read")).toEqual({
      outcome: { ok: "1" },
      messages: cost.read,
      ms: 2,
    });
    expect(call(cluster, at, refused, "conditional")).toEqual({
      outcome: { refused: 22 },
      messages: cost.read,
      ms: 2,
    });
  }
  const cas = { f: "cas", input: ["1", "1"] } as const;
  expect(call(cluster, away, cas, "conditional")).toEqual({
    outcome: { ok: null },
    messages: cost.casAway,
    ms: 6,
  });
  expect(call(cluster, home, cas, "conditional")).toEqual({
    outcome: { ok: null },
    messages: cost.casHome,
    ms: 4,
  });
  expect(cluster.monitor.violations).toEqual([]);
});

test.each([
  [3, 2],
  [5, 4],
])("costs: %i nodes read from a bare majority with %i messages", (nodeCount, messages) => {
  const cluster = new Cluster({ nodeCount, timing: { ...bare, readWidenMs: 30 } });
  call(cluster, "n1", write, "write");
  for (const { id } of cluster.nodes)
    expect(call(cluster, id, read, "read")).toEqual({ outcome: { ok: "1" }, messages, ms: 2 });
});

test("costs: one node needs no messages", () => {
  const cluster = new Cluster({ nodeCount: 1 });
  expect(call(cluster, "n1", write, "write")).toMatchObject({ outcome: { ok: null }, messages: 0 });
  expect(call(cluster, "n1", read, "read")).toMatchObject({ outcome: { ok: "1" }, messages: 0 });
});

test("costs: a request is repeated to those who have not answered, and to nobody else", () => {
  // One has voted, one has promised somebody else more than it is asked for; of the others each
  // misses the first copy.
  const home = homeOf(new Cluster({ nodeCount: 5, timing: bare }));
  const cluster = new Cluster({ nodeCount: 5, timing: bare });
  call(cluster, home, write, "write");
  const [voter, refuser, ...deaf] = cluster.nodes.filter(({ id }) => id !== home);
  const ballot = { epoch: 1, round: 99, node: refuser!.id, incarnation: 1 };
  refuser!.crash({ loseState: false });
  refuser!.remember(encodeRecord({ kind: "promised", register: "r", ballot }));
  refuser!.start();
  const asked: string[] = [];
  cluster.filter = (_from, to, { body }) => {
    if (body.type !== "accept") return true;
    asked.push(to);
    return !deaf.some(({ id }) => id === to) || asked.filter((id) => id === to).length > 1;
  };
  expect(call(cluster, home, write, "write").outcome).toBeUndefined();
  cluster.run(cluster.nowMs + 100);
  const twice = deaf.flatMap(({ id }) => [id, id]);
  expect(asked.sort()).toEqual([voter!.id, refuser!.id, ...twice].sort());
  expect(cluster.monitor.violations).toEqual([]);
});

test("costs: a read that nobody answers asks the others after a while, then less often", () => {
  const timing = { ...bare, readWidenMs: 30, retransmitMs: 60, readAttemptMs: 120 };
  const cluster = new Cluster({ nodeCount: 3, timing });
  call(cluster, "n1", write, "write");
  const startMs = cluster.nowMs;
  const asked: number[] = [];
  cluster.filter = (from, to, { body }) => {
    if (body.type !== "read" || from === to) return true;
    asked.push(cluster.nowMs - startMs);
    return false;
  };
  expect(call(cluster, "n1", read, "read").outcome).toBeUndefined();
  cluster.run(startMs + 100);
  // One of two is enough for a majority with n1 itself; both are asked from the second time on.
  expect(asked).toEqual([0, 30, 30, 90, 90]);
});
