// A run of stream entries as bytes. An entry is its length, flags, an id that is close to the
// chunk's first one, and its fields; where it has the field names of the entry that the chunk was
// made for, its values alone. The idea is that of Redis's stream nodes (t_stream.c).
//
// What Redis counts of such a node is counted here as well, though nothing is stored that way: how
// many entries were removed, and how many bytes its listpack has. A node is full by these, and an
// approximate trim removes full nodes.
//
// Stamps are kept beside the ids: time as a distance from the chunk's, replica and birth only where
// they are not the chunk's own. Left out: moving entries between chunks.

import { type Bytes, ByteWriter, copyBytes } from "../base/bytes.js";
import type { ReplicaIndex, Time } from "../clock/stamp.js";
import { type FieldList, varintBytes } from "../lattice/stream-element.js";
import {
  compareIds,
  difference,
  idBytes,
  keptId,
  readId,
  type StreamId,
  writeId,
} from "../lattice/stream-id.js";
import { integerSize, listpackBytes, textSize } from "./listpack-size.js";

const flag = {
  /** The names are the chunk's. */
  sameNames: 1,
  /** The id stands in full. */
  longId: 2,
  /** The time is not the chunk's: a distance follows, backwards if `before` is set. */
  timed: 4,
  before: 8,
  /** Replica and birth follow. */
  foreign: 16,
  /** The replica that added the entry first follows: this is a copy (RENAME) of what it wrote. */
  tagged: 32,
} as const;

/** Redis's own limit on a node, whatever the settings say: bytes. */
export const nodeBytesMax = 1 << 30;

export interface EntryStamp {
  readonly time: Time;
  readonly replica: ReplicaIndex;
  readonly bornTime: Time;
  readonly bornReplica: ReplicaIndex;
}

/** Where a reader stands: an entry, taken apart as far as its fields. Also its id. */
export class EntryView implements StreamId, EntryStamp {
  chunk!: StreamChunk;
  /** The entry is `chunk.bytes[start, end)`; its fields begin at `fieldsAt`. */
  start = 0;
  end = 0;
  fieldsAt = 0;
  flags = 0;
  msHigh = 0;
  msLow = 0;
  seqHigh = 0;
  seqLow = 0;
  time: Time = 0;
  replica: ReplicaIndex = 0;
  bornTime: Time = 0;
  bornReplica: ReplicaIndex = 0;
  /** The replica that the entry is named by, beside its id. */
  tag: ReplicaIndex = 0;
  /** Names and values together, as `visitFields` gives them. */
  fieldCount = 0;

  /** Reads the head of the entry at an offset of a chunk. */
  read(chunk: StreamChunk, start: number): void {
    const { bytes } = chunk;
    this.chunk = chunk;
    this.start = start;
    at = start;
    const length = readVarint(bytes);
    this.end = at + length;
    this.flags = bytes[at++]!;
    this.#readId(chunk, bytes);
    this.#readStamp(chunk, bytes);
    const isSame = (this.flags & flag.sameNames) !== 0;
    this.fieldCount = isSame ? chunk.nameCount * 2 : readVarint(bytes) * 2;
    this.fieldsAt = at;
  }

  #readId(chunk: StreamChunk, bytes: Uint8Array): void {
    if ((this.flags & flag.longId) !== 0) {
      this.#setId(readId(bytes, at));
      at += idBytes;
      return;
    }
    const { first } = chunk;
    const low = first.msLow + readVarint(bytes);
    this.msHigh = first.msHigh + Math.floor(low / 0x1_0000_0000);
    this.msLow = low % 0x1_0000_0000;
    const seq = readVarint(bytes);
    this.seqHigh = Math.floor(seq / 0x1_0000_0000);
    this.seqLow = seq % 0x1_0000_0000;
  }

  #setId(id: StreamId): void {
    this.msHigh = id.msHigh;
    this.msLow = id.msLow;
    this.seqHigh = id.seqHigh;
    this.seqLow = id.seqLow;
  }

  #readStamp(chunk: StreamChunk, bytes: Uint8Array): void {
    this.time = chunk.time;
    if ((this.flags & flag.timed) !== 0) {
      const distance = readVarint(bytes);
      this.time += (this.flags & flag.before) !== 0 ? -distance : distance;
    }
    this.replica = chunk.replica;
    this.bornTime = chunk.bornTime;
    this.bornReplica = chunk.bornReplica;
    if ((this.flags & flag.foreign) !== 0) {
      this.replica = readVarint(bytes);
      this.bornTime = readVarint(bytes);
      this.bornReplica = readVarint(bytes);
    }
    this.tag = (this.flags & flag.tagged) !== 0 ? readVarint(bytes) : this.replica;
  }

  /** Gives names and values in turn, each as a range of some buffer. */
  visitFields(visit: (bytes: Uint8Array, start: number, length: number) => void): void {
    const { bytes, names } = this.chunk;
    const isSame = (this.flags & flag.sameNames) !== 0;
    let nameAt = 0;
    let valueAt = this.fieldsAt;
    for (let i = 0; i < this.fieldCount; i++) {
      const source = isSame && i % 2 === 0 ? names : bytes;
      at = source === names ? nameAt : valueAt;
      const length = readVarint(source);
      const start = at;
      if (source === names) nameAt = start + length;
      else valueAt = start + length;
      visit(source, start, length);
    }
  }

  /** The fields as the value of a cell. */
  value(): Bytes {
    const writer = new ByteWriter(this.end - this.start + this.chunk.names.length + 8);
    writer.varint(this.fieldCount / 2);
    this.visitFields((bytes, start, length) => {
      writer.varint(length).raw(bytes, start, start + length);
    });
    return writer.finish();
  }
}

/** Where `readVarint` reads; a second result would have to be an object. */
let at = 0;

function readVarint(bytes: Uint8Array): number {
  let value = bytes[at++]!;
  if (value < 0x80) return value;
  value &= 0x7f;
  for (let scale = 0x80; ; scale *= 0x80) {
    const byte = bytes[at++]!;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
  }
}

/** Room that a new chunk has; it grows by half. */
const bytesFirst = 64;

const pen = new ByteWriter(4096);
const idScratch = new Uint8Array(idBytes);

export class StreamChunk implements EntryStamp {
  bytes: Uint8Array;
  used = 0;
  /** Entries that are there. */
  count = 0;
  /** Entries that were removed one by one. */
  removed = 0;
  /** Entries with a birth that is not the chunk's. */
  foreignCount = 0;
  /** The id that the chunk was made for, which may be gone, and the highest it ever had. */
  first: StreamId;
  last: StreamId;
  readonly time: Time;
  readonly replica: ReplicaIndex;
  readonly bornTime: Time;
  readonly bornReplica: ReplicaIndex;
  readonly names: Uint8Array;
  readonly nameCount: number;
  /** Bytes of Redis's listpack but for its two counters. */
  packBytes: number;

  constructor(
    id: StreamId,
    stamp: EntryStamp,
    names: Uint8Array,
    nameCount: number,
    capacity = bytesFirst,
  ) {
    this.bytes = new Uint8Array(capacity);
    this.first = keptId(id);
    this.last = this.first;
    this.time = stamp.time;
    this.replica = stamp.replica;
    this.bornTime = stamp.bornTime;
    this.bornReplica = stamp.bornReplica;
    this.names = names;
    this.nameCount = nameCount;
    this.packBytes = listpackBytes + integerSize(nameCount) + integerSize(0);
    at = 0;
    for (let i = 0; i < nameCount; i++) {
      const length = readVarint(names);
      this.packBytes += textSize(names, at, length);
      at += length;
    }
  }

  /** A chunk for an entry, with the entry's names as its own. */
  static of(
    id: StreamId,
    stamp: EntryStamp,
    fields: FieldList,
    capacity = bytesFirst,
  ): StreamChunk {
    pen.clear();
    for (let i = 0; i < fields.count; i += 2) {
      const start = fields.starts[i]!;
      const length = fields.lengths[i]!;
      pen.varint(length).raw(fields.bytes, start, start + length);
    }
    return new StreamChunk(id, stamp, pen.finish(), fields.count / 2, capacity);
  }

  /** The size of Redis's listpack. */
  get listpackBytes(): number {
    return this.packBytes + integerSize(this.count) + integerSize(this.removed);
  }

  /**
   * Whether an entry with so many bytes of fields goes to a chunk of its own, as Redis decides; 0
   * stands for no limit but Redis's own.
   */
  isFull(fieldBytes: number, bytesMax: number, countMax: number): boolean {
    const limit = bytesMax === 0 || bytesMax > nodeBytesMax ? nodeBytesMax : bytesMax;
    if (this.listpackBytes + fieldBytes >= limit) return true;
    return countMax > 0 && this.count + this.removed >= countMax;
  }

  #hasNames(fields: FieldList): boolean {
    if (fields.count !== this.nameCount * 2) return false;
    at = 0;
    for (let i = 0; i < fields.count; i += 2) {
      const length = readVarint(this.names);
      if (length !== fields.lengths[i]!) return false;
      const start = fields.starts[i]!;
      for (let byte = 0; byte < length; byte++)
        if (this.names[at + byte] !== fields.bytes[start + byte]) return false;
      at += length;
    }
    return true;
  }

  /** Puts an entry at an offset: where another one begins, or at the end. */
  insert(
    offset: number,
    id: StreamId,
    stamp: EntryStamp,
    fields: FieldList,
    tag: ReplicaIndex = stamp.replica,
  ): void {
    const isSame = this.#hasNames(fields);
    pen.clear();
    const flagsBytes = this.#writeHead(id, stamp, tag, isSame);
    if (!isSame) pen.varint(fields.count / 2);
    for (let i = isSame ? 1 : 0; i < fields.count; i += isSame ? 2 : 1) {
      const start = fields.starts[i]!;
      const length = fields.lengths[i]!;
      pen.varint(length).raw(fields.bytes, start, start + length);
    }
    const { length } = pen;
    this.#makeRoom(offset, varintBytes(length) + length);
    const from = writeVarint(this.bytes, offset, length);
    copyBytes(this.bytes, from, pen.room(0), 0, length);
    this.count++;
    if ((flagsBytes & flag.foreign) !== 0) this.foreignCount++;
    this.packBytes += this.#packedEntry(id, fields, isSame);
    if (compareIds(id, this.last) > 0) this.last = keptId(id);
  }

  /** The bytes that Redis's listpack needs for an entry. */
  #packedEntry(id: StreamId, fields: FieldList, isSame: boolean): number {
    const { first } = this;
    let size = integerSize(0);
    size += integerSize(difference(id.msHigh, id.msLow, first.msHigh, first.msLow));
    size += integerSize(difference(id.seqHigh, id.seqLow, first.seqHigh, first.seqLow));
    const pairs = fields.count / 2;
    let parts = pairs + 3;
    if (!isSame) {
      size += integerSize(pairs);
      parts += pairs + 1;
    }
    for (let i = isSame ? 1 : 0; i < fields.count; i += isSame ? 2 : 1)
      size += textSize(fields.bytes, fields.starts[i]!, fields.lengths[i]!);
    return size + integerSize(parts);
  }

  #writeHead(id: StreamId, stamp: EntryStamp, tag: ReplicaIndex, isSame: boolean): number {
    const { first } = this;
    const ms = difference(id.msHigh, id.msLow, first.msHigh, first.msLow);
    const isShort = ms >= 0 && ms <= 0xffff_ffff_ffff && id.seqHigh < 0x1_0000;
    const distance = stamp.time - this.time;
    const isForeign =
      stamp.replica !== this.replica ||
      stamp.bornTime !== this.bornTime ||
      stamp.bornReplica !== this.bornReplica;
    let flags = isSame ? flag.sameNames : 0;
    if (!isShort) flags |= flag.longId;
    if (distance !== 0) flags |= flag.timed;
    if (distance < 0) flags |= flag.before;
    if (isForeign) flags |= flag.foreign;
    if (tag !== stamp.replica) flags |= flag.tagged;
    pen.u8(flags);
    if (isShort) {
      pen.varint(ms).varint(id.seqHigh * 0x1_0000_0000 + id.seqLow);
    } else {
      writeId(idScratch, 0, id);
      pen.raw(idScratch);
    }
    if (distance !== 0) pen.varint(Math.abs(distance));
    if (isForeign) pen.varint(stamp.replica).varint(stamp.bornTime).varint(stamp.bornReplica);
    if (tag !== stamp.replica) pen.varint(tag);
    return flags;
  }

  #makeRoom(offset: number, size: number): void {
    const { bytes, used } = this;
    if (used + size > bytes.length) {
      this.bytes = new Uint8Array(Math.max(used + size, Math.ceil(bytes.length * 1.5)));
      this.bytes.set(bytes.subarray(0, offset));
      this.bytes.set(bytes.subarray(offset, used), offset + size);
    } else if (offset < used) {
      bytes.copyWithin(offset + size, offset, used);
    }
    this.used += size;
  }

  /** Writes where the entries begin; answers how many there are. */
  writeOffsets(offsets: Int32Array): number {
    const { bytes, used } = this;
    let count = 0;
    for (at = 0; at < used; count++) {
      offsets[count] = at;
      const length = readVarint(bytes);
      at += length;
    }
    return count;
  }

  /** Takes an entry out. */
  remove(view: EntryView): void {
    const { start, end } = view;
    if (isForeign(view)) this.foreignCount--;
    this.bytes.copyWithin(start, end, this.used);
    this.used -= end - start;
    this.count--;
    this.removed++;
  }

  /** Nothing will be added: gives back what was reserved for more. */
  shrink(): void {
    if (this.bytes.length > this.used) this.bytes = this.bytes.slice(0, this.used);
  }

  /** A copy for another key: the same entries, all under one stamp. */
  copyAs(stamp: EntryStamp, fields: FieldList): StreamChunk {
    const copy = new StreamChunk(this.first, stamp, this.names, this.nameCount);
    for (let offset = 0; offset < this.used; offset = walker.end) {
      walker.read(this, offset);
      fields.read(walker.value());
      copy.insert(copy.used, walker, stamp, fields, walker.tag);
    }
    copy.removed = this.removed;
    copy.last = this.last;
    copy.packBytes = this.packBytes;
    return copy;
  }

  /** Whether the names and counters agree with the bytes; for tests. */
  verify(): boolean {
    let count = 0;
    let foreign = 0;
    let before: StreamId | undefined;
    for (let offset = 0; offset < this.used; offset = walker.end) {
      walker.read(this, offset);
      if (before !== undefined && compareIds(before, walker) > 0) return false;
      if (compareIds(walker, this.last) > 0) return false;
      before = keptId(walker);
      count++;
      if (isForeign(walker)) foreign++;
    }
    return count === this.count && foreign === this.foreignCount;
  }
}

const walker = new EntryView();

/** Whether the entry was added by another replica than the chunk's, or under another birth. */
const isForeign = (view: EntryView): boolean => (view.flags & flag.foreign) !== 0;

function writeVarint(bytes: Uint8Array, offset: number, value: number): number {
  let to = offset;
  let rest = value;
  while (rest >= 0x80) {
    bytes[to++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  bytes[to++] = rest;
  return to;
}
