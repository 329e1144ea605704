// Digits written as bytes agree with String().

import fc from "fast-check";
import { expect, test } from "vitest";
import { latin1 } from "../../src/base/bytes.js";
import { writeInteger } from "../../src/base/digits.js";

test("every safe integer prints as String prints it", () => {
  const bytes = new Uint8Array(40);
  const check = (value: number): void => {
    const length = writeInteger(bytes, 7, value);
    expect(latin1(bytes, 7, 7 + length)).toBe(String(value));
  };
  for (let digits = 0; digits <= 15; digits++) {
    for (const near of [-1, 0, 1]) {
      check(10 ** digits + near);
      check(-(10 ** digits) + near);
    }
  }
  for (const value of [
    2 ** 30,
    2 ** 31,
    2 ** 32,
    Number.MAX_SAFE_INTEGER,
    Number.MIN_SAFE_INTEGER,
  ]) {
    check(value);
  }
  fc.assert(fc.property(fc.maxSafeInteger(), check));
});
