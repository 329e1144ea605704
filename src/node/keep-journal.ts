// Joining a node and its log: everything in the log is put back, then everything that happens is
// logged. Done once, between making a node and serving with it.

import type { Disk } from "../storage/disk.js";
import { recordKinds } from "../storage/frame.js";
import type { Examined, Recovery, ReplayProgress, ReplaySink } from "../storage/recovery.js";
import type { StartRecord } from "../storage/start-record.js";
import { nodeGate } from "./dispatcher.js";
import { durabilityGate } from "./dispatcher-gates.js";
import { Journal } from "./journal.js";
import { JournalReplay } from "./journal-replay.js";
import type { Node } from "./node.js";
import { NodeStorage } from "./node-storage.js";

export interface JournalParts {
  readonly disk: Disk;
  readonly recovery: Recovery;
  readonly examined: Examined;
  readonly start: StartRecord;
  /** A segment of the log is sealed once it has grown beyond this. */
  readonly segmentBytes: number;
}

/** Answers how many records were put back. @throws RecoveryError, DiskError, MalformedBytes */
export function recoverNode(
  node: Node,
  { recovery, examined, start }: JournalParts,
  onProgress: ReplayProgress = () => {},
): number {
  const replay = new JournalReplay(node);
  // A voter that is to be admitted anew must not bring what it remembers (consensus-rules 15).
  const isNewVoter = start.stateIncarnation === start.incarnation;
  // What stands behind a gap depends on what is in it. A context that covered both would tell the
  // peers that what is missing was removed, so a node that has them stops before the first gap.
  const untilLsn = start.isShared ? examined.wholeUntilLsn : Number.POSITIVE_INFINITY;
  let isBehindGap = untilLsn === 0;
  const sink: ReplaySink = (frame, isOld) => {
    if (!isOld && frame.lsn >= untilLsn) isBehindGap = true;
    if (isBehindGap || (frame.kind === recordKinds.consensus && isNewVoter)) return;
    replay.apply(frame, isOld);
  };
  if (examined.start !== undefined) recovery.replay(sink, onProgress);
  replay.finish();
  return replay.recordCount;
}

/**
 * From here on the node logs what it does. @throws DiskError when it cannot even begin.
 * @param records what was put back
 */
export function keepJournal(node: Node, parts: JournalParts, records: number): Journal {
  const { disk, start, examined, segmentBytes } = parts;
  const { nextLsn, nextSegment, segments } = examined;
  const options = { disk, start, nextLsn, nextSegment, segments, segmentBytes };
  const journal = new Journal(node, options);
  node.dispatcher.gates.set("durability", durabilityGate);
  journal.onFence = (error) => {
    node.environment.logError = error?.message;
    if (error === undefined) node.dispatcher.nodeGates &= ~nodeGate.fenced;
    else {
      node.dispatcher.nodeGates |= nodeGate.fenced;
      node.clients?.fenced?.();
    }
  };
  journal.onSafe = () => {
    node.clients?.safe?.();
    // The disk may say so while a command runs; its input settles then.
    if (!node.dispatcher.isRunning) node.settle();
  };
  journal.begin();
  node.journal = journal;
  const { bytes, checkpointBytes } = examined;
  const logBytes = bytes - checkpointBytes;
  const { environment } = node;
  environment.storage = new NodeStorage(node, journal, environment.settings, {
    ...{ logBytes, records },
    baseBytes: checkpointBytes,
  });
  // A damaged log must not be asked again: from the checkpoint on only whole files are left.
  if (examined.isDamaged) environment.storage.save(() => {});
  return journal;
}
