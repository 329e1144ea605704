// Linearizability: each situation with its verdict, agreement with brute force, and speed.

import fc from "fast-check";
import { expect, test } from "vitest";
import { Prng } from "../../src/base/prng.js";
import type { Operation } from "../../src/check/history.js";
import { checkLinearizable, explainKey, registerModel } from "../../src/check/linearizability.js";
import { isLinearizableByBruteForce } from "./brute-force.js";
import { smallRandomHistory, spoil, validRegisterHistory } from "./histories.js";

const judge = (history: readonly Operation[]) => checkLinearizable(history, registerModel());

/** `process f input [invoked, completed] output` in short. */
function op(
  process: number,
  f: string,
  input: Operation["input"],
  [invokedAt, completedAt]: readonly [number, number],
  result: Partial<Operation> = {},
): Operation {
  return { process, f, key: 0, input, invokedAt, completedAt, outcome: "ok", ...result };
}

test("linearizability: a read must see a write that ended before it began", () => {
  const write = op(0, "write", 1, [0, 10]);
  expect(judge([write, op(1, "read", null, [11, 20], { output: 1 })]).verdict).toBe("valid");
  expect(judge([write, op(1, "read", null, [11, 20], { output: null })]).verdict).toBe("invalid");
  // Overlapping, both orders are possible.
  expect(judge([write, op(1, "read", null, [9, 20], { output: null })]).verdict).toBe("valid");
});

test("linearizability: two reads one after the other never go back in time", () => {
  const history = [
    op(0, "write", 1, [0, 10]),
    op(1, "write", 2, [20, 100]),
    op(2, "read", null, [30, 40], { output: 2 }),
    op(3, "read", null, [50, 60], { output: 1 }),
  ];
  expect(judge(history).verdict).toBe("invalid");
  expect(judge(history.slice(0, 3)).verdict).toBe("valid");
});

test("linearizability: an indefinite write may appear late, once, or never", () => {
  const first = op(0, "write", 1, [0, 5]);
  const maybe = op(1, "write", 2, [10, 15], { outcome: "indefinite" });
  const reads = (...outputs: number[]): Operation[] =>
    outputs.map((output, i) => op(2, "read", null, [100 + 10 * i, 105 + 10 * i], { output }));
  expect(judge([first, maybe, ...reads(1, 1)]).verdict).toBe("valid");
  expect(judge([first, maybe, ...reads(1, 2)]).verdict).toBe("valid");
  expect(judge([first, maybe, ...reads(2, 1)]).verdict).toBe("invalid");
  // Not before it was asked for.
  expect(judge([first, op(2, "read", null, [6, 8], { output: 2 }), maybe]).verdict).toBe("invalid");
});

test("linearizability: a definite failure did not happen", () => {
  const failed = op(1, "write", 2, [10, 15], { outcome: "fail", error: { code: 11 } });
  expect(judge([failed, op(2, "read", null, [20, 30], { output: 2 })]).verdict).toBe("invalid");
});

test("linearizability: keys are judged apart and the bad one is named", () => {
  const bad = op(3, "read", null, [11, 20], { key: "b", output: 7 });
  const verdict = judge([op(0, "write", 1, [0, 10]), bad]);
  expect(verdict.verdict).toBe("invalid");
  expect(verdict.keys.map(({ verdict: each }) => each)).toEqual(["valid", "invalid"]);
  expect(verdict.keys[1]!.stuck).toEqual([
    { operation: bad, reason: "impossible while the state is absent" },
  ]);
  expect(explainKey(verdict.keys[1]!)).toContain("stuck process 3 [11, 20] read -> ok 7");
});

test("linearizability: the longest prefix stops at the operation that cannot follow", () => {
  const history = [
    op(0, "write", 1, [0, 10]),
    op(0, "write", 2, [20, 30]),
    op(1, "read", null, [40, 50], { output: 1 }),
  ];
  const [key] = judge(history).keys;
  expect(key!.longestPrefix).toEqual(history.slice(0, 2));
  expect(key!.state).toBe("2");
});

test("linearizability: refusals are observations only when asked for", () => {
  const history = [
    op(0, "write", 1, [0, 10]),
    op(1, "cas", [1, 2], [20, 30], { outcome: "fail", error: { code: 22 } }),
  ];
  expect(judge(history).verdict).toBe("valid");
  const strict = registerModel({ observeRefusals: true });
  expect(checkLinearizable(history, strict).verdict).toBe("invalid");
  const absent = op(1, "read", null, [20, 30], { outcome: "fail", error: { code: 20 } });
  expect(checkLinearizable([history[0]!, absent], strict).verdict).toBe("invalid");
  expect(checkLinearizable([absent], strict).verdict).toBe("valid");
});

test("linearizability: giving up is said, never passed off as a verdict", () => {
  const history = validRegisterHistory({ seed: 1, operationCount: 200, concurrency: 10 });
  expect(checkLinearizable(history, registerModel(), { statesMax: 50 }).verdict).toBe("unknown");
});

test("linearizability: agrees with brute force on ten thousand small random histories", () => {
  const random = new Prng(20_260_101);
  const seen = { valid: 0, invalid: 0 };
  for (let run = 0; run < 10_000; run++) {
    const history = smallRandomHistory(random);
    const expected = isLinearizableByBruteForce(history) ? "valid" : "invalid";
    seen[expected]++;
    const { verdict } = judge(history);
    if (verdict !== expected)
      expect.fail(`${verdict}, not ${expected}: ${JSON.stringify(history)}`);
  }
  // Both answers occur often, or the agreement would mean little.
  expect(seen.valid).toBeGreaterThan(2_000);
  expect(seen.invalid).toBeGreaterThan(2_000);
});

test("linearizability: the order in which a history is written down does not matter", () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const random = new Prng(seed);
      const history = smallRandomHistory(random);
      expect(judge(random.shuffle([...history])).verdict).toBe(judge(history).verdict);
    }),
    { numRuns: 300 },
  );
});

test("linearizability: finds each of 200 spoiled histories that brute force finds", () => {
  const random = new Prng(7);
  let found = 0;
  for (let seed = 0; found < 200; seed++) {
    const shape = { seed, operationCount: 7, concurrency: 3, indefinite: 0.1 };
    const valid = validRegisterHistory(shape);
    expect(judge(valid).verdict).toBe("valid");
    const spoiled = spoil(valid, random);
    if (isLinearizableByBruteForce(spoiled)) continue;
    found++;
    expect(judge(spoiled).verdict).toBe("invalid");
  }
});

test("linearizability: a thousand valid histories of 200 operations stay cheap to search", () => {
  // The work is counted, not timed: at 2 million configurations the search takes about two seconds
  // on one core, and a machine that is busy does not fail the test.
  let explored = 0;
  for (let seed = 0; seed < 1_000; seed++) {
    const history = validRegisterHistory({ seed, operationCount: 200, concurrency: 10 });
    const judgement = judge(history);
    expect(judgement.verdict).toBe("valid");
    explored += judgement.statesExplored;
  }
  expect(explored).toBeLessThan(2_000_000);
});

test("linearizability: a value nobody wrote is found in a long, concurrent history", () => {
  for (let seed = 0; seed < 50; seed++) {
    const shape = { seed, operationCount: 200, concurrency: 10, indefinite: 0.02 };
    const history = validRegisterHistory(shape);
    const reads = history.filter(({ f, outcome }) => f === "read" && outcome === "ok");
    const spoiled = reads[Math.floor(reads.length / 2)]!;
    const changed = history.map((each) => (each === spoiled ? { ...each, output: 99 } : each));
    expect(judge(changed).verdict).toBe("invalid");
  }
});

test("linearizability: hundreds of indefinite operations in a long history stay cheap", () => {
  for (let seed = 0; seed < 5; seed++) {
    const shape = { seed, operationCount: 5_000, concurrency: 10, indefinite: 0.1 };
    const history = validRegisterHistory(shape);
    const { verdict, keys } = checkLinearizable(history, registerModel(), { statesMax: 1_000_000 });
    expect(keys[0]!.indefiniteCount).toBeGreaterThan(200);
    expect(verdict).toBe("valid");
  }
});
