// Judge of availability, after Maelstrom's: which part of all operations ended ok, against a
// demand.

import type { History, Verdict } from "./history.js";

/**
 * "total": every operation must end ok. A number: at least this fraction. Undefined: nothing is
 * demanded.
 */
export type AvailabilityDemand = "total" | number | undefined;

export interface AvailabilityVerdict {
  readonly verdict: Verdict;
  readonly okFraction: number;
}

export function checkAvailability(
  history: History,
  demand: AvailabilityDemand,
): AvailabilityVerdict {
  const okCount = history.filter(({ outcome }) => outcome === "ok").length;
  const okFraction = history.length === 0 ? 1 : okCount / history.length;
  const demanded = demand === "total" ? 1 : (demand ?? 0);
  return { verdict: okFraction >= demanded ? "valid" : "invalid", okFraction };
}
