// Strings as a whole: SET and GET with their relatives. The plain forms of SET and GET allocate
// nothing. Replies and errors: Redis 7.0, t_string.c. Parts of strings are in strings-range.ts,
// numbers in strings-count.ts.

import { setDeadline, visibleDeadline } from "../keyspace/deadline-record.js";
import { keepDeadline, noDeadline, setText } from "../keyspace/text.js";
import { isText, viewText } from "../keyspace/text-view.js";
import { persist } from "../lattice/deadline.js";
import type { Call } from "./call.js";
import { allKeys, type CommandSpec, keyPairs, oneKey } from "./command.js";
import { positiveDeadline, type TimeUnit, timeUnits } from "./deadline.js";
import { failArity } from "./errors.js";
import { keysAtOnce, loaded, loadKeys } from "./key-loads.js";
import { demandText, replyText } from "./lookup.js";
import { notify } from "./notify.js";
import { option, parsed, parsedDeadline, parseOptions } from "./strings-options.js";

/** SET of argument `value` under argument `key`, whatever was there. */
function put(
  call: Call,
  key: number,
  value: number,
  deadline: number,
  hash = call.hashOf(key),
): void {
  setText(
    call.keyspace,
    call.db,
    hash,
    call.bytes,
    call.start(key),
    call.size(key),
    call.bytes,
    call.start(value),
    call.size(value),
    deadline,
  );
  notify(call, "string", "set", key);
}

function get(call: Call): void {
  const ref = call.findForRead(1);
  if (ref === 0) call.reply.nil();
  else replyText(call, ref);
}

function set(call: Call): void {
  if (call.argc > 3) {
    setWithOptions(call);
    return;
  }
  put(call, 1, 2, noDeadline);
  call.reply.ok();
}

function setWithOptions(call: Call): void {
  if (!parseOptions(call, 3, "SET")) return;
  const deadline = parsedDeadline(call);
  if (Number.isNaN(deadline)) return;
  const { flags } = parsed;
  const answersOld = (flags & option.get) !== 0;
  if (answersOld && !replyOld(call)) return;
  if ((flags & (option.nx | option.xx)) !== 0) {
    const exists = call.findForWrite(1) !== 0;
    if (exists === ((flags & option.nx) !== 0)) {
      if (!answersOld) call.reply.nil();
      return;
    }
  }
  put(call, 1, 2, (flags & option.keepttl) !== 0 ? keepDeadline : deadline);
  if (deadline !== noDeadline) notify(call, "generic", "expire", 1);
  if (!answersOld) call.reply.ok();
}

/** Replies the string under argument 1, or nil; false after WRONGTYPE was replied. */
function replyOld(call: Call): boolean {
  const ref = call.findForRead(1);
  if (ref !== 0) return replyText(call, ref);
  call.reply.nil();
  return true;
}

function setnx(call: Call): void {
  if (call.findForWrite(1) !== 0) {
    call.reply.integer(0);
    return;
  }
  put(call, 1, 2, noDeadline);
  call.reply.integer(1);
}

const setUntil =
  (unit: TimeUnit) =>
  (call: Call): void => {
    const deadline = positiveDeadline(call, 2, unit);
    if (Number.isNaN(deadline)) return;
    put(call, 1, 3, deadline);
    notify(call, "generic", "expire", 1);
    call.reply.ok();
  };

function getset(call: Call): void {
  if (!replyOld(call)) return;
  put(call, 1, 2, noDeadline);
}

function getdel(call: Call): void {
  const ref = call.findForRead(1);
  if (ref === 0) {
    call.reply.nil();
    return;
  }
  if (!replyText(call, ref)) return;
  call.keyspace.remove(call.db, call.hashOf(1), ref);
  notify(call, "generic", "del", 1);
}

function getex(call: Call): void {
  if (!parseOptions(call, 2, "GETEX")) return;
  const ref = call.findForRead(1);
  if (ref === 0) {
    call.reply.nil();
    return;
  }
  if (!demandText(call, ref)) return;
  const deadline = parsedDeadline(call);
  if (Number.isNaN(deadline)) return;
  replyText(call, ref);
  const { keyspace, db } = call;
  const { flags } = parsed;
  if ((flags & (option.exat | option.pxat)) !== 0 && deadline <= keyspace.nowMs) {
    keyspace.remove(db, call.hashOf(1), ref);
    notify(call, "generic", "del", 1);
  } else if (deadline !== noDeadline) {
    setDeadline(keyspace, db, call.hashOf(1), ref, deadline);
    notify(call, "generic", "expire", 1);
  } else if ((flags & option.persist) !== 0 && visibleDeadline(keyspace, ref) !== 0) {
    setDeadline(keyspace, db, call.hashOf(1), ref, persist);
    notify(call, "generic", "persist", 1);
  }
}

function mget(call: Call): void {
  const { keyspace, db, bytes, reply } = call;
  reply.array(call.argc - 1);
  for (let first = 1; first < call.argc; first += keysAtOnce) {
    const count = loadKeys(call, first, 1);
    for (let i = 0; i < count; i++) {
      const start = call.start(first + i);
      const size = call.size(first + i);
      const ref = keyspace.findForRead(db, loaded.hashes[i]!, bytes, start, size);
      if (ref === 0 || !isText(keyspace, ref)) reply.nil();
      else replyText(call, ref);
    }
  }
}

/** Writes the pairs from argument 1 on. */
function putPairs(call: Call): void {
  for (let first = 1; first < call.argc; first += keysAtOnce * 2) {
    const count = loadKeys(call, first, 2);
    for (let i = 0; i < count; i++) {
      const index = first + i * 2;
      put(call, index, index + 1, noDeadline, loaded.hashes[i]!);
    }
  }
}

function mset(call: Call): void {
  if (call.argc % 2 === 0) {
    failArity(call);
    return;
  }
  putPairs(call);
  call.reply.ok();
}

function msetnx(call: Call): void {
  if (call.argc % 2 === 0) {
    failArity(call);
    return;
  }
  for (let index = 1; index < call.argc; index += 2) {
    if (call.findForWrite(index) === 0) continue;
    call.reply.integer(0);
    return;
  }
  putPairs(call);
  call.reply.integer(1);
}

function strlen(call: Call): void {
  const ref = call.findForRead(1);
  if (ref === 0) call.reply.integer(0);
  else if (demandText(call, ref)) call.reply.integer(viewText(call.keyspace, ref).length);
}

const shared = { categories: ["string"], group: "string", complexity: "O(1)" } as const;

const written = { ...shared, keys: oneKey, replication: "delta" } as const;

export const stringCommands: readonly CommandSpec[] = [
  {
    ...written,
    name: "set",
    arity: -3,
    flags: ["write", "denyoom"],
    since: "1.0.0",
    summary: "Set the string value of a key",
    run: set,
  },
  {
    ...shared,
    name: "get",
    arity: 2,
    flags: ["readonly", "fast"],
    keys: oneKey,
    since: "1.0.0",
    summary: "Get the value of a key",
    run: get,
  },
  {
    ...written,
    name: "getex",
    arity: -2,
    flags: ["write", "fast"],
    since: "6.2.0",
    summary: "Get the value of a key and optionally set its expiration",
    run: getex,
  },
  {
    ...written,
    name: "getdel",
    arity: 2,
    flags: ["write", "fast"],
    since: "6.2.0",
    summary: "Get the value of a key and delete the key",
    run: getdel,
  },
  {
    ...written,
    name: "getset",
    arity: 3,
    flags: ["write", "denyoom", "fast"],
    since: "1.0.0",
    summary: "Set the string value of a key and return its old value",
    run: getset,
  },
  {
    ...written,
    name: "setex",
    arity: 4,
    flags: ["write", "denyoom"],
    since: "2.0.0",
    summary: "Set the value and expiration of a key",
    run: setUntil(timeUnits.EX),
  },
  {
    ...written,
    name: "psetex",
    arity: 4,
    flags: ["write", "denyoom"],
    since: "2.6.0",
    summary: "Set the value and expiration in milliseconds of a key",
    run: setUntil(timeUnits.PX),
  },
  {
    ...written,
    name: "setnx",
    arity: 3,
    flags: ["write", "denyoom", "fast"],
    since: "1.0.0",
    summary: "Set the value of a key, only if the key does not exist",
    run: setnx,
  },
  {
    ...written,
    name: "mset",
    arity: -3,
    flags: ["write", "denyoom"],
    keys: keyPairs,
    since: "1.0.1",
    summary: "Set multiple keys to multiple values",
    complexity: "O(N) where N is the number of keys to set.",
    run: mset,
  },
  {
    ...written,
    name: "msetnx",
    arity: -3,
    flags: ["write", "denyoom"],
    keys: keyPairs,
    since: "1.0.1",
    summary: "Set multiple keys to multiple values, only if none of the keys exist",
    complexity: "O(N) where N is the number of keys to set.",
    run: msetnx,
  },
  {
    ...shared,
    name: "mget",
    arity: -2,
    flags: ["readonly", "fast"],
    keys: allKeys,
    since: "1.0.0",
    summary: "Get the values of all the given keys",
    complexity: "O(N) where N is the number of keys to retrieve.",
    run: mget,
  },
  {
    ...shared,
    name: "strlen",
    arity: 2,
    flags: ["readonly", "fast"],
    keys: oneKey,
    since: "2.2.0",
    summary: "Get the length of the value stored in a key",
    run: strlen,
  },
];
