// Streams and their consumer groups. Ids are small and explicit, so that both servers give the same
// ones: a bare `*` is drawn only where the last id lies ahead of the clock, and idle times are
// either nothing or far above what passes during a run. The forms that wait do so for a
// millisecond.

import fc from "fast-check";
import { millisecondsMax } from "../compare.js";
import type { Reply } from "../resp-client.js";
import type { Comparer, Family, StepGroup } from "../step.js";
import {
  anyOf,
  hostileInteger,
  key,
  type Line,
  line,
  many,
  maybe,
  options,
  type Part,
  smallInteger,
  value,
} from "../values.js";

const stream = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("s", "s", "t") },
  { weight: 1, arbitrary: key },
);

const small = fc.integer({ min: 0, max: 6 });
const plainId = fc.tuple(small, small).map(([ms, seq]) => `${ms}-${seq}`);
const oddId = fc.constantFrom(
  ...["18446744073709551615-18446744073709551615", "1-18446744073709551615", "7-*", "+", "-", "$"],
  ...[
    "18446744073709551615-*",
    "18446744073709551616-1",
    "-1-1",
    "1-2-3",
    "",
    "abc",
    "01-002",
    ">",
  ],
  ...[
    "18446744073709551615",
    "+1-+2",
    "5-",
    "-",
    "0-0",
    "0-*",
    "9007199254740993-9007199254740993",
  ],
);
const id = fc.oneof(
  { weight: 12, arbitrary: plainId },
  { weight: 3, arbitrary: small.map(String) },
  { weight: 1, arbitrary: oddId },
);
/** Grows, so that most additions succeed. */
const newId = fc.oneof(
  { weight: 8, arbitrary: small.map((ms) => `${ms}-*`) },
  { weight: 3, arbitrary: fc.nat({ max: 400 }).map((ms) => `${ms}-*`) },
  { weight: 3, arbitrary: id },
);
const bound = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("-", "+") },
  { weight: 6, arbitrary: id },
  { weight: 3, arbitrary: id.map((text) => `(${text}`) },
);
const group = fc.constantFrom("g", "g", "h", "x");
const consumer = fc.constantFrom("c", "d", "e");
const count = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 9 }).map(String) },
  { weight: 1, arbitrary: smallInteger },
  { weight: 1, arbitrary: hostileInteger },
);
const idle = fc.constantFrom("0", "0", "0", "50000000", "-1", "abc");
const name = fc.constantFrom("f", "f", "f", "g");
const text = fc.oneof(
  { weight: 6, arbitrary: smallInteger },
  { weight: 2, arbitrary: value },
  { weight: 1, arbitrary: fc.constantFrom("127", "128", "-4096", "4095", "32768", "8388608") },
);
const fields = many(line(name, text), 1, 3);
const mark = maybe(fc.constantFrom("~", "="));
const limit = maybe(line("LIMIT", count));
const trim = fc.oneof(line("MAXLEN", mark, count), line("MINID", mark, id));
const read = (command: string, ...parts: readonly Part[]): Line =>
  fc
    .tuple(
      fc.integer({ min: 1, max: 2 }),
      line(command, ...parts),
      many(stream, 2, 2),
      many(id, 2, 2),
    )
    .map(([keys, head, names, ids]) => [
      ...head,
      "STREAMS",
      ...names.slice(0, keys),
      ...ids.slice(0, keys),
    ]);
const readNew = (...parts: readonly Part[]): Line =>
  line("XREADGROUP", "GROUP", group, consumer, ...parts, "STREAMS", stream, ">");

type Row = readonly [number, string, Line];

const table: readonly Row[] = [
  [16, "XADD", line("XADD", stream, newId, fields)],
  [4, "XADD", line("XADD", stream, maybe("NOMKSTREAM"), trim, limit, newId, fields)],
  [2, "XLEN", line("XLEN", stream)],
  [5, "XRANGE", line("XRANGE", stream, bound, bound, maybe(line("COUNT", count)))],
  [4, "XREVRANGE", line("XREVRANGE", stream, bound, bound, maybe(line("COUNT", count)))],
  [6, "XDEL", line("XDEL", stream, many(id, 1, 3))],
  [4, "XTRIM", line("XTRIM", stream, trim, limit)],
  [
    3,
    "XSETID",
    line("XSETID", stream, id, options(line("ENTRIESADDED", count), line("MAXDELETEDID", id))),
  ],
  [5, "XREAD", read("XREAD", maybe(line("COUNT", count)))],
  [
    5,
    "XGROUP",
    line("XGROUP", "CREATE", stream, group, id, options("MKSTREAM", line("ENTRIESREAD", count))),
  ],
  [2, "XGROUP", line("XGROUP", "SETID", stream, group, id, maybe(line("ENTRIESREAD", count)))],
  [1, "XGROUP", line("XGROUP", "DESTROY", stream, group)],
  [2, "XGROUP", line("XGROUP", "CREATECONSUMER", stream, group, consumer)],
  [2, "XGROUP", line("XGROUP", "DELCONSUMER", stream, group, consumer)],
  [7, "XREADGROUP", readNew(maybe(line("COUNT", count)), maybe("NOACK"))],
  [3, "XREADGROUP", read("XREADGROUP", "GROUP", group, consumer, maybe(line("COUNT", count)))],
  [5, "XACK", line("XACK", stream, group, many(id, 1, 3))],
  [3, "XPENDING", line("XPENDING", stream, group)],
  [
    4,
    "XPENDING",
    line(
      "XPENDING",
      stream,
      group,
      maybe(line("IDLE", idle)),
      bound,
      bound,
      count,
      maybe(consumer),
    ),
  ],
  [
    5,
    "XCLAIM",
    line(
      ...["XCLAIM", stream, group, consumer, idle, many(id, 1, 3)],
      options("FORCE", "JUSTID", line("RETRYCOUNT", count), line("IDLE", idle), line("LASTID", id)),
    ),
  ],
  [
    4,
    "XAUTOCLAIM",
    line(
      ...["XAUTOCLAIM", stream, group, consumer, idle, bound],
      options(line("COUNT", count), "JUSTID"),
    ),
  ],
  [5, "XINFO", line("XINFO", "STREAM", stream)],
  [4, "XINFO", line("XINFO", "STREAM", stream, "FULL", maybe(line("COUNT", count)))],
  [4, "XINFO", line("XINFO", "GROUPS", stream)],
  [3, "XINFO", line("XINFO", "CONSUMERS", stream, group)],
  [2, "DEL", line("DEL", stream)],
  [1, "TYPE", line("TYPE", stream)],
  [1, "OBJECT", line("OBJECT", "ENCODING", stream)],
  [2, "COPY", line("COPY", stream, stream, maybe("REPLACE"))],
  [1, "RENAME", line("RENAME", stream, stream)],
  [1, "SET", line("SET", stream, value)],
  [1, "EXISTS", line("EXISTS", stream)],
];

/** What the mangler puts in must not make an id of the clock. */
const withoutClock = (groups: fc.Arbitrary<StepGroup>): fc.Arbitrary<StepGroup> =>
  groups.map((steps) =>
    steps.map((step) =>
      step.argv[0]?.toUpperCase() === "XADD"
        ? { ...step, argv: step.argv.map((word, at) => (at > 1 && word === "*" ? "9-*" : word)) }
        : step,
    ),
  );

const ahead: fc.Arbitrary<StepGroup> = stream.map((name) => [
  { argv: ["XADD", name, "99999999999999-*", "f", "v"] },
  { argv: ["XADD", name, "NOMKSTREAM", "99999999999999-*", "f", "v"] },
  { argv: ["XLEN", name] },
]);

/** Enough for several nodes, with a setting of their size. */
const manyEntries: fc.Arbitrary<StepGroup> = fc
  .tuple(stream, fc.constantFrom(12, 120), fc.constantFrom(1, 60, 900), fc.constantFrom("3", "100"))
  .map(([name, entries, width, size]) => [
    { argv: ["CONFIG", "SET", "stream-node-max-entries", size] },
    ...Array.from({ length: entries }, (_, n) => ({
      argv: [
        "XADD",
        name,
        `${400 + Math.floor(n / 7)}-*`,
        n % 9 === 8 ? "g" : "f",
        "v".repeat(width),
      ],
    })),
    { argv: ["CONFIG", "SET", "stream-node-max-entries", "100"] },
    { argv: ["XINFO", "STREAM", name] },
  ]);

const waiting: readonly Row[] = [
  [3, "XREAD", read("XREAD", "BLOCK", fc.constantFrom("1", "-1", "abc"))],
  [3, "XREADGROUP", readNew("BLOCK", "1")],
];

/** Never mangled: a timeout of nothing but 0 waits for ever. */
function blocking(supports: (command: string) => boolean): fc.Arbitrary<StepGroup>[] {
  return waiting
    .filter(([, command]) => supports(command))
    .map(([, , lines]) => lines.map((argv) => [{ argv }]));
}

// ---- what time passes between the two servers

const isNear = (ours: Reply, theirs: Reply): boolean =>
  ours.type === ":" &&
  theirs.type === ":" &&
  Math.abs(Number(ours.text) - Number(theirs.text)) <= millisecondsMax;

/** Where a list of replies holds a time: in a pending entry, or behind the name of one. */
function timeAt(items: readonly Reply[], at: number): boolean {
  const types = items.map(({ type }) => type).join("");
  if (types === "$$::") return at === 2;
  if (types === "$::") return at === 1;
  const before = items[at - 1]?.text;
  return before === "idle" || before === "seen-time";
}

const sameButTimes: Comparer = (ours, theirs, step) => {
  const [a, b] = [ours.items, theirs.items];
  if (a === undefined || b === undefined)
    return ours.type === theirs.type && ours.text === theirs.text;
  if (a.length !== b.length) return false;
  return a.every(
    (item, at) => sameButTimes(item, b[at]!, step) || (timeAt(b, at) && isNear(item, b[at]!)),
  );
};

export const streamsFamily: Family = {
  name: "streams",
  commands: [...new Set([...table, ...waiting].map(([, command]) => command))],
  databaseCount: 1,
  comparers: { XPENDING: sameButTimes, XINFO: sameButTimes },
  groups: (supports) =>
    fc.oneof(
      { weight: 120, arbitrary: withoutClock(anyOf(table, supports)) },
      ...(supports("XADD")
        ? [
            { weight: 2, arbitrary: manyEntries },
            { weight: 1, arbitrary: ahead },
          ]
        : []),
      ...blocking(supports).map((arbitrary) => ({ weight: 1, arbitrary })),
    ),
};
