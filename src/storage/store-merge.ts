// Compaction of a store: which segments are worth joining, how their records become one object, and
// what a new checkpoint makes needless.
//
// Joining keeps the order and the count of the records. Where a later record of the joined segments
// replaces all that an earlier one did to a key, the earlier one is left empty (`net`): the state
// after the last record is the same. A removal is never left out for having nothing to remove, for
// what it removes stands in an older object.

import { type Bytes, MalformedBytes } from "../base/bytes.js";
import { type Time, timeOfMs } from "../clock/stamp.js";
import { type Frame, recordKinds } from "./frame.js";
import { addFrame, beginLog, readLog } from "./log-object.js";
import { type LiveObject, type Manifest, objectKinds } from "./manifest.js";

/** Replaces the payloads of what later records make needless; answers as many as it was given. */
export type Net = (payloads: readonly Bytes[]) => readonly Bytes[];

export const isCheckpoint = ({ kind }: LiveObject): boolean => kind === objectKinds.checkpoint;

/** The segments, in the order of the log. */
export const segmentsOf = ({ objects }: Manifest): LiveObject[] =>
  objects.filter((object) => !isCheckpoint(object)).sort((a, b) => a.firstLsn - b.firstLsn);

/** The parts of each checkpoint, by where its replay begins, the newest last. */
export function checkpointsOf({ objects }: Manifest): LiveObject[][] {
  const parts = new Map<number, LiveObject[]>();
  for (const object of objects.filter(isCheckpoint)) {
    const group = parts.get(object.firstLsn);
    if (group === undefined) parts.set(object.firstLsn, [object]);
    else group.push(object);
  }
  return [...parts.values()].sort((a, b) => a[0]!.firstLsn - b[0]!.firstLsn);
}

/** Neighbours that are small and old enough to be joined; none when there are too few. */
export function mergeable(
  manifest: Manifest,
  { countMin, bytesMax, until }: { countMin: number; bytesMax: number; until: Time },
): LiveObject[] {
  let run: LiveObject[] = [];
  let bytes = 0;
  for (const segment of segmentsOf(manifest)) {
    const isFit = segment.plainSize * 2 <= bytesMax && segment.time <= until;
    const isNext = run.length === 0 || run.at(-1)!.lastLsn + 1 === segment.firstLsn;
    if (!isFit || !isNext) {
      run = [];
      bytes = 0;
    }
    if (!isFit) continue;
    run.push(segment);
    bytes += segment.plainSize;
    while (bytes > bytesMax) bytes -= run.shift()!.plainSize;
    if (run.length === countMin) return run;
  }
  return [];
}

/**
 * One file of the log out of several that follow each other. @throws MalformedBytes when they do
 * not.
 */
export function mergeLogs(files: readonly Bytes[], net: Net): Bytes {
  const logs = files.map(readLog);
  const frames = logs.flatMap((log) => log.frames);
  const payloads = netFrames(frames, net);
  // Who wrote the first record stands in the first file, every name that is used in the last.
  const preface = { start: logs[0]!.preface.start, names: logs.at(-1)!.preface.names };
  let lsn = logs[0]!.firstLsn;
  const writer = beginLog(lsn, preface);
  frames.forEach((frame, index) => {
    if (frame.lsn !== lsn++) throw new MalformedBytes(`record ${lsn - 1} is missing`);
    addFrame(writer, frame, payloads[index]!);
  });
  return writer.finish();
}

/** Only the records of a node alone replace each other; batches of a cluster are joined. */
function netFrames(frames: readonly Frame[], net: Net): readonly Bytes[] {
  const isRedo = ({ kind }: Frame): boolean => kind === recordKinds.redo;
  const netted = net(frames.filter(isRedo).map(({ payload }) => payload));
  let next = 0;
  return frames.map((frame) => (isRedo(frame) ? netted[next++]! : frame.payload));
}

/**
 * The names of the objects that nobody needs once a checkpoint is listed: what is before the newest
 * checkpoint of which the records behind it reach back far enough.
 *
 * @param nowMs, retentionMs any moment of so many ms back can be restored; 0: the last state alone
 */
export function supersededBy(
  manifest: Manifest,
  added: readonly LiveObject[],
  nowMs: number,
  retentionMs: number,
): string[] {
  const objects = [...manifest.objects, ...added];
  const until = retentionMs === 0 ? Number.POSITIVE_INFINITY : timeOfMs(nowMs - retentionMs);
  const bases = checkpointsOf({ ...manifest, objects }).filter(([part]) => part!.time <= until);
  const base = bases.at(-1)?.[0];
  if (base === undefined) return [];
  const isNeedless = (object: LiveObject): boolean =>
    isCheckpoint(object) ? object.firstLsn < base.firstLsn : object.lastLsn < base.firstLsn;
  return objects.filter(isNeedless).map(({ name }) => name);
}
