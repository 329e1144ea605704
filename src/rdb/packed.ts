// The compact blobs inside RDB strings, of every age: listpack (7.0), ziplist (2.6 to 6.2), zipmap
// (before 2.6), intset. Each is checked to the last byte while it is read, as Redis does when it
// sanitizes a payload: sizes, counts, terminators, lengths that must agree forwards and backwards.
// Formats: Redis 7.0, listpack.c, ziplist.c, zipmap.c, intset.c.

import { type Bytes, fromLatin1, MalformedBytes } from "../base/bytes.js";

const end = 0xff;
/** A count that the header could not hold. */
const unknownCount = 0xffff;

const demand = (isGood: boolean, what: string): void => {
  if (!isGood) throw new MalformedBytes(what);
};

const viewOf = (blob: Bytes): DataView =>
  new DataView(blob.buffer, blob.byteOffset, blob.byteLength);

const digits = (value: number | bigint): Bytes => fromLatin1(String(value));

// ---- listpack

const listpackHeader = 6;

/** The elements of a listpack, in order. */
export function readListpack(blob: Bytes): Bytes[] {
  const view = viewOf(blob);
  demand(blob.length > listpackHeader, "a listpack without a header");
  demand(view.getUint32(0, true) === blob.length, "a listpack of another size");
  const last = blob.length - 1;
  demand(blob[last] === end, "a listpack without an end");
  const elements: Bytes[] = [];
  let at = listpackHeader;
  while (at < last) {
    const [start, size] = listpackRange(blob, view, at, last);
    const next = at + size + backlengthBytes(size);
    demand(next <= last, "an element reaches past its listpack");
    demand(readBacklength(blob, next - 1, at) === size, "a listpack that disagrees backwards");
    elements.push(start < 0 ? listpackInteger(view, at) : blob.subarray(start, at + size));
    at = next;
  }
  const count = view.getUint16(4, true);
  demand(count === unknownCount || count === elements.length, "a listpack of another count");
  return elements;
}

/** Where an element's bytes begin, or -1 for a number; and its size with its head. */
function listpackRange(blob: Bytes, view: DataView, at: number, last: number): [number, number] {
  const first = blob[at]!;
  if (first < 0x80) return [-1, 1];
  if (first < 0xc0) return [at + 1, 1 + (first & 0x3f)];
  if (first < 0xe0) return [-1, 2];
  if (first < 0xf0) {
    demand(at + 2 <= last, "a length reaches past its listpack");
    return [at + 2, 2 + (((first & 0xf) << 8) | blob[at + 1]!)];
  }
  if (first === 0xf0) {
    demand(at + 5 <= last, "a length reaches past its listpack");
    return [at + 5, 5 + view.getUint32(at + 1, true)];
  }
  const bytes = integerBytes[first];
  if (bytes === undefined) throw new MalformedBytes(`${first} begins no element of a listpack`);
  return [-1, 1 + bytes];
}

const integerBytes: Readonly<Record<number, number>> = { 241: 2, 242: 3, 243: 4, 244: 8 };

function listpackInteger(view: DataView, at: number): Bytes {
  const first = view.getUint8(at);
  if (first < 0x80) return digits(first);
  if (first < 0xe0) {
    const value = ((first & 0x1f) << 8) | view.getUint8(at + 1);
    return digits(value >= 1 << 12 ? value - (1 << 13) : value);
  }
  return digits(readInteger(view, at + 1, integerBytes[first]!));
}

/** A signed little-endian integer of 1, 2, 3, 4 or 8 bytes. */
function readInteger(view: DataView, at: number, bytes: number): number | bigint {
  switch (bytes) {
    case 1:
      return view.getInt8(at);
    case 2:
      return view.getInt16(at, true);
    case 3:
      return view.getUint16(at, true) | (view.getInt8(at + 2) << 16);
    case 4:
      return view.getInt32(at, true);
    default:
      return view.getBigInt64(at, true);
  }
}

/** Bytes that say an element's size once more behind it. */
export function backlengthBytes(size: number): number {
  if (size < 0x80) return 1;
  if (size < 0x4000) return 2;
  if (size < 0x20_0000) return 3;
  return size < 0x1000_0000 ? 4 : 5;
}

/** Read from its last byte towards the front, seven bits each, the high bit saying more. */
function readBacklength(blob: Bytes, last: number, first: number): number {
  let size = 0;
  let scale = 1;
  for (let at = last; at >= first; at--) {
    size += (blob[at]! & 0x7f) * scale;
    if (blob[at]! < 0x80) return size;
    scale *= 0x80;
    if (last - at >= 4) break;
  }
  return -1;
}

// ---- ziplist

const ziplistHeader = 10;

/** The elements of a ziplist, in order. */
export function readZiplist(blob: Bytes): Bytes[] {
  const view = viewOf(blob);
  demand(blob.length > ziplistHeader, "a ziplist without a header");
  demand(view.getUint32(0, true) === blob.length, "a ziplist of another size");
  const last = blob.length - 1;
  demand(blob[last] === end, "a ziplist without an end");
  const elements: Bytes[] = [];
  let at = ziplistHeader;
  let before = -1;
  let beforeSize = 0;
  while (at < last) {
    const isLong = blob[at] === 0xfe;
    const head = at + (isLong ? 5 : 1);
    demand(head < last, "an element reaches past its ziplist");
    const claimed = isLong ? view.getUint32(at + 1, true) : blob[at]!;
    demand(claimed === beforeSize, "a ziplist that disagrees backwards");
    const next = readZiplistElement(blob, view, head, last, elements);
    before = at;
    beforeSize = next - at;
    at = next;
  }
  demand(view.getUint32(4, true) <= last, "a ziplist with its tail outside");
  demand(before < 0 || view.getUint32(4, true) === before, "a ziplist with another tail");
  const count = view.getUint16(8, true);
  demand(count === unknownCount || count === elements.length, "a ziplist of another count");
  return elements;
}

/** Reads the element whose encoding byte is at `head`; answers where the next one begins. */
function readZiplistElement(
  blob: Bytes,
  view: DataView,
  head: number,
  last: number,
  elements: Bytes[],
): number {
  const first = blob[head]!;
  if (first < 0xc0) {
    const headBytes = first < 0x40 ? 1 : first < 0x80 ? 2 : 5;
    const start = head + headBytes;
    demand(start <= last, "a length reaches past its ziplist");
    const length =
      headBytes === 1
        ? first
        : headBytes === 2
          ? ((first & 0x3f) << 8) | blob[head + 1]!
          : view.getUint32(head + 1, false);
    demand(start + length <= last, "an element reaches past its ziplist");
    elements.push(blob.subarray(start, start + length));
    return start + length;
  }
  if (first >= 0xf1 && first <= 0xfd) {
    elements.push(digits((first & 0xf) - 1));
    return head + 1;
  }
  const bytes = ziplistIntegerBytes[first];
  if (bytes === undefined) throw new MalformedBytes(`${first} begins no element of a ziplist`);
  demand(head + 1 + bytes <= last, "an element reaches past its ziplist");
  elements.push(digits(readInteger(view, head + 1, bytes)));
  return head + 1 + bytes;
}

const ziplistIntegerBytes: Readonly<Record<number, number>> = {
  ...{ 192: 2, 208: 4, 224: 8, 240: 3, 254: 1 },
};

// ---- zipmap

const longLength = 0xfe;

/** Fields and values of a zipmap, in turn. */
export function readZipmap(blob: Bytes): Bytes[] {
  const view = viewOf(blob);
  const last = blob.length - 1;
  demand(blob.length >= 2 && blob[last] === end, "a zipmap without an end");
  const pairs: Bytes[] = [];
  let at = 1;
  while (blob[at] !== end) {
    for (const isValue of [false, true]) {
      const headBytes = blob[at]! < longLength ? 1 : 5;
      const start = at + headBytes + (isValue ? 1 : 0);
      demand(start <= last, "a length reaches past its zipmap");
      const length = headBytes === 1 ? blob[at]! : view.getUint32(at + 1, true);
      const spare = isValue ? blob[start - 1]! : 0;
      demand(start + length + spare <= last, "an element reaches past its zipmap");
      pairs.push(blob.subarray(start, start + length));
      at = start + length + spare;
    }
  }
  demand(at === last, "a zipmap that ends early");
  demand(blob[0]! >= longLength || blob[0] === pairs.length / 2, "a zipmap of another count");
  return pairs;
}

// ---- intset

const intsetHeader = 8;

/** The members of an intset, which are in order and all different. */
export function readIntset(blob: Bytes): Bytes[] {
  const view = viewOf(blob);
  demand(blob.length > intsetHeader, "an intset without members");
  const width = view.getUint32(0, true);
  demand(width === 2 || width === 4 || width === 8, "an intset of an unknown width");
  const count = view.getUint32(4, true);
  demand(intsetHeader + count * width === blob.length, "an intset of another size");
  const members: Bytes[] = [];
  let last: number | bigint = 0;
  for (let i = 0; i < count; i++) {
    const value = readInteger(view, intsetHeader + i * width, width);
    demand(i === 0 || value > last, "an intset out of order");
    last = value;
    members.push(digits(value));
  }
  return members;
}
