// The first seed of a random test: the one a variable names, at a desk a fresh one, in CI always
// the same, so that what a change is told there is about the change. Fresh seeds belong to desks
// and to the long scripts; what they find is mended and kept as a story. And how often it draws.

import { isCi } from "../project.js";

const seedOfCi = 20_261_120;

/** @param variable the environment variable that replays a seed. */
export function testSeed(variable: string): number {
  const given = process.env[variable];
  if (given !== undefined) return Number(given);
  return isCi ? seedOfCi : Math.floor(Math.random() * 2 ** 30);
}

/** Set by `npm run check`, which has a minute for everything. */
export const quickVariable = "SKERRY_QUICK";

/** How many draws a random test takes: `count`, and a quarter of them under `npm run check`. */
export const draws = (count: number): number =>
  process.env[quickVariable] === undefined ? count : Math.ceil(count / 4);
