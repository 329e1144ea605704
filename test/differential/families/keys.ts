// Keys and expiry: naming, copying and moving keys, databases, patterns, deadlines with all their
// conditions.

import fc from "fast-check";
import { millisecondsMax, sameMultiset, sameShape, secondsMax, within } from "../compare.js";
import type { Family, StepGroup } from "../step.js";
import {
  anyOf,
  badTime,
  expireNow,
  futureMillisecond,
  futureSecond,
  key,
  type Line,
  line,
  many,
  maybe,
  milliseconds,
  options,
  pastTime,
  seconds,
  settled,
  value,
} from "../values.js";

const databaseCount = 3;
const database = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom("0", "1", "2") },
  { weight: 1, arbitrary: fc.constantFrom("16", "-1", "abc", "", "99999999999999999999", "1.0") },
);

const pattern = fc.constantFrom(
  ...["*", "a", "?", "[a-c]", "[^a]", "h*llo", "h?llo", "h\\*llo", "*:*", "{t}*", "", "**l*", "[a"],
  ...["\\", "[", "[]", "[z-a]", "[^", "*\xff", "?\xff", "k*y", "[\\a]", "a\r*"],
);

const conditions = options("NX", "XX", "GT", "LT", "gt");

const table: readonly (readonly [number, string, Line])[] = [
  [8, "SET", line("SET", key, value)],
  [4, "SET", line("SET", key, value, "PX", milliseconds)],
  [2, "SET", line("SET", key, value, "KEEPTTL")],
  [4, "GET", line("GET", key)],
  [4, "DEL", line("DEL", many(key, 1, 3))],
  [2, "UNLINK", line("UNLINK", many(key, 1, 3))],
  [3, "EXISTS", line("EXISTS", many(key, 1, 3))],
  [2, "TYPE", line("TYPE", key)],
  [4, "RENAME", line("RENAME", key, key)],
  [4, "RENAMENX", line("RENAMENX", key, key)],
  [5, "COPY", line("COPY", key, key, options("REPLACE", line("DB", database)))],
  [4, "MOVE", line("MOVE", key, database)],
  [1, "SWAPDB", line("SWAPDB", database, database)],
  [2, "SELECT", line("SELECT", database)],
  [3, "KEYS", line("KEYS", pattern)],
  [1, "RANDOMKEY", line("RANDOMKEY")],
  [2, "TOUCH", line("TOUCH", many(key, 1, 3))],
  [5, "EXPIRE", line("EXPIRE", key, seconds, conditions)],
  [5, "PEXPIRE", line("PEXPIRE", key, milliseconds, conditions)],
  [5, "EXPIREAT", line("EXPIREAT", key, futureSecond, conditions)],
  [5, "PEXPIREAT", line("PEXPIREAT", key, futureMillisecond, conditions)],
  [2, "EXPIREAT", line(fc.constantFrom("EXPIREAT", "PEXPIREAT"), key, pastTime, conditions)],
  [
    2,
    "EXPIRE",
    line(fc.constantFrom("EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"), key, badTime, conditions),
  ],
  [3, "PERSIST", line("PERSIST", key)],
  [3, "TTL", line("TTL", key)],
  [3, "PTTL", line("PTTL", key)],
  [3, "EXPIRETIME", line("EXPIRETIME", key)],
  [3, "PEXPIRETIME", line("PEXPIRETIME", key)],
  [2, "DBSIZE", line("DBSIZE")],
  [1, "FLUSHDB", line("FLUSHDB", maybe(fc.constantFrom("ASYNC", "SYNC", "sync", "NOW")))],
  [
    3,
    "OBJECT",
    line("OBJECT", fc.constantFrom("ENCODING", "REFCOUNT", "IDLETIME", "FREQ", "HELP", "X"), key),
  ],
  [1, "GETDEL", line("GETDEL", key)],
  [1, "APPEND", line("APPEND", key, value)],
  [1, "INCR", line("INCR", key)],
  [1, "RPUSH", line("RPUSH", key, value)],
  [1, "SADD", line("SADD", key, value)],
  [1, "HSET", line("HSET", key, value, value)],
  [1, "ECHO", line("ECHO", value)],
];

/** SCAN promises its elements, not their order or its cursors: it is followed to the end. */
const wholeScan: fc.Arbitrary<StepGroup> = fc
  .tuple(
    options(
      line("MATCH", pattern),
      line("COUNT", fc.constantFrom("1", "3", "10", "1000")),
      line("TYPE", fc.constantFrom("string", "list", "STRING", "none")),
    ),
  )
  .map(([rest]) => [{ argv: ["SCAN", "0", ...rest], drain: true }]);

const badScan: fc.Arbitrary<StepGroup> = line(
  "SCAN",
  fc.constantFrom("0", "abc", "", "-1", "99999999999999999999"),
  maybe(fc.constantFrom("COUNT", "MATCH", "TYPE", "0")),
  maybe(fc.constantFrom("0", "-1", "abc", "a")),
).map((argv) => [{ argv }]);

export const keysFamily: Family = {
  name: "keys",
  commands: [...new Set([...table.map(([, command]) => command), "SCAN"])],
  databaseCount,
  comparers: {
    TTL: within(secondsMax),
    PTTL: within(millisecondsMax),
    EXPIRETIME: within(secondsMax),
    PEXPIRETIME: within(millisecondsMax),
    KEYS: sameMultiset,
    SCAN: sameShape,
    RANDOMKEY: sameShape,
    "OBJECT IDLETIME": within(secondsMax),
  },
  groups: (supports) =>
    settled(
      fc.oneof(
        { weight: 200, arbitrary: anyOf(table, supports) },
        { weight: 1, arbitrary: expireNow((name, px) => ["SET", name, "soon", "PX", px]) },
        { weight: 1, arbitrary: expireNow((name, px) => ["PEXPIRE", name, px]) },
        ...(supports("SCAN")
          ? [
              { weight: 5, arbitrary: wholeScan },
              { weight: 3, arbitrary: badScan },
            ]
          : []),
      ),
    ),
};
