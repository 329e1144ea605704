// Decodes requests as Redis clients send them: multibulk arrays and inline lines. Nothing is copied
// and nothing is allocated per command: the result is a table of (offset, length) ranges into the
// caller's buffer, up to `batchCountMax` commands at a time. Errors are Redis's own texts; after
// one, the connection must close.
//
// How the bytes are cut into reads changes nothing: whatever the cuts, the same commands come out,
// and the same error after them. That is stricter than Redis, which looks for the end of a line in
// whatever has arrived.
//
// The decoder keeps no state between calls. What is incomplete stays with the caller, together with
// `wanted`: how many bytes the request must have before another attempt can succeed, so a large
// value that arrives in many reads is not scanned again at each; and, for a request of many
// arguments, with `partial`: what of it has been decoded, so that its reads cost no more than its
// bytes.

import { assert } from "../base/assert.js";
import { latin1 } from "../base/bytes.js";
import type { PartialRequest } from "../commands/session.js";
import { batchCountMax, type RequestBatch } from "../node/request-batch.js";

/** A line, inline request or count, must end within this many bytes. */
const lineBytesMax = 64 * 1024;
const int32Max = 0x7fffffff;
/** A request that has brought so many arguments is gone on with, not decoded anew. */
const partialCountMin = 64;
/** A client that has not authenticated may send no more arguments than this. */
const strangersArgumentsMax = 10;
const rangesStart = 4096;
/** Room for ranges that is kept from one call to the next; one huge request must not hold it. */
const rangesKept = 256 * 1024;
/** Digits that a double holds exactly. */
const exactDigits = 15;
const int64Max = 2n ** 63n - 1n;
const int64Min = -(2n ** 63n);

const cr = 13;
const lf = 10;
const star = 42;
const dollar = 36;

export interface DecodeLimits {
  /** `proto-max-bulk-len`. */
  bulkBytesMax: number;
  /** Clients that have not authenticated may send only small requests. */
  authenticated: boolean;
}

export class RequestDecoder implements RequestBatch {
  /** Commands decoded by the last call. */
  count = 0;
  /**
   * Per command: its argument count, where its ranges begin, and where its bytes end in the input.
   */
  readonly argcs = new Int32Array(batchCountMax);
  readonly firsts = new Int32Array(batchCountMax);
  readonly ends = new Int32Array(batchCountMax);
  /** Pairs (offset, length), all commands one after another. */
  ranges: Int32Array = new Int32Array(rangesStart);
  /** What the ranges point into: the input, or for an inline command a buffer of the decoder's. */
  source: Uint8Array = new Uint8Array(0);
  /** Input bytes used up, commands and skipped empty requests. */
  consumed = 0;
  /** How long the input must be, counted from `consumed`, before decoding can go on. */
  wanted = 0;
  /** Set when the input is not a request. `count` commands before it are good. */
  error: string | undefined;
  /** What has been decoded of the request that begins at `consumed`, when it has many arguments. */
  partial: PartialRequest | undefined;

  #used = 0;

  /**
   * Decodes from `bytes[start, end)`. `partial` is what an earlier call has left of the request
   * that begins at `start`; it is used up.
   */
  decode(
    bytes: Uint8Array,
    start: number,
    end: number,
    limits: DecodeLimits,
    partial?: PartialRequest,
  ): void {
    this.count = 0;
    this.#used = 0;
    this.source = bytes;
    this.consumed = start;
    this.wanted = 1;
    this.error = undefined;
    this.partial = undefined;
    if (this.ranges.length > rangesKept) this.ranges = new Int32Array(rangesStart);
    if (partial !== undefined && !this.#resume(bytes, start, end, limits, partial)) return;
    while (this.count < batchCountMax && this.consumed < end) {
      if (bytes[this.consumed] !== star) {
        // Inline arguments live in another buffer, so such a command is a batch of its own.
        if (this.count === 0) this.#decodeInline(bytes, this.consumed, end);
        return;
      }
      if (this.#decodeShort(bytes, this.consumed, end, limits)) continue;
      if (!this.#decodeMultibulk(bytes, this.consumed, end, limits)) return;
    }
  }

  /**
   * The usual command: up to 99 arguments of up to 99 bytes each, all of it there. False for any
   * other, of which nothing has been decoded then. One function without calls, for most of what a
   * node reads goes through it.
   */
  #decodeShort(bytes: Uint8Array, start: number, end: number, limits: DecodeLimits): boolean {
    // The shortest is "*1\r\n$0\r\n\r\n".
    if (start + 10 > end) return false;
    let argc = bytes[start + 1]! - 48;
    if (argc < 1 || argc > 9) return false;
    let at = start + 4;
    if (bytes[start + 2] !== cr) {
      const units = bytes[start + 2]! - 48;
      if (units < 0 || units > 9 || bytes[start + 3] !== cr) return false;
      argc = argc * 10 + units;
      if (argc > strangersArgumentsMax && !limits.authenticated) return false;
      at++;
    }
    const { ranges } = this;
    const first = this.#used;
    if (first + argc * 2 > ranges.length) return false;
    let used = first;
    for (let left = argc; left > 0; left--) {
      if (at + 6 > end || bytes[at] !== dollar) return false;
      let length = bytes[at + 1]! - 48;
      if (length < 0 || length > 9) return false;
      if (bytes[at + 2] === cr) at += 4;
      else {
        const units = bytes[at + 2]! - 48;
        if (length === 0 || units < 0 || units > 9 || bytes[at + 3] !== cr) return false;
        length = length * 10 + units;
        at += 5;
      }
      ranges[used] = at;
      ranges[used + 1] = length;
      used += 2;
      at += length + 2;
      if (at > end) return false;
    }
    const number = this.count;
    this.count = number + 1;
    this.#used = used;
    this.argcs[number] = argc;
    this.firsts[number] = first;
    this.ends[number] = at;
    this.consumed = at;
    return true;
  }

  /**
   * True when a command was decoded or an empty one skipped; false when input or patience has
   * ended.
   */
  #decodeMultibulk(bytes: Uint8Array, start: number, end: number, limits: DecodeLimits): boolean {
    let at = start + 1;
    let argc: number;
    if (at + 2 < end && bytes[at + 1] === cr && bytes[at]! >= 48 && bytes[at]! <= 57) {
      argc = bytes[at]! - 48;
      at += 3;
    } else {
      const line = this.#findCr(bytes, start, end, "too big mbulk count string");
      if (line < 0) return false;
      argc = parseCount(bytes, at, line);
      if (Number.isNaN(argc) || argc > int32Max) return this.#fail("invalid multibulk length");
      if (argc > strangersArgumentsMax && !limits.authenticated) {
        return this.#fail("unauthenticated multibulk length");
      }
      at = line + 2;
    }
    if (argc <= 0) {
      this.consumed = at;
      return true;
    }
    return this.#decodeBulks(bytes, start, at, end, argc, 0, limits);
  }

  #resume(
    bytes: Uint8Array,
    start: number,
    end: number,
    limits: DecodeLimits,
    { argc, index, at, ranges }: PartialRequest,
  ): boolean {
    assert(start === 0, "a request is gone on with that is not the first of its input");
    this.ranges = ranges;
    this.#used = index * 2;
    return this.#decodeBulks(bytes, start, at, end, argc, index, limits);
  }

  /** Decodes the arguments from number `done` on, the first of which begins at `from`. */
  #decodeBulks(
    bytes: Uint8Array,
    start: number,
    from: number,
    end: number,
    argc: number,
    done: number,
    limits: DecodeLimits,
  ): boolean {
    const first = this.#used - done * 2;
    let at = from;
    for (let index = done; index < argc; index++) {
      const next = this.#decodeBulk(bytes, start, at, end, limits);
      if (next < 0) {
        if (index >= partialCountMin) this.#keepPartial(start, at, argc, index, first);
        this.#used = first;
        return false;
      }
      at = next;
    }
    const number = this.count++;
    this.argcs[number] = argc;
    this.firsts[number] = first;
    this.ends[number] = at;
    this.consumed = at;
    return true;
  }

  /** Takes the ranges of an incomplete request out of the decoder, counted from its beginning. */
  #keepPartial(start: number, at: number, argc: number, index: number, first: number): void {
    let { ranges } = this;
    if (start === 0 && first === 0) this.ranges = new Int32Array(rangesStart);
    else {
      ranges = ranges.slice(first, first + index * 2);
      for (let i = 0; i < ranges.length; i += 2) ranges[i]! -= start;
    }
    this.partial = { argc, index, at: at - start, ranges };
  }

  /** Decodes one argument; returns where the next begins, -1 when the input ends or is wrong. */
  #decodeBulk(
    bytes: Uint8Array,
    start: number,
    from: number,
    end: number,
    limits: DecodeLimits,
  ): number {
    if (from >= end) return this.#want(from - start + 1);
    let at = from + 1;
    let length: number;
    const isBulk = bytes[from] === dollar;
    if (isBulk && at + 2 < end && bytes[at + 1] === cr && isDigit(bytes[at]!)) {
      length = bytes[at]! - 48;
      at += 3;
    } else if (
      isBulk &&
      at + 3 < end &&
      bytes[at + 2] === cr &&
      bytes[at] !== 48 &&
      isDigit(bytes[at]!) &&
      isDigit(bytes[at + 1]!)
    ) {
      length = (bytes[at]! - 48) * 10 + bytes[at + 1]! - 48;
      at += 4;
    } else {
      const line = this.#findCr(bytes, from, end, "too big bulk count string");
      if (line < 0) return -1;
      if (!isBulk) {
        this.#fail(`expected '$', got '${String.fromCharCode(bytes[from]!)}'`);
        return -1;
      }
      length = parseCount(bytes, at, line);
      if (Number.isNaN(length) || length < 0 || length > limits.bulkBytesMax) {
        this.#fail("invalid bulk length");
        return -1;
      }
      if (length > 16384 && !limits.authenticated) {
        this.#fail("unauthenticated bulk length");
        return -1;
      }
      at = line + 2;
    }
    const next = at + length + 2;
    if (next > end) return this.#want(next - start);
    if (this.#used + 2 > this.ranges.length) this.#growRanges();
    this.ranges[this.#used++] = at;
    this.ranges[this.#used++] = length;
    return next;
  }

  #growRanges(): void {
    const grown = new Int32Array(this.ranges.length * 2);
    grown.set(this.ranges);
    this.ranges = grown;
  }

  #want(bytes: number): -1 {
    this.wanted = bytes;
    return -1;
  }

  #fail(error: string): false {
    this.error = `Protocol error: ${error}`;
    return false;
  }

  /**
   * The position of a line's CR with one more byte behind it, -1 when that has not arrived. As in
   * Redis a NUL hides what follows it, and the byte behind the CR is not looked at.
   */
  #findCr(bytes: Uint8Array, start: number, end: number, tooLong: string): number {
    const stop = Math.min(end, start + lineBytesMax);
    let at = start;
    while (at < stop && bytes[at] !== cr && bytes[at] !== 0) at++;
    if (at < stop && bytes[at] === cr) {
      if (at + 1 < end) return at;
      this.wanted = at + 2 - this.consumed;
    } else if (end - start >= lineBytesMax) this.#fail(tooLong);
    else this.wanted = this.#afterHidden(bytes, at, start, end);
    return -1;
  }

  /** A line without an end needs another byte; one that a NUL hides can only become too long. */
  #afterHidden(bytes: Uint8Array, at: number, start: number, end: number): number {
    const isHidden = at < end && bytes[at] === 0;
    return (isHidden ? start + lineBytesMax : end + 1) - this.consumed;
  }

  #decodeInline(bytes: Uint8Array, start: number, end: number): void {
    const stop = Math.min(end, start + lineBytesMax);
    let line = start;
    while (line < stop && bytes[line] !== lf && bytes[line] !== 0) line++;
    if (line === stop || bytes[line] === 0) {
      if (end - start >= lineBytesMax) this.#fail("too big inline request");
      else this.wanted = this.#afterHidden(bytes, line, start, end);
      return;
    }
    const contentEnd = line > start && bytes[line - 1] === cr ? line - 1 : line;
    const args = splitInline(bytes, start, contentEnd);
    if (args === undefined) {
      this.#fail("unbalanced quotes in request");
      return;
    }
    this.consumed = line + 1;
    if (args.length === 0) return;
    let size = 0;
    for (const arg of args) size += arg.length;
    const joined = new Uint8Array(size);
    let at = 0;
    while (args.length * 2 > this.ranges.length) this.#growRanges();
    for (const arg of args) {
      joined.set(arg, at);
      this.ranges[this.#used++] = at;
      this.ranges[this.#used++] = arg.length;
      at += arg.length;
    }
    this.source = joined;
    this.count = 1;
    this.argcs[0] = args.length;
    this.firsts[0] = 0;
    this.ends[0] = line + 1;
  }
}

const isDigit = (byte: number): boolean => byte >= 48 && byte <= 57;

/**
 * A count as Redis reads it (string2ll): an optional minus, no plus, no leading zeros, within 64
 * bits. NaN otherwise. Beyond 15 digits it may be off by a little, which no limit can tell.
 */
function parseCount(bytes: Uint8Array, start: number, end: number): number {
  const isNegative = bytes[start] === 45;
  let at = isNegative ? start + 1 : start;
  if (at === end) return Number.NaN;
  if (bytes[at] === 48) return end - start === 1 ? 0 : Number.NaN;
  if (end - at > exactDigits) return parseLongCount(bytes, start, end);
  let value = 0;
  for (; at < end; at++) {
    if (!isDigit(bytes[at]!)) return Number.NaN;
    value = value * 10 + bytes[at]! - 48;
  }
  return isNegative ? -value : value;
}

function parseLongCount(bytes: Uint8Array, start: number, end: number): number {
  const text = latin1(bytes, start, Math.min(end, start + 21));
  if (end - start > 20 || !/^-?\d+$/.test(text)) return Number.NaN;
  const value = BigInt(text);
  return value >= int64Min && value <= int64Max ? Number(value) : Number.NaN;
}

/** What separates arguments: between them, and behind a closing quote. */
const isSpace = (byte: number): boolean => byte === 32 || (byte >= 9 && byte <= 13);
/** What ends an argument without quotes: Redis leaves vertical tab and form feed inside. */
const isEnd = (byte: number): boolean => isSpace(byte) && byte !== 11 && byte !== 12;

/**
 * Splits a line into arguments with Redis's quoting rules (sdssplitargs); undefined on unbalanced
 * quotes.
 */
export function splitInline(
  bytes: Uint8Array,
  start: number,
  end: number,
): Uint8Array[] | undefined {
  const args: Uint8Array[] = [];
  let at = start;
  for (;;) {
    while (at < end && isSpace(bytes[at]!)) at++;
    if (at >= end) return args;
    const out: number[] = [];
    while (at < end && !isEnd(bytes[at]!)) {
      const byte = bytes[at]!;
      if (byte === 34 || byte === 39) {
        at =
          byte === 34 ? readDouble(bytes, at + 1, end, out) : readSingle(bytes, at + 1, end, out);
        if (at < 0) return undefined;
        // A closing quote must end the argument.
        if (at < end && !isSpace(bytes[at]!)) return undefined;
        break;
      }
      out.push(byte);
      at++;
    }
    args.push(Uint8Array.from(out));
  }
}

const escapes = new Map([
  [110, 10],
  [114, 13],
  [116, 9],
  [98, 8],
  [97, 7],
]);

/** Reads to the closing double quote; returns the position after it, -1 when there is none. */
function readDouble(bytes: Uint8Array, start: number, end: number, out: number[]): number {
  let at = start;
  while (at < end) {
    const byte = bytes[at]!;
    if (byte === 34) return at + 1;
    if (byte === 92 && at + 1 < end) {
      const hex = Buffer.from(bytes.subarray(at + 2, at + 4)).toString("latin1");
      if (bytes[at + 1] === 120 && at + 3 < end && /^[0-9a-fA-F]{2}$/.test(hex)) {
        out.push(Number.parseInt(hex, 16));
        at += 4;
        continue;
      }
      out.push(escapes.get(bytes[at + 1]!) ?? bytes[at + 1]!);
      at += 2;
      continue;
    }
    out.push(byte);
    at++;
  }
  return -1;
}

function readSingle(bytes: Uint8Array, start: number, end: number, out: number[]): number {
  let at = start;
  while (at < end) {
    const byte = bytes[at]!;
    if (byte === 39) return at + 1;
    if (byte === 92 && bytes[at + 1] === 39 && at + 1 < end) {
      out.push(39);
      at += 2;
      continue;
    }
    out.push(byte);
    at++;
  }
  return -1;
}
