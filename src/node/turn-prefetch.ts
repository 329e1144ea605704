// Prefetch across connections. The commands of one pipelined read are prefetched as a batch
// (key-prefetch.ts); where each client sends one command at a time, the reads of a turn are the
// batch. The first key of each is found without decoding the request, hashed, and its slot of the
// index and its record are loaded, so that the cache misses of the turn overlap.
//
// It is a guess: what does not look like the usual command is left out, and nothing is believed of
// it but the hash of bytes that the decoder finds again at the same place.

import { hashWords } from "../keyspace/hash.js";
import type { Keyspace } from "../keyspace/keyspace.js";
import { loadRecords } from "../keyspace/record-loads.js";

/** Reads looked at in one turn; the rest are worked on as they are. */
export const turnReadsMax = 64;
const star = 42;
const dollar = 36;
const cr = 13;

export class TurnPrefetch {
  readonly #hashes = new Int32Array(turnReadsMax);
  readonly #keyStarts = new Int32Array(turnReadsMax);
  readonly #keyLengths = new Int32Array(turnReadsMax);
  readonly #refs = new Int32Array(turnReadsMax);
  #count = 0;
  #next = 0;
  #bytes: Uint8Array | undefined;
  /** Keeps the loads from being left out: a value that is never used could be optimised away. */
  touched = 0;

  /**
   * @param starts of the reads in `bytes`, and after the last one its end; `words` are its words
   */
  load(
    keyspace: Keyspace,
    bytes: Uint8Array,
    words: DataView,
    starts: Int32Array,
    count: number,
  ): void {
    let found = 0;
    // A read that is alone has nothing to overlap with.
    const most = count < 2 ? 0 : Math.min(count, turnReadsMax);
    for (let i = 0; i < most; i++) {
      const at = keyHeadOf(bytes, starts[i]!, starts[i + 1]!);
      if (at < 0) continue;
      // One digit or two.
      let length = bytes[at + 1]! - 48;
      let start = at + 4;
      if (bytes[at + 2] !== cr) {
        length = length * 10 + bytes[at + 2]! - 48;
        start++;
      }
      if (length < 0 || length > 99 || start + length > starts[i + 1]!) continue;
      this.#keyStarts[found] = start;
      this.#keyLengths[found] = length;
      this.#hashes[found++] = hashWords(words, start, length);
    }
    this.#bytes = bytes;
    this.#count = found;
    this.#next = 0;
    if (found === 0) return;
    const { keys } = keyspace.databases[0]!;
    this.touched ^= loadRecords(keyspace, keys, this.#hashes, this.#refs, found);
  }

  /** What was loaded is used up; the bytes may change. */
  end(): void {
    this.#bytes = undefined;
  }

  /** The index of the hash of this key, or -1. Asked in the order of the reads. */
  indexOf(bytes: Uint8Array, start: number, length: number): number {
    if (bytes !== this.#bytes) return -1;
    while (this.#next < this.#count && this.#keyStarts[this.#next]! < start) this.#next++;
    const next = this.#next;
    if (next === this.#count || this.#keyStarts[next] !== start) return -1;
    return this.#keyLengths[next] === length ? next : -1;
  }

  hashAt(index: number): number {
    return this.#hashes[index]!;
  }
}

/** Position of the `$` before the first key in `*2\r\n$3\r\nGET\r\n$1\r\nk\r\n`, or -1. */
function keyHeadOf(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 16 || bytes[start] !== star || bytes[start + 2] !== cr) return -1;
  if (bytes[start + 4] !== dollar || bytes[start + 6] !== cr) return -1;
  const at = start + 10 + bytes[start + 5]! - 48;
  return at + 7 <= end && bytes[at] === dollar ? at : -1;
}
