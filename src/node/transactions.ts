// MULTI, EXEC, DISCARD, WATCH and UNWATCH: a transaction is a list of commands that run one after another with nothing
// between them. WATCH marks keys; any change of one, by whomever, makes the next EXEC answer nil.

import { latin1 } from "../base/bytes.js";
import type { Call } from "../commands/call.js";
import { allKeys, type Command, type CommandSpec } from "../commands/command.js";
import { gate, type QueuedCommand, type Session } from "../commands/session.js";
import { hashBytes } from "../keyspace/hash.js";

/** Commands that run at once although MULTI is open. */
const immediate = new Set(["exec", "discard", "multi", "watch", "quit", "reset"]);

export class Transactions {
  readonly #watchers = new Map<string, Set<Session>>();
  readonly commands: readonly CommandSpec[];

  readonly #run: (queued: QueuedCommand) => void;

  /** @param run runs one queued command of EXEC and writes its reply. */
  constructor(run: (queued: QueuedCommand) => void) {
    this.#run = run;
    this.commands = this.#specs();
  }

  /** The dispatcher's gate: queues commands while MULTI is open. */
  gate(call: Call, command: Command, session: Session): boolean {
    const { transaction } = session;
    if (transaction === undefined || call.isInsideExec) return false;
    if (immediate.has(command.name)) return false;
    if (command.flags.includes("no_multi")) {
      call.reply.error(`ERR Command not allowed inside a transaction`);
      transaction.aborted = true;
      return true;
    }
    const start = call.start(0);
    const end = call.start(call.argc - 1) + call.size(call.argc - 1);
    const ranges = call.ranges.slice(call.first, call.first + call.argc * 2);
    for (let i = 0; i < ranges.length; i += 2) ranges[i]! -= start;
    transaction.queue.push({
      command,
      bytes: call.bytes.slice(start, end),
      ranges,
      argc: call.argc,
    });
    call.reply.queued();
    return true;
  }

  /** A session is gone: it watches nothing any more. */
  forget(session: Session): void {
    this.#unwatch(session);
    session.transaction = undefined;
  }

  #discard(session: Session): void {
    session.transaction = undefined;
    session.gates &= ~gate.transaction;
    this.#unwatch(session);
  }

  #unwatch(session: Session): void {
    for (const { database, key } of session.watched) {
      const path = String.fromCharCode(database) + key;
      const watchers = this.#watchers.get(path);
      watchers?.delete(session);
      if (watchers?.size === 0) this.#watchers.delete(path);
    }
    session.watched = [];
    session.watchBroken = false;
  }

  /** A key changed. */
  modified(database: number, key: Uint8Array): void {
    if (this.#watchers.size === 0) return;
    for (const session of this.#watchers.get(String.fromCharCode(database) + latin1(key)) ?? []) {
      session.watchBroken = true;
    }
  }

  get isWatching(): boolean {
    return this.#watchers.size > 0;
  }

  #watch(call: Call): void {
    const { session } = call;
    for (let index = 1; index < call.argc; index++) {
      const key = call.text(index);
      if (session.watched.some((w) => w.database === session.database && w.key === key)) continue;
      // A key that is past its deadline counts as absent from now on.
      call.findForWrite(index);
      session.watched.push({ database: session.database, key });
      const path = String.fromCharCode(session.database) + key;
      const watchers = this.#watchers.get(path) ?? new Set();
      watchers.add(session);
      this.#watchers.set(path, watchers);
    }
    call.keyspace.onModified ??= (database, key) => this.modified(database, key);
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
    this.#discard(session);
    if (transaction.aborted) {
      reply.error("EXECABORT Transaction discarded because of previous errors.");
    } else if (broken) {
      reply.nilArray();
    } else {
      reply.array(transaction.queue.length);
      for (const queued of transaction.queue) this.#run(queued);
    }
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
          session.transaction = { queue: [], aborted: false };
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
          this.#discard(session);
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

/** A watched key whose deadline has passed since counts as changed, though nobody has removed it yet. */
function hasExpiredWatch(call: Call, session: Session): boolean {
  return session.watched.some(({ database, key }) => {
    const db = call.keyspace.databases[database]!;
    const bytes = Buffer.from(key, "latin1");
    const hash = hashBytes(bytes, 0, bytes.length);
    const ref = db.keys.find(hash, bytes, 0, bytes.length);
    return ref !== 0 && call.keyspace.isExpired(ref);
  });
}
