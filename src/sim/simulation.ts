// One run's world: virtual time, the network, the hosts with their clocks, what is counted and what
// is told. The seed decides everything in it.

import { armBuggify } from "../base/buggify.js";
import { Prng } from "../base/prng.js";
import { seedHash } from "../keyspace/hash.js";
import type { StoreFault } from "../storage/faulty-store.js";
import { EventQueue } from "./event-queue.js";
import { type FaultKind, type FaultProfile, faultKinds, faults } from "./fault-profile.js";
import { Network } from "./network.js";
import { SimulatedClock } from "./simulated-clock.js";
import { SimulatedHost } from "./simulated-host.js";
import type { Life } from "./simulated-life.js";
import type { SometimesName } from "./sometimes.js";
import { Tally } from "./tally.js";
import type { Trace, Watcher } from "./trace.js";

/** Clocks differ by so much at the start. */
const clockOffsetMsMax = 3000;
/** A clock that drifts gains or loses this part of the time: far more than quartz does. */
const driftMax = 0.02;
/** Further violations of a run are not kept: the first one tells the story. */
const violationCountMax = 10;
/** Nodes that may come to a cluster whose nodes come and go. */
const spareCount = 2;

export class Simulation {
  readonly profile: FaultProfile;
  readonly queue = new EventQueue();
  /** Of all nodes that there may be. */
  readonly names: readonly string[];
  /** Those that are there from the start. */
  readonly founders: readonly string[];
  readonly network: Network;
  readonly hosts: SimulatedHost[] = [];
  /** Faults that really happened. */
  readonly faultCounts = new Tally<FaultKind>();
  readonly storeFaultCounts = new Tally<StoreFault>();
  readonly sometimes = new Tally<SometimesName>();
  readonly violations: string[] = [];
  /** Virtual time of the first violation, in milliseconds. */
  violatedMs = Number.POSITIVE_INFINITY;
  /** Linearizable keys whose history was too hard to judge. */
  undecidedCount = 0;
  /** Told of each process that came back with its log, before it does anything. */
  onRecovered: ((host: SimulatedHost, life: Life, isSalvaged: boolean) => void) | undefined;
  /** Told of each node that is about to come with another disk than it had, or with none. */
  onBlank: ((host: SimulatedHost) => void) | undefined;
  /** Source of every other generator of the run. */
  readonly prng: Prng;
  readonly #trace: Trace | undefined;
  /** One per kind, so that suppressing one leaves the draws of the others alone. */
  readonly #faultPrngs: Readonly<Record<FaultKind, Prng>>;
  #isHealed = false;

  constructor(profile: FaultProfile, trace?: Trace) {
    this.profile = profile;
    this.#trace = trace;
    this.prng = new Prng(profile.seed).fork();
    // The key of the index is the process's, so each run sets it.
    seedHash(this.prng.u32(), this.prng.u32());
    const source = this.prng.fork();
    const prngs = faultKinds.map((kind) => [kind, source.fork()]);
    this.#faultPrngs = Object.fromEntries(prngs) as Record<FaultKind, Prng>;
    armBuggify((point) => this.happens(point, -1));
    const nameCount = profile.nodeCount + (profile.isClustered ? spareCount : 0);
    this.names = Array.from({ length: nameCount }, (_, index) => `n${index + 1}`);
    this.founders = this.names.slice(0, profile.nodeCount);
    this.network = new Network(this, this.prng.fork());
    for (const index of this.names.keys())
      this.hosts.push(new SimulatedHost(this, index, this.#drawClock(index), this.prng.fork()));
    trace?.watcher?.watch?.(this);
  }

  /** The nodes that belong to the cluster, running or not. */
  get members(): SimulatedHost[] {
    return this.hosts.filter(({ isMember }) => isMember);
  }

  get watcher(): Watcher | undefined {
    return this.#trace?.watcher;
  }

  get isTraced(): boolean {
    return this.#trace !== undefined;
  }

  get isHealed(): boolean {
    return this.#isHealed;
  }

  nameOf(index: number): string {
    return this.names[index]!;
  }

  /** @param index the node it concerns; negative: the whole cluster. */
  trace(index: number, text: string): void {
    this.#trace?.event(this.queue.nowUs, this.names[index] ?? "-", text);
  }

  violate(text: string): void {
    this.trace(-1, `VIOLATION ${text}`);
    this.violatedMs = Math.min(this.violatedMs, this.queue.nowUs / 1000);
    if (this.violations.length < violationCountMax) this.violations.push(text);
  }

  /** Runs events; whatever the production code throws is a violation and ends the run. */
  runUntil(untilUs: number): void {
    try {
      this.queue.runUntil(untilUs);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.violate(`${error.name}: ${error.message} ${placeOf(error)}`);
      throw new RunEnded();
    }
  }

  runFor(us: number): void {
    this.runUntil(this.queue.nowUs + us);
  }

  /** Source of what a kind of fault draws. */
  faultPrng(kind: FaultKind): Prng {
    return this.#faultPrngs[kind];
  }

  /** Whether faults may happen at this time. */
  get mayFail(): boolean {
    const [fromMs, untilMs] = this.profile.faultsMs;
    const nowMs = this.queue.nowUs / 1000;
    return !this.#isHealed && nowMs >= fromMs && nowMs < untilMs;
  }

  /**
   * Whether a fault with a chance happens now; counts it. @param frame its number, if it concerns
   * one.
   */
  happens(kind: FaultKind, index: number, frame?: number): boolean {
    const rate = this.profile.rates[kind];
    if (rate === 0 || !this.#faultPrngs[kind].chance(rate) || !this.mayFail) return false;
    this.noteFault(kind, index, frame === undefined ? "" : `#${frame}`);
    return true;
  }

  noteFault(kind: FaultKind, index: number, detail = ""): void {
    this.faultCounts.add(kind);
    if (this.isTraced) this.trace(index, `fault ${kind} ${detail}`);
  }

  noteStoreFault(fault: StoreFault, index: number): void {
    this.storeFaultCounts.add(fault);
    if (this.isTraced) this.trace(index, `fault store ${fault}`);
  }

  /** From now on nothing goes wrong any more. What is cut, paused or down is the nemesis's. */
  heal(): void {
    this.#isHealed = true;
    this.trace(-1, "heal");
  }

  /** The run is over: the production code is as it was. */
  end(): void {
    armBuggify(undefined);
  }

  #drawClock(index: number): SimulatedClock {
    const prng = this.#faultPrngs.clock_offset;
    const draw = (kind: FaultKind): boolean => {
      const isDrawn = this.#faultPrngs[kind].chance(this.profile.rates[kind]);
      if (isDrawn) this.noteFault(kind, index);
      return isDrawn;
    };
    const drift = prng.float() * driftMax;
    const offsetMs = prng.between(-clockOffsetMsMax, clockOffsetMsMax);
    const isFast = draw("timer_drift_fast");
    const isSlow = draw("timer_drift_slow");
    const rate = isFast ? 1 + drift : isSlow ? 1 - drift : 1;
    return new SimulatedClock(draw("clock_offset") ? offsetMs : 0, rate);
  }
}

/** The innermost place of a stack, without the folders of this machine. */
const placeOf = ({ stack = "" }: Error): string =>
  /\n\s+at .*?([\w-]+\.[jt]s:\d+)/.exec(stack)?.[1] ?? "";

/** The run cannot go on; its violations say why. */
export class RunEnded extends Error {
  override readonly name = "RunEnded";
}

/** Mean microseconds between two faults of a kind that counts per minute; Infinity: never. */
export function meanGapUs(profile: FaultProfile, kind: FaultKind): number {
  const rate = faults[kind].per === "minute" ? profile.rates[kind] : 0;
  return rate === 0 ? Number.POSITIVE_INFINITY : 60e6 / rate;
}

/** Exponentially distributed, so that what just happened says nothing about what comes next. */
export const drawGap = (prng: Prng, mean: number): number => -Math.log(1 - prng.float()) * mean;
