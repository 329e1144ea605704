// What commands of several families do with the record under a key: read it without marking it as
// used, name its type, send its string.

import { type Ref, slabOf, wordOf } from "../keyspace/arena.js";
import { slotOfPacked } from "../keyspace/packed.js";
import * as record from "../keyspace/record.js";
import { isText, viewText } from "../keyspace/text-view.js";
import { type Slot, slots } from "../lattice/key-entry.js";
import type { Call } from "./call.js";
import { fail } from "./errors.js";

/**
 * As `findForRead`, for commands that do not count as a use of the key (TYPE, TTL, EXISTS, OBJECT).
 */
export function findUntouched(call: Call, index: number): Ref {
  const { keyspace } = call;
  const hash = call.hashOf(index);
  const ref = keyspace.find(call.db, hash, call.bytes, call.start(index), call.size(index));
  if (ref !== 0) keyspace.hits++;
  else {
    keyspace.misses++;
    if (keyspace.onMissed !== undefined) keyspace.onMissed(call.db.index, call.copy(index));
  }
  return ref;
}

/** Whether a record holds a string; otherwise WRONGTYPE was replied. */
export function demandText(call: Call, ref: Ref): boolean {
  if (record.kindOf(call.keyspace.arena, ref) < record.objectKind) return true;
  if (isText(call.keyspace, ref)) return true;
  fail(call, "wrongType");
  return false;
}

/** Replies the string under a record; false after WRONGTYPE was replied instead. */
export function replyText(call: Call, ref: Ref): boolean {
  const { arena } = call.keyspace;
  const slab = slabOf(ref);
  const words = arena.words[slab]!;
  const at = wordOf(ref);
  const flags = (words[at]! >>> 8) & 0xff;
  if ((words[at]! & 0xff) === record.textKind && (flags & record.externalFlag) === 0) {
    const start = (at << 2) + record.prefixBytes(record.textKind, flags) + words[at + 1]!;
    call.reply.bulk(arena.bytes[slab]!, start, words[at + 2]!, arena.data[slab]);
    return true;
  }
  if (!demandText(call, ref)) return false;
  const text = viewText(call.keyspace, ref);
  call.reply.bulk(text.bytes, text.start, text.length);
  return true;
}

/** Whether two arguments are the same bytes. */
export function sameArguments(call: Call, a: number, b: number): boolean {
  const length = call.size(a);
  if (length !== call.size(b)) return false;
  const left = call.start(a);
  const right = call.start(b);
  for (let i = 0; i < length; i++) {
    if (call.bytes[left + i] !== call.bytes[right + i]) return false;
  }
  return true;
}

const typeNames: Readonly<Record<Slot, string>> = {
  [slots.deadline]: "none",
  [slots.string]: "string",
  [slots.hash]: "hash",
  [slots.set]: "set",
  [slots.zset]: "zset",
  [slots.list]: "list",
  [slots.stream]: "stream",
};

/** The visible slot of a record. */
export function visibleSlotOf(call: Call, ref: Ref): Slot {
  const { keyspace } = call;
  const kind = record.kindOf(keyspace.arena, ref);
  if (kind < record.objectKind) return slots.string;
  if (record.isPacked(kind)) return slotOfPacked(kind);
  return keyspace.entryOf(ref).visibleSlot(keyspace.replicas) ?? slots.deadline;
}

/** What TYPE answers for a record. */
export const typeNameOf = (call: Call, ref: Ref): string => typeNames[visibleSlotOf(call, ref)];
