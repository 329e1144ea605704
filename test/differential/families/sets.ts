// Sets. Random picks (SPOP, SRANDMEMBER) are drawn only where their outcome is determined: nothing,
// or everything.

import fc from "fast-check";
import { sameMultiset } from "../compare.js";
import type { Family, StepGroup } from "../step.js";
import { anyOf, key, type Line, line, many, maybe, one, smallInteger, value } from "../values.js";

const member = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 12 }).map((n) => `m${n}`) },
  { weight: 5, arbitrary: smallInteger },
  { weight: 2, arbitrary: value },
);

const table: readonly (readonly [number, string, Line])[] = [
  [12, "SADD", line("SADD", key, many(member, 1, 6))],
  [6, "SREM", line("SREM", key, many(member, 1, 4))],
  [5, "SMEMBERS", line("SMEMBERS", key)],
  [4, "SCARD", line("SCARD", key)],
  [4, "SISMEMBER", line("SISMEMBER", key, member)],
  [3, "SMISMEMBER", line("SMISMEMBER", key, many(member, 1, 4))],
  [4, "SMOVE", line("SMOVE", key, key, member)],
  [3, "SINTER", line("SINTER", many(key, 1, 3))],
  [3, "SUNION", line("SUNION", many(key, 1, 3))],
  [3, "SDIFF", line("SDIFF", many(key, 1, 3))],
  [3, "SINTERSTORE", line("SINTERSTORE", key, many(key, 1, 3))],
  [3, "SUNIONSTORE", line("SUNIONSTORE", key, many(key, 1, 3))],
  [3, "SDIFFSTORE", line("SDIFFSTORE", key, many(key, 1, 3))],
  [3, "SINTERCARD", line("SINTERCARD", fc.constantFrom("1", "2", "0", "-1", "x"), many(key, 1, 2))],
  [2, "SINTERCARD", line("SINTERCARD", "2", key, key, "LIMIT", smallInteger)],
  [3, "DEL", line("DEL", key)],
  [2, "OBJECT", line("OBJECT", "ENCODING", key)],
  [1, "SET", line("SET", key, value, maybe("NX"))],
  [2, "EXISTS", line("EXISTS", key)],
];

/** Long integers and long words cross the thresholds of the compact encodings. */
const manyMembers: fc.Arbitrary<StepGroup> = fc
  .tuple(key, fc.constantFrom(100, 513), fc.boolean())
  .map(([name, count, isText]) => [
    {
      argv: ["SADD", name, ...Array.from({ length: count }, (_, n) => (isText ? `w${n}` : `${n}`))],
    },
  ]);

/**
 * Never mangled: without its count either would draw at random, and the servers would part for
 * good.
 */
const determinedPick: fc.Arbitrary<StepGroup> = one(
  line(fc.constantFrom("SPOP", "SRANDMEMBER"), key, fc.constantFrom("0", "100000", "abc")),
);

const wholeScan: fc.Arbitrary<StepGroup> = line("SSCAN", key, "0", maybe(line("MATCH", "m*"))).map(
  (argv) => [{ argv, drain: true }],
);

export const setsFamily: Family = {
  name: "sets",
  commands: [...new Set([...table.map(([, command]) => command), "SSCAN", "SPOP", "SRANDMEMBER"])],
  databaseCount: 1,
  comparers: {
    SMEMBERS: sameMultiset,
    SINTER: sameMultiset,
    SUNION: sameMultiset,
    SDIFF: sameMultiset,
    SPOP: sameMultiset,
    SRANDMEMBER: sameMultiset,
  },
  groups: (supports) => {
    const usual = { weight: 50, arbitrary: anyOf(table, supports) };
    if (!supports("SADD")) return usual.arbitrary;
    return fc.oneof(
      usual,
      { weight: 1, arbitrary: manyMembers },
      ...(supports("SPOP") ? [{ weight: 3, arbitrary: determinedPick }] : []),
      ...(supports("SSCAN") ? [{ weight: 2, arbitrary: wholeScan }] : []),
    );
  },
};
