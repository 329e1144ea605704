// Unfolding a compact record into a key's entry, and folding an entry into the compact form that
// holds it. The two are inverse: folding loses nothing, so a digest or a join sees no difference
// (test: keyspace laws).

import { copyBytes } from "../base/bytes.js";
import type { Cell, Row, Sibling } from "../lattice/cell.js";
import { decodeDeadline, encodeDeadline } from "../lattice/deadline.js";
import { integer, zero } from "../lattice/decimal.js";
import { KeyEntry, onlyElement, type Slot, slots } from "../lattice/key-entry.js";
import { type Ref, slabOf } from "./arena.js";
import { readCounter, writeCounter } from "./counter-record.js";
import type { Database } from "./database.js";
import type { Keyspace } from "./keyspace.js";
import { foldPacked, unfoldPacked } from "./packed-fold.js";
import * as record from "./record.js";
import { copyText, integerText } from "./text-view.js";

/** Reads a record of a compact kind as an entry; ref 0 gives an empty entry. */
export function entryOfRecord(keyspace: Keyspace, ref: Ref): KeyEntry {
  if (ref !== 0 && record.isPacked(record.kindOf(keyspace.arena, ref)))
    return unfoldPacked(keyspace, ref);
  const entry = new KeyEntry(keyspace.newStore);
  entry.isTracked = keyspace.capture !== undefined;
  if (ref === 0) return entry;
  const { arena } = keyspace;
  const born = { time: record.bornTimeOf(arena, ref), replica: record.bornReplicaOf(arena, ref) };
  const cell: Cell = { siblings: [], rows: [] };
  if (record.kindOf(arena, ref) === record.textKind) {
    cell.siblings.push({
      time: record.timeOf(arena, ref),
      replica: record.replicaOf(arena, ref),
      bornTime: born.time,
      bornReplica: born.replica,
      value: copyText(keyspace, ref),
    });
  } else {
    const counter = readCounter(keyspace, ref);
    const slotBorn =
      counter.baseTime > 0
        ? { time: counter.baseTime, replica: counter.baseReplica }
        : { time: counter.birth, replica: record.replicaOf(arena, ref) };
    born.time = slotBorn.time;
    born.replica = slotBorn.replica;
    if (counter.baseTime > 0) {
      cell.siblings.push({
        time: counter.baseTime,
        replica: counter.baseReplica,
        bornTime: born.time,
        bornReplica: born.replica,
        value: integerText(counter.base),
      });
    }
    cell.rows.push({
      replica: record.replicaOf(arena, ref),
      birth: counter.birth,
      bornTime: born.time,
      bornReplica: born.replica,
      hiTime: record.timeOf(arena, ref),
      hi: integer(BigInt(counter.added)),
      loTime: 0,
      lo: zero,
    });
  }
  entry.restore(slots.string, onlyElement, cell);
  const at = record.deadlineOf(arena, ref);
  if (at !== 0) {
    const sibling: Sibling = {
      time: record.deadlineTimeOf(arena, ref),
      replica: record.deadlineReplicaOf(arena, ref),
      bornTime: born.time,
      bornReplica: born.replica,
      value: encodeDeadline(at),
    };
    entry.restore(slots.deadline, onlyElement, { siblings: [sibling], rows: [] });
  }
  return entry;
}

/** A compact form that was found to hold an entry. */
export interface Folded {
  create(db: Database, key: Uint8Array): Ref;
}

/** The compact form of an entry, or undefined when only an object can hold it. */
export function foldable(
  keyspace: Keyspace,
  entry: KeyEntry,
  keyLength: number,
): Folded | undefined {
  let collection: Slot | undefined;
  for (let slot: number = slots.string; slot <= slots.stream; slot++) {
    const map = entry.slot(slot as Slot);
    if (map === undefined || map.isBlank) continue;
    if (collection !== undefined) return undefined;
    collection = slot as Slot;
  }
  if (collection !== undefined && collection !== slots.string)
    return foldPacked(keyspace, entry, collection, keyLength);
  const cell = entry.cell(slots.string);
  if (cell === undefined) return undefined;
  const born = compactBirth(cell, keyspace.self);
  if (born === undefined) return undefined;
  const deadlines = entry.cell(slots.deadline)?.siblings ?? [];
  if (deadlines.length > 1) return undefined;
  const deadline = deadlines[0];
  if (deadline !== undefined) {
    if (deadline.bornTime !== born.time || deadline.bornReplica !== born.replica) return undefined;
  }
  return cell.rows.length === 0
    ? foldText(keyspace, cell.siblings[0]!, deadline)
    : foldCounter(keyspace, cell, cell.rows[0]!, deadline);
}

/** The birth of a cell that a compact record can hold, else undefined. */
function compactBirth(
  cell: Readonly<Cell>,
  self: number,
): { time: number; replica: number } | undefined {
  const base = cell.siblings[0];
  const row = cell.rows[0];
  if (cell.siblings.length > 1 || cell.rows.length > 1) return undefined;
  if (row === undefined) {
    return base === undefined ? undefined : { time: base.bornTime, replica: base.bornReplica };
  }
  if (row.replica !== self || row.loTime !== 0 || row.hiTime === 0) return undefined;
  const sum = row.hi.units;
  if (row.hi.scale !== 0 || sum > safeMax || sum < -safeMax) return undefined;
  const born =
    base === undefined
      ? { time: row.birth, replica: row.replica }
      : { time: base.time, replica: base.replica };
  if (row.bornTime !== born.time || row.bornReplica !== born.replica) return undefined;
  if (base === undefined) return born;
  const isOwnBirth = base.bornTime === base.time && base.bornReplica === base.replica;
  const number = isOwnBirth ? safeBase(base) : undefined;
  return number !== undefined && Number.isSafeInteger(Number(sum) + number) ? born : undefined;
}

const safeMax = BigInt(Number.MAX_SAFE_INTEGER);

/** The base as a safe integer when its text is exactly that integer's. */
function safeBase(base: Sibling): number | undefined {
  if (base.value.length > 17) return undefined;
  const text = Buffer.from(base.value).toString("latin1");
  const value = Number(text);
  return Number.isSafeInteger(value) && String(value) === text ? value : undefined;
}

function applyDeadline(keyspace: Keyspace, ref: Ref, deadline: Sibling | undefined): void {
  if (deadline === undefined) return;
  const at = decodeDeadline(deadline.value);
  record.setDeadline(keyspace.arena, ref, at, deadline.time, deadline.replica);
}

function foldText(keyspace: Keyspace, base: Sibling, deadline: Sibling | undefined): Folded {
  const isOwnBirth = base.bornTime === base.time && base.bornReplica === base.replica;
  let flags =
    (deadline === undefined ? 0 : record.deadlineFlag) | (isOwnBirth ? 0 : record.bornFlag);
  return {
    create(db, key) {
      const { arena } = keyspace;
      if (record.isExternal(flags, key.length, base.value.length)) flags |= record.externalFlag;
      const { value } = base;
      const ref = keyspace.createRecord(
        db,
        record.textKind,
        flags,
        key,
        0,
        key.length,
        value.length,
        base.time,
      );
      record.setHeader(arena, ref, record.textKind, flags, base.replica, base.time);
      if (!isOwnBirth) record.setBorn(arena, ref, base.bornTime, base.bornReplica);
      applyDeadline(keyspace, ref, deadline);
      if ((flags & record.externalFlag) !== 0) {
        keyspace.externalBytes += value.length;
        record.setExternalPlace(arena, ref, keyspace.externals.put(value.slice()));
      } else {
        const at = record.keyStartOf(arena, ref) + key.length;
        copyBytes(arena.bytes[slabOf(ref)]!, at, value, 0, value.length);
      }
      return ref;
    },
  };
}

function foldCounter(
  keyspace: Keyspace,
  cell: Readonly<Cell>,
  row: Row,
  deadline: Sibling | undefined,
): Folded {
  const base = cell.siblings[0];
  const flags =
    (deadline === undefined ? 0 : record.deadlineFlag) | (base === undefined ? 0 : record.baseFlag);
  return {
    create(db, key) {
      const kind = record.counterKind;
      const ref = keyspace.createRecord(db, kind, flags, key, 0, key.length, 0, row.hiTime);
      record.setHeader(keyspace.arena, ref, kind, flags, row.replica, row.hiTime);
      applyDeadline(keyspace, ref, deadline);
      writeCounter(keyspace, ref, {
        added: Number(row.hi.units),
        birth: row.birth,
        base: base === undefined ? 0 : safeBase(base)!,
        baseTime: base?.time ?? 0,
        baseReplica: base?.replica ?? 0,
      });
      return ref;
    },
  };
}
