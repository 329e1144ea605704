// Doubles as text: agreement with exact arithmetic on big integers, and the odd cases of C's strtod
// and printf, as glibc 2.36 answers them.

import fc from "fast-check";
import { expect, test } from "vitest";
import { fromLatin1 } from "../../src/base/bytes.js";
import {
  formatDouble,
  formatFixed,
  formatHuman,
  parseBound,
  parseDouble,
} from "../../src/commands/double-text.js";

const parse = (text: string): number => {
  const bytes = fromLatin1(`x${text}y`);
  return parseDouble(bytes, 1, text.length);
};
const bound = (text: string): number => {
  const bytes = fromLatin1(`x${text}9`);
  return parseBound(bytes, 1, text.length);
};

const finite = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: -99_999, max: 99_999 }).map((n) => n / 1000),
  fc.integer().map((n) => n / 2 ** 20),
  fc.maxSafeInteger().map((n) => n + 0.125),
);

test("seventeen digits bring every double back", () => {
  fc.assert(
    fc.property(finite, (value) => {
      expect(parse(formatDouble(value))).toBe(value);
      expect(Number(formatDouble(value))).toBe(value);
    }),
    { numRuns: 1_000 },
  );
});

test("numbers with few digits are read as JavaScript reads them", () => {
  const digits = fc.tuple(fc.maxSafeNat(), fc.nat({ max: 17 }), fc.boolean());
  fc.assert(
    fc.property(digits, ([whole, point, isNegative]) => {
      const padded = String(whole).padStart(point + 1, "0");
      const at = padded.length - point;
      const text = `${isNegative ? "-" : ""}${padded.slice(0, at)}.${padded.slice(at)}`;
      expect(parse(text)).toBe(Number(text));
    }),
    { numRuns: 1_000 },
  );
});

test.each([
  [0.1, "0.10000000000000001"],
  [-0, "-0"],
  [3, "3"],
  [1e16, "10000000000000000"],
  [1e17, "1e+17"],
  [123456789012345680, "1.2345678901234568e+17"],
  [0.0001, "0.0001"],
  [0.00001, "1.0000000000000001e-05"],
  [5e-324, "4.9406564584124654e-324"],
  [123456789012345 + 1 / 8, "123456789012345.12"], // Half-way: to even.
  [123456789012345 + 3 / 8, "123456789012345.38"],
  [Number.NEGATIVE_INFINITY, "-inf"],
])("%d is written %s", (value, text) => {
  expect(formatDouble(value)).toBe(text);
});

test.each([
  ["0x1p-1074", 5e-324],
  ["0x.8", 0.5],
  ["-0X1.8P1", -3],
  ["+inf", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
  ["0e-999", 0],
  ["5.", 5],
  [".5e1", 5],
])("%s is %d", (text, value) => {
  expect(parse(text)).toBe(value);
});

test.each([
  "",
  " 1",
  "1 ",
  "1e",
  "0x",
  "0x.p1",
  ".",
  "nan",
  "1e400",
  "1e-400",
  "0x1p-1080",
  "1\0",
  "infi",
])("%j is no number", (text) => {
  expect(parse(text)).toBeNaN();
});

test.each([
  ["", 0],
  [" \t-1", -1],
  ["1e400", Number.POSITIVE_INFINITY],
  ["1e-400", 0],
  ["1\0junk", 1],
  ["0x1p99999", Number.POSITIVE_INFINITY],
])("as the bound of a range %j is %d", (text, value) => {
  expect(bound(text)).toBe(value);
});

test.each(["  ", "1 ", "x", "nan", "(1"])("%j is no bound", (text) => {
  expect(bound(text)).toBeNaN();
});

test("decimals are exact, a half goes to even", () => {
  expect(formatFixed(-180.0078125, 6)).toBe("-180.007812");
  expect(formatFixed(1e300, 2)).toMatch(/^10000000000000000525\d+\.00$/);
  // Eighteen decimals, the last one a five.
  expect(formatHuman(2 ** -18)).toBe("0.00000381469726562");
  expect(formatHuman(13.361389338970184)).toBe("13.36138933897018433");
  expect(formatHuman(-1e-30)).toBe("0");
  expect(formatHuman(100)).toBe("100");
});
