// Byte strings, the writer and the reader. What the reader is given may be hostile: it answers
// every lie about a length with `MalformedBytes`, before it loops or allocates.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ByteReader,
  ByteWriter,
  compareBytes,
  equalBytes,
  fromLatin1,
  latin1,
  MalformedBytes,
  utf8,
} from "../../src/base/bytes.js";

const bytes = fc.uint8Array({ maxLength: 60 });

describe("byte strings", () => {
  test("latin1 is a reversible key, for short and long strings and for a part of one", () => {
    fc.assert(
      fc.property(bytes, fc.nat({ max: 60 }), fc.nat({ max: 60 }), (value, a, b) => {
        expect(fromLatin1(latin1(value))).toEqual(value);
        const [start, end] = [Math.min(a, b, value.length), Math.min(Math.max(a, b), value.length)];
        expect(latin1(value, start, end)).toBe(latin1(value.slice(start, end)));
      }),
    );
  });

  test("compareBytes is memcmp, then length, and agrees with the order of latin1 texts", () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        const [x, y] = [latin1(a), latin1(b)];
        expect(Math.sign(compareBytes(a, b))).toBe(x < y ? -1 : x > y ? 1 : 0);
        expect(Math.sign(compareBytes(a, b))).toBe(Math.sign(Buffer.compare(a, b)));
        expect(equalBytes(a, b)).toBe(x === y);
      }),
    );
  });
});

describe("writer and reader", () => {
  const double = fc.double().filter((value) => !Object.is(value, -0));

  test("what was written is read back, and nothing is left over", () => {
    const item = fc.record({
      u8: fc.nat({ max: 0xff }),
      u16: fc.nat({ max: 0xffff }),
      u32: fc.nat({ max: 0xffff_ffff }),
      f64: double,
      i64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      varint: fc.maxSafeNat(),
      bytes,
      text: fc.string({ unit: "grapheme" }),
    });
    fc.assert(
      fc.property(fc.array(item, { maxLength: 8 }), (items) => {
        const writer = new ByteWriter(1);
        for (const it of items) {
          writer.u8(it.u8).u16(it.u16).u32(it.u32).f64(it.f64);
          writer.i64(it.i64).varint(it.varint).bytes(it.bytes).text(it.text);
        }
        const reader = new ByteReader(writer.finish());
        const read = items.map(() => ({
          u8: reader.u8(),
          u16: reader.u16(),
          u32: reader.u32(),
          f64: reader.f64(),
          i64: reader.i64(),
          varint: reader.varint(),
          bytes: reader.bytes().slice(),
          text: reader.text(),
        }));
        reader.expectEnd();
        expect(read).toEqual(items);
      }),
    );
  });

  test("a reader over a part of a buffer stays inside it, and a patched length is read", () => {
    const writer = new ByteWriter(4).u8(9).u32(0).raw(utf8("abcdef"), 1, 4);
    writer.patchU32(1, 3);
    const all = writer.finish();
    const padded = new Uint8Array(all.length + 7);
    padded.set(all, 3);
    const reader = new ByteReader(padded, 3, 3 + all.length);
    expect([reader.u8(), reader.u32(), latin1(reader.raw(3))]).toEqual([9, 3, "bcd"]);
    reader.expectEnd();
    expect(() => reader.u8()).toThrow(MalformedBytes);
  });

  test("finish is a copy and view is not", () => {
    const writer = new ByteWriter(8).u8(1);
    const [copy, view] = [writer.finish(), writer.view()];
    writer.clear();
    writer.u8(2);
    expect([copy[0], view[0]]).toEqual([1, 2]);
  });

  test("every truncation of an input is malformed", () => {
    const writer = new ByteWriter().u8(1).u16(2).u32(3).f64(4).i64(5n).varint(300).text("seven");
    const whole = writer.finish();
    const readAll = (input: Uint8Array): void => {
      const reader = new ByteReader(input);
      reader.u8();
      reader.u16();
      reader.u32();
      reader.f64();
      reader.i64();
      reader.varint();
      reader.text();
      reader.expectEnd();
    };
    readAll(whole);
    for (let end = 0; end < whole.length; end++)
      expect(() => readAll(whole.slice(0, end))).toThrow(MalformedBytes);
    expect(() => readAll(new Uint8Array([...whole, 0]))).toThrow(MalformedBytes);
  });

  test("a count that cannot fit is refused before any loop", () => {
    const reader = () => new ByteReader(new ByteWriter().varint(4).u32(0).finish());
    expect(reader().count()).toBe(4);
    expect(() => reader().count(2)).toThrow(MalformedBytes);
    const huge = new ByteWriter().varint(Number.MAX_SAFE_INTEGER).finish();
    expect(() => new ByteReader(huge).count()).toThrow(MalformedBytes);
    expect(() => new ByteReader(huge).bytes()).toThrow(MalformedBytes);
  });

  test("a varint above 2^53 or without an end is malformed", () => {
    const above = new Uint8Array([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
    expect(() => new ByteReader(above).varint()).toThrow(MalformedBytes);
    expect(() => new ByteReader(new Uint8Array(20).fill(0x80)).varint()).toThrow(MalformedBytes);
  });
});
