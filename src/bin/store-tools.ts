// `skerry backup`, `skerry restore` and `skerry inspect`: what people do with an object store while
// the node that writes it runs or is gone. None of them takes the store over from anybody: they
// read the manifest and what it lists, and when that has moved on meanwhile they begin again.

import { existsSync, readdirSync } from "node:fs";
import type { Result } from "../base/result.js";
import { msOfTime, type Time, timeOfMs } from "../clock/stamp.js";
import type { SkerryConfig } from "../host/config.js";
import { FolderDisk } from "../host/disk.js";
import { lockFolder } from "../host/lock-file.js";
import { readLog } from "../storage/log-object.js";
import {
  decodeManifest,
  emptyManifest,
  encodeManifest,
  type LiveObject,
  type Manifest,
  objectCodecs,
  objectKinds,
} from "../storage/manifest.js";
import { manifestName } from "../storage/manifest-writer.js";
import {
  always,
  type EntityTag,
  type ObjectStore,
  type StoredObject,
} from "../storage/object-store.js";
import { readObject } from "../storage/store-depot.js";
import { checkpointsOf, isCheckpoint, segmentsOf } from "../storage/store-merge.js";
import { holdsLog, planRestore, Restore, type Restored } from "../storage/store-restore.js";
import { CliError } from "./cli.js";
import { answered, type OpenStore, openStore, openStoreFolder, packerOf } from "./serve-store.js";

/** Attempts while the writer replaces what is being read. */
const attemptsMax = 5;

export type Out = (line: string) => void;

/** Where to read from: a folder that was named, or the store of the configuration. */
function sourceOf(config: SkerryConfig, folder: string | undefined): OpenStore {
  if (folder !== undefined) {
    if (!existsSync(folder)) throw new CliError(`there is no folder ${folder}`);
    const turns = { run: (work: () => void) => work() };
    return { store: openStoreFolder(folder), packer: packerOf(), place: folder, turns };
  }
  const { walFolder, dataPath } = config.settings;
  const opened = openStore(config, walFolder || dataPath);
  if (opened === undefined)
    throw new CliError("which store? --from names a folder, --store and its flags a store");
  return opened;
}

async function readManifest({ store, place }: OpenStore): Promise<Manifest> {
  const found = await answered<StoredObject>((done) => store.get(manifestName, undefined, done));
  if (!found.ok && found.error.name === "key_does_not_exist") return emptyManifest;
  if (!found.ok) throw new CliError(`${place}: ${found.error.message}`);
  const manifest = decodeManifest(found.value.bytes);
  if (!manifest.ok) throw new CliError(`${place}: the manifest: ${manifest.error}`);
  return manifest.value;
}

async function existingManifest(source: OpenStore): Promise<Manifest> {
  const manifest = await readManifest(source);
  if (manifest.objects.length === 0) throw new CliError(`${source.place} holds nothing`);
  return manifest;
}

// ---- inspect

export interface InspectOptions {
  readonly from: string | undefined;
  /** Read every object and check it. */
  readonly isThorough: boolean;
}

/** Lists what a store holds; with `isThorough` every object is read. @throws CliError on damage. */
export async function inspect(config: SkerryConfig, options: InspectOptions, out: Out) {
  const source = sourceOf(config, options.from);
  const manifest = await existingManifest(source);
  const { epoch, sequence, writer, heldLsn, objects } = manifest;
  out(`${source.place}: written by ${writer}, epoch ${epoch}, manifest ${sequence}`);
  for (const parts of checkpointsOf(manifest)) out(checkpointLine(parts));
  for (const segment of segmentsOf(manifest)) out(objectLine(segment));
  const bytes = objects.reduce((sum, { size }) => sum + size, 0);
  out(`${objects.length} objects, ${bytes} bytes, the log up to record ${heldLsn}`);
  const plan = planRestore(manifest);
  out(plan.ok ? describeMoments(manifest) : `not enough to restore: ${plan.error}`);
  const flaws = options.isThorough ? await verify(source, objects) : [];
  for (const flaw of flaws) out(flaw);
  if (!plan.ok || flaws.length > 0) throw new CliError(`${source.place} is damaged`);
  if (options.isThorough) out("every object is what the manifest says");
}

const iso = (time: Time): string =>
  time === 0 ? "before the first write" : new Date(msOfTime(time)).toISOString();

function checkpointLine(parts: readonly LiveObject[]): string {
  const { firstLsn, time } = parts[0]!;
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  return `checkpoint of record ${firstLsn}  ${parts.length} parts, ${size} bytes  ${iso(time)}`;
}

const objectLine = ({ name, kind, firstLsn, lastLsn, size, codec, time }: LiveObject): string =>
  `${name}  records ${firstLsn} to ${lastLsn}  ${size} bytes` +
  `${codec === objectCodecs.deflate ? " deflated" : ""}` +
  `${kind === objectKinds.netted ? ", joined" : ""}  ${iso(time)}`;

/** From when on any moment can be restored. */
function describeMoments(manifest: Manifest): string {
  const last = segmentsOf(manifest).at(-1)?.time ?? checkpointsOf(manifest).at(-1)![0]!.time;
  const ends = [0, ...manifest.objects.map(({ time }) => time)].sort((a, b) => b - a);
  const gap = ends.findIndex((time) => !planRestore(manifest, time).ok);
  const first = gap < 0 ? 0 : ends[gap - 1];
  const from = first === undefined || first >= last ? "" : `any moment from ${iso(first)} on, `;
  return `can be restored: ${from}up to ${iso(last)}`;
}

async function verify(source: OpenStore, objects: readonly LiveObject[]): Promise<string[]> {
  const flaws: string[] = [];
  for (const object of objects) {
    const flaw = await flawOf(source, object);
    if (flaw !== undefined) flaws.push(flaw);
  }
  return flaws;
}

function flawOf(source: OpenStore, object: LiveObject): Promise<string | undefined> {
  return new Promise((resolve) =>
    readObject(source, object, (raw) => {
      if (typeof raw === "string") return resolve(raw);
      try {
        if (!isCheckpoint(object)) readLog(raw);
        resolve(undefined);
      } catch (error) {
        resolve(`${object.name}: ${(error as Error).message}`);
      }
    }),
  );
}

// ---- backup

/** Copies a store into a folder, which is a store itself then. @throws CliError */
export async function backup(config: SkerryConfig, folder: string, out: Out): Promise<void> {
  const source = sourceOf(config, undefined);
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new CliError(`${folder} is not empty`);
  const target = openStoreFolder(folder);
  for (let attempt = 1; ; attempt++) {
    const manifest = await existingManifest(source);
    const flaw = await copyAll(source, target, manifest.objects);
    if (flaw === undefined) {
      await store(target, manifestName, encodeManifest(manifest));
      out(
        `copied ${manifest.objects.length} objects of ${source.place} to ${folder}: the log ` +
          `up to record ${manifest.heldLsn}`,
      );
      return;
    }
    if (attempt === attemptsMax) throw new CliError(flaw);
  }
}

/** What is there already stays; answers why an object could not be copied. */
async function copyAll(
  { store: from }: OpenStore,
  target: ObjectStore,
  objects: readonly LiveObject[],
): Promise<string | undefined> {
  for (const { name, size } of objects) {
    const there = await answered<StoredObject>((done) =>
      target.get(name, { offset: 0, count: 1 }, done),
    );
    if (there.ok && there.value.size === size) continue;
    const found = await answered<StoredObject>((done) => from.get(name, undefined, done));
    if (!found.ok) return found.error.message;
    await store(target, name, found.value.bytes);
  }
  return undefined;
}

async function store(target: ObjectStore, name: string, bytes: Uint8Array): Promise<void> {
  const put = await answered<EntityTag>((done) => target.put(name, bytes, always, done));
  if (!put.ok) throw new CliError(put.error.message);
}

// ---- restore

export interface RestoreOptions {
  readonly from: string | undefined;
  /** A moment as people write it; undefined: the last state. */
  readonly to: string | undefined;
}

/** Fills a data folder from a store, up to a moment. @throws CliError */
export async function restore(config: SkerryConfig, options: RestoreOptions, out: Out) {
  const { walFolder, dataPath } = config.settings;
  const folder = walFolder || dataPath;
  if (folder === "") throw new CliError("restore needs --data-dir, the folder that it fills");
  const until = options.to === undefined ? undefined : timeOf(options.to);
  const source = sourceOf(config, options.from);
  const disk = new FolderDisk(folder);
  const unlock = lockFolder(folder);
  try {
    if (holdsLog(disk)) throw new CliError(`${folder} holds a log already; nothing was changed`);
    for (let attempt = 1; ; attempt++) {
      const manifest = await existingManifest(source);
      const plan = planRestore(manifest, until);
      if (!plan.ok) throw new CliError(`${source.place}: ${plan.error}`);
      const result = await new Promise<Result<Restored>>((resolve) => {
        const { store: objects, packer } = source;
        const parts = { store: objects, packer, disk, manifest, isByHand: true };
        new Restore(parts, plan.value, () => {}, resolve).begin();
      });
      if (result.ok) {
        const { lastLsn, time } = result.value;
        out(`restored ${folder} from ${source.place}: up to record ${lastLsn}, ${iso(time)}`);
        return;
      }
      if (attempt === attemptsMax) throw new CliError(result.error);
    }
  } finally {
    disk.close();
    unlock();
  }
}

/** The last stamp of a moment: Unix milliseconds, or any form that JavaScript reads. */
function timeOf(text: string): Time {
  const ms = /^\d{11,}$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isNaN(ms))
    throw new CliError(`--to: ${text} is no time; write 2026-11-20T12:00:00Z or Unix milliseconds`);
  return timeOfMs(ms + 1) - 1;
}
