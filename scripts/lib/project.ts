// Where this checkout is and where its scratch files go. Scripts run both from the sources and from the
// compiled `dist/`, so the root is found by walking up to our own package.json, never by counting folders.

import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

function findRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const manifest = join(folder, "package.json");
    if (existsSync(manifest) && readFileSync(manifest, "utf8").includes('"name": "skerry"'))
      return folder;
    const parent = dirname(folder);
    if (parent === folder) throw new Error("no package.json of skerry above this script");
    folder = parent;
  }
}

export const projectRoot = findRoot();

/** A folder under `.cache/` (git-ignored), created when absent. */
export function cacheFolder(...parts: string[]): string {
  const folder = join(projectRoot, ".cache", ...parts);
  mkdirSync(folder, { recursive: true });
  return folder;
}

export const isCi = process.env.CI === "true";

/**
 * Ends the script because something it needs is missing. On a developer's machine that is a named skip;
 * in CI it is a failure, so that a judge can never fall silent unnoticed.
 */
export function skipOrFail(reason: string): never {
  console.log(`SKIPPED: ${reason}`);
  process.exit(isCi ? 2 : 0);
}
