// Storing a whole sorted set over whatever a key held: the *STORE commands. For other nodes it is
// the removal of what was seen and new members under a new birth.

import type { Bytes } from "../base/bytes.js";
import { latin1 } from "../base/bytes.js";
import { hashBytes } from "../keyspace/hash.js";
import * as record from "../keyspace/record.js";
import { copyScore, scoreBytes, scoreLength } from "../keyspace/zset-score.js";
import { ZsetTable } from "../keyspace/zset-table.js";
import type { ZsetView } from "../keyspace/zset-view.js";
import { slots } from "../lattice/key-entry.js";
import type { Call } from "./call.js";
import { notify } from "./notify.js";
import { fitsListpack } from "./zset-lookup.js";

/** A member with its score, held outside any set. */
export interface Scored {
  readonly member: Bytes;
  score: number;
}

/** Copies `count` members from a rank on. */
export function copyMembers(
  view: ZsetView,
  rank: number,
  count: number,
  isReverse: boolean,
): Scored[] {
  const members: Scored[] = [];
  if (count === 0) return members;
  view.seek(rank);
  for (let left = count; ; view.step(isReverse)) {
    const { bytes, start, length, score } = view;
    members.push({ member: bytes.slice(start, start + length), score });
    if (--left === 0) return members;
  }
}

/**
 * Makes the key at argument `index` hold exactly these members, none twice, and replies how many.
 */
export function replaceZset(
  call: Call,
  index: number,
  members: readonly Scored[],
  event: string,
): void {
  if (members.length === 0) removeKey(call, index);
  else {
    store(call, index, members);
    notify(call, "zset", event, index);
  }
  call.reply.integer(members.length);
}

function removeKey(call: Call, index: number): void {
  const ref = call.findForWrite(index);
  if (ref === 0) return;
  call.keyspace.remove(call.db, call.hashOf(index), ref);
  notify(call, "generic", "del", index);
}

function store(call: Call, index: number, members: readonly Scored[]): void {
  const { keyspace, db } = call;
  // A key past its deadline goes first, with its event.
  call.findForWrite(index);
  let lengthMax = 0;
  for (const { member } of members) lengthMax = Math.max(lengthMax, member.length);
  const isListpack = fitsListpack(call, members.length, lengthMax);
  const hash = call.hashOf(index);
  const key = call.copy(index);
  keyspace.edit(db, hash, key, (entry) => {
    const { stamp } = keyspace;
    entry.clearAll(keyspace.self);
    for (const { member, score } of members) {
      // A listpack stores integers, and has no minus zero among them.
      const kept = isListpack ? score + 0 : score;
      const element = latin1(member, 0, member.length);
      const table = entry.slot(slots.zset);
      if (table instanceof ZsetTable && table.isPlain(element)) {
        entry.remember(slots.zset, element);
        const at = hashBytes(member, 0, member.length);
        const value = scoreBytes(kept);
        table.put(at, member, 0, member.length, value, 0, scoreLength, stamp.time, stamp.replica);
      } else {
        entry.assign(slots.zset, element, stamp, stamp, copyScore(kept));
      }
    }
  });
  const ref = db.keys.find(hash, key, 0, key.length);
  if (isListpack) record.unmarkRoomy(keyspace.arena, ref);
  else record.markRoomy(keyspace.arena, ref);
}
