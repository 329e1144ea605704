// The table of what is real, accepted or absent: how its marks follow from the two lists of names,
// and that the committed names of Redis 7.0.15 are whole. `npm run command-table -- --check` holds
// the file itself.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { commandRows, strayNotes, tableText } from "../../scripts/command-table.js";
import { projectFolder } from "../../scripts/project.js";
import { infoFieldsOf, type Surface } from "../../scripts/redis-surface.js";

const file = join(projectFolder, "test", "redis-suite", "redis-7.0.15-surface.json");
const redis = JSON.parse(readFileSync(file, "utf8")) as Surface;

test("surface: the names of Redis are whole and sorted", () => {
  expect(redis.version).toBe("7.0.15");
  expect(redis.commands).toEqual([...new Set(redis.commands)].sort());
  for (const name of ["get", "config|get", "xinfo|stream", "debug|sleep", "function|restore"])
    expect(redis.commands).toContain(name);
  expect(redis.parameters).toContain("maxmemory-policy");
  expect(redis.infoFields.keyspace).toEqual(["db<n>"]);
});

test("surface: absent, accepted and real follow from who knows what", () => {
  const ours: Surface = {
    ...redis,
    commands: ["get", "module|load", "cluster|info", "cluster|help"],
  };
  const marks = new Map(commandRows(redis, ours).map((row) => [row.name, row.mark]));
  expect(marks.get("get")).toBe("real");
  expect(marks.get("set")).toBe("absent");
  expect(marks.get("module|load")).toBe("absent"); // Known, but it refuses: a reply is a promise.
  expect(marks.get("cluster|info")).toBe("accepted");
  expect(marks.get("cluster|help")).toBe("real");
  expect(strayNotes(ours)).toContain("module|list");
  expect(tableText(redis, ours)).toContain("| set | no |  |");
});

test("surface: fields of many instances are one field", () => {
  const text = "# Stats\r\na:1\r\n\r\n# Keyspace\r\ndb0:keys=1\r\ndb3:keys=1\r\n";
  expect(infoFieldsOf(text)).toEqual({ stats: ["a"], keyspace: ["db<n>"] });
});
