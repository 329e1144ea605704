// The nemesis: faults that come now and then and last for a while - partitions, crashes, pauses,
// slowness, clock jumps. At the end of the safety phase it takes everything back.
//
// Only a minority of the nodes ever crashes: a node that lost its memory votes no more, and without
// a majority of voters the linearizable keys could not go on in the liveness phase. In a cluster
// whose nodes come and go it is admitted again, and then any node may be the next
// (member-faults.ts).

import type { Prng } from "../base/prng.js";
import { type FaultKind, faultKinds } from "./fault-profile.js";
import { MemberFaults } from "./member-faults.js";
import type { SimulatedHost } from "./simulated-host.js";
import { drawGap, meanGapUs, type Simulation } from "./simulation.js";

type Range = readonly [number, number];

/** Each half goes on by itself for long. */
const splitUs: Range = [2_500_000, 5_000_000];
const memoryUs: Range = [200_000, 2_000_000];
const partitionUs: Range = [100_000, 2_500_000];
/** A replica that is away for longer than the others keep young batches for its sake. */
const staleUs: Range = [5_500_000, 9_000_000];
const downUs: Range = [50_000, 1_500_000];
const pauseUs: Range = [30_000, 1_500_000];
const slowUs: Range = [200_000, 2_000_000];
const jumpMs: Range = [50, 4_000];
/** Beyond the skew that replicas accept from each other (keyspace/shards.ts). */
const farJumpMs: Range = [58_000, 70_000];
const farJumpChance = 0.5;

/** How long a disturbance of a process lasts. */
const lasting: Partial<Record<FaultKind, Range>> = {
  process_pause: pauseUs,
  process_slow: slowUs,
  process_out_of_memory: memoryUs,
  disk_full: memoryUs,
  cpu_starvation: slowUs,
};

type Link = readonly [from: number, to: number];

export class Nemesis {
  readonly #simulation: Simulation;
  readonly #mayCrash: readonly number[];
  readonly #members: MemberFaults;
  readonly #cuts = new Set<readonly Link[]>();

  constructor(simulation: Simulation, prng: Prng) {
    this.#simulation = simulation;
    const indices = prng.shuffle([...simulation.names.keys()]);
    this.#members = new MemberFaults(simulation);
    this.#mayCrash = indices.slice(0, Math.floor((indices.length - 1) / 2));
    for (const kind of faultKinds) this.#schedule(kind);
  }

  #schedule(kind: FaultKind): void {
    const meanUs = meanGapUs(this.#simulation.profile, kind);
    if (meanUs === Number.POSITIVE_INFINITY) return;
    const prng = this.#simulation.faultPrng(kind);
    this.#simulation.queue.after(drawGap(prng, meanUs), () => {
      if (this.#simulation.isHealed) return;
      if (this.#simulation.mayFail) this.#strike(kind, prng);
      this.#schedule(kind);
    });
  }

  /** Everything is taken back: links, processes. Clocks stay where they are, and go on evenly. */
  heal(): void {
    for (const links of this.#cuts) this.#simulation.network.mend(links);
    this.#cuts.clear();
    for (const host of this.#simulation.members) if (host.life === undefined) host.start();
  }

  #strike(kind: FaultKind, prng: Prng): void {
    const host = prng.pick(this.#simulation.members);
    const { index } = host;
    if (kind === "partition_halves") this.#cut(kind, prng, this.#betweenHalves(prng));
    else if (kind === "split_brain") this.#cut(kind, prng, this.#betweenHalves(prng), splitUs);
    else if (kind === "partition_isolate") this.#cut(kind, prng, this.#around(index));
    else if (kind === "stale_replica") this.#cut(kind, prng, this.#around(index), staleUs);
    else if (kind === "partition_one_way") this.#cut(kind, prng, this.#oneWay(index, prng));
    else if (kind === "partition_partial") this.#cut(kind, prng, this.#onePair(prng));
    else if (kind === "timer_jump_forward") this.#jump(kind, prng, index, 1);
    else if (kind === "timer_jump_back") this.#jump(kind, prng, index, -1);
    else if (kind === "process_crash") this.#crash(prng);
    else if (kind.startsWith("member_")) this.#members.strike(kind, prng);
    else this.#disturb(kind, prng, host);
  }

  #disturb(kind: FaultKind, prng: Prng, host: SimulatedHost): void {
    if (kind === "disk_corruption") {
      if (host.rotDisk()) this.#simulation.noteFault(kind, host.index);
      return;
    }
    const range = lasting[kind];
    const us = range === undefined ? 0 : prng.between(...range);
    this.#simulation.noteFault(kind, host.index, range && `${us / 1000} ms`);
    if (kind === "process_pause") host.pause(us);
    else if (kind === "process_slow") host.slowDown(us);
    else if (kind === "process_out_of_memory") host.runOutOfMemory(us);
    else if (kind === "disk_full") host.fillDisk(us);
    else if (kind === "network_reset") host.resetConnections();
    else if (kind === "cpu_starvation")
      for (const each of this.#simulation.members) each.slowDown(us);
    else throw new Error(`${kind} does not strike by itself`);
  }

  #cut(kind: FaultKind, prng: Prng, links: readonly Link[], us = partitionUs): void {
    const { network, queue, names } = this.#simulation;
    const text = links.map(([from, to]) => `${names[from]}>${names[to]}`).join(" ");
    this.#simulation.noteFault(kind, -1, text);
    network.cut(links);
    this.#cuts.add(links);
    queue.after(prng.between(...us), () => {
      if (!this.#cuts.delete(links)) return;
      network.mend(links);
      this.#simulation.trace(-1, `mend ${text}`);
    });
  }

  #allLinks(): Link[] {
    const indices = [...this.#simulation.names.keys()];
    return indices.flatMap((from) =>
      indices.filter((to) => to !== from).map((to): Link => [from, to]),
    );
  }

  #betweenHalves(prng: Prng): Link[] {
    const indices = prng.shuffle(this.#simulation.members.map(({ index }) => index));
    const half = new Set(indices.slice(0, indices.length >> 1));
    return this.#allLinks().filter(([from, to]) => half.has(from) !== half.has(to));
  }

  #around(index: number): Link[] {
    return this.#allLinks().filter((link) => link.includes(index));
  }

  /** A node that hears nobody, or that nobody hears. */
  #oneWay(index: number, prng: Prng): Link[] {
    const end = prng.below(2);
    return this.#allLinks().filter((link) => link[end] === index);
  }

  /** Two nodes lose sight of each other; the others see both. */
  #onePair(prng: Prng): Link[] {
    const [from, to] = prng.pick(this.#allLinks());
    return [
      [from, to],
      [to, from],
    ];
  }

  #crash(prng: Prng): void {
    const host = this.#chooseToCrash(prng);
    if (host?.life === undefined) return;
    this.#simulation.noteFault("process_crash", host.index);
    host.crash();
    this.#simulation.queue.after(prng.between(...downUs), () => {
      if (host.life === undefined && host.isMember) host.start();
    });
  }

  #chooseToCrash(prng: Prng): SimulatedHost | undefined {
    const { profile, members, hosts } = this.#simulation;
    if (profile.isClustered) {
      const host = prng.pick(members);
      return this.#members.mayStop(host) ? host : undefined;
    }
    // Two nodes: either one is needed for a majority.
    return this.#mayCrash.length === 0 ? undefined : hosts[prng.pick(this.#mayCrash)];
  }

  #jump(kind: FaultKind, prng: Prng, index: number, sign: number): void {
    const isFar = this.#simulation.profile.hasFarJumps && prng.chance(farJumpChance);
    const ms = sign * prng.between(...(isFar ? farJumpMs : jumpMs));
    this.#simulation.noteFault(kind, index, `${ms} ms`);
    this.#simulation.hosts[index]!.clock.jump(ms);
  }
}
