// Hashes and sets while changes are captured, in every form and across the changes of form: the
// delta of each batch, joined into a replica that has heard of nothing else, gives the same state
// to the byte; and when two write at once, both end in the same one.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ByteWriter, fromLatin1, latin1 } from "../../src/base/bytes.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import { VersionVector } from "../../src/clock/version-vector.js";
import { Capture, type KeyDelta } from "../../src/keyspace/capture.js";
import { hashBytes } from "../../src/keyspace/hash.js";
import { Keyspace } from "../../src/keyspace/keyspace.js";
import { packedBytesMax } from "../../src/keyspace/packed.js";
import { NameCodec } from "../../src/lattice/replica-codec.js";
import { formOf } from "./collection-forms.js";
import { Bench } from "./harness.js";

interface Sent {
  readonly time: number;
  readonly origin: number;
  readonly deltas: readonly KeyDelta[];
}

class Replica {
  readonly bench: Bench;
  readonly seen = new VersionVector();
  readonly inbox: Sent[] = [];
  readonly #capture = new Capture();

  constructor(replicas: ReplicaTable, name: string) {
    this.bench = new Bench(new Keyspace({ replicas, self: name, databaseCount: 1 }));
    this.bench.keyspace.capture = this.#capture;
  }

  close(): Sent | undefined {
    const { keyspace } = this.bench;
    const deltas = this.#capture.take(keyspace);
    const time = keyspace.endBatch();
    if (time === 0) return undefined;
    this.seen.advance(keyspace.self, time);
    return { time, origin: keyspace.self, deltas };
  }

  join({ time, origin, deltas }: Sent): void {
    const { keyspace } = this.bench;
    keyspace.clock.observe(time);
    for (const { database, key, elements } of deltas) {
      const db = keyspace.databases[database]!;
      const hash = hashBytes(key, 0, key.length);
      const entry = keyspace.entryOrEmpty(keyspace.findRecord(db, hash, key, 0, key.length));
      for (const element of elements) entry.apply(this.seen, element);
      keyspace.storeEntry(db, hash, key, entry);
    }
    this.seen.advance(origin, time);
  }

  /** The stored form of a key, stamps included. */
  state(name: string): string {
    const { keyspace } = this.bench;
    const key = fromLatin1(name);
    const ref = keyspace.databases[0]!.keys.find(hashBytes(key, 0, key.length), key, 0, key.length);
    if (ref === 0) return "";
    const writer = new ByteWriter();
    keyspace.entryOf(ref).encode(writer, new NameCodec(keyspace.replicas), keyspace.replicas);
    return latin1(writer.finish());
  }
}

function newReplicas(count: number): Replica[] {
  const table = new ReplicaTable();
  return Array.from({ length: count }, (_, index) => new Replica(table, `n${index}/test`));
}

function exchange(replicas: readonly Replica[]): void {
  for (const sender of replicas) {
    const sent = sender.close();
    if (sent === undefined) continue;
    for (const other of replicas) if (other !== sender) other.inbox.push(sent);
  }
  for (const replica of replicas) for (const sent of replica.inbox.splice(0)) replica.join(sent);
}

type Line = readonly (string | number)[];
/**
 * What decides the form: the anchor makes a table of whatever holds it, counters make it general.
 */
const anchor = "x".repeat(packedBytesMax + 1);
const name = fc.constantFrom("a", "b", "c", "d", anchor);
const value = fc.constantFrom("", "v", "17", "w".repeat(300));
const key = fc.constantFrom("k", "l");

const hashLine: fc.Arbitrary<Line> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant("hset"), key, name, value, name, value) },
  { weight: 4, arbitrary: fc.tuple(fc.constant("hdel"), key, name, name) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constant("hincrby"), key, fc.constantFrom("a", "n"), fc.nat(9)),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constant("hdel"), key, fc.constantFrom("a", "n")) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("pexpire"), key, fc.constant(100_000)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("del"), key) },
);

const setLine: fc.Arbitrary<Line> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant("sadd"), key, name, name) },
  { weight: 4, arbitrary: fc.tuple(fc.constant("srem"), key, name, name) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("spop"), key) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("smove"), key, key, name) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("sunionstore"), key, key, key) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("pexpire"), key, fc.constant(100_000)) },
);

describe.each([
  ["hashes", hashLine],
  ["sets", setLine],
] as const)("%s", (_type, line) => {
  test("the delta of every batch brings a follower to the same state", () => {
    const met = new Set<string>();
    const batch = fc.array(line, { minLength: 1, maxLength: 3, size: "max" });
    fc.assert(
      fc.property(fc.array(batch, { maxLength: 25, size: "max" }), (batches) => {
        const [writer, follower] = newReplicas(2) as [Replica, Replica];
        for (const lines of batches) {
          for (const each of lines) writer.bench.runInBatch(...each);
          exchange([writer, follower]);
          for (const name of ["k", "l"]) {
            expect(follower.state(name)).toBe(writer.state(name));
            met.add(formOf(writer.bench, name));
          }
          writer.bench.wait(1);
        }
        for (const { bench } of [writer, follower]) bench.keyspace.verifyInvariants();
      }),
      { numRuns: 35 },
    );
    expect([...met]).toEqual(expect.arrayContaining(["packed", "table", "absent"]));
  });

  test("two who write at once end in the same state", () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ at: fc.nat({ max: 1 }), line }) },
      { weight: 1, arbitrary: fc.constant("exchange" as const) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        const replicas = newReplicas(2);
        for (const each of steps) {
          if (each === "exchange") exchange(replicas);
          else replicas[each.at]!.bench.runInBatch(...each.line);
          for (const { bench } of replicas) bench.wait(1);
        }
        exchange(replicas);
        const [first, second] = replicas as [Replica, Replica];
        for (const name of ["k", "l"]) expect(second.state(name)).toBe(first.state(name));
        for (const { bench } of replicas) bench.keyspace.verifyInvariants();
      }),
      { numRuns: 35 },
    );
  });
});

test("increments of two nodes add up, and a removal takes what it has seen", () => {
  const replicas = newReplicas(2);
  const [first, second] = replicas as [Replica, Replica];
  first.bench.runInBatch("hset", "k", "n", 10);
  exchange(replicas);
  first.bench.runInBatch("hincrby", "k", "n", 5);
  second.bench.runInBatch("hincrbyfloat", "k", "n", "0.5");
  expect(first.bench.runInBatch("hget", "k", "n")).toBe("15");
  exchange(replicas);
  for (const { bench } of replicas) expect(bench.runInBatch("hget", "k", "n")).toBe("15.5");
  first.bench.runInBatch("hdel", "k", "n");
  second.bench.runInBatch("hincrbyfloat", "k", "n", "2");
  exchange(replicas);
  for (const { bench } of replicas) expect(bench.runInBatch("hgetall", "k")).toEqual(["n", "2"]);
  expect(second.state("k")).toBe(first.state("k"));
});

test("what a removal leaves of another node's counter stays under a hash that is begun anew", () => {
  const replicas = newReplicas(2);
  const [first, second] = replicas as [Replica, Replica];
  second.bench.runInBatch("hincrby", "k", "n", 3);
  exchange(replicas);
  first.bench.runInBatch("hdel", "k", "n");
  const sent = first.close()!;
  first.bench.wait(1);
  first.bench.runInBatch("hset", "k", "a", "v");
  // The node that counted hears of neither yet, and says again what it has.
  second.bench.runInBatch("hincrby", "k", "n", 4);
  exchange(replicas.toReversed());
  second.join(sent);
  exchange(replicas);
  expect(second.state("k")).toBe(first.state("k"));
  for (const { bench } of replicas)
    expect(bench.runInBatch("hgetall", "k")).toEqual(["a", "v", "n", "4"]);
});

test("a batch in which a packed hash becomes a table says what each field's stamp is", () => {
  const [writer, follower] = newReplicas(2) as [Replica, Replica];
  writer.bench.runInBatch("hset", "k", "a", 1);
  writer.bench.runInBatch("pexpire", "k", 100_000);
  exchange([writer, follower]);
  for (const { bench } of [writer, follower]) bench.wait(1000);
  writer.bench.runInBatch("hset", "k", "b", 1);
  exchange([writer, follower]);
  for (const { bench } of [writer, follower]) bench.wait(1000);
  writer.bench.runInBatch("hset", "k", "c", anchor);
  expect(formOf(writer.bench, "k")).toBe("table");
  const inBatch = writer.state("k");
  exchange([writer, follower]);
  expect(writer.state("k")).toBe(inBatch);
  expect(follower.state("k")).toBe(inBatch);
  for (const { bench } of [writer, follower]) {
    expect(bench.runInBatch("pttl", "k")).toBe(98_000);
    bench.keyspace.verifyInvariants();
  }
});
