// The simulator over nodes with logs, on disks that forget what was not forced: crashes of machines
// come often. What a client was told is there when its node comes back, no peer has what its writer
// has lost, and a node that may have lost something is somebody new.
//
// Planted bugs name this file (test/planted/sim.ts): the loop stops at the first seed that fails.

import { expect, test } from "vitest";
import { drawProfile } from "../../src/sim/fault-profile.js";
import { simulateProfile } from "../../src/sim/simulate.js";

const firstSeed = Number(process.env.SKERRY_SEED ?? 1);
const seedCount = Number(process.env.SKERRY_SEEDS ?? 5);
/** Before the others: in this one a file of the log is sealed right before a crash. */
const sealingSeed = 26;
const seeds = [sealingSeed, ...Array.from({ length: seedCount }, (_, index) => firstSeed + index)];

test.each(["always", "everysec"] as const)(
  "simulator: crashes of machines whose logs are forced %s are clean",
  (logPolicy) => {
    let recovered = 0;
    for (const seed of seeds) {
      const drawn = drawProfile(seed, { nodeCount: 3, hasLog: true, logPolicy });
      const rates = { ...drawn.rates, process_crash: 240, disk_slow: 0.3 };
      const heavy = { safetyMs: 2500, thinkMs: 15, clientsPerNode: 2, linearizableShare: 0.3 };
      const { violations, sometimes } = simulateProfile({ ...drawn, ...heavy, rates });
      expect(violations, `seed ${seed}`).toEqual([]);
      if (sometimes.entries().some(([name]) => name === "log_recovered")) recovered++;
    }
    expect(recovered).toBeGreaterThan(0);
  },
  600_000,
);
