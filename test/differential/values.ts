// Generators that every family shares: keys that collide often (Zipf and uniform), values that hurt
// (binary, numbers at their bounds, things that almost parse), times that never fall due during a
// run, and the mangler that turns a right command into one with a wrong arity or syntax.
// Offsets between a megabyte and half a gigabyte are never made: both servers would truly allocate
// them.

import fc from "fast-check";
import type { StepGroup } from "./step.js";

export type Line = fc.Arbitrary<readonly string[]>;
export type Part = string | fc.Arbitrary<string> | fc.Arbitrary<readonly string[]>;

/** A command from constant words and generated parts, flattened. */
export function line(...parts: readonly Part[]): Line {
  const arbitraries = parts.map((part) =>
    typeof part === "string" ? fc.constant(part) : (part as fc.Arbitrary<string | string[]>),
  );
  return fc.tuple(...arbitraries).map((words) => words.flat());
}

export const one = (line: Line): fc.Arbitrary<StepGroup> => line.map((argv) => [{ argv }]);

/** The part or nothing. */
export const maybe = (part: Part): Line => fc.oneof(fc.constant<readonly string[]>([]), line(part));

/** Some of the options, in any order. */
export const options = (...parts: readonly Part[]): Line =>
  fc
    .shuffledSubarray(parts as Part[], { maxLength: Math.min(3, parts.length) })
    .chain((chosen) =>
      chosen.length === 0 ? fc.constant<readonly string[]>([]) : line(...chosen),
    );

export const many = (part: Part, minLength: number, maxLength: number): Line =>
  fc.array(line(part), { minLength, maxLength }).map((parts) => parts.flat());

const keyNames = [
  ...["a", "b", "c", "d", "key", "k2", "{t}1", "{t}2", "long:".padEnd(300, "k")],
  ...["", "\x00\xff", "a\r\nb", "sp ace", "hello", "hallo", "h*llo"],
];

const zipfTable = keyNames.flatMap((_, rank) => Array(Math.ceil(24 / (rank + 1))).fill(rank));

/**
 * Rank n is drawn in proportion to 1/n four times out of five, uniformly else. Shrinks towards "a".
 */
export const key: fc.Arbitrary<string> = fc
  .tuple(fc.nat(zipfTable.length - 1), fc.nat(keyNames.length - 1), fc.nat(4))
  .map(([zipf, uniform, coin]) => keyNames[coin === 4 ? uniform : zipfTable[zipf]!]!);

const oneOf = (...texts: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...texts);

export const smallInteger = fc.integer({ min: -3, max: 30 }).map(String);

/** The ends of 64 bits and their neighbours, where sums overflow. */
export const boundInteger = oneOf(
  ...["9223372036854775807", "-9223372036854775808", "9223372036854775806", "-9223372036854775807"],
  ...["1", "-1", "9007199254740993", "-9007199254740993"],
);

export const hostileInteger = oneOf(
  ...["9223372036854775807", "-9223372036854775808", "9223372036854775808", "-9223372036854775809"],
  ...["9223372036854775806", "18446744073709551615", "18446744073709551616", "4294967296"],
  ...["", " 1", "1 ", "+1", "01", "-0", "0x10", "1e3", "1.0", "abc", "--1", "-", "1\x00", "\xff"],
  ...["99999999999999999999999999", "2147483648", "-2147483649", "10000000000"],
);

export const integer = fc.oneof(
  { arbitrary: smallInteger, weight: 8 },
  { arbitrary: hostileInteger, weight: 3 },
  { arbitrary: fc.integer({ min: -100_000, max: 100_000 }).map(String), weight: 3 },
  { arbitrary: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String), weight: 2 },
);

export const float = fc.oneof(
  { arbitrary: smallInteger, weight: 2 },
  { arbitrary: fc.integer({ min: -99_999, max: 99_999 }).map((n) => String(n / 1000)), weight: 5 },
  {
    arbitrary: oneOf(
      ...["0.1", "10.5", "-0.1", "3.0e3", "1e-7", "5.0e-17", "1e17", "1e22", "-1.5e10", ".5", "5."],
      ...[
        "inf",
        "-inf",
        "+inf",
        "nan",
        "1e400",
        "1e4932",
        "0x1p3",
        "",
        " 1.5",
        "1.5 ",
        "1.5x",
        "-0",
      ],
      ...["1.7976931348623157e308", "3.0000000000000000001", "123456789012345678.5"],
    ),
    weight: 2,
  },
);

const bytes = (min: number, max: number): fc.Arbitrary<string> =>
  fc
    .uint8Array({ minLength: min, maxLength: max, size: "max" })
    .map((array) => Buffer.from(array).toString("latin1"));

/** Lengths around the bounds of Redis's encodings: 20 digits, 44 bytes, a page. */
const boundaryText = fc
  .tuple(
    fc.constantFrom(1, 19, 20, 21, 43, 44, 45, 64, 65, 128, 4096),
    fc.constantFrom("x", "7", "\xff"),
  )
  .map(([length, letter]) => letter.repeat(length));

export const value = fc.oneof(
  {
    arbitrary: oneOf("foo", "bar", "foobar", "", "hello world", "\r\n", "+OK\r\n", "$-1\r\n"),
    weight: 5,
  },
  { arbitrary: integer, weight: 5 },
  { arbitrary: float, weight: 2 },
  { arbitrary: bytes(0, 24), weight: 3 },
  { arbitrary: boundaryText, weight: 2 },
  { arbitrary: bytes(2_000, 20_000).map((text) => text), weight: 1 },
);

/** Byte offsets and lengths: small, negative, past every end, and too large. */
export const offset = fc.oneof(
  { arbitrary: fc.integer({ min: -70, max: 70 }).map(String), weight: 10 },
  { arbitrary: fc.integer({ min: 0, max: 3_000 }).map(String), weight: 2 },
  { arbitrary: oneOf("9223372036854775807", "-9223372036854775808", "536870912"), weight: 1 },
  { arbitrary: oneOf("99999999999", "-99999999999", "abc", "", "1.5", "4294967295"), weight: 1 },
);

/** Bit offsets: never one that makes a string of more than a few kilobytes. */
export const bitOffset = fc.oneof(
  { arbitrary: fc.integer({ min: 0, max: 300 }).map(String), weight: 12 },
  { arbitrary: fc.integer({ min: 0, max: 20_000 }).map(String), weight: 1 },
  { arbitrary: oneOf("-1", "4294967296", "99999999999999999999", "abc", "", "1.5"), weight: 1 },
);

// Deadlines lie at least a minute ahead or in the past, so that no key expires by the clock during
// a run. They are drawn from a wide range and never shrunk: two equal relative ones would make GT
// and LT a race with time.
export const seconds = fc.noShrink(fc.integer({ min: 100, max: 2_000_000 }).map(String));
export const milliseconds = fc.noShrink(
  fc.integer({ min: 100_000, max: 2_000_000_000 }).map(String),
);
export const futureSecond = fc.noShrink(
  fc.integer({ min: 4_102_444_800, max: 4_202_444_800 }).map(String),
);
export const futureMillisecond = futureSecond.map((second) => `${second}123`);
export const badTime = oneOf(
  ...["0", "-1", "-100", "abc", "", "1.5", "9223372036854775807", "-9223372036854775808"],
  ...["9223372036854775808", "9223372036854775", "-9223372036854775"],
);
export const pastTime = oneOf("1", "1000", "1600000000");

/**
 * A deadline of a millisecond, awaited; EXISTS makes Redis really drop the key, so that DBSIZE
 * agrees.
 */
export const expireNow = (make: (key: string, px: string) => readonly string[]) =>
  key.map((name): StepGroup => [{ argv: make(name, "1"), pauseMs: 5 }, { argv: ["EXISTS", name] }]);

const token = fc.oneof(
  {
    arbitrary: oneOf("0", "-1", "abc", "", "NX", "XX", "GET", "LIMIT", "\xff", "*", "nx"),
    weight: 8,
  },
  { arbitrary: oneOf("9223372036854775807", "1.5", "KEEPTTL", "REPLACE", "MATCH"), weight: 2 },
  { arbitrary: fc.noShrink(fc.integer({ min: 90_000, max: 110_000 }).map(String)), weight: 2 },
);

type Edit = (argv: string[], at: number, word: string) => void;
const edits: readonly Edit[] = [
  (argv) => void argv.pop(),
  (argv, at) => void argv.splice(at, 1),
  (argv, _at, word) => void argv.push(word),
  (argv, at, word) => void argv.splice(at, 1, word),
  (argv, at) => void argv.splice(at, 0, argv[at] ?? ""),
  (argv) => void argv.splice(0, 1, argv[0]!.toLowerCase()),
  (argv) => void argv.splice(1, argv.length),
];

/**
 * One command in twelve gets a wrong word, one too many or one too few. The command name itself
 * stays.
 */
export const mangled = (lines: Line): Line =>
  fc
    .tuple(lines, fc.nat(11), fc.nat(edits.length - 1), fc.nat(20), token)
    .map(([argv, coin, edit, position, word]) => {
      if (coin !== 11 || argv.length < 2) return argv;
      const copy = [...argv];
      edits[edit]!(copy, 1 + (position % (argv.length - 1)), word);
      return copy;
    });

/**
 * A deadline in the past set by SET leaves a dead key that only an access removes; make that
 * access.
 */
export const settled = (groups: fc.Arbitrary<StepGroup>): fc.Arbitrary<StepGroup> =>
  groups.map((group) =>
    group.flatMap((step) => {
      const command = step.argv[0]!.toUpperCase();
      const hasDeadline = step.argv.some((word) => /^p?xat$/i.test(word));
      if (command !== "SET" || !hasDeadline || step.argv.length < 2) return [step];
      return [step, { argv: ["EXISTS", step.argv[1]!], connection: step.connection ?? 0 }];
    }),
  );

/** A random line of a table from command name to generator, only what the server has. */
export function anyOf(
  table: readonly (readonly [weight: number, command: string, lines: Line])[],
  supports: (command: string) => boolean,
): fc.Arbitrary<StepGroup> {
  const usable = table.filter(([, command]) => supports(command));
  const weighted = usable.map(([weight, , lines]) => ({ weight, arbitrary: one(mangled(lines)) }));
  return fc.oneof(...weighted);
}
