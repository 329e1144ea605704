// The simulator over the production classes: seeds under moderate faults are clean, what had to
// happen in them happened, one seed is one trace, and each kind of fault fires on its own.
//
// Planted bugs name this file (test/planted/sim.ts): the loop stops at the first seed that fails.

import { expect, test } from "vitest";
import { Campaign } from "../../src/sim/campaign.js";
import {
  drawProfile,
  type FaultKind,
  type FaultProfile,
  faultKinds,
  faults,
  isBuggifyPoint,
} from "../../src/sim/fault-profile.js";
import { simulate, simulateProfile } from "../../src/sim/simulate.js";
import type { SometimesName } from "../../src/sim/sometimes.js";
import { Trace } from "../../src/sim/trace.js";

const firstSeed = Number(process.env.SKERRY_SEED ?? 1);
const seedCount = Number(process.env.SKERRY_SEEDS ?? 200);

/** About a minute and a half on an idle core. */
const timeoutMs = 1_200_000;

/** Rare: they need more seeds than run here. `npm run sim` demands them of a campaign. */
const rare: ReadonlySet<SometimesName> = new Set([
  "add_survived_removal",
  "batch_held_for_skew",
  "checkpoint_torn",
  "client_timed_out",
  "concurrent_sets",
  "crash_lost_writes",
  "crash_took_bytes",
  "crash_took_replies",
  "increment_survived_reset",
  "log_salvaged",
  "member_came_again",
  "orphan_dropped",
  "session_lost",
  "session_waited_in_vain",
  "state_sync_needed",
  "tail_cut",
]);

test(
  `simulator: ${seedCount} seeds of moderate faults are clean`,
  () => {
    const campaign = new Campaign();
    for (let seed = firstSeed; seed < firstSeed + seedCount; seed++) {
      const result = simulate(seed);
      expect(result.violations, `replay: npm run sim -- --seed ${seed} --trace`).toEqual([]);
      campaign.add(result);
    }
    expect(campaign.neverMet.filter((name) => !rare.has(name))).toEqual([]);
    expect(campaign.neverHappened()).toEqual([]);
  },
  timeoutMs,
);

test("simulator: one seed, one trace", () => {
  const digests = [1, 2].map(() => {
    const trace = new Trace();
    simulate(11, { preset: "chaos", trace });
    expect(trace.count).toBeGreaterThan(5000);
    return trace.digest();
  });
  expect(digests[0]).toBe(digests[1]);
  const other = new Trace();
  simulate(12, { preset: "chaos", trace: other });
  expect(other.digest()).not.toBe(digests[0]);
});

test("simulator: watching a run does not change it", () => {
  const trace = new Trace();
  const watched = simulate(11, { trace });
  const alone = simulate(11);
  expect(alone.frameCount).toBe(watched.frameCount);
  expect(alone.sometimes.entries()).toEqual(watched.sometimes.entries());
});

test(
  "simulator: partitions and crashes together, on linearizable keys",
  () => {
    // Memory lost on one side of a cut is what makes two values chosen, if a blank node may vote.
    for (let seed = firstSeed; seed < firstSeed + 12; seed++) {
      const drawn = drawProfile(seed, { nodeCount: 3, isClustered: false });
      const rates = { ...drawn.rates, process_crash: 60, partition_isolate: 60, process_pause: 30 };
      const heavy = { safetyMs: 4000, thinkMs: 10, clientsPerNode: 2, linearizableShare: 0.9 };
      const { violations } = simulateProfile({ ...drawn, ...heavy, rates });
      expect(violations, `seed ${seed}`).toEqual([]);
    }
  },
  timeoutMs,
);

test(
  "simulator: crashes of nodes with logs that rot",
  () => {
    for (const seed of [3, 59, 201]) {
      const { violations } = simulate(seed, { weather: "rot" });
      expect(violations, `seed ${seed}`).toEqual([]);
    }
  },
  timeoutMs,
);

test(
  "simulator: nodes that come and go all the time",
  () => {
    // In the first a node comes with an empty disk, and later with what that one has; in the
    // second one crashes that has given up a shard in which it had written.
    for (const seed of [117, 7800047]) {
      const { violations, faultCounts } = simulate(seed, { weather: "members" });
      expect(violations, `seed ${seed}`).toEqual([]);
      expect(faultCounts.count("member_join")).toBeGreaterThan(0);
    }
  },
  timeoutMs,
);

/** Points of the production code come up only where something is amiss. */
const beside = (kind: FaultKind): Partial<FaultProfile["rates"]> => {
  if (isBuggifyPoint(kind)) return { network_drop: 0.15 };
  // What a disk holds is read when a process starts.
  return kind === "disk_stale_read" ? { process_crash: 60 } : {};
};

/** A short run with one kind of fault, and often. */
function profileOf(kind: FaultKind): FaultProfile {
  const often = {
    ...{ frame: 0.2, record: 0.5, read: 0.5, timer: 0.2, minute: 120, node: 1 },
    ...{ connection: 0.5, point: 0.5 },
    // A disk that fails every other time would let nothing through.
    ...(kind.startsWith("disk_") && kind !== "disk_slow" && { record: 0.02 }),
  };
  const isOfMembers = kind.startsWith("member_");
  const rates = Object.fromEntries(faultKinds.map((each) => [each, 0])) as FaultProfile["rates"];
  return {
    ...drawProfile(3, { nodeCount: isOfMembers ? 4 : 3, isClustered: isOfMembers }),
    safetyMs: isOfMembers ? 6000 : 2500,
    hasLog: kind.startsWith("disk_"),
    clientsPerNode: 2,
    thinkMs: 25,
    rates: { ...rates, ...beside(kind), [kind]: often[faults[kind].per] },
  };
}

test.each(faultKinds)("simulator: %s happens, alone, and does no harm", (kind) => {
  const result = simulateProfile(profileOf(kind));
  expect(result.violations).toEqual([]);
  const happened = result.faultCounts.entries().map(([name]) => name);
  expect(happened).toEqual([kind, ...Object.keys(beside(kind))].sort());
});
