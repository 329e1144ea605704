// Figures of a history: operations by outcome and error code, throughput, latencies. As in Jepsen a
// run in which some kind of operation never once succeeded proves nothing about it, so it is
// `unknown`.

import type { History, Operation, Verdict } from "./history.js";
import { MICROSECONDS_PER_MS, type Quantiles, quantilesOf } from "./quantiles.js";

export interface OutcomeCounts {
  readonly count: number;
  readonly ok: number;
  readonly fail: number;
  readonly indefinite: number;
  /** Error code -> operations, separately for definite and indefinite ends, ascending codes. */
  readonly failByCode: Readonly<Record<string, number>>;
  readonly indefiniteByCode: Readonly<Record<string, number>>;
}

export interface Statistics {
  readonly verdict: Verdict;
  readonly all: OutcomeCounts;
  readonly byFunction: Readonly<Record<string, OutcomeCounts>>;
  /**
   * Seconds from the first invocation to the last completion; the final reads and the wait before
   * them do not count. */
  readonly seconds: number;
  readonly okPerSecond: number;
  /** Milliseconds from invocation to reply, of `ok` operations. */
  readonly okLatencies: Quantiles | undefined;
}

export function statisticsOf(history: History): Statistics {
  const groups = new Map<string, Operation[]>();
  for (const operation of history) {
    const group = groups.get(operation.f);
    if (group === undefined) groups.set(operation.f, [operation]);
    else group.push(operation);
  }
  const byFunction = Object.fromEntries(
    [...groups].sort().map(([f, operations]) => [f, countOutcomes(operations)]),
  );
  const all = countOutcomes(history);
  const main = history.filter(({ final }) => final !== true);
  const seconds = secondsOf(main);
  return {
    verdict: Object.values(byFunction).some(({ ok }) => ok === 0) ? "unknown" : "valid",
    all,
    byFunction,
    seconds,
    okPerSecond: seconds === 0 ? 0 : countOutcomes(main).ok / seconds,
    okLatencies: quantilesOf(history.flatMap(okLatencyOf)),
  };
}

function countOutcomes(operations: readonly Operation[]): OutcomeCounts {
  const counts = { ok: 0, fail: 0, indefinite: 0 };
  const byCode = { fail: new Map<number, number>(), indefinite: new Map<number, number>() };
  for (const { outcome, error } of operations) {
    counts[outcome]++;
    if (outcome === "ok") continue;
    const code = error?.code ?? 0;
    byCode[outcome].set(code, (byCode[outcome].get(code) ?? 0) + 1);
  }
  return {
    count: operations.length,
    ...counts,
    failByCode: Object.fromEntries(byCode.fail),
    indefiniteByCode: Object.fromEntries(byCode.indefinite),
  };
}

function okLatencyOf({ outcome, invokedAt, completedAt }: Operation): number[] {
  return outcome === "ok" ? [(completedAt! - invokedAt) / MICROSECONDS_PER_MS] : [];
}

function secondsOf(history: History): number {
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const { invokedAt, completedAt } of history) {
    first = Math.min(first, invokedAt);
    last = Math.max(last, completedAt ?? invokedAt);
  }
  return history.length === 0 ? 0 : (last - first) / (1000 * MICROSECONDS_PER_MS);
}
