// CONFIG REWRITE: what changed goes into the table [redis], the rest of the file stays.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { parse } from "smol-toml";
import { expect, test } from "vitest";
import { rewriteConfigFile, withParameters } from "../../src/host/config-rewrite.js";

const parameters = new Map([
  ["maxmemory-policy", "allkeys-lru"],
  ["save", ""],
]);
const table = '[redis]\n"maxmemory-policy" = "allkeys-lru"\n"save" = ""\n';

test.each([
  ["no table yet", "# mine\nnum_shards = 3\n", `# mine\nnum_shards = 3\n\n${table}`],
  ["no line end", "num_shards = 3", `num_shards = 3\n\n${table}`],
  ["an empty file", "", `\n${table}`],
  ["an old table", `a = 1\n\n[redis]\nsave = "1 2"\n# gone\n`, `a = 1\n\n${table}`],
  ["a table between", `[redis]\nx = 1\n\n[server]\nport = 1\n`, `${table}\n[server]\nport = 1\n`],
])("rewrite: %s", (_what, before, after) => {
  expect(withParameters(before, parameters)).toBe(after);
  expect(withParameters(after, parameters)).toBe(after);
});

test("rewrite: any value comes back as it was", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary-ascii" }), (value) => {
      const toml = withParameters("", new Map([["requirepass", value]]));
      expect(parse(toml)).toEqual({ redis: { requirepass: value } });
    }),
  );
});

test("rewrite: the file is replaced, or the reason told", () => {
  const folder = mkdtempSync(join(tmpdir(), "skerry-rewrite-"));
  try {
    const path = join(folder, "perf_config.toml");
    expect(rewriteConfigFile(path, parameters)).toMatch(/ENOENT/);
    writeFileSync(path, "num_shards = 3\n");
    expect(rewriteConfigFile(path, parameters)).toBeUndefined();
    expect(readFileSync(path, "utf8")).toBe(`num_shards = 3\n\n${table}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
