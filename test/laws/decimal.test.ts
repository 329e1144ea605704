// Exact decimals: parsing, adding and printing against rational arithmetic on big integers, in one
// spelling.

import fc from "fast-check";
import { expect, test } from "vitest";
import {
  add,
  type Decimal,
  digitsMax,
  equalDecimals,
  formatDecimal,
  isCanonical,
  negate,
  parseDecimal,
  scaleMax,
  subtract,
} from "../../src/lattice/decimal.js";

const decimal: fc.Arbitrary<Decimal> = fc
  .tuple(fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }), fc.nat({ max: 30 }))
  .map(([units, scale]) => parseDecimal(`${units}e-${scale}`)!);

/** The value times 10^40, a whole number for every generated decimal and their sums. */
const scaled = ({ units, scale }: Decimal): bigint => units * 10n ** BigInt(40 - scale);

test("sums are exact, in one spelling, whatever their order", () => {
  fc.assert(
    fc.property(decimal, decimal, decimal, (a, b, c) => {
      expect(scaled(add(a, b))).toBe(scaled(a) + scaled(b));
      expect(scaled(subtract(a, b))).toBe(scaled(a) - scaled(b));
      expect(add(add(a, b), c)).toEqual(add(a, add(c, b)));
      expect(isCanonical(add(a, b))).toBe(true);
      expect(add(a, negate(a))).toEqual({ units: 0n, scale: 0 });
    }),
  );
});

test("what is printed is parsed as the same number", () => {
  fc.assert(
    fc.property(decimal, (a) => {
      expect(equalDecimals(parseDecimal(formatDecimal(a))!, a)).toBe(true);
    }),
  );
});

test.each([
  ["10.5", "10.5"],
  ["-0.250", "-0.25"],
  [".5", "0.5"],
  ["5.", "5"],
  ["+7e2", "700"],
  ["1200e-2", "12"],
  ["-0", "0"],
  ["-12.5e3", "-12500"],
])("%s is %s", (text, printed) => {
  expect(formatDecimal(parseDecimal(text)!)).toBe(printed);
});

test.each(["", ".", "-", "e5", "1e", "0x10", "1 ", " 1", "nan", "inf", "1e99999", "--1", "1.2.3"])(
  "%j is no decimal number",
  (text) => {
    expect(parseDecimal(text)).toBeUndefined();
  },
);

test.each([
  ["1.25", 1, "1.3"],
  ["-1.25", 1, "-1.3"],
  ["1.24", 1, "1.2"],
  ["0.04", 1, "0"],
  ["-0.04", 1, "0"],
  ["9.99", 1, "10"],
])("%s to %i decimals is %s", (text, decimalsMax, printed) => {
  expect(formatDecimal(parseDecimal(text)!, decimalsMax)).toBe(printed);
});

test("the longest numbers that parsing admits, and their sum, stay within the limits of the decoder", () => {
  const large = parseDecimal(`${"9".repeat(scaleMax)}e${scaleMax}`)!;
  const small = parseDecimal(`1e-${scaleMax}`)!;
  const sum = add(large, small);
  expect(isCanonical(sum)).toBe(true);
  expect(sum.units.toString().length).toBeLessThanOrEqual(digitsMax);
  expect(parseDecimal("9".repeat(scaleMax + 1))).toBeUndefined();
  expect(parseDecimal(`1e-${scaleMax + 1}`)).toBeUndefined();
});
