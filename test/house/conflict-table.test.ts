// The table of conflicts is that of the stories, and every type has its row.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { conflictTable, conflictTablePath } from "../../scripts/conflict-table.js";
import { formatMarkdown } from "../../scripts/lib/markdown.js";

test("conflict table: specs/conflicts.md is what `npm run conflict-table` writes", () => {
  expect(readFileSync(conflictTablePath, "utf8")).toBe(formatMarkdown(conflictTable()));
});

test("conflict table: every type has a story", () => {
  const types = new Set([...conflictTable().matchAll(/^\| ([\w ]+) \|/gm)].map(([, type]) => type));
  for (const type of ["string", "integer", "float", "hash", "set", "sorted set", "list", "stream"])
    expect(types, type).toContain(type);
  for (const type of ["HyperLogLog", "expiry", "types", "all"]) expect(types, type).toContain(type);
});
