// `npm test`: every vitest suite, then planted bugs for four minutes, then the specifications where
// Java and TLC are at hand, then one closing line with the totals.
// Planted bugs come after the suites and not among them, because they use both cores and would
// upset tests that measure time. What did not run is listed by name: a check that was skipped in
// silence proves nothing.
//
// Usage: npm test -- [vitest filters and flags]; with any of them the planted bugs are left out.

import { randomInt } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { crc32 } from "node:zlib";
import { describeOutcome, loadPlantedBugs, plantAll } from "./planted.js";
import { isMain, projectFolder, runNode, type VitestReport, vitestProgram } from "./project.js";
import { readManifest } from "./tla-manifest.js";
import { checkSpecs, defaultJobs, defaultTraceCount } from "./tla2tools-runner.js";

/** What became of all checks, and the names of those that did not run. */
export interface Totals {
  passed: number;
  failed: number;
  skipped: number;
  readonly notRun: string[];
}

/**
 * Counts a vitest report. A file that could not be loaded has no tests and counts as one failure.
 */
export function totalsOf(report: VitestReport | undefined, exitCode: number | undefined): Totals {
  const totals: Totals = { passed: 0, failed: 0, skipped: 0, notRun: [] };
  for (const file of report?.testResults ?? []) {
    if (file.status === "failed" && file.assertionResults.length === 0) totals.failed++;
    for (const { fullName, status } of file.assertionResults) {
      if (status === "passed") totals.passed++;
      else if (status === "failed") totals.failed++;
      else {
        totals.skipped++;
        totals.notRun.push(fullName);
      }
    }
  }
  // Without a report nothing is known. An error outside of any test (an unhandled rejection, a dead
  // worker) is in no file's tests and shows only in the exit code.
  if (report === undefined) totals.failed = 1;
  if (exitCode !== 0 && totals.failed === 0) totals.failed = 1;
  return totals;
}

/** The last line of the run. Its form is fixed: programs read it. */
export function closingLine({ passed, failed, skipped }: Totals): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/** Success is that something ran and nothing failed. */
export const isSuccess = ({ passed, failed }: Totals): boolean => failed === 0 && passed > 0;

async function runVitest(args: readonly string[]): Promise<Totals> {
  const folder = mkdtempSync(join(tmpdir(), "skerry-test-"));
  const reportPath = join(folder, "report.json");
  try {
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${reportPath}`];
    const child = await runNode([vitestProgram, "run", ...reporters, ...args], {
      cwd: projectFolder,
      passOn: true,
    });
    const report = existsSync(reportPath)
      ? (JSON.parse(readFileSync(reportPath, "utf8")) as VitestReport)
      : undefined;
    return totalsOf(report, child.code);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** How long `npm test` plants bugs. All of them take longer: `npm run planted`. */
const plantedMs = 240_000;

/** A run in CI judges a change, not its luck: it plants the same share each time. */
const ciSeed = 20_261_120;
const ciCountMax = 24;

/**
 * Plants bugs in an order drawn anew for each run, until the time is up: over the runs all have
 * their turn. The seed is printed, so the same share can be planted again.
 */
async function addPlantedBugs(totals: Totals): Promise<void> {
  const bugs = await loadPlantedBugs();
  const isCi = process.env.CI === "true";
  const seed = Number(process.env.SKERRY_PLANTED_SEED ?? (isCi ? ciSeed : randomInt(2 ** 31)));
  // Each bug draws its own place from its name, so a new bug does not exchange all the others.
  const placeOf = ({ name }: { readonly name: string }): number => crc32(`${seed} ${name}`);
  const drawn = [...bugs]
    .sort((a, b) => placeOf(a) - placeOf(b))
    .slice(0, isCi ? ciCountMax : bugs.length);
  const until = performance.now() + plantedMs;
  console.log(
    `\nPlanted bugs: as many of ${bugs.length} as ${plantedMs / 1000} s allow, each must ` +
      `make its suite fail ` +
      `(SKERRY_PLANTED_SEED=${seed})\n`,
  );
  const outcomes = await plantAll(drawn, {
    mayBegin: () => performance.now() < until,
    onOutcome: (outcome) => console.log(describeOutcome(outcome)),
  });
  for (const { isCaught } of outcomes) {
    if (isCaught) totals.passed++;
    else totals.failed++;
  }
  const left = bugs.length - outcomes.length;
  if (left > 0)
    totals.notRun.push(`${left} planted bugs of this run's draw (npm run planted plants all)`);
}

/** The bounded models of specs/: TLC checks them when Java and its jar are at hand. */
async function addModels(totals: Totals): Promise<void> {
  console.log("\nSpecifications: each model must hold, each broken variant must be rejected\n");
  const specs = Object.keys(readManifest());
  const outcome = await checkSpecs({
    ...{ specs, jobs: defaultJobs, traceCount: defaultTraceCount },
    ...{ update: false, mayDownload: false },
  });
  if (outcome.kind === "not run") {
    for (const spec of specs) totals.notRun.push(`TLC specs/${spec} (${outcome.reason})`);
    return;
  }
  totals.passed += outcome.passed;
  totals.failed += outcome.failed;
}

async function main(args: readonly string[]): Promise<void> {
  const totals = await runVitest(args);
  if (args.length === 0) {
    await addPlantedBugs(totals);
    await addModels(totals);
  }
  console.log("");
  for (const name of totals.notRun) console.log(`not run: ${name}`);
  console.log(closingLine(totals));
  if (!isSuccess(totals)) process.exitCode = 1;
}

if (isMain(import.meta.url)) await main(process.argv.slice(2));
