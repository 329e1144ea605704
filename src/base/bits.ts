// Counting and finding bits in byte strings, 32 at a time. Bit 0 is the highest bit of the first
// byte, as Redis's bitmaps and the network's byte order have it.

const bitsOfByte = new Uint8Array(256);
for (let byte = 1; byte < 256; byte++) bitsOfByte[byte] = (byte & 1) + bitsOfByte[byte >> 1]!;

/** Runs shorter than this are not worth a view of words. */
const shortBytes = 64;

/** Bytes from `at` to the first whose memory address is a multiple of four. */
const bytesToAlignment = (bytes: Uint8Array, at: number): number => -(bytes.byteOffset + at) & 3;

/** How many bits of `bytes[start, end)` are set. */
export function countBits(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  let at = start;
  if (end - start >= shortBytes) {
    const head = at + bytesToAlignment(bytes, at);
    for (; at < head; at++) count += bitsOfByte[bytes[at]!]!;
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + at, (end - at) >>> 2);
    for (let i = 0; i < words.length; i++) {
      let word = words[i]!;
      word -= (word >>> 1) & 0x55555555;
      word = (word & 0x33333333) + ((word >>> 2) & 0x33333333);
      word = (word + (word >>> 4)) & 0x0f0f0f0f;
      count += Math.imul(word, 0x01010101) >>> 24;
    }
    at += words.length * 4;
  }
  for (; at < end; at++) count += bitsOfByte[bytes[at]!]!;
  return count;
}

/**
 * The first bit equal to `bit` among the bits `from` to `to`, both included, of what begins at
 * `start`; -1 for none.
 */
export function findBit(
  bytes: Uint8Array,
  start: number,
  from: number,
  to: number,
  bit: 0 | 1,
): number {
  const empty = bit === 1 ? 0 : 0xff;
  const last = Math.floor(to / 8);
  let at = Math.floor(from / 8);
  for (let position = from; position <= to && position < (at + 1) * 8; position++) {
    if (bitAt(bytes, start, position) === bit) return position;
  }
  at = skipBytes(bytes, start + at + 1, start + last + 1, empty) - start;
  for (let position = at * 8; position <= to && position < (at + 1) * 8; position++) {
    if (bitAt(bytes, start, position) === bit) return position;
  }
  return -1;
}

export const bitAt = (bytes: Uint8Array, start: number, position: number): number =>
  (bytes[start + Math.floor(position / 8)]! >> (7 - (position % 8))) & 1;

/** The first place in `bytes[at, end)` that does not hold `byte`, or `end`. */
function skipBytes(bytes: Uint8Array, from: number, end: number, byte: number): number {
  let at = from;
  if (end - at >= shortBytes) {
    const head = at + bytesToAlignment(bytes, at);
    for (; at < head; at++) if (bytes[at] !== byte) return at;
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + at, (end - at) >>> 2);
    const wanted = byte === 0 ? 0 : -1;
    let i = 0;
    while (i < words.length && words[i] === wanted) i++;
    at += i * 4;
  }
  while (at < end && bytes[at] === byte) at++;
  return at;
}

export type BitOperation = "AND" | "OR" | "XOR" | "NOT";

/**
 * Combines byte strings bit by bit; shorter ones count as followed by zeros. NOT takes one. The
 * result is as long as the longest and new.
 */
export function combineBits(operation: BitOperation, sources: readonly Uint8Array[]): Uint8Array {
  const length = sources.reduce((most, source) => Math.max(most, source.length), 0);
  const result = new Uint8Array(length);
  result.set(sources[0]!);
  if (operation === "NOT") invert(result);
  for (const source of sources.slice(1)) fold(operation, result, source);
  return result;
}

function invert(bytes: Uint8Array): void {
  const words = new Int32Array(bytes.buffer, 0, bytes.length >>> 2);
  for (let i = 0; i < words.length; i++) words[i] = ~words[i]!;
  for (let i = words.length * 4; i < bytes.length; i++) bytes[i] = ~bytes[i]!;
}

function fold(operation: BitOperation, result: Uint8Array, operand: Uint8Array): void {
  const source = bytesToAlignment(operand, 0) === 0 ? operand : operand.slice();
  const { length } = source;
  const into = new Int32Array(result.buffer, 0, length >>> 2);
  const from = new Int32Array(source.buffer, source.byteOffset, length >>> 2);
  const tail = into.length * 4;
  if (operation === "AND") {
    for (let i = 0; i < into.length; i++) into[i]! &= from[i]!;
    for (let i = tail; i < length; i++) result[i]! &= source[i]!;
    result.fill(0, length);
  } else if (operation === "OR") {
    for (let i = 0; i < into.length; i++) into[i]! |= from[i]!;
    for (let i = tail; i < length; i++) result[i]! |= source[i]!;
  } else {
    for (let i = 0; i < into.length; i++) into[i]! ^= from[i]!;
    for (let i = tail; i < length; i++) result[i]! ^= source[i]!;
  }
}
