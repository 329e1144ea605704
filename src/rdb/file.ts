// A whole RDB file, versions 1 to 10, as bytes arrive: chunks of any size go in, keys and remarks
// come out in the order of the file. It knows no file and no keyspace. Format: Redis 7.0, rdb.c.
//
// Bounds: what is held is the item that is not complete yet, and no item may exceed `itemBytesMax`.
// Left out: data of modules, which is refused by name, and libraries of functions of the release
// candidates of 7.0.

import { type Bytes, latin1, MalformedBytes } from "../base/bytes.js";
import { Crc64 } from "./crc64.js";
import { decodeValue, EmptyValue, UnsupportedValue } from "./decode.js";
import { RdbReader, TruncatedBytes } from "./reader.js";
import { type RdbValue, rdbVersion } from "./value.js";

export interface RdbKey {
  readonly kind: "key";
  readonly database: number;
  readonly key: Bytes;
  readonly value: RdbValue;
  /** The value as it stands in the file: its type byte, and what follows the key. */
  readonly type: number;
  readonly encoded: Bytes;
  /** Unix milliseconds; undefined for a key that does not expire. */
  readonly deadlineMs: number | undefined;
  /** Seconds since the last use, if the file says so. */
  readonly idleSeconds: number | undefined;
  /** The counter of LFU, 0 to 255, if the file says so. */
  readonly frequency: number | undefined;
}

export type RdbItem =
  | RdbKey
  | { readonly kind: "aux"; readonly name: string; readonly value: Bytes }
  /** The source of a library of functions. */
  | { readonly kind: "function"; readonly code: Bytes }
  /** Hints that came before the keys of a database. */
  | { readonly kind: "sizes"; readonly keys: number; readonly expiring: number }
  /** A collection without elements, which Redis skips as well. */
  | { readonly kind: "skipped"; readonly key: Bytes }
  /** The last one. `isChecked`: the file had a checksum, and it is right. */
  | { readonly kind: "end"; readonly version: number; readonly isChecked: boolean };

const opcodes = {
  function: 245,
  functionOld: 246,
  moduleAux: 247,
  idle: 248,
  frequency: 249,
  aux: 250,
  sizes: 251,
  deadlineMs: 252,
  deadline: 253,
  database: 254,
  end: 255,
} as const;

const headerBytes = 9;
const checksumBytes = 8;
const firstChecked = 5;
/** One value with its key and marks: a string of 512 MiB fits, and twice that. */
export const itemBytesMax = 2 ** 30;

export class RdbFileDecoder {
  /** Bytes that were given and not understood yet. */
  #held = new Uint8Array(0);
  #version = 0;
  #database = 0;
  #checksum = new Crc64();
  #isOver = false;
  /** Another attempt is worth while from this many bytes on. */
  #wanted = 0;

  /** The version in the header; 0 before it was read. */
  get version(): number {
    return this.#version;
  }

  /**
   * The items that are complete with this chunk. The bytes in them are views: copy what is kept.
   * @throws MalformedBytes, `UnsupportedValue` among them; the decoder is not used afterwards.
   */
  push(chunk: Bytes): RdbItem[] {
    if (this.#isOver) return []; // What follows the end is not ours (an append-only file may).
    this.#held = joined(this.#held, chunk);
    if (this.#held.length < this.#wanted) return [];
    const items: RdbItem[] = [];
    const reader = new RdbReader(this.#held);
    let understood = 0;
    try {
      while (!this.#isOver) {
        const item = this.#next(reader, understood);
        if (item !== undefined) items.push(item);
        understood = reader.at;
      }
    } catch (error) {
      if (!(error instanceof TruncatedBytes)) throw error;
      this.#marks = noMarks;
    }
    this.#checksum.update(this.#held, 0, this.#isOver ? 0 : understood);
    this.#held = this.#held.slice(understood);
    if (this.#held.length > itemBytesMax)
      throw new MalformedBytes("an item larger than a gigabyte");
    // A large item is not tried anew with every chunk of it.
    this.#wanted = items.length === 0 ? this.#held.length * 2 : 0;
    return items;
  }

  /**
   * No more chunks will come.
   * @throws MalformedBytes when the file ends before its end.
   */
  finish(): RdbItem[] {
    this.#wanted = 0;
    const items = this.push(new Uint8Array(0));
    if (!this.#isOver) throw new MalformedBytes("the file ends before its end is said");
    return items;
  }

  #marks: Marks = noMarks;

  /** One step: the header, an opcode, a key. Undefined for what is only remembered. */
  #next(reader: RdbReader, start: number): RdbItem | undefined {
    if (this.#version === 0) {
      this.#version = readHeader(reader);
      return undefined;
    }
    for (;;) {
      const type = reader.u8();
      if (this.#readMark(reader, type)) continue;
      const item = this.#readOpcode(reader, type, start);
      if (item !== undefined) return item;
      if (type < opcodes.function) return this.#readKey(reader, type);
    }
  }

  /** Whether the byte began a mark of the key that follows. */
  #readMark(reader: RdbReader, type: number): boolean {
    const marks = this.#marks;
    if (type === opcodes.deadlineMs) this.#marks = { ...marks, deadlineMs: Number(reader.i64()) };
    else if (type === opcodes.deadline)
      this.#marks = { ...marks, deadlineMs: (reader.u32() | 0) * 1000 };
    else if (type === opcodes.idle) this.#marks = { ...marks, idleSeconds: reader.length() };
    else if (type === opcodes.frequency) this.#marks = { ...marks, frequency: reader.u8() };
    else if (type === opcodes.database) this.#database = reader.length();
    else return false;
    return true;
  }

  #readOpcode(reader: RdbReader, type: number, start: number): RdbItem | undefined {
    switch (type) {
      case opcodes.aux:
        return { kind: "aux", name: latin1(reader.string()), value: reader.string() };
      case opcodes.sizes:
        return { kind: "sizes", keys: reader.length(), expiring: reader.length() };
      case opcodes.function:
        return { kind: "function", code: reader.string() };
      case opcodes.moduleAux:
        throw new UnsupportedValue(`data of the module ${moduleName(reader)} cannot be read`);
      case opcodes.functionOld:
        throw new UnsupportedValue("functions of a release candidate of Redis 7.0");
      case opcodes.end:
        return this.#readEnd(reader, start);
      default:
        return undefined;
    }
  }

  #readKey(reader: RdbReader, type: number): RdbItem {
    const key = reader.string();
    const marks = this.#marks;
    try {
      const start = reader.at;
      const value = decodeValue(reader, type);
      const encoded = this.#held.subarray(start, reader.at);
      return { kind: "key", database: this.#database, key, value, type, encoded, ...marks };
    } catch (error) {
      if (error instanceof EmptyValue) return { kind: "skipped", key };
      throw error;
    } finally {
      this.#marks = noMarks;
    }
  }

  #readEnd(reader: RdbReader, start: number): RdbItem {
    const end = reader.at;
    const version = this.#version;
    if (version < firstChecked) {
      this.#isOver = true;
      return { kind: "end", version, isChecked: false };
    }
    const claimed = reader.raw(checksumBytes);
    // All up to here is counted by `push`, but for what this very call has understood.
    this.#checksum.update(this.#held, 0, start).update(this.#held, start, end);
    this.#isOver = true;
    const isGiven = claimed.some((byte) => byte !== 0);
    const digest = this.#checksum.digest();
    if (isGiven && digest.some((byte, i) => byte !== claimed[i]))
      throw new MalformedBytes("the checksum of the file is wrong");
    return { kind: "end", version, isChecked: isGiven };
  }
}

type Marks = Pick<RdbKey, "deadlineMs" | "idleSeconds" | "frequency">;

const noMarks: Marks = { deadlineMs: undefined, idleSeconds: undefined, frequency: undefined };

function readHeader(reader: RdbReader): number {
  const header = latin1(reader.raw(headerBytes));
  if (!/^REDIS\d{4}$/.test(header)) throw new MalformedBytes("this is no RDB file");
  const version = Number(header.slice(5));
  if (version < 1 || version > rdbVersion)
    throw new UnsupportedValue(`version ${version} of the format; 1 to ${rdbVersion} can be read`);
  return version;
}

const moduleLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Nine letters of six bits each are in a module's number, above ten bits of its version. */
function moduleName(reader: RdbReader): string {
  if (reader.u8() !== 0x81) return "of an impossible number";
  const id = Buffer.from(reader.raw(8)).readBigUInt64BE();
  let name = "";
  for (let i = 0; i < 9; i++) name += moduleLetters[Number((id >> BigInt(58 - 6 * i)) & 63n)]!;
  return name;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
