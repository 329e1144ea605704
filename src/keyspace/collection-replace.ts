// Writing a whole hash or set at once over whatever was under its key (SINTERSTORE and its like,
// COPY, RENAME): everything seen goes, and the elements stand under a new birth. The new form is
// built before the old one is dropped, because the elements may lie in it.

import { type Bytes, copyBytes, emptyBytes, latin1 } from "../base/bytes.js";
import { KeyEntry, type Slot, slots } from "../lattice/key-entry.js";
import { blockUnitsMax, type Ref } from "./arena.js";
import type { Database } from "./database.js";
import { ElementTable } from "./element-table.js";
import { hashBytes } from "./hash.js";
import type { Keyspace } from "./keyspace.js";
import {
  countBytes,
  lengthBytes,
  packedBytesMax,
  packedKindOf,
  payloadStartOf,
  writeLength,
} from "./packed.js";
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

  copy(index: number): Bytes {
    const start = this.start(index);
    return this.source(index).slice(start, start + this.length(index));
  }
}

/**
 * A whole collection to be stored: elements, all different and at least one, and their values if it
 * is a hash.
 */
export interface NewCollection {
  readonly slot: Slot;
  readonly elements: ElementList;
  readonly values: ElementList | undefined;
  /** The most elements that a packed record may have. */
  readonly packedMax: number;
  /** Unix milliseconds, or 0 for none. */
  readonly deadline: number;
}

/** Stores a collection under `key`, over everything that was seen there. Answers the record. */
export function replaceCollection(
  keyspace: Keyspace,
  db: Database,
  hash: number,
  key: Uint8Array,
  content: NewCollection,
): Ref {
  const { length } = key;
  const found = db.keys.find(hash, key, 0, length);
  // Before anything goes: the elements may lie in what is replaced.
  const build = leavesRows(keyspace, found)
    ? ofEntry(content)
    : (ofPayload(length, content) ?? ofTable(keyspace, content));
  keyspace.willWrite(db, found, key, 0, length);
  build(keyspace, db, hash, key);
  keyspace.didWrite(db, key, 0, length);
  return db.keys.find(hash, key, 0, length);
}

type Build = (keyspace: Keyspace, db: Database, hash: number, key: Uint8Array) => void;

/** As a packed record, if it is small enough for one. */
function ofPayload(keyLength: number, content: NewCollection): Build | undefined {
  const { slot, elements, packedMax, deadline } = content;
  const kind = packedKindOf(slot);
  const flags = deadline === 0 ? 0 : record.deadlineFlag;
  if (elements.count > packedMax) return undefined;
  const size = payloadSize(content);
  if (size > packedBytesMax) return undefined;
  if (record.unitsFor(kind, flags, keyLength, size) > blockUnitsMax) return undefined;
  const payload = newPayload(content, size);
  return (keyspace, db, hash, key) => {
    const { arena } = keyspace;
    const old = dropObject(keyspace, db, hash, key);
    const ref = keyspace.createRecord(db, kind, flags, key, 0, key.length, size);
    const start = payloadStartOf(arena, ref);
    copyBytes(record.bytesOf(arena, ref), start, payload, 0, size);
    if (deadline !== 0) record.setDeadline(arena, ref, deadline, keyspace.batchTime, keyspace.self);
    place(keyspace, db, hash, old, ref);
  };
}

function payloadSize({ elements, values }: NewCollection): number {
  let size = countBytes;
  for (let i = 0; i < elements.count && size <= packedBytesMax; i++) {
    size += 1 + lengthBytes(elements.length(i)) + elements.length(i);
    if (values !== undefined) size += lengthBytes(values.length(i)) + values.length(i);
  }
  return size;
}

function newPayload({ elements, values }: NewCollection, size: number): Uint8Array {
  const payload = new Uint8Array(size);
  payload[0] = elements.count;
  payload[1] = elements.count >>> 8;
  let at = countBytes;
  const write = (list: ElementList, i: number): void => {
    at = writeLength(payload, at, list.length(i));
    copyBytes(payload, at, list.source(i), list.start(i), list.length(i));
    at += list.length(i);
  };
  for (let i = 0; i < elements.count; i++) {
    at++; // The stamp's byte stays zero: written at birth.
    write(elements, i);
    if (values !== undefined) write(values, i);
  }
  return payload;
}

function ofTable(keyspace: Keyspace, { slot, elements, values, deadline }: NewCollection): Build {
  const table = new ElementTable(keyspace);
  const { batchTime, self } = keyspace;
  for (let i = 0; i < elements.count; i++) {
    const source = elements.source(i);
    const start = elements.start(i);
    const length = elements.length(i);
    table.write(
      hashBytes(source, start, length),
      0,
      source,
      start,
      length,
      values === undefined ? source : values.source(i),
      values === undefined ? start : values.start(i),
      values === undefined ? 0 : values.length(i),
      batchTime,
      self,
      batchTime,
      self,
    );
  }
  return (_keyspace, db, hash, key) => {
    const old = dropObject(keyspace, db, hash, key);
    const entry = new KeyEntry(keyspace.newStore);
    entry.isTracked = false; // As in collection-edit.ts: what changed is found by comparing.
    entry.adopt(slot, table);
    if (deadline !== 0) entry.assignDeadline(deadline, keyspace.stamp, keyspace.stamp);
    const flags = deadline === 0 ? 0 : record.deadlineFlag;
    const number = keyspace.putEntry(entry);
    const { length } = key;
    const ref = keyspace.createRecord(db, record.objectKind, flags, key, 0, length, number, 0);
    if (deadline !== 0) record.setDeadline(keyspace.arena, ref, deadline, 0, 0);
    place(keyspace, db, hash, old, ref);
  };
}

function place(keyspace: Keyspace, db: Database, hash: number, old: Ref, ref: Ref): void {
  if (old === 0) keyspace.attach(db, hash, ref);
  else keyspace.supersede(db, hash, old, ref);
}

/** Through the key's entry, where dead rows of other replicas stay behind. */
function ofEntry({ slot, elements, values, deadline }: NewCollection): Build {
  const pairs = Array.from(
    { length: elements.count },
    (_, i) => [latin1(elements.copy(i)), values?.copy(i) ?? emptyBytes] as const,
  );
  return (keyspace, db, hash, key) => {
    const entry = keyspace.entryOrEmpty(db.keys.find(hash, key, 0, key.length));
    const { stamp } = keyspace;
    entry.clearAll(keyspace.self);
    for (const [element, value] of pairs) entry.assign(slot, element, stamp, stamp, value);
    if (deadline !== 0) entry.assignDeadline(deadline, stamp, stamp);
    keyspace.storeEntry(db, hash, key, entry);
  };
}

/** Whether rows of other replicas will be left under a key when everything seen has gone. */
function leavesRows(keyspace: Keyspace, ref: Ref): boolean {
  if (ref === 0 || !isObject(keyspace, ref)) return false;
  const entry = keyspace.entryOf(ref);
  for (const slot of [slots.hash, slots.set]) {
    const store = entry.sole(slot);
    if (store instanceof ElementTable && store.isSimple && !store.isBlank) return false;
  }
  let hasRows = false;
  entry.forEachCell((_slot, _element, { rows }) => {
    hasRows ||= rows.some((row) => row.replica !== keyspace.self);
  });
  return hasRows;
}

function isObject(keyspace: Keyspace, ref: Ref): boolean {
  const kind = record.kindOf(keyspace.arena, ref);
  return kind === record.objectKind || kind === record.hiddenKind;
}

/**
 * Removes everything seen under an object, which leaves nothing; a compact record stays, to be
 * superseded.
 */
function dropObject(keyspace: Keyspace, db: Database, hash: number, key: Uint8Array): Ref {
  const ref = db.keys.find(hash, key, 0, key.length);
  if (ref === 0 || !isObject(keyspace, ref)) return ref;
  const entry = keyspace.entryOf(ref);
  entry.clearAll(keyspace.self);
  keyspace.storeEntry(db, hash, key, entry);
  return 0;
}
