// A node's clock: virtual time with an offset, a drift and jumps, as the real host hands it out:
// when the wall clock is set back the node's time goes on from where it was (host/system-clock.ts).

/** 2027-01-15: Unix milliseconds when virtual time is 0. */
export const startUnixMs = 1_800_000_000_000;

export class SimulatedClock {
  /** The node's milliseconds per real millisecond. */
  readonly rate: number;
  #wallOffsetMs: number;
  #nowMs = 0;
  #steadyUs = 0;

  constructor(offsetMs: number, rate: number) {
    this.#wallOffsetMs = offsetMs;
    this.rate = rate;
    this.#nowMs = startUnixMs + offsetMs;
  }

  /** The wall clock is set, forward or back. */
  jump(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  /** Whole Unix milliseconds, as the node is told. */
  now(nowUs: number): number {
    const steadyMs = ((nowUs - this.#steadyUs) / 1000) * this.rate;
    const wallMs = startUnixMs + this.#wallOffsetMs + (nowUs / 1000) * this.rate;
    this.#nowMs = Math.max(this.#nowMs + steadyMs, wallMs);
    this.#steadyUs = nowUs;
    return Math.floor(this.#nowMs);
  }

  /** Milliseconds that the node's clock is ahead of the true time. */
  leadMs(nowUs: number): number {
    return this.now(nowUs) - startUnixMs - nowUs / 1000;
  }
}
