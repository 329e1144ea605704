// The figures that INFO shows and CONFIG RESETSTAT clears, with the rates that Redis samples ten
// times a second. The node counts into the plain fields; this file only keeps, samples and clears
// them.

import type { Statistics } from "./environment.js";

/** Rates are the mean of this many samples. */
const sampleCount = 16;

/** One rate: the total at each sampling, turned into units per second. */
class Rate {
  #last = 0;
  #next = 0;
  readonly #samples = new Float64Array(sampleCount);

  take(total: number, elapsedMs: number): void {
    this.#samples[this.#next] = elapsedMs > 0 ? ((total - this.#last) * 1000) / elapsedMs : 0;
    this.#next = (this.#next + 1) % sampleCount;
    this.#last = total;
  }

  get perSecond(): number {
    return this.#samples.reduce((sum, sample) => sum + sample, 0) / sampleCount;
  }

  reset(): void {
    this.#last = 0;
    this.#samples.fill(0);
  }
}

export class ServerStatistics implements Statistics {
  connectionsReceived = 0;
  commandsProcessed = 0;
  inputBytes = 0;
  outputBytes = 0;
  rejectedConnections = 0;
  errorReplies = 0;
  readonly errorsByPrefix = new Map<string, number>();
  evictedKeys = 0;
  blockedClients = 0;
  evictedClients = 0;
  readsProcessed = 0;
  writesProcessed = 0;
  unexpectedErrorReplies = 0;
  lazyFreedObjects = 0;
  memoryPeakBytes = 0;
  readonly #operations = new Rate();
  readonly #input = new Rate();
  readonly #output = new Rate();
  #sampledMs = 0;

  /** Call it about every 100 ms; the rates are worked out from the counters. */
  sample(nowMs: number): void {
    const elapsed = this.#sampledMs === 0 ? 0 : nowMs - this.#sampledMs;
    this.#sampledMs = nowMs;
    this.#operations.take(this.commandsProcessed, elapsed);
    this.#input.take(this.inputBytes, elapsed);
    this.#output.take(this.outputBytes, elapsed);
  }

  /** An error reply was written; `prefix` is its first word. */
  countError(prefix: string): void {
    this.errorReplies++;
    this.errorsByPrefix.set(prefix, (this.errorsByPrefix.get(prefix) ?? 0) + 1);
  }

  get operationsPerSecond(): number {
    return Math.floor(this.#operations.perSecond);
  }

  get inputBytesPerSecond(): number {
    return this.#input.perSecond;
  }

  get outputBytesPerSecond(): number {
    return this.#output.perSecond;
  }

  /** CONFIG RESETSTAT: counters only; what is true of this moment (blocked clients) stays. */
  reset(): void {
    this.connectionsReceived = 0;
    this.commandsProcessed = 0;
    this.inputBytes = 0;
    this.outputBytes = 0;
    this.rejectedConnections = 0;
    this.errorReplies = 0;
    this.errorsByPrefix.clear();
    this.evictedKeys = 0;
    this.evictedClients = 0;
    this.readsProcessed = 0;
    this.writesProcessed = 0;
    this.unexpectedErrorReplies = 0;
    this.lazyFreedObjects = 0;
    this.#operations.reset();
    this.#input.reset();
    this.#output.reset();
  }
}
