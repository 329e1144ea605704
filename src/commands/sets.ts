// Sets, the part that strings need beside them: adding, removing, asking. A member is an element of
// the key's entry with an empty value; adding a member again gives it a fresh stamp, so that it
// survives a removal that has not seen it (add-wins). Replies and errors: Redis 7.0, t_set.c.

import { emptyBytes } from "../base/bytes.js";
import type { Ref } from "../keyspace/arena.js";
import * as record from "../keyspace/record.js";
import type { ElementStore } from "../lattice/element-store.js";
import { slots } from "../lattice/key-entry.js";
import type { Call } from "./call.js";
import { type CommandSpec, oneKey } from "./command.js";
import { fail } from "./errors.js";
import { visibleSlotOf } from "./lookup.js";
import { notify } from "./notify.js";

/** Whether a record holds a set; otherwise WRONGTYPE was replied. */
function demandSet(call: Call, ref: Ref): boolean {
  if (visibleSlotOf(call, ref) === slots.set) return true;
  fail(call, "wrongType");
  return false;
}

const membersOf = (call: Call, ref: Ref): ElementStore =>
  call.keyspace.entryOf(ref).slot(slots.set)!;

function sadd(call: Call): void {
  const { keyspace, db } = call;
  const ref = call.findForWrite(1);
  if (ref !== 0 && !demandSet(call, ref)) return;
  const members = ref === 0 ? undefined : membersOf(call, ref);
  const added = new Set<string>();
  for (let index = 2; index < call.argc; index++) {
    const member = call.text(index);
    if (members === undefined || !members.isVisible(member)) added.add(member);
  }
  // On a node alone nobody could remove concurrently: a member that is there is left alone.
  if (added.size > 0 || keyspace.capture !== undefined) {
    keyspace.edit(db, call.hashOf(1), call.view(1), (entry) => {
      const { stamp } = keyspace;
      const born = entry.prepare(stamp, false, keyspace.replicas);
      for (let index = 2; index < call.argc; index++) {
        entry.assign(slots.set, call.text(index), stamp, born, emptyBytes);
      }
    });
  }
  if (added.size > 0) {
    noteEncoding(call);
    notify(call, "set", "sadd", 1);
  }
  call.reply.integer(added.size);
}

/** A set that has held anything but few integers stays a hash table in Redis. */
function noteEncoding(call: Call): void {
  const ref = call.findForWrite(1);
  let isIntegers =
    membersOf(call, ref).visibleCount <= call.environment.settings.number("set-max-intset-entries");
  for (let index = 2; isIntegers && index < call.argc; index++) {
    isIntegers = call.int64(index) !== undefined;
  }
  if (!isIntegers) record.markRoomy(call.keyspace.arena, ref);
}

function srem(call: Call): void {
  const { keyspace, db } = call;
  const ref = call.findForWrite(1);
  if (ref === 0) {
    call.reply.integer(0);
    return;
  }
  if (!demandSet(call, ref)) return;
  const members = membersOf(call, ref);
  const removed = new Set<string>();
  for (let index = 2; index < call.argc; index++) {
    const member = call.text(index);
    if (members.isVisible(member)) removed.add(member);
  }
  if (removed.size > 0) {
    const isEmptied = removed.size === members.visibleCount;
    keyspace.edit(db, call.hashOf(1), call.view(1), (entry) => {
      entry.prepare(keyspace.stamp, false, keyspace.replicas);
      for (const member of removed) entry.clear(slots.set, member, keyspace.self);
      entry.settle(keyspace.self);
    });
    notify(call, "set", "srem", 1);
    if (isEmptied) notify(call, "generic", "del", 1);
  }
  call.reply.integer(removed.size);
}

function smembers(call: Call): void {
  const ref = call.findForRead(1);
  if (ref === 0) {
    call.reply.set(0);
    return;
  }
  if (!demandSet(call, ref)) return;
  const members = membersOf(call, ref);
  call.reply.set(members.visibleCount);
  for (const [member] of members.entries()) {
    if (members.isVisible(member)) call.reply.bulk(Buffer.from(member, "latin1"));
  }
}

function scard(call: Call): void {
  const ref = call.findForRead(1);
  if (ref === 0) call.reply.integer(0);
  else if (demandSet(call, ref)) call.reply.integer(membersOf(call, ref).visibleCount);
}

function sismember(call: Call): void {
  const ref = call.findForRead(1);
  if (ref === 0) call.reply.integer(0);
  else if (demandSet(call, ref)) replyMember(call, membersOf(call, ref), 2);
}

function smismember(call: Call): void {
  const ref = call.findForRead(1);
  if (ref !== 0 && !demandSet(call, ref)) return;
  const members = ref === 0 ? undefined : membersOf(call, ref);
  call.reply.array(call.argc - 2);
  for (let index = 2; index < call.argc; index++) replyMember(call, members, index);
}

function replyMember(call: Call, members: ElementStore | undefined, index: number): void {
  call.reply.integer(members?.isVisible(call.text(index)) === true ? 1 : 0);
}

const shared = { keys: oneKey, categories: ["set"], group: "set", since: "1.0.0" } as const;

export const setCommands: readonly CommandSpec[] = [
  {
    ...shared,
    name: "sadd",
    arity: -3,
    flags: ["write", "denyoom", "fast"],
    replication: "delta",
    summary: "Add one or more members to a set",
    complexity: "O(1) for each element added.",
    run: sadd,
  },
  {
    ...shared,
    name: "srem",
    arity: -3,
    flags: ["write", "fast"],
    replication: "delta",
    summary: "Remove one or more members from a set",
    complexity: "O(N) where N is the number of members to be removed.",
    run: srem,
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
    arity: 3,
    flags: ["readonly", "fast"],
    summary: "Determine if a given value is a member of a set",
    complexity: "O(1)",
    run: sismember,
  },
  {
    ...shared,
    name: "smismember",
    arity: -3,
    flags: ["readonly", "fast"],
    since: "6.2.0",
    summary: "Returns the membership associated with the given elements for a set",
    complexity: "O(N) where N is the number of elements being checked for membership",
    run: smismember,
  },
];
