// Random histories on three replicas under every fault at once: after healing all hold the same,
// nothing is lost that somebody still had, nothing comes back, and values are what the operation
// log says.

import { expect, test } from "vitest";
import { runHistory } from "./history.js";
import { read } from "./operations.js";

const seedCount = 240;
const firstSeed = Number(process.env.SKERRY_SEED ?? 1);

function judge(seed: number): number {
  const { world, log } = runHistory(seed);
  // With tiny limits repair fetches one batch per round trip; in earnest it must be quick.
  const isTight = world.options.replicator?.limits?.pullBytesMax !== undefined;
  const withinMs = isTight ? 20_000 : 5_000;
  const convergedMs = world.converge(withinMs);
  expect(convergedMs, `seed ${seed}: no convergence within ${withinMs} ms`).toBeDefined();
  // What a crash left without its predecessor goes away as well.
  world.run(6_000);
  expect(world.isConverged(), `seed ${seed}: converged and then not`).toBe(true);
  world.verify();
  for (const replica of world.replicas) {
    const status = replica.replicator.status();
    const { logBytesMax } = replica.shards;
    expect(status.logBytes, `seed ${seed}: log bound`).toBeLessThanOrEqual(logBytesMax);
    expect(status.waitingCount, `seed ${seed}: inbox`).toBe(0);
    for (const key of log.keys)
      expect(read(replica.keyspace, key), `seed ${seed}: ${key} on ${replica.name}`).toEqual(
        log.expect(key, replica),
      );
  }
  return convergedMs!;
}

test(`convergence: ${seedCount} histories under loss, repetition, cuts, skew and crashes`, () => {
  let slowestMs = 0;
  for (let seed = firstSeed; seed < firstSeed + seedCount; seed++)
    slowestMs = Math.max(slowestMs, judge(seed));
  console.log(`slowest convergence after healing: ${slowestMs} ms`);
});

test("convergence: one seed, one history", () => {
  for (const seed of [3, 4, 5]) {
    const first = runHistory(seed);
    const second = runHistory(seed);
    expect(second.world.sentBytes).toBe(first.world.sentBytes);
    expect(second.world.replicas.map((replica) => replica.fingerprint())).toEqual(
      first.world.replicas.map((replica) => replica.fingerprint()),
    );
  }
});

test("convergence: the histories reach every tier of repair", () => {
  const seen = new Map<string, number>();
  for (let seed = 1; seed <= 40; seed++)
    for (const { replicator } of runHistory(seed).world.replicas)
      for (const [name, count] of Object.entries(replicator.status()))
        seen.set(name, (seen.get(name) ?? 0) + count);
  for (const name of ["resentBatchCount", "pullCount", "stateSentCount", "stateJoinedCount"])
    expect(seen.get(name), name).toBeGreaterThan(0);
  for (const name of ["offerSentCount", "inquirySentCount", "differenceJoinedCount"])
    expect(seen.get(name), name).toBeGreaterThan(0);
  for (const name of ["duplicateCount", "inboxDroppedCount"])
    expect(seen.get(name), name).toBeGreaterThan(0);
  expect(seen.get("malformedCount")).toBe(0);
  expect(seen.get("foreignCount")).toBe(0);
});
