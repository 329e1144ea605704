// What the list commands share: the list under a key argument, the two ends, pushing and popping
// with Redis's events.

import type { Ref } from "../keyspace/arena.js";
import { ListEdit, listUnder } from "../keyspace/list-edit.js";
import type { ListView } from "../keyspace/packed-list.js";
import type { Call } from "./call.js";
import { fail } from "./errors.js";
import { notify } from "./notify.js";

/** The edit of the command that runs. */
export const edit = new ListEdit();

/** The list under a visible record; undefined after WRONGTYPE was replied. */
export function demandList(call: Call, ref: Ref): ListView | undefined {
  const store = listUnder(call.keyspace, ref);
  if (store === undefined) fail(call, "wrongType");
  return store;
}

/**
 * Begins to write the list at key argument `index`, whose visible record is `ref`; false after
 * WRONGTYPE was replied.
 */
export function begin(call: Call, index: number, ref: Ref): boolean {
  const { keyspace, db, bytes } = call;
  const hash = call.hashOf(index);
  if (edit.begin(keyspace, db, hash, bytes, call.start(index), call.size(index), ref)) return true;
  fail(call, "wrongType");
  return false;
}

/** Ends the write and announces it. */
export function end(call: Call, index: number, event: string): void {
  const isEmptied = edit.end();
  if (call.keyspace.onEvent === undefined) return;
  notify(call, "list", event, index);
  if (isEmptied) notify(call, "generic", "del", index);
}

export const popEvent = (isFront: boolean): string => (isFront ? "lpop" : "rpop");
export const pushEvent = (isFront: boolean): string => (isFront ? "lpush" : "rpush");

/** Replies the value where the store stands. */
export function replyValue(call: Call, store: ListView): void {
  store.load();
  call.reply.bulk(store.value, store.valueStart, store.valueLength, store.valueWords);
}

/** Replies `count` values from an index on, without the array's head. */
export function replyRange(
  call: Call,
  store: ListView,
  from: number,
  count: number,
  isReverse: boolean,
): void {
  if (count === 0) return;
  store.seek(from);
  for (let left = count; left > 0; left--) {
    replyValue(call, store);
    store.step(isReverse);
  }
}

/** Removes `count` elements at an end of a list that has as many, and announces it. */
export function removeAtEnd(
  call: Call,
  index: number,
  ref: Ref,
  isFront: boolean,
  count: number,
): void {
  begin(call, index, ref);
  edit.view.seek(isFront ? 0 : edit.visibleCount - count);
  for (let left = count; left > 0; left--) edit.remove();
  end(call, index, popEvent(isFront));
}

/** Replies one value from an end of a list that is not empty, and removes it. */
export function popOne(
  call: Call,
  index: number,
  ref: Ref,
  store: ListView,
  isFront: boolean,
): void {
  store.seek(isFront ? 0 : store.visibleCount - 1);
  replyValue(call, store);
  removeAtEnd(call, index, ref, isFront, 1);
}

/**
 * Replies up to `count` values as an array in the order in which they are popped, and removes them.
 */
export function popMany(
  call: Call,
  index: number,
  ref: Ref,
  store: ListView,
  isFront: boolean,
  count: number,
): void {
  const size = Math.min(count, store.visibleCount);
  call.reply.array(size);
  replyRange(call, store, isFront ? 0 : store.visibleCount - 1, size, !isFront);
  removeAtEnd(call, index, ref, isFront, size);
}

/** Whether the value where the store stands is argument `index`. */
export function isValue(call: Call, store: ListView, index: number): boolean {
  store.load();
  const length = call.size(index);
  if (store.valueLength !== length) return false;
  const { value, valueStart } = store;
  const { bytes } = call;
  const start = call.start(index);
  for (let i = 0; i < length; i++) if (value[valueStart + i] !== bytes[start + i]) return false;
  return true;
}

/** LEFT or RIGHT at an argument; undefined after the error was replied. */
export function endArgument(call: Call, index: number): boolean | undefined {
  if (call.is(index, "LEFT")) return true;
  if (call.is(index, "RIGHT")) return false;
  fail(call, "syntax");
  return undefined;
}

/** A 64-bit integer not below `min`; NaN after `ERR <complaint>` was replied. */
export function integerFrom(call: Call, index: number, min: number, complaint: string): number {
  const small = call.safeInteger(index);
  const value = Number.isNaN(small) ? Number(call.int64(index) ?? Number.NaN) : small;
  if (value >= min) return value;
  call.reply.error(`ERR ${complaint}`);
  return Number.NaN;
}
