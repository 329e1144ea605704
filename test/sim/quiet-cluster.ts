// A simulated cluster of whole nodes in which nothing fails but what a test makes fail.

import { expect } from "vitest";
import { fromUtf8, utf8 } from "../../src/base/bytes.js";
import { drawProfile, type FaultProfile, faultKinds } from "../../src/sim/fault-profile.js";
import { describeDivergence, isConverged } from "../../src/sim/judges.js";
import type { SimulatedHost } from "../../src/sim/simulated-host.js";
import { Simulation } from "../../src/sim/simulation.js";

/** Of virtual time, whose unit is the microsecond. */
export const ms = 1000;

/** Nodes that found a cluster by the real protocol, in memory only; they have not met yet. */
export function newQuietCluster(
  nodeCount: number,
  replicationFactor: number,
  more: Partial<FaultProfile> = {},
): Simulation {
  const options = { nodeCount, isClustered: true, replicationFactor, hasLog: false };
  const drawn = drawProfile(1, { ...options, suppressed: faultKinds });
  const still = { delayMs: [1, 3], turnUs: 20, readsPerCopy: 0 } as const;
  return new Simulation({ ...drawn, ...still, ...more });
}

/** Until all hold the same and shards are where they should be, in a bounded time. */
export function settle(simulation: Simulation): void {
  for (let waited = 0; waited < 40 && !isConverged(simulation); waited++)
    simulation.runFor(1_000 * ms);
  expect(isConverged(simulation), describeDivergence(simulation)).toBe(true);
  for (const { life } of simulation.members) life!.node.verifyInvariants();
}

/** What a node answers, within two seconds. */
export function ask(simulation: Simulation, host: SimulatedHost, ...args: string[]): string {
  let answer = "(nothing)";
  host.perform(({ node }) => {
    node.request(args.map(utf8), (reply) => {
      answer = typeof reply === "string" ? reply : fromUtf8(reply);
    });
  });
  for (let waited = 0; waited < 40 && answer === "(nothing)"; waited++) simulation.runFor(50 * ms);
  return answer;
}

export const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;
