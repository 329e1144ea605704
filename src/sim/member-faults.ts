// Nodes that come and go: a new one joins, one leaves in order, one dies and is forgotten by an
// operator; who has gone may come again, with what it had on its disk or without.
//
// An operator takes a node away only when the others can do without it: all voters are up and vote,
// and more than two nodes stay. A node without a log takes with it what it alone has; of shards
// that only some nodes hold, others must serve what this one has of the others' writes.

import type { Prng } from "../base/prng.js";
import type { Node } from "../node/node.js";
import type { FaultKind } from "./fault-profile.js";
import type { SimulatedHost } from "./simulated-host.js";
import type { Simulation } from "./simulation.js";

/** Members that there are at least. */
const memberCountMin = 3;
/** How often an operator asks until it is done. */
const askUs = 250_000;
/** A node that has left runs on for a while. */
const lingerUs = [100_000, 2_500_000] as const;
const blankChance = 0.5;

/** What an operator is about: to take one node away, in the life that it had then. */
interface Errand {
  readonly host: SimulatedHost;
}

export class MemberFaults {
  readonly #simulation: Simulation;
  /** One at a time. */
  #errand: Errand | undefined;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  strike(kind: FaultKind, prng: Prng): void {
    if (!this.#simulation.profile.isClustered) return;
    if (kind === "member_join") this.#join(prng);
    else this.#takeAway(kind, prng);
  }

  // ---- coming

  #join(prng: Prng): void {
    const simulation = this.#simulation;
    const absent = simulation.hosts.filter(({ isMember, life }) => !isMember && life === undefined);
    const host = absent.length === 0 ? undefined : prng.pick(absent);
    const isFounded = simulation.members.some(({ life }) => life?.node.registers.votes);
    if (host === undefined || !isFounded) return;
    simulation.noteFault("member_join", host.index);
    if (simulation.network.isCut) simulation.sometimes.add("joined_during_partition");
    if (host.incarnation > 0) simulation.sometimes.add("member_came_again");
    // Who starts a node again does not have it forgotten.
    if (this.#errand?.host === host) this.#errand = undefined;
    const isBlank = prng.chance(blankChance);
    if (isBlank) simulation.onBlank?.(host);
    host.join(isBlank);
  }

  // ---- going

  /**
   * Who comes again ends the errand, and the next one may be about the same node: what is left of
   * the first would have a node forgotten that is well.
   */
  #isOver(errand: Errand): boolean {
    return this.#errand !== errand;
  }

  /** One at a time, as long as enough members stay. */
  #takeAway(kind: FaultKind, prng: Prng): void {
    const { members } = this.#simulation;
    if (this.#errand !== undefined || members.length <= memberCountMin) return;
    const errand: Errand = { host: prng.pick(members) };
    this.#errand = errand;
    if (kind === "member_leave") this.#askToLeave(errand, prng);
    else this.#killToForget(errand, prng);
  }

  #askToLeave(errand: Errand, prng: Prng): void {
    const simulation = this.#simulation;
    const { host } = errand;
    if (this.#isOver(errand) || !host.isMember) return;
    if (simulation.isHealed) {
      this.#errand = undefined;
      return;
    }
    if (this.#maySpare(host)) host.perform(({ node }) => this.#takeOut(errand, node, prng));
    simulation.queue.after(askUs, () => this.#askToLeave(errand, prng));
  }

  #takeOut(errand: Errand, { environment }: Node, prng: Prng): void {
    const simulation = this.#simulation;
    const { host } = errand;
    if (this.#isOver(errand) || simulation.isHealed || !this.#maySpare(host)) return;
    if (environment.cluster?.leave() !== undefined) return;
    host.isMember = false;
    simulation.noteFault("member_leave", host.index);
    simulation.sometimes.add("left_under_load");
    simulation.queue.after(prng.between(...lingerUs), () => {
      if (this.#isOver(errand)) return;
      host.crash();
      // Its word may have been lost with it: then an operator says so.
      this.#askToForget(errand, prng);
    });
  }

  #killToForget(errand: Errand, prng: Prng): void {
    const simulation = this.#simulation;
    const { host } = errand;
    if (this.#isOver(errand)) return;
    if (simulation.isHealed) {
      this.#errand = undefined;
      return;
    }
    if (!this.#maySpare(host)) {
      simulation.queue.after(askUs, () => this.#killToForget(errand, prng));
      return;
    }
    simulation.noteFault("member_forget", host.index);
    host.isMember = false;
    host.crash();
    this.#askToForget(errand, prng);
  }

  /**
   * The others forget it once they take it for dead. Some may have heard of an earlier life only.
   */
  #askToForget(errand: Errand, prng: Prng): void {
    const { members, queue } = this.#simulation;
    const { host } = errand;
    if (this.#isOver(errand)) return;
    const believers = members.filter(({ life }) => {
      const entry = life?.node.clustering?.membership.get(host.name);
      return life === undefined || entry?.state === "alive";
    });
    if (believers.length === 0) {
      this.#errand = undefined;
      return;
    }
    prng.pick(believers).perform(({ node }) => {
      if (!this.#isOver(errand)) node.environment.cluster?.forget(host.name);
    });
    queue.after(askUs, () => this.#askToForget(errand, prng));
  }

  #maySpare(host: SimulatedHost): boolean {
    const { members } = this.#simulation;
    return host.isMember && members.length > memberCountMin && this.mayStop(host);
  }

  /** Whether the others can do without a node, for now or for good. */
  mayStop(host: SimulatedHost): boolean {
    const { members, hosts, profile } = this.#simulation;
    const configurations = members.map(({ life }) => life?.node.registers.configuration);
    const [first] = configurations;
    if (first === undefined || first.epoch === 0 || members.length < memberCountMin) return false;
    if (configurations.some((each) => each?.epoch !== first.epoch)) return false;
    const voters = first.members.map(({ node }) => hosts.find(({ name }) => name === node));
    if (voters.length !== members.length) return false;
    if (voters.some((voter) => !voter?.isMember || !voter.life?.node.registers.votes)) return false;
    return profile.replicationFactor === 0 || profile.hasLog || this.#isCopied(host);
  }

  /** Whether what a node has of the writes of others is served elsewhere. */
  #isCopied(host: SimulatedHost): boolean {
    const { life } = host;
    if (life === undefined) return false;
    const others = this.#simulation.members.filter((other) => other !== host);
    const { shards, keyspace } = life.node;
    return shards.shards.every(({ index, context }) =>
      others.some(({ life: other }) => {
        if (!other?.node.clustering?.placing?.serves(index)) return context.isEmpty;
        const seen = other.node.shards.shards[index]!.context;
        const { replicas } = other.node.keyspace;
        return [...context.entries()].every(
          ([replica, time]) =>
            replica === keyspace.self ||
            seen.covers(time, replicas.indexOf(keyspace.replicas.nameOf(replica))),
        );
      }),
    );
  }
}
