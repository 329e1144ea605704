// Version vectors against sets: a vector stands for all stamps up to its entries, so the join is
// the union of what two have seen, the meet the intersection, and "includes" the superset.

import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteReader, ByteWriter, MalformedBytes } from "../../src/base/bytes.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import { VersionVector } from "../../src/clock/version-vector.js";

const replicaCount = 4;
const timeMax = 6;
const times = fc.array(fc.nat({ max: timeMax }), { minLength: 0, maxLength: replicaCount });

function vectorOf(entries: readonly number[]): VersionVector {
  const vector = new VersionVector();
  entries.forEach((time, replica) => {
    vector.advance(replica, time);
  });
  return vector;
}

/** The stamps that a vector covers, by asking it. */
function stampsOf(vector: VersionVector): Set<string> {
  const stamps = new Set<string>();
  for (let replica = 0; replica < replicaCount; replica++)
    for (let time = 1; time <= timeMax; time++)
      if (vector.covers(time, replica)) stamps.add(`${replica}:${time}`);
  return stamps;
}

const union = (a: Set<string>, b: Set<string>): Set<string> => new Set([...a, ...b]);
const intersection = (a: Set<string>, b: Set<string>): Set<string> =>
  new Set([...a].filter((stamp) => b.has(stamp)));

test("join, meet, includes and equals are union, intersection, superset and equality", () => {
  fc.assert(
    fc.property(times, times, (first, second) => {
      const [a, b] = [vectorOf(first), vectorOf(second)];
      const [seenA, seenB] = [stampsOf(a), stampsOf(b)];
      const joined = a.clone();
      joined.join(b);
      expect(stampsOf(joined)).toEqual(union(seenA, seenB));
      expect(stampsOf(a.meet(b))).toEqual(intersection(seenA, seenB));
      expect(a.includes(b)).toBe([...seenB].every((stamp) => seenA.has(stamp)));
      expect(a.equals(b)).toBe(a.includes(b) && b.includes(a));
      expect(a.isEmpty).toBe(seenA.size === 0);
      expect(stampsOf(a)).toEqual(seenA); // The clone was joined, not the vector.
    }),
  );
});

test("an entry never falls", () => {
  const vector = vectorOf([5]);
  vector.advance(0, 3);
  expect([vector.get(0), vector.get(7)]).toEqual([5, 0]);
});

test("bytes carry names in order: two tables that number replicas differently agree on them", () => {
  fc.assert(
    fc.property(times, (entries) => {
      const [ours, theirs] = [new ReplicaTable(), new ReplicaTable()];
      for (const name of ["d", "b", "a", "c"]) ours.indexOf(name);
      theirs.indexOf("c");
      const vector = vectorOf(entries);
      const bytes = new ByteWriter();
      vector.encode(bytes, ours);
      const read = VersionVector.decode(new ByteReader(bytes.finish()), theirs);
      for (const name of ["a", "b", "c", "d"])
        expect(read.get(theirs.indexOf(name))).toBe(vector.get(ours.indexOf(name)));
      const again = new ByteWriter();
      read.encode(again, theirs);
      expect(again.finish()).toEqual(bytes.finish());
    }),
  );
});

test("a vector with an impossible time is malformed, most of all one that would cover everything", () => {
  for (const time of [Number.POSITIVE_INFINITY, Number.NaN, -1, 1.5]) {
    const bytes = new ByteWriter().varint(1).text("n1").f64(time).finish();
    expect(() => VersionVector.decode(new ByteReader(bytes), new ReplicaTable())).toThrow(
      MalformedBytes,
    );
  }
});
