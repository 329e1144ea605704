// How many bytes a text or an integer takes in Redis's listpack (listpack.c, 7.0). Nothing is
// stored that way here; but a node of a stream is full by these bytes, and an approximate trim
// removes whole nodes, so the sizes show.

/** Header and end mark of a listpack. */
export const listpackBytes = 7;

/** An encoded element is followed by its own length, for reading backwards. */
function withLength(size: number): number {
  if (size <= 127) return size + 1;
  if (size < 16_383) return size + 2;
  if (size < 2_097_151) return size + 3;
  return size + (size < 268_435_455 ? 4 : 5);
}

/** An integer, exact or rounded where it is above 2^53 anyway. */
export function integerSize(value: number): number {
  if (value >= 0 && value <= 127) return 2;
  if (value >= -4096 && value <= 4095) return 3;
  if (value >= -32_768 && value <= 32_767) return 4;
  if (value >= -8_388_608 && value <= 8_388_607) return 5;
  return value >= -2_147_483_648 && value <= 2_147_483_647 ? 6 : 10;
}

/** A text: as an integer where it is the plain spelling of one of 64 bits. */
export function textSize(bytes: Uint8Array, start: number, length: number): number {
  if (length > 0 && length <= 20) {
    const value = plainInteger(bytes, start, length);
    if (!Number.isNaN(value)) return integerSize(value);
  }
  if (length < 64) return withLength(length + 1);
  return withLength(length + (length < 4096 ? 2 : 5));
}

const longest = "9223372036854775807";
const longestNegative = "9223372036854775808";

function plainInteger(bytes: Uint8Array, start: number, length: number): number {
  const isNegative = bytes[start] === 45;
  const digits = isNegative ? length - 1 : length;
  const from = start + length - digits;
  const first = bytes[from]! - 48;
  if (digits === 0 || digits > 19 || first < 0 || first > 9) return Number.NaN;
  if (first === 0) return length === 1 ? 0 : Number.NaN;
  let value = 0;
  for (let at = from; at < start + length; at++) {
    const digit = bytes[at]! - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  if (digits === 19) {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + from, digits).toString("latin1");
    if (text > (isNegative ? longestNegative : longest)) return Number.NaN;
  }
  return isNegative ? -value : value;
}
