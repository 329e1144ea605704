// From a run to its verdict, as data (for --json) and as text (for people).

import { type AvailabilityVerdict, checkAvailability } from "../src/check/availability.js";
import { type Verdict, worstVerdict } from "../src/check/history.js";
import { type OutcomeCounts, type Statistics, statisticsOf } from "../src/check/statistics.js";
import { type Judgement, milliseconds } from "./judges.js";
import { type MajorityReport, reportMajority, type Share } from "./majority.js";
import type { BenchOptions } from "./options.js";
import type { RunResult } from "./run.js";

export interface Report {
  /** Of the history. Whether the nodes behaved is `failureCount` and `isComplete`. */
  readonly verdict: Verdict;
  readonly workload: string;
  readonly seed: number;
  readonly judgement: Judgement;
  readonly statistics: Statistics;
  readonly availability: AvailabilityVerdict;
  readonly majority: MajorityReport;
  /**
   * Messages between nodes per operation asked, heartbeats and recovery included, as Maelstrom
   * counts.
   */
  readonly serverMessagesPerOperation: number;
  readonly counts: RunResult["counts"];
  readonly faults: RunResult["faults"];
  readonly outages: RunResult["outages"];
  readonly failures: RunResult["failures"];
  readonly failureCount: number;
  readonly isComplete: boolean;
}

export function reportRun(options: BenchOptions, result: RunResult): Report {
  const { workload, seed } = options.run;
  const { history, cuts, outages, counts } = result;
  const judgement = workload.judge(history, options);
  const statistics = statisticsOf(history);
  const availability = checkAvailability(history, options.availability);
  return {
    verdict: worstVerdict([judgement.verdict, statistics.verdict, availability.verdict]),
    workload: workload.name,
    seed,
    judgement,
    statistics,
    availability,
    majority: reportMajority(history, cuts, outages, workload.writes),
    serverMessagesPerOperation: counts.serverMessages / Math.max(1, history.length),
    counts,
    faults: result.faults,
    outages,
    failures: result.failures,
    failureCount: result.failureCount,
    isComplete: result.isComplete,
  };
}

/** 0 valid; 1 invalid or unknown; 2 a node crashed or broke the protocol. */
export function exitCodeOf({ verdict, failureCount, isComplete }: Report): number {
  if (!isComplete || failureCount > 0) return 2;
  return verdict === "valid" ? 0 : 1;
}

const verdictWords: Record<Verdict, string> = {
  valid: "valid",
  invalid: "INVALID",
  unknown: "UNKNOWN",
};

const FAILURES_SHOWN_MAX = 5;

export function renderReport(report: Report, historyFile: string): string {
  return [
    ...renderFailures(report),
    `${report.workload}: ${verdictWords[report.verdict]}`,
    ...report.judgement.lines.map((line) => `  ${line}`),
    ...renderOperations(report.statistics),
    `availability ${percent(report.availability.okFraction)} ok${
      report.availability.verdict === "invalid" ? ", LESS THAN DEMANDED" : ""
    }`,
    renderMessages(report),
    ...renderFaults(report),
    `history ${historyFile} (seed ${report.seed})`,
  ].join("\n");
}

function renderFailures({ failures, failureCount, isComplete }: Report): string[] {
  if (failureCount === 0) return [];
  const shown = failures.slice(0, FAILURES_SHOWN_MAX);
  const lines = shown.map(({ node, what }) => `NODE FAILURE ${node}: ${what}`);
  if (failureCount > shown.length) lines.push(`... ${failureCount} node failures in all`);
  if (!isComplete) lines.push("the run was cut short; what follows judges what there is");
  return lines;
}

function renderOperations({ all, byFunction, seconds, ...rest }: Statistics): string[] {
  const lines = [
    `operations ${renderCounts(all)}`,
    ...Object.entries(byFunction).map(([f, counts]) => {
      const never = counts.ok === 0 ? "  NEVER SUCCEEDED, so nothing is known about it" : "";
      return `  ${f.padEnd(10)} ${renderCounts(counts)}${never}`;
    }),
    `throughput ${rest.okPerSecond.toFixed(1)} ok/s over ${seconds.toFixed(1)} s`,
  ];
  if (rest.okLatencies !== undefined) lines.push(`latency ${milliseconds(rest.okLatencies)}`);
  return lines;
}

function renderCounts({ count, ok, fail, indefinite, ...codes }: OutcomeCounts): string {
  const byCode = (counts: Readonly<Record<string, number>>): string => {
    const parts = Object.entries(counts).map(([code, times]) => `${code}: ${times}`);
    return parts.length === 0 ? "" : ` (code ${parts.join(", ")})`;
  };
  return (
    `${count}: ok ${ok}, fail ${fail}${byCode(codes.failByCode)}, ` +
    `indefinite ${indefinite}${byCode(codes.indefiniteByCode)}`
  );
}

function renderMessages({ counts, serverMessagesPerOperation }: Report): string {
  const losses = Object.entries({
    "lost to cuts": counts.lostToCuts,
    "lost at random": counts.lostAtRandom,
    duplicated: counts.duplicated,
    undeliverable: counts.undeliverable,
    malformed: counts.malformed,
  })
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `, ${count} ${what}`)
    .join("");
  return (
    `messages between nodes ${counts.serverMessages}, ` +
    `${serverMessagesPerOperation.toFixed(2)} per operation${losses}`
  );
}

function renderFaults({ faults, majority, outages }: Report): string[] {
  if (faults.length === 0) return [];
  const lines = [`faults: ${majority.cuts.length} partitions, ${outages.length} outages of a node`];
  if (majority.cuts.length === 0) return lines;
  const kinds = Object.entries(majority.byKind).map(([kind, each]) => `${kind} ${share(each)}`);
  lines.push(
    `  majority side: ${share(majority.share)} of ${majority.share.count} operations ` +
      "ended ok, 20 or 22",
    `  by kind: ${kinds.join(", ")}`,
    `  first write through the majority side: at the latest ${
      majority.firstWriteMsMax === undefined ? "never" : `${majority.firstWriteMsMax.toFixed(0)} ms`
    } after the cut; ${majority.cutsWithoutWrite} cuts ended before one`,
  );
  for (const { fromUs, toUs, description, kind, firstWriteMs, majorityShare } of majority.cuts) {
    const first = firstWriteMs === undefined ? "none" : `${firstWriteMs.toFixed(0)} ms`;
    lines.push(
      `    ${seconds(fromUs)}-${seconds(toUs)} s ${kind}: ${description}; ` +
        `first write ${first}; ${share(majorityShare)} of ${majorityShare.count}`,
    );
  }
  return lines;
}

const percent = (fraction: number): string => `${(100 * fraction).toFixed(2)} %`;
const share = ({ count, answered }: Share): string =>
  count === 0 ? "-" : percent(answered / count);
const seconds = (microseconds: number): string => (microseconds / 1e6).toFixed(1);
