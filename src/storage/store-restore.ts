// Brings the files of a log back from a store into an empty folder: the newest checkpoint and the
// records behind it, up to the end or to a moment. What comes of it is an ordinary folder, which is
// read as ever (recovery.ts).
//
// A mark in the folder says that it is not complete, so a crash half-way is seen, and then that it
// was restored: what the lost machine wrote last may be missing, so whoever starts from it is a new
// replica and no voter of old (merge-rules 16, consensus-rules 15).
//
// An object that is gone has been replaced: whoever restores without having taken the manifest over
// reads it again and starts over (StreamingPersistence.ReadManifest).

import { type Bytes, fromUtf8, MalformedBytes, utf8 } from "../base/bytes.js";
import { failure, type Result, success } from "../base/result.js";
import type { Time } from "../clock/stamp.js";
import { type Disk, DiskError } from "./disk.js";
import { checkpointLsn, checkpointName, segmentName, segmentNumber } from "./frame.js";
import { rawOf, readLog } from "./log-object.js";
import { type LiveObject, type Manifest, objectKinds } from "./manifest.js";
import type { ObjectStore } from "./object-store.js";
import type { Packer } from "./packer.js";
import { readObject } from "./store-depot.js";
import { checkpointsOf, segmentsOf } from "./store-merge.js";

/** The mark's file. */
export const restoredName = "restored";
const readAttemptsMax = 8;

export interface RestorePlan {
  readonly checkpoint: readonly LiveObject[];
  /** In the order of the log. */
  readonly segments: readonly LiveObject[];
  readonly bytes: number;
  /** Records with later stamps are left out; undefined: none. */
  readonly until: Time | undefined;
}

export interface Restored {
  /** The last record. */
  readonly lastLsn: number;
  /** The highest stamp time in it or before it. */
  readonly time: Time;
}

/** What a restore says of a folder: which manifest it came from. */
export interface RestoreMark {
  readonly isComplete: boolean;
  readonly epoch: number;
  readonly sequence: number;
  /** All of the manifest's log is there. */
  readonly isWhole: boolean;
  /** Restored by a person, not by a node that found its folder empty. */
  readonly isByHand: boolean;
}

/** What has to be read, or why it would not do. */
// Spec: StreamingPersistence.ReadManifest.
export function planRestore(manifest: Manifest, until?: Time): Result<RestorePlan> {
  const reaches = (time: Time): boolean => until === undefined || time <= until;
  const checkpoint =
    checkpointsOf(manifest)
      .filter(([part]) => reaches(part!.time))
      .at(-1) ?? [];
  const firstLsn = checkpoint[0]?.firstLsn ?? 1;
  let next = firstLsn;
  const segments: LiveObject[] = [];
  for (const segment of segmentsOf(manifest)) {
    if (segment.lastLsn < next) continue;
    if (segment.firstLsn > next)
      return failure(
        until === undefined
          ? `records ${next} to ${segment.firstLsn - 1} are in no object of the store`
          : "the store does not reach back so far",
      );
    segments.push(segment);
    next = segment.lastLsn + 1;
    if (reaches(segment.time)) continue;
    if (segment.kind === objectKinds.netted)
      return failure("that moment lies within records that compaction has joined");
    break;
  }
  const needed = Math.max(until === undefined ? manifest.heldLsn : 0, checkpoint[0]?.lastLsn ?? 0);
  if (next - 1 < needed)
    return failure(`records ${next} to ${needed} are in no object of the store`);
  const bytes = [...checkpoint, ...segments].reduce((sum, { size }) => sum + size, 0);
  return success({ checkpoint, segments, bytes, until });
}

export interface RestoreParts {
  readonly store: ObjectStore;
  readonly packer: Packer;
  readonly disk: Disk;
  readonly manifest: Manifest;
  readonly isByHand: boolean;
}

export type RestoreProgress = (bytes: number, total: number) => void;

/**
 * Writes the files. The folder holds none of a log, but for those of a restore that was cut short.
 */
export class Restore {
  readonly #parts: RestoreParts;
  readonly #plan: RestorePlan;
  readonly #done: (result: Result<Restored>) => void;
  readonly #onProgress: RestoreProgress;
  readonly #objects: readonly LiveObject[];
  #index = 0;
  #attempts = 0;
  #bytes = 0;
  #lastLsn = 0;
  #time: Time = 0;
  #isCut = false;

  constructor(
    parts: RestoreParts,
    plan: RestorePlan,
    onProgress: RestoreProgress,
    done: (result: Result<Restored>) => void,
  ) {
    this.#parts = parts;
    this.#plan = plan;
    this.#onProgress = onProgress;
    this.#done = done;
    this.#objects = [...plan.checkpoint, ...plan.segments];
  }

  begin(): void {
    this.#guard(() => {
      const { disk } = this.#parts;
      clearFolder(disk);
      this.#mark(false);
      if (this.#plan.checkpoint.length > 0) disk.create(this.#checkpointName);
      this.#next();
    });
  }

  get #checkpointName(): string {
    return checkpointName(this.#plan.checkpoint[0]!.firstLsn);
  }

  // Spec: StreamingPersistence.ReadObject.
  #next() {
    const object = this.#isCut ? undefined : this.#objects[this.#index];
    if (object === undefined) return this.#finish();
    readObject(this.#parts, object, (raw) => {
      this.#guard(() => {
        if (typeof raw === "string") {
          if (++this.#attempts >= readAttemptsMax) return this.#done(failure(raw));
          return this.#next();
        }
        this.#attempts = 0;
        this.#write(object, raw);
        this.#bytes += object.size;
        this.#onProgress(this.#bytes, this.#plan.bytes);
        this.#index++;
        this.#next();
      });
    });
  }

  #write(object: LiveObject, raw: Bytes): void {
    const { disk } = this.#parts;
    if (object.kind === objectKinds.checkpoint) {
      disk.append(this.#checkpointName, raw);
      this.#time = Math.max(this.#time, object.time);
      this.#lastLsn = Math.max(this.#lastLsn, object.firstLsn - 1);
      return;
    }
    const name = segmentName(this.#index - this.#plan.checkpoint.length + 1);
    disk.create(name);
    disk.append(name, this.#cut(raw));
    disk.syncNow(name);
  }

  /** A file without the records from the first one that is too late. */
  #cut(raw: Bytes): Bytes {
    const { until } = this.#plan;
    const { frames } = readLog(raw);
    const late = until === undefined ? -1 : frames.findIndex(({ time }) => time > until);
    const kept = late < 0 ? frames : frames.slice(0, late);
    this.#lastLsn = kept.at(-1)?.lsn ?? this.#lastLsn;
    for (const { time } of kept) this.#time = Math.max(this.#time, time);
    if (late < 0) return raw;
    this.#isCut = true;
    return raw.subarray(0, rawOf(frames[late]!).byteOffset - raw.byteOffset);
  }

  // Spec: StreamingPersistence.EndRecovery.
  #finish(): void {
    const { disk } = this.#parts;
    if (this.#plan.checkpoint.length > 0) disk.syncNow(this.#checkpointName);
    disk.syncFolder();
    this.#mark(true);
    this.#done(success({ lastLsn: this.#lastLsn, time: this.#time }));
  }

  #mark(isComplete: boolean): void {
    const { disk, manifest, isByHand } = this.#parts;
    const { epoch, sequence } = manifest;
    const text = [isComplete, epoch, sequence, !this.#isCut, isByHand].map(Number).join(" ");
    writeSmall(disk, restoredName, `${restoredName}.unfinished`, utf8(text));
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof DiskError || error instanceof MalformedBytes)) throw error;
      this.#done(failure(error.message));
    }
  }
}

/** Removes the files of a log. @throws DiskError */
function clearFolder(disk: Disk): void {
  for (const { name } of disk.list())
    if (segmentNumber(name) !== undefined || checkpointLsn(name) !== undefined) disk.remove(name);
}

/** Whether a folder holds a log that no restore has left unfinished. @throws DiskError */
export const holdsLog = (disk: Disk): boolean =>
  readMark(disk)?.isComplete !== false &&
  disk
    .list()
    .some(({ name }) => segmentNumber(name) !== undefined || checkpointLsn(name) !== undefined);

/** Replaces a small file as a whole. @throws DiskError */
export function writeSmall(disk: Disk, name: string, unfinished: string, bytes: Bytes): void {
  disk.create(unfinished);
  disk.append(unfinished, bytes);
  disk.syncNow(unfinished);
  disk.rename(unfinished, name);
  disk.syncFolder();
}

/** The text of a small file, or undefined when there is none. @throws DiskError */
export function readSmall(disk: Disk, name: string): string | undefined {
  const file = disk.list().find((entry) => entry.name === name);
  return file === undefined ? undefined : fromUtf8(disk.read(name, 0, file.bytes));
}

/** @throws DiskError */
export function readMark(disk: Disk): RestoreMark | undefined {
  const text = readSmall(disk, restoredName);
  if (text === undefined) return undefined;
  const [isComplete, epoch = 0, sequence = 0, isWhole, isByHand] = text.split(" ").map(Number);
  const marks = { isComplete: isComplete === 1, isWhole: isWhole === 1, isByHand: isByHand === 1 };
  return { epoch, sequence, ...marks };
}

/** The node has begun to write: the folder is its own from here on. @throws DiskError */
export function forgetMark(disk: Disk): void {
  if (readMark(disk) === undefined) return;
  disk.remove(restoredName);
  disk.syncFolder();
}
