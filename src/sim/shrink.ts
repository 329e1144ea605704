// Makes a failing run small: fewer kinds of faults, a shorter time for them, fewer operations,
// nodes and clients, while it still fails in the same way. Delta debugging (Zeller and Hildebrandt
// 2002) over the options of a run, which then replay as flags of one line.
//
// Each kind of fault draws from a generator of its own, so taking one away leaves the others as
// they were until the cluster itself behaves differently.
//
// Left out: single messages. What is left is small enough to read in its trace.

import { type DrawOptions, type FaultKind, faultKinds } from "./fault-profile.js";
import type { RunResult } from "./simulate.js";

export interface Shrunk {
  readonly options: DrawOptions;
  readonly result: RunResult;
  /** Runs that it took. */
  readonly runCount: number;
}

/** Beyond this the smallest run found so far is told. */
const runCountMaxDefault = 120;
/** Halving stops at this precision. */
const timeStepMs = 100;
const requestStep = 4;

/**
 * What sort of failure a violation is: its words without names, numbers and values. A run that
 * fails differently is another story.
 */
export const sortOf = (violation = ""): string =>
  violation
    .replace(/\{[^}]*\}|\[[^\]]*\]|\S*\d\S*/g, "#")
    .split(" ")
    .slice(0, 6)
    .join(" ");

/** @param run the simulation, from which anything else than the options is fixed. */
export function shrink(
  failed: RunResult,
  options: DrawOptions,
  run: (options: DrawOptions) => RunResult,
  runCountMax = runCountMaxDefault,
): Shrunk {
  return new Shrinker(failed, options, run, runCountMax).shrink();
}

class Shrinker {
  #options: DrawOptions;
  #result: RunResult;
  #runCount = 0;
  readonly #sort: string;
  readonly #run: (options: DrawOptions) => RunResult;
  readonly #runCountMax: number;

  constructor(
    failed: RunResult,
    options: DrawOptions,
    run: (options: DrawOptions) => RunResult,
    runCountMax: number,
  ) {
    this.#result = failed;
    this.#options = options;
    this.#sort = sortOf(failed.violations[0]);
    this.#run = run;
    this.#runCountMax = runCountMax;
  }

  shrink(): Shrunk {
    for (let before = -1; before !== this.#size && this.#mayRun; ) {
      before = this.#size;
      this.#shrinkTime();
      this.#shrinkKinds();
      this.#shrinkNodes();
      this.#shrinkWindow();
      this.#shrinkRequests();
    }
    return { options: this.#options, result: this.#result, runCount: this.#runCount };
  }

  get #mayRun(): boolean {
    return this.#runCount < this.#runCountMax;
  }

  /** Falls with each step that succeeds. */
  get #size(): number {
    const { profile, requestCount } = this.#result;
    const { nodeCount, clientsPerNode, safetyMs, faultsMs } = profile;
    const faultMs = Math.min(faultsMs[1], safetyMs) - Math.min(faultsMs[0], safetyMs);
    return nodeCount + clientsPerNode + safetyMs + faultMs + requestCount + this.#kinds.length;
  }

  /** Kinds that happened in the smallest run so far. */
  get #kinds(): FaultKind[] {
    return this.#result.faultCounts.entries().map(([kind]) => kind);
  }

  /** Whether the run still fails in the same way under these options; then they are kept. */
  #try(change: DrawOptions): boolean {
    if (!this.#mayRun) return false;
    const options = { ...this.#options, ...change };
    this.#runCount++;
    const result = this.#run(options);
    if (!result.violations.some((violation) => sortOf(violation) === this.#sort)) return false;
    this.#options = options;
    this.#result = result;
    return true;
  }

  /** Up to the first violation and a little more, then halves. */
  #shrinkTime(): void {
    const { violatedMs, profile } = this.#result;
    if (violatedMs < profile.safetyMs)
      this.#try({ safetyMs: Math.ceil(violatedMs / timeStepMs) * timeStepMs });
    this.#descend(
      () => this.#result.profile.safetyMs,
      timeStepMs,
      (safetyMs) => ({ safetyMs }),
    );
  }

  /** All kinds at once, then halves of them, then each. */
  #shrinkKinds(): void {
    const suppress = (kinds: readonly FaultKind[]): boolean =>
      this.#try({ suppressed: [...new Set([...(this.#options.suppressed ?? []), ...kinds])] });
    // What never happened is taken away first, in one go: it can hardly matter.
    const happened = new Set(this.#kinds);
    suppress(faultKinds.filter((kind) => !happened.has(kind)));
    for (let size = this.#kinds.length; size >= 1; size = Math.floor(size / 2)) {
      for (let at = 0; at < this.#kinds.length && this.#mayRun; ) {
        const part = this.#kinds.slice(at, at + size);
        if (!suppress(part)) at += size;
      }
    }
  }

  #shrinkNodes(): void {
    while (this.#result.profile.nodeCount > 2)
      if (!this.#try({ nodeCount: this.#result.profile.nodeCount - 1 })) break;
    while (this.#result.profile.clientsPerNode > 1)
      if (!this.#try({ clientsPerNode: this.#result.profile.clientsPerNode - 1 })) break;
  }

  /** The part of the time in which faults happen, from both ends. */
  #shrinkWindow(): void {
    const { safetyMs, faultsMs } = this.#result.profile;
    const until = Math.min(faultsMs[1], safetyMs);
    this.#descend(
      () => Math.min(this.#result.profile.faultsMs[1], until),
      timeStepMs,
      (faultsUntilMs) => ({ faultsUntilMs }),
    );
    const end = Math.min(this.#result.profile.faultsMs[1], until);
    this.#descend(
      () => end - this.#result.profile.faultsMs[0],
      timeStepMs,
      (length) => ({ faultsFromMs: end - length }),
    );
  }

  #shrinkRequests(): void {
    this.#descend(
      () => Math.min(this.#result.profile.requestCountMax, this.#result.requestCount),
      requestStep,
      (requestCountMax) => ({ requestCountMax }),
    );
  }

  /** Lowers a number: by half while that fails, then by a quarter, and so on. */
  #descend(current: () => number, step: number, change: (value: number) => DrawOptions): void {
    for (let part = 2; current() / part >= step && this.#mayRun; ) {
      const value = Math.floor((current() * (part - 1)) / part / step) * step;
      if (value >= current() || !this.#try(change(value))) part *= 2;
    }
  }
}
