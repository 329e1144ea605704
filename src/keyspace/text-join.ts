// A plain text of another replica, from a batch's bytes into a record, without an object. Only
// where the outcome is plain, too: nothing is there, or exactly the text that its maker replaced.

import type { Stamp } from "../clock/stamp.js";
import { type Ref, slabOf, wordOf } from "./arena.js";
import type { BodyReader, Packed } from "./batch-body.js";
import type { Database } from "./database.js";
import type { Keyspace } from "./keyspace.js";
import * as record from "./record.js";
import { fitsInPlace, placeValue } from "./text.js";

/**
 * Joins a `text` operation. False, with nothing done, where the entry's rules must decide. The
 * batch is not yet part of what this replica has seen.
 */
export function joinText(
  keyspace: Keyspace,
  db: Database,
  hash: number,
  op: BodyReader,
  { time, origin }: Packed,
): boolean {
  const { arena } = keyspace;
  const { body, keyStart, keyLength, valueStart, valueLength } = op;
  const ref = db.keys.find(hash, body, keyStart, keyLength);
  if (ref !== 0) {
    const word = arena.words[slabOf(ref)]![wordOf(ref)]!;
    if ((word & 0xff) !== record.textKind || (word & (record.deadlineFlag << 8)) !== 0)
      return false;
    if (!op.isRemoving || word >>> 16 !== op.removedReplica) return false;
    if (record.timeOf(arena, ref) !== op.removedTime) return false;
    if (fitsInPlace(arena, ref, 0, valueLength)) {
      overwriteAs(keyspace, ref, op, time, origin);
      return true;
    }
  }
  const flags = record.isExternal(0, keyLength, valueLength) ? record.externalFlag : 0;
  const fresh = keyspace.createRecord(
    db,
    record.textKind,
    flags,
    body,
    keyStart,
    keyLength,
    valueLength,
    time,
  );
  record.setHeader(arena, fresh, record.textKind, flags, origin, time);
  placeValue(keyspace, fresh, flags, body, valueStart, valueLength);
  if (ref === 0) keyspace.attach(db, hash, fresh);
  else keyspace.supersede(db, hash, ref, fresh);
  return true;
}

/** Another text in the place of one of the same layout, under a foreign stamp. */
function overwriteAs(
  { arena }: Keyspace,
  ref: Ref,
  { body, valueStart, valueLength }: BodyReader,
  time: Stamp["time"],
  origin: Stamp["replica"],
): void {
  record.setHeader(arena, ref, record.textKind, 0, origin, time);
  arena.words[slabOf(ref)]![wordOf(ref) + 2] = valueLength;
  const start = record.keyStartOf(arena, ref) + record.keyLengthOf(arena, ref);
  arena.put(slabOf(ref), start, body, valueStart, valueLength);
}
