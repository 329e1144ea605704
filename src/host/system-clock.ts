// The system's time for a node: Unix milliseconds that never go back and never stand still. When
// the wall clock is set back the node's time goes on from where it was, at the pace of the steady
// clock, so that no timer waits for the wall clock to catch up; when it is set forward the node
// follows.
//
// Left out: slewing back to a wall clock that was ahead by mistake; a restart does that.

import { performance } from "node:perf_hooks";

export interface ClockSources {
  /** Unix milliseconds, as the system believes. */
  readonly wall: () => number;
  /** Milliseconds since any moment, never going back. */
  readonly steady: () => number;
}

const system: ClockSources = { wall: () => Date.now(), steady: () => performance.now() };

/** How late `exact` may notice that the wall clock was set forward. */
const wallIntervalMs = 10;

export class SystemClock {
  readonly #sources: ClockSources;
  #nowMs: number;
  #steadyMs: number;
  #askedWallMs = Number.NEGATIVE_INFINITY;

  constructor(sources: ClockSources = system) {
    this.#sources = sources;
    this.#nowMs = sources.wall();
    this.#steadyMs = sources.steady();
  }

  /** Whole Unix milliseconds. */
  now(): number {
    this.#askedWallMs = Number.NEGATIVE_INFINITY;
    return Math.floor(this.exact());
  }

  /**
   * Unix milliseconds with the fraction that the steady clock gives. The wall clock is not asked at
   * every call: a turn of the node costs less than that.
   */
  exact(): number {
    const steadyMs = this.#sources.steady();
    this.#nowMs += steadyMs - this.#steadyMs;
    this.#steadyMs = steadyMs;
    if (steadyMs - this.#askedWallMs < wallIntervalMs) return this.#nowMs;
    this.#askedWallMs = steadyMs;
    this.#nowMs = Math.max(this.#nowMs, this.#sources.wall());
    return this.#nowMs;
  }
}
