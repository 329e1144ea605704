// Judge of g-counter and pn-counter, after Maelstrom's: only the final reads count, made after
// healing and a quiet period. Each must be the sum of all acknowledged adds plus that of any subset
// of the indefinite ones.
//
// Differs from Maelstrom in one point: it counts every failed add as indefinite, this judge
// believes a definite error (so a node that lies about one is found out).

import type { Json } from "./canonical.js";
import type { History, Operation, Verdict } from "./history.js";

/** Integers from low to high, both included. */
export type Interval = readonly [low: number, high: number];

export interface CounterVerdict {
  readonly verdict: Verdict;
  /** The sum of the acknowledged adds. */
  readonly definiteSum: number;
  readonly indefiniteCount: number;
  /** Every value a final read may have, ascending, with gaps. */
  readonly acceptable: readonly Interval[];
  readonly finalReads: readonly Json[];
  /** Final reads outside of `acceptable`. */
  readonly wrong: readonly Operation[];
}

/**
 * Beyond this many separate ranges the verdict is unknown: subsets of large, unlike deltas explode.
 */
const INTERVALS_MAX = 100_000;

export function checkCounterBounds(history: History): CounterVerdict {
  const adds = history.filter(({ f }) => f === "add");
  const definiteSum = adds
    .filter(({ outcome }) => outcome === "ok")
    .reduce((sum, add) => sum + deltaOf(add), 0);
  const indefinite = adds.filter(({ outcome }) => outcome === "indefinite");
  let acceptable: Interval[] = [[definiteSum, definiteSum]];
  for (const add of indefinite) {
    if (acceptable.length > INTERVALS_MAX) break;
    const delta = deltaOf(add);
    const shifted = acceptable.map(([low, high]): Interval => [low + delta, high + delta]);
    acceptable = union(acceptable, shifted);
  }
  const finalReads = history.filter(
    ({ f, outcome, final }) => f === "read" && outcome === "ok" && final === true,
  );
  const wrong = finalReads.filter(({ output }) => !isWithin(output, acceptable));
  return {
    verdict: verdictOf(finalReads.length, wrong.length, acceptable.length),
    definiteSum,
    indefiniteCount: indefinite.length,
    acceptable,
    finalReads: finalReads.map(({ output }) => output ?? null),
    wrong,
  };
}

function deltaOf({ input }: Operation): number {
  if (!Number.isSafeInteger(input)) throw new Error("the input of an add is an integer");
  return input as number;
}

function verdictOf(readCount: number, wrongCount: number, intervalCount: number): Verdict {
  if (intervalCount > INTERVALS_MAX || readCount === 0) return "unknown";
  return wrongCount > 0 ? "invalid" : "valid";
}

const isWithin = (value: Json | undefined, intervals: readonly Interval[]): boolean =>
  typeof value === "number" &&
  Number.isInteger(value) &&
  intervals.some(([low, high]) => low <= value && value <= high);

/** Merges two ascending lists; neighbours that touch become one range. */
function union(a: readonly Interval[], b: readonly Interval[]): Interval[] {
  const merged: Interval[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const takesA = j === b.length || (i < a.length && a[i]![0] <= b[j]![0]);
    const [low, high] = takesA ? a[i++]! : b[j++]!;
    const last = merged.at(-1);
    if (last !== undefined && low <= last[1] + 1)
      merged[merged.length - 1] = [last[0], Math.max(last[1], high)];
    else merged.push([low, high]);
  }
  return merged;
}
