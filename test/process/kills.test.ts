// A real node with a log, killed under load: what was promised is there after each start.

import { describe, expect, test } from "vitest";
import { runKills } from "../../scripts/kills.js";
import { whyUnavailable } from "../../scripts/lib/server-process.js";
import { testSeed } from "../../scripts/lib/test-seed.js";

const reason = whyUnavailable("skerry");

describe.skipIf(reason !== null)(`kills${reason === null ? "" : `: ${reason}`}`, () => {
  test("log: killed ten times under always, no acknowledged write is missing", async () => {
    const totals = await runKills({ times: 10, fsync: "always", seed: testSeed("SKERRY_SEED") });
    expect(totals.violations).toEqual([]);
    expect(totals.lost).toBe(0);
    expect(totals.acknowledged).toBeGreaterThan(100);
  });

  test("log: told to stop under load, a node ends in order, and nothing is missing", async () => {
    const seed = testSeed("SKERRY_SEED");
    for (const fsync of ["always", "everysec"] as const) {
      const totals = await runKills({ times: 2, fsync, seed, signal: "SIGTERM" });
      expect(totals.violations).toEqual([]);
      expect(totals.acknowledged).toBeGreaterThan(100);
    }
  });

  test("log: killed under everysec, nothing older than a second is missing", async () => {
    const totals = await runKills({ times: 4, fsync: "everysec", seed: testSeed("SKERRY_SEED") });
    expect(totals.violations).toEqual([]);
  });
});
