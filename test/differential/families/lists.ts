// Lists. The blocking forms are drawn only with a deadline of a few milliseconds, or where an
// element is there.

import fc from "fast-check";
import type { Family, StepGroup } from "../step.js";
import {
  anyOf,
  key,
  type Line,
  line,
  many,
  maybe,
  options,
  smallInteger,
  value,
} from "../values.js";

const element = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("a", "b", "c", "d", "e") },
  { weight: 2, arbitrary: smallInteger },
  { weight: 2, arbitrary: value },
);

const index = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: -12, max: 12 }).map(String) },
  {
    weight: 1,
    arbitrary: fc.constantFrom("abc", "", "9223372036854775807", "-9223372036854775808"),
  },
);

const side = fc.constantFrom("LEFT", "RIGHT", "left", "UP");

const numberedKeys: Line = fc
  .tuple(many(key, 1, 3), fc.nat(12))
  .map(([keys, coin]) => [coin === 0 ? "0" : coin === 1 ? "9" : String(keys.length), ...keys]);

const table: readonly (readonly [number, string, Line])[] = [
  [9, "RPUSH", line("RPUSH", key, many(element, 1, 5))],
  [9, "LPUSH", line("LPUSH", key, many(element, 1, 5))],
  [2, "RPUSHX", line("RPUSHX", key, many(element, 1, 2))],
  [2, "LPUSHX", line("LPUSHX", key, many(element, 1, 2))],
  [5, "LPOP", line("LPOP", key, maybe(index))],
  [5, "RPOP", line("RPOP", key, maybe(index))],
  [3, "LLEN", line("LLEN", key)],
  [7, "LRANGE", line("LRANGE", key, index, index)],
  [4, "LINDEX", line("LINDEX", key, index)],
  [5, "LSET", line("LSET", key, index, element)],
  [
    5,
    "LINSERT",
    line("LINSERT", key, fc.constantFrom("BEFORE", "AFTER", "after", "X"), element, element),
  ],
  [5, "LREM", line("LREM", key, index, element)],
  [4, "LTRIM", line("LTRIM", key, index, index)],
  [
    5,
    "LPOS",
    line(
      "LPOS",
      key,
      element,
      options(line("RANK", index), line("COUNT", index), line("MAXLEN", index)),
    ),
  ],
  [4, "LMOVE", line("LMOVE", key, key, side, side)],
  [3, "RPOPLPUSH", line("RPOPLPUSH", key, key)],
  [3, "LMPOP", line("LMPOP", numberedKeys, side, maybe(line("COUNT", index)))],
  [3, "DEL", line("DEL", key)],
  [2, "OBJECT", line("OBJECT", "ENCODING", key)],
  [1, "SET", line("SET", key, value)],
  [1, "COPY", line("COPY", key, key, maybe("REPLACE"))],
  [1, "RENAME", line("RENAME", key, key)],
  [1, "TYPE", line("TYPE", key)],
];

/** Redis takes a timeout in seconds with fractions; the shortest that is no "for ever". */
const soon = fc.constantFrom("0.001", "0.002", "-1", "abc");
const blockingTable: readonly (readonly [number, string, Line])[] = [
  [3, "BLPOP", line("BLPOP", many(key, 1, 3), soon)],
  [3, "BRPOP", line("BRPOP", many(key, 1, 3), soon)],
  [2, "BLMOVE", line("BLMOVE", key, key, side, side, soon)],
  [2, "BRPOPLPUSH", line("BRPOPLPUSH", key, key, soon)],
  [2, "BLMPOP", line("BLMPOP", soon, numberedKeys, side, maybe(line("COUNT", index)))],
];

/** Never mangled: a timeout of nothing but 0 waits for ever. */
function blocking(supports: (command: string) => boolean): fc.Arbitrary<StepGroup> | null {
  const usable = blockingTable.filter(([, command]) => supports(command));
  if (usable.length === 0) return null;
  const weighted = usable.map(([weight, , arbitrary]) => ({ weight, arbitrary }));
  return fc.oneof(...weighted).map((argv) => [{ argv }]);
}

const manyElements: fc.Arbitrary<StepGroup> = fc
  .tuple(key, fc.constantFrom(130, 700), fc.constantFrom(1, 100))
  .map(([name, count, width]) => [
    {
      argv: [
        "RPUSH",
        name,
        ...Array.from({ length: count }, (_, n) => String(n).padStart(width, "e")),
      ],
    },
  ]);

export const listsFamily: Family = {
  name: "lists",
  commands: [...new Set([...table, ...blockingTable].map(([, command]) => command))],
  databaseCount: 1,
  comparers: {},
  groups: (supports) => {
    const waiting = blocking(supports);
    return fc.oneof(
      { weight: 60, arbitrary: anyOf(table, supports) },
      ...(supports("RPUSH") ? [{ weight: 1, arbitrary: manyElements }] : []),
      ...(waiting === null ? [] : [{ weight: 1, arbitrary: waiting }]),
    );
  },
};
