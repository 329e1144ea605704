// The order of a sorted set agrees with a plain sorted array, also when scores tie, when chunks
// split and merge, and when records move.

import fc from "fast-check";
import { expect, test } from "vitest";
import { fromLatin1 } from "../../src/base/bytes.js";
import { Prng } from "../../src/base/prng.js";
import { Arena, type Ref, slabOf, wordOf } from "../../src/keyspace/arena.js";
import { firstNotBefore } from "../../src/keyspace/order-chunk.js";
import { OrderIndex } from "../../src/keyspace/order-index.js";
import * as record from "../../src/keyspace/record.js";

interface Entry {
  score: number;
  readonly member: string;
  ref: Ref;
}

/** An order beside the plain model of it. */
class Pair {
  readonly arena = new Arena();
  readonly order = new OrderIndex(this.arena);
  readonly entries: Entry[] = [];

  allocate(member: string): Ref {
    const { arena } = this;
    const bytes = fromLatin1(member);
    const ref = arena.allocate(record.unitsFor(record.elementKind, 0, bytes.length, 8));
    arena.words[slabOf(ref)]![wordOf(ref) + 1] = bytes.length;
    arena.words[slabOf(ref)]![wordOf(ref) + 2] = 8;
    record.setHeader(arena, ref, record.elementKind, 0, 0, 1);
    arena.bytes[slabOf(ref)]!.set(bytes, record.keyStartOf(arena, ref));
    return ref;
  }

  sort(): void {
    this.entries.sort((a, b) => a.score - b.score || (a.member < b.member ? -1 : 1));
  }

  add(score: number, member: string): void {
    if (this.entries.some((entry) => entry.member === member)) return;
    const ref = this.allocate(member);
    this.order.add(score, ref);
    this.entries.push({ score, member, ref });
    this.sort();
  }

  /** The entry at a share of the way, 0 to 1. */
  pick(share: number): Entry | undefined {
    return this.entries[Math.floor(share * this.entries.length)];
  }

  remove(entry: Entry): void {
    this.order.remove(entry.score, entry.ref);
    this.entries.splice(this.entries.indexOf(entry), 1);
  }

  rescore(entry: Entry, score: number): void {
    this.order.rescore(entry.score, score, entry.ref);
    entry.score = score;
    this.sort();
  }

  move(entry: Entry): void {
    const to = this.allocate(entry.member);
    this.order.moved(entry.score, entry.ref, to);
    entry.ref = to;
  }

  check(): void {
    const { order, entries } = this;
    order.verifyInvariants();
    expect(order.count).toBe(entries.length);
    entries.forEach((entry, rank) => {
      expect(order.refAt(rank)).toBe(entry.ref);
      expect(order.score).toBe(entry.score);
      expect(order.rankOf(entry.score, entry.ref)).toBe(rank);
    });
  }

  checkBounds(score: number, member: string): void {
    const { order, entries } = this;
    const first = (is: (entry: Entry) => boolean): number => {
      const rank = entries.findIndex(is);
      return rank < 0 ? entries.length : rank;
    };
    const bytes = fromLatin1(member);
    expect(order.rankOfScore(score, false)).toBe(first((entry) => entry.score >= score));
    expect(order.rankOfScore(score, true)).toBe(first((entry) => entry.score > score));
    for (const isExclusive of [false, true]) {
      const isAtOrAfter = (entry: Entry): boolean =>
        entry.score > score ||
        (entry.score === score && (isExclusive ? entry.member > member : entry.member >= member));
      expect(order.rankOfPair(score, bytes, 0, bytes.length, isExclusive)).toBe(first(isAtOrAfter));
    }
  }
}

const score = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1.5, 5e-324),
  fc.double({ noNaN: true }).map((value) => value + 0),
);
const member = fc.oneof(
  fc.integer({ min: 0, max: 60 }).map((n) => `m${n}`),
  fc.constantFrom("", "\x00", "\xff", "a", "aa", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
);
const share = fc.double({ min: 0, max: 0.999, noNaN: true });

const step = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant("add" as const), score, member, share) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("remove" as const), score, member, share) },
  { weight: 3, arbitrary: fc.tuple(fc.constant("rescore" as const), score, member, share) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("move" as const), score, member, share) },
);

test("order: agrees with a sorted array under adding, removing, rescoring and moving", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const pair = new Pair();
      for (const [kind, newScore, name, at] of steps) {
        const entry = pair.pick(at);
        if (kind === "add") pair.add(newScore, name);
        else if (entry === undefined) continue;
        else if (kind === "remove") pair.remove(entry);
        else if (kind === "rescore") pair.rescore(entry, newScore);
        else pair.move(entry);
        pair.checkBounds(newScore, name);
      }
      pair.check();
    }),
    { numRuns: 150 },
  );
});

test("order: agrees with a sorted array across many chunks, scores tied or not", () => {
  // Long enough that chunks of 512 split and merge; few scores, so that ties run over chunk
  // borders.
  const big = fc.tuple(
    fc.constantFrom(1, 4, 1_000_000),
    fc.constantFrom("ascending", "shuffled"),
    fc.nat(),
  );
  fc.assert(
    fc.property(big, ([scores, way, seed]) => {
      const pair = new Pair();
      const prng = new Prng(seed);
      const draw = (): number => prng.float();
      const total = 2_000;
      for (let n = 0; n < total; n++) {
        const name = String(n).padStart(5, "0");
        const value = Math.floor((way === "ascending" ? n / total : draw()) * scores);
        const ref = pair.allocate(name);
        pair.order.add(value, ref);
        pair.entries.push({ score: value, member: name, ref });
      }
      pair.sort();
      pair.check();
      for (let n = 0; n < 300; n++) {
        const entry = pair.pick(draw())!;
        // Far away, or just past a neighbour.
        const near = entry.score + Math.floor((draw() - 0.5) * 0.005 * scores);
        const value = n % 2 === 0 ? near : Math.floor(draw() * scores);
        pair.order.rescore(entry.score, value, entry.ref);
        entry.score = value;
        pair.sort();
        pair.checkBounds(value, entry.member);
      }
      for (let n = 0; n < 1_700; n++) pair.remove(pair.pick(n % 3 === 0 ? draw() : 0.4)!);
      pair.check();
      while (pair.entries.length > 0) pair.remove(pair.pick(0)!);
      pair.check();
    }),
    { numRuns: 6 },
  );
});

test("order: ranges go at once, within a chunk and across many", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3_000 }), fc.nat(), (total, seed) => {
      const pair = new Pair();
      const prng = new Prng(seed);
      for (let n = 0; n < total; n++) {
        const ref = pair.allocate(`m${n}`);
        const score = prng.below(500);
        pair.order.add(score, ref);
        pair.entries.push({ score, member: `m${n}`, ref });
      }
      pair.sort();
      while (pair.entries.length > 0) {
        const rank = prng.below(pair.entries.length);
        const count = Math.min(pair.entries.length - rank, 1 + prng.below(1_200));
        const refs = new Int32Array(count);
        const scores = new Float64Array(count);
        const isReverse = prng.below(2) === 1;
        pair.order.copy(isReverse ? rank + count - 1 : rank, count, isReverse, refs, scores);
        const expected = pair.entries.slice(rank, rank + count);
        if (isReverse) expected.reverse();
        expect([...refs]).toEqual(expected.map((entry) => entry.ref));
        expect([...scores]).toEqual(expected.map((entry) => entry.score));
        pair.order.removeRange(rank, count);
        pair.entries.splice(rank, count);
        pair.order.verifyInvariants();
        expect(pair.order.count).toBe(pair.entries.length);
        pair.checkBounds(prng.below(500), "m5");
      }
    }),
    { numRuns: 25 },
  );
});

test("order: a walk in both directions meets every entry once", () => {
  const pair = new Pair();
  for (let n = 0; n < 1_500; n++) {
    const ref = pair.allocate(`m${n}`);
    pair.order.add((n * 7919) % 1_500, ref);
    pair.entries.push({ score: (n * 7919) % 1_500, member: `m${n}`, ref });
  }
  pair.sort();
  for (const isReverse of [false, true]) {
    const expected = isReverse ? [...pair.entries].reverse() : pair.entries;
    pair.order.seek(isReverse ? 1_499 : 0);
    const met = expected.map((_, index) => {
      if (index > 0) pair.order.step(isReverse);
      return pair.order.ref;
    });
    expect(met).toEqual(expected.map((entry) => entry.ref));
  }
});

test("order: members are found by their bytes where scores are equal", () => {
  fc.assert(
    fc.property(fc.uniqueArray(member, { maxLength: 40 }), member, (members, sought) => {
      const pair = new Pair();
      for (const name of members) pair.add(0, name);
      const sorted = pair.entries.map((entry) => entry.member);
      const bytes = fromLatin1(sought);
      const count = (is: (name: string) => boolean): number => sorted.filter(is).length;
      expect(pair.order.rankOfMember(bytes, 0, bytes.length, false)).toBe(
        count((name) => name < sought),
      );
      expect(pair.order.rankOfMember(bytes, 0, bytes.length, true)).toBe(
        count((name) => name <= sought),
      );
    }),
  );
});

test("order: an entry that was its chunk's last one finds its new place all the same", () => {
  const pair = new Pair();
  const name = (n: number): string => String(n).padStart(5, "0");
  // Two full chunks, and then one entry in the first.
  for (let n = 0; n < 1024; n++) {
    const ref = pair.allocate(name(n));
    pair.order.add(n, ref);
    pair.entries.push({ score: n, member: name(n), ref });
  }
  for (let n = 0; n < 511; n++) pair.remove(pair.entries[0]!);
  pair.rescore(pair.entries[0]!, 800.5);
  pair.check();
  pair.rescore(pair.pick(0.5)!, -1);
  pair.check();
});

test("order: the search among scores agrees with a walk, at every length and place", () => {
  for (let length = 0; length <= 130; length++) {
    // Each score twice, and one on either side that is out of bounds.
    const scores = Float64Array.from({ length: length + 2 }, (_, at) => at >> 1);
    for (let score = -1; score <= length; score += 0.5) {
      for (const isExclusive of [false, true]) {
        let wanted = 1;
        while (wanted <= length && scores[wanted]! < score + (isExclusive ? 0.25 : 0)) wanted++;
        const found = firstNotBefore(scores, 1, length + 1, score, isExclusive);
        if (found !== wanted) expect([length, score, isExclusive, found]).toEqual(wanted);
      }
    }
  }
});
