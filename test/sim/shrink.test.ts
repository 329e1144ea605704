// Failing runs are made small, and the small run fails like the large one. The failure is planted
// into the running classes: dependencies are not waited for.

import { afterEach, expect, test } from "vitest";
import { flagsOf, replayLine } from "../../src/bin/sim-replay.js";
import { Shard } from "../../src/keyspace/shard.js";
import { faultKinds } from "../../src/sim/fault-profile.js";
import { shrink, sortOf } from "../../src/sim/shrink.js";
import { simulate } from "../../src/sim/simulate.js";

const { judge } = Shard.prototype;
afterEach(() => {
  Shard.prototype.judge = judge;
});

test("shrinking: a failure among all faults comes down to a few of them", () => {
  Shard.prototype.judge = function (batch) {
    const verdict = judge.call(this, batch);
    return verdict === "gap" && this.context.get(batch.origin) === batch.previous
      ? "ready"
      : verdict;
  };
  const seed = 3;
  const failed = simulate(seed);
  expect(failed.violations).not.toEqual([]);
  const { result, options, runCount } = shrink(failed, {}, (smaller) => simulate(seed, smaller));
  expect(runCount).toBeLessThanOrEqual(120);
  expect(sortOf(result.violations[0])).toBe(sortOf(failed.violations[0]));
  expect(result.profile.safetyMs).toBeLessThan(failed.profile.safetyMs / 2);
  expect(result.requestCount).toBeLessThan(failed.requestCount);
  expect(result.faultCounts.total).toBeLessThan(failed.faultCounts.total / 3);
  // What is told is enough to bring it back.
  expect(simulate(seed, options).violations).toEqual(result.violations);
  expect(replayLine(seed, options)).toMatch(
    /^npm run sim -- --seed 3 --preset moderate --.+ --only /,
  );
});

test("shrinking: failures of another sort are not mixed up", () => {
  expect(sortOf("n1: t5 is 3, not 4")).toBe(sortOf("n3: t12 is absent7, not -8"));
  expect(sortOf("no convergence: n1 and n2")).not.toBe(sortOf("n1: t5 is 3, not 4"));
});

test("replaying: flags name the fewer kinds of those that are on and off", () => {
  expect(flagsOf(1, { suppressed: ["disk_slow"] }).slice(-2)).toEqual(["--without", "disk_slow"]);
  const all = faultKinds.filter((kind) => kind !== "disk_slow");
  expect(flagsOf(1, { suppressed: all }).slice(-2)).toEqual(["--only", "disk_slow"]);
  expect(flagsOf(1, { suppressed: faultKinds }).at(-1)).toBe("--only");
});
