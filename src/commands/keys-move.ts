// Keys under another name or in another database: RENAME, RENAMENX, COPY, MOVE. For the other
// replicas each is the removal of what was seen and new elements under a new birth
// (keyspace/content.ts); the deadline travels along. Replies and errors: Redis 7.0, db.c.

import type { Ref } from "../keyspace/arena.js";
import { copyKey } from "../keyspace/content.js";
import type { Database } from "../keyspace/database.js";
import { int32Argument } from "./arguments.js";
import type { Call } from "./call.js";
import { type CommandSpec, oneKey, twoKeys } from "./command.js";
import { fail } from "./errors.js";
import { sameArguments } from "./lookup.js";
import { notify } from "./notify.js";

const rename =
  (onlyIfAbsent: boolean) =>
  (call: Call): void => {
    const { keyspace, db } = call;
    const from = call.findForWrite(1);
    if (from === 0) {
      fail(call, "noSuchKey");
      return;
    }
    const isSame = sameArguments(call, 1, 2);
    if (isSame || (onlyIfAbsent && call.findForWrite(2) !== 0)) {
      answerRename(call, onlyIfAbsent, false);
      return;
    }
    copyKey(keyspace, from, db, call.hashOf(2), call.view(2));
    keyspace.remove(db, call.hashOf(1), from);
    notify(call, "generic", "rename_from", 1);
    notify(call, "generic", "rename_to", 2);
    answerRename(call, onlyIfAbsent, true);
  };

function answerRename(call: Call, onlyIfAbsent: boolean, isDone: boolean): void {
  if (!onlyIfAbsent) call.reply.ok();
  else call.reply.integer(isDone ? 1 : 0);
}

/**
 * The visible record under argument `index` in any database; one past its deadline is removed
 * first.
 */
function findIn(call: Call, db: Database, index: number): Ref {
  const hash = call.hashOf(index);
  return call.keyspace.findForWrite(db, hash, call.bytes, call.start(index), call.size(index));
}

/** The database that an argument names; undefined after the error was replied. */
function databaseArgument(call: Call, index: number): Database | undefined {
  const number = int32Argument(call, index);
  if (Number.isNaN(number)) return undefined;
  const db = call.keyspace.databases[number];
  if (db === undefined) fail(call, "databaseRange");
  return db;
}

function move(call: Call): void {
  const { keyspace, db } = call;
  const target = databaseArgument(call, 2);
  if (target === undefined) return;
  if (target === db) {
    fail(call, "sameObject");
    return;
  }
  const from = call.findForWrite(1);
  if (from === 0 || findIn(call, target, 1) !== 0) {
    call.reply.integer(0);
    return;
  }
  const hash = call.hashOf(1);
  copyKey(keyspace, from, target, hash, call.view(1));
  keyspace.remove(db, hash, from);
  notify(call, "generic", "move_from", 1);
  notify(call, "generic", "move_to", 1);
  call.reply.integer(1);
}

function copy(call: Call): void {
  let target: Database | undefined = call.db;
  let mayReplace = false;
  for (let index = 3; index < call.argc; index++) {
    if (call.is(index, "REPLACE")) {
      mayReplace = true;
    } else if (call.is(index, "DB") && index + 1 < call.argc) {
      target = databaseArgument(call, ++index);
      if (target === undefined) return;
    } else {
      fail(call, "syntax");
      return;
    }
  }
  if (target === call.db && sameArguments(call, 1, 2)) {
    fail(call, "sameObject");
    return;
  }
  const from = call.findForRead(1);
  if (from === 0 || (findIn(call, target, 2) !== 0 && !mayReplace)) {
    call.reply.integer(0);
    return;
  }
  copyKey(call.keyspace, from, target, call.hashOf(2), call.view(2));
  notify(call, "generic", "copy_to", 2);
  call.reply.integer(1);
}

const shared = { categories: ["keyspace"], group: "generic", replication: "delta" } as const;

export const moveCommands: readonly CommandSpec[] = [
  {
    ...shared,
    name: "rename",
    arity: 3,
    flags: ["write"],
    keys: twoKeys,
    since: "1.0.0",
    summary: "Rename a key",
    complexity: "O(N) in the size of the value: the new key is a copy with a birth of its own.",
    run: rename(false),
  },
  {
    ...shared,
    name: "renamenx",
    arity: 3,
    flags: ["write", "fast"],
    keys: twoKeys,
    since: "1.0.0",
    summary: "Rename a key, only if the new key does not exist",
    complexity: "O(N) in the size of the value: the new key is a copy with a birth of its own.",
    run: rename(true),
  },
  {
    ...shared,
    name: "copy",
    arity: -3,
    flags: ["write", "denyoom"],
    keys: twoKeys,
    since: "6.2.0",
    summary: "Copy a key",
    complexity:
      "O(N) for collections, where N is the number of nested items. O(1) for string values.",
    run: copy,
  },
  {
    ...shared,
    name: "move",
    arity: 3,
    flags: ["write", "fast"],
    keys: oneKey,
    since: "1.0.0",
    summary: "Move a key to another database",
    complexity: "O(N) in the size of the value.",
    run: move,
  },
];
