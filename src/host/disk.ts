// The node's folder on a real file system. Writes go to the system's memory at once; forcing them
// to the disk happens beside the event loop or in it (sync-pace.ts), and what it says comes back as
// a turn of the node. Files are opened once and written at their end.
//
// A file that was opened here is written by its descriptor, so a folder that is moved away does no
// harm to what runs. Left out: direct I/O.

import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import type { Bytes } from "../base/bytes.js";
import { type Disk, DiskError, type FileEntry, type SyncDone } from "../storage/disk.js";
import { SyncPace } from "./sync-pace.js";

interface OpenFile {
  readonly descriptor: number;
  /** Where the next bytes are added; zeros may follow up to `roomEnd`. */
  length: number;
  roomEnd: number;
  /** Bytes written since a sync began. */
  unsyncedBytes: number;
  /** Syncs under way; the descriptor is closed after the last. */
  syncs: number;
  isDropped: boolean;
}

/** Files kept open at once; what is written to is among them. */
const openFilesMax = 8;
const zeros = new Uint8Array(256 * 1024);

export class FolderDisk implements Disk {
  readonly #folder: string;
  readonly #files = new Map<string, OpenFile>();
  readonly #pace: SyncPace;
  /** Runs what a sync said as a turn of the node. */
  onDone: (done: () => void) => void = (done) => done();

  /** @param waitMsMax how long the event loop may wait for a sync; 0: never */
  constructor(folder: string, waitMsMax = 0) {
    this.#folder = folder;
    this.#pace = new SyncPace(waitMsMax);
    attempt(() => mkdirSync(folder, { recursive: true }));
  }

  list(): readonly FileEntry[] {
    return attempt(() =>
      readdirSync(this.#folder, { withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name }) => ({ name, bytes: statSync(this.#path(name)).size })),
    );
  }

  read(name: string, offset: number, count: number): Bytes {
    return attempt(() => {
      const { descriptor } = this.#open(name, "r+");
      const bytes = new Uint8Array(count);
      let read = 0;
      while (read < count) {
        const more = readSync(descriptor, bytes, read, count - read, offset + read);
        if (more === 0) break;
        read += more;
      }
      return read === count ? bytes : bytes.subarray(0, read);
    });
  }

  create(name: string): void {
    attempt(() => {
      this.#drop(name);
      this.#open(name, "w+");
    });
  }

  append(name: string, bytes: Bytes, roomBytes = 0): void {
    attempt(() => {
      const file = this.#open(name, "r+");
      for (let at = 0; at < bytes.length; ) {
        const count = writeSync(file.descriptor, bytes, at, bytes.length - at, file.length);
        at += count;
        file.length += count;
        file.unsyncedBytes += count;
      }
      if (file.length <= file.roomEnd) return;
      file.roomEnd = file.length;
      if (roomBytes > 0) makeRoom(file, roomBytes);
    });
  }

  rewrite(name: string, offset: number, bytes: Bytes): void {
    attempt(() => {
      const { descriptor } = this.#open(name, "r+");
      for (let at = 0; at < bytes.length; )
        at += writeSync(descriptor, bytes, at, bytes.length - at, offset + at);
    });
  }

  truncate(name: string, length: number): void {
    attempt(() => {
      const file = this.#open(name, "r+");
      ftruncateSync(file.descriptor, length);
      file.length = length;
      file.roomEnd = length;
    });
  }

  sync(name: string, done: SyncDone, isAwaited = false): void {
    const file = attempt(() => this.#open(name, "r+"));
    const bytes = file.unsyncedBytes;
    file.unsyncedBytes = 0;
    if (isAwaited && this.#pace.mayWait(bytes)) this.#syncInLoop(file, done);
    else this.#syncBeside(file, done);
  }

  #syncInLoop({ descriptor }: OpenFile, done: SyncDone): void {
    const begunMs = performance.now();
    let failure: DiskError | undefined;
    try {
      fdatasyncSync(descriptor);
    } catch (error) {
      failure = diskErrorOf(error as NodeJS.ErrnoException);
    }
    this.#pace.note(performance.now() - begunMs);
    // Before anything else happens, but not before this method has returned.
    queueMicrotask(() => this.onDone(() => done(failure)));
  }

  #syncBeside(file: OpenFile, done: SyncDone): void {
    const begunMs = performance.now();
    file.syncs++;
    fdatasync(file.descriptor, (error) => {
      this.#pace.note(performance.now() - begunMs);
      file.syncs--;
      if (file.isDropped) this.#close(file);
      this.onDone(() => done(error === null ? undefined : diskErrorOf(error)));
    });
  }

  syncNow(name: string): void {
    attempt(() => fdatasyncSync(this.#open(name, "r+").descriptor));
  }

  syncFolder(): void {
    attempt(() => {
      const descriptor = openSync(this.#folder, "r");
      try {
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
    });
  }

  rename(from: string, to: string): void {
    attempt(() => {
      this.#drop(from);
      this.#drop(to);
      renameSync(this.#path(from), this.#path(to));
    });
  }

  remove(name: string): void {
    attempt(() => {
      this.#drop(name);
      unlinkSync(this.#path(name));
    });
  }

  /** Gives every file back. */
  close(): void {
    for (const name of [...this.#files.keys()]) this.#drop(name);
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  #open(name: string, flags: "r+" | "w+"): OpenFile {
    const known = this.#files.get(name);
    if (known !== undefined) {
      // The one used longest ago stands first.
      if (this.#files.size > 1) {
        this.#files.delete(name);
        this.#files.set(name, known);
      }
      return known;
    }
    const descriptor = openSync(this.#path(name), flags);
    const length = statSync(this.#path(name)).size;
    const file: OpenFile = {
      ...{ descriptor, length, roomEnd: length },
      ...{ unsyncedBytes: 0, syncs: 0, isDropped: false },
    };
    this.#files.set(name, file);
    if (this.#files.size > openFilesMax) this.#dropOldest();
    return file;
  }

  /** Where the room of a file begins is known here alone: such a file stays open. */
  #dropOldest(): void {
    for (const [name, { length, roomEnd }] of this.#files) {
      if (length < roomEnd) continue;
      this.#drop(name);
      return;
    }
  }

  #drop(name: string): void {
    const file = this.#files.get(name);
    if (file === undefined) return;
    this.#files.delete(name);
    file.isDropped = true;
    this.#close(file);
  }

  #close(file: OpenFile): void {
    if (file.syncs === 0) closeSync(file.descriptor);
  }
}

/** Puts zeros behind the end. Where there is no room for them, there are none. */
function makeRoom(file: OpenFile, roomBytes: number): void {
  try {
    const count = Math.min(roomBytes, zeros.length);
    file.roomEnd += writeSync(file.descriptor, zeros, 0, count, file.length);
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
  }
}

function attempt<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Error && "code" in error)
      throw diskErrorOf(error as NodeJS.ErrnoException);
    throw error;
  }
}

/** As the system names and describes it. */
function diskErrorOf(error: NodeJS.ErrnoException): DiskError {
  const code = error.code ?? "EIO";
  return new DiskError(code, systemText[code] ?? error.message);
}

/** What people know these errors by. */
const systemText: Readonly<Record<string, string>> = {
  ENOSPC: "No space left on device",
  EIO: "Input/output error",
  EROFS: "Read-only file system",
  EDQUOT: "Disk quota exceeded",
  EACCES: "Permission denied",
  ENOENT: "No such file or directory",
};
