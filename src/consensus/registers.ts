// The linearizable registers of one node: the facade over acceptor, proposer, home, origin and
// reader (design.md section 5; the law is consensus-rules, cited by number in each file). No clock,
// socket or disk: input and time come in through the methods, effects go out through the port.
//
// Order of effects: all that one call causes is collected and leaves at its end, first records for
// the log, then messages, then results. A vote leaves only when its record is durable, also towards
// this node's own proposer and reader. `complete` may call `submit`; `persist` may call
// `persisted`.
// Collecting deleted registers (rule 14) is off unless `timing.collectMs` says when.

import { assert } from "../base/assert.js";
import type { Bytes } from "../base/bytes.js";
import { Acceptor } from "./acceptor.js";
import { Agenda } from "./agenda.js";
import { type Ballot, maxBallot, zeroBallot } from "./ballot.js";
import { Collector } from "./collector.js";
import { type Configuration, memberOf, type NodeId } from "./configuration.js";
import type { NodeContext, Operation, OperationKind, OperationResult } from "./context.js";
import { Copying, CopySource } from "./copying.js";
import { type Counters, newCounters } from "./counters.js";
import { Home } from "./home.js";
import type { Body, ConsensusMessage, Erase, Reply } from "./messages.js";
import { Origin } from "./origin.js";
import { Peers } from "./peers.js";
import type { ConsensusPort, RegistersOptions } from "./port.js";
import { Proposer } from "./proposer.js";
import { Reader } from "./reader.js";
import { decodeRecord, encodeRecord } from "./records.js";
import { deliverReply, type Roles } from "./roles.js";
import { Standing } from "./standing.js";
import { defaultTiming, parkedCountMax, type Timing } from "./timing.js";

export type { ConsensusPort, RegistersOptions } from "./port.js";

interface Parked {
  readonly lsn: number;
  readonly to: NodeId;
  readonly body: Body;
}

export class Registers {
  readonly counters: Counters = newCounters();
  readonly #port: ConsensusPort;
  readonly #incarnation: number;
  readonly #timing: Timing;
  readonly #agenda = new Agenda();
  readonly #peers: Peers;
  readonly #acceptor: Acceptor;
  readonly #context: NodeContext;
  readonly #source: CopySource;
  readonly #copying: Copying;
  readonly #roles = new Map<string, Roles>();
  readonly #standing: Standing;
  #now = 0;
  #seq = 0;
  #lsn = 0;
  /** Learnt from refusals; the acceptor's own floor may be higher. */
  #learntFloor: Ballot = zeroBallot;
  #durableLsn = 0;
  #isBusy = false;
  /** How many calls are handing out their effects at the moment. */
  #depth = 0;
  /** Steps that wait until all results are told. */
  #later: ((now: number) => void)[] = [];
  /** Bodies this node says to itself: to its own acceptor and back. */
  #inbox: Body[] = [];
  #records: { lsn: number; record: Bytes }[] = [];
  #outbox: { to: NodeId; message: ConsensusMessage }[] = [];
  #results: { ticket: number; result: OperationResult }[] = [];
  /** Replies in order, each waiting for its log position. */
  #parked: Parked[] = [];

  constructor(options: RegistersOptions, port: ConsensusPort) {
    this.#port = port;
    const { self, configuration, incarnation } = options;
    this.#incarnation = incarnation;
    this.#standing = new Standing(self, options.stateIncarnation ?? incarnation, configuration);
    this.#timing = { ...defaultTiming, ...options.timing };
    const { votes } = this.#standing;
    const peersOptions = { self, configuration, votes, timing: this.#timing };
    this.#peers = new Peers(peersOptions, this.#agenda, (to, wantedMs) => {
      this.counters.heartbeatsSent++;
      this.#send(to, { type: "heartbeat", wantedMs });
    });
    this.#acceptor = new Acceptor((record) => {
      this.#records.push({ lsn: ++this.#lsn, record });
      return this.#lsn;
    });
    this.#source = new CopySource(this.#acceptor);
    this.#context = this.#newContext();
    this.#copying = new Copying(this.#context, () => this.#onCopied());
  }

  get configuration(): Configuration {
    return this.#configuration;
  }

  /** Whether this acceptor votes: it is named, and it holds what a member must hold. */
  get votes(): boolean {
    return this.#standing.votes;
  }

  /** Whether it votes, and knows what was chosen in the epochs before its own (copying.ts). */
  get isSettled(): boolean {
    return this.votes && this.#standing.settledLsn <= this.#durableLsn;
  }

  /** A call is under way: another one would be a mistake. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  get stateIncarnation(): number {
    return this.#standing.stateIncarnation;
  }

  /** Registers that this node's acceptor knows about. */
  get registerCount(): number {
    return this.#acceptor.registerCount;
  }

  /**
   * Starts an operation of a client of this node. It ends by `complete`, at the latest at the
   * deadline.
   */
  submit(
    now: number,
    ticket: number,
    register: string,
    operation: Bytes,
    kind: OperationKind,
  ): void {
    this.#run(now, () => {
      const deadlineMs = now + this.#timing.deadlineMs;
      const item: Operation = { ticket, bytes: operation, kind, deadlineMs, isSettled: false };
      this.#peers.use(now);
      if (this.#incarnation === 0 || !this.#peers.hearsMajority(now)) {
        this.#settle(item, { kind: "error", error: "temporarily_unavailable" });
        return;
      }
      const roles = this.#rolesOf(register);
      if (kind === "write") roles.origin.submit(item);
      else roles.reader.submit(now, item);
    });
  }

  receive(now: number, from: NodeId, message: ConsensusMessage): void {
    this.#run(now, () => {
      const { epoch, incarnation, votes, body } = message;
      if (this.#checkEpoch(now, from, epoch, body)) {
        this.#peers.heard(now, from, incarnation, votes);
        // Only members take part; whoever else asks may learn the configuration, nothing more.
        const isMember = memberOf(this.#configuration, from) !== undefined;
        if (isMember && body.type === "copy_ok") this.#copying.onCopyOk(now, from, votes, body);
        else if (isMember) this.#onBody(now, from, incarnation, body);
      }
    });
  }

  tick(now: number): void {
    this.#run(now, () => this.#agenda.run(now));
  }

  /**
   * When `tick` must next be called, in ms; Infinity if idle. It may be early, which costs nothing.
   */
  nextDueMs(): number {
    return this.#standing.hasToResume ? 0 : this.#agenda.nextDueMs();
  }

  /** Everything up to `lsn` is durable. May be called from within `persist`. */
  persisted(now: number, lsn: number): void {
    this.#durableLsn = Math.max(this.#durableLsn, lsn);
    if (!this.#isBusy) this.#run(now, () => {});
  }

  /** Replays one durable record, in log order, before anything else. Throws `MalformedBytes`. */
  // Spec: LinearizableRegister.Restart.
  recover(record: Bytes): void {
    assert(this.#lsn === 0, "records are replayed before the first new one");
    const decoded = decodeRecord(record);
    if (decoded.kind !== "configuration") {
      this.#acceptor.recover(decoded);
      return;
    }
    this.#standing.recover(decoded.configuration, decoded.isReady);
    this.#peers.adopt(this.#configuration, this.#standing.votes);
  }

  /** Records that rebuild the acceptors, for a checkpoint of the log. */
  *records(): Generator<Bytes> {
    if (this.#configuration.epoch > 0) yield this.#standing.record();
    for (const record of this.#acceptor.records()) yield encodeRecord(record);
  }

  /**
   * Takes a configuration that was chosen elsewhere; a lower or equal epoch is ignored (rule 16).
   */
  adopt(now: number, configuration: Configuration): void {
    this.#run(now, () => this.#adopt(now, configuration));
  }

  verifyInvariants(): void {
    this.#acceptor.verifyInvariants();
    for (const { proposer } of this.#roles.values()) proposer.verifyInvariants();
    assert(!this.#isBusy, "a call is still running");
    assert(this.#inbox.length === 0, "a message to this node itself was left over");
    assert(this.#durableLsn <= this.#lsn, "durable beyond the end of the log");
    const next = this.#parked[0];
    assert(next === undefined || next.lsn > this.#durableLsn, "a durable vote was not released");
  }

  get #configuration(): Configuration {
    return this.#standing.configuration;
  }

  /** Asks a node for its configuration, which seems to be a later one. */
  ask(now: number, node: NodeId): void {
    this.#run(now, () => this.#send(node, { type: "configuration_query" }));
  }

  /** True: the message belongs to our epoch. Otherwise whoever is behind learns first (rule 16). */
  #checkEpoch(now: number, from: NodeId, epoch: number, body: Body): boolean {
    if (body.type === "configuration") {
      this.#adopt(now, body.configuration);
      return false;
    }
    if (epoch === this.#configuration.epoch && body.type !== "configuration_query") return true;
    if (epoch !== this.#configuration.epoch) this.counters.staleEpochMessages++;
    if (epoch > this.#configuration.epoch) this.#send(from, { type: "configuration_query" });
    else this.#send(from, { type: "configuration", configuration: this.#configuration });
    return false;
  }

  // Spec: LinearizableRegister.Adopt.
  #adopt(now: number, configuration: Configuration): void {
    if (configuration.epoch <= this.#configuration.epoch) return;
    this.#standing.follow(configuration);
    this.#logStanding();
    this.#source.clear();
    // Votes of the old epoch that have not left yet would be counted by nobody.
    this.#parked = [];
    this.#inbox = [];
    const { isNamed, votes } = this.#standing;
    this.#peers.adopt(configuration, votes);
    this.#copying.stop();
    if (isNamed) this.#beginCopying(now);
    for (const { proposer, reader } of this.#roles.values()) {
      proposer.onEpochChange(now);
      reader.onEpochChange(now);
    }
  }

  #logStanding(): void {
    this.#records.push({ lsn: ++this.#lsn, record: this.#standing.record() });
  }

  /** Every member copies in every epoch: the one to vote, the other to be settled. */
  #beginCopying(now: number): void {
    this.#standing.settledLsn = Number.POSITIVE_INFINITY;
    // Before the first epoch nothing was chosen.
    if (this.#configuration.epoch === 1) this.#standing.settledLsn = 0;
    else this.#copying.start(now);
  }

  #onCopied(): void {
    if (!this.#standing.votes) {
      this.#standing.votes = true;
      this.#logStanding();
      this.#peers.adopt(this.#configuration, true);
    }
    this.#standing.settledLsn = this.#lsn;
  }

  #onBody(now: number, from: NodeId, incarnation: number, body: Body): void {
    switch (body.type) {
      case "heartbeat":
        this.#peers.onHeartbeat(now, from, body.wantedMs);
        return;
      case "prepare":
        if (this.#hears(body.ballot.epoch)) this.#park(from, this.#acceptor.onPrepare(body));
        return;
      case "accept":
        if (this.#hears(body.ballot.epoch)) {
          const isIdle = body.collects && this.#isIdle(now, from, body.register);
          this.#park(from, this.#acceptor.onAccept(body, isIdle));
          this.#port.accepted?.(body.register);
        }
        return;
      case "erase":
        if (this.#hears(body.ballot.epoch)) this.#onErase(now, body);
        return;
      case "read":
        if (this.#standing.votes) this.#park(from, this.#acceptor.onRead(body, incarnation));
        return;
      case "forward": {
        const { home, proposer } = this.#rolesOf(body.register);
        if (home.onForward(now, from, incarnation, body)) proposer.wake(now);
        return;
      }
      case "cancel":
        this.#rolesOf(body.register).home.onCancel(now, from, incarnation, body);
        return;
      case "copy":
        // The epoch is ours, so what was said under the old one is over: it is sealed (rule 15).
        if (this.#standing.votes) this.#send(from, this.#source.onCopy(from, body));
        return;
      case "configuration":
      case "configuration_query":
      case "copy_ok":
        return;
      default:
        this.#onReply(now, from, incarnation, body);
    }
  }

  #onReply(now: number, from: NodeId, incarnation: number, body: Reply): void {
    // Without roles nobody asked: the question came from an earlier process.
    const roles = this.#roles.get(body.register);
    if (roles === undefined) return;
    deliverReply(roles, now, from, incarnation, body);
    if (body.type === "read_ok") this.#forgetIfUnused(body.register, roles);
  }

  /**
   * Whether nothing is under way here on the register (rule 14), the asker's own round excepted.
   */
  #isIdle(now: number, asker: NodeId, register: string): boolean {
    const roles = this.#roles.get(register);
    if (roles === undefined) return true;
    const { origin, home, proposer } = roles;
    return origin.isIdle && home.isIdle(now) && (asker === this.#standing.self || proposer.isIdle);
  }

  #onErase(now: number, body: Erase): void {
    if (!this.#acceptor.onErase(body)) return;
    this.counters.registersErased++;
    const roles = this.#roles.get(body.register);
    if (roles === undefined) return;
    roles.proposer.onErased();
    // Fences of the home may go too: what they hold off was born below the floor.
    if (this.#isIdle(now, "", body.register) && roles.reader.isIdle)
      this.#roles.delete(body.register);
  }

  /**
   * Whether this acceptor votes on ballots of the epoch: it lost no state, and the epoch is ours.
   */
  #hears(epoch: number): boolean {
    return this.#standing.votes && epoch === this.#configuration.epoch;
  }

  #rolesOf(register: string): Roles {
    const known = this.#roles.get(register);
    if (known !== undefined) return known;
    const context = this.#context;
    // The home answers the node's own envelopes to the origin, which proposes through the home.
    const home: Home = new Home(context, register, {
      onOwnOk: (seq, outcomes) => origin.onOwnOk(seq, outcomes),
      onOwnRefused: (now, seq, floor) => origin.onOwnRefused(now, seq, floor),
    });
    const collector = new Collector(context, register, (now) => proposer.collect(now));
    const proposer: Proposer = new Proposer(context, register, home, collector);
    const origin = new Origin(context, register, home, proposer);
    const roles: Roles = { home, proposer, origin, reader: new Reader(context, register, origin) };
    this.#roles.set(register, roles);
    return roles;
  }

  /** A register that was only read here leaves nothing behind. */
  #forgetIfUnused(register: string, { home, proposer, origin, reader }: Roles): void {
    if (reader.isIdle && origin.isIdle && home.isEmpty && proposer.isUnused)
      this.#roles.delete(register);
  }

  #park(to: NodeId, { lsn, body }: { lsn: number; body: Body }): void {
    if (lsn <= this.#durableLsn) this.#send(to, body);
    else if (this.#parked.length < parkedCountMax) this.#parked.push({ lsn, to, body });
    else this.counters.parkedDropped++;
  }

  #send(to: NodeId, body: Body): void {
    if (to === this.#standing.self) {
      this.#inbox.push(body);
      return;
    }
    this.counters.messagesSent++;
    this.#peers.sent(this.#now, to);
    const { epoch } = this.#configuration;
    const message = { epoch, incarnation: this.#incarnation, votes: this.#standing.votes, body };
    this.#outbox.push({ to, message });
  }

  #settle(operation: Operation, result: OperationResult): void {
    if (operation.isSettled) return;
    operation.isSettled = true;
    if (result.kind === "error") {
      if (result.error === "timeout") this.counters.timeouts++;
      else this.counters.unavailable++;
    }
    this.#results.push({ ticket: operation.ticket, result });
  }

  /**
   * One input: do it, let this node talk to itself until it is quiet, then let the effects leave.
   */
  #run(now: number, step: () => void): void {
    assert(!this.#isBusy, "an input arrived in the middle of another");
    this.#isBusy = true;
    this.#now = now;
    this.#peers.ran(now);
    if (this.#standing.hasToResume) {
      this.#standing.hasToResume = false;
      this.#beginCopying(now);
    }
    step();
    while (this.#continue(now)) {
      // Each turn moves something towards the outside, so this ends.
    }
    this.#isBusy = false;
    this.#leave();
    if (this.#depth > 0 || this.#later.length === 0) return;
    const later = this.#later;
    this.#later = [];
    this.#run(now, () => {
      for (const step of later) step(now);
    });
  }

  /** The effects leave. A result may make its receiver submit, which runs within this. */
  #leave(): void {
    const outbox = this.#outbox;
    const results = this.#results;
    if (outbox.length > 0) this.#outbox = [];
    if (results.length > 0) this.#results = [];
    this.#depth++;
    for (const { to, message } of outbox) this.#port.send(to, message);
    for (const { ticket, result } of results) this.#port.complete(ticket, result);
    this.#depth--;
  }

  #continue(now: number): boolean {
    if (this.#inbox.length > 0) {
      const inbox = this.#inbox;
      this.#inbox = [];
      for (const body of inbox) this.#onBody(now, this.#standing.self, this.#incarnation, body);
      return true;
    }
    if (this.#records.length > 0) {
      const records = this.#records;
      this.#records = [];
      for (const { lsn, record } of records) this.#port.persist(lsn, record);
      return true;
    }
    return this.#releaseParked();
  }

  #releaseParked(): boolean {
    let count = 0;
    while (count < this.#parked.length && this.#parked[count]!.lsn <= this.#durableLsn) count++;
    for (const { to, body } of this.#parked.splice(0, count)) this.#send(to, body);
    return count > 0;
  }

  #newContext(): NodeContext {
    const registers = this;
    const port = this.#port;
    return {
      self: this.#standing.self,
      incarnation: this.#incarnation,
      timing: this.#timing,
      agenda: this.#agenda,
      peers: this.#peers,
      acceptor: this.#acceptor,
      counters: this.counters,
      get configuration() {
        return registers.#standing.configuration;
      },
      get floor() {
        return maxBallot(registers.#acceptor.floor, registers.#learntFloor);
      },
      learnFloor: (floor) => {
        this.#learntFloor = maxBallot(this.#learntFloor, floor);
      },
      get votes() {
        return registers.#standing.votes;
      },
      send: (to, body) => this.#send(to, body),
      change: (register, state, operations, atMs) => port.change(register, state, operations, atMs),
      query: (register, state, operation, atMs) => port.query(register, state, operation, atMs),
      random: () => port.random(),
      nextSeq: () => ++this.#seq,
      settle: (operation, result) => this.#settle(operation, result),
      afterResults: (step) => this.#later.push(step),
    };
  }
}
