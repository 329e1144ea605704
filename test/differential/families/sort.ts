// SORT: numeric and alphabetic, by patterns that find, miss and meet the wrong type, with ties cut
// by LIMIT. Ties by a pattern are drawn on lists alone: in a set or a sorted set what comes first
// is the order of Redis's hash table.

import fc from "fast-check";
import { sameMultiset } from "../compare.js";
import type { Comparer, Family } from "../step.js";
import { anyOf, key, type Line, line, many, maybe, one, options, value } from "../values.js";

const number = fc.constantFrom(
  ...["1", "2", "3", "10", "-1", "0", "0.5", "1e2", " 7", "inf", "0x10", "+3", "-0", "03"],
);
/**
 * A number out of range would poison Redis: SORT looks at errno without having cleared it, and
 * every later numeric sort fails too until some system call has failed.
 */
const inRange = value.filter((text) => !/\de[-+]?\d{3}|\d{300}/i.test(text));
/** Elements that patterns lead from to the weights below. */
const element = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 0, max: 60 }).map(String) },
  { weight: 4, arbitrary: number },
  { weight: 1, arbitrary: inRange },
  { weight: 1, arbitrary: fc.constantFrom("nan", "a\0b", "a\0c", "9".repeat(300), "x") },
);
/** Two of a set that are equal as C strings tie, and then the hash table decides. */
const member = element.filter((text) => !text.includes("\0"));
const place = fc.integer({ min: 0, max: 30 }).map(String);
const weightKey = place.map((n) => `w_${n}`);
const hashKey = place.map((n) => `h_${n}`);
const list = fc.constantFrom("list", "list2", "long");
const set = fc.constantFrom("set", "zset", "words");
const limit = line(
  "LIMIT",
  fc.integer({ min: -2, max: 40 }).map(String),
  fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: -2, max: 25 }).map(String) },
    { weight: 1, arbitrary: fc.constantFrom("9223372036854775807", "x", "") },
  ),
);
const by = line("BY", fc.constantFrom("w_*", "h_*->f", "h_*->", "*", "w_*\0x", "#*", "gone_*"));
const nosort = line("BY", fc.constantFrom("nosort", "#", "w_\0*", ""));
const get = line("GET", fc.constantFrom("#", "w_*", "h_*->f", "h_*->g", "fixed", "*", "h_*", "#x"));
const direction = fc.constantFrom("ASC", "DESC", "desc");
const target = line("STORE", fc.constantFrom("out", "list", "set", "w_3"));
const command = fc.constantFrom("SORT", "SORT", "SORT", "SORT_RO");

const table: readonly (readonly [number, string, Line])[] = [
  [6, "RPUSH", line("RPUSH", list, many(element, 1, 6))],
  [2, "LPUSH", line("LPUSH", "long", many(element, 8, 40))],
  [5, "SADD", line("SADD", fc.constantFrom("set", "words"), many(member, 1, 6))],
  [4, "ZADD", line("ZADD", "zset", number, member)],
  [8, "SET", line("SET", weightKey, fc.oneof(number, fc.constantFrom("a", "b", "", "a\0b")))],
  [5, "HSET", line("HSET", hashKey, fc.constantFrom("f", "g", ""), fc.oneof(number, element))],
  [8, "SORT", line(command, list, options(by, get, limit, direction, "ALPHA"))],
  [4, "SORT", line(command, list, by, limit, maybe("ALPHA"), maybe(direction))],
  [3, "SORT", line(command, list, nosort, options(get, limit, direction))],
  [4, "SORT", line(command, set, options(get, limit, direction, "ALPHA"))],
  [3, "SORT", line("SORT", fc.oneof(list, set), options(target, direction, "ALPHA", get))],
  [2, "SORT", line("SORT", list, by, limit, target, maybe("ALPHA"))],
  [2, "SORT", line(command, "zset", nosort, options(limit, direction))],
  [1, "SORT", line("SORT", "set", "BY", "nosort", maybe(target))],
  [1, "SORT", line(command, key, options(get, limit))],
  [2, "LRANGE", line("LRANGE", fc.constantFrom("out", "list"), "0", "-1")],
  [1, "OBJECT", line("OBJECT", "ENCODING", fc.constantFrom("zset", "out", "set"))],
  [1, "DEL", line("DEL", fc.oneof(list, set, weightKey, hashKey))],
  [1, "SET", line("SET", key, value)],
];

/** Never mangled: COMMAND alone would list the whole table. */
const positions = line("COMMAND", "GETKEYS", "SORT", key, options(by, get, limit, target));

/** An unsorted set comes in the order of a hash table. */
const sort: Comparer = (ours, theirs, step) =>
  step.argv[1] === "set" && step.argv[2]?.toUpperCase() === "BY"
    ? sameMultiset(ours, theirs, step)
    : false;

export const sortFamily: Family = {
  name: "sort",
  commands: [...new Set([...table.map(([, name]) => name), "SORT_RO", "COMMAND"])],
  databaseCount: 1,
  comparers: { SORT: sort },
  groups: (supports) =>
    fc.oneof(
      { weight: 60, arbitrary: anyOf(table, supports) },
      { weight: 1, arbitrary: one(positions) },
    ),
};
