// Hashes. HGETALL and its like have no order in Redis; random picks are drawn only where they are
// determined.

import fc from "fast-check";
import { sameMultiset, samePairs } from "../compare.js";
import type { Family, StepGroup } from "../step.js";
import {
  anyOf,
  boundInteger,
  float,
  integer,
  key,
  type Line,
  line,
  many,
  maybe,
  one,
  value,
} from "../values.js";

const field = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 10 }).map((n) => `f${n}`) },
  { weight: 1, arbitrary: fc.constantFrom("", "\x00", "\xff\r\n", "1") },
);

const table: readonly (readonly [number, string, Line])[] = [
  [12, "HSET", line("HSET", key, many(line(field, value), 1, 4))],
  [3, "HMSET", line("HMSET", key, many(line(field, value), 1, 3))],
  [4, "HSETNX", line("HSETNX", key, field, value)],
  [6, "HGET", line("HGET", key, field)],
  [4, "HMGET", line("HMGET", key, many(field, 1, 4))],
  [6, "HDEL", line("HDEL", key, many(field, 1, 3))],
  [3, "HEXISTS", line("HEXISTS", key, field)],
  [3, "HLEN", line("HLEN", key)],
  [3, "HSTRLEN", line("HSTRLEN", key, field)],
  [3, "HGETALL", line("HGETALL", key)],
  [2, "HKEYS", line("HKEYS", key)],
  [2, "HVALS", line("HVALS", key)],
  [5, "HINCRBY", line("HINCRBY", key, field, integer)],
  [2, "HINCRBY", line("HINCRBY", key, field, boundInteger)],
  [2, "HSET", line("HSET", key, field, boundInteger)],
  [5, "HINCRBYFLOAT", line("HINCRBYFLOAT", key, field, float)],
  [3, "DEL", line("DEL", key)],
  [2, "OBJECT", line("OBJECT", "ENCODING", key)],
  [1, "SET", line("SET", key, value)],
  [1, "COPY", line("COPY", key, key, maybe("REPLACE"))],
  [1, "RENAME", line("RENAME", key, key)],
  [1, "EXPIRE", line("EXPIRE", key, fc.constantFrom("100000", "-1"))],
];

/** Enough fields, or one long enough, to leave the compact encoding. */
const manyFields: fc.Arbitrary<StepGroup> = fc
  .tuple(key, fc.constantFrom(1, 512, 513), fc.constantFrom(1, 64, 65))
  .map(([name, count, width]) => [
    {
      argv: [
        ...["HSET", name],
        ...Array.from({ length: count }, (_, n) => [`n${n}`, "v".repeat(width)]).flat(),
      ],
    },
  ]);

const determinedPick = one(line("HRANDFIELD", key, fc.constantFrom("0", "abc", "100000")));

const wholeScan: fc.Arbitrary<StepGroup> = line("HSCAN", key, "0", maybe(line("MATCH", "f*"))).map(
  (argv) => [{ argv, drain: true }],
);

export const hashesFamily: Family = {
  name: "hashes",
  commands: [...new Set([...table.map(([, command]) => command), "HRANDFIELD", "HSCAN"])],
  databaseCount: 1,
  comparers: {
    HGETALL: samePairs,
    HKEYS: sameMultiset,
    HVALS: sameMultiset,
    HRANDFIELD: sameMultiset,
  },
  groups: (supports) =>
    fc.oneof(
      { weight: 60, arbitrary: anyOf(table, supports) },
      ...(supports("HSET") ? [{ weight: 1, arbitrary: manyFields }] : []),
      ...(supports("HRANDFIELD") ? [{ weight: 1, arbitrary: determinedPick }] : []),
      ...(supports("HSCAN") ? [{ weight: 2, arbitrary: wholeScan }] : []),
    ),
};
