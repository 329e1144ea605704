// Takes a checkpoint file of the node's folder into the store, part by part, so that a large one
// needs little memory and the log's segments go on between its parts. The file stays where it is
// until the end (`name` is what must not be removed).

import type { Bytes } from "../base/bytes.js";
import type { Time } from "../clock/stamp.js";
import type { Disk } from "./disk.js";
import { checkpointLsn, frameHeadBytes, readFrame, recordKinds } from "./frame.js";
import type { LiveObject } from "./manifest.js";
import { RecoveryError } from "./scan.js";

export class CheckpointUpload {
  readonly name: string;
  /** Replay begins here. */
  readonly firstLsn: number;
  /** The log must reach as far: what the file holds of later writes is in it. */
  readonly lastLsn: number;
  readonly time: Time;
  readonly parts: LiveObject[] = [];
  readonly #disk: Disk;
  readonly #bytes: number;
  #offset = 0;

  /** @throws RecoveryError when the file is no whole checkpoint, DiskError */
  constructor(disk: Disk, name: string) {
    this.#disk = disk;
    this.name = name;
    this.firstLsn = checkpointLsn(name)!;
    this.#bytes = disk.list().find((file) => file.name === name)?.bytes ?? 0;
    const endAt = this.#bytes - frameHeadBytes;
    const end = endAt < 0 ? undefined : readFrame(disk.read(name, endAt, frameHeadBytes));
    if (end?.kind !== recordKinds.end)
      throw new RecoveryError(name, Math.max(0, endAt), "the checkpoint has no end");
    this.lastLsn = end.lsn;
    this.time = end.time;
  }

  get isRead(): boolean {
    return this.#offset >= this.#bytes;
  }

  /** The next bytes of the file. @throws DiskError */
  takePart(bytesMax: number): Bytes {
    const part = this.#disk.read(this.name, this.#offset, bytesMax);
    if (part.length === 0) throw new RecoveryError(this.name, this.#offset, "the file has shrunk");
    this.#offset += part.length;
    return part;
  }
}

/** The file of the newest checkpoint of a folder. */
export function newestCheckpoint(disk: Disk): string | undefined {
  let newest: string | undefined;
  for (const { name } of disk.list()) {
    const lsn = checkpointLsn(name);
    if (lsn !== undefined && lsn > (newest === undefined ? 0 : checkpointLsn(newest)!))
      newest = name;
  }
  return newest;
}
