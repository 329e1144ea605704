// Strings: every command of Redis 7.0 that reads or writes a plain string as text or number.

import fc from "fast-check";
import { millisecondsMax, secondsMax, within } from "../compare.js";
import type { Family } from "../step.js";
import {
  anyOf,
  badTime,
  boundInteger,
  expireNow,
  float,
  futureMillisecond,
  futureSecond,
  integer,
  key,
  type Line,
  line,
  many,
  maybe,
  milliseconds,
  offset,
  options,
  pastTime,
  seconds,
  settled,
  value,
} from "../values.js";

const deadline: Line = fc.oneof(
  line("EX", seconds),
  line("PX", milliseconds),
  line("EXAT", futureSecond),
  line("PXAT", futureMillisecond),
  line("EXAT", pastTime),
  line(fc.constantFrom("EX", "PX", "EXAT", "PXAT", "ex"), badTime),
);

const setOptions = options("NX", "XX", "GET", "KEEPTTL", deadline, deadline, "nx");

const table: readonly (readonly [number, string, Line])[] = [
  [10, "SET", line("SET", key, value)],
  [8, "SET", line("SET", key, value, setOptions)],
  [8, "GET", line("GET", key)],
  [4, "GETEX", line("GETEX", key, options(deadline, "PERSIST"))],
  [3, "GETDEL", line("GETDEL", key)],
  [3, "GETSET", line("GETSET", key, value)],
  [2, "SETEX", line("SETEX", key, fc.oneof(seconds, badTime), value)],
  [2, "PSETEX", line("PSETEX", key, fc.oneof(milliseconds, badTime), value)],
  [3, "SETNX", line("SETNX", key, value)],
  [3, "MSET", line("MSET", many(line(key, value), 1, 4))],
  [3, "MSETNX", line("MSETNX", many(line(key, value), 1, 3))],
  [4, "MGET", line("MGET", many(key, 1, 5))],
  [5, "APPEND", line("APPEND", key, value)],
  [4, "STRLEN", line("STRLEN", key)],
  [5, "SETRANGE", line("SETRANGE", key, offset, value)],
  [5, "GETRANGE", line("GETRANGE", key, offset, offset)],
  [2, "SUBSTR", line("SUBSTR", key, offset, offset)],
  [6, "INCR", line("INCR", key)],
  [4, "DECR", line("DECR", key)],
  [5, "INCRBY", line("INCRBY", key, integer)],
  [4, "DECRBY", line("DECRBY", key, integer)],
  [3, "INCRBY", line(fc.constantFrom("INCRBY", "DECRBY"), key, boundInteger)],
  [3, "SET", line("SET", key, boundInteger)],
  [7, "INCRBYFLOAT", line("INCRBYFLOAT", key, float)],
  [
    3,
    "LCS",
    line("LCS", key, key, options("LEN", "IDX", line("MINMATCHLEN", offset), "WITHMATCHLEN")),
  ],
  // What the others must notice: another type, no key, a deadline, an encoding.
  [2, "DEL", line("DEL", many(key, 1, 3))],
  [3, "TTL", line(fc.constantFrom("TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"), key)],
  [2, "OBJECT", line("OBJECT", "ENCODING", key)],
  [2, "TYPE", line("TYPE", key)],
  [1, "DBSIZE", line("DBSIZE")],
  [1, "RPUSH", line("RPUSH", key, value, maybe(value))],
  [1, "SADD", line("SADD", key, value)],
];

export const stringsFamily: Family = {
  name: "strings",
  commands: [...new Set(table.map(([, command]) => command))],
  databaseCount: 1,
  comparers: {
    TTL: within(secondsMax),
    PTTL: within(millisecondsMax),
    EXPIRETIME: within(secondsMax),
    PEXPIRETIME: within(millisecondsMax),
  },
  groups: (supports) =>
    settled(
      fc.oneof(
        { weight: 200, arbitrary: anyOf(table, supports) },
        { weight: 1, arbitrary: expireNow((name, px) => ["SET", name, "soon", "PX", px]) },
        { weight: 1, arbitrary: expireNow((name, px) => ["PSETEX", name, px, "soon"]) },
        { weight: 1, arbitrary: expireNow((name, px) => ["GETEX", name, "PX", px]) },
      ),
    ),
};
