// Emptying and exchanging databases, the fast way and key by key.

import { describe, expect, test } from "vitest";
import { latin1 } from "../../src/base/bytes.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import { Capture } from "../../src/keyspace/capture.js";
import { Compaction } from "../../src/keyspace/compaction.js";
import { expireDue } from "../../src/keyspace/expire-cycle.js";
import { swapDatabases } from "../../src/keyspace/flush.js";
import { Keyspace } from "../../src/keyspace/keyspace.js";
import { Bench } from "../commands/harness.js";

function filled(withCapture: boolean): Bench {
  const bench = new Bench(
    new Keyspace({ replicas: new ReplicaTable(), self: "n0/test", databaseCount: 3 }),
  );
  if (withCapture) bench.keyspace.capture = new Capture();
  bench.run("mset", "a", "1", "b", "2", "big", "x".repeat(50_000));
  bench.run("sadd", "s", "m");
  bench.run("expire", "a", "100");
  bench.run("select", "1");
  bench.run("set", "a", "other", "ex", "50");
  bench.run("incrbyfloat", "f", "1.5");
  bench.run("select", "0");
  return bench;
}

function swap(bench: Bench, a: number, b: number): void {
  const { keyspace } = bench;
  swapDatabases(keyspace, keyspace.databases[a]!, keyspace.databases[b]!);
  if (keyspace.capture === undefined) keyspace.endBatch();
}

test("an exchange of databases is captured key by key", () => {
  const bench = filled(true);
  const capture = bench.keyspace.capture!;
  capture.take(bench.keyspace);
  bench.keyspace.endBatch();
  swap(bench, 0, 1);
  const told = capture
    .take(bench.keyspace)
    .map(({ database, key }) => `${database} ${latin1(key)}`);
  expect(told.sort()).toEqual([
    "0 a",
    "0 b",
    "0 big",
    "0 f",
    "0 s",
    "1 a",
    "1 b",
    "1 big",
    "1 f",
    "1 s",
  ]);
});

describe.each([false, true])("with deltas captured: %s", (withCapture) => {
  test("FLUSHALL leaves nothing, and the keyspace works on", () => {
    const bench = filled(withCapture);
    expect(bench.run("flushall")).toBe("OK");
    expect(bench.run("dbsize")).toBe(0);
    bench.run("select", "1");
    expect(bench.run("dbsize")).toBe(0);
    bench.keyspace.capture?.take(bench.keyspace);
    expect(bench.keyspace.entries.count).toBe(0);
    expect(bench.keyspace.externals.count).toBe(0);
    expect(bench.keyspace.externalBytes).toBe(0);
    expect(bench.keyspace.arena.liveBytes).toBe(0);
    bench.run("set", "a", "new", "px", "10");
    expect(bench.run("get", "a")).toBe("new");
    bench.keyspace.verifyInvariants();
  });

  test("FLUSHDB leaves the other databases alone", () => {
    const bench = filled(withCapture);
    expect(bench.run("flushdb", "async")).toBe("OK");
    expect(bench.run("dbsize")).toBe(0);
    expect(bench.run("get", "a")).toBeNull();
    bench.run("select", "1");
    expect(bench.run("get", "a")).toBe("other");
    expect(bench.run("dbsize")).toBe(2);
    bench.keyspace.verifyInvariants();
  });

  test("SWAPDB exchanges contents and deadlines, and expiry finds them after it", () => {
    const bench = filled(withCapture);
    swap(bench, 0, 1);
    expect(bench.run("get", "a")).toBe("other");
    expect(bench.run("get", "f")).toBe("1.5");
    expect(bench.run("ttl", "a")).toBe(50);
    expect(bench.run("dbsize")).toBe(2);
    bench.run("set", "fresh", "x", "ex", "10");
    bench.run("select", "1");
    expect(bench.run("strlen", "big")).toBe(50_000);
    expect(bench.run("smembers", "s")).toEqual(["m"]);
    expect(bench.run("ttl", "a")).toBe(100);
    bench.keyspace.verifyInvariants();
    bench.wait(60_000);
    expect(expireDue(bench.keyspace, 10)).toBe(2);
    bench.run("select", "0");
    expect(bench.run("keys", "*")).toEqual(["f"]);
    swap(bench, 0, 0);
    bench.keyspace.verifyInvariants();
  });

  test("whoever watches keys hears of each", () => {
    const bench = filled(withCapture);
    const heard = new Set<string>();
    bench.keyspace.onModified = (database, key) => {
      heard.add(`${database} ${Buffer.from(key).toString("latin1")}`);
    };
    swap(bench, 0, 2);
    expect([...heard].sort()).toEqual(
      ["a", "b", "big", "s"].flatMap((name) => [`0 ${name}`, `2 ${name}`]).sort(),
    );
    heard.clear();
    bench.run("flushall");
    expect([...heard].sort()).toEqual(["1 a", "1 f", "2 a", "2 b", "2 big", "2 s"]);
  });
});

test("a flush in the middle of compaction ends it", () => {
  const bench = new Bench();
  const value = "v".repeat(10_000);
  for (let n = 0; n < 9000; n++) bench.runInBatch("set", `key${n}`, value);
  for (let n = 0; n < 9000; n++) if (n % 3 !== 0) bench.runInBatch("del", `key${n}`);
  const compaction = new Compaction(bench.keyspace);
  expect(compaction.step(100)).toBe(true);
  bench.run("flushall");
  bench.run("set", "a", "1");
  while (compaction.step(100));
  expect(bench.run("get", "a")).toBe("1");
  bench.keyspace.verifyInvariants();
});
