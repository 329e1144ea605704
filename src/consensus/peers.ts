// Whom this node hears: heartbeats, suspicion and the soft home of a register (design.md section 5,
// consensus-rules 11 and 13). Suspicion is a hint: a wrong one costs messages and time, never
// safety.

import { compareText } from "../base/bytes.js";
import type { Agenda, Job } from "./agenda.js";
import { type Configuration, majorityOf, type NodeId } from "./configuration.js";
import type { Timing } from "./timing.js";

interface Peer {
  readonly node: NodeId;
  incarnation: number;
  heardMs: number;
  sentMs: number;
  /** Until when the peer wants to hear us, because it has operations of its own. */
  wantsUntilMs: number;
}

/**
 * A gap in our own running longer than this many heartbeats is our pause, not the peers' silence.
 */
const pauseHeartbeats = 1.5;

export class Peers implements Job {
  dueMs = Number.POSITIVE_INFINITY;
  queuedMs = Number.POSITIVE_INFINITY;
  readonly #self: NodeId;
  readonly #timing: Timing;
  readonly #agenda: Agenda;
  readonly #beat: (to: NodeId, wantedMs: number) => void;
  #configuration: Configuration;
  #selfVotes: boolean;
  #peers: Peer[] = [];
  #ranMs = Number.NEGATIVE_INFINITY;
  #inUseUntilMs = Number.NEGATIVE_INFINITY;

  constructor(
    options: { self: NodeId; configuration: Configuration; votes: boolean; timing: Timing },
    agenda: Agenda,
    beat: (to: NodeId, wantedMs: number) => void,
  ) {
    this.#self = options.self;
    this.#timing = options.timing;
    this.#agenda = agenda;
    this.#beat = beat;
    this.#configuration = options.configuration;
    this.#selfVotes = options.votes;
    this.adopt(options.configuration, options.votes);
  }

  /** Takes the members of a configuration; what is known about those who stay is kept. */
  adopt(configuration: Configuration, votes: boolean): void {
    this.#configuration = configuration;
    this.#selfVotes = votes;
    const others = configuration.members.filter(({ node }) => node !== this.#self);
    this.#peers = others.map(({ node, incarnation }) => {
      const known = this.#find(node);
      // Until it is heard, a peer is taken for the process that the configuration was made with.
      if (known !== undefined) return known;
      return { node, incarnation, heardMs: this.#ranMs, sentMs: this.#ranMs, wantsUntilMs: 0 };
    });
  }

  /**
   * To be called first whenever the node runs, so that its own pauses are not held against others.
   */
  ran(now: number): void {
    const gap = now - this.#ranMs;
    this.#ranMs = now;
    if (gap <= this.#timing.heartbeatMs * pauseHeartbeats) return;
    for (const peer of this.#peers) peer.heardMs = Math.min(now, peer.heardMs + gap);
    // Before the first run there is nothing to shift: everybody starts unsuspected.
    if (gap === Number.POSITIVE_INFINITY) for (const peer of this.#peers) peer.heardMs = now;
  }

  /** An operation was submitted here: from now on silence means something. */
  use(now: number): void {
    if (now > this.#inUseUntilMs) {
      for (const peer of this.#peers) {
        peer.heardMs = now;
        peer.sentMs = now; // The first heartbeats wait a turn: the operation's own messages may do.
      }
    }
    this.#inUseUntilMs = now + this.#timing.inUseMs;
    this.#schedule(now);
  }

  heard(now: number, from: NodeId, incarnation: number, votes: boolean): void {
    const peer = this.#find(from);
    if (peer === undefined || incarnation < peer.incarnation) return;
    peer.incarnation = incarnation;
    // One that cannot vote is no help towards a quorum and no home, however loudly it speaks.
    if (votes) peer.heardMs = now;
  }

  onHeartbeat(now: number, from: NodeId, wantedMs: number): void {
    const peer = this.#find(from);
    if (peer === undefined) return;
    peer.wantsUntilMs = now + Math.min(wantedMs, this.#timing.inUseMs);
    this.#schedule(now);
  }

  sent(now: number, to: NodeId): void {
    const peer = this.#find(to);
    if (peer !== undefined) peer.sentMs = now;
  }

  isSuspected(node: NodeId, now: number): boolean {
    if (node === this.#self) return !this.#selfVotes;
    return now - this.heardMs(node) >= this.#timing.suspectMs;
  }

  heardMs(node: NodeId): number {
    return this.#find(node)?.heardMs ?? Number.NEGATIVE_INFINITY;
  }

  /** The process of the node that was heard last, or the one its configuration was made with. */
  incarnationOf(node: NodeId): number {
    return this.#find(node)?.incarnation ?? 0;
  }

  /** Rule 13: without this, operations are refused at once and nothing is sent. */
  hearsMajority(now: number): boolean {
    let count = this.#selfVotes ? 1 : 0;
    for (const { node } of this.#peers) if (!this.isSuspected(node, now)) count++;
    return count >= majorityOf(this.#configuration);
  }

  /** The first live member in the register's own order of members; this node if it hears none. */
  homeOf(register: string, now: number, avoid: NodeId | undefined): NodeId {
    let home = this.#self;
    let best = -1;
    for (const { node } of this.#configuration.members) {
      if (node === avoid || this.isSuspected(node, now)) continue;
      const rank = rankOf(register, node);
      if (rank > best || (rank === best && compareText(node, home) < 0)) {
        best = rank;
        home = node;
      }
    }
    return home;
  }

  /** Members that are worth a message: the unsuspected, or all if those are no majority. */
  worthAsking(now: number): NodeId[] {
    const all = this.#configuration.members.map(({ node }) => node);
    return this.hearsMajority(now) ? all.filter((node) => !this.isSuspected(node, now)) : all;
  }

  onDue(now: number): void {
    const wantedMs = Math.max(0, Math.ceil(this.#inUseUntilMs - now));
    for (const peer of this.#peers) {
      if (!this.#isWanted(peer, now) || now < peer.sentMs + this.#timing.heartbeatMs) continue;
      peer.sentMs = now;
      this.#beat(peer.node, wantedMs);
    }
    this.#schedule(now);
  }

  /** Nothing beats in a cluster that nobody uses. */
  #isWanted(peer: Peer, now: number): boolean {
    return now < this.#inUseUntilMs || now < peer.wantsUntilMs;
  }

  #schedule(now: number): void {
    let due = Number.POSITIVE_INFINITY;
    for (const peer of this.#peers) {
      if (this.#isWanted(peer, now)) due = Math.min(due, peer.sentMs + this.#timing.heartbeatMs);
    }
    this.#agenda.set(this, due);
  }

  #find(node: NodeId): Peer | undefined {
    return this.#peers.find((peer) => peer.node === node);
  }
}

/** Rendezvous hashing (Thaler and Ravishankar 1998): FNV-1a over both names, then a final mix. */
function rankOf(register: string, node: NodeId): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < register.length; i++) {
    hash = Math.imul(hash ^ register.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ 0xff, 0x01000193);
  for (let i = 0; i < node.length; i++) {
    hash = Math.imul(hash ^ node.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
  return (hash ^ (hash >>> 16)) >>> 0;
}
