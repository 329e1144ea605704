// Positions: GEOADD and everything that asks for distances and neighbours. What is compared with a
// tolerance is the last digit of distances: sines differ in their last bit between C libraries. A
// stored distance would stay in the keyspace, so it is looked at and removed in the same breath.

import fc from "fast-check";
import type { Reply } from "../resp-client.js";
import type { Comparer, Family, StepGroup } from "../step.js";
import { anyOf, float, type Line, line, many, maybe, one, options, value } from "../values.js";

const key = fc.constantFrom("a", "a", "a", "b", "b", "c");
const member = fc.oneof(
  { weight: 10, arbitrary: fc.integer({ min: 0, max: 12 }).map((n) => `m${n}`) },
  { weight: 1, arbitrary: value },
);

const fineness = 1_000_000_000;

/** Never twice the same, nor when shrunk: among equal distances a COUNT picks by chance. */
const within = (min: number, max: number): fc.Arbitrary<number> =>
  fc
    .noShrink(fc.noBias(fc.integer({ min: 0, max: fineness })))
    .map((n) => min + ((max - min) * n) / fineness);

/** Anywhere, in one town, and near the edges of the grid. */
const place = fc
  .oneof(
    { weight: 4, arbitrary: fc.tuple(within(-180, 180), within(-85.05, 85.05)) },
    { weight: 6, arbitrary: fc.tuple(within(13.3, 13.5), within(52.4, 52.6)) },
    { weight: 1, arbitrary: fc.tuple(within(179.9, 180), within(-85.05, -84)) },
    { weight: 1, arbitrary: fc.tuple(within(-180, -179.9), within(80, 85.05)) },
  )
  .map(([longitude, latitude]) => [String(longitude), String(latitude)]);

/** The edges and other places that many members share: searched without COUNT. */
const sharedPlace = fc
  .tuple(
    fc.constantFrom("-180", "180", "179.9999", "-179.9999", "0", "90"),
    fc.constantFrom("-85.05112878", "85.05112878", "0", "85", "-85", "66.5", "-80.5"),
  )
  .map((pair) => [...pair]);
const badPlace = fc.constantFrom(
  ...[
    ["181", "10"],
    ["10", "86"],
    ["-180.0078125", "0"],
    ["abc", "0"],
    ["0", "nan"],
    ["1e300", "-inf"],
    ["0x10", "1e1"],
  ],
);
const anyPlace = fc.oneof({ weight: 12, arbitrary: place }, { weight: 1, arbitrary: badPlace });

const unit = fc.constantFrom("m", "km", "ft", "mi", "KM", "yd");
const length = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: 0, max: 30_000, noNaN: true }).map(String) },
  { weight: 4, arbitrary: fc.constantFrom("0", "1", "10", "500", "5000", "20000", "1e9", "inf") },
  { weight: 1, arbitrary: float },
  { weight: 1, arbitrary: fc.constantFrom("-1", "abc", "") },
);

const count = line("COUNT", fc.constantFrom("1", "2", "5", "100", "0", "-1", "x"), maybe("ANY"));
const show = options("WITHDIST", "WITHHASH", "WITHCOORD", "ASC", "DESC", count);
const order = options("ASC", "DESC", count);
const showAll = options("WITHDIST", "WITHHASH", "WITHCOORD", "ASC", "DESC");
const sharedFrom = fc.oneof(line("FROMMEMBER", member), line("FROMLONLAT", sharedPlace));
const from = fc.oneof(line("FROMMEMBER", member), line("FROMLONLAT", anyPlace));
const by = fc.oneof(line("BYRADIUS", length, unit), line("BYBOX", length, length, unit));

const table: readonly (readonly [number, string, Line])[] = [
  [20, "GEOADD", line("GEOADD", key, many(line(anyPlace, member), 1, 4))],
  [4, "GEOADD", line("GEOADD", key, options("NX", "XX", "CH"), many(line(place, member), 1, 2))],
  [6, "GEOPOS", line("GEOPOS", key, many(member, 0, 3))],
  [6, "GEOHASH", line("GEOHASH", key, many(member, 0, 3))],
  [6, "GEODIST", line("GEODIST", key, member, member, maybe(unit))],
  [6, "GEORADIUS", line("GEORADIUS", key, anyPlace, length, unit, show)],
  [2, "GEORADIUS_RO", line("GEORADIUS_RO", key, place, length, unit, show)],
  [5, "GEORADIUSBYMEMBER", line("GEORADIUSBYMEMBER", key, member, length, unit, show)],
  [2, "GEORADIUSBYMEMBER_RO", line("GEORADIUSBYMEMBER_RO", key, member, length, unit, show)],
  [14, "GEOSEARCH", line("GEOSEARCH", key, from, by, show)],
  [2, "GEOSEARCH", line("GEOSEARCH", key, by, from, maybe(by), maybe(from))],
  [5, "GEOSEARCHSTORE", line("GEOSEARCHSTORE", "target", key, from, by, order)],
  [2, "GEORADIUS", line("GEORADIUS", key, place, length, unit, order, "STORE", "target")],
  [1, "GEORADIUSBYMEMBER", line("GEORADIUSBYMEMBER", key, member, length, unit, "STORE", "target")],
  [1, "GEORADIUS_RO", line("GEORADIUS_RO", key, place, length, unit, "STORE", "target")],
  [6, "GEOADD", line("GEOADD", "edge", many(line(sharedPlace, member), 1, 4))],
  [6, "GEOSEARCH", line("GEOSEARCH", "edge", sharedFrom, by, showAll)],
  [2, "GEORADIUS", line("GEORADIUS", "edge", sharedPlace, length, unit, showAll)],
  [2, "GEOHASH", line("GEOHASH", "edge", member)],
  [2, "GEOPOS", line("GEOPOS", "edge", member)],
  [3, "ZREM", line("ZREM", key, many(member, 1, 3))],
  [2, "ZRANGE", line("ZRANGE", key, "0", "-1", "WITHSCORES")],
  [
    1,
    "ZADD",
    line("ZADD", key, fc.constantFrom("0", "1.5", "-1", "1e17", "4503599627370495"), member),
  ],
  [2, "DEL", line("DEL", key)],
  [1, "SET", line("SET", key, value)],
];

/** Enough places for a skip list and for several cells. */
const manyPlaces: fc.Arbitrary<StepGroup> = fc
  .tuple(key, fc.constantFrom(40, 200), fc.constantFrom(1, 50))
  .map(([name, places, spread]) => [
    {
      argv: [
        ...["GEOADD", name],
        ...Array.from({ length: places }, (_, n) => [
          String(13.4 + (((n * 7919) % 1000) / 1000 - 0.5) * spread),
          String(52.5 + (((n * 104_729) % 1000) / 1000 - 0.5) * spread),
          `p${n}`,
        ]).flat(),
      ],
    },
  ]);

const storedDistance: fc.Arbitrary<StepGroup> = fc
  .oneof(
    line("GEOSEARCHSTORE", "distances", key, from, by, order, "STOREDIST"),
    line("GEORADIUS", key, place, length, unit, order, "STOREDIST", "distances"),
  )
  .map((argv) => [
    { argv },
    { argv: ["ZRANGE", "distances", "0", "-1", "WITHSCORES"] },
    { argv: ["DEL", "distances"] },
  ]);

const digitsMax = 12;

/**
 * Equal but for numbers that agree in twelve digits, or that are both shown with four decimals and
 * differ by one.
 */
const nearly: Comparer = (ours, theirs) => isNear(ours, theirs);

function isNear(ours: Reply, theirs: Reply): boolean {
  if (ours.items !== undefined && theirs.items !== undefined) {
    const others = theirs.items;
    return (
      ours.items.length === others.length && ours.items.every((item, i) => isNear(item, others[i]!))
    );
  }
  if (ours.type !== theirs.type || ours.text === theirs.text) return ours.type === theirs.type;
  const [a, b] = [Number(ours.text), Number(theirs.text)];
  const tolerance = Math.max(Math.abs(b) * 10 ** -digitsMax, 0.000_11);
  return Math.abs(a - b) <= tolerance;
}

export const geoFamily: Family = {
  name: "geo",
  commands: [...new Set(table.map(([, command]) => command))],
  databaseCount: 1,
  comparers: {
    GEODIST: nearly,
    GEORADIUS: nearly,
    GEORADIUS_RO: nearly,
    GEORADIUSBYMEMBER: nearly,
    GEORADIUSBYMEMBER_RO: nearly,
    GEOSEARCH: nearly,
    "ZRANGE distances": nearly,
    "ZRANGE DISTANCES": nearly,
  },
  groups: (supports) => {
    const usual = { weight: 60, arbitrary: anyOf(table, supports) };
    if (!supports("GEOADD")) return usual.arbitrary;
    return fc.oneof(
      usual,
      { weight: 1, arbitrary: manyPlaces },
      { weight: 3, arbitrary: storedDistance },
      { weight: 2, arbitrary: one(line("GEOPOS", key, many(member, 1, 3))) },
    );
  },
};
