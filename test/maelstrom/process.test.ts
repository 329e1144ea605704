// Real processes: the workloads over one node and three, both faces of one replica, bad
// input, kills, and ends. What the face answers in detail is in face.test.ts.

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeAll, expect, test } from "vitest";
import { errorOf } from "./cluster.js";
import { launcher, NodeProcess, ProcessCluster } from "./processes.js";

let cluster: ProcessCluster;
afterEach(async () => cluster?.stop());

/**
 * One whole life behind `maelstrom/node`; the first start builds, if anything has changed since the
 * last.
 */
function launch(): { stdout: string; stderr: string; status: number | null } {
  const body = { type: "init", msg_id: 1, node_id: "n1", node_ids: ["n1"] };
  const input = `${JSON.stringify({ src: "c1", dest: "n1", body })}\n`;
  return spawnSync(launcher, { input, cwd: "/", encoding: "utf8" });
}

beforeAll(() => {
  launch();
});

test("processes: the launcher starts a node from any folder, and only messages are on stdout", () => {
  const { stdout, status } = launch();
  expect(stdout).toBe('{"src":"n1","dest":"c1","body":{"type":"init_ok","in_reply_to":1}}\n');
  expect(status).toBe(0);
});

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function until(check: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await check()); tries++) {
    if (tries === 100) throw new Error("it did not come true in time");
    await sleep(50);
  }
}

test.each([["n1"], ["n1,n2,n3"]])("processes: every workload over %s", async (names) => {
  const ids = names.split(",");
  cluster = new ProcessCluster(ids);
  await cluster.init();
  const last = ids.at(-1)!;
  expect(await cluster.ask("n1", { type: "echo", echo: [1] })).toMatchObject({ echo: [1] });
  expect((await cluster.ask("n1", { type: "generate" })).id).toBeDefined();
  expect(errorOf(await cluster.ask(last, { type: "read", key: 0 }))).toBe(20);
  expect(errorOf(await cluster.ask("n1", { type: "write", key: 0, value: 3 }))).toBe("write_ok");
  expect(await cluster.ask(last, { type: "read", key: 0 })).toMatchObject({ value: 3 });
  expect(errorOf(await cluster.ask(last, { type: "cas", key: 0, from: 4, to: 1 }))).toBe(22);
  expect(errorOf(await cluster.ask(last, { type: "cas", key: 0, from: 3, to: 1 }))).toBe("cas_ok");
  expect(await cluster.ask("n1", { type: "read", key: 0 })).toMatchObject({ value: 1 });
  for (const id of ids) await cluster.ask(id, { type: "add", delta: 2 });
  await until(async () => {
    const read = await Promise.all(ids.map((id) => cluster.ask(id, { type: "read" })));
    return read.every(({ value }) => value === 2 * ids.length);
  });
  for (const id of ids) await cluster.ask(id, { type: "add", element: id });
  await until(async () => {
    const read = await Promise.all(ids.map((id) => cluster.ask(id, { type: "read" })));
    return read.every(({ value }) => (value as unknown[]).length === ids.length);
  });
  for (const id of ids) await cluster.ask(id, { type: "topology", topology: { n1: [] } });
  await cluster.ask("n1", { type: "broadcast", message: 9 });
  await until(async () => {
    const { messages } = await cluster.ask(last, { type: "read" });
    return (messages as unknown[]).includes(9);
  });
  const steps = [
    ["append", 1, 5],
    ["r", 1, null],
  ];
  expect(await cluster.ask("n1", { type: "txn", txn: steps })).toMatchObject({
    txn: [steps[0], ["r", 1, [5]]],
  });
  expect(await cluster.ask(last, { type: "send", key: "k", msg: 5 })).toMatchObject({ offset: 0 });
  expect(await cluster.ask("n1", { type: "poll", offsets: { k: 0 } })).toMatchObject({
    msgs: { k: [[0, 5]] },
  });
});

test("processes: one replica, two faces", async () => {
  const port = await freePort();
  cluster = new ProcessCluster(["n1", "n2", "n3"], ["--port", String(port - 1)]);
  await cluster.init();
  const redis = connect(port, "127.0.0.1").on("error", () => {}); // Who asks waits, and fails.
  const ask = async (...words: string[]): Promise<string> => {
    const request = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    redis.write(`*${words.length}\r\n${request.join("")}`);
    return new Promise((resolve) => redis.once("data", (reply) => resolve(String(reply))));
  };
  await cluster.ask("n1", { type: "write", key: "color", value: "red" });
  expect(await ask("GET", "color")).toBe("$3\r\nred\r\n");
  expect(await ask("SET", "color", "blue")).toBe("+OK\r\n");
  expect(await cluster.ask("n3", { type: "read", key: "color" })).toMatchObject({ value: "blue" });
  expect(await ask("INCRBY", "count", "41")).toBe(":41\r\n");
  // 11 says that it has not happened and may be tried again: two nodes proposed at once.
  const cas = { type: "cas", key: "count", from: 41, to: 42 };
  await until(async () => errorOf(await cluster.ask("n2", cas)) !== 11);
  expect(await ask("GET", "count")).toBe("$2\r\n42\r\n");
  await cluster.ask("n2", { type: "add", element: "x" });
  await until(async () => (await ask("SMEMBERS", "maelstrom:set")) === "*1\r\n$1\r\nx\r\n");
  redis.end();
});

/** A port behind which two more are free, most likely. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test("processes: a taken port is an error, not a silence", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  cluster = new ProcessCluster(["n1"], ["--port", String(port - 1)]);
  const [answer] = await cluster.init();
  expect(answer).toMatchObject({ type: "error", code: 14 });
  expect(cluster.nodes.get("n1")!.stderr).toContain("EADDRINUSE");
  server.close();
});

test("processes: bad input gets the right error or none, and the node goes on", async () => {
  cluster = new ProcessCluster(["n1"]);
  const node = cluster.nodes.get("n1")!;
  expect(errorOf(await cluster.ask("n1", { type: "write", key: 1, value: 1 }))).toBe(11);
  await cluster.init();
  for (const line of ["{", "null", "[]", "4", '{"src":"c1","dest":"n1"}', "\u0000", "{}"])
    node.write(`${line}\n`);
  node.write('{"src":"c1","dest":"n1","body":{"msg_id":70}}\n');
  const huge = Buffer.alloc(1024 * 1024, 0x61);
  for (let i = 0; i < 64; i++) node.write(huge);
  node.write("\n");
  expect(errorOf(await cluster.ask("n1", { type: "nope" }))).toBe(10);
  expect(errorOf(await cluster.ask("n1", { type: "write", key: 1 }))).toBe(12);
  expect(errorOf(await cluster.ask("n1", { type: "add", delta: "1" }))).toBe(12);
  expect(errorOf((await cluster.init())[0]!)).toBe(12);
  expect(errorOf(await cluster.ask("n1", { type: "echo", echo: "on" }))).toBe("echo_ok");
  node.write('{"src":"c1","dest":"n1","bo');
  node.child.stdin!.end();
  expect(await node.ended).toEqual({ code: 0, signal: null });
  expect(node.stderr).toContain("longer than");
});

test("processes: what was asked before the end of stdin is answered; nothing but messages is on stdout", async () => {
  cluster = new ProcessCluster([]);
  const node = new NodeProcess("n1", { args: [], cwd: cluster.folder });
  const request = (id: number, body: object): string =>
    `${JSON.stringify({ src: "c1", dest: "n1", body: { msg_id: id, ...body } })}\n`;
  node.write(request(1, { type: "init", node_id: "n1", node_ids: ["n1"] }));
  node.write(request(2, { type: "write", key: "a", value: 1 }));
  node.write(request(3, { type: "read", key: "a" }));
  node.child.stdin!.end();
  expect(await node.ended).toEqual({ code: 0, signal: null });
  const answers = node.lines.map((line) => (JSON.parse(line) as { body: { type: string } }).body);
  expect(answers.map(({ type }) => type)).toEqual(["init_ok", "write_ok", "read_ok"]);
});

test.each(["SIGTERM", "SIGINT"] as const)("processes: %s ends in order", async (signal) => {
  cluster = new ProcessCluster(["n1", "n2"]);
  await cluster.init();
  const node = cluster.nodes.get("n1")!;
  node.child.kill(signal);
  expect(await node.ended).toEqual({ code: 0, signal: null });
});

test("processes: nodes with logs, all killed at once, know what they had chosen and vote", async () => {
  cluster = new ProcessCluster(["n1", "n2", "n3"], ["--data-dir", "logs"]);
  await cluster.init();
  const isWritten = async (value: number): Promise<void> =>
    until(async () => {
      const answer = await cluster.ask("n1", { type: "write", key: 0, value });
      return answer.type === "write_ok";
    });
  await isWritten(1);
  await cluster.ask("n3", { type: "add", element: "before" });
  for (const { child } of cluster.nodes.values()) child.kill("SIGKILL");
  await Promise.all([...cluster.nodes.values()].map(({ ended }) => ended));
  for (const id of ["n1", "n2", "n3"]) cluster.spawn(id);
  for (const answer of await cluster.init()) expect(answer.type).toBe("init_ok");
  await until(async () => {
    const answer = await cluster.ask("n2", { type: "read", key: 0 });
    return answer.value === 1;
  });
  expect(await cluster.ask("n3", { type: "read" })).toMatchObject({ value: ["before"] });
  // With one of three gone the other two decide: whoever came back votes.
  cluster.nodes.get("n3")!.child.kill("SIGKILL");
  await cluster.nodes.get("n3")!.ended;
  await isWritten(2);
});

test("processes: a node whose log is damaged does not start, and says why", async () => {
  cluster = new ProcessCluster(["n1"], ["--data-dir", "logs"]);
  await cluster.init();
  for (let i = 0; i < 3; i++) await cluster.ask("n1", { type: "write", key: i, value: i });
  cluster.nodes.get("n1")!.child.kill("SIGKILL");
  await cluster.nodes.get("n1")!.ended;
  const folder = join(cluster.folder, "logs", "n1");
  const [log] = readdirSync(folder).filter((name) => name.startsWith("wal-"));
  const bytes = readFileSync(join(folder, log!));
  // Room follows the last record.
  const end = bytes.findLastIndex((byte) => byte !== 0);
  bytes[end >> 1]! ^= 1;
  writeFileSync(join(folder, log!), bytes);
  cluster.spawn("n1");
  const [answer] = await cluster.init();
  expect(answer).toMatchObject({ type: "error", code: 14 });
  expect(cluster.nodes.get("n1")!.stderr).toContain("the log is damaged");
});

test("processes: a node that was killed has lost its memory and does not vote; the others go on", async () => {
  cluster = new ProcessCluster(["n1", "n2", "n3"]);
  await cluster.init();
  await cluster.ask("n1", { type: "write", key: 0, value: 1 });
  await cluster.ask("n3", { type: "add", element: "before" });
  await until(async () => {
    const { value } = await cluster.ask("n1", { type: "read" });
    return (value as unknown[] | undefined)?.length === 1;
  });
  cluster.nodes.get("n3")!.child.kill("SIGKILL");
  await cluster.nodes.get("n3")!.ended;
  cluster.spawn("n3");
  await cluster.init("n3");
  await until(async () => {
    const answer = await cluster.ask("n1", { type: "write", key: 0, value: 2 });
    return answer.type === "write_ok";
  });
  expect(await cluster.ask("n3", { type: "read", key: 0 })).toMatchObject({ value: 2 });
  // What the eventual side had told others comes back.
  await until(async () => {
    const { value } = await cluster.ask("n3", { type: "read" });
    return (value as unknown[] | undefined)?.[0] === "before";
  });
  // With n2 gone too there is one voter left of three: nothing may be decided.
  cluster.nodes.get("n2")!.child.kill("SIGKILL");
  await cluster.nodes.get("n2")!.ended;
  const answer = await cluster.ask("n1", { type: "write", key: 0, value: 3 });
  expect([0, 11]).toContain(answer.code);
  await sleep(500);
  expect(errorOf(await cluster.ask("n1", { type: "write", key: 0, value: 4 }))).toBe(11);
});
