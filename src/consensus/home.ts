// The home side of one register: the envelopes that wait for a round, one per origin
// (consensus-rules 9), and what may still be said about each: refused while it was never in an
// accept, its outcomes once it is chosen, and nothing in between (rules 10 to 12). The proposer
// takes what is pending from here. An entry stays until a later envelope of its origin replaces it;
// it is the fence against late copies.

import type { Bytes } from "../base/bytes.js";
import { type Ballot, zeroBallot } from "./ballot.js";
import type { NodeId } from "./configuration.js";
import type { NodeContext } from "./context.js";
import type { Cancel, Forward } from "./messages.js";
import {
  compareEnvelopeIds,
  type EnvelopeId,
  type EnvelopeOutcome,
  type EnvelopeToRun,
} from "./register-value.js";

export interface HomeEntry extends EnvelopeToRun {
  operations: readonly Bytes[];
  deadlineMs: number;
  /**
   * queued: may be refused. sent: in an accept that has left, nothing definite can be said.
   * chosen: `outcomes` may be told, as often as asked. refused: will never be put into an accept.
   */
  status: "queued" | "sent" | "chosen" | "refused";
  outcomes: readonly Bytes[];
  /** Of a refused one: given if it is too old for the register, whoever proposes it (rule 14). */
  floor: Ballot | undefined;
}

type Content = Pick<EnvelopeToRun, "operations" | "born">;

/** Where the node's own envelopes get their answers; the others get a message. */
export interface OwnAnswers {
  onOwnOk(seq: number, outcomes: readonly Bytes[]): void;
  onOwnRefused(now: number, seq: number, floor: Ballot | undefined): void;
}

export class Home {
  readonly #context: NodeContext;
  readonly #register: string;
  readonly #own: OwnAnswers;
  /** Bounded by the members: nobody else's envelopes are taken. */
  readonly #entries = new Map<NodeId, HomeEntry>();

  constructor(context: NodeContext, register: string, own: OwnAnswers) {
    this.#context = context;
    this.#register = register;
    this.#own = own;
  }

  /** True: there is something new to propose. */
  onForward(now: number, from: NodeId, incarnation: number, message: Forward): boolean {
    // Meant for an earlier process of this node, whose accepts we know nothing about (rule 11).
    if (message.home !== this.#context.incarnation) return false;
    const id: EnvelopeId = { origin: from, incarnation, seq: message.seq };
    const known = this.#entries.get(from);
    const order = known === undefined ? 1 : compareEnvelopeIds(id, known);
    if (order < 0) return false;
    if (known !== undefined && order === 0) {
      this.#answerAgain(now, known);
      return false;
    }
    const deadlineMs = now + Math.min(message.ttlMs, this.#context.timing.deadlineMs);
    const entry = this.#add(id, message, deadlineMs);
    if (this.#context.peers.hearsMajority(now)) return true;
    this.#refuse(now, entry);
    return false;
  }

  onCancel(now: number, from: NodeId, incarnation: number, message: Cancel): void {
    if (message.home !== this.#context.incarnation) return;
    const id: EnvelopeId = { origin: from, incarnation, seq: message.seq };
    const known = this.#entries.get(from);
    const order = known === undefined ? 1 : compareEnvelopeIds(id, known);
    if (order < 0) return;
    if (known !== undefined && order === 0) {
      if (known.status === "queued") this.#refuse(now, known);
      else this.#answerAgain(now, known);
      return;
    }
    // The forward itself is still on its way, if it comes at all: fence it.
    this.#context.counters.cancelsFenced++;
    this.#refuse(now, this.#add(id, { operations: [], born: zeroBallot }, now));
  }

  /** Queues an envelope of this node, or changes the operations of one that was never sent. */
  proposeOwn(seq: number, content: Content, deadlineMs: number): void {
    const id: EnvelopeId = {
      origin: this.#context.self,
      incarnation: this.#context.incarnation,
      seq,
    };
    this.#add(id, content, deadlineMs);
  }

  /** Takes back the node's own envelope, unless it was sent. */
  withdrawOwn(seq: number): void {
    const entry = this.#entries.get(this.#context.self);
    if (entry?.seq === seq && entry.status === "queued") entry.status = "refused";
  }

  /** Rule 10: whether the node's own envelope was ever in an accept of its own. */
  wasOwnSent(seq: number): boolean {
    const entry = this.#entries.get(this.#context.self);
    return entry?.seq === seq && (entry.status === "sent" || entry.status === "chosen");
  }

  /**
   * What the next round runs, in order of arrival. Whatever came too late unsent is refused on the
   * way.
   */
  pending(now: number): HomeEntry[] {
    const pending: HomeEntry[] = [];
    for (const entry of this.#entries.values()) {
      if (entry.status !== "queued" && entry.status !== "sent") continue;
      if (entry.deadlineMs > now) pending.push(entry);
      else if (entry.status === "queued" && entry.origin !== this.#context.self)
        this.#refuse(now, entry); // The node's own are ended by the timer of their origin role.
    }
    return pending;
  }

  /** From here on a refusal would be a lie: the accepts that carry these leave now. */
  markSent(entries: readonly HomeEntry[]): void {
    for (const entry of entries) entry.status = "sent";
  }

  /**
   * The accept that carried these is chosen. All change status before the first is answered,
   * because an answer may start the next round.
   */
  onChosen(
    now: number,
    batch: readonly HomeEntry[],
    outcomes: readonly EnvelopeOutcome[],
    floor: Ballot,
  ): void {
    batch.forEach((entry, i) => {
      const outcome = outcomes[i]!;
      if (outcome === "too_old") {
        this.#context.counters.envelopesTooOld++;
        entry.status = "refused";
        entry.floor = floor;
      } else {
        entry.status = "chosen";
        entry.outcomes = outcome === "moved_on" ? [] : outcome;
      }
    });
    batch.forEach((entry, i) => {
      const isCurrent = this.#entries.get(entry.origin) === entry;
      if (isCurrent && outcomes[i] !== "moved_on") this.#answerAgain(now, entry);
    });
  }

  /** Whether an envelope waits for a round or for the end of one. */
  isIdle(now: number): boolean {
    for (const { status, deadlineMs } of this.#entries.values()) {
      if ((status === "queued" || status === "sent") && deadlineMs > now) return false;
    }
    return true;
  }

  /** Rule 13: no majority is heard, so whatever was not sent will not be. */
  refuseQueued(now: number): void {
    const queued = [...this.#entries.values()].filter((entry) => entry.status === "queued");
    for (const entry of queued) this.#refuse(now, entry);
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  #add(id: EnvelopeId, { operations, born }: Content, deadlineMs: number): HomeEntry {
    const entry: HomeEntry = {
      ...id,
      operations,
      born,
      deadlineMs,
      status: "queued",
      outcomes: [],
      floor: undefined,
    };
    this.#entries.delete(id.origin); // Last in the order of arrival.
    this.#entries.set(id.origin, entry);
    return entry;
  }

  #refuse(now: number, entry: HomeEntry): void {
    entry.status = "refused";
    entry.operations = [];
    if (entry.origin !== this.#context.self) this.#context.counters.forwardsRefused++;
    this.#answerAgain(now, entry);
  }

  /** Says what may be said; an answer may have been lost. */
  #answerAgain(now: number, entry: HomeEntry): void {
    const { origin, incarnation, seq, status, outcomes, floor } = entry;
    const register = this.#register;
    if (status === "queued" || status === "sent") return;
    if (origin === this.#context.self) {
      if (status === "chosen") this.#own.onOwnOk(seq, outcomes);
      else this.#own.onOwnRefused(now, seq, floor);
    } else if (status === "chosen") {
      const type = "forward_ok";
      this.#context.send(origin, { type, register, origin: incarnation, seq, outcomes });
    } else {
      const type = "forward_refused";
      this.#context.send(origin, { type, register, origin: incarnation, seq, floor });
    }
  }
}
