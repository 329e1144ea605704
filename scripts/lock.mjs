// A lock between processes: a file that holds the pid of its owner. Several nodes may start at the
// same moment on a fresh clone and exactly one of them builds. Plain ESM without packages: it runs
// before `npm ci` has. Left out: fairness, and owners on another machine (the lock guards one
// checkout).

import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const pollMs = 100;
const reminderMs = 10_000;
/**
 * Longer than any build; an owner that holds on for longer has lost its mind, whatever its pid
 * says.
 */
const heldMsMax = 30 * 60_000;
/** The second lock is held for one unlink, so after this long its owner must have died. */
const breakerHeldMsMax = 10_000;

/**
 * Runs `work` while holding the lock and returns its result. Waits, asleep between polls, as long
 * as the present owner lives; a lock whose owner died is taken over.
 * @param {string} path the lock file
 * @param {(line: string) => void} say told once when waiting begins and every ten seconds after
 * @param {() => Promise<unknown>} work
 */
export async function withLock(path, say, work) {
  mkdirSync(dirname(path), { recursive: true });
  const mine = `${process.pid} ${startOf(process.pid)}`;
  const waitingSince = Date.now();
  let saidAt = 0;
  while (!tryCreate(path, mine)) {
    if (isAbandoned(path)) {
      breakLock(path);
      continue;
    }
    if (Date.now() - saidAt > reminderMs) {
      say(`waiting for process ${ownerOf(path)?.pid ?? "?"}, which is preparing this checkout`);
      saidAt = Date.now();
    }
    await sleep(pollMs);
  }
  const release = () => {
    if (readOrEmpty(path) === mine) rmSync(path, { force: true });
  };
  process.once("exit", release);
  try {
    return await work({ waitedMs: Date.now() - waitingSince });
  } finally {
    process.off("exit", release);
    release();
  }
}

/** Creates the file with its content in one step, so nobody ever reads a lock without an owner. */
function tryCreate(path, content) {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, content);
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * Removes an abandoned lock. Two waiters may both have seen it abandoned; without a second lock the
 * slower one would remove the fresh lock of the faster one, and both would build.
 */
function breakLock(path) {
  const breaker = `${path}.breaker`;
  if (!tryCreate(breaker, String(process.pid))) {
    if (ageMs(breaker) > breakerHeldMsMax) rmSync(breaker, { force: true });
    return;
  }
  try {
    if (isAbandoned(path)) rmSync(path, { force: true });
  } finally {
    rmSync(breaker, { force: true });
  }
}

function isAbandoned(path) {
  const owner = ownerOf(path);
  if (owner === undefined) return false; // Released meanwhile: the next attempt will see.
  return !isAlive(owner) || ageMs(path) > heldMsMax;
}

function ownerOf(path) {
  const [pid, start] = readOrEmpty(path).split(" ");
  return pid ? { pid: Number(pid), start: start ?? "" } : undefined;
}

function isAlive({ pid, start }) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code === "ESRCH") return false; // EPERM means it lives and is somebody else's.
  }
  return startOf(pid) === start; // A pid may have been given to another process since.
}

/** When a process started, in clock ticks since boot, where /proc tells; "" elsewhere. */
function startOf(pid) {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  // The second field is the program's name in parentheses and may hold spaces; start is field 22.
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

function readOrEmpty(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function ageMs(path) {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}
