// The simulator over nodes with logs, on disks that forget what was not forced: crashes of machines
// come often. What a client was told is there when its node comes back, no peer has what its writer
// has lost, and a node that may have lost something is somebody new.
//
// Planted bugs name this file (test/planted/sim.ts): the loop stops at the first seed that fails.

import { expect, test } from "vitest";
import { simulate } from "../../src/sim/simulate.js";
import type { SometimesName } from "../../src/sim/sometimes.js";
import { Tally } from "../../src/sim/tally.js";
import type { SyncPolicy } from "../../src/storage/wal.js";

const firstSeed = Number(process.env.SKERRY_SEED ?? 1);
const seedCount = Number(process.env.SKERRY_SEEDS ?? 12);
/** Before the others: in this one a file of the log is sealed right before a crash. */
const sealingSeed = 26;
const seeds = [sealingSeed, ...Array.from({ length: seedCount }, (_, index) => firstSeed + index)];

/** What has to happen for the silence of the judges to mean anything. */
const demanded = {
  always: ["writer_kept", "crash_took_replies", "crash_took_bytes", "file_sealed"],
  everysec: ["writer_renewed", "checkpoint_made", "crash_took_bytes", "file_sealed"],
} as const satisfies Partial<Record<SyncPolicy, readonly SometimesName[]>>;

test.each(["always", "everysec"] as const)(
  "simulator: crashes of machines whose logs are forced %s are clean",
  (logPolicy) => {
    const met = new Tally<SometimesName>();
    for (const seed of seeds) {
      const { violations, sometimes } = simulate(seed, { weather: "crashes", logPolicy });
      expect(violations, `seed ${seed}`).toEqual([]);
      met.addAll(sometimes);
    }
    expect(demanded[logPolicy].filter((name) => met.count(name) === 0)).toEqual([]);
  },
  600_000,
);
