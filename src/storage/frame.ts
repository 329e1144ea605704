// Files of records: a head, then frames. A frame is
//
//   length   32 bits, of the payload          time   64 bits, the highest stamp time in the record
//   crc      32 bits, CRC-32 of what follows  safe   64 bits, the LSN up to which the log was
//   durable lsn      64 bits                                 when this record was made
//   kind      8 bits                          payload
//
// Numbers of 64 bits are float64 with integers in them. The LSN (log sequence number) counts
// records, from 1, without gaps. `safe` tells damage from a torn write: what was durable once may
// not be missing, what was not may be (scan.ts).

import { crc32 } from "node:zlib";
import { ByteReader, type Bytes, ByteWriter, fromUtf8, utf8 } from "../base/bytes.js";

export const frameHeadBytes = 33;
/** A longer payload is no record of ours. */
export const payloadBytesMax = 0x7fff_0000;

/** Kinds of records; numbers are part of the format. */
export const recordKinds = {
  /** The process starts: who it is (start.ts). */
  start: 1,
  /** Names of replicas by index (names.ts). */
  names: 2,
  /** The batch of a node alone (keyspace/redo-log.ts). */
  redo: 3,
  /** Batches of this node or others, joined in this order. */
  batches: 4,
  /** A shard's state that was joined. */
  state: 5,
  /** A record of the registers' acceptor. */
  consensus: 6,
  /** Contexts of the shards (checkpoints). */
  contexts: 7,
  /** The process ended in order: nothing is missing behind this. */
  clean: 8,
  /** A checkpoint is complete. */
  end: 9,
  /** Shards were given up; of a checkpoint, those that are (keyspace/released-shards.ts). */
  released: 10,
} as const;

export type RecordKind = (typeof recordKinds)[keyof typeof recordKinds];

export interface Frame {
  readonly lsn: number;
  readonly time: number;
  readonly safeLsn: number;
  readonly kind: number;
  readonly payload: Bytes;
  /** Bytes of the whole frame. */
  readonly size: number;
}

/** Begins a frame; the payload is written behind it, then `endFrame` completes it. */
export function beginFrame(writer: ByteWriter, lsn: number, safeLsn: number, kind: number): number {
  const start = writer.length;
  writer.u32(0).u32(0).f64(lsn).f64(0).f64(safeLsn).u8(kind);
  return start;
}

export function endFrame(writer: ByteWriter, start: number, time: number): void {
  const end = writer.length;
  writer.length = start + 16;
  writer.f64(time);
  writer.length = end;
  writer.patchU32(start, end - start - frameHeadBytes);
  writer.patchU32(start + 4, crc32(writer.view().subarray(start + 8, end)));
}

/** The frame at the beginning of `bytes`; undefined when there is none, or not all of it. */
export function readFrame(bytes: Bytes): Frame | undefined {
  if (bytes.length < frameHeadBytes) return undefined;
  const reader = new ByteReader(bytes);
  const length = reader.u32();
  const crc = reader.u32();
  const size = frameHeadBytes + length;
  if (length > payloadBytesMax || size > bytes.length) return undefined;
  if (crc32(bytes.subarray(8, size)) !== crc) return undefined;
  const lsn = reader.f64();
  const time = reader.f64();
  const safeLsn = reader.f64();
  const kind = reader.u8();
  return { lsn, time, safeLsn, kind, payload: bytes.subarray(frameHeadBytes, size), size };
}

/** The bytes of a frame with its head, where they were read. */
export const wholeOf = ({ payload, size }: Frame): Bytes =>
  new Uint8Array(payload.buffer, payload.byteOffset - frameHeadBytes, size);

/** How many bytes the frame that begins so wants; undefined when its head is not all there. */
export function frameSizeAt(bytes: Bytes): number | undefined {
  if (bytes.length < frameHeadBytes) return undefined;
  const length = new ByteReader(bytes).u32();
  return length > payloadBytesMax ? undefined : frameHeadBytes + length;
}

// ---- the head of a file

/** What begins every file; the byte behind it is the version of the format. */
export const fileMagic = "SKERRY-LOG";
export const formatVersion = 1;
export const fileHeadBytes = 32;

export interface FileHead {
  /** The LSN of the first record of a segment; of a checkpoint, where replay begins. */
  readonly firstLsn: number;
  readonly number: number;
}

export function encodeFileHead({ firstLsn, number }: FileHead): Bytes {
  const writer = new ByteWriter(fileHeadBytes);
  writer.raw(utf8(fileMagic)).u8(formatVersion).u8(0).f64(number).f64(firstLsn);
  writer.u32(crc32(writer.view()));
  return writer.finish();
}

/** Why the head is none, or what it says. */
export function readFileHead(bytes: Bytes): FileHead | string {
  if (bytes.length < fileHeadBytes) return "the file ends within its head";
  const reader = new ByteReader(bytes);
  if (fromUtf8(reader.raw(fileMagic.length)) !== fileMagic)
    return "this is no file of a Skerry log";
  const version = reader.u8();
  if (version !== formatVersion) return `format ${version} is not known, only ${formatVersion}`;
  reader.u8();
  const number = reader.f64();
  const firstLsn = reader.f64();
  const crc = crc32(bytes.subarray(0, fileHeadBytes - 4));
  return reader.u32() === crc ? { firstLsn, number } : "the checksum of the head is wrong";
}

// ---- names of files

const digits = 12;

export const segmentName = (number: number): string =>
  `wal-${String(number).padStart(digits, "0")}.log`;
export const checkpointName = (lsn: number): string =>
  `checkpoint-${String(lsn).padStart(digits, "0")}.log`;
/** A checkpoint that is being written. */
export const unfinishedName = "checkpoint.unfinished";

const numberIn = (name: string, pattern: RegExp): number | undefined => {
  const found = pattern.exec(name)?.[1];
  return found === undefined ? undefined : Number(found);
};

export const segmentNumber = (name: string): number | undefined =>
  numberIn(name, /^wal-(\d+)\.log$/);
export const checkpointLsn = (name: string): number | undefined =>
  numberIn(name, /^checkpoint-(\d+)\.log$/);
