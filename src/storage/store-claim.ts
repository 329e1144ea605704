// The start of a node that has an object store: it becomes the manifest's writer, finds out whether
// its folder and the store are of one history, and brings an empty folder back from the store.
//
// The folder remembers under which names it has written to the store (`store-writers`). If the
// manifest was last written under another name, somebody else has gone on where this folder stood,
// and its log is a branch that ended: the start is refused before anybody is fenced by it. A folder
// that was restored by a person says so, and then the store follows the folder.
//
// Left out: starting while the store cannot be reached.

import { utf8 } from "../base/bytes.js";
import { failure, type Result, success } from "../base/result.js";
import { type Disk, DiskError } from "./disk.js";
import { decodeManifest, emptyManifest, type Manifest, straysAmong } from "./manifest.js";
import { ManifestWriter, manifestName } from "./manifest-writer.js";
import type { ObjectStore } from "./object-store.js";
import type { Packer } from "./packer.js";
import type { DepotParts } from "./store-depot.js";
import {
  holdsLog,
  planRestore,
  Restore,
  type Restored,
  type RestoreMark,
  type RestoreProgress,
  readMark,
  readSmall,
  writeSmall,
} from "./store-restore.js";

export interface Claimed extends DepotParts {
  /** Objects of earlier writers that no manifest names. */
  readonly strays: readonly string[];
  /** What the store holds is not this folder's history: it begins anew from the folder. */
  readonly isRebase: boolean;
  /** The folder comes from the store, now or by hand: its tail may be missing. */
  readonly isRestored: boolean;
}

export interface ClaimOptions {
  readonly store: ObjectStore;
  readonly packer: Packer;
  readonly disk: Disk;
  /** Names this process as a writer; no two are the same. */
  readonly writer: string;
  /** Runs something after so many ms. */
  readonly later: (ms: number, run: () => void) => void;
  /** The operator's word that the store is to follow a folder that was restored by hand. */
  readonly mayRebase: boolean;
  readonly onProgress?: RestoreProgress;
  /** An empty folder was filled. */
  readonly onRestored?: (restored: Restored) => void;
}

const writersName = "store-writers";
/** Names that a folder remembers; older ones have long been replaced in the manifest. */
const writersMax = 32;
const attemptsMax = 10;
const objectionsMax = 5;
const retryMs = 500;

export type ClaimDone = (result: Result<Claimed>) => void;

/** Failure: the node must not start, and why. */
export function claimStore(options: ClaimOptions, done: ClaimDone): void {
  new Claim(options, (result) => done(result)).begin();
}

class Claim {
  readonly #options: ClaimOptions;
  readonly #done: ClaimDone;
  readonly #writer: ManifestWriter;
  #attempts = 0;
  #objections = 0;

  constructor(options: ClaimOptions, done: ClaimDone) {
    this.#options = options;
    this.#done = done;
    this.#writer = new ManifestWriter(options.store, options.writer);
  }

  begin(): void {
    this.#guard(() => this.#look());
  }

  /** Before anybody is fenced: whether this folder may write to the store at all. */
  #look(): void {
    this.#options.store.get(manifestName, undefined, (result) =>
      this.#guard(() => {
        if (!result.ok && result.error.name !== "key_does_not_exist")
          return this.#again(result.error.message, () => this.#look());
        const manifest = result.ok ? decodeManifest(result.value.bytes) : success(emptyManifest);
        if (!manifest.ok) return this.#again(`the manifest: ${manifest.error}`, () => this.#look());
        const objection = this.#objection(manifest.value);
        if (objection !== undefined) return this.#doubt(objection);
        this.#remember();
        this.#takeOver();
      }),
    );
  }

  /** A store may answer the past: only what it says again and again keeps a node from starting. */
  #doubt(objection: string) {
    if (++this.#objections >= objectionsMax) return this.#done(failure(objection));
    this.#options.later(retryMs, () => this.#guard(() => this.#look()));
  }

  #objection(standing: Manifest): string | undefined {
    const { disk, mayRebase } = this.#options;
    const { writer } = standing;
    if (writer === "" || !holdsLog(disk) || this.#known.includes(writer)) return undefined;
    const mark = readMark(disk);
    if (mark?.isByHand !== true)
      return (
        `the object store was taken over by ${writer} in epoch ${standing.epoch}, and this ` +
        "folder's log is not what was written there since; start with an empty folder, which is " +
        "filled from the store"
      );
    return mayRebase || isSame(mark, standing) ? undefined : movedOn;
  }

  get #known(): string[] {
    return (readSmall(this.#options.disk, writersName) ?? "").split("\n").filter((name) => name);
  }

  /** Durable before the manifest names this writer, so that a crash in between does no harm. */
  #remember(): void {
    const { disk, writer } = this.#options;
    const names = [...this.#known, writer].slice(-writersMax);
    writeSmall(disk, writersName, `${writersName}.unfinished`, utf8(`${names.join("\n")}\n`));
  }

  #takeOver(): void {
    this.#writer.takeOver(
      (result) =>
        this.#guard(() => {
          if (result.ok) {
            this.#attempts = 0;
            this.#fill(result.value);
          } else if (result.error.name === "not_supported") this.#doubt(result.error.message);
          else this.#again(result.error.message, () => this.#takeOver());
        }),
      (standing) => this.#objection(standing),
    );
  }

  /** An empty folder comes back from the store. */
  #fill(manifest: Manifest) {
    const { store, packer, disk, onRestored, onProgress = () => {} } = this.#options;
    if (holdsLog(disk)) return this.#compare(manifest);
    if (manifest.objects.length === 0) return this.#listStrays(manifest, false);
    const plan = planRestore(manifest);
    if (!plan.ok) return this.#done(failure(plan.error));
    const restore = new Restore(
      { store, packer, disk, manifest, isByHand: false },
      plan.value,
      onProgress,
      (result) => {
        if (!result.ok) return this.#again(result.error, () => this.#fill(manifest));
        onRestored?.(result.value);
        this.#listStrays(manifest, false);
      },
    );
    restore.begin();
  }

  /** A folder that a person has restored goes on from there only if nothing was left out. */
  #compare(manifest: Manifest): void {
    const mark = readMark(this.#options.disk);
    const before = { sequence: manifest.sequence - 1 };
    this.#listStrays(manifest, mark?.isByHand === true && !isSame(mark, before));
  }

  /** Listings may lack something: what is not seen now is seen by the next writer. */
  #listStrays(manifest: Manifest, isRebase: boolean, after?: string, found: string[] = []): void {
    const { store, packer, disk } = this.#options;
    const writer = this.#writer;
    store.list("", after, (result) =>
      this.#guard(() => {
        const strays = found;
        if (result.ok) strays.push(...straysAmong(result.value.entries, manifest));
        if (result.ok && result.value.continuation !== undefined)
          return this.#listStrays(manifest, isRebase, result.value.continuation, strays);
        const isRestored = readMark(disk) !== undefined;
        const claimed = { store, packer, writer, manifest, strays, isRebase, isRestored };
        this.#done(success(claimed));
      }),
    );
  }

  #again(reason: string, run: () => void) {
    if (this.#writer.isFenced || ++this.#attempts >= attemptsMax)
      return this.#done(failure(`the object store cannot be used: ${reason}`));
    this.#options.later(retryMs, () => this.#guard(run));
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.#done(failure(`the data folder is not usable: ${error.message}`));
    }
  }
}

/**
 * Why a folder that was claimed for must not be streamed all the same: its log ends before the
 * store's, though only what was durable was ever put there. @param lastLsn the log's last record
 */
export const whyTooShort = (
  { manifest, isRebase }: Claimed,
  lastLsn: number,
): string | undefined =>
  isRebase || manifest.heldLsn <= lastLsn
    ? undefined
    : `the object store holds records up to ${manifest.heldLsn}, the data folder ends with ` +
      `${lastLsn}: it is an older copy, or its disk has lost what it called durable; start with ` +
      "an empty folder, which is filled from the store";

/** Whether a folder holds all that the store does. */
const isSame = (mark: RestoreMark, { sequence }: Pick<Manifest, "sequence">): boolean =>
  mark.isWhole && sequence === mark.sequence;

const movedOn =
  "the folder was restored to another state than the store's; --store-reset true makes the store " +
  "follow the folder and ends what the store holds";
