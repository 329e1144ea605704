// Large buffers that are used again. A node under load makes megabytes of batches and frames each
// second; in new buffers they would make the collector of garbage run several times a second, and
// its work would exceed that of the writes.
//
// A lease counts who still needs a buffer. Who forgets to release it costs the collector some work
// and nothing else; who releases too early is found by `isOver`, which is asserted wherever leased
// bytes are read.

import { assert } from "./assert.js";
import type { Bytes } from "./bytes.js";

/** Less than this is left to the collector. */
const leasedBytesMin = 64 * 1024;
/** Free memory that is kept for later; more goes to the collector. */
const freeBytesMax = 16 * 1024 * 1024;

export class Lease {
  readonly #memory: LeasedMemory;
  readonly #bytes: Bytes;
  #holders: number;
  #isOver = false;

  constructor(memory: LeasedMemory, bytes: Bytes, holders: number) {
    this.#memory = memory;
    this.#bytes = bytes;
    this.#holders = holders;
  }

  /** The memory is somebody else's by now, or may become so at any time. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** One more needs the bytes. */
  hold(): void {
    assert(!this.#isOver, "memory is held that was given back");
    this.#holders++;
  }

  /** One of those who needed the bytes does so no more. */
  release(): void {
    assert(!this.#isOver, "memory is given back twice");
    this.#holders--;
    if (this.#holders > 0) return;
    this.#isOver = true;
    this.#memory.giveBack(this.#bytes);
  }
}

export class LeasedMemory {
  readonly #free: Bytes[] = [];
  #freeBytes = 0;
  readonly #bytesMin: number;

  /** @param bytesMin for tests, where everything is small. */
  constructor(bytesMin = leasedBytesMin) {
    this.#bytesMin = bytesMin;
  }

  /** A buffer of so many bytes or more; undefined when they are too few to be worth it. */
  take(bytes: number): Bytes | undefined {
    if (bytes < this.#bytesMin) return undefined;
    for (let i = this.#free.length - 1; i >= 0; i--) {
      const found = this.#free[i]!;
      if (found.length < bytes) continue;
      this.#free.splice(i, 1);
      this.#freeBytes -= found.length;
      return found;
    }
    return new Uint8Array(2 ** Math.ceil(Math.log2(bytes)));
  }

  /** @param holders how many will release it; nobody yet: they say so by `hold`. */
  lease(bytes: Bytes, holders = 0): Lease {
    return new Lease(this, bytes, holders);
  }

  giveBack(bytes: Bytes): void {
    if (this.#freeBytes + bytes.length > freeBytesMax) return;
    this.#free.push(bytes);
    this.#freeBytes += bytes.length;
  }
}
