// Deadlines of keys: the EXPIRE family, the TTL family, PERSIST. Relative times become absolute
// here, before anything is stored or sent. Replies and errors: Redis 7.0, expire.c.

import { setDeadline, visibleDeadline } from "../keyspace/deadline-record.js";
import { persist } from "../lattice/deadline.js";
import type { Call } from "./call.js";
import { type CommandSpec, oneKey } from "./command.js";
import { anyDeadline, type TimeUnit, timeUnits } from "./deadline.js";
import { findUntouched } from "./lookup.js";
import { notify } from "./notify.js";

const condition = { nx: 1, xx: 2, gt: 4, lt: 8 } as const;

/** The conditions from argument 3 on; -1 after an error was replied. */
function conditions(call: Call): number {
  let flags = 0;
  for (let index = 3; index < call.argc; index++) {
    if (call.is(index, "NX")) flags |= condition.nx;
    else if (call.is(index, "XX")) flags |= condition.xx;
    else if (call.is(index, "GT")) flags |= condition.gt;
    else if (call.is(index, "LT")) flags |= condition.lt;
    else {
      // C's %s ends at a zero byte.
      const shown = call.text(index).split("\0")[0]!;
      call.reply.error(`ERR Unsupported option ${shown}`);
      return -1;
    }
  }
  if ((flags & condition.nx) !== 0 && flags !== condition.nx) {
    call.reply.error("ERR NX and XX, GT or LT options at the same time are not compatible");
    return -1;
  }
  if ((flags & condition.gt) !== 0 && (flags & condition.lt) !== 0) {
    call.reply.error("ERR GT and LT options at the same time are not compatible");
    return -1;
  }
  return flags;
}

/** Whether a deadline may be set where `current` (0 for none, which counts as infinite) is. */
function isAllowed(flags: number, current: number, deadline: number): boolean {
  if ((flags & condition.nx) !== 0 && current !== 0) return false;
  if ((flags & condition.xx) !== 0 && current === 0) return false;
  if ((flags & condition.gt) !== 0 && (current === 0 || deadline <= current)) return false;
  return (flags & condition.lt) === 0 || current === 0 || deadline < current;
}

const expire =
  (unit: TimeUnit) =>
  (call: Call): void => {
    const { keyspace, db } = call;
    const flags = conditions(call);
    if (flags < 0) return;
    const deadline = anyDeadline(call, 2, unit);
    if (Number.isNaN(deadline)) return;
    const ref = call.findForWrite(1);
    if (ref === 0 || !isAllowed(flags, visibleDeadline(keyspace, ref), deadline)) {
      call.reply.integer(0);
      return;
    }
    if (deadline <= keyspace.nowMs) {
      keyspace.remove(db, call.hashOf(1), ref);
      notify(call, "generic", "del", 1);
    } else {
      setDeadline(keyspace, db, call.hashOf(1), ref, deadline);
      notify(call, "generic", "expire", 1);
    }
    call.reply.integer(1);
  };

const timeToLive =
  (unit: TimeUnit) =>
  (call: Call): void => {
    const { keyspace, reply } = call;
    const ref = findUntouched(call, 1);
    if (ref === 0) {
      reply.integer(-2);
      return;
    }
    const deadline = visibleDeadline(keyspace, ref);
    if (deadline === 0) {
      reply.integer(-1);
      return;
    }
    const ms = unit.fromNow ? Math.max(0, deadline - keyspace.nowMs) : deadline;
    const shown = unit.inSeconds ? Math.floor((ms + 500) / 1000) : ms;
    if (Number.isSafeInteger(shown)) reply.integer(shown);
    else reply.bigInteger(BigInt.asIntN(64, BigInt(Math.min(shown, 2 ** 63 - 1024))));
  };

function persistKey(call: Call): void {
  const { keyspace, db } = call;
  const ref = call.findForWrite(1);
  if (ref === 0 || visibleDeadline(keyspace, ref) === 0) {
    call.reply.integer(0);
    return;
  }
  setDeadline(keyspace, db, call.hashOf(1), ref, persist);
  notify(call, "generic", "persist", 1);
  call.reply.integer(1);
}

const shared = {
  categories: ["keyspace"],
  group: "generic",
  complexity: "O(1)",
  keys: oneKey,
} as const;

const written = { ...shared, flags: ["write", "fast"], replication: "delta" } as const;

const read = { ...shared, flags: ["readonly", "fast"], arity: 2 } as const;

export const expiryCommands: readonly CommandSpec[] = [
  {
    ...written,
    name: "expire",
    arity: -3,
    since: "1.0.0",
    summary: "Set a key's time to live in seconds",
    run: expire(timeUnits.EX),
  },
  {
    ...written,
    name: "pexpire",
    arity: -3,
    since: "2.6.0",
    summary: "Set a key's time to live in milliseconds",
    run: expire(timeUnits.PX),
  },
  {
    ...written,
    name: "expireat",
    arity: -3,
    since: "1.2.0",
    summary: "Set the expiration for a key as a UNIX timestamp",
    run: expire(timeUnits.EXAT),
  },
  {
    ...written,
    name: "pexpireat",
    arity: -3,
    since: "2.6.0",
    summary: "Set the expiration for a key as a UNIX timestamp specified in milliseconds",
    run: expire(timeUnits.PXAT),
  },
  {
    ...written,
    name: "persist",
    arity: 2,
    since: "2.2.0",
    summary: "Remove the expiration from a key",
    run: persistKey,
  },
  {
    ...read,
    name: "ttl",
    since: "1.0.0",
    summary: "Get the time to live for a key in seconds",
    run: timeToLive(timeUnits.EX),
  },
  {
    ...read,
    name: "pttl",
    since: "2.6.0",
    summary: "Get the time to live for a key in milliseconds",
    run: timeToLive(timeUnits.PX),
  },
  {
    ...read,
    name: "expiretime",
    since: "7.0.0",
    summary: "Get the expiration Unix timestamp for a key",
    run: timeToLive(timeUnits.EXAT),
  },
  {
    ...read,
    name: "pexpiretime",
    since: "7.0.0",
    summary: "Get the expiration Unix timestamp for a key in milliseconds",
    run: timeToLive(timeUnits.PXAT),
  },
];
