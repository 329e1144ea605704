// What `skerry serve` adds for a node that keeps its data: the folder and its lock, recovery with a
// line of progress, the log, and the end in order. A node without these settings keeps nothing and
// pays nothing.

import { MalformedBytes } from "../base/bytes.js";
import type { SettingsStore } from "../commands/settings-store.js";
import { describeError, loadConfig, type SkerryConfig } from "../host/config.js";
import { FolderDisk } from "../host/disk.js";
import type { Drive } from "../host/drive.js";
import { FolderLocked, lockFolder } from "../host/lock-file.js";
import { type JournalParts, keepJournal, recoverNode } from "../node/keep-journal.js";
import { keepStream } from "../node/keep-stream.js";
import type { Node, NodeOptions } from "../node/node.js";
import { DiskError } from "../storage/disk.js";
import { type Examined, Recovery } from "../storage/recovery.js";
import { RecoveryError } from "../storage/scan.js";
import { nextStart, type StartRecord, type StartWish } from "../storage/start-record.js";
import { type Claimed, whyTooShort } from "../storage/store-claim.js";
import { forgetMark, readMark } from "../storage/store-restore.js";
import { CliError } from "./cli.js";
import { claimFor, type OpenStore, openStore, probeStore } from "./serve-store.js";

/** How often recovery tells how far it is. */
const progressMs = 1000;
/** How often the end looks whether the disk has finished, and how long it waits at most. */
const pollMs = 5;
const closeMsMax = 10_000;
/** How long the end waits for the object store. */
const storeMsMax = 5_000;

const say = (line: string): void => {
  process.stderr.write(`skerry: ${line}\n`);
};

type Identity = Pick<NodeOptions, "incarnation" | "past">;

/** Undefined: the node keeps its data in memory only. @throws CliError */
export async function openStorage(
  config: SkerryConfig,
  store: SettingsStore,
): Promise<Storage | undefined> {
  const folder = folderOf(config);
  if (folder === undefined) {
    store.onApply("appendonly", (value) =>
      value === "no" ? undefined : "A log needs a folder: start the node with --data-dir",
    );
    if (config.settings.storeType === "memory") return undefined;
    throw new CliError("persistence.store_type: a store needs a log (data_path or wal_dir)");
  }
  const { walFsync } = config.settings;
  store.load("appendonly", "yes");
  store.load("appendfsync", walFsync);
  store.load("dir", folder);
  // With a log nothing is lost without checkpoints, so there are none by time unless asked for.
  if (!Object.hasOwn(config.settings.parameters, "save")) store.load("save", "");
  const objects = openStore(config, folder);
  if (objects !== undefined && config.settings.salvage)
    throw new CliError("persistence.salvage: start once without a store, SAVE, then with it");
  const { disk, unlock } = openFolder(config, folder);
  try {
    if (objects !== undefined) await probeStore(objects, config.settings.storeSingleWriter);
    const claimed = objects && (await claimFor(config, objects, disk, say));
    const claim = objects && claimed && { objects, claimed };
    return explain(() => new Storage(config, folder, { disk, unlock, claim }));
  } catch (error) {
    unlock();
    throw error;
  }
}

/**
 * The log of a node that learns its name and its peers when it runs already; forced before each
 * reply. @throws CliError
 */
export function openLog(folder: string, node: string): Storage {
  const values = { replicaName: node, dataPath: folder, walFsync: "always" };
  const config = loadConfig({ values }, {}, () => undefined);
  if (!config.ok) throw new CliError(config.error.map(describeError).join("; "));
  const { disk, unlock } = openFolder(config.value, folder);
  try {
    return explain(() => new Storage(config.value, folder, { disk, unlock, claim: undefined }));
  } catch (error) {
    unlock();
    throw error;
  }
}

const openFolder = (
  { settings }: SkerryConfig,
  folder: string,
): Pick<StorageParts, "disk" | "unlock"> =>
  explain(() => {
    const disk = new FolderDisk(folder, settings.walSyncWaitMs);
    return { disk, unlock: lockFolder(folder) };
  });

interface StorageParts {
  readonly disk: FolderDisk;
  readonly unlock: () => void;
  /** The object store, if there is one. */
  readonly claim: { readonly objects: OpenStore; readonly claimed: Claimed } | undefined;
}

/** The folder, if the configuration wants a log. */
function folderOf({ settings, sources }: SkerryConfig): string | undefined {
  const { walEnabled, walFolder, dataPath } = settings;
  const folder = walFolder || dataPath;
  if (walEnabled && folder === "")
    throw new CliError("persistence.wal_enabled: data_path or wal_dir must name a folder");
  const isWanted = walEnabled || (sources.walEnabled.kind === "default" && folder !== "");
  return isWanted ? folder : undefined;
}

export class Storage {
  readonly #config: SkerryConfig;
  readonly #folder: string;
  readonly #disk: FolderDisk;
  readonly #recovery: Recovery;
  readonly #examined: Examined;
  readonly #unlock: () => void;
  readonly #claim: StorageParts["claim"];
  #start: StartRecord | undefined;
  #node: Node | undefined;

  constructor(config: SkerryConfig, folder: string, { disk, unlock, claim }: StorageParts) {
    this.#config = config;
    this.#folder = folder;
    this.#disk = disk;
    this.#unlock = unlock;
    this.#claim = claim;
    const keepsCovered = claim !== undefined;
    this.#recovery = new Recovery(disk, { isSalvage: config.settings.salvage, keepsCovered });
    this.#examined = this.#recovery.examine();
    const objection = claim && whyTooShort(claim.claimed, this.#examined.nextLsn - 1);
    if (objection !== undefined) throw new CliError(`${objection} (${claim?.objects.place})`);
    for (const finding of this.#examined.findings) say(finding);
  }

  /** Who the node is, after what its log says. */
  identify(cluster: Pick<NodeOptions, "incarnation"> | undefined): Identity {
    const hasPeers = cluster !== undefined;
    const identity = this.identifyAs({ incarnation: cluster?.incarnation ?? 1, hasPeers });
    if (cluster !== undefined && identity.incarnation !== cluster.incarnation)
      throw new CliError("the clock stands before the last start that the data folder knows of");
    return identity;
  }

  /** @param wish `incarnation` is that of the first start, and the least of any other */
  identifyAs({
    incarnation: least,
    hasPeers,
  }: Pick<StartWish, "incarnation" | "hasPeers">): Identity {
    const { settings } = this.#config;
    const { start: previous, replicas } = this.#examined;
    const wish = {
      node: settings.replicaName,
      incarnation: least,
      policy: settings.walFsync as StartRecord["policy"],
      hasPeers,
      shardCount: settings.numShards,
      databaseCount: settings.databases,
    };
    refuseOthers(previous, wish);
    // What a lost machine wrote last may not have come into the store.
    const isRestored = readMark(this.#disk) !== undefined;
    const isDamaged = this.#examined.isDamaged || isRestored;
    const start = nextStart(previous, { ...this.#examined, isDamaged }, wish);
    this.#start = start;
    const { incarnation, replica, stateIncarnation } = start;
    return { incarnation, past: { replicas, replica, stateIncarnation } };
  }

  /** Puts the data back and logs from here on. @throws CliError */
  attach(node: Node, drive: Drive, now: () => number): void {
    const parts: JournalParts = {
      disk: this.#disk,
      recovery: this.#recovery,
      examined: this.#examined,
      start: this.#start!,
      segmentBytes: this.#config.settings.walSegmentBytes,
    };
    explain(() => {
      node.beginTurn(now());
      keepJournal(node, parts, this.#recover(node, parts, now));
      forgetMark(this.#disk);
    });
    this.#node = node;
    this.#disk.onDone = (done) => {
      node.beginTurn(now());
      done();
      drive.turn();
    };
    if (this.#claim !== undefined) this.#stream(node, this.#claim);
    node.environment.settings.onChange("appendfsync", (policy) => {
      node.journal?.setPolicy(policy as StartRecord["policy"]);
    });
    node.environment.settings.onApply("appendonly", (value) =>
      value === "yes" ? undefined : "A node loses its log by being started without --data-dir",
    );
  }

  /** What the object store answers comes as turns of the node, as what the disk does. */
  #stream(node: Node, { objects, claimed }: NonNullable<StorageParts["claim"]>): void {
    const { settings } = this.#config;
    objects.turns.run = this.#disk.onDone;
    keepStream(node, node.journal!, claimed, {
      segmentBytes: settings.storeSegmentBytes,
      intervalMs: settings.storeIntervalMs,
      retentionMs: settings.storeRetentionS * 1000,
      lagBytesMax: settings.storeLagBytesMax,
      say,
    });
    say(`streams its log to ${objects.place} in epoch ${claimed.writer.epoch}`);
  }

  #recover(node: Node, parts: JournalParts, now: () => number): number {
    const { bytes } = this.#examined;
    const begunMs = now();
    let toldMs = begunMs;
    const count = recoverNode(node, parts, (done) => {
      const nowMs = now();
      if (nowMs - toldMs < progressMs) return;
      toldMs = nowMs;
      const perSecond = (done / (nowMs - begunMs)) * 1000;
      const left = Math.ceil((bytes - done) / perSecond);
      say(
        `recovering: ${Math.floor((done / bytes) * 100)} % of ${mebibytes(bytes)} MiB, ` +
          `${mebibytes(perSecond)} MiB/s, about ${left} s left`,
      );
    });
    const keys = node.keyspace.databases.reduce((sum, db) => sum + db.size, 0);
    const seconds = ((now() - begunMs) / 1000).toFixed(1);
    say(`recovered ${keys} keys from ${count} records of ${this.#folder} in ${seconds} s`);
    const { replica, isShared } = this.#start!;
    const before = this.#examined.start?.replica;
    if (isShared && before !== undefined && before !== replica)
      say(`the last process did not end in order: this replica is now ${replica}`);
    return count;
  }

  /** Waits until what was promised is durable, so that the replies leave; not for ever. */
  async drain(): Promise<void> {
    const journal = this.#node?.journal;
    const endMs = Date.now() + closeMsMax;
    while (journal?.mustHold === true && Date.now() < endMs)
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    if (this.#node !== undefined && this.#claim !== undefined)
      await this.#bringAway(this.#node, this.#claim);
  }

  /** Brings what is left into the object store: nothing depends on this machine any more. */
  async #bringAway(node: Node, { objects }: NonNullable<StorageParts["claim"]>): Promise<void> {
    let answer: string | undefined;
    objects.turns.run(() =>
      node.environment.storage?.whenStored((error) => {
        answer = error ?? "";
      }),
    );
    for (const endMs = Date.now() + storeMsMax; answer === undefined && Date.now() < endMs; )
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    if (answer !== "") say(`the object store lacks the last records: ${answer ?? "no answer yet"}`);
  }

  /**
   * Everything durable, the mark of an end in order, the folder free. Nothing is served any more.
   */
  async close(): Promise<void> {
    const journal = this.#node?.journal;
    const endMs = Date.now() + closeMsMax;
    while (journal?.wal.isSyncing === true && Date.now() < endMs)
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    try {
      journal?.end();
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      say(`the log could not be ended: ${error.message}`);
      process.exitCode = 1;
    }
    this.#disk.close();
    this.#unlock();
  }
}

const mebibytes = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1);

/** A folder belongs to one node, and some of what it was told then cannot change. */
function refuseOthers(
  previous: StartRecord | undefined,
  wish: { node: string; shardCount: number; databaseCount: number },
): void {
  if (previous === undefined) return;
  if (previous.node !== wish.node)
    throw new CliError(`the data folder is that of node ${previous.node}, not of ${wish.node}`);
  if (previous.shardCount !== wish.shardCount)
    throw new CliError(`num_shards: the data folder was written with ${previous.shardCount}`);
  if (previous.databaseCount > wish.databaseCount)
    throw new CliError(`databases: the data folder was written with ${previous.databaseCount}`);
}

/** What stops the start, for people. */
function explain<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof RecoveryError)
      throw new CliError(
        `the log is damaged: ${error.message}; --salvage true starts with what can be read`,
      );
    if (error instanceof MalformedBytes)
      throw new CliError(`the log holds what this version cannot read: ${error.message}`);
    if (error instanceof DiskError || error instanceof FolderLocked)
      throw new CliError(`the data folder is not usable: ${error.message}`);
    throw error;
  }
}
