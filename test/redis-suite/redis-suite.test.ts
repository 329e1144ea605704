// The judge of the Tcl suite, judged: what it reads from a log, and that a lost test cannot hide
// behind a gained one. The log below is an excerpt of the format, with its oddities: repeated
// names, the error cut by ten characters, a summary that says every failure again.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectFolder } from "../../scripts/project.js";
import {
  absentCommand,
  hashesOf,
  missingFrom,
  nameHash,
  parseSuiteLog,
} from "../../scripts/redis-suite-log.js";
import { parseSkips, readSkips } from "../../scripts/redis-suite-skips.js";

const log = `Starting test server at port 21000
[ready]: 4242
Testing unit/type/incr
[ok]: INCR against key created by incr itself (0 ms)
[ok]: twice (1 ms)
[ok]: twice (0 ms)
[err]: INCR fails against a key holding a list in tests/unit/type/incr.tcl
n command 'rpush', with args beginning with: 'mylist' '1'
ERR unknown command 'rpush', with args beginning with: 'mylist' '1'
[err]: MOVE basic usage in tests/unit/keyspace.tcl
Expected '0' to equal or match '5'
[ignore]: large memory: Tag: slow denied
[skip]: a skipped one
[1/1 done]: unit/type/incr (1 seconds)

!!! WARNING The following tests failed:

*** [err]: INCR fails against a key holding a list in tests/unit/type/incr.tcl
`;

test("suite log: names are a multiset, the summary counts nothing twice", () => {
  const read = parseSuiteLog("unit/type/incr", log, false);
  expect(read.ok).toEqual(["INCR against key created by incr itself", "twice", "twice"]);
  expect(read.err).toEqual(["INCR fails against a key holding a list", "MOVE basic usage"]);
  expect(read.ignored).toBe(1);
  expect(read.skipped).toBe(1);
  expect(read.hung).toBe(false);
});

test("suite log: a test that waits for a command is told from one that fails", () => {
  const { why } = parseSuiteLog("unit/type/incr", log, false);
  expect(absentCommand(why["INCR fails against a key holding a list"])).toBe("RPUSH");
  expect(absentCommand(why["MOVE basic usage"])).toBeUndefined();
});

test("suite log: the suite's own time limit and ours both count as hung", () => {
  expect(parseSuiteLog("u", `${log}[TIMEOUT]: clients state report follows.\n`, false).hung).toBe(
    true,
  );
  expect(parseSuiteLog("u", log, true).hung).toBe(true);
});

test("ratchet: a gain does not make up for a loss, nor one repetition for another", () => {
  const before = hashesOf(["a", "b", "b"]);
  expect(missingFrom(before, hashesOf(["a", "b", "b", "c"]))).toEqual([]);
  expect(missingFrom(before, hashesOf(["a", "b", "c", "d"]))).toEqual([nameHash("b")]);
});

test("skip file: every line has a class, a unit, a whole name and a reason", () => {
  const skips = readSkips(join(projectFolder, "test", "redis-suite", "skip.txt"));
  expect(skips.length).toBeGreaterThan(0);
  expect(() => parseSkips("outside\tunit/quit\t/regexp\tlong enough reason")).toThrow(/line 1/);
  expect(() => parseSkips("outside\tunit/quit\ta name\tshort")).toThrow(/line 1/);
  expect(() => parseSkips("whatever\tunit/quit\ta name\tlong enough reason")).toThrow(/line 1/);
});

test("skip file: an excused test is one that Redis passes, else its line excuses nothing", () => {
  const ledger = JSON.parse(
    readFileSync(join(projectFolder, "test", "redis-suite", "denominators.json"), "utf8"),
  ) as Record<string, Record<string, { names: string }>>;
  // Skipped when the denominators were measured, because it leaves CONFIG changed on redis-server
  // too.
  const unmeasured = new Set(["SRANDMEMBER with a dict containing long chain"]);
  for (const { unit, name } of readSkips(join(projectFolder, "test", "redis-suite", "skip.txt"))) {
    if (unmeasured.has(name)) continue;
    const known = Object.values(ledger).some((units) =>
      units[unit]?.names.includes(nameHash(name)),
    );
    expect(known, `${unit}: ${name}`).toBe(true);
  }
});

test("ledgers: every unit's digest and count belong to its names", () => {
  const file = join(projectFolder, "test", "redis-suite", "denominators.json");
  const ledger = JSON.parse(readFileSync(file, "utf8")) as Record<
    string,
    Record<string, { ok: number; names: string }>
  >;
  expect(Object.keys(ledger)).toContain("core");
  for (const units of Object.values(ledger))
    for (const [unit, { ok, names }] of Object.entries(units))
      expect(names === "" ? 0 : names.split(" ").length, unit).toBe(ok);
});
