// An object store in a local folder. A put writes a file of its own, forces it to the disk, links
// it to its name and forces the folder: readers see all of an object or nothing of it, and what was
// answered survives a loss of power.
//
// Conditions hold between processes without locks, so that nobody who is killed leaves one behind:
// each content of an object is the file `name@generation`, the highest is the object's. A link that
// refuses to replace lets exactly one writer make generation n + 1. Generations below the last two
// are removed in ascending order; a writer that comes to a generation which was there already finds
// that the one before it is gone, and then does not claim to have written.
//
// Left out: folders on file systems without hard links; folders between machines, for the removal
// of unfinished files; a delete at the same moment as a conditional put of the same name may come
// before or after it (manifests are never deleted).

import { randomUUID } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { link, mkdir, open, readdir, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Bytes, compareText } from "../base/bytes.js";
import {
  absentObject,
  type ByteRange,
  conditionFailed,
  type EntityTag,
  flawOfCall,
  type ObjectEntry,
  type ObjectPage,
  type ObjectStore,
  type PutCondition,
  pageEntriesDefault,
  pageOf,
  rangeBehindEnd,
  type StoreDone,
  type StoredObject,
  type StoreResult,
  storeFailure,
} from "../storage/object-store.js";

/** Attempts while others change the same object; then it is `temporarily_unavailable`. */
const attemptsMax = 20;
/** Files that are being written; no object's name begins with a dot. */
const unfinishedPrefix = ".unfinished-";
const unfinishedPattern = /^\.unfinished-([1-9]\d*)-/;

interface Version {
  readonly generation: number;
  readonly path: string;
}

interface Current extends Version {
  readonly tag: EntityTag;
  readonly size: number;
}

export class DirectoryStore implements ObjectStore {
  readonly #folder: string;
  readonly #pageEntries: number;

  /** @param pageEntries entries of a page at most */
  constructor(folder: string, pageEntries = pageEntriesDefault) {
    this.#folder = folder;
    this.#pageEntries = pageEntries;
  }

  get(name: string, range: ByteRange | undefined, done: StoreDone<StoredObject>) {
    const flaw = flawOfCall(name, range);
    if (flaw !== undefined) return done(flaw);
    settle(this.#get(name, range), done);
  }

  put(name: string, bytes: Bytes, condition: PutCondition, done: StoreDone<EntityTag>) {
    const flaw = flawOfCall(name);
    if (flaw !== undefined) return done(flaw);
    settle(this.#put(name, bytes, condition), done);
  }

  list(prefix: string, continuation: string | undefined, done: StoreDone<ObjectPage>) {
    settle(this.#list(prefix, continuation ?? ""), done);
  }

  delete(name: string, done: StoreDone<undefined>) {
    const flaw = flawOfCall(name);
    if (flaw !== undefined) return done(flaw);
    settle(this.#delete(name), done);
  }

  /**
   * Removes what writers that are no more have left half written; answers how many. To be called
   * at the start.
   */
  removeUnfinished(done: StoreDone<number>) {
    settle(this.#removeUnfinished(), done);
  }

  async #removeUnfinished(): Promise<StoreResult<number>> {
    let count = 0;
    for (const path of (await ifThere(readdir(this.#folder, { recursive: true }))) ?? []) {
      const writer = unfinishedPattern.exec(basename(path))?.[1];
      if (writer === undefined || isRunning(Number(writer))) continue;
      await ifThere(unlink(join(this.#folder, path)));
      count++;
    }
    return { ok: true, value: count };
  }

  async #get(name: string, range: ByteRange | undefined): Promise<StoreResult<StoredObject>> {
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      const versions = await this.#versions(name);
      const last = versions.at(-1);
      if (last === undefined) return absentObject(name);
      const file = await ifThere(open(last.path, "r"));
      // Replaced or removed since the folder was read.
      if (file === undefined) continue;
      try {
        const stats = await file.stat({ bigint: true });
        const size = Number(stats.size);
        const offset = range?.offset ?? 0;
        if (range !== undefined && offset >= size) return rangeBehindEnd(name);
        const bytes = new Uint8Array(Math.min(range?.count ?? size, size - offset));
        let length = 0;
        while (length < bytes.length) {
          const { bytesRead } = await file.read(
            bytes,
            length,
            bytes.length - length,
            offset + length,
          );
          if (bytesRead === 0) return storeFailure("crash", `${last.path} became shorter`);
          length += bytesRead;
        }
        return { ok: true, value: { bytes, tag: tagOf(last.generation, stats), size } };
      } finally {
        await file.close();
      }
    }
    return storeFailure("temporarily_unavailable", `${name} is replaced again and again`);
  }

  async #put(name: string, bytes: Bytes, condition: PutCondition): Promise<StoreResult<EntityTag>> {
    const folder = dirname(this.#pathOf(name, 0));
    await makeFolder(folder);
    const unfinished = join(folder, `${unfinishedPrefix}${process.pid}-${randomUUID()}`);
    try {
      const stats = await writeDurably(unfinished, bytes);
      for (let attempt = 1; attempt <= attemptsMax; attempt++) {
        const current = await this.#current(name);
        if (!isMet(condition, current)) return conditionFailed(name);
        const generation = (current?.generation ?? 0) + 1;
        // This is the moment at which the object changes, unless somebody was faster.
        if (!(await linkNew(unfinished, this.#pathOf(name, generation)))) continue;
        const made = { generation, tag: tagOf(generation, stats) };
        return await this.#finish(name, condition, current, made);
      }
    } finally {
      // A name too many does no harm; an error here would deny what was done.
      await unlink(unfinished).catch(() => undefined);
    }
    return storeFailure("temporarily_unavailable", `${name} is replaced again and again`);
  }

  /** Behind the link nothing is definite any more. */
  async #finish(
    name: string,
    condition: PutCondition,
    before: Current | undefined,
    made: { generation: number; tag: EntityTag },
  ): Promise<StoreResult<EntityTag>> {
    try {
      const versions = await this.#versions(name);
      const isFirst =
        before === undefined
          ? versions.at(-1)?.generation === made.generation
          : versions.some(({ path }) => path === before.path);
      // Its predecessor is gone: this generation had been there before and was removed, or it was
      // made just now and is replaced already. Nobody can tell.
      if (condition.kind !== "always" && !isFirst)
        return storeFailure("timeout", `${name} was replaced at the same moment`);
      await syncFolder(dirname(this.#pathOf(name, 0)));
      for (const { generation, path } of versions)
        if (generation < made.generation - 1) await ifThere(unlink(path));
      return { ok: true, value: made.tag };
    } catch (error) {
      return storeFailure("timeout", `${name} may not be durable: ${textOf(error)}`);
    }
  }

  async #list(prefix: string, after: string): Promise<StoreResult<ObjectPage>> {
    const cut = prefix.lastIndexOf("/");
    const entries: ObjectEntry[] = [];
    await this.#collect(cut < 0 ? "" : prefix.slice(0, cut), prefix, entries);
    entries.sort((a, b) => compareText(a.name, b.name));
    return { ok: true, value: pageOf(entries, after, this.#pageEntries) };
  }

  async #collect(folder: string, prefix: string, entries: ObjectEntry[]): Promise<void> {
    const found = await ifThere(readdir(join(this.#folder, folder), { withFileTypes: true }));
    const names = new Set<string>();
    for (const entry of found ?? []) {
      const name = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (`${name}/`.startsWith(prefix) || prefix.startsWith(`${name}/`))
          await this.#collect(name, prefix, entries);
      } else if (generationOf(entry.name) !== undefined && name.startsWith(prefix))
        names.add(name.slice(0, name.lastIndexOf("@")));
    }
    for (const name of names) {
      const current = await this.#current(name);
      if (current !== undefined && name.startsWith(prefix))
        entries.push({ name, size: current.size });
    }
  }

  async #delete(name: string): Promise<StoreResult<undefined>> {
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      const versions = await this.#versions(name);
      if (versions.length === 0) return { ok: true, value: undefined };
      for (const { path } of versions) await ifThere(unlink(path));
      await syncFolder(dirname(this.#pathOf(name, 0)));
    }
    return storeFailure("timeout", `${name} is put again and again`);
  }

  async #current(name: string): Promise<Current | undefined> {
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      const last = (await this.#versions(name)).at(-1);
      if (last === undefined) return undefined;
      const stats = await ifThere(stat(last.path, { bigint: true }));
      if (stats !== undefined)
        return { ...last, tag: tagOf(last.generation, stats), size: Number(stats.size) };
    }
    throw new Error(`${name} is replaced again and again`);
  }

  /** The files of an object in ascending order. */
  async #versions(name: string): Promise<Version[]> {
    const folder = dirname(this.#pathOf(name, 0));
    const prefix = `${basename(name)}@`;
    const versions: Version[] = [];
    for (const entry of (await ifThere(readdir(folder))) ?? []) {
      const generation = entry.startsWith(prefix) ? generationOf(entry) : undefined;
      if (generation !== undefined) versions.push({ generation, path: join(folder, entry) });
    }
    return versions.sort((a, b) => a.generation - b.generation);
  }

  #pathOf(name: string, generation: number): string {
    return join(this.#folder, `${name}@${generation}`);
  }
}

function isMet(condition: PutCondition, current: Current | undefined): boolean {
  if (condition.kind === "if_absent") return current === undefined;
  return condition.kind === "always" || current?.tag === condition.tag;
}

function generationOf(file: string): number | undefined {
  const found = /@([1-9]\d{0,14})$/.exec(file);
  return found === null || file.startsWith(".") ? undefined : Number(found[1]);
}

/** A file that was removed and made anew under the same name is another. */
const tagOf = (generation: number, { ino, mtimeNs }: BigIntStats): EntityTag =>
  `${generation}-${ino}-${mtimeNs}`;

async function writeDurably(path: string, bytes: Bytes): Promise<BigIntStats> {
  const file = await open(path, "w");
  try {
    await file.writeFile(bytes);
    await file.sync();
    return await file.stat({ bigint: true });
  } finally {
    await file.close();
  }
}

/** Makes a folder and those around it; each new name is forced to the disk. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let at = folder; at.length >= first.length; at = dirname(at)) await syncFolder(dirname(at));
}

async function syncFolder(folder: string): Promise<void> {
  const opened = await open(folder, "r");
  try {
    await opened.sync();
  } finally {
    await opened.close();
  }
}

/** False when there is a file of this name. */
async function linkNew(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

async function ifThere<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** A process id that was given to another keeps a file for longer, and does no other harm. */
function isRunning(writer: number): boolean {
  try {
    process.kill(writer, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== "ESRCH";
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What the system refuses before the object changes is definite. */
function settle<T>(work: Promise<StoreResult<T>>, done: StoreDone<T>) {
  work.catch((error: unknown) => storeFailure("temporarily_unavailable", textOf(error))).then(done);
}
