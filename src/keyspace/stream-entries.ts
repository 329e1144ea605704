// The entries of a stream in the order of their ids, in chunks (stream-chunk.ts). An id is found by
// bisection over the chunks and then by one walk through a chunk, which has a hundred entries or
// four kilobytes unless settings say otherwise. Entries of one id, which only several replicas can
// add, stand in the order of the names of their replicas.
//
// A cursor is valid until the next change that is not its own. Left out: joining sparse chunks;
// Redis leaves them as they are, too.

import type { ReplicaTable } from "../clock/replica-table.js";
import type { ReplicaIndex } from "../clock/stamp.js";
import { FieldList } from "../lattice/stream-element.js";
import { compareIds, idMin, keptId, type StreamId } from "../lattice/stream-id.js";
import { countRadixNodes } from "./radix-nodes.js";
import { type EntryStamp, EntryView, StreamChunk } from "./stream-chunk.js";

/** What Redis's settings are by default. */
const nodeBytesDefault = 4096;
const nodeCountDefault = 100;

/** How many entries and bytes a chunk may have: `stream-node-max-entries` and `-bytes`. */
export interface NodeLimits {
  readonly bytesMax: number;
  readonly countMax: number;
}

export const defaultLimits: NodeLimits = {
  bytesMax: nodeBytesDefault,
  countMax: nodeCountDefault,
};

/** Stands at one entry after the other, in either direction. */
export class EntryCursor extends EntryView {
  #entries: StreamEntries | undefined;
  #chunk = 0;
  /** Where the entries of the chunk begin, and the place among them. */
  #offsets = new Int32Array(128);
  #count = 0;
  #place = 0;

  /** Stands at the first entry that is not below `id`. False when there is none. */
  seek(entries: StreamEntries, id: StreamId): boolean {
    this.#entries = entries;
    this.#chunk = entries.chunkFor(id);
    if (!this.#load()) return this.#fail();
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >> 1;
      this.read(this.chunk, this.#offsets[middle]!);
      if (compareIds(this, id) < 0) low = middle + 1;
      else high = middle;
    }
    this.#place = low - 1;
    return this.next();
  }

  /** Stands at the last entry that is not above `id`. False when there is none. */
  seekLast(entries: StreamEntries, id: StreamId): boolean {
    if (this.seek(entries, id)) {
      // Several entries may have the id.
      while (compareIds(this, id) <= 0) if (!this.next()) return this.last(entries);
      return this.previous();
    }
    return this.last(entries);
  }

  last(entries: StreamEntries): boolean {
    this.#entries = entries;
    this.#chunk = entries.chunks.length;
    this.#count = 0;
    this.#place = 0;
    return this.previous();
  }

  next(): boolean {
    if (++this.#place >= this.#count) return this.#nextChunk();
    this.read(this.chunk, this.#offsets[this.#place]!);
    return true;
  }

  #nextChunk(): boolean {
    while (++this.#chunk < this.#entries!.chunks.length) {
      if (!this.#load() || this.#count === 0) continue;
      this.#place = 0;
      this.read(this.chunk, 0);
      return true;
    }
    return this.#fail();
  }

  previous(): boolean {
    while (--this.#place < 0) {
      this.#chunk--;
      if (this.#chunk < 0 || !this.#load()) return this.#fail();
      this.#place = this.#count;
    }
    this.read(this.chunk, this.#offsets[this.#place]!);
    return true;
  }

  #fail(): boolean {
    this.#entries = undefined;
    return false;
  }

  /** Learns where the entries of the chunk begin. */
  #load(): boolean {
    const chunk = this.#entries!.chunks[this.#chunk];
    if (chunk === undefined) return false;
    this.chunk = chunk;
    if (chunk.count > this.#offsets.length) this.#offsets = new Int32Array(chunk.count * 2);
    this.#count = chunk.writeOffsets(this.#offsets);
    return true;
  }

  /** Takes the entry stood at out of its chunk; the cursor stands nowhere afterwards. */
  remove(): void {
    this.#entries!.removeAt(this.#chunk, this);
    this.#fail();
  }
}

/** What a trim keeps: the newest `lengthMax` entries, or those from an id on. */
export interface TrimRule {
  readonly lengthMax: number | undefined;
  readonly idMin: StreamId;
  /** Whole chunks only. */
  readonly isApproximate: boolean;
  /** Entries looked at, 0 for no limit. */
  readonly limit: number;
}

const scratch = new EntryView();
const moved = new FieldList();
const finder = new EntryCursor();

export class StreamEntries {
  chunks: StreamChunk[] = [];
  /** Entries that are there. */
  entryCount = 0;

  /** The chunk in which an id is, or would be: the last one whose first id is not above. */
  chunkFor(id: StreamId): number {
    const { chunks } = this;
    let low = 0;
    let high = chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      // Of several entries with one id the first may stand at the end of the chunk before.
      if (compareIds(chunks[middle]!.first, id) < 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The id of the first entry, 0-0 when there is none. */
  get firstId(): StreamId {
    const chunk = this.chunks.find(({ count }) => count > 0);
    if (chunk === undefined) return idMin;
    scratch.read(chunk, 0);
    return keptId(scratch);
  }

  /** The id of the last entry, 0-0 when there is none. */
  get topId(): StreamId {
    return finder.last(this) ? keptId(finder) : idMin;
  }

  /** Whether an entry of this id is there. */
  has(id: StreamId): boolean {
    return finder.seek(this, id) && compareIds(finder, id) === 0;
  }

  /** Puts an entry behind all others. */
  appendEntry(
    id: StreamId,
    stamp: EntryStamp,
    fields: FieldList,
    limits: NodeLimits,
    tag: ReplicaIndex = stamp.replica,
  ): void {
    let chunk = this.chunks[this.chunks.length - 1];
    if (chunk?.isFull(fieldBytesOf(fields), limits.bytesMax, limits.countMax) !== false) {
      chunk?.shrink();
      // The next chunk will most likely need as much as this one did.
      chunk = StreamChunk.of(id, stamp, fields, chunk?.used);
      this.chunks.push(chunk);
    }
    chunk.insert(chunk.used, id, stamp, fields, tag);
    this.entryCount++;
  }

  /** Puts an entry where its id and its replica's name belong. */
  insertEntry(
    id: StreamId,
    stamp: EntryStamp,
    fields: FieldList,
    tag: ReplicaIndex,
    replicas: ReplicaTable,
    limits: NodeLimits,
  ): void {
    const lastChunk = this.chunks[this.chunks.length - 1];
    if (lastChunk === undefined || compareIds(id, lastChunk.last) > 0) {
      this.appendEntry(id, stamp, fields, limits, tag);
      return;
    }
    const { chunks } = this;
    const name = replicas.nameOf(tag);
    const isBefore = (): boolean => {
      const order = compareIds(scratch, id);
      return order < 0 || (order === 0 && replicas.nameOf(scratch.tag) < name);
    };
    let index = this.chunkFor(id);
    let offset = 0;
    for (;;) {
      offset = this.#placeIn(chunks[index]!, isBefore);
      if (offset < chunks[index]!.used || index + 1 === chunks.length) break;
      // The next chunk may begin with entries of the same id that stand before.
      const next = chunks[index + 1]!;
      if (next.count === 0) break;
      scratch.read(next, 0);
      if (!isBefore()) break;
      index++;
    }
    this.#insertInto(index, offset, id, stamp, fields, tag, limits);
    this.entryCount++;
  }

  /** Where the first entry of a chunk begins that does not stand before. */
  #placeIn(chunk: StreamChunk, isBefore: () => boolean): number {
    let offset = 0;
    while (offset < chunk.used) {
      scratch.read(chunk, offset);
      if (!isBefore()) break;
      offset = scratch.end;
    }
    return offset;
  }

  /** A full chunk is parted where the entry belongs. */
  #insertInto(
    index: number,
    offset: number,
    id: StreamId,
    stamp: EntryStamp,
    fields: FieldList,
    tag: ReplicaIndex,
    limits: NodeLimits,
  ): void {
    const { chunks } = this;
    const chunk = chunks[index]!;
    if (!chunk.isFull(fieldBytesOf(fields), limits.bytesMax, limits.countMax)) {
      chunk.insert(offset, id, stamp, fields, tag);
      // A chunk's first id is never above that of an entry.
      if (compareIds(id, chunk.first) < 0) chunks[index] = this.#copied(chunk, 0)!;
      return;
    }
    const before = this.#copied(chunk, 0, offset);
    const behind = this.#copied(chunk, offset);
    const fresh = StreamChunk.of(id, stamp, fields);
    fresh.insert(0, id, stamp, fields, tag);
    const parts = [before, fresh, behind].filter((part) => part !== undefined);
    chunks.splice(index, 1, ...parts);
  }

  #copied(chunk: StreamChunk, from: number, to = chunk.used): StreamChunk | undefined {
    let copy: StreamChunk | undefined;
    for (let offset = from; offset < to; offset = scratch.end) {
      scratch.read(chunk, offset);
      moved.read(scratch.value());
      copy ??= StreamChunk.of(scratch, scratch, moved);
      copy.insert(copy.used, scratch, scratch, moved, scratch.tag);
    }
    return copy;
  }

  /** Takes out the entry that a view stands at; a chunk without entries goes. */
  removeAt(index: number, view: EntryView): void {
    const chunk = this.chunks[index]!;
    chunk.remove(view);
    this.entryCount--;
    if (chunk.count === 0) this.chunks.splice(index, 1);
  }

  /**
   * Removes the oldest entries as Redis does, chunk by chunk; `each` hears of every entry before it
   * goes. Answers how many went.
   */
  trim(rule: TrimRule, each: (view: EntryView) => void): number {
    const before = this.entryCount;
    let whole = 0;
    for (const chunk of this.chunks) {
      if (rule.lengthMax !== undefined && this.entryCount <= rule.lengthMax) break;
      const removed = before - this.entryCount;
      if (rule.limit > 0 && removed + chunk.count > rule.limit) break;
      if (!this.#isOutside(chunk, rule)) {
        if (!rule.isApproximate) this.#trimInside(chunk, rule, each);
        break;
      }
      let offset = 0;
      while (offset < chunk.used) {
        scratch.read(chunk, offset);
        offset = scratch.end;
        each(scratch);
      }
      this.entryCount -= chunk.count;
      whole++;
    }
    this.chunks.splice(0, whole);
    return before - this.entryCount;
  }

  #isOutside(chunk: StreamChunk, { lengthMax, idMin: lowest }: TrimRule): boolean {
    if (lengthMax !== undefined) return this.entryCount - chunk.count >= lengthMax;
    return compareIds(chunk.last, lowest) < 0;
  }

  /** Redis keeps a node that it emptied this way, and so do we. */
  #trimInside(chunk: StreamChunk, rule: TrimRule, each: (view: EntryView) => void): void {
    while (chunk.used > 0) {
      scratch.read(chunk, 0);
      const isDone =
        rule.lengthMax !== undefined
          ? this.entryCount <= rule.lengthMax
          : compareIds(scratch, rule.idMin) >= 0;
      if (isDone) return;
      each(scratch);
      scratch.read(chunk, 0);
      chunk.remove(scratch);
      this.entryCount--;
    }
  }

  /** Whether chunks and entries ascend and are counted right; for tests. */
  verifyEntries(replicas: ReplicaTable): boolean {
    let count = 0;
    let last: StreamId | undefined;
    let lastName = "";
    for (const chunk of this.chunks) {
      if (!chunk.verify()) return false;
      count += chunk.count;
      if (last !== undefined && compareIds(chunk.first, last) < 0) return false;
      for (let offset = 0; offset < chunk.used; offset = scratch.end) {
        scratch.read(chunk, offset);
        const order = last === undefined ? 1 : compareIds(scratch, last);
        const name = replicas.nameOf(scratch.tag);
        if (order < 0 || (order === 0 && name <= lastName)) return false;
        if (compareIds(scratch, chunk.first) < 0) return false;
        last = keptId(scratch);
        lastName = name;
      }
    }
    return count === this.entryCount;
  }

  /**
   * Nodes of the radix tree that Redis would keep the chunks in: a leaf for each, one for every
   * fork, and one for every stretch of bytes without a fork.
   */
  radixNodeCount(): number {
    return countRadixNodes(this.chunks.map(({ first }) => first));
  }
}

const fieldBytesOf = (fields: FieldList): number => {
  let sum = 0;
  for (let i = 0; i < fields.count; i++) sum += fields.lengths[i]!;
  return sum;
};
