// A stream as a map of cells: how its elements are named and what their values say. The same names
// and bytes travel, are hashed and joined, whatever store keeps them.
//
//  - one cell for the stream itself: last id, entries ever added, highest deleted id. Where several
//    replicas wrote it unseen by each other, each figure is read as the highest of them;
//  - one cell per entry, named by its id and the replica that added it, so that two replicas may
//    add under one id and both entries survive;
//  - one per consumer group, per consumer, and per pending entry of a group.
//
// The first character tells them apart. Names are Latin-1 text, one character per byte; their order
// is the order of the entries.

import { ByteReader, type Bytes, ByteWriter, latin1, MalformedBytes } from "../base/bytes.js";
import { higherId, idBytes, idMin, readId, type StreamId, writeId } from "./stream-id.js";

export const elementKinds = {
  figures: 1,
  group: 2,
  consumer: 3,
  pending: 4,
  entry: 5,
} as const;

/** The element that holds the stream's own figures. */
export const figuresElement = "\x01";

const idName = (id: StreamId): string => {
  writeId(scratch, 0, id);
  return latin1(scratch, 0, idBytes);
};

const scratch = new Uint8Array(idBytes);

/** @param tag tells entries of one id apart: the name of the replica that added it. */
export const entryElement = (id: StreamId, tag: string): string => `\x05${idName(id)}${tag}`;

export const groupElement = (group: string): string => `\x02${group}`;

/** The length goes first, so that no two pairs have one name. */
const pair = (mark: string, group: string, rest: string): string => {
  const size = group.length;
  const bytes = [size >>> 24, size >>> 16, size >>> 8, size].map((byte) => byte & 0xff);
  return mark + String.fromCharCode(...bytes) + group + rest;
};

export const consumerElement = (group: string, consumer: string): string =>
  pair("\x03", group, consumer);

export const pendingElement = (group: string, id: StreamId): string =>
  pair("\x04", group, idName(id));

/** What a name says. `group`, `name` and `id` are there as the kind has them. */
export interface ParsedElement {
  readonly kind: (typeof elementKinds)[keyof typeof elementKinds];
  readonly group: string;
  /** The consumer's name, or an entry's tag. */
  readonly name: string;
  readonly id: StreamId;
}

/** Undefined when no write makes such a name. */
export function parseElement(element: string): ParsedElement | undefined {
  const kind = element.charCodeAt(0);
  const rest = element.slice(1);
  switch (kind) {
    case elementKinds.figures:
      return rest === "" ? { kind, group: "", name: "", id: idMin } : undefined;
    case elementKinds.group:
      return { kind, group: rest, name: "", id: idMin };
    case elementKinds.entry:
      if (rest.length < idBytes) return undefined;
      return { kind, group: "", name: rest.slice(idBytes), id: idOfName(rest) };
    case elementKinds.consumer:
    case elementKinds.pending: {
      const size = [0, 1, 2, 3].reduce((sum, at) => sum * 256 + rest.charCodeAt(at), 0);
      // NaN where the name is too short.
      if (!(size + 4 <= rest.length)) return undefined;
      const group = rest.slice(4, 4 + size);
      const name = rest.slice(4 + size);
      if (kind === elementKinds.consumer) return { kind, group, name, id: idMin };
      if (name.length !== idBytes) return undefined;
      return { kind, group, name: "", id: idOfName(name) };
    }
    default:
      return undefined;
  }
}

function idOfName(text: string): StreamId {
  for (let i = 0; i < idBytes; i++) scratch[i] = text.charCodeAt(i);
  return readId(scratch, 0);
}

// ---- values

/** The stream's own figures. */
export interface StreamFigures {
  readonly lastId: StreamId;
  /** Entries ever added: a signed integer of 64 bits. */
  readonly added: bigint;
  readonly maxDeletedId: StreamId;
}

export const noFigures: StreamFigures = { lastId: idMin, added: 0n, maxDeletedId: idMin };

const figuresBytes = 2 * idBytes + 8;

export function encodeFigures({ lastId, added, maxDeletedId }: StreamFigures): Bytes {
  const bytes = new Uint8Array(figuresBytes);
  writeId(bytes, 0, lastId);
  writeId(bytes, idBytes, maxDeletedId);
  new DataView(bytes.buffer).setBigInt64(2 * idBytes, added);
  return bytes;
}

export function decodeFigures(bytes: Bytes): StreamFigures | undefined {
  if (bytes.length !== figuresBytes) return undefined;
  const added = new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(2 * idBytes);
  return { lastId: readId(bytes, 0), maxDeletedId: readId(bytes, idBytes), added };
}

/** What a reader sees of figures that were written unseen by each other. */
export const higherFigures = (a: StreamFigures, b: StreamFigures): StreamFigures => ({
  lastId: higherId(a.lastId, b.lastId),
  added: maxOf(a.added, b.added),
  maxDeletedId: higherId(a.maxDeletedId, b.maxDeletedId),
});

/** `Math.max` takes no such numbers. */
function maxOf(a: bigint, b: bigint): bigint {
  if (a > b) return a;
  return b;
}

export interface GroupFigures {
  readonly lastId: StreamId;
  /** Entries read so far, -1 when that is not known. */
  readonly entriesRead: bigint;
}

const groupBytes = idBytes + 8;

export function encodeGroup({ lastId, entriesRead }: GroupFigures): Bytes {
  const bytes = new Uint8Array(groupBytes);
  writeId(bytes, 0, lastId);
  new DataView(bytes.buffer).setBigInt64(idBytes, entriesRead);
  return bytes;
}

export function decodeGroup(bytes: Bytes): GroupFigures | undefined {
  if (bytes.length !== groupBytes) return undefined;
  const entriesRead = new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(idBytes);
  return { lastId: readId(bytes, 0), entriesRead };
}

/** @param seenMs when the consumer was last heard of, Unix milliseconds. */
export const encodeConsumer = (seenMs: number): Bytes => new ByteWriter(8).f64(seenMs).finish();

export function decodeConsumer(bytes: Bytes): number | undefined {
  if (bytes.length !== 8) return undefined;
  const seenMs = new ByteReader(bytes).f64();
  return Number.isSafeInteger(seenMs) && !Object.is(seenMs, -0) ? seenMs : undefined;
}

export interface PendingFigures {
  /** Unix milliseconds. */
  readonly deliveredMs: number;
  readonly deliveries: bigint;
  readonly consumer: string;
}

export const encodePending = ({ deliveredMs, deliveries, consumer }: PendingFigures): Bytes =>
  new ByteWriter(24)
    .f64(deliveredMs)
    .i64(deliveries)
    .raw(Uint8Array.from(consumer, (character) => character.charCodeAt(0)))
    .finish();

export function decodePending(bytes: Bytes): PendingFigures | undefined {
  if (bytes.length < 16) return undefined;
  const reader = new ByteReader(bytes);
  const deliveredMs = reader.f64();
  const deliveries = reader.i64();
  if (!Number.isSafeInteger(deliveredMs) || Object.is(deliveredMs, -0)) return undefined;
  return { deliveredMs, deliveries, consumer: latin1(reader.raw(reader.remaining)) };
}

/**
 * Names and values of an entry in turn, as ranges of one buffer: filled from a command's arguments
 * or from a cell, and used again and again.
 */
export class FieldList {
  bytes: Uint8Array = new Uint8Array(0);
  /** Names and values together. */
  count = 0;
  starts: Int32Array = new Int32Array(16);
  lengths: Int32Array = new Int32Array(16);

  clear(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.count = 0;
  }

  push(start: number, length: number): void {
    if (this.count === this.starts.length) {
      this.starts = grown(this.starts);
      this.lengths = grown(this.lengths);
    }
    this.starts[this.count] = start;
    this.lengths[this.count++] = length;
  }

  /** Reads an entry's value; false when no write makes such bytes. */
  read(value: Bytes): boolean {
    this.clear(value);
    const reader = new ByteReader(value);
    let size = 0;
    try {
      const texts = reader.count(2) * 2;
      size = varintBytes(texts / 2);
      for (let left = texts; left > 0; left--) {
        const length = reader.varint();
        this.push(reader.offset, length);
        reader.raw(length);
        size += varintBytes(length) + length;
      }
      reader.expectEnd();
    } catch (error) {
      if (!(error instanceof MalformedBytes)) throw error;
      return false;
    }
    // A number in a second spelling is longer.
    return size === value.length;
  }

  /** The value of an entry's cell. */
  encode(): Bytes {
    const writer = new ByteWriter(64).varint(this.count / 2);
    for (let i = 0; i < this.count; i++) {
      const start = this.starts[i]!;
      const length = this.lengths[i]!;
      writer.varint(length).raw(this.bytes, start, start + length);
    }
    return writer.finish();
  }
}

function grown(from: Int32Array): Int32Array {
  const to = new Int32Array(from.length * 2);
  to.set(from);
  return to;
}

/** The length of an unsigned LEB128. */
export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}
