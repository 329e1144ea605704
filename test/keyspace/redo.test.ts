// The log of a node alone: every write command, in random order, leaves in the log what puts its
// effect back on another keyspace, to the byte, stamps and hidden parts included; and replay onto a
// checkpoint that was written while commands ran ends in the same state.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { draws } from "../../scripts/lib/test-seed.js";
import { type Bytes, latin1 } from "../../src/base/bytes.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import { expireDue } from "../../src/keyspace/expire-cycle.js";
import { KeyWalk } from "../../src/keyspace/key-walk.js";
import { Keyspace } from "../../src/keyspace/keyspace.js";
import { bytesOf, isRoomy, keyLengthOf, keyStartOf } from "../../src/keyspace/record.js";
import { RedoReplay } from "../../src/keyspace/redo-replay.js";
import { anyCommand, streamCommand } from "../commands/generator.js";
import { Bench, dump } from "../commands/harness.js";
import { addSlice, Logged, replay } from "./redo-harness.js";

const batch = fc.array(anyCommand, { minLength: 1, maxLength: 5, size: "max" });
const batches = fc.array(batch, { maxLength: 40, size: "max" });

const streamBatches = fc.array(
  fc.array(streamCommand, { minLength: 1, maxLength: 5, size: "max" }),
  { maxLength: 40, size: "max" },
);

describe("replay of the log gives the same state", () => {
  test.each([
    ["every command of the tables", batches],
    ["the commands of streams alone", streamBatches],
  ])("after %s, in random batches", (_, commands) => {
    fc.assert(
      fc.property(commands, (all) => {
        const logged = new Logged();
        for (const lines of all) {
          for (const line of lines) logged.bench.runInBatch(...line);
          logged.close();
          logged.bench.wait(7);
          expireDue(logged.keyspace, 100);
        }
        logged.close();
        expect(dump(replay(logged.records))).toEqual(dump(logged.keyspace));
        logged.keyspace.verifyInvariants();
      }),
      { numRuns: draws(40) },
    );
  });

  test.each([
    ["a checkpoint", { bytes: 256, elements: 1000 }],
    ["a checkpoint in pieces of two elements", { bytes: 256, elements: 2 }],
  ])("onto %s that was written while commands ran", (_, limits) => {
    const cut = fc.nat({ max: 30 });
    fc.assert(
      fc.property(batches, cut, (all, from) => {
        const logged = new Logged();
        const checkpoint: Bytes[] = [];
        let first = 0;
        let walk: KeyWalk | undefined;
        all.forEach((lines, index) => {
          if (index === from) first = logged.records.length;
          for (const line of lines) logged.bench.runInBatch(...line);
          logged.close();
          // A swap starts the checkpoint again (checkpoint.ts).
          if (lines.some(([name]) => name === "swapdb")) {
            checkpoint.length = 0;
            first = logged.records.length;
            walk = undefined;
          }
          if (index < from) return;
          walk ??= new KeyWalk(logged.keyspace, limits);
          addSlice(checkpoint, walk);
        });
        if (walk === undefined) return;
        while (!walk.isDone) addSlice(checkpoint, walk);
        const records = [...checkpoint, ...logged.records.slice(first)];
        expect(dump(replay(records))).toEqual(dump(logged.keyspace));
      }),
      { numRuns: draws(40) },
    );
  });
});

test("a large collection is logged by the elements that changed", () => {
  const logged = new Logged();
  for (let i = 0; i < 2000; i++) logged.bench.runInBatch("hset", "h", `field${i}`, `value${i}`);
  logged.close();
  logged.bench.runInBatch("hset", "h", "field7", "new");
  logged.bench.runInBatch("hdel", "h", "field8");
  logged.close();
  expect(logged.records[1]!.length).toBeLessThan(100);
  logged.bench.runInBatch("del", "h");
  logged.close();
  expect(logged.records[2]!.length).toBeLessThan(10);
  expect(dump(replay(logged.records)).size).toBe(0);
  expect(dump(replay(logged.records.slice(0, 2)))).not.toEqual(new Map());
});

test("what was written piece by piece keeps the name of its encoding", () => {
  // Each is marked after its text was written, which the log has taken by then.
  const logged = new Logged();
  logged.bench.runInBatch("set", "short", "abc");
  logged.close();
  logged.bench.runInBatch("append", "short", "d");
  logged.bench.runInBatch("copy", "short", "copied");
  logged.bench.runInBatch("bitop", "not", "bits", "short");
  logged.bench.runInBatch("pfadd", "sketch", "member");
  logged.close();
  const { databases, arena } = replay(logged.records);
  const roomy: string[] = [];
  databases[0]!.keys.forEach((ref) => {
    const start = keyStartOf(arena, ref);
    const key = latin1(bytesOf(arena, ref), start, start + keyLengthOf(arena, ref));
    if (isRoomy(arena, ref)) roomy.push(key);
  });
  expect(roomy.sort()).toEqual(["bits", "copied", "short", "sketch"]);
});

test("a string that grows piece by piece within a turn is logged once", () => {
  const logged = new Logged();
  logged.bench.runInBatch("set", "long", "x".repeat(1000));
  logged.close();
  for (let i = 0; i < 100; i++) logged.bench.runInBatch("append", "long", "y");
  logged.close();
  expect(logged.records[1]!.length).toBeLessThan(2000);
});

test("counters of an earlier incarnation are read and are not extended", () => {
  const logged = new Logged();
  logged.bench.runInBatch("set", "c", "5");
  logged.bench.runInBatch("incrby", "c", 3);
  logged.close();
  const replicas = new ReplicaTable();
  replicas.indexOf("n0/test");
  const bench = new Bench(new Keyspace({ replicas, self: "n0/other", databaseCount: 2 }));
  for (const record of logged.records) new RedoReplay(bench.keyspace).apply(record);
  expect(bench.run("get", "c")).toBe("8");
  expect(bench.run("incrby", "c", 1)).toBe(9);
  bench.keyspace.verifyInvariants();
});
