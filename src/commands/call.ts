// One running command: its arguments as byte ranges in somebody else's buffer, and where its reply
// goes. There is one `Call` per node, filled anew for every command, so that running a command
// allocates nothing.
//
// Argument 0 is the command's name. Ranges are valid only while the command runs: what must live
// longer is copied.

import { type Bytes, latin1 } from "../base/bytes.js";
import type { Ref } from "../keyspace/arena.js";
import type { Database } from "../keyspace/database.js";
import { hashBytes } from "../keyspace/hash.js";
import type { HashIndex } from "../keyspace/hash-index.js";
import type { Keyspace } from "../keyspace/keyspace.js";
import { deadlineFlag, flagsOf } from "../keyspace/record.js";
import type { Command } from "./command.js";
import type { Environment } from "./environment.js";
import type { Reply } from "./reply.js";
import { type Outcome, outcome, type Session } from "./session.js";

const noRanges = new Int32Array(2);

/** How the first key of a command stands to that of the one before, in the same batch. */
export const repeats = { unknown: 0, other: 1, same: 2 } as const;
export type Repeat = (typeof repeats)[keyof typeof repeats];

export class Call {
  readonly keyspace: Keyspace;
  readonly environment: Environment;
  readonly reply: Reply;
  /** Set by the dispatcher for every command. */
  session!: Session;
  command!: Command;
  /** The database that the session has selected. */
  db!: Database;
  /** What the command left undone; `done` unless it says otherwise. */
  outcome: Outcome = outcome.done;
  bytes: Uint8Array = new Uint8Array(0);
  ranges: Int32Array = noRanges;
  /** Index in `ranges` of argument 0's (offset, length) pair. */
  first = 0;
  argc = 0;
  /** Hash of argument 1 when `hashed` is set (the batch prefetch computed it). */
  hash = 0;
  hashed = false;
  /** How argument 1 stands to that of the command before. */
  #repeat: Repeat = repeats.unknown;
  /** The record that was found under argument 1, and in which state of which index. */
  #found: Ref = 0;
  #foundKeys: HashIndex | undefined;
  #foundVersion = 0;
  /** The command runs inside EXEC, a script or a register: it must not block. */
  mayBlock = true;
  /** EXEC is running its queue: commands run at once. */
  isInsideExec = false;
  /** The keyspace is that of one linearizable register: no other key can be seen. */
  isRegister = false;

  constructor(keyspace: Keyspace, environment: Environment, reply: Reply) {
    this.keyspace = keyspace;
    this.environment = environment;
    this.reply = reply;
  }

  /** Takes arguments that come one by one, for a command that nobody may make wait. */
  fill(args: readonly Bytes[], session: Session): void {
    const size = args.reduce((sum, arg) => sum + arg.length, 0);
    this.bytes = new Uint8Array(size);
    this.ranges = new Int32Array(args.length * 2);
    let at = 0;
    args.forEach((arg, index) => {
      this.bytes.set(arg, at);
      this.ranges[index * 2] = at;
      this.ranges[index * 2 + 1] = arg.length;
      at += arg.length;
    });
    this.first = 0;
    this.argc = args.length;
    this.hashed = false;
    this.mayBlock = false;
    this.session = session;
    this.outcome = outcome.done;
  }

  start(index: number): number {
    return this.ranges[this.first + (index << 1)]!;
  }

  size(index: number): number {
    return this.ranges[this.first + (index << 1) + 1]!;
  }

  /** The index hash of an argument taken as a key. */
  hashOf(index: number): number {
    if (index === 1 && this.hashed) return this.hash;
    return hashBytes(this.bytes, this.start(index), this.size(index));
  }

  /** The visible record under a key argument, or 0; counts a hit or a miss. */
  findForRead(index: number): Ref {
    const { keyspace, db } = this;
    if (index === 1 && this.#isFound()) {
      keyspace.hits++;
      keyspace.touch(this.#found);
      return this.#found;
    }
    const hash = this.hashOf(index);
    const ref = keyspace.findForRead(db, hash, this.bytes, this.start(index), this.size(index));
    if (index === 1 && this.#repeat !== repeats.unknown) this.#remember(ref);
    return ref;
  }

  /** The visible record under a key argument, or 0; a key past its deadline is removed first. */
  findForWrite(index: number): Ref {
    const { keyspace, db } = this;
    if (index === 1 && this.#isFound()) {
      keyspace.touch(this.#found);
      return this.#found;
    }
    const hash = this.hashOf(index);
    const ref = keyspace.findForWrite(db, hash, this.bytes, this.start(index), this.size(index));
    if (index === 1 && this.#repeat !== repeats.unknown) this.#remember(ref);
    return ref;
  }

  /**
   * Whether an earlier command found the record under argument 1: commands of a batch that name one
   * key look for it once, as long as no key of the database comes, goes or moves. Those that run
   * inside another (EXEC) neither ask nor leave anything.
   */
  #isFound(): boolean {
    if (this.#repeat !== repeats.same || !this.hashed) return false;
    const { keys } = this.db;
    return keys === this.#foundKeys && keys.version === this.#foundVersion;
  }

  /** Of one with a deadline the time must be asked, so it is looked for each time. */
  #remember(ref: Ref): void {
    if (!this.hashed || ref === 0) return;
    if ((flagsOf(this.keyspace.arena, ref) & deadlineFlag) !== 0) return;
    const { keys } = this.db;
    this.#found = ref;
    this.#foundKeys = keys;
    this.#foundVersion = keys.version;
  }

  /** The dispatcher says so of every command of a batch. */
  begin(repeat: Repeat): void {
    this.#repeat = repeat;
    // What others found says nothing about this one's, even if this one does not look for it.
    if (repeat === repeats.other) this.#foundKeys = undefined;
  }

  /** A view of an argument, valid while the command runs. */
  view(index: number): Bytes {
    const start = this.start(index);
    return this.bytes.subarray(start, start + this.size(index));
  }

  /** A copy of an argument, to keep. */
  copy(index: number): Bytes {
    const start = this.start(index);
    return this.bytes.slice(start, start + this.size(index));
  }

  /** One character per byte. */
  text(index: number): string {
    const start = this.start(index);
    return latin1(this.bytes, start, start + this.size(index));
  }

  /** Whether an argument is the given word; `upper` must be in capitals. Letter case is ignored. */
  is(index: number, upper: string): boolean {
    if (this.size(index) !== upper.length) return false;
    const at = this.start(index);
    for (let i = 0; i < upper.length; i++) {
      const byte = this.bytes[at + i]!;
      const folded = byte >= 97 && byte <= 122 ? byte - 32 : byte;
      if (folded !== upper.charCodeAt(i)) return false;
    }
    return true;
  }

  /**
   * The argument as a safe integer in canonical form (`-?[1-9][0-9]*` or `0`, as Redis's string2ll
   * demands); NaN when it is not one or does not fit 53 bits (then ask `int64`).
   */
  safeInteger(index: number): number {
    return parseSafeInteger(this.bytes, this.start(index), this.size(index));
  }

  /** The argument as a signed 64-bit integer, or undefined. */
  int64(index: number): bigint | undefined {
    return parseInt64(this.bytes, this.start(index), this.size(index));
  }
}

/** See `Call.safeInteger`. */
export function parseSafeInteger(bytes: Uint8Array, start: number, length: number): number {
  if (length === 0 || length > 17) return Number.NaN;
  let at = start;
  const end = start + length;
  const negative = bytes[at] === 45;
  if (negative) at++;
  const first = bytes[at]! - 48;
  if (at === end || first < 0 || first > 9) return Number.NaN;
  if (first === 0) return length === 1 ? 0 : Number.NaN;
  let value = first;
  for (at++; at < end; at++) {
    const digit = bytes[at]! - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  if (value > Number.MAX_SAFE_INTEGER) return Number.NaN;
  return negative ? -value : value;
}

const int64Max = 2n ** 63n - 1n;
const int64Min = -(2n ** 63n);

/** See `Call.int64`. */
export function parseInt64(bytes: Uint8Array, start: number, length: number): bigint | undefined {
  const small = parseSafeInteger(bytes, start, length);
  if (!Number.isNaN(small)) return BigInt(small);
  if (length < 16 || length > 20) return undefined;
  const text = latin1(bytes, start, start + length);
  if (!/^-?[1-9][0-9]*$/.test(text)) return undefined;
  const value = BigInt(text);
  return value > int64Max || value < int64Min ? undefined : value;
}
