// Emptying databases: FLUSHDB, FLUSHALL, and SWAPDB, which exchanges two.
//
// While nobody captures changes, no other replica exists and memory is dropped as a whole: the time
// does not grow with the number of keys. Otherwise every key is removed or moved one by one,
// because only what was seen may go (merge-rules 5).

import type { Ref } from "./arena.js";
import { contentOf, putContent } from "./content.js";
import type { Database } from "./database.js";
import { hashBytes } from "./hash.js";
import { HashIndex } from "./hash-index.js";
import type { Keyspace } from "./keyspace.js";
import * as record from "./record.js";

/** FLUSHALL: removes every key of every database. */
export function flushAll(keyspace: Keyspace): void {
  for (const db of keyspace.databases) tellEachKey(keyspace, db);
  if (keyspace.capture !== undefined) {
    for (const db of keyspace.databases) removeEachKey(keyspace, db);
    return;
  }
  void keyspace.batchTime; // An event of the batch like any other write.
  keyspace.redo?.willFlush(keyspace, keyspace.databases);
  for (const db of keyspace.databases) {
    keyspace.dirty += db.size;
    forgetIndex(keyspace, db);
  }
  keyspace.expiry.reset();
  keyspace.entries.reset();
  keyspace.tables.reset();
  keyspace.externals.reset();
  keyspace.externalBytes = 0;
  keyspace.arena.reset();
}

/** FLUSHDB: removes every key of one database. */
export function flushDatabase(keyspace: Keyspace, db: Database): void {
  const isOnly = keyspace.databases.every((other) => other === db || other.keys.count === 0);
  if (isOnly) {
    flushAll(keyspace);
    return;
  }
  tellEachKey(keyspace, db);
  if (keyspace.capture !== undefined) {
    removeEachKey(keyspace, db);
    return;
  }
  void keyspace.batchTime;
  keyspace.redo?.willFlush(keyspace, [db]);
  keyspace.dirty += db.size;
  db.keys.forEach((ref) => {
    keyspace.freeRecord(db, ref);
  });
  forgetIndex(keyspace, db);
}

function forgetIndex(keyspace: Keyspace, db: Database): void {
  db.keys = new HashIndex(keyspace.arena);
  db.hiddenCount = 0;
  db.expiringCount = 0;
}

/** Those who watch keys are told of each; without them this costs nothing. */
function tellEachKey(keyspace: Keyspace, db: Database): void {
  const listener = keyspace.onModified;
  // Removing keys one by one tells of each by itself.
  if (listener === undefined || keyspace.capture !== undefined) return;
  for (const ref of visibleRefs(keyspace, db)) listener(db.index, keyspace.keyOf(ref));
}

function visibleRefs(keyspace: Keyspace, db: Database): Ref[] {
  const refs: Ref[] = [];
  db.keys.forEach((ref) => {
    if (record.kindOf(keyspace.arena, ref) !== record.hiddenKind) refs.push(ref);
  });
  return refs;
}

function removeEachKey(keyspace: Keyspace, db: Database): void {
  // Removing a record leaves the other refs valid.
  for (const ref of visibleRefs(keyspace, db)) keyspace.remove(db, keyspace.hashOf(ref), ref);
}

/** SWAPDB: what was in one database is in the other and the reverse. */
export function swapDatabases(keyspace: Keyspace, a: Database, b: Database): void {
  if (a === b) return;
  if (keyspace.capture !== undefined) {
    swapKeyByKey(keyspace, a, b);
    return;
  }
  void keyspace.batchTime;
  keyspace.redo?.willSwap(keyspace, a, b);
  tellBoth(keyspace, a, b);
  exchange(a, b);
  keyspace.dirty++;
}

function exchange(a: Database, b: Database): void {
  const { keys, store, hiddenCount, expiringCount } = a;
  a.keys = b.keys;
  a.store = b.store;
  a.hiddenCount = b.hiddenCount;
  a.expiringCount = b.expiringCount;
  b.keys = keys;
  b.store = store;
  b.hiddenCount = hiddenCount;
  b.expiringCount = expiringCount;
}

/** A key of either database changes in both; one past its deadline is in neither. */
function tellBoth(keyspace: Keyspace, a: Database, b: Database): void {
  const listener = keyspace.onModified;
  if (listener === undefined) return;
  for (const db of [a, b]) {
    for (const ref of visibleRefs(keyspace, db)) {
      if (keyspace.isExpired(ref)) continue;
      const key = keyspace.keyOf(ref);
      listener(a.index, key);
      listener(b.index, key);
    }
  }
}

function swapKeyByKey(keyspace: Keyspace, a: Database, b: Database): void {
  const take = (db: Database) =>
    visibleRefs(keyspace, db)
      .filter((ref) => !keyspace.isExpired(ref))
      .map((ref) => ({ key: keyspace.keyOf(ref), content: contentOf(keyspace, ref) }));
  const fromA = take(a);
  const fromB = take(b);
  removeEachKey(keyspace, a);
  removeEachKey(keyspace, b);
  for (const { key, content } of fromA) {
    putContent(keyspace, b, hashBytes(key, 0, key.length), key, content);
  }
  for (const { key, content } of fromB) {
    putContent(keyspace, a, hashBytes(key, 0, key.length), key, content);
  }
}
