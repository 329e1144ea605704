// Reading a file of frames from a disk, a piece at a time, and finding out where it ends: at its
// last byte, in a torn write, or in damage.

import type { Bytes } from "../base/bytes.js";
import type { Disk } from "./disk.js";
import { type Frame, frameHeadBytes, frameSizeAt, readFrame } from "./frame.js";

/** Read at once; a longer frame is read as a whole. */
const pieceBytes = 1024 * 1024;
/** LSNs further ahead than this are not searched for behind a bad place. */
const lsnJumpMax = 2 ** 32;

/** Where a file of the log is not what was written, and what that means for the start. */
export class RecoveryError extends Error {
  override readonly name = "RecoveryError";
  readonly file: string;
  readonly offset: number;
  readonly reason: string;

  constructor(file: string, offset: number, reason: string) {
    super(`${file}, offset ${offset}: ${reason}`);
    this.file = file;
    this.offset = offset;
    this.reason = reason;
  }
}

export class FrameScan {
  readonly name: string;
  /** Where the next frame begins, and the length of the file. */
  offset: number;
  readonly end: number;
  readonly #disk: Disk;
  #piece: Bytes = new Uint8Array(0);
  #pieceAt = 0;

  constructor(disk: Disk, name: string, start: number, end: number) {
    this.#disk = disk;
    this.name = name;
    this.offset = start;
    this.end = end;
    this.#pieceAt = start;
  }

  /** Behind the last frame is nothing, or only room that was never written to (wal.ts). */
  get isAtEnd(): boolean {
    for (let at = this.offset; at < this.end; ) {
      const piece = this.#bytes(at, 1);
      const count = Math.min(piece.length, this.end - at);
      // A file that is shorter than it was said to be.
      if (count === 0) return true;
      for (let i = 0; i < count; i++) if (piece[i] !== 0) return false;
      at += count;
    }
    return true;
  }

  /**
   * The next frame; its payload is valid until the next call. Undefined at the end or before bad
   * bytes.
   */
  next(): Frame | undefined {
    const frame = this.#at(this.offset);
    if (frame !== undefined) this.offset += frame.size;
    return frame;
  }

  #at(offset: number): Frame | undefined {
    if (offset + frameHeadBytes > this.end) return undefined;
    const size = frameSizeAt(this.#bytes(offset, frameHeadBytes));
    if (size === undefined || offset + size > this.end) return undefined;
    return readFrame(this.#bytes(offset, size));
  }

  /** At least `count` bytes from `offset` on. */
  #bytes(offset: number, count: number): Bytes {
    const from = offset - this.#pieceAt;
    if (from < 0 || from + count > this.#piece.length) {
      this.#piece = this.#disk.read(this.name, offset, Math.max(count, pieceBytes));
      this.#pieceAt = offset;
      return this.#piece;
    }
    return this.#piece.subarray(from);
  }

  /**
   * Looks for a whole frame behind the bad place where the scan stands, with an LSN from `minLsn`
   * on, and goes behind it. Undefined when there is none.
   */
  findBehind(minLsn: number): Frame | undefined {
    const from = this.offset + 1;
    for (let at = from; at + frameHeadBytes <= this.end; at++) {
      const bytes = this.#bytes(at, frameHeadBytes);
      const lsn = new DataView(bytes.buffer, bytes.byteOffset).getFloat64(8, true);
      if (!Number.isInteger(lsn) || lsn < minLsn || lsn > minLsn + lsnJumpMax) continue;
      const frame = this.#at(at);
      if (frame === undefined) continue;
      this.offset = at + frame.size;
      return frame;
    }
    return undefined;
  }
}
