// Forgetting deleted registers (consensus-rules 14). What is left of a deleted register, an empty
// state with its applied table, may go once every member has voted for the very same ballot of it
// and has nothing under way on the register; its place is taken by the acceptors' floor, below
// which no ballot is heard and no envelope runs. The proposer that chose the tombstone looks after
// it, while it is home. Each part has its story: without the floor a late accept brings the
// register back, without the idle check a write is lost, without the floor of operations a late
// envelope runs twice.
// Left out: tombstones from before a restart or a change of home wait until they are written again.

import type { Job } from "./agenda.js";
import { type Ballot, equalBallots } from "./ballot.js";
import type { NodeId } from "./configuration.js";
import type { NodeContext } from "./context.js";
import type { AcceptedReply } from "./messages.js";
import { Votes } from "./quorum.js";

/**
 * After this many vain attempts, each twice as long after the last, the tombstone is left alone.
 */
const attemptCountMax = 8;

export class Collector implements Job {
  dueMs = Number.POSITIVE_INFINITY;
  queuedMs = Number.POSITIVE_INFINITY;
  readonly #context: NodeContext;
  readonly #register: string;
  /** Proposes the tombstone unchanged, if it still is one and nothing else is to be done. */
  readonly #propose: (now: number) => void;
  #ballot: Ballot | undefined;
  #idleVotes: Votes | undefined;
  #attemptCount = 0;

  constructor(context: NodeContext, register: string, propose: (now: number) => void) {
    this.#context = context;
    this.#register = register;
    this.#propose = propose;
  }

  /** An empty state was chosen here, by an operation rather than by an attempt to collect it. */
  onTombstone(now: number): void {
    this.#attemptCount = 0;
    this.#schedule(now);
  }

  /** Something else was chosen. */
  stop(): void {
    this.#ballot = undefined;
    this.#context.agenda.set(this, Number.POSITIVE_INFINITY);
  }

  /** The proposer has begun to propose the tombstone at `ballot`. */
  onProposed(ballot: Ballot): void {
    this.#ballot = ballot;
    this.#idleVotes = new Votes(this.#context.configuration);
  }

  /** Votes count here beyond the majority that chooses: all of them are needed. */
  onVote(from: NodeId, message: AcceptedReply): void {
    const ballot = this.#ballot;
    if (ballot === undefined || !message.isIdle || !equalBallots(ballot, message.ballot)) return;
    const { members } = this.#context.configuration;
    if (!this.#idleVotes!.add(from) || this.#idleVotes!.count < members.length) return;
    this.stop();
    this.#context.counters.registersCollected++;
    for (const { node } of members)
      this.#context.send(node, { type: "erase", register: this.#register, ballot });
  }

  onDue(now: number): void {
    const { peers, configuration, self } = this.#context;
    const isHome = peers.homeOf(this.#register, now, undefined) === self;
    if (!isHome || ++this.#attemptCount > attemptCountMax) {
      this.stop();
      return;
    }
    // One that is missing will not vote: do not even try.
    const isComplete = configuration.members.every(({ node }) => !peers.isSuspected(node, now));
    this.#schedule(now);
    if (isComplete) this.#propose(now);
  }

  #schedule(now: number): void {
    const { timing, agenda } = this.#context;
    if (timing.collectMs === 0) return;
    agenda.set(this, now + timing.collectMs * 2 ** this.#attemptCount);
  }
}
