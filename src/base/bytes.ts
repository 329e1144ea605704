// Byte strings: comparison, text at the edges, and a bounds-checked reader and writer for
// everything that is stored or sent. All integers are little-endian. The reader never trusts a
// length it was sent.

import { copyWords, knownWordsOf, wordCopyMax, wordCopyMin, wordsOf } from "./words.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: false });

export type Bytes = Uint8Array;

export const emptyBytes: Bytes = new Uint8Array(0);

/** Below this length a loop over plain ASCII is quicker than the platform's codec. */
const shortLength = 40;

export function utf8(text: string): Bytes {
  const { length } = text;
  if (length > shortLength) return encoder.encode(text);
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x80) return encoder.encode(text);
    bytes[i] = code;
  }
  return bytes;
}

export function fromUtf8(bytes: Bytes): string {
  if (bytes.length > shortLength) return decoder.decode(bytes);
  let text = "";
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte >= 0x80) return decoder.decode(bytes);
    text += String.fromCharCode(byte);
  }
  return text;
}

/** One character per byte: an exact, reversible key for a Map whose keys are byte strings. */
export function latin1(bytes: Bytes, start = 0, end = bytes.length): string {
  if (end - start > 24)
    return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1");
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}

/** The inverse of `latin1`. */
export function fromLatin1(text: string): Bytes {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/**
 * Copies short runs by loop, long ones natively: a native call costs about as much as 96 bytes of
 * loop.
 */
export function copyBytes(
  target: Uint8Array,
  at: number,
  source: Uint8Array,
  start: number,
  length: number,
): void {
  if (length <= 96) {
    for (let i = 0; i < length; i++) target[at + i] = source[start + i]!;
    return;
  }
  target.set(source.subarray(start, start + length), at);
}

/** Copies bytes of any buffer, those of a request by words. */
export function copyGiven(
  target: Uint8Array,
  targetWords: DataView,
  at: number,
  source: Uint8Array,
  start: number,
  length: number,
): void {
  const words = length < wordCopyMin || length > wordCopyMax ? undefined : knownWordsOf(source);
  if (words === undefined) copyBytes(target, at, source, start, length);
  else copyWords(targetWords, at, words, start, length);
}

/** Lexicographic order of unsigned bytes, as memcmp and then by length. */
export function compareBytes(a: Bytes, b: Bytes): number {
  const common = Math.min(a.length, b.length);
  for (let i = 0; i < common; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export const equalBytes = (a: Bytes, b: Bytes): boolean =>
  a.length === b.length && compareBytes(a, b) === 0;

/**
 * Lexicographic order of UTF-16 units; the fixed order of names everywhere (never locale
 * dependent).
 */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Thrown by `ByteReader` when input ends early or a length lies. Callers at the edge turn it into a
 * Result.
 */
export class MalformedBytes extends Error {
  override readonly name = "MalformedBytes";
}

/** Eight-byte numbers go through here: a view per reader or writer costs more than the copy. */
const eight = new Uint8Array(8);
const eightView = new DataView(eight.buffer);

/**
 * Short-lived writers cut their first buffers from one block: a buffer of its own costs more than
 * what is written to it. A block goes when the last of its writers goes.
 */
const blockBytes = 64 * 1024;
let block = new ArrayBuffer(blockBytes);
let blockUsed = 0;

/** Writes a length of up to 53 bits as `ByteWriter.varint` does; answers where it ends. */
export function writeVarint(bytes: Uint8Array, start: number, value: number): number {
  let at = start;
  let rest = value;
  while (rest >= 0x80) {
    bytes[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  bytes[at++] = rest;
  return at;
}

/** Appends to a growing buffer. `finish` hands out a copy of exactly what was written. */
export class ByteWriter {
  #bytes: Uint8Array;
  #words: DataView | undefined;
  length = 0;

  /** @param capacity or the buffer to begin with. */
  constructor(capacity: number | Uint8Array = 256) {
    if (typeof capacity !== "number") {
      this.#bytes = capacity;
      return;
    }
    if (blockUsed + capacity > blockBytes) {
      block = new ArrayBuffer(Math.max(blockBytes, capacity));
      blockUsed = 0;
    }
    this.#bytes = new Uint8Array(block, blockUsed, capacity);
    blockUsed += capacity;
  }

  #reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.length));
    this.#bytes = grown;
    this.#words = undefined;
  }

  /**
   * The buffer with room for `count` more bytes at `length`, for a caller that writes them itself
   * and then moves `length`. Valid until the next write.
   */
  room(count: number): Uint8Array {
    this.#reserve(count);
    return this.#bytes;
  }

  /** What `room` answers, for copying and writing by words (words.ts). */
  get words(): DataView {
    this.#words ??= wordsOf(this.#bytes);
    return this.#words;
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#bytes[this.length++] = value;
    return this;
  }

  u16(value: number): this {
    this.#reserve(2);
    this.#bytes[this.length++] = value;
    this.#bytes[this.length++] = value >>> 8;
    return this;
  }

  u32(value: number): this {
    this.#reserve(4);
    this.length += 4;
    this.patchU32(this.length - 4, value);
    return this;
  }

  /** A float64: times (53-bit integers) and scores travel as this, exactly. */
  f64(value: number): this {
    eightView.setFloat64(0, value, true);
    const target = this.room(8);
    const at = this.length;
    for (let i = 0; i < 8; i++) target[at + i] = eight[i]!;
    this.length = at + 8;
    return this;
  }

  i64(value: bigint): this {
    eightView.setBigInt64(0, value, true);
    return this.raw(eight);
  }

  /** Unsigned LEB128, for numbers that are integers up to 2^53. */
  varint(value: number): this {
    this.#reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.length++] = rest;
    return this;
  }

  raw(source: Bytes, start = 0, end = source.length): this {
    const count = end - start;
    this.#reserve(count);
    copyBytes(this.#bytes, this.length, source, start, count);
    this.length += count;
    return this;
  }

  /** As `raw`, from a source of words. */
  copy(source: DataView, start: number, length: number): this {
    this.#reserve(length);
    const at = this.length;
    if (length > wordCopyMax)
      this.#bytes.set(new Uint8Array(source.buffer, source.byteOffset + start, length), at);
    else copyWords(this.words, at, source, start, length);
    this.length = at + length;
    return this;
  }

  /** A varint length, then the bytes. */
  bytes(source: Bytes): this {
    return this.varint(source.length).raw(source);
  }

  text(value: string): this {
    const { length } = value;
    if (length >= 0x40) return this.bytes(encoder.encode(value));
    this.#reserve(1 + length);
    const start = this.length;
    this.#bytes[start] = length;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code >= 0x80) return this.bytes(encoder.encode(value));
      this.#bytes[start + 1 + i] = code;
    }
    this.length = start + 1 + length;
    return this;
  }

  /** Overwrites four bytes written earlier, for a length that is known only afterwards. */
  patchU32(at: number, value: number): void {
    const bytes = this.#bytes;
    bytes[at] = value;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value >>> 16;
    bytes[at + 3] = value >>> 24;
  }

  /** A view of what was written, valid until the next write. */
  view(): Bytes {
    return this.#bytes.subarray(0, this.length);
  }

  finish(): Bytes {
    return this.#bytes.slice(0, this.length);
  }

  /** Starts again, with a small buffer if this one has grown beyond `keptBytes`. */
  clear(keptBytes = Number.POSITIVE_INFINITY): void {
    this.length = 0;
    if (this.#bytes.length <= keptBytes) return;
    this.#bytes = new Uint8Array(256);
    this.#words = undefined;
  }
}

/**
 * Reads what `ByteWriter` wrote. Every method throws `MalformedBytes` rather than read past the
 * end.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  offset: number;
  readonly end: number;

  constructor(bytes: Bytes, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.offset = start;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  #take(count: number): number {
    const at = this.offset;
    if (count < 0 || at + count > this.end) {
      throw new MalformedBytes(`wanted ${count} bytes at ${at}, the input ends at ${this.end}`);
    }
    this.offset = at + count;
    return at;
  }

  #takeEight(): void {
    const at = this.#take(8);
    const bytes = this.#bytes;
    for (let i = 0; i < 8; i++) eight[i] = bytes[at + i]!;
  }

  u8(): number {
    return this.#bytes[this.#take(1)]!;
  }

  u16(): number {
    const at = this.#take(2);
    return this.#bytes[at]! | (this.#bytes[at + 1]! << 8);
  }

  u32(): number {
    const at = this.#take(4);
    const bytes = this.#bytes;
    return (
      (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
    );
  }

  f64(): number {
    this.#takeEight();
    return eightView.getFloat64(0, true);
  }

  i64(): bigint {
    this.#takeEight();
    return eightView.getBigInt64(0, true);
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) throw new MalformedBytes("varint above 2^53");
        return value;
      }
      scale *= 0x80;
    }
    throw new MalformedBytes("varint longer than 8 bytes");
  }

  /**
   * A count of items that each take at least `bytesEach`: a count that cannot fit is refused before
   * any loop.
   */
  count(bytesEach = 1): number {
    const count = this.varint();
    if (count * bytesEach > this.remaining)
      throw new MalformedBytes(`count ${count} exceeds the input`);
    return count;
  }

  /** Passes over `count` bytes; answers where in the input they begin. */
  skip(count: number): number {
    return this.#take(count);
  }

  /** A view into the input, not a copy. */
  raw(count: number): Bytes {
    const at = this.#take(count);
    return this.#bytes.subarray(at, at + count);
  }

  /** A view into the input, not a copy. */
  bytes(): Bytes {
    return this.raw(this.varint());
  }

  text(): string {
    return fromUtf8(this.bytes());
  }

  /**
   * Fails unless everything was read: trailing bytes mean the two sides disagree about the format.
   */
  expectEnd(): void {
    if (this.offset !== this.end) throw new MalformedBytes(`${this.remaining} bytes left over`);
  }
}
