// Scores as bytes: eight in the lattice and in element tables, fewer in packed records, where small
// integers take as many bytes as they need.

import type { Bytes } from "../base/bytes.js";

const scratch = new DataView(new ArrayBuffer(8));
/** The bytes that `scoreBytes` and `packScore` wrote last. */
export const scoreScratch: Bytes = new Uint8Array(scratch.buffer);
// Reading must not disturb a score that is on its way into a record.
const read = new DataView(new ArrayBuffer(8));
const readBytes = new Uint8Array(read.buffer);

export const scoreLength = 8;

/**
 * A score as the value of an element, little-endian. Valid until the next call: who keeps it copies
 * it.
 */
export function scoreBytes(score: number): Bytes {
  scratch.setFloat64(0, score, true);
  return scoreScratch;
}

/** A copy of a score's bytes, to keep. */
export const copyScore = (score: number): Bytes => scoreBytes(score).slice();

/**
 * The score in eight bytes. No write makes a NaN; in bytes that came from elsewhere it counts as 0.
 */
export function scoreOfBytes(bytes: Uint8Array, start = 0): number {
  for (let i = 0; i < 8; i++) readBytes[i] = bytes[start + i]!;
  const score = read.getFloat64(0, true);
  return Number.isNaN(score) ? 0 : score;
}

/** `scoreOfBytes` of what lies in the arena. */
export function scoreIn(words: DataView, at: number): number {
  const score = words.getFloat64(at, true);
  return Number.isNaN(score) ? 0 : score;
}

/** `scoreBytes` put where they are to lie in the arena. */
export const putScore = (words: DataView, at: number, score: number): void =>
  words.setFloat64(at, score, true);

/** Puts the short form of a score into `scoreScratch`; answers how many bytes it takes. */
export function packScore(score: number): number {
  const whole = score | 0;
  // Minus zero is not the integer.
  if (whole !== score || (whole === 0 && 1 / score < 0)) {
    scratch.setFloat64(0, score, true);
    return 8;
  }
  scratch.setInt32(0, whole, true);
  if (whole === 0) return 0;
  if (whole >= -0x80 && whole < 0x80) return 1;
  if (whole >= -0x8000 && whole < 0x8000) return 2;
  return whole >= -0x80_0000 && whole < 0x80_0000 ? 3 : 4;
}

export function unpackScore(bytes: Uint8Array, at: number, length: number): number {
  switch (length) {
    case 0:
      return 0;
    case 1:
      return (bytes[at]! << 24) >> 24;
    case 2:
      return ((bytes[at]! << 16) | (bytes[at + 1]! << 24)) >> 16;
    case 3:
      return ((bytes[at]! << 8) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 24)) >> 8;
    case 4:
      return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    default:
      return scoreOfBytes(bytes, at);
  }
}
