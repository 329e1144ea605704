// Reads of one register in one round trip (consensus-rules 7, 8, 13; Skrzypczak et al. arXiv
// 1908.05733 call it a consistent quorum): if a majority reports the same accepted ballot of the
// current epoch, its value is chosen and no later one was chosen before the read began. Promises
// are ignored and none is raised. A bare majority is asked first, the others as soon as that
// disagrees or takes long; then all once more; then the read goes through the home like a write.
// Several reports of one node may differ: each is the truth of a moment since the read began, and
// the latest is kept. A conditional operation that changes nothing is answered here too, as the
// read that it then is (rule 7).

import type { Bytes } from "../base/bytes.js";
import type { Accepted } from "./acceptor.js";
import type { Job } from "./agenda.js";
import { type Ballot, equalBallots } from "./ballot.js";
import { majorityOf, memberOf, type NodeId } from "./configuration.js";
import { type NodeContext, type Operation, settleUnavailable } from "./context.js";
import type { ReadReply } from "./messages.js";
import type { Origin } from "./origin.js";
import { blankValue, type RegisterValue } from "./register-value.js";
import { readRoundCountMax, waitingCountMax } from "./timing.js";

export class Reader {
  readonly #context: NodeContext;
  readonly #register: string;
  readonly #origin: Origin;
  readonly #rounds = new Map<number, ReadRound>();
  #waiting: Operation[] = [];

  constructor(context: NodeContext, register: string, origin: Origin) {
    this.#context = context;
    this.#register = register;
    this.#origin = origin;
  }

  get isIdle(): boolean {
    return this.#rounds.size === 0 && this.#waiting.length === 0;
  }

  /** At the bound the operation is refused at once (11). */
  submit(now: number, operation: Operation): void {
    if (this.#waiting.length >= waitingCountMax) {
      settleUnavailable(this.#context, operation);
      return;
    }
    this.#waiting.push(operation);
    this.#launch(now);
  }

  onReply(now: number, from: NodeId, message: ReadReply): void {
    if (message.reader === this.#context.incarnation)
      this.#rounds.get(message.id)?.onReply(now, from, message);
  }

  /** Reports of the old epoch are not votes of the new one: start over. */
  // Spec: LinearizableRegister.AdoptInReader.
  onEpochChange(now: number): void {
    for (const [id, round] of this.#rounds) {
      this.#rounds.delete(id);
      round.end();
      this.#waiting.push(...round.operations);
    }
    this.#launch(now);
  }

  /** An operation may only join a round that begins after it was submitted. */
  #launch(now: number): void {
    if (this.#waiting.length === 0 || this.#rounds.size >= readRoundCountMax) return;
    const operations = this.#waiting;
    this.#waiting = [];
    if (!this.#context.peers.hearsMajority(now)) {
      for (const operation of operations) settleUnavailable(this.#context, operation);
      return;
    }
    const id = this.#context.nextSeq();
    const round = new ReadRound(this.#context, this.#register, id, operations, (at, result) => {
      this.#rounds.delete(id);
      this.#onEnd(at, operations, result);
      this.#launch(at);
    });
    this.#rounds.set(id, round);
    round.begin(now);
  }

  #onEnd(now: number, operations: readonly Operation[], value: RegisterValue | undefined): void {
    for (const operation of operations) {
      const outcome = value && this.#answer(now, operation, value.state);
      if (outcome === undefined) this.#origin.submit(operation);
      else this.#context.settle(operation, { kind: "ok", outcome });
    }
  }

  /** Undefined: the operation changes the state, so it has to be proposed. */
  #answer(now: number, operation: Operation, state: Bytes): Bytes | undefined {
    const { context, register } = { context: this.#context, register: this.#register };
    if (operation.kind === "read") return context.query(register, state, operation.bytes, now);
    const { changed, outcomes } = context.change(register, state, [operation.bytes], now);
    if (changed) return undefined;
    context.counters.refusalsByRead++;
    return outcomes[0];
  }
}

/** Undefined value: no consistent quorum was found. */
type OnEnd = (now: number, value: RegisterValue | undefined) => void;

class ReadRound implements Job {
  dueMs = Number.POSITIVE_INFINITY;
  queuedMs = Number.POSITIVE_INFINITY;
  readonly operations: readonly Operation[];
  readonly #context: NodeContext;
  readonly #register: string;
  readonly #id: number;
  readonly #onEnd: OnEnd;
  /** Our own vote, whose value the others need not send. */
  readonly #known: Accepted | undefined;
  readonly #asked: NodeId[] = [];
  /** By member; undefined is blank. */
  readonly #reports = new Map<NodeId, Ballot | undefined>();
  readonly #values: Accepted[] = [];
  /** Members heard from since the present attempt began. */
  #answeredCount = 0;
  #attempt = 1;
  #attemptMs = 0;

  constructor(
    context: NodeContext,
    register: string,
    id: number,
    operations: readonly Operation[],
    onEnd: OnEnd,
  ) {
    this.#context = context;
    this.#register = register;
    this.#id = id;
    this.operations = operations;
    this.#onEnd = onEnd;
    this.#known = context.acceptor.acceptedOf(register);
    if (this.#known !== undefined) this.#values.push(this.#known);
  }

  // Spec: LinearizableRegister.BeginRead.
  begin(now: number): void {
    const { timing, peers } = this.#context;
    this.#attemptMs = now;
    const all = peers.worthAsking(now);
    const chosen = timing.readWidenMs === 0 ? all : this.#bareMajority(now, all);
    for (const node of chosen) this.#ask(node);
    this.#schedule(now);
  }

  end(): void {
    this.#context.agenda.set(this, Number.POSITIVE_INFINITY);
  }

  onReply(now: number, from: NodeId, message: ReadReply): void {
    if (memberOf(this.#context.configuration, from) === undefined) return;
    const { accepted, value } = message;
    if (accepted !== undefined && value !== undefined)
      this.#values.push({ ballot: accepted, value });
    if (!this.#reports.has(from)) this.#answeredCount++;
    this.#reports.set(from, accepted);
    const chosen = this.#consistentValue();
    if (chosen !== undefined) this.#succeed(now, chosen);
    else if (this.#answeredCount >= this.#asked.length) this.#widen(now);
  }

  onDue(now: number): void {
    const elapsedMs = now - this.#attemptMs;
    if (elapsedMs >= this.#context.timing.readAttemptMs) this.#endAttempt(now);
    else this.#widen(now);
  }

  /** The value of the ballot that a majority reports, or undefined (rule 8). */
  // Spec: LinearizableRegister.EndRead.
  #consistentValue(): RegisterValue | undefined {
    const { configuration } = this.#context;
    const majority = majorityOf(configuration);
    let blankCount = 0;
    for (const report of this.#reports.values()) if (report === undefined) blankCount++;
    if (blankCount >= majority) return blankValue;
    for (const ballot of this.#reports.values()) {
      // State taken over from an earlier epoch is inherited; it is nobody's vote in this one.
      if (ballot === undefined || ballot.epoch !== configuration.epoch) continue;
      let count = 0;
      for (const other of this.#reports.values()) {
        if (other !== undefined && equalBallots(other, ballot)) count++;
      }
      if (count < majority) continue;
      return this.#values.find((known) => equalBallots(known.ballot, ballot))?.value;
    }
    return undefined;
  }

  #succeed(now: number, value: RegisterValue): void {
    const { counters } = this.#context;
    if (this.#attempt === 1) counters.fastReads++;
    else counters.secondReads++;
    this.end();
    this.#onEnd(now, value);
  }

  /**
   * Asks those not asked yet, and again those who have not answered; with nobody left the attempt
   * ends.
   */
  #widen(now: number): void {
    const left = this.#context.peers.worthAsking(now).filter((node) => !this.#reports.has(node));
    if (left.length === 0) {
      this.#endAttempt(now);
      return;
    }
    for (const node of left) this.#ask(node);
    this.#schedule(now);
  }

  #endAttempt(now: number): void {
    const { counters, peers } = this.#context;
    if (this.#attempt === 2) {
      counters.readsThroughHome++;
      this.end();
      this.#onEnd(now, undefined);
      return;
    }
    this.#attempt = 2;
    this.#attemptMs = now;
    this.#reports.clear();
    this.#answeredCount = 0;
    this.#asked.length = 0;
    for (const node of peers.worthAsking(now)) this.#ask(node);
    this.#schedule(now);
  }

  #ask(node: NodeId): void {
    if (!this.#asked.includes(node)) this.#asked.push(node);
    this.#context.send(node, {
      type: "read",
      register: this.#register,
      id: this.#id,
      known: this.#known?.ballot,
    });
  }

  #schedule(now: number): void {
    const { timing, agenda } = this.#context;
    const endMs = this.#attemptMs + timing.readAttemptMs;
    const isNarrow = this.#attempt === 1 && now === this.#attemptMs && timing.readWidenMs > 0;
    const repeatMs = now + (isNarrow ? timing.readWidenMs : timing.retransmitMs);
    agenda.set(this, Math.min(repeatMs, endMs));
  }

  /**
   * This node if it votes, and those heard last; the read's number spreads the load over equals.
   */
  #bareMajority(now: number, live: readonly NodeId[]): NodeId[] {
    const { configuration, self, peers, timing } = this.#context;
    const ages = (node: NodeId): number =>
      node === self ? -1 : Math.floor((now - peers.heardMs(node)) / (2 * timing.heartbeatMs));
    const turn = this.#id % live.length;
    const rotated = [...live.slice(turn), ...live.slice(0, turn)];
    return rotated.sort((a, b) => ages(a) - ages(b)).slice(0, majorityOf(configuration));
  }
}
