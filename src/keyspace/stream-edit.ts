// Writing the stream under a key. A write is begun, done through these methods, and ended. Whoever
// wants the batch's delta is told of every element before it changes. A stream without entries is a
// stream still: its figures keep the key.

import type { Bytes } from "../base/bytes.js";
import type { Stamp } from "../clock/stamp.js";
import { type KeyEntry, slots } from "../lattice/key-entry.js";
import {
  consumerElement,
  encodeConsumer,
  encodeGroup,
  entryElement,
  type FieldList,
  figuresElement,
  type GroupFigures,
  groupElement,
  type PendingFigures,
  pendingElement,
  type StreamFigures,
} from "../lattice/stream-element.js";
import { compareIds, higherId, idMin, type StreamId } from "../lattice/stream-id.js";
import type { Ref } from "./arena.js";
import type { Database } from "./database.js";
import type { Keyspace } from "./keyspace.js";
import * as record from "./record.js";
import type { EntryStamp } from "./stream-chunk.js";
import { EntryCursor, type NodeLimits, type TrimRule } from "./stream-entries.js";
import type { StreamGroup } from "./stream-group.js";
import { StreamStore } from "./stream-store.js";
import { noDeadline } from "./text.js";

/** The stream under a visible record; undefined when the record holds another type. */
export function streamUnder(keyspace: Keyspace, ref: Ref): StreamStore | undefined {
  if (record.kindOf(keyspace.arena, ref) !== record.objectKind) return undefined;
  const entry = keyspace.entryOf(ref);
  const sole = entry.sole(slots.stream);
  if (sole !== undefined) return sole instanceof StreamStore && !sole.isBlank ? sole : undefined;
  if (entry.visibleSlot(keyspace.replicas) !== slots.stream) return undefined;
  return entry.slot(slots.stream) as StreamStore;
}

const cursor = new EntryCursor();

export class StreamEdit {
  #keyspace!: Keyspace;
  #db!: Database;
  #hash = 0;
  #key!: Bytes;
  #entry!: KeyEntry;
  store!: StreamStore;
  #stamp!: EntryStamp;
  /** The entry must be stored again at the end: it is new, or types clashed. */
  #isNew = false;

  /** Begins to write the stream under the visible record `ref`, or to make one for 0. */
  begin(keyspace: Keyspace, db: Database, hash: number, key: Bytes, ref: Ref): this {
    this.#keyspace = keyspace;
    this.#db = db;
    this.#hash = hash;
    this.#key = key;
    const there = ref !== 0 ? ref : db.keys.find(hash, key, 0, key.length);
    keyspace.willWrite(db, there, key, 0, key.length);
    this.#entry = keyspace.entryOrEmpty(there);
    const born = this.#open(ref);
    const { time, replica } = keyspace.stamp;
    this.#stamp = { time, replica, bornTime: born.time, bornReplica: born.replica };
    this.#remember(figuresElement);
    // The key is there as long as its figures are: a new stream has some from the beginning.
    if (this.store.figuresStamp === undefined && ref === 0) this.setFigures(this.store.figures);
    return this;
  }

  #open(ref: Ref): Stamp {
    const keyspace = this.#keyspace;
    const entry = this.#entry;
    const sole = ref === 0 ? undefined : entry.sole(slots.stream);
    this.#isNew = sole === undefined;
    if (sole !== undefined) {
      this.store = sole as StreamStore;
      return this.store.birth(keyspace.replicas)!;
    }
    const born = entry.prepare(keyspace.stamp, false, keyspace.replicas);
    if (entry.slot(slots.stream) === undefined)
      entry.adopt(slots.stream, new StreamStore(keyspace));
    this.store = entry.slot(slots.stream) as StreamStore;
    return born;
  }

  #remember(element: string): void {
    this.#entry.remember(slots.stream, element);
  }

  // ---- entries

  /** Appends an entry; its id must be above the last one. */
  add(id: StreamId, fields: FieldList, limits: NodeLimits): void {
    const { store } = this;
    const keyspace = this.#keyspace;
    if (this.#entry.isTracked)
      this.#remember(entryElement(id, keyspace.replicas.nameOf(keyspace.self)));
    store.append(id, this.#stamp, fields, limits);
    const { added, maxDeletedId } = store.figures;
    this.setFigures({ lastId: id, added: BigInt.asIntN(64, added + 1n), maxDeletedId });
  }

  setFigures(figures: StreamFigures): this {
    this.store.setFigures(figures, this.#stamp);
    return this;
  }

  /** Removes the entries of an id; false when there is none. */
  removeId(id: StreamId): boolean {
    const { store } = this;
    let isFound = false;
    // Several replicas may have added under one id.
    while (cursor.seek(store, id) && compareIds(cursor, id) === 0) {
      isFound = true;
      this.#remember(store.nameOf(cursor));
      store.removeEntry(cursor);
    }
    if (!isFound) return false;
    const { figures } = store;
    const maxDeletedId = higherId(figures.maxDeletedId, id);
    if (maxDeletedId !== figures.maxDeletedId) this.setFigures({ ...figures, maxDeletedId });
    return true;
  }

  /** Answers how many entries went. */
  trim(rule: TrimRule): number {
    const { store } = this;
    return store.trimEntries(rule, (view) => {
      if (this.#entry.isTracked) this.#remember(store.nameOf(view));
    });
  }

  // ---- groups

  setGroup(name: string, figures: GroupFigures): void {
    const { lastId, entriesRead } = figures;
    this.#set(groupElement(name), encodeGroup({ lastId, entriesRead }));
  }

  setConsumer(group: string, name: string, seenMs: number): void {
    this.#set(consumerElement(group, name), encodeConsumer(seenMs));
  }

  setPending(group: StreamGroup, id: StreamId, figures: PendingFigures): void {
    if (this.#entry.isTracked) this.#remember(pendingElement(group.name, id));
    this.store.setPending(group, id, figures, this.#stamp);
  }

  #set(element: string, value: Bytes): void {
    this.#remember(element);
    this.store.setGroupElement(element, this.#stamp, value);
  }

  /** Removes the pending entry of an id, which is there. */
  removePending(group: StreamGroup, id: StreamId): void {
    if (this.#entry.isTracked) this.#remember(pendingElement(group.name, id));
    this.store.removePending(group, id);
  }

  #remove(element: string): void {
    this.#remember(element);
    this.store.removeGroupElement(element);
  }

  /** Removes a consumer with all that is pending for it. */
  removeConsumer(group: StreamGroup, name: string): void {
    const consumer = group.consumer(name)!;
    for (const id of pendingIds(group, consumer.number)) this.removePending(group, id);
    this.#remove(consumerElement(group.name, name));
  }

  removeGroup(group: StreamGroup): void {
    for (const id of pendingIds(group, undefined)) this.removePending(group, id);
    for (const { name } of group.consumers()) this.#remove(consumerElement(group.name, name));
    this.#remove(groupElement(group.name));
  }

  /**
   * Ends the write. `changes` is what Redis counts; `isModified` says whether whoever watches or
   * waits for the key is told.
   */
  end(changes: number, isModified: boolean): void {
    const keyspace = this.#keyspace;
    if (this.#isNew) keyspace.storeEntry(this.#db, this.#hash, this.#key, this.#entry);
    if (isModified) {
      keyspace.dirty--;
      keyspace.didWrite(this.#db, this.#key, 0, this.#key.length);
    }
    keyspace.dirty += changes;
  }
}

/** Ids that are pending in a group, for one consumer or for all. */
function pendingIds({ pending }: StreamGroup, consumer: number | undefined): StreamId[] {
  const ids: StreamId[] = [];
  for (let has = pending.seek(idMin); has; has = pending.next())
    if (consumer === undefined || pending.consumer === consumer) ids.push(pending.id);
  return ids;
}

/** Writes under a key what a reader sees of a stream elsewhere, over whatever was seen there. */
export function copyStream(
  keyspace: Keyspace,
  source: StreamStore,
  db: Database,
  hash: number,
  key: Bytes,
  deadline: number,
): void {
  keyspace.edit(db, hash, key, (entry) => {
    const { stamp } = keyspace;
    const born = { bornTime: stamp.time, bornReplica: stamp.replica };
    // The source is another key: nothing of it goes by this.
    entry.clearAll(keyspace.self);
    if (entry.slot(slots.stream) === undefined)
      entry.adopt(slots.stream, new StreamStore(keyspace));
    const target = entry.slot(slots.stream) as StreamStore;
    if (entry.isTracked)
      for (const element of source.sortedElements()) entry.remember(slots.stream, element);
    target.copyFrom(source, { ...stamp, ...born });
    if (deadline !== noDeadline) entry.assignDeadline(deadline, stamp, stamp);
  });
}
