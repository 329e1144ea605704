// LCS: the longest common subsequence of two strings, by the textbook table (Wagner and Fischer
// 1974), with the matching ranges read back from its end as Redis reports them. Time and memory are
// the product of the lengths, and memory is bounded by proto-max-bulk-len. Replies and errors:
// Redis 7.0, t_string.c.

import { emptyBytes } from "../base/bytes.js";
import { copyText, isText } from "../keyspace/text-view.js";
import { roundedInteger } from "./arguments.js";
import type { Call } from "./call.js";
import { type CommandSpec, twoKeys } from "./command.js";
import { fail } from "./errors.js";

interface Options {
  wantsLength: boolean;
  wantsRanges: boolean;
  wantsMatchLengths: boolean;
  matchLengthMin: number;
}

/** Undefined after an error was replied. */
function parseLcsOptions(call: Call): Options | undefined {
  const options = {
    wantsLength: false,
    wantsRanges: false,
    wantsMatchLengths: false,
    matchLengthMin: 0,
  };
  for (let index = 3; index < call.argc; index++) {
    if (call.is(index, "IDX")) options.wantsRanges = true;
    else if (call.is(index, "LEN")) options.wantsLength = true;
    else if (call.is(index, "WITHMATCHLEN")) options.wantsMatchLengths = true;
    else if (call.is(index, "MINMATCHLEN") && index + 1 < call.argc) {
      options.matchLengthMin = roundedInteger(call, ++index);
      if (Number.isNaN(options.matchLengthMin)) return undefined;
    } else {
      fail(call, "syntax");
      return undefined;
    }
  }
  return options;
}

/** A string, empty for a missing key; undefined for another type. */
function textUnder(call: Call, index: number): Uint8Array | undefined {
  const ref = call.findForRead(index);
  if (ref === 0) return emptyBytes;
  return isText(call.keyspace, ref) ? copyText(call.keyspace, ref) : undefined;
}

/** Row by row, how long the common subsequence of every two beginnings is. */
class LcsTable {
  readonly #lengths: Uint32Array;
  readonly #columns: number;

  constructor(a: Uint8Array, b: Uint8Array) {
    const columns = b.length + 1;
    const lengths = new Uint32Array((a.length + 1) * columns);
    for (let i = 1; i <= a.length; i++) {
      const byte = a[i - 1]!;
      const row = i * columns;
      const above = row - columns;
      for (let j = 1; j <= b.length; j++) {
        if (byte === b[j - 1]) lengths[row + j] = lengths[above + j - 1]! + 1;
        else lengths[row + j] = Math.max(lengths[above + j]!, lengths[row + j - 1]!);
      }
    }
    this.#lengths = lengths;
    this.#columns = columns;
  }

  at(i: number, j: number): number {
    return this.#lengths[i * this.#columns + j]!;
  }
}

/** A run of equal bytes in both strings. */
interface Match {
  readonly a: number;
  readonly b: number;
  readonly length: number;
}

/** The matches of one longest common subsequence, last first. */
function matchesOf(table: LcsTable, a: Uint8Array, b: Uint8Array): Match[] {
  const matches: Match[] = [];
  let [i, j, length] = [a.length, b.length, 0];
  const emit = (): void => {
    if (length > 0) matches.push({ a: i, b: j, length });
    length = 0;
  };
  while (i > 0 && j > 0) {
    if (a[i - 1] === b[j - 1]) {
      length++;
      i--;
      j--;
    } else {
      emit();
      if (table.at(i - 1, j) > table.at(i, j - 1)) i--;
      else j--;
    }
  }
  emit();
  return matches;
}

function lcs(call: Call): void {
  const a = textUnder(call, 1);
  const b = textUnder(call, 2);
  if (a === undefined || b === undefined) {
    call.reply.error("ERR The specified keys must contain string values");
    return;
  }
  const options = parseLcsOptions(call);
  if (options === undefined) return;
  if (options.wantsLength && options.wantsRanges) {
    call.reply.error("ERR If you want both the length and indexes, please just use IDX.");
    return;
  }
  const tableBytes = (a.length + 1) * (b.length + 1) * 4;
  if (tableBytes > call.environment.settings.number("proto-max-bulk-len")) {
    call.reply.error(
      "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
    );
    return;
  }
  const table = new LcsTable(a, b);
  const length = table.at(a.length, b.length);
  if (options.wantsRanges) replyRanges(call, matchesOf(table, a, b), length, options);
  else if (options.wantsLength) call.reply.integer(length);
  else call.reply.bulk(subsequence(matchesOf(table, a, b), a, length));
}

function subsequence(matches: readonly Match[], a: Uint8Array, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = length;
  for (const match of matches) {
    at -= match.length;
    bytes.set(a.subarray(match.a, match.a + match.length), at);
  }
  return bytes;
}

function replyRanges(
  call: Call,
  matches: readonly Match[],
  length: number,
  options: Options,
): void {
  const { reply } = call;
  const shown = matches.filter((match) => match.length >= options.matchLengthMin);
  reply.map(2);
  reply.bulkText("matches");
  reply.array(shown.length);
  for (const match of shown) {
    reply.array(options.wantsMatchLengths ? 3 : 2);
    for (const start of [match.a, match.b]) {
      reply.array(2);
      reply.integer(start);
      reply.integer(start + match.length - 1);
    }
    if (options.wantsMatchLengths) reply.integer(match.length);
  }
  reply.bulkText("len");
  reply.integer(length);
}

export const lcsCommands: readonly CommandSpec[] = [
  {
    name: "lcs",
    arity: -3,
    flags: ["readonly"],
    keys: twoKeys,
    categories: ["string"],
    group: "string",
    since: "7.0.0",
    summary: "Find longest common substring",
    complexity: "O(N*M) where N and M are the lengths of s1 and s2, respectively",
    run: lcs,
  },
];
