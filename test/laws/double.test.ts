// Doubles as exact decimals: the value is exactly the double's, the way back is the identity, and a
// sum of decimals rounds to what the processor computes for a single addition.

import fc from "fast-check";
import { expect, test } from "vitest";
import { add, type Decimal, isCanonical, subtract } from "../../src/lattice/decimal.js";
import { decimalOfDouble, doubleOfDecimal } from "../../src/lattice/double.js";

const finite = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer().map((n) => n / 1000),
  fc.constantFrom(0, 0.1, 5e-324, 2.2250738585072014e-308, Number.MAX_VALUE, 2 ** 53, 2 ** 53 + 2),
);

/** The double scaled by 2^1074 is an integer: its exact value without any decimal. */
function scaledByPowerOfTwo(value: number): bigint {
  // Any double of 2^53 and above is an integer.
  if (Number.isInteger(value)) return BigInt(value) * 2n ** 1074n;
  let [mantissa, power] = [value, 1074];
  for (; !Number.isInteger(mantissa); power--) mantissa *= 2;
  return BigInt(mantissa) * 2n ** BigInt(power);
}

const scaledDecimal = ({ units, scale }: Decimal): bigint => {
  const product = units * 2n ** 1074n;
  expect(product % 10n ** BigInt(scale)).toBe(0n);
  return product / 10n ** BigInt(scale);
};

test("double: its decimal is exact and canonical", () => {
  fc.assert(
    fc.property(finite, (value) => {
      const decimal = decimalOfDouble(value);
      expect(isCanonical(decimal)).toBe(true);
      expect(scaledDecimal(decimal)).toBe(scaledByPowerOfTwo(value));
    }),
    { numRuns: 500 },
  );
});

test("double: there and back is the identity", () => {
  fc.assert(
    fc.property(finite, (value) => {
      expect(doubleOfDecimal(decimalOfDouble(value))).toBe(value === 0 ? 0 : value);
    }),
    { numRuns: 500 },
  );
});

test("double: one addition rounds as the processor does", () => {
  fc.assert(
    fc.property(finite, finite, (a, b) => {
      const sum = doubleOfDecimal(add(decimalOfDouble(a), decimalOfDouble(b)));
      expect(sum).toBe(a + b === 0 ? 0 : a + b);
    }),
    { numRuns: 500 },
  );
});

test("double: the difference to what is held leads exactly to the new value", () => {
  // What ZINCRBY stores: however the held sum came about, readers then see the double that was
  // replied.
  fc.assert(
    fc.property(finite, finite, finite, (base, row, next) => {
      const held = add(decimalOfDouble(base), decimalOfDouble(row));
      const difference = subtract(decimalOfDouble(next), held);
      expect(doubleOfDecimal(add(held, difference))).toBe(next === 0 ? 0 : next);
    }),
    { numRuns: 300 },
  );
});
