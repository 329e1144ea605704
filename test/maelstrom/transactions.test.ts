// Transactions and logs through the Maelstrom face: what they answer on one node and on three, what
// is refused, and what a partition makes of them.

import { expect, test } from "vitest";
import type { Fields } from "../../src/wire/maelstrom-exchange.js";
import { segmentLength } from "../../src/wire/maelstrom-logs.js";
import { Cluster, errorOf, redis } from "./cluster.js";

const txn = (cluster: Cluster, id: string, steps: readonly unknown[]): unknown =>
  cluster.ask(id, { type: "txn", txn: steps } as unknown as Fields).txn;
const send = (cluster: Cluster, id: string, key: string, msg: number): unknown =>
  cluster.ask(id, { type: "send", key, msg }).offset;
const poll = (cluster: Cluster, id: string, offsets: Readonly<Record<string, number>>): unknown =>
  cluster.ask(id, { type: "poll", offsets }).msgs;

test.each([1, 3])(
  "txn: lists and registers on %d nodes, each step after the one before",
  (count) => {
    const cluster = new Cluster(count);
    const last = `n${count}`;
    expect(
      txn(cluster, "n1", [
        ["r", 1, null],
        ["append", 1, 5],
        ["r", 1, null],
      ]),
    ).toEqual([
      ["r", 1, null],
      ["append", 1, 5],
      ["r", 1, [5]],
    ]);
    expect(
      txn(cluster, last, [
        ["append", 1, 6],
        ["append", 2, 7],
        ["w", 3, 1],
        ["w", 3, 2],
      ]),
    ).toEqual([
      ["append", 1, 6],
      ["append", 2, 7],
      ["w", 3, 1],
      ["w", 3, 2],
    ]);
    expect(
      txn(cluster, "n1", [
        ["r", 1, null],
        ["r", 2, null],
        ["r", 3, null],
        ["r", 4, null],
      ]),
    ).toEqual([
      ["r", 1, [5, 6]],
      ["r", 2, [7]],
      ["r", 3, 2],
      ["r", 4, null],
    ]);
    expect(txn(cluster, "n1", [])).toEqual([]);
    // The names of lin-kv's keys are others.
    expect(errorOf(cluster.ask("n1", { type: "read", key: 3 }))).toBe(20);
  },
);

test("txn: keys and values of any type are kept apart", () => {
  const cluster = new Cluster(1);
  txn(cluster, "n1", [
    ["w", 1, "1"],
    ["w", "1", [1]],
    ["w", "a", null],
    ["append", "b", { c: 1 }],
  ]);
  const reads = [1, "1", "a", "b"].map((key) => ["r", key, null]);
  expect(txn(cluster, "n1", reads)).toEqual([
    ["r", 1, "1"],
    ["r", "1", [1]],
    ["r", "a", null],
    ["r", "b", [{ c: 1 }]],
  ]);
});

test("txn: without a majority nothing of it happens; with one, all of it", () => {
  const cluster = new Cluster(3);
  txn(cluster, "n3", [["append", "x", 1]]);
  cluster.isCut = (from, to) => (from === "n3") !== (to === "n3");
  const steps = [
    ["append", "x", 2],
    ["append", "y", 2],
  ];
  cluster.run(1000);
  expect(errorOf(cluster.ask("n3", { type: "txn", txn: steps }))).toBe(11);
  expect(
    txn(cluster, "n2", [
      ["append", "x", 3],
      ["append", "y", 3],
    ]),
  ).toBeDefined();
  cluster.isCut = () => false;
  cluster.run(1000);
  expect(
    txn(cluster, "n3", [
      ["r", "x", null],
      ["r", "y", null],
    ]),
  ).toEqual([
    ["r", "x", [1, 3]],
    ["r", "y", [3]],
  ]);
});

test("txn: in eventual mode every node answers, and a transaction arrives as one", () => {
  const cluster = new Cluster(3, { consistency: "eventual" });
  cluster.isCut = () => true;
  txn(cluster, "n1", [
    ["append", "x", 1],
    ["w", "y", 1],
  ]);
  txn(cluster, "n2", [["append", "x", 2]]);
  expect(
    txn(cluster, "n2", [
      ["r", "x", null],
      ["r", "y", null],
    ]),
  ).toEqual([
    ["r", "x", [2]],
    ["r", "y", null],
  ]);
  cluster.isCut = () => false;
  cluster.run(5000);
  const [[, , list], [, , value]] = txn(cluster, "n3", [
    ["r", "x", null],
    ["r", "y", null],
  ]) as [[string, string, number[]], [string, string, number]];
  expect([...list].sort()).toEqual([1, 2]);
  expect(value).toBe(1);
});

test.each([
  ["no list", { txn: "r x" }],
  ["an unknown step", { txn: [["delete", 1, null]] }],
  ["a step too short", { txn: [["r", 1]] }],
  ["too many steps", { txn: Array.from({ length: 1001 }, () => ["r", 1, null]) }],
])("txn: %s is malformed", (_what, fields) => {
  expect(errorOf(new Cluster(1).ask("n1", { type: "txn", ...fields }))).toBe(12);
});

test.each([1, 3])("kafka: offsets have no gaps, whoever is asked, on %d nodes", (count) => {
  const cluster = new Cluster(count);
  const offsets = Array.from({ length: 12 }, (_, i) =>
    send(cluster, `n${1 + (i % count)}`, "a", i),
  );
  expect(offsets).toEqual(Array.from({ length: 12 }, (_, i) => i));
  expect(send(cluster, "n1", "b", 9)).toBe(0);
  const last = `n${count}`;
  expect(poll(cluster, last, { a: 10, b: 0, c: 0 })).toEqual({
    a: [
      [10, 10],
      [11, 11],
    ],
    b: [[0, 9]],
    c: [],
  });
  expect(poll(cluster, last, { a: 12 })).toEqual({ a: [] });
  expect(poll(cluster, last, {})).toEqual({});
});

test("kafka: a full segment is followed by the next, for every node", () => {
  const cluster = new Cluster(3);
  for (let i = 0; i < segmentLength - 1; i++) send(cluster, "n1", "a", i);
  // n2 and n3 have not heard of the segment; n1 takes the last place and then overflows.
  expect(send(cluster, "n2", "a", segmentLength - 1)).toBe(segmentLength - 1);
  expect(send(cluster, "n1", "a", segmentLength)).toBe(segmentLength);
  expect(send(cluster, "n3", "a", segmentLength + 1)).toBe(segmentLength + 1);
  expect(poll(cluster, "n2", { a: segmentLength - 2 })).toEqual({
    a: [
      [segmentLength - 2, segmentLength - 2],
      [segmentLength - 1, segmentLength - 1],
    ],
  });
  expect(poll(cluster, "n2", { a: segmentLength })).toEqual({
    a: [
      [segmentLength, segmentLength],
      [segmentLength + 1, segmentLength + 1],
    ],
  });
});

test("kafka: committed offsets are everywhere, and never go back", () => {
  const cluster = new Cluster(3);
  const commit = (id: string, offsets: Fields): unknown =>
    errorOf(cluster.ask(id, { type: "commit_offsets", offsets }));
  const list = (id: string): unknown =>
    cluster.ask(id, { type: "list_committed_offsets", keys: ["a", "b", "c"] }).offsets;
  expect(list("n1")).toEqual({});
  expect(commit("n1", { a: 7, b: 0 })).toBe("commit_offsets_ok");
  expect(commit("n2", { a: 5 })).toBe("commit_offsets_ok");
  expect(list("n3")).toEqual({ a: 7, b: 0 });
});

test.each([
  ["an offset below zero", { type: "poll", offsets: { a: -1 } }],
  ["an offset that is no integer", { type: "commit_offsets", offsets: { a: "1" } }],
  ["no message", { type: "send", key: "a" }],
  ["a key that is no text", { type: "send", key: 1, msg: 1 }],
  ["keys that are no list", { type: "list_committed_offsets", keys: "a" }],
])("kafka: %s is malformed", (_what, body) => {
  expect(errorOf(new Cluster(1).ask("n1", body))).toBe(12);
});

test("kafka: on the side without a majority a send is refused and leaves nothing", () => {
  const cluster = new Cluster(3);
  send(cluster, "n3", "a", 1);
  cluster.isCut = (from, to) => (from === "n3") !== (to === "n3");
  cluster.run(1000);
  expect(errorOf(cluster.ask("n3", { type: "send", key: "a", msg: 2 }))).toBe(11);
  cluster.isCut = () => false;
  cluster.run(1000);
  expect(send(cluster, "n3", "a", 3)).toBe(1);
  expect(poll(cluster, "n1", { a: 0 })).toEqual({
    a: [
      [0, 1],
      [1, 3],
    ],
  });
});

test("what transactions and logs keep is nobody's lin-kv key, and Redis clients can look at it", () => {
  const cluster = new Cluster(1);
  txn(cluster, "n1", [["append", 1, 5]]);
  send(cluster, "n1", "a", 7);
  for (const key of ["{maelstrom-txn}list:1", "maelstrom-log:0:a"]) {
    expect(errorOf(cluster.ask("n1", { type: "write", key, value: 1 }))).toBe(12);
    expect(redis(cluster, "n1", "LLEN", key)).toBe(":1\r\n");
  }
});
