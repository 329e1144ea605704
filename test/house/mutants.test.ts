// Mutants are drawn from code, not from comments, texts, types or assertions.

import { expect, test } from "vitest";
import { allMutants, mutantsOf, stagesOf } from "../../scripts/mutants.js";

const source = `// a < b in a comment
import { a } from "a && b";
export function f(a: number, b: number): boolean {
  assert(a < b, "in order");
  if (a < b && isOpen) return "x < y";
  this.#count++;
  verify(a > b);
  return a === b; // b > a
}
`;

test("mutants: operators, conditions and statements of code alone", () => {
  const changes = mutantsOf("f.ts", source).map(({ line, after }) => `${line} ${after.trim()}`);
  expect(changes.sort()).toEqual(
    [
      '5 if (a <= b && isOpen) return "x < y";',
      '5 if (a < b || isOpen) return "x < y";',
      '5 if (true) return "x < y";',
      '5 if (false) return "x < y";',
      "6 this.#count--;",
      "6 ",
      "8 return a !== b; // b > a",
    ].sort(),
  );
});

test("mutants: there are many, in all folders, each of a line that is there", () => {
  const all = allMutants();
  expect(all.length).toBeGreaterThan(1000);
  for (const folder of ["lattice", "replication", "consensus"])
    expect(all.some(({ file }) => file.startsWith(`src/${folder}/`))).toBe(true);
  expect(all.every(({ before, after }) => before !== after)).toBe(true);
});

test("mutants: suites come in their order, the quick files of each before the slow ones", () => {
  const msOf = new Map([
    ["test/a/slow.test.ts", 9000],
    ["test/a/one.test.ts", 10],
    ["test/b/two.test.ts", 20],
    ["test/a/three.test.ts", 30],
    ["test/c/unasked.test.ts", 40],
  ]);
  expect(stagesOf([["test/a/"], ["test/b/two.test.ts"]], msOf)).toEqual([
    { files: ["test/a/one.test.ts", "test/a/three.test.ts"], ms: 40 },
    { files: ["test/a/slow.test.ts"], ms: 9000 },
    { files: ["test/b/two.test.ts"], ms: 20 },
  ]);
});
