// HyperLogLogs: adding, counting, merging, and what other commands do to the string that holds one,
// broken ones too. The string is compared byte for byte at the end of a run (GET).

import fc from "fast-check";
import type { Family, StepGroup } from "../step.js";
import { anyOf, type Line, line, many, maybe, value } from "../values.js";

const sketch = fc.constantFrom("h1", "h2", "h3", "other");
const element = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 5000 }).map(String) },
  { weight: 2, arbitrary: fc.constantFrom("", "a", "ab", "abcdefg", "abcdefgh", "\xff".repeat(9)) },
  { weight: 1, arbitrary: value },
);
/** In the header: a change behind it may make an opcode that reaches past the end (below). */
const position = fc.integer({ min: 0, max: 15 }).map(String);
/** No opcode of two bytes: at the end of a string Redis reads its second one beyond it. */
const byte = fc
  .integer({ min: 0, max: 255 })
  .filter((code) => code < 0x40 || code >= 0x80)
  .map((code) => String.fromCharCode(code));
/** An empty one, spelt in two ways, and some that no element can make. */
const spelled = fc.constantFrom(
  `HYLL\x01${"\0".repeat(11)}\x7f\xff`,
  `HYLL\x01${"\0".repeat(10)}\x80${"\x3f".repeat(256)}`,
  `HYLL\x01${"\0".repeat(10)}\x80\x7f\xfe\x83`,
  `HYLL\x00${"\0".repeat(12299)}`,
  `HYLL\x00${"\0".repeat(10)}\x80${"\xff".repeat(12288)}`,
  "HYLL\x00",
  "HYLL\x02aaaaaaaaaaaaa",
);

const table: readonly (readonly [number, string, Line])[] = [
  [14, "PFADD", line("PFADD", sketch, many(element, 0, 12))],
  [8, "PFCOUNT", line("PFCOUNT", many(sketch, 1, 3))],
  [4, "PFMERGE", line("PFMERGE", sketch, many(sketch, 0, 3))],
  [2, "PFDEBUG", line("PFDEBUG", fc.constantFrom("ENCODING", "decode", "TODENSE", "X"), sketch)],
  [1, "PFDEBUG", line("PFDEBUG", "GETREG", sketch)],
  [2, "SETRANGE", line("SETRANGE", sketch, position, byte)],
  [1, "APPEND", line("APPEND", sketch, byte)],
  [2, "SET", line("SET", sketch, fc.oneof(spelled, spelled, value), maybe("KEEPTTL"))],
  [4, "DEL", line("DEL", sketch)],
  [3, "GET", line("GET", sketch)],
  [2, "STRLEN", line("STRLEN", sketch)],
  [2, "OBJECT", line("OBJECT", "ENCODING", sketch)],
  [1, "COPY", line("COPY", sketch, sketch, maybe("REPLACE"))],
  [1, "EXPIRE", line("EXPIRE", sketch, "100000")],
  [1, "LPUSH", line("LPUSH", "other", "x")],
];

/** Enough elements for every form of opcode and for the change of encoding. */
const crowd: fc.Arbitrary<StepGroup> = fc
  .tuple(sketch, fc.constantFrom(100, 800, 3000), fc.nat(1_000_000))
  .map(([key, count, from]) => [
    { argv: ["PFADD", key, ...Array.from({ length: count }, (_, i) => `e${from + i}`)] },
  ]);

const limit: fc.Arbitrary<StepGroup> = fc
  .constantFrom("3000", "100", "16", "0", "12304", "20000")
  .map((bytes) => [{ argv: ["CONFIG", "SET", "hll-sparse-max-bytes", bytes] }]);

export const hyperLogLogFamily: Family = {
  name: "hyperloglog",
  commands: [...new Set(table.map(([, name]) => name))],
  databaseCount: 1,
  comparers: {},
  groups: (supports) => {
    const usual = { weight: 60, arbitrary: anyOf(table, supports) };
    if (!supports("PFADD")) return usual.arbitrary;
    return fc.oneof(usual, { weight: 3, arbitrary: crowd }, { weight: 1, arbitrary: limit });
  },
};
