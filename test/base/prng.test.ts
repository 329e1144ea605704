// The seeded generator: one seed, one sequence, on every machine; ranges and choices cover what
// they promise.

import { expect, test } from "vitest";
import { Prng } from "../../src/base/prng.js";

const draws = (seed: number, count = 8): number[] => {
  const prng = new Prng(seed);
  return Array.from({ length: count }, () => prng.u32());
};

test("one seed gives one sequence, and neighbouring seeds give others", () => {
  expect(draws(42)).toEqual(draws(42));
  const first = new Set(Array.from({ length: 1000 }, (_, seed) => draws(seed, 2).join()));
  expect(first.size).toBe(1000);
  expect(draws(1)).not.toEqual(draws(2 ** 32 + 1)); // The upper half of a seed counts.
});

test("the sequence of seed 42 is pinned: a change would replay every old seed differently", () => {
  expect(draws(42, 4)).toEqual([660444221, 3652823732, 77672526, 910233633]);
});

test("float and below are uniform enough and stay in range", () => {
  const prng = new Prng(7);
  const buckets = new Array<number>(10).fill(0);
  for (let i = 0; i < 20_000; i++) {
    const value = prng.float();
    expect(value >= 0 && value < 1).toBe(true);
    buckets[prng.below(10)]!++;
  }
  for (const count of buckets) expect(Math.abs(count - 2000)).toBeLessThan(250);
});

test("between includes both ends, chance knows never and always", () => {
  const prng = new Prng(7);
  const seen = new Set(Array.from({ length: 200 }, () => prng.between(-1, 1)));
  expect([...seen].sort((a, b) => a - b)).toEqual([-1, 0, 1]);
  expect(prng.chance(0)).toBe(false);
  expect(prng.chance(1)).toBe(true);
});

test("shuffle keeps the items and reaches every order", () => {
  const prng = new Prng(7);
  const orders = new Set(Array.from({ length: 300 }, () => prng.shuffle(["a", "b", "c"]).join("")));
  expect(orders.size).toBe(6);
});

test("a fork draws by itself: its use does not move the parent", () => {
  const [one, other] = [new Prng(3), new Prng(3)];
  const fork = one.fork();
  other.fork();
  for (let i = 0; i < 5; i++) fork.u32();
  expect(one.u32()).toBe(other.u32());
});
