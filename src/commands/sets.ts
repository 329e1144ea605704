// Sets, member by member: adding, removing, moving, popping, asking. A member is an element of the
// key's entry with an empty value. Adding a member again gives it a fresh stamp where others could
// remove it meanwhile (add-wins). SADD, SREM, SPOP and SISMEMBER of compact sets allocate nothing.
// Replies and errors: Redis 7.0, t_set.c. Whole sets against each other are in sets-algebra.ts.

import { Collection } from "../keyspace/collection.js";
import { CollectionEditor } from "../keyspace/collection-edit.js";
import { wordSetCountMax } from "../keyspace/packed-fold.js";
import * as record from "../keyspace/record.js";
import { slots } from "../lattice/key-entry.js";
import type { Call } from "./call.js";
import { isIntegerText, limitsOf } from "./collection-limits.js";
import { type CommandSpec, oneKey } from "./command.js";
import { fail } from "./errors.js";
import { sameArguments } from "./lookup.js";
import { notify } from "./notify.js";

/** The set that a read looks at, and the edit of a write. Commands do not overlap. */
const members = new Collection();
const editor = new CollectionEditor();

/** Looks at the set under argument `index`; false after WRONGTYPE was replied. */
export function openSet(call: Call, index: number, view: Collection): boolean {
  if (view.open(call.keyspace, call.findForRead(index), slots.set)) return true;
  fail(call, "wrongType");
  return false;
}

/** Begins an edit of the set under argument `index`; undefined after WRONGTYPE was replied. */
export function editSet(call: Call, index: number): CollectionEditor | undefined {
  const { keyspace, db, bytes } = call;
  const hash = call.hashOf(index);
  const start = call.start(index);
  const size = call.size(index);
  const ref = call.findForWrite(index);
  if (editor.begin(keyspace, db, slots.set, hash, bytes, start, size, ref)) return editor;
  fail(call, "wrongType");
  return undefined;
}

/**
 * Adds the arguments `from` to `to`, the latter not included, to the set being edited, and ends the
 * edit.
 */
function addMembers(call: Call, from: number, to: number): number {
  const { bytes } = call;
  const { arena } = call.keyspace;
  // A set that has held anything but few integers stays a hash table in Redis.
  const wasRoomy = editor.ref !== 0 && record.isRoomy(arena, editor.ref);
  let isRoomy = wasRoomy;
  let added = 0;
  for (let index = from; index < to; index++) {
    const start = call.start(index);
    const size = call.size(index);
    if (!isRoomy && !isIntegerText(bytes, start, size)) isRoomy = true;
    if (isRoomy) editor.packedMax = wordSetCountMax;
    if (editor.put(bytes, start, size, bytes, start, 0, true)) added++;
  }
  editor.end();
  if (!wasRoomy && editor.ref !== 0) {
    if (isRoomy || editor.count > limitsOf(call).intsetEntries) record.markRoomy(arena, editor.ref);
  }
  if (added > 0) call.keyspace.dirty += added - 1;
  return added;
}

function sadd(call: Call): void {
  if (editSet(call, 1) === undefined) return;
  const added = addMembers(call, 2, call.argc);
  if (added > 0) notify(call, "set", "sadd", 1);
  call.reply.integer(added);
}

function srem(call: Call): void {
  if (editSet(call, 1) === undefined) return;
  let removed = 0;
  for (let index = 2; index < call.argc && editor.count > 0; index++)
    if (editor.remove(call.bytes, call.start(index), call.size(index))) removed++;
  editor.end();
  if (removed > 0) {
    call.keyspace.dirty += removed - 1;
    notify(call, "set", "srem", 1);
    if (editor.isEmptied) notify(call, "generic", "del", 1);
  }
  call.reply.integer(removed);
}

function smove(call: Call): void {
  const { keyspace } = call;
  const source = call.findForWrite(1);
  const target = call.findForWrite(2);
  if (source === 0) {
    call.reply.integer(0);
    return;
  }
  const areSets =
    members.open(keyspace, source, slots.set) && members.open(keyspace, target, slots.set);
  if (!areSets) {
    fail(call, "wrongType");
    return;
  }
  if (sameArguments(call, 1, 2)) {
    call.reply.integer(members.find(call.bytes, call.start(3), call.size(3)) ? 1 : 0);
    return;
  }
  editSet(call, 1);
  const isThere = editor.remove(call.bytes, call.start(3), call.size(3));
  editor.end();
  if (!isThere) {
    call.reply.integer(0);
    return;
  }
  notify(call, "set", "srem", 1);
  if (editor.isEmptied) notify(call, "generic", "del", 1);
  editSet(call, 2);
  if (addMembers(call, 3, 4) > 0) notify(call, "set", "sadd", 2);
  call.reply.integer(1);
}

function smembers(call: Call): void {
  if (!openSet(call, 1, members)) return;
  const { reply } = call;
  reply.set(members.count);
  members.each(({ element, elementStart, elementLength, elementWords }) => {
    reply.bulk(element, elementStart, elementLength, elementWords);
  });
  members.close();
}

function scard(call: Call): void {
  if (openSet(call, 1, members)) call.reply.integer(members.count);
}

const isMember = (call: Call, index: number): boolean =>
  members.find(call.bytes, call.start(index), call.size(index));

function sismember(call: Call): void {
  if (openSet(call, 1, members)) call.reply.integer(isMember(call, 2) ? 1 : 0);
}

function smismember(call: Call): void {
  if (!openSet(call, 1, members)) return;
  call.reply.array(call.argc - 2);
  for (let index = 2; index < call.argc; index++) call.reply.integer(isMember(call, index) ? 1 : 0);
}

const shared = { keys: oneKey, categories: ["set"], group: "set", since: "1.0.0" } as const;
const written = { ...shared, replication: "delta" } as const;

export const setCommands: readonly CommandSpec[] = [
  {
    ...written,
    name: "sadd",
    element: 2,
    arity: -3,
    flags: ["write", "denyoom", "fast"],
    summary: "Add one or more members to a set",
    complexity:
      "O(1) for each element added, so O(N) to add N elements when the command is called " +
      "with multiple arguments.",
    run: sadd,
  },
  {
    ...written,
    name: "srem",
    element: 2,
    arity: -3,
    flags: ["write", "fast"],
    summary: "Remove one or more members from a set",
    complexity: "O(N) where N is the number of members to be removed.",
    run: srem,
  },
  {
    ...written,
    name: "smove",
    arity: 4,
    flags: ["write", "fast"],
    keys: { first: 1, last: 2, step: 1 },
    summary: "Move a member from one set to another",
    complexity: "O(1)",
    run: smove,
  },
  {
    ...shared,
    name: "smembers",
    arity: 2,
    flags: ["readonly", "sort_for_script"],
    summary: "Get all the members in a set",
    complexity: "O(N) where N is the set cardinality.",
    run: smembers,
  },
  {
    ...shared,
    name: "scard",
    arity: 2,
    flags: ["readonly", "fast"],
    summary: "Get the number of members in a set",
    complexity: "O(1)",
    run: scard,
  },
  {
    ...shared,
    name: "sismember",
    element: 2,
    arity: 3,
    flags: ["readonly", "fast"],
    summary: "Determine if a given value is a member of a set",
    complexity: "O(1)",
    run: sismember,
  },
  {
    ...shared,
    name: "smismember",
    element: 2,
    arity: -3,
    flags: ["readonly", "fast"],
    since: "6.2.0",
    summary: "Returns the membership associated with the given elements for a set",
    complexity: "O(N) where N is the number of elements being checked for membership",
    run: smismember,
  },
];
