// A disk that forgets: what was written and not synced may be lost, torn or damaged when its
// machine goes down; a name that the folder was not synced for may be missing. It also fails, fills
// up, is slow and says of a sync that it failed. The port is storage/disk.ts, so the production log
// and its recovery run on it as they are.
//
// A crash keeps of each file what was synced and, of what was written since, any pages or none, as
// the generator says: pages leave a machine's memory in no order that a program can rely on.
//
// After a failed sync the pages that it was for are gone from the disk though reads still see them,
// and a later sync says nothing of it: what real systems do.

import type { Bytes } from "../base/bytes.js";
import type { Prng } from "../base/prng.js";
import { type Disk, DiskError, type FileEntry, type SyncDone } from "../storage/disk.js";

/** What a disk writes at once; smaller than in earnest, so that short files tear too. */
const pageBytes = 64;

interface File {
  /** What readers see. */
  bytes: Uint8Array;
  length: number;
  /** Where the next bytes are added; behind it is room. */
  end: number;
  /** What is on the medium; pages beyond its length were never there. */
  durable: Uint8Array;
  /** Where something was written since the last sync. */
  dirtyFrom: number;
  /** Lengths that the last syncs reached, the latest first. */
  reached: readonly number[];
}

/**
 * Rot and stale pages keep away from what the last so many syncs wrote: there a record that cannot
 * be read looks like a torn write, and no log of one copy can tell the difference (Alagappan and
 * others 2018, "Protocol-aware recovery").
 */
const youngSyncCount = 3;

/** When something goes wrong: asked before each operation. */
export interface DiskFaults {
  /** Why a write is refused, if it is; `part` of it may be written all the same. */
  write?(bytes: number): { readonly code: string; readonly part: number } | undefined;
  sync?(): boolean;
  /** Whether a page is read as it was before it was written. */
  staleRead?(): boolean;
}

/** Who is told what became of the disk; it may read but not change it. */
export interface DiskWatcher {
  appended(name: string, bytes: Bytes): void;
  syncing(name: string): void;
  synced(name: string, isGood: boolean): void;
  renamed(from: string): void;
  removed(name: string): void;
  crashed(): void;
}

/** How a sync comes back: the simulator puts it into its queue of events. */
export type Later = (run: () => void) => void;

export class SimulatedDisk implements Disk {
  readonly #prng: Prng;
  readonly #later: Later;
  faults: DiskFaults = {};
  watcher: DiskWatcher | undefined;
  /** Bytes that all files together may have. */
  capacity = Number.POSITIVE_INFINITY;
  syncCount = 0;
  /** Bytes that crashes took. */
  lostBytes = 0;
  #files = new Map<string, File>();
  /** Names as the medium has them. */
  #durableNames = new Map<string, File>();
  /** Syncs of an earlier life say nothing any more. */
  #life = 0;

  constructor(prng: Prng, later: Later) {
    this.#prng = prng;
    this.#later = later;
  }

  list(): readonly FileEntry[] {
    return [...this.#files].map(([name, { length }]) => ({ name, bytes: length }));
  }

  read(name: string, offset: number, count: number): Bytes {
    const file = this.#file(name);
    const bytes = file.bytes.slice(offset, Math.min(offset + count, file.length));
    const old = Math.min(oldBytesOf(file) - offset, bytes.length);
    if (old > 0 && this.faults.staleRead?.() === true) {
      const page = this.#prng.below(old) & -pageBytes;
      bytes.fill(0, page, Math.min(page + pageBytes, old));
    }
    return bytes;
  }

  create(name: string): void {
    this.#refuse(0);
    this.#files.set(name, {
      ...{ bytes: new Uint8Array(256), length: 0, end: 0, durable: new Uint8Array(0) },
      ...{ dirtyFrom: 0, reached: [] },
    });
  }

  append(name: string, bytes: Bytes, roomBytes = 0): void {
    const file = this.#file(name);
    const more = file.end + bytes.length - file.length;
    const fault = this.faults.write?.(bytes.length) ?? (more > 0 ? this.#full(more) : undefined);
    if (fault !== undefined) {
      this.#write(file, bytes.subarray(0, Math.min(fault.part, bytes.length)));
      throw new DiskError(fault.code, `simulated ${fault.code}`);
    }
    this.#write(file, bytes);
    if (more > 0 && this.#full(roomBytes) === undefined) makeRoom(file, roomBytes);
    this.watcher?.appended(name, bytes);
  }

  #full(count: number): { code: string; part: number } | undefined {
    const free = this.capacity - this.#usedBytes();
    return count <= free ? undefined : { code: "ENOSPC", part: Math.max(0, free) };
  }

  #usedBytes(): number {
    let used = 0;
    for (const { length } of this.#files.values()) used += length;
    return used;
  }

  #write(file: File, bytes: Bytes): void {
    const end = file.end + bytes.length;
    grow(file, end);
    file.bytes.set(bytes, file.end);
    file.dirtyFrom = Math.min(file.dirtyFrom, file.end);
    file.end = end;
    file.length = Math.max(file.length, end);
  }

  rewrite(name: string, offset: number, bytes: Bytes): void {
    this.#refuse(bytes.length);
    const file = this.#file(name);
    file.bytes.set(bytes, offset);
    file.dirtyFrom = Math.min(file.dirtyFrom, offset);
  }

  truncate(name: string, length: number): void {
    this.#refuse(0);
    const file = this.#file(name);
    file.length = Math.min(file.length, length);
    file.end = Math.min(file.end, length);
    file.dirtyFrom = Math.min(file.dirtyFrom, file.length);
    file.reached = file.reached.map((length) => Math.min(length, file.length));
  }

  sync(name: string, done: SyncDone): void {
    const file = this.#file(name);
    const life = this.#life;
    const { length, end } = file;
    this.watcher?.syncing(name);
    this.#later(() => {
      if (life === this.#life) done(this.#syncTo(name, file, length, end));
    });
  }

  syncNow(name: string): void {
    const file = this.#file(name);
    this.watcher?.syncing(name);
    const error = this.#syncTo(name, file, file.length, file.end);
    if (error !== undefined) throw error;
  }

  #syncTo(name: string, file: File, length: number, end: number): DiskError | undefined {
    const error = this.#force(file, length, end);
    this.watcher?.synced(name, error === undefined);
    return error;
  }

  /** @param lengthThen length and end of the file when the sync began */
  #force(file: File, lengthThen: number, endThen: number): DiskError | undefined {
    this.syncCount++;
    const end = Math.min(lengthThen, file.length);
    const written = Math.min(endThen, file.end);
    // What has gone into the room meanwhile is not covered.
    const cleanUntil = file.end > written ? written : end;
    if (this.faults.sync?.() === true) {
      // What was to be written will not be, and nobody will be told again.
      file.dirtyFrom = Math.max(file.dirtyFrom, cleanUntil);
      return new DiskError("EIO", "simulated sync failure");
    }
    const durable = new Uint8Array(Math.max(end, file.durable.length));
    durable.set(file.durable);
    durable.set(file.bytes.subarray(file.dirtyFrom, written), file.dirtyFrom);
    file.durable = durable.subarray(0, end);
    file.reached = [written, ...file.reached].slice(0, youngSyncCount + 1);
    file.dirtyFrom = Math.max(file.dirtyFrom, cleanUntil);
    return undefined;
  }

  syncFolder(): void {
    this.#refuse(0);
    this.#durableNames = new Map(this.#files);
  }

  rename(from: string, to: string): void {
    this.#refuse(0);
    const file = this.#file(from);
    this.#files.delete(from);
    this.#files.set(to, file);
    this.watcher?.renamed(from);
  }

  remove(name: string): void {
    this.#file(name);
    this.#files.delete(name);
    this.watcher?.removed(name);
  }

  // ---- the end of a machine

  /** The process is gone, the machine is not: what was written is there. */
  killProcess(): void {
    this.#life++;
    // Nobody knows any more where the room of a file begins.
    for (const file of this.#files.values()) file.end = file.length;
  }

  /** The machine goes down: only what the medium has is there when it is back. */
  crash(): void {
    this.#life++;
    const names = new Map(this.#durableNames);
    // What was done to names since the folder was synced may have reached the medium or not.
    for (const [name, file] of this.#files)
      if (this.#durableNames.get(name) !== file && this.#prng.chance(0.5)) names.set(name, file);
    for (const name of this.#durableNames.keys())
      if (!this.#files.has(name) && this.#prng.chance(0.5)) names.delete(name);
    for (const file of new Set(names.values())) this.#forget(file);
    this.#files = names;
    this.#durableNames = new Map(names);
    this.watcher?.crashed();
  }

  #forget(file: File): void {
    const { durable } = file;
    const kept = this.#prng.chance(0.3) ? file.length : this.#prng.below(file.length + 1);
    const length = Math.max(durable.length, kept);
    const bytes = new Uint8Array(length);
    bytes.set(durable);
    for (let at = file.dirtyFrom; at < kept; at += pageBytes) {
      const end = Math.min(at + pageBytes, kept);
      if (this.#prng.chance(0.6)) bytes.set(file.bytes.subarray(at, end), at);
    }
    this.lostBytes += Math.max(0, file.length - durable.length);
    file.bytes = bytes;
    file.length = length;
    file.end = length;
    file.durable = bytes.slice();
    file.dirtyFrom = length;
  }

  /** Bit rot: one bit of what is durable in some file turns. False when there is none. */
  rot(name: string, offset: number): boolean {
    const file = this.#files.get(name);
    if (file === undefined || offset >= file.length) return false;
    file.bytes[offset]! ^= 1 << this.#prng.below(8);
    if (offset < file.durable.length) file.durable[offset] = file.bytes[offset]!;
    return true;
  }

  /** Bit rot somewhere in what has been durable for long. False when there is no such place. */
  rotSomewhere(): boolean {
    const old = [...this.#files].filter(([, file]) => oldBytesOf(file) > 0);
    if (old.length === 0) return false;
    const [name, file] = this.#prng.pick(old);
    return this.rot(name, this.#prng.below(oldBytesOf(file)));
  }

  #file(name: string): File {
    const file = this.#files.get(name);
    if (file === undefined) throw new DiskError("ENOENT", `no file ${name}`);
    return file;
  }

  #refuse(bytes: number): void {
    const fault = this.faults.write?.(bytes);
    if (fault !== undefined) throw new DiskError(fault.code, `simulated ${fault.code}`);
  }
}

/** Memory for so many bytes. */
function grow(file: File, length: number): void {
  if (length <= file.bytes.length) return;
  const grown = new Uint8Array(Math.max(length, file.bytes.length * 2));
  grown.set(file.bytes.subarray(0, file.length));
  file.bytes = grown;
}

function makeRoom(file: File, roomBytes: number): void {
  const length = file.end + roomBytes;
  grow(file, length);
  file.bytes.fill(0, file.end, length);
  file.length = length;
}

/** How much of a file was durable before its last syncs. */
const oldBytesOf = ({ reached }: File): number => reached[youngSyncCount] ?? 0;
