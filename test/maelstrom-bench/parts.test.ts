// The parts of the bench that need no process: timers, network, cuts, the nemesis's plan,
// topologies, generators, what replies must look like, what the majority side was granted, the
// command line.

import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { Client } from "../../maelstrom/clients.js";
import { reportMajority } from "../../maelstrom/majority.js";
import { type FaultStep, healingSteps, planFaults } from "../../maelstrom/nemesis.js";
import { Network } from "../../maelstrom/network.js";
import { completeArguments } from "../../maelstrom/official.js";
import { parseOptions } from "../../maelstrom/options.js";
import { drawCut, partitionKinds } from "../../maelstrom/partitions.js";
import { startServices } from "../../maelstrom/services.js";
import { Timers } from "../../maelstrom/timers.js";
import { topologies } from "../../maelstrom/topologies.js";
import { parseReply, type Request, workloads } from "../../maelstrom/workloads.js";
import { Prng } from "../../src/base/prng.js";
import type { Json } from "../../src/check/canonical.js";
import type { Operation } from "../../src/check/history.js";

const nodes = (count: number): string[] => Array.from({ length: count }, (_, i) => `n${i}`);

/** Platform timers and clock under the test's control. */
function withFakeTime(body: (timers: Timers) => void): void {
  vi.useFakeTimers();
  try {
    body(new Timers(() => Date.now()));
  } finally {
    vi.useRealTimers();
  }
}

test("timers: run at their time, in the order of time and then of setting", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50), { maxLength: 60 }), (delays) => {
      withFakeTime((timers) => {
        const ran: [number, number][] = [];
        const cancelled = new Set(delays.map((_, i) => i).filter((i) => i % 5 === 4));
        const startMs = Date.now();
        const set = delays.map((delay, i) =>
          timers.after(delay, () => ran.push([Date.now() - startMs, i])),
        );
        for (const i of cancelled) timers.cancel(set[i]!);
        vi.advanceTimersByTime(100);
        const expected = delays
          .map((delay, i): [number, number] => [delay, i])
          .filter(([, i]) => !cancelled.has(i))
          .sort(([a, i], [b, j]) => a - b || i - j);
        expect(ran).toEqual(expected);
        expect(timers.count).toBe(0);
      });
    }),
    { numRuns: 100 },
  );
});

test("timers: a timer set by a timer runs too, and none after clear", () => {
  withFakeTime((timers) => {
    const ran: string[] = [];
    timers.after(10, () => {
      timers.after(0, () => ran.push("at once"));
      timers.after(5, () => ran.push("later"));
      timers.after(50, () => ran.push("never"));
    });
    vi.advanceTimersByTime(20);
    timers.clear();
    vi.advanceTimersByTime(100);
    expect(ran).toEqual(["at once", "later"]);
  });
});

function newNetwork(timers: Timers, meanMs: number) {
  const malformed: string[] = [];
  const network = new Network(
    timers,
    new Prng(1),
    { meanMs, shape: "constant" },
    (_node, _line, why) => malformed.push(why),
  );
  const received: string[] = [];
  for (const id of nodes(3)) {
    network.addNode(id, {
      send(line) {
        received.push(`${id} ${line}`);
        return true;
      },
    });
  }
  return { network, received, malformed };
}

const line = (src: string, dest: string, body: Json = { type: "x" }): string =>
  JSON.stringify({ src, dest, body });

test("network: latency between nodes, none to clients, and the line as it was", () => {
  withFakeTime((timers) => {
    const { network, received } = newNetwork(timers, 20);
    const replies: unknown[] = [];
    network.addLocal("c1", (message) => replies.push(message));
    const odd = '{ "dest":"n1","src":"n0", "body":{"type":"x"} }';
    network.onLine("n0", odd);
    network.onLine("n0", line("n0", "c1"));
    expect(replies).toHaveLength(1);
    vi.advanceTimersByTime(19);
    expect(received).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(received).toEqual([`n1 ${odd}`]);
    expect(network.counts).toMatchObject({ serverMessages: 1, clientMessages: 1 });
  });
});

test("network: a cut counts on arrival and in its direction only", () => {
  withFakeTime((timers) => {
    const { network, received } = newNetwork(timers, 20);
    network.onLine("n0", line("n0", "n1"));
    vi.advanceTimersByTime(10);
    network.cut = new Map([["n1", new Set(["n0"])]]);
    network.onLine("n1", line("n1", "n0"));
    vi.advanceTimersByTime(30);
    expect(received).toEqual([`n0 ${line("n1", "n0")}`]);
    expect(network.counts.lostToCuts).toBe(1);
    // What was sent during the cut and arrives after it, arrives.
    network.onLine("n0", line("n0", "n1"));
    vi.advanceTimersByTime(10);
    network.cut = new Map();
    vi.advanceTimersByTime(10);
    expect(received).toHaveLength(2);
  });
});

test("network: loss and duplication happen at their rate and never to clients", () => {
  withFakeTime((timers) => {
    const { network, received } = newNetwork(timers, 0);
    network.lossChance = 0.5;
    network.duplicateChance = 0.5;
    for (let i = 0; i < 1000; i++) network.onLine("n0", line("n0", "n1"));
    expect(received.length).toBeGreaterThan(650);
    expect(received.length).toBeLessThan(850);
    received.length = 0;
    for (let i = 0; i < 100; i++)
      network.sendFromLocal({ src: "c1", dest: "n1", body: { type: "x" } });
    expect(received).toHaveLength(100);
  });
});

test("network: what is no message is refused with the reason", () => {
  const { network, received, malformed } = newNetwork(new Timers(() => 0), 0);
  for (const bad of [
    "{",
    "[1]",
    line("n1", "n2"),
    '{"src":"n0","body":{}}',
    '{"src":"n0","dest":"n1","body":3}',
    line("n0", "n9"),
  ]) {
    network.onLine("n0", bad);
  }
  network.onLine("n0", "");
  expect(malformed).toEqual([
    "it is not JSON",
    "a message is a JSON object",
    "its src is not n0",
    "its dest is not a string",
    "its body is not an object",
    "there is no node n9",
  ]);
  expect(received).toEqual([]);
});

test("client: only the reply to its last request counts, and only until the time-out", () => {
  withFakeTime((timers) => {
    const { network, received } = newNetwork(timers, 0);
    const client = new Client("c1", network, timers);
    const answers: unknown[] = [];
    const ask = (): void => {
      client.request("n0", { type: "read" }, 1000, (answer) => answers.push(answer));
    };
    const reply = (to: number): void => {
      network.onLine("n0", line("n0", "c1", { type: "read_ok", in_reply_to: to }));
    };
    ask();
    expect(received.pop()).toContain('"msg_id":1');
    expect(ask).toThrow("already waits");
    vi.advanceTimersByTime(1000);
    expect(answers.splice(0)).toEqual([{ kind: "timeout" }]);
    ask();
    reply(1);
    expect(answers).toEqual([]);
    reply(2);
    reply(2);
    vi.advanceTimersByTime(2000);
    expect(answers).toMatchObject([{ kind: "reply", body: { in_reply_to: 2 } }]);
  });
});

test("services: lin-kv keeps a register, lin-tso counts", () => {
  const { network, received } = newNetwork(new Timers(() => 0), 0);
  startServices(network, new Prng(1));
  const ask = (dest: string, body: { readonly [key: string]: Json }): unknown => {
    network.onLine("n0", line("n0", dest, { ...body, msg_id: 7 }));
    const reply = JSON.parse(received.pop()!.slice(3));
    expect(reply).toMatchObject({ src: dest, dest: "n0", body: { in_reply_to: 7 } });
    return reply.body;
  };
  expect(ask("lin-kv", { type: "read", key: 1 })).toMatchObject({ type: "error", code: 20 });
  expect(ask("lin-kv", { type: "cas", key: 1, from: 0, to: 5 })).toMatchObject({ code: 20 });
  const create = { type: "cas", key: 1, from: 0, to: 5, create_if_not_exists: true };
  expect(ask("lin-kv", create)).toMatchObject({ type: "cas_ok" });
  expect(ask("lin-kv", { type: "cas", key: 1, from: 4, to: 6 })).toMatchObject({ code: 22 });
  expect(ask("lin-kv", { type: "read", key: 1 })).toMatchObject({ value: 5 });
  expect(ask("lin-tso", { type: "ts" })).toMatchObject({ ts: 0 });
  expect(ask("lin-tso", { type: "ts" })).toMatchObject({ ts: 1 });
  for (const eventual of ["seq-kv", "lww-kv"]) {
    expect(ask(eventual, { type: "write", key: 1, value: 2 })).toMatchObject({ type: "write_ok" });
  }
});

test("partitions: each kind cuts what its name says", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 25 }), fc.nat(), (count, seed) => {
      const ids = nodes(count);
      const majority = Math.floor(count / 2) + 1;
      for (const kind of partitionKinds) {
        const { deaf, majoritySide } = drawCut(kind, ids, new Prng(seed))!;
        const hears = (a: string, b: string): boolean => deaf.get(a)?.has(b) !== true;
        const pairs = ids.flatMap((a) => ids.filter((b) => a < b).map((b) => [a, b] as const));
        expect(ids.some((id) => (deaf.get(id)?.size ?? 0) > 0)).toBe(true);
        expect(ids.every((id) => hears(id, id))).toBe(true);
        const isSymmetric = pairs.every(([a, b]) => hears(a, b) === hears(b, a));
        expect(isSymmetric).toBe(kind !== "one-way");
        const apart = ids.filter((id) => (deaf.get(id)?.size ?? 0) === count - 1);
        if (kind === "isolated" && count > 2) expect(apart).toHaveLength(1);
        if (kind === "majority" && count > 2) {
          expect(majoritySide.size).toBeGreaterThanOrEqual(majority);
          expect(majoritySide.size).toBeLessThan(count);
        }
        if (kind === "ring" && count > 2) expect(majoritySide.size).toBe(count);
        if (kind === "one-way" && count % 2 === 1) expect(majoritySide.size).toBe(majority);
      }
    }),
    { numRuns: 100 },
  );
  expect(drawCut("halves", ["n0"], new Prng(1))).toBeUndefined();
});

const planned = (seed: number) =>
  planFaults(
    {
      faults: ["partition", "kill"],
      intervalMs: 3000,
      timeLimitMs: 60_000,
      nodeIds: nodes(5),
    },
    new Prng(seed),
  );

test("nemesis: the plan follows from the seed, and a minute has ten partitions of several kinds", () => {
  for (let seed = 0; seed < 50; seed++) {
    const plan = planned(seed);
    expect(planned(seed)).toEqual(plan);
    const cuts = plan.flatMap(({ step }) => (step.kind === "cut" ? [step.cut.kind] : []));
    expect(cuts).toHaveLength(10);
    expect(new Set(cuts).size).toBeGreaterThan(1);
    expect(plan.filter(({ step }) => step.kind === "heal")).toHaveLength(10);
    expect(plan.every(({ atMs }, i) => i === 0 || plan[i - 1]!.atMs <= atMs)).toBe(true);
    for (const { step } of plan)
      if (step.kind === "kill") expect(step.nodes.length).toBeLessThan(3);
  }
  expect(planned(1)).not.toEqual(planned(2));
});

test("nemesis: healing ends exactly what lasts", () => {
  const taken: FaultStep[] = [
    { kind: "kill", nodes: ["n1", "n2"] },
    { kind: "restart", nodes: ["n1"] },
    { kind: "pause", nodes: ["n3"] },
  ];
  const steps = healingSteps(taken);
  expect(steps).toContainEqual({ kind: "restart", nodes: ["n2"] });
  expect(steps).toContainEqual({ kind: "resume", nodes: ["n3"] });
  expect(steps).toContainEqual({ kind: "heal" });
});

test("topologies: neighbours are mutual and everybody is reachable", () => {
  for (const [name, build] of Object.entries(topologies)) {
    for (const count of [1, 2, 5, 9, 25]) {
      const topology = build(nodes(count));
      const reached = new Set(["n0"]);
      for (const id of reached) for (const neighbour of topology[id]!) reached.add(neighbour);
      expect(reached.size, name).toBe(count);
      for (const [id, neighbours] of Object.entries(topology))
        for (const neighbour of neighbours) expect(topology[neighbour]).toContain(id);
    }
  }
  expect(topologies.tree4(nodes(25)).n0).toEqual(["n1", "n2", "n3", "n4"]);
  expect(topologies.grid(nodes(5)).n4!.sort()).toEqual(["n1", "n3"]);
});

function draw(name: keyof typeof workloads, count: number, threadCount = 20): Request[] {
  const generator = workloads[name].newGenerator({ nodeCount: 5, threadCount }, new Prng(9));
  return Array.from({ length: count }, (_, i) => generator.next(i % threadCount, i % threadCount));
}

test("generators: what is asked is what Maelstrom asks", () => {
  const part = (requests: readonly Request[], f: string): number =>
    requests.filter((request) => request.f === f).length / requests.length;
  expect(part(draw("broadcast", 4000), "broadcast")).toBeCloseTo(1 / 2, 1);
  expect(part(draw("g-counter", 4000), "add")).toBeCloseTo(1 / 3, 1);
  const registers = draw("lin-kv", 6000);
  expect(part(registers, "read")).toBeCloseTo(1 / 2, 1);
  expect(part(registers, "cas")).toBeCloseTo(1 / 3, 1);
  expect(new Set(registers.map(({ key }) => key))).toEqual(new Set([0, 1]));
  const deltas = (name: "g-counter" | "pn-counter") =>
    new Set(draw(name, 4000).flatMap(({ f, input }) => (f === "add" ? [input as number] : [])));
  expect([...deltas("g-counter")].sort()).toEqual([0, 1, 2, 3, 4]);
  expect(Math.min(...deltas("pn-counter"))).toBe(-5);
  expect(Math.max(...deltas("pn-counter"))).toBe(4);
});

test("generators: a key that twenty processes touched is left for a fresh one", () => {
  const generator = workloads["lin-kv"].newGenerator({ nodeCount: 3, threadCount: 6 }, new Prng(1));
  const keys = Array.from({ length: 45 }, (_, process) => generator.next(process % 6, process).key);
  expect(keys.filter((key) => key === 0)).toHaveLength(20);
  expect(keys.filter((key) => key === 1)).toHaveLength(20);
  expect(keys.at(-1)).toBe(2);
});

test("replies: exactly the fields of Maelstrom's schema", () => {
  const { read } = workloads["g-counter"].calls;
  const good = { type: "read_ok", value: 3, in_reply_to: 1 };
  expect(parseReply(read, "read", good)).toEqual({ ok: true, value: 3 });
  expect(parseReply(read, "read", { ...good, msg_id: 4 })).toEqual({ ok: true, value: 3 });
  for (const bad of [
    { ...good, type: "reed_ok" },
    { ...good, value: 3.5 },
    { ...good, value: "3" },
    { ...good, extra: null },
    { type: "read_ok", in_reply_to: 1 },
  ]) {
    expect(parseReply(read, "read", bad).ok).toBe(false);
  }
});

test("majority: only operations sent to its side during the cut count", () => {
  const ms = (time: number): number => time * 1000;
  const op = (node: string, at: number, changes: Partial<Operation> = {}): Operation => ({
    process: 0,
    f: "write",
    input: 1,
    invokedAt: ms(at),
    completedAt: ms(at + 10),
    outcome: "ok",
    node,
    ...changes,
  });
  const cut = {
    kind: "halves",
    description: "n2 | n0 n1",
    majoritySide: ["n0", "n1"],
    fromUs: ms(1000),
    toUs: ms(2000),
  };
  const failed = { outcome: "fail", error: { code: 11 } } as const;
  const history = [
    op("n0", 900),
    op("n2", 1100, { outcome: "indefinite" }),
    op("n0", 1200, failed),
    op("n0", 1300, { f: "cas", outcome: "fail", error: { code: 22 } }),
    op("n1", 1390),
    op("n1", 1500, { outcome: "indefinite" }),
    op("n0", 2100, failed),
  ];
  const outages = [{ node: "n1", fromUs: ms(1450), toUs: ms(1600) }];
  const report = reportMajority(history, [cut], outages, new Set(["write"]));
  expect(report.share).toEqual({ count: 3, answered: 2 });
  expect(report.firstWriteMsMax).toBe(400);
  const later = { ...cut, fromUs: ms(2000), toUs: ms(3000) };
  const both = reportMajority(history, [cut, later], outages, new Set(["write"]));
  expect(both.cutsWithoutWrite).toBe(1);
});

const bin = ["--bin", fileURLToPath(new URL("toy-node.mjs", import.meta.url))];

test("options: Maelstrom's names, and the node's arguments after two dashes", () => {
  const { run } = parseOptions([
    ...["lin-kv", ...bin, "--node-count", "3", "--concurrency", "4n", "--latency", "10"],
    ...[
      "--nemesis",
      "partition,kill",
      "--nemesis-interval",
      "3",
      "--seed",
      "4",
      "--",
      "--port",
      "70",
    ],
  ]);
  expect(run).toMatchObject({
    nodeCount: 3,
    threadCount: 12,
    latency: { meanMs: 10, shape: "constant" },
    faults: ["partition", "kill"],
    nemesisIntervalMs: 3000,
    seed: 4,
    nodeArgs: ["--port", "70"],
  });
  expect(parseOptions(["-w", "echo", ...bin]).run).toMatchObject({ threadCount: 5, nodeArgs: [] });
  expect(parseOptions(["-w", "echo", ...bin, "--", "a"]).run.nodeArgs).toEqual(["a"]);
});

test.each([
  [["nonsense"]],
  [[]],
  [["lin-kv", "--concurrency", "7"]],
  [["echo", "--node-count", "0"]],
  [["echo", "--rate", "fast"]],
  [["echo", "--nemesis", "earthquake"]],
  [["echo", "--availability", "2"]],
  [["echo", "--latency-dist", "steep"]],
  [["echo", "--bin", "/nowhere"]],
])("options: %j ends with exit code 2", (args) => {
  const exit = vi.spyOn(process, "exit").mockImplementation((code) => {
    throw new Error(`exit ${code}`);
  });
  const error = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  try {
    expect(() => parseOptions(args.includes("--bin") ? args : [...args, ...bin])).toThrow("exit 2");
  } finally {
    exit.mockRestore();
    error.mockRestore();
  }
});

test("official: the subcommand and our node are put in where they are missing", () => {
  const complete = (text: string): string => completeArguments(text.split(" "), "NODE").join(" ");
  expect(complete("-w echo --rate 5")).toBe("test -w echo --rate 5 --bin NODE");
  expect(complete("lin-kv --rate 5 -- --port 7")).toBe(
    "test -w lin-kv --rate 5 --bin NODE -- --port 7",
  );
  expect(complete("test -w echo --bin /my/node -- x")).toBe("test -w echo --bin /my/node -- x");
  expect(complete("serve")).toBe("serve");
});
