// The seeded hash of the key index: HalfSipHash-1-3 (Aumasson and Bernstein's SipHash on 32-bit
// words), whose 64-bit key comes from the host. An attacker who does not know the key cannot make
// keys collide. Never used for anything that leaves the process: digests have their own hash.

import { copyBytes } from "../base/bytes.js";
import { knownWordsOf, wordsOf } from "../base/words.js";

let k0 = 0x5bd1e995 | 0;
let k1 = 0x1b873593 | 0;

/** Sets the key of the hash. Called once, before the first key is stored. */
export function seedHash(a: number, b: number): void {
  k0 = a | 0;
  k1 = b | 0;
}

/** A 32-bit signed hash of `data[start, start + length)`. */
export function hashWords(data: DataView, start: number, length: number): number {
  let v0 = k0;
  let v1 = k1;
  let v2 = 0x6c796765 ^ k0;
  let v3 = 0x74656462 ^ k1;
  let at = start;
  for (let left = length >> 2; left > 0; left--) {
    const m = data.getInt32(at, true);
    at += 4;
    v3 ^= m;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= m;
  }
  let last = length << 24;
  const rest = length & 3;
  if (rest > 2) last |= data.getUint8(at + 2) << 16;
  if (rest > 1) last |= data.getUint8(at + 1) << 8;
  if (rest > 0) last |= data.getUint8(at);
  v3 ^= last;
  for (let round = 0; round < 4; round++) {
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    if (round === 0) {
      v0 ^= last;
      v2 ^= 0xff;
    }
  }
  return v1 ^ v3;
}

/**
 * `hashWords` of two runs of one length, into `hashes[at]` and the next: each step of a hash waits
 * for the one before, and a processor can work on two such chains in the time of one.
 */
export function hashTwo(
  data: DataView,
  start: number,
  otherStart: number,
  length: number,
  hashes: Int32Array,
  at: number,
): void {
  let v0 = k0;
  let v1 = k1;
  let v2 = 0x6c796765 ^ k0;
  let v3 = 0x74656462 ^ k1;
  let w0 = v0;
  let w1 = v1;
  let w2 = v2;
  let w3 = v3;
  let from = start;
  let otherFrom = otherStart;
  for (let left = length >> 2; left > 0; left--) {
    const m = data.getInt32(from, true);
    const n = data.getInt32(otherFrom, true);
    from += 4;
    otherFrom += 4;
    v3 ^= m;
    w3 ^= n;
    v0 = (v0 + v1) | 0;
    w0 = (w0 + w1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    w1 = ((w1 << 5) | (w1 >>> 27)) ^ w0;
    v0 = (v0 << 16) | (v0 >>> 16);
    w0 = (w0 << 16) | (w0 >>> 16);
    v2 = (v2 + v3) | 0;
    w2 = (w2 + w3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    w3 = ((w3 << 8) | (w3 >>> 24)) ^ w2;
    v0 = (v0 + v3) | 0;
    w0 = (w0 + w3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    w3 = ((w3 << 7) | (w3 >>> 25)) ^ w0;
    v2 = (v2 + v1) | 0;
    w2 = (w2 + w1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    w1 = ((w1 << 13) | (w1 >>> 19)) ^ w2;
    v2 = (v2 << 16) | (v2 >>> 16);
    w2 = (w2 << 16) | (w2 >>> 16);
    v0 ^= m;
    w0 ^= n;
  }
  const rest = length & 3;
  let last = length << 24;
  let otherLast = last;
  if (rest > 2) {
    last |= data.getUint8(from + 2) << 16;
    otherLast |= data.getUint8(otherFrom + 2) << 16;
  }
  if (rest > 1) {
    last |= data.getUint8(from + 1) << 8;
    otherLast |= data.getUint8(otherFrom + 1) << 8;
  }
  if (rest > 0) {
    last |= data.getUint8(from);
    otherLast |= data.getUint8(otherFrom);
  }
  v3 ^= last;
  w3 ^= otherLast;
  for (let round = 0; round < 4; round++) {
    v0 = (v0 + v1) | 0;
    w0 = (w0 + w1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    w1 = ((w1 << 5) | (w1 >>> 27)) ^ w0;
    v0 = (v0 << 16) | (v0 >>> 16);
    w0 = (w0 << 16) | (w0 >>> 16);
    v2 = (v2 + v3) | 0;
    w2 = (w2 + w3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    w3 = ((w3 << 8) | (w3 >>> 24)) ^ w2;
    v0 = (v0 + v3) | 0;
    w0 = (w0 + w3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    w3 = ((w3 << 7) | (w3 >>> 25)) ^ w0;
    v2 = (v2 + v1) | 0;
    w2 = (w2 + w1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    w1 = ((w1 << 13) | (w1 >>> 19)) ^ w2;
    v2 = (v2 << 16) | (v2 >>> 16);
    w2 = (w2 << 16) | (w2 >>> 16);
    if (round === 0) {
      v0 ^= last;
      v2 ^= 0xff;
      w0 ^= otherLast;
      w2 ^= 0xff;
    }
  }
  hashes[at] = v1 ^ v3;
  hashes[at + 1] = w1 ^ w3;
}

const scratch = new Uint8Array(256);
const scratchWords = wordsOf(scratch);

// A run of the request whose hash was computed ahead of its use.
let givenStart = -1;
let givenLength = 0;
let givenHash = 0;

/** `hashBytes` of this run of the request is at hand; until it is told of another one. */
export function giveHash(start: number, length: number, hash: number): void {
  givenStart = start;
  givenLength = length;
  givenHash = hash;
}

/** Nothing is at hand: the request's bytes may become others. */
export function forgetHash(): void {
  givenStart = -1;
}

/** A 32-bit signed hash of `bytes[start, start + length)`. */
export function hashBytes(bytes: Uint8Array, start: number, length: number): number {
  const known = knownWordsOf(bytes);
  if (known !== undefined) {
    if (start === givenStart && length === givenLength) return givenHash;
    return hashWords(known, start, length);
  }
  if (length > scratch.length) return hashWords(wordsOf(bytes), start, length);
  copyBytes(scratch, 0, bytes, start, length);
  return hashWords(scratchWords, 0, length);
}
