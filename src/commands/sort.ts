// SORT and SORT_RO. For the other replicas STORE is the removal of what was seen under the target
// and new list elements under a new birth: the order was decided here, once. Replies, errors and
// the order of ties: Redis 7.0, sort.c.
//
// Left out: Redis's order of a set that is not sorted at all (BY without an asterisk), which is the
// order of its hash table.

import type { Bytes } from "../base/bytes.js";
import type { Ref } from "../keyspace/arena.js";
import { Collection } from "../keyspace/collection.js";
import { listUnder } from "../keyspace/list-edit.js";
import * as record from "../keyspace/record.js";
import { viewZset } from "../keyspace/zset-forms.js";
import { type Slot, slots } from "../lattice/key-entry.js";
import { roundedInteger } from "./arguments.js";
import type { Call } from "./call.js";
import { type CommandSpec, oneKey } from "./command.js";
import { fail } from "./errors.js";
import { edit } from "./lists-lookup.js";
import { visibleSlotOf } from "./lookup.js";
import { notify } from "./notify.js";
import { hasAsterisk, lookup, type Pattern, parsePattern } from "./sort-lookup.js";
import { orderOf, type Sortable, sortRange, sortScore } from "./sort-order.js";

interface Request {
  isDescending: boolean;
  isAlpha: boolean;
  /** As given; -1 for a count means all. */
  offset: number;
  count: number;
  by: Pattern | undefined;
  isUnsorted: boolean;
  /** The argument that names the target; 0 for none. */
  storeAt: number;
  readonly gets: Pattern[];
}

/** The request; undefined after the error was replied. */
function parse(call: Call, mayStore: boolean): Request | undefined {
  const request: Request = {
    isDescending: false,
    isAlpha: false,
    offset: 0,
    count: -1,
    by: undefined,
    isUnsorted: false,
    storeAt: 0,
    gets: [],
  };
  for (let index = 2; index < call.argc; ) {
    const taken = parseOption(call, request, index, mayStore);
    if (taken === 0) return undefined;
    index += taken;
  }
  return request;
}

/** How many arguments the option takes; 0 after the error was replied. */
function parseOption(call: Call, request: Request, index: number, mayStore: boolean): number {
  const left = call.argc - index - 1;
  if (call.is(index, "ASC")) request.isDescending = false;
  else if (call.is(index, "DESC")) request.isDescending = true;
  else if (call.is(index, "ALPHA")) request.isAlpha = true;
  else if (left >= 2 && call.is(index, "LIMIT")) return parseLimit(call, request, index) ? 3 : 0;
  else if (left >= 1 && mayStore && call.is(index, "STORE")) request.storeAt = index + 1;
  else if (left >= 1 && call.is(index, "BY")) {
    const pattern = call.copy(index + 1);
    request.by = parsePattern(pattern);
    if (!mayLookUp(call, request.by)) return 0;
    // Once said, a later pattern with an asterisk does not take it back.
    if (!hasAsterisk(pattern)) request.isUnsorted = true;
  } else if (left >= 1 && call.is(index, "GET")) {
    const pattern = parsePattern(call.copy(index + 1));
    if (!mayLookUp(call, pattern)) return 0;
    request.gets.push(pattern);
  } else {
    fail(call, "syntax");
    return 0;
  }
  return call.is(index, "ASC") || call.is(index, "DESC") || call.is(index, "ALPHA") ? 1 : 2;
}

/** A pattern names keys that only the data tells: where they cannot be seen, that is an error. */
function mayLookUp(call: Call, pattern: Pattern): boolean {
  if (!call.isRegister || pattern.around === undefined) return true;
  call.reply.error("ERR BY and GET of SORT read other keys: denied on linearizable keys");
  return false;
}

function parseLimit(call: Call, request: Request, index: number): boolean {
  request.offset = roundedInteger(call, index + 1);
  if (Number.isNaN(request.offset)) return false;
  request.count = roundedInteger(call, index + 2);
  return !Number.isNaN(request.count);
}

/** The range of places that LIMIT leaves, the last one included. */
function rangeOf({ offset, count }: Request, total: number): [first: number, last: number] {
  const first = Math.min(Math.max(offset, 0), total);
  const most = Math.min(Math.max(count, -1), total);
  if (first >= total) return [total - 1, total - 2];
  return [first, most < 0 ? total - 1 : Math.min(first + most - 1, total - 1)];
}

const members = new Collection();

const sortable = (bytes: Uint8Array, start: number, length: number): Sortable => ({
  element: bytes.slice(start, start + length),
  score: 0,
  weight: undefined,
});

/** Copies of all elements in the order of the collection. */
function elementsOf(call: Call, ref: Ref, slot: Slot): Sortable[] {
  const { keyspace } = call;
  const items: Sortable[] = [];
  if (slot === slots.set) {
    members.open(keyspace, ref, slot);
    members.each((at) => {
      items.push(sortable(at.element, at.elementStart, at.elementLength));
    });
    members.close();
  } else if (slot === slots.list) {
    const list = listUnder(keyspace, ref)!;
    const { visibleCount } = list;
    list.seek(0);
    for (let i = 0; i < visibleCount; i++, list.step(false)) {
      list.load();
      items.push(sortable(list.value, list.valueStart, list.valueLength));
    }
  } else {
    const view = viewZset(keyspace, ref)!;
    const { visibleCount } = view;
    view.seek(0);
    for (let i = 0; i < visibleCount; i++) {
      if (i > 0) view.step(false);
      items.push(sortable(view.bytes, view.start, view.length));
    }
  }
  return items;
}

/** The elements to show; undefined after the error was replied. */
function sorted(call: Call, request: Request): Bytes[] | undefined {
  const ref = call.findForRead(1);
  const slot = ref === 0 ? slots.list : visibleSlotOf(call, ref);
  if (slot !== slots.list && slot !== slots.set && slot !== slots.zset) {
    fail(call, "wrongType");
    return undefined;
  }
  // A stored set must not come in the order of a hash table.
  const isForced = request.isUnsorted && slot === slots.set && request.storeAt > 0;
  const isUnsorted = request.isUnsorted && !isForced;
  const isAlpha = request.isAlpha || isForced;
  const by = isForced ? undefined : request.by;
  const items = ref === 0 ? [] : elementsOf(call, ref, slot);
  // Redis turns a small sorted set into its other encoding to sort it, for good.
  if (slot === slots.zset) record.markRoomy(call.keyspace.arena, ref);
  const [first, last] = rangeOf(request, items.length);
  if (isUnsorted) {
    // A set has no direction of its own.
    if (request.isDescending && slot !== slots.set) items.reverse();
  } else {
    if (!weigh(call, items, isAlpha, by)) return undefined;
    const { isDescending } = request;
    const isByPattern = by !== undefined;
    const order = orderOf({ isAlpha, isDescending, isByPattern, isStored: request.storeAt > 0 });
    const isWhole = first === 0 && last === items.length - 1;
    if (isByPattern && !isWhole) sortRange(items, order, first, last);
    else items.sort(order);
  }
  return items.slice(Math.max(first, 0), Math.max(last + 1, 0)).map(({ element }) => element);
}

/** Finds what each element is sorted by; false after the error was replied. */
function weigh(call: Call, items: Sortable[], isAlpha: boolean, by: Pattern | undefined): boolean {
  let isNumeric = true;
  for (const item of items) {
    const weight = by === undefined ? item.element : lookup(call, by, item.element);
    if (weight === undefined) continue;
    if (isAlpha) item.weight = weight;
    else {
      item.score = sortScore(weight);
      isNumeric &&= !Number.isNaN(item.score);
    }
  }
  if (!isNumeric) call.reply.error("ERR One or more scores can't be converted into double");
  return isNumeric;
}

const sort =
  (mayStore: boolean) =>
  (call: Call): void => {
    const request = parse(call, mayStore);
    if (request === undefined) return;
    const elements = sorted(call, request);
    if (elements === undefined) return;
    const { gets } = request;
    const results =
      gets.length === 0
        ? elements
        : elements.flatMap((element) => gets.map((pattern) => lookup(call, pattern, element)));
    if (request.storeAt > 0) store(call, request.storeAt, results);
    else {
      call.reply.array(results.length);
      for (const result of results) {
        if (result === undefined) call.reply.nil();
        else call.reply.bulk(result, 0, result.length);
      }
    }
  };

/** Puts the results as a list over whatever the key at argument `index` held. */
function store(call: Call, index: number, results: readonly (Bytes | undefined)[]): void {
  const { keyspace, db, bytes } = call;
  const hash = call.hashOf(index);
  const old = call.findForWrite(index);
  if (old !== 0) keyspace.remove(db, hash, old);
  if (results.length > 0) {
    edit.begin(keyspace, db, hash, bytes, call.start(index), call.size(index), 0);
    for (const result of results) edit.push(false, result ?? noBytes, 0, result?.length ?? 0);
    edit.end();
    notify(call, "list", "sortstore", index);
  } else if (old !== 0) notify(call, "generic", "del", index);
  call.reply.integer(results.length);
}

const noBytes = new Uint8Array(0);

/** Options that take arguments, by how many; the others are passed one by one, as in Redis. */
function sortKeys(call: Call): number[] {
  let storeAt = 0;
  for (let index = 2; index < call.argc; index++) {
    if (call.is(index, "LIMIT")) index += 2;
    else if (call.is(index, "GET") || call.is(index, "BY")) index++;
    else if (call.is(index, "STORE") && index + 1 < call.argc) storeAt = index + 1;
  }
  return storeAt === 0 ? [1] : [1, storeAt];
}

const shared = {
  arity: -2,
  keys: oneKey,
  categories: ["set", "sortedset", "list", "dangerous"],
  group: "generic",
  complexity:
    "O(N+M*log(M)) where N is the number of elements to sort, and M the number " +
    "of returned elements. When the elements are not sorted, complexity is O(N).",
} as const;

export const sortCommands: readonly CommandSpec[] = [
  {
    ...shared,
    name: "sort",
    flags: ["write", "denyoom", "movablekeys"],
    findKeys: sortKeys,
    replication: "delta",
    since: "1.0.0",
    summary: "Sort the elements in a list, set or sorted set",
    run: sort(true),
  },
  {
    ...shared,
    name: "sort_ro",
    flags: ["readonly", "movablekeys"],
    findKeys: () => [1],
    since: "7.0.0",
    summary: "Sort the elements in a list, set or sorted set. Read-only variant of SORT.",
    run: sort(false),
  },
];
