// Judge of grow-only sets and of broadcast, after Jepsen's set-full: every element has a time line.
//   known    when its add was acknowledged, or when a read first returned it, whichever came first
//   stable   the last read that began and saw it began after the last read that missed it
//   lost     it was known before a read began that missed it, and no later read saw it again
//   never read   neither: no read that began after it was known decides
// A lost element makes the history invalid. The stable latency is the time from known until the
// beginning of the last read that missed the element.
//
// Stricter than Jepsen in two points: an element that nobody added (a phantom) and an element twice
// in one read are wrong as well.

import { canonical, type Json } from "./canonical.js";
import type { History, Operation, Verdict } from "./history.js";
import { MICROSECONDS_PER_MS, type Quantiles, quantilesOf } from "./quantiles.js";

export interface SetFullVerdict {
  readonly verdict: Verdict;
  readonly attemptCount: number;
  readonly acknowledgedCount: number;
  readonly stableCount: number;
  readonly lost: readonly Json[];
  readonly neverReadCount: number;
  /** Elements that some read missed although it began after they were known. */
  readonly staleCount: number;
  /** Elements that were read but never added. */
  readonly phantoms: readonly Json[];
  /** Elements that one read returned more than once. */
  readonly duplicated: readonly Json[];
  /**
   * Milliseconds, over stable elements; 0 means no read that began after it was known missed it.
   */
  readonly stableLatencies: Quantiles | undefined;
  readonly stableLatencyMeanMs: number | undefined;
}

interface Timeline {
  readonly element: Json;
  readonly addedAt: number;
  isAcknowledged: boolean;
  knownAt: number;
  /**
   * The latest-beginning reads that saw it and missed it: position in order of invocation, and
   * time.
   */
  presentRank: number;
  absentRank: number;
  absentAt: number;
}

const NEVER = -1;

/** Judges `read` operations (output: an array of elements) against operations named `addName`. */
export function checkSetFull(history: History, addName: string): SetFullVerdict {
  const byInvocation = [...history].sort((a, b) => a.invokedAt - b.invokedAt);
  const timelines = startTimelines(byInvocation, addName);
  const reads = byInvocation
    .filter(({ f, outcome }) => f === "read" && outcome === "ok")
    .map((read, rank) => ({ read, rank }))
    .sort((a, b) => a.read.completedAt! - b.read.completedAt!);
  const faults = { phantoms: new Map<string, Json>(), duplicated: new Map<string, Json>() };
  for (const { read, rank } of reads) observe(timelines, read, rank, faults);
  return summarise([...timelines.values()], faults);
}

function startTimelines(history: History, addName: string): Map<string | number, Timeline> {
  const timelines = new Map<string | number, Timeline>();
  for (const { f, input, invokedAt, outcome, completedAt } of history) {
    if (f !== addName) continue;
    const isAcknowledged = outcome === "ok";
    const knownAt = isAcknowledged ? completedAt! : Number.POSITIVE_INFINITY;
    const earlier = timelines.get(nameOf(input));
    if (earlier === undefined) {
      timelines.set(nameOf(input), {
        element: input,
        addedAt: invokedAt,
        isAcknowledged,
        knownAt,
        presentRank: NEVER,
        absentRank: NEVER,
        absentAt: 0,
      });
    } else {
      earlier.isAcknowledged ||= isAcknowledged;
      earlier.knownAt = Math.min(earlier.knownAt, knownAt);
    }
  }
  return timelines;
}

/** Numbers stand for themselves, because most workloads add numbers and this is the inner loop. */
const nameOf = (element: Json): string | number =>
  typeof element === "number" ? element : canonical(element);

function elementsOf({ output }: Operation): readonly Json[] {
  if (!Array.isArray(output)) throw new Error("the output of a set's read is an array of elements");
  return output as readonly Json[];
}

interface Faults {
  readonly phantoms: Map<string, Json>;
  readonly duplicated: Map<string, Json>;
}

function observe(
  timelines: Map<string | number, Timeline>,
  read: Operation,
  rank: number,
  faults: Faults,
): void {
  const completedAt = read.completedAt!;
  const seen = new Set<string | number>();
  for (const element of elementsOf(read)) {
    const name = nameOf(element);
    if (seen.has(name)) faults.duplicated.set(canonical(element), element);
    seen.add(name);
    const timeline = timelines.get(name);
    if (timeline === undefined || timeline.addedAt > completedAt) {
      faults.phantoms.set(canonical(element), element);
      continue;
    }
    timeline.knownAt = Math.min(timeline.knownAt, completedAt);
    timeline.presentRank = Math.max(timeline.presentRank, rank);
  }
  for (const [name, timeline] of timelines) {
    // In order of invocation: what follows was not even asked for when this read ended.
    if (timeline.addedAt > completedAt) break;
    if (seen.has(name) || rank < timeline.absentRank) continue;
    timeline.absentRank = rank;
    timeline.absentAt = read.invokedAt;
  }
}

function summarise(timelines: readonly Timeline[], faults: Faults): SetFullVerdict {
  const stable = timelines.filter((t) => t.presentRank > t.absentRank);
  const lost = timelines.filter((t) => t.absentRank > t.presentRank && t.absentAt > t.knownAt);
  const latencies = stable.map((t) => {
    return Math.max(0, t.absentAt - t.knownAt) / MICROSECONDS_PER_MS;
  });
  const isBroken = lost.length > 0 || faults.phantoms.size > 0 || faults.duplicated.size > 0;
  return {
    verdict: isBroken ? "invalid" : stable.length === 0 ? "unknown" : "valid",
    attemptCount: timelines.length,
    acknowledgedCount: timelines.filter(({ isAcknowledged }) => isAcknowledged).length,
    stableCount: stable.length,
    lost: lost.map(({ element }) => element),
    neverReadCount: timelines.length - stable.length - lost.length,
    staleCount: latencies.filter((latency) => latency > 0).length,
    phantoms: [...faults.phantoms.values()],
    duplicated: [...faults.duplicated.values()],
    stableLatencies: quantilesOf(latencies),
    stableLatencyMeanMs:
      latencies.length === 0 ? undefined : latencies.reduce((a, b) => a + b) / latencies.length,
  };
}
