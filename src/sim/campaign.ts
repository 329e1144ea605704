// Many runs as one experiment: what happened in all of them, and whether that was enough to trust
// the silence of the judges.

import { type FaultKind, faultKinds } from "./fault-profile.js";
import type { RunResult } from "./simulate.js";
import { type SometimesName, sometimes, sometimesNames } from "./sometimes.js";
import { Tally } from "./tally.js";

/**
 * From this many seeds on every `sometimes` property and every fault kind must have been met. Fewer
 * seeds may miss a rare one by chance.
 */
export const provenSeedCount = 150;

export class Campaign {
  seedCount = 0;
  failedCount = 0;
  simulatedMs = 0;
  /** Simulated time times nodes. */
  nodeMs = 0;
  requestCount = 0;
  frameCount = 0;
  undecidedCount = 0;
  slowestConvergenceMs = 0;
  readonly faultCounts = new Tally<FaultKind>();
  /** In how many runs each situation was met. */
  readonly met = new Tally<SometimesName>();
  #safetyMs = 0;
  #safetyRealMs = 0;
  /** As `nodeMs`, of the safety phases alone. */
  #loadedNodeMs = 0;

  add(result: RunResult): void {
    this.seedCount++;
    if (result.violations.length > 0) this.failedCount++;
    this.simulatedMs += result.simulatedMs;
    this.nodeMs += result.simulatedMs * result.profile.nodeCount;
    this.#safetyMs += result.safetyMs;
    this.#safetyRealMs += result.safetyRealMs;
    this.#loadedNodeMs += result.safetyMs * result.profile.nodeCount;
    this.requestCount += result.requestCount;
    this.frameCount += result.frameCount;
    this.undecidedCount += result.undecidedCount;
    this.slowestConvergenceMs = Math.max(this.slowestConvergenceMs, result.convergedMs);
    this.faultCounts.addAll(result.faultCounts);
    for (const [name] of result.sometimes.entries()) this.met.add(name);
  }

  /** Situations that no run has met. */
  get neverMet(): SometimesName[] {
    return sometimesNames.filter((name) => this.met.count(name) === 0);
  }

  /** Kinds of faults that never happened, of those that were not suppressed. */
  neverHappened(suppressed: readonly FaultKind[] = []): FaultKind[] {
    return faultKinds.filter(
      (kind) => this.faultCounts.count(kind) === 0 && !suppressed.includes(kind),
    );
  }

  /** @param seconds of one core that the runs took. */
  report(seconds: number): string[] {
    const perHour = 3_600_000 / Math.max(1, this.#safetyMs);
    const rate = (count: number): string => String(Math.round(count * perHour));
    const simulated = this.simulatedMs / 1000;
    const load = this.requestCount / Math.max(1, this.#safetyMs / 1000);
    return [
      "faults per simulated hour of the safety phase:",
      ...this.faultCounts.entries().map(([kind, count]) => `  ${kind.padEnd(24)}${rate(count)}`),
      "situations, and in how many runs each was met:",
      ...sometimesNames.map((name) => {
        const count = String(this.met.count(name)).padStart(6);
        return `  ${name.padEnd(28)}${count}  ${sometimes[name]}`;
      }),
      `${this.requestCount} requests, ${this.frameCount} frames, ` +
        `${load.toFixed(0)} requests per simulated second of the safety phase, ` +
        `slowest convergence ${this.slowestConvergenceMs} ms, ` +
        `${this.undecidedCount} histories of keys too hard to judge`,
      `${simulated.toFixed(0)} simulated seconds, ${(simulated / seconds).toFixed(1)} per second ` +
        `of one core (${(this.nodeMs / 1000 / seconds).toFixed(0)} node-seconds; in the safety ` +
        `phase ${(this.#loadedNodeMs / Math.max(1, this.#safetyRealMs)).toFixed(0)}), ` +
        `${((this.seedCount / seconds) * 3600).toFixed(0)} seeds per core-hour`,
    ];
  }
}
