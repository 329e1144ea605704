// XREAD and XREADGROUP: entries behind an id of several streams, at once or as soon as there are
// some. Who waits is served by the node (blocking.ts). Replies and errors: Redis 7.0, t_stream.c
// and blocked.c.
//
// A reader of a group that waits for a key which is removed or becomes another type is told so; it
// would wait in vain, for the group is gone.

import { streamUnder } from "../keyspace/stream-edit.js";
import type { StreamGroup } from "../keyspace/stream-group.js";
import type { StreamStore } from "../keyspace/stream-store.js";
import { compareIds, idMax, idMin, nextId, type StreamId } from "../lattice/stream-id.js";
import { roundedInteger } from "./arguments.js";
import { waitForKeys } from "./blocking.js";
import type { Call } from "./call.js";
import type { CommandSpec } from "./command.js";
import { fail } from "./errors.js";
import { cText, demandStream, replyRange, strictId } from "./streams-arguments.js";
import { deliver, hasAfter, mayGroup, redeliver } from "./streams-delivery.js";

interface ReadOptions {
  /** Unix milliseconds, 0 for ever; NaN without BLOCK. */
  readonly deadlineMs: number;
  readonly count: number;
  /** The first key's argument, and how many there are. */
  readonly first: number;
  readonly keyCount: number;
  /** Arguments of the group and the consumer; 0 for XREAD. */
  readonly group: number;
  readonly isForgotten: boolean;
}

interface Draft {
  deadlineMs: number;
  count: number;
  first: number;
  group: number;
  isForgotten: boolean;
}

/** The most entries that a reader is given at once that has waited, unless COUNT says otherwise. */
const waitedCount = 1000;

const onlyGroups = (option: string): string =>
  `ERR The ${option} option is only supported by XREADGROUP. You called XREAD instead.`;

/** A timeout in milliseconds as a deadline; NaN after the error was replied. */
function blockArgument(call: Call, index: number): number {
  const timeout = call.int64(index);
  if (timeout === undefined) call.reply.error("ERR timeout is not an integer or out of range");
  else if (timeout < 0n) call.reply.error("ERR timeout is negative");
  if (timeout === undefined || timeout < 0n) return Number.NaN;
  return timeout === 0n ? 0 : call.keyspace.nowMs + Number(timeout);
}

/** Reads the option at an argument; answers how many it takes, 0 after an error was replied. */
function readOption(call: Call, at: number, draft: Draft, isGrouped: boolean): number {
  const more = call.argc - at - 1;
  if (more > 0 && call.is(at, "BLOCK")) {
    draft.deadlineMs = blockArgument(call, at + 1);
    return Number.isNaN(draft.deadlineMs) ? 0 : 2;
  }
  if (more > 0 && call.is(at, "COUNT")) {
    draft.count = Math.max(0, roundedInteger(call, at + 1));
    return Number.isNaN(draft.count) ? 0 : 2;
  }
  const isGroup = more >= 2 && call.is(at, "GROUP");
  if (!isGroup && !call.is(at, "NOACK")) {
    fail(call, "syntax");
    return 0;
  }
  if (!isGrouped) {
    call.reply.error(onlyGroups(isGroup ? "GROUP" : "NOACK"));
    return 0;
  }
  if (isGroup) draft.group = at + 1;
  else draft.isForgotten = true;
  return isGroup ? 3 : 1;
}

function readOptions(call: Call, isGrouped: boolean): ReadOptions | undefined {
  const draft: Draft = {
    deadlineMs: Number.NaN,
    count: 0,
    first: 0,
    group: 0,
    isForgotten: false,
  };
  for (let at = 1; at < call.argc && draft.first === 0; ) {
    if (call.is(at, "STREAMS") && call.argc - at > 1) {
      draft.first = at + 1;
      break;
    }
    const taken = readOption(call, at, draft, isGrouped);
    if (taken === 0) return undefined;
    at += taken;
  }
  const texts = call.argc - draft.first;
  if (draft.first > 0 && texts % 2 !== 0) {
    call.reply.error(
      "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
    );
    return undefined;
  }
  if (draft.first === 0) {
    fail(call, "syntax");
    return undefined;
  }
  if (isGrouped && draft.group === 0) {
    call.reply.error("ERR Missing GROUP option for XREADGROUP");
    return undefined;
  }
  return { ...draft, keyCount: texts / 2 };
}

/** What is asked of one stream. */
interface Wish {
  readonly key: number;
  readonly ref: number;
  readonly store: StreamStore | undefined;
  readonly group: StreamGroup | undefined;
  /** Entries behind this; undefined for `>`. */
  readonly after: StreamId | undefined;
}

const dollarError =
  "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of " +
  "this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would " +
  "just return an empty result set.";

const newError =
  "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> " +
  "option.";

function wishAt(call: Call, key: number, options: ReadOptions): Wish | undefined {
  const ref = call.findForRead(key);
  const store = ref === 0 ? undefined : demandStream(call, ref);
  if (ref !== 0 && store === undefined) return undefined;
  const isGrouped = options.group > 0;
  const group = isGrouped ? store?.groups.group(call.text(options.group)) : undefined;
  if (isGrouped && group === undefined) {
    const names = `key '${cText(call, key)}' or consumer group '${cText(call, options.group)}'`;
    call.reply.error(`NOGROUP No such ${names} in XREADGROUP with GROUP option`);
    return undefined;
  }
  const at = key + options.keyCount;
  const wish = { key, ref, store, group };
  const text = cText(call, at);
  if (text === (isGrouped ? "$" : ">")) {
    call.reply.error(isGrouped ? dollarError : newError);
    return undefined;
  }
  if (text === "$") return { ...wish, after: store?.figures.lastId ?? idMin };
  if (text === ">") return { ...wish, after: undefined };
  const after = strictId(call, at);
  if (after === undefined) return undefined;
  // The highest id of all means the same as `>`, as in Redis.
  return { ...wish, after: isGrouped && compareIds(after, idMax) === 0 ? undefined : after };
}

/** Whether a stream has something for the reader now. */
function isServed({ store, group, after }: Wish): boolean {
  if (store === undefined) return false;
  if (group === undefined) return hasAfter(store, after!);
  return after !== undefined || hasAfter(store, group.lastId);
}

function replyWish(call: Call, wish: Wish, options: ReadOptions): void {
  const { key, ref, store, group, after } = wish;
  const { count, isForgotten } = options;
  if (!call.reply.resp3) call.reply.array(2);
  call.reply.bulk(call.bytes, call.start(key), call.size(key));
  const from = after ?? group!.lastId;
  // Redis's increment wraps round: behind the last id the first one comes.
  const start = nextId(from) ?? idMin;
  if (group === undefined) {
    replyRange(call, store!, { start, end: idMax, count, isReverse: false });
    return;
  }
  const delivery = { group, consumer: call.text(options.group + 1), count, isForgotten };
  const isHistory = after !== undefined;
  (isHistory ? redeliver : deliver)(call, key, ref, store!, start, delivery);
}

const xread =
  (isGrouped: boolean) =>
  (call: Call): void => {
    if (isGrouped && !mayGroup(call)) return;
    const options = readOptions(call, isGrouped);
    if (options === undefined) return;
    const wishes: Wish[] = [];
    for (let key = options.first; key < options.first + options.keyCount; key++) {
      const wish = wishAt(call, key, options);
      if (wish === undefined) return;
      wishes.push(wish);
    }
    const at = call.reply.length;
    let served = 0;
    for (const wish of wishes) {
      if (!isServed(wish)) continue;
      served++;
      replyWish(call, wish, options);
    }
    if (served > 0) call.reply.insertHead(call.reply.resp3 ? "map" : "array", at, served);
    else if (Number.isNaN(options.deadlineMs)) call.reply.nilArray();
    else wait(call, options, wishes);
  };

// ---- waiting

function wait(call: Call, options: ReadOptions, wishes: readonly Wish[]): void {
  const { first, keyCount, deadlineMs, group } = options;
  const count = options.count > 0 ? options.count : waitedCount;
  const isGrouped = group > 0;
  // What the streams had come to when the wait began.
  const known = new Map(wishes.map((wish) => [wish.key, wish] as const));
  const lastIds = new Map(
    wishes.map(({ key, store }) => [key, store?.figures.lastId ?? idMin] as const),
  );
  waitForKeys(call, {
    keys: Array.from({ length: keyCount }, (_, index) => first + index),
    deadlineMs,
    wantsMissing: isGrouped,
    serve: (later, key) => {
      const ref = later.findForRead(key);
      const store = ref === 0 ? undefined : streamUnder(later.keyspace, ref);
      if (store === undefined) {
        if (isGrouped) later.reply.error("UNBLOCKED the stream key no longer exists");
        return isGrouped;
      }
      return serveWaiter(later, { ...options, count }, lastIds.get(key)!, {
        key,
        ref,
        store,
        group: isGrouped ? store.groups.group(later.text(group)) : undefined,
        after: known.get(key)!.after,
      });
    },
    giveUp: (later) => later.reply.nilArray(),
  });
}

/** Serves a reader from a stream that has changed; false when there is nothing for it. */
function serveWaiter(call: Call, options: ReadOptions, known: StreamId, wish: Wish): boolean {
  const store = wish.store!;
  if (options.group > 0 && wish.group === undefined) {
    call.reply.error("NOGROUP the consumer group this client was blocked on no longer exists");
    return true;
  }
  const after = wish.group?.lastId ?? wish.after!;
  const { lastId } = store.figures;
  if (compareIds(lastId, after) <= 0) return false;
  // Entries that came and were trimmed at once end the wait, too, as in Redis; what else changes a
  // stream does not.
  if (!hasAfter(store, after) && compareIds(lastId, known) <= 0) return false;
  call.reply[call.reply.resp3 ? "map" : "array"](1);
  replyWish(call, { ...wish, after: wish.group === undefined ? after : undefined }, options);
  return true;
}

/** The keys behind STREAMS; undefined when the request is not well formed. */
const streamKeys =
  (isGrouped: boolean) =>
  (call: Call): number[] | undefined => {
    let at = 1;
    while (at < call.argc && !call.is(at, "STREAMS")) {
      if (call.is(at, "BLOCK") || call.is(at, "COUNT")) at += 2;
      else if (isGrouped && call.is(at, "GROUP")) at += 3;
      else if (isGrouped && call.is(at, "NOACK")) at++;
      else return undefined;
    }
    const texts = call.argc - at - 1;
    if (texts < 2 || texts % 2 !== 0) return undefined;
    return Array.from({ length: texts / 2 }, (_, index) => at + 1 + index);
  };

const shared = { categories: ["stream", "blocking"], group: "stream", since: "5.0.0" } as const;

export const streamReadCommands: readonly CommandSpec[] = [
  {
    ...shared,
    name: "xread",
    arity: -4,
    flags: ["readonly", "blocking", "movablekeys"],
    findKeys: streamKeys(false),
    summary:
      "Return never seen elements in multiple streams, with IDs greater than the ones reported " +
      "by the caller for each stream. Can block.",
    complexity:
      "For each stream mentioned: O(N) with N being the number of elements being returned, it " +
      "means that XREAD-ing with a fixed COUNT is O(1). Note that when the BLOCK option is used, " +
      "XADD will pay O(M) time in order to serve the M clients blocked on the stream getting new " +
      "data.",
    run: xread(false),
  },
  {
    ...shared,
    name: "xreadgroup",
    arity: -7,
    flags: ["write", "blocking", "movablekeys"],
    findKeys: streamKeys(true),
    replication: "delta",
    summary:
      "Return new entries from a stream using a consumer group, or access the history of the " +
      "pending entries for a given consumer. Can block.",
    complexity:
      "For each stream mentioned: O(M) with M being the number of elements returned. If M is " +
      "constant (e.g. always asking for the first 10 elements with COUNT), you can consider it " +
      "O(1). On the other side when XREADGROUP blocks, XADD will pay the O(N) time in order to " +
      "serve the N clients blocked on the stream getting new data.",
    run: xread(true),
  },
];
