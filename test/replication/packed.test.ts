// The short operations of a batch (src/keyspace/batch-body.ts): what is written from marks and
// joined into records is what the lattice says, at every edge where the plain case ends. Random
// histories over the same code: convergence.test.ts here and in test/commands.

import fc from "fast-check";
import { expect, test } from "vitest";
import type { Batch } from "../../src/keyspace/batch.js";
import { BodyReader, bodyOps, checkBody } from "../../src/keyspace/batch-body.js";
import type { Keyspace } from "../../src/keyspace/keyspace.js";
import { del, expire, increment, read, sadd, set } from "./operations.js";
import { deliver, isEqual, newReplica, turn } from "./pair.js";
import { startMs } from "./world.js";

function opsOf(batches: readonly Batch[]): number[] {
  const ops: number[] = [];
  for (const batch of batches) {
    const reader = new BodyReader(batch);
    while (reader.next()) ops.push(reader.op);
  }
  return ops;
}

type Step = (keyspace: Keyspace, key: string) => unknown;

const steps: readonly Step[] = [
  (keyspace, key) => set(keyspace, key, "short"),
  (keyspace, key) => set(keyspace, key, "7"),
  (keyspace, key) => set(keyspace, key, "a text that needs another block".repeat(4)),
  (keyspace, key) => set(keyspace, key, "large".repeat(20_000)),
  (keyspace, key) => set(keyspace, key, "mortal", startMs + 60_000),
  (keyspace, key) => del(keyspace, key),
  (keyspace, key) => increment(keyspace, key, 3),
  (keyspace, key) => expire(keyspace, key, startMs + 90_000),
  (keyspace, key) => {
    if (read(keyspace, key) === undefined) sadd(keyspace, key, "member");
  },
];

test("packed: any writes in any batches of two replicas end in one state", () => {
  const step = fc.record({
    who: fc.nat(1),
    writes: fc.array(fc.tuple(fc.nat(steps.length - 1), fc.constantFrom("x", "y")), {
      maxLength: 6,
    }),
    isHeard: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (story) => {
      const pair = [newReplica("a"), newReplica("b")];
      const made: [Batch[], Batch[]] = [[], []];
      const hear = (): void => {
        deliver(made[0], pair[0]!, pair[1]!);
        deliver(made[1], pair[1]!, pair[0]!);
      };
      for (const { who, writes, isHeard } of story) {
        const batches = turn(pair[who]!, (keyspace) => {
          for (const [index, key] of writes) steps[index]!(keyspace, key);
        });
        made[who]!.push(...batches);
        if (isHeard) hear();
      }
      hear();
      expect(isEqual(pair[0]!, pair[1]!)).toBe(true);
      for (const shards of pair) {
        shards.verifyInvariants();
        shards.keyspace.verifyInvariants();
      }
    }),
    { seed: 6, numRuns: 150 },
  );
});

test("packed: plain texts and own counters take the short forms, once per key and batch", () => {
  const a = newReplica("a");
  const first = turn(a, (keyspace) => {
    for (let i = 0; i < 5; i++) set(keyspace, "x", `v${i}`);
    for (let i = 0; i < 5; i++) increment(keyspace, "n", 1);
  });
  expect(opsOf(first).sort()).toEqual([bodyOps.row, bodyOps.text]);
  expect(opsOf(turn(a, (keyspace) => set(keyspace, "x", "over")))).toEqual([bodyOps.text]);
  expect(opsOf(turn(a, (keyspace) => del(keyspace, "x")))).toEqual([bodyOps.removed]);
  // What began and ended within the batch is nobody's business.
  const nothing = turn(a, (keyspace) => {
    set(keyspace, "z", "1");
    del(keyspace, "z");
  });
  expect(opsOf(nothing)).toEqual([]);
});

test("packed: a number that became a counter within the batch takes its base along", () => {
  const [a, b] = [newReplica("a"), newReplica("b")];
  const batches = turn(a, (keyspace) => {
    set(keyspace, "n", "40");
    increment(keyspace, "n", 2);
  });
  deliver(batches, a, b);
  expect(read(b.keyspace, "n")).toBe("42");
});

test("packed: a text beside one that its maker had not seen stays beside it", () => {
  const [a, b] = [newReplica("a"), newReplica("b")];
  const mine = turn(a, (keyspace) => set(keyspace, "x", "mine"));
  const theirs = turn(b, (keyspace) => set(keyspace, "x", "theirs"));
  deliver(theirs, b, a);
  deliver(mine, a, b);
  expect(isEqual(a, b)).toBe(true);
  // Whoever removes what was seen here names both; a text over one of them alone keeps the other.
  const over = turn(b, (keyspace) => del(keyspace, "x"));
  deliver(over, b, a);
  expect(read(a.keyspace, "x")).toBeUndefined();
});

test("packed: bytes that no close writes are refused", () => {
  const a = newReplica("a");
  const [batch] = turn(a, (keyspace) => set(keyspace, "x", "v")) as [Batch];
  const check = (change: Partial<Batch>): void =>
    checkBody({ ...batch, ...change }, a.keyspace, a.count);
  check({});
  expect(() => check({ shard: (batch.shard + 1) % a.count })).toThrow(/another shard/);
  const changed = (at: number, value: number): Uint8Array => {
    const body = batch.body.slice();
    body[at] = value;
    return body;
  };
  expect(() => check({ body: changed(0, 9) })).toThrow(/no operation/);
  expect(() => check({ body: changed(1, 200) })).toThrow(/no such database/);
  const over = turn(a, (keyspace) => set(keyspace, "x", "w")) as [Batch];
  expect(() => checkBody({ ...over[0], time: batch.time }, a.keyspace, a.count)).toThrow(
    /not yet there/,
  );
  expect(() => checkBody({ ...over[0], names: [] }, a.keyspace, a.count)).toThrow(/does not list/);
});
