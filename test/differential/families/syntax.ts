// Wrong arity and wrong words: any command of the other families with up to six words that mean
// something to some command, but rarely to this one. Nearly every reply is an error, and errors are
// compared exactly.

import fc from "fast-check";
import type { Family, StepGroup } from "../step.js";
import { one } from "../values.js";

/** What pops or picks at random would make the two servers drift apart for good. */
const random = new Set(["SPOP", "SRANDMEMBER", "HRANDFIELD", "ZRANDMEMBER", "RANDOMKEY"]);
/** Without a right timeout these wait, and the batch with them. */
const blocking = new Set(["BLPOP", "BRPOP", "BLMOVE", "BRPOPLPUSH", "BLMPOP"]);

/** No small positive numbers, which could be deadlines, and no absolute deadlines at all. */
const word = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("k", "k", "j", "", "0", "-1", "abc", "1.5", "\xff\r\n") },
  {
    weight: 3,
    arbitrary: fc.constantFrom("NX", "XX", "GT", "EX", "PX", "GET", "KEEPTTL", "REPLACE", "DB"),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "LIMIT",
      "MATCH",
      "COUNT",
      "BIT",
      "u8",
      "i64",
      "OVERFLOW",
      "LEN",
      "IDX",
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom("9223372036854775807", "9223372036854775808", "-0") },
  { weight: 1, arbitrary: fc.noShrink(fc.integer({ min: 90_000, max: 110_000 }).map(String)) },
);

const unknown = fc.constantFrom("FOO", "", "GETT", "a b", "\r\n", "SET\x00", "x".repeat(200));

/** COMMAND, which some families call about others, lists what a server knows: not here. */
export function syntaxFamily(others: readonly Family[]): Family {
  const commands = [...new Set(others.flatMap((family) => family.commands))]
    .filter((command) => !random.has(command) && !blocking.has(command) && command !== "COMMAND")
    .sort();
  return {
    name: "syntax",
    commands,
    databaseCount: 3,
    comparers: Object.assign({}, ...others.map((family) => family.comparers)),
    groups(supports): fc.Arbitrary<StepGroup> {
      const known = fc.constantFrom(...commands.filter(supports));
      const anyCase = fc
        .tuple(known, fc.nat(3))
        .map(([name, coin]) => (coin === 0 ? name.toLowerCase() : name));
      const name = fc.oneof({ weight: 30, arbitrary: anyCase }, { weight: 1, arbitrary: unknown });
      return one(
        fc
          .tuple(name, fc.array(word, { maxLength: 6, size: "max" }))
          .map(([c, rest]) => [c, ...rest]),
      );
    },
  };
}
