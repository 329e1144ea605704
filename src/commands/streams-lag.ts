// How far a group has read, counted in entries ever added: known while nothing was removed in
// between, else estimated or unknown. The reasoning is Redis 7.0's (t_stream.c).

import type { StreamStore } from "../keyspace/stream-store.js";
import type { GroupFigures } from "../lattice/stream-element.js";
import { compareIds, isZeroId, type StreamId } from "../lattice/stream-id.js";

/** The counter of a group that nobody can know. */
export const unknownRead = -1n;

/** Counters are signed integers of 64 bits and wrap round, as C's do. */
const wrapped = (count: bigint): bigint => BigInt.asIntN(64, count);

/** Whether entries were removed, one by one, from an id on. */
export function hasGapsFrom(store: StreamStore, id: StreamId): boolean {
  const { maxDeletedId } = store.figures;
  if (store.entryCount === 0 || isZeroId(maxDeletedId)) return false;
  if (compareIds(store.firstId, maxDeletedId) > 0) return false;
  return compareIds(id, maxDeletedId) <= 0;
}

/** Entries ever added up to an id; `unknownRead` where that cannot be told. */
export function addedUpTo(store: StreamStore, id: StreamId): bigint {
  const { added, lastId, maxDeletedId } = store.figures;
  if (added === 0n) return 0n;
  const order = compareIds(id, lastId);
  if (store.entryCount === 0 && order <= 0) return added;
  if (order === 0) return added;
  if (order > 0) return unknownRead;
  const { firstId } = store;
  if (!isZeroId(maxDeletedId) && compareIds(maxDeletedId, firstId) >= 0) return unknownRead;
  const removed = wrapped(added - BigInt(store.entryCount));
  const place = compareIds(id, firstId);
  if (place > 0) return unknownRead;
  return place < 0 ? removed : removed + 1n;
}

/** Entries that a group has not read; undefined where that cannot be told. */
export function lagOf(
  store: StreamStore,
  { lastId, entriesRead }: GroupFigures,
): bigint | undefined {
  const { added } = store.figures;
  if (added === 0n) return 0n;
  if (entriesRead !== unknownRead && !hasGapsFrom(store, lastId))
    return wrapped(added - entriesRead);
  const read = addedUpTo(store, lastId);
  return read === unknownRead ? undefined : wrapped(added - read);
}

/** The group's counter when it reads the entry of an id. */
export function readAfter(store: StreamStore, entriesRead: bigint, id: StreamId): bigint {
  if (entriesRead !== unknownRead && !hasGapsFrom(store, id)) return wrapped(entriesRead + 1n);
  return store.figures.added === 0n ? entriesRead : addedUpTo(store, id);
}
