// Bits: strings as bitmaps and as packed integers (SETBIT to BITFIELD).

import fc from "fast-check";
import type { Family } from "../step.js";
import {
  anyOf,
  bitOffset,
  integer,
  key,
  type Line,
  line,
  many,
  maybe,
  offset,
  settled,
  value,
} from "../values.js";

const bit = fc.constantFrom("0", "1", "0", "1", "0", "1", "2", "-1", "x", "");
const unit = fc.constantFrom("BYTE", "BIT", "bit", "BYTES");

/** Every width of BITFIELD, and the widths just outside. */
const fieldType = fc
  .oneof(
    { weight: 12, arbitrary: fc.tuple(fc.constantFrom("u", "i"), fc.integer({ min: 1, max: 63 })) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        ...([
          ["i", 64],
          ["u", 64],
          ["i", 65],
          ["u", 0],
          ["x", 8],
          ["U", 8],
        ] as [string, number][]),
      ),
    },
  )
  .map(([sign, width]) => `${sign}${width}`);

const fieldOffset = fc.oneof(
  { weight: 6, arbitrary: bitOffset },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 40 }).map((n) => `#${n}`) },
  { weight: 1, arbitrary: fc.constantFrom("#", "#-1", "#abc", "##1") },
);

const readField = line("GET", fieldType, fieldOffset);
const field: Line = fc.oneof(
  readField,
  line("SET", fieldType, fieldOffset, integer),
  line("INCRBY", fieldType, fieldOffset, integer),
  line("OVERFLOW", fc.constantFrom("WRAP", "SAT", "FAIL", "sat", "NONE")),
);

const table: readonly (readonly [number, string, Line])[] = [
  [4, "SET", line("SET", key, value)],
  // Strings of nothing but ones or zeros: where a search runs off the end.
  [6, "SET", line("SET", key, fc.constantFrom("\xff", "\xff\xff\xff", "\x00\x00", "\xff\xf0"))],
  [5, "BITPOS", line("BITPOS", key, fc.constantFrom("0", "1"), fc.constantFrom("0", "1", "-1"))],
  [10, "SETBIT", line("SETBIT", key, bitOffset, bit)],
  [5, "GETBIT", line("GETBIT", key, bitOffset)],
  [4, "BITCOUNT", line("BITCOUNT", key)],
  [8, "BITCOUNT", line("BITCOUNT", key, offset, offset, maybe(unit))],
  [4, "BITPOS", line("BITPOS", key, bit, maybe(offset))],
  [8, "BITPOS", line("BITPOS", key, bit, offset, offset, maybe(unit))],
  [
    8,
    "BITOP",
    line("BITOP", fc.constantFrom("AND", "OR", "XOR", "NOT", "not", "NAND"), key, many(key, 1, 4)),
  ],
  [14, "BITFIELD", line("BITFIELD", key, many(field, 0, 4))],
  [5, "BITFIELD_RO", line("BITFIELD_RO", key, many(fc.oneof(readField, readField, field), 0, 3))],
  [4, "GET", line("GET", key)],
  [2, "STRLEN", line("STRLEN", key)],
  [2, "DEL", line("DEL", key)],
  [2, "APPEND", line("APPEND", key, value)],
  [1, "SETRANGE", line("SETRANGE", key, offset, value)],
  [1, "OBJECT", line("OBJECT", "ENCODING", key)],
  [1, "RPUSH", line("RPUSH", key, value)],
];

export const bitsFamily: Family = {
  name: "bits",
  commands: [...new Set(table.map(([, command]) => command))],
  databaseCount: 1,
  comparers: {},
  groups: (supports) => settled(anyOf(table, supports)),
};
