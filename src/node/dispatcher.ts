// The dispatcher: from decoded requests to replies, synchronously. What may keep a command from
// running stands here, in this order and nowhere else: known command, known subcommand, arity, then
// the gates in the order of dispatcher-gates.ts. On the common path no gate is set and the only
// questions are two integers.
//
// A batch is worked on in three passes: find the commands and hash the first keys, loading their
// index slots; touch the records (key-prefetch.ts); execute. The independent loads of the first two
// overlap their cache misses.
//
// Light commands of a batch are measured together, two readings of the clock for all of them; a
// command that is alone in its batch, and any other, by itself.

import { wordsOfRequest } from "../base/words.js";
import { type Call, repeats } from "../commands/call.js";
import type { Command } from "../commands/command.js";
import { gate, outcome, type QueuedCommand, type Session } from "../commands/session.js";
import { forgetHash } from "../keyspace/hash.js";
import type { CommandTable } from "./command-table.js";
import { GateList, loadingGate, type Refuse } from "./dispatcher-gates.js";
import { KeyPrefetch } from "./key-prefetch.js";
import { batchCountMax, type RequestBatch } from "./request-batch.js";
import { TurnPrefetch } from "./turn-prefetch.js";

/** Bits of `Dispatcher.nodeGates`: reasons of the whole node to look closer. */
export const nodeGate = {
  loading: 1,
  memory: 2,
  paused: 4,
  monitored: 8,
  acl: 16,
  /** Some keys are not eventual: the gate of the consistency modes decides. */
  modes: 32,
  frozen: 64,
  /** What is written cannot be kept: the log is fenced. */
  fenced: 128,
  /** Some shards are elsewhere: the gate of placement decides. */
  placed: 256,
} as const;

/**
 * A batch ends early when its replies have grown to this: they leave, and the client may be slow.
 */
export const replyBytesHigh = 256 * 1024;

/** Who keeps what the measurements say; `LatencyMeter` does. */
export interface Meter {
  /** Whether light commands too must be measured one by one. */
  readonly measuresEach: boolean;
  note(call: Call, command: Command, micros: number, nowMs: number): void;
  /** `count` runs of a light command took `micros` each. */
  share(command: Command, micros: number, count: number): void;
}

export interface DispatcherOptions {
  /** Microseconds of a clock that only measures. */
  readonly measureMicros: () => number;
  /** Undefined: nothing is measured. */
  readonly meter?: Meter;
}

export class Dispatcher {
  readonly table: CommandTable;
  readonly call: Call;
  /** Reasons of the node to send every command through `gates`. */
  nodeGates = 0;
  /** Asked only when a session's or the node's bits are set. */
  readonly gates = new GateList();
  /**
   * Where keys have modes: whether this one is eventual, so that nobody has a say in a command on
   * it alone. Without this each command on such a node would pay for all gates.
   */
  isEventual: ((bytes: Uint8Array, start: number, length: number) => boolean) | undefined;
  /** A batch is under way: replies are being written, and nothing else may be delivered. */
  isRunning = false;
  /** Called after a command when its session is observed or the node monitored. */
  afterCommand: ((call: Call, command: Command, session: Session) => void) | undefined;
  /** Set while a changed key has waiters: called once after the command that changed it. */
  onReadyKeys: (() => void) | undefined;
  /** EXEC was refused before it ran: its transaction is over. */
  onRefusedExec: ((session: Session) => void) | undefined;

  readonly #commands = new Array<Command | undefined>(batchCountMax);
  readonly #keys = new KeyPrefetch();
  /** What the reads of this turn of the host ask for. */
  readonly turn = new TurnPrefetch();
  readonly #measure: () => number;
  readonly #meter: Meter | undefined;
  readonly #refuse: Refuse = (error) => this.#reject(this.call.command, this.call.session, error);
  /** Commands run since the last account. */
  #executed = 0;

  constructor(table: CommandTable, call: Call, options: DispatcherOptions) {
    this.table = table;
    this.call = call;
    this.#measure = options.measureMicros;
    this.#meter = options.meter;
  }

  /**
   * Runs what the batch holds. Returns how many commands were begun: less than all when one of them
   * waits or closed the session, or when the replies have grown large; the rest must be decoded
   * again later.
   */
  runBatch(session: Session, batch: RequestBatch): number {
    const { count, source, ranges } = batch;
    const { call } = this;
    const { reply } = call;
    this.isRunning = true;
    call.bytes = source;
    call.ranges = ranges;
    call.session = session;
    call.mayBlock = true;
    call.isInsideExec = false;
    this.#readAccess(session);
    const data = wordsOfRequest(source);
    if (count > 1) this.#prefetch(batch, data);
    else this.#commands[0] = this.#find(source, ranges, batch.firsts[0]!);
    const isHashed = count > 1 || this.#isKnown(source, ranges, batch.firsts[0]!);
    const isRepeating = count > 1 && this.#keys.isRepeating;
    const hasElements = isRepeating && this.#keys.hasElements;
    call.begin(repeats.unknown);
    forgetHash();
    const isEach = this.#meter?.measuresEach === true;
    const started = this.#measure();
    let microsApart = 0;
    let last: Command | undefined;
    let index = 0;
    while (index < count) {
      const command = this.#commands[index];
      last = command;
      call.first = batch.firsts[index]!;
      call.argc = batch.argcs[index]!;
      call.hash = this.#keys.hashes[index]!;
      call.hashed = isHashed && command?.firstKey === 1;
      if (isRepeating) call.begin(this.#keys.repeatOf(index));
      if (hasElements) this.#keys.elements.give(index);
      call.outcome = outcome.done;
      if (command?.isLight && !isEach && this.#gatesOf(command, session) === 0) {
        const ran = this.run(command, session, 0);
        // A command that was refused has no part in the batch's time.
        if (ran !== command) this.#commands[index] = ran;
      } else {
        microsApart += this.#runCarefully(index, session, isEach);
        if (session.waiting === outcome.postponed) break;
      }
      index++;
      if (this.onReadyKeys !== undefined) this.onReadyKeys();
      if (session.waiting !== outcome.done || session.closeAfterReply) break;
      if (reply.length > replyBytesHigh) break;
    }
    this.isRunning = false;
    if (hasElements) forgetHash();
    if (index > 0) this.#account(index, last, this.#measure() - started - microsApart);
    return index;
  }

  /** Whatever is not light or not on the common path. Returns the microseconds of its own. */
  #runCarefully(index: number, session: Session, isEach: boolean): number {
    const command = this.#commands[index];
    const isSilent = (session.gates & gate.silent) !== 0;
    const replyStart = this.call.reply.length;
    let micros = 0;
    if (command?.isLight && !isEach) {
      this.#commands[index] = this.run(command, session);
    } else {
      if (command === undefined) this.#unknown();
      else micros = this.#runApart(command, session);
      this.#commands[index] = undefined;
    }
    if (session.waiting === outcome.postponed) return micros;
    if ((session.gates & gate.silent) !== 0) this.#silence(session, isSilent ? replyStart : -1);
    return micros;
  }

  /** CLIENT NO-TOUCH: what the session reads keeps the time of its last use. */
  #readAccess(session: Session): void {
    const { keyspace } = this.call;
    keyspace.markAccess(!session.noTouch);
  }

  /**
   * Shares a batch's time among its light commands; runs of the same command are counted at once.
   */
  #account(count: number, last: Command | undefined, micros: number): void {
    const { call } = this;
    call.environment.statistics.commandsProcessed += this.#executed;
    this.#executed = 0;
    call.session.lastCommand = last === undefined ? "NULL" : call.command.name;
    if (this.#meter === undefined) return;
    if (count === 1) {
      const command = this.#commands[0];
      if (command !== undefined) this.#meter.note(call, command, micros, call.keyspace.nowMs);
      return;
    }
    let lightCount = 0;
    for (let i = 0; i < count; i++) if (this.#commands[i] !== undefined) lightCount++;
    const each = micros / lightCount;
    for (let i = 0; i < count; ) {
      const command = this.#commands[i];
      const from = i++;
      while (i < count && this.#commands[i] === command) i++;
      if (command !== undefined) this.#meter.share(command, each, i - from);
    }
  }

  #find(bytes: Uint8Array, ranges: Int32Array, first: number): Command | undefined {
    return this.table.find(bytes, ranges[first]!, ranges[first + 1]!);
  }

  /** Whether the turn has hashed the first key of a command that is alone in its batch. */
  #isKnown(bytes: Uint8Array, ranges: Int32Array, first: number): boolean {
    const { turn } = this;
    const index = turn.indexOf(bytes, ranges[first + 2]!, ranges[first + 3]!);
    if (index >= 0) this.#keys.hashes[0] = turn.hashAt(index);
    return index >= 0;
  }

  #prefetch(batch: RequestBatch, data: DataView): void {
    const commands = this.#commands;
    this.table.findAll(batch, data, commands);
    const { keyspace, session } = this.call;
    this.#keys.load(keyspace, keyspace.databases[session.database]!.keys, commands, batch, data);
  }

  /** Runs a command and measures it by itself; returns the microseconds. */
  #runApart(command: Command, session: Session): number {
    const started = this.#measure();
    const ran = this.run(command, session);
    const micros = this.#measure() - started;
    // One that waits for a key is measured when it is served.
    const isOver = ran !== undefined && session.waiting !== outcome.blocked;
    if (isOver) this.#meter?.note(this.call, ran, micros, this.call.keyspace.nowMs);
    this.#readAccess(session);
    return micros;
  }

  /**
   * Runs the command that `call` holds: subcommand, arity, gates, function, counters. Returns what
   * ran, the subcommand of a container; undefined when nothing did.
   */
  run(
    command: Command,
    session: Session,
    gates = this.#gatesOf(command, session),
  ): Command | undefined {
    const { call } = this;
    let target = command;
    if (command.subcommands !== undefined && call.argc > 1) {
      const sub = this.#subcommand(command, session);
      if (sub === undefined) return undefined;
      target = sub;
    }
    call.command = target;
    if (target.arity > 0 ? call.argc !== target.arity : call.argc < -target.arity) {
      const error = `ERR wrong number of arguments for '${target.name}' command`;
      this.#reject(target, session, error);
      return undefined;
    }
    call.db = call.keyspace.databases[session.database]!;
    if (gates !== 0) return this.#runGated(target, session);
    this.#execute(target);
    return target;
  }

  /** Reasons to ask the gates about the command that `call` holds; 0 when there are none. */
  #gatesOf(command: Command, session: Session): number {
    const gates = session.gates | this.nodeGates;
    if (gates === 0 || session.gates !== 0 || gates !== nodeGate.modes) return gates;
    const { call } = this;
    if (!command.hasOneKey || call.argc < 2 || this.isEventual === undefined) return gates;
    return this.isEventual(call.bytes, call.start(1), call.size(1)) ? 0 : gates;
  }

  #runGated(command: Command, session: Session): Command | undefined {
    const { call } = this;
    if (this.gates.hold(call, command, session, this.#refuse)) {
      if (call.outcome !== outcome.done) session.waiting = call.outcome;
      return undefined;
    }
    this.#execute(command);
    this.afterCommand?.(call, command, session);
    return command;
  }

  #execute(command: Command): void {
    const { call } = this;
    this.#executed++;
    const errorsBefore = call.reply.errorCount;
    command.calls++;
    command.run(call);
    if (call.reply.errorCount !== errorsBefore) command.failedCalls++;
    if (call.outcome !== outcome.done) call.session.waiting = call.outcome;
  }

  /** Whether commands on data are run, or answered as by a Redis that loads. */
  serve(isServing: boolean): void {
    this.gates.set("loading", isServing ? undefined : loadingGate);
    if (isServing) this.nodeGates &= ~nodeGate.loading;
    else this.nodeGates |= nodeGate.loading;
  }

  /** Runs a command that was queued by MULTI, inside EXEC, and puts the call back as it was. */
  runQueued(queued: QueuedCommand): void {
    const { call } = this;
    const { bytes, ranges, first, argc, hashed, mayBlock, isInsideExec, command } = call;
    call.bytes = queued.bytes;
    call.ranges = queued.ranges;
    call.first = 0;
    call.argc = queued.argc;
    call.hashed = false;
    call.mayBlock = false;
    call.isInsideExec = true;
    const { session, reply } = call;
    const isSilent = (session.gates & gate.silent) !== 0;
    const replyStart = reply.length;
    this.#runApart(queued.command, session);
    if (isSilent && (session.gates & gate.silent) !== 0) reply.length = replyStart;
    call.bytes = bytes;
    call.ranges = ranges;
    call.first = first;
    call.argc = argc;
    call.hashed = hashed;
    call.mayBlock = mayBlock;
    call.isInsideExec = isInsideExec;
    call.command = command;
  }

  /**
   * CLIENT REPLY OFF and SKIP: the command ran, its reply is taken back. `replyStart` is -1 when
   * the session was not silent before it.
   */
  #silence(session: Session, replyStart: number): void {
    // What is still pending is silenced when it arrives.
    if (session.waiting === outcome.pending || session.waiting === outcome.blocked) return;
    if (consumeSilence(session) && replyStart >= 0) this.call.reply.length = replyStart;
  }

  #subcommand(container: Command, session: Session): Command | undefined {
    const { call } = this;
    const name = call.text(1);
    const sub = this.table.get(`${container.name}|${name.toLowerCase()}`);
    if (sub !== undefined) return sub;
    const shown = printable(name, 128);
    const help = `${container.name.toUpperCase()} HELP`;
    call.command = container;
    this.#reject(undefined, session, `ERR unknown subcommand '${shown}'. Try ${help}.`);
    return undefined;
  }

  #unknown(): void {
    const { call } = this;
    let shown = "";
    for (let index = 1; index < call.argc && shown.length < 128; index++) {
      shown += `'${printable(call.text(index), 128 - shown.length)}' `;
    }
    const name = printable(call.text(0), 128);
    const error = `ERR unknown command '${name}', with args beginning with: ${shown}`;
    this.#reject(undefined, call.session, error);
  }

  /** A command does not run: a refused EXEC ends its transaction, any other spoils it. */
  #reject(command: Command | undefined, session: Session, error: string): void {
    const { reply } = this.call;
    if (command !== undefined) command.rejectedCalls++;
    if (command?.name === "exec") {
      this.onRefusedExec?.(session);
      const reason = error.startsWith("ERR ") ? error.slice(4) : error;
      reply.error(`EXECABORT Transaction discarded because of: ${reason}`);
      return;
    }
    reply.error(error);
    if (session.transaction !== undefined) session.transaction.aborted = true;
  }
}

/**
 * Called once after each command of a session whose `gate.silent` is set: answers whether the
 * command's reply is dropped, and lets SKIP move on, so that it covers the one command after CLIENT
 * REPLY SKIP.
 */
export function consumeSilence(session: Session): boolean {
  switch (session.replyMode) {
    case "off":
      return true;
    case "skip-next":
      session.replyMode = "skip";
      return true;
    case "skip":
      session.replyMode = "on";
      session.gates &= ~gate.silent;
      return true;
    default:
      return false;
  }
}

/** So much of an argument as Redis shows in an error: a NUL ends it. */
function printable(text: string, length: number): string {
  const end = text.indexOf("\0");
  return text.slice(0, end < 0 ? length : Math.min(end, length));
}
