// The reply encoder: RESP2 and RESP3 into one growing byte buffer. A command writes its reply here
// and nowhere else; nothing is allocated per reply. RESP: https://redis.io/docs/reference/protocol-spec/ and its RESP3.

import { type Bytes, copyBytes, utf8 } from "../base/bytes.js";
import { writeInteger } from "../base/digits.js";
import { copyWords, wordCopyMax, wordCopyMin, wordsOf } from "../base/words.js";

const ok = utf8("+OK\r\n");
const pong = utf8("+PONG\r\n");
const queued = utf8("+QUEUED\r\n");
const nilBulk = utf8("$-1\r\n");
const nilArray = utf8("*-1\r\n");
const nil3 = utf8("_\r\n");
const zeroReply = utf8(":0\r\n");
const oneReply = utf8(":1\r\n");

/** The first size of the buffer, and what it shrinks back to after a larger turn. */
const capacityStart = 64 * 1024;

/** A reply that outgrew `replyBytesMax`; the dispatcher closes the connection. */
export class ReplyTooLarge extends Error {
  override readonly name = "ReplyTooLarge";
}

/**
 * One turn's replies may not exceed this many bytes: a second bound beside the output-buffer
 * limits.
 */
export const replyBytesMax = 0x7fff_0000;

export class Reply {
  bytes: Uint8Array = new Uint8Array(capacityStart);
  #words = wordsOf(this.bytes);
  length = 0;
  /** The protocol of the connection being answered. */
  resp3 = false;
  /** Error replies so far: the dispatcher compares it before and after a command. */
  errorCount = 0;
  /** Told of each error reply by its first word; INFO errorstats counts there. */
  onError: ((prefix: string) => void) | undefined;

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    if (needed > replyBytesMax) throw new ReplyTooLarge("a turn's replies exceed 2 GiB");
    const grown = new Uint8Array(Math.min(replyBytesMax, Math.max(needed, this.bytes.length * 2)));
    grown.set(this.bytes.subarray(0, this.length));
    this.#take(grown);
  }

  /** Hands the buffer away (it is being sent) and starts another one. */
  replaceBuffer(buffer?: Uint8Array): void {
    this.#take(buffer ?? new Uint8Array(capacityStart));
    this.length = 0;
  }

  clear(): void {
    if (this.bytes.length > capacityStart * 16) this.#take(new Uint8Array(capacityStart));
    this.length = 0;
  }

  #take(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.#words = wordsOf(bytes);
  }

  #constant(bytes: Bytes): void {
    this.reserve(bytes.length);
    const out = this.bytes;
    let at = this.length;
    for (let i = 0; i < bytes.length; i++) out[at++] = bytes[i]!;
    this.length = at;
  }

  raw(bytes: Bytes, start = 0, length = bytes.length): void {
    this.reserve(length);
    copyBytes(this.bytes, this.length, bytes, start, length);
    this.length += length;
  }

  ok(): void {
    this.#constant(ok);
  }

  pong(): void {
    this.#constant(pong);
  }

  queued(): void {
    this.#constant(queued);
  }

  /** A missing value. */
  nil(): void {
    this.#constant(this.resp3 ? nil3 : nilBulk);
  }

  /** A missing array, which RESP2 tells apart from a missing value. */
  nilArray(): void {
    this.#constant(this.resp3 ? nil3 : nilArray);
  }

  /** A status line; `text` must be ASCII without line ends. */
  simple(text: string): void {
    this.#line(43, text);
  }

  /**
   * An error line, such as `ERR syntax error`. Line ends inside it become spaces, those at its end
   * go.
   */
  error(text: string): void {
    this.#line(45, text.replace(/[\r\n]+$/, "").replace(/[\r\n]/g, " "));
    this.errorCount++;
    if (this.onError === undefined) return;
    const space = text.indexOf(" ");
    this.onError(space < 0 ? text : text.slice(0, space));
  }

  #line(mark: number, text: string): void {
    const encoded = Buffer.from(text, "latin1");
    this.reserve(encoded.length + 3);
    this.bytes[this.length++] = mark;
    this.raw(encoded);
    this.#end();
  }

  #end(): void {
    this.bytes[this.length++] = 13;
    this.bytes[this.length++] = 10;
  }

  /** A safe integer. */
  integer(value: number): void {
    if (value === 0) this.#constant(zeroReply);
    else if (value === 1) this.#constant(oneReply);
    else this.#header(58, value);
  }

  bigInteger(value: bigint): void {
    this.#line(58, value.toString());
  }

  boolean(value: boolean): void {
    if (this.resp3) this.#line(35, value ? "t" : "f");
    else this.integer(value ? 1 : 0);
  }

  #header(mark: number, count: number): void {
    this.reserve(24);
    const { bytes } = this;
    let at = this.length;
    bytes[at++] = mark;
    at += writeInteger(bytes, at, count);
    bytes[at++] = 13;
    bytes[at++] = 10;
    this.length = at;
  }

  /** A binary-safe string: `bytes[start, start + length)`; `words` are the same bytes. */
  bulk(bytes: Bytes, start = 0, length = bytes.length, words?: DataView): void {
    this.reserve(length + 26);
    const out = this.bytes;
    let at = this.length;
    out[at++] = 36;
    if (length < 10) out[at++] = 48 + length;
    else at += writeInteger(out, at, length);
    out[at++] = 13;
    out[at++] = 10;
    if (words !== undefined && length >= wordCopyMin && length <= wordCopyMax)
      copyWords(this.#words, at, words, start, length);
    else if (length > 96) out.set(bytes.subarray(start, start + length), at);
    else for (let i = 0; i < length; i++) out[at + i] = bytes[start + i]!;
    at += length;
    out[at++] = 13;
    out[at++] = 10;
    this.length = at;
  }

  /** A string that the server itself wrote, sent as UTF-8. */
  bulkText(text: string): void {
    this.bulk(utf8(text));
  }

  bulkInteger(value: number): void {
    const length = writeInteger(scratch, 0, value);
    this.bulk(scratch, 0, length);
  }

  /** A double: RESP3's own type, a bulk string in RESP2. `text` is the value as Redis prints it. */
  double(text: string): void {
    if (this.resp3) this.#line(44, text);
    else this.bulkText(text);
  }

  /** Text with a format, such as INFO's: RESP3's verbatim string, a bulk string in RESP2. */
  verbatim(text: string): void {
    if (!this.resp3) {
      this.bulkText(text);
      return;
    }
    const encoded = utf8(`txt:${text}`);
    this.#header(61, encoded.length);
    this.raw(encoded);
    this.reserve(2);
    this.#end();
  }

  array(count: number): void {
    this.#header(42, count);
  }

  /** `count` pairs follow: a map in RESP3, a flat array of twice as many in RESP2. */
  map(count: number): void {
    if (this.resp3) this.#header(37, count);
    else this.#header(42, count * 2);
  }

  /**
   * Puts the head of an array or a map before what was written from `at` on, for a number of items
   * that is known only afterwards.
   */
  insertHead(kind: "array" | "map", at: number, count: number): void {
    const end = this.length;
    this[kind](count);
    const head = this.bytes.slice(end, this.length);
    this.bytes.copyWithin(at + head.length, at, end);
    this.bytes.set(head, at);
  }

  set(count: number): void {
    this.#header(this.resp3 ? 126 : 42, count);
  }

  push(count: number): void {
    this.#header(this.resp3 ? 62 : 42, count);
  }
}

const scratch = new Uint8Array(32);
