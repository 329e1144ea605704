// Doubles as exact decimals and back. Every finite double is a decimal fraction, so increments of
// scores can be summed exactly and in any order, while a single replica's arithmetic stays, to the
// last bit, that of doubles.

import { assert } from "../base/assert.js";
import { type Decimal, integer } from "./decimal.js";

const view = new DataView(new ArrayBuffer(8));

/** The exact value of a finite double. */
export function decimalOfDouble(value: number): Decimal {
  assert(Number.isFinite(value), "an infinity has no decimal value");
  if (Number.isSafeInteger(value)) return integer(BigInt(value));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  const mantissa = exponent === 0 ? fraction : fraction | 0x10000000000000n;
  const power = Math.max(exponent, 1) - 1075;
  const signed = bits >> 63n === 1n ? -mantissa : mantissa;
  if (power >= 0) return integer(signed << BigInt(power));
  // m / 2^k = m * 5^k / 10^k; an even m needs fewer digits.
  let units = signed;
  let scale = -power;
  while (scale > 0 && (units & 1n) === 0n) {
    units >>= 1n;
    scale--;
  }
  return { units: units * 5n ** BigInt(scale), scale };
}

/** The nearest double, ties to even: the parser of numbers rounds so. */
export function doubleOfDecimal(value: Decimal): number {
  return Number(`${value.units}e${-value.scale}`);
}
