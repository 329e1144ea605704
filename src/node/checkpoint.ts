// A checkpoint: all keys, the contexts of the shards and the acceptor's state in one file, written
// in slices while commands run, so that the log before it can go.
//
// It is not a picture of one moment: each key, and each piece of a large collection, is written as
// it is when its slice comes (keyspace/key-walk.ts). That is enough, because everything that
// changes after `firstLsn` is in the log, and replaying the log from there onto such a file ends in
// the same state (redo-log.ts says why for states, `restoreBatch` of shards.ts for batches). What
// the file may hold of later writes must be durable in the log before the file counts: its last
// record names the LSN, and it gets its name only then.
//
// Only an exchange of databases (SWAPDB) makes it begin again. A failure ends it; the log stays.

import { ByteWriter } from "../base/bytes.js";
import { encodeContext } from "../keyspace/batch-codec.js";
import { KeyWalk, sliceLimits } from "../keyspace/key-walk.js";
import { indexCodec } from "../keyspace/redo-codec.js";
import { DiskError } from "../storage/disk.js";
import {
  beginFrame,
  checkpointName,
  encodeFileHead,
  endFrame,
  type RecordKind,
  recordKinds,
  unfinishedName,
} from "../storage/frame.js";
import { encodeNames } from "../storage/names.js";
import { encodeStart } from "../storage/start-record.js";
import type { Journal, JournalSource } from "./journal.js";

/** Records of the registers in one slice. */
const sliceRegisters = 200;
/** How much is left to the system before the disk is told to write. */
const syncEveryBytes = 32 * 1024 * 1024;

export type CheckpointDone = (error: string | undefined) => void;

type Phase = "idle" | "keys" | "registers" | "syncing" | "waiting";

export class Checkpoint {
  /** When the last one was completed, or the node started; Unix milliseconds. */
  lastMs: number;
  lastError: string | undefined;
  /** How long the last one took; -1 when there was none. */
  lastTookMs = -1;
  count = 0;
  begunMs = 0;
  /** Bytes of the file of the last one. */
  lastBytes = 0;

  readonly #source: JournalSource;
  readonly #journal: Journal;
  #phase: Phase = "idle";
  #writer = new ByteWriter(sliceLimits.bytes * 2);
  #firstLsn = 0;
  #bytes = 0;
  #unsyncedBytes = 0;
  #isSyncing = false;
  #keys: KeyWalk | undefined;
  #registers: Iterator<Uint8Array> | undefined;
  #dirtyAtBegin = 0;
  #done: CheckpointDone[] = [];
  /** Tells what comes back late from what concerns this one. */
  #run = 0;

  constructor(source: JournalSource, journal: Journal) {
    this.#source = source;
    this.#journal = journal;
    this.lastMs = source.nowMs;
    if (journal.redo !== undefined) journal.redo.onSwap = () => this.#restart();
  }

  get isRunning(): boolean {
    return this.#phase !== "idle";
  }

  /** Keys written by the one under way, and by the last. */
  get keyCount(): number {
    return this.#keys?.keyCount ?? 0;
  }

  /** Whether there is a slice to write: not while the disk works. */
  get wantsStep(): boolean {
    return !this.#isSyncing && (this.#phase === "keys" || this.#phase === "registers");
  }

  /** False when one is under way. `done` is told of its end. */
  begin(done: CheckpointDone = () => {}): boolean {
    if (this.isRunning || this.#journal.wal.isFenced) return false;
    this.#done.push(done);
    this.begunMs = this.#source.nowMs;
    this.#guard(() => this.#open());
    return true;
  }

  #restart(): void {
    if (this.isRunning) this.#guard(() => this.#open());
  }

  // Spec: WalDurability.BeginCheckpoint.
  #open(): void {
    const { keyspace, shards } = this.#source;
    const { wal, disk, start } = this.#journal;
    this.#run++;
    this.#journal.closeOpenBatch();
    // A node alone has its own writes in no context until somebody asks.
    shards.settle();
    this.#firstLsn = wal.lastLsn + 1;
    wal.seal(this.#source.nowMs);
    disk.create(unfinishedName);
    this.#phase = "keys";
    this.#writer.clear();
    this.#bytes = 0;
    this.#unsyncedBytes = 0;
    this.#isSyncing = false;
    this.#keys = new KeyWalk(keyspace);
    this.#dirtyAtBegin = keyspace.dirty;
    this.#writer.raw(encodeFileHead({ firstLsn: this.#firstLsn, number: 0 }));
    this.#frame(recordKinds.start, (writer) => writer.raw(encodeStart(start)));
    this.#frame(recordKinds.names, (writer) => writer.raw(encodeNames(keyspace.replicas, 0)));
    this.#frame(recordKinds.contexts, (writer) => {
      for (const { context } of shards.shards) encodeContext(writer, context, indexCodec);
    });
    // What the walk may still find of shards that were given up before.
    if (shards.released.count > 0)
      this.#frame(recordKinds.released, (writer) => writer.raw(shards.released.encode()));
    this.#registers = this.#source.registers.records();
    this.#append();
  }

  #frame(kind: RecordKind, write: (writer: ByteWriter) => void, lsn = this.#firstLsn): void {
    const start = beginFrame(this.#writer, lsn, lsn, kind);
    write(this.#writer);
    endFrame(this.#writer, start, this.#source.keyspace.clock.last);
  }

  #append(): void {
    const bytes = this.#writer.view();
    this.#journal.disk.append(unfinishedName, bytes);
    this.#bytes += bytes.length;
    this.#unsyncedBytes += bytes.length;
    this.#writer.clear(sliceLimits.bytes * 8);
  }

  /** One slice. */
  step(): void {
    if (!this.wantsStep) return;
    this.#guard(() => {
      if (this.#phase === "keys") this.#writeKeys();
      else if (this.#phase === "registers") this.#writeRegisters();
    });
  }

  #writeKeys(): void {
    const keys = this.#keys!;
    this.#frame(recordKinds.redo, (writer) => keys.next(writer));
    this.#append();
    if (keys.isDone) this.#phase = "registers";
    if (this.#unsyncedBytes >= syncEveryBytes) this.#sync(() => {});
  }

  #writeRegisters(): void {
    for (let i = 0; i < sliceRegisters; i++) {
      const next = this.#registers!.next();
      if (next.done === true) {
        this.#finish();
        return;
      }
      this.#frame(recordKinds.consensus, (writer) => writer.raw(next.value));
    }
    this.#append();
  }

  /** The file is complete; it counts once it and the log up to here are durable. */
  // Spec: WalDurability.CloseCheckpoint.
  #finish(): void {
    this.#phase = "syncing";
    this.#journal.closeOpenBatch();
    this.#frame(recordKinds.end, () => {}, this.#journal.wal.lastLsn);
    this.#append();
    this.#sync(() => {
      this.#phase = "waiting";
      const run = this.#run;
      this.#journal.whenDurable(() => {
        if (run === this.#run && this.#phase === "waiting") this.#guard(() => this.#replace());
      });
    });
  }

  #sync(then: () => void): void {
    const run = this.#run;
    this.#isSyncing = true;
    this.#unsyncedBytes = 0;
    this.#journal.disk.sync(unfinishedName, (error) => {
      if (run !== this.#run) return;
      this.#isSyncing = false;
      if (error !== undefined) this.#fail(error);
      else this.#guard(then);
    });
  }

  /** The new file takes the place of the old one; what it covers goes. */
  // Spec: WalDurability.NameCheckpoint, WalDurability.SyncFolder.
  #replace(): void {
    const { disk } = this.#journal;
    disk.rename(unfinishedName, checkpointName(this.#firstLsn));
    disk.syncFolder();
    this.#journal.truncateBelow(this.#firstLsn);
    const { nowMs, keyspace } = this.#source;
    this.#phase = "idle";
    this.lastMs = nowMs;
    this.lastTookMs = nowMs - this.begunMs;
    this.lastError = undefined;
    this.lastBytes = this.#bytes;
    this.count++;
    keyspace.dirty = Math.max(0, keyspace.dirty - this.#dirtyAtBegin);
    this.#tell(undefined);
  }

  #fail(error: DiskError): void {
    this.#phase = "idle";
    this.#run++;
    this.lastError = error.message;
    this.lastTookMs = this.#source.nowMs - this.begunMs;
    try {
      this.#journal.disk.remove(unfinishedName);
    } catch (second) {
      // The next one empties it.
      if (!(second instanceof DiskError)) throw second;
    }
    this.#tell(error.message);
  }

  #tell(error: string | undefined): void {
    const waiting = this.#done;
    this.#done = [];
    for (const done of waiting) done(error);
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.#fail(error);
    }
  }
}
