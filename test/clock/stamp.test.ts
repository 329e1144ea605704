// Hybrid logical times: whatever the wall clock does, a new stamp exceeds every stamp issued or
// observed (merge-rules 3), and the milliseconds in it are those of the clock that was ahead.

import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteReader, ByteWriter, MalformedBytes } from "../../src/base/bytes.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import { decodeTime, epochMs, HybridClock, msOfTime, timeOfMs } from "../../src/clock/stamp.js";

const wallMs = fc.integer({ min: epochMs, max: epochMs + 2 ** 40 });

test("clock: every stamp exceeds all that were issued or observed, whatever the wall clock does", () => {
  const step = fc.oneof(
    fc.record({
      wallMs: fc.oneof(
        wallMs,
        fc.integer({ min: 0, max: 10 }).map((ms) => epochMs + ms),
      ),
    }),
    fc.record({ observed: fc.nat({ max: 2 ** 52 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
      const clock = new HybridClock();
      let highest = 0;
      for (const one of steps) {
        if ("observed" in one) {
          clock.observe(one.observed);
          highest = Math.max(highest, one.observed);
        } else {
          const time = clock.next(one.wallMs);
          expect(time).toBeGreaterThan(highest);
          expect(time).toBeGreaterThanOrEqual(timeOfMs(one.wallMs));
          expect(Number.isSafeInteger(time)).toBe(true);
          highest = time;
        }
        expect(clock.last).toBe(highest);
      }
    }),
  );
});

test("clock: while the wall clock stands still or goes back, only the counter moves", () => {
  const clock = new HybridClock();
  const first = clock.next(epochMs + 1000);
  expect(clock.next(epochMs + 1000)).toBe(first + 1);
  expect(clock.next(epochMs)).toBe(first + 2);
  expect(clock.next(epochMs + 1001)).toBe(timeOfMs(epochMs + 1001));
});

test("stamp: milliseconds come back from a time, up to the year 2094", () => {
  fc.assert(fc.property(wallMs, (ms) => msOfTime(timeOfMs(ms)) === ms));
  expect(timeOfMs(0)).toBe(0);
  expect(timeOfMs(epochMs + 2 ** 41 - 1)).toBeLessThan(2 ** 53);
});

test("stamp: only whole times of 53 bits are read", () => {
  const read = (time: number): number =>
    decodeTime(new ByteReader(new ByteWriter().f64(time).finish()));
  expect([read(0), read(1), read(Number.MAX_SAFE_INTEGER)]).toEqual([
    0,
    1,
    Number.MAX_SAFE_INTEGER,
  ]);
  for (const time of [Number.NaN, Number.POSITIVE_INFINITY, -1, 0.5, 2 ** 53, -0])
    expect(() => read(time)).toThrow(MalformedBytes);
});

test("replicas: stamps of one time are ordered by name, not by who was met first", () => {
  const [ours, theirs] = [new ReplicaTable(), new ReplicaTable()];
  for (const name of ["n2/x", "n1/x"]) ours.indexOf(name);
  for (const name of ["n1/x", "n2/x"]) theirs.indexOf(name);
  for (const table of [ours, theirs]) {
    const [a, b] = [table.indexOf("n1/x"), table.indexOf("n2/x")];
    expect(table.compare(5, a, 5, b)).toBeLessThan(0);
    expect(table.compare(6, a, 5, b)).toBeGreaterThan(0);
    expect(table.compareStamps({ time: 5, replica: a }, { time: 5, replica: a })).toBe(0);
  }
});

test("replicas: a name has one index, an index one name, and no other index has any", () => {
  const table = new ReplicaTable();
  expect([table.indexOf("a"), table.indexOf("b"), table.indexOf("a")]).toEqual([0, 1, 0]);
  expect([table.nameOf(0), table.nameOf(1), table.count]).toEqual(["a", "b", 2]);
  expect(() => table.nameOf(2)).toThrow();
});
