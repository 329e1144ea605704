// The primitives of RDB: lengths in one to nine bytes, strings that may be numbers or compressed by
// LZF, doubles. Every method throws rather than read past the end; nothing is allocated for a
// length that the input cannot hold. Format: Redis 7.0, rdb.c and lzf_d.c.

import { type Bytes, fromLatin1, latin1, MalformedBytes } from "../base/bytes.js";

/** The input ends inside of something. In a file that is still being read, more may follow. */
export class TruncatedBytes extends MalformedBytes {}

/** LZF cannot shrink by more: 264 bytes become three. */
const lzfGainMax = 100;

export class RdbReader {
  readonly #bytes: Bytes;
  readonly #view: DataView;
  at: number;
  readonly end: number;

  constructor(bytes: Bytes, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = start;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.at;
  }

  /** Where `count` bytes begin that are now taken. */
  #take(count: number): number {
    const { at } = this;
    if (count > this.end - at)
      throw new TruncatedBytes(`wanted ${count} bytes at ${at}, the input ends at ${this.end}`);
    this.at = at + count;
    return at;
  }

  u8(): number {
    return this.#bytes[this.#take(1)]!;
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#take(8), true);
  }

  /** A double of eight bytes. */
  f64(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  /** A view. */
  raw(count: number): Bytes {
    const at = this.#take(count);
    return this.#bytes.subarray(at, at + count);
  }

  /** A length; -1 - n for the string encoding n. */
  #length(): number {
    const first = this.u8();
    switch (first >> 6) {
      case 0:
        return first;
      case 1:
        return ((first & 0x3f) << 8) | this.u8();
      case 3:
        return -1 - (first & 0x3f);
      default:
        break;
    }
    if (first === 0x80) return this.#view.getUint32(this.#take(4), false);
    if (first !== 0x81) throw new MalformedBytes(`${first} begins no length`);
    const large = this.#view.getBigUint64(this.#take(8), false);
    if (large > BigInt(Number.MAX_SAFE_INTEGER)) throw new MalformedBytes("a length of 64 bits");
    return Number(large);
  }

  /** A plain length or number. */
  length(): number {
    const length = this.#length();
    return length < 0 ? -1 - length : length;
  }

  /** A length as the 64 bits that it may have. */
  word(): bigint {
    if (this.remaining > 0 && this.#bytes[this.at] === 0x81) {
      this.at++;
      return this.#view.getBigUint64(this.#take(8), false);
    }
    return BigInt(this.length());
  }

  /**
   * How many things follow, each of which takes at least `bytesEach`: more than the input could
   * hold are refused before anything is allocated for them.
   */
  count(bytesEach = 1): number {
    const count = this.length();
    if (count * bytesEach > this.remaining)
      throw new TruncatedBytes(`${count} things do not fit into ${this.remaining} bytes`);
    return count;
  }

  /** A string. The bytes may be a view of the input. */
  string(): Bytes {
    const length = this.#length();
    switch (length) {
      case -1:
        return fromLatin1(String((this.u8() << 24) >> 24));
      case -2:
        return fromLatin1(String(this.#view.getInt16(this.#take(2), true)));
      case -3:
        return fromLatin1(String(this.#view.getInt32(this.#take(4), true)));
      case -4:
        return this.#compressed();
      default:
        if (length < 0) throw new MalformedBytes(`${-1 - length} is no string encoding`);
        return this.raw(length);
    }
  }

  #compressed(): Bytes {
    const packedLength = this.length();
    const length = this.length();
    if (length > packedLength * lzfGainMax)
      throw new MalformedBytes("a compressed string claims to be larger than it can be");
    return expand(this.raw(packedLength), length);
  }

  /** A score as older versions write it: its digits behind their count. */
  doubleText(): number {
    const length = this.u8();
    if (length === 253) return Number.NaN;
    if (length === 254) return Number.POSITIVE_INFINITY;
    if (length === 255) return Number.NEGATIVE_INFINITY;
    const text = latin1(this.raw(length)).trim();
    const value = Number(text);
    if (text === "" || Number.isNaN(value)) throw new MalformedBytes("a score that is no number");
    return value;
  }
}

/** LZF: runs of literals, and copies of what was written before. */
export function expand(packed: Bytes, length: number): Bytes {
  const bytes = new Uint8Array(length);
  let from = 0;
  let to = 0;
  const next = (): number => {
    if (from >= packed.length) throw new MalformedBytes("a compressed string ends inside a copy");
    return packed[from++]!;
  };
  while (from < packed.length) {
    const control = next();
    if (control < 32) {
      const run = control + 1;
      if (from + run > packed.length || to + run > length)
        throw new MalformedBytes("a run of a compressed string reaches too far");
      bytes.set(packed.subarray(from, from + run), to);
      from += run;
      to += run;
      continue;
    }
    let run = control >> 5;
    if (run === 7) run += next();
    let source = to - ((control & 31) << 8) - next() - 1;
    run += 2;
    if (source < 0 || to + run > length)
      throw new MalformedBytes("a copy of a compressed string reaches too far");
    for (; run > 0; run--) bytes[to++] = bytes[source++]!; // They may overlap: byte by byte.
  }
  if (to !== length) throw new MalformedBytes("a compressed string of another length");
  return bytes;
}
