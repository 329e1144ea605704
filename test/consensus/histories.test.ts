// Random runs under every weather, judged by linearizability and by the monitor of chosen states.
// "Sometimes" tests see to it that the runs meet what the rules are about.

import { beforeAll, expect, test } from "vitest";
import { type Counter, newCounters } from "../../src/consensus/counters.js";
import { drawProfile, judge, runWorkload } from "./workload.js";

const seedCount = 120;
const total = newCounters();
const failures: string[] = [];
let operationCount = 0;
let chosenCount = 0;

beforeAll(() => {
  for (let seed = 1; seed <= seedCount && failures.length === 0; seed++) {
    const profile = drawProfile(seed);
    const result = runWorkload(profile);
    for (const name of Object.keys(total) as Counter[]) total[name] += result.counters[name];
    operationCount += result.history.length;
    chosenCount += result.chosenCount;
    const problems = judge(result);
    if (problems.length > 0) failures.push(`${JSON.stringify(profile)}\n${problems.join("\n")}`);
  }
});

test("histories: always linearizable, chosen states form one chain, errors are what they say", () => {
  expect(failures.join("\n\n")).toBe("");
});

test("histories: something happened", () => {
  expect(operationCount).toBeGreaterThan(50 * seedCount);
  expect(chosenCount).toBeGreaterThan(10 * seedCount);
});

test.each([
  "warmRounds",
  "roundsPreempted",
  "roundsTimedOut",
  "fastReads",
  "secondReads",
  "readsThroughHome",
  "refusalsByRead",
  "forwards",
  "forwardsRepeated",
  "forwardsRefused",
  "takeovers",
  "cancelsFenced",
  "storedOutcomes",
  "unavailable",
  "timeouts",
] as const)("histories: sometimes %s", (counter) => {
  expect(total[counter]).toBeGreaterThan(0);
});
