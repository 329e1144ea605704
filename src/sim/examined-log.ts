// What a node that starts finds on its disk (as bin/serve.ts does in earnest): what the log of its
// earlier lives says, and who it goes on as.

import type { JournalParts } from "../node/keep-journal.js";
import { Recovery } from "../storage/recovery.js";
import { nextStart } from "../storage/start-record.js";
import type { SimulatedDisk } from "./disk.js";
import type { SimulatedStore } from "./simulated-store.js";
import type { Simulation } from "./simulation.js";
import { noteReturn } from "./sometimes.js";

/** So small that a run has several files. */
const segmentBytes = 4096;

export interface LogWish {
  readonly name: string;
  readonly incarnation: number;
  readonly shardCount: number;
  readonly databaseCount: number;
  /** What the log is streamed to. */
  readonly store: SimulatedStore | undefined;
}

export function examineLog(
  simulation: Simulation,
  disk: SimulatedDisk,
  { name, incarnation, shardCount, databaseCount, store }: LogWish,
  isSalvage: boolean,
): JournalParts {
  const recovery = new Recovery(disk, { isSalvage, keepsCovered: store !== undefined });
  const examined = recovery.examine();
  store?.expectWhole(examined.nextLsn - 1);
  const policy = simulation.profile.logPolicy;
  const wish = { node: name, incarnation, policy, hasPeers: true };
  const start = nextStart(examined.start, examined, { ...wish, shardCount, databaseCount });
  noteReturn(examined, start, simulation.sometimes);
  simulation.watcher?.recovered?.(name, examined.nextLsn - 1);
  return { disk, recovery, examined, start, segmentBytes };
}
