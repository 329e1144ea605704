// An object of the log: a file of the log as it would stand in a node's folder (frame.ts): a head,
// who writes and the names of replicas, then records without a gap. Whoever recovers from a store
// writes its objects into a folder and reads that as ever; there is no second way to recover.

import { type Bytes, ByteWriter, MalformedBytes } from "../base/bytes.js";
import type { Time } from "../clock/stamp.js";
import {
  beginFrame,
  encodeFileHead,
  endFrame,
  type Frame,
  fileHeadBytes,
  frameHeadBytes,
  type RecordKind,
  readFileHead,
  readFrame,
  recordKinds,
} from "./frame.js";

/** What stands before the first record of every file. */
export interface Preface {
  /** The payload of the start record of whoever wrote the first record. */
  readonly start: Bytes;
  /** The names of replicas, at least as many as the records use. */
  readonly names: Bytes;
}

/** The bytes of a frame as they stand in its file. */
export const rawOf = ({ payload, size }: Frame): Bytes =>
  new Uint8Array(payload.buffer, payload.byteOffset - frameHeadBytes, size);

/** Begins a file of the log. */
export function beginLog(firstLsn: number, { start, names }: Preface): ByteWriter {
  const writer = new ByteWriter(64 * 1024);
  writer.raw(encodeFileHead({ firstLsn, number: 0 }));
  const before = firstLsn - 1;
  addFrame(writer, { lsn: before, time: 0, safeLsn: before, kind: recordKinds.start }, start);
  addFrame(writer, { lsn: before, time: 0, safeLsn: before, kind: recordKinds.names }, names);
  return writer;
}

interface FrameHead {
  readonly lsn: number;
  readonly time: Time;
  readonly safeLsn: number;
  readonly kind: number;
}

/** Adds a frame with a payload of its own. */
export function addFrame(writer: ByteWriter, head: FrameHead, payload: Bytes): void {
  const start = beginFrame(writer, head.lsn, head.safeLsn, head.kind as RecordKind);
  writer.raw(payload);
  endFrame(writer, start, head.time);
}

export interface LogBytes {
  readonly firstLsn: number;
  readonly preface: Preface;
  /** The records behind the preface; their payloads are views of the bytes. */
  readonly frames: readonly Frame[];
}

/** @throws MalformedBytes unless the bytes are a whole file of the log. */
export function readLog(bytes: Bytes): LogBytes {
  const head = readFileHead(bytes);
  if (typeof head === "string") throw new MalformedBytes(head);
  const frames = [...framesIn(bytes)];
  const [start, names] = frames;
  if (start?.kind !== recordKinds.start || names?.kind !== recordKinds.names)
    throw new MalformedBytes("a file of the log does not begin with who wrote it");
  const preface = { start: start.payload, names: names.payload };
  return { firstLsn: head.firstLsn, preface, frames: frames.slice(2) };
}

/** @throws MalformedBytes at a frame that is none. */
export function* framesIn(bytes: Bytes): IterableIterator<Frame> {
  for (let at = fileHeadBytes; at < bytes.length; ) {
    const frame = readFrame(bytes.subarray(at));
    if (frame === undefined) throw new MalformedBytes(`no record stands at offset ${at}`);
    yield frame;
    at += frame.size;
  }
}
