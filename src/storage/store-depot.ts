// What one writer of a store does to it, one thing at a time, and again until it is done: put an
// object, read one, replace the manifest, remove what the manifest has ceased to name. Whoever
// calls goes on in `done`; a failure is told (`error`) and tried again after a while, and only a
// later writer ends it for good (`isFenced`): then nothing comes back any more.
//
// An object keeps its name and its bytes through all attempts, so one that comes to pass late does
// no harm. It is removed only after the manifest that does not name it stands, and never while that
// is in doubt.
//
// Left out: several objects at once.

import { crc32 } from "node:zlib";
import type { Bytes } from "../base/bytes.js";
import type { Time } from "../clock/stamp.js";
import { type LiveObject, type Manifest, type ManifestChange, objectNameOf } from "./manifest.js";
import type { ManifestWriter } from "./manifest-writer.js";
import { always, type ObjectStore, type StoreError } from "./object-store.js";
import type { Packer } from "./packer.js";

/** The wait after a failure; each further one is twice as long. */
export const backOffMsMin = 500;
export const backOffMsMax = 30_000;
/** A read that fails so often is given up. */
const readAttemptsMax = 3;
/** Objects to be removed that are remembered; what is beyond goes when the next writer looks. */
export const garbageMax = 10_000;

/** What an object is, beside its bytes. */
export interface ObjectMeaning {
  readonly kind: number;
  readonly firstLsn: number;
  readonly lastLsn: number;
  readonly time: Time;
}

export interface DepotParts {
  readonly store: ObjectStore;
  readonly packer: Packer;
  readonly writer: ManifestWriter;
  /** The manifest as this writer took it over. */
  readonly manifest: Manifest;
}

export interface DepotCounters {
  putObjects: number;
  putBytes: number;
  removedObjects: number;
  failures: number;
}

export class Depot {
  /** The manifest as this writer read or wrote it last. */
  view: Manifest;
  /** Why the last attempt failed; undefined once one has succeeded. */
  error: string | undefined;
  isFenced = false;
  readonly counters: DepotCounters = {
    ...{ putObjects: 0, putBytes: 0, removedObjects: 0, failures: 0 },
  };
  /** The state has changed: it is to be told. */
  onChange: (() => void) | undefined;

  readonly #parts: DepotParts;
  readonly #now: () => number;
  /** Names that no manifest names any more. */
  readonly #garbage: string[] = [];
  #number = 0;
  #retry: { readonly atMs: number; readonly run: () => void } | undefined;
  #waitMs = backOffMsMin;

  constructor(parts: DepotParts, now: () => number) {
    this.#parts = parts;
    this.#now = now;
    this.view = parts.manifest;
  }

  get epoch(): number {
    return this.#parts.writer.epoch;
  }

  get hasGarbage(): boolean {
    return this.#garbage.length > 0;
  }

  // ---- operations

  /** Stores bytes under a name of their own. No manifest names it yet. */
  put(folder: string, raw: Bytes, meaning: ObjectMeaning, done: (live: LiveObject) => void): void {
    const name = objectNameOf(folder, this.epoch, ++this.#number);
    this.#parts.packer.pack(raw, ({ codec, bytes }) => {
      const { length: plainSize } = raw;
      const live = { name, size: bytes.length, crc: crc32(bytes), codec, plainSize, ...meaning };
      const attempt = (): void =>
        this.#parts.store.put(name, bytes, always, (result) => {
          if (!result.ok) return this.#again(result.error, attempt);
          this.counters.putObjects++;
          this.counters.putBytes += bytes.length;
          this.#succeed();
          done(live);
        });
      attempt();
    });
  }

  /**
   * The bytes that were stored; undefined when they are not to be had now. Only the log must not
   * wait for a read: the object may be gone because somebody else has replaced it.
   */
  read(live: LiveObject, done: (raw: Bytes | undefined) => void): void {
    const attempt = (left: number): void =>
      readObject(this.#parts, live, (raw) => {
        if (typeof raw !== "string") return done(raw);
        this.counters.failures++;
        if (left > 1) attempt(left - 1);
        else done(undefined);
      });
    attempt(readAttemptsMax);
  }

  /** Replaces the manifest; what it ceases to name is removed later. */
  // Spec: StreamingPersistence.Swap.
  swap(change: ManifestChange, done: () => void): void {
    const before = this.view;
    const attempt = (): void =>
      this.#parts.writer.replace(change, (result) => {
        if (!result.ok) return this.#again(result.error, attempt);
        this.view = result.value;
        const alive = new Set(result.value.objects.map(({ name }) => name));
        this.discard(before.objects.map(({ name }) => name).filter((name) => !alive.has(name)));
        this.#succeed();
        done();
      });
    attempt();
  }

  /** To be removed when there is time. No manifest that may come to stand names them. */
  discard(names: readonly string[]): void {
    for (const name of names) if (this.#garbage.length < garbageMax) this.#garbage.push(name);
  }

  /** Removes one object of those; one that cannot be removed now is left for the next writer. */
  // Spec: StreamingPersistence.Delete.
  removeOne(done: () => void): void {
    this.#parts.store.delete(this.#garbage.shift()!, (result) => {
      if (result.ok) this.counters.removedObjects++;
      else this.counters.failures++;
      done();
    });
  }

  // ---- failures

  #succeed(): void {
    this.#waitMs = backOffMsMin;
    if (this.error === undefined) return;
    this.error = undefined;
    this.onChange?.();
  }

  #again(error: StoreError, run: () => void) {
    if (this.#parts.writer.isFenced) return this.#fence(error);
    this.counters.failures++;
    const isNew = this.error === undefined;
    this.error = error.message;
    this.#retry = { atMs: this.#now() + this.#waitMs, run };
    this.#waitMs = Math.min(this.#waitMs * 2, backOffMsMax);
    if (isNew) this.onChange?.();
  }

  /** Somebody else writes the manifest now: nothing that this writer does counts any more. */
  // Spec: StreamingPersistence.Fenced.
  #fence(error: StoreError): void {
    this.isFenced = true;
    this.error = error.message;
    this.#garbage.length = 0;
    this.onChange?.();
  }

  nextDueMs(): number {
    return this.#retry?.atMs ?? Number.POSITIVE_INFINITY;
  }

  tick(): void {
    const retry = this.#retry;
    if (retry === undefined || this.#now() < retry.atMs) return;
    this.#retry = undefined;
    retry.run();
  }
}

/** The bytes behind an object of a manifest, or what is wrong with it. */
export function readObject(
  { store, packer }: Pick<DepotParts, "store" | "packer">,
  { name, size, crc, codec }: LiveObject,
  done: (raw: Bytes | string) => void,
): void {
  store.get(name, undefined, (result) => {
    if (!result.ok) return done(`${name}: ${result.error.message}`);
    const { bytes } = result.value;
    if (bytes.length !== size) return done(`${name} has ${bytes.length} bytes instead of ${size}`);
    if (crc32(bytes) !== crc) return done(`the checksum of ${name} is wrong`);
    packer.unpack({ codec, bytes }, (raw) =>
      done(raw ?? `${name} is packed in a way that this version does not know`),
    );
  });
}
