// What each row of the benchmark has to reach, and by which measure it does. Where the client or
// the sockets themselves are the limit, being near that limit is as good as being faster than
// redis-server, which is near it as well.

import type { CellResult } from "./bench-measure.js";
import type { FsyncPolicy } from "./bench-persistence.js";

interface Goal {
  /** At most so much of redis-server's CPU per operation. */
  readonly cpu?: number;
  /** At least so much of redis-server's requests per second. */
  readonly rate?: number;
  /** Or this share of the rate at which the client's core is full. */
  readonly client?: number;
  /** Or this share of what our floor reaches. */
  readonly floor?: number;
}

const nearLimit = 0.95;
const strings: Readonly<Record<string, readonly (Goal | undefined)[]>> = {
  SET: [{ rate: 1.4, client: nearLimit }, { rate: 2 }],
  GET: [{ rate: 1.4, client: nearLimit }, { rate: 1.7 }],
  INCR: [{ rate: 1.4, client: nearLimit }, { rate: 1.7 }],
};

/** With both servers' logs on: what it may cost, or, where replies wait, how much it must do. */
const logged: Readonly<Partial<Record<FsyncPolicy, Goal>>> = {
  always: { rate: 1 },
  everysec: { cpu: 1.1 },
};

/** Undefined where nothing is asked for. */
function goalOf(
  { command, pipeline }: CellResult,
  policy: FsyncPolicy | undefined,
): Goal | undefined {
  if (policy !== undefined) return logged[policy];
  if (pipeline === 1) return { cpu: 1.05 };
  if (command in strings) return strings[command]![pipeline === 16 ? 0 : 1];
  if (command.endsWith("_1M")) return { rate: 1, client: nearLimit, floor: nearLimit };
  return pipeline === 16 ? { rate: 1.15, client: nearLimit, floor: nearLimit } : undefined;
}

/** By which measure the row reaches its goal; "missed" by none, "-" where there is none. */
export function verdictOf(cell: CellResult, policy?: FsyncPolicy): string {
  const goal = goalOf(cell, policy);
  if (goal === undefined || cell.skerry === null) return "-";
  const rate = cell.skerry.requestsPerSecond;
  const isMet: Readonly<Record<keyof Goal, boolean>> = {
    cpu: cell.cpuRatio !== null && cell.cpuRatio <= (goal.cpu ?? 0),
    rate: rate >= cell.redis.requestsPerSecond * (goal.rate ?? Number.POSITIVE_INFINITY),
    client: rate >= (cell.clientCeiling ?? Number.NaN) * (goal.client ?? Number.POSITIVE_INFINITY),
    floor:
      rate >=
      (cell.floor?.requestsPerSecond ?? Number.NaN) * (goal.floor ?? Number.POSITIVE_INFINITY),
  };
  return Object.entries(isMet).find(([, met]) => met)?.[0] ?? "missed";
}
