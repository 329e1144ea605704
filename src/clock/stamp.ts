// Stamps: the name of one batch of writes, the last-writer-wins order and the position in a
// replica's stream, all at once (design.md section 3; hybrid logical clocks: Kulkarni et al. 2014).
//
// A stamp is (time, replica). `time` is one integer below 2^53: 41 bits of milliseconds since
// 2025-01-01 UTC, then 12 bits of counter. `replica` is this node's small index for an
// incarnation's name (replica-table.ts); indices never leave the node, the wire and the disk carry
// names.

import { type ByteReader, MalformedBytes } from "../base/bytes.js";

/** Milliseconds between 1970-01-01 and 2025-01-01, both UTC. */
export const epochMs = 1_735_689_600_000;

const countersPerMs = 4096;

/** A 53-bit hybrid logical time. 0 is before every real stamp. */
export type Time = number;

/** This node's index of a replica name; see `ReplicaTable`. */
export type ReplicaIndex = number;

export interface Stamp {
  readonly time: Time;
  readonly replica: ReplicaIndex;
}

/** The first stamp time of a wall-clock millisecond (Unix milliseconds). */
export const timeOfMs = (unixMs: number): Time =>
  Math.max(0, Math.floor(unixMs) - epochMs) * countersPerMs;

/** The Unix milliseconds in a stamp time. */
export const msOfTime = (time: Time): number => Math.floor(time / countersPerMs) + epochMs;

/** @throws MalformedBytes unless the number is a stamp's time, or 0 for none. */
export function decodeTime(reader: ByteReader): Time {
  const time = reader.f64();
  if (!Number.isSafeInteger(time) || time < 0 || Object.is(time, -0))
    throw new MalformedBytes(`${time} is no stamp time`);
  return time;
}

/**
 * The node's hybrid logical clock. It ticks when a batch opens and never goes back; it is moved
 * forward by every stamp that is joined, so a new stamp exceeds every stamp seen (merge-rules 3).
 */
export class HybridClock {
  #last: Time = 0;

  /** The highest time issued or observed. */
  get last(): Time {
    return this.#last;
  }

  /**
   * A time above everything issued or observed. When the counter of the millisecond is used up the
   * result runs at most one count ahead of the wall clock's millisecond; batches, not commands,
   * take stamps, so 4096 of them in one millisecond do not happen (merge-rules 4).
   */
  next(unixMs: number): Time {
    const wall = timeOfMs(unixMs);
    this.#last = wall > this.#last ? wall : this.#last + 1;
    return this.#last;
  }

  observe(time: Time): void {
    if (time > this.#last) this.#last = time;
  }
}
