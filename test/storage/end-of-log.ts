// Where a file of the log ends for its readers: room may follow the last record.

import type { Disk } from "../../src/storage/disk.js";
import { fileHeadBytes } from "../../src/storage/frame.js";
import { FrameScan } from "../../src/storage/scan.js";

/** Bytes up to the end of the last whole record. */
export function endOfLog(disk: Disk, name: string): number {
  const scan = new FrameScan(disk, name, fileHeadBytes, Number.POSITIVE_INFINITY);
  while (scan.next() !== undefined);
  return scan.offset;
}
