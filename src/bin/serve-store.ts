// The object store of a node as its configuration names it: opened, asked whether it honours
// conditional puts, and claimed. Shared by `serve` and the tools for people.

import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Result } from "../base/result.js";
import { msOfTime } from "../clock/stamp.js";
import type { SkerryConfig } from "../host/config.js";
import { deflatePacker } from "../host/deflate-packer.js";
import { DirectoryStore } from "../host/object-store-directory.js";
import { S3Store } from "../host/object-store-s3.js";
import type { Disk } from "../storage/disk.js";
import type { ObjectStore, StoreDone, StoreResult } from "../storage/object-store.js";
import type { Packer } from "../storage/packer.js";
import { probeConditions } from "../storage/probe-conditions.js";
import { type Claimed, claimStore } from "../storage/store-claim.js";
import { packInTurns, storeInTurns, type TurnPort } from "../storage/turn-store.js";
import { CliError } from "./cli.js";

const MiB = 1024 * 1024;
const progressMs = 1000;

export interface OpenStore {
  readonly store: ObjectStore;
  readonly packer: Packer;
  /** Where it is, for people. */
  readonly place: string;
  /** Answers come through this. */
  readonly turns: TurnPort;
}

/** Undefined: the configuration names no store. @throws CliError */
export function openStore(config: SkerryConfig, dataFolder: string): OpenStore | undefined {
  const { settings } = config;
  if (settings.storeType === "memory") return undefined;
  const turns: TurnPort = { run: (work) => work() };
  const opened = settings.storeType === "s3" ? openS3(config) : openFolder(config, dataFolder);
  return {
    ...{ turns, place: opened.place },
    store: storeInTurns(opened.store, turns),
    packer: packInTurns(deflatePacker, turns),
  };
}

/** Each node has a folder or a prefix of its own. */
function openFolder({ settings }: SkerryConfig, dataFolder: string) {
  const base = settings.storePath || (dataFolder === "" ? "" : join(dataFolder, "store"));
  if (base === "") throw new CliError("persistence.store_path: it must name a folder");
  const place = join(base, settings.replicaName);
  return { store: openStoreFolder(place), place };
}

/** A folder as an object store. @throws CliError */
export function openStoreFolder(place: string): ObjectStore {
  try {
    mkdirSync(place, { recursive: true });
  } catch (error) {
    throw new CliError(`persistence.store_path: ${(error as Error).message}`);
  }
  const store = new DirectoryStore(place);
  store.removeUnfinished(() => {});
  return store;
}

function openS3({ settings }: SkerryConfig) {
  const { s3Bucket, s3Region, s3Style, s3AccessKeyId, s3SecretAccessKey, s3SessionToken } =
    settings;
  const wanted = {
    "persistence.s3_bucket": s3Bucket,
    "persistence.s3_access_key_id (AWS_ACCESS_KEY_ID)": s3AccessKeyId,
    "persistence.s3_secret_access_key (AWS_SECRET_ACCESS_KEY)": s3SecretAccessKey,
  };
  for (const [name, value] of Object.entries(wanted))
    if (value === "") throw new CliError(`${name}: the s3 store needs it`);
  const isAmazon = settings.s3Endpoint === "";
  const endpoint = isAmazon ? `https://s3.${s3Region}.amazonaws.com` : settings.s3Endpoint;
  const style = s3Style === "auto" ? (isAmazon ? "virtual" : "path") : s3Style;
  const parts = [settings.s3Prefix.replace(/\/$/, ""), settings.replicaName, ""];
  const prefix = parts.filter((part, index) => index > 0 || part !== "").join("/");
  const store = new S3Store({
    ...{ endpoint, bucket: s3Bucket, prefix, region: s3Region },
    style: style as "path" | "virtual",
    ...{ accessKeyId: s3AccessKeyId, secretAccessKey: s3SecretAccessKey },
    ...(s3SessionToken === "" ? {} : { sessionToken: s3SessionToken }),
  });
  return { store, place: `${endpoint}/${s3Bucket}/${prefix}` };
}

export const packerOf = (): Packer => deflatePacker;

/** Whether the store may hold a manifest. @throws CliError with the reason why not. */
export async function probeStore(
  { store, place }: OpenStore,
  isSingleWriter: boolean,
): Promise<void> {
  const name = `probe-${randomUUID()}`;
  const result = await answered<undefined>((done) =>
    probeConditions(store, { name, isSingleWriter }, done),
  );
  if (result.ok) return;
  const { name: kind, message } = result.error;
  if (kind !== "not_supported") throw new CliError(`the object store ${place}: ${message}`);
  throw new CliError(`${message} (persistence.store_single_writer, ${place})`);
}

export const answered = <T>(ask: (done: StoreDone<T>) => void): Promise<StoreResult<T>> =>
  new Promise((resolve) => ask(resolve));

/** Takes the store over and fills an empty folder from it. @throws CliError */
export async function claimFor(
  { settings }: SkerryConfig,
  { store, packer, place }: OpenStore,
  disk: Disk,
  say: (line: string) => void,
): Promise<Claimed> {
  let toldMs = Date.now();
  const begunMs = toldMs;
  const result = await new Promise<Result<Claimed>>((resolve) =>
    claimStore(
      {
        ...{ store, packer, disk, mayRebase: settings.storeReset },
        writer: `${settings.replicaName}-${randomUUID()}`,
        later: (ms, run) => void setTimeout(run, ms),
        onProgress: (bytes, total) => {
          if (Date.now() - toldMs < progressMs) return;
          toldMs = Date.now();
          const perMs = bytes / (toldMs - begunMs);
          const left = Math.ceil((total - bytes) / perMs / 1000);
          const [done, all] = [bytes / MiB, total / MiB].map((size) => size.toFixed(1));
          say(`reading the object store: ${done} of ${all} MiB, about ${left} s left`);
        },
        onRestored: ({ lastLsn, time }) =>
          say(
            `brought back ${lastLsn} records from ${place}` +
              (time === 0 ? "" : `, up to ${new Date(msOfTime(time)).toISOString()}`),
          ),
      },
      resolve,
    ),
  );
  if (!result.ok) throw new CliError(`${result.error} (${place})`);
  return result.value;
}
