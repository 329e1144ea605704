// Unfolding a packed record into a key's entry, and folding an entry into a packed record where one
// holds it: one collection and nothing beside it but a deadline, one sibling per element, no rows,
// one birth. The two are inverse, so digests and joins see no difference (test: packed forms).

import { copyBytes, latin1 } from "../base/bytes.js";
import type { Cell, Sibling } from "../lattice/cell.js";
import { decodeDeadline, encodeDeadline } from "../lattice/deadline.js";
import type { ElementStore } from "../lattice/element-store.js";
import { KeyEntry, onlyElement, type Slot, slots } from "../lattice/key-entry.js";
import { blockUnitsMax, type Ref, slabOf } from "./arena.js";
import type { Database } from "./database.js";
import { ElementTable } from "./element-table.js";
import type { Keyspace } from "./keyspace.js";
import {
  countBytes,
  lengthBytes,
  PackedCursor,
  packedBytesMax,
  packedCountMax,
  packedKindOf,
  payloadStartOf,
  slotOfPacked,
  stampBytes,
  writeLength,
  writeStamp,
} from "./packed.js";
import { foldList, unfoldList } from "./packed-list.js";
import { packedZsetBytesMax, packedZsetMax } from "./packed-zset.js";
import { inScoreOrder, longScore, shortScore } from "./packed-zset-fold.js";
import * as record from "./record.js";

/**
 * A table is folded only well below the size at which a packed record becomes one, so that it is
 * not done to and fro.
 */
const foldedShare = 3 / 4;
/**
 * A set of other things than integers is searched more often than it is stored: a table finds
 * faster.
 */
export const wordSetCountMax = 128;

/** A copy of a packed record as an entry of plain stores. */
export function unfoldPacked(keyspace: Keyspace, ref: Ref): KeyEntry {
  const { arena } = keyspace;
  if (record.kindOf(arena, ref) === record.packedListKind) {
    const list = unfoldList(keyspace, ref);
    restoreDeadline(keyspace, ref, list);
    return list;
  }
  const entry = new KeyEntry();
  entry.isTracked = keyspace.capture !== undefined;
  const slot = slotOfPacked(record.kindOf(arena, ref));
  const bornTime = record.timeOf(arena, ref);
  const bornReplica = record.replicaOf(arena, ref);
  const cursor = new PackedCursor().open(arena, ref);
  while (cursor.next()) {
    const { bytes, elementStart, elementLength, valueStart, valueLength } = cursor;
    const sibling: Sibling = {
      time: bornTime + cursor.delay,
      replica: cursor.replica(bornReplica),
      bornTime,
      bornReplica,
      value:
        slot === slots.zset
          ? longScore(bytes, valueStart, valueLength)
          : cursor.hasValues
            ? cursor.value()
            : new Uint8Array(0),
    };
    const element = latin1(bytes, elementStart, elementStart + elementLength);
    entry.restore(slot, element, { siblings: [sibling], rows: [] });
  }
  restoreDeadline(keyspace, ref, entry);
  return entry;
}

/** Puts the deadline of a record without `bornFlag` into an entry. */
export function restoreDeadline(keyspace: Keyspace, ref: Ref, entry: KeyEntry): void {
  const { arena } = keyspace;
  const at = record.deadlineOf(arena, ref);
  if (at === 0) return;
  const sibling: Sibling = {
    time: record.deadlineTimeOf(arena, ref),
    replica: record.deadlineReplicaOf(arena, ref),
    bornTime: record.timeOf(arena, ref),
    bornReplica: record.replicaOf(arena, ref),
    value: encodeDeadline(at),
  };
  entry.restore(slots.deadline, onlyElement, { siblings: [sibling], rows: [] });
}

/** The payload of the entry that `foldPacked` looked at last: it is copied before the next one. */
const scratch = new Uint8Array(packedBytesMax + 1);

/**
 * The packed form of an entry whose only collection is `slot`, or undefined when only an object can
 * hold it.
 */
export function foldPacked(
  keyspace: Keyspace,
  entry: KeyEntry,
  slot: Slot,
  keyLength: number,
): { create(db: Database, key: Uint8Array): Ref } | undefined {
  if (slot === slots.list) return foldList(keyspace, entry, keyLength);
  if (slot !== slots.hash && slot !== slots.set && slot !== slots.zset) return undefined;
  const store = entry.slot(slot)!;
  const countMax = slot === slots.zset ? packedZsetMax : packedCountMax;
  if (store.count > countMax) return undefined;
  if (store instanceof ElementTable && (!store.isSimple || store.count > countMax * foldedShare))
    return undefined;
  const deadlines = entry.cell(slots.deadline)?.siblings ?? [];
  const deadline = deadlines[0];
  const born = firstOf(store)?.siblings[0];
  if (born === undefined || deadlines.length > 1) return undefined;
  if (deadline !== undefined && !isBornWith(deadline, born)) return undefined;
  const size = writePayload(store, slot, born);
  if (size === 0) return undefined;
  const kind = packedKindOf(slot);
  const flags = deadline === undefined ? 0 : record.deadlineFlag;
  if (record.unitsFor(kind, flags, keyLength, size) > blockUnitsMax) return undefined;
  return {
    create(db, key) {
      const { arena } = keyspace;
      const { bornTime, bornReplica } = born;
      const ref = keyspace.createRecord(db, kind, flags, key, 0, key.length, size, bornTime);
      record.setHeader(arena, ref, kind, flags, bornReplica, bornTime);
      if (deadline !== undefined) {
        const at = decodeDeadline(deadline.value);
        record.setDeadline(arena, ref, at, deadline.time, deadline.replica);
      }
      copyBytes(arena.bytes[slabOf(ref)]!, payloadStartOf(arena, ref), scratch, 0, size);
      return ref;
    },
  };
}

function firstOf(store: ElementStore): Readonly<Cell> | undefined {
  for (const [, cell] of store.entries()) return cell;
  return undefined;
}

const isBornWith = (a: Sibling, b: Sibling): boolean =>
  a.bornTime === b.bornTime && a.bornReplica === b.bornReplica;

/**
 * Writes all elements into `scratch`; 0 when they are not simple, not of one birth, or too many
 * bytes.
 */
function writePayload(store: ElementStore, slot: Slot, born: Sibling): number {
  const isZset = slot === slots.zset;
  const hasValues = slot !== slots.set;
  const sizeMax = isZset ? packedZsetBytesMax : packedBytesMax;
  let at = countBytes;
  for (const [element, { siblings, rows }] of isZset ? inScoreOrder(store) : store.entries()) {
    const sibling = siblings[0];
    if (sibling === undefined || siblings.length > 1 || rows.length > 0) return 0;
    if (!isBornWith(sibling, born) || sibling.time < born.bornTime) return 0;
    const { time, replica } = sibling;
    const value = isZset ? shortScore(sibling.value) : sibling.value;
    if (value === undefined) return 0;
    const delay = time - born.bornTime;
    const isOthers = replica !== born.bornReplica;
    const size =
      stampBytes(delay, isOthers) +
      lengthBytes(element.length) +
      element.length +
      (hasValues ? lengthBytes(value.length) + value.length : 0);
    if (at + size > sizeMax) return 0;
    at = writeStamp(scratch, at, delay, isOthers, replica);
    at = writeLength(scratch, at, element.length);
    for (let i = 0; i < element.length; i++) scratch[at++] = element.charCodeAt(i);
    if (hasValues) {
      at = writeLength(scratch, at, value.length);
      scratch.set(value, at);
      at += value.length;
    } else if (value.length > 0) return 0;
    else if (store.count > wordSetCountMax && !/^-?\d{1,20}$/.test(element)) return 0;
  }
  scratch[0] = store.count;
  scratch[1] = store.count >>> 8;
  return at;
}
