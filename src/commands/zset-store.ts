// Storing a whole sorted set over whatever a key held: the *STORE commands. For other nodes it is
// the removal of what was seen and new members under a new birth.

import { latin1 } from "../base/bytes.js";
import type { Ref } from "../keyspace/arena.js";
import { hashBytes } from "../keyspace/hash.js";
import * as record from "../keyspace/record.js";
import type { ScoredList } from "../keyspace/scored-list.js";
import { copyScore, scoreBytes, scoreLength } from "../keyspace/zset-score.js";
import { plainLengthMax, ZsetTable } from "../keyspace/zset-table.js";
import { KeyEntry, slots } from "../lattice/key-entry.js";
import type { Call } from "./call.js";
import { notify } from "./notify.js";
import { fitsListpack } from "./zset-lookup.js";

/**
 * Makes the key at argument `index` hold exactly these members, none twice, and replies how many.
 */
export function replaceZset(call: Call, index: number, members: ScoredList, event: string): void {
  if (members.count === 0) removeKey(call, index);
  else {
    putZset(call, index, members);
    notify(call, "zset", event, index);
  }
  call.reply.integer(members.count);
}

function removeKey(call: Call, index: number): void {
  const ref = call.findForWrite(index);
  if (ref === 0) return;
  call.keyspace.remove(call.db, call.hashOf(index), ref);
  notify(call, "generic", "del", index);
}

/** Puts members, none twice and at least one, over whatever the key at argument `index` held. */
export function putZset(call: Call, index: number, members: ScoredList): void {
  const { keyspace, db } = call;
  // A key past its deadline goes first, with its event.
  call.findForWrite(index);
  const hash = call.hashOf(index);
  const key = call.copy(index);
  const old = db.keys.find(hash, key, 0, key.length);
  keyspace.willWrite(db, old, key, 0, key.length);
  const entry = emptiedEntry(call, old);
  const isListpack = fitsListpack(call, members.count, members.lengthMax);
  for (let i = 0; i < members.count; i++) {
    // A listpack stores integers, and has no minus zero among them.
    const score = isListpack ? members.score(i) + 0 : members.score(i);
    assign(call, entry, members, i, score);
  }
  keyspace.storeEntry(db, hash, key, entry);
  keyspace.didWrite(db, key, 0, key.length);
  const ref = db.keys.find(hash, key, 0, key.length);
  if (isListpack) record.unmarkRoomy(keyspace.arena, ref);
  else record.markRoomy(keyspace.arena, ref);
}

/** The entry to fill: the key's own where there is an object, with nothing visible left in it. */
function emptiedEntry({ keyspace }: Call, old: Ref): KeyEntry {
  const kind = old === 0 ? 0 : record.kindOf(keyspace.arena, old);
  if (kind === record.objectKind || kind === record.hiddenKind) {
    const entry = keyspace.entryOf(old);
    entry.clearAll(keyspace.self);
    return entry;
  }
  const entry = new KeyEntry(keyspace.newStore);
  // What the batch changed of a key that was compact is found by comparing (capture.ts).
  entry.isTracked = false;
  return entry;
}

function assign(call: Call, entry: KeyEntry, members: ScoredList, i: number, score: number): void {
  const { stamp } = call.keyspace;
  const { bytes } = members;
  const start = members.start(i);
  const length = members.length(i);
  const table = entry.slot(slots.zset);
  const isPlain = table instanceof ZsetTable && table.isSimple && length <= plainLengthMax;
  if (!isPlain || entry.isTracked) {
    const element = latin1(bytes, start, start + length);
    if (!isPlain) {
      entry.assign(slots.zset, element, stamp, stamp, copyScore(score));
      return;
    }
    entry.remember(slots.zset, element);
  }
  const hash = hashBytes(bytes, start, length);
  const value = scoreBytes(score);
  const { time, replica } = stamp;
  table.put(hash, bytes, start, length, value, 0, scoreLength, time, replica);
}
