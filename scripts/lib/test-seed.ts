// The first seed of a random test: the one a variable names, at a desk a fresh one, in CI always
// the same, so that what a change is told there is about the change. Fresh seeds belong to desks
// and to the long scripts; what they find is mended and kept as a story.

import { isCi } from "../project.js";

const seedOfCi = 20_261_120;

/** @param variable the environment variable that replays a seed. */
export function testSeed(variable: string): number {
  const given = process.env[variable];
  if (given !== undefined) return Number(given);
  return isCi ? seedOfCi : Math.floor(Math.random() * 2 ** 30);
}
