// Sorted sets: scores with infinities and ties, ranks, every kind of range, pops, and the *STORE
// operations. Their order is determined, so nearly everything is compared byte for byte.
// ZRANDMEMBER is drawn only where its outcome is.

import fc from "fast-check";
import type { Family, StepGroup } from "../step.js";
import {
  anyOf,
  key,
  type Line,
  line,
  many,
  maybe,
  one,
  options,
  smallInteger,
  value,
} from "../values.js";

const member = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 14 }).map((n) => `m${n}`) },
  { weight: 2, arbitrary: fc.constantFrom("", "a", "b", "\xff", "\x00", "aa") },
  { weight: 1, arbitrary: value },
);

const score = fc.oneof(
  { weight: 8, arbitrary: smallInteger },
  { weight: 4, arbitrary: fc.integer({ min: -4000, max: 4000 }).map((n) => String(n / 8)) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      ...["inf", "-inf", "+inf", "0", "-0", "1e300", "-1e300", "3.1415926535897931", "1e-320"],
      ...[
        "nan",
        "abc",
        "",
        " 1",
        "1e400",
        "0x10",
        "9007199254740993",
        "1.0000000000000002",
        "1e17",
      ],
      ...["123456789012345680", "0.1", "100000000000000000000"],
    ),
  },
);

const bound = fc
  .tuple(
    fc.constantFrom("", "", "("),
    fc.oneof(
      { weight: 5, arbitrary: score },
      { weight: 2, arbitrary: fc.constantFrom("-inf", "+inf") },
    ),
  )
  .map(([open, at]) => open + at);

const lexBound = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom("-", "+") },
  {
    weight: 5,
    arbitrary: fc.tuple(fc.constantFrom("[", "("), member).map(([open, at]) => open + at),
  },
  { weight: 1, arbitrary: fc.constantFrom("", "a", "[", "(", "+a") },
);

/**
 * Ranges by name are promised only among equal scores, so they have keys of their own, whose
 * members all score 0.
 */
const lexKey = fc.constantFrom("lex:1", "lex:2");

const index = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: -20, max: 20 }).map(String) },
  {
    weight: 1,
    arbitrary: fc.constantFrom("-1", "abc", "9223372036854775807", "-9223372036854775808", ""),
  },
);

const limit = line("LIMIT", index, index);
const addOptions = options("NX", "XX", "GT", "LT", "CH", "INCR");
const scored = many(line(score, member), 1, 5);

/** Some keys with a right, or sometimes a wrong, count in front. */
const numberedKeys: Line = fc
  .tuple(many(key, 1, 3), fc.nat(12))
  .map(([keys, coin]) => [coin === 0 ? "0" : coin === 1 ? "9" : String(keys.length), ...keys]);

const weights = line("WEIGHTS", many(score, 1, 3));
const aggregate = line("AGGREGATE", fc.constantFrom("SUM", "MIN", "MAX", "max", "AVG"));
const combine = options(weights, aggregate, aggregate);
const end = fc.constantFrom("MIN", "MAX", "min", "MID");

const table: readonly (readonly [number, string, Line])[] = [
  [12, "ZADD", line("ZADD", key, scored)],
  [8, "ZADD", line("ZADD", key, addOptions, scored)],
  [2, "ZREM", line("ZREM", lexKey, member)],
  [5, "ZINCRBY", line("ZINCRBY", key, score, member)],
  [5, "ZREM", line("ZREM", key, many(member, 1, 3))],
  [3, "ZCARD", line("ZCARD", key)],
  [4, "ZSCORE", line("ZSCORE", key, member)],
  [3, "ZMSCORE", line("ZMSCORE", key, many(member, 1, 4))],
  [4, "ZRANK", line("ZRANK", key, member)],
  [3, "ZREVRANK", line("ZREVRANK", key, member)],
  [4, "ZCOUNT", line("ZCOUNT", key, bound, bound)],
  [2, "ZLEXCOUNT", line("ZLEXCOUNT", lexKey, lexBound, lexBound)],
  [6, "ZRANGE", line("ZRANGE", key, index, index, options("REV", "WITHSCORES"))],
  [6, "ZRANGE", line("ZRANGE", key, bound, bound, "BYSCORE", options("REV", "WITHSCORES", limit))],
  [3, "ZRANGE", line("ZRANGE", lexKey, lexBound, lexBound, "BYLEX", options("REV", limit))],
  [3, "ZREVRANGE", line("ZREVRANGE", key, index, index, maybe("WITHSCORES"))],
  [4, "ZRANGEBYSCORE", line("ZRANGEBYSCORE", key, bound, bound, options("WITHSCORES", limit))],
  [
    3,
    "ZREVRANGEBYSCORE",
    line("ZREVRANGEBYSCORE", key, bound, bound, options("WITHSCORES", limit)),
  ],
  [2, "ZRANGEBYLEX", line("ZRANGEBYLEX", lexKey, lexBound, lexBound, maybe(limit))],
  [2, "ZREVRANGEBYLEX", line("ZREVRANGEBYLEX", lexKey, lexBound, lexBound, maybe(limit))],
  [3, "ZRANGESTORE", line("ZRANGESTORE", key, key, index, index, maybe("REV"))],
  [2, "ZRANGESTORE", line("ZRANGESTORE", key, key, bound, bound, "BYSCORE", options("REV", limit))],
  [2, "ZREMRANGEBYRANK", line("ZREMRANGEBYRANK", key, index, index)],
  [2, "ZREMRANGEBYSCORE", line("ZREMRANGEBYSCORE", key, bound, bound)],
  [2, "ZREMRANGEBYLEX", line("ZREMRANGEBYLEX", lexKey, lexBound, lexBound)],
  [3, "ZPOPMIN", line("ZPOPMIN", key, maybe(index))],
  [3, "ZPOPMAX", line("ZPOPMAX", key, maybe(index))],
  [2, "ZMPOP", line("ZMPOP", numberedKeys, end, maybe(line("COUNT", index)))],
  [2, "ZUNION", line("ZUNION", numberedKeys, combine, maybe("WITHSCORES"))],
  [2, "ZINTER", line("ZINTER", numberedKeys, combine, maybe("WITHSCORES"))],
  [2, "ZDIFF", line("ZDIFF", numberedKeys, maybe("WITHSCORES"))],
  [3, "ZUNIONSTORE", line("ZUNIONSTORE", key, numberedKeys, combine)],
  [3, "ZINTERSTORE", line("ZINTERSTORE", key, numberedKeys, combine)],
  [2, "ZDIFFSTORE", line("ZDIFFSTORE", key, numberedKeys)],
  [2, "ZINTERCARD", line("ZINTERCARD", numberedKeys, maybe(line("LIMIT", index)))],
  [3, "DEL", line("DEL", key)],
  [2, "OBJECT", line("OBJECT", "ENCODING", key)],
  [1, "SET", line("SET", key, value)],
  [2, "SADD", line("SADD", key, many(member, 1, 4))],
  [1, "TYPE", line("TYPE", key)],
  [1, "RENAME", line("RENAME", key, key)],
  [1, "COPY", line("COPY", key, key, maybe("REPLACE"))],
];

/** Enough members, or one long enough, to leave the compact encoding. */
const manyMembers: fc.Arbitrary<StepGroup> = fc
  .tuple(key, fc.constantFrom(1, 127, 129, 600), fc.constantFrom(1, 64, 65))
  .map(([name, count, width]) => [
    {
      argv: [
        ...["ZADD", name],
        ...Array.from({ length: count }, (_, n) => [
          String((n * 7) % 50),
          String(n).padStart(width, "m"),
        ]).flat(),
      ],
    },
  ]);

/** Never mangled: another score would break the promise of `lexKey`. */
const equalScores = one(line("ZADD", lexKey, many(line("0", member), 1, 5)));

const determinedPick = one(line("ZRANDMEMBER", key, fc.constantFrom("0", "abc")));

const wholeScan: fc.Arbitrary<StepGroup> = line("ZSCAN", key, "0", maybe(line("MATCH", "m*"))).map(
  (argv) => [{ argv, drain: true }],
);

export const zsetsFamily: Family = {
  name: "zsets",
  commands: [...new Set([...table.map(([, command]) => command), "ZRANDMEMBER", "ZSCAN"])],
  databaseCount: 1,
  comparers: {},
  groups: (supports) => {
    const usual = { weight: 50, arbitrary: anyOf(table, supports) };
    return fc.oneof(
      usual,
      ...(supports("ZADD") ? [{ weight: 1, arbitrary: manyMembers }] : []),
      ...(supports("ZADD") ? [{ weight: 3, arbitrary: equalScores }] : []),
      ...(supports("ZRANDMEMBER") ? [{ weight: 1, arbitrary: determinedPick }] : []),
      ...(supports("ZSCAN") ? [{ weight: 2, arbitrary: wholeScan }] : []),
    );
  },
};
