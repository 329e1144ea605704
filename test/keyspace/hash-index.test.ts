// The key index against a Map, and the promise of SCAN while it grows and shrinks.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromLatin1, latin1 } from "../../src/base/bytes.js";
import { Prng } from "../../src/base/prng.js";
import { wordsOfRequest } from "../../src/base/words.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import type { Database } from "../../src/keyspace/database.js";
import { hashBytes } from "../../src/keyspace/hash.js";
import { Keyspace } from "../../src/keyspace/keyspace.js";
import { noDeadline, setText } from "../../src/keyspace/text.js";
import { viewText } from "../../src/keyspace/text-view.js";

class Box {
  readonly keyspace = new Keyspace({ replicas: new ReplicaTable(), self: "n0/test" });
  readonly db: Database = this.keyspace.databases[0]!;

  set(name: string, value: string): void {
    const key = fromLatin1(name);
    const bytes = fromLatin1(value);
    const hash = hashBytes(key, 0, key.length);
    const { length } = bytes;
    setText(this.keyspace, this.db, hash, key, 0, key.length, bytes, 0, length, noDeadline);
  }

  #find(name: string): { ref: number; hash: number } {
    const key = fromLatin1(name);
    const hash = hashBytes(key, 0, key.length);
    return { hash, ref: this.keyspace.find(this.db, hash, key, 0, key.length) };
  }

  get(name: string): string | undefined {
    const { ref } = this.#find(name);
    if (ref === 0) return undefined;
    const { bytes, start, length } = viewText(this.keyspace, ref);
    return latin1(bytes, start, start + length);
  }

  remove(name: string): void {
    const { ref, hash } = this.#find(name);
    if (ref !== 0) this.keyspace.remove(this.db, hash, ref);
  }

  nameOf(ref: number): string {
    return latin1(this.keyspace.keyOf(ref));
  }
}

test.each(["a request's bytes", "other bytes"])(
  "keys of one hash are told apart by every byte of theirs: %s",
  (kind) => {
    const { keyspace, db } = new Box();
    const hash = 42;
    const lengths = [1, 2, 3, 4, 5, 7, 8, 16, 31, 35, 95, 96, 97, 200];
    const names = lengths.flatMap((length) => {
      const plain = "k".repeat(length);
      const places = Array.from({ length }, (_, at) => at);
      return [plain, ...places.map((at) => `${plain.slice(0, at)}K${plain.slice(at + 1)}`)];
    });
    // At odd and even places of a buffer, as keys of a request lie.
    const all = fromLatin1(names.join("*"));
    if (kind === "a request's bytes") wordsOfRequest(all);
    const starts = [0];
    for (const name of names) starts.push(starts.at(-1)! + name.length + 1);
    names.forEach((name, n) => {
      const value = fromLatin1(`${n}`);
      const { length } = name;
      setText(keyspace, db, hash, all, starts[n]!, length, value, 0, value.length, noDeadline);
    });
    names.forEach((name, n) => {
      const { bytes, start, length } = viewText(
        keyspace,
        keyspace.find(db, hash, all, starts[n]!, name.length),
      );
      expect(latin1(bytes, start, start + length)).toBe(`${n}`);
    });
  },
);

test("agrees with a Map under random writes and removals", () => {
  const step = fc.record({
    name: fc.nat({ max: 400 }).map((n) => `key${n}`),
    value: fc.nat({ max: 99 }).map(String),
    removes: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 1500, size: "max" }), (steps) => {
      const box = new Box();
      const model = new Map<string, string>();
      for (const { name, value, removes } of steps) {
        if (removes) {
          box.remove(name);
          model.delete(name);
        } else {
          box.set(name, value);
          model.set(name, value);
        }
      }
      expect(box.db.size).toBe(model.size);
      for (let n = 0; n <= 400; n++) expect(box.get(`key${n}`)).toBe(model.get(`key${n}`));
      box.keyspace.verifyInvariants();
    }),
    { numRuns: 8, endOnFailure: true },
  );
});

test("grows to thousands of keys and shrinks again, every key found at every moment", () => {
  const box = new Box();
  const count = 5000;
  for (let n = 0; n < count; n++) {
    box.set(`k${n}`, String(n));
    if (n % 97 === 0) for (let m = 0; m <= n; m += 53) expect(box.get(`k${m}`)).toBe(String(m));
  }
  expect(box.db.keys.slotCount).toBeGreaterThanOrEqual(8192);
  for (let n = 0; n < count - 10; n++) {
    box.remove(`k${n}`);
    if (n % 97 === 0)
      for (let m = n + 1; m < count; m += 53) expect(box.get(`k${m}`)).toBe(String(m));
  }
  while (box.db.keys.isResizing) box.db.keys.drain(64);
  box.set("one more", "x");
  box.remove("one more");
  box.keyspace.verifyInvariants();
  expect(box.db.size).toBe(10);
  expect(box.db.keys.slotCount).toBeLessThan(8192);
});

describe("scan", () => {
  /** One whole scan, with `between` called after each step. */
  function scanAll(box: Box, between: (step: number) => void): Set<string> {
    const seen = new Set<string>();
    let cursor = 0;
    let step = 0;
    do {
      cursor = box.db.keys.scan(cursor, (ref) => seen.add(box.nameOf(ref)));
      between(step++);
      expect(step).toBeLessThan(1_000_000);
    } while (cursor !== 0);
    return seen;
  }

  test("returns every key of an index at rest exactly once", () => {
    const box = new Box();
    for (let n = 0; n < 1000; n++) box.set(`k${n}`, "v");
    while (box.db.keys.isResizing) box.db.keys.drain(64);
    let visits = 0;
    const seen = new Set<string>();
    let cursor = 0;
    do {
      cursor = box.db.keys.scan(cursor, (ref) => {
        visits++;
        seen.add(box.nameOf(ref));
      });
    } while (cursor !== 0);
    expect([visits, seen.size]).toEqual([1000, 1000]);
  });

  test("a key that stays is returned, whatever comes and goes, in every phase of a resize", () => {
    const plan = fc.record({
      staying: fc.integer({ min: 1, max: 300 }),
      before: fc.integer({ min: 0, max: 3000 }),
      perStep: fc.integer({ min: -60, max: 60 }),
      drained: fc.nat({ max: 200 }),
    });
    fc.assert(
      fc.property(plan, ({ staying, before, perStep, drained }) => {
        const box = new Box();
        const names = Array.from({ length: staying }, (_, n) => `stay${n}`);
        for (let n = 0; n < before; n++) box.set(`go${n}`, "v");
        for (const name of names) box.set(name, "v");
        box.db.keys.drain(drained);
        let newest = before;
        let oldest = 0;
        const seen = scanAll(box, (step) => {
          if (step > 200) return;
          for (let n = 0; n < perStep; n++) box.set(`go${newest++}`, "v");
          for (let n = 0; n > perStep; n--) box.remove(`go${oldest++}`);
        });
        expect(names.filter((name) => !seen.has(name))).toEqual([]);
        box.keyspace.verifyInvariants();
      }),
      { numRuns: 8, endOnFailure: true },
    );
  });
});

test("drawing a record is fair enough: each of some keys turns up", () => {
  const box = new Box();
  for (const name of ["a", "b", "c"]) box.set(name, "v");
  const seen = new Map<string, number>();
  const slots = box.db.keys.slotCount;
  for (let slot = 0; slot < slots; slot++) {
    const ref = box.db.keys.peek((slot + 0.5) / slots);
    if (ref !== 0) seen.set(box.nameOf(ref), (seen.get(box.nameOf(ref)) ?? 0) + 1);
  }
  expect([...seen.values()]).toEqual([1, 1, 1]);
  expect(box.db.keys.sample(0.999)).not.toBe(0);
});

test("drawing a record while the index grows finds those of both tables", () => {
  const box = new Box();
  let count = 0;
  const isHalfway = (): boolean => box.db.keys.isResizing && count % 50 === 3;
  while (count < 500 || !isHalfway()) box.set(`n${count++}`, "v");
  const seen = new Set<string>();
  const steps = 20_000;
  for (let step = 0; step < steps; step++) {
    const ref = box.db.keys.peek((step + 0.5) / steps);
    if (ref !== 0) seen.add(box.nameOf(ref));
  }
  expect(seen.size).toBe(count);
});

test("a record is drawn with its hash, each as likely as the others, also while the index grows", () => {
  const box = new Box();
  const prng = new Prng(3);
  let count = 0;
  while (!box.db.keys.isResizing || count < 100) box.set(`n${count++}`, "v");
  const draws = count * 200;
  const seen = new Map<string, number>();
  const source = { randomBits: () => prng.bits() };
  for (let draw = 0; draw < draws; draw++) {
    const ref = box.db.keys.draw(source);
    expect(box.keyspace.hashOf(ref)).toBe(box.db.keys.drawnHash);
    const name = box.nameOf(ref);
    seen.set(name, (seen.get(name) ?? 0) + 1);
  }
  expect(seen.size).toBe(count);
  for (const times of seen.values()) {
    expect(times).toBeGreaterThan(100);
    expect(times).toBeLessThan(300);
  }
});
