// Bytes read and copied four at a time, from any position: a view of numbers (Int32Array) can only
// begin at multiples of four. A loop over single bytes takes several times as long.
//
// A view costs more to make than it saves at one use. The arena and the reply buffer keep theirs;
// here is kept that of the buffer which requests are read from, since each of its commands asks.

/** Shorter runs are copied by bytes, longer ones natively: both are quicker there. */
export const wordCopyMin = 16;
export const wordCopyMax = 256;

export const wordsOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

let requestBytes: Uint8Array = new Uint8Array(0);
let requestWords = wordsOf(requestBytes);

/** The words of the buffer that requests are read from now; it is remembered. */
export function wordsOfRequest(bytes: Uint8Array): DataView {
  if (bytes !== requestBytes) {
    requestBytes = bytes;
    requestWords = wordsOf(bytes);
  }
  return requestWords;
}

/** The words of these bytes when they are what requests are read from, else undefined. */
export const knownWordsOf = (bytes: Uint8Array): DataView | undefined =>
  bytes === requestBytes ? requestWords : undefined;

/** Copies `length` bytes; the runs must not overlap. */
export function copyWords(
  target: DataView,
  at: number,
  source: DataView,
  start: number,
  length: number,
): void {
  let i = 0;
  for (; i + 16 <= length; i += 16) {
    const to = at + i;
    const from = start + i;
    target.setInt32(to, source.getInt32(from, true), true);
    target.setInt32(to + 4, source.getInt32(from + 4, true), true);
    target.setInt32(to + 8, source.getInt32(from + 8, true), true);
    target.setInt32(to + 12, source.getInt32(from + 12, true), true);
  }
  for (; i + 4 <= length; i += 4) target.setInt32(at + i, source.getInt32(start + i, true), true);
  for (; i < length; i++) target.setUint8(at + i, source.getUint8(start + i));
}
