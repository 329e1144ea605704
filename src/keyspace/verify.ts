// Checks every structure of a keyspace against every other: what records say against what the
// index, the heap, the tables and the arena count.

import { assert } from "../base/assert.js";
import { roundUnits } from "./arena.js";
import type { Keyspace } from "./keyspace.js";
import { verifyPacked } from "./packed.js";
import * as record from "./record.js";
import { verifyPackedZset } from "./zset-forms.js";

/** Visits each key. @throws AssertionError when something does not add up. */
export function verifyKeyspace(keyspace: Keyspace): void {
  const { arena, expiry, replicas } = keyspace;
  arena.verifyInvariants();
  expiry.verifyInvariants();
  let live = 0;
  let scheduled = 0;
  for (const db of keyspace.databases) {
    db.keys.verifyInvariants((ref) => keyspace.hashOf(ref));
    let hidden = 0;
    db.keys.forEach((ref) => {
      assert(record.databaseOf(arena, ref) === db.store, "a record names another database");
      live += roundUnits(record.unitsOf(arena, ref));
      const kind = record.kindOf(arena, ref);
      if (kind === record.hiddenKind) hidden++;
      if (record.isPacked(kind)) verifyPacked(arena, ref);
      if (kind === record.packedZsetKind) verifyPackedZset(keyspace, ref);
      if (kind === record.objectKind || kind === record.hiddenKind)
        assert(keyspace.entryOf(ref).verify(replicas), "stale figures");
    });
    assert(hidden === db.hiddenCount, "the count of hidden records does not add up");
    scheduled += db.expiringCount;
  }
  for (const table of keyspace.tables.all()) live += table.liveUnits;
  assert(live * 8 === arena.liveBytes, "the arena's live bytes are not the records' sizes");
  assert(scheduled === expiry.count, "the heap and the databases count different deadlines");
}
