// HyperLogLog: 16384 registers, each the longest run of zero bits seen among the hashes that fall
// to it; the join is the maximum, register by register, so it never matters who counted an element,
// nor how often. The estimate is Ertl's (arXiv:1702.01284), the hash MurmurHash64A with Redis's
// seed, so that registers mean the same here and there.
//
// Left out: the strings in which registers are kept and travel (keyspace/hyperloglog.ts).

import { type Bytes, MalformedBytes } from "../base/bytes.js";
import { contextFree } from "./lattice.js";

export const registerCount = 16384;
const indexBits = 14;
/** Bits of the hash that a run is looked for in; with none of them set it is one longer. */
const runBits = 64 - indexBits;
/** The largest value that an element gives a register. */
export const registerMax = runBits + 1;

// Two halves of the multiplier, and its low half in two parts for products of 32 bits.
const multiplierLow = 0x5bd1e995;
const multiplierHigh = 0xc6a4a793;
const partLow = multiplierLow & 0xffff;
const partHigh = multiplierLow >>> 16;
const seed = 0xadc83b19;

let low = 0;
let high = 0;

/** Multiplies (high, low) by the multiplier, modulo 2^64. */
function multiply(): void {
  const a = low & 0xffff;
  const b = low >>> 16;
  const outer = a * partLow;
  const middle = b * partLow + (outer >>> 16);
  const inner = a * partHigh + (middle & 0xffff);
  const carried = b * partHigh + Math.floor(middle / 0x10000) + Math.floor(inner / 0x10000);
  high = (Math.imul(high, multiplierLow) + Math.imul(low, multiplierHigh) + carried) | 0;
  low = ((inner & 0xffff) << 16) | (outer & 0xffff);
}

/** (high, low) ^= (high, low) >> 47 */
function fold(): void {
  low ^= high >>> 15;
}

/** Leaves the hash in (high, low). */
function hash(bytes: Uint8Array, start: number, length: number): void {
  low = length;
  high = 0;
  multiply();
  low ^= seed;
  const end = start + (length & ~7);
  for (let at = start; at < end; at += 8) {
    const [sumLow, sumHigh] = [low, high];
    low = word(bytes, at);
    high = word(bytes, at + 4);
    multiply();
    fold();
    multiply();
    low ^= sumLow;
    high ^= sumHigh;
    multiply();
  }
  const rest = length & 7;
  if (rest > 0) {
    for (let i = 0; i < rest; i++) {
      if (i < 4) low ^= bytes[end + i]! << (8 * i);
      else high ^= bytes[end + i]! << (8 * (i - 4));
    }
    multiply();
  }
  fold();
  multiply();
  fold();
}

const word = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);

/** What an element does: the register that it falls to, and the least that this becomes. */
export interface Touch {
  index: number;
  run: number;
}

/** The touch of an element. The object is used again by the next call. */
export function touchOf(bytes: Uint8Array, start: number, length: number): Touch {
  hash(bytes, start, length);
  touch.index = low & (registerCount - 1);
  const first = (low >>> indexBits) | (high << (32 - indexBits));
  const second = high >>> indexBits;
  if (first !== 0) touch.run = trailingZeros(first) + 1;
  else if (second !== 0) touch.run = 32 + trailingZeros(second) + 1;
  else touch.run = registerMax;
  return touch;
}

const touch: Touch = { index: 0, run: 0 };

const trailingZeros = (bits: number): number => 31 - Math.clz32(bits & -bits);

/** How many registers have each value, to estimate from; values are below 64. */
export type Histogram = Int32Array;

export const newHistogram = (): Histogram => new Int32Array(64);

/** 1 / (2 ln 2). */
const alpha = 0.7213475204444817;

/** The number of different elements; infinite where registers hold what no element gives. */
export function estimate(histogram: Histogram): number {
  const m = registerCount;
  let z = m * tau((m - histogram[registerMax]!) / m);
  for (let value = runBits; value >= 1; value--) {
    z += histogram[value]!;
    z *= 0.5;
  }
  z += m * sigma(histogram[0]! / m);
  return Math.round((alpha * m * m) / z);
}

function sigma(share: number): number {
  if (share === 1) return Number.POSITIVE_INFINITY;
  let [x, y, z, last] = [share, 1, share, Number.NaN];
  while (last !== z) {
    x *= x;
    last = z;
    z += x * y;
    y += y;
  }
  return z;
}

function tau(share: number): number {
  if (share === 0 || share === 1) return 0;
  let [x, y, z, last] = [share, 1, 1 - share, Number.NaN];
  while (last !== z) {
    x = Math.sqrt(x);
    last = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  }
  return z / 3;
}

/** Raises `registers` to the maximum with `others`. */
export function raise(registers: Uint8Array, others: Uint8Array): void {
  for (let i = 0; i < registerCount; i++) if (others[i]! > registers[i]!) registers[i] = others[i]!;
}

/** The lattice as the registry knows it: registers that are not zero, by index. */
export const hyperLogLog = contextFree<
  ReadonlyMap<number, number>,
  { readonly add: Bytes },
  number
>({
  name: "hyperloglog",
  tag: 11,
  bottom: () => new Map(),
  news(_state, { add }) {
    const { index, run } = touchOf(add, 0, add.length);
    return new Map([[index, run]]);
  },
  joinValues(a, b) {
    const joined = new Map(a);
    for (const [index, run] of b) if (run > (joined.get(index) ?? 0)) joined.set(index, run);
    return joined;
  },
  query(state) {
    const histogram = newHistogram();
    histogram[0] = registerCount - state.size;
    for (const run of state.values()) histogram[run]!++;
    return estimate(histogram);
  },
  equals: (a, b) => a.size === b.size && [...a].every(([index, run]) => b.get(index) === run),
  encode(writer, state) {
    writer.varint(state.size);
    for (const [index, run] of [...state].sort(([a], [b]) => a - b)) writer.u16(index).u8(run);
  },
  decode(reader) {
    const state = new Map<number, number>();
    let last = -1;
    for (let count = reader.count(3); count > 0; count--) {
      const index = reader.u16();
      const run = reader.u8();
      if (index <= last || index >= registerCount)
        throw new MalformedBytes("registers out of order or out of range");
      if (run < 1 || run > registerMax) throw new MalformedBytes("a register with no possible run");
      last = index;
      state.set(index, run);
    }
    return state;
  },
});
