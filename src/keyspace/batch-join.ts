// Joining a batch's operations into the keyspace (batch-body.ts). A plain text that meets what its
// maker saw, or nothing, goes from the bytes into a record; whatever else is there (siblings, rows,
// a deadline, another type) is the entry's business, whose rules are the lattice's.

import { wordsOfRequest } from "../base/words.js";
import type { VersionVector } from "../clock/version-vector.js";
import { BodyReader, bodyOps, type Packed } from "./batch-body.js";
import type { Database } from "./database.js";
import { hashBytes } from "./hash.js";
import type { Keyspace } from "./keyspace.js";
import * as record from "./record.js";
import { joinText } from "./text-join.js";

/** @param seen what this replica had seen of the shard. */
export function joinBody(keyspace: Keyspace, packed: Packed, seen: VersionVector): void {
  const reader = new BodyReader(packed);
  // Keys and texts are compared and copied by words, as those of requests are.
  wordsOfRequest(packed.body);
  while (reader.next()) {
    const { body, keyStart, keyLength } = reader;
    const db = keyspace.databases[reader.database]!;
    const hash = hashBytes(body, keyStart, keyLength);
    const isJoined =
      (reader.op === bodyOps.text && joinText(keyspace, db, hash, reader, packed)) ||
      (reader.op === bodyOps.removed && removeText(keyspace, db, hash, reader));
    if (!isJoined) joinEntry(keyspace, db, hash, reader, seen);
    keyspace.didWrite(db, body, keyStart, keyLength);
  }
}

/** False when something else is there than the very text that its maker removed. */
function removeText(keyspace: Keyspace, db: Database, hash: number, op: BodyReader): boolean {
  const { arena } = keyspace;
  const ref = db.keys.find(hash, op.body, op.keyStart, op.keyLength);
  if (ref === 0) return true;
  if (record.kindOf(arena, ref) !== record.textKind) return false;
  if ((record.flagsOf(arena, ref) & record.deadlineFlag) !== 0) return false;
  const { removedTime, removedReplica } = op;
  if (record.timeOf(arena, ref) !== removedTime) return false;
  if (record.replicaOf(arena, ref) !== removedReplica) return false;
  keyspace.drop(db, hash, ref);
  return true;
}

function joinEntry(
  keyspace: Keyspace,
  db: Database,
  hash: number,
  op: BodyReader,
  seen: VersionVector,
): void {
  const { key } = op;
  const ref = keyspace.findRecord(db, hash, key, 0, key.length);
  const entry = keyspace.entryOrEmpty(ref);
  for (const element of op.asElements()) entry.apply(seen, element);
  keyspace.storeEntry(db, hash, key, entry);
}
