// What simulated nodes did, replayed against the specifications by TLC. Where Java or TLC is
// missing (TLA2TOOLS_JAR), only the recording is looked at. `npm run tla` replays fifty runs; here
// it is a few, which is what the planted bugs of the traces need.

import { expect, test } from "vitest";
import { readManifest, readSpecFiles } from "../../scripts/tla-manifest.js";
import { findTools } from "../../scripts/tla-tools.js";
import { recordRun, traceFiles } from "../../scripts/tla-traces.js";
import { perform, traceChecksOf } from "../../scripts/tla2tools-runner.js";

const manifest = readManifest();
const files = readSpecFiles();
const seeds = (process.env.SKERRY_TRACE_SEEDS ?? "1,2,3").split(",").map(Number);
const runs = seeds.map(recordRun);
const tools = await findTools(false);
const checks = traceChecksOf(manifest, files, runs);

test("a run records what registers, shards and logs did", () => {
  const kinds = new Set(
    runs
      .flatMap(({ withoutLogs, withLogs }) => [...withoutLogs, ...withLogs])
      .map(({ kind }) => kind),
  );
  for (const kind of ["start", "prepare", "promise", "accept", "vote", "batch", "context"])
    expect(kinds).toContain(kind);
  for (const kind of ["written", "synced", "answered", "power", "recovered"])
    expect(kinds).toContain(kind);
});

test("one seed, one recording", () => {
  expect(recordRun(seeds[0]!)).toEqual(runs[0]);
});

test.each(Object.values(manifest).flatMap(({ traces }) => traces ?? []))(
  "$module gets a module of traces",
  (traces) => {
    const { changed } = traceFiles(traces, runs, files.get(`${traces.module}.cfg`)!);
    expect(changed.get(`${traces.data}.tla`)).toMatch(/^---- MODULE \w+ ----\nTraces == <<\n/);
  },
);

// Without TLC there is nobody to replay them.
const replays = test.skipIf(tools.kind === "missing");

replays.each(checks)("$spec accepts the traces", async (check) => {
  if (tools.kind === "missing") return;
  const { result } = await perform(tools, files, check);
  expect(result.verdict, result.output.slice(-3000)).toBe("holds");
  expect(result.states).toBeGreaterThan(20 * runs.length);
});
