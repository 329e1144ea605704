// MULTI, EXEC, DISCARD, WATCH and UNWATCH: a transaction is a list of commands that run one after
// another with nothing between them. WATCH marks keys; any change of one, by whomever and also when
// its time has come, makes the next EXEC answer nil. Replies and errors: Redis 7.0, multi.c.
//
// A watched key is not compared with what it was: every change is told as it happens, so a key that
// was changed and changed back has changed, whatever its type.
//
// Keys of one linearizable register make a transaction of that register, which runs there as one
// operation (linearizable.ts); WATCH of such keys remembers what they are. Keys of both kinds, or
// of two registers, do not mix.

import { latin1 } from "../base/bytes.js";
import type { Call } from "../commands/call.js";
import { allKeys, type Command, type CommandSpec } from "../commands/command.js";
import { gate, type QueuedCommand, type Session, type Transaction } from "../commands/session.js";
import { hashBytes } from "../keyspace/hash.js";
import type { Gate } from "./dispatcher-gates.js";
import type { ModifiedListeners } from "./environment-modified.js";

/** Commands that run at once although MULTI is open. */
const immediate = new Set(["exec", "discard", "multi", "watch", "quit", "reset"]);

/** Commands that go with any transaction, for they look at no key. */
const touchesNothing = new Set(["ping", "echo", "time", "unwatch"]);

/** What transactions need of the node. */
export interface TransactionPorts {
  /** Runs one queued command of EXEC and writes its reply. */
  readonly run: (queued: QueuedCommand) => void;
  readonly modified: ModifiedListeners;
  /** The linearizable registers; undefined where every key is eventual. */
  readonly registers: () => RegisterTransactions | undefined;
  /** A session's input, queued commands included, has outgrown `client-query-buffer-limit`. */
  readonly overrun: (session: Session) => void;
}

/** What transactions ask of the linearizable mode. */
export interface RegisterTransactions {
  claim(call: Call, command: Command): string | { readonly error: string } | undefined;
  watch(call: Call, register: string): void;
  watchedBy(session: Session): string | undefined;
  forget(session: Session): void;
  execute(call: Call, register: string, queue: readonly QueuedCommand[]): void;
}

export class Transactions {
  readonly commands: readonly CommandSpec[];

  readonly #ports: TransactionPorts;
  /** Who watches a key, by database and key. */
  readonly #watchers = new Map<string, Set<Session>>();
  /** Set while anybody watches anything. */
  #isListening = false;

  constructor(ports: TransactionPorts) {
    this.#ports = ports;
    this.commands = this.#specs();
  }

  /** The dispatcher's gate for commands that MULTI does not admit. */
  readonly refusalGate: Gate = (call, command, session, refuse) => {
    if (session.transaction === undefined || call.isInsideExec) return false;
    if (!command.flags.includes("no_multi")) return false;
    refuse("ERR Command not allowed inside a transaction");
    return true;
  };

  /** The dispatcher's gate that queues commands while MULTI is open. */
  readonly queueGate: Gate = (call, command, session, refuse) => {
    const { transaction } = session;
    const isWatch = command.name === "watch";
    let register: string | undefined;
    if ((isWatch || transaction !== undefined) && !call.isInsideExec) {
      const claim = this.#ports.registers()?.claim(call, command);
      if (typeof claim === "object") {
        refuse(claim.error);
        return true;
      }
      register = claim;
    }
    if (isWatch && register !== undefined && transaction === undefined) {
      this.#ports.registers()!.watch(call, register);
      return true;
    }
    if (transaction === undefined || call.isInsideExec || immediate.has(command.name)) return false;
    // What will not run need not be kept.
    if (!transaction.aborted && !session.watchBroken)
      this.#queue(call, command, transaction, register);
    call.reply.queued();
    return true;
  };

  #queue(
    call: Call,
    command: Command,
    transaction: Transaction,
    register: string | undefined,
  ): void {
    const { session, argc } = call;
    const start = call.start(0);
    const end = call.start(argc - 1) + call.size(argc - 1);
    const ranges = call.ranges.slice(call.first, call.first + argc * 2);
    for (let i = 0; i < ranges.length; i += 2) ranges[i]! -= start;
    const bytes = call.bytes.slice(start, end);
    transaction.queue.push({ command, bytes, ranges, argc, register });
    transaction.queuedBytes += end - start + ranges.byteLength;
    const limit = call.environment.settings.number("client-query-buffer-limit");
    if (transaction.queuedBytes > limit) this.#ports.overrun(session);
  }

  /**
   * Forgets a session's transaction and watched keys: it is gone, has sent RESET, or its EXEC was
   * refused.
   */
  forget(session: Session): void {
    session.transaction = undefined;
    session.gates &= ~gate.transaction;
    this.#unwatch(session);
  }

  #unwatch(session: Session): void {
    this.#ports.registers()?.forget(session);
    for (const { database, key } of session.watched) {
      const path = pathOf(database, key);
      const watchers = this.#watchers.get(path);
      watchers?.delete(session);
      if (watchers?.size === 0) this.#watchers.delete(path);
    }
    session.watched = [];
    session.watchBroken = false;
    if (this.#watchers.size > 0 || !this.#isListening) return;
    this.#isListening = false;
    this.#ports.modified.remove(this.#onModified);
  }

  readonly #onModified = (database: number, key: Uint8Array): void => {
    const watchers = this.#watchers.get(pathOf(database, latin1(key)));
    if (watchers === undefined) return;
    for (const session of watchers) session.watchBroken = true;
  };

  #watch(call: Call): void {
    const { session } = call;
    // Once broken, always broken until EXEC or UNWATCH: there is nothing more to watch for.
    for (let index = 1; index < call.argc && !session.watchBroken; index++) {
      const key = call.text(index);
      const path = pathOf(session.database, key);
      const watchers = this.#watchers.get(path) ?? new Set<Session>();
      if (watchers.has(session)) continue;
      // A key that is past its deadline counts as absent from now on.
      const isLive = call.findForWrite(index) !== 0;
      session.watched.push({ database: session.database, key, isLive });
      watchers.add(session);
      this.#watchers.set(path, watchers);
    }
    if (this.#watchers.size > 0 && !this.#isListening) {
      this.#isListening = true;
      this.#ports.modified.add(this.#onModified);
    }
    call.reply.ok();
  }

  #exec(call: Call): void {
    const { session, reply } = call;
    const { transaction } = session;
    if (transaction === undefined) {
      reply.error("ERR EXEC without MULTI");
      return;
    }
    const broken = session.watchBroken || hasExpiredWatch(call, session);
    if (!transaction.aborted && !broken && this.#execOnRegister(call, transaction)) return;
    this.forget(session);
    if (transaction.aborted) {
      reply.error("EXECABORT Transaction discarded because of previous errors.");
    } else if (broken) {
      reply.nilArray();
    } else {
      const { errorCount } = reply;
      reply.array(transaction.queue.length);
      for (const queued of transaction.queue) this.#ports.run(queued);
      // An error in the list is the queued command's, not EXEC's.
      reply.errorCount = errorCount;
    }
  }

  /** False when no key of the transaction is linearizable. */
  #execOnRegister(call: Call, { queue }: Transaction): boolean {
    const registers = this.#ports.registers();
    if (registers === undefined) return false;
    const { session } = call;
    const keyed = queue.filter(({ command }) => !touchesNothing.has(command.name));
    const used = new Set(keyed.map(({ register }) => register));
    const watched = registers.watchedBy(session);
    if (watched !== undefined) used.add(watched);
    if (used.size === 0 || (used.size === 1 && used.has(undefined))) return false;
    if (used.size > 1 || session.watched.length > 0) {
      this.forget(session);
      call.reply.error(
        "EXECABORT Transaction discarded because its keys do not lie in one linearizable register",
      );
      return true;
    }
    session.transaction = undefined;
    session.gates &= ~gate.transaction;
    registers.execute(call, [...used][0]!, queue);
    return true;
  }

  #specs(): CommandSpec[] {
    const group = "transactions";
    const base = ["noscript", "loading", "stale", "fast"] as const;
    return [
      {
        name: "multi",
        arity: 1,
        flags: [...base, "allow_busy"],
        group,
        since: "1.2.0",
        complexity: "O(1)",
        summary: "Mark the start of a transaction block",
        run: ({ session, reply }) => {
          if (session.transaction !== undefined) {
            reply.error("ERR MULTI calls can not be nested");
            return;
          }
          session.transaction = { queue: [], queuedBytes: 0, aborted: false };
          session.gates |= gate.transaction;
          reply.ok();
        },
      },
      {
        name: "exec",
        arity: 1,
        flags: ["noscript", "loading", "stale", "skip_slowlog"],
        group,
        since: "1.2.0",
        complexity: "Depends on commands in the transaction",
        summary: "Execute all commands issued after MULTI",
        run: (call) => this.#exec(call),
      },
      {
        name: "discard",
        arity: 1,
        flags: [...base, "allow_busy"],
        group,
        since: "2.0.0",
        complexity: "O(N), when N is the number of queued commands",
        summary: "Discard all commands issued after MULTI",
        run: ({ session, reply }) => {
          if (session.transaction === undefined) {
            reply.error("ERR DISCARD without MULTI");
            return;
          }
          this.forget(session);
          reply.ok();
        },
      },
      {
        name: "watch",
        arity: -2,
        flags: [...base, "allow_busy"],
        keys: allKeys,
        group,
        since: "2.2.0",
        complexity: "O(1) for every key.",
        summary: "Watch the given keys to determine execution of the MULTI/EXEC block",
        run: (call) => {
          if (call.session.transaction !== undefined) {
            call.reply.error("ERR WATCH inside MULTI is not allowed");
            return;
          }
          this.#watch(call);
        },
      },
      {
        name: "unwatch",
        arity: 1,
        flags: [...base, "allow_busy"],
        group,
        since: "2.2.0",
        complexity: "O(1)",
        summary: "Forget about all watched keys",
        run: ({ session, reply }) => {
          this.#unwatch(session);
          reply.ok();
        },
      },
    ];
  }
}

const pathOf = (database: number, key: string): string => String.fromCharCode(database) + key;

/**
 * A watched key whose deadline has passed since counts as changed, though nobody has removed it
 * yet.
 */
function hasExpiredWatch(call: Call, session: Session): boolean {
  return session.watched.some(({ database, key, isLive }) => {
    if (!isLive) return false;
    const db = call.keyspace.databases[database]!;
    const bytes = Buffer.from(key, "latin1");
    const hash = hashBytes(bytes, 0, bytes.length);
    const ref = db.keys.find(hash, bytes, 0, bytes.length);
    return ref !== 0 && call.keyspace.isExpired(ref);
  });
}
