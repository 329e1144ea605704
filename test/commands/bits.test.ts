// Bitmaps: replies as redis-server 7.0.15 gives them, and the word-wise loops against plain ones.

import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { combineBits, countBits, findBit } from "../../src/base/bits.js";
import { Bench } from "./harness.js";

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});

const run = (line: string) => bench.run(...line.split(" "));

const offsetError = { error: "ERR bit offset is not an integer or out of range" };
const syntax = { error: "ERR syntax error" };
const notInteger = { error: "ERR value is not an integer or out of range" };

describe("single bits", () => {
  test("SETBIT and GETBIT", () => {
    expect(run("setbit k 7 1")).toBe(0);
    expect(run("get k")).toBe("\x01");
    expect(run("setbit k 7 1")).toBe(1);
    expect(run("setbit k 7 0")).toBe(1);
    expect(run("getbit k 7")).toBe(0);
    expect(run("setbit k 20 0")).toBe(0);
    expect(run("strlen k")).toBe(3);
    expect(run("getbit k 1000000")).toBe(0);
    expect(run("getbit none 0")).toBe(0);
    run("incr n");
    expect(run("getbit n 2")).toBe(1);
    expect(run("setbit n 6 1")).toBe(0);
    expect(run("get n")).toBe("3");
  });

  test("refusals", () => {
    for (const offset of ["-1", "x", "4294967296", "99999999999999999999"]) {
      expect(run(`setbit k ${offset} 1`)).toEqual(offsetError);
      expect(run(`getbit k ${offset}`)).toEqual(offsetError);
    }
    for (const bit of ["2", "-1", "x"]) {
      expect(run(`setbit k 0 ${bit}`)).toEqual({
        error: "ERR bit is not an integer or out of range",
      });
    }
    expect(run("exists k")).toBe(0);
  });
});

describe("BITCOUNT and BITPOS", () => {
  test.each([
    ["bitcount k", 26],
    ["bitcount k 0 0", 4],
    ["bitcount k 1 1", 6],
    ["bitcount k 5 30 bit", 17],
    ["bitcount k -2 -1", 7],
    ["bitcount k 3 1", 0],
    ["bitcount k -1 -3", 0],
    ["bitcount k 0 -1 byte", 26],
    ["bitcount k 100 200", 0],
    ["bitcount none 1 2 3", 0],
    ["bitcount k 1", syntax],
    ["bitcount k 0 1 hello", syntax],
    ["bitcount k a b", notInteger],
  ])("%s", (line, answer) => {
    run("set k foobar");
    expect(run(line)).toEqual(answer);
  });

  test.each([
    ["\xff\xf0\x00", "0", 12],
    ["\x00\xff\xf0", "1 0", 8],
    ["\x00\xff\xf0", "1 2", 16],
    ["\x00\x00\x00", "1", -1],
    ["\xff\xff\xff", "0", 24],
    ["\xff\xff\xff", "0 0", 24],
    ["\xff\xff\xff", "0 0 -1", -1],
    ["\xff\xff\xff", "0 5 10", -1],
    ["\x00\xff\xf0", "1 7 15 bit", 8],
    ["\x00\xff\xf0", "1 7 -3 bit", 8],
    ["\x00\xff\xf0", "0 8 15 bit", -1],
    ["\xff\xf7\xff", "0 9 20 bit", 12],
    ["", "0", -1],
  ])("BITPOS %j %s", (value, range, answer) => {
    bench.run("set", "k", value);
    expect(run(`bitpos k ${range}`)).toBe(answer);
  });

  test("BITPOS of a missing key and its refusals", () => {
    expect(run("bitpos none 0")).toBe(0);
    expect(run("bitpos none 1")).toBe(-1);
    expect(run("bitpos none 2")).toEqual({ error: "ERR The bit argument must be 1 or 0." });
    run("set k x");
    expect(run("bitpos k 1 a")).toEqual(notInteger);
    expect(run("bitpos k 1 0 1 bits")).toEqual(syntax);
    expect(run("bitpos k 1 0 1 bit x")).toEqual(syntax);
  });
});

test("BITOP", () => {
  bench.run("mset", "a", "foobar", "b", "abc");
  expect(run("bitop and t a b")).toBe(6);
  expect(run("get t")).toBe("`bc\0\0\0");
  expect(run("bitop or t a none b")).toBe(6);
  expect(run("bitop xor t a a")).toBe(6);
  expect(run("get t")).toBe("\0".repeat(6));
  expect(run("bitop not t b")).toBe(3);
  expect(run("get t")).toBe("\x9e\x9d\x9c");
  expect(run("bitop and t none none")).toBe(0);
  expect(run("exists t")).toBe(0);
  expect(run("bitop not t a b")).toEqual({
    error: "ERR BITOP NOT must be called with a single source key.",
  });
  expect(run("bitop nand t a b")).toEqual(syntax);
});

describe("BITFIELD", () => {
  test.each([
    ["set u8 0 255 get u8 0", [0, 255]],
    ["set i8 0 -1 get u8 0", [0, 255]],
    ["incrby u2 100 1 incrby u2 100 1 incrby u2 100 1 incrby u2 100 1", [1, 2, 3, 0]],
    ["overflow sat incrby u2 0 5 overflow fail incrby u2 0 1", [3, null]],
    ["overflow sat set i4 0 -100 get i4 0", [0, -8]],
    ["set u8 #1 65 get u8 8", [0, 65]],
    ["set i64 0 -9223372036854775808 incrby i64 0 -1", [0, 9223372036854775807n]],
    ["overflow sat set i61 0 -8070450532247928833 get i61 0", [0, 1152921504606846975n]],
    ["get u63 1000000", [0]],
    ["set u5 7 23 get u5 7 get u16 0", [0, 23, 0b0000_0001_0111_0000]],
  ])("%s", (operations, answer) => {
    expect(run(`bitfield k ${operations}`)).toEqual(answer);
  });

  test("refusals leave nothing behind", () => {
    const type = {
      error:
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
    };
    expect(run("bitfield k set u64 0 1")).toEqual(type);
    expect(run("bitfield k set i65 0 1")).toEqual(type);
    expect(run("bitfield k set x8 0 1")).toEqual(type);
    expect(run("bitfield k set u8 -1 1")).toEqual(offsetError);
    expect(run("bitfield k set u8 0 x")).toEqual(notInteger);
    expect(run("bitfield k set u8 0")).toEqual(syntax);
    expect(run("bitfield k overflow none")).toEqual({
      error: "ERR Invalid OVERFLOW type specified",
    });
    expect(run("bitfield_ro k set u8 0 1")).toEqual({
      error: "ERR BITFIELD_RO only supports the GET subcommand",
    });
    expect(run("exists k")).toBe(0);
    expect(run("bitfield_ro k get u8 0")).toEqual([0]);
    expect(run("bitfield k")).toEqual([]);
    expect(run("exists k")).toBe(0);
  });

  test("what is set is read back, whatever the width and the place", () => {
    const field = fc.record({
      isSigned: fc.boolean(),
      width: fc.integer({ min: 1, max: 63 }),
      offset: fc.nat({ max: 70 }),
      value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    });
    fc.assert(
      fc.property(fc.string({ unit: "binary-ascii", maxLength: 20 }), field, (text, each) => {
        const { isSigned, width, offset, value } = each;
        bench.run("set", "k", text);
        const type = `${isSigned ? "i" : "u"}${width}`;
        bench.run("bitfield", "k", "set", type, offset, value.toString());
        const read = bench.run("bitfield", "k", "get", type, offset) as [number | bigint];
        const wanted = isSigned ? BigInt.asIntN(width, value) : BigInt.asUintN(width, value);
        expect(BigInt(read[0])).toBe(wanted);
        const around = bench.run("get", "k") as string;
        const bits = (s: string) =>
          [...s].map((c) => c.charCodeAt(0).toString(2).padStart(8, "0")).join("");
        const before = bits(text.padEnd(around.length, "\0"));
        expect(bits(around).slice(0, offset)).toBe(before.slice(0, offset));
        expect(bits(around).slice(offset + width)).toBe(before.slice(offset + width));
      }),
    );
  });
});

describe("the loops over words agree with loops over bits", () => {
  const bytes = fc.uint8Array({ maxLength: 300, size: "max" });
  const bitsOf = (source: Uint8Array): number[] =>
    [...source].flatMap((byte) => [...byte.toString(2).padStart(8, "0")].map(Number));

  test("counting, from every alignment", () => {
    fc.assert(
      fc.property(bytes, fc.nat({ max: 7 }), (source, start) => {
        const from = Math.min(start, source.length);
        const plain = bitsOf(source.subarray(from)).reduce((sum, bit) => sum + bit, 0);
        expect(countBits(source, from, source.length)).toBe(plain);
      }),
    );
  });

  test("finding", () => {
    const sparse = fc.tuple(fc.nat({ max: 290 }), fc.constantFrom(0, 255), fc.nat({ max: 2400 }));
    fc.assert(
      fc.property(sparse, fc.nat({ max: 100 }), ([length, fill, flipped], from) => {
        const source = new Uint8Array(length + 1).fill(fill);
        const at = flipped % (source.length * 8);
        source[at >> 3]! ^= 128 >> (at & 7);
        const bit = fill === 0 ? 1 : 0;
        const first = Math.min(from, source.length * 8 - 1);
        const plain = bitsOf(source).indexOf(bit, first);
        expect(findBit(source, 0, first, source.length * 8 - 1, bit)).toBe(plain);
      }),
    );
  });

  test("combining", () => {
    const operation = fc.constantFrom("AND" as const, "OR" as const, "XOR" as const);
    fc.assert(
      fc.property(operation, fc.array(bytes, { minLength: 1, maxLength: 4 }), (name, sources) => {
        const at = (source: Uint8Array, i: number): number => source[i] ?? 0;
        const length = Math.max(...sources.map((source) => source.length));
        const plain = Array.from({ length }, (_, i) =>
          sources
            .slice(1)
            .reduce(
              (byte, source) =>
                name === "AND"
                  ? byte & at(source, i)
                  : name === "OR"
                    ? byte | at(source, i)
                    : byte ^ at(source, i),
              at(sources[0]!, i),
            ),
        );
        expect([...combineBits(name, sources)]).toEqual(plain);
      }),
    );
  });
});
