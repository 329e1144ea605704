// DEBUG DIGEST and DIGEST-VALUE: a hash of what readers see, whoever wrote it and when. Equal
// values give equal digests on every node; that is all tests ask of it, and the numbers are not
// Redis's.

import { createHash } from "node:crypto";
import { type Bytes, fromLatin1 } from "../base/bytes.js";
import type { Ref } from "../keyspace/arena.js";
import type { Keyspace } from "../keyspace/keyspace.js";
import * as record from "../keyspace/record.js";
import { isText, resolveText, viewText } from "../keyspace/text-view.js";
import { copyScore } from "../keyspace/zset-score.js";
import { resolveScore } from "../keyspace/zset-table.js";
import { type Slot, slots } from "../lattice/key-entry.js";

const digestBytes = 20;

const sha1 = (...parts: (Bytes | string)[]): Uint8Array => {
  const hash = createHash("sha1");
  for (const part of parts) {
    const bytes = typeof part === "string" ? fromLatin1(part) : part;
    // The length keeps ("ab", "c") apart from ("a", "bc").
    hash.update(`${bytes.length}:`).update(bytes);
  }
  return hash.digest();
};

function mix(into: Uint8Array, digest: Uint8Array): void {
  for (let i = 0; i < digestBytes; i++) into[i]! ^= digest[i]!;
}

export const hexOf = (digest: Uint8Array): string => Buffer.from(digest).toString("hex");

/** The digest of one key's value and deadline; the key's name is not part of it. */
export function valueDigest(keyspace: Keyspace, ref: Ref): Uint8Array {
  const deadline = record.deadlineOf(keyspace.arena, ref);
  const hasDeadline = deadline !== 0 && deadline !== Number.POSITIVE_INFINITY;
  return sha1(contentDigest(keyspace, ref), hasDeadline ? "expires" : "");
}

function contentDigest(keyspace: Keyspace, ref: Ref): Uint8Array {
  if (isText(keyspace, ref)) {
    const { bytes, start, length } = viewText(keyspace, ref);
    return sha1("string", bytes.subarray(start, start + length));
  }
  const entry = keyspace.entryOf(ref);
  const slot = entry.visibleSlot(keyspace.replicas)!;
  const store = entry.slot(slot)!;
  const visible = (): string[] => store.sortedElements().filter((name) => store.isVisible(name));
  const readValue = (name: string): Bytes => {
    const cell = store.get(name)!;
    if (slot === slots.zset) return copyScore(resolveScore(keyspace, cell));
    return resolveText(keyspace, cell);
  };
  if (slot === slots.list) return sha1(`type ${slot}`, ...visible().map(readValue));
  const digest = new Uint8Array(digestBytes);
  for (const name of visible()) mix(digest, elementDigest(slot, name, readValue));
  return sha1(`type ${slot}`, digest);
}

/** Members of a set have no value of their own. */
const elementDigest = (slot: Slot, name: string, readValue: (name: string) => Bytes): Uint8Array =>
  slot === slots.set ? sha1(name) : sha1(name, readValue(name));

/** The digest of everything: zeros when there is nothing. */
export function keyspaceDigest(keyspace: Keyspace): Uint8Array {
  const total = new Uint8Array(digestBytes);
  for (const db of keyspace.databases) {
    db.keys.forEach((ref) => {
      if (record.kindOf(keyspace.arena, ref) === record.hiddenKind) return;
      if (keyspace.isExpired(ref)) return;
      mix(total, sha1(`db ${db.index}`, keyspace.keyOf(ref), valueDigest(keyspace, ref)));
    });
  }
  return total;
}
