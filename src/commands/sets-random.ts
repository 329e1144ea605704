// Random members: SPOP, SRANDMEMBER; and SSCAN. What SPOP chose is removed by name, so other nodes
// hear of a removal and draw nothing themselves. Replies and errors: Redis 7.0, t_set.c and db.c.

import { Collection, forms } from "../keyspace/collection.js";
import type { CollectionEditor } from "../keyspace/collection-edit.js";
import * as record from "../keyspace/record.js";
import { slots } from "../lattice/key-entry.js";
import type { Call } from "./call.js";
import { isIntegerText, limitsOf } from "./collection-limits.js";
import {
  demandSendable,
  drawDistinct,
  drawElement,
  drawMany,
  randomCount,
} from "./collection-random.js";
import { scanCollection } from "./collection-scan.js";
import { type CommandSpec, oneKey } from "./command.js";
import { fail } from "./errors.js";
import { notify } from "./notify.js";
import { editSet, openSet } from "./sets.js";

const members = new Collection();

function spop(call: Call): void {
  if (call.argc > 2) {
    spopCount(call);
    return;
  }
  const edit = editSet(call, 1);
  if (edit === undefined) return;
  if (edit.count === 0) {
    edit.end();
    call.reply.nil();
    return;
  }
  const { view } = edit;
  drawElement(call, view);
  const { element, elementStart, elementLength } = view;
  call.reply.bulk(element, elementStart, elementLength, view.elementWords);
  if (view.form === forms.packed) edit.removeAtCursor();
  else if (view.form === forms.table) {
    edit.removeRecord(view.elementHash, view.elementRef);
  } else edit.remove(element, elementStart, elementLength);
  edit.end();
  notify(call, "set", "spop", 1);
  if (edit.isEmptied) notify(call, "generic", "del", 1);
}

function spopCount(call: Call): void {
  if (call.argc > 3) {
    fail(call, "syntax");
    return;
  }
  const wanted = call.int64(2);
  if (wanted === undefined || wanted < 0n) {
    call.reply.error("ERR value is out of range, must be positive");
    return;
  }
  const edit = editSet(call, 1);
  if (edit === undefined) return;
  const count = Math.min(edit.count, Number(wanted));
  if (count === 0) {
    edit.end();
    call.reply.set(0);
    return;
  }
  notify(call, "set", "spop", 1);
  call.reply.set(count);
  if (count === edit.count) popAll(call, edit);
  else popSome(call, edit, count);
  call.keyspace.dirty += count - 1;
}

function popAll(call: Call, edit: CollectionEditor): void {
  const { reply, keyspace } = call;
  edit.view.each(({ element, elementStart, elementLength }) => {
    reply.bulk(element, elementStart, elementLength);
  });
  edit.end();
  keyspace.remove(call.db, call.hashOf(1), edit.ref);
  notify(call, "generic", "del", 1);
}

/** Redis makes a new set of what is left when that is less than this share of what is popped. */
const remadeShare = 5;

function popSome(call: Call, edit: CollectionEditor, count: number): void {
  const { reply } = call;
  const chosen: Uint8Array[] = [];
  drawDistinct(call, edit.view, count, (view) => {
    chosen.push(view.elementCopy());
  });
  for (const member of chosen) {
    reply.bulk(member);
    edit.remove(member, 0, member.length);
  }
  const { count: left } = edit;
  edit.end();
  if (left * remadeShare > count) return;
  const { arena } = call.keyspace;
  members.open(call.keyspace, edit.ref, slots.set);
  let isIntegers = left <= limitsOf(call).intsetEntries;
  members.each(({ element, elementStart, elementLength }) => {
    isIntegers &&= isIntegerText(element, elementStart, elementLength);
  });
  if (isIntegers) record.unmarkRoomy(arena, edit.ref);
  else record.markRoomy(arena, edit.ref);
}

function srandmember(call: Call): void {
  if (call.argc > 2) {
    srandmemberCount(call);
    return;
  }
  if (!openSet(call, 1, members)) return;
  if (members.count === 0) {
    call.reply.nil();
    return;
  }
  drawElement(call, members);
  call.reply.bulk(members.element, members.elementStart, members.elementLength);
  members.close();
}

function srandmemberCount(call: Call): void {
  const { reply } = call;
  if (call.argc > 3) {
    fail(call, "syntax");
    return;
  }
  const count = randomCount(call, 2);
  if (Number.isNaN(count) || !openSet(call, 1, members)) return;
  const times = members.count === 0 ? 0 : count < 0 ? -count : Math.min(count, members.count);
  demandSendable(times);
  reply.array(times);
  const answer = ({ element, elementStart, elementLength, elementWords }: Collection): void => {
    reply.bulk(element, elementStart, elementLength, elementWords);
  };
  if (count < 0) drawMany(call, members, times, answer);
  else if (times === members.count) members.each(answer);
  else if (times > 0) drawDistinct(call, members, times, answer);
  members.close();
}

const shared = { keys: oneKey, categories: ["set"], group: "set" } as const;

export const setRandomCommands: readonly CommandSpec[] = [
  {
    ...shared,
    name: "spop",
    arity: -2,
    flags: ["write", "fast"],
    replication: "delta",
    since: "1.0.0",
    summary: "Remove and return one or multiple random members from a set",
    complexity:
      "Without the count argument O(1), otherwise O(N) where N is the value of the passed count.",
    run: spop,
  },
  {
    ...shared,
    name: "srandmember",
    arity: -2,
    flags: ["readonly"],
    since: "1.0.0",
    summary: "Get one or multiple random members from a set",
    complexity:
      "Without the count argument O(1), otherwise O(N) where N is the absolute value of " +
      "the passed count.",
    run: srandmember,
  },
  {
    ...shared,
    name: "sscan",
    arity: -3,
    flags: ["readonly"],
    since: "2.8.0",
    summary: "Incrementally iterate Set elements",
    complexity: "O(1) for every call. O(N) for a complete iteration.",
    run: (call) => scanCollection(call, members, slots.set, false),
  },
];
