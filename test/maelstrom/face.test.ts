// The Maelstrom face without processes: each workload on one node and on three, the errors it owes,
// and what travels between nodes.

import { expect, test } from "vitest";
import { isDefinite } from "../../src/base/errors.js";
import { holdMs } from "../../src/wire/maelstrom.js";
import { Cluster, errorOf, FaceNode, redis } from "./cluster.js";

const init = { type: "init", node_id: "n1", node_ids: ["n1"] };

// ---- workloads

test.each([1, 3])("echo, generate and topology on %d nodes", (count) => {
  const cluster = new Cluster(count);
  const payload = { text: "Please echo 35", deep: [null, { "": [1.5, -0, "é\u0000"] }] };
  expect(cluster.ask("n1", { type: "echo", echo: payload })).toEqual({
    type: "echo_ok",
    in_reply_to: expect.any(Number),
    echo: JSON.parse(JSON.stringify(payload)),
  });
  const ids = new Set<unknown>();
  for (let i = 0; i < 30; i++) ids.add(cluster.ask(`n${1 + (i % count)}`, { type: "generate" }).id);
  expect(ids.size).toBe(30);
  const topology = { n1: ["n2"], n2: ["n1", "n3"], n3: ["n2"] };
  expect(errorOf(cluster.ask("n1", { type: "topology", topology }))).toBe("topology_ok");
});

test("generate: a node that was killed gives no name twice", () => {
  const before = new Cluster(1).ask("n1", { type: "generate" }).id;
  const after = new Cluster(1, { incarnation: 2 }).ask("n1", { type: "generate" }).id;
  expect(after).not.toEqual(before);
});

test.each([1, 3])("broadcast and g-set keep values of any type on %d nodes", (count) => {
  const values = [0, 17, -3, 1.5, "17", "text", "", true, null, [1, "1"], { b: 1, a: [] }];
  for (const [type, field, readField] of [
    ["broadcast", "message", "messages"],
    ["add", "element", "value"],
  ] as const) {
    const cluster = new Cluster(count);
    values.forEach((value, i) => {
      const to = `n${1 + (i % count)}`;
      expect(errorOf(cluster.ask(to, { type, [field]: value }))).toBe(`${type}_ok`);
    });
    cluster.run(1000);
    for (const id of cluster.nodes.keys()) {
      const answer = cluster.ask(id, { type: "read" });
      // Maelstrom's schemas are closed: exactly these fields.
      expect(Object.keys(answer).sort()).toEqual(["in_reply_to", readField, "type"].sort());
      const read = answer[readField] as unknown[];
      expect(read).toHaveLength(values.length);
      expect(read).toEqual(expect.arrayContaining(values));
    }
  }
});

test.each([1, 3])("counters add up on %d nodes, and equal elements are one", (count) => {
  const cluster = new Cluster(count);
  let sum = 0;
  for (let delta = -5; delta <= 9; delta++) {
    cluster.ask(`n${1 + ((delta + 5) % count)}`, { type: "add", delta });
    sum += delta;
  }
  cluster.run(1000);
  for (const id of cluster.nodes.keys())
    expect(cluster.ask(id, { type: "read" })).toMatchObject({ type: "read_ok", value: sum });
  const sets = new Cluster(count);
  for (const element of [4, 4, { a: 1, b: 2 }, { b: 2, a: 1 }])
    sets.ask("n1", { type: "add", element });
  expect(sets.ask("n1", { type: "read" }).value).toHaveLength(2);
});

test.each([1, 3])("lin-kv reads, writes and compares on %d nodes", (count) => {
  const cluster = new Cluster(count);
  const at = (step: number): string => `n${1 + (step % count)}`;
  const ask = (step: number, body: Record<string, unknown>) =>
    cluster.ask(at(step), { key: "k", ...body } as never);
  expect(errorOf(ask(0, { type: "read" }))).toBe(20);
  expect(errorOf(ask(1, { type: "cas", from: 1, to: 2 }))).toBe(20);
  expect(errorOf(ask(2, { type: "write", value: 1 }))).toBe("write_ok");
  expect(ask(3, { type: "read" })).toMatchObject({ type: "read_ok", value: 1 });
  expect(errorOf(ask(4, { type: "cas", from: 0, to: 2 }))).toBe(22);
  expect(errorOf(ask(5, { type: "cas", from: 1, to: { b: [], a: "x" } }))).toBe("cas_ok");
  // Equal JSON is equal, whatever the order of members.
  expect(errorOf(ask(6, { type: "cas", from: { a: "x", b: [] }, to: 7 }))).toBe("cas_ok");
  expect(ask(7, { type: "read" })).toMatchObject({ value: 7 });
});

test("lin-kv: cas may create the key only if it is told to", () => {
  const cluster = new Cluster(1);
  const cas = { type: "cas", key: [1, "a"], from: 0, to: 4 };
  expect(errorOf(cluster.ask("n1", { ...cas, create_if_not_exists: false }))).toBe(20);
  expect(errorOf(cluster.ask("n1", { ...cas, create_if_not_exists: true }))).toBe("cas_ok");
  expect(cluster.ask("n1", { type: "read", key: [1, "a"] })).toMatchObject({ value: 4 });
  expect(errorOf(cluster.ask("n1", { ...cas, create_if_not_exists: true }))).toBe(22);
});

test("lin-kv: without a majority nothing happens, and the answer says so", () => {
  const cluster = new Cluster(3);
  cluster.ask("n1", { type: "write", key: 1, value: 1 });
  cluster.isCut = (from, to) => from === "n1" || to === "n1";
  const sent = cluster.send("n1", { type: "write", key: 1, value: 2 });
  const answer = cluster.until(() => cluster.answerTo("n1", sent))!;
  expect([0, 11]).toContain(answer.code); // Whether it was sent in time is a matter of luck.
  cluster.run(1000);
  const later = cluster.ask("n1", { type: "write", key: 1, value: 3 });
  expect(later.code).toBe(11);
  expect(isDefinite(later.code as number)).toBe(true);
  expect(cluster.ask("n2", { type: "write", key: 1, value: 4 }).type).toBe("write_ok");
  cluster.isCut = () => false;
  cluster.run(1500);
  expect(cluster.ask("n1", { type: "read", key: 1 })).toMatchObject({ value: 4 });
});

test("lin-kv: what happened without the node's knowledge was not reported as what did not", () => {
  const cluster = new Cluster(3);
  const keys = Array.from({ length: 12 }, (_, key) => key);
  for (const key of keys) cluster.ask("n1", { type: "write", key, value: "before" });
  cluster.isCut = (_from, to) => to === "n1"; // n1 is heard and hears nobody.
  const sent = keys.map((key) => cluster.send("n1", { type: "write", key, value: "after" }));
  const answers = sent.map((id) => cluster.until(() => cluster.answerTo("n1", id))!);
  const happened = keys.filter((key) => cluster.ask("n2", { type: "read", key }).value === "after");
  expect(happened.length).toBeGreaterThan(0);
  for (const key of happened) expect(isDefinite(answers[key]!.code as number)).toBe(false);
});

test("eventual mode: both sides of a cut take writes to a register, and agree after it", () => {
  const cluster = new Cluster(3, { consistency: "eventual" });
  cluster.isCut = (from, to) => from === "n1" || to === "n1";
  expect(errorOf(cluster.ask("n1", { type: "write", key: 1, value: 1 }))).toBe("write_ok");
  expect(errorOf(cluster.ask("n2", { type: "read", key: 1 }))).toBe(20);
  expect(errorOf(cluster.ask("n2", { type: "write", key: 1, value: 2 }))).toBe("write_ok");
  cluster.isCut = () => false;
  cluster.run(5000);
  const values = ["n1", "n2", "n3"].map((id) => cluster.ask(id, { type: "read", key: 1 }).value);
  expect(new Set(values).size).toBe(1);
});

// ---- reads without a key

test("read without key: a node that has collected nothing asks its replica, else it waits", () => {
  const cluster = new Cluster(3);
  const early = cluster.send("n3", { type: "read" });
  cluster.run(100);
  expect(cluster.answerTo("n3", early)).toBeUndefined();
  cluster.ask("n1", { type: "add", delta: 5 });
  // n3 learns from gossip what kind of read that was.
  expect(cluster.until(() => cluster.answerTo("n3", early))).toMatchObject({ value: 5 });
  const alone = new Cluster(1);
  const asked = alone.nowMs;
  // A wrong guess would be a malformed reply.
  expect(alone.ask("n1", { type: "read" }).code).toBe(11);
  expect(alone.nowMs - asked).toBe(holdMs);
});

test("read without key: after a topology it is broadcast's, before any message", () => {
  const cluster = new Cluster(1);
  cluster.ask("n1", { type: "topology", topology: { n1: [] } });
  expect(cluster.ask("n1", { type: "read" })).toMatchObject({ messages: [] });
  cluster.ask("n1", { type: "add", delta: 0 });
  expect(cluster.ask("n1", { type: "read" })).toMatchObject({ value: 0 });
});

// ---- both faces

test("values of lin-kv and of Redis clients are the same values", () => {
  const cluster = new Cluster(3);
  cluster.ask("n1", { type: "write", key: "color", value: "red" });
  cluster.ask("n1", { type: "write", key: 7, value: { a: [1] } });
  cluster.ask("n1", { type: "write", key: "digits", value: "42" });
  expect(redis(cluster, "n2", "GET", "color")).toBe("$3\r\nred\r\n");
  expect(redis(cluster, "n3", "GET", "7")).toBe('$9\r\n{"a":[1]}\r\n');
  expect(redis(cluster, "n3", "GET", "digits")).toBe('$4\r\n"42"\r\n');
  expect(redis(cluster, "n2", "SET", "color", "blue sky")).toBe("+OK\r\n");
  expect(redis(cluster, "n2", "INCRBY", "count", "41")).toBe(":41\r\n");
  expect(cluster.ask("n1", { type: "read", key: "color" }).value).toBe("blue sky");
  expect(cluster.ask("n1", { type: "read", key: "count" }).value).toBe(41);
  expect(errorOf(cluster.ask("n3", { type: "cas", key: "count", from: 41, to: 42 }))).toBe(
    "cas_ok",
  );
  expect(cluster.ask("n3", { type: "read", key: "digits" }).value).toBe("42");
});

test("a key that holds no string is no lin-kv key, and what is collected has its own keys", () => {
  const cluster = new Cluster(1);
  redis(cluster, "n1", "SADD", "s", "a");
  expect(cluster.ask("n1", { type: "read", key: "s" }).code).toBe(14);
  cluster.ask("n1", { type: "add", element: 1 });
  expect(redis(cluster, "n1", "SMEMBERS", "maelstrom:set")).toBe("*1\r\n$1\r\n1\r\n");
  for (const body of [
    { type: "read", key: "maelstrom:set" },
    { type: "write", key: "maelstrom:set", value: 1 },
    { type: "cas", key: "maelstrom:set", from: 1, to: 2 },
  ])
    expect(cluster.ask("n1", body).code).toBe(12);
});

// ---- mistakes

test("errors: unknown types 10, wrong fields 12, a second init 12, before init 11", () => {
  const cluster = new Cluster(1, {}, false);
  expect(cluster.ask("n1", { type: "read", key: 1 }).code).toBe(11);
  expect(cluster.ask("n1", { type: "vote" }).code).toBe(10);
  expect(cluster.ask("n1", { type: "constructor" }).code).toBe(10);
  expect(cluster.ask("n1", init).type).toBe("init_ok");
  expect(cluster.ask("n1", init).code).toBe(12);
  expect(cluster.ask("n1", { type: "echo", echo: 1 }).echo).toBe(1);
});

test.each([
  { type: "echo" },
  { type: "broadcast" },
  { type: "add" },
  { type: "add", element: 1, delta: 1 },
  { type: "add", delta: "1" },
  { type: "add", delta: 1.5 },
  { type: "write", key: 1 },
  { type: "write", value: 1 },
  { type: "cas", key: 1, from: 1 },
  { type: "cas", key: 1, from: 1, to: 2, create_if_not_exists: 1 },
  { type: "topology", topology: [] },
  { type: "topology", topology: { n1: "n2" } },
  { type: "topology" },
  { type: "echo", echo: 1e300 },
  { type: "write", key: 2 ** 53, value: 1 },
])("errors: %j is malformed", (body) => {
  const cluster = new Cluster(1);
  expect(cluster.ask("n1", body as never).code).toBe(12);
  expect(cluster.ask("n1", { type: "echo", echo: 1 }).echo).toBe(1);
});

test("errors: a value nested without end is malformed", () => {
  const cluster = new Cluster(1);
  const echo = JSON.parse(`${"[".repeat(50_000)}${"]".repeat(50_000)}`);
  const body = { type: "echo", echo, msg_id: 99 };
  cluster.node("n1").receive([{ src: "c1", dest: "n1", body }]);
  expect(cluster.answerTo("n1", 99)?.code).toBe(12);
});

test.each([
  { node_id: "n2", node_ids: ["n1"] },
  { node_id: "n1", node_ids: ["n1", "n1"] },
  { node_id: 1, node_ids: ["n1"] },
  { node_id: "n1", node_ids: "n1" },
  { node_id: "n1" },
  { node_id: "n1", node_ids: ["n1", "x".repeat(1000)] },
  { node_id: "n1", node_ids: ["n1", ...Array.from({ length: 64 }, (_, i) => `m${i}`)] },
])("errors: init with %j is refused, and a right one is taken after it", (fields) => {
  const cluster = new Cluster(1, {}, false);
  expect(cluster.ask("n1", { type: "init", ...fields } as never).code).toBe(12);
  expect(cluster.ask("n1", init).type).toBe("init_ok");
});

test("errors: what is no message, names no sender or is a reply gets no answer", () => {
  const cluster = new Cluster(1);
  const { face, written } = cluster.node("n1");
  const before = written.length;
  const lines: unknown[] = [0, "x", [], {}, true, { src: "c1", dest: "n1" }];
  lines.push({ src: "c1", dest: "n1", body: [] });
  lines.push({ src: "c1", dest: "n1", body: { msg_id: 1 } });
  lines.push({ src: 1, dest: "n1", body: { type: "read", msg_id: 1 } });
  lines.push({ src: "c1", dest: "n1", body: { type: 5, msg_id: 1 } });
  cluster.node("n1").receive(lines);
  expect(face.dropped.malformed).toBe(lines.length);
  const error = { type: "error", in_reply_to: 1, code: 10, text: "" };
  cluster.node("n1").receive([{ src: "n2", dest: "n1", body: error }]);
  expect(face.dropped.replies).toBe(1);
  // A request that gives no id, or one that cannot be echoed, is carried out or refused in silence.
  cluster.node("n1").receive([{ src: "c1", dest: "n1", body: { type: "add", delta: 2 } }]);
  cluster
    .node("n1")
    .receive([{ src: "c1", dest: "n1", body: { type: "add", delta: 2, msg_id: "1" } }]);
  expect(written).toHaveLength(before);
  expect(face.pendingCount).toBe(0);
  expect(cluster.ask("n1", { type: "read" }).value).toBe(2);
});

test("errors: a message for another node is refused with 1", () => {
  const cluster = new Cluster(1);
  const body = { type: "write", key: 1, value: 1, msg_id: 77 };
  cluster.node("n1").receive([{ src: "c1", dest: "n9", body }]);
  expect(cluster.answerTo("n1", 77)).toMatchObject({ type: "error", code: 1 });
  expect(cluster.ask("n1", { type: "read", key: 1 }).code).toBe(20);
});

test("errors: texts are short, however long what they quote", () => {
  const cluster = new Cluster(1);
  const long = "x".repeat(100_000);
  cluster.ask("n1", { type: "write", key: 1, value: long });
  const answer = cluster.ask("n1", { type: "cas", key: 1, from: 1, to: 2 });
  expect(answer.code).toBe(22);
  expect((answer.text as string).length).toBeLessThan(400);
});

// ---- init

test("init: the start is remembered before it is answered, and early messages are not lost", () => {
  const cluster = new Cluster(1, {}, false);
  let started: (() => void) | undefined;
  const some: FaceNode = new FaceNode(cluster, "n1", {
    start: (introduction, send, done) => {
      started = () => some.start(introduction, send, done);
    },
  });
  const request = (body: object, id: number) => ({
    src: "c1",
    dest: "n1",
    body: { ...body, msg_id: id },
  });
  some.receive([request(init, 1), request({ type: "echo", echo: 5 }, 2)]);
  expect(some.written).toEqual([]);
  expect(some.events).toEqual(["begin"]);
  some.turn(() => started!());
  expect(some.written.map(({ body }) => body.type)).toEqual(["init_ok", "echo_ok"]);
});

test("init: a node that cannot start says so, and answers nothing else", () => {
  const cluster = new Cluster(1, {}, false);
  const some = new FaceNode(cluster, "n1", {
    start: (_introduction, _send, started) => started({ error: "the port is taken" }),
  });
  const request = (body: object, id: number) => ({
    src: "c1",
    dest: "n1",
    body: { ...body, msg_id: id },
  });
  some.receive([request(init, 1), request({ type: "echo", echo: 5 }, 2)]);
  expect(some.written.map(({ body }) => body.code)).toEqual([14, 11]);
  expect(some.events.slice(0, 2)).toEqual(["begin", "error"]);
});

test("init: a node that was killed does not vote", () => {
  // Alone in a cluster of one, a node without its memory must not serve registers at all.
  const alone = new Cluster(1, { incarnation: 2 });
  expect(alone.ask("n1", { type: "write", key: 1, value: 1 }).code).toBe(11);
  expect(alone.ask("n1", { type: "read", key: 1 }).code).toBe(11);
});

// ---- between nodes

test("frames: what a turn says to a peer travels in one message", () => {
  const cluster = new Cluster(3);
  cluster.run(100);
  const before = cluster.peerMessageCount;
  const asked = Array.from({ length: 20 }, (_, key) => cluster.send("n1", { type: "read", key }));
  cluster.until(
    () => asked.map((id) => cluster.answerTo("n1", id)).find((a) => a === undefined) ?? 1,
  );
  cluster.until(() => (asked.every((id) => cluster.answerTo("n1", id)) ? true : undefined));
  for (const id of asked) expect(cluster.answerTo("n1", id)).toMatchObject({ code: 20 });
  // Twenty reads in one turn: a question to a peer and its answer, not twenty of each.
  expect(cluster.peerMessageCount - before).toBeLessThan(10);
});

test("frames: hostile ones are counted and do no harm", () => {
  const cluster = new Cluster(3);
  const { face } = cluster.node("n1");
  const send = (src: string, body: object) =>
    cluster.node("n1").receive([{ src, dest: "n1", body: { type: "skerry", ...body } }]);
  const hostile = ["", "AA==", "AQ==", "AQEA", "AQkBAA==", "////////////", "gICAgICAgIA=", "x"];
  for (const frame of hostile) send("n2", { frame });
  send("n2", {});
  send("n2", { frame: 5 });
  send("n9", { frame: "AA==" });
  send("n1", { frame: "AA==" });
  expect(face.dropped.frames).toBeGreaterThanOrEqual(hostile.length + 2);
  expect(cluster.ask("n1", { type: "write", key: 1, value: 1 }).type).toBe("write_ok");
});
