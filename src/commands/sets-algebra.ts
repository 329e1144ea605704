// Sets against each other: SINTER, SUNION, SDIFF with their STORE forms, SINTERCARD. The sets are
// read where they lie; a result is a list of places in them. Replies and errors: Redis 7.0,
// t_set.c.

import { Collection, forms } from "../keyspace/collection.js";
import { ElementList, replaceCollection } from "../keyspace/collection-replace.js";
import { hashBytes } from "../keyspace/hash.js";
import { packedCountMax } from "../keyspace/packed.js";
import { wordSetCountMax } from "../keyspace/packed-fold.js";
import * as record from "../keyspace/record.js";
import { slots } from "../lattice/key-entry.js";
import type { Call } from "./call.js";
import { isIntegerText, limitsOf } from "./collection-limits.js";
import { allKeys, type CommandSpec } from "./command.js";
import { fail } from "./errors.js";
import { notify } from "./notify.js";
import { openSet } from "./sets.js";

/**
 * The sets under the arguments from `first` on, in their order; undefined after WRONGTYPE was
 * replied.
 */
function openSets(call: Call, first: number, count: number): Collection[] | undefined {
  const sets: Collection[] = [];
  for (let index = first; index < first + count; index++) {
    const set = new Collection();
    if (!openSet(call, index, set)) return undefined;
    sets.push(set);
  }
  return sets;
}

/** Whether the element that `at` stands at is in `set`. */
const has = (set: Collection, at: Collection, hash: number): boolean =>
  set.findHashed(hash, at.element, at.elementStart, at.elementLength);

/** The hash of the element that a walk through `at` has come to. */
const hashOf = (at: Collection): number =>
  at.form === forms.table
    ? at.elementHash
    : hashBytes(at.element, at.elementStart, at.elementLength);

function take(list: ElementList, at: Collection): void {
  list.push(at.element, at.elementStart, at.elementLength);
}

/** What is in all of the sets; at most `limit` of it. Sorts the sets, smallest first. */
function intersect(sets: Collection[], limit = Number.POSITIVE_INFINITY): ElementList {
  const found = new ElementList();
  sets.sort((a, b) => a.count - b.count);
  const [smallest, ...others] = sets as [Collection, ...Collection[]];
  if (smallest.count === 0) return found;
  const rest = others.filter((set) => set.ref !== smallest.ref);
  smallest.some((at) => {
    const hash = rest.length > 0 ? hashOf(at) : 0;
    if (rest.every((set) => has(set, at, hash))) take(found, at);
    return found.count >= limit;
  });
  return found;
}

function unite(sets: readonly Collection[]): ElementList {
  const found = new ElementList();
  sets.forEach((set, index) => {
    const earlier = sets.slice(0, index);
    if (earlier.some(({ ref }) => ref === set.ref)) return;
    const others = earlier.filter(({ count }) => count > 0);
    set.each((at) => {
      const hash = others.length > 0 ? hashOf(at) : 0;
      if (!others.some((other) => has(other, at, hash))) take(found, at);
    });
  });
  return found;
}

function subtract(sets: readonly Collection[]): ElementList {
  const found = new ElementList();
  const [first, ...others] = sets as [Collection, ...Collection[]];
  if (others.some(({ ref }) => ref === first.ref)) return found;
  const rest = others.filter(({ count }) => count > 0).sort((a, b) => b.count - a.count);
  first.each((at) => {
    const hash = rest.length > 0 ? hashOf(at) : 0;
    if (!rest.some((set) => has(set, at, hash))) take(found, at);
  });
  return found;
}

type Operation = (sets: Collection[]) => ElementList;

/**
 * Redis subtracts large sets by copying the first one and removing from the copy, which keeps the
 * encoding that the whole first set needs. Whether it does so follows from the sizes.
 */
function isCopiedFirst(sets: readonly Collection[]): boolean {
  const present = sets.filter(({ count }) => count > 0);
  const probes = (sets[0]!.count * present.length) >> 1;
  return probes > present.reduce((sum, { count }) => sum + count, 0);
}

function holdsIntegers(set: Collection): boolean {
  let isIntegers = true;
  set.each(({ element, elementStart, elementLength }) => {
    isIntegers &&= isIntegerText(element, elementStart, elementLength);
  });
  return isIntegers;
}

const answer =
  (operation: Operation) =>
  (call: Call): void => {
    const sets = openSets(call, 1, call.argc - 1);
    if (sets === undefined) return;
    const found = operation(sets);
    call.reply.set(found.count);
    for (let i = 0; i < found.count; i++)
      call.reply.bulk(found.source(i), found.start(i), found.length(i));
  };

const store =
  (operation: Operation, event: string) =>
  (call: Call): void => {
    const sets = openSets(call, 2, call.argc - 2);
    if (sets === undefined) return;
    const found = operation(sets);
    if (found.count === 0) removeTarget(call);
    else {
      const [first] = sets as [Collection];
      const isCopy = operation === subtract && isCopiedFirst(sets);
      const isSmall =
        !isCopy || (first.count <= limitsOf(call).intsetEntries && holdsIntegers(first));
      storeTarget(call, found, event, isSmall);
    }
    call.reply.integer(found.count);
  };

function removeTarget(call: Call): void {
  const ref = call.findForWrite(1);
  if (ref === 0) return;
  call.keyspace.remove(call.db, call.hashOf(1), ref);
  notify(call, "generic", "del", 1);
}

/** `maySettle`: an intset, if the members allow it. */
function storeTarget(call: Call, found: ElementList, event: string, maySettle: boolean): void {
  const { keyspace, db } = call;
  let isIntegers = true;
  for (let i = 0; isIntegers && i < found.count; i++)
    isIntegers = isIntegerText(found.source(i), found.start(i), found.length(i));
  const packedMax = isIntegers ? packedCountMax : wordSetCountMax;
  const ref = replaceCollection(keyspace, db, call.hashOf(1), call.copy(1), {
    slot: slots.set,
    elements: found,
    values: undefined,
    packedMax,
    deadline: 0,
  });
  if (!maySettle || !isIntegers || found.count > limitsOf(call).intsetEntries)
    record.markRoomy(keyspace.arena, ref);
  notify(call, "set", event, 1);
}

/** The number of keys that argument 1 announces; NaN after the error was replied. */
function keyCount(call: Call): number {
  const count = call.int64(1);
  if (count === undefined || count < 1n) {
    call.reply.error("ERR numkeys should be greater than 0");
    return Number.NaN;
  }
  if (count > BigInt(call.argc - 2)) {
    call.reply.error("ERR Number of keys can't be greater than number of args");
    return Number.NaN;
  }
  return Number(count);
}

function sintercard(call: Call): void {
  const count = keyCount(call);
  if (Number.isNaN(count)) return;
  let limit = 0;
  for (let index = 2 + count; index < call.argc; index += 2) {
    if (!call.is(index, "LIMIT") || index + 1 >= call.argc) {
      fail(call, "syntax");
      return;
    }
    const value = call.int64(index + 1);
    if (value === undefined || value < 0n) {
      call.reply.error("ERR LIMIT can't be negative");
      return;
    }
    limit = Number(value);
  }
  const sets = openSets(call, 2, count);
  if (sets === undefined) return;
  call.reply.integer(intersect(sets, limit === 0 ? Number.POSITIVE_INFINITY : limit).count);
}

function countedKeys(call: Call): number[] | undefined {
  const count = call.safeInteger(1);
  if (!(count >= 1) || count > call.argc - 2) return undefined;
  return Array.from({ length: count }, (_, index) => index + 2);
}

const shared = { keys: allKeys, categories: ["set"], group: "set", since: "1.0.0" } as const;
const read = { ...shared, arity: -2, flags: ["readonly", "sort_for_script"] } as const;
const written = {
  ...shared,
  arity: -3,
  flags: ["write", "denyoom"],
  replication: "delta",
} as const;

const intersectionCost =
  "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.";
const sumCost = "O(N) where N is the total number of elements in all given sets.";

export const setAlgebraCommands: readonly CommandSpec[] = [
  {
    ...read,
    name: "sinter",
    summary: "Intersect multiple sets",
    complexity: intersectionCost,
    run: answer(intersect),
  },
  {
    ...read,
    name: "sunion",
    summary: "Add multiple sets",
    complexity: sumCost,
    run: answer(unite),
  },
  {
    ...read,
    name: "sdiff",
    summary: "Subtract multiple sets",
    complexity: sumCost,
    run: answer(subtract),
  },
  {
    ...written,
    name: "sinterstore",
    summary: "Intersect multiple sets and store the resulting set in a key",
    complexity: intersectionCost,
    run: store(intersect, "sinterstore"),
  },
  {
    ...written,
    name: "sunionstore",
    summary: "Add multiple sets and store the resulting set in a key",
    complexity: sumCost,
    run: store(unite, "sunionstore"),
  },
  {
    ...written,
    name: "sdiffstore",
    summary: "Subtract multiple sets and store the resulting set in a key",
    complexity: sumCost,
    run: store(subtract, "sdiffstore"),
  },
  {
    ...shared,
    name: "sintercard",
    arity: -3,
    flags: ["readonly", "movablekeys"],
    keys: { first: 0, last: 0, step: 0 },
    findKeys: countedKeys,
    since: "7.0.0",
    summary: "Intersect multiple sets and return the cardinality of the result",
    complexity: intersectionCost,
    run: sintercard,
  },
];
