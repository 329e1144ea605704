// The simulator over nodes that stream their logs into object stores which fail in every way there
// is, with crashes in between: whatever happens, once all is healed each store has what is durable,
// and another machine comes back from it.

import { expect, test } from "vitest";
import { drawProfile } from "../../src/sim/fault-profile.js";
import { simulateProfile } from "../../src/sim/simulate.js";
import { Tally } from "../../src/sim/tally.js";
import { type StoreFault, storeFaults } from "../../src/storage/faulty-store.js";

const firstSeed = Number(process.env.SKERRY_SEED ?? 1);
const seedCount = Number(process.env.SKERRY_SEEDS ?? 4);
const seeds = Array.from({ length: seedCount }, (_, index) => firstSeed + index);

const kinds = Object.keys(storeFaults) as StoreFault[];
/** Lists and removals are few. */
const rare = { delete_fail: 1, list_fail: 0.3, incomplete_list: 1, get_corrupt: 0.3 };
const every = { ...Object.fromEntries(kinds.map((kind) => [kind, 0.06])), ...rare };

test("simulator: nodes whose object stores fail are clean, and every fault of a store happens", () => {
  const seen = new Tally<StoreFault>();
  for (const seed of seeds) {
    // Every other run has all of them and little else, so that none is left out of a few runs.
    const hasAll = seed % 2 === 0;
    const preset = hasAll ? "calm" : "chaos";
    const drawn = drawProfile(seed, { preset, nodeCount: 3, hasStore: true, safetyMs: 6000 });
    const rates = { ...drawn.rates, process_crash: 240 };
    const storeRates = hasAll ? every : drawn.storeRates;
    const { violations, storeFaultCounts } = simulateProfile({ ...drawn, rates, storeRates });
    expect(violations, `seed ${seed}`).toEqual([]);
    seen.addAll(storeFaultCounts);
  }
  // Removals are too few to demand that one fails.
  const missing = kinds.filter((kind) => seen.count(kind) === 0 && kind !== "delete_fail");
  expect(missing).toEqual([]);
});
