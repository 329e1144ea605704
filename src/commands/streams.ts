// Streams: adding, reading ranges, removing. Replies, errors and events: Redis 7.0, t_stream.c.
//
// Nodes that share a stream may add at the same time: ids that such a node makes carry a mark of
// its own in their low bits, and an entry is named by its id and its replica, so both survive.
// Reading from the last id on, a client may pass over entries that come late; XINFO STREAM counts
// them.

import { fromLatin1 } from "../base/bytes.js";
import { hashBytes } from "../keyspace/hash.js";
import type { StreamStore } from "../keyspace/stream-store.js";
import { FieldList } from "../lattice/stream-element.js";
import {
  compareIds,
  idMax,
  idOf,
  idOfMs,
  isZeroId,
  nextId,
  type StreamId,
} from "../lattice/stream-id.js";
import { roundedInteger } from "./arguments.js";
import type { Call } from "./call.js";
import { type CommandSpec, oneKey } from "./command.js";
import { fail, failArity } from "./errors.js";
import { notify } from "./notify.js";
import {
  type AskedId,
  begin,
  demandStream,
  endArgument,
  replyId,
  replyRange,
  startArgument,
  strictId,
  strictIds,
} from "./streams-arguments.js";
import { addOptions } from "./streams-trim.js";

const fields = new FieldList();

// ---- XADD

/** Bits of a sequence that name the node that made it, where nodes share a stream. */
const markBits = 24n;

/** The first id above `last` in the wanted millisecond or later that carries this node's mark. */
function markedId(call: Call, last: StreamId, wanted: StreamId): StreamId | undefined {
  const name = fromLatin1(call.keyspace.replicas.nameOf(call.keyspace.self));
  const mark = BigInt(hashBytes(name, 0, name.length) >>> 8);
  const isLater = last.msHigh === wanted.msHigh && last.msLow === wanted.msLow;
  const low = isLater ? (BigInt(last.seqHigh) << 32n) | BigInt(last.seqLow) : -1n;
  let seq = ((low < 0n ? 0n : low >> markBits) << markBits) | mark;
  if (seq <= low) seq += 1n << markBits;
  if (seq >= 1n << 64n) return undefined;
  return idOf(wanted.msHigh, wanted.msLow, Number(seq >> 32n), Number(seq & 0xffff_ffffn));
}

/** The id of a new entry; undefined when there is none above the last. */
function newId(call: Call, last: StreamId, asked: AskedId | undefined): StreamId | undefined {
  if (asked?.hasSequence === true) return compareIds(asked.id, last) > 0 ? asked.id : undefined;
  const now = idOfMs(call.keyspace.nowMs);
  if (asked === undefined) {
    const isLater =
      now.msHigh > last.msHigh || (now.msHigh === last.msHigh && now.msLow > last.msLow);
    if (call.keyspace.isShared) return markedId(call, last, isLater ? now : last);
    return isLater ? now : nextId(last);
  }
  const { id } = asked;
  if (id.msHigh !== last.msHigh || id.msLow !== last.msLow) {
    if (compareIds(id, last) <= 0) return undefined;
    return call.keyspace.isShared ? markedId(call, last, id) : id;
  }
  if (call.keyspace.isShared) return markedId(call, last, id);
  const next = nextId(last);
  // The last sequence of a millisecond has no successor in it.
  return next?.msLow === id.msLow && next.msHigh === id.msHigh ? next : undefined;
}

/** Names and values from an argument on. */
function readFields(call: Call, first: number): FieldList {
  fields.clear(call.bytes);
  for (let index = first; index < call.argc; index++)
    fields.push(call.start(index), call.size(index));
  return fields;
}

/** Bytes of an entry that Redis refuses: more do not fit a node. */
const entryBytesMax = 1 << 30;

function entryBytes(list: FieldList): number {
  let sum = 0;
  for (let i = 0; i < list.count; i++) sum += list.lengths[i]!;
  return sum;
}

function xadd(call: Call): void {
  const options = addOptions(call, true);
  if (options === undefined) return;
  const { asked, rule, idAt } = options;
  const texts = call.argc - idAt - 1;
  if (texts < 2 || texts % 2 === 1) {
    failArity(call);
    return;
  }
  if (asked?.hasSequence === true && isZeroId(asked.id)) {
    call.reply.error("ERR The ID specified in XADD must be greater than 0-0");
    return;
  }
  const ref = call.findForWrite(1);
  const store = ref === 0 ? undefined : demandStream(call, ref);
  if (ref !== 0 && store === undefined) return;
  if (ref === 0 && !options.mayCreate) {
    call.reply.nil();
    return;
  }
  const last = store?.figures.lastId ?? idOf(0, 0, 0, 0);
  const id = addableId(call, last, asked, readFields(call, idAt + 1));
  if (id === undefined) return;
  const edit = begin(call, 1, ref);
  const { settings } = call.environment;
  const bytesMax = settings.number("stream-node-max-bytes");
  const countMax = settings.number("stream-node-max-entries");
  edit.add(id, fields, { bytesMax, countMax });
  replyId(call, id);
  notify(call, "stream", "xadd", 1);
  if (rule !== undefined && edit.trim(rule) > 0) notify(call, "stream", "xtrim", 1);
  edit.end(1, true);
}

function addableId(
  call: Call,
  last: StreamId,
  asked: AskedId | undefined,
  list: FieldList,
): StreamId | undefined {
  const { reply } = call;
  if (compareIds(last, idMax) === 0) {
    reply.error("ERR The stream has exhausted the last possible ID, unable to add more items");
    return undefined;
  }
  const id = newId(call, last, asked);
  if (id === undefined || isZeroId(id)) {
    const text = "The ID specified in XADD is equal or smaller than the target stream top item";
    reply.error(`ERR ${text}`);
    return undefined;
  }
  if (entryBytes(list) <= entryBytesMax) return id;
  reply.error("ERR Elements are too large to be stored");
  return undefined;
}

// ---- reading

const xrange =
  (isReverse: boolean) =>
  (call: Call): void => {
    const start = startArgument(call, isReverse ? 3 : 2);
    if (start === undefined) return;
    const end = endArgument(call, isReverse ? 2 : 3);
    if (end === undefined) return;
    let count = -1;
    for (let index = 4; index < call.argc; index += 2) {
      if (!call.is(index, "COUNT") || index + 1 >= call.argc) {
        fail(call, "syntax");
        return;
      }
      count = roundedInteger(call, index + 1);
      if (Number.isNaN(count)) return;
      if (count < 0) count = 0;
    }
    const ref = call.findForRead(1);
    if (ref === 0) {
      call.reply.array(0);
      return;
    }
    const store = demandStream(call, ref);
    if (store === undefined) return;
    if (count === 0) call.reply.nilArray();
    else replyRange(call, store, { start, end, count: Math.max(0, count), isReverse });
  };

function xlen(call: Call): void {
  const ref = call.findForRead(1);
  const store = ref === 0 ? undefined : demandStream(call, ref);
  if (ref === 0) call.reply.integer(0);
  else if (store !== undefined) call.reply.integer(store.entryCount);
}

// ---- removing

function xdel(call: Call): void {
  const ref = call.findForWrite(1);
  if (ref === 0) {
    call.reply.integer(0);
    return;
  }
  if (demandStream(call, ref) === undefined) return;
  const ids = strictIds(call, 2);
  if (ids === undefined) return;
  const edit = begin(call, 1, ref);
  let removed = 0;
  for (const id of ids) if (edit.removeId(id)) removed++;
  edit.end(removed, removed > 0);
  if (removed > 0) notify(call, "stream", "xdel", 1);
  call.reply.integer(removed);
}

function xtrim(call: Call): void {
  const options = addOptions(call, false);
  if (options === undefined) return;
  const ref = call.findForWrite(1);
  if (ref === 0) {
    call.reply.integer(0);
    return;
  }
  if (demandStream(call, ref) === undefined) return;
  const edit = begin(call, 1, ref);
  const removed = edit.trim(options.rule!);
  edit.end(removed, removed > 0);
  if (removed > 0) notify(call, "stream", "xtrim", 1);
  call.reply.integer(removed);
}

// ---- XSETID

interface SetOptions {
  readonly id: StreamId;
  /** -1 when it was not given. */
  readonly added: bigint;
  readonly maxDeletedId: StreamId | undefined;
}

function setOptions(call: Call): SetOptions | undefined {
  const id = strictId(call, 2);
  if (id === undefined) return undefined;
  let added = -1n;
  let maxDeletedId: StreamId | undefined;
  for (let index = 3; index < call.argc; index += 2) {
    const hasMore = index + 1 < call.argc;
    if (hasMore && call.is(index, "ENTRIESADDED")) {
      const count = call.int64(index + 1);
      if (count === undefined) fail(call, "notInteger");
      else if (count < 0n) call.reply.error("ERR entries_added must be positive");
      if (count === undefined || count < 0n) return undefined;
      added = count;
    } else if (hasMore && call.is(index, "MAXDELETEDID")) {
      maxDeletedId = strictId(call, index + 1);
      if (maxDeletedId === undefined) return undefined;
      if (compareIds(id, maxDeletedId) < 0) {
        const text = "smaller than the provided max_deleted_entry_id";
        call.reply.error(`ERR The ID specified in XSETID is ${text}`);
        return undefined;
      }
    } else {
      fail(call, "syntax");
      return undefined;
    }
  }
  return { id, added, maxDeletedId };
}

/** Whether a stream with entries takes the figures; else the error was replied. */
function mayHold(call: Call, store: StreamStore, { id, added }: SetOptions): boolean {
  if (store.entryCount === 0) return true;
  if (compareIds(id, store.topId) < 0) {
    call.reply.error("ERR The ID specified in XSETID is smaller than the target stream top item");
    return false;
  }
  if (added === -1n || BigInt(store.entryCount) <= added) return true;
  const text = "The entries_added specified in XSETID is smaller than the target stream length";
  call.reply.error(`ERR ${text}`);
  return false;
}

function xsetid(call: Call): void {
  const options = setOptions(call);
  if (options === undefined) return;
  const ref = call.findForWrite(1);
  if (ref === 0) {
    fail(call, "noSuchKey");
    return;
  }
  const store = demandStream(call, ref);
  if (store === undefined || !mayHold(call, store, options)) return;
  const { id: lastId, maxDeletedId } = options;
  const { figures } = store;
  begin(call, 1, ref)
    .setFigures({
      lastId,
      added: options.added === -1n ? figures.added : options.added,
      maxDeletedId:
        maxDeletedId === undefined || isZeroId(maxDeletedId) ? figures.maxDeletedId : maxDeletedId,
    })
    .end(1, false);
  notify(call, "stream", "xsetid", 1);
  call.reply.ok();
}

const shared = { keys: oneKey, categories: ["stream"], group: "stream", since: "5.0.0" } as const;
const written = { ...shared, replication: "delta" } as const;
const rangeComplexity =
  "O(N) with N being the number of elements returned. If N is constant (e.g. always asking for " +
  "the first 10 elements with COUNT), you can consider it O(1).";

export const streamCommands: readonly CommandSpec[] = [
  {
    ...written,
    name: "xadd",
    arity: -5,
    flags: ["write", "denyoom", "fast"],
    summary: "Appends a new entry to a stream",
    complexity:
      "O(1) when adding a new entry, O(N) when trimming where N being the number of entries " +
      "evicted.",
    run: xadd,
  },
  {
    ...written,
    name: "xdel",
    arity: -3,
    flags: ["write", "fast"],
    summary:
      "Removes the specified entries from the stream. Returns the number of items actually " +
      "deleted, that may be different from the number of IDs passed in case certain IDs do not " +
      "exist.",
    complexity: "O(1) for each single item to delete in the stream, regardless of the stream size.",
    run: xdel,
  },
  {
    ...written,
    name: "xtrim",
    arity: -4,
    flags: ["write"],
    summary: "Trims the stream to (approximately if '~' is passed) a certain size",
    complexity:
      "O(N), with N being the number of evicted entries. Constant times are very small however, " +
      "since entries are organized in macro nodes containing multiple entries that can be " +
      "released with a single deallocation.",
    run: xtrim,
  },
  {
    ...written,
    name: "xsetid",
    arity: -3,
    flags: ["write", "denyoom", "fast"],
    summary: "An internal command for replicating stream values",
    complexity: "O(1)",
    run: xsetid,
  },
  {
    ...shared,
    name: "xlen",
    arity: 2,
    flags: ["readonly", "fast"],
    summary: "Return the number of entries in a stream",
    complexity: "O(1)",
    run: xlen,
  },
  {
    ...shared,
    name: "xrange",
    arity: -4,
    flags: ["readonly"],
    summary: "Return a range of elements in a stream, with IDs matching the specified IDs interval",
    complexity: rangeComplexity.replace("elements returned", "elements being returned"),
    run: xrange(false),
  },
  {
    ...shared,
    name: "xrevrange",
    arity: -4,
    flags: ["readonly"],
    summary:
      "Return a range of elements in a stream, with IDs matching the specified IDs interval, in " +
      "reverse order (from greater to smaller IDs) compared to XRANGE",
    complexity: rangeComplexity,
    run: xrange(true),
  },
];
