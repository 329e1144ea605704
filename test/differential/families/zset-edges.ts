// Sorted sets where they are edgy: numbers as C reads and prints them, bounds with odd spellings,
// ranges by member of sets whose scores differ (a listpack is walked, so small ones have an
// answer), sets around the limits of the listpack and of our packed records, and long chains of
// options. The usual ways are the family zsets.

import fc from "fast-check";
import { sameMultiset } from "../compare.js";
import type { Family, StepGroup } from "../step.js";
import {
  anyOf,
  float,
  hostileInteger,
  type Line,
  line,
  many,
  maybe,
  offset,
  one,
  options,
  smallInteger,
  value,
} from "../values.js";

const key = fc.constantFrom("a", "a", "a", "b", "b", "c", "d\x00\xff");
/** Only small sets of short members: their ranges by member are a walk. */
const mixedKey = fc.constantFrom("mixed");
const lexKey = fc.constantFrom("lex1", "lex2");
const anyLexKey = fc.oneof(lexKey, mixedKey);

const shortMember = fc.integer({ min: 0, max: 12 }).map((n) => `m${n}`);
const member = fc.oneof(
  { weight: 8, arbitrary: shortMember },
  { weight: 2, arbitrary: smallInteger },
  { weight: 1, arbitrary: value },
);

const score = fc.oneof(
  { weight: 5, arbitrary: smallInteger },
  { weight: 6, arbitrary: float },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      ...["inf", "-inf", "+inf", "Infinity", "nan", "-0", "0.0", "1e308", "-1e308", "5e-324"],
      ...["1e-400", "0x1p-1074", "0x1.8", "0x", "1e", "1e17", "1e16", "123456789012345.125"],
      ...["4611686018427387904", "9007199254740993", "0.1", "0.30000000000000004", "1e5", "+1.5"],
      ...["123456789012345.375", "1.7976931348623157e308", "0e-999", "00012", "1.", ".5", "."],
    ),
  },
  { weight: 1, arbitrary: hostileInteger },
  { weight: 2, arbitrary: fc.double({ noNaN: true }).map(String) },
);

const bound = fc
  .tuple(
    fc.constantFrom("", "", "("),
    fc.oneof(
      { weight: 8, arbitrary: score },
      { weight: 4, arbitrary: fc.constantFrom("-inf", "+inf", "inf") },
      { weight: 2, arbitrary: fc.constantFrom("", " 1", "1\x00x", "(1", "1e999", "\t-1", "0x1p9") },
    ),
  )
  .map(([open, text]) => open + text);

const lexBound = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constantFrom("[", "("), member).map((p) => p.join("")) },
  { weight: 4, arbitrary: fc.constantFrom("-", "+") },
  { weight: 1, arbitrary: fc.constantFrom("", "-x", "+\x00x", "m1", "[", "(", "-\x00") },
);

const few = fc.oneof(fc.integer({ min: -2, max: 6 }).map(String), offset);
const limit = line("LIMIT", few, few);
const withScores = maybe(fc.constantFrom("WITHSCORES", "withscores"));
const addOptions = options("NX", "XX", "GT", "LT", "CH", "INCR", "ch");

const weighed: Line = fc
  .tuple(fc.array(fc.tuple(key, score), { minLength: 1, maxLength: 3 }), fc.boolean())
  .map(([pairs, isWeighed]) => [
    String(pairs.length),
    ...pairs.map(([name]) => name),
    ...(isWeighed ? ["WEIGHTS", ...pairs.map(([, weight]) => weight)] : []),
  ]);
const aggregate = line("AGGREGATE", fc.constantFrom("SUM", "MIN", "MAX", "sum"));

const table: readonly (readonly [number, string, Line])[] = [
  [16, "ZADD", line("ZADD", key, many(line(score, member), 1, 4))],
  [8, "ZADD", line("ZADD", key, addOptions, many(line(score, member), 1, 3))],
  [6, "ZADD", line("ZADD", key, addOptions, score, member)],
  [12, "ZINCRBY", line("ZINCRBY", key, score, shortMember)],
  [5, "ZREM", line("ZREM", key, many(member, 1, 4))],
  [4, "ZSCORE", line("ZSCORE", key, member)],
  [3, "ZRANK", line(fc.constantFrom("ZRANK", "ZREVRANK"), key, member)],
  [5, "ZCOUNT", line("ZCOUNT", key, bound, bound)],
  [5, "ZRANGE", line("ZRANGE", key, offset, offset, options("REV", "WITHSCORES", "rev"))],
  [8, "ZRANGE", line("ZRANGE", key, bound, bound, "BYSCORE", options("REV", limit, "WITHSCORES"))],
  [2, "ZRANGE", line("ZRANGE", key, "0", "-1", options(limit, "BYSCORE", "REV", "WITHSCORES"))],
  [4, "ZRANGEBYSCORE", line("ZRANGEBYSCORE", key, bound, bound, options(limit, "WITHSCORES"))],
  [3, "ZRANGESTORE", line("ZRANGESTORE", key, key, bound, bound, "BYSCORE", options(limit, "REV"))],
  [2, "ZREMRANGEBYSCORE", line("ZREMRANGEBYSCORE", key, bound, bound)],
  [2, "ZREMRANGEBYRANK", line("ZREMRANGEBYRANK", key, offset, offset)],
  [3, "ZPOPMIN", line(fc.constantFrom("ZPOPMIN", "ZPOPMAX"), key, maybe(smallInteger))],
  [4, "ZUNION", line("ZUNION", weighed, options(aggregate, "WITHSCORES"))],
  [4, "ZINTER", line("ZINTER", weighed, options(aggregate, "WITHSCORES"))],
  [5, "ZUNIONSTORE", line("ZUNIONSTORE", key, weighed, options(aggregate))],
  [3, "ZINTERSTORE", line("ZINTERSTORE", key, weighed, options(aggregate))],
  [3, "SADD", line("SADD", key, many(member, 1, 5))],
  [3, "DEL", line("DEL", key)],
  [2, "RENAME", line("RENAME", key, key)],
  [2, "COPY", line("COPY", key, key, "REPLACE")],
  [4, "OBJECT", line("OBJECT", "ENCODING", key)],
];

/** Never mangled: another score would make the answers of a skip list a matter of chance. */
const byMember: readonly (readonly [number, string, Line])[] = [
  [8, "ZADD", line("ZADD", lexKey, many(line("0", member), 1, 5))],
  [4, "ZADD", line("ZADD", mixedKey, many(line(smallInteger, shortMember), 1, 5))],
  [6, "ZRANGE", line("ZRANGE", anyLexKey, lexBound, lexBound, "BYLEX", options("REV", limit))],
  [3, "ZRANGEBYLEX", line("ZRANGEBYLEX", anyLexKey, lexBound, lexBound, maybe(limit))],
  [3, "ZREVRANGEBYLEX", line("ZREVRANGEBYLEX", anyLexKey, lexBound, lexBound, maybe(limit))],
  [3, "ZLEXCOUNT", line("ZLEXCOUNT", anyLexKey, lexBound, lexBound)],
  [2, "ZRANGESTORE", line("ZRANGESTORE", key, lexKey, lexBound, lexBound, "BYLEX", maybe(limit))],
  [2, "ZREMRANGEBYLEX", line("ZREMRANGEBYLEX", anyLexKey, lexBound, lexBound)],
  [1, "ZREM", line("ZREM", anyLexKey, many(member, 1, 3))],
  [1, "DEL", line("DEL", anyLexKey)],
];

/** Crosses the limits of the listpack, of a packed record and of a chunk of the order. */
const manyMembers: fc.Arbitrary<StepGroup> = fc
  .tuple(
    fc.oneof(key, lexKey),
    fc.constantFrom(100, 126, 128, 129, 700),
    fc.constantFrom(1, 7, 1_000),
    fc.constantFrom(1, 64, 65, 80),
  )
  .map(([name, count, scores, width]) => [
    {
      argv: [
        "ZADD",
        name,
        ...Array.from({ length: count }, (_, n) => [
          name.startsWith("lex") ? "0" : String(((n * 7919) % scores) - 3),
          `w${String(n).padStart(width, "-")}`,
        ]).flat(),
      ],
    },
  ]);

const wholeScan: fc.Arbitrary<StepGroup> = line("ZSCAN", key, "0", maybe(line("MATCH", "m*"))).map(
  (argv) => [{ argv, drain: true }],
);

/** Never mangled: without its count it would draw at random. */
const determinedPick: fc.Arbitrary<StepGroup> = one(
  line("ZRANDMEMBER", key, fc.constantFrom("0", "100000", "9223372036854775807"), withScores),
);

export const zsetEdgesFamily: Family = {
  name: "zset-edges",
  commands: [
    ...new Set([...table, ...byMember].map(([, command]) => command)),
    ...["ZSCAN", "ZRANDMEMBER"],
  ],
  databaseCount: 1,
  comparers: { ZRANDMEMBER: sameMultiset },
  groups: (supports) => {
    const usual = { weight: 60, arbitrary: anyOf(table, supports) };
    const exact = byMember
      .filter(([, command]) => supports(command))
      .map(([weight, , lines]) => ({ weight, arbitrary: one(lines) }));
    if (exact.length === 0) return usual.arbitrary;
    return fc.oneof(
      usual,
      { weight: 20, arbitrary: fc.oneof(...exact) },
      { weight: 1, arbitrary: manyMembers },
      ...(supports("ZRANDMEMBER") ? [{ weight: 2, arbitrary: determinedPick }] : []),
      ...(supports("ZSCAN") ? [{ weight: 3, arbitrary: wholeScan }] : []),
    );
  },
};
