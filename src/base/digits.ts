// Decimal digits of integers, written as bytes without making a string.

const zeroDigit = 48;

/** Writes decimal digits of a safe integer at `at`; returns how many bytes. */
export function writeInteger(bytes: Uint8Array, at: number, value: number): number {
  const whole = value | 0;
  if (whole === value && whole >= 0) return writeSmall(bytes, at, whole);
  let rest = value;
  let start = at;
  if (rest < 0) {
    bytes[start++] = 45;
    rest = -rest;
  }
  let end = start + digitCount(rest);
  const length = end - at;
  while (rest >= 0x40000000) {
    const next = Math.floor(rest / 10);
    bytes[--end] = zeroDigit + (rest - next * 10);
    rest = next;
  }
  writeDigits(bytes, start, end, rest | 0);
  return length;
}

/** Nearly every number that is written: in integers of 32 bits alone. */
function writeSmall(bytes: Uint8Array, at: number, value: number): number {
  if (value < 10) {
    bytes[at] = zeroDigit + value;
    return 1;
  }
  let end = at + 2;
  for (let limit = 100; limit <= value && limit < 1_000_000_000; limit *= 10) end++;
  if (value >= 1_000_000_000) end++;
  writeDigits(bytes, at, end, value);
  return end - at;
}

/** The last digits of a number of 32 bits, up to `end`. */
function writeDigits(bytes: Uint8Array, start: number, end: number, value: number): void {
  let rest = value;
  for (let at = end - 1; at >= start; at--) {
    const next = (rest / 10) | 0;
    bytes[at] = zeroDigit + (rest - next * 10);
    rest = next;
  }
}

function digitCount(value: number): number {
  let count = 1;
  for (let limit = 10; value >= limit && count < 17; limit *= 10) count++;
  return count;
}
