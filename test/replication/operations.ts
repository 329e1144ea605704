// Operations on a replica's keyspace, written as commands would do them, and reading back what a
// client sees.

import { fromUtf8, utf8 } from "../../src/base/bytes.js";
import type { Database } from "../../src/keyspace/database.js";
import { setDeadline } from "../../src/keyspace/deadline-record.js";
import { hashBytes } from "../../src/keyspace/hash.js";
import type { Keyspace } from "../../src/keyspace/keyspace.js";
import { incrementExact, incrementFast, noDeadline, setText } from "../../src/keyspace/text.js";
import { copyText, isText } from "../../src/keyspace/text-view.js";
import { slots } from "../../src/lattice/key-entry.js";

interface Place {
  readonly db: Database;
  readonly key: Uint8Array;
  readonly hash: number;
}

function place(keyspace: Keyspace, name: string, database = 0): Place {
  const key = utf8(name);
  return { db: keyspace.databases[database]!, key, hash: hashBytes(key, 0, key.length) };
}

const findForWrite = (keyspace: Keyspace, { db, key, hash }: Place): number =>
  keyspace.findForWrite(db, hash, key, 0, key.length);

export function set(keyspace: Keyspace, name: string, text: string, until = noDeadline): boolean {
  const { db, key, hash } = place(keyspace, name);
  const value = utf8(text);
  setText(keyspace, db, hash, key, 0, key.length, value, 0, value.length, until);
  return true;
}

/** False when the key holds no number. */
export function increment(keyspace: Keyspace, name: string, by: number): boolean {
  const at = place(keyspace, name);
  const { db, key, hash } = at;
  const ref = findForWrite(keyspace, at);
  if (ref !== 0 && !isText(keyspace, ref)) return false;
  const value = incrementFast(keyspace, db, hash, key, 0, key.length, ref, by);
  if (!Number.isNaN(value)) return true;
  const outcome = incrementExact(keyspace, db, hash, key, ref, BigInt(by));
  return typeof outcome === "bigint";
}

/** False when there is nothing to delete. */
export function del(keyspace: Keyspace, name: string): boolean {
  const at = place(keyspace, name);
  const ref = findForWrite(keyspace, at);
  if (ref !== 0) keyspace.remove(at.db, at.hash, ref);
  return ref !== 0;
}

/**
 * SADD or SREM of one member; false when the key holds another type or there is nothing to remove.
 */
export function editMember(
  keyspace: Keyspace,
  name: string,
  member: string,
  isAdd: boolean,
): boolean {
  const at = place(keyspace, name);
  const ref = findForWrite(keyspace, at);
  const visible = ref === 0 ? undefined : keyspace.entryOf(ref).visibleSlot(keyspace.replicas);
  if (visible !== undefined && visible !== slots.set) return false;
  if (!isAdd && visible === undefined) return false;
  keyspace.edit(at.db, at.hash, at.key, (entry) => {
    const { stamp, replicas, self } = keyspace;
    const born = entry.prepare(stamp, false, replicas);
    if (isAdd) entry.assign(slots.set, member, stamp, born, utf8(""));
    else {
      entry.clear(slots.set, member, self);
      entry.settle(self);
    }
  });
  return true;
}

export const sadd = (keyspace: Keyspace, name: string, member: string): boolean =>
  editMember(keyspace, name, member, true);

export const srem = (keyspace: Keyspace, name: string, member: string): boolean =>
  editMember(keyspace, name, member, false);

/** @param at Unix milliseconds or `persist`; false when the key is absent. */
export function expire(keyspace: Keyspace, name: string, at: number): boolean {
  const { db, key, hash } = place(keyspace, name);
  const ref = findForWrite(keyspace, { db, key, hash });
  if (ref !== 0) setDeadline(keyspace, db, hash, ref, at);
  return ref !== 0;
}

/** What a client reads: text, the sorted members, or undefined. */
export function read(keyspace: Keyspace, name: string): string | readonly string[] | undefined {
  const { db, key, hash } = place(keyspace, name);
  const ref = keyspace.find(db, hash, key, 0, key.length);
  if (ref === 0) return undefined;
  if (isText(keyspace, ref)) return fromUtf8(copyText(keyspace, ref));
  const members = keyspace.entryOf(ref).slot(slots.set)!;
  return members.sortedElements().filter((member) => members.isVisible(member));
}
