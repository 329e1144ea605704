// The folder of one node as a port: what the log and the checkpoints need of a file system. The
// host fills it with the real one, the simulator with a disk that forgets, tears and fails.
//
// What is written is in the system's memory until `sync` has said that it is durable; a new,
// renamed or removed name is durable after `syncFolder`. After a failed `sync` nothing is known
// about what was not durable before: the system may have dropped it and will not say so again.

import type { Bytes } from "../base/bytes.js";

export interface FileEntry {
  readonly name: string;
  readonly bytes: number;
}

/** What the disk refused to do. `code` is the system's name of it, such as ENOSPC. */
export class DiskError extends Error {
  override readonly name = "DiskError";
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Called in a turn of the node's own, never before `sync` has returned. */
export type SyncDone = (error: DiskError | undefined) => void;

/** Every method throws `DiskError` when the disk refuses. */
export interface Disk {
  /** The files of the folder, in any order. */
  list(): readonly FileEntry[];
  /** So many bytes from `offset` on, or fewer at the end of the file. */
  read(name: string, offset: number, count: number): Bytes;
  /** A new, empty file; one of this name that is there is emptied. */
  create(name: string): void;
  /**
   * Adds bytes at the end. When it throws, part of them may be there.
   *
   * @param roomBytes so many zeros may be put behind them, for later appends to go into: then their
   *   syncs need not tell the file system a new length. `list` counts them, `truncate` ends them,
   *   and whoever reads the file after a crash finds them (scan.ts).
   */
  append(name: string, bytes: Bytes, roomBytes?: number): void;
  /**
   * Writes anew what a file has there already, so that the next sync covers it, whatever an earlier
   * one said. Needs no room on most file systems.
   */
  rewrite(name: string, offset: number, bytes: Bytes): void;
  /** Cuts a file to a length. */
  truncate(name: string, length: number): void;
  /**
   * Makes everything written to the file so far durable, later.
   *
   * @param isAwaited replies wait for it, so it may keep everything else waiting for a moment
   */
  sync(name: string, done: SyncDone, isAwaited?: boolean): void;
  /** The same, while everybody waits. */
  syncNow(name: string): void;
  syncFolder(): void;
  rename(from: string, to: string): void;
  remove(name: string): void;
}
