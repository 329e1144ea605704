// The pace of a node with peers: when its batches close, and when its clients wait.

import { expect, test } from "vitest";
import { type Client, Rig } from "../server-commands/harness.js";

const rules = { default: "eventual", prefixes: {} } as const;

function newRig(batchMsMin: number): Rig {
  const rig = new Rig({}, rules, ["n1", "n2"], { batchMsMin });
  rig.advance(1_000);
  return rig;
}

const pushes = (rig: Rig): number =>
  rig.sent.filter(({ message }) => {
    if (message.kind !== "replication") return false;
    const { body } = message.message;
    return body.type === "delta" && body.batches.length > 0;
  }).length;

/** The peer has all that has left so far. */
function acknowledge({ node }: Rig): void {
  const { replicas } = node.keyspace;
  const contexts = node.shards.shards
    .filter(({ context }) => !context.isEmpty)
    .map(({ index, context }) => ({ shard: index, context: context.clone() }));
  node.receivePeer("n2", {
    kind: "replication",
    message: {
      sender: replicas.indexOf("n2/1"),
      body: { type: "delta", batches: [], contexts, isAnswer: false },
    },
  });
}

test("pace: a write after a pause leaves with its turn, those behind it gather", () => {
  const rig = newRig(20);
  const client = rig.connect();
  client.send("SET", "a", "1");
  expect(pushes(rig)).toBe(1);
  for (let i = 0; i < 5; i++) {
    rig.advance(3);
    client.send("SET", `k${i}`, i);
    expect(pushes(rig)).toBe(1);
  }
  // An acknowledgement does not end the batch, and somebody sees to it that it ends.
  acknowledge(rig);
  expect(pushes(rig)).toBe(1);
  expect(rig.node.nextDueMs()).toBe(rig.nowMs + 5);
  rig.advance(5);
  expect(pushes(rig)).toBe(2);
});

test("pace: a batch that has touched many keys does not wait for more", () => {
  const rig = newRig(1_000);
  const client = rig.connect();
  client.send("SET", "a", "1");
  const pairs = (from: number): string[] =>
    Array.from({ length: 8_000 }, (_, i) => `${(from + i) >> 1}`);
  client.send("MSET", ...pairs(0));
  expect(pushes(rig)).toBe(1);
  client.send("MSET", ...pairs(10_000));
  client.send("MSET", ...pairs(20_000));
  expect(pushes(rig)).toBeGreaterThan(1);
});

test("pace: a batch of many bytes does not wait for more either", () => {
  const rig = newRig(1_000);
  const client = rig.connect();
  client.send("SET", "a", "1");
  const value = "x".repeat(100_000);
  for (let i = 0; i < 20; i++) client.send("SET", `k${i}`, value);
  expect(pushes(rig)).toBe(1);
  client.send("SET", "k20", value);
  expect(pushes(rig)).toBe(2);
  // What is counted from then on begins at nothing, also after the counters were reset.
  client.send("CONFIG", "RESETSTAT");
  for (let i = 0; i < 20; i++) client.send("SET", `k${i}`, value);
  expect(pushes(rig)).toBe(2);
});

const large = "x".repeat(200_000);

/** Writes until a reply does not come; answers how many came. */
function writeUntilHeld(rig: Rig, client: Client): number {
  for (let i = 0; i < 100; i++) {
    if (client.send("SET", `large${i}`, large) === "") return i;
    rig.advance(1);
  }
  return 100;
}

test("pace: who writes waits for a peer that is far behind, who reads does not", () => {
  const rig = newRig(0);
  const [writer, reader] = [rig.connect(), rig.connect()];
  writer.send("SET", "a", "1");
  acknowledge(rig);
  const count = writeUntilHeld(rig, writer);
  expect(count).toBeGreaterThan(5);
  expect(count).toBeLessThan(50);
  expect(reader.send("GET", "a")).toBe("$1\r\n1\r\n");
  expect(writer.output).toBe("");
  acknowledge(rig);
  expect(writer.output).toBe("+OK\r\n");
  expect(writer.send("GET", "a")).toBe("$1\r\n1\r\n");
});

test("pace: a peer that has fallen silent holds nobody up", () => {
  const rig = newRig(0);
  const writer = rig.connect();
  writer.send("SET", "a", "1");
  acknowledge(rig);
  expect(writeUntilHeld(rig, writer)).toBeLessThan(50);
  expect(rig.node.nextDueMs()).toBeLessThanOrEqual(rig.nowMs + 50);
  for (let i = 0; i < 12; i++) rig.advance(50);
  expect(writer.output).toBe("+OK\r\n");
  expect(writeUntilHeld(rig, writer)).toBe(100);
});
