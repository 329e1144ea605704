// What clients get under the nemesis of the bench, in virtual time: the acceptance numbers of the
// Maelstrom workload (success, time to the first write, messages), so that a change which ruins
// them fails here first.

import { expect, test } from "vitest";
import { slowLinks } from "../../src/consensus/timing.js";
import { type ServiceProfile, serve } from "./service.js";

const profile: ServiceProfile = {
  nodeCount: 5,
  seed: 1,
  seconds: 20,
  ratePerSecond: 100,
  clientsPerNode: 4,
  registerCount: 2,
  network: { delayMs: [0.2, 3], codec: false },
  partitionSeconds: 0,
  casKind: "conditional",
};

test.each(["conditional", "write"] as const)(
  "service: without faults no %s cas and nothing else fails",
  (casKind) => {
    const result = serve({ ...profile, casKind });
    expect(result.majority.ended).toBeGreaterThan(1500);
    expect(result.majority.good).toBe(result.majority.ended);
    expect(result.messagesPerOperation).toBeLessThan(casKind === "write" ? 8.5 : 7);
    expect(result.latencyMs.p95).toBeLessThan(15);
  },
);

test.each([3, 5])("service: %i nodes cut every 3 s serve their majority side", (nodeCount) => {
  for (const seed of [1, 2]) {
    const { majority, minority, firstWriteMsMax } = serve({
      ...profile,
      nodeCount,
      seed,
      partitionSeconds: 3,
    });
    expect(majority.good / majority.ended).toBeGreaterThan(0.98);
    expect(firstWriteMsMax).toBeLessThan(1000);
    // Errors are worth little if they are indefinite.
    expect(minority.unavailable / minority.ended).toBeGreaterThan(0.95);
  }
});

test("service: slow links and a crowd at one register do not end in a duel", () => {
  // Taking over from a home that is merely slow, success falls to 14 % (rule 11).
  const result = serve({
    ...profile,
    registerCount: 1,
    network: { delayMs: [20, 80], codec: false },
    timing: slowLinks,
  });
  expect(result.majority.good / result.majority.ended).toBeGreaterThan(0.97);
  expect(result.counters.takeovers).toBeLessThan(20);
});
