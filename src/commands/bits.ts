// Strings as bitmaps: SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP. Concurrent writes of one bitmap do
// not merge bit by bit: the later string wins, as for every string (design.md section 4). Replies
// and errors: Redis 7.0, bitops.c.

import { type BitOperation, bitAt, combineBits, countBits, findBit } from "../base/bits.js";
import * as record from "../keyspace/record.js";
import { markTextRoomy, modifyText, noDeadline, setText } from "../keyspace/text.js";
import { viewText } from "../keyspace/text-view.js";
import { roundedInteger } from "./arguments.js";
import { bitOffset } from "./bits-offset.js";
import type { Call } from "./call.js";
import { type CommandSpec, oneKey } from "./command.js";
import { fail } from "./errors.js";
import { demandText } from "./lookup.js";
import { notify } from "./notify.js";

function setbit(call: Call): void {
  const offset = bitOffset(call, 2);
  if (Number.isNaN(offset)) return;
  const bit = call.safeInteger(3);
  if (bit !== 0 && bit !== 1) {
    call.reply.error("ERR bit is not an integer or out of range");
    return;
  }
  const { keyspace, db } = call;
  const ref = call.findForWrite(1);
  if (ref !== 0 && !demandText(call, ref)) return;
  const text = ref === 0 ? undefined : viewText(keyspace, ref);
  const held = text === undefined ? 0 : text.length;
  const byteAt = Math.floor(offset / 8);
  const before = text !== undefined && byteAt < held ? bitAt(text.bytes, text.start, offset) : 0;
  if (byteAt >= held || before !== bit) {
    const length = Math.max(held, byteAt + 1);
    const mask = 1 << (7 - (offset % 8));
    modifyText(keyspace, db, call.hashOf(1), call.view(1), ref, length, (bytes, start) => {
      const byte = bytes[start + byteAt]!;
      bytes[start + byteAt] = bit === 1 ? byte | mask : byte & ~mask;
    });
    notify(call, "string", "setbit", 1);
  } else if (record.kindOf(keyspace.arena, ref) === record.textKind) {
    record.markRoomy(keyspace.arena, ref); // Redis unpacks the string before it looks.
  }
  call.reply.integer(before);
}

function getbit(call: Call): void {
  const offset = bitOffset(call, 2);
  if (Number.isNaN(offset)) return;
  const ref = call.findForRead(1);
  if (ref !== 0 && !demandText(call, ref)) return;
  const text = ref === 0 ? undefined : viewText(call.keyspace, ref);
  const isInside = text !== undefined && offset < text.length * 8;
  call.reply.integer(isInside ? bitAt(text.bytes, text.start, offset) : 0);
}

/** Whether argument `index` says BIT; undefined after a syntax error was replied. */
function countsBits(call: Call, index: number): boolean | undefined {
  if (call.is(index, "BIT")) return true;
  if (call.is(index, "BYTE")) return false;
  fail(call, "syntax");
  return undefined;
}

function bitcount(call: Call): void {
  const ref = call.findForRead(1);
  if (ref === 0) {
    call.reply.integer(0);
    return;
  }
  if (!demandText(call, ref)) return;
  const { bytes, start: at, length } = viewText(call.keyspace, ref);
  if (call.argc === 2) {
    call.reply.integer(countBits(bytes, at, at + length));
    return;
  }
  if (call.argc > 5 || call.argc < 4) {
    fail(call, "syntax");
    return;
  }
  const start = roundedInteger(call, 2);
  if (Number.isNaN(start)) return;
  const end = roundedInteger(call, 3);
  if (Number.isNaN(end)) return;
  if (start < 0 && end < 0 && start > end) {
    call.reply.integer(0);
    return;
  }
  const inBits = call.argc === 5 ? countsBits(call, 4) : false;
  if (inBits === undefined) return;
  call.reply.integer(countRange(bytes, at, bitRange(start, end, length, inBits)));
}

/** The first and last bit of a range of bytes or bits, negative ones counted from the end. */
interface BitRange {
  readonly first: number;
  readonly last: number;
}

function bitRange(start: number, end: number, length: number, inBits: boolean): BitRange {
  const total = inBits ? length * 8 : length;
  const from = Math.max(0, start < 0 ? start + total : start);
  const to = Math.min(total - 1, Math.max(0, end < 0 ? end + total : end));
  return inBits ? { first: from, last: to } : { first: from * 8, last: to * 8 + 7 };
}

function countRange(bytes: Uint8Array, at: number, { first, last }: BitRange): number {
  if (first > last) return 0;
  const firstByte = at + Math.floor(first / 8);
  const lastByte = at + Math.floor(last / 8);
  const before = bytes[firstByte]! & ~(0xff >> (first % 8));
  const after = bytes[lastByte]! & (0x7f >> (last % 8));
  const outside = countBits(Uint8Array.of(before, after), 0, 2);
  return countBits(bytes, firstByte, lastByte + 1) - outside;
}

function bitpos(call: Call): void {
  const bit = roundedInteger(call, 2);
  if (Number.isNaN(bit)) return;
  if (bit !== 0 && bit !== 1) {
    call.reply.error("ERR The bit argument must be 1 or 0.");
    return;
  }
  const ref = call.findForRead(1);
  if (ref === 0) {
    call.reply.integer(-bit);
    return;
  }
  if (!demandText(call, ref)) return;
  if (call.argc > 6) {
    fail(call, "syntax");
    return;
  }
  const start = call.argc > 3 ? roundedInteger(call, 3) : 0;
  if (Number.isNaN(start)) return;
  const inBits = call.argc === 6 ? countsBits(call, 5) : false;
  if (inBits === undefined) return;
  const end = call.argc > 4 ? roundedInteger(call, 4) : -1;
  if (Number.isNaN(end)) return;
  const { bytes, start: at, length } = viewText(call.keyspace, ref);
  const { first, last } = bitRange(start, end, length, inBits);
  if (first > last) {
    call.reply.integer(-1);
    return;
  }
  const found = findBit(bytes, at, first, last, bit);
  // Without an end the string counts as followed by zeros without end.
  const isPadded = found < 0 && bit === 0 && call.argc < 5;
  call.reply.integer(isPadded ? length * 8 : found);
}

const operations: readonly BitOperation[] = ["AND", "OR", "XOR", "NOT"];

function bitop(call: Call): void {
  const operation = operations.find((name) => call.is(1, name));
  if (operation === undefined) {
    fail(call, "syntax");
    return;
  }
  if (operation === "NOT" && call.argc !== 4) {
    call.reply.error("ERR BITOP NOT must be called with a single source key.");
    return;
  }
  const sources: Uint8Array[] = [];
  for (let index = 3; index < call.argc; index++) {
    const ref = call.findForRead(index);
    if (ref !== 0 && !demandText(call, ref)) return;
    sources.push(ref === 0 ? new Uint8Array(0) : textOf(call, ref));
  }
  const result = combineBits(operation, sources);
  if (result.length > 0) {
    const { keyspace, db, bytes } = call;
    const { length } = result;
    const [key, size] = [call.start(2), call.size(2)];
    const hash = call.hashOf(2);
    setText(keyspace, db, hash, bytes, key, size, result, 0, length, noDeadline);
    markTextRoomy(keyspace, db, hash, bytes, key, size);
    notify(call, "string", "set", 2);
  } else {
    removeTarget(call);
  }
  call.reply.integer(result.length);
}

/** A view of a string that stays valid while others are looked at. */
function textOf(call: Call, ref: number): Uint8Array {
  const { bytes, start, length } = viewText(call.keyspace, ref);
  const view = bytes.subarray(start, start + length);
  return length < 64 ? view.slice() : view;
}

function removeTarget(call: Call): void {
  const target = call.findForWrite(2);
  if (target === 0) return;
  call.keyspace.remove(call.db, call.hashOf(2), target);
  notify(call, "generic", "del", 2);
}

const shared = { categories: ["bitmap"], group: "bitmap", since: "2.2.0", keys: oneKey } as const;

export const bitCommands: readonly CommandSpec[] = [
  {
    ...shared,
    name: "setbit",
    arity: 4,
    flags: ["write", "denyoom"],
    replication: "delta",
    summary: "Sets or clears the bit at offset in the string value stored at key",
    complexity: "O(1)",
    run: setbit,
  },
  {
    ...shared,
    name: "getbit",
    arity: 3,
    flags: ["readonly", "fast"],
    summary: "Returns the bit value at offset in the string value stored at key",
    complexity: "O(1)",
    run: getbit,
  },
  {
    ...shared,
    name: "bitcount",
    arity: -2,
    flags: ["readonly"],
    since: "2.6.0",
    summary: "Count set bits in a string",
    complexity: "O(N)",
    run: bitcount,
  },
  {
    ...shared,
    name: "bitpos",
    arity: -3,
    flags: ["readonly"],
    since: "2.8.7",
    summary: "Find first bit set or clear in a string",
    complexity: "O(N)",
    run: bitpos,
  },
  {
    ...shared,
    name: "bitop",
    arity: -4,
    flags: ["write", "denyoom"],
    keys: { first: 2, last: -1, step: 1 },
    replication: "delta",
    since: "2.6.0",
    summary: "Perform bitwise operations between strings",
    complexity: "O(N)",
    run: bitop,
  },
];
