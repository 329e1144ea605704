// Deadlines on records: EXPIRE, PERSIST and what TTL reads.

import { assert } from "../base/assert.js";
import { copyBytes } from "../base/bytes.js";
import { persist } from "../lattice/deadline.js";
import { type Ref, slabOf } from "./arena.js";
import type { Database } from "./database.js";
import type { Keyspace } from "./keyspace.js";
import * as record from "./record.js";
import { noDeadline } from "./text.js";

/**
 * EXPIRE and PERSIST: `at` is Unix milliseconds or `persist`. The record must be visible. It may
 * move: the ref is not valid afterwards.
 */
export function setDeadline(
  keyspace: Keyspace,
  db: Database,
  hash: number,
  ref: Ref,
  at: number,
): void {
  assert(at !== noDeadline, "a deadline of zero means none; PERSIST writes `persist`");
  const key = keyspace.keyOf(ref);
  const kind = record.kindOf(keyspace.arena, ref);
  const isCompact = kind < record.objectKind || record.isPacked(kind);
  if (isCompact && keyspace.capture === undefined) {
    keyspace.willWrite(db, ref, key, 0, key.length);
    const hasRoom = (record.flagsOf(keyspace.arena, ref) & record.deadlineFlag) !== 0;
    if (
      hasRoom ? changeDeadline(keyspace, db, ref, at) : addDeadline(keyspace, db, hash, ref, at)
    ) {
      keyspace.didWrite(db, key, 0, key.length);
      return;
    }
  }
  keyspace.edit(db, hash, key, (entry) => {
    const { stamp } = keyspace;
    const born = entry.prepare(stamp, false, keyspace.replicas);
    entry.assignDeadline(at, stamp, born);
  });
}

function changeDeadline(keyspace: Keyspace, db: Database, ref: Ref, at: number): boolean {
  const { arena } = keyspace;
  const isScheduled = record.heapPositionOf(arena, ref) >= 0;
  record.setDeadline(arena, ref, at, keyspace.batchTime, keyspace.self);
  if (at === persist) keyspace.expiry.cancel(ref);
  else keyspace.expiry.schedule(ref, at);
  if (isScheduled !== (at !== persist)) db.expiringCount += at === persist ? -1 : 1;
  return true;
}

/** Moves a compact record into one with room for a deadline. False when only the slow way can. */
function addDeadline(
  keyspace: Keyspace,
  db: Database,
  hash: number,
  ref: Ref,
  at: number,
): boolean {
  const { arena } = keyspace;
  const kind = record.kindOf(arena, ref);
  const held = record.flagsOf(arena, ref);
  const flags = held | record.deadlineFlag;
  const keyLength = record.keyLengthOf(arena, ref);
  const valueLength = record.valueLengthOf(arena, ref);
  const isInside = (held & record.externalFlag) === 0;
  if (isInside && record.isExternal(flags, keyLength, valueLength)) return false;
  const bytes = record.bytesOf(arena, ref);
  const keyStart = record.keyStartOf(arena, ref);
  const time = record.timeOf(arena, ref);
  const fresh = keyspace.createRecord(
    db,
    kind,
    flags,
    bytes,
    keyStart,
    keyLength,
    valueLength,
    time,
  );
  record.setHeader(arena, fresh, kind, flags, record.replicaOf(arena, ref), time);
  record.copyPrefix(arena, ref, fresh);
  record.setDeadline(arena, fresh, at, keyspace.batchTime, keyspace.self);
  if (isInside) {
    const into = record.keyStartOf(arena, fresh) + keyLength;
    // To the end of the block: what a counter has there begins at a multiple of eight.
    const rest = (record.unitsOf(arena, ref) << 3) - record.prefixBytes(kind, held) - keyLength;
    copyBytes(arena.bytes[slabOf(fresh)]!, into, bytes, keyStart + keyLength, rest);
  } else {
    // Two places name the buffer until the old record is freed, and takes one of them away.
    const buffer = keyspace.externals.get(record.externalPlaceOf(arena, ref));
    record.setExternalPlace(arena, fresh, keyspace.externals.put(buffer));
    keyspace.externalBytes += buffer.length;
  }
  keyspace.supersede(db, hash, ref, fresh);
  return true;
}

/** The deadline that TTL shows: Unix milliseconds, or 0 for none. */
export function visibleDeadline(keyspace: Keyspace, ref: Ref): number {
  const at = record.deadlineOf(keyspace.arena, ref);
  return at === persist ? 0 : at;
}
