// What makes a node one of a cluster whose nodes come and go: it joins the table of members
// (replication/membership.ts) with those who act on it, the replicator and the registers.
//
//  - Foundation. Nodes that name each other found a cluster together: the first of them in the
//    order of names sets up epoch 1 once it has met all of them, none has a configuration, and all
//    mean the same nodes. A node that names nobody founds one alone; one that joins never does. A
//    node that lost its memory finds others with a configuration and so founds nothing again.
//  - Admission. Of the members that vote and are heard, the first brings one node at a time into
//    the configuration, with the state it has now, and takes out those who left (consensus-rules
//    15).
//  - Service. A node that has come serves clients once it has what its peers had when it met them,
//    or when nobody can be met for `aloneMsMax`.
//
// Left out: two foundations by mistake (the operator names different nodes to different nodes):
// such nodes refuse to found anything, which `INFO cluster_members` shows.

import { compareText } from "../base/bytes.js";
import {
  type Configuration,
  majorityOf,
  memberOf,
  newConfiguration,
} from "../consensus/configuration.js";
import {
  changeConfiguration,
  configurationRegister,
  decodeConfiguration,
  encodeConfiguration,
  withMember,
} from "../consensus/configuring.js";
import type { OperationResult } from "../consensus/context.js";
import type { Registers } from "../consensus/registers.js";
import {
  hashOfNames,
  type MemberEntry,
  Membership,
  type MembershipMessage,
  type Ping,
} from "../replication/membership.js";
import type { Replicator } from "../replication/replicator.js";
import type { CopyRules } from "./hot-shards.js";
import { leaveMsMax, leaverCountMax, leaveTryMs } from "./leaving.js";
import type { Placing } from "./placing.js";

export { changeConfiguration, configurationRegister };

export interface ClusteringOptions {
  /** This node, as others are to know it. */
  readonly entry: MemberEntry;
  /** Addresses that the operator gave, `host:port`. */
  readonly seeds: readonly string[];
  readonly founding: "alone" | "together" | "never";
  /** Copies of each shard; 0 or nothing: every node holds all. */
  readonly replicationFactor?: number;
  /** When shards that are read often get read copies; left out: never. */
  readonly copies?: CopyRules;
}

export interface ClusteringPorts {
  readonly send: (to: string, message: MembershipMessage) => void;
  readonly registers: () => Registers;
  readonly replicator: () => Replicator;
  /** Submits the change of the configuration. False: too much is under way. */
  readonly submit: (operation: Uint8Array, done: (result: OperationResult) => void) => boolean;
  readonly random: () => number;
  /** From now on clients are served. */
  readonly onServing: () => void;
  /** Writes of clients wait for so long, or no more (0). */
  readonly pauseWrites: (forMs: number) => void;
  /** This node has gone: clients are served no more, and writes do not wait any more. */
  readonly onLeft: () => void;
}

const noHoldings = new Uint8Array(0);
/** A node that meets nobody serves alone after this. */
const aloneMsMax = 3_000;
/** A node that cannot catch up with everybody it meets serves after this, and says so. */
const catchUpMsMax = 30_000;
/** How often what is to be done is looked for; a node admits at most one other in that time. */
const lookMs = 200;

/** A peer that has not said how far it is is asked again after this. */
const askAgainMs = 1_000;

/** What a link to an address has found there; undefined: nobody yet. */
export interface LinkView {
  readonly name: string;
  readonly isSelf: boolean;
  readonly isOpen: boolean;
}

export class Clustering {
  readonly membership: Membership;
  /** Whether clients are served. */
  isServing = false;
  /** This process does not belong to the cluster any more. */
  #isOut = false;
  /** Who has gone and, as its pings show, does not know it. */
  readonly #unaware = new Set<string>();
  /** Set by the host: to which addresses a link is wanted. */
  onTargets: ((addresses: readonly string[]) => void) | undefined;
  linkOf: (address: string) => LinkView | undefined = () => undefined;
  transport: () => Record<string, string | number> = () => ({});
  admissions = 0;
  /** Undefined where every node holds every shard. */
  placing: Placing | undefined;
  readonly #options: ClusteringOptions;
  readonly #ports: ClusteringPorts;
  readonly #startedMs: number;
  #lookDueMs: number;
  #isChanging = false;
  #askDueMs = 0;
  readonly #met = new Set<string>();
  #founders: readonly string[] | undefined;
  /** Clients that wait until this node has left. */
  #leavers: { readonly untilMs: number; readonly done: (objection?: string) => void }[] = [];
  #leaveDueMs = 0;

  constructor(options: ClusteringOptions, ports: ClusteringPorts, nowMs: number) {
    this.#options = options;
    this.#ports = ports;
    this.#startedMs = nowMs;
    this.#lookDueMs = nowMs;
    this.membership = new Membership(
      options.entry,
      {
        send: ports.send,
        changed: () => this.#onChanged(),
        status: () => ({
          epoch: this.#registers.configuration.epoch,
          stateIncarnation: this.#registers.stateIncarnation,
          isVoting: this.#registers.votes,
          isSettled: this.#registers.isSettled,
          founders: this.#founders === undefined ? 0 : hashOfNames(this.#founders),
          isServing: this.isServing,
          holdings: this.placing?.encode() ?? noHoldings,
          operationRate: Math.round(this.placing?.load.totalRate ?? 0),
          reads: this.placing?.hot.told ?? [],
        }),
      },
      nowMs,
    );
  }

  get #registers(): Registers {
    return this.#ports.registers();
  }

  get #self(): string {
    return this.#options.entry.name;
  }

  // ---- inputs

  /** A peer has connected and said who it is. */
  onHello(hello: Omit<MemberEntry, "state">, nowMs: number): void {
    const { name, incarnation, peerAddress, clientAddress } = hello;
    this.membership.noteHeard(name, incarnation, nowMs);
    this.membership.learn([{ name, incarnation, peerAddress, clientAddress, state: "alive" }]);
  }

  /** This node can talk to a peer from now on. */
  onLinked(name: string, incarnation: number, nowMs: number): void {
    this.membership.noteHeard(name, incarnation, nowMs);
    // Who has left and still runs is told so, and is nobody's peer: logs would be kept for it.
    const entry = this.membership.get(name);
    const hasGone = entry !== undefined && entry.state !== "alive";
    if (!hasGone || incarnation > entry.incarnation) this.#ports.replicator().addPeer(name);
    this.membership.greet(name);
    this.#ports.replicator().onLinked(name);
  }

  /** A peer will not have this process: it knows of a later one of the same name. */
  onReplaced(): void {
    if (this.membership.isReplaced) return;
    this.membership.isReplaced = true;
    this.#onChanged();
  }

  onMessage(from: string, incarnation: number, message: MembershipMessage, nowMs: number): void {
    this.membership.onMessage(from, incarnation, message);
    if (message.type !== "ping") return;
    this.#noteKnowledge(from, incarnation, message);
    if (message.epoch > this.#registers.configuration.epoch) this.#registers.ask(nowMs, from);
  }

  /** Who has gone and does not know it wants to be dialled: there is no link to it any more. */
  #noteKnowledge(from: string, incarnation: number, { tableHash }: Ping): void {
    const entry = this.membership.get(from);
    const mayBeUnaware = entry?.incarnation === incarnation && entry.state !== "alive";
    const knows = !mayBeUnaware || tableHash === this.membership.hash;
    if (knows) this.#noteAware(from);
    else if (!this.#unaware.has(from)) {
      this.#unaware.add(from);
      this.onTargets?.(this.targets());
    }
  }

  #noteAware(name: string): void {
    if (this.#unaware.delete(name)) this.onTargets?.(this.targets());
  }

  tick(nowMs: number): void {
    this.membership.tick(nowMs);
    if (this.#leavers.length > 0 && nowMs >= this.#leaveDueMs) this.#tryToLeave(nowMs);
    if (nowMs < this.#lookDueMs) return;
    // Drawn at random, so that two nodes that take each other for dead do not act in step.
    this.#lookDueMs = nowMs + lookMs * (0.75 + this.#ports.random() / 2);
    if (this.#isOut) return;
    for (const name of this.#unaware) if (!this.#isHeard(name, nowMs)) this.#noteAware(name);
    if (this.placing !== undefined && this.#hasMet(nowMs)) this.placing.look(nowMs);
    if (!this.isServing) this.#lookWhetherToServe(nowMs);
    if (this.#registers.configuration.epoch === 0) this.#found(nowMs);
    else if (!this.#isChanging) this.#admit(nowMs);
  }

  nextDueMs(): number {
    const due = Math.min(this.membership.nextDueMs(), this.#lookDueMs);
    return this.#leavers.length === 0 ? due : Math.min(due, this.#leaveDueMs);
  }

  #onChanged(): void {
    // Who has left, or hears that it was forgotten or that a later process goes by its name, has
    // nobody any more to tell what it is told: for good, also if it has not served yet.
    const { isReplaced } = this.membership;
    if (!this.#isOut && (isReplaced || !this.#isMember(this.#self))) {
      this.#isOut = true;
      this.isServing = false;
      this.#ports.onLeft();
    }
    const replicator = this.#ports.replicator();
    for (const { name, state } of this.membership.entries()) {
      if (name === this.#self) continue;
      if (state === "alive") replicator.addPeer(name);
      else replicator.removePeer(name);
    }
    this.onTargets?.(this.targets());
  }

  /** An operator names a node to dial. */
  meet(address: string): void {
    this.#met.add(address);
    this.onTargets?.(this.targets());
  }

  /**
   * Leaves the cluster for good: answers why that cannot be yet. From now on writes wait
   * (leaving.ts), until it is done or not asked for any more.
   */
  leave(nowMs: number): string | undefined {
    if (!this.#isMember(this.#self)) return undefined;
    const peers = this.membership.peers();
    if (peers.length === 0) return "there is nobody to hand over to";
    const silent = peers.find(({ name }) => !this.#isHeard(name, nowMs));
    if (silent !== undefined)
      return `${silent.name} is not heard: it must come back or be forgotten`;
    this.#ports.pauseWrites(leaveMsMax);
    if (!this.#ports.replicator().isHandedOver)
      return "some peers have not confirmed yet what this node has written";
    this.membership.retire(this.#self, "left");
    return undefined;
  }

  /** Leaves as soon as that can be; answers why it could not for too long. False: too many ask. */
  leaveSoon(nowMs: number, done: (objection: string | undefined) => void): boolean {
    if (this.#leavers.length >= leaverCountMax) return false;
    this.#leavers.push({ untilMs: nowMs + leaveMsMax, done });
    this.#tryToLeave(nowMs);
    return true;
  }

  #tryToLeave(nowMs: number): void {
    this.#leaveDueMs = nowMs + leaveTryMs;
    const objection = this.leave(nowMs);
    const isOver = (untilMs: number): boolean => objection === undefined || nowMs >= untilMs;
    const over = this.#leavers.filter(({ untilMs }) => isOver(untilMs));
    this.#leavers = this.#leavers.filter(({ untilMs }) => !isOver(untilMs));
    if (objection !== undefined && this.#leavers.length === 0) this.#ports.pauseWrites(0);
    for (const { done } of over) done(objection);
  }

  /**
   * Where a link is wanted: the operator's addresses, those of the members, and of those who have
   * gone and are to hear it.
   */
  targets(): string[] {
    const isWanted = ({ name, state }: MemberEntry): boolean =>
      name !== this.#self && (state === "alive" || this.#unaware.has(name));
    const known = this.membership.entries().filter(isWanted);
    const addresses = known.map(({ peerAddress }) => peerAddress);
    const given = [...this.#options.seeds, ...this.#met];
    return [...new Set([...given, ...addresses.filter((address) => address !== "")])];
  }

  // ---- service

  #lookWhetherToServe(nowMs: number): void {
    const waitedMs = nowMs - this.#startedMs;
    const met = this.#heardPeers(nowMs);
    const replicator = this.#ports.replicator();
    const isCaughtUp = met.every(({ name }) => replicator.hasCaughtUpWith(name));
    if (nowMs >= this.#askDueMs) {
      // What a peer said when it was met may have been lost.
      this.#askDueMs = nowMs + askAgainMs;
      for (const { name } of met) replicator.askFirst(name);
    }
    if (!(isCaughtUp && this.#hasMet(nowMs)) && waitedMs < catchUpMsMax) return;
    this.isServing = true;
    this.#ports.onServing();
  }

  #heardPeers(nowMs: number): readonly MemberEntry[] {
    return this.membership.peers().filter(({ name }) => this.#isHeard(name, nowMs));
  }

  #hasMet(nowMs: number): boolean {
    const isAlone = this.#options.seeds.length === 0;
    return isAlone || this.#heardPeers(nowMs).length > 0 || nowMs - this.#startedMs >= aloneMsMax;
  }

  /**
   * Whether a node belongs to the cluster: it has come, and has neither left nor been forgotten.
   */
  #isMember(name: string): boolean {
    return this.membership.get(name)?.state === "alive";
  }

  #isHeard(name: string, nowMs: number): boolean {
    return !this.membership.isSuspected(name, nowMs);
  }

  /**
   * Whether what a replica wrote up to a time is gone: its process is no more, and nobody who is
   * heard has it.
   */
  isLost(replica: string, shard: number, time: number): boolean {
    const cut = replica.lastIndexOf("/");
    const incarnation = Number.parseInt(replica.slice(cut + 1), 36);
    const entry = this.membership.get(replica.slice(0, cut));
    if (entry === undefined || entry.incarnation <= incarnation) return false;
    const peers = this.membership.peers();
    const replicator = this.#ports.replicator();
    return peers.every(({ name }) => !replicator.mayHave(name, shard, replica, time));
  }

  // ---- foundation

  #found(nowMs: number): void {
    const { founding } = this.#options;
    if (founding === "never") return;
    this.#founders = founding === "alone" ? [this.#self] : this.#namesOfSeeds();
    const founders = this.#founders;
    if (founders === undefined || [...founders].sort(compareText)[0] !== this.#self) return;
    const hash = hashOfNames(founders);
    const isAgreed = founders.every((name) => {
      if (name === this.#self) return true;
      const ping = this.membership.pingOf(name);
      return ping?.epoch === 0 && ping.founders === hash;
    });
    if (!isAgreed) return;
    const members = founders.map((node) => {
      const ping = node === this.#self ? this.#registers : this.membership.pingOf(node)!;
      return { node, incarnation: ping.stateIncarnation };
    });
    this.#registers.adopt(nowMs, newConfiguration(1, members));
  }

  /** Who stands behind the addresses; undefined while one of them has not answered. */
  #namesOfSeeds(): string[] | undefined {
    const names = new Set([this.#self]);
    for (const address of this.#options.seeds) {
      const link = this.linkOf(address);
      if (link === undefined || (!link.isSelf && link.name === "")) return undefined;
      if (!link.isSelf) names.add(link.name);
    }
    return [...names];
  }

  // ---- admission

  #admit(nowMs: number): void {
    const registers = this.#registers;
    const { configuration } = registers;
    if (!registers.votes || this.#firstVoter(nowMs) !== this.#self) return;
    const wanted = this.#change(nowMs);
    if (wanted === undefined || !this.#isSettled()) return;
    const next = withMember(configuration, wanted.name, wanted.incarnation);
    if (wanted.incarnation !== undefined && !this.#hasMajority(next, nowMs)) return;
    this.#isChanging = true;
    const isSubmitted = this.#ports.submit(encodeConfiguration(next), (result) => {
      this.#isChanging = false;
      if (result.kind !== "ok" || result.outcome.length === 0) return;
      const chosen = decodeConfiguration(result.outcome);
      this.admissions++;
      registers.adopt(nowMs, chosen);
    });
    if (!isSubmitted) this.#isChanging = false;
  }

  #firstVoter(nowMs: number): string | undefined {
    const { epoch, members } = this.#registers.configuration;
    const voters = members.map(({ node }) => node).sort(compareText);
    return voters.find((node) => this.#isVoter(node, epoch, nowMs));
  }

  #isVoter(node: string, epoch: number, nowMs: number): boolean {
    // Who has left may run on and vote until it is taken out, and admits nobody any more.
    if (!this.#isMember(node)) return false;
    if (node === this.#self) return this.#registers.votes;
    const ping = this.membership.pingOf(node);
    return ping?.isVoting === true && ping.epoch === epoch && this.#isHeard(node, nowMs);
  }

  /**
   * Whether a majority knows what was chosen before this epoch (consensus/copying.ts). Who has said
   * so knows it for good, be it silent now.
   */
  #isSettled(): boolean {
    const { configuration, isSettled } = this.#registers;
    const settled = configuration.members.filter(({ node, incarnation }) => {
      if (node === this.#self) return isSettled;
      const ping = this.membership.pingOf(node);
      if (ping?.epoch !== configuration.epoch) return false;
      return ping.isSettled && ping.stateIncarnation === incarnation;
    });
    return settled.length >= majorityOf(configuration);
  }

  /**
   * Whether the next epoch has its majority before the newcomer votes. With one of three voters
   * away a fourth member would be needed for it: if that came to nothing, the epoch would choose
   * nothing, not even its successor, until the one came back.
   */
  #hasMajority(next: Configuration, nowMs: number): boolean {
    const { epoch } = this.#registers.configuration;
    const voters = next.members.filter(({ node }) => this.#isVoter(node, epoch, nowMs));
    return voters.length >= Math.min(majorityOf(next), next.members.length - 1);
  }

  /** The next change that is due; no incarnation: the node is taken out. */
  #change(nowMs: number): { name: string; incarnation: number | undefined } | undefined {
    const { configuration } = this.#registers;
    for (const { node } of configuration.members) {
      const state = this.membership.get(node)?.state;
      if (state === "left" || state === "forgotten") {
        if (configuration.members.length > 1 && node !== this.#self)
          return { name: node, incarnation: undefined };
      }
    }
    // Who comes back without its memory goes before newcomers: they would need a larger majority,
    // which the vote that was lost may be missing for.
    const names = this.membership.peers().map(({ name }) => name);
    const isNamed = (name: string): boolean => memberOf(configuration, name) !== undefined;
    for (const name of [...names.filter(isNamed), ...names.filter((each) => !isNamed(each))]) {
      const ping = this.membership.pingOf(name);
      if (ping === undefined || !this.#isHeard(name, nowMs)) continue;
      const incarnation = ping.stateIncarnation;
      if (memberOf(configuration, name)?.incarnation !== incarnation) return { name, incarnation };
      // Named and still copying: the next one waits until it is ready.
      if (!ping.isVoting) return undefined;
    }
    return undefined;
  }

  // ---- what operators see

  /** Lines of INFO: this node, then each member as this node sees it. */
  describe(nowMs: number): Record<string, string | number> {
    const { configuration, votes } = this.#registers;
    const rows: Record<string, string | number> = {
      serving: Number(this.isServing),
      voting: Number(votes),
      epoch: configuration.epoch,
      founders: this.#founders?.join(",") ?? "",
      admissions: this.admissions,
      replaced_by_later_process: Number(this.membership.isReplaced),
      refused_entries: this.membership.refusedEntryCount,
    };
    for (const entry of this.membership.entries()) {
      const { name, incarnation, state, peerAddress, clientAddress } = entry;
      const isSelf = name === this.#self;
      const ping = this.membership.pingOf(name);
      const heardMs = isSelf ? 0 : Math.round(nowMs - this.membership.heardMs(name));
      const shown = state !== "alive" ? state : this.#isHeard(name, nowMs) ? "alive" : "suspected";
      rows[`node_${name}`] =
        `incarnation=${incarnation},state=${shown},peers=${peerAddress},clients=${clientAddress},` +
        `heard_ms=${Number.isFinite(heardMs) ? heardMs : -1},` +
        `epoch=${isSelf ? configuration.epoch : (ping?.epoch ?? 0)},` +
        `voting=${Number(isSelf ? votes : (ping?.isVoting ?? false))}`;
    }
    return rows;
  }
}
