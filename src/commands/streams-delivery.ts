// Handing entries to a consumer of a group: new ones, which become pending, and those that are
// pending for it already. Redis 7.0, t_stream.c.

import type { StreamEdit } from "../keyspace/stream-edit.js";
import { EntryCursor } from "../keyspace/stream-entries.js";
import type { StreamGroup } from "../keyspace/stream-group.js";
import type { StreamStore } from "../keyspace/stream-store.js";
import { compareIds, idMax, keptId, type StreamId } from "../lattice/stream-id.js";
import type { Call } from "./call.js";
import { notify } from "./notify.js";
import { begin, replyEntryOf, replyId, replyRange } from "./streams-arguments.js";
import { readAfter } from "./streams-lag.js";

/** The error of a group command where several nodes write the stream. */
export const sharedError =
  "ERR consumer groups need one order of all writes: on a replicated node they work on " +
  "linearizable keys only";

/** False after the error was replied, where groups cannot be. */
export function mayGroup(call: Call): boolean {
  if (!call.keyspace.isShared) return true;
  call.reply.error(sharedError);
  return false;
}

/** Notes that a consumer was heard of; makes it if it is not there. True if it was made. */
export function hearOf(
  call: Call,
  edit: StreamEdit,
  group: StreamGroup,
  name: string,
  key: number,
): boolean {
  const isNew = group.consumer(name)?.stamp === undefined;
  edit.setConsumer(group.name, name, call.keyspace.nowMs);
  if (isNew) notify(call, "stream", "xgroup-createconsumer", key);
  return isNew;
}

export interface Delivery {
  readonly group: StreamGroup;
  readonly consumer: string;
  readonly count: number;
  /** Entries count as acknowledged at once. */
  readonly isForgotten: boolean;
}

const cursor = new EntryCursor();

/**
 * Replies the entries behind an id as an array, makes them pending and moves the group on. The
 * stream is at argument `key`, its record is `ref`.
 */
export function deliver(
  call: Call,
  key: number,
  ref: number,
  store: StreamStore,
  after: StreamId,
  delivery: Delivery,
): void {
  const { group, consumer, count, isForgotten } = delivery;
  const edit = begin(call, key, ref);
  let changes = hearOf(call, edit, group, consumer, key) ? 1 : 0;
  const ids: StreamId[] = [];
  let { lastId, entriesRead } = group;
  replyRange(call, store, { start: after, end: idMax, count, isReverse: false }, (view) => {
    const id = keptId(view);
    ids.push(id);
    if (compareIds(id, lastId) <= 0) return;
    entriesRead = readAfter(store, entriesRead, id);
    lastId = id;
  });
  edit.setGroup(group.name, { lastId, entriesRead });
  const deliveredMs = call.keyspace.nowMs;
  if (!isForgotten)
    for (const id of ids) edit.setPending(group, id, { deliveredMs, deliveries: 1n, consumer });
  changes++;
  edit.end(changes, false);
}

/** Replies what is pending for a consumer from an id on, and counts the delivery. */
export function redeliver(
  call: Call,
  key: number,
  ref: number,
  store: StreamStore,
  start: StreamId,
  delivery: Delivery,
): void {
  const { group, consumer, count } = delivery;
  const edit = begin(call, key, ref);
  const changes = hearOf(call, edit, group, consumer, key) ? 2 : 1;
  const { pending } = group;
  const { number } = group.consumer(consumer)!;
  const ids: StreamId[] = [];
  for (let has = pending.seek(start); has; has = pending.next()) {
    if (pending.consumer !== number) continue;
    ids.push(pending.id);
    if (ids.length === count) break;
  }
  call.reply.array(ids.length);
  const deliveredMs = call.keyspace.nowMs;
  for (const id of ids) {
    if (replyEntryOf(call, store, id)) {
      pending.find(id);
      const deliveries = BigInt.asIntN(64, pending.deliveries + 1n);
      edit.setPending(group, id, { deliveredMs, deliveries, consumer });
    } else {
      // What was removed from the stream is still to be acknowledged.
      call.reply.array(2);
      replyId(call, id);
      call.reply.nilArray();
    }
  }
  edit.end(changes, false);
}

/** Whether an entry stands behind an id. */
export const hasAfter = (store: StreamStore, id: StreamId): boolean =>
  cursor.last(store) && compareIds(cursor, id) > 0;
