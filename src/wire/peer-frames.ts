// Frames in a stream of bytes: a length of four bytes, then so many bytes. An empty frame is a sign
// of life. A length beyond the limit ends the connection before anything is allocated for it.

import type { Bytes } from "../base/bytes.js";

const lengthBytes = 4;

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

  constructor(frameBytesMax: number) {
    this.frameBytesMax = frameBytesMax;
  }

  /** Bytes of a frame that is not complete. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * Hands over each complete frame; it is valid during the call only. The taker may lower or raise
   * the limit, or answer false: then nothing more is read.
   */
  push(chunk: Uint8Array, take: (frame: Bytes) => boolean): void {
    if (this.isBroken) return;
    let bytes = chunk;
    if (this.#heldBytes > 0) {
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
