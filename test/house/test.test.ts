// The closing line of `npm test`: counted, never claimed.

import { expect, test } from "vitest";
import type { VitestReport } from "../../scripts/project.js";
import { closingLine, isSuccess, totalsOf } from "../../scripts/test.js";

const reportOf = (files: Record<string, string[]>): VitestReport => ({
  testResults: Object.entries(files).map(([name, statuses]) => ({
    name,
    status: statuses.length === 0 || statuses.includes("failed") ? "failed" : "passed",
    message: "",
    startTime: 0,
    endTime: 0,
    assertionResults: statuses.map((status, i) => ({
      fullName: `${name} ${i}`,
      status,
      failureMessages: [],
    })),
  })),
});

test.each<[string, Record<string, string[]>, number, string, boolean]>([
  ["all pass", { a: ["passed", "passed"], b: ["passed"] }, 0, "3 passed, 0 failed", true],
  ["one fails", { a: ["passed", "failed"] }, 1, "1 passed, 1 failed", false],
  ["one is skipped", { a: ["passed", "skipped"] }, 0, "1 passed, 0 failed, 1 skipped", true],
  ["one is to be written", { a: ["passed", "todo"] }, 0, "1 passed, 0 failed, 1 skipped", true],
  ["a file does not load", { a: ["passed"], b: [] }, 1, "1 passed, 1 failed", false],
  ["a file does not load, another fails", { a: ["failed"], b: [] }, 1, "0 passed, 2 failed", false],
  ["an error outside of tests", { a: ["passed"] }, 1, "1 passed, 1 failed", false],
  ["all are skipped", { a: ["skipped"] }, 0, "0 passed, 0 failed, 1 skipped", false],
  ["nothing ran", {}, 0, "0 passed, 0 failed", false],
])("npm test: %s", (_name, files, exitCode, line, expected) => {
  const totals = totalsOf(reportOf(files), exitCode);
  expect(closingLine(totals)).toBe(line);
  expect(isSuccess(totals)).toBe(expected);
});

test("npm test: without a report, or after a signal, something failed", () => {
  expect(closingLine(totalsOf(undefined, 0))).toBe("0 passed, 1 failed");
  expect(closingLine(totalsOf(undefined, undefined))).toBe("0 passed, 1 failed");
});

test("npm test: what was skipped is named", () => {
  expect(totalsOf(reportOf({ a: ["passed", "skipped"] }), 0).notRun).toEqual(["a 1"]);
});
