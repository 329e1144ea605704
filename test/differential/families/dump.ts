// DUMP and RESTORE: values of every form that an RDB file may have had, sealed rightly and wrongly,
// whole and broken. What DUMP answers is compared by what it means: an order of a hash table and
// the compression are Redis's own business.

import fc from "fast-check";
import { fromLatin1, latin1 } from "../../../src/base/bytes.js";
import { formatDouble } from "../../../src/commands/double-text.js";
import { isSealed, openValue, sealValue } from "../../../src/rdb/payload.js";
import { forms, intset, seal } from "../../rdb/payloads.js";
import type { Reply } from "../resp-client.js";
import type { Comparer, Family, StepGroup } from "../step.js";
import { anyOf, float, key, type Line, line, many, maybe, options, value } from "../values.js";

const word = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("a", "b", "c", "", "1", "12", "-1", "300", "01", "1.5") },
  { weight: 2, arbitrary: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom("x".repeat(63), "y".repeat(70), "z".repeat(300)) },
);
const words = fc.array(word, { maxLength: 9 });
const score = fc.constantFrom("1", "-1", "1.5", "300", "1e+20", "0.1", "-70000", "inf");
/** Redis keeps what comes packed packed, however long its parts are; ours looks at them. */
const short = word.filter((text) => text.length <= 64);
const shortWords = fc.array(short, { maxLength: 9 });
/** In order, which Redis takes on trust where they come packed. */
const scoredWords = fc
  .uniqueArray(short, { maxLength: 5 })
  .chain((members) => fc.tuple(...members.map((m) => fc.tuple(fc.constant(m), score))))
  .map((pairs) =>
    [...pairs].sort(([a, x], [b, y]) => numeric(x) - numeric(y) || (a < b ? -1 : 1)).flat(),
  );

const numeric = (text: string): number => (text === "inf" ? 1e300 : Number(text));

const zsetForms = new Set(["zset", "zsetZiplist", "zsetListpack"]);

/** Type byte and value in one of the forms; sometimes with duplicates, halves, nothing in it. */
const body: fc.Arbitrary<string> = fc.oneof(
  fc
    .constantFrom(...Object.keys(forms))
    .chain((name) =>
      (zsetForms.has(name) ? scoredWords : name.startsWith("hash") ? shortWords : words).map((e) =>
        latin1(forms[name]!(e)),
      ),
    ),
  fc
    .uniqueArray(fc.integer({ min: -200, max: 200 }), { minLength: 1, maxLength: 9 })
    .map((numbers) =>
      intset(
        numbers.sort((a, b) => a - b),
        2,
      ),
    )
    .map((blob) => latin1(Uint8Array.from([11, blob.length, ...blob]))),
  value.map((text) => {
    const payload = sealValue({ kind: "string", text: fromLatin1(text) }, "string", formatDouble);
    return latin1(payload.subarray(0, -10));
  }),
);

/** At most the counts of compact forms may be wrong: deeper damage is the unit test's to make. */
const payload: fc.Arbitrary<string> = fc.oneof(
  { weight: 12, arbitrary: body.map((text) => latin1(seal(fromLatin1(text)))) },
  { weight: 1, arbitrary: body.map((text) => latin1(seal(fromLatin1(text), 11))) },
  { weight: 1, arbitrary: body.map((text) => latin1(seal(fromLatin1(text), 6))) },
  { weight: 1, arbitrary: body.map((text) => `${text}\x0a\x0012345678`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom("", "...", "\x00\x01a", latin1(seal(new Uint8Array(0)))),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(6, 7, 8, 20, 255).map((t) => latin1(seal(Uint8Array.of(t, 1, 1)))),
  },
);

const restoreOptions = options(
  "REPLACE",
  line("IDLETIME", fc.constantFrom("10", "-1", "x")),
  line("FREQ", fc.constantFrom("5", "256", "-1")),
);
const ttl = fc.oneof(
  { weight: 6, arbitrary: fc.constant("0") },
  { weight: 2, arbitrary: fc.noShrink(fc.constantFrom("100000000", "2569591501")) },
  { weight: 1, arbitrary: fc.constantFrom("-1", "x", "") },
);

const streamId = fc.oneof(
  fc.integer({ min: 1, max: 9 }).map((n) => `${n}-1`),
  fc.constantFrom("1-2", "3-70000", "18446744073709551615-1", "5-18446744073709551615"),
);

const table: readonly (readonly [number, string, Line])[] = [
  [12, "RESTORE", line("RESTORE", key, ttl, payload, restoreOptions)],
  [6, "RESTORE", line("RESTORE", key, "0", payload, "REPLACE")],
  [2, "RESTORE", line("RESTORE", key, "4102444800123", payload, "ABSTTL", maybe("REPLACE"))],
  [1, "RESTORE", line("RESTORE", key, "1000", payload, "ABSTTL", maybe("REPLACE"))],
  [10, "DUMP", line("DUMP", key)],
  [2, "SET", line("SET", key, value)],
  [2, "RPUSH", line("RPUSH", key, many(value, 1, 4))],
  [2, "SADD", line("SADD", key, many(value, 1, 4))],
  [2, "HSET", line("HSET", key, value, value)],
  [2, "ZADD", line("ZADD", key, float, value)],
  [3, "OBJECT", line("OBJECT", "ENCODING", key)],
  [3, "DEL", line("DEL", key)],
  [1, "PTTL", line("PTTL", key)],
  [4, "XADD", line("XADD", key, streamId, many(line(value, value), 1, 3))],
  [2, "XADD", line("XADD", key, streamId, "f", value, "g", value)],
  [1, "XDEL", line("XDEL", key, streamId)],
  [1, "XTRIM", line("XTRIM", key, "MAXLEN", "2")],
  [2, "XGROUP", line("XGROUP", "CREATE", key, "grp", fc.constantFrom("0", "$", "3-1"), "MKSTREAM")],
  [1, "XINFO", line("XINFO", "GROUPS", key)],
  [2, "XINFO", line("XINFO", "STREAM", key)],
  [1, "XPENDING", line("XPENDING", key, "grp")],
];

/** Without this Redis takes a blob's content on trust, and may fall over it later. */
const thorough: StepGroup = [{ argv: ["CONFIG", "SET", "sanitize-dump-payload", "yes"] }];

const sameValue: Comparer = (ours: Reply, theirs: Reply) => {
  const shown = [ours, theirs].map(({ text }) => {
    if (text === undefined) return undefined;
    const bytes = fromLatin1(text);
    if (!isSealed(bytes)) return undefined;
    const opened = openValue(bytes);
    switch (opened.kind) {
      case "string":
        return latin1(opened.text);
      case "list":
        return opened.elements.map((e) => latin1(e)).join("\n");
      case "set":
        return opened.members
          .map((e) => latin1(e))
          .sort()
          .join("\n");
      case "hash":
        return opened.pairs
          .flatMap((e, i) => (i % 2 === 0 ? [`${latin1(e)}=${latin1(opened.pairs[i + 1]!)}`] : []))
          .sort()
          .join("\n");
      case "stream":
        return JSON.stringify(opened.stream, (_, part) =>
          part instanceof Uint8Array ? latin1(part) : typeof part === "bigint" ? `${part}` : part,
        );
      default:
        return opened.members
          .map((e, i) => `${latin1(e)}=${opened.scores[i]}`)
          .sort()
          .join("\n");
    }
  });
  return shown[0] !== undefined && shown[0] === shown[1];
};

export const dumpFamily: Family = {
  name: "dump",
  commands: [...new Set(table.map(([, name]) => name)), "CONFIG"],
  databaseCount: 1,
  comparers: {
    DUMP: sameValue,
    PTTL: (a, b) => Math.abs(Number(a.text) - Number(b.text)) < 10_000,
  },
  groups: (supports) =>
    fc.oneof(
      { weight: 30, arbitrary: anyOf(table, supports) },
      { weight: 1, arbitrary: fc.constant(thorough) },
    ),
};
