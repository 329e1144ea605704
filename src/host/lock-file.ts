// One process per data folder: a file that names its holder. A holder that is gone (killed, or the
// machine went down) is known by its process id and the time at which that process began, so that
// another program that was given the same id does not keep the folder shut.
//
// Left out: folders shared between machines, where ids of processes say nothing.

import { closeSync, openSync, readFileSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";

const lockName = "lock";
/** Attempts while another start is taking over the same stale lock. */
const attemptsMax = 3;

export class FolderLocked extends Error {
  override readonly name = "FolderLocked";
}

/** Takes the folder; answers how to give it back. @throws FolderLocked, or the system's error */
export function lockFolder(folder: string): () => void {
  const path = join(folder, lockName);
  for (let attempt = 1; ; attempt++) {
    try {
      const descriptor = openSync(path, "wx");
      writeSync(descriptor, `${process.pid} ${beginOf(process.pid)}\n`);
      closeSync(descriptor);
      return () => unlinkSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || attempt >= attemptsMax) throw error;
    }
    const holder = readHolder(path);
    if (holder !== undefined && isAlive(holder))
      throw new FolderLocked(`the folder ${folder} is in use by process ${holder.pid}`);
    unlinkIfThere(path);
  }
}

interface Holder {
  readonly pid: number;
  readonly begin: string;
}

function readHolder(path: string): Holder | undefined {
  try {
    const [pid, begin] = readFileSync(path, "utf8").trim().split(" ");
    return { pid: Number(pid), begin: begin ?? "" };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function isAlive({ pid, begin }: Holder): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  const now = beginOf(pid);
  return now === "" || begin === "" || now === begin;
}

/** In place of the beginning of a process that is no more than a name. */
const ended = "ended";

/** When a process began, in ticks since the machine did; empty where the system does not tell. */
function beginOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name of the program, in parentheses, may hold anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A process that has ended and that nobody has asked after holds nothing.
    return fields[0] === "Z" ? ended : (fields[19] ?? "");
  } catch {
    return "";
  }
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
