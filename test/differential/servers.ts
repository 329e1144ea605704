// Servers for tests that compare: redis-server is required in CI and a named skip elsewhere; ours
// is the compiled program, so that the test meets what users meet.

import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  type ServerKind,
  ServerProcess,
  useSkerryEntry,
  whyUnavailable,
} from "../../scripts/lib/server-process.js";
import { cacheFolder, isCi, projectFolder } from "../../scripts/project.js";

const compiler = join(projectFolder, "node_modules", "typescript", "bin", "tsc");

function newestMs(folder: string): number {
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    const ms = entry.isDirectory() ? newestMs(path) : statSync(path).mtimeMs;
    newest = Math.max(newest, ms);
  }
  return newest;
}

/**
 * Lets the tests meet the sources as they are: a build older than a source is not used, a fresh one
 * is made beside it. `npm test` builds before, so this acts on bare vitest runs and on copies with
 * planted bugs.
 */
export function useFreshBuild(): void {
  const stamp = join(projectFolder, "dist", ".tsbuildinfo");
  const isFresh =
    existsSync(stamp) && statSync(stamp).mtimeMs >= newestMs(join(projectFolder, "src"));
  if (isFresh) return;
  // The program looks for its package.json beside the folder of the build.
  const home = cacheFolder("test-build");
  copyFileSync(join(projectFolder, "package.json"), join(home, "package.json"));
  const folder = join(home, "dist");
  const options = ["--outDir", folder, "--tsBuildInfoFile", join(folder, ".tsbuildinfo")];
  try {
    execFileSync(process.execPath, [compiler, ...options], { cwd: projectFolder, stdio: "pipe" });
  } catch {
    // Errors of types are the compiler's business; it emits what it can all the same.
  }
  useSkerryEntry(join(folder, "src", "bin", "skerry.js"));
}

/** Null when all kinds can be started; else the reason to show. In CI a missing server throws. */
export function skipReason(...kinds: readonly ServerKind[]): string | null {
  if (kinds.includes("skerry")) useFreshBuild();
  const reason = kinds.map(whyUnavailable).find((each) => each !== null) ?? null;
  if (reason !== null && isCi) throw new Error(`needed in CI: ${reason}`);
  return reason;
}

/** Starts the servers, runs the work, and ends them whatever happened. */
export async function withServers<T>(
  kinds: readonly ServerKind[],
  work: (servers: readonly ServerProcess[]) => Promise<T>,
): Promise<T> {
  const servers: ServerProcess[] = [];
  try {
    for (const kind of kinds) servers.push(await ServerProcess.start(kind, { debug: true }));
    return await work(servers);
  } finally {
    for (const server of servers) await server.stop();
  }
}
