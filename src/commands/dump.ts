// DUMP and RESTORE: one value in the form that it has in an RDB file, sealed with version and
// checksum (src/rdb). A payload is checked to its last byte before anything is changed, whatever
// sanitize-dump-payload says. Replies and errors: Redis 7.0, cluster.c.
//
// Left out: MIGRATE.

import { type Bytes, MalformedBytes } from "../base/bytes.js";
import type { Ref } from "../keyspace/arena.js";
import { Collection } from "../keyspace/collection.js";
import { setDeadline } from "../keyspace/deadline-record.js";
import { listUnder } from "../keyspace/list-edit.js";
import { streamUnder } from "../keyspace/stream-edit.js";
import { copyText } from "../keyspace/text-view.js";
import { viewZset } from "../keyspace/zset-forms.js";
import { type Slot, slots } from "../lattice/key-entry.js";
import { isSealed, openValue, sealValue } from "../rdb/payload.js";
import type { RdbEncoding, RdbValue } from "../rdb/value.js";
import type { Call } from "./call.js";
import { type CommandSpec, oneKey } from "./command.js";
import { formatDouble } from "./double-text.js";
import { fail } from "./errors.js";
import { encodingOf } from "./keys-object.js";
import { visibleSlotOf } from "./lookup.js";
import { notify } from "./notify.js";
import { putValue } from "./restore.js";
import { streamOf } from "./restore-stream.js";
import { mayGroup } from "./streams-delivery.js";

function dump(call: Call): void {
  const ref = call.findForRead(1);
  if (ref === 0) {
    call.reply.nil();
    return;
  }
  const value = contentOf(call, ref, visibleSlotOf(call, ref));
  const payload = sealValue(value, encodingOf(call, ref) as RdbEncoding, formatDouble);
  call.reply.bulk(payload, 0, payload.length);
}

/** What a record holds, copied. */
export function contentOf(call: Call, ref: Ref, slot: Slot): RdbValue {
  const { keyspace } = call;
  switch (slot) {
    case slots.string:
      return { kind: "string", text: copyText(keyspace, ref) };
    case slots.set:
      return { kind: "set", members: elementsOf(call, ref, slot, false) };
    case slots.hash:
      return { kind: "hash", pairs: elementsOf(call, ref, slot, true) };
    case slots.list:
      return { kind: "list", elements: listOf(call, ref) };
    case slots.zset:
      return scoredOf(call, ref);
    default:
      return { kind: "stream", stream: streamOf(streamUnder(keyspace, ref)!) };
  }
}

const collection = new Collection();

function elementsOf(call: Call, ref: Ref, slot: Slot, withValues: boolean): Bytes[] {
  const parts: Bytes[] = [];
  collection.open(call.keyspace, ref, slot);
  collection.each((at) => {
    parts.push(at.elementCopy());
    if (withValues) parts.push(at.value.slice(at.valueStart, at.valueStart + at.valueLength));
  });
  collection.close();
  return parts;
}

function listOf(call: Call, ref: Ref): Bytes[] {
  const elements: Bytes[] = [];
  const list = listUnder(call.keyspace, ref)!;
  const { visibleCount } = list;
  list.seek(0);
  for (let i = 0; i < visibleCount; i++, list.step(false)) {
    list.load();
    elements.push(list.value.slice(list.valueStart, list.valueStart + list.valueLength));
  }
  return elements;
}

function scoredOf(call: Call, ref: Ref): RdbValue {
  const members: Bytes[] = [];
  const scores: number[] = [];
  const view = viewZset(call.keyspace, ref)!;
  const { visibleCount } = view;
  view.seek(0);
  for (let i = 0; i < visibleCount; i++) {
    if (i > 0) view.step(false);
    members.push(view.bytes.slice(view.start, view.start + view.length));
    scores.push(view.score);
  }
  return { kind: "zset", members, scores };
}

interface Options {
  mayReplace: boolean;
  isAbsolute: boolean;
  /** Seconds, or -1. */
  idle: number;
  /** The counter of LFU, or -1. */
  frequency: number;
}

/** The options from argument 4 on; undefined after the error was replied. */
function parse(call: Call): Options | undefined {
  const options: Options = { mayReplace: false, isAbsolute: false, idle: -1, frequency: -1 };
  for (let index = 4; index < call.argc; index++) {
    const hasNext = index + 1 < call.argc;
    if (call.is(index, "REPLACE")) options.mayReplace = true;
    else if (call.is(index, "ABSTTL")) options.isAbsolute = true;
    else if (hasNext && options.frequency === -1 && call.is(index, "IDLETIME")) {
      const limit = [0, Number.MAX_VALUE] as const;
      options.idle = bounded(call, ++index, ...limit, "Invalid IDLETIME value, must be >= 0");
      if (Number.isNaN(options.idle)) return undefined;
    } else if (hasNext && options.idle === -1 && call.is(index, "FREQ")) {
      const complaint = "Invalid FREQ value, must be >= 0 and <= 255";
      options.frequency = bounded(call, ++index, 0, 255, complaint);
      if (Number.isNaN(options.frequency)) return undefined;
    } else {
      fail(call, "syntax");
      return undefined;
    }
  }
  return options;
}

/** A number within limits; NaN after the error was replied. */
function bounded(call: Call, index: number, min: number, max: number, complaint: string): number {
  const value = call.int64(index);
  if (value === undefined) fail(call, "notInteger");
  else if (value < min || value > max) call.reply.error(`ERR ${complaint}`);
  else return Number(value);
  return Number.NaN;
}

function restore(call: Call): void {
  const options = parse(call);
  if (options === undefined) return;
  const { keyspace, db } = call;
  if (!options.mayReplace && call.findForWrite(1) !== 0) {
    call.reply.error("BUSYKEY Target key name already exists.");
    return;
  }
  const ttl = bounded(call, 2, 0, Number.MAX_VALUE, "Invalid TTL value, must be >= 0");
  if (Number.isNaN(ttl)) return;
  const value = readPayload(call);
  if (value === undefined) return;
  if (value.kind === "stream" && value.stream.groups.length > 0 && !mayGroup(call)) return;
  const deadline = ttl === 0 || options.isAbsolute ? ttl : fromNow(call, 2);
  const old = call.findForWrite(1);
  if (deadline !== 0 && deadline <= keyspace.nowMs) {
    if (old !== 0) {
      keyspace.remove(db, call.hashOf(1), old);
      notify(call, "generic", "del", 1);
    }
    call.reply.ok();
    return;
  }
  if (old !== 0) keyspace.remove(db, call.hashOf(1), old);
  putValue(call, 1, value);
  const key = call.view(1);
  const ref = db.keys.find(call.hashOf(1), key, 0, key.length);
  if (deadline !== 0) setDeadline(keyspace, db, call.hashOf(1), ref, deadline);
  markUse(call, options);
  notify(call, "generic", "restore", 1);
  call.reply.ok();
}

/** Of the two marks only the one that the eviction policy goes by is kept. */
function markUse(call: Call, { idle, frequency }: Options): void {
  const { keyspace, db } = call;
  const key = call.view(1);
  const ref = db.keys.find(call.hashOf(1), key, 0, key.length);
  if (keyspace.frequency !== undefined) {
    if (frequency >= 0) keyspace.setFrequency(ref, frequency);
  } else if (idle >= 0) keyspace.setIdleSeconds(ref, idle);
}

/** So many milliseconds from now, in 64 bits: beyond them lies the past, as in Redis. */
const fromNow = (call: Call, index: number): number =>
  Number(BigInt.asIntN(64, call.int64(index)! + BigInt(call.keyspace.nowMs)));

/** The value in argument 3; undefined after the error was replied. */
function readPayload(call: Call): RdbValue | undefined {
  // A copy: what lies in the request's buffer does not outlive it, and parts of a value are views.
  const payload = call.copy(3);
  if (!isSealed(payload)) {
    call.reply.error("ERR DUMP payload version or checksum are wrong");
    return undefined;
  }
  try {
    return openValue(payload);
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
    call.reply.error("ERR Bad data format");
    return undefined;
  }
}

const restoring = {
  arity: -4,
  flags: ["write", "denyoom"],
  keys: oneKey,
  categories: ["keyspace", "dangerous"],
  replication: "delta",
  complexity: "O(N) in the size of the value; O(N*log(N)) for sorted sets.",
  run: restore,
} as const;

export const dumpCommands: readonly CommandSpec[] = [
  {
    name: "dump",
    arity: 2,
    flags: ["readonly"],
    keys: oneKey,
    categories: ["keyspace"],
    group: "generic",
    since: "2.6.0",
    summary: "Return a serialized version of the value stored at the specified key.",
    complexity: "O(N) in the size of the value.",
    run: dump,
  },
  {
    ...restoring,
    name: "restore",
    group: "generic",
    since: "2.6.0",
    summary: "Create a key using the provided serialized value, previously obtained using DUMP.",
  },
  {
    ...restoring,
    name: "restore-asking",
    flags: ["write", "denyoom", "asking"],
    group: "server",
    since: "3.0.0",
    summary: "An internal command for migrating keys in a cluster",
  },
];
