// The heap of deadlines: it holds exactly the records that have one, in order, and every record
// knows its place.

import fc from "fast-check";
import { expect, test } from "vitest";
import { fromLatin1 } from "../../src/base/bytes.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import { setDeadline, visibleDeadline } from "../../src/keyspace/deadline-record.js";
import { expireDue } from "../../src/keyspace/expire-cycle.js";
import { hashBytes } from "../../src/keyspace/hash.js";
import { Keyspace } from "../../src/keyspace/keyspace.js";
import { setText } from "../../src/keyspace/text.js";
import { persist } from "../../src/lattice/deadline.js";

const startMs = 1_800_000_000_000;

class Clock {
  readonly keyspace = new Keyspace({ replicas: new ReplicaTable(), self: "n0/test" });
  readonly db = this.keyspace.databases[0]!;

  constructor() {
    this.keyspace.beginTurn(startMs);
  }

  set(name: string, deadline: number): void {
    const key = fromLatin1(name);
    const hash = hashBytes(key, 0, key.length);
    setText(this.keyspace, this.db, hash, key, 0, key.length, key, 0, key.length, deadline);
  }

  ref(name: string): number {
    const key = fromLatin1(name);
    return this.db.keys.find(hashBytes(key, 0, key.length), key, 0, key.length);
  }

  change(name: string, at: number): void {
    const key = fromLatin1(name);
    const ref = this.ref(name);
    if (ref !== 0) setDeadline(this.keyspace, this.db, hashBytes(key, 0, key.length), ref, at);
  }

  remove(name: string): void {
    const ref = this.ref(name);
    if (ref !== 0) this.keyspace.remove(this.db, this.keyspace.hashOf(ref), ref);
  }
}

test("agrees with a Map of deadlines and expires in their order", () => {
  const name = fc.nat({ max: 60 }).map((n) => `k${n}`);
  const at = fc.integer({ min: 1, max: 500 }).map((ms) => startMs + ms);
  const step = fc.oneof(
    fc.record({ name, kind: fc.constantFrom("set", "change"), at }),
    fc.record({ name, kind: fc.constantFrom("plain", "persist", "remove"), at: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 250, size: "max" }), (steps) => {
      const clock = new Clock();
      const model = new Map<string, number>();
      for (const { name: key, kind, at: deadline } of steps) {
        if (kind === "set" || kind === "plain") model.set(key, deadline);
        else if (kind === "remove") model.delete(key);
        else if (model.has(key)) model.set(key, deadline);
        if (kind === "set" || kind === "plain") clock.set(key, deadline);
        else if (kind === "remove") clock.remove(key);
        else clock.change(key, kind === "persist" ? persist : deadline);
      }
      for (const [key, deadline] of model) {
        expect([key, visibleDeadline(clock.keyspace, clock.ref(key))]).toEqual([key, deadline]);
      }
      const waiting = [...model.values()]
        .filter((deadline) => deadline !== 0)
        .sort((a, b) => a - b);
      expect(clock.db.expiringCount).toBe(waiting.length);
      clock.keyspace.verifyInvariants();
      let gone = 0;
      for (const deadline of waiting) {
        clock.keyspace.beginTurn(deadline);
        gone += expireDue(clock.keyspace, 1000);
        expect(gone).toBe(waiting.filter((other) => other <= deadline).length);
      }
      expect(clock.db.size).toBe(model.size - waiting.length);
      clock.keyspace.verifyInvariants();
    }),
    { numRuns: 20, endOnFailure: true },
  );
});

test("a slice removes no more than it may, and nothing where another node expires keys", () => {
  const clock = new Clock();
  for (let n = 0; n < 20_000; n++) clock.set(`k${n}`, startMs + 1 + (n % 7));
  clock.keyspace.beginTurn(startMs + 10);
  clock.keyspace.mayExpire = false;
  expect(expireDue(clock.keyspace, 100)).toBe(0);
  clock.keyspace.mayExpire = true;
  expect(expireDue(clock.keyspace, 100)).toBe(100);
  expect(clock.db.size).toBe(19_900);
  while (expireDue(clock.keyspace, 1000) === 1000);
  expect(clock.db.size).toBe(0);
  clock.keyspace.verifyInvariants();
});
