// How much a data folder holds.

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** Bytes of all files of a folder together; it has no folders in it. */
export const folderBytes = (folder: string): number =>
  readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
