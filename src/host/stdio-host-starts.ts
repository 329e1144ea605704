// Counts the starts of a Maelstrom node, so that one that was killed and started again knows that
// its memory is lost: it must not vote on registers, and must not reuse a name. Maelstrom gives a
// node no folder of its own, so the count is in the system's temporary folder, under the process
// that started the node (who runs the cluster) and the cluster's node ids; a file per node, written
// before init is answered.
//
// A harness may run several clusters one after the other, whose nodes have the same names. Then
// every process of the earlier one is dead: when nobody listed lives, a new cluster begins and the
// old counts go. A cluster all of whose nodes were killed looks the same. Maelstrom's client ids
// tell, which grow through a test and begin anew with the next: a node that was introduced by a
// later client than before, and not by one of the first, was killed.
//
// A node with a log counts by that; the count here is what a log that is empty begins with.

import { createHash } from "node:crypto";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

export interface StartsOptions {
  /** Where counts are kept; a folder per user in the system's temporary folder. */
  readonly root: string;
  /** Who runs the cluster. */
  readonly parent: number;
  readonly self: number;
  /**
   * Identifies a living process beyond its number, which may be reused; undefined when it is dead.
   */
  readonly identify: (pid: number) => string | undefined;
}

interface Start {
  readonly count: number;
  readonly pid: number;
  readonly identity: string;
  /** Who introduced it. */
  readonly client: string;
}

const lockWaitMs = 2000;
const lockPollMs = 5;
const keptMs = 24 * 60 * 60 * 1000;

/** What the running process uses. */
export const systemStarts = (): StartsOptions => ({
  root: join(tmpdir(), `skerry-maelstrom-${userInfo().uid}`),
  parent: process.ppid,
  self: process.pid,
  identify: identifyProcess,
});

/**
 * Counts this start of `name` and answers its number, from 1.
 * @param client who introduces the node, `c12`
 * @throws when the count cannot be written
 */
export function countStart(
  options: StartsOptions,
  name: string,
  members: readonly string[],
  client: string,
): number {
  const { parent, self, identify } = options;
  const cluster = createHash("sha1")
    .update(JSON.stringify([...members].sort()))
    .digest("hex");
  const run = `${parent}-${identify(parent) ?? ""}-${cluster.slice(0, 12)}`;
  const folder = join(options.root, run.replace(/[^\w.-]/g, "_"));
  // Only who makes the folder is the first here, and sees to what others have left behind.
  if (mkdirSync(folder, { recursive: true, mode: 0o700 }) !== undefined) removeOld(options.root);
  return withLock(join(folder, ".lock"), () => {
    const file = join(folder, createHash("sha1").update(name).digest("hex").slice(0, 16));
    const before = readStart(file);
    const isNewCluster =
      before !== undefined &&
      numberOf(client) <= Math.max(members.length, numberOf(before.client)) &&
      !anybodyLives(options, folder);
    if (isNewCluster) for (const other of startFiles(folder)) rmSync(other, { force: true });
    const count = before === undefined || isNewCluster ? 1 : before.count + 1;
    const start: Start = { count, pid: self, identity: identify(self) ?? "", client };
    writeFileSync(`${file}.new`, JSON.stringify(start), { mode: 0o600 });
    renameSync(`${file}.new`, file);
    return count;
  });
}

/** Removes the counts of runs that nobody can continue any more: they are a day old. */
function removeOld(root: string): void {
  for (const name of readdirSync(root)) {
    const folder = join(root, name);
    if (ageMs(folder) > keptMs) rmSync(folder, { recursive: true, force: true });
  }
}

/** 12 for `c12`; a name of another kind counts as the first. */
const numberOf = (client: string): number => Number(/^c(\d{1,9})$/.exec(client)?.[1] ?? 0);

const startFiles = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => /^[0-9a-f]{16}$/.test(name))
    .map((name) => join(folder, name));

function anybodyLives({ self, identify }: StartsOptions, folder: string): boolean {
  return startFiles(folder).some((file) => {
    const start = readStart(file);
    return start !== undefined && start.pid !== self && identify(start.pid) === start.identity;
  });
}

function readStart(file: string): Start | undefined {
  try {
    const start = JSON.parse(readFileSync(file, "utf8")) as Start;
    return Number.isSafeInteger(start.count) && Number.isSafeInteger(start.pid) ? start : undefined;
  } catch {
    return undefined;
  }
}

/**
 * One start at a time: the nodes of a cluster start together. A lock older than the wait was left
 * behind.
 */
function withLock<T>(path: string, run: () => T): T {
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    try {
      mkdirSync(path);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      if (ageMs(path) > lockWaitMs) rmSync(path, { recursive: true, force: true });
      else Atomics.wait(sleeper, 0, 0, lockPollMs);
    }
  }
  try {
    return run();
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

function ageMs(path: string): number {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return 0; // Gone meanwhile.
  }
}

/**
 * When the process began, as the system counts it, where /proc tells; else only that it lives. A
 * dead one that its parent has not waited for yet does not live.
 */
function identifyProcess(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name in parentheses may hold anything; the state follows it, and the start time 19 fields
    // later.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
  } catch {
    if (process.platform === "linux") return undefined;
  }
  try {
    process.kill(pid, 0);
    return "alive";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM" ? "alive" : undefined;
  }
}
