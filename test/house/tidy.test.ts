// Tidy on the real project, and tidy itself: each rule must catch a sample that breaks it and pass
// one that does not. The samples are in memory, inside strings, where tidy does not look.

import { expect, test } from "vitest";
import { rewrapComments } from "../../scripts/rewrap.js";
import { describeFinding, readProject, tidy } from "../../scripts/tidy.js";
import { mayImport } from "../../scripts/tidy-graph.js";

test("tidy: the project keeps its own rules", () => {
  expect(tidy(readProject()).map(describeFinding)).toEqual([]);
});

/**
 * Findings for one file, or several by path; each gets a proper header unless it brings its own.
 */
function judge(files: Record<string, string>, topLevel: string[] = []): string[] {
  const sources = Object.entries(files).map(([path, text]) => ({
    path,
    text:
      text.startsWith("//") || text.startsWith("#!") ? text : `// A sample of the house.\n${text}`,
  }));
  return tidy({ sources, topLevel, dependencies: ["ajv", "commander"] }).map(describeFinding);
}

const core = (text: string): string[] => judge({ "src/clock/stamp.ts": text });

test.each<[string, Record<string, string>, RegExp]>([
  [
    "an import against an arrow",
    { "src/clock/a.ts": `import { x } from "../lattice/b.js";` },
    /src\/clock must not import src\/lattice\/b\.ts \(it may import base\)/,
  ],
  [
    "an import of nothing allowed",
    { "src/base/a.ts": `import { x } from "../clock/b.js";` },
    /it may import nothing/,
  ],
  [
    "a type import against an arrow",
    { "src/check/a.ts": `import type { X } from "../node/b.js";` },
    /must not import src\/node/,
  ],
  [
    "a re-export against an arrow",
    { "src/check/a.ts": `export { x } from "../node/b.js";` },
    /must not import/,
  ],
  [
    "a dynamic import against an arrow",
    { "src/sim/a.ts": `const x = () => import("../host/b.js");` },
    /src\/sim must not import/,
  ],
  [
    "an import over several lines",
    { "src/consensus/a.ts": `import {\n  x,\n} from "../keyspace/b.js";` },
    /:2: src\/consensus must not import/,
  ],
  [
    "the core importing the top file",
    { "src/node/a.ts": `import { x } from "../index.js";` },
    /must not import src\/index\.ts/,
  ],
  [
    "a folder without a row",
    { "src/extras/a.ts": `import { x } from "../base/b.js";` },
    /add a row to mayImport/,
  ],
  [
    "src importing a test",
    { "src/bin/a.ts": `import { x } from "../../test/b.js";` },
    /src must not import test/,
  ],
  [
    "a built-in module in the core",
    { "src/node/a.ts": `import { readFileSync } from "node:fs";` },
    /node:fs is not for the core/,
  ],
  [
    "the wrong name of a pure module",
    { "src/storage/a.ts": `import { randomBytes } from "node:crypto";` },
    /node:crypto is not for the core/,
  ],
  [
    "a whole pure module",
    { "src/storage/a.ts": `import * as zlib from "node:zlib";` },
    /node:zlib is not for the core/,
  ],
  [
    "a package with input or output",
    { "src/wire/a.ts": `import { Command } from "commander";` },
    /commander is not for the core/,
  ],
  [
    "a package that is not installed for users",
    { "src/host/a.ts": `import { test } from "vitest";` },
    /not in "dependencies"/,
  ],
  [
    "a cycle",
    {
      "src/base/a.ts": `import "./b.js";`,
      "src/base/b.ts": `import "./c.js";`,
      "src/base/c.ts": `import "./a.js";`,
    },
    /import cycle src\/base\/a\.ts -> src\/base\/b\.ts -> src\/base\/c\.ts -> src\/base\/a\.ts/,
  ],
  ["a default export", { "src/host/a.ts": "export default 1;" }, /no default exports/],
  [
    "a renamed default export",
    { "src/host/a.ts": "const x = 1;\nexport { x as default };" },
    /no default exports/,
  ],
  ["any", { "test/a.test.ts": "const x: any = 1;" }, /no `any`/],
  ["any in a list", { "test/a.test.ts": "const x: Map<string, any> = y;" }, /no `any`/],
  ["only", { "test/a.test.ts": `test.only("x", () => {});` }, /hides every other test/],
  [
    "only behind another word",
    { "test/a.test.ts": `describe.concurrent.only("x", () => {});` },
    /hides every other/,
  ],
  [
    "a skip without a reason",
    { "test/a.test.ts": `\ntest.skip("x", () => {});` },
    /needs its reason/,
  ],
  [
    "a debt in a comment",
    { "src/host/a.ts": "// TODO later, perhaps.\nconst x = 1;" },
    /do it now/,
  ],
  ["a debt in a block comment", { "src/host/a.ts": "const x = 1; /* FIXME */" }, /do it now/],
  [
    "a file without a header",
    { "src/host/a.ts": "#!/usr/bin/env node\nconst x = 1;" },
    /open with a comment/,
  ],
  [
    "a file that is too long",
    { "src/host/a.ts": "const x = 1;\n".repeat(500) },
    /501 lines, at most 500/,
  ],
  [
    "a line that is too long",
    { "src/host/a.ts": `// ${"word ".repeat(25)}` },
    /:1: longer than 100 columns/,
  ],
  ["a nameless file", { "src/host/string-utils.ts": "" }, /named for its one main noun/],
  ["a nameless folder", { "test/helpers/a.ts": "" }, /named for its one main noun/],
  ["a file in camel case", { "src/host/tcpHost.ts": "" }, /kebab-case/],
])("tidy catches %s", (_name, files, expected) => {
  const findings = judge(files);
  expect(findings).toHaveLength(1);
  expect(findings[0]).toMatch(expected);
});

test.each([
  "const now = Date.now();",
  "const now = new Date();",
  "const now = performance.now();",
  "const luck = Math.random();",
  "const id = crypto.randomUUID();",
  "setTimeout(() => {}, 1);",
  "globalTimers = [setInterval, 1];",
  "const port = process.env.PORT;",
  "process?.exit(1);",
  `console.log("x");`,
  "const x = await y;",
  `fetch("http://x");`,
  "names.sort((a, b) => a.localeCompare(b));",
])("tidy keeps the core pure: %s", (line) => {
  expect(core(line)).toHaveLength(1);
  expect(judge({ "src/host/a.ts": line })).toEqual([]);
  expect(judge({ "src/bin/a.ts": line })).toEqual([]);
  expect(judge({ "test/a.test.ts": line })).toEqual([]);
});

test("tidy passes what only looks like a fault", () => {
  expect(
    core(`const text = "Date.now() and Math.random()"; // process.env is for the host`),
  ).toEqual([]);
  expect(core("const text = `$" + "{x.Date} setTimeout $" + "{`console.log $" + "{y}`}`;")).toEqual(
    [],
  );
  expect(core(`const pattern = /["'] Date /; const half = a / b; const c = "Date";`)).toEqual([]);
  expect(
    core("const fault = this.process.kill; const any = { any: 1 }; expect.any(Number);"),
  ).toEqual([]);
  expect(core(`const pair = [lastDate, x.setTimeout, processed.length];`)).toEqual([]);
  expect(judge({ "src/node/a.ts": `import { crc32 } from "node:zlib";` })).toEqual([]);
  expect(
    judge({ "src/node/a.ts": `import { createHash, type Hash } from "node:crypto";` }),
  ).toHaveLength(1);
  expect(judge({ "src/wire/a.ts": `import { Ajv } from "ajv";` })).toEqual([]);
  expect(judge({ "src/index.ts": `export { x } from "./host/b.js";` })).toEqual([]);
  expect(judge({ "src/bin/a.ts": `import { x } from "../sim/b.js";` })).toEqual([]);
  expect(judge({ "test/a.test.ts": `// Needs a second core.\ntest.skip("x", () => {});` })).toEqual(
    [],
  );
  expect(judge({ "vitest.config.ts": "export default {};" })).toEqual([]);
  expect(judge({ "src/host/a.ts": `// https://example.org/${"x".repeat(120)}` })).toEqual([]);
});

test("tidy: types may be named both ways, values may not", () => {
  const back = (clause: string) => ({
    "src/base/a.ts": `import { b } from "./b.js";`,
    "src/base/b.ts": `import ${clause} from "./a.js";`,
  });
  expect(judge(back("type { A }"))).toEqual([]);
  expect(judge(back("{ type A }"))).toHaveLength(1); // The import stays when the compiler is done.
});

test("tidy holds the top level to its list", () => {
  const usual = ["src", "package.json", ".git", "node_modules", "dist", "history.7.jsonl"];
  expect(judge({}, usual)).toEqual([]);
  expect(judge({}, ["lib"])).toEqual([expect.stringMatching(/^lib: the top level is fixed/)]);
});

test("tidy: the arrows have no way round themselves", () => {
  // Whatever a folder may import, that folder's own row must be allowed too, else the table lies
  // about what a reader needs to know; and nobody is below itself.
  for (const [folder, below] of Object.entries(mayImport)) {
    for (const lower of below)
      for (const lowest of mayImport[lower]!)
        expect(below, `${folder} -> ${lower}`).toContain(lowest);
    expect(below).not.toContain(folder);
  }
});

test("rewrap: words move to the next line of the paragraph, what fits stays", () => {
  const long = `// ${"word ".repeat(12).trim()}`;
  expect(rewrapComments(`${long}\n// tail\n// - item\n`, 40)).toBe(
    "// word word word word word word word\n// word word word word word tail\n// - item\n",
  );
  expect(rewrapComments(`${long}\n// - item\n`, 40)).toBe(
    "// word word word word word word word\n// word word word word word\n// - item\n",
  );
  expect(rewrapComments(`  /** ${"word ".repeat(8)}*/`, 30)).toBe(
    "  /**\n   * word word word word word\n   * word word word\n   */",
  );
  expect(rewrapComments("//   * one two three\n//     four\n//   * five", 19)).toBe(
    "//   * one two\n//     three four\n//   * five",
  );
  expect(rewrapComments("  /** one two three four\n   * five */", 20)).toBe(
    "  /**\n   * one two three\n   * four five */",
  );
  expect(rewrapComments("  call(a, b); // one two three", 20)).toBe(
    "  // one two three\n  call(a, b);",
  );
  expect(rewrapComments(`const x = "${"y".repeat(60)}";`, 40)).toBe(
    `const x = "${"y".repeat(60)}";`,
  );
});
