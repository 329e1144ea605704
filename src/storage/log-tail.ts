// Reads the node's own log behind its writer: what has become durable and has not been taken yet,
// in portions that are files of the log themselves (log-object.ts).
//
// A file is read up to where the next one begins: after a failed sync a file may end with records
// that were written again elsewhere (wal.ts). What is not durable is never taken: it may be cut off
// by the next start, and others would have it for good.

import type { Bytes, ByteWriter } from "../base/bytes.js";
import type { Time } from "../clock/stamp.js";
import type { Disk } from "./disk.js";
import { type Frame, fileHeadBytes, recordKinds, segmentName } from "./frame.js";
import { beginLog, rawOf } from "./log-object.js";
import { FrameScan, RecoveryError } from "./scan.js";
import type { SegmentPlace } from "./wal.js";

/** Where the log stands. */
export interface LogPlaces {
  /** The files, oldest first. */
  readonly segments: readonly SegmentPlace[];
  readonly safeLsn: number;
}

export interface Portion {
  readonly firstLsn: number;
  readonly lastLsn: number;
  /** The highest stamp time up to here, as far as this reader has seen it. */
  readonly time: Time;
  readonly bytes: Bytes;
}

export class LogTail {
  nextLsn: number;
  readonly #disk: Disk;
  readonly #log: LogPlaces;
  readonly #names: () => Bytes;
  #time: Time;
  #number = -1;
  #offset = 0;
  /** The payload of the start record that holds where the reader stands. */
  #start: Bytes = new Uint8Array(0);
  #writer: ByteWriter | undefined;

  constructor(
    disk: Disk,
    log: LogPlaces,
    from: { readonly nextLsn: number; readonly time: Time; readonly names: () => Bytes },
  ) {
    this.#disk = disk;
    this.#log = log;
    this.nextLsn = from.nextLsn;
    this.#time = from.time;
    this.#names = from.names;
  }

  /** Whether there is something to take. */
  get hasMore(): boolean {
    return this.nextLsn <= this.#log.safeLsn;
  }

  /**
   * Takes records until there are so many bytes; undefined when there are none. @throws
   * RecoveryError when the log is unreadable, DiskError when it cannot be read.
   */
  take(bytesMax: number): Portion | undefined {
    if (!this.hasMore) return undefined;
    const firstLsn = this.nextLsn;
    const time = this.#time;
    this.#writer = undefined;
    try {
      while (this.hasMore && this.#taken < bytesMax) this.#readFile(firstLsn, bytesMax);
    } catch (error) {
      this.nextLsn = firstLsn;
      this.#time = time;
      this.#number = -1;
      throw error;
    }
    const bytes = this.#writer!.finish();
    this.#writer = undefined;
    return { firstLsn, lastLsn: this.nextLsn - 1, time: this.#time, bytes };
  }

  get #taken(): number {
    return this.#writer?.length ?? 0;
  }

  /** Takes from one file, as long as it has what comes next and there is room. */
  #readFile(firstLsn: number, bytesMax: number): void {
    const { scan, limit } = this.#scan();
    while (this.hasMore && this.nextLsn < limit && this.#taken < bytesMax) {
      const frame = scan.next();
      if (frame === undefined || frame.lsn > this.nextLsn)
        throw new RecoveryError(scan.name, scan.offset, missing(this));
      if (frame.lsn === this.nextLsn) this.#take(frame, firstLsn);
      this.#offset = scan.offset;
      // Who wrote the first record is known once its file has been read up to it.
      if (frame.kind === recordKinds.start) this.#start = frame.payload.slice();
    }
  }

  #take(frame: Frame, firstLsn: number): void {
    this.#writer ??= beginLog(firstLsn, { start: this.#start, names: this.#names() });
    this.#writer.raw(rawOf(frame));
    this.#time = Math.max(this.#time, frame.time);
    this.nextLsn++;
  }

  /** The file that the next record is in, read from where the reader stood. */
  #scan(): { scan: FrameScan; limit: number } {
    const { segments } = this.#log;
    let index = segments.length - 1;
    while (index > 0 && segments[index]!.firstLsn > this.nextLsn) index--;
    const place = segments[index];
    if (place === undefined || place.firstLsn > this.nextLsn)
      throw new RecoveryError("the log", 0, missing(this));
    if (place.number !== this.#number) {
      this.#number = place.number;
      this.#offset = fileHeadBytes;
    }
    const limit = segments[index + 1]?.firstLsn ?? Number.POSITIVE_INFINITY;
    const name = segmentName(place.number);
    return {
      scan: new FrameScan(this.#disk, name, this.#offset, Number.POSITIVE_INFINITY),
      limit,
    };
  }
}

const missing = ({ nextLsn }: LogTail): string => `record ${nextLsn} is unreadable`;
