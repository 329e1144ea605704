// Frames in a stream of bytes: a length of four bytes, then so many bytes. An empty frame is a sign
// of life. A length beyond the limit ends the connection before anything is allocated for it.

import type { Bytes } from "../base/bytes.js";
import type { LeasedMemory } from "../base/leased-memory.js";

const lengthBytes = 4;
/**
 * Frames between these lengths are gathered in memory that is used again: shorter ones come whole,
 * and for longer ones nothing is set aside before they are there.
 */
const gatheredBytesMin = 64 * 1024;
const gatheredBytesMax = 2 * 1024 * 1024;

/** A frame with its length in front. */
export function withLength(frame: Bytes): Bytes {
  const bytes = new Uint8Array(lengthBytes + frame.length);
  writeLength(bytes, frame.length);
  bytes.set(frame, lengthBytes);
  return bytes;
}

export const signOfLife: Bytes = new Uint8Array(lengthBytes);

export function lengthPrefix(length: number): Bytes {
  const bytes = new Uint8Array(lengthBytes);
  writeLength(bytes, length);
  return bytes;
}

function writeLength(bytes: Uint8Array, length: number): void {
  bytes[0] = length >>> 24;
  bytes[1] = length >>> 16;
  bytes[2] = length >>> 8;
  bytes[3] = length;
}

const readLength = (bytes: Uint8Array, at: number): number =>
  bytes[at]! * 0x100_0000 + ((bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!);

/** Cuts a stream into frames. Holds at most one frame that is not complete yet. */
export class FrameReader {
  /** Longest frame that is taken; set it before the frame arrives. */
  frameBytesMax: number;
  /** Too long a frame was announced: nothing that follows can be understood. */
  isBroken = false;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #neededBytes = lengthBytes;
  readonly #memory: LeasedMemory | undefined;
  /** A long frame as far as it has come. */
  #gathered: Uint8Array | undefined;
  #gatheredBytes = 0;
  #gatheredLength = 0;

  constructor(frameBytesMax: number, memory?: LeasedMemory) {
    this.frameBytesMax = frameBytesMax;
    this.#memory = memory;
  }

  /** Bytes of a frame that is not complete. */
  get heldBytes(): number {
    return this.#heldBytes + this.#gatheredBytes;
  }

  /**
   * Hands over each complete frame; it is valid during the call only. The taker may lower or raise
   * the limit, or answer false: then nothing more is read.
   */
  push(chunk: Uint8Array, take: (frame: Bytes) => boolean): void {
    if (this.isBroken) return;
    let bytes = chunk;
    if (this.#gathered !== undefined) {
      const taken = this.#gather(chunk);
      if (this.#gatheredBytes < this.#gatheredLength) return;
      if (!this.#takeGathered(take)) return;
      bytes = chunk.subarray(taken);
    } else if (this.#heldBytes > 0) {
      if (this.#heldBytes + chunk.length < this.#neededBytes) {
        this.#hold(chunk);
        return;
      }
      bytes = this.#join(chunk);
    }
    let at = 0;
    for (;;) {
      const left = bytes.length - at;
      if (left < lengthBytes) {
        this.#neededBytes = lengthBytes;
        break;
      }
      const length = readLength(bytes, at);
      if (length > this.frameBytesMax) {
        this.isBroken = true;
        return;
      }
      if (left < lengthBytes + length) {
        this.#neededBytes = lengthBytes + length;
        if (this.#beginGathering(length)) {
          this.#gather(bytes.subarray(at + lengthBytes));
          return;
        }
        break;
      }
      const start = at + lengthBytes;
      at = start + length;
      if (!take(bytes.subarray(start, at))) {
        this.isBroken = true;
        return;
      }
    }
    if (at < bytes.length) this.#hold(bytes.subarray(at));
  }

  #beginGathering(length: number): boolean {
    if (length < gatheredBytesMin || length > gatheredBytesMax) return false;
    this.#gathered = this.#memory?.take(length);
    this.#gatheredLength = length;
    return this.#gathered !== undefined;
  }

  /** Takes what belongs to the long frame; answers how many bytes that is. */
  #gather(bytes: Uint8Array): number {
    const count = Math.min(bytes.length, this.#gatheredLength - this.#gatheredBytes);
    this.#gathered!.set(bytes.subarray(0, count), this.#gatheredBytes);
    this.#gatheredBytes += count;
    return count;
  }

  #takeGathered(take: (frame: Bytes) => boolean): boolean {
    const frame = this.#gathered!;
    this.#gathered = undefined;
    this.#gatheredBytes = 0;
    this.isBroken = !take(frame.subarray(0, this.#gatheredLength));
    this.#memory?.giveBack(frame);
    return !this.isBroken;
  }

  /** The reader's buffer is used again, so what must wait is copied. */
  #hold(bytes: Uint8Array): void {
    this.#held.push(bytes.slice());
    this.#heldBytes += bytes.length;
  }

  #join(chunk: Uint8Array): Uint8Array {
    const bytes = new Uint8Array(this.#heldBytes + chunk.length);
    let at = 0;
    for (const part of [...this.#held, chunk]) {
      bytes.set(part, at);
      at += part.length;
    }
    this.#held = [];
    this.#heldBytes = 0;
    return bytes;
  }
}
