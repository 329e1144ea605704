// Ids of stream entries: milliseconds and a sequence, each an unsigned integer of 64 bits, kept as
// halves of 32 so that comparing them allocates nothing. Texts as Redis 7.0 reads and writes them
// (t_stream.c, util.c).
//
// Left out: what "-", "+", "$" and "*" mean; that is the commands' business.

/** Anything with the four halves is an id, also a cursor that stands at an entry. */
export interface StreamId {
  readonly msHigh: number;
  readonly msLow: number;
  readonly seqHigh: number;
  readonly seqLow: number;
}

const half = 0x1_0000_0000;
const halfMax = 0xffff_ffff;

export const idOf = (msHigh: number, msLow: number, seqHigh: number, seqLow: number): StreamId => ({
  msHigh,
  msLow,
  seqHigh,
  seqLow,
});

export const idMin: StreamId = idOf(0, 0, 0, 0);
export const idMax: StreamId = idOf(halfMax, halfMax, halfMax, halfMax);

/** The id itself where the argument is a cursor that will move on. */
export const keptId = ({ msHigh, msLow, seqHigh, seqLow }: StreamId): StreamId =>
  idOf(msHigh, msLow, seqHigh, seqLow);

export function compareIds(a: StreamId, b: StreamId): number {
  if (a.msHigh !== b.msHigh) return a.msHigh - b.msHigh;
  if (a.msLow !== b.msLow) return a.msLow - b.msLow;
  if (a.seqHigh !== b.seqHigh) return a.seqHigh - b.seqHigh;
  return a.seqLow - b.seqLow;
}

export const higherId = (a: StreamId, b: StreamId): StreamId => (compareIds(a, b) < 0 ? b : a);

export const isZeroId = (id: StreamId): boolean => compareIds(id, idMin) === 0;

/** The first id of a millisecond (Unix milliseconds, or any safe integer). */
export const idOfMs = (ms: number): StreamId => idOf(Math.floor(ms / half), ms % half, 0, 0);

/** The next id, or undefined after the last. */
export function nextId(id: StreamId): StreamId | undefined {
  if (id.seqLow < halfMax) return idOf(id.msHigh, id.msLow, id.seqHigh, id.seqLow + 1);
  if (id.seqHigh < halfMax) return idOf(id.msHigh, id.msLow, id.seqHigh + 1, 0);
  if (id.msLow < halfMax) return idOf(id.msHigh, id.msLow + 1, 0, 0);
  return id.msHigh < halfMax ? idOf(id.msHigh + 1, 0, 0, 0) : undefined;
}

/** The id before, or undefined before the first. */
export function previousId(id: StreamId): StreamId | undefined {
  if (id.seqLow > 0) return idOf(id.msHigh, id.msLow, id.seqHigh, id.seqLow - 1);
  if (id.seqHigh > 0) return idOf(id.msHigh, id.msLow, id.seqHigh - 1, halfMax);
  if (id.msLow > 0) return idOf(id.msHigh, id.msLow - 1, halfMax, halfMax);
  return id.msHigh > 0 ? idOf(id.msHigh - 1, halfMax, halfMax, halfMax) : undefined;
}

/** `a - b` of two unsigned 64-bit integers, as C's signed subtraction; rounded beyond 2^53. */
export function difference(aHigh: number, aLow: number, bHigh: number, bLow: number): number {
  const high = aHigh - bHigh;
  if (high > -0x20_0000 && high < 0x20_0000) return high * half + (aLow - bLow);
  return Number(BigInt.asIntN(64, join(aHigh, aLow) - join(bHigh, bLow)));
}

const join = (high: number, low: number): bigint => (BigInt(high) << 32n) | BigInt(low);

const wordText = (high: number, low: number): string =>
  String(high < 0x20_0000 ? high * half + low : join(high, low));

/** `<ms>-<seq>` */
export const idText = (id: StreamId): string =>
  `${wordText(id.msHigh, id.msLow)}-${wordText(id.seqHigh, id.seqLow)}`;

const wordMax = 2n ** 64n - 1n;

/** What an unsigned integer of 64 bits was read as. */
export interface Word {
  readonly high: number;
  readonly low: number;
}

/**
 * An unsigned integer as C's strtoull reads it, so with leading blanks, zeros and signs; undefined
 * when it is none or does not fit. A sign is refused where the number is plain, and wraps where it
 * is not: `-007` is 2^64 - 7, as in Redis.
 */
export function readWord(text: string): Word | undefined {
  if (text.length <= 15 && /^(0|[1-9]\d*)$/.test(text)) {
    const value = Number(text);
    return { high: Math.floor(value / half), low: value % half };
  }
  const match = /^[\t-\r ]*([+-]?)(\d+)$/.exec(text);
  if (match === null) return undefined;
  const magnitude = BigInt(match[2]!);
  if (magnitude > wordMax) return undefined;
  if (/^-[1-9]\d*$/.test(text) && magnitude <= 2n ** 63n) return undefined;
  const value = match[1] === "-" ? BigInt.asUintN(64, -magnitude) : magnitude;
  return { high: Number(value >> 32n), low: Number(value & 0xffff_ffffn) };
}

/** Sixteen bytes, big-endian, so that their order is the order of the ids. */
export function writeId(bytes: Uint8Array, at: number, id: StreamId): void {
  const words = [id.msHigh, id.msLow, id.seqHigh, id.seqLow];
  for (let word = 0; word < 4; word++)
    for (let i = 0; i < 4; i++) bytes[at + word * 4 + i] = (words[word]! >>> (24 - i * 8)) & 0xff;
}

export function readId(bytes: Uint8Array, at: number): StreamId {
  const word = (offset: number): number => {
    let value = 0;
    for (let i = 0; i < 4; i++) value = value * 256 + bytes[at + offset + i]!;
    return value;
  };
  return idOf(word(0), word(4), word(8), word(12));
}

export const idBytes = 16;
