// Reading a node's folder at its start: first who wrote it and how it ended (`examine`), then, once
// the node stands, everything in it, oldest first (`replay`).
//
// A segment is begun only when everything before it is durable, so a bad place in any but the last
// is damage. In the last one it is damage if a later record says that the place was durable; else
// it is a write that a crash has torn, which is cut off and told. Damage stops the start, unless it
// is to be salvaged: then what can be read is taken, and the node starts as somebody new.
//
// The checkpoint is the newest file of its kind; older ones and segments that it covers are left
// from a crash between its completion and their removal.

import { ByteWriter } from "../base/bytes.js";
import { ReplicaTable } from "../clock/replica-table.js";
import type { Disk } from "./disk.js";
import {
  checkpointLsn,
  type Frame,
  fileHeadBytes,
  readFileHead,
  recordKinds,
  segmentNumber,
  unfinishedName,
  wholeOf,
} from "./frame.js";
import { restoreNames } from "./names.js";
import { FrameScan, RecoveryError } from "./scan.js";
import { decodeStart, type LogEnd, type StartRecord } from "./start-record.js";
import type { SegmentPlace } from "./wal.js";

interface Segment {
  readonly name: string;
  readonly number: number;
  readonly firstLsn: number;
  bytes: number;
}

interface Checkpoint {
  readonly name: string;
  /** Replay begins with this LSN. */
  readonly lsn: number;
  readonly bytes: number;
}

export interface Examined extends LogEnd {
  /** Undefined: the folder is new. */
  readonly start: StartRecord | undefined;
  readonly replicas: ReplicaTable;
  readonly nextLsn: number;
  readonly nextSegment: number;
  /** The files of the log, oldest first. */
  readonly segments: readonly SegmentPlace[];
  /** Bytes of the checkpoint; 0 when there is none. */
  readonly checkpointBytes: number;
  /** Bytes that `replay` will read. */
  readonly bytes: number;
  /** Everything before this record is there; Infinity for a log without damage. */
  readonly wholeUntilLsn: number;
  /** What a person should know: what was cut off, what was passed over. */
  readonly findings: readonly string[];
}

export interface RecoveryOptions {
  /** Take what can be read where the log is damaged. */
  readonly isSalvage: boolean;
  /** Files that the checkpoint covers stay: an object store may lack them (store-stream.ts). */
  readonly keepsCovered?: boolean;
}

/** Called for each record. `isOld`: from the checkpoint, not from the log. */
export type ReplaySink = (frame: Frame, isOld: boolean) => void;
export type ReplayProgress = (bytes: number) => void;

/** A segment is written anew in pieces of this size. */
const pieceBytes = 1024 * 1024;

export class Recovery {
  readonly #disk: Disk;
  readonly #isSalvage: boolean;
  readonly #findings = new Set<string>();
  readonly #keepsCovered: boolean;
  #segments: Segment[] = [];
  /** Files that nobody reads any more. */
  readonly #covered: Segment[] = [];
  #checkpoint: Checkpoint | undefined;
  #isDamaged = false;
  #wholeUntilLsn = Number.POSITIVE_INFINITY;
  #isCut = false;
  #lastLsn = 0;

  constructor(disk: Disk, options: RecoveryOptions) {
    this.#disk = disk;
    this.#isSalvage = options.isSalvage;
    this.#keepsCovered = options.keepsCovered ?? false;
  }

  // ---- before the node stands

  /** @throws RecoveryError when the log is damaged, DiskError when it cannot be read. */
  examine(): Examined {
    this.#listFiles();
    const replicas = new ReplicaTable();
    let start: StartRecord | undefined;
    let isClean = false;
    const last = this.#segments.at(-1);
    if (last !== undefined) {
      const scan = this.#open(last);
      const next = (): Frame | undefined => this.#nextOfLast(scan, last);
      for (let frame = next(); frame !== undefined; frame = next()) {
        if (frame.kind === recordKinds.start) start = decodeStart(frame.payload);
        if (frame.kind === recordKinds.names && !restoreNames(frame.payload, replicas))
          this.#damage(last.name, scan.offset, frame.lsn, "earlier names of replicas are missing");
        isClean = frame.kind === recordKinds.clean;
        this.#lastLsn = Math.max(this.#lastLsn, frame.lsn);
      }
      this.#cutTail(scan, last);
      // A process that was killed may have left its last records in the system's memory alone. What
      // is built on them says that they are durable.
      if (!isClean) this.#writeAnew(last);
    } else if (this.#checkpoint !== undefined) {
      // The only segment was begun by the checkpoint and torn before anything in it was durable.
      start = this.#startOf(this.#checkpoint, replicas);
      this.#isCut = true;
    }
    this.#lastLsn = Math.max(this.#lastLsn, (this.#checkpoint?.lsn ?? 1) - 1);
    // Who starts after damage is somebody new, so all of it must be known now.
    if (this.#isSalvage)
      this.replay(
        () => {},
        () => {},
      );
    const segmentBytes = this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
    return {
      ...{ start, replicas, isClean },
      ...{ isCut: this.#isCut, isDamaged: this.#isDamaged, findings: [...this.#findings] },
      wholeUntilLsn: this.#wholeUntilLsn,
      nextLsn: this.#lastLsn + 1,
      nextSegment: (last?.number ?? 0) + 1,
      segments: [...this.#covered, ...this.#segments].map(({ number, firstLsn }) => ({
        number,
        firstLsn,
      })),
      checkpointBytes: this.#checkpoint?.bytes ?? 0,
      bytes: segmentBytes + (this.#checkpoint?.bytes ?? 0),
    };
  }

  /** Who wrote a checkpoint stands in its first records. */
  #startOf(checkpoint: Checkpoint, replicas: ReplicaTable): StartRecord | undefined {
    const scan = this.#open(checkpoint);
    const first = scan.next();
    const start = first?.kind === recordKinds.start ? decodeStart(first.payload) : undefined;
    const names = scan.next();
    if (start === undefined || names?.kind !== recordKinds.names) {
      this.#damage(checkpoint.name, fileHeadBytes, 0, "it does not begin with who wrote it");
      return undefined;
    }
    restoreNames(names.payload, replicas);
    return start;
  }

  #listFiles(): void {
    const segments: Segment[] = [];
    const checkpoints: Checkpoint[] = [];
    for (const { name, bytes } of this.#disk.list()) {
      const number = segmentNumber(name);
      const lsn = checkpointLsn(name);
      if (name === unfinishedName) this.#disk.remove(name);
      else if (number !== undefined) segments.push({ name, number, firstLsn: 0, bytes });
      else if (lsn !== undefined) checkpoints.push({ name, lsn, bytes });
    }
    checkpoints.sort((a, b) => a.lsn - b.lsn);
    this.#checkpoint = checkpoints.pop();
    for (const { name } of checkpoints) this.#disk.remove(name);
    segments.sort((a, b) => a.number - b.number);
    this.#segments = segments.flatMap(
      (segment, index) => this.#readHead(segment, segments[index - 1]) ?? [],
    );
    this.#dropUnfinished();
    this.#dropCovered();
  }

  #readHead(segment: Segment, before: Segment | undefined): Segment | undefined {
    const head = readFileHead(this.#disk.read(segment.name, 0, fileHeadBytes));
    if (typeof head !== "string") return { ...segment, firstLsn: head.firstLsn };
    // Nothing in a file without a head was ever durable, unless what is behind says so.
    if (this.#wasSynced(segment, before)) this.#damage(segment.name, 0, 0, head);
    this.#findings.add(`${segment.name}: passed over: ${head}`);
    return undefined;
  }

  /** A last segment whose beginning was torn never held anything durable. */
  #dropUnfinished(): void {
    for (let last = this.#segments.at(-1); last !== undefined; last = this.#segments.at(-1)) {
      const scan = this.#open(last);
      const hasStart = scan.next()?.kind === recordKinds.start;
      if (hasStart && scan.next()?.kind === recordKinds.names) return;
      const isOnly = this.#segments.length === 1 && this.#checkpoint === undefined;
      if ((isOnly && !scan.isAtEnd) || this.#wasSynced(last, this.#segments.at(-2)))
        this.#damage(last.name, scan.offset, 0, "the beginning of the last segment is unreadable");
      this.#findings.add(`${last.name}: removed: it was never completed`);
      this.#disk.remove(last.name);
      this.#segments.pop();
    }
  }

  /**
   * Whether a segment whose beginning is unreadable was durable once: then a frame in it calls a
   * record safe that stands in it, and neither in a file before nor in the checkpoint, which may
   * reach further than that file (an object store brought it back). One write may hold frames that
   * were begun before and after the last sync of the file before: that they name different records
   * is no proof.
   */
  #wasSynced({ name, bytes }: Segment, before: Segment | undefined): boolean {
    const scan = new FrameScan(this.#disk, name, 0, bytes);
    let least = this.#checkpoint?.lsn ?? 1;
    if (before !== undefined) least = Math.max(least, this.#lastLsnOf(before) + 1);
    for (let frame = scan.findBehind(1); frame !== undefined; ) {
      const { lsn, safeLsn } = frame;
      if (safeLsn >= least) return true;
      // What stands at every beginning has no number of its own.
      if (lsn > safeLsn) least = Math.min(least, lsn);
      frame = scan.next() ?? scan.findBehind(lsn);
    }
    return false;
  }

  #lastLsnOf(segment: Segment): number {
    const scan = this.#open(segment);
    let lsn = 0;
    for (let frame = scan.next(); frame !== undefined; frame = scan.next()) lsn = frame.lsn;
    return lsn === 0 ? Number.POSITIVE_INFINITY : lsn;
  }

  /** What a checkpoint covers is not read; where the log has a hole, the start stops. */
  // Spec: WalDurability.DropSegment.
  #dropCovered(): void {
    const wanted = this.#checkpoint?.lsn ?? 1;
    while ((this.#segments[1]?.firstLsn ?? Number.POSITIVE_INFINITY) <= wanted) {
      const covered = this.#segments.shift()!;
      if (this.#keepsCovered) this.#covered.push(covered);
      else this.#disk.remove(covered.name);
    }
    const first = this.#segments[0];
    if (first !== undefined && first.firstLsn > wanted)
      this.#damage(first.name, 0, wanted, `records ${wanted} to ${first.firstLsn - 1} are missing`);
    this.#lastLsn = (first?.firstLsn ?? wanted) - 1;
  }

  #open({ name, bytes }: { name: string; bytes: number }): FrameScan {
    return new FrameScan(this.#disk, name, fileHeadBytes, bytes);
  }

  /** The next frame of the last segment, behind damage if that is to be salvaged. */
  #nextOfLast(scan: FrameScan, { name }: Segment): Frame | undefined {
    const frame = scan.next();
    if (frame !== undefined || scan.isAtEnd) return frame;
    const bad = scan.offset;
    const missing = this.#lastLsn + 1;
    for (let later = scan.findBehind(missing); later !== undefined; later = scan.next()) {
      if (later.safeLsn < missing) continue;
      this.#damage(name, bad, missing, `record ${missing} is unreadable and was durable once`);
      return later;
    }
    scan.offset = bad;
    return undefined;
  }

  #cutTail(scan: FrameScan, last: Segment): void {
    const count = scan.end - scan.offset;
    if (count <= 0) return;
    if (!scan.isAtEnd) {
      this.#findings.add(
        `${last.name}, offset ${scan.offset}: cut off ${count} bytes of an unfinished write`,
      );
      this.#isCut = true;
    }
    this.#disk.truncate(last.name, scan.offset);
    last.bytes = scan.offset;
  }

  /**
   * Makes what is read of a segment durable. It is written again first: a sync that failed in an
   * earlier life has left pages that readers see and no sync would write (WalDurability,
   * `tail_synced_in_place`). In its own place: a disk that is full must not keep a node from
   * starting, and what is written is what is there, so a crash in the middle does no harm.
   *
   * Only what this very reading finds whole is written: a disk that answers with a page as it once
   * was must not have that made the truth.
   */
  #writeAnew(segment: Segment): void {
    const { name } = segment;
    const disk = this.#disk;
    const head = disk.read(name, 0, fileHeadBytes);
    const problem = readFileHead(head);
    if (typeof problem === "string") this.#damage(name, 0, 0, problem);
    else disk.rewrite(name, 0, head);
    const scan = this.#open(segment);
    const piece = new ByteWriter(pieceBytes);
    let lastLsn = 0;
    while (!scan.isAtEnd) {
      const at = scan.offset;
      piece.clear(pieceBytes);
      for (let frame = scan.next(); frame !== undefined; frame = scan.next()) {
        piece.raw(wholeOf(frame));
        lastLsn = frame.lsn;
        if (piece.length >= pieceBytes) break;
      }
      if (piece.length > 0) disk.rewrite(name, at, piece.view());
      if (piece.length >= pieceBytes || scan.isAtEnd) continue;
      this.#damage(name, scan.offset, lastLsn + 1, "it does not read as it did a moment ago");
      const later = scan.findBehind(lastLsn + 1);
      if (later === undefined) break;
      scan.offset -= later.size;
    }
    disk.syncNow(name);
    disk.syncFolder();
  }

  /** @param lsn what is missing begins here; 0: the checkpoint, or all of the log */
  #damage(file: string, offset: number, lsn: number, reason: string): void {
    if (!this.#isSalvage) throw new RecoveryError(file, offset, reason);
    this.#isDamaged = true;
    this.#wholeUntilLsn = Math.min(this.#wholeUntilLsn, lsn);
    this.#findings.add(`${file}, offset ${offset}: passed over: ${reason}`);
  }

  // ---- once it does

  /** Hands over everything, oldest first. @throws RecoveryError when the log is damaged. */
  // Spec: WalDurability.Recover.
  replay(sink: ReplaySink, onProgress: ReplayProgress): void {
    let done = 0;
    if (this.#checkpoint !== undefined) {
      this.#replayCheckpoint(this.#checkpoint, sink, onProgress);
      done = this.#checkpoint.bytes;
    }
    let expected = this.#checkpoint?.lsn ?? 1;
    this.#segments.forEach((segment, index) => {
      const limit = this.#segments[index + 1]?.firstLsn ?? Number.POSITIVE_INFINITY;
      expected = this.#replaySegment(segment, expected, limit, sink, (bytes) =>
        onProgress(done + bytes),
      );
      done += segment.bytes;
    });
  }

  #replayCheckpoint(checkpoint: Checkpoint, sink: ReplaySink, onProgress: ReplayProgress): void {
    const { name } = checkpoint;
    const head = readFileHead(this.#disk.read(name, 0, fileHeadBytes));
    if (typeof head === "string") {
      this.#damage(name, 0, 0, head);
      return;
    }
    const scan = this.#open(checkpoint);
    let isWhole = false;
    for (let frame = scan.next(); frame !== undefined; frame = scan.next()) {
      isWhole = frame.kind === recordKinds.end;
      // What it holds of later writes is accounted for by the log, which must reach as far.
      if (isWhole && frame.lsn > this.#lastLsn)
        this.#damage(
          name,
          scan.offset,
          0,
          `the log ends before record ${frame.lsn}, which it needs`,
        );
      sink(frame, true);
      onProgress(scan.offset);
    }
    if (!isWhole || !scan.isAtEnd) this.#damage(name, scan.offset, 0, "a record is unreadable");
  }

  #replaySegment(
    segment: Segment,
    from: number,
    limit: number,
    sink: ReplaySink,
    onProgress: ReplayProgress,
  ): number {
    let expected = from;
    const scan = this.#open(segment);
    while (expected < limit && !scan.isAtEnd) {
      const bad = scan.offset;
      let frame = scan.next();
      if (frame === undefined) {
        this.#damage(
          segment.name,
          bad,
          expected,
          `record ${expected} is unreadable and was durable once`,
        );
        frame = scan.findBehind(expected);
        if (frame === undefined) break;
      }
      onProgress(scan.offset);
      const isPreface = frame.lsn < segment.firstLsn;
      if (!isPreface && frame.lsn < expected) continue;
      if (!isPreface && frame.lsn > expected && !this.#isDamaged)
        this.#damage(segment.name, bad, expected, `record ${expected} is missing`);
      if (frame.lsn >= limit) break;
      sink(frame, false);
      if (!isPreface) expected = frame.lsn + 1;
    }
    if (expected < limit && limit !== Number.POSITIVE_INFINITY) {
      this.#damage(
        segment.name,
        scan.offset,
        expected,
        `records ${expected} to ${limit - 1} are missing`,
      );
      return limit;
    }
    return expected;
  }
}
