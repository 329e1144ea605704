// One run from a seed. Two phases: in the first anything may fail; then everything is healed, and
// the cluster must finish what it is asked, converge, and come to rest.

import type { Prng } from "../base/prng.js";
import type { StoreFault } from "../storage/faulty-store.js";
import { CausalSessions } from "./causal-sessions.js";
import { Client, type ClientWorld } from "./client.js";
import {
  type DrawOptions,
  drawProfile,
  type FaultKind,
  type FaultProfile,
} from "./fault-profile.js";
import { History } from "./history.js";
import { describeDivergence, isConverged, judgeEnd, judgeNode } from "./judges.js";
import { Nemesis } from "./nemesis.js";
import { OperationLog } from "./operation-log.js";
import type { SimulatedHost } from "./simulated-host.js";
import { drawGap, RunEnded, Simulation } from "./simulation.js";
import type { SometimesName } from "./sometimes.js";
import { noteNode } from "./sometimes.js";
import type { Tally } from "./tally.js";
import type { Trace } from "./trace.js";
import { type Request, Workload } from "./workload.js";

const ms = 1000;
/** Mean time between two looks at a node. */
const judgeGapUs = 900 * ms;
const judgedKeyCount = 4;
/** After healing: how long clients may go on, and how long until each key answers at each node. */
const lastClientsUs = 1500 * ms;
const livenessUs = 15_000 * ms;
/** Convergence after healing and after the last write, beyond what clocks make others wait. */
const convergenceUs = 15_000 * ms;
const pollUs = 250 * ms;
/**
 * Then nothing happens any more; logs forget what everybody has, once each peer has told so in its
 * round of exchanges (replication/timing.ts): it may be the first in one round and the last in the
 * next, and a gap between two exchanges a quarter longer than usual.
 */
const quietUsMin = 16_000 * ms;
const exchangeUsMax = 1_250 * ms;
const forgettingUs = 3_000 * ms;

function quietUs(hostCount: number): number {
  const betweenTwo = 2 * (hostCount - 1) - 1;
  return Math.max(quietUsMin, betweenTwo * exchangeUsMax + forgettingUs);
}

/**
 * What a crash left without its predecessor is dropped after so long (replication/timing.ts).
 */
const orphanUs = 62_000 * ms;
/** Skew that replicas accept (keyspace/shards.ts). */
const skewMsMax = 60_000;

export interface RunResult {
  readonly profile: FaultProfile;
  readonly violations: readonly string[];
  /** Virtual time of the first one; Infinity without any. */
  readonly violatedMs: number;
  /** Linearizable keys whose history was too hard to judge. */
  readonly undecidedCount: number;
  readonly faultCounts: Tally<FaultKind>;
  readonly storeFaultCounts: Tally<StoreFault>;
  readonly sometimes: Tally<SometimesName>;
  readonly simulatedMs: number;
  /** Part of `simulatedMs` in which faults happened. */
  readonly safetyMs: number;
  /** Real time that the safety phase took, by the clock of the caller; 0 without one. */
  readonly safetyRealMs: number;
  readonly requestCount: number;
  readonly repliedCount: number;
  readonly frameCount: number;
  /** How long after healing and the last write all agreed. */
  readonly convergedMs: number;
}

export interface RunOptions {
  readonly trace?: Trace;
  /** Real milliseconds, for the figures of a campaign alone. */
  readonly realMs?: () => number;
}

export interface SimulateOptions extends DrawOptions, RunOptions {}

export function simulate(seed: number, options: SimulateOptions = {}): RunResult {
  return simulateProfile(drawProfile(seed, options), options);
}

/** A run whose profile was drawn before, or written down by hand. */
export function simulateProfile(profile: FaultProfile, options: RunOptions = {}): RunResult {
  return new Run(profile, options).run();
}

class Run {
  readonly #profile: FaultProfile;
  readonly #simulation: Simulation;
  readonly #nemesis: Nemesis;
  readonly #log = new OperationLog();
  readonly #history: History;
  readonly #workload: Workload;
  readonly #prng: Prng;
  #clientsEndUs = Number.POSITIVE_INFINITY;
  #convergedMs = -1;
  readonly #realMs: () => number;
  #safetyRealMs = 0;

  constructor(profile: FaultProfile, { trace, realMs = () => 0 }: RunOptions) {
    this.#profile = profile;
    this.#realMs = realMs;
    this.#simulation = new Simulation(profile, trace);
    this.#prng = this.#simulation.prng.fork();
    this.#nemesis = new Nemesis(this.#simulation, this.#simulation.prng.fork());
    this.#history = new History(this.#simulation);
    this.#workload = new Workload(profile);
    this.#simulation.onRecovered = (host, { node }, isSalvaged) => {
      const lost = this.#log.forgetLost(node, host.name);
      if (profile.logPolicy === "always" && !isSalvaged && lost.length > 0)
        this.#simulation.violate(`${host.name}: a crash took what clients were told: ${lost}`);
    };
    this.#simulation.onBlank = ({ name }) => this.#log.forgive(name);
  }

  run(): RunResult {
    const startMs = this.#realMs();
    try {
      this.#safety();
      this.#safetyRealMs = this.#realMs() - startMs;
      this.#liveness();
    } catch (error) {
      if (!(error instanceof RunEnded)) throw error;
    } finally {
      this.#simulation.end();
    }
    const simulation = this.#simulation;
    for (const { life } of simulation.hosts)
      if (life !== undefined) noteNode(life.node, simulation.sometimes);
    return {
      profile: this.#profile,
      violations: simulation.violations,
      violatedMs: simulation.violatedMs,
      undecidedCount: simulation.undecidedCount,
      faultCounts: simulation.faultCounts,
      storeFaultCounts: simulation.storeFaultCounts,
      sometimes: simulation.sometimes,
      simulatedMs: simulation.queue.nowUs / ms,
      safetyMs: this.#profile.safetyMs,
      safetyRealMs: this.#safetyRealMs,
      requestCount: this.#history.requestCount,
      repliedCount: this.#history.repliedCount,
      frameCount: simulation.network.sentCount,
      convergedMs: this.#convergedMs,
    };
  }

  #safety(): void {
    const simulation = this.#simulation;
    const { clientsPerNode, thinkMs, safetyMs } = this.#profile;
    const world: ClientWorld = {
      simulation,
      log: this.#log,
      history: this.#history,
      next: (client) =>
        simulation.queue.nowUs < this.#clientsEndUs &&
        this.#history.requestCount < this.#profile.requestCountMax
          ? this.#workload.draw(client.prng)
          : undefined,
    };
    for (const host of simulation.members) {
      for (let count = clientsPerNode; count > 0; count--)
        new Client(world, host, this.#prng.fork(), { thinkMs, mayMove: true });
    }
    for (const host of simulation.hosts) this.#judgeLater(host);
    const { next: _next, ...shared } = world;
    const mayAsk = (): boolean => simulation.queue.nowUs < this.#clientsEndUs;
    new CausalSessions(simulation, shared, mayAsk, simulation.members, thinkMs * 2);
    simulation.runUntil(safetyMs * ms);
  }

  #judgeLater(host: SimulatedHost): void {
    const simulation = this.#simulation;
    simulation.queue.after(drawGap(this.#prng, judgeGapUs), () => {
      const keys = this.#log.keys;
      const some = Array.from({ length: Math.min(judgedKeyCount, keys.length) }, () =>
        this.#prng.pick(keys),
      );
      host.inspect((life) => judgeNode(simulation, this.#log, host, life, some));
      if (!simulation.isHealed) this.#judgeLater(host);
    });
  }

  #liveness(): void {
    const simulation = this.#simulation;
    simulation.heal();
    this.#nemesis.heal();
    this.#clientsEndUs = simulation.queue.nowUs + lastClientsUs;
    simulation.runFor(lastClientsUs);
    this.#demandAnswers();
    this.#demandConvergence();
    if (simulation.violations.length === 0) {
      this.#rest();
      if (!isConverged(simulation))
        simulation.violate(`agreed and then not: ${describeDivergence(simulation)}`);
    }
    if (simulation.violations.length === 0) this.#judgeEnd();
    if (this.#profile.hasStore && simulation.violations.length === 0) this.#demandStored();
  }

  /** Each node's store has all that is durable, and another machine can come back from it. */
  #demandStored(): void {
    const simulation = this.#simulation;
    const missing = new Map(simulation.hosts.map((host) => [host, "no answer"]));
    for (const host of simulation.hosts)
      host.inspect(({ node }) =>
        host.store!.whenStored(node, (error) => {
          if (error === undefined) missing.delete(host);
          else missing.set(host, error);
        }),
      );
    const untilUs = simulation.queue.nowUs + livenessUs;
    while (missing.size > 0 && simulation.queue.nowUs < untilUs) simulation.runFor(pollUs);
    for (const [host, why] of missing) simulation.violate(`${host.name} is not stored: ${why}`);
    if (missing.size > 0) return;
    for (const { name, store } of simulation.hosts) {
      const flaw = store!.restoreElsewhere();
      if (flaw !== undefined) simulation.violate(`${name} does not come back: ${flaw}`);
    }
  }

  /** What bears a stamp of the future is kept until everybody's clock is there. */
  #rest(): void {
    const simulation = this.#simulation;
    simulation.runFor(quietUs(simulation.hosts.length) + this.#skewMs() * ms);
    if (!this.#isAnyWaiting) return;
    simulation.sometimes.add("orphan_dropped");
    simulation.runFor(orphanUs);
  }

  /** Whether a node waits for the rest of what was written together. */
  get #isAnyWaiting(): boolean {
    return this.#simulation.hosts.some(
      ({ life }) => life !== undefined && life.node.replicator!.status().waitingCount > 0,
    );
  }

  /** How long what bears a stamp of the far future is held. */
  #heldUs(): number {
    return Math.max(0, this.#skewMs() - skewMsMax) * ms * 1.1;
  }

  /** How far the clocks are apart. */
  #skewMs(): number {
    const { queue, hosts } = this.#simulation;
    const leads = hosts.map(({ clock }) => clock.leadMs(queue.nowUs));
    return Math.max(...leads) - Math.min(...leads);
  }

  #judgeEnd(): void {
    // As an event, so that a broken invariant is treated like any other.
    const { queue } = this.#simulation;
    queue.after(0, () => judgeEnd(this.#simulation, this.#log, this.#history));
    this.#simulation.runUntil(queue.nowUs);
  }

  /** Each linearizable key must be readable at each node. */
  #demandAnswers(): void {
    const simulation = this.#simulation;
    const missing = new Map<Client, Request[]>();
    const world: ClientWorld = {
      simulation,
      log: this.#log,
      history: this.#history,
      next: (client) => missing.get(client)?.at(-1),
      onDone: (client, _request, reply) => {
        if (reply !== undefined && reply.kind !== "error") missing.get(client)?.pop();
      },
    };
    for (const host of simulation.members) {
      const client = new Client(world, host, this.#prng.fork(), { thinkMs: 5, mayMove: false });
      missing.set(client, this.#workload.lastReads());
    }
    const isDone = (): boolean => [...missing.values()].every((requests) => requests.length === 0);
    // Who comes back serves when it has what the others had, and that may be of the future.
    const untilUs = simulation.queue.nowUs + livenessUs + this.#heldUs();
    while (!isDone() && simulation.queue.nowUs < untilUs) simulation.runFor(pollUs);
    for (const [{ host }, [request]] of missing)
      if (request !== undefined)
        simulation.violate(`${host.name} does not answer ${request.args.join(" ")} after healing`);
  }

  #demandConvergence(): void {
    const simulation = this.#simulation;
    const { queue } = simulation;
    const startUs = queue.nowUs;
    let untilUs = startUs + convergenceUs + this.#heldUs();
    let mayWait = true;
    while (!isConverged(simulation)) {
      if (queue.nowUs >= untilUs && mayWait && this.#isAnyWaiting) {
        // What a node has fetched meanwhile may be a part of what died with its writer.
        simulation.sometimes.add("orphan_dropped");
        mayWait = false;
        untilUs += orphanUs;
      }
      if (queue.nowUs >= untilUs) {
        simulation.violate(`no convergence: ${describeDivergence(simulation)}`);
        return;
      }
      simulation.runFor(pollUs);
    }
    this.#convergedMs = (queue.nowUs - startUs) / ms;
  }
}
