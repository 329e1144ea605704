// The key of each shard that most of its reads are about, if one is: what an operator wants to know
// of a shard that is hot. One read in `sampleEvery` votes (Boyer and Moore, MJRTY, 1981): a vote
// for the key at hand strengthens it, any other weakens it, and at zero the next one takes its
// place. A key with more than half of the reads stands in the end, whatever was there before.
//
// Bounded: one key of each shard, strength included, so that an old one gives way.

import type { Bytes } from "../base/bytes.js";

const sampleEvery = 16;
const strengthMax = 64;
/** Longer keys do not vote. */
const keyBytesMax = 256;

export class HotKeys {
  readonly #keys: (Bytes | undefined)[];
  readonly #strengths: Uint8Array;
  #count = 0;

  constructor(shardCount: number) {
    this.#keys = new Array<Bytes | undefined>(shardCount);
    this.#strengths = new Uint8Array(shardCount);
  }

  /**
   * A read of a key, `size` bytes from `start`. Allocates only when a key takes another's place.
   */
  note(shard: number, bytes: Bytes, start: number, size: number): void {
    if (++this.#count % sampleEvery !== 0 || size > keyBytesMax) return;
    const strength = this.#strengths[shard]!;
    if (strength === 0) {
      this.#keys[shard] = bytes.slice(start, start + size);
      this.#strengths[shard] = 1;
    } else if (isAt(this.#keys[shard]!, bytes, start, size))
      this.#strengths[shard] = Math.min(strengthMax, strength + 1);
    else this.#strengths[shard] = strength - 1;
  }

  /** The key that most reads of a shard were about, as far as one was. */
  of(shard: number): Bytes | undefined {
    return this.#strengths[shard]! > 1 ? this.#keys[shard] : undefined;
  }
}

function isAt(key: Bytes, bytes: Bytes, start: number, size: number): boolean {
  if (key.length !== size) return false;
  for (let i = 0; i < size; i++) if (key[i] !== bytes[start + i]) return false;
  return true;
}
