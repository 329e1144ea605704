// The quick part of Redis's own Tcl suite inside `npm test`: the units that finish in seconds, held
// to the ratchet. All of it runs by `npm run redis-suite`. What is missing (tclsh, the sources of
// the suite) is a named skip on a developer's machine and a failure in CI.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isCi, projectFolder } from "../../scripts/project.js";
import { hashesOf, missingFrom } from "../../scripts/redis-suite-log.js";
import { profiles } from "../../scripts/redis-suite-profiles.js";
import { runUnit } from "../../scripts/redis-suite-run.js";
import { readSkips } from "../../scripts/redis-suite-skips.js";
import { obtainSuite } from "../../scripts/redis-suite-source.js";
import { skipReason } from "../differential/servers.js";

const quickUnits = [
  ...["unit/quit", "unit/type/incr", "unit/bitfield", "unit/keyspace", "unit/protocol"],
  ...["unit/scan", "unit/bitops"],
];

const folder = join(projectFolder, "test", "redis-suite");
const expected = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8")) as Record<
  string,
  Record<string, { ok: number; names: string }>
>;

function whyNot(): string | null {
  const server = skipReason("skerry");
  if (server !== null) return server;
  if (spawnSync("tclsh", [], { input: "exit 0\n" }).status !== 0) return "tclsh is not installed";
  const suite = obtainSuite();
  return suite.kind === "found" ? null : suite.reason;
}

const reason = whyNot();
if (reason !== null && isCi) throw new Error(`needed in CI: ${reason}`);

describe.skipIf(reason !== null)(`Redis's Tcl suite${reason === null ? "" : `: ${reason}`}`, () => {
  const skips = readSkips(join(folder, "skip.txt"));
  test.each(quickUnits)("%s: nothing that passed before is lost", async (unit) => {
    const suite = obtainSuite();
    if (suite.kind !== "found") throw new Error(suite.reason);
    const log = await runUnit({
      ...{ suiteFolder: suite.folder, unit, profile: profiles.core, against: "skerry", only: [] },
      skips: skips.filter((skip) => skip.covers(unit)),
    });
    const before = expected.core?.[unit]?.names.split(" ") ?? [];
    const why = log.err.map((name) => `${name}: ${log.why[name]}`);
    expect(log.hung, "hung").toBe(false);
    expect(missingFrom(before, hashesOf(log.ok)), why.join("\n")).toEqual([]);
    expect(log.ok.length).toBeGreaterThan(0);
  });
});
