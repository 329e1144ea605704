// The stories of test/scenarios: what each says comes out, line by line. With SKERRY_REWRITE=1 the
// files are written anew from what comes out; the difference is reviewed by eye.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { runScenario } from "../../src/sim/scenario.js";

const folder = new URL("../scenarios/", import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith(".txt"));

test.each(names)("scenario: %s", (name) => {
  const file = new URL(name, folder);
  const written = readFileSync(file, "utf8");
  const actual = runScenario(written);
  if (process.env.SKERRY_REWRITE === "1") writeFileSync(file, actual);
  else expect(actual).toBe(written);
});

test("scenarios: an answer that is not true is noticed", () => {
  const story = "cluster replicas=1\n\nn1 INCR k\n----\nn1 INCR k -> 2\n";
  expect(runScenario(story)).toContain("n1 INCR k -> 1");
});
