// The string that holds a HyperLogLog, byte for byte as Redis 7.0 keeps it (hyperloglog.c): sixteen
// bytes of header (HYLL, encoding, the estimate that was computed last), then registers of six bits
// each, or opcodes for runs of registers while most are zero:
//
//   00llllll            l+1 registers of zero
//   01llllll llllllll   l+1 registers of zero
//   1vvvvvll            l+1 registers of v+1
//
// A `Sketch` is a copy to work on. Where replicas wrote one key at once its string has siblings,
// and a reader sees their union: that is how the lattice of registers (lattice/hyperloglog.ts) is
// kept in a string's cell.

import type { Bytes } from "../base/bytes.js";
import { estimate, type Histogram, newHistogram, registerCount } from "../lattice/hyperloglog.js";

const headerBytes = 16;
export const denseBytes = headerBytes + (registerCount * 6) / 8;
const encodingAt = 4;
const cardAt = 8;
const dense = 0;
const sparse = 1;
const magic = [72, 89, 76, 76];

const zeroRunMax = 64;
const longRunMax = 16384;
const valueMax = 32;
const valueRunMax = 4;
/** An opcode for a long run is split into three, of two, one and two bytes. */
const growthMax = 3;
/** Opcodes that are looked at for a merge after a change. */
const mergeScan = 5;

const isZero = (op: number): boolean => (op & 0xc0) === 0;
const isLong = (op: number): boolean => (op & 0xc0) === 0x40;
const valueIn = (op: number): number => ((op >> 2) & 31) + 1;
const runOf = (op: number): number => (op & 3) + 1;
const valueOp = (value: number, run: number): number => ((value - 1) << 2) | (run - 1) | 0x80;

/** Whether these bytes are taken for a HyperLogLog; their opcodes may still be wrong. */
export function isSketch(bytes: Uint8Array, start: number, length: number): boolean {
  if (length < headerBytes || magic.some((byte, i) => bytes[start + i] !== byte)) return false;
  const encoding = bytes[start + encodingAt]!;
  return encoding === dense ? length === denseBytes : encoding === sparse;
}

export class Sketch {
  bytes = new Uint8Array(denseBytes + growthMax);
  length = 0;

  /** An empty one. */
  clear(): this {
    this.bytes.fill(0, 0, headerBytes);
    this.bytes.set(magic);
    this.bytes[encodingAt] = sparse;
    const run = longRunMax - 1;
    this.bytes[headerBytes] = 0x40 | (run >> 8);
    this.bytes[headerBytes + 1] = run;
    this.length = headerBytes + 2;
    return this;
  }

  /** A copy of a string that `isSketch`. */
  load(bytes: Uint8Array, start: number, length: number): this {
    if (this.bytes.length < length + growthMax)
      this.bytes = new Uint8Array(length + growthMax + length / 4);
    this.bytes.set(bytes.subarray(start, start + length));
    this.length = length;
    return this;
  }

  get isDense(): boolean {
    return this.bytes[encodingAt] === dense;
  }

  /** The estimate in the header; undefined when it is out of date. */
  get card(): bigint | undefined {
    if ((this.bytes[cardAt + 7]! & 0x80) !== 0) return undefined;
    let card = 0n;
    for (let i = 7; i >= 0; i--) card = (card << 8n) | BigInt(this.bytes[cardAt + i]!);
    return card;
  }

  setCard(card: bigint): void {
    for (let i = 0; i < 8; i++)
      this.bytes[cardAt + i] = Number((BigInt.asUintN(64, card) >> BigInt(8 * i)) & 0xffn);
  }

  forgetCard(): void {
    this.bytes[cardAt + 7]! |= 0x80;
  }

  /** Raises a register. Answers whether it changed; undefined when the opcodes are broken. */
  raise(index: number, value: number, sparseBytesMax: number): boolean | undefined {
    return this.isDense
      ? this.#raiseDense(index, value)
      : this.#raiseSparse(index, value, sparseBytesMax);
  }

  // ---- six bits each

  #get(index: number): number {
    const bit = index * 6;
    const at = headerBytes + (bit >> 3);
    const pair = this.bytes[at]! | ((at + 1 < denseBytes ? this.bytes[at + 1]! : 0) << 8);
    return (pair >> (bit & 7)) & 63;
  }

  #raiseDense(index: number, value: number): boolean {
    if (value <= this.#get(index)) return false;
    const bit = index * 6;
    const at = headerBytes + (bit >> 3);
    const shift = bit & 7;
    const [mask, bits] = [63 << shift, value << shift];
    this.bytes[at] = (this.bytes[at]! & ~mask) | bits;
    if (at + 1 < denseBytes)
      this.bytes[at + 1] = (this.bytes[at + 1]! & ~(mask >> 8)) | (bits >> 8);
    return true;
  }

  /** Changes the encoding for good. False, with nothing done, when the opcodes are broken. */
  toDense(): boolean {
    if (this.isDense) return true;
    const registers = new Uint8Array(registerCount);
    if (!this.raiseInto(registers)) return false;
    if (this.bytes.length < denseBytes) throw new RangeError("a sketch without room");
    this.bytes.fill(0, headerBytes);
    this.length = denseBytes;
    this.bytes[encodingAt] = dense;
    for (let i = 0; i < registerCount; i++)
      if (registers[i] !== 0) this.#raiseDense(i, registers[i]!);
    return true;
  }

  // ---- opcodes

  /** Registers that the opcode at a place covers. */
  #span(at: number): number {
    const op = this.bytes[at]!;
    if (isZero(op)) return op + 1;
    return isLong(op) ? (((op & 0x3f) << 8) | this.#byte(at + 1)) + 1 : runOf(op);
  }

  /** A byte, or what stands behind a string in C. */
  #byte(at: number): number {
    return at < this.length ? this.bytes[at]! : 0;
  }

  #raiseSparse(index: number, value: number, bytesMax: number): boolean | undefined {
    if (value > valueMax) return this.#promote(index, value);
    let at = headerBytes;
    let before = -1;
    let first = 0;
    let span = 0;
    while (at < this.length) {
      span = this.#span(at);
      if (index < first + span) break;
      before = at;
      at += isLong(this.bytes[at]!) ? 2 : 1;
      first += span;
    }
    if (span === 0 || at >= this.length) return undefined;
    const op = this.bytes[at]!;
    const isValue = !isZero(op) && !isLong(op);
    if (isValue && valueIn(op) >= value) return false;
    if (span === 1 && !isLong(op)) this.bytes[at] = valueOp(value, 1);
    else {
      const size = this.#writeSplit(op, index - first, value, first + span - 1 - index);
      const delta = size - (isLong(op) ? 2 : 1);
      if (delta > 0 && this.length + delta > bytesMax) return this.#promote(index, value);
      this.#replace(at, size - delta, size);
    }
    this.#merge(before < 0 ? headerBytes : before);
    this.forgetCard();
    return true;
  }

  /** Writes into `split` what takes the place of an opcode; answers its length. */
  #writeSplit(op: number, left: number, value: number, right: number): number {
    const old = isZero(op) || isLong(op) ? 0 : valueIn(op);
    let size = writeRun(0, old, left);
    split[size++] = valueOp(value, 1);
    size = writeRun(size, old, right);
    return size;
  }

  #replace(at: number, removed: number, added: number): void {
    // A long run whose second byte is missing ends past the string.
    const from = Math.min(at + removed, this.length);
    this.bytes.copyWithin(at + added, from, this.length);
    for (let i = 0; i < added; i++) this.bytes[at + i] = split[i]!;
    this.length += added - removed;
  }

  /** Joins neighbours of one value, as far as one opcode can hold them. */
  #merge(from: number): void {
    let at = from;
    for (let left = mergeScan; at < this.length && left > 0; left--) {
      const op = this.bytes[at]!;
      if (isZero(op) || isLong(op)) {
        at += isLong(op) ? 2 : 1;
        continue;
      }
      const next = this.#byte(at + 1);
      const run = runOf(op) + runOf(next);
      const isMergeable = at + 1 < this.length && (next & 0x80) !== 0 && run <= valueRunMax;
      if (isMergeable && valueIn(op) === valueIn(next)) {
        this.bytes[at + 1] = valueOp(valueIn(op), run);
        this.bytes.copyWithin(at, at + 1, this.length);
        this.length--;
      } else at++;
    }
  }

  #promote(index: number, value: number): boolean | undefined {
    return this.toDense() ? this.#raiseDense(index, value) : undefined;
  }

  // ---- all registers

  /** Visits the registers of the dense form: three bytes hold four of them. */
  #eachFour(visit: (index: number, a: number, b: number, c: number, d: number) => void): void {
    const { bytes } = this;
    for (let index = 0, at = headerBytes; index < registerCount; index += 4, at += 3) {
      const bits = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
      visit(index, bits & 63, (bits >> 6) & 63, (bits >> 12) & 63, (bits >> 18) & 63);
    }
  }

  /** Raises `registers` to the maximum with these; false when the opcodes are broken. */
  raiseInto(registers: Uint8Array): boolean {
    let index = 0;
    if (this.isDense) {
      this.#eachFour((at, a, b, c, d) => {
        if (a > registers[at]!) registers[at] = a;
        if (b > registers[at + 1]!) registers[at + 1] = b;
        if (c > registers[at + 2]!) registers[at + 2] = c;
        if (d > registers[at + 3]!) registers[at + 3] = d;
      });
      return true;
    }
    for (let at = headerBytes; at < this.length; ) {
      const op = this.bytes[at]!;
      const span = this.#span(at);
      if (isZero(op) || isLong(op)) {
        index += span;
        at += isLong(op) ? 2 : 1;
        continue;
      }
      if (index + span > registerCount) return false;
      for (const end = index + span; index < end; index++)
        if (valueIn(op) > registers[index]!) registers[index] = valueIn(op);
      at++;
    }
    return index === registerCount;
  }

  /** Counts registers by value; undefined when the opcodes do not cover each of them once. */
  histogram(): Histogram | undefined {
    const histogram = newHistogram();
    if (this.isDense) {
      this.#eachFour((_at, a, b, c, d) => {
        histogram[a]!++;
        histogram[b]!++;
        histogram[c]!++;
        histogram[d]!++;
      });
      return histogram;
    }
    let index = 0;
    for (let at = headerBytes; at < this.length; ) {
      const op = this.bytes[at]!;
      const span = this.#span(at);
      histogram[isZero(op) || isLong(op) ? 0 : valueIn(op)]! += span;
      index += span;
      at += isLong(op) ? 2 : 1;
    }
    return index === registerCount ? histogram : undefined;
  }

  /** The opcodes as text for people: z:1 Z:16383 v:1,1. */
  describe(): string {
    const words: string[] = [];
    for (let at = headerBytes; at < this.length; ) {
      const op = this.bytes[at]!;
      if (isZero(op)) words.push(`z:${this.#span(at)}`);
      else if (isLong(op)) words.push(`Z:${this.#span(at)}`);
      else words.push(`v:${valueIn(op)},${runOf(op)}`);
      at += isLong(op) ? 2 : 1;
    }
    return words.join(" ");
  }
}

const split = new Uint8Array(2 + 1 + 2);

function writeRun(at: number, value: number, run: number): number {
  if (run === 0) return at;
  if (value === 0 && run > zeroRunMax) {
    split[at] = 0x40 | ((run - 1) >> 8);
    split[at + 1] = run - 1;
    return at + 2;
  }
  split[at] = value === 0 ? run - 1 : valueOp(value, run);
  return at + 1;
}

const int64Min = -(2n ** 63n);

/** An estimate as Redis's 64 bits hold it. */
export function cardOf(histogram: Histogram): bigint {
  const value = estimate(histogram);
  // Registers that no element can have made may say anything: C's rounding gives up then.
  return value < 2 ** 63 ? BigInt(value) : int64Min;
}

export function histogramOf(registers: Uint8Array): Histogram {
  const histogram = newHistogram();
  for (const value of registers) histogram[value]!++;
  return histogram;
}

/** The size up to which a union stays with opcodes; the default of hll-sparse-max-bytes. */
const unionBytesMax = 3000;

/**
 * The HyperLogLog that strings written at once amount to, whatever their order; undefined when one
 * of them is none.
 */
export function unionOf(texts: readonly Bytes[]): Bytes | undefined {
  if (!texts.every((text) => isSketch(text, 0, text.length))) return undefined;
  const registers = new Uint8Array(registerCount);
  const union = new Sketch().clear();
  for (const text of texts) {
    const part = new Sketch().load(text, 0, text.length);
    if (!part.raiseInto(registers)) return undefined;
    if (part.isDense) union.toDense();
  }
  fill(union, registers, unionBytesMax);
  return union.bytes.slice(0, union.length);
}

/** Raises a sketch to registers; what it holds already stays. */
export function fill(sketch: Sketch, registers: Uint8Array, sparseBytesMax: number): void {
  for (let i = 0; i < registerCount; i++)
    if (registers[i] !== 0) sketch.raise(i, Math.min(registers[i]!, 63), sparseBytesMax);
  sketch.forgetCard();
}
