// Positions: replies as redis-server 7.0.15 gives them, and searches against a plain walk over all
// members.

import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { cellsCovering, distanceBetween, distanceWithin } from "../../src/commands/geo-area.js";
import {
  bounds,
  decodeScore,
  geohashText,
  position,
  scoreAt,
  scoresOf,
} from "../../src/commands/geo-cells.js";
import { Bench } from "./harness.js";

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});

const run = (line: string) => bench.run(...line.split(" "));

describe("two towns", () => {
  beforeEach(() => {
    run("geoadd g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania");
  });

  test("what Redis's own documentation shows", () => {
    expect(run("geodist g Palermo Catania")).toBe("166274.1516");
    expect(run("geodist g Palermo Catania km")).toBe("166.2742");
    expect(run("geodist g Palermo Catania mi")).toBe("103.3182");
    expect(run("geodist g Palermo Nowhere")).toBeNull();
    expect(run("geohash g Palermo Catania x")).toEqual(["sqc8b49rny0", "sqdtr74hyu0", null]);
    expect(run("geopos g Palermo x")).toEqual([
      ["13.36138933897018433", "38.11555639549629859"],
      null,
    ]);
    expect(run("zscore g Palermo")).toBe("3479099956230698");
  });

  test("circles", () => {
    expect(run("georadius g 15 37 200 km asc")).toEqual(["Catania", "Palermo"]);
    expect(run("georadius g 15 37 100 km withdist withhash")).toEqual([
      ["Catania", "56.4413", 3479447370796909],
    ]);
    expect(run("georadiusbymember g Palermo 200 km desc count 1")).toEqual(["Catania"]);
    expect(run("georadiusbymember_ro g Palermo 100 km")).toEqual(["Palermo"]);
    expect(run("georadius g 15 37 0 km")).toEqual([]);
  });

  test("boxes and stores", () => {
    expect(run("geosearch g fromlonlat 15 37 bybox 400 400 km asc")).toEqual([
      "Catania",
      "Palermo",
    ]);
    expect(run("geosearch g frommember Palermo bybox 100 400 km")).toEqual(["Palermo"]);
    expect(run("geosearchstore to g fromlonlat 15 37 byradius 200 km storedist")).toBe(2);
    expect(run("zrange to 0 -1")).toEqual(["Catania", "Palermo"]);
    expect(Number(run("zscore to Catania"))).toBeCloseTo(56.4412578701582, 9);
    expect(run("georadius g 15 37 1 m store to")).toBe(0);
    expect(run("exists to")).toBe(0);
  });

  test.each([
    ["geoadd g 181 0 x", "ERR invalid longitude,latitude pair 181.000000,0.000000"],
    ["geoadd g nx xx 1 1 x", "ERR syntax error"],
    ["geoadd g 1 1 x 2", "ERR syntax error"],
    ["georadius g 1 1 -1 m", "ERR radius cannot be negative"],
    ["georadius g 1 1 1 yd", "ERR unsupported unit provided. please use M, KM, FT, MI"],
    ["georadius g 1 1 1 m any", "ERR the ANY argument requires COUNT argument"],
    ["georadius g 1 1 1 m count 0", "ERR COUNT must be > 0"],
    ["georadiusbymember g x 1 m", "ERR could not decode requested zset member"],
    [
      "georadius g 1 1 1 m store to withdist",
      "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
    ],
    [
      "geosearch g byradius 1 m asc count 1",
      "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for geosearch",
    ],
  ])("refuses %s", (line, error) => {
    expect(run(line)).toEqual({ error });
  });
});

/** Short of 180 degrees east, where a score has more bits than a double. */
const place = fc.tuple(
  fc.integer({ min: -180_000, max: 179_999 }).map((n) => n / 1000),
  fc.integer({ min: -85_000, max: 85_000 }).map((n) => n / 1000),
);

test("a score brings the position back to within a cell", () => {
  fc.assert(
    fc.property(place, ([longitude, latitude]) => {
      decodeScore(scoreAt(longitude, latitude));
      expect(Math.abs(position.longitude - longitude)).toBeLessThan(360 / 2 ** 26);
      expect(Math.abs(position.latitude - latitude)).toBeLessThan(171 / 2 ** 26);
      expect(geohashText(position.longitude, position.latitude)).toMatch(/^[0-9b-hjkmnp-z]{10}0$/);
    }),
    { numRuns: 500 },
  );
});

test("hostile scores are positions too", () => {
  for (const score of [-1, 1.5, 2 ** 53, 2 ** 60, 1e300, -1e300, Number.POSITIVE_INFINITY]) {
    decodeScore(score);
    expect(Math.abs(position.longitude)).toBeLessThanOrEqual(180);
    expect(Math.abs(position.latitude)).toBeLessThanOrEqual(bounds.latitudeMax);
  }
});

test("distances: symmetric, zero at home, half the globe at most", () => {
  fc.assert(
    fc.property(place, place, ([a, b], [c, d]) => {
      const there = distanceBetween(a, b, c, d);
      expect(distanceBetween(c, d, a, b)).toBeCloseTo(there, 6);
      expect(distanceBetween(a, b, a, b)).toBe(0);
      expect(there).toBeLessThan(20_100_000);
    }),
  );
});

/**
 * Far enough from poles and from the line where longitudes begin again, where Redis's search is an
 * approximation.
 */
const middlePlace = fc.tuple(
  fc.integer({ min: -60_000, max: 60_000 }).map((n) => n / 1000),
  fc.integer({ min: -50_000, max: 50_000 }).map((n) => n / 1000),
);
const size = fc.integer({ min: 1, max: 2_500 }).map((n) => n * 1000);

test("the cells cover all of a circle or a box", () => {
  fc.assert(
    fc.property(
      middlePlace,
      size,
      size,
      fc.boolean(),
      fc.array(fc.tuple(fc.integer({ min: -999, max: 999 }), fc.integer({ min: -999, max: 999 })), {
        minLength: 20,
        maxLength: 60,
      }),
      ([longitude, latitude], width, height, isCircle, offsets) => {
        const radius = isCircle ? width : -1;
        const shape = { longitude, latitude, unit: 1, radius, width, height };
        const cells = cellsCovering(shape).map(scoresOf);
        for (const [east, north] of offsets) {
          // Around the shape, a third of them inside.
          const degrees = (Math.max(width, height) / 111_000) * 1.5;
          const x = longitude + (degrees * east) / 999;
          const y = Math.max(-84, Math.min(84, latitude + (degrees * north) / 999));
          const score = scoreAt(x, y);
          decodeScore(score);
          if (Number.isNaN(distanceWithin(shape, position.longitude, position.latitude))) continue;
          const count = cells.filter(({ from, to }) => score >= from && score < to).length;
          expect([x, y, count]).toEqual([x, y, 1]);
        }
      },
    ),
    { numRuns: 200 },
  );
});

test("near the poles a wide circle needs coarser cells than its size says", () => {
  run("geoadd g 82 76 middle 125 73 east");
  expect(run("geosearch g fromlonlat 82 76 byradius 2300 km asc")).toEqual(["middle", "east"]);
});

test("a search answers what a walk over all members would", () => {
  fc.assert(
    fc.property(
      fc.array(middlePlace, { minLength: 1, maxLength: 30 }),
      middlePlace,
      size,
      size,
      (places, [longitude, latitude], width, height) => {
        const fresh = new Bench();
        places.forEach(([x, y], n) => {
          fresh.run("geoadd", "g", x, y, `m${n}`);
        });
        const scores = places.map((_, n) => Number(fresh.run("zscore", "g", `m${n}`)));
        const from = ["geosearch", "g", "fromlonlat", longitude, latitude] as const;
        for (const radius of [width, -1]) {
          const shape = { longitude, latitude, unit: 1, radius, width, height };
          const expected = scores.flatMap((score, n) => {
            decodeScore(score);
            const distance = distanceWithin(shape, position.longitude, position.latitude);
            return Number.isNaN(distance) ? [] : [`m${n}`];
          });
          const by = radius < 0 ? ["bybox", width, height, "m"] : ["byradius", width, "m"];
          const found = fresh.run(...from, ...by) as string[];
          expect(found.sort()).toEqual(expected.sort());
        }
      },
    ),
    { numRuns: 60 },
  );
});
