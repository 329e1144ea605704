// Streams a node's log into an object store (specs/StreamingPersistence.tla): what has become
// durable on the disk is put as segments, checkpoints of the disk are put as they are completed,
// and the manifest says what counts. `heldLsn` is how far the store could bring a node back whose
// machine is gone; the log on the disk is not cut above it.
//
// One thing is done at a time: the log and, in turns with it where both wait, the parts of a
// checkpoint, joining small segments, removing what is needless. A store that fails delays all of
// it; the log waits on the disk meanwhile, and nothing is dropped.
//
// When the log does not reach back to where the store ends (a store that is new for this node, a
// folder restored to an earlier time) the stream makes a new base: the newest checkpoint and the
// log behind it come to be listed in one replacement, which ends the history before.

import { assert } from "../base/assert.js";
import { type Bytes, MalformedBytes } from "../base/bytes.js";
import { timeOfMs } from "../clock/stamp.js";
import { CheckpointUpload, newestCheckpoint } from "./checkpoint-upload.js";
import { type Disk, DiskError } from "./disk.js";
import { LogTail } from "./log-tail.js";
import { type LiveObject, objectKinds } from "./manifest.js";
import { RecoveryError } from "./scan.js";
import type { Claimed } from "./store-claim.js";
import { Depot } from "./store-depot.js";
import { checkpointsOf, mergeable, mergeLogs, type Net, supersededBy } from "./store-merge.js";
import type { Wal } from "./wal.js";

export interface StreamOptions {
  /** Bytes of an object before it is packed. */
  readonly segmentBytes: number;
  /** How often the log's tail is taken. */
  readonly intervalMs: number;
  /** How far back any moment can be restored. */
  readonly retentionMs: number;
  /** So many small neighbours are joined at once. */
  readonly mergeCount?: number;
}

export interface StreamPort {
  readonly nowMs: number;
  /** The names of replicas, as a record. */
  names(): Bytes;
  readonly net: Net;
  /** Asks for what was recorded to become durable. */
  force(): void;
  /** The store holds more, or a file is not needed any more: the log may be cut. */
  onHeld(): void;
  /** Streaming, failing, fenced: something has changed. */
  onChange(): void;
}

export type StreamState = "streaming" | "failing" | "fenced";

/** Told when the store holds what was asked for, or that it never will. */
export type HeldDone = (error: string | undefined) => void;

/** Callers of `whenHeld` that may wait. */
export const heldWaitersMax = 10_000;
const mergeCountUsual = 16;
/** Joined at once, before packing: it is worked through while the node waits. */
const mergeBytesMax = 512 * 1024;
/** After damage of the node's own log the stream looks again after so long. */
const damageRetryMs = 5_000;

export class StoreStream {
  readonly depot: Depot;
  readonly options: StreamOptions;
  /** Completed checkpoints that the store has. */
  checkpointCount = 0;
  mergeCount = 0;
  readonly #disk: Disk;
  readonly #port: StreamPort;
  readonly #tail: LogTail;
  #heldLsn: number;
  #isBusy = false;
  #isPumping = false;
  #isLogsTurn = false;
  /** The parts of the checkpoint may be in the manifest already. */
  #isListing = false;
  #dueMs = 0;
  #forceDueMs = 0;
  #mergeDueMs = 0;
  #checkpoint: CheckpointUpload | undefined;
  /** The newest one that was completed meanwhile. */
  #nextCheckpoint: string | undefined;
  /** Objects of a base that is not complete yet; undefined when the store has one. */
  #base: LiveObject[] | undefined;
  /** What is wrong with the node's own files. */
  #damage: string | undefined;
  readonly #waiting: { readonly lsn: number; readonly done: HeldDone }[] = [];

  constructor(
    parts: { readonly disk: Disk; readonly wal: Wal; readonly claimed: Claimed },
    port: StreamPort,
    options: StreamOptions,
  ) {
    const { disk, wal, claimed } = parts;
    const { manifest } = claimed;
    this.#disk = disk;
    this.#port = port;
    this.options = options;
    this.depot = new Depot(claimed, () => port.nowMs);
    this.depot.onChange = () => this.#onChange();
    this.depot.discard(claimed.strays);
    const firstLsn = wal.segments[0]?.firstLsn ?? 1;
    const isRebase = claimed.isRebase || firstLsn > manifest.heldLsn + 1;
    this.#base = isRebase ? [] : undefined;
    this.#heldLsn = isRebase ? 0 : manifest.heldLsn;
    const newest = newestCheckpoint(disk);
    if (newest !== undefined) this.noteCheckpoint(newest);
    const hasBase = firstLsn === 1 || this.#checkpoint !== undefined;
    assert(!isRebase || hasBase, "a log without its beginning and without a checkpoint");
    const nextLsn = isRebase ? Math.max(firstLsn, this.#baseLsn) : manifest.heldLsn + 1;
    const time = manifest.objects.reduce((latest, object) => Math.max(latest, object.time), 0);
    this.#tail = new LogTail(disk, wal, { nextLsn, time, names: () => port.names() });
  }

  /** Records up to here come back from the store alone. */
  get heldLsn(): number {
    return this.#heldLsn;
  }

  /** Files below are needed for the stream: the log is not cut above. */
  get mark(): number {
    return this.#base === undefined ? this.#heldLsn : this.#baseLsn - 1;
  }

  get state(): StreamState {
    if (this.depot.isFenced) return "fenced";
    return this.error === undefined ? "streaming" : "failing";
  }

  get error(): string | undefined {
    return this.depot.error ?? this.#damage;
  }

  /** A checkpoint file that must stay. */
  get pinned(): string | undefined {
    return this.#checkpoint?.name;
  }

  /** Somebody waits for it. */
  get isAwaited(): boolean {
    return this.#waiting.length > 0;
  }

  get #baseLsn(): number {
    return this.#checkpoint?.firstLsn ?? 1;
  }

  // ---- what is asked of it

  /** A checkpoint of the disk is complete. */
  noteCheckpoint(name: string): void {
    this.#nextCheckpoint = name;
    // A file of the same name takes the place of the one that is being read.
    if (this.#checkpoint?.name === name && !this.#isListing) {
      this.depot.discard(this.#checkpoint.parts.map((part) => part.name));
      this.#checkpoint = undefined;
    }
    if (this.#checkpoint === undefined) this.#guard(() => this.#beginCheckpoint());
  }

  /** Runs `done` when the store holds the log up to a record; False: too many wait already. */
  whenHeld(lsn: number, done: HeldDone): boolean {
    if (this.depot.isFenced) done(this.error);
    else if (lsn <= this.#heldLsn) done(undefined);
    else if (this.#waiting.length >= heldWaitersMax) return false;
    else {
      this.#waiting.push({ lsn, done });
      this.#dueMs = 0;
      this.#port.force();
    }
    return true;
  }

  nextDueMs(): number {
    if (this.depot.isFenced) return Number.POSITIVE_INFINITY;
    return Math.min(
      this.depot.nextDueMs(),
      this.#tail.hasMore && !this.#isBusy ? this.#dueMs : Infinity,
    );
  }

  /** To be called at `nextDueMs`, and about every 100 ms. */
  tick(): void {
    this.depot.tick();
    const { nowMs } = this.#port;
    if (nowMs >= this.#forceDueMs && !this.depot.isFenced) {
      this.#forceDueMs = nowMs + this.options.intervalMs;
      this.#port.force();
    }
    this.#pump();
  }

  // ---- one thing at a time

  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (!this.#isBusy && !this.depot.isFenced && this.#guard(() => this.#begin())) {}
    this.#isPumping = false;
  }

  /** Begins what is due; false when nothing is. */
  #begin(): boolean {
    const isLogDue = this.#tail.hasMore && this.#port.nowMs >= this.#dueMs;
    // Under steady load there is always more of the log.
    this.#isLogsTurn = !this.#isLogsTurn;
    if (isLogDue && this.#isLogsTurn) return this.#putSegment();
    return this.#beginOther() || (isLogDue && this.#putSegment());
  }

  #beginOther(): boolean {
    if (this.#checkpoint !== undefined && !this.#checkpoint.isRead) return this.#putPart();
    if (this.#isBaseReady) return this.#listCheckpoint();
    if (this.#base === undefined && this.#merge()) return true;
    if (!this.depot.hasGarbage) return false;
    this.#isBusy = true;
    this.depot.removeOne(() => this.#end());
    return true;
  }

  #end(): void {
    this.#isBusy = false;
    this.#pump();
  }

  /** Trouble with the node's own files stops nothing but the stream, which tries again. */
  #guard(work: () => boolean): boolean {
    try {
      const isBegun = work() === true;
      if (isBegun && this.#damage !== undefined) this.#tell(undefined);
      return isBegun;
    } catch (error) {
      const isKnown =
        error instanceof DiskError ||
        error instanceof RecoveryError ||
        error instanceof MalformedBytes;
      if (!isKnown) throw error;
      this.#dueMs = this.#port.nowMs + damageRetryMs;
      this.#tell(error.message);
      return false;
    }
  }

  #tell(damage: string | undefined): void {
    this.#damage = damage;
    this.#port.onChange();
  }

  #onChange(): void {
    if (this.depot.isFenced) {
      this.#checkpoint = undefined;
      for (const { done } of this.#waiting.splice(0)) done(this.error);
    }
    this.#port.onChange();
  }

  // ---- the log

  // Spec: StreamingPersistence.Upload.
  #putSegment(): boolean {
    const { segmentBytes, intervalMs } = this.options;
    const portion = this.#tail.take(segmentBytes);
    if (portion === undefined) return false;
    const { bytes, firstLsn, lastLsn, time } = portion;
    if (!this.#tail.hasMore) this.#dueMs = this.#port.nowMs + intervalMs;
    this.#isBusy = true;
    const meaning = { kind: objectKinds.segment, firstLsn, lastLsn, time };
    this.depot.put("segments", bytes, meaning, (live) => {
      if (this.#base === undefined)
        this.depot.swap({ add: [live], remove: [], heldLsn: lastLsn }, () => this.#onHeld(lastLsn));
      else {
        this.#base.push(live);
        this.#end();
      }
    });
    return true;
  }

  // Spec: StreamingPersistence.Tell.
  #onHeld(lsn: number): void {
    this.#heldLsn = lsn;
    this.#port.onHeld();
    const ready = this.#waiting.filter((waiting) => waiting.lsn <= lsn);
    for (const waiting of ready) this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
    for (const { done } of ready) done(undefined);
    this.#end();
  }

  // ---- checkpoints

  #beginCheckpoint(): boolean {
    const name = this.#nextCheckpoint;
    this.#nextCheckpoint = undefined;
    if (name === undefined) return false;
    const upload = new CheckpointUpload(this.#disk, name);
    const isListed = checkpointsOf(this.depot.view).some(
      ([part]) => part!.firstLsn === upload.firstLsn,
    );
    if (!isListed || this.#base !== undefined) this.#checkpoint = upload;
    return true;
  }

  #putPart(): boolean {
    const upload = this.#checkpoint!;
    const { firstLsn, lastLsn, time } = upload;
    const meaning = { kind: objectKinds.checkpoint, firstLsn, lastLsn, time };
    const part = upload.takePart(this.options.segmentBytes);
    this.#isBusy = true;
    this.depot.put("checkpoints", part, meaning, (live) => {
      if (upload === this.#checkpoint) upload.parts.push(live);
      else this.depot.discard([live.name]);
      this.#end();
    });
    return true;
  }

  /** The log has come as far as what is to be listed needs. */
  get #isBaseReady(): boolean {
    const upload = this.#checkpoint;
    const reached = this.#tail.nextLsn - 1;
    if (upload !== undefined) return upload.isRead && reached >= upload.lastLsn;
    return this.#base !== undefined && this.#base.length > 0;
  }

  /** The checkpoint counts, and what only older ones needed goes. */
  #listCheckpoint(): boolean {
    const { view } = this.depot;
    const parts = this.#checkpoint?.parts ?? [];
    const { nowMs } = this.#port;
    const base = this.#base;
    const heldLsn = base === undefined ? this.#heldLsn : this.#tail.nextLsn - 1;
    const remove =
      base === undefined
        ? supersededBy(view, parts, nowMs, this.options.retentionMs)
        : view.objects.map(({ name }) => name);
    const change = {
      add: [...parts, ...(base ?? [])],
      remove,
      heldLsn,
      isRebase: base !== undefined,
    };
    this.#isBusy = true;
    this.#isListing = true;
    this.depot.swap(change, () => {
      this.#isListing = false;
      if (this.#checkpoint !== undefined) this.checkpointCount++;
      this.#checkpoint = undefined;
      this.#base = undefined;
      this.#guard(() => this.#beginCheckpoint());
      this.#onHeld(heldLsn);
    });
    return true;
  }

  // ---- compaction

  // Spec: StreamingPersistence.Compact.
  #merge(): boolean {
    const { segmentBytes, retentionMs, mergeCount = mergeCountUsual } = this.options;
    if (this.#port.nowMs < this.#mergeDueMs) return false;
    const until = retentionMs === 0 ? Infinity : timeOfMs(this.#port.nowMs - retentionMs);
    const bytesMax = Math.min(segmentBytes, mergeBytesMax);
    const run = mergeable(this.depot.view, { countMin: mergeCount, bytesMax, until });
    if (run.length === 0) return false;
    this.#isBusy = true;
    this.#readRun(run, [], (files) => {
      const merged = files && this.#join(files);
      if (merged === undefined) {
        this.#mergeDueMs = this.#port.nowMs + damageRetryMs;
        return this.#end();
      }
      const [first, last] = [run[0]!, run.at(-1)!];
      const { lastLsn, time } = last;
      const meaning = { kind: objectKinds.netted, firstLsn: first.firstLsn, lastLsn, time };
      this.depot.put("segments", merged, meaning, (live) => {
        const remove = run.map(({ name }) => name);
        this.depot.swap({ add: [live], remove, heldLsn: this.#heldLsn }, () => {
          this.mergeCount++;
          this.#end();
        });
      });
    });
    return true;
  }

  #readRun(run: readonly LiveObject[], files: Bytes[], done: (files?: Bytes[]) => void) {
    const next = run[files.length];
    if (next === undefined) return done(files);
    this.depot.read(next, (raw) => {
      if (raw === undefined) done();
      else this.#readRun(run, [...files, raw], done);
    });
  }

  /** Undefined: the segments are not what they should be, and stay as they are. */
  #join(files: readonly Bytes[]): Bytes | undefined {
    try {
      return mergeLogs(files, this.#port.net);
    } catch (error) {
      if (!(error instanceof MalformedBytes)) throw error;
      this.#tell(error.message);
      return undefined;
    }
  }
}
