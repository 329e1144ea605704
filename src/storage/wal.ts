// The write-ahead log: records are collected into a group, written in one piece, and made durable
// by one sync; the next group collects while the disk works (group commit). A group is what replies
// and messages wait for (`openGroup`, `safeGroup`).
//
// What was not durable yet stays in memory until it is, in two halves: the one that a sync is under
// way for, and the one that collects. So a failed write is repeated where the file was good last,
// and after a failed sync everything since the last good one is written into a new file; the old
// file's end is never trusted again. Meanwhile the log is *fenced*: nothing becomes safe, and
// whoever owns it refuses writes.
//
// A segment is synced before the next one is begun, so nothing in a new file is ever safe while
// something before it is not. A new file's name is durable before its first record is.
//
// No clock and no disk of its own: time and results come in as parameters. What memory it takes is
// bounded by `segmentBytes` plus what the owner lets in while `isCrowded`.

import { assert } from "../base/assert.js";
import { type Bytes, ByteWriter } from "../base/bytes.js";
import { type Disk, DiskError } from "./disk.js";
import { beginFrame, encodeFileHead, endFrame, type RecordKind, segmentName } from "./frame.js";

/** When the log is forced to the disk: with each group, every second, when the system likes. */
export type SyncPolicy = "always" | "everysec" | "no";

/** How old what is not durable may get under `everysec` before it is forced. */
export const everySecondMs = 500;
/** How long a fenced log waits before it tries again. */
export const retryMs = 100;
/** Buffers larger than this are given back when they have been emptied. */
const keptBytes = 4 * 1024 * 1024;

/** Zeros that are kept behind the end of the log; less where segments are small. */
const roomBytesMax = 256 * 1024;
/** A write must fit into the room so many times, or making it costs more than it saves. */
const writesPerRoom = 4;

export interface WalOptions {
  readonly policy: SyncPolicy;
  /** A segment is sealed once it has grown beyond this. */
  readonly segmentBytes: number;
  /** The LSN of the first record, and the number of the first segment. */
  readonly nextLsn: number;
  readonly nextSegment: number;
  /** What is there of earlier processes, oldest first. */
  readonly segments: readonly SegmentPlace[];
}

export interface SegmentPlace {
  readonly number: number;
  readonly firstLsn: number;
}

export interface WalPort {
  /** Everything up to `safeGroup` and `safeLsn` has become durable. */
  onSafe(): void;
  /** The log was fenced, or works again (`error` undefined). */
  onFence(error: DiskError | undefined): void;
  /** Adds what stands at the beginning of every segment: records that have no LSN of their own. */
  onSegment(add: (kind: RecordKind, payload: Bytes) => void): void;
}

export interface WalCounters {
  syncCount: number;
  writeCount: number;
  writtenBytes: number;
  segmentCount: number;
  failedWriteCount: number;
  failedSyncCount: number;
  /** Syncs that took longer than a second. */
  delayedSyncCount: number;
}

export class Wal {
  policy: SyncPolicy;
  readonly counters: WalCounters = {
    ...{ syncCount: 0, writeCount: 0, writtenBytes: 0, segmentCount: 0 },
    ...{ failedWriteCount: 0, failedSyncCount: 0, delayedSyncCount: 0 },
  };
  /** Why the log is fenced. */
  error: DiskError | undefined;
  /** The group that records go into now; it is safe once `safeGroup` has come to it. */
  openGroup = 1;
  safeGroup = 0;
  safeLsn: number;
  lastLsn: number;

  readonly #disk: Disk;
  readonly #port: WalPort;
  readonly #segmentBytes: number;
  readonly #roomBytes: number;
  /** Collects; its first `#written` bytes are in the file already. */
  #current = new ByteWriter(64 * 1024);
  #written = 0;
  /** What the sync under way is for. */
  #syncing: ByteWriter | undefined;
  #spare: ByteWriter | undefined = new ByteWriter(64 * 1024);
  #syncingLsn = 0;
  #syncStartedMs = 0;
  /** A record asks for a sync whatever the policy is. */
  #isUrgent = false;
  /** The segment ends with what is recorded so far. */
  #isSealing = false;
  /** The present segment has been synced with success. */
  #hasDurable = false;
  /** The time of the last call that brought one. */
  #nowMs = 0;
  /** When the oldest byte that is not durable was collected. */
  #oldestMs = Number.POSITIVE_INFINITY;
  /** Segment that is written to; 0 before the first. */
  #segment = 0;
  #nextSegment: number;
  /** Bytes of the segment that are known to be good, though perhaps not durable. */
  #goodBytes = 0;
  /** Room may stand behind them. */
  #hasRoom = false;
  /** The file cannot be trusted, or is full: the next write begins another. */
  #needsSegment = true;
  #retryAtMs = Number.POSITIVE_INFINITY;
  #frameStart = -1;

  constructor(disk: Disk, options: WalOptions, port: WalPort) {
    this.#disk = disk;
    this.#port = port;
    this.policy = options.policy;
    this.#segmentBytes = options.segmentBytes;
    this.#roomBytes = Math.min(roomBytesMax, options.segmentBytes >> 3);
    this.lastLsn = options.nextLsn - 1;
    this.safeLsn = this.lastLsn;
    this.#nextSegment = options.nextSegment;
    this.segments = [...options.segments];
  }

  get isSyncing(): boolean {
    return this.#syncing !== undefined;
  }

  get isFenced(): boolean {
    return this.error !== undefined;
  }

  /** Files of the log that are there, oldest first. */
  readonly segments: SegmentPlace[];

  /** Bytes that are not durable yet. */
  get unsafeBytes(): number {
    return this.#current.length + (this.#syncing?.length ?? 0);
  }

  /** So much waits for the disk that whoever writes should wait too. */
  get isCrowded(): boolean {
    return this.#current.length > this.#segmentBytes;
  }

  /** Whether a record that was made is not durable yet. */
  get hasUnsafe(): boolean {
    return this.lastLsn > this.safeLsn;
  }

  /** The group after which everything recorded so far is safe. */
  get unsafeGroup(): number {
    if (this.#current.length > 0) return this.openGroup;
    return this.#syncing === undefined ? 0 : this.openGroup - 1;
  }

  // ---- records

  /** Begins a record; its payload goes into the writer that this answers. */
  begin(kind: RecordKind): ByteWriter {
    assert(this.#frameStart < 0, "a record is begun inside another");
    this.#frameStart = beginFrame(this.#current, ++this.lastLsn, this.safeLsn, kind);
    return this.#current;
  }

  /** Ends the record. Answers its LSN. @param time the highest stamp time in it. */
  // Spec: WalDurability.Collect, StreamingPersistence.Write.
  end(time: number, nowMs: number, isUrgent = false): number {
    assert(this.#frameStart >= 0, "a record ends that was not begun");
    endFrame(this.#current, this.#frameStart, time);
    this.#frameStart = -1;
    if (isUrgent) this.#isUrgent = true;
    if (this.#oldestMs === Number.POSITIVE_INFINITY) this.#oldestMs = nowMs;
    return this.lastLsn;
  }

  append(kind: RecordKind, payload: Bytes, time: number, nowMs: number, isUrgent = false): number {
    this.begin(kind).raw(payload);
    return this.end(time, nowMs, isUrgent);
  }

  // ---- writing

  /** Whether `flush` has something to do now. */
  get wantsFlush(): boolean {
    return this.#syncing === undefined && this.#current.length > this.#written && !this.isFenced;
  }

  /** Bytes that are not even in the system's memory. */
  get unwrittenBytes(): number {
    return this.#current.length - this.#written;
  }

  /** Whether a record waits that is forced whatever the policy. */
  get isUrgent(): boolean {
    return this.#isUrgent;
  }

  /** Writes the group, and forces it if the policy says so. At most one sync is under way. */
  flush(nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#syncing !== undefined || this.isFenced) return;
    if (!this.#write() || this.#current.length === 0) return;
    const isDue =
      this.policy === "always" ||
      this.#isUrgent ||
      this.#isSealing ||
      this.#goodBytes >= this.#segmentBytes ||
      (this.policy === "everysec" && nowMs - this.#oldestMs >= everySecondMs);
    if (isDue) this.#startSync();
  }

  /** Forces everything recorded so far, whatever the policy. */
  force(nowMs: number): void {
    this.#isUrgent = true;
    this.flush(nowMs);
  }

  /**
   * Writes and forces everything recorded while everybody waits: at the start and at the end of a
   * process. @throws DiskError
   */
  forceNow(nowMs: number): void {
    this.#nowMs = nowMs;
    assert(this.#syncing === undefined, "a sync is under way");
    if (!this.#write()) throw this.error;
    if (this.#current.length === 0) return;
    this.#giveRoomBack();
    this.#disk.syncNow(segmentName(this.#segment));
    this.#syncing = this.#current;
    this.#syncingLsn = this.lastLsn;
    this.#current = this.#spare ?? new ByteWriter();
    this.#spare = undefined;
    this.#written = 0;
    this.#oldestMs = Number.POSITIVE_INFINITY;
    this.openGroup++;
    this.#onSynced(undefined);
  }

  /** The records from here on go into a new segment, once what is before them is durable. */
  seal(nowMs: number): void {
    if (this.unsafeBytes === 0) this.#endSegment();
    else {
      this.#isSealing = true;
      this.flush(nowMs);
    }
  }

  /** Removes the files whose records are all below an LSN. @throws DiskError */
  // Spec: WalDurability.DropSegment.
  truncateBelow(lsn: number): void {
    while (this.segments.length > 1 && this.segments[1]!.firstLsn <= lsn) {
      this.#disk.remove(segmentName(this.segments[0]!.number));
      this.segments.shift();
    }
  }

  /** To be called at `nextDueMs` or later. */
  tick(nowMs: number): void {
    if (nowMs < this.nextDueMs()) return;
    if (this.isFenced) this.#retry(nowMs);
    else this.flush(nowMs);
  }

  /** When the log wants to be called, if nothing is recorded before. */
  nextDueMs(): number {
    if (this.#syncing !== undefined) return Number.POSITIVE_INFINITY;
    if (this.isFenced) return this.#retryAtMs;
    return this.policy === "everysec" ? this.#oldestMs + everySecondMs : Number.POSITIVE_INFINITY;
  }

  /** False when the disk refused: the log is fenced then. */
  // Spec: WalDurability.WriteGroup.
  #write(): boolean {
    if (this.#current.length === this.#written) return true;
    try {
      if (this.#needsSegment) this.#beginSegment();
      const bytes = this.#current.view().subarray(this.#written);
      const room = this.#roomFor(bytes.length);
      if (room > 0) this.#hasRoom = true;
      this.#disk.append(segmentName(this.#segment), bytes, room);
      this.#goodBytes += bytes.length;
      this.#written = this.#current.length;
      this.counters.writeCount++;
      this.counters.writtenBytes += bytes.length;
      return true;
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.counters.failedWriteCount++;
      if (!this.#needsSegment) this.#cutToGood();
      this.#fence(error);
      return false;
    }
  }

  /**
   * Where replies wait for each sync, small writes go into zeros that are in the file already: the
   * sync of a file that has not grown is one write of the disk instead of two or three, because
   * nothing is added to the file system's journal.
   */
  #roomFor(count: number): number {
    const isAwaited = this.policy === "always" || this.#isUrgent;
    return isAwaited && count * writesPerRoom <= this.#roomBytes ? this.#roomBytes : 0;
  }

  /** The segment has got its last record: a file that is complete has nothing behind it. */
  #endSegment(): void {
    this.#needsSegment = true;
    this.#giveRoomBack();
  }

  #giveRoomBack(): void {
    if (!this.#hasRoom) return;
    this.#hasRoom = false;
    try {
      this.#disk.truncate(segmentName(this.#segment), this.#goodBytes);
    } catch (error) {
      // Readers pass over it.
      if (!(error instanceof DiskError)) throw error;
    }
  }

  /** A new file: its head, then what the owner wants to stand at every beginning. */
  #beginSegment(): void {
    assert(this.#written === 0, "a segment begins in the middle of what is not durable");
    const number = this.#nextSegment;
    const name = segmentName(number);
    const head = new ByteWriter();
    head.raw(encodeFileHead({ firstLsn: this.safeLsn + 1, number }));
    this.#port.onSegment((kind, payload) => {
      const start = beginFrame(head, this.safeLsn, this.safeLsn, kind);
      head.raw(payload);
      endFrame(head, start, 0);
    });
    this.#disk.create(name);
    // From here on this number is taken, whatever happens to the file.
    this.#nextSegment = number + 1;
    try {
      this.#disk.append(name, head.view());
      this.#disk.syncFolder();
    } catch (error) {
      this.#removeQuietly(name);
      throw error;
    }
    this.segments.push({ number, firstLsn: this.safeLsn + 1 });
    this.#segment = number;
    this.#goodBytes = head.length;
    this.#needsSegment = false;
    this.#hasRoom = false;
    this.#hasDurable = false;
    this.counters.segmentCount++;
  }

  #removeQuietly(name: string): void {
    try {
      this.#disk.remove(name);
    } catch (error) {
      // It holds nothing that is not elsewhere: recovery passes over it.
      if (!(error instanceof DiskError)) throw error;
    }
  }

  // ---- syncing

  // Spec: WalDurability.StartSync.
  #startSync(): void {
    assert(this.#written === this.#current.length, "a sync for what was not written");
    this.#syncing = this.#current;
    this.#syncingLsn = this.lastLsn;
    this.#syncStartedMs = this.#nowMs;
    const isAwaited = this.policy === "always" || this.#isUrgent;
    this.#current = this.#spare ?? new ByteWriter(64 * 1024);
    this.#spare = undefined;
    this.#written = 0;
    this.#isUrgent = false;
    this.#oldestMs = Number.POSITIVE_INFINITY;
    this.openGroup++;
    this.counters.syncCount++;
    this.#disk.sync(segmentName(this.#segment), (error) => this.#onSynced(error), isAwaited);
  }

  /** The owner calls `flush` from `onSafe` or at the end of its turn. */
  // Spec: WalDurability.SyncDone.
  #onSynced(error: DiskError | undefined): void {
    if (error !== undefined) {
      this.counters.failedSyncCount++;
      this.#distrust();
      this.#fence(error);
      return;
    }
    this.#syncing!.clear(keptBytes);
    this.#spare = this.#syncing;
    this.#syncing = undefined;
    this.#hasDurable = true;
    this.safeLsn = this.#syncingLsn;
    this.safeGroup = this.openGroup - 1;
    if (this.#isSealing || this.#goodBytes >= this.#segmentBytes) this.#endSegment();
    this.#isSealing = false;
    const wasFenced = this.isFenced;
    this.error = undefined;
    if (wasFenced) this.#port.onFence(undefined);
    this.#port.onSafe();
  }

  /** Milliseconds since the sync under way began; 0 when there is none. */
  syncAgeMs(nowMs: number): number {
    return this.#syncing === undefined ? 0 : nowMs - this.#syncStartedMs;
  }

  // ---- failures

  #fence(error: DiskError): void {
    this.#retryAtMs = this.#nowMs + retryMs;
    const isNew = this.error === undefined;
    this.error = error;
    if (isNew) this.#port.onFence(error);
  }

  /** Part of the bytes may be in the file: it is cut to what is good, or left for another one. */
  #cutToGood(): void {
    try {
      this.#disk.truncate(segmentName(this.#segment), this.#goodBytes);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.#startOver();
    }
  }

  /** After a failed sync the end of the file may be anything: all of it is written elsewhere. */
  // Spec: WalDurability.SyncFails.
  #distrust(): void {
    const again = this.#syncing!;
    again.raw(this.#current.view());
    this.#spare = this.#current;
    this.#spare.clear(keptBytes);
    this.#current = again;
    this.#syncing = undefined;
    // Whoever waits for the group that failed waits for the one that repeats it, which is the
    // later one.
    this.#startOver();
  }

  /** What is not durable goes into a new file; this one goes if nothing in it was ever durable. */
  #startOver(): void {
    this.#written = 0;
    this.#needsSegment = true;
    if (this.#hasDurable) return;
    this.segments.pop();
    this.#removeQuietly(segmentName(this.#segment));
  }

  /** Stays fenced until a sync has said that what was written is durable. */
  #retry(nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#write()) this.#startSync();
  }
}
