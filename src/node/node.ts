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
import type { Command, CommandSpec } from "../commands/command.js";
import type { HostFacts } from "../commands/environment.js";
import { Reply } from "../commands/reply.js";
import { gate, outcome, Session } from "../commands/session.js";
import type { Settings } from "../commands/settings.js";
import { firstConfiguration } from "../consensus/configuration.js";
import type { OperationResult } from "../consensus/context.js";
import { Registers } from "../consensus/registers.js";
import { Compaction } from "../keyspace/compaction.js";
import { expireDue } from "../keyspace/expire-cycle.js";
import { Keyspace } from "../keyspace/keyspace.js";
import { Shards } from "../keyspace/shards.js";
import { Replicator } from "../replication/replicator.js";
import { Blocking } from "./blocking.js";
import { CommandTable } from "./command-table.js";
import { Consistency, type ConsistencyRules, registerOf } from "./consistency.js";
import { consumeSilence, Dispatcher, nodeGate } from "./dispatcher.js";
import { authenticationGate, memoryGate, subscriptionGate } from "./dispatcher-gates.js";
import type { ClientFace, NodeEffects } from "./effects.js";
import { NodeEnvironment } from "./environment.js";
import { LinearizableGate, operationKind } from "./linearizable.js";
import type { PeerMessage } from "./messages.js";
import { Outbox } from "./outbox.js";
import { encodeOperation, RegisterMachine } from "./register-machine.js";
import { Transactions } from "./transactions.js";

export interface NodeOptions {
  /** This node's name, `n1`; all names of the cluster, this one included. */
  readonly name: string;
  readonly members: readonly string[];
  /**
   * Tells this process from earlier ones of the same node; the registers vote only with the first.
   */
  readonly incarnation: number;
  readonly consistency: ConsistencyRules;
  /** Start of the node's random choices. */
  readonly seed: number;
  readonly commands: readonly (readonly CommandSpec[])[];
  readonly settings: Settings;
  readonly facts: HostFacts;
  readonly databaseCount?: number;
  readonly measureMicros: () => number;
}

/**
 * Slots of a resizing index drained per slice of the periodic work; a slice takes about a
 * millisecond.
 */
export const drainSlotsPerSlice = 8192;
/** Keys past their deadline removed per slice. What is left is hidden from readers all the same. */
export const expiriesPerSlice = 1000;
/** Blocks that compaction looks at per slice. */
export const compactionBlocksPerSlice = 1024;

/** What a request from inside the process (the Maelstrom face) ends with. */
export type RequestDone = (reply: Bytes | "temporarily_unavailable" | "timeout") => void;

export class Node {
  readonly name: string;
  readonly keyspace: Keyspace;
  readonly table: CommandTable;
  readonly dispatcher: Dispatcher;
  readonly environment: NodeEnvironment;
  readonly registers: Registers;
  readonly shards: Shards;
  /** Undefined for a node without peers, which writes no deltas. */
  readonly replicator: Replicator | undefined;
  readonly sessions = new Map<number, Session>();
  /** One reply buffer for all sessions; empty between inputs. */
  readonly reply = new Reply();
  /** What leaves for other clients than the one whose command runs. */
  readonly outbox = new Outbox(this.reply);
  readonly blocking: Blocking;
  /** Set by the face of the clients; a node without one has no clients. */
  clients: ClientFace | undefined;

  readonly #call: Call;
  readonly #gate: LinearizableGate;
  readonly #consistency: Consistency;
  readonly #transactions: Transactions;
  readonly #compaction: Compaction;
  readonly #inner: Session;
  #sessionId = 0;
  #nowMs = 0;
  /** When the next slice of unfinished housekeeping is due. */
  #sliceDueMs = Number.POSITIVE_INFINITY;

  constructor(options: NodeOptions, effects: NodeEffects) {
    this.name = options.name;
    const replicas = new ReplicaTable();
    const self = `${options.name}/${options.incarnation.toString(36)}`;
    this.keyspace = new Keyspace({ replicas, self, databaseCount: options.databaseCount ?? 16 });
    this.environment = new NodeEnvironment(this, options, new Prng(options.seed), effects);
    this.#transactions = new Transactions({
      run: (queued) => this.dispatcher.runQueued(queued),
      modified: this.environment.modified,
      objection: (call, command) => this.#objection(call, command),
      overrun: (session) => this.environment.closeSession(session),
    });
    this.table = new CommandTable([...options.commands, this.#transactions.commands]);
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
    this.#inner = new Session(0, "inner", "inner", 0);
    this.#consistency = new Consistency(options.consistency);
    const machine = new RegisterMachine(this.keyspace, this.table, this.environment);
    this.registers = new Registers(
      {
        self: options.name,
        incarnation: options.incarnation,
        configuration: firstConfiguration(options.members),
      },
      {
        send: (to, message) => effects.send(to, { kind: "consensus", message }),
        persist: (lsn, record) => effects.persist(lsn, record),
        change: (_register, state, operations, atMs) => machine.change(state, operations, atMs),
        query: (_register, state, operation, atMs) => machine.query(state, operation, atMs),
        complete: (ticket, result) => this.#gate.complete(ticket, result),
        random: () => this.environment.random(),
      },
    );
    this.#gate = new LinearizableGate(
      this.#consistency,
      () => this.registers,
      () => this.#nowMs,
    );
    this.#installGates();
    this.shards = new Shards(this.keyspace);
    this.replicator = this.#newReplicator(options, effects);
  }

  #newReplicator(options: NodeOptions, effects: NodeEffects): Replicator | undefined {
    const peers = options.members.filter((member) => member !== options.name);
    if (peers.length === 0) return undefined;
    const replicator = new Replicator(
      this.shards,
      { send: (to, message) => effects.send(to, { kind: "replication", message }) },
      { self: options.name, peers, prng: new Prng(options.seed).fork() },
      options.facts.startedMs,
    );
    this.shards.onClosed = (batches) => replicator.onLocalBatches(batches, this.#nowMs);
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
    this.environment.settings.onChange("maxmemory", (bytes) => {
      // Only with a limit is every command looked at for the memory that it may take.
      if (bytes === "0") dispatcher.nodeGates &= ~nodeGate.memory;
      else dispatcher.nodeGates |= nodeGate.memory;
    });
    gates.set("subscription", subscriptionGate);
    gates.set("pause", this.environment.pauseGate);
    gates.set("queue", this.#transactions.queueGate);
    dispatcher.onRefusedExec = (session) => this.#transactions.forget(session);
    if (!this.#consistency.isMixed) return;
    dispatcher.nodeGates |= nodeGate.modes;
    gates.set("consistency", (call, command, session) =>
      this.#gate.ask(call, command, session, (reply) => this.#deliver(session, reply)),
    );
  }

  /**
   * Inside EXEC nothing may wait, so linearizable keys neither join a transaction nor are watched.
   */
  #objection(call: Call, command: Command): string | undefined {
    if (!this.#consistency.isMixed || !this.#gate.concerns(call, command)) return undefined;
    return "ERR transactions over linearizable keys are not supported yet";
  }

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
    if (nowMs !== this.#nowMs) this.#closeBatch();
    this.#nowMs = nowMs;
    this.environment.nowMicros = Math.floor(Math.max(unixMs, nowMs) * 1000);
    this.keyspace.beginTurn(nowMs);
  }

  /** Timers: expiry, registers. The host calls it at `nextDueMs` or a little later. */
  tick(): void {
    this.registers.tick(this.#nowMs);
    this.replicator?.tick(this.#nowMs);
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
    return this.keyspace.capture !== undefined && this.keyspace.hasOpenBatch;
  }

  /** The host has nothing more at hand. */
  endTurn(): void {
    this.#closeBatch();
  }

  /** With peers this stamps the batch, logs it and sends it. */
  #closeBatch(): void {
    if (this.replicator === undefined) this.keyspace.endBatch();
    else this.shards.settle();
  }

  /** Periodic work, about every 100 ms, each part bounded. */
  cron(): void {
    if (this.environment.debug.cronPaused) return;
    this.environment.statistics.sample(this.#nowMs);
    this.#runSlice();
    this.clients?.cron?.();
    this.settle();
  }

  /** One bounded piece of housekeeping. While there is more, another is wanted in a millisecond. */
  #runSlice(): void {
    const mayExpire = this.environment.debug.activeExpire && !this.environment.isPaused;
    let hasMore = mayExpire && expireDue(this.keyspace, expiriesPerSlice) === expiriesPerSlice;
    for (const db of this.keyspace.databases) {
      db.keys.drain(drainSlotsPerSlice);
      if (db.keys.isResizing) hasMore = true;
    }
    if (this.#compaction.step(compactionBlocksPerSlice)) hasMore = true;
    this.#sliceDueMs = hasMore ? this.#nowMs + 1 : Number.POSITIVE_INFINITY;
  }

  /** When `tick` is wanted next, in Unix milliseconds; Infinity when nothing waits. */
  nextDueMs(): number {
    return Math.min(
      this.registers.nextDueMs(),
      this.#sliceDueMs,
      this.environment.pauseEndsMs,
      this.blocking.nextDueMs(),
      this.replicator?.nextDueMs() ?? Number.POSITIVE_INFINITY,
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
    this.#gate.deliver();
    this.environment.resumePostponed();
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

  // ---- requests from inside the process

  /**
   * Runs a command for a face of this process and hands back the reply bytes (RESP2), at once or
   * when the registers have decided.
   */
  request(args: readonly Bytes[], done: RequestDone): void {
    const key = args[1];
    if (key !== undefined && this.#consistency.modeOf(key, 0, key.length) === "linearizable") {
      this.#requestLinearizable(args, key, done);
      this.settle();
      return;
    }
    done(this.#runInner(args));
  }

  #requestLinearizable(args: readonly Bytes[], key: Bytes, done: RequestDone): void {
    const command = this.table.find(args[0]!, 0, args[0]!.length);
    assert(command !== undefined, "the process asked itself for an unknown command");
    const accepted = this.#gate.submit(
      registerOf(0, key, 0, key.length),
      encodeOperation({ resp3: false, database: 0, args }),
      operationKind(command),
      (result: OperationResult) => done(result.kind === "ok" ? result.outcome : result.error),
    );
    if (!accepted) done("temporarily_unavailable");
  }

  #runInner(args: readonly Bytes[]): Bytes {
    const call = this.#call;
    const joined = Buffer.concat(args);
    call.bytes = joined;
    call.ranges = new Int32Array(args.length * 2);
    let at = 0;
    args.forEach((arg, index) => {
      call.ranges[index * 2] = at;
      call.ranges[index * 2 + 1] = arg.length;
      at += arg.length;
    });
    call.first = 0;
    call.argc = args.length;
    call.hashed = false;
    call.mayBlock = false;
    call.session = this.#inner;
    call.outcome = outcome.done;
    const reply = this.reply;
    const before = reply.length;
    reply.resp3 = false;
    const command = this.table.find(joined, 0, args[0]!.length);
    assert(command !== undefined, "the process asked itself for an unknown command");
    this.dispatcher.run(command, this.#inner);
    const bytes = reply.bytes.slice(before, reply.length);
    reply.length = before;
    return bytes;
  }

  // ---- peers and disk

  receivePeer(from: string, message: PeerMessage): void {
    switch (message.kind) {
      case "consensus":
        this.registers.receive(this.#nowMs, from, message.message);
        break;
      case "replication":
        this.replicator?.onMessage(from, message.message, this.#nowMs);
        break;
    }
    this.settle();
  }

  /** Everything that `effects.persist` was given up to `lsn` is durable. */
  persisted(lsn: number): void {
    this.registers.persisted(this.#nowMs, lsn);
    // A host may say so while the command that asked for it still runs; its input settles then.
    if (!this.dispatcher.isRunning) this.settle();
  }

  verifyInvariants(): void {
    this.keyspace.verifyInvariants();
    if (this.replicator !== undefined) this.shards.verifyInvariants();
    this.registers.verifyInvariants();
  }
}

const infoLines = (figures: object): string =>
  Object.entries(figures)
    .map(([name, value]) => `${name}:${value}\r\n`)
    .join("");
