// Sets: every command against a plain set, in each of the forms that a set is kept in, and while it
// goes from one to the next. What Redis answers to odd arguments is the differential test's
// question.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { draws } from "../../scripts/lib/test-seed.js";
import { Capture } from "../../src/keyspace/capture.js";
import { slots } from "../../src/lattice/key-entry.js";
import {
  type FormName,
  formed,
  formNames,
  formOf,
  scanAll,
  storeSiblings,
} from "./collection-forms.js";
import { type Answer, Bench } from "./harness.js";

const key = "s";

type Line = readonly (string | number)[];
interface Step {
  readonly line: Line;
  /** Changes the model and answers what the reply must be. */
  readonly expected: (model: Set<string>) => Answer;
}

const member = fc.constantFrom("1", "2", "-3", "x", "", "\xff\x00", "word".repeat(30));
const some = fc.array(member, { minLength: 1, maxLength: 4 });

function add(model: Set<string>, names: readonly string[]): number {
  const before = model.size;
  for (const name of names) model.add(name);
  return model.size - before;
}

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: some.map((names) => ({
      line: ["sadd", key, ...names],
      expected: (model: Set<string>) => add(model, names),
    })),
  },
  {
    weight: 4,
    arbitrary: some.map((names) => ({
      line: ["srem", key, ...names],
      expected: (model: Set<string>) => names.filter((name) => model.delete(name)).length,
    })),
  },
  {
    weight: 2,
    arbitrary: some.map((names) => ({
      line: ["smismember", key, ...names],
      expected: (model: Set<string>) => names.map((name) => (model.has(name) ? 1 : 0)),
    })),
  },
  {
    weight: 2,
    arbitrary: member.map((name) => ({
      line: ["smove", key, "other", name],
      expected: (model: Set<string>) => (model.delete(name) ? 1 : 0),
    })),
  },
  {
    weight: 1,
    arbitrary: member.map((name) => ({
      line: ["smove", key, key, name],
      expected: (model: Set<string>) => (model.has(name) ? 1 : 0),
    })),
  },
);

const sorted = (answer: Answer): string[] => (answer as string[]).slice().sort();

function checkWhole(bench: Bench, model: ReadonlySet<string>): void {
  const wanted = [...model].sort();
  expect(bench.run("scard", key)).toBe(model.size);
  expect(sorted(bench.run("smembers", key))).toEqual(wanted);
  expect(scanAll(bench, "sscan", key)).toEqual(wanted);
  expect(bench.run("exists", key)).toBe(model.size === 0 ? 0 : 1);
  bench.keyspace.verifyInvariants();
}

describe.each(formNames)("a set kept as %s", (form: FormName) => {
  test("answers every command as a plain set would", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30, size: "max" }), (steps) => {
        const { bench, anchor } = formed(form, slots.set, key);
        const model = new Set([anchor]);
        expect(formOf(bench, key)).toBe(form);
        for (const { line, expected } of steps) {
          expect([line, bench.run(...line)]).toEqual([line, expected(model)]);
          bench.wait(1);
        }
        checkWhole(bench, model);
        expect(formOf(bench, key)).toBe(form);
        expect(bench.run("srem", key, ...model)).toBe(model.size);
        checkWhole(bench, new Set());
      }),
      { numRuns: draws(35) },
    );
  });

  test("pops and draws take members, each as likely as the others", () => {
    const { bench, anchor } = formed(form, slots.set, key);
    const names = [anchor, ...Array.from({ length: 9 }, (_, n) => `m${n}`)];
    bench.run("sadd", key, ...names);
    const counts = new Map<string, number>();
    for (const name of bench.run("srandmember", key, -5000) as string[])
      counts.set(name, (counts.get(name) ?? 0) + 1);
    for (let n = 0; n < 500; n++) {
      const name = bench.run("srandmember", key) as string;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    // 5500 draws of ten: the standard deviation is 22.
    expect([...counts.keys()].sort()).toEqual([...names].sort());
    for (const count of counts.values()) expect(Math.abs(count - 550)).toBeLessThan(130);
    const distinct = bench.run("srandmember", key, 7) as string[];
    expect(new Set(distinct).size).toBe(7);
    expect(bench.run("srandmember", key, 50)).toHaveLength(10);
    const popped = [bench.run("spop", key) as string];
    popped.push(...(bench.run("spop", key, 3) as string[]));
    expect(bench.run("scard", key)).toBe(6);
    bench.keyspace.verifyInvariants();
    popped.push(...(bench.run("spop", key, 99) as string[]));
    expect(popped.sort()).toEqual([...names].sort());
    expect(bench.run("exists", key)).toBe(0);
    expect(bench.run("spop", key)).toBe(null);
    bench.keyspace.verifyInvariants();
  });
});

describe("sets against each other", () => {
  const members = fc.uniqueArray(fc.constantFrom("1", "2", "3", "a", "b", "c"), { maxLength: 6 });
  const operations = {
    inter: (sets: Set<string>[]) =>
      [...sets[0]!].filter((name) => sets.every((set) => set.has(name))),
    union: (sets: Set<string>[]) => [...new Set(sets.flatMap((set) => [...set]))],
    diff: (sets: Set<string>[]) =>
      [...sets[0]!].filter((name) => !sets.slice(1).some((set) => set.has(name))),
  };

  test("agree with plain sets in every mixture of forms, also stored over one of them", () => {
    fc.assert(
      fc.property(
        fc.array(members, { minLength: 3, maxLength: 3 }),
        fc.array(fc.constantFrom("k0", "k1", "k2"), { minLength: 1, maxLength: 4 }),
        fc.constantFrom("k0", "k1", "k9"),
        fc.nat({ max: 7 }),
        (contents, keys, target, large) => {
          const bench = new Bench();
          const long = "x".repeat(20_000);
          const models = new Map<string, Set<string>>();
          contents.forEach((names, index) => {
            // A long member makes a table of it.
            const all = (large >> index) & 1 ? [...names, long] : names;
            models.set(`k${index}`, new Set(all));
            if (all.length > 0) bench.run("sadd", `k${index}`, ...all);
          });
          const sets = keys.map((name) => models.get(name)!);
          for (const [name, operation] of Object.entries(operations)) {
            const wanted = operation(sets).sort();
            expect([name, sorted(bench.run(`s${name}`, ...keys))]).toEqual([name, wanted]);
          }
          expect(bench.run("sintercard", keys.length, ...keys)).toBe(operations.inter(sets).length);
          const wanted = operations.diff(sets).sort();
          bench.run("expire", target, 100);
          expect(bench.run("sdiffstore", target, ...keys)).toBe(wanted.length);
          expect(sorted(bench.run("smembers", target))).toEqual(wanted);
          expect(bench.run("ttl", target)).toBe(wanted.length === 0 ? -2 : -1);
          bench.keyspace.verifyInvariants();
        },
      ),
      { numRuns: draws(70) },
    );
  });

  test("SINTERCARD stops at its limit", () => {
    const bench = new Bench();
    const names = Array.from({ length: 1000 }, (_, n) => `m${n}`);
    bench.run("sadd", "a", ...names);
    bench.run("sadd", "b", ...names, "more");
    expect(bench.run("sintercard", 2, "a", "b", "limit", 7)).toBe(7);
    expect(bench.run("sintercard", 2, "a", "b", "limit", 0)).toBe(1000);
  });
});

test("encodings have Redis's names, and never go back", () => {
  const bench = new Bench();
  const encoding = (name = key): Answer => bench.run("object", "encoding", name);
  bench.run("sadd", key, ...Array.from({ length: 512 }, (_, n) => n));
  expect([encoding(), formOf(bench, key)]).toEqual(["intset", "packed"]);
  bench.run("sadd", key, 512);
  expect([encoding(), formOf(bench, key)]).toEqual(["hashtable", "table"]);
  bench.run("srem", key, 512);
  expect(encoding()).toBe("hashtable");
  bench.run("sadd", "t", 1, "word");
  bench.run("srem", "t", "word");
  expect(encoding("t")).toBe("hashtable");
  bench.run("sunionstore", "u", "t");
  expect(encoding("u")).toBe("intset");
  bench.run("sadd", "u", "9223372036854775807", "-9223372036854775808", "0");
  expect(encoding("u")).toBe("intset");
  bench.run("sadd", "u", "9223372036854775808");
  expect(encoding("u")).toBe("hashtable");
});

test("a scan returns what stays, while members come, go and become concurrent", () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 1000 }),
      fc.array(fc.nat({ max: 60 }), { maxLength: 40 }),
      (seed, moves) => {
        const bench = new Bench();
        const twins = Array.from({ length: 2000 }, (_, n) => `twin${n}`);
        storeSiblings(bench.keyspace, slots.set, key, twins, "");
        const staying = Array.from({ length: 300 }, (_, n) => `stay${n}`);
        bench.run("sadd", key, ...staying);
        const found = new Set<string>();
        let cursor = "0";
        let step = seed;
        do {
          const [next, names] = bench.run("sscan", key, cursor, "count", 5) as [string, string[]];
          for (const name of names) found.add(name);
          cursor = next;
          const move = moves[step++ % Math.max(1, moves.length)] ?? 0;
          // Growth and shrinking move the table under the scan's feet.
          if (move % 2 === 0)
            bench.run("sadd", key, ...Array.from({ length: move * 10 }, (_, n) => `go${n}`));
          else bench.run("srem", key, ...Array.from({ length: 600 }, (_, n) => `go${n}`));
        } while (cursor !== "0");
        expect([...twins, ...staying].filter((name) => !found.has(name))).toEqual([]);
      },
    ),
    { numRuns: 6 },
  );
});

test.each(formNames)("add-wins: a member added again is news for others (%s)", (form) => {
  // A removal elsewhere has not seen the second SADD, so the member must stay.
  const { bench } = formed(form, slots.set, key);
  bench.run("sadd", key, "m");
  const capture = new Capture();
  bench.keyspace.capture = capture;
  bench.wait(1);
  expect(bench.runInBatch("sadd", key, "m")).toBe(0);
  const [delta] = capture.take(bench.keyspace);
  expect(delta?.elements.map(({ element, removed }) => [element, removed.length])).toEqual([
    ["m", 1],
  ]);
  expect(delta?.elements[0]?.fragment.siblings[0]?.time).toBe(bench.keyspace.endBatch());
});
