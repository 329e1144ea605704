// The judges other than linearizability: each situation with the verdict it must get, good and bad.

import { expect, test } from "vitest";
import { Prng } from "../../src/base/prng.js";
import { checkAvailability } from "../../src/check/availability.js";
import { checkCounterBounds } from "../../src/check/counter-bounds.js";
import { checkEcho } from "../../src/check/echo.js";
import { encodeHistory, type Operation, parseHistory } from "../../src/check/history.js";
import { checkSetFull } from "../../src/check/set-full.js";
import { statisticsOf } from "../../src/check/statistics.js";
import { checkUniqueIds } from "../../src/check/unique-ids.js";
import { validRegisterHistory } from "./histories.js";

let nextProcess = 0;
const ms = (time: number): number => time * 1000;

/** An operation of a fresh process; times in milliseconds. */
function op(
  f: string,
  input: Operation["input"],
  [invokedAt, completedAt]: readonly [number, number],
  result: Partial<Operation> = {},
): Operation {
  return {
    process: nextProcess++,
    f,
    input,
    invokedAt: ms(invokedAt),
    completedAt: ms(completedAt),
    outcome: "ok",
    ...result,
  };
}
const add = (element: number, at: readonly [number, number], result: Partial<Operation> = {}) =>
  op("add", element, at, result);
const read = (elements: readonly number[], at: readonly [number, number]) =>
  op("read", null, at, { output: elements });
const judgeSet = (...history: Operation[]) => checkSetFull(history, "add");
const indefinite = { outcome: "indefinite" } as const;

test("set-full: an acknowledged element that the last read lacks is lost", () => {
  const history = [add(1, [0, 1]), add(2, [2, 3]), read([1, 2], [5, 6]), read([2], [10, 11])];
  const verdict = judgeSet(...history);
  expect(verdict.verdict).toBe("invalid");
  expect(verdict.lost).toEqual([1]);
  expect(verdict.stableCount).toBe(1);
});

test("set-full: an element missed for a while is stale, and stable from the last read that missed it", () => {
  // Known at 1 ms; the last read without it began at 41 ms.
  const reads = [read([1], [5, 6]), read([], [41, 44]), read([1], [60, 61])];
  const verdict = judgeSet(add(1, [0, 1]), ...reads);
  expect(verdict.verdict).toBe("valid");
  expect(verdict.staleCount).toBe(1);
  expect(verdict.stableLatencies).toMatchObject({ median: 40, max: 40 });
});

test("set-full: a read that began before the add was acknowledged may miss it", () => {
  const verdict = judgeSet(add(1, [0, 10]), read([], [9, 20]), add(2, [0, 1]), read([2], [9, 20]));
  expect(verdict.verdict).toBe("valid");
  expect(verdict.neverReadCount).toBe(1);
});

test("set-full: an element that some read returned is known, acknowledged or not", () => {
  const maybe = add(1, [0, 1], indefinite);
  expect(judgeSet(maybe, read([1], [2, 3]), read([], [4, 5])).lost).toEqual([1]);
  const never = judgeSet(maybe, add(2, [0, 1]), read([2], [4, 5]));
  expect(never).toMatchObject({ verdict: "valid", neverReadCount: 1, acknowledgedCount: 1 });
});

test("set-full: the order of invocation decides which read is last, not the order of replies", () => {
  // The slow read began first, so what it misses says nothing about what came later.
  const slow = read([], [5, 50]);
  expect(judgeSet(add(1, [0, 1]), slow, read([1], [6, 7])).verdict).toBe("valid");
});

test("set-full: phantoms and duplicates are wrong, an empty run is unknown", () => {
  expect(judgeSet(add(1, [0, 1]), read([1, 9], [2, 3]))).toMatchObject({
    verdict: "invalid",
    phantoms: [9],
  });
  expect(judgeSet(add(1, [0, 1]), read([1, 1], [2, 3]))).toMatchObject({
    verdict: "invalid",
    duplicated: [1],
  });
  expect(judgeSet(read([], [2, 3])).verdict).toBe("unknown");
});

const finalRead = (value: number) => op("read", null, [90, 91], { output: value, final: true });

test("counter: a final read is the acknowledged sum plus any subset of the indefinite adds", () => {
  const adds = [add(3, [0, 1]), add(4, [2, 3]), add(10, [4, 5], indefinite)];
  const failed = add(100, [6, 7], { outcome: "fail", error: { code: 11 } });
  const judge = (value: number) => checkCounterBounds([...adds, failed, finalRead(value)]);
  expect(judge(7).verdict).toBe("valid");
  expect(judge(17).verdict).toBe("valid");
  for (const wrong of [0, 4, 8, 16, 18, 107]) expect(judge(wrong).verdict).toBe("invalid");
  expect(judge(7).acceptable).toEqual([
    [7, 7],
    [17, 17],
  ]);
});

test("counter: reads before the final phase may be anything", () => {
  const early = op("read", null, [5, 6], { output: -1 });
  expect(checkCounterBounds([add(3, [0, 1]), early, finalRead(3)]).verdict).toBe("valid");
  expect(checkCounterBounds([add(3, [0, 1]), early]).verdict).toBe("unknown");
});

test("counter: the acceptable ranges are exactly the subset sums", () => {
  const random = new Prng(3);
  for (let run = 0; run < 200; run++) {
    const deltas = Array.from({ length: random.between(0, 8) }, () => random.between(-5, 5));
    const history = deltas.map((delta) => add(delta, [0, 1], indefinite));
    let sums = new Set([0]);
    for (const delta of deltas) sums = new Set([...sums].flatMap((sum) => [sum, sum + delta]));
    for (let value = -45; value <= 45; value++) {
      const { verdict } = checkCounterBounds([...history, finalRead(value)]);
      expect(verdict).toBe(sums.has(value) ? "valid" : "invalid");
    }
  }
});

test("unique ids: one id twice is wrong, whatever its type", () => {
  const ids = (...outputs: Operation["input"][]) =>
    checkUniqueIds(outputs.map((output, i) => op("generate", null, [i, i + 0.5], { output })));
  expect(ids(1, 2, "1", [1], { a: 1, b: 2 }).verdict).toBe("valid");
  expect(ids(1, 2, 1)).toMatchObject({ verdict: "invalid", duplicated: [{ id: 1, count: 2 }] });
  expect(ids({ a: 1, b: 2 }, { b: 2, a: 1 }).verdict).toBe("invalid");
  expect(ids().verdict).toBe("unknown");
});

test("echo: another payload or no answer is wrong", () => {
  const good = op("echo", { a: [1] }, [0, 1], { output: { a: [1] } });
  expect(checkEcho([good]).verdict).toBe("valid");
  expect(checkEcho([good, op("echo", "x", [0, 1], { output: "y" })]).verdict).toBe("invalid");
  expect(checkEcho([good, op("echo", "x", [0, 1], indefinite)]).verdict).toBe("invalid");
});

test("availability: total means every operation", () => {
  const history = [add(1, [0, 1]), add(2, [0, 1]), add(3, [0, 1]), add(4, [0, 1], indefinite)];
  expect(checkAvailability(history, "total")).toEqual({ verdict: "invalid", okFraction: 0.75 });
  expect(checkAvailability(history.slice(0, 3), "total").verdict).toBe("valid");
  expect(checkAvailability(history, 0.75).verdict).toBe("valid");
  expect(checkAvailability(history, 0.8).verdict).toBe("invalid");
  expect(checkAvailability(history, undefined).verdict).toBe("valid");
});

test("statistics: outcomes by code, throughput and latencies", () => {
  const refused = { outcome: "fail", error: { code: 22 } } as const;
  const history = [
    op("cas", [1, 2], [0, 10], refused),
    op("cas", [1, 2], [10, 30], refused),
    op("read", null, [0, 1000], { output: 1 }),
    op("read", null, [500, 2000], { outcome: "indefinite", error: { code: 0 } }),
  ];
  const statistics = statisticsOf(history);
  expect(statistics.all).toMatchObject({ count: 4, ok: 1, fail: 2, indefinite: 1 });
  expect(statistics.byFunction.cas).toMatchObject({ failByCode: { 22: 2 } });
  expect(statistics.okPerSecond).toBe(0.5);
  expect(statistics.okLatencies).toMatchObject({ min: 1000, max: 1000 });
  // No cas ever succeeded, so this run says nothing about cas.
  expect(statistics.verdict).toBe("unknown");
});

test("history: what is written is what is read, and a broken line is named", () => {
  const history = validRegisterHistory({
    seed: 5,
    operationCount: 60,
    concurrency: 5,
    keyCount: 3,
    indefinite: 0.1,
  });
  const text = encodeHistory(history);
  expect(parseHistory(text)).toEqual({ ok: true, value: history });
  const lines = text.split("\n");
  const spoiled = (index: number, line: string) =>
    parseHistory(lines.map((each, i) => (i === index ? line : each)).join("\n"));
  expect(spoiled(3, "{")).toEqual({ ok: false, error: "line 4: not JSON" });
  expect(spoiled(0, '{"process":1}')).toMatchObject({ ok: false });
  expect(spoiled(1, lines[1]!.replace(/"outcome":"\w+"/, '"outcome":"maybe"'))).toEqual({
    ok: false,
    error: "line 2: `outcome` must be ok, fail or indefinite",
  });
});

test("history: a process with two open operations is refused", () => {
  const first = { ...op("read", null, [0, 10], { output: [] }), process: 1 };
  const second = { ...op("read", null, [5, 15], { output: [] }), process: 1 };
  expect(parseHistory(encodeHistory([first, second]))).toMatchObject({ ok: false });
});
