// Writes specs/conflicts.md: what becomes of writes that have not seen each other, type by type.
// The rows stand in the stories that prove them, as `# Conflict: type | what meets | what comes
// out`, so a row without a running example cannot be written.
//
// Usage: npm run conflict-table

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatMarkdown } from "./lib/markdown.js";
import { isMain, projectFolder } from "./project.js";

const folder = join(projectFolder, "test", "scenarios");
export const conflictTablePath = join(projectFolder, "specs", "conflicts.md");

const order = [
  ...["string", "integer", "float", "hash", "set", "sorted set", "list", "stream", "HyperLogLog"],
  ...["expiry", "types", "all"],
];

interface Row {
  readonly type: string;
  readonly meeting: string;
  readonly outcome: string;
  readonly story: string;
}

function rowsOf(name: string): Row[] {
  return readFileSync(join(folder, name), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("# Conflict: "))
    .map((line) => {
      const [type = "", meeting = "", outcome = ""] = line.slice(12).split(" | ");
      return { type, meeting, outcome, story: name.replace(/\.txt$/, "") };
    });
}

export function conflictTable(): string {
  const names = readdirSync(folder).filter((name) => name.endsWith(".txt"));
  const rows = names.sort().flatMap(rowsOf);
  const unknown = rows.find(({ type }) => !order.includes(type));
  if (unknown !== undefined) throw new Error(`${unknown.story}: no type is called ${unknown.type}`);
  rows.sort((a, b) => order.indexOf(a.type) - order.indexOf(b.type));
  return [
    "# What becomes of concurrent writes",
    "",
    "Two writes are concurrent when neither node had seen the other's. Each row is a story to run:",
    "",
    "| Type | Concurrently | Result | `npm run sim -- --scenario` |",
    "| --- | --- | --- | --- |",
    ...rows.map(
      ({ type, meeting, outcome, story }) =>
        `| ${type} | ${meeting} | ${outcome} | [${story}](../test/scenarios/${story}.txt) |`,
    ),
    "",
    "Linearizable keys have no concurrent writes: their commands take effect one after the other.",
    "",
  ]
    .map((line) => line.trimEnd())
    .join("\n");
}

if (isMain(import.meta.url)) writeFileSync(conflictTablePath, formatMarkdown(conflictTable()));
