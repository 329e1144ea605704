// Strings as numbers: INCR and its relatives in 64-bit integers, INCRBYFLOAT in x87 long doubles as
// Redis computes them. Increments of replicas add up (merge-rules 6 to 8): what is stored is how
// much was added.

import { fromLatin1, latin1 } from "../base/bytes.js";
import type { Ref } from "../keyspace/arena.js";
import * as record from "../keyspace/record.js";
import { incrementEntry, incrementExact, incrementFast, modifyText } from "../keyspace/text.js";
import { copyText } from "../keyspace/text-view.js";
import { parseDecimal, subtract } from "../lattice/decimal.js";
import { int64Argument } from "./arguments.js";
import type { Call } from "./call.js";
import { type CommandSpec, oneKey } from "./command.js";
import { fail } from "./errors.js";
import { addExtended, formatExtended, parseExtended } from "./long-double.js";
import { demandText } from "./lookup.js";
import { notify } from "./notify.js";

function incrementBy(call: Call, by: number): void {
  const { keyspace, db } = call;
  const ref = call.findForWrite(1);
  const hash = call.hashOf(1);
  const { bytes } = call;
  const value = incrementFast(keyspace, db, hash, bytes, call.start(1), call.size(1), ref, by);
  if (Number.isNaN(value)) {
    incrementSlowly(call, ref, BigInt(by));
    return;
  }
  notify(call, "string", "incrby", 1);
  call.reply.integer(value);
}

/**
 * What the compact forms do not hold: other types, sums beyond 53 bits, rows of several replicas.
 */
function incrementSlowly(call: Call, ref: Ref, by: bigint): void {
  if (ref !== 0 && !demandText(call, ref)) return;
  const sum = incrementExact(call.keyspace, call.db, call.hashOf(1), call.view(1), ref, by);
  if (sum === "not-an-integer") fail(call, "notInteger");
  else if (sum === "overflow") call.reply.error("ERR increment or decrement would overflow");
  else {
    record.unmarkRoomy(call.keyspace.arena, call.findForWrite(1));
    notify(call, "string", "incrby", 1);
    call.reply.bigInteger(sum);
  }
}

function incrby(call: Call): void {
  const by = call.safeInteger(2);
  if (!Number.isNaN(by)) {
    incrementBy(call, by);
    return;
  }
  const large = int64Argument(call, 2);
  if (large !== undefined) incrementSlowly(call, call.findForWrite(1), large);
}

const int64Min = -(2n ** 63n);

function decrby(call: Call): void {
  const by = call.safeInteger(2);
  if (!Number.isNaN(by)) {
    incrementBy(call, -by);
    return;
  }
  const large = int64Argument(call, 2);
  if (large === undefined) return;
  if (large === int64Min) call.reply.error("ERR decrement would overflow");
  else incrementSlowly(call, call.findForWrite(1), -large);
}

function incrbyfloat(call: Call): void {
  const { keyspace, db } = call;
  const ref = call.findForWrite(1);
  if (ref !== 0 && !demandText(call, ref)) return;
  const text = ref === 0 ? "0" : latin1(copyText(keyspace, ref));
  const old = parseExtended(text);
  const by = parseExtended(call.text(2));
  if (old === undefined || by === undefined) {
    fail(call, "notFloat");
    return;
  }
  const sum = addExtended(old, by);
  if (sum === undefined) {
    fail(call, "notANumberOrInfinity");
    return;
  }
  const shown = formatExtended(sum);
  const exactOld = parseDecimal(text);
  const exactNew = parseDecimal(shown);
  const key = call.view(1);
  if (exactOld !== undefined && exactNew !== undefined) {
    // The exact difference, so that readers see what is replied and concurrent increments add up.
    const difference = subtract(exactNew, exactOld);
    incrementEntry(keyspace, db, call.hashOf(1), key, difference);
    record.markRoomy(keyspace.arena, call.findForWrite(1));
  } else {
    // Hexadecimal, or thousands of digits: the rows of a counter do not hold such numbers.
    const bytes = fromLatin1(shown);
    const { length } = bytes;
    modifyText(keyspace, db, call.hashOf(1), key, ref, length, (to, at) => to.set(bytes, at));
    record.unmarkRoomy(keyspace.arena, call.findForWrite(1));
    if (exactNew !== undefined) {
      // It was hexadecimal and is decimal now: a float's result like any other.
      incrementEntry(keyspace, db, call.hashOf(1), key, subtract(exactNew, exactNew));
      record.markRoomy(keyspace.arena, call.findForWrite(1));
    }
  }
  notify(call, "string", "incrbyfloat", 1);
  call.reply.bulkText(shown);
}

const shared = {
  categories: ["string"],
  group: "string",
  complexity: "O(1)",
  flags: ["write", "denyoom", "fast"],
  keys: oneKey,
  replication: "delta",
} as const;

export const countCommands: readonly CommandSpec[] = [
  {
    ...shared,
    name: "incr",
    arity: 2,
    since: "1.0.0",
    summary: "Increment the integer value of a key by one",
    run: (call) => incrementBy(call, 1),
  },
  {
    ...shared,
    name: "decr",
    arity: 2,
    since: "1.0.0",
    summary: "Decrement the integer value of a key by one",
    run: (call) => incrementBy(call, -1),
  },
  {
    ...shared,
    name: "incrby",
    arity: 3,
    since: "1.0.0",
    summary: "Increment the integer value of a key by the given amount",
    run: incrby,
  },
  {
    ...shared,
    name: "decrby",
    arity: 3,
    since: "1.0.0",
    summary: "Decrement the integer value of a key by the given number",
    run: decrby,
  },
  {
    ...shared,
    name: "incrbyfloat",
    arity: 3,
    since: "2.6.0",
    summary: "Increment the float value of a key by the given amount",
    run: incrbyfloat,
  },
];
