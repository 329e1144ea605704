// BITFIELD: integers of any width up to 64 bits at any bit of a string. All operations are parsed
// before one is carried out; they see each other's effects, and the string is written once. Replies
// and errors: Redis 7.0, bitops.c.

import * as record from "../keyspace/record.js";
import { modifyText } from "../keyspace/text.js";
import { type TextView, viewText } from "../keyspace/text-view.js";
import { int64Argument } from "./arguments.js";
import { bitOffset } from "./bits-offset.js";
import { type Call, parseSafeInteger } from "./call.js";
import { type CommandSpec, oneKey } from "./command.js";
import { fail } from "./errors.js";
import { demandText } from "./lookup.js";
import { notify } from "./notify.js";

type Overflow = "WRAP" | "SAT" | "FAIL";

interface FieldType {
  readonly isSigned: boolean;
  readonly width: number;
}

interface Operation extends FieldType {
  readonly kind: "GET" | "SET" | "INCRBY";
  readonly offset: number;
  /** The value of SET, the increment of INCRBY. */
  readonly operand: bigint;
  readonly overflow: Overflow;
}

const kinds = ["GET", "SET", "INCRBY"] as const;
const overflows: readonly Overflow[] = ["WRAP", "SAT", "FAIL"];

/** The operations of the request; undefined after an error was replied. */
function parseOperations(call: Call): Operation[] | undefined {
  const operations: Operation[] = [];
  let overflow: Overflow = "WRAP";
  for (let index = 2; index < call.argc; ) {
    const kind = kinds.find((name) => call.is(index, name));
    const argumentsLeft = call.argc - index - 1;
    if (call.is(index, "OVERFLOW") && argumentsLeft >= 1) {
      const wanted = overflows.find((name) => call.is(index + 1, name));
      if (wanted === undefined) {
        call.reply.error("ERR Invalid OVERFLOW type specified");
        return undefined;
      }
      overflow = wanted;
      index += 2;
      continue;
    }
    if (kind === undefined || argumentsLeft < (kind === "GET" ? 2 : 3)) {
      fail(call, "syntax");
      return undefined;
    }
    const operation = parseOperation(call, index, kind, overflow);
    if (operation === undefined) return undefined;
    operations.push(operation);
    index += kind === "GET" ? 3 : 4;
  }
  return operations;
}

function parseOperation(
  call: Call,
  index: number,
  kind: Operation["kind"],
  overflow: Overflow,
): Operation | undefined {
  const type = parseType(call, index + 1);
  if (type === undefined) return undefined;
  const offset = bitOffset(call, index + 2, type.width);
  if (Number.isNaN(offset)) return undefined;
  const operand = kind === "GET" ? 0n : int64Argument(call, index + 3);
  return operand === undefined ? undefined : { ...type, kind, offset, operand, overflow };
}

/** `i16`, `u8`; undefined after the error was replied. */
function parseType(call: Call, index: number): FieldType | undefined {
  const start = call.start(index);
  const sign = call.size(index) > 0 ? call.bytes[start] : 0;
  const width = parseSafeInteger(call.bytes, start + 1, call.size(index) - 1);
  const isSigned = sign === 105;
  if ((isSigned || sign === 117) && width >= 1 && width <= (isSigned ? 64 : 63)) {
    return { isSigned, width };
  }
  call.reply.error(
    "ERR Invalid bitfield type. Use something like i16 u8. " +
      "Note that u64 is not supported but i64 is.",
  );
  return undefined;
}

/** A string under the operations so far: what is stored, and the bytes that they changed. */
class Draft {
  readonly changed = new Map<number, number>();
  readonly #stored: TextView | undefined;

  constructor(stored: TextView | undefined) {
    this.#stored = stored;
  }

  #byte(at: number): number {
    const changed = this.changed.get(at);
    if (changed !== undefined) return changed;
    const stored = this.#stored;
    return stored !== undefined && at < stored.length ? stored.bytes[stored.start + at]! : 0;
  }

  read({ isSigned, width, offset }: Operation): bigint {
    const first = Math.floor(offset / 8);
    const last = Math.floor((offset + width - 1) / 8);
    let bits = 0n;
    for (let at = first; at <= last; at++) bits = (bits << 8n) | BigInt(this.#byte(at));
    bits >>= BigInt((last + 1) * 8 - offset - width);
    return isSigned ? BigInt.asIntN(width, bits) : BigInt.asUintN(width, bits);
  }

  write({ width, offset }: Operation, value: bigint): void {
    const first = Math.floor(offset / 8);
    const last = Math.floor((offset + width - 1) / 8);
    const shift = BigInt((last + 1) * 8 - offset - width);
    let mask = BigInt.asUintN(width, -1n) << shift;
    let bits = BigInt.asUintN(width, value) << shift;
    for (let at = last; at >= first; at--) {
      const kept = this.#byte(at) & ~Number(mask & 0xffn);
      this.changed.set(at, kept | Number(bits & 0xffn));
      mask >>= 8n;
      bits >>= 8n;
    }
  }
}

/** Which bound `value + increment` passes: 1 the upper, -1 the lower, 0 none. */
function boundPassed(field: FieldType, value: bigint, increment: bigint): -1 | 0 | 1 {
  const { max, min } = boundsOf(field);
  if (!field.isSigned) {
    if (value + increment > max) return 1;
    return value + increment < min ? -1 : 0;
  }
  // Redis works the distances out in 64 bits, where they may wrap: SAT then goes to the far end. So
  // does ours.
  const toMax = BigInt.asIntN(64, max - value);
  const toMin = BigInt.asIntN(64, min - value);
  const isNarrow = field.width < 64;
  if (value > max || ((isNarrow || (value >= 0n && increment > 0n)) && increment > toMax)) return 1;
  return value < min || ((isNarrow || (value < 0n && increment < 0n)) && increment < toMin)
    ? -1
    : 0;
}

function boundsOf({ isSigned, width }: FieldType): { max: bigint; min: bigint } {
  const max = (1n << BigInt(isSigned ? width - 1 : width)) - 1n;
  return { max, min: isSigned ? -max - 1n : 0n };
}

/**
 * What a field holds after an increment; undefined when it does not fit and the overflow says FAIL.
 */
function fitted(operation: Operation, value: bigint, increment: bigint): bigint | undefined {
  const { isSigned, width, overflow } = operation;
  const passed = boundPassed(operation, value, increment);
  if (passed === 0) return value + increment;
  if (overflow === "FAIL") return undefined;
  const { max, min } = boundsOf(operation);
  if (overflow === "SAT") return passed > 0 ? max : min;
  const sum = value + increment;
  return isSigned ? BigInt.asIntN(width, sum) : BigInt.asUintN(width, sum);
}

/** Carries out one operation and returns its reply, undefined for nil. */
function perform(draft: Draft, operation: Operation): bigint | undefined {
  const old = draft.read(operation);
  const { kind, operand } = operation;
  if (kind === "GET") return old;
  // An unsigned SET takes its argument as 64 bits without a sign: a negative one is too large.
  const set = operation.isSigned ? operand : BigInt.asUintN(64, operand);
  const value = kind === "SET" ? fitted(operation, set, 0n) : fitted(operation, old, operand);
  if (value === undefined) return undefined;
  if (value !== old) draft.write(operation, value);
  return kind === "SET" ? old : value;
}

const bitfield =
  (mayWrite: boolean) =>
  (call: Call): void => {
    const operations = parseOperations(call);
    if (operations === undefined) return;
    const writes = operations.filter(({ kind }) => kind !== "GET");
    if (writes.length > 0 && !mayWrite) {
      call.reply.error("ERR BITFIELD_RO only supports the GET subcommand");
      return;
    }
    const ref = writes.length > 0 ? call.findForWrite(1) : call.findForRead(1);
    if (ref !== 0 && !demandText(call, ref)) return;
    const { keyspace, reply } = call;
    const stored = ref === 0 ? undefined : viewText(keyspace, ref);
    const held = stored === undefined ? 0 : stored.length;
    const draft = new Draft(stored);
    reply.array(operations.length);
    for (const operation of operations) {
      const answer = perform(draft, operation);
      if (answer === undefined) reply.nil();
      else reply.bigInteger(answer);
    }
    // Room is made for every write, also for one that was refused.
    const ends = writes.map(({ offset, width }) => Math.floor((offset + width - 1) / 8) + 1);
    const length = Math.max(held, ...ends);
    if (length > held || draft.changed.size > 0) store(call, ref, length, draft);
    else if (writes.length > 0 && record.kindOf(keyspace.arena, ref) === record.textKind) {
      record.markRoomy(keyspace.arena, ref); // Redis unpacks the string before it looks.
    }
  };

function store(call: Call, ref: number, length: number, draft: Draft): void {
  const { keyspace, db } = call;
  modifyText(keyspace, db, call.hashOf(1), call.view(1), ref, length, (bytes, start) => {
    for (const [at, byte] of draft.changed) bytes[start + at] = byte;
  });
  notify(call, "string", "setbit", 1);
}

const shared = {
  arity: -2,
  keys: oneKey,
  categories: ["bitmap"],
  group: "bitmap",
  complexity: "O(1) for each subcommand specified",
} as const;

export const fieldCommands: readonly CommandSpec[] = [
  {
    ...shared,
    name: "bitfield",
    flags: ["write", "denyoom"],
    replication: "delta",
    since: "3.2.0",
    summary: "Perform arbitrary bitfield integer operations on strings",
    run: bitfield(true),
  },
  {
    ...shared,
    name: "bitfield_ro",
    flags: ["readonly", "fast"],
    since: "6.0.0",
    summary:
      "Perform arbitrary bitfield integer operations on strings. Read-only variant of BITFIELD",
    run: bitfield(false),
  },
];
