// The log of a node alone: every write command, in random order, leaves in the log what puts its
// effect back on another keyspace, to the byte, stamps and hidden parts included; and replay onto a
// checkpoint that was written while commands ran ends in the same state.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Bytes, ByteWriter, latin1 } from "../../src/base/bytes.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import type { Ref } from "../../src/keyspace/arena.js";
import { expireDue } from "../../src/keyspace/expire-cycle.js";
import { Keyspace } from "../../src/keyspace/keyspace.js";
import { bytesOf, isRoomy, keyLengthOf, keyStartOf } from "../../src/keyspace/record.js";
import { encodeKey } from "../../src/keyspace/redo-codec.js";
import { RedoLog } from "../../src/keyspace/redo-log.js";
import { RedoReplay } from "../../src/keyspace/redo-replay.js";
import { NameCodec } from "../../src/lattice/replica-codec.js";
import { anyCommand, streamCommand } from "../commands/generator.js";
import { Bench, startMs } from "../commands/harness.js";

const newKeyspace = (): Keyspace => {
  const replicas = new ReplicaTable();
  replicas.indexOf("n0/test");
  return new Keyspace({ replicas, self: "n0/test", databaseCount: 2 });
};

class Logged {
  readonly bench = new Bench(newKeyspace());
  readonly keyspace = this.bench.keyspace;
  readonly redo = new RedoLog();
  readonly records: Bytes[] = [];

  constructor() {
    this.keyspace.redo = this.redo;
  }

  close(): void {
    const bytes = this.redo.take(this.keyspace).slice();
    this.redo.clear();
    if (bytes.length > 0) this.records.push(bytes);
    const time = this.keyspace.endBatch();
    if (time === 0) expect(bytes.length).toBe(0);
  }
}

/** Every stored key in its canonical form, by database and name. */
function dump(keyspace: Keyspace): Map<string, string> {
  const keys: [string, string][] = [];
  for (const db of keyspace.databases)
    db.keys.forEach((ref) => {
      const writer = new ByteWriter();
      const codec = new NameCodec(keyspace.replicas);
      keyspace.entryOf(ref).encode(writer, codec, keyspace.replicas);
      keys.push([`${db.index} ${latin1(keyspace.keyOf(ref))}`, latin1(writer.finish())]);
    });
  return new Map(keys.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function replay(records: readonly Bytes[]): Keyspace {
  const keyspace = newKeyspace();
  keyspace.beginTurn(startMs);
  const reader = new RedoReplay(keyspace);
  for (const record of records) reader.apply(record);
  keyspace.endBatch();
  keyspace.verifyInvariants();
  return keyspace;
}

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
      { numRuns: 40 },
    );
  });

  test("onto a checkpoint that was written while commands ran", () => {
    const cut = fc.nat({ max: 30 });
    fc.assert(
      fc.property(batches, cut, (all, from) => {
        const logged = new Logged();
        const checkpoint: Bytes[] = [];
        let first = 0;
        let cursor = 0;
        all.forEach((lines, index) => {
          if (index === from) first = logged.records.length;
          for (const line of lines) logged.bench.runInBatch(...line);
          logged.close();
          // A swap starts the checkpoint again (checkpoint.ts).
          if (lines.some(([name]) => name === "swapdb")) {
            checkpoint.length = 0;
            first = logged.records.length;
            cursor = 0;
          }
          if (index >= from) cursor = addSome(checkpoint, logged.keyspace, cursor);
        });
        while (cursor >= 0) cursor = addSome(checkpoint, logged.keyspace, cursor);
        const records = [...checkpoint, ...logged.records.slice(first)];
        if (all.length <= from) return;
        expect(dump(replay(records))).toEqual(dump(logged.keyspace));
      }),
      { numRuns: 40 },
    );
  });
});

/** Writes a few buckets of both databases; answers where to go on, -1 at the end. */
function addSome(checkpoint: Bytes[], keyspace: Keyspace, cursor: number): number {
  if (cursor < 0) return -1;
  const writer = new ByteWriter();
  const database = cursor >= 2 ** 32 ? 1 : 0;
  let at = cursor % 2 ** 32;
  const db = keyspace.databases[database]!;
  for (let buckets = 0; buckets < 9; buckets++) {
    const refs: Ref[] = [];
    at = db.keys.scan(at, (ref) => {
      refs.push(ref);
    });
    for (const ref of refs) encodeKey(writer, keyspace, database, ref);
    if (at !== 0) continue;
    checkpoint.push(writer.finish());
    return database === 1 ? -1 : 2 ** 32;
  }
  checkpoint.push(writer.finish());
  return database * 2 ** 32 + at;
}

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
