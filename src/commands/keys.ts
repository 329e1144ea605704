// Keys whatever their type: existence, removal, counting, databases. Replies and errors: Redis 7.0,
// db.c. Renaming and copying is in keys-move.ts, looking for keys in scan.ts, OBJECT and MEMORY in
// keys-object.ts.

import { flushAll, flushDatabase, swapDatabases } from "../keyspace/flush.js";
import { int32Argument, int64Argument } from "./arguments.js";
import type { Call } from "./call.js";
import { allKeys, type CommandSpec, oneKey } from "./command.js";
import { fail } from "./errors.js";
import { findUntouched, typeNameOf } from "./lookup.js";
import { notify } from "./notify.js";

function del(call: Call): void {
  const { keyspace, db } = call;
  let count = 0;
  for (let index = 1; index < call.argc; index++) {
    const ref = call.findForWrite(index);
    if (ref === 0) continue;
    keyspace.remove(db, call.hashOf(index), ref);
    notify(call, "generic", "del", index);
    count++;
  }
  call.reply.integer(count);
}

function exists(call: Call): void {
  let count = 0;
  for (let index = 1; index < call.argc; index++) if (findUntouched(call, index) !== 0) count++;
  call.reply.integer(count);
}

function touch(call: Call): void {
  let count = 0;
  for (let index = 1; index < call.argc; index++) if (call.findForRead(index) !== 0) count++;
  call.reply.integer(count);
}

function type(call: Call): void {
  const ref = findUntouched(call, 1);
  call.reply.simple(ref === 0 ? "none" : typeNameOf(call, ref));
}

function select(call: Call): void {
  const index = int32Argument(call, 1);
  if (Number.isNaN(index)) return;
  if (call.keyspace.databases[index] === undefined) {
    fail(call, "databaseRange");
    return;
  }
  call.session.database = index;
  call.reply.ok();
}

function swapdb(call: Call): void {
  const first = call.safeInteger(1);
  if (!isInt32(first)) {
    call.reply.error("ERR invalid first DB index");
    return;
  }
  const second = call.safeInteger(2);
  if (!isInt32(second)) {
    call.reply.error("ERR invalid second DB index");
    return;
  }
  const { databases } = call.keyspace;
  const [a, b] = [databases[first], databases[second]];
  if (a === undefined || b === undefined) {
    fail(call, "databaseRange");
    return;
  }
  swapDatabases(call.keyspace, a, b);
  call.reply.ok();
}

const isInt32 = (value: number): boolean => (value | 0) === value;

/** ASYNC and SYNC are accepted alike: dropping memory as a whole takes no time to speak of. */
function hasFlushOptions(call: Call): boolean {
  if (call.argc === 1) return true;
  if (call.argc === 2 && (call.is(1, "ASYNC") || call.is(1, "SYNC"))) return true;
  fail(call, "syntax");
  return false;
}

function flushdb(call: Call): void {
  if (!hasFlushOptions(call)) return;
  flushDatabase(call.keyspace, call.db);
  call.reply.ok();
}

function flushall(call: Call): void {
  if (!hasFlushOptions(call)) return;
  flushAll(call.keyspace);
  call.reply.ok();
}

/**
 * There are no replicas in Redis's sense yet, so none ever acknowledges; waiting would change
 * nothing.
 */
function wait(call: Call): void {
  if (int64Argument(call, 1) === undefined) return;
  const timeoutMs = call.int64(2);
  if (timeoutMs === undefined) call.reply.error("ERR timeout is not an integer or out of range");
  else if (timeoutMs < 0n) call.reply.error("ERR timeout is negative");
  else call.reply.integer(0);
}

const shared = { categories: ["keyspace"], group: "generic" } as const;

const dangerous = {
  categories: ["keyspace", "dangerous"],
  group: "server",
  since: "1.0.0",
} as const;

export const keyCommands: readonly CommandSpec[] = [
  {
    ...shared,
    name: "del",
    arity: -2,
    flags: ["write"],
    keys: allKeys,
    replication: "delta",
    since: "1.0.0",
    summary: "Delete a key",
    complexity: "O(N) where N is the number of keys that will be removed.",
    run: del,
  },
  {
    ...shared,
    name: "unlink",
    arity: -2,
    flags: ["write", "fast"],
    keys: allKeys,
    replication: "delta",
    since: "4.0.0",
    summary: "Delete a key. Memory of any size is given back without blocking, as DEL does",
    complexity: "O(1) for each key removed regardless of its size.",
    run: del,
  },
  {
    ...shared,
    name: "exists",
    arity: -2,
    flags: ["readonly", "fast"],
    keys: allKeys,
    since: "1.0.0",
    summary: "Determine if a key exists",
    complexity: "O(N) where N is the number of keys to check.",
    run: exists,
  },
  {
    ...shared,
    name: "touch",
    arity: -2,
    flags: ["readonly", "fast"],
    keys: allKeys,
    since: "3.2.1",
    summary:
      "Alters the last access time of a key(s). Returns the number of existing keys specified.",
    complexity: "O(N) where N is the number of keys that will be touched.",
    run: touch,
  },
  {
    ...shared,
    name: "type",
    arity: 2,
    flags: ["readonly", "fast"],
    keys: oneKey,
    since: "1.0.0",
    summary: "Determine the type stored at key",
    complexity: "O(1)",
    run: type,
  },
  {
    name: "select",
    arity: 2,
    flags: ["loading", "stale", "fast"],
    categories: ["connection"],
    group: "connection",
    since: "1.0.0",
    summary: "Change the selected database for the current connection",
    complexity: "O(1)",
    run: select,
  },
  {
    name: "dbsize",
    arity: 1,
    flags: ["readonly", "fast"],
    categories: ["keyspace"],
    group: "server",
    since: "1.0.0",
    summary: "Return the number of keys in the selected database",
    complexity: "O(1)",
    run: (call) => call.reply.integer(call.db.size),
  },
  {
    ...dangerous,
    name: "swapdb",
    arity: 3,
    flags: ["write", "fast"],
    replication: "delta",
    since: "4.0.0",
    summary: "Swaps two Redis databases",
    complexity: "O(1) on a node alone; O(N) in the keys of both where other nodes must hear of it.",
    run: swapdb,
  },
  {
    ...dangerous,
    name: "flushdb",
    arity: -1,
    flags: ["write"],
    replication: "delta",
    summary: "Remove all keys from the current database",
    complexity: "O(N) where N is the number of keys in the selected database",
    run: flushdb,
  },
  {
    ...dangerous,
    name: "flushall",
    arity: -1,
    flags: ["write"],
    replication: "delta",
    summary: "Remove all keys from all databases",
    complexity: "O(1) on a node alone; O(N) in all keys where other nodes must hear of it.",
    run: flushall,
  },
  {
    name: "wait",
    arity: 3,
    flags: ["noscript"],
    categories: ["connection"],
    group: "generic",
    since: "3.0.0",
    summary:
      "Wait for the synchronous replication of all the write commands sent in the context of " +
      "the current connection",
    complexity: "O(1)",
    run: wait,
  },
];
