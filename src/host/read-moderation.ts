// Fewer, fuller turns of the event loop while many clients send one request after another, as
// network cards moderate their interrupts. A loop that is faster than its clients together finds
// one or two reads each time it asks the system, and asking costs about as much each time.
// While enough clients keep it busy the loop rests for the shortest sleep there is after a turn
// that brought little, and finds several at once then.
//
// Nobody waits longer for it than clients wait for one another: it takes `clientsMin` clients, who
// together could send more in the time of a sleep than the loop can work on, and a rate at which a
// sleep brings several reads. A single fast client, or a hundred slow ones, never meet it. Where
// sleeps turn out long (a system without fine timers, a crowded machine) there are none for a
// while.

import { performance } from "node:perf_hooks";

/** A longer read holds several requests: who sends them so is served at once. */
const shortBytes = 512;
/** Reads after which clients and time are counted anew. */
const windowReads = 256;
/** So long may as many reads take: about 40 per millisecond, two per sleep, at the least. */
const windowMsMax = 6;
const clientsMin = 32;
/** A turn of more reads is full enough. */
const fullReads = 16;
/** The least that can be asked for. Linux adds its timer slack, 50 microseconds unless told. */
const sleepMs = 0.001;
/** Sleeps that take longer on average, one in `averageOf` counting anew, end for `pauseMs`. */
const sleepMsMax = 0.25;
const averageOf = 16;
const pauseMs = 1000;
/** One sleep counts for at most this: the system may have had something else to do. */
const outlierMs = 1;

export interface SleepSources {
  /** Milliseconds since any moment, never going back. */
  readonly steady: () => number;
  readonly sleep: (ms: number) => void;
}

const cell = new Int32Array(new SharedArrayBuffer(4));

const system: SleepSources = {
  steady: () => performance.now(),
  sleep: (ms) => void Atomics.wait(cell, 0, 0, ms),
};

/** Who reads: the window in which it was last counted. */
export interface Reader {
  readWindow: number;
}

export class ReadModeration {
  readonly #sources: SleepSources;
  /** Windows have numbers from 1 on, so that a new reader was in none. */
  #window = 1;
  #reads = 0;
  #readers = 0;
  #begunMs = 0;
  #averageMs = 0;
  #pausedUntilMs = 0;
  /** Many clients keep the loop busy, by the last whole window. */
  isBusy = false;

  constructor(sources: SleepSources = system) {
    this.#sources = sources;
  }

  /** So many bytes were read. @param nowMs of the node's clock */
  note(reader: Reader, bytes: number, nowMs: number): void {
    if (bytes > shortBytes) return;
    if (reader.readWindow !== this.#window) {
      reader.readWindow = this.#window;
      this.#readers++;
    }
    if (++this.#reads === windowReads) this.#endWindow(nowMs);
  }

  #endWindow(nowMs: number): void {
    this.isBusy = this.#readers >= clientsMin && nowMs - this.#begunMs <= windowMsMax;
    this.#window++;
    this.#reads = 0;
    this.#readers = 0;
    this.#begunMs = nowMs;
  }

  /** After a turn that brought `count` reads: sleeps where that is worth it. */
  rest(count: number, nowMs: number): void {
    if (!this.isBusy || count >= fullReads) return;
    if (nowMs - this.#begunMs > windowMsMax) {
      // Less has come than a window holds: whoever sends now is not one of many.
      this.isBusy = false;
      return;
    }
    const { steady, sleep } = this.#sources;
    const begunMs = steady();
    if (begunMs < this.#pausedUntilMs) return;
    sleep(sleepMs);
    const endedMs = steady();
    const tookMs = Math.min(endedMs - begunMs, outlierMs);
    this.#averageMs += (tookMs - this.#averageMs) / averageOf;
    if (this.#averageMs <= sleepMsMax) return;
    this.#averageMs = 0;
    this.#pausedUntilMs = endedMs + pauseMs;
  }
}
