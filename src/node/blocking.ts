// Sessions that wait for keys (commands/blocking.ts): who waits for which, since when, until when.
// A changed key that somebody waits for is noted, and its waiters are served once the command or
// transaction that changed it is through, in the order in which keys changed and sessions began to
// wait (Redis 7.0, blocked.c). Serving one may change further keys, whose waiters come next. While
// nobody waits, writes pay nothing.
//
// Waiters are as many as connections at most.

import { type Bytes, latin1 } from "../base/bytes.js";
import type { Wait } from "../commands/blocking.js";
import type { Call } from "../commands/call.js";
import type { Command } from "../commands/command.js";
import type { Session } from "../commands/session.js";
import { hashBytes } from "../keyspace/hash.js";
import type { ModifiedListeners } from "./environment-modified.js";
import type { Outbox } from "./outbox.js";

interface Waiter {
  readonly session: Session;
  readonly wait: Wait;
  readonly command: Command;
  readonly database: number;
  readonly bytes: Uint8Array;
  readonly ranges: Int32Array;
  readonly argc: number;
  /** The argument that is the key, by path. */
  readonly indices: ReadonlyMap<string, number>;
}

export interface BlockingPorts {
  /** The node's call; put back as it was after each use. */
  readonly call: () => Call;
  readonly modified: ModifiedListeners;
  readonly outbox: Outbox;
  /** Some waiter may be served: `serve` is wanted after the running command. */
  readonly onReady: () => void;
  /** Measures the end of a wait: the command that `call` holds, whose waiting does not count. */
  readonly measure: (call: Call, work: () => boolean) => boolean;
}

const pathOf = (database: number, key: Uint8Array, start: number, end: number): string =>
  String.fromCharCode(database) + latin1(key, start, end);

export class Blocking {
  readonly #ports: BlockingPorts;
  readonly #waiters = new Map<Session, Waiter>();
  readonly #byKey = new Map<string, Set<Waiter>>();
  /** Changed keys that somebody waits for, in the order of their changes. */
  readonly #ready = new Set<string>();
  /** The earliest deadline; undefined when it must be looked for. */
  #dueMs: number | undefined = Number.POSITIVE_INFINITY;

  constructor(ports: BlockingPorts) {
    this.#ports = ports;
  }

  readonly #onModified = (database: number, key: Uint8Array): void => {
    const path = pathOf(database, key, 0, key.length);
    if (!this.#byKey.has(path)) return;
    this.#ready.add(path);
    this.#ports.onReady();
  };

  /** Keeps the session of the running command waiting. */
  park(call: Call, wait: Wait): void {
    const { session, command } = call;
    const last = call.argc - 1;
    const start = call.start(0);
    const ranges = call.ranges.slice(call.first, call.first + call.argc * 2);
    for (let i = 0; i < ranges.length; i += 2) ranges[i]! -= start;
    const bytes = call.bytes.slice(start, call.start(last) + call.size(last));
    const indices = new Map<string, number>();
    for (const index of wait.keys) {
      const at = call.start(index);
      const path = pathOf(session.database, call.bytes, at, at + call.size(index));
      if (!indices.has(path)) indices.set(path, index);
    }
    const { database } = session;
    const { argc } = call;
    const waiter = { session, wait, command, database, bytes, ranges, argc, indices };
    if (this.#waiters.size === 0) this.#ports.modified.add(this.#onModified);
    this.#waiters.set(session, waiter);
    for (const path of indices.keys()) {
      const others = this.#byKey.get(path);
      if (others === undefined) this.#byKey.set(path, new Set([waiter]));
      else others.add(waiter);
    }
    if (wait.deadlineMs > 0 && this.#dueMs !== undefined)
      this.#dueMs = Math.min(this.#dueMs, wait.deadlineMs);
  }

  /** The session waits no more, whatever the reason. */
  forget(session: Session): void {
    const waiter = this.#waiters.get(session);
    if (waiter === undefined) return;
    this.#waiters.delete(session);
    for (const path of waiter.indices.keys()) {
      const others = this.#byKey.get(path)!;
      others.delete(waiter);
      if (others.size === 0) this.#byKey.delete(path);
    }
    if (waiter.wait.deadlineMs === this.#dueMs) this.#dueMs = undefined;
    if (this.#waiters.size > 0) return;
    this.#ports.modified.remove(this.#onModified);
    this.#ready.clear();
    this.#dueMs = Number.POSITIVE_INFINITY;
  }

  // ---- serving

  /** Serves whoever waits for a key that has changed. Called when no command runs. */
  serve(): void {
    for (const path of this.#ready) {
      // A set visits what is added meanwhile; a key that changes again comes again, behind the
      // others.
      this.#ready.delete(path);
      for (const waiter of [...(this.#byKey.get(path) ?? [])]) {
        const index = waiter.indices.get(path)!;
        if (waiter.wait.wantsMissing !== true && !this.#isThere(waiter, index)) continue;
        this.#answer(waiter, (call) => waiter.wait.serve(call, index));
      }
    }
  }

  #isThere({ bytes, ranges, database }: Waiter, index: number): boolean {
    const { keyspace } = this.#ports.call();
    const start = ranges[index * 2]!;
    const length = ranges[index * 2 + 1]!;
    const hash = hashBytes(bytes, start, length);
    return keyspace.find(keyspace.databases[database]!, hash, bytes, start, length) !== 0;
  }

  /** Ends the waits whose time is up. */
  tick(nowMs: number): void {
    if (this.nextDueMs() > nowMs) return;
    for (const waiter of [...this.#waiters.values()]) {
      const { deadlineMs } = waiter.wait;
      if (deadlineMs > 0 && deadlineMs <= nowMs) this.#giveUp(waiter);
    }
  }

  /** Unix milliseconds; Infinity when no wait has an end. */
  nextDueMs(): number {
    if (this.#dueMs !== undefined) return this.#dueMs;
    let due = Number.POSITIVE_INFINITY;
    for (const { wait } of this.#waiters.values())
      if (wait.deadlineMs > 0) due = Math.min(due, wait.deadlineMs);
    this.#dueMs = due;
    return due;
  }

  /** CLIENT UNBLOCK. False when the session does not wait for keys. */
  unblock(session: Session, how: "timeout" | "error"): boolean {
    const waiter = this.#waiters.get(session);
    if (waiter === undefined) return false;
    if (how === "timeout") this.#giveUp(waiter);
    else
      this.#answer(waiter, (call) => {
        call.reply.error("UNBLOCKED client unblocked via CLIENT UNBLOCK");
        return true;
      });
    return true;
  }

  /** Ends the waits for keys that are elsewhere now. @param errorFor undefined: a key is here. */
  redirect(errorFor: (key: Uint8Array) => string | undefined): void {
    for (const waiter of [...this.#waiters.values()]) {
      const { bytes, ranges, indices } = waiter;
      const keys = [...indices.values()].map((index) => {
        const start = ranges[index * 2]!;
        return bytes.subarray(start, start + ranges[index * 2 + 1]!);
      });
      const error = keys.map(errorFor).find((found) => found !== undefined);
      if (error === undefined) continue;
      this.#answer(waiter, (call) => {
        call.reply.error(error);
        return true;
      });
    }
  }

  #giveUp(waiter: Waiter): void {
    this.#answer(waiter, (call) => {
      waiter.wait.giveUp(call);
      return true;
    });
  }

  /**
   * Lets `write` write the waiter's reply; when it answers true, the wait is over and the reply is
   * sent.
   */
  #answer(waiter: Waiter, write: (call: Call) => boolean): void {
    const call = this.#ports.call();
    const { reply, bytes, ranges, first, argc, hashed, session, command, db } = call;
    const { mayBlock, isInsideExec } = call;
    const { resp3, length, errorCount } = reply;
    call.bytes = waiter.bytes;
    call.ranges = waiter.ranges;
    call.first = 0;
    call.argc = waiter.argc;
    call.hashed = false;
    call.session = waiter.session;
    call.command = waiter.command;
    call.db = call.keyspace.databases[waiter.database]!;
    call.mayBlock = true;
    call.isInsideExec = false;
    reply.resp3 = waiter.session.resp3;
    const isServed = this.#ports.measure(call, () => write(call));
    if (isServed) this.#send(waiter, reply.bytes.slice(length, reply.length));
    if (reply.errorCount !== errorCount) waiter.command.failedCalls++;
    reply.length = length;
    reply.resp3 = resp3;
    Object.assign(call, { bytes, ranges, first, argc, hashed, session, command, db });
    call.mayBlock = mayBlock;
    call.isInsideExec = isInsideExec;
  }

  #send(waiter: Waiter, reply: Bytes): void {
    this.forget(waiter.session);
    this.#ports.outbox.answer(waiter.session, reply);
  }
}
