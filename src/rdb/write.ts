// The primitives of writing RDB: lengths, strings that may be numbers, and listpacks, as Redis 7.0
// writes them without compression (rdb.c, listpack.c).
//
// Left out: LZF, which a reader must know and a writer need not.

import { type Bytes, ByteWriter, latin1 } from "../base/bytes.js";
import { backlengthBytes } from "./packed.js";

/** Integers of at most eleven characters are stored as such. */
const integerLengthMax = 11;

/** A length in one, two, five or nine bytes. */
export function length(writer: ByteWriter, value: number): void {
  if (value < 0x40) writer.u8(value);
  else if (value < 0x4000) writer.u8(0x40 | (value >> 8)).u8(value);
  else {
    const isLarge = value > 0xffff_ffff;
    writer.u8(isLarge ? 0x81 : 0x80);
    for (let shift = isLarge ? 56 : 24; shift >= 0; shift -= 8)
      writer.u8(Math.floor(value / 2 ** shift) % 256);
  }
}

export function string(writer: ByteWriter, bytes: Bytes): void {
  const value = smallInteger(bytes);
  if (value === undefined) {
    length(writer, bytes.length);
    writer.raw(bytes);
  } else if (value >= -0x80 && value <= 0x7f) writer.u8(0xc0).u8(value & 0xff);
  else if (value >= -0x8000 && value <= 0x7fff) writer.u8(0xc1).u16(value & 0xffff);
  else writer.u8(0xc2).u32(value >>> 0);
}

/** The number that a text spells in its only way, if it has 32 bits. */
function smallInteger(bytes: Bytes): number | undefined {
  if (bytes.length > integerLengthMax) return undefined;
  const value = integer(bytes);
  return value !== undefined && value === BigInt.asIntN(32, value) ? Number(value) : undefined;
}

const longestInteger = 20;

/** The number of 64 bits that a text spells in its only way. */
export function integer(bytes: Bytes): bigint | undefined {
  if (bytes.length === 0 || bytes.length > longestInteger) return undefined;
  const text = latin1(bytes);
  if (!/^(0|-?[1-9]\d*)$/.test(text)) return undefined;
  const value = BigInt(text);
  return value === BigInt.asIntN(64, value) ? value : undefined;
}

// ---- listpacks

export function listpack(elements: readonly Bytes[]): Bytes {
  const writer = new ByteWriter();
  writer.u32(0).u16(Math.min(elements.length, 0xffff));
  for (const element of elements) {
    const start = writer.length;
    listpackElement(writer, element);
    backlength(writer, writer.length - start);
  }
  writer.u8(0xff);
  writer.patchU32(0, writer.length);
  return writer.finish();
}

function listpackElement(writer: ByteWriter, bytes: Bytes): void {
  const value = integer(bytes);
  if (value !== undefined) {
    listpackInteger(writer, value);
    return;
  }
  const { length: size } = bytes;
  if (size < 0x40) writer.u8(0x80 | size);
  else if (size < 0x1000) writer.u8(0xe0 | (size >> 8)).u8(size & 0xff);
  else writer.u8(0xf0).u32(size);
  writer.raw(bytes);
}

function listpackInteger(writer: ByteWriter, value: bigint): void {
  if (value >= 0n && value < 0x80n) writer.u8(Number(value));
  else if (value === BigInt.asIntN(13, value)) {
    const bits = Number(BigInt.asUintN(13, value));
    writer.u8(0xc0 | (bits >> 8)).u8(bits & 0xff);
  } else if (value === BigInt.asIntN(16, value))
    writer.u8(0xf1).u16(Number(BigInt.asUintN(16, value)));
  else if (value === BigInt.asIntN(24, value)) {
    const bits = Number(BigInt.asUintN(24, value));
    writer
      .u8(0xf2)
      .u16(bits & 0xffff)
      .u8(bits >> 16);
  } else if (value === BigInt.asIntN(32, value))
    writer.u8(0xf3).u32(Number(BigInt.asUintN(32, value)));
  else writer.u8(0xf4).i64(value);
}

/** The size once more, seven bits to a byte, so that it can be read from behind. */
function backlength(writer: ByteWriter, size: number): void {
  for (let bytes = backlengthBytes(size), i = bytes - 1; i >= 0; i--) {
    const bits = Math.floor(size / 0x80 ** i) % 0x80;
    writer.u8(i === bytes - 1 ? bits : bits | 0x80);
  }
}
