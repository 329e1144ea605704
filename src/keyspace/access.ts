// When and how often keys are used, as eviction wants to know it: 24 bits in each record. Either
// the second of the last use (a clock of 194 days), or, under an LFU policy, the minute in which
// the counter was looked at last and the counter: logarithmic, raised by chance, lowered by time.
// Redis 7.0: evict.c.

import { type Arena, type Ref, slabOf, wordOf } from "./arena.js";
import { Listeners } from "./listeners.js";
import { accessOf, setAccess } from "./record.js";

/** What `accessNow` is where nothing is to be marked, and where uses are to be counted. */
const leaveAlone = -1;
const countUses = -2;

/** A new key is worth a few uses, so that it is not the first to go. */
export const frequencyAtBirth = 5;
const frequencyMax = 255;

/** How counters of uses behave; the host's settings. */
export interface FrequencyRules {
  /** In [0, 1). */
  readonly random: () => number;
  /** The higher, the more uses it takes to raise a counter. */
  readonly logFactor: () => number;
  /** Minutes without use that lower a counter by one; 0 lowers none. */
  readonly decayMinutes: () => number;
}

export abstract class AccessMarks extends Listeners {
  abstract readonly arena: Arena;
  /** Seconds, 24 bits. */
  accessClock = 0;
  /** What a use leaves in a record: the access clock, or a negative word (see above). */
  accessNow = 0;
  /** What a new record gets. */
  protected accessBirth = 0;
  /** Set under an LFU policy. */
  #frequency: FrequencyRules | undefined;
  #minute = 0;

  protected beginAccess(nowMs: number): void {
    this.accessClock = Math.floor(nowMs / 1000) & 0xff_ffff;
    this.#minute = Math.floor(nowMs / 60_000) & 0xffff;
    this.markAccess(true);
  }

  /** Whether uses from now on leave marks: false for a session with CLIENT NO-TOUCH. */
  markAccess(isMarked: boolean): void {
    const isCounted = this.#frequency !== undefined;
    this.accessBirth = isCounted ? (this.#minute << 8) | frequencyAtBirth : this.accessClock;
    if (!isMarked) this.accessNow = leaveAlone;
    else this.accessNow = isCounted ? countUses : this.accessClock;
  }

  get frequency(): FrequencyRules | undefined {
    return this.#frequency;
  }

  /** Marks of the other kind stay until a key is used again, as in Redis. */
  countFrequency(rules: FrequencyRules | undefined): void {
    this.#frequency = rules;
    this.markAccess(true);
  }

  touch(ref: Ref): void {
    const { accessNow } = this;
    if (accessNow < 0) {
      if (accessNow === countUses) this.#count(ref);
      return;
    }
    const words = this.arena.words[slabOf(ref)]!;
    const at = wordOf(ref) + 3;
    if (words[at]! >>> 8 !== accessNow) words[at] = (accessNow << 8) | (words[at]! & 0xff);
  }

  /** The higher a counter stands, the less likely a use raises it. */
  #count(ref: Ref): void {
    const { random, logFactor } = this.#frequency!;
    let uses = this.frequencyOf(ref);
    if (uses < frequencyMax) {
      const above = Math.max(0, uses - frequencyAtBirth);
      if (random() < 1 / (above * logFactor() + 1)) uses++;
    }
    this.setFrequency(ref, uses);
  }

  /** The counter of a record, lowered by the time that it was not used. */
  frequencyOf(ref: Ref): number {
    const access = accessOf(this.arena, ref);
    const decayMinutes = this.#frequency?.decayMinutes() ?? 0;
    if (decayMinutes === 0) return access & 0xff;
    const minutes = (this.#minute - (access >>> 8)) & 0xffff;
    return Math.max(0, (access & 0xff) - Math.floor(minutes / decayMinutes));
  }

  setFrequency(ref: Ref, uses: number): void {
    setAccess(this.arena, ref, (this.#minute << 8) | uses);
  }

  /** Seconds since the last use. */
  idleSecondsOf(ref: Ref): number {
    return (this.accessClock - accessOf(this.arena, ref)) & 0xff_ffff;
  }

  /** Makes the last use lie so many seconds back; what the clock cannot hold is long ago. */
  setIdleSeconds(ref: Ref, seconds: number): void {
    const at = this.accessClock - seconds;
    setAccess(this.arena, ref, at >= 0 ? at : (this.accessClock + 0x80_0000) & 0xff_ffff);
  }
}
