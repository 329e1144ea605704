// What the logs of a run's nodes did, as lines of JSON that TLC replays against WalDurability
// (specs/TraceWalDurability.tla holds the table from these events to actions). Nothing here looks
// into the log: a record is what was written to the disk, a checkpoint is a file and its name, and
// who was told is who got a reply.
//
// Left out: writes that fail. They are no steps of the specification, so the runs that are traced
// have none.

import type { Bytes } from "../base/bytes.js";
import type { Session } from "../commands/session.js";
import type { Node } from "../node/node.js";
import {
  fileHeadBytes,
  readFileHead,
  readFrame,
  recordKinds,
  segmentNumber,
  unfinishedName,
} from "../storage/frame.js";
import { FrameScan } from "../storage/scan.js";
import type { DiskWatcher, SimulatedDisk } from "./disk.js";

export type LogEvent = { readonly node: string } & (
  | { readonly kind: "written"; readonly last: number; readonly isNew: boolean }
  | { readonly kind: "syncing" | "dropped" | "left" | "abandoned" | "named" }
  | { readonly kind: "synced"; readonly isGood: boolean }
  /** Up to there a checkpoint covers the log. */
  | { readonly kind: "begun"; readonly lsn: number }
  /** Up to there it holds what the log tells. */
  | { readonly kind: "closed"; readonly lsn: number }
  /** A reply has left that rests on the records up to there. */
  | { readonly kind: "answered"; readonly lsn: number }
  /** What the machine's end has left: the last whole record of each segment. */
  | { readonly kind: "power"; readonly survivors: readonly number[] }
  | { readonly kind: "recovered"; readonly lsn: number }
);

export class WalTrace {
  readonly #write: (event: LogEvent) => void;
  readonly #disks = new Map<string, DiskTrace>();
  /** What the answer to a request that waits tells of. */
  readonly #asked = new Map<Session, number>();
  /** Whose bytes are taken in, and whether an answer has left meanwhile. */
  #asking: Session | undefined;
  #isAnswered = false;

  constructor(write: (event: LogEvent) => void) {
    this.#write = write;
  }

  disk(node: string, disk: SimulatedDisk): DiskWatcher {
    const trace = new DiskTrace(node, disk, this.#write);
    this.#disks.set(node, trace);
    return trace;
  }

  recovered(node: string, lsn: number): void {
    this.#disks.get(node)?.recovered(lsn);
  }

  asking(session: Session): void {
    this.#asking = session;
    this.#isAnswered = false;
  }

  asked(session: Session, node: Node): void {
    this.#asking = undefined;
    if (node.journal !== undefined && !this.#isAnswered) this.#asked.set(session, lastLsnOf(node));
  }

  answered(name: string, session: Session, node: Node): void {
    if (node.journal === undefined) return;
    const waited = this.#asked.get(session);
    this.#asked.delete(session);
    const isNow = session === this.#asking;
    if (isNow) this.#isAnswered = true;
    // The rest of an answer of which a part has left.
    if (waited === undefined && !isNow) return;
    const lsn = waited ?? lastLsnOf(node);
    // What leaves a fenced log, errors and reads, promises nothing.
    if (node.journal.wal.isFenced) return;
    this.#write({ kind: "answered", node: name, lsn });
  }
}

/** The last record that there is, or will be once the open batch ends. */
const lastLsnOf = ({ journal, keyspace }: Node): number =>
  journal === undefined ? 0 : journal.wal.lastLsn + (keyspace.hasOpenBatch ? 1 : 0);

/** One node's disk. */
class DiskTrace implements DiskWatcher {
  readonly #node: string;
  readonly #disk: SimulatedDisk;
  readonly #write: (event: LogEvent) => void;
  /** Segments that hold a record, oldest first. */
  #segments: string[] = [];
  /** Told once the node is back: what a start removes. */
  #removed: string[] = [];
  #isStarting = false;
  #hasDraft = false;

  constructor(node: string, disk: SimulatedDisk, write: (event: LogEvent) => void) {
    this.#node = node;
    this.#disk = disk;
    this.#write = write;
  }

  appended(name: string, bytes: Bytes): void {
    if (name === unfinishedName) this.#draft(bytes);
    if (segmentNumber(name) === undefined) return;
    const last = lastRecord(bytes);
    if (last === undefined) return;
    const isNew = this.#segments.at(-1) !== name;
    if (isNew) this.#segments.push(name);
    this.#write({ kind: "written", node: this.#node, last, isNew });
  }

  #draft(bytes: Bytes): void {
    const head = readFileHead(bytes);
    if (typeof head !== "string") {
      this.#abandon();
      this.#hasDraft = true;
      this.#write({ kind: "begun", node: this.#node, lsn: head.firstLsn - 1 });
    }
    for (const { kind, lsn } of framesOf(bytes))
      if (kind === recordKinds.end) this.#write({ kind: "closed", node: this.#node, lsn });
  }

  #abandon(): void {
    if (this.#hasDraft) this.#write({ kind: "abandoned", node: this.#node });
    this.#hasDraft = false;
  }

  syncing(name: string): void {
    if (this.#isOfLog(name)) this.#write({ kind: "syncing", node: this.#node });
  }

  synced(name: string, isGood: boolean): void {
    if (this.#isOfLog(name)) this.#write({ kind: "synced", node: this.#node, isGood });
  }

  /** What a start makes durable is part of its recovery. */
  #isOfLog(name: string): boolean {
    return segmentNumber(name) !== undefined && !this.#isStarting;
  }

  renamed(from: string): void {
    if (from !== unfinishedName) return;
    this.#hasDraft = false;
    this.#write({ kind: "named", node: this.#node });
  }

  removed(name: string): void {
    if (name === unfinishedName) this.#abandon();
    if (this.#isStarting) this.#removed.push(name);
    else this.#drop(name);
  }

  #drop(name: string): void {
    const at = this.#segments.indexOf(name);
    if (at < 0) return;
    const kind = at === 0 && this.#segments.length > 1 ? "dropped" : "left";
    this.#segments.splice(at, 1);
    this.#write({ kind, node: this.#node });
  }

  crashed(): void {
    const files = new Map(this.#disk.list().map(({ name, bytes }) => [name, bytes]));
    const survivors = this.#segments.map((name) => this.#lastOf(name, files.get(name) ?? 0));
    this.#write({ kind: "power", node: this.#node, survivors });
    this.#isStarting = true;
    this.#hasDraft = false;
  }

  /** 0: none of its own. */
  #lastOf(name: string, bytes: number): number {
    const scan = new FrameScan(this.#disk, name, fileHeadBytes, bytes);
    const head = readFileHead(this.#disk.read(name, 0, fileHeadBytes));
    if (typeof head === "string") return 0;
    let last = 0;
    for (let frame = scan.next(); frame !== undefined; frame = scan.next())
      if (frame.lsn >= head.firstLsn) last = frame.lsn;
    return last;
  }

  recovered(lsn: number): void {
    if (!this.#isStarting) return;
    this.#isStarting = false;
    this.#write({ kind: "recovered", node: this.#node, lsn });
    for (const name of this.#removed.splice(0)) this.#drop(name);
  }
}

/** What stands at the beginning of a segment is no record of its own. */
function lastRecord(bytes: Bytes): number | undefined {
  return typeof readFileHead(bytes) === "string" ? [...framesOf(bytes)].at(-1)?.lsn : undefined;
}

function* framesOf(bytes: Bytes): IterableIterator<{ kind: number; lsn: number }> {
  let at = typeof readFileHead(bytes) === "string" ? 0 : fileHeadBytes;
  for (let frame = readFrame(bytes.subarray(at)); frame !== undefined; ) {
    yield frame;
    at += frame.size;
    frame = readFrame(bytes.subarray(at));
  }
}
