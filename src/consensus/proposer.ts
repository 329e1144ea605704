// The proposer of one register on one node: CASPaxos rounds over the envelopes that wait at the
// home (consensus-rules 1, 3 to 6, 9). A round runs everything pending; the next begins when it
// ends. Cold: prepare, then accept. Warm: straight to accept at the ballot that a majority promised
// together with its last vote for us. Nothing is told before the accept that carries it is chosen.

import { assert } from "../base/assert.js";
import { buggify } from "../base/buggify.js";
import type { Accepted } from "./acceptor.js";
import type { Job } from "./agenda.js";
import { type Ballot, compareBallots, equalBallots, maxBallot, zeroBallot } from "./ballot.js";
import type { Collector } from "./collector.js";
import { majorityOf, type NodeId } from "./configuration.js";
import type { NodeContext } from "./context.js";
import type { Home, HomeEntry } from "./home.js";
import type { AcceptedReply, Body, PromiseReply, RejectedReply } from "./messages.js";
import { Votes } from "./quorum.js";
import {
  applyEnvelopes,
  blankAbove,
  type EnvelopeOutcome,
  isTombstone,
  type RegisterValue,
} from "./register-value.js";

interface Round {
  readonly ballot: Ballot;
  readonly request: Body;
  readonly votes: Votes;
  readonly rejections: Votes;
  readonly startedMs: number;
}

interface Preparing extends Round {
  readonly kind: "preparing";
  /** Whose value the promises need not repeat. */
  readonly known: Accepted | undefined;
  best: Accepted | undefined;
  /** The highest floor among those for whom the register is blank. */
  floor: Ballot;
}

interface Accepting extends Round {
  readonly kind: "accepting";
  readonly next: Ballot;
  readonly value: RegisterValue;
  readonly batch: readonly HomeEntry[];
  readonly outcomes: readonly EnvelopeOutcome[];
}

type Phase =
  | { readonly kind: "idle" }
  /** Between a failed round and its retry. */
  | { readonly kind: "backing_off" }
  | Preparing
  | Accepting;

const idle: Phase = { kind: "idle" };

export class Proposer implements Job {
  dueMs = Number.POSITIVE_INFINITY;
  queuedMs = Number.POSITIVE_INFINITY;
  readonly #context: NodeContext;
  readonly #register: string;
  readonly #home: Home;
  readonly #collector: Collector;
  #phase: Phase = idle;
  /** Rule 3: a majority voted for `value` and promised `ballot` in the same breath. One use. */
  #warm: Accepted | undefined;
  /** The highest round in any ballot issued here, reserved ones included (rule 1). */
  #issuedRound = 0;
  /** The highest round met in a rejection. */
  #metRound = 0;
  /** Failed rounds since the last chosen one. */
  #failureCount = 0;
  /** A round without envelopes is wanted, to collect a tombstone (rule 14). */
  #collects = false;

  constructor(context: NodeContext, register: string, home: Home, collector: Collector) {
    this.#collector = collector;
    this.#context = context;
    this.#register = register;
    this.#home = home;
  }

  /** True while nothing would be lost by forgetting this proposer. */
  get isUnused(): boolean {
    return this.#issuedRound === 0 && this.#phase.kind === "idle";
  }

  /** True while no round is under way here, or only one that collects. */
  get isIdle(): boolean {
    const phase = this.#phase;
    return phase.kind === "idle" || (phase.kind === "accepting" && phase.batch.length === 0);
  }

  /** Proposes the tombstone that was chosen last, unchanged (rule 14). */
  collect(now: number): void {
    if (this.#phase.kind !== "idle") return;
    // Until the round accepts, fails or finds an envelope to run.
    this.#collects = true;
    this.#start(now);
  }

  /** The register is blank again: nothing that this proposer holds is worth keeping. */
  onErased(): void {
    this.#warm = undefined;
  }

  /** Something is pending at the home. */
  wake(now: number): void {
    if (this.#phase.kind === "idle") this.#start(now);
  }

  /** The configuration has changed: votes of the old epoch count no more (rules 3 and 16). */
  // Spec: LinearizableRegister.AdoptInProposer.
  onEpochChange(now: number): void {
    this.#warm = undefined;
    if (this.#phase.kind !== "idle") this.#context.counters.roundsOutdated++;
    this.#become(idle);
    this.#start(now);
  }

  // Spec: LinearizableRegister.Accept.
  onPromise(now: number, from: NodeId, message: PromiseReply): void {
    const phase = this.#phase;
    if (phase.kind !== "preparing" || !equalBallots(phase.ballot, message.ballot)) return;
    const accepted = acceptedIn(message, phase.known);
    if (accepted === "unreadable" || !phase.votes.add(from)) return;
    if (accepted === undefined) phase.floor = maxBallot(phase.floor, message.floor);
    else if (isAbove(accepted, phase.best)) phase.best = accepted;
    if (!phase.votes.isMajority) return;
    this.#accept(now, phase.ballot, phase.best?.value ?? blankAbove(phase.floor));
  }

  onAccepted(now: number, from: NodeId, message: AcceptedReply): void {
    this.#collector.onVote(from, message);
    const phase = this.#phase;
    if (phase.kind !== "accepting" || !equalBallots(phase.ballot, message.ballot)) return;
    if (phase.votes.add(from) && phase.votes.isMajority) this.#onChosen(now, phase);
  }

  onRejected(now: number, from: NodeId, message: RejectedReply): void {
    this.#metRound = Math.max(this.#metRound, message.promised.round);
    const phase = this.#phase;
    if (phase.kind !== "preparing" && phase.kind !== "accepting") return;
    // A late prepare is refused by whoever has voted for its ballot; that says nothing about the
    // accept.
    const isOfPhase = message.phase === (phase.kind === "preparing" ? "prepare" : "accept");
    if (!isOfPhase || !equalBallots(phase.ballot, message.ballot)) return;
    if (!phase.rejections.add(from) || this.#mayStillSucceed(now, phase)) return;
    this.#context.counters.roundsPreempted++;
    this.#fail(now);
  }

  onDue(now: number): void {
    const phase = this.#phase;
    if (phase.kind === "idle") return;
    if (phase.kind === "backing_off") {
      this.#become(idle);
      this.#start(now);
    } else if (
      now - phase.startedMs >= this.#context.timing.roundMs ||
      buggify("round_is_given_up")
    ) {
      this.#context.counters.roundsTimedOut++;
      this.#fail(now);
    } else {
      this.#ask(now, phase);
    }
  }

  verifyInvariants(): void {
    const phase = this.#phase;
    if (phase.kind === "idle" || phase.kind === "backing_off") return;
    assert(phase.ballot.round <= this.#issuedRound, "a ballot in use was never issued");
    assert(!phase.votes.isMajority, "a decided round is still open");
    assert(this.dueMs < Number.POSITIVE_INFINITY, "an open round has no timer");
  }

  #start(now: number): void {
    const pending = this.#home.pending(now);
    if (pending.length === 0 && !this.#collects) return;
    if (!this.#context.peers.hearsMajority(now)) {
      this.#collects = false;
      this.#home.refuseQueued(now);
      // What was sent may still be chosen when the others come back; until its deadline it is kept.
      if (pending.some((entry) => entry.status === "sent")) this.#backOff(now);
      return;
    }
    const warm = buggify("warm_ballot_is_thrown_away") ? undefined : this.#stillWarm();
    this.#warm = undefined;
    if (warm === undefined) this.#prepare(now);
    else {
      this.#context.counters.warmRounds++;
      this.#accept(now, warm.ballot, warm.value);
    }
  }

  /** Our own acceptor has promised above the warm ballot: the others probably have too. */
  // Spec: LinearizableRegister.AcceptWarm.
  #stillWarm(): Accepted | undefined {
    const { acceptor } = this.#context;
    const warm = this.#warm;
    // To collect, a ballot must be above every floor.
    if (this.#collects && warm !== undefined && compareBallots(warm.ballot, acceptor.floor) <= 0)
      return undefined;
    const promised = acceptor.promisedOf(this.#register);
    return warm !== undefined && compareBallots(promised, warm.ballot) <= 0 ? warm : undefined;
  }

  // Spec: LinearizableRegister.Prepare.
  #prepare(now: number): void {
    const { acceptor, configuration, counters } = this.#context;
    const register = this.#register;
    counters.rounds++;
    const ballot = this.#nextBallot();
    const known = acceptor.acceptedOf(register);
    const phase: Preparing = {
      kind: "preparing",
      ballot,
      request: { type: "prepare", register, ballot, known: known?.ballot },
      votes: new Votes(configuration),
      rejections: new Votes(configuration),
      startedMs: now,
      known,
      best: undefined,
      floor: zeroBallot,
    };
    this.#become(phase);
    this.#ask(now, phase);
  }

  /** Runs what is pending on `base` and proposes the result. */
  #accept(now: number, ballot: Ballot, base: RegisterValue): void {
    const context = this.#context;
    const register = this.#register;
    const batch = this.#home.pending(now);
    const collects = this.#collects && batch.length === 0 && isTombstone(base);
    this.#collects = false;
    if (batch.length === 0 && !collects) {
      this.#become(idle); // Everything was withdrawn or came too late; the promise does no harm.
      return;
    }
    const { value, outcomes, storedCount } = applyEnvelopes(base, batch, (state, operations) =>
      context.change(register, state, operations, now),
    );
    context.counters.storedOutcomes += storedCount;
    this.#issuedRound = Math.max(this.#issuedRound, ballot.round) + 1;
    const next: Ballot = { ...ballot, round: this.#issuedRound };
    const phase: Accepting = {
      kind: "accepting",
      ballot,
      request: { type: "accept", register, ballot, value, next, collects },
      votes: new Votes(context.configuration),
      rejections: new Votes(context.configuration),
      startedMs: now,
      next,
      value,
      batch,
      outcomes,
    };
    this.#home.markSent(batch);
    if (collects) this.#collector.onProposed(ballot);
    else this.#collector.stop();
    this.#become(phase);
    this.#ask(now, phase);
  }

  // Spec: LinearizableRegister.Chosen.
  #onChosen(now: number, { next, value, batch, outcomes, rejections }: Accepting): void {
    this.#context.counters.roundsChosen++;
    this.#failureCount = 0;
    // A rejection means that somebody else is at work, who would pre-empt the warm round anyway.
    this.#warm = rejections.count === 0 ? { ballot: next, value } : undefined;
    this.#become(idle);
    if (batch.length > 0 && isTombstone(value)) this.#collector.onTombstone(now);
    this.#home.onChosen(now, batch, outcomes, value.floor);
    this.#context.afterResults((at) => this.wake(at));
  }

  /** The outcome is unknown: whatever was sent is proposed again under the same name (rule 4). */
  #fail(now: number): void {
    this.#warm = undefined;
    this.#collects = false;
    this.#failureCount++;
    this.#become(idle);
    if (this.#failureCount === 1) this.#start(now);
    else this.#backOff(now);
  }

  #backOff(now: number): void {
    const { timing, agenda } = this.#context;
    const doublings = Math.min(16, Math.max(0, this.#failureCount - 1));
    const longest = Math.min(timing.backoffMsMax, timing.backoffMs * 2 ** doublings);
    this.#become({ kind: "backing_off" });
    agenda.set(this, now + Math.max(1, this.#context.random() * longest));
  }

  /** Sends the round's request to those who have not answered, and again until the round ends. */
  #ask(now: number, phase: Preparing | Accepting): void {
    const { peers, agenda, timing } = this.#context;
    for (const node of peers.worthAsking(now)) {
      if (!phase.votes.has(node) && !phase.rejections.has(node))
        this.#context.send(node, phase.request);
    }
    agenda.set(this, Math.min(now + timing.retransmitMs, phase.startedMs + timing.roundMs));
  }

  /** False once even the votes of all live members would be too few. */
  #mayStillSucceed(now: number, { votes, rejections }: Round): boolean {
    const { configuration, peers } = this.#context;
    let possible = 0;
    for (const { node } of configuration.members) {
      if (votes.has(node) || (!rejections.has(node) && !peers.isSuspected(node, now))) possible++;
    }
    return possible >= majorityOf(configuration);
  }

  #nextBallot(): Ballot {
    const { acceptor, configuration, self, incarnation } = this.#context;
    const promised = maxBallot(acceptor.promisedOf(this.#register), acceptor.floor).round;
    this.#issuedRound = Math.max(this.#issuedRound, this.#metRound, promised) + 1;
    return { epoch: configuration.epoch, round: this.#issuedRound, node: self, incarnation };
  }

  #become(phase: Phase): void {
    this.#phase = phase;
    this.#context.agenda.set(this, Number.POSITIVE_INFINITY);
  }
}

/** What a promise reports, its value filled in from what the proposer holds already. */
function acceptedIn(
  message: PromiseReply,
  known: Accepted | undefined,
): Accepted | undefined | "unreadable" {
  if (message.accepted === undefined) return undefined;
  if (message.value !== undefined) return { ballot: message.accepted, value: message.value };
  if (known !== undefined && equalBallots(known.ballot, message.accepted)) return known;
  return "unreadable";
}

const isAbove = (a: Accepted, b: Accepted | undefined): boolean =>
  b === undefined || compareBallots(a.ballot, b.ballot) > 0;
