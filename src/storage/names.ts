// Names of replicas in a log: the table by which its records name replicas, as indices. Each
// segment and each checkpoint begins with all of it; a name that is new stands before the record
// that uses it. Recovery restores the very same table.

import { ByteReader, type Bytes, ByteWriter, MalformedBytes } from "../base/bytes.js";
import type { ReplicaTable } from "../clock/replica-table.js";

/** The names from index `from` on. */
export function encodeNames(replicas: ReplicaTable, from: number): Bytes {
  const writer = new ByteWriter();
  writer.varint(from).varint(replicas.count - from);
  for (let index = from; index < replicas.count; index++) writer.text(replicas.nameOf(index));
  return writer.finish();
}

/**
 * Adds names to the table. False: they follow others that are not there.
 * @throws MalformedBytes when they contradict what is there.
 */
export function restoreNames(bytes: Bytes, replicas: ReplicaTable): boolean {
  const reader = new ByteReader(bytes);
  let index = reader.varint();
  if (index > replicas.count) return false;
  for (let count = reader.count(); count > 0; count--, index++)
    if (replicas.decode(reader) !== index)
      throw new MalformedBytes("the names of replicas are in another order than the log's");
  reader.expectEnd();
  return true;
}
