// XPENDING, XCLAIM and XAUTOCLAIM: looking at pending entries and taking them over. Replies, errors
// and events: Redis 7.0, t_stream.c.

import type { Ref } from "../keyspace/arena.js";
import type { StreamEdit } from "../keyspace/stream-edit.js";
import type { StreamGroup } from "../keyspace/stream-group.js";
import type { StreamStore } from "../keyspace/stream-store.js";
import { compareIds, idMin, type StreamId } from "../lattice/stream-id.js";
import { roundedInteger } from "./arguments.js";
import type { Call } from "./call.js";
import { type CommandSpec, oneKey } from "./command.js";
import { fail } from "./errors.js";
import {
  begin,
  cText,
  demandStream,
  endArgument,
  readIdText,
  replyEntryOf,
  replyId,
  startArgument,
  strictId,
} from "./streams-arguments.js";
import { hearOf, mayGroup } from "./streams-delivery.js";

interface Place {
  readonly ref: Ref;
  readonly store: StreamStore;
  readonly group: StreamGroup;
}

/** The stream at argument 1 and the group at argument 2; undefined after an error was replied. */
function groupAt(call: Call): Place | undefined {
  const ref = call.findForRead(1);
  const store = ref === 0 ? undefined : demandStream(call, ref);
  if (ref !== 0 && store === undefined) return undefined;
  const group = store?.groups.group(call.text(2));
  if (store !== undefined && group !== undefined) return { ref, store, group };
  const names = `key '${cText(call, 1)}' or consumer group '${cText(call, 2)}'`;
  call.reply.error(`NOGROUP No such ${names}`);
  return undefined;
}

// ---- XPENDING

interface PendingRange {
  readonly start: StreamId;
  readonly end: StreamId;
  readonly count: number;
  readonly idleMin: number;
  /** The argument that names a consumer, or 0. */
  readonly consumer: number;
}

function pendingRange(call: Call): PendingRange | undefined {
  let at = 3;
  let idleMin = 0;
  if (call.is(3, "IDLE")) {
    idleMin = roundedInteger(call, 4);
    if (Number.isNaN(idleMin)) return undefined;
    if (call.argc < 8) {
      fail(call, "syntax");
      return undefined;
    }
    at = 5;
  }
  const count = roundedInteger(call, at + 2);
  if (Number.isNaN(count)) return undefined;
  const start = startArgument(call, at);
  if (start === undefined) return undefined;
  const end = endArgument(call, at + 1);
  if (end === undefined) return undefined;
  const consumer = at + 3 < call.argc ? at + 3 : 0;
  return { start, end, count: Math.max(0, count), idleMin, consumer };
}

function xpending(call: Call): void {
  if (!mayGroup(call)) return;
  if (call.argc !== 3 && (call.argc < 6 || call.argc > 9)) {
    fail(call, "syntax");
    return;
  }
  const range = call.argc === 3 ? undefined : pendingRange(call);
  if (call.argc > 3 && range === undefined) return;
  const place = groupAt(call);
  if (place === undefined) return;
  if (range === undefined) replySummary(call, place.group);
  else replyPending(call, place.group, range);
}

function replySummary(call: Call, group: StreamGroup): void {
  const { reply } = call;
  const { pending } = group;
  reply.array(4);
  reply.integer(pending.count);
  if (pending.count === 0) {
    reply.nil();
    reply.nil();
    reply.nilArray();
    return;
  }
  pending.seek(idMin);
  replyId(call, pending.id);
  pending.last();
  replyId(call, pending.id);
  const holders = group.consumers().filter(({ pendingCount }) => pendingCount > 0);
  reply.array(holders.length);
  for (const { name, pendingCount } of holders) {
    reply.array(2);
    replyName(call, name);
    reply.bulkInteger(pendingCount);
  }
}

export const replyName = ({ reply }: Call, name: string): void =>
  reply.bulk(Buffer.from(name, "latin1"));

function replyPending(call: Call, group: StreamGroup, range: PendingRange): void {
  const { reply } = call;
  const { pending } = group;
  const named = range.consumer === 0 ? undefined : group.consumer(call.text(range.consumer));
  const isUnknown = range.consumer > 0 && named?.stamp === undefined;
  const { nowMs } = call.keyspace;
  const at = reply.length;
  let left = isUnknown ? 0 : range.count;
  let replied = 0;
  for (let has = pending.seek(range.start); has && left > 0; has = pending.next()) {
    if (compareIds(pending.id, range.end) > 0) break;
    if (named !== undefined && pending.consumer !== named.number) continue;
    const idleMs = nowMs - pending.deliveredMs;
    if (range.idleMin !== 0 && idleMs < range.idleMin) continue;
    left--;
    replied++;
    reply.array(4);
    replyId(call, pending.id);
    replyName(call, group.consumerOf(pending.consumer).name);
    reply.integer(Math.max(0, idleMs));
    reply.bigInteger(pending.deliveries);
  }
  reply.insertHead("array", at, replied);
}

// ---- claiming

interface Claim {
  readonly edit: StreamEdit;
  readonly place: Place;
  readonly consumer: string;
  readonly deliveredMs: number;
  /** Undefined: one more than before, unless only ids are wanted. */
  readonly deliveries: bigint | undefined;
  readonly onlyIds: boolean;
  /** Consumers and entries that changed, as Redis counts them. */
  changes: number;
  hasConsumer: boolean;
}

/** Gives the pending entry of an id, which is in the stream, to the consumer, and replies it. */
function claimOne(call: Call, claim: Claim, id: StreamId, deliveriesBefore: bigint): void {
  const { edit, place, consumer, deliveredMs, onlyIds } = claim;
  const { group } = place;
  if (!claim.hasConsumer && hearOf(call, edit, group, consumer, 1)) claim.changes++;
  claim.hasConsumer = true;
  const more = onlyIds ? deliveriesBefore : BigInt.asIntN(64, deliveriesBefore + 1n);
  const deliveries = claim.deliveries ?? more;
  edit.setPending(group, id, { deliveredMs, deliveries, consumer });
  claim.changes++;
  if (onlyIds) replyId(call, id);
  else replyEntryOf(call, place.store, id);
}

/** What is no longer in the stream cannot be claimed: it is pending no more. */
function forget(claim: Claim, id: StreamId): void {
  claim.edit.removePending(claim.place.group, id);
  claim.changes++;
}

interface ClaimOptions {
  readonly ids: readonly StreamId[];
  readonly idleMin: number;
  deliveredMs: number;
  deliveries: bigint | undefined;
  lastId: StreamId;
  isForced: boolean;
  onlyIds: boolean;
}

/**
 * Reads one option at an argument; answers the argument behind it, 0 after an error was replied.
 */
function claimOption(call: Call, at: number, options: ClaimOptions): number {
  const more = at + 1 < call.argc;
  const { nowMs } = call.keyspace;
  const number = (name: string): bigint | undefined => {
    const value = call.int64(at + 1);
    if (value === undefined) call.reply.error(`ERR Invalid ${name} option argument for XCLAIM`);
    return value;
  };
  if (call.is(at, "FORCE")) {
    options.isForced = true;
    return at + 1;
  }
  if (call.is(at, "JUSTID")) {
    options.onlyIds = true;
    return at + 1;
  }
  if (more && (call.is(at, "IDLE") || call.is(at, "TIME"))) {
    const isIdle = call.is(at, "IDLE");
    const value = number(isIdle ? "IDLE" : "TIME");
    if (value === undefined) return 0;
    const wanted = isIdle ? nowMs - Number(value) : Number(value);
    // A time that cannot be is taken as now, as in Redis.
    options.deliveredMs = wanted < 0 || wanted > nowMs ? nowMs : wanted;
    return at + 2;
  }
  if (more && call.is(at, "RETRYCOUNT")) {
    const value = number("RETRYCOUNT");
    if (value === undefined) return 0;
    options.deliveries = value < 0n ? undefined : value;
    return at + 2;
  }
  if (more && call.is(at, "LASTID")) {
    const id = strictId(call, at + 1);
    if (id === undefined) return 0;
    options.lastId = id;
    return at + 2;
  }
  call.reply.error(`ERR Unrecognized XCLAIM option '${cText(call, at)}'`);
  return 0;
}

/** A least idle time; NaN after the error was replied. */
function idleArgument(call: Call, index: number): number {
  const idle = call.int64(index);
  if (idle !== undefined) return Math.max(0, Number(idle));
  const name = call.command.name.toUpperCase();
  call.reply.error(`ERR Invalid min-idle-time argument for ${name}`);
  return Number.NaN;
}

function claimOptions(call: Call): ClaimOptions | undefined {
  const idleMin = idleArgument(call, 4);
  if (Number.isNaN(idleMin)) return undefined;
  const ids: StreamId[] = [];
  let at = 5;
  // The first argument that is no id is an option.
  for (; at < call.argc; at++) {
    const asked = readIdText(call.text(at), { isStrict: true });
    if (asked === undefined) break;
    ids.push(asked.id);
  }
  const options: ClaimOptions = {
    ids,
    idleMin,
    deliveredMs: call.keyspace.nowMs,
    deliveries: undefined,
    lastId: idMin,
    isForced: false,
    onlyIds: false,
  };
  while (at < call.argc) {
    at = claimOption(call, at, options);
    if (at === 0) return undefined;
  }
  return options;
}

function xclaim(call: Call): void {
  if (!mayGroup(call)) return;
  const place = groupAt(call);
  const options = place && claimOptions(call);
  if (place === undefined || options === undefined) return;
  const { store, group } = place;
  const { deliveredMs, deliveries, onlyIds, idleMin } = options;
  const edit = begin(call, 1, place.ref);
  const consumer = call.text(3);
  const claim: Claim = {
    ...{ edit, place, consumer, deliveredMs, deliveries, onlyIds },
    changes: 0,
    hasConsumer: false,
  };
  if (compareIds(options.lastId, group.lastId) > 0) {
    edit.setGroup(group.name, { lastId: options.lastId, entriesRead: group.entriesRead });
    claim.changes++;
  }
  const at = call.reply.length;
  let replied = 0;
  for (const id of options.ids) {
    const isPending = group.pending.find(id);
    if (!store.has(id)) {
      if (isPending) forget(claim, id);
      continue;
    }
    if (!isPending && !options.isForced) continue;
    const { nowMs } = call.keyspace;
    if (isPending && idleMin > 0 && nowMs - group.pending.deliveredMs < idleMin) continue;
    claimOne(call, claim, id, isPending ? group.pending.deliveries : 1n);
    replied++;
  }
  edit.end(claim.changes, false);
  call.reply.insertHead("array", at, replied);
}

// ---- XAUTOCLAIM

/** Pending entries looked at for each that is wanted. */
const attemptsFactor = 10;
/** Redis's bound on COUNT, and what it cannot allocate for. */
const countMax = 2n ** 63n / 16n - 1n;
const countAllocatable = 2n ** 43n;
const countDefault = 100;

interface AutoOptions {
  readonly idleMin: number;
  readonly start: StreamId;
  readonly count: number;
  readonly onlyIds: boolean;
}

function autoOptions(call: Call): AutoOptions | undefined {
  const idleMin = idleArgument(call, 4);
  if (Number.isNaN(idleMin)) return undefined;
  const start = startArgument(call, 5);
  if (start === undefined) return undefined;
  let count = countDefault;
  let onlyIds = false;
  for (let index = 6; index < call.argc; index++) {
    if (call.is(index, "COUNT") && index + 1 < call.argc) {
      const value = call.int64(++index);
      if (value === undefined || value < 1n || value > countMax) {
        call.reply.error("ERR COUNT must be > 0");
        return undefined;
      }
      count = Number(value);
    } else if (call.is(index, "JUSTID")) {
      onlyIds = true;
    } else {
      fail(call, "syntax");
      return undefined;
    }
  }
  return { idleMin, start, count, onlyIds };
}

function xautoclaim(call: Call): void {
  if (!mayGroup(call)) return;
  const options = autoOptions(call);
  const place = options && groupAt(call);
  if (options === undefined || place === undefined) return;
  const { reply } = call;
  if (BigInt(options.count) > countAllocatable) {
    const text = "failed allocating transient memory, COUNT too high.";
    reply.error(`ERR Insufficient memory, ${text}`);
    return;
  }
  const { nowMs } = call.keyspace;
  const edit = begin(call, 1, place.ref);
  const { onlyIds } = options;
  const claim: Claim = {
    ...{ edit, place, consumer: call.text(3), deliveredMs: nowMs, deliveries: undefined, onlyIds },
    changes: 0,
    hasConsumer: false,
  };
  const at = reply.length;
  const { replied, next, gone } = claimRange(call, claim, options);
  edit.end(claim.changes, false);
  reply.insertHead("array", at, replied);
  // The head and the next id stand before the entries.
  const end = reply.length;
  reply.array(3);
  replyId(call, next);
  const head = reply.bytes.slice(end, reply.length);
  reply.bytes.copyWithin(at + head.length, at, end);
  reply.bytes.set(head, at);
  reply.array(gone.length);
  for (const id of gone) replyId(call, id);
}

interface Claimed {
  readonly replied: number;
  /** Where the next call goes on; 0-0 at the end. */
  readonly next: StreamId;
  /** Ids that are no longer in the stream. */
  readonly gone: readonly StreamId[];
}

function claimRange(call: Call, claim: Claim, { start, count, idleMin }: AutoOptions): Claimed {
  const { store, group } = claim.place;
  const { pending } = group;
  const { nowMs } = call.keyspace;
  const gone: StreamId[] = [];
  let replied = 0;
  let attempts = count * attemptsFactor;
  let has = pending.seek(start);
  while (has && attempts-- > 0 && replied + gone.length < count) {
    const { id } = pending;
    if (!store.has(id)) {
      forget(claim, id);
      gone.push(id);
      has = pending.seek(id);
      continue;
    }
    if (idleMin === 0 || nowMs - pending.deliveredMs >= idleMin) {
      claimOne(call, claim, id, pending.deliveries);
      replied++;
      pending.find(id);
    }
    has = pending.next();
  }
  return { replied, next: has ? pending.id : idMin, gone };
}

const shared = { keys: oneKey, categories: ["stream"], group: "stream", since: "5.0.0" } as const;

export const streamClaimCommands: readonly CommandSpec[] = [
  {
    ...shared,
    name: "xpending",
    arity: -3,
    flags: ["readonly"],
    summary:
      "Return information and entries from a stream consumer group pending entries list, that " +
      "are messages fetched but never acknowledged.",
    complexity:
      "O(N) with N being the number of elements returned, so asking for a small fixed number of " +
      "entries per call is O(1). O(M), where M is the total number of entries scanned when used " +
      "with the IDLE filter. When the command returns just the summary and the list of consumers " +
      "is small, it runs in O(1) time; otherwise, an additional O(N) time for iterating every " +
      "consumer.",
    run: xpending,
  },
  {
    ...shared,
    name: "xclaim",
    arity: -6,
    flags: ["write", "fast"],
    replication: "delta",
    summary:
      "Changes (or acquires) ownership of a message in a consumer group, as if the message was " +
      "delivered to the specified consumer.",
    complexity: "O(log N) with N being the number of messages in the PEL of the consumer group.",
    run: xclaim,
  },
  {
    ...shared,
    name: "xautoclaim",
    arity: -6,
    flags: ["write", "fast"],
    since: "6.2.0",
    replication: "delta",
    summary:
      "Changes (or acquires) ownership of messages in a consumer group, as if the messages were " +
      "delivered to the specified consumer.",
    complexity: "O(1) if COUNT is small.",
    run: xautoclaim,
  },
];
