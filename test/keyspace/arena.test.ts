// The arena: blocks never overlap, freed memory is used again, and the accounts add up.

import fc from "fast-check";
import { expect, test } from "vitest";
import {
  Arena,
  blockUnitsMax,
  type Ref,
  roundUnits,
  slabOf,
  wordOf,
} from "../../src/keyspace/arena.js";

const anySize = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 3, max: 40 }) },
  { weight: 1, arbitrary: fc.integer({ min: 100, max: 200 }) },
  { weight: 1, arbitrary: fc.integer({ min: 3, max: blockUnitsMax }) },
);

interface Block {
  readonly ref: Ref;
  readonly units: number;
  readonly mark: number;
}

/**
 * Fills a block so that an overlap or a lost byte shows; the first word is what a record's header
 * would be.
 */
function fill(arena: Arena, { ref, units, mark }: Block): void {
  arena.words[slabOf(ref)]!.fill(mark, wordOf(ref), wordOf(ref) + units * 2);
}

function expectIntact(arena: Arena, { ref, units, mark }: Block): void {
  const words = arena.words[slabOf(ref)]!.subarray(wordOf(ref), wordOf(ref) + units * 2);
  expect(words.every((word) => word === mark)).toBe(true);
}

test("blocks keep their content whatever is allocated and freed around them", () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: anySize.map((units) => ({ units, free: -1 })) },
    { weight: 2, arbitrary: fc.nat({ max: 50 }).map((free) => ({ units: 0, free })) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150, size: "max" }), (steps) => {
      const arena = new Arena();
      const blocks: Block[] = [];
      steps.forEach(({ units, free }, index) => {
        if (free >= 0) {
          const [block] = blocks.splice(free % Math.max(1, blocks.length), 1);
          if (block === undefined) return;
          expectIntact(arena, block);
          arena.free(block.ref, block.units);
        } else {
          const block = { ref: arena.allocate(units), units, mark: (index << 8) | 1 };
          fill(arena, block);
          blocks.push(block);
        }
      });
      for (const block of blocks) expectIntact(arena, block);
      const live = blocks.reduce((sum, { units }) => sum + roundUnits(units), 0);
      expect(arena.liveBytes).toBe(live * 8);
      arena.verifyInvariants();
    }),
    { numRuns: 30 },
  );
});

test("no block is called 0", () => {
  const arena = new Arena();
  expect(arena.allocate(3)).not.toBe(0);
  arena.reset();
  expect(arena.allocate(3)).not.toBe(0);
});

test("a freed block serves the next request of its size", () => {
  const arena = new Arena();
  const first = arena.allocate(10);
  fill(arena, { ref: first, units: 10, mark: 257 });
  arena.allocate(10);
  arena.free(first, 10);
  expect(arena.freeBytes).toBe(80);
  expect(arena.allocate(10)).toBe(first);
  expect(arena.freeBytes).toBe(0);
});

test("freeing twice is noticed", () => {
  const arena = new Arena();
  const ref = arena.allocate(5);
  fill(arena, { ref, units: 5, mark: 257 });
  arena.free(ref, 5);
  expect(() => arena.free(ref, 5)).toThrow(/freed twice/);
});

test("after a reset everything is free, whether the slab was kept or not", () => {
  for (const count of [1, 300]) {
    const arena = new Arena();
    for (let block = 0; block < count; block++) arena.allocate(blockUnitsMax);
    arena.reset();
    expect(arena.liveBytes).toBe(0);
    expect(arena.freeBytes).toBe(0);
    arena.verifyInvariants();
    const ref = arena.allocate(20);
    fill(arena, { ref, units: 20, mark: 257 });
    expectIntact(arena, { ref, units: 20, mark: 257 });
    arena.verifyInvariants();
  }
});

test("several slabs: refs beyond the first one work", () => {
  const arena = new Arena();
  const blocks: Block[] = [];
  for (let index = 0; index < 2100; index++) {
    const ref = arena.allocate(blockUnitsMax);
    blocks.push({ ref, units: 1, mark: (index << 8) | 1 });
    fill(arena, blocks.at(-1)!);
  }
  expect(arena.slabCount).toBe(2);
  for (const block of blocks) expectIntact(arena, block);
  arena.verifyInvariants();
});
