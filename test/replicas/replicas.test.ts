// A share of `npm run replicas`, which runs a thousand seeds.

import { expect, test } from "vitest";
import { runReplicas } from "./replicas.js";

const firstSeed = Number(process.env.SKERRY_SEED ?? 1);
const seedCount = 60;

test(`replicas: ${seedCount} random histories of all types end alike, as the log says`, () => {
  const met = new Map<string, number>();
  for (let seed = firstSeed; seed < firstSeed + seedCount; seed++) {
    const report = runReplicas(seed);
    expect(report.violations, `replay: npm run replicas -- 1 ${seed}`).toEqual([]);
    for (const [name, times] of report.met) met.set(name, (met.get(name) ?? 0) + times);
  }
  for (const name of ["applied", "duplicate", "gap", "state with news"])
    expect(met.get(name), name).toBeGreaterThan(100);
});
