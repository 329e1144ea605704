// The files of the log at a start: torn ends are cut and told, damage stops the start with its
// place, salvage takes the rest and makes a new replica; and the writer's files hold what they
// should.

import { expect, test } from "vitest";
import { ByteWriter } from "../../src/base/bytes.js";
import { Prng } from "../../src/base/prng.js";
import { SimulatedDisk } from "../../src/sim/disk.js";
import { DiskError } from "../../src/storage/disk.js";
import {
  beginFrame,
  checkpointName,
  encodeFileHead,
  endFrame,
  fileHeadBytes,
  frameHeadBytes,
  recordKinds,
  segmentName,
} from "../../src/storage/frame.js";
import { Recovery } from "../../src/storage/recovery.js";
import { RecoveryError } from "../../src/storage/scan.js";
import { encodeStart, nextStart, type StartRecord } from "../../src/storage/start-record.js";
import { type SyncPolicy, Wal } from "../../src/storage/wal.js";
import { endOfLog } from "./end-of-log.js";

const start: StartRecord = {
  ...{ node: "n1", incarnation: 1, stateIncarnation: 1, replica: "n1/1", policy: "always" },
  ...{ isShared: true, shardCount: 8, databaseCount: 2 },
};

interface Rig {
  readonly disk: SimulatedDisk;
  readonly wal: Wal;
  readonly fences: string[];
  /** Syncs that the disk has not answered yet. */
  readonly syncs: (() => void)[];
}

function newRig(
  policy: SyncPolicy = "always",
  segmentBytes = 1000,
  past?: { disk: SimulatedDisk; nextLsn: number; nextSegment: number },
): Rig {
  const syncs: (() => void)[] = [];
  const disk = past?.disk ?? new SimulatedDisk(new Prng(1), (run) => syncs.push(run));
  const fences: string[] = [];
  const { nextLsn = 1, nextSegment = 1 } = past ?? {};
  const wal: Wal = new Wal(
    disk,
    { policy, segmentBytes, nextLsn, nextSegment, segments: [] },
    {
      onSafe: () => {},
      onFence: (error) => fences.push(error?.message ?? "works"),
      onSegment: (add) => {
        add(recordKinds.start, encodeStart(start));
        add(recordKinds.names, new Uint8Array([0, 1, 4, 110, 49, 47, 49]));
      },
    },
  );
  return { disk, wal, fences, syncs };
}

const payload = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Records one text and makes it durable. */
function record({ wal, syncs }: Rig, text: string, nowMs = 0): void {
  wal.append(recordKinds.redo, payload(text), 0, nowMs);
  wal.flush(nowMs);
  for (const sync of syncs.splice(0)) sync();
}

function replayed(disk: SimulatedDisk, isSalvage = false): { texts: string[]; findings: string[] } {
  const recovery = new Recovery(disk, { isSalvage });
  const { findings } = recovery.examine();
  const texts: string[] = [];
  recovery.replay(
    ({ kind, payload: bytes }) => {
      if (kind === recordKinds.redo) texts.push(new TextDecoder().decode(bytes));
    },
    () => {},
  );
  return { texts, findings: [...findings] };
}

test("recovery: what was recorded comes back in order, over several files", () => {
  const rig = newRig();
  const texts = Array.from({ length: 60 }, (_, index) => `record ${index}`);
  for (const text of texts) record(rig, text);
  expect(rig.disk.list().length).toBeGreaterThan(2);
  expect(replayed(rig.disk)).toEqual({ texts, findings: [] });
});

test("recovery: a torn last write is cut off at every byte, and told", () => {
  for (let cut = 1; cut < 40; cut++) {
    const rig = newRig();
    record(rig, "kept");
    const { bytes } = rig.disk.list()[0]!;
    record(rig, "torn");
    rig.disk.truncate(segmentName(1), rig.disk.list()[0]!.bytes - cut);
    const { texts, findings } = replayed(rig.disk);
    if (cut < 37) {
      expect(texts).toEqual(["kept"]);
      expect(findings[0]).toMatch(/wal-0+1\.log, offset \d+: cut off \d+ bytes/);
      expect(rig.disk.list()[0]!.bytes).toBe(bytes);
    }
    expect(replayed(rig.disk).findings).toEqual([]);
  }
});

test("recovery: room behind the log is no write that a crash has torn", () => {
  const rig = newRig("always", 100_000);
  for (const text of ["a", "b"]) record(rig, text);
  const end = endOfLog(rig.disk, segmentName(1));
  expect(rig.disk.list()[0]!.bytes).toBeGreaterThan(end);
  rig.disk.crash();
  expect(replayed(rig.disk)).toEqual({ texts: ["a", "b"], findings: [] });
  expect(rig.disk.list()[0]!.bytes).toBe(end);
});

test("recovery: a write into the room that a crash has torn is cut off, and told", () => {
  const rig = newRig("always", 100_000);
  record(rig, "kept");
  const end = endOfLog(rig.disk, segmentName(1));
  record(rig, "torn");
  // The page with the beginning of the record has not reached the disk.
  rig.disk.rewrite(segmentName(1), end, new Uint8Array(20));
  const { texts, findings } = replayed(rig.disk);
  expect(texts).toEqual(["kept"]);
  expect(findings[0]).toContain(`offset ${end}: cut off`);
  expect(rig.disk.list()[0]!.bytes).toBe(end);
});

test("recovery: a damaged record in the middle stops the start, with its place", () => {
  const rig = newRig("always", 100_000);
  for (const text of ["a", "b", "c"]) record(rig, text);
  // The frames follow the beginning of the file: its head, the start and the names.
  const frame = 33 + 1;
  const second = endOfLog(rig.disk, segmentName(1)) - 2 * frame;
  rig.disk.rot(segmentName(1), second + 20);
  const attempt = (): unknown => replayed(rig.disk);
  expect(attempt).toThrow(RecoveryError);
  expect(attempt).toThrow(`wal-000000000001.log, offset ${second}: record 2 is unreadable`);
  const { texts, findings } = replayed(rig.disk, true);
  expect(texts).toEqual(["a", "c"]);
  expect(findings[0]).toContain(`offset ${second}: passed over`);
});

test("recovery: damage in an earlier file, or a missing file, stops the start", () => {
  const rig = newRig("always", 300);
  for (let i = 0; i < 30; i++) record(rig, `record ${i}`);
  rig.disk.rot(segmentName(2), 250);
  expect(() => replayed(rig.disk)).toThrow(/wal-0+2\.log, offset \d+: record \d+/);
  const other = newRig("always", 300);
  for (let i = 0; i < 30; i++) record(other, `record ${i}`);
  other.disk.remove(segmentName(2));
  expect(() => replayed(other.disk)).toThrow(/records \d+ to \d+ are missing/);
});

test("recovery: names of replicas that stand behind lost ones are told as damage", () => {
  const rig = newRig("always", 100_000);
  // The table of the beginning has one name.
  const names = (from: number, name: string): Uint8Array =>
    new ByteWriter().varint(from).varint(1).text(name).finish();
  const note = (bytes: Uint8Array): number => {
    rig.wal.append(recordKinds.names, bytes, 0, 0);
    record(rig, "text");
    return endOfLog(rig.disk, segmentName(1));
  };
  const lost = note(names(1, "n2/1")) - 2 * 33 - "text".length;
  note(names(2, "n3/1"));
  rig.disk.rot(segmentName(1), lost);
  expect(() => replayed(rig.disk)).toThrow(RecoveryError);
  const { texts, findings } = replayed(rig.disk, true);
  expect(texts).toEqual(["text", "text"]);
  expect(findings.join()).toContain("earlier names of replicas are missing");
});

test("recovery: who starts after damage is a new replica and no voter of old", () => {
  const wish = { ...start, hasPeers: true };
  const isKept = (end: Partial<{ isClean: boolean; isCut: boolean; isDamaged: boolean }>) =>
    nextStart(start, { isClean: false, isCut: false, isDamaged: false, ...end }, wish);
  expect(isKept({}).replica).toBe("n1/1");
  expect(isKept({ isCut: true }).replica).toBe("n1/2");
  expect(isKept({ isDamaged: true, isClean: true })).toMatchObject({
    ...{ replica: "n1/2", stateIncarnation: 2 },
  });
  const lazy = { ...start, policy: "everysec" } as const;
  const end = { isClean: false, isCut: false, isDamaged: false };
  expect(nextStart(lazy, end, wish).replica).toBe("n1/2");
  expect(nextStart(lazy, { ...end, isClean: true }, wish).replica).toBe("n1/1");
  expect(nextStart({ ...lazy, isShared: false }, end, wish).replica).toBe("n1/1");
});

test("recovery: what a killed process left in memory is forced before anybody builds on it", () => {
  const rig = newRig();
  record(rig, "durable");
  rig.wal.append(recordKinds.redo, payload("in memory"), 0, 0);
  rig.wal.flush(0);
  rig.disk.killProcess();
  expect(replayed(rig.disk).texts).toEqual(["durable", "in memory"]);
  rig.disk.crash();
  expect(replayed(rig.disk).texts).toEqual(["durable", "in memory"]);
});

test("recovery: after a failed sync what readers still see is written anew", () => {
  const rig = newRig();
  record(rig, "durable");
  rig.wal.append(recordKinds.redo, payload("in memory"), 0, 0);
  rig.wal.flush(0);
  rig.disk.faults = { sync: () => true };
  while (rig.syncs.length > 0) rig.syncs.shift()!();
  rig.disk.killProcess();
  rig.disk.faults = {};
  expect(replayed(rig.disk).texts).toEqual(["durable", "in memory"]);
  rig.disk.crash();
  expect(replayed(rig.disk).texts).toEqual(["durable", "in memory"]);
});

test("recovery: a page that is read as it once was is not written back", () => {
  // A disk that errs once, at each read in turn: the start may stop, but the log stays what it was.
  const texts = Array.from({ length: 12 }, (_, index) => `record ${index}`);
  let stopped = 0;
  for (let bad = 1; bad <= 8; bad++) {
    const rig = newRig("always", 100_000);
    for (const text of texts) record(rig, text);
    let reads = 0;
    rig.disk.faults = { staleRead: () => ++reads === bad };
    try {
      replayed(rig.disk);
    } catch (error) {
      expect(error).toBeInstanceOf(RecoveryError);
      stopped++;
    }
    rig.disk.faults = {};
    expect(replayed(rig.disk)).toEqual({ texts, findings: [] });
  }
  expect(stopped).toBeGreaterThan(2);
});

/** A checkpoint of all records below one, beside a log of the record "before" alone. */
function addCheckpoint({ disk }: Rig, lsn: number): void {
  const { bytes } = disk.list()[0]!;
  // What a checkpoint begins with, as a log does: a head, the start, the names.
  const head = disk.read(segmentName(1), 0, bytes - frameHeadBytes - "before".length);
  const name = checkpointName(lsn);
  disk.create(name);
  disk.append(name, encodeFileHead({ firstLsn: lsn, number: 0 }));
  disk.append(name, head.subarray(fileHeadBytes));
  const end = new ByteWriter();
  endFrame(end, beginFrame(end, lsn - 1, lsn - 1, recordKinds.end), 0);
  disk.append(name, end.finish());
}

test("recovery: a checkpoint whose only log was torn at its beginning is read all the same", () => {
  const rig = newRig();
  record(rig, "before");
  addCheckpoint(rig, 2);
  rig.disk.truncate(segmentName(1), 10);
  const recovery = new Recovery(rig.disk, { isSalvage: false });
  const examined = recovery.examine();
  expect(examined.start).toEqual(start);
  expect(examined).toMatchObject({ nextLsn: 2, isCut: true });
});

test("recovery: a torn file behind a checkpoint that reaches further than the log is no damage", () => {
  // A crash took records 2 and 3, an object store brought them back as a checkpoint, and the next
  // crash tore the file that was begun behind it: it calls record 3 safe, which never stood in it.
  const rig = newRig();
  record(rig, "before");
  addCheckpoint(rig, 4);
  const torn = newRig("everysec", 1000, { disk: rig.disk, nextLsn: 4, nextSegment: 2 });
  torn.wal.append(recordKinds.redo, payload("lost"), 0, 0);
  torn.wal.flush(0);
  rig.disk.rewrite(segmentName(2), 0, new Uint8Array(fileHeadBytes));
  const recovery = new Recovery(rig.disk, { isSalvage: false });
  expect(recovery.examine().nextLsn).toBe(4);
});

test.each([
  ["its head", 4],
  ["who wrote it", fileHeadBytes + 20],
])("recovery: a durable file whose beginning (%s) rots stops the start", (_what, offset) => {
  const rig = newRig("always", 1000);
  for (let i = 0; i < 24; i++) record(rig, `record ${i}`);
  const last = rig.disk.list().length;
  expect(last).toBeGreaterThan(1);
  rig.disk.rot(segmentName(last), offset);
  expect(() => replayed(rig.disk)).toThrow(RecoveryError);
  expect(replayed(rig.disk, true).texts.length).toBeGreaterThan(0);
});

test("wal: nothing is safe before its sync, and one sync is under way at a time", () => {
  const rig = newRig();
  const { wal, syncs } = rig;
  wal.append(recordKinds.redo, payload("a"), 0, 0);
  wal.flush(0);
  expect(wal.safeLsn).toBe(0);
  wal.append(recordKinds.redo, payload("b"), 0, 1);
  wal.flush(1);
  expect(syncs).toHaveLength(1);
  syncs.shift()!();
  expect([wal.safeLsn, wal.safeGroup]).toEqual([1, 1]);
  wal.flush(2);
  syncs.shift()!();
  expect(wal.safeLsn).toBe(2);
});

test("wal: what fills a file is safe only with its sync, and a crash after the next one began keeps it", () => {
  const { disk, wal, syncs } = newRig("always", 600);
  const text = "t".repeat(300);
  for (let lsn = 1; lsn <= 6; lsn++) {
    wal.append(recordKinds.redo, payload(text), 0, 0);
    wal.flush(0);
    expect(wal.safeLsn).toBe(lsn - 1);
    for (const sync of syncs.splice(0)) sync();
    expect(wal.safeLsn).toBe(lsn);
  }
  expect(disk.list().length).toBeGreaterThan(1);
  disk.crash();
  expect(replayed(disk).texts).toHaveLength(6);
});

test("wal: where replies wait for the disk, the file grows once for many writes", () => {
  const lengthsUnder = (policy: SyncPolicy): number => {
    const rig = newRig(policy, 10_000);
    const lengths = new Set<number>();
    for (let i = 0; i < 100; i++) {
      record(rig, "text", i * 1000);
      lengths.add(rig.disk.list()[0]!.bytes);
    }
    return lengths.size;
  };
  // Each time by an eighth of the file's full length.
  expect(lengthsUnder("always")).toBe(3);
  expect(lengthsUnder("everysec")).toBe(100);
});

test("wal: a file that is complete has no room behind it", () => {
  const rig = newRig("always", 2000);
  for (let i = 0; i < 200; i++) record(rig, "text");
  rig.wal.append(recordKinds.clean, new Uint8Array(0), 0, 0);
  rig.wal.forceNow(0);
  const files = rig.disk.list();
  expect(files.length).toBeGreaterThan(2);
  for (const { name, bytes } of files) expect(endOfLog(rig.disk, name)).toBe(bytes);
});

test("wal: a full disk fences the log, and it goes on where it was once there is room", () => {
  const rig = newRig();
  record(rig, "before");
  rig.disk.capacity = rig.disk.list()[0]!.bytes + 10;
  record(rig, "too much");
  expect(rig.wal.isFenced).toBe(true);
  expect(rig.wal.safeLsn).toBe(1);
  rig.wal.tick(50);
  rig.wal.tick(150);
  expect(rig.wal.isFenced).toBe(true);
  rig.disk.capacity = Number.POSITIVE_INFINITY;
  rig.wal.tick(300);
  // It has been written; whether it is durable is not known before the sync.
  expect(rig.wal.isFenced).toBe(true);
  for (const sync of rig.syncs.splice(0)) sync();
  expect(rig.wal.isFenced).toBe(false);
  expect(rig.fences).toEqual(["simulated ENOSPC", "works"]);
  record(rig, "after");
  expect(replayed(rig.disk).texts).toEqual(["before", "too much", "after"]);
});

test("wal: after a failed sync what was not durable is written into another file", () => {
  const rig = newRig("always", 100_000);
  record(rig, "before");
  rig.disk.faults = { sync: () => true };
  record(rig, "doubtful");
  expect(rig.wal.isFenced).toBe(true);
  rig.disk.faults = {};
  rig.wal.tick(200);
  for (const sync of rig.syncs.splice(0)) sync();
  expect(rig.wal.isFenced).toBe(false);
  expect(rig.disk.list().map(({ name }) => name)).toEqual([segmentName(1), segmentName(2)]);
  rig.disk.crash();
  expect(replayed(rig.disk).texts).toEqual(["before", "doubtful"]);
});

test("wal: files below a record are removed, and never one that is needed", () => {
  const rig = newRig("always", 300);
  for (let i = 0; i < 30; i++) record(rig, `record ${i}`);
  const lsn = rig.wal.segments[3]!.firstLsn;
  rig.wal.truncateBelow(lsn + 1);
  expect(rig.wal.segments[0]!.firstLsn).toBe(lsn);
  expect(rig.disk.list().length).toBe(rig.wal.segments.length);
  expect(() => rig.disk.read(segmentName(1), 0, fileHeadBytes)).toThrow(DiskError);
});
