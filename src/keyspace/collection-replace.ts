// Writing a whole set at once over whatever was under its key (SINTERSTORE and its like): everything seen goes, and
// the members stand under a new birth. The new form is built before the old one is dropped, because the
// members may lie in it.

import { latin1 } from "../base/bytes.js";
import { KeyEntry, slots } from "../lattice/key-entry.js";
import { blockUnitsMax, type Ref } from "./arena.js";
import type { Database } from "./database.js";
import { ElementTable } from "./element-table.js";
import { hashBytes } from "./hash.js";
import type { Keyspace } from "./keyspace.js";
import { countBytes, lengthBytes, packedBytesMax, payloadStartOf, writeLength } from "./packed.js";
import * as record from "./record.js";

/** Byte strings in other buffers, one after another. */
export class ElementList {
  readonly #sources: Uint8Array[] = [];
  readonly #starts: number[] = [];
  readonly #lengths: number[] = [];
  /** Bytes of all of them. */
  bytes = 0;

  get count(): number {
    return this.#starts.length;
  }

  push(source: Uint8Array, start: number, length: number): void {
    this.#sources.push(source);
    this.#starts.push(start);
    this.#lengths.push(length);
    this.bytes += length;
  }

  source(index: number): Uint8Array {
    return this.#sources[index]!;
  }

  start(index: number): number {
    return this.#starts[index]!;
  }

  length(index: number): number {
    return this.#lengths[index]!;
  }

  /** Exchanges two elements. */
  swap(a: number, b: number): void {
    for (const list of [this.#sources, this.#starts, this.#lengths] as unknown[][]) {
      const held = list[a];
      list[a] = list[b];
      list[b] = held;
    }
  }
}

/**
 * Stores the members, all different and at least one, as the set under `key`. `packedMax` is the most that a packed
 * record may have. Answers the record.
 */
export function replaceWithSet(
  keyspace: Keyspace,
  db: Database,
  hash: number,
  key: Uint8Array,
  members: ElementList,
  packedMax: number,
): Ref {
  const { length } = key;
  const size = members.count <= packedMax ? payloadSize(members) : Number.POSITIVE_INFINITY;
  const kind = record.packedSetKind;
  const isPacked =
    size <= packedBytesMax && record.unitsFor(kind, 0, length, size) <= blockUnitsMax;
  const table = isPacked ? undefined : newTable(keyspace, members);
  const payload = isPacked ? newPayload(members, size) : undefined;
  const texts = namesOfOldStay(keyspace, db, hash, key) ? textsOf(members) : undefined;
  const found = db.keys.find(hash, key, 0, length);
  keyspace.willWrite(db, found, key, 0, length);
  if (texts !== undefined) {
    table?.release();
    return replaceThroughEntry(keyspace, db, hash, key, texts);
  }
  const old = dropObject(keyspace, db, hash, key, found);
  let ref: Ref;
  if (payload !== undefined) {
    ref = keyspace.createRecord(db, kind, 0, key, 0, length, size);
    record.copyBytes(
      record.bytesOf(keyspace.arena, ref),
      payloadStartOf(keyspace.arena, ref),
      payload,
      0,
      size,
    );
  } else {
    const entry = new KeyEntry(keyspace.newStore);
    entry.isTracked = false; // As in collection-edit.ts: what changed is found by comparing.
    entry.adopt(slots.set, table!);
    const place = keyspace.entries.put(entry);
    ref = keyspace.createRecord(db, record.objectKind, 0, key, 0, length, place, 0);
  }
  if (old === 0) keyspace.attach(db, hash, ref);
  else keyspace.supersede(db, hash, old, ref);
  keyspace.didWrite(db, key, 0, length);
  return ref;
}

function payloadSize(members: ElementList): number {
  let size = countBytes;
  for (let i = 0; i < members.count && size <= packedBytesMax; i++)
    size += 1 + lengthBytes(members.length(i)) + members.length(i);
  return size;
}

function newPayload(members: ElementList, size: number): Uint8Array {
  const payload = new Uint8Array(size);
  payload[0] = members.count;
  payload[1] = members.count >>> 8;
  let at = countBytes;
  for (let i = 0; i < members.count; i++) {
    const length = members.length(i);
    at = writeLength(payload, at + 1, length); // The stamp's byte stays zero: written at birth.
    record.copyBytes(payload, at, members.source(i), members.start(i), length);
    at += length;
  }
  return payload;
}

function newTable(keyspace: Keyspace, members: ElementList): ElementTable {
  const table = new ElementTable(keyspace);
  const { batchTime, self } = keyspace;
  for (let i = 0; i < members.count; i++) {
    const source = members.source(i);
    const start = members.start(i);
    const length = members.length(i);
    const hash = hashBytes(source, start, length);
    table.write(hash, 0, source, start, length, source, start, 0, batchTime, self, batchTime, self);
  }
  return table;
}

/** Whether dead rows of other replicas will be left under the key when everything seen has gone. */
function namesOfOldStay(keyspace: Keyspace, db: Database, hash: number, key: Uint8Array): boolean {
  const ref = db.keys.find(hash, key, 0, key.length);
  if (ref === 0 || !isObject(keyspace, ref)) return false;
  let hasRows = false;
  const entry = keyspace.entryOf(ref);
  const set = entry.sole(slots.set);
  if (set instanceof ElementTable && set.isSimple) return false;
  entry.forEachCell((_slot, _element, cell) => {
    hasRows ||= cell.rows.some((row) => row.replica !== keyspace.self);
  });
  return hasRows;
}

function isObject(keyspace: Keyspace, ref: Ref): boolean {
  const kind = record.kindOf(keyspace.arena, ref);
  return kind === record.objectKind || kind === record.hiddenKind;
}

function textsOf(members: ElementList): string[] {
  return Array.from({ length: members.count }, (_, i) => {
    const start = members.start(i);
    return latin1(members.source(i), start, start + members.length(i));
  });
}

function replaceThroughEntry(
  keyspace: Keyspace,
  db: Database,
  hash: number,
  key: Uint8Array,
  members: readonly string[],
): Ref {
  keyspace.edit(db, hash, key, (entry) => {
    const { stamp } = keyspace;
    entry.clearAll(keyspace.self);
    for (const member of members) entry.assign(slots.set, member, stamp, stamp, new Uint8Array(0));
  });
  return db.keys.find(hash, key, 0, key.length);
}

/** Removes everything seen under an object, which leaves nothing; a compact record stays, to be superseded. */
function dropObject(
  keyspace: Keyspace,
  db: Database,
  hash: number,
  key: Uint8Array,
  ref: Ref,
): Ref {
  if (ref === 0 || !isObject(keyspace, ref)) return ref;
  const entry = keyspace.entryOf(ref);
  entry.clearAll(keyspace.self);
  keyspace.storeEntry(db, hash, key, entry);
  return 0;
}
