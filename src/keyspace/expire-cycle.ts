// Removing keys whose time has come, a bounded number at a time, so that no turn of the loop is
// held up by them. A key that is read or written past its deadline goes at once (keyspace.ts); this
// is for those that nobody asks for.

import type { Keyspace } from "./keyspace.js";
import { databaseOf } from "./record.js";

/**
 * Removes up to `countMax` keys that are past their deadline, earliest first. Returns how many; as
 * many as asked means that more may be waiting. Does nothing where another node removes expired
 * keys (`mayExpire`).
 */
export function expireDue(keyspace: Keyspace, countMax: number): number {
  if (!keyspace.mayExpire) return 0;
  const { expiry } = keyspace;
  let count = 0;
  while (count < countMax && expiry.nextDeadline <= keyspace.nowMs) {
    const ref = expiry.first;
    const db = keyspace.databaseOfStore(databaseOf(keyspace.arena, ref));
    keyspace.expireRecord(db, keyspace.hashOf(ref), ref);
    count++;
  }
  return count;
}
