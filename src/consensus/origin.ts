// The origin side of one register: the operations that clients of this node wait for
// (consensus-rules 9 to 13). One envelope is outstanding at a time; what comes meanwhile waits and
// goes into the next. The envelope is proposed here if this node is the register's home, else
// forwarded; a home that falls silent is taken over from, under the envelope's own name. What a
// client is told rests on rule 10: unavailable (11) only if the envelope was never in an accept
// here and every home it was forwarded to has refused it.

import type { Bytes } from "../base/bytes.js";
import type { Job } from "./agenda.js";
import type { Ballot } from "./ballot.js";
import type { NodeId } from "./configuration.js";
import { type NodeContext, type Operation, settleUnavailable } from "./context.js";
import type { Home, OwnAnswers } from "./home.js";
import type { ForwardOk, ForwardRefused } from "./messages.js";
import type { Proposer } from "./proposer.js";
import { envelopeOperationCountMax, waitingCountMax } from "./timing.js";

/** A process of a node that was handed the envelope and has not refused it. */
interface Holder {
  readonly home: NodeId;
  readonly incarnation: number;
}

type Route =
  | { readonly kind: "own" }
  | (Holder & { readonly kind: "forwarded"; readonly sinceMs: number; repeatMs: number })
  /** Refused here for want of a majority, while another node may still run it. */
  | { readonly kind: "nowhere" };

interface Outstanding {
  readonly seq: number;
  /** Exactly those that travel; settled ones stay while the envelope may run. */
  operations: readonly Operation[];
  readonly born: Ballot;
  route: Route;
  holders: Holder[];
}

export class Origin implements Job, OwnAnswers {
  dueMs = Number.POSITIVE_INFINITY;
  queuedMs = Number.POSITIVE_INFINITY;
  readonly #context: NodeContext;
  readonly #register: string;
  readonly #home: Home;
  readonly #proposer: Proposer;
  #waiting: Operation[] = [];
  #willLaunch = false;
  #outstanding: Outstanding | undefined;
  /** A home that was heard but did not answer in time, and until when it is passed over. */
  #avoided: { readonly home: NodeId; readonly untilMs: number } | undefined;

  constructor(context: NodeContext, register: string, home: Home, proposer: Proposer) {
    this.#context = context;
    this.#register = register;
    this.#home = home;
    this.#proposer = proposer;
  }

  get isIdle(): boolean {
    return this.#outstanding === undefined && this.#waiting.length === 0;
  }

  /** At the bound the operation is refused at once (11). */
  submit(operation: Operation): void {
    if (this.#waiting.length >= waitingCountMax) {
      settleUnavailable(this.#context, operation);
      return;
    }
    this.#waiting.push(operation);
    if (operation.deadlineMs < this.dueMs) this.#context.agenda.set(this, operation.deadlineMs);
    this.#launchSoon();
  }

  onOwnOk(seq: number, outcomes: readonly Bytes[]): void {
    this.#onOutcomes(seq, outcomes);
  }

  onOwnRefused(now: number, seq: number, floor: Ballot | undefined): void {
    const outstanding = this.#outstanding;
    if (outstanding?.seq !== seq) return;
    if (floor !== undefined) {
      this.#renew(outstanding, floor);
      return;
    }
    if (outstanding.route.kind !== "own") return;
    outstanding.route = { kind: "nowhere" };
    this.#giveUpIfRefused(now, outstanding);
  }

  onForwardOk({ origin, seq, outcomes }: ForwardOk): void {
    if (origin === this.#context.incarnation) this.#onOutcomes(seq, outcomes);
  }

  /** @param incarnation the process that refuses; only its own copy is refused (rule 10). */
  onForwardRefused(now: number, from: NodeId, incarnation: number, message: ForwardRefused): void {
    const outstanding = this.#outstanding;
    if (message.origin !== this.#context.incarnation || outstanding?.seq !== message.seq) return;
    if (message.floor !== undefined) {
      this.#renew(outstanding, message.floor);
      return;
    }
    outstanding.holders = outstanding.holders.filter(
      (holder) => holder.home !== from || holder.incarnation !== incarnation,
    );
    const { route } = outstanding;
    if (route.kind === "forwarded" && route.home === from) this.#proposeOwn(now, outstanding);
    else if (route.kind === "nowhere") this.#giveUpIfRefused(now, outstanding);
  }

  onDue(now: number): void {
    this.#expireWaiting(now);
    if (this.#outstanding !== undefined) this.#expireOutstanding(now, this.#outstanding);
    if (this.#outstanding !== undefined) this.#checkRoute(now, this.#outstanding);
    this.#launch(now);
    this.#schedule(now);
  }

  /**
   * Clients that were answered together mostly ask together: one envelope for all of them (rule 9).
   */
  #launchSoon(): void {
    if (this.#outstanding !== undefined || this.#willLaunch) return;
    this.#willLaunch = true;
    this.#context.afterResults((now) => {
      this.#willLaunch = false;
      this.#launch(now);
    });
  }

  #launch(now: number): void {
    if (this.#outstanding !== undefined || this.#waiting.length === 0) return;
    if (!this.#context.peers.hearsMajority(now)) {
      const refused = this.#waiting;
      this.#waiting = [];
      for (const operation of refused) settleUnavailable(this.#context, operation);
      return;
    }
    const operations = this.#waiting.slice(0, envelopeOperationCountMax);
    this.#waiting = this.#waiting.slice(envelopeOperationCountMax);
    const avoid = now < (this.#avoided?.untilMs ?? 0) ? this.#avoided?.home : undefined;
    const home = this.#context.peers.homeOf(this.#register, now, avoid);
    const seq = this.#context.nextSeq();
    const born = this.#context.floor;
    const outstanding: Outstanding = { seq, operations, born, route: { kind: "own" }, holders: [] };
    this.#outstanding = outstanding;
    if (home === this.#context.self) this.#proposeOwn(now, outstanding);
    else this.#forward(now, home, outstanding);
  }

  #forward(now: number, home: NodeId, outstanding: Outstanding): void {
    const { peers, counters, timing } = this.#context;
    const holder: Holder = { home, incarnation: peers.incarnationOf(home) };
    outstanding.holders.push(holder);
    const repeatMs = now + timing.forwardCheckMs;
    outstanding.route = { kind: "forwarded", ...holder, sinceMs: now, repeatMs };
    counters.forwards++;
    this.#sendForward(now, outstanding, holder);
    this.#schedule(now);
  }

  #sendForward(now: number, { seq, operations, born }: Outstanding, holder: Holder): void {
    const ttlMs = Math.max(1, Math.ceil(deadlineOf(operations) - now));
    this.#context.send(holder.home, {
      type: "forward",
      register: this.#register,
      home: holder.incarnation,
      ttlMs,
      seq,
      born,
      operations: operations.map(({ bytes }) => bytes),
    });
  }

  /** Here, under the same name: the applied table sees to it that it runs once (rule 4). */
  #proposeOwn(now: number, outstanding: Outstanding): void {
    outstanding.route = { kind: "own" };
    const { seq, operations, born } = outstanding;
    const content = { operations: operations.map(({ bytes }) => bytes), born };
    this.#home.proposeOwn(seq, content, deadlineOf(operations));
    this.#schedule(now);
    this.#proposer.wake(now); // May answer at once, so nothing follows it.
  }

  /** Rule 11. */
  #checkRoute(now: number, outstanding: Outstanding): void {
    const { peers, timing, counters } = this.#context;
    const { route } = outstanding;
    if (route.kind === "nowhere" && peers.hearsMajority(now)) this.#proposeOwn(now, outstanding);
    if (route.kind !== "forwarded") return;
    const isOther = peers.incarnationOf(route.home) !== route.incarnation;
    const isSilent = now - peers.heardMs(route.home) >= timing.homeSilentMs;
    if (isOther || isSilent || now - route.sinceMs >= timing.homeSlowMs) {
      this.#takeOver(now, outstanding, route);
    } else if (now >= route.repeatMs) {
      route.repeatMs = now + timing.forwardCheckMs;
      counters.forwardsRepeated++;
      this.#sendForward(now, outstanding, route);
    }
  }

  #takeOver(now: number, outstanding: Outstanding, { home, incarnation }: Holder): void {
    const { timing, counters } = this.#context;
    counters.takeovers++;
    counters.cancels++;
    this.#avoided = { home, untilMs: now + timing.suspectMs };
    const { seq } = outstanding;
    this.#context.send(home, { type: "cancel", register: this.#register, home: incarnation, seq });
    this.#proposeOwn(now, outstanding);
  }

  #onOutcomes(seq: number, outcomes: readonly Bytes[]): void {
    const outstanding = this.#outstanding;
    if (outstanding?.seq !== seq || outcomes.length !== outstanding.operations.length) return;
    this.#outstanding = undefined;
    this.#home.withdrawOwn(seq);
    outstanding.operations.forEach((operation, i) => {
      this.#context.settle(operation, { kind: "ok", outcome: outcomes[i]! });
    });
    this.#launchSoon();
  }

  /**
   * The envelope was born below the register's floor, so no copy of it will ever run; and none has,
   * because a register is not collected while its origin has one outstanding (rule 14). Its
   * operations may therefore go into a new one.
   */
  #renew({ seq, operations }: Outstanding, floor: Ballot): void {
    this.#context.learnFloor(floor);
    this.#outstanding = undefined;
    this.#home.withdrawOwn(seq);
    this.#waiting.unshift(...operations.filter(({ isSettled }) => !isSettled));
    this.#launchSoon();
  }

  /** Rule 10: whether any copy of the envelope may be, or come, in an accept. */
  #mayRun({ seq, holders }: Outstanding): boolean {
    return holders.length > 0 || this.#home.wasOwnSent(seq);
  }

  // Spec: LinearizableRegister.Refuse.
  #giveUpIfRefused(now: number, outstanding: Outstanding): void {
    if (this.#mayRun(outstanding)) {
      this.#schedule(now);
      return;
    }
    this.#outstanding = undefined;
    this.#home.withdrawOwn(outstanding.seq);
    for (const operation of outstanding.operations) settleUnavailable(this.#context, operation);
    this.#launch(now);
  }

  #expireWaiting(now: number): void {
    const isLate = (operation: Operation): boolean => operation.deadlineMs <= now;
    if (!this.#waiting.some(isLate)) return;
    const late = this.#waiting.filter(isLate);
    this.#waiting = this.#waiting.filter((operation) => !isLate(operation));
    for (const operation of late) settleUnavailable(this.#context, operation);
  }

  #expireOutstanding(now: number, outstanding: Outstanding): void {
    const late = outstanding.operations.filter(
      (operation) => operation.deadlineMs <= now && !operation.isSettled,
    );
    if (late.length === 0) return;
    const mayRun = this.#mayRun(outstanding);
    const rest = outstanding.operations.filter((operation) => operation.deadlineMs > now);
    if (rest.length === 0) {
      this.#outstanding = undefined;
      this.#home.withdrawOwn(outstanding.seq);
    } else if (!mayRun) {
      // No copy exists but the one queued here: what is called unavailable must leave it.
      outstanding.operations = rest;
      this.#proposeOwn(now, outstanding);
    }
    for (const operation of late) {
      // A read has no effect, so it may always be called unavailable.
      if (operation.kind === "read" || !mayRun) settleUnavailable(this.#context, operation);
      else this.#context.settle(operation, { kind: "error", error: "timeout" });
    }
  }

  #schedule(now: number): void {
    let due = this.#waiting.reduce(
      (earliest, operation) => Math.min(earliest, operation.deadlineMs),
      Number.POSITIVE_INFINITY,
    );
    if (this.#outstanding !== undefined) {
      due = Math.min(due, this.#routeDueMs(now, this.#outstanding.route));
      for (const { isSettled, deadlineMs } of this.#outstanding.operations) {
        if (!isSettled) due = Math.min(due, deadlineMs);
      }
    }
    this.#context.agenda.set(this, due);
  }

  #routeDueMs(now: number, route: Route): number {
    const { peers, timing } = this.#context;
    if (route.kind === "own") return Number.POSITIVE_INFINITY;
    if (route.kind === "nowhere") return now + timing.forwardCheckMs;
    const silentMs = peers.heardMs(route.home) + timing.homeSilentMs;
    return Math.min(route.repeatMs, silentMs, route.sinceMs + timing.homeSlowMs);
  }
}

/** The envelope is worth sending until the last of its operations has ended. */
const deadlineOf = (operations: readonly Operation[]): number =>
  operations.reduce((latest, { deadlineMs }) => Math.max(latest, deadlineMs), 0);
