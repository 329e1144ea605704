// The node's storage as its commands and its housekeeping see it: checkpoints on demand and when
// the log has grown (`auto-aof-rewrite-percentage`, `auto-aof-rewrite-min-size`) or as `save` says,
// and figures.

import type { Settings } from "../commands/settings.js";
import type { Storage, StorageFigures, StoreFigures } from "../commands/storage.js";
import { newestCheckpoint } from "../storage/checkpoint-upload.js";
import { Checkpoint } from "./checkpoint.js";
import type { Journal, JournalSource } from "./journal.js";
import { lagBytes } from "./keep-stream.js";
import { isSaveDue, parseSavePoints } from "./save-points.js";

/** A failed checkpoint that nobody asked for is tried again after so long. */
const retryMs = 5_000;
/** A sync that takes longer counts as delayed. */
const slowSyncMs = 1_000;

export class NodeStorage implements Storage {
  readonly journal: Journal;
  readonly checkpoint: Checkpoint;
  readonly #source: JournalSource;
  readonly #settings: Settings;
  readonly #recoveredRecords: number;
  /** Bytes of the log that no checkpoint covers, beside what this process has written. */
  #olderBytes: number;
  #writtenBefore = 0;
  #notBeforeMs = 0;
  #delayedSyncs = 0;
  #isSyncSlow = false;
  /** What else is looked at each time. */
  onCron: (() => void) | undefined;
  /** When the next slice of a checkpoint may be written. */
  #sliceDueMs = 0;
  #savePoints: ReturnType<typeof parseSavePoints> = [];

  constructor(
    source: JournalSource,
    journal: Journal,
    settings: Settings,
    recovered: { readonly logBytes: number; readonly baseBytes: number; readonly records: number },
  ) {
    this.#source = source;
    this.journal = journal;
    this.#settings = settings;
    this.checkpoint = new Checkpoint(source, journal);
    this.checkpoint.lastBytes = recovered.baseBytes;
    this.#olderBytes = recovered.logBytes;
    this.#recoveredRecords = recovered.records;
    settings.onChange("save", (text) => {
      this.#savePoints = parseSavePoints(text);
    });
  }

  /** Bytes of the log that recovery would read behind the checkpoint. */
  get #logBytes(): number {
    return this.#olderBytes + this.journal.wal.counters.writtenBytes - this.#writtenBefore;
  }

  save(done: (error: string | undefined) => void): boolean {
    const { writtenBytes } = this.journal.wal.counters;
    return this.checkpoint.begin((error) => {
      if (error === undefined) {
        this.#olderBytes = 0;
        this.#writtenBefore = writtenBytes;
        this.#noteCheckpoint();
      } else this.#notBeforeMs = this.#source.nowMs + retryMs;
      done(error);
    });
  }

  #noteCheckpoint(): void {
    const { stream, disk } = this.journal;
    const newest = stream === undefined ? undefined : newestCheckpoint(disk);
    if (newest !== undefined) stream!.noteCheckpoint(newest);
  }

  whenStored(done: (error: string | undefined) => void): boolean {
    const { stream, wal } = this.journal;
    if (stream === undefined) {
      done("the log is in no object store");
      return true;
    }
    this.journal.closeOpenBatch();
    return stream.whenHeld(wal.lastLsn, done);
  }

  tick(): void {
    this.journal.tick();
    this.journal.stream?.tick();
    if (this.#source.nowMs < this.#sliceDueMs) return;
    this.checkpoint.step();
    this.#sliceDueMs = this.#source.nowMs + 1;
  }

  nextDueMs(): number {
    const slice = this.checkpoint.wantsStep ? this.#sliceDueMs : Number.POSITIVE_INFINITY;
    const stream = this.journal.stream?.nextDueMs() ?? Number.POSITIVE_INFINITY;
    return Math.min(this.journal.nextDueMs(), slice, stream);
  }

  /** About every 100 ms. */
  cron(): void {
    this.journal.flush();
    this.journal.stream?.tick();
    this.onCron?.();
    const isSlow = this.journal.wal.syncAgeMs(this.#source.nowMs) > slowSyncMs;
    if (isSlow && !this.#isSyncSlow) this.#delayedSyncs++;
    this.#isSyncSlow = isSlow;
    if (this.checkpoint.isRunning || this.#source.nowMs < this.#notBeforeMs) return;
    if (this.#wantsCheckpoint) this.save(() => {});
  }

  get #wantsCheckpoint(): boolean {
    const { nowMs, keyspace } = this.#source;
    const sinceMs = nowMs - this.checkpoint.lastMs;
    if (isSaveDue(this.#savePoints, keyspace.dirty, sinceMs)) return true;
    const percentage = this.#settings.number("auto-aof-rewrite-percentage");
    const base = this.checkpoint.lastBytes * (percentage / 100);
    const minimum = this.#settings.number("auto-aof-rewrite-min-size");
    return percentage > 0 && this.#logBytes > Math.max(minimum, base);
  }

  get figures(): StorageFigures {
    const { journal, checkpoint } = this;
    const { wal } = journal;
    const { nowMs } = this.#source;
    const seconds = (ms: number): number => Math.floor(ms / 1000);
    return {
      lastSaveMs: checkpoint.lastMs,
      isSaving: checkpoint.isRunning,
      savedKeys: checkpoint.isRunning ? checkpoint.keyCount : 0,
      saveCount: checkpoint.count,
      isLastSaveGood: checkpoint.lastError === undefined,
      lastSaveSeconds: checkpoint.lastTookMs < 0 ? -1 : seconds(checkpoint.lastTookMs),
      currentSaveSeconds: checkpoint.isRunning ? seconds(nowMs - checkpoint.begunMs) : -1,
      logError: wal.error?.message,
      currentBytes: checkpoint.lastBytes + this.#logBytes,
      baseBytes: checkpoint.lastBytes,
      unsafeBytes: wal.unsafeBytes,
      isSyncing: wal.isSyncing,
      delayedSyncCount: this.#delayedSyncs,
      segmentCount: wal.segments.length,
      lastLsn: wal.lastLsn,
      safeLsn: wal.safeLsn,
      recoveredRecords: this.#recoveredRecords,
      store: this.#storeFigures,
    };
  }

  get #storeFigures(): StoreFigures | undefined {
    const { stream } = this.journal;
    if (stream === undefined) return undefined;
    const { state, error, heldLsn, depot, checkpointCount, mergeCount } = stream;
    const { objects } = depot.view;
    return {
      ...{ state, error, heldLsn, checkpointCount, mergeCount },
      epoch: depot.epoch,
      lagBytes: lagBytes(this.journal),
      objectCount: objects.length,
      objectBytes: objects.reduce((sum, { size }) => sum + size, 0),
      putObjects: depot.counters.putObjects,
      putBytes: depot.counters.putBytes,
      removedObjects: depot.counters.removedObjects,
      failureCount: depot.counters.failures,
    };
  }
}
