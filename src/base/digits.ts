// Decimal digits of integers, written as bytes without making a string.

const zeroDigit = 48;

/** Writes decimal digits of a safe integer at `at`; returns how many bytes. */
export function writeInteger(bytes: Uint8Array, at: number, value: number): number {
  if (value >= 0 && value < 10) {
    bytes[at] = zeroDigit + value;
    return 1;
  }
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
  let small = rest | 0;
  while (end > start) {
    const next = (small / 10) | 0;
    bytes[--end] = zeroDigit + (small - next * 10);
    small = next;
  }
  return length;
}

function digitCount(value: number): number {
  let count = 1;
  for (let limit = 10; value >= limit && count < 17; limit *= 10) count++;
  return count;
}
