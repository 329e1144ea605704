// The runner of planted bugs, run on a project of two files: it must tell a caught bug from a
// missed one and from a suite that merely broke. And the lists of the real project must still fit
// its sources.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  describeBug,
  seedsMax,
  seedTablePath,
  seedTableRows,
  simulatorBugs,
} from "../../scripts/bug-seeds.js";
import {
  type BugGroup,
  flawOf,
  loadPlantedBugs,
  type PlantedBug,
  plantAll,
  suiteOf,
} from "../../scripts/planted.js";
import { projectFolder } from "../../scripts/project.js";

const sources: Record<string, string> = {
  "package.json": `{ "type": "module" }`,
  "src/larger.ts": `export const larger = (a: number, b: number): number => (a > b ? a : b);\n`,
  "test/larger.test.ts": `
    import { expect, test } from "vitest";
    import { larger } from "../src/larger.js";
    test("larger: the second wins", () => expect(larger(1, 2)).toBe(2));
    test("larger: equal is equal", () => expect(larger(3, 3)).toBe(3));
  `,
};

let project = "";
beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), "skerry-house-"));
  for (const [path, text] of Object.entries(sources)) {
    mkdirSync(dirname(join(project, path)), { recursive: true });
    writeFileSync(join(project, path), text);
  }
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

const bug = (change: Partial<PlantedBug>): PlantedBug => ({
  name: "first_always_wins",
  story: "the larger value is lost when it comes second",
  file: "src/larger.ts",
  find: "a > b ? a : b",
  replace: "a > b ? a : a",
  suite: "test/larger.test.ts",
  ...change,
});

test("planted: caught, missed, broken and stale are told apart", async () => {
  const bugs = [
    bug({}),
    bug({ suite: "test/larger.test.ts -t equal is equal" }),
    bug({ replace: "a > > b" }),
    bug({ replace: "a > c ? a : b" }),
    bug({ find: "a < b" }),
    bug({ suite: "test/absent.test.ts" }),
    bug({ suite: "test/larger.test.ts -t no such test" }),
  ];
  const outcomes = await plantAll(bugs, { project });
  expect(outcomes.map((outcome) => outcome.isCaught)).toEqual([
    true, // The test on the second value fails.
    false, // The named test does not notice.
    false, // A syntax error proves nothing about the suite.
    false, // Neither does an unknown name.
    false,
    false,
    false,
  ]);
  expect(outcomes[0]!.detail).toBe("larger: the second wins");
  expect(outcomes[1]!.detail).toMatch(/^missed: 1 tests passed/);
  expect(outcomes[2]!.detail).toMatch(/^the suite broke/);
  expect(outcomes[3]!.detail).toMatch(/^the patch is broken: ReferenceError/);
  expect(outcomes[4]!.detail).toMatch(/^patch is stale: its text occurs 0 times/);
  expect(outcomes[5]!.detail).toMatch(/^there is no suite/);
  expect(outcomes[6]!.detail).toBe("no test ran");
});

test("planted: a suite that never ends is ended and has caught nothing", async () => {
  const endless = bug({ find: "(a > b ? a : b)", replace: "{ for (;;); }" });
  const [outcome] = await plantAll([endless], { project, timeoutMs: 5_000 });
  expect(outcome).toMatchObject({ isCaught: false, detail: expect.stringMatching(/^hung/) });
});

test("planted: a suite may name one of its tests", () => {
  expect(suiteOf(bug({ suite: "test/a.test.ts" }))).toEqual({
    file: "test/a.test.ts",
    test: undefined,
  });
  expect(suiteOf(bug({ suite: `test/a.test.ts -t "one story"` }))).toEqual({
    file: "test/a.test.ts",
    test: "one story",
  });
});

test("planted: every bug of this project still fits the sources it was written for", async () => {
  const read = (path: string): string | undefined => {
    try {
      return readFileSync(join(projectFolder, path), "utf8");
    } catch {
      return undefined;
    }
  };
  const bugs = await loadPlantedBugs(new URL("../planted/", import.meta.url));
  const flaws = bugs.map((planted) => [planted.name, flawOf(planted, read)] as const);
  expect(flaws.filter(([, flaw]) => flaw !== undefined)).toEqual([]);
  const names = bugs.map((planted) => planted.name);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  // A bug for the simulator says what must have happened for it to show.
  const idle = bugs.filter(({ group, needs }) => (group === undefined) !== (needs === undefined));
  expect(idle.map(({ name }) => name)).toEqual([]);
});

test("planted: the table of seeds names every bug that the simulator finds, and each soon", async () => {
  const bugs = await simulatorBugs(new URL("../planted/", import.meta.url));
  const rows = seedTableRows(readFileSync(seedTablePath, "utf8"));
  expect(rows.map((row) => row.slice(0, 5))).toEqual(bugs.map(describeBug));
  for (const [name, , , , , median, draws] of rows) {
    const counts = draws!.split(" ").map(Number);
    expect(counts.length, name).toBeGreaterThanOrEqual(3);
    expect(counts, name).toEqual(counts.filter((each) => each >= 1 && each <= seedsMax));
    expect(Number(median), name).toBe(counts.sort((a, b) => a - b)[counts.length >> 1]);
  }
  const count = (...groups: BugGroup[]): number =>
    bugs.filter(({ group }) => groups.some((each) => each === group)).length;
  expect(count("lattice", "replication", "consensus")).toBeGreaterThanOrEqual(18);
  expect(count("cluster")).toBeGreaterThanOrEqual(6);
  expect(count("durability")).toBeGreaterThanOrEqual(6);
});
