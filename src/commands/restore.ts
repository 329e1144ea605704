// Putting a value that was read from RDB form under a key, over whatever was there: for the other
// replicas the removal of what was seen and a new birth. RESTORE does it, and an import may.

import type { Bytes } from "../base/bytes.js";
import { ElementList, replaceCollection } from "../keyspace/collection-replace.js";
import { packedCountMax } from "../keyspace/packed.js";
import { wordSetCountMax } from "../keyspace/packed-fold.js";
import * as record from "../keyspace/record.js";
import { ScoredList } from "../keyspace/scored-list.js";
import { noDeadline, setText } from "../keyspace/text.js";
import { slots } from "../lattice/key-entry.js";
import type { RdbValue } from "../rdb/value.js";
import type { Call } from "./call.js";
import { isIntegerText, limitsOf } from "./collection-limits.js";
import { edit } from "./lists-lookup.js";
import { putStream } from "./restore-stream.js";
import { putZset } from "./zset-store.js";

/** Stores a value under the key at argument `index`. No event is sent, no deadline left. */
export function putValue(call: Call, index: number, value: RdbValue): void {
  const { keyspace, db, bytes } = call;
  const hash = call.hashOf(index);
  const start = call.start(index);
  const length = call.size(index);
  switch (value.kind) {
    case "string": {
      const { text } = value;
      setText(keyspace, db, hash, bytes, start, length, text, 0, text.length, noDeadline);
      break;
    }
    case "list": {
      const old = call.findForWrite(index);
      if (old !== 0) keyspace.remove(db, hash, old);
      edit.begin(keyspace, db, hash, bytes, start, length, 0);
      for (const element of value.elements) edit.push(false, element, 0, element.length);
      edit.end();
      break;
    }
    case "zset": {
      const members = new ScoredList();
      for (const [i, member] of value.members.entries())
        members.push(member, 0, member.length, value.scores[i]!);
      putZset(call, index, members);
      break;
    }
    case "stream": {
      const old = call.findForWrite(index);
      if (old !== 0) keyspace.remove(db, hash, old);
      putStream(call, index, value.stream);
      break;
    }
    case "set":
      putSet(call, index, value.members);
      break;
    default:
      putHash(call, index, value.pairs);
  }
}

function putSet(call: Call, index: number, members: readonly Bytes[]): void {
  const elements = listOf(members, 0, 1);
  const isIntegers = members.every((member) => isIntegerText(member, 0, member.length));
  const packedMax = isIntegers ? packedCountMax : wordSetCountMax;
  const isSmall = isIntegers && members.length <= limitsOf(call).intsetEntries;
  const content = { slot: slots.set, elements, values: undefined, packedMax, deadline: noDeadline };
  putCollection(call, index, content, isSmall);
}

function putHash(call: Call, index: number, pairs: readonly Bytes[]): void {
  const elements = listOf(pairs, 0, 2);
  const values = listOf(pairs, 1, 2);
  const { hashEntries, hashValueBytes } = limitsOf(call);
  const isSmall =
    elements.count <= hashEntries && pairs.every((part) => part.length <= hashValueBytes);
  const packedMax = packedCountMax;
  const content = { slot: slots.hash, elements, values, packedMax, deadline: noDeadline };
  putCollection(call, index, content, isSmall);
}

function putCollection(
  call: Call,
  index: number,
  content: Parameters<typeof replaceCollection>[4],
  isSmall: boolean,
): void {
  const { keyspace, db } = call;
  const ref = replaceCollection(keyspace, db, call.hashOf(index), call.copy(index), content);
  if (isSmall) record.unmarkRoomy(keyspace.arena, ref);
  else record.markRoomy(keyspace.arena, ref);
}

function listOf(parts: readonly Bytes[], from: number, step: number): ElementList {
  const list = new ElementList();
  for (let i = from; i < parts.length; i += step) list.push(parts[i]!, 0, parts[i]!.length);
  return list;
}
