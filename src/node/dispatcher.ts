// The dispatcher: from decoded requests to replies, synchronously. Its gates stand here, in this order and nowhere else:
// known command, arity, authenticated, ACL, mode of the session (subscriptions, transactions), memory, loading, pause,
// consistency mode of the keys. On the common path no gate is set and the only questions are two integers.
//
// A batch is worked on in three passes (hot-path.md): find the commands and hash the first keys, loading their index
// slots; touch the records; execute. The independent loads of the first two overlap their cache misses.

import type { Call } from "../commands/call.js";
import type { Command } from "../commands/command.js";
import { gate, outcome, type QueuedCommand, type Session } from "../commands/session.js";
import { slabOf, wordOf } from "../keyspace/arena.js";
import { hashBytes } from "../keyspace/hash.js";
import type { CommandTable } from "./command-table.js";
import { batchCountMax, type RequestBatch } from "./request-batch.js";

/**
 * A gate beyond the first ones: it may answer the command itself. Returns true when it did (an error, QUEUED, or
 * a pending operation) and the command must not run.
 */
export type Gate = (call: Call, command: Command, session: Session) => boolean;

/** Bits of `Dispatcher.nodeGates`: reasons of the whole node to look closer. */
export const nodeGate = {
  loading: 1,
  memory: 2,
  paused: 4,
  monitored: 8,
  acl: 16,
  /** Some keys are not eventual: `Gate`s of the consistency modes decide. */
  modes: 32,
  frozen: 64,
} as const;

export class Dispatcher {
  readonly table: CommandTable;
  readonly call: Call;
  /** Reasons of the node to send every command through `gates`. */
  nodeGates = 0;
  /** In order. Asked only when a session's or the node's bits are set. */
  readonly gates: Gate[] = [];
  /** Called after a command when its session is observed or the node monitored. */
  afterCommand: ((call: Call, command: Command, session: Session) => void) | undefined;
  commandsProcessed = 0;
  unknownCommands = 0;

  readonly #commands = new Array<Command | undefined>(batchCountMax);
  readonly #hashes = new Int32Array(batchCountMax);
  readonly #measure: () => number;
  /** Keeps the touches alive: a value that is never used could be optimised away. */
  touched = 0;

  constructor(table: CommandTable, call: Call, measureMicros: () => number) {
    this.table = table;
    this.call = call;
    this.#measure = measureMicros;
  }

  /**
   * Runs what the batch holds. Returns how many commands were begun: less than all when one of them was
   * blocked, is pending, or closed the session; the rest must be decoded again later.
   */
  runBatch(session: Session, batch: RequestBatch): number {
    const { count, source, ranges } = batch;
    const { call } = this;
    call.bytes = source;
    call.ranges = ranges;
    call.session = session;
    call.mayBlock = true;
    if (count > 1) this.#prefetch(batch);
    else this.#commands[0] = this.#find(source, ranges, batch.firsts[0]!);
    const started = this.#measure();
    let slowMicros = 0;
    let index = 0;
    while (index < count) {
      const command = this.#commands[index];
      call.first = batch.firsts[index]!;
      call.argc = batch.argcs[index]!;
      call.hash = this.#hashes[index]!;
      call.hashed = count > 1 && command !== undefined && command.firstKey === 1;
      call.outcome = outcome.done;
      index++;
      if (command === undefined) this.#unknown(session);
      else if (command.isFast) this.run(command, session);
      else slowMicros += this.#runMeasured(command, session);
      if (session.waiting !== outcome.done || session.closeAfterReply) break;
    }
    this.commandsProcessed += index;
    const each = (this.#measure() - started - slowMicros) / index;
    for (let i = 0; i < index; i++) {
      const command = this.#commands[i];
      if (command?.isFast) command.microseconds += each;
    }
    return index;
  }

  #find(bytes: Uint8Array, ranges: Int32Array, first: number): Command | undefined {
    return this.table.find(bytes, ranges[first]!, ranges[first + 1]!);
  }

  #prefetch(batch: RequestBatch): void {
    const { count, source, ranges } = batch;
    const db = this.call.keyspace.databases[this.call.session.database]!;
    const { arena } = this.call.keyspace;
    for (let i = 0; i < count; i++) {
      const first = batch.firsts[i]!;
      const command = this.#find(source, ranges, first);
      this.#commands[i] = command;
      if (command === undefined || command.firstKey !== 1 || batch.argcs[i]! < 2) continue;
      this.#hashes[i] = hashBytes(source, ranges[first + 2]!, ranges[first + 3]!);
    }
    let touched = 0;
    for (let i = 0; i < count; i++) touched ^= db.keys.touch(this.#hashes[i]!);
    for (let i = 0; i < count; i++) {
      const ref = db.keys.touch(this.#hashes[i]!);
      // A tombstone's slab may not exist; every real ref's does.
      const words = arena.words[slabOf(ref)];
      if (words !== undefined && ref !== -1) touched ^= words[wordOf(ref)]!;
    }
    this.touched ^= touched;
  }

  #runMeasured(command: Command, session: Session): number {
    const started = this.#measure();
    this.run(command, session);
    const micros = this.#measure() - started;
    command.microseconds += micros;
    return micros;
  }

  /** Runs one command that `call` holds: gates, arity, function, counters. */
  run(command: Command, session: Session): void {
    const { call } = this;
    let target = command;
    if (command.subcommands !== undefined && call.argc > 1) {
      const sub = this.#subcommand(command);
      if (sub === undefined) return;
      target = sub;
    }
    if (target.arity > 0 ? call.argc !== target.arity : call.argc < -target.arity) {
      this.#wrongArity(target, session);
      return;
    }
    call.command = target;
    call.db = call.keyspace.databases[session.database]!;
    if ((session.gates | this.nodeGates) !== 0) {
      this.#runGated(target, session);
      return;
    }
    this.#runOpen(target);
  }

  #runOpen(command: Command): void {
    const { call } = this;
    const errorsBefore = call.reply.errorCount;
    command.calls++;
    command.run(call);
    if (call.reply.errorCount !== errorsBefore) command.failedCalls++;
    if (call.outcome !== outcome.done) call.session.waiting = call.outcome;
  }

  #runGated(command: Command, session: Session): void {
    const { call } = this;
    const lengthBefore = call.reply.length;
    for (const ask of this.gates) {
      if (!ask(call, command, session)) continue;
      if (call.outcome !== outcome.done) session.waiting = call.outcome;
      this.#dropIfSilent(session, lengthBefore);
      return;
    }
    this.#runOpen(command);
    this.#dropIfSilent(session, lengthBefore);
    this.afterCommand?.(call, command, session);
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
    this.run(queued.command, call.session);
    call.bytes = bytes;
    call.ranges = ranges;
    call.first = first;
    call.argc = argc;
    call.hashed = hashed;
    call.mayBlock = mayBlock;
    call.isInsideExec = isInsideExec;
    call.command = command;
  }

  /** CLIENT REPLY OFF and SKIP: the command runs, its reply is taken back. */
  #dropIfSilent(session: Session, lengthBefore: number): void {
    if ((session.gates & gate.silent) === 0) return;
    if (session.replyMode === "skip-next") {
      session.replyMode = "skip"; // CLIENT REPLY SKIP itself answers nothing; the next command is the one skipped.
      this.call.reply.length = lengthBefore;
      return;
    }
    this.call.reply.length = lengthBefore;
    if (session.replyMode !== "skip") return;
    session.replyMode = "on";
    session.gates &= ~gate.silent;
  }

  #subcommand(container: Command): Command | undefined {
    const { call } = this;
    const name = call.text(1);
    const sub = this.table.get(`${container.name}|${name.toLowerCase()}`);
    if (sub !== undefined) return sub;
    container.rejectedCalls++;
    const shown = printable(name, 128);
    call.reply.error(
      `ERR unknown subcommand '${shown}'. Try ${container.name.toUpperCase()} HELP.`,
    );
    this.#failTransaction(call.session);
    return undefined;
  }

  #wrongArity(command: Command, session: Session): void {
    command.rejectedCalls++;
    this.call.reply.error(`ERR wrong number of arguments for '${command.name}' command`);
    this.#failTransaction(session);
  }

  #unknown(session: Session): void {
    const { call } = this;
    this.unknownCommands++;
    let shown = "";
    for (let index = 1; index < call.argc && shown.length < 128; index++) {
      shown += `'${printable(call.text(index), 128 - shown.length)}' `;
    }
    const name = printable(call.text(0), 128);
    call.reply.error(`ERR unknown command '${name}', with args beginning with: ${shown}`);
    this.#failTransaction(session);
  }

  #failTransaction(session: Session): void {
    if (session.transaction !== undefined) session.transaction.aborted = true;
  }
}

const printable = (text: string, length: number): string => text.slice(0, length);
