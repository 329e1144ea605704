// What later records of a log make needless in earlier ones (redo-log.ts): each operation that
// writes all of a key replaces whatever stood before it, so of several in a row only the last
// matters to the state after them. Used where records are joined for good (storage/store-merge.ts).
//
// A removal replaces as well, and stays: the key may stand in an older checkpoint. An exchange of
// databases is a border that nothing is netted across.

import { ByteReader, type Bytes, ByteWriter, latin1, MalformedBytes } from "../base/bytes.js";
import { decodeCell } from "../lattice/cell.js";
import { KeyEntry } from "../lattice/key-entry.js";
import * as record from "./record.js";
import { indexCodec, redoOps } from "./redo-codec.js";

interface Operation {
  readonly start: number;
  readonly end: number;
  readonly op: number;
  readonly database: number;
  /** Empty for operations on a database. */
  readonly key: string;
}

/** Payloads of redo records that end in the same state, as many as were given. */
export function netRedo(payloads: readonly Bytes[]): Bytes[] {
  const netted: Bytes[] = new Array(payloads.length);
  const later = new Replaced();
  for (let i = payloads.length - 1; i >= 0; i--) {
    const bytes = payloads[i]!;
    const operations = operationsOf(bytes);
    const kept = operations.reverse().filter((operation) => later.keeps(operation));
    if (kept.length === operations.length) netted[i] = bytes;
    else netted[i] = joined(bytes, kept.reverse());
  }
  return netted;
}

function joined(bytes: Bytes, operations: readonly Operation[]): Bytes {
  const writer = new ByteWriter();
  for (const { start, end } of operations) writer.raw(bytes, start, end);
  return writer.finish();
}

/** What the operations seen so far, the latest first, leave nothing of. */
class Replaced {
  readonly #keys = new Set<string>();
  readonly #databases = new Set<number>();

  keeps({ op, database, key }: Operation): boolean {
    if (op === redoOps.swapped) {
      this.#keys.clear();
      this.#databases.clear();
      return true;
    }
    if (this.#databases.has(database)) return false;
    if (op === redoOps.flushed) {
      this.#databases.add(database);
      return true;
    }
    const name = `${database} ${key}`;
    if (this.#keys.has(name)) return false;
    if (op !== redoOps.elements) this.#keys.add(name);
    return true;
  }
}

/** @throws MalformedBytes */
function operationsOf(bytes: Bytes): Operation[] {
  const reader = new ByteReader(bytes);
  const operations: Operation[] = [];
  while (reader.remaining > 0) {
    const start = reader.offset;
    const op = reader.u8();
    const database = reader.u8();
    const key = readKey(op, reader);
    operations.push({ start, end: reader.offset, op, database, key });
  }
  return operations;
}

/** Goes behind an operation and answers its key. */
function readKey(op: number, reader: ByteReader): string {
  switch (op) {
    case redoOps.text:
      skipHead(reader);
      return keyThen(reader, () => reader.bytes());
    case redoOps.counter:
      skipHead(reader);
      reader.skip(counterBytes);
      return latin1(reader.bytes());
    case redoOps.packed:
      skipHead(reader);
      reader.u8();
      return keyThen(reader, () => reader.bytes());
    case redoOps.entry:
      reader.u8();
      return keyThen(reader, () => KeyEntry.decode(reader, indexCodec));
    case redoOps.elements:
      return keyThen(reader, () => skipElements(reader));
    case redoOps.removed:
      return latin1(reader.bytes());
    case redoOps.flushed:
      return "";
    case redoOps.swapped:
      reader.u8();
      return "";
    default:
      throw new MalformedBytes(`${op} is no operation of a log`);
  }
}

/** Four numbers of 64 bits and a replica of 16. */
const counterBytes = 4 * 8 + 2;

function keyThen(reader: ByteReader, skip: () => void): string {
  const key = latin1(reader.bytes());
  skip();
  return key;
}

/** Flags, stamp, and what the flags say of deadline and birth. */
function skipHead(reader: ByteReader): void {
  const flags = reader.u8();
  reader.skip(10);
  if ((flags & record.deadlineFlag) !== 0) reader.skip(18);
  if ((flags & record.bornFlag) !== 0) reader.skip(10);
}

function skipElements(reader: ByteReader): void {
  for (let count = reader.count(5); count > 0; count--) {
    reader.u8();
    reader.bytes();
    decodeCell(reader, indexCodec);
  }
}
