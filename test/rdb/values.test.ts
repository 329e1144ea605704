// Values in RDB form: what is written is read again, what older Redis wrote is read, and what is
// broken is refused whatever byte is wrong.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Bytes, fromLatin1, latin1, MalformedBytes, utf8 } from "../../src/base/bytes.js";
import { formatDouble } from "../../src/commands/double-text.js";
import { Crc64 } from "../../src/rdb/crc64.js";
import { isSealed, openValue, sealValue } from "../../src/rdb/payload.js";
import { expand } from "../../src/rdb/reader.js";
import type { RdbEncoding, RdbValue } from "../../src/rdb/value.js";
import { forms, intset, seal, texts, ziplist, zipmap } from "./payloads.js";

const hex = (bytes: Bytes): string => Buffer.from(bytes).toString("hex");
const bytesOf = (text: string): Bytes => new Uint8Array(Buffer.from(text, "hex"));

test("the checksum is Jones's", () => {
  expect(hex(new Crc64().update(utf8("123456789")).digest())).toBe("cad9b8c414d9c6e9");
  expect(new Crc64().update(utf8("1234")).update(utf8("56789")).digest()).toEqual(
    new Crc64().update(utf8("123456789")).digest(),
  );
});

test("payloads of redis-server 7.0.15 are read, and ours are the same bytes", () => {
  const known: readonly (readonly [string, RdbValue, RdbEncoding])[] = [
    ["000568656c6c6f0a006372df766534200a", { kind: "string", text: utf8("hello") }, "string"],
    ["00c17fff0a001760822854808480", { kind: "string", text: utf8("-129") }, "string"],
    ["00c2701101000a0001a408fe953095a5", { kind: "string", text: utf8("70000") }, "string"],
    [
      "12010211110000000300816102f1881303dff902ff0a00956a8d9482a189ac",
      { kind: "list", elements: ["a", "5000", "-7"].map(utf8) },
      "quicklist",
    ],
    [
      "0b14040000000300000090eefeff01000000030000000a00090eec49a6504d88",
      { kind: "set", members: ["-70000", "1", "3"].map(utf8) },
      "intset",
    ],
    ["020104776f72640a0079c2eda6bbfa0bc9", { kind: "set", members: [utf8("word")] }, "hashtable"],
    [
      "100c0c00000002008166020101ff0a0031ba081949a0e3dd",
      { kind: "hash", pairs: ["f", "1"].map(utf8) },
      "listpack",
    ],
    [
      "04010166c0010a001a826a5279bf95ce",
      { kind: "hash", pairs: ["f", "1"].map(utf8) },
      "hashtable",
    ],
    [
      "110f0f000000020081610283312e3504ff0a00080c6e19808e7d98",
      { kind: "zset", members: [utf8("a")], scores: [1.5] },
      "listpack",
    ],
    [
      "05010161000000000000f83f0a0045a3a88f44e959da",
      { kind: "zset", members: [utf8("a")], scores: [1.5] },
      "skiplist",
    ],
  ];
  for (const [payload, value, encoding] of known) {
    expect(isSealed(bytesOf(payload))).toBe(true);
    expect(openValue(bytesOf(payload))).toEqual(value);
    expect(hex(sealValue(value, encoding, formatDouble))).toBe(payload);
  }
});

test("a compressed string", () => {
  // DUMP of a hundred times "ab", by redis-server 7.0.15.
  const value = openValue(bytesOf("00c30a40c802616261e0ba010161620a0024a6e84170c0c68c"));
  expect(value).toEqual({ kind: "string", text: utf8("ab".repeat(100)) });
  expect(() => expand(Uint8Array.of(0x20, 5), 4)).toThrow(MalformedBytes);
  expect(() => expand(Uint8Array.of(3, 1), 4)).toThrow(MalformedBytes);
});

const element = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("0", "12", "13", "-1", "127", "128", "4095", "-4096") },
  { weight: 4, arbitrary: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).map(String) },
  { weight: 2, arbitrary: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String) },
  { weight: 3, arbitrary: fc.constantFrom("", "01", "-0", "1.5", "x".repeat(63), "y".repeat(64)) },
  { weight: 1, arbitrary: fc.constantFrom("z".repeat(4095), "z".repeat(9000), "\0\xff") },
  { weight: 2, arbitrary: fc.string({ maxLength: 20 }).map((text) => latin1(utf8(text))) },
);
const elements = fc.array(element, { minLength: 1, maxLength: 40 });
const different = fc.uniqueArray(element, { minLength: 1, maxLength: 40 });
const score = fc.oneof(fc.double({ noNaN: true }), fc.integer(), fc.constantFrom(2 ** 53, -0));

type Written = readonly [RdbValue, RdbEncoding];

const bytes = (list: readonly string[]): Bytes[] => list.map((each) => fromLatin1(each));

const value: fc.Arbitrary<Written> = fc.oneof(
  element.map((text): Written => [{ kind: "string", text: fromLatin1(text) }, "string"]),
  elements.map((e): Written => [{ kind: "list", elements: bytes(e) }, "quicklist"]),
  different.map((e): Written => [{ kind: "set", members: bytes(e) }, "hashtable"]),
  fc
    .uniqueArray(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { minLength: 1 })
    .map((numbers) => numbers.sort((a, b) => (a < b ? -1 : 1)).map(String))
    .map((e): Written => [{ kind: "set", members: bytes(e) }, "intset"]),
  fc
    .tuple(different, fc.constantFrom("listpack" as const, "hashtable" as const))
    .map(
      ([e, encoding]): Written => [
        { kind: "hash", pairs: bytes(e.flatMap((field) => [field, `${field}!`])) },
        encoding,
      ],
    ),
  fc
    .tuple(different, fc.array(score, { minLength: 40, maxLength: 40 }), fc.boolean())
    .map(
      ([e, scores, isPacked]): Written => [
        { kind: "zset", members: bytes(e), scores: scores.slice(0, e.length) },
        isPacked ? "listpack" : "skiplist",
      ],
    ),
);

test("every value comes back", () => {
  fc.assert(
    fc.property(value, ([before, encoding]) => {
      const payload = sealValue(before, encoding, formatDouble);
      expect(isSealed(payload)).toBe(true);
      const after = openValue(payload);
      if (before.kind === "zset" && after.kind === "zset" && encoding === "skiplist") {
        expect([...after.members].reverse()).toEqual(before.members);
        expect([...after.scores].reverse()).toEqual(before.scores);
      } else if (before.kind === "zset" && after.kind === "zset") {
        // A listpack has no minus zero among its integers, nor has Redis's.
        expect(after.scores.map((s) => s + 0)).toEqual(before.scores.map((s) => s + 0));
      } else expect(after).toEqual(before);
    }),
  );
});

describe("forms of older versions", () => {
  const parts = ["a", "1", "b".repeat(70), "-129", "c", "70000", "d".repeat(300), "12"];
  test.each(Object.keys(forms))("%s", (name) => {
    const found = openValue(seal(forms[name]!(parts)));
    switch (found.kind) {
      case "list":
        expect(texts(found.elements)).toEqual(parts);
        break;
      case "set":
        expect(texts(found.members)).toEqual(parts);
        break;
      case "hash":
        expect(texts(found.pairs)).toEqual(parts);
        break;
      case "zset":
        expect(texts(found.members)).toEqual(["a", "b".repeat(70), "c", "d".repeat(300)]);
        expect(found.scores).toEqual([1, -129, 70000, 12]);
        break;
      default:
        expect.unreachable();
    }
  });

  test("an intset of each width", () => {
    for (const width of [2, 4] as const) {
      const found = openValue(
        seal(Uint8Array.from([11, 8 + 3 * width, ...intset([-5, 0, 9], width)])),
      );
      expect(found).toEqual({ kind: "set", members: ["-5", "0", "9"].map(fromLatin1) });
    }
  });
});

describe("what is refused", () => {
  const refuse = (body: Bytes | readonly number[]): void => {
    expect(() => openValue(seal(Uint8Array.from(body)))).toThrow(MalformedBytes);
  };

  test("no value at all, duplicates, emptiness, halves, modules", () => {
    refuse([]);
    refuse([8, 0]);
    refuse([6, 1, 2, 3]);
    refuse([15, 0]);
    refuse([19, 0, 1]);
    for (const form of ["list", "set", "hash", "zset"]) refuse(forms[form]!([]));
    refuse(forms.set!(["a", "a"]));
    refuse(forms.hash!(["a", "1", "a", "2"]));
    for (const form of ["hashZiplist", "zsetZiplist", "hashListpack", "hashZipmap"])
      refuse(forms[form]!(["a", "1", "a", "2"]));
    for (const form of ["hashZiplist", "zsetListpack"]) refuse(forms[form]!(["a", "1", "b"]));
    refuse(forms.zset!(["a", "nan"]));
    refuse([11, 12, ...intset([3, 3], 2)]);
    refuse([11, 12, ...intset([3, 2], 2)]);
    refuse([2, 0x81, 0x7f, 255, 255, 255, 255, 255, 255, 255, 1, 65]);
  });

  test("a blob with any byte wrong either reads as something else or is refused", () => {
    const blobs = [
      ...Object.values(forms).map((form) => form(["k1", "3", "k2", "-70000", "k3", "4.5"])),
      Uint8Array.from([10, 200, ...ziplist(["x".repeat(260), "y"])]),
      Uint8Array.from([9, 20, ...zipmap(["ab", "c"])]),
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...blobs),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }),
        (blob, changes) => {
          const broken = blob.slice();
          for (const [at, byte] of changes) broken[at % broken.length] = byte;
          try {
            openValue(seal(broken));
          } catch (error) {
            expect(error).toBeInstanceOf(MalformedBytes);
          }
        },
      ),
      { numRuns: 5_000 },
    );
  });

  test("sizes and counts of a blob must agree with its content", () => {
    const list = ziplist(["a", "b"]);
    for (const [at, what] of [
      [0, "size"],
      [4, "tail"],
      [8, "count"],
      [10, "length before"],
      [list.length - 1, "end"],
    ] as const) {
      const broken = list.slice();
      broken[at]! ^= 1;
      expect(() => openValue(seal(Uint8Array.from([10, broken.length, ...broken]))), what).toThrow(
        MalformedBytes,
      );
    }
    const packed = forms.hashListpack!(["f", "v"]).slice(2);
    for (const at of [0, 4, 8, packed.length - 1]) {
      const broken = packed.slice();
      broken[at]! ^= 1;
      refuse([16, broken.length, ...broken]);
    }
  });

  test("the seal: any byte changed, a version of the future, too short", () => {
    const payload = sealValue({ kind: "string", text: utf8("value") }, "string", formatDouble);
    for (let at = 0; at < payload.length; at++) {
      const broken = payload.slice();
      broken[at]! ^= 0x10;
      expect(isSealed(broken)).toBe(false);
    }
    expect(isSealed(seal(Uint8Array.of(0, 1, 65), 11))).toBe(false);
    expect(isSealed(seal(Uint8Array.of(0, 1, 65), 3))).toBe(true);
    expect(isSealed(utf8("..."))).toBe(false);
  });
});
