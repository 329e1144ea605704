// The node: one deterministic state machine. The host, or the simulator, tells it the time and
// hands it input; it answers through its effects. The same state and the same input give the same
// effects.
//
// A *turn* is one input: `beginTurn` with the time, the input, then `endTurn` once the host has
// nothing more at hand. The open batch of writes closes at the end of a turn, so everything that
// arrived together is stamped, sent and stored together (merge-rules 3 and 4).

import { assert } from "../base/assert.js";
import type { Bytes } from "../base/bytes.js";
import { Prng } from "../base/prng.js";
import { ReplicaTable } from "../clock/replica-table.js";
import { resetAuthentication } from "../commands/authentication.js";
import { Call } from "../commands/call.js";
import { Reply } from "../commands/reply.js";
import { gate, outcome, Session } from "../commands/session.js";
import { firstConfiguration, noConfiguration } from "../consensus/configuration.js";
import { Registers } from "../consensus/registers.js";
import { tcpLinks } from "../consensus/timing.js";
import { Compaction } from "../keyspace/compaction.js";
import { expireDue } from "../keyspace/expire-cycle.js";
import { IndexDrain } from "../keyspace/index-drain.js";
import { Keyspace } from "../keyspace/keyspace.js";
import { Shards } from "../keyspace/shards.js";
import { Replicator } from "../replication/replicator.js";
import { replicaNameOf } from "../storage/start-record.js";
import { Blocking } from "./blocking.js";
import { Causal } from "./causal.js";
import { Clustering, changeConfiguration, configurationRegister } from "./clustering.js";
import { CommandTable } from "./command-table.js";
import { Consistency } from "./consistency.js";
import { consumeSilence, Dispatcher, nodeGate } from "./dispatcher.js";
import { authenticationGate, memoryGate, subscriptionGate } from "./dispatcher-gates.js";
import type { ClientFace, NodeEffects } from "./effects.js";
import { NodeEnvironment } from "./environment.js";
import { infoLines } from "./info-lines.js";
import {
  type InnerParts,
  type RequestDone,
  runInner,
  runInnerTransaction,
} from "./inner-request.js";
import type { Journal } from "./journal.js";
import { leavingPorts } from "./leaving.js";
import { LinearizableGate } from "./linearizable.js";
import { followMemory } from "./make-room.js";
import type { PeerMessage } from "./messages.js";
import type { NodeOptions } from "./node-options.js";
import { Outbox } from "./outbox.js";
import { Pace } from "./pace.js";
import { placeShards } from "./place-shards.js";
import { RegisterMachine } from "./register-machine.js";
import { replicationPort } from "./replication-port.js";
import { skerryNodeCommands } from "./skerry-commands.js";
import { type RegisterTransactions, Transactions } from "./transactions.js";

export type { NodeOptions, NodePast } from "./node-options.js";

/**
 * Slots of a resizing index drained per slice of the periodic work; a slice takes about a
 * millisecond.
 */
export const drainSlotsPerSlice = 8192;
/** Keys past their deadline removed per slice. What is left is hidden from readers all the same. */
export const expiriesPerSlice = 256;
/** Blocks that compaction looks at per slice. */
export const compactionBlocksPerSlice = 1024;

export class Node {
  readonly name: string;
  readonly keyspace: Keyspace;
  readonly table: CommandTable;
  readonly dispatcher: Dispatcher;
  readonly environment: NodeEnvironment;
  readonly registers: Registers;
  readonly shards: Shards;
  /** The mode of each key. */
  readonly consistency: Consistency;
  readonly causal: Causal;
  /** Undefined for a node without peers, which writes no deltas. */
  readonly replicator: Replicator | undefined;
  /** Undefined for a node whose cluster never changes. */
  readonly clustering: Clustering | undefined;
  readonly sessions = new Map<number, Session>();
  /** One reply buffer for all sessions; empty between inputs. */
  readonly reply = new Reply();
  /** What leaves for other clients than the one whose command runs. */
  readonly outbox = new Outbox(this.reply);
  readonly blocking: Blocking;
  /** Undefined for a node that keeps nothing on a disk. */
  journal: Journal | undefined;
  readonly pace = new Pace(this);
  /** Set by the face of the clients; a node without one has no clients. */
  clients: ClientFace | undefined;

  readonly #call: Call;
  readonly #gate: LinearizableGate;
  readonly #inner: InnerParts;
  readonly #transactions: Transactions;
  readonly #compaction: Compaction;
  readonly #indexDrain: IndexDrain;
  #sessionId = 0;
  #nowMs = 0;
  /** When the next slice of unfinished housekeeping is due. */
  #sliceDueMs = Number.POSITIVE_INFINITY;

  constructor(options: NodeOptions, effects: NodeEffects) {
    this.name = options.name;
    const { past } = options;
    const replicas = past?.replicas ?? new ReplicaTable();
    const self = past?.replica ?? replicaNameOf(options.name, options.incarnation);
    this.keyspace = new Keyspace({
      replicas,
      self,
      databaseCount: options.databaseCount ?? 16,
      ...(options.slabCapacity !== undefined && { slabCapacity: options.slabCapacity }),
    });
    this.environment = new NodeEnvironment(this, options, new Prng(options.seed), effects);
    this.#transactions = new Transactions({
      run: (queued) => this.dispatcher.runQueued(queued),
      modified: this.environment.modified,
      registers: () => (this.consistency.isMixed ? this.#registerTransactions : undefined),
      overrun: (session) => this.environment.closeSession(session),
    });
    this.table = new CommandTable([
      ...options.commands,
      this.#transactions.commands,
      skerryNodeCommands(() => this),
    ]);
    this.reply.onError = (prefix) => this.environment.statistics.countError(prefix);
    this.#call = new Call(this.keyspace, this.environment, this.reply);
    this.dispatcher = new Dispatcher(this.table, this.#call, {
      measureMicros: options.measureMicros,
      meter: this.environment.meter,
    });
    this.blocking = new Blocking({
      call: () => this.#call,
      modified: this.environment.modified,
      outbox: this.outbox,
      onReady: () => {
        this.dispatcher.onReadyKeys = this.#serveWaiting;
      },
      measure: (call, work) => {
        const started = options.measureMicros();
        const isServed = work();
        const micros = options.measureMicros() - started;
        if (isServed) this.environment.meter.note(call, call.command, micros, this.#nowMs);
        return isServed;
      },
    });
    this.#compaction = new Compaction(this.keyspace);
    this.#indexDrain = new IndexDrain(this.keyspace);
    this.consistency = new Consistency(options.consistency);
    this.causal = new Causal({
      consistency: this.consistency,
      shards: () => this.shards,
      now: () => this.#nowMs,
      resume: (session) => this.clients?.resume(session),
      isLost: (...stamp) => this.clustering?.isLost(...stamp) ?? false,
    });
    const machine = new RegisterMachine(this.keyspace, this.table, this.environment);
    this.registers = new Registers(
      {
        self: options.name,
        incarnation: options.incarnation,
        stateIncarnation: past?.stateIncarnation ?? options.incarnation,
        ...(options.cluster !== undefined && { timing: tcpLinks }),
        configuration:
          options.cluster === undefined ? firstConfiguration(options.members) : noConfiguration,
      },
      {
        send: (to, message) => effects.send(to, { kind: "consensus", message }),
        persist: (lsn, record) => (this.journal ?? effects).persist(lsn, record),
        change: (register, state, operations, atMs) =>
          register === configurationRegister
            ? changeConfiguration(state, operations)
            : machine.change(state, operations, atMs),
        query: (_register, state, operation, atMs) => machine.query(state, operation, atMs),
        complete: (ticket, result) => this.#gate.complete(ticket, result),
        accepted: (register) => this.#gate.waits.onChanged(register),
        random: () => this.environment.random(),
      },
    );
    this.#gate = new LinearizableGate(
      this.consistency,
      () => this.registers,
      () => this.#nowMs,
    );
    const session = new Session(0, "inner", "inner", 0);
    this.#inner = { call: this.#call, gate: this.#gate, session };
    this.#installGates();
    this.shards = new Shards(this.keyspace, options.shards);
    this.replicator = this.#newReplicator(options, effects);
    this.clustering = this.#newClustering(options, effects);
    if (this.clustering !== undefined) placeShards(this, this.clustering, options.cluster);
  }

  #newClustering(options: NodeOptions, effects: NodeEffects): Clustering | undefined {
    const { cluster } = options;
    if (cluster === undefined) return undefined;
    this.dispatcher.serve(false);
    const { infoSections } = this.environment;
    infoSections.set("members", () => infoLines(this.clustering?.describe(this.#nowMs) ?? {}));
    infoSections.set("peers", () => infoLines(this.clustering?.transport() ?? {}));
    return new Clustering(
      cluster,
      {
        send: (to, message) => effects.send(to, { kind: "membership", message }),
        registers: () => this.registers,
        replicator: () => this.replicator!,
        submit: (operation, done) =>
          this.#gate.submit(configurationRegister, operation, "write", done),
        random: () => this.environment.random(),
        onServing: () => this.dispatcher.serve(true),
        ...leavingPorts(this),
      },
      options.facts.startedMs,
    );
  }

  #newReplicator(options: NodeOptions, effects: NodeEffects): Replicator | undefined {
    const peers = options.members.filter((member) => member !== options.name);
    if (peers.length === 0 && options.cluster === undefined) return undefined;
    this.keyspace.isShared = true;
    const replicator = new Replicator(
      this.shards,
      replicationPort(() => this.journal, effects),
      {
        self: options.name,
        peers,
        prng: new Prng(options.seed).fork(),
        ...(options.timing === undefined ? {} : { timing: options.timing }),
        // Through a hub only where the number of nodes is known from the start.
        ...(options.cluster === undefined ? {} : { mode: "direct" as const }),
      },
      options.facts.startedMs,
    );
    this.shards.onClosed = (batches) => {
      this.journal?.logBatches(batches);
      replicator.onLocalBatches(batches, this.#nowMs);
    };
    const { infoSections } = this.environment;
    infoSections.set("gossip", () => infoLines({ mode: replicator.mode, ...replicator.status() }));
    infoSections.set("consensus", () => infoLines({ ...this.registers.counters }));
    return replicator;
  }

  #installGates(): void {
    const { dispatcher } = this;
    const { gates } = dispatcher;
    gates.set("authentication", authenticationGate);
    gates.set("notInTransaction", this.#transactions.refusalGate);
    gates.set("memory", memoryGate);
    followMemory(dispatcher.call, (isLimited) => {
      // Only with a limit is every command looked at for the memory that it may take.
      if (isLimited) dispatcher.nodeGates |= nodeGate.memory;
      else dispatcher.nodeGates &= ~nodeGate.memory;
    });
    gates.set("subscription", subscriptionGate);
    gates.set("pause", this.environment.pauseGate);
    gates.set("queue", this.#transactions.queueGate);
    dispatcher.onRefusedExec = (session) => this.#transactions.forget(session);
    if (!this.consistency.isMixed) return;
    dispatcher.nodeGates |= nodeGate.modes;
    dispatcher.isEventual = this.consistency.isEventual;
    gates.set(
      "consistency",
      (call, command, session, refuse) =>
        this.#gate.ask(call, command, session, this.#deliverTo(session)) ||
        this.causal.ask(call, command, session, refuse),
    );
  }

  /** What transactions ask of the registers; replies find their session. */
  readonly #registerTransactions: RegisterTransactions = {
    claim: (call, command) => this.#gate.claim(call, command),
    watch: (call, register) => this.#gate.watch(call, register, this.#deliverTo(call.session)),
    watchedBy: (session) => this.#gate.watchedBy(session),
    forget: (session) => this.#gate.forget(session),
    execute: (call, register, queue) =>
      this.#gate.execute(call, register, queue, this.#deliverTo(call.session)),
  };

  get nowMs(): number {
    return this.#nowMs;
  }

  // ---- turns

  /**
   * @param unixMs Unix milliseconds; a fraction is what TIME shows. While the system's clock stands
   * further back than it did, time stands still.
   */
  beginTurn(unixMs: number): void {
    const nowMs = Math.max(Math.floor(unixMs), this.#nowMs);
    // A node alone has nobody to tell: its batch ends when time has moved on.
    if (nowMs !== this.#nowMs && nowMs >= this.pace.batchDueMs) this.#closeBatch();
    this.#nowMs = nowMs;
    this.environment.nowMicros = Math.floor(Math.max(unixMs, nowMs) * 1000);
    this.keyspace.beginTurn(nowMs);
  }

  /** Timers: expiry, registers. The host calls it at `nextDueMs` or a little later. */
  tick(): void {
    this.environment.storage?.tick();
    this.registers.tick(this.#nowMs);
    this.#gate.waits.tick(this.#nowMs);
    this.replicator?.tick(this.#nowMs);
    this.clustering?.tick(this.#nowMs);
    this.blocking.tick(this.#nowMs);
    this.environment.noteTime(this.#nowMs);
    if (this.#nowMs >= this.#sliceDueMs && !this.environment.debug.cronPaused) this.#runSlice();
    this.settle();
  }

  /**
   * Whether an open batch must be closed at the end of this turn because somebody else waits for
   * it.
   */
  get wantsEndTurn(): boolean {
    return this.journal?.wantsEndTurn || this.pace.wantsClose;
  }

  /** The host has nothing more at hand. */
  endTurn(): void {
    this.#closeBatch();
    this.journal?.endTurn();
  }

  /** With peers this stamps the batch, logs it and sends it. */
  #closeBatch(): void {
    this.pace.batchClosed();
    if (this.replicator !== undefined) this.shards.settle();
    else if (this.journal !== undefined) this.journal.closeBatch();
    else this.keyspace.endBatch();
  }

  readonly #whenSafe = (run: () => void): void =>
    this.journal === undefined ? run() : this.journal.whenSafe(run);

  /** Periodic work, about every 100 ms, each part bounded. */
  cron(): void {
    if (this.environment.debug.cronPaused) return;
    this.environment.statistics.sample(this.#nowMs);
    this.#runSlice();
    this.environment.storage?.cron();
    this.clients?.cron?.();
    this.settle();
  }

  /** One bounded piece of housekeeping. While there is more, another is wanted in a millisecond. */
  #runSlice(): void {
    const mayExpire = this.environment.debug.activeExpire && !this.environment.isPaused;
    let hasMore = mayExpire && expireDue(this.keyspace, expiriesPerSlice) === expiriesPerSlice;
    if (this.#indexDrain.step(drainSlotsPerSlice)) hasMore = true;
    if (this.shards.released.sweep()) hasMore = true;
    if (this.#compaction.step(compactionBlocksPerSlice)) hasMore = true;
    this.#sliceDueMs = hasMore ? this.#nowMs + 1 : Number.POSITIVE_INFINITY;
  }

  /** When `tick` is wanted next, in Unix milliseconds; Infinity when nothing waits. */
  nextDueMs(): number {
    return Math.min(
      this.pace.nextDueMs(),
      this.registers.nextDueMs(),
      this.#gate.waits.nextDueMs(),
      this.causal.nextDueMs(),
      this.#sliceDueMs,
      this.environment.pauseEndsMs,
      this.blocking.nextDueMs(),
      this.replicator?.nextDueMs() ?? Number.POSITIVE_INFINITY,
      this.clustering?.nextDueMs() ?? Number.POSITIVE_INFINITY,
      this.environment.storage?.nextDueMs() ?? Number.POSITIVE_INFINITY,
    );
  }

  // ---- clients

  openSession(address: string, localAddress: string): Session {
    const session = new Session(++this.#sessionId, address, localAddress, this.#nowMs);
    resetAuthentication(session, this.environment.settings);
    this.sessions.set(session.id, session);
    this.environment.statistics.connectionsReceived++;
    return session;
  }

  /** The connection is gone, whoever ended it. */
  closeSession(session: Session): void {
    this.sessions.delete(session.id);
    this.#transactions.forget(session);
    this.#gate.waits.forget(session);
    this.causal.forget(session);
    this.blocking.forget(session);
    this.environment.channels.forget(session);
    this.environment.forgetPostponed(session);
    session.closeAfterReply = true;
  }

  /** RESET: ends what other families keep for the session. */
  releaseSession(session: Session): void {
    this.#transactions.forget(session);
    this.environment.channels.forget(session);
  }

  #deliverTo(session: Session): (reply: Bytes) => void {
    return (reply) => this.#deliver(session, reply);
  }

  /** A pending command's reply, between commands. */
  #deliver(session: Session, reply: Bytes): void {
    if (!this.sessions.has(session.id)) return;
    session.waiting = outcome.done;
    if ((session.gates & gate.silent) === 0 || !consumeSilence(session)) this.reply.raw(reply);
    this.clients?.flush(session);
    this.clients?.resume(session);
  }

  /** Lets completed operations reach whoever waits; they may run further commands. */
  settle(): void {
    if (this.pace.isHolding && this.pace.relieve()) this.clients?.safe?.();
    this.#gate.deliver();
    this.environment.resumePostponed();
    this.causal.resume();
    if (this.dispatcher.onReadyKeys !== undefined) this.#serveWaiting();
    while (!this.outbox.isEmpty) {
      this.outbox.deliver(this.clients, this.#isOpen);
      this.#serveWaiting();
    }
    assert(this.reply.length === 0, "a reply was left in the shared buffer");
  }

  readonly #isOpen = (session: Session): boolean => this.sessions.has(session.id);

  readonly #serveWaiting = (): void => {
    this.dispatcher.onReadyKeys = undefined;
    this.blocking.serve();
  };

  /**
   * Runs a command for a face of this process and hands back the reply bytes (RESP2), at once or
   * when the registers have decided.
   */
  request(args: readonly Bytes[], done: RequestDone): void {
    const isOver = runInner(this, this.#inner, args, (reply) => this.#whenSafe(() => done(reply)));
    if (!isOver) this.settle();
  }

  /** As `request`, for commands that run together or not at all; the reply is an array. */
  transact(commands: readonly (readonly Bytes[])[], done: RequestDone): void {
    const deliver: RequestDone = (reply) => this.#whenSafe(() => done(reply));
    if (!runInnerTransaction(this, this.#inner, commands, deliver)) this.settle();
  }

  // ---- peers and disk

  /**
   * @param incarnation the process that said it, where the way it came tells. False: the message
   * speaks for another process than that and was not heard.
   */
  receivePeer(from: string, message: PeerMessage, incarnation?: number): boolean {
    if (incarnation !== undefined) {
      if (this.#isForged(from, message, incarnation)) return false;
      this.clustering?.membership.noteHeard(from, incarnation, this.#nowMs);
    }
    switch (message.kind) {
      case "consensus":
        this.registers.receive(this.#nowMs, from, message.message);
        break;
      case "replication":
        this.replicator?.onMessage(from, message.message, this.#nowMs);
        break;
      case "membership":
        this.clustering?.onMessage(from, incarnation ?? 0, message.message, this.#nowMs);
        break;
    }
    this.settle();
    return true;
  }

  #isForged(from: string, { kind, message }: PeerMessage, incarnation: number): boolean {
    if (kind === "consensus") return message.incarnation !== incarnation;
    if (kind === "membership") return false;
    // A node that kept its log writes on under the name of an earlier process.
    return !this.keyspace.replicas.nameOf(message.sender).startsWith(`${from}/`);
  }

  /** Everything that `effects.persist` was given up to `lsn` is durable. */
  persisted(lsn: number): void {
    this.registers.persisted(this.#nowMs, lsn);
    // A host may say so while the input that asked for it still runs: that settles at its end. What
    // waits then must not go on in the middle of it.
    if (!this.dispatcher.isRunning && !this.registers.isBusy) this.settle();
  }

  verifyInvariants(): void {
    this.keyspace.verifyInvariants();
    if (this.replicator !== undefined) this.shards.verifyInvariants();
    this.registers.verifyInvariants();
  }
}
