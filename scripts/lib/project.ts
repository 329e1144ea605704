// Where the scratch files of the judges go, and what they do when something they need is missing.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { projectFolder } from "../project.js";

export const projectRoot = projectFolder;

/** A folder under `.cache/` (git-ignored), created when absent. */
export function cacheFolder(...parts: string[]): string {
  const folder = join(projectRoot, ".cache", ...parts);
  mkdirSync(folder, { recursive: true });
  return folder;
}

export const isCi = process.env.CI === "true";

/**
 * Ends the script because something it needs is missing. On a developer's machine that is a named
 * skip; in CI it is a failure, so that a judge can never fall silent unnoticed.
 */
export function skipOrFail(reason: string): never {
  console.log(`SKIPPED: ${reason}`);
  process.exit(isCi ? 2 : 0);
}
