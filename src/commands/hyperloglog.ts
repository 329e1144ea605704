// HyperLogLogs: how many different elements there were, within one per cent, in twelve kilobytes.
// The value is a string, byte for byte Redis's; replicas that add at once join by the maximum of
// each register (keyspace/hyperloglog.ts). Replies and errors: Redis 7.0, hyperloglog.c.
//
// While other replicas exist PFCOUNT does not keep its result in the value, as Redis does: a read
// writes nothing that replicas share.

import type { Ref } from "../keyspace/arena.js";
import { cardOf, fill, histogramOf, isSketch, Sketch } from "../keyspace/hyperloglog.js";
import * as record from "../keyspace/record.js";
import { markTextRoomy, modifyText, noDeadline, setText } from "../keyspace/text.js";
import { viewText } from "../keyspace/text-view.js";
import { registerCount, touchOf } from "../lattice/hyperloglog.js";
import type { Call } from "./call.js";
import { allKeys, type CommandSpec, oneKey } from "./command.js";
import { selfTest } from "./hyperloglog-test.js";
import { demandText } from "./lookup.js";
import { notify } from "./notify.js";

const sketch = new Sketch();

/** Copies the value under a record into `into`; false after the error was replied. */
function load(call: Call, ref: Ref, into: Sketch): boolean {
  if (!demandText(call, ref)) return false;
  const { bytes, start, length } = viewText(call.keyspace, ref);
  if (isSketch(bytes, start, length)) {
    into.load(bytes, start, length);
    return true;
  }
  call.reply.error("WRONGTYPE Key is not a valid HyperLogLog string value.");
  return false;
}

function failCorrupted(call: Call): void {
  call.reply.error("INVALIDOBJ Corrupted HLL object detected");
}

const sparseBytesMax = (call: Call): number =>
  call.environment.settings.number("hll-sparse-max-bytes");

/** Writes `sketch` over the value of the key at argument `index`; `ref` 0 makes the key. */
function save(call: Call, index: number, ref: Ref): void {
  const { keyspace, db } = call;
  const hash = call.hashOf(index);
  const { bytes, length } = sketch;
  if (ref === 0) {
    const key = call.start(index);
    setText(keyspace, db, hash, call.bytes, key, call.size(index), bytes, 0, length, noDeadline);
  } else {
    modifyText(keyspace, db, hash, call.view(index), ref, length, (to, at) => {
      to.set(bytes.subarray(0, length), at);
    });
  }
  markTextRoomy(keyspace, db, hash, call.bytes, call.start(index), call.size(index));
}

/** Redis keeps a looked at HyperLogLog as a string that may grow, whatever it was before. */
function unshare(call: Call, ref: Ref): void {
  const { arena } = call.keyspace;
  if (record.kindOf(arena, ref) === record.textKind) record.markRoomy(arena, ref);
}

function pfadd(call: Call): void {
  const ref = call.findForWrite(1);
  if (ref === 0) sketch.clear();
  else if (!load(call, ref, sketch)) return;
  else unshare(call, ref);
  const bytesMax = sparseBytesMax(call);
  let updates = ref === 0 ? 1 : 0;
  for (let index = 2; index < call.argc; index++) {
    const touch = touchOf(call.bytes, call.start(index), call.size(index));
    const isRaised = sketch.raise(touch.index, touch.run, bytesMax);
    if (isRaised === undefined) {
      // What was added before the broken opcode was met stays added, as in Redis.
      if (updates > 0) save(call, 1, ref);
      failCorrupted(call);
      return;
    }
    if (isRaised) updates++;
  }
  if (updates > 0) {
    sketch.forgetCard();
    save(call, 1, ref);
    call.keyspace.dirty += updates - 1;
    notify(call, "string", "pfadd", 1);
  }
  call.reply.integer(updates > 0 ? 1 : 0);
}

/** The maximum over the keys from argument 1 on; undefined after the error was replied. */
function merged(call: Call): { registers: Uint8Array; isDense: boolean } | undefined {
  const registers = new Uint8Array(registerCount);
  let isDense = false;
  for (let index = 1; index < call.argc; index++) {
    const ref = call.findForRead(index);
    if (ref === 0) continue;
    if (!load(call, ref, sketch)) return undefined;
    isDense ||= sketch.isDense;
    if (!sketch.raiseInto(registers)) {
      failCorrupted(call);
      return undefined;
    }
  }
  return { registers, isDense };
}

function pfcount(call: Call): void {
  if (call.argc > 2) {
    const all = merged(call);
    if (all !== undefined) call.reply.bigInteger(cardOf(histogramOf(all.registers)));
    return;
  }
  const ref = call.findForRead(1);
  if (ref === 0) {
    call.reply.integer(0);
    return;
  }
  if (!load(call, ref, sketch)) return;
  unshare(call, ref);
  const kept = sketch.card;
  if (kept !== undefined) {
    call.reply.bigInteger(kept);
    return;
  }
  const histogram = sketch.histogram();
  if (histogram === undefined) {
    failCorrupted(call);
    return;
  }
  const card = cardOf(histogram);
  if (call.keyspace.capture === undefined) {
    sketch.setCard(card);
    save(call, 1, ref);
  }
  call.reply.bigInteger(card);
}

function pfmerge(call: Call): void {
  const all = merged(call);
  if (all === undefined) return;
  const ref = call.findForWrite(1);
  if (ref === 0) sketch.clear();
  else if (!load(call, ref, sketch)) return;
  if (all.isDense) sketch.toDense();
  fill(sketch, all.registers, sparseBytesMax(call));
  save(call, 1, ref);
  notify(call, "string", "pfadd", 1);
  call.reply.ok();
}

function pfdebug(call: Call): void {
  const ref = call.findForWrite(2);
  if (ref === 0) {
    call.reply.error("ERR The specified key does not exist");
    return;
  }
  if (!load(call, ref, sketch)) return;
  unshare(call, ref);
  if (call.is(1, "GETREG")) {
    if (makeDense(call, ref) === undefined) return;
    const registers = new Uint8Array(registerCount);
    sketch.raiseInto(registers);
    call.reply.array(registerCount);
    for (const value of registers) call.reply.integer(value);
  } else if (call.is(1, "DECODE")) {
    if (sketch.isDense) call.reply.error("ERR HLL encoding is not sparse");
    else {
      const text = Buffer.from(sketch.describe(), "latin1");
      call.reply.bulk(text, 0, text.length);
    }
  } else if (call.is(1, "ENCODING")) call.reply.simple(sketch.isDense ? "dense" : "sparse");
  else if (call.is(1, "TODENSE")) {
    const isChanged = makeDense(call, ref);
    if (isChanged !== undefined) call.reply.integer(isChanged ? 1 : 0);
  } else call.reply.error(`ERR Unknown PFDEBUG subcommand '${call.text(1)}'`);
}

/** Whether the encoding was changed; undefined after the error was replied. */
function makeDense(call: Call, ref: Ref): boolean | undefined {
  if (sketch.isDense) return false;
  if (!sketch.toDense()) {
    failCorrupted(call);
    return undefined;
  }
  save(call, 2, ref);
  return true;
}

function pfselftest(call: Call): void {
  const failure = selfTest(() => call.environment.random(), sparseBytesMax(call));
  if (failure === undefined) call.reply.ok();
  else call.reply.error(`TESTFAILED ${failure}`);
}

const shared = { categories: ["hyperloglog"], group: "hyperloglog", since: "2.8.9" } as const;

export const hyperLogLogCommands: readonly CommandSpec[] = [
  {
    ...shared,
    name: "pfadd",
    arity: -2,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey,
    replication: "delta",
    summary: "Adds the specified elements to the specified HyperLogLog.",
    complexity: "O(1) to add every element.",
    run: pfadd,
  },
  {
    ...shared,
    name: "pfcount",
    arity: -2,
    flags: ["readonly", "may_replicate"],
    keys: allKeys,
    summary: "Return the approximated cardinality of the set(s) observed by the HyperLogLog(s).",
    complexity:
      "O(1) with a very small average constant time when called with a single key. O(N) with N " +
      "being the number of keys, and much bigger constant times, when called with multiple keys.",
    run: pfcount,
  },
  {
    ...shared,
    name: "pfmerge",
    arity: -2,
    flags: ["write", "denyoom"],
    keys: allKeys,
    replication: "delta",
    summary: "Merge N different HyperLogLogs into a single one.",
    complexity: "O(N) to merge N HyperLogLogs, but with high constant times.",
    run: pfmerge,
  },
  {
    ...shared,
    name: "pfdebug",
    arity: 3,
    flags: ["write", "denyoom", "admin"],
    keys: { first: 2, last: 2, step: 1 },
    replication: "delta",
    summary: "Internal commands for debugging HyperLogLog values",
    complexity: "O(1), but for the registers, which are many.",
    run: pfdebug,
  },
  {
    ...shared,
    name: "pfselftest",
    arity: 1,
    flags: ["admin"],
    summary: "An internal command for testing HyperLogLog values",
    complexity: "A fraction of a second.",
    run: pfselftest,
  },
];
