// Small lists inside one record: the layout of packed.ts, elements in the order of the list. What
// stands there for the element's name is the rest of its position (list-position.ts), the stamp
// being the entry's own: bit 0 of the first byte the side, the other bits the place in the batch,
// low bits first, bit 7 more. Only pushed elements that nobody has written over are kept so; any
// other makes the list an object.
//
// Commands read through `PackedList` and write through list-edit.ts.

import { type Bytes, copyBytes, emptyBytes } from "../base/bytes.js";
import { decodeDeadline } from "../lattice/deadline.js";
import type { ElementStore } from "../lattice/element-store.js";
import { KeyEntry, slots } from "../lattice/key-entry.js";
import { type Arena, blockUnitsMax, type Ref, slabOf } from "./arena.js";
import type { Database } from "./database.js";
import type { Keyspace } from "./keyspace.js";
import { ListStore } from "./list-store.js";
import {
  countBytes,
  lengthBytes,
  PackedCursor,
  payloadStartOf,
  setPackedCount,
  stampBytes,
  writeLength,
  writeStamp,
} from "./packed.js";
import { splice } from "./packed-edit.js";
import * as record from "./record.js";

/** Longer lists and payloads become objects; the second keeps a push at the front cheap. */
export const packedListCountMax = 128;
export const packedListBytesMax = 2048;
/** An object is folded only well below these, so that it is not done to and fro. */
const foldedShare = 3 / 4;

/** What commands read a list through, whatever its form. Valid until the next write. */
export interface ListView {
  readonly visibleCount: number;
  readonly value: Uint8Array;
  readonly valueStart: number;
  readonly valueLength: number;
  /** The words of the buffer in which the value lies, where they are at hand. */
  readonly valueWords: DataView | undefined;
  /** Goes to an element; the index must lie in the list. */
  seek(index: number): void;
  /** Goes to the next element, or the one before; past an end the view stands nowhere. */
  step(isReverse: boolean): void;
  /** Reads the value where the view stands. */
  load(): void;
}

export class PackedList implements ListView {
  readonly cursor = new PackedCursor();
  /** Where entries begin, as far as is known: up to the highest index visited. */
  readonly #starts = new Int32Array(packedListCountMax + 1);
  #known = 0;
  index = 0;
  value: Uint8Array = emptyBytes;
  valueStart = 0;
  valueLength = 0;
  readonly valueWords = undefined;

  open(arena: Arena, ref: Ref): this {
    this.cursor.open(arena, ref);
    this.#starts[0] = this.cursor.first;
    this.#known = 0;
    return this;
  }

  get visibleCount(): number {
    return this.cursor.count;
  }

  seek(index: number): void {
    this.index = index;
    if (index < 0 || index >= this.cursor.count) return;
    const { cursor } = this;
    const from = Math.min(index, this.#known);
    cursor.at = this.#starts[from]!;
    for (let at = from; at <= index; at++) {
      cursor.next();
      this.#starts[at + 1] = cursor.at;
    }
    if (index >= this.#known) this.#known = index + 1;
  }

  step(isReverse: boolean): void {
    this.seek(this.index + (isReverse ? -1 : 1));
  }

  load(): void {
    const { cursor } = this;
    this.value = cursor.bytes;
    this.valueStart = cursor.valueStart;
    this.valueLength = cursor.valueLength;
  }
}

// ---- writing

const placeBytes = (place: number): number => (place < 0x40 ? 1 : place < 0x2000 ? 2 : 5);

/** Writes side and place; answers where they end. */
function writePlace(bytes: Uint8Array, start: number, isLeft: boolean, place: number): number {
  const count = placeBytes(place);
  let at = start;
  bytes[at++] = (isLeft ? 1 : 0) | ((place & 0x3f) << 1) | (count > 1 ? 0x80 : 0);
  let rest = Math.floor(place / 0x40);
  for (let i = 1; i < count; i++) {
    bytes[at++] = (rest & 0x7f) | (i + 1 < count ? 0x80 : 0);
    rest = Math.floor(rest / 0x80);
  }
  return at;
}

function readPlace(bytes: Uint8Array, start: number): number {
  let place = (bytes[start]! >>> 1) & 0x3f;
  if (bytes[start]! < 0x80) return place;
  for (let at = start + 1, scale = 0x40; ; at++, scale *= 0x80) {
    place += (bytes[at]! & 0x7f) * scale;
    if (bytes[at]! < 0x80) return place;
  }
}

const entryBytes = (delay: number, isOthers: boolean, place: number, length: number): number =>
  stampBytes(delay, isOthers) + 1 + placeBytes(place) + lengthBytes(length) + length;

function writeEntry(
  bytes: Uint8Array,
  start: number,
  delay: number,
  isOthers: boolean,
  replica: number,
  isLeft: boolean,
  place: number,
  value: Uint8Array,
  valueStart: number,
  length: number,
): number {
  let at = writeStamp(bytes, start, delay, isOthers, replica);
  bytes[at++] = placeBytes(place);
  at = writePlace(bytes, at, isLeft, place);
  at = writeLength(bytes, at, length);
  copyBytes(bytes, at, value, valueStart, length);
  return at + length;
}

/**
 * Pushes a value onto the packed list `ref`, or makes one for 0, as part of the open batch. Answers
 * the record, or 0 with nothing done when it would grow too large.
 */
export function pushPacked(
  keyspace: Keyspace,
  db: Database,
  hash: number,
  key: Uint8Array,
  keyStart: number,
  keyLength: number,
  ref: Ref,
  count: number,
  isFront: boolean,
  value: Uint8Array,
  valueStart: number,
  length: number,
): Ref {
  const { arena } = keyspace;
  const isNew = ref === 0;
  const delay = isNew ? 0 : keyspace.batchTime - record.timeOf(arena, ref);
  const isOthers = !isNew && record.replicaOf(arena, ref) !== keyspace.self;
  const size = isNew ? countBytes : record.valueLengthOf(arena, ref);
  if (count >= packedListCountMax || size + length + 16 > packedListBytesMax) return 0;
  const kind = record.packedListKind;
  const place = keyspace.nextPlace();
  const added = entryBytes(delay, isOthers, place, length);
  const offset = isFront ? countBytes : size;
  let fresh: Ref;
  if (isNew) {
    if (record.unitsFor(kind, 0, keyLength, countBytes + added) > blockUnitsMax) return 0;
    fresh = keyspace.createRecord(db, kind, 0, key, keyStart, keyLength, countBytes + added);
  } else {
    fresh = splice(keyspace, db, hash, ref, offset, 0, added);
    if (fresh === 0) return 0;
  }
  const { self } = keyspace;
  const bytes = arena.bytes[slabOf(fresh)]!;
  const at = payloadStartOf(arena, fresh) + offset;
  writeEntry(bytes, at, delay, isOthers, self, isFront, place, value, valueStart, length);
  setPackedCount(arena, fresh, count + 1);
  if (isNew) keyspace.attach(db, hash, fresh);
  return fresh;
}

/**
 * Takes the entry out at which `list` stands; an emptied record is left for the caller to remove.
 */
export function removePackedElement(
  keyspace: Keyspace,
  db: Database,
  hash: number,
  ref: Ref,
  list: PackedList,
): Ref {
  const { cursor } = list;
  const offset = cursor.entryStart - (cursor.first - countBytes);
  const fresh = splice(keyspace, db, hash, ref, offset, cursor.at - cursor.entryStart, 0);
  setPackedCount(keyspace.arena, fresh, cursor.count - 1);
  return fresh;
}

// ---- folding

/** A copy of a packed list as an entry; its deadline is left to the caller. */
export function unfoldList(keyspace: Keyspace, ref: Ref): KeyEntry {
  const { arena } = keyspace;
  const entry = new KeyEntry(keyspace.newStore);
  entry.isTracked = keyspace.capture !== undefined;
  const store = new ListStore(keyspace);
  entry.adopt(slots.list, store);
  const bornTime = record.timeOf(arena, ref);
  const bornReplica = record.replicaOf(arena, ref);
  const cursor = new PackedCursor().open(arena, ref);
  while (cursor.next()) {
    const { bytes, elementStart } = cursor;
    store.append(
      bornTime + cursor.delay,
      cursor.replica(bornReplica),
      (bytes[elementStart]! & 1) !== 0,
      readPlace(bytes, elementStart),
      bytes,
      cursor.valueStart,
      cursor.valueLength,
      bornTime,
      bornReplica,
    );
  }
  return entry;
}

const scratch = new Uint8Array(packedListBytesMax);

/** The packed form of an entry that holds a list alone, or undefined when only an object can. */
export function foldList(
  keyspace: Keyspace,
  entry: KeyEntry,
  keyLength: number,
): { create(db: Database, key: Uint8Array): Ref } | undefined {
  const held = entry.slot(slots.list)!;
  if (held.count > packedListCountMax * foldedShare) return undefined;
  const store = held instanceof ListStore ? held : housed(keyspace, held);
  const chunk = store.onlyBirth();
  if (chunk === undefined) return undefined;
  const { bornTime, bornReplica } = chunk;
  const deadlines = entry.cell(slots.deadline)?.siblings ?? [];
  const deadline = deadlines[0];
  if (deadlines.length > 1) return undefined;
  if (
    deadline !== undefined &&
    (deadline.bornTime !== bornTime || deadline.bornReplica !== bornReplica)
  )
    return undefined;
  const size = writePayload(store, bornTime, bornReplica);
  if (size === 0) return undefined;
  const kind = record.packedListKind;
  const flags = deadline === undefined ? 0 : record.deadlineFlag;
  if (record.unitsFor(kind, flags, keyLength, size) > blockUnitsMax) return undefined;
  return {
    create(db, key) {
      const { arena } = keyspace;
      const ref = keyspace.createRecord(db, kind, flags, key, 0, key.length, size, bornTime);
      record.setHeader(arena, ref, kind, flags, bornReplica, bornTime);
      if (deadline !== undefined) {
        const at = decodeDeadline(deadline.value);
        record.setDeadline(arena, ref, at, deadline.time, deadline.replica);
      }
      copyBytes(arena.bytes[slabOf(ref)]!, payloadStartOf(arena, ref), scratch, 0, size);
      return ref;
    },
  };
}

function housed(keyspace: Keyspace, plain: ElementStore): ListStore {
  const store = new ListStore(keyspace);
  for (const element of plain.sortedElements()) store.restore(element, plain.get(element)!);
  return store;
}

/** Writes all elements into `scratch`; 0 when they are too many bytes or older than their birth. */
function writePayload(store: ListStore, bornTime: number, bornReplica: number): number {
  let at = countBytes;
  let isFitting = true;
  store.eachPlain((chunk, index) => {
    const length = chunk.size(index);
    const delay = chunk.time(index) - bornTime;
    const replica = chunk.replica(index);
    const isOthers = replica !== bornReplica;
    const place = chunk.place(index);
    isFitting &&=
      delay >= 0 &&
      at + entryBytes(delay, isOthers, place, length) <= packedListBytesMax * foldedShare;
    if (!isFitting) return;
    const start = chunk.start(index);
    const isLeft = chunk.isLeft(index);
    const { bytes } = chunk;
    at = writeEntry(scratch, at, delay, isOthers, replica, isLeft, place, bytes, start, length);
  });
  scratch[0] = store.count;
  scratch[1] = store.count >>> 8;
  return isFitting ? at : 0;
}

/** A copy of the value where a view stands. */
export function copyValue(view: ListView): Bytes {
  view.load();
  return view.value.slice(view.valueStart, view.valueStart + view.valueLength);
}
