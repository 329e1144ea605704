// Joining a node's log and an object store: the stream runs by the node's periodic work, its state
// is told, and the log is cut only below what the store holds. Where the store falls too far
// behind, writes wait for it rather than the disk filling up; nothing is dropped.

import { netRedo } from "../keyspace/redo-net.js";
import { newestCheckpoint } from "../storage/checkpoint-upload.js";
import { DiskError } from "../storage/disk.js";
import { checkpointLsn, segmentName } from "../storage/frame.js";
import { encodeNames } from "../storage/names.js";
import type { Claimed } from "../storage/store-claim.js";
import { StoreStream, type StreamOptions } from "../storage/store-stream.js";
import { nodeGate } from "./dispatcher.js";
import type { Journal } from "./journal.js";
import type { Node } from "./node.js";

export interface KeepStreamOptions extends StreamOptions {
  /** Bytes of the log that the store may lack before writes are refused; 0: any. */
  readonly lagBytesMax: number;
  /** Told once for each change. */
  readonly say: (line: string) => void;
}

/** Streams the log of a node from here on. @throws DiskError */
export function keepStream(
  node: Node,
  journal: Journal,
  claimed: Claimed,
  options: KeepStreamOptions,
): StoreStream {
  const { disk, wal } = journal;
  let told = "";
  let stream: StoreStream | undefined;
  stream = new StoreStream(
    { disk, wal, claimed },
    {
      get nowMs() {
        return node.nowMs;
      },
      names: () => encodeNames(node.keyspace.replicas, 0),
      net: netRedo,
      force: () => {
        if (wal.policy !== "no" && stream?.isAwaited !== true) return;
        journal.closeOpenBatch();
        wal.force(node.nowMs);
      },
      onHeld: () => truncateQuietly(journal),
      onChange: () => {
        if (stream === undefined) return;
        const line = describe(stream);
        if (line !== told) options.say(line);
        told = line;
      },
    },
    options,
  );
  journal.stream = stream;
  const newest = newestCheckpoint(disk);
  if (newest !== undefined) journal.truncateBelow(checkpointLsn(newest)!);
  const { storage } = node.environment;
  if (storage !== undefined) storage.onCron = () => followLag(node, journal, options.lagBytesMax);
  return stream;
}

function describe({ state, error, heldLsn, depot }: StoreStream): string {
  if (state === "fenced")
    return `writes no more to the object store, which holds record ${heldLsn}: ${error}`;
  return state === "failing"
    ? `the object store lags behind: ${error}`
    : `the object store is written to again, in epoch ${depot.epoch}`;
}

/** What cannot be removed now is removed next time. */
function truncateQuietly(journal: Journal): void {
  try {
    journal.truncate();
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
  }
}

/** Bytes of the log's files that hold what the store lacks. */
export function lagBytes({ disk, wal, stream }: Journal): number {
  if (stream === undefined || stream.heldLsn >= wal.safeLsn) return 0;
  const { segments } = wal;
  const first = segments.findLastIndex(({ firstLsn }) => firstLsn <= stream.heldLsn + 1);
  const names = new Set(
    segments.slice(Math.max(0, first)).map(({ number }) => segmentName(number)),
  );
  return disk.list().reduce((sum, { name, bytes }) => (names.has(name) ? sum + bytes : sum), 0);
}

/** Refuses writes while the store is too far behind, and lets them in again. */
export function followLag(node: Node, journal: Journal, lagBytesMax: number): void {
  if (lagBytesMax === 0 || journal.wal.isFenced) return;
  const { environment, dispatcher } = node;
  const bytes = lagBytes(journal);
  if (bytes > lagBytesMax) {
    const reason = journal.stream?.error ?? "it is slower than the writes";
    environment.logError = `the object store lacks ${bytes} bytes of the log: ${reason}`;
    dispatcher.nodeGates |= nodeGate.fenced;
  } else if (environment.logError !== undefined) {
    environment.logError = undefined;
    dispatcher.nodeGates &= ~nodeGate.fenced;
  }
}
