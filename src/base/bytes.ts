// Byte strings: comparison, text at the edges, and a bounds-checked reader and writer for
// everything that is stored or sent. All integers are little-endian. The reader never trusts a
// length it was sent.

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: false });

export type Bytes = Uint8Array;

export const emptyBytes: Bytes = new Uint8Array(0);

export const utf8 = (text: string): Bytes => encoder.encode(text);

export const fromUtf8 = (bytes: Bytes): string => decoder.decode(bytes);

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

/** Appends to a growing buffer. `finish` hands out a copy of exactly what was written. */
export class ByteWriter {
  #bytes: Uint8Array;
  #view: DataView;
  length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  #reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#bytes[this.length++] = value;
    return this;
  }

  u16(value: number): this {
    this.#reserve(2);
    this.#view.setUint16(this.length, value, true);
    this.length += 2;
    return this;
  }

  u32(value: number): this {
    this.#reserve(4);
    this.#view.setUint32(this.length, value, true);
    this.length += 4;
    return this;
  }

  /** A float64: times (53-bit integers) and scores travel as this, exactly. */
  f64(value: number): this {
    this.#reserve(8);
    this.#view.setFloat64(this.length, value, true);
    this.length += 8;
    return this;
  }

  i64(value: bigint): this {
    this.#reserve(8);
    this.#view.setBigInt64(this.length, value, true);
    this.length += 8;
    return this;
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
    if (start === 0 && end === source.length) this.#bytes.set(source, this.length);
    else this.#bytes.set(source.subarray(start, end), this.length);
    this.length += count;
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
    this.#view.setUint32(at, value, true);
  }

  /** A view of what was written, valid until the next write. */
  view(): Bytes {
    return this.#bytes.subarray(0, this.length);
  }

  finish(): Bytes {
    return this.#bytes.slice(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }
}

/**
 * Reads what `ByteWriter` wrote. Every method throws `MalformedBytes` rather than read past the
 * end.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  offset: number;
  readonly end: number;

  constructor(bytes: Bytes, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
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

  u8(): number {
    return this.#bytes[this.#take(1)]!;
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#take(8), true);
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
    return decoder.decode(this.bytes());
  }

  /**
   * Fails unless everything was read: trailing bytes mean the two sides disagree about the format.
   */
  expectEnd(): void {
    if (this.offset !== this.end) throw new MalformedBytes(`${this.remaining} bytes left over`);
  }
}
