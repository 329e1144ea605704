// The judges of transactions: each anomaly by name on the smallest history that shows it, histories
// that are right by construction, the same histories spoiled, and every verdict on small random
// histories against all orders tried one by one.

import { expect, test } from "vitest";
import { Prng } from "../../src/base/prng.js";
import { canonical, type Json } from "../../src/check/canonical.js";
import { closedAt, type Operation } from "../../src/check/history.js";
import { checkListAppend } from "../../src/check/list-append.js";
import { checkRwRegister } from "../../src/check/rw-register.js";
import { answersSteps, parseSteps } from "../../src/check/transactions.js";

type Step = readonly [f: string, key: string, value: Json];

let process = 0;

/** An acknowledged transaction; `answered` in the form "r x 1 2, append x 3". */
function txn(
  answered: string,
  [invokedAt, completedAt]: readonly [number, number],
  outcome: Operation["outcome"] = "ok",
): Operation {
  const steps = answered.split(", ").map((text): Step => {
    const [f, key, ...values] = text.split(" ");
    const numbers = values.map(Number);
    return [f!, key!, f === "r" ? numbers : numbers[0]!];
  });
  return operation(steps, invokedAt, completedAt, outcome);
}

/** The same for registers: a read of nothing or of one value. */
function rw(
  answered: string,
  [invokedAt, completedAt]: readonly [number, number],
  outcome: Operation["outcome"] = "ok",
): Operation {
  const steps = answered.split(", ").map((text): Step => {
    const [f, key, value] = text.split(" ");
    return [f!, key!, value === undefined ? null : Number(value)];
  });
  return operation(steps, invokedAt, completedAt, outcome);
}

function operation(
  steps: readonly Step[],
  invokedAt: number,
  completedAt: number,
  outcome: Operation["outcome"],
): Operation {
  const input = steps.map(([f, key, value]): Json => [f, key, f === "r" ? null : value]);
  const asked = { process: process++, f: "txn", input, invokedAt, outcome };
  if (outcome === "ok") return { ...asked, completedAt, output: steps };
  return outcome === "fail" ? { ...asked, completedAt, error: { code: 11 } } : asked;
}

const names = (verdict: { anomalies: readonly { name: string }[] }): string[] =>
  [...new Set(verdict.anomalies.map(({ name }) => name))].sort();

/** All at the same time: only what was read orders them. */
const together = [0, 9] as const;

test.each([
  ["nothing wrong", [txn("append x 1, r x 1", [0, 1]), txn("r x 1", [2, 3])], []],
  [
    "a refused append is read",
    [txn("append x 1", [0, 1], "fail"), txn("r x 1", together)],
    ["G1a"],
  ],
  ["an element that nobody appended", [txn("r x 7", together)], ["phantom"]],
  [
    "half a transaction",
    [txn("append x 1, append x 2", together), txn("r x 1", together)],
    ["G-single", "G1b"],
  ],
  ["an element twice", [txn("append x 1", together), txn("r x 1 1", together)], ["duplicate"]],
  [
    "two appends of one element",
    [txn("append x 1", together), txn("append x 1", together)],
    ["input"],
  ],
  ["its own append is missing", [txn("append x 1, r x", together)], ["internal"]],
  [
    "the second read differs",
    [txn("r x, r x 1", together), txn("append x 1", together)],
    ["internal"],
  ],
  [
    "two orders of one key",
    [
      txn("append x 1", together),
      txn("append x 2", together),
      txn("r x 1 2", together),
      txn("r x 2 1", together),
    ],
    ["incompatible-order"],
  ],
  [
    "two keys written in opposite orders",
    [
      txn("append x 1, append y 2", together),
      txn("append x 3, append y 4", together),
      txn("r x 1 3", together),
      txn("r y 4 2", together),
    ],
    ["G0"],
  ],
  [
    "each reads the other's append",
    [txn("append x 1, r y 2", together), txn("append y 2, r x 1", together)],
    ["G1c"],
  ],
  [
    "a lost update",
    [txn("r x, append x 1", together), txn("r x, append x 2", together), txn("r x 1 2", together)],
    ["G-single"],
  ],
  [
    "write skew",
    [
      txn("r x, append y 1", together),
      txn("r y, append x 1", together),
      txn("r x 1, r y 1", together),
    ],
    ["G2"],
  ],
  [
    "a read that began later lacks it",
    [txn("append x 1", [0, 1]), txn("r x", [2, 3])],
    ["G-single-realtime"],
  ],
  [
    "an append that began later stands first",
    [txn("append x 1", [0, 1]), txn("append x 2", [2, 3]), txn("r x 2 1", [4, 5])],
    ["G0-realtime"],
  ],
  [
    "it is read before it was asked for",
    [txn("r x 1", [0, 1]), txn("append x 1", [2, 3])],
    ["G1c-realtime"],
  ],
  [
    "reads of two keys disagree about the order, given when they ran",
    [
      txn("append x 1", [0, 20]),
      txn("append y 1", [0, 20]),
      txn("r x 1, r y", [1, 4]),
      txn("r x, r y 1", [5, 8]),
    ],
    ["G2"],
  ],
] as const)("list-append: %s", (_story, history, expected) => {
  const verdict = checkListAppend([...history]);
  expect(names(verdict)).toEqual([...expected]);
  expect(verdict.verdict).toBe(expected.length === 0 ? "valid" : "invalid");
});

test.each([
  ["nothing wrong", [rw("w x 1, r x 1", [0, 1]), rw("r x 1", [2, 3])], []],
  ["a refused write is read", [rw("w x 1", [0, 1], "fail"), rw("r x 1", together)], ["G1a"]],
  ["a value that nobody wrote", [rw("r x 7", together)], ["phantom"]],
  ["half a transaction", [rw("w x 1, w x 2", together), rw("r x 1", together)], ["G1b"]],
  ["one value written twice", [rw("w x 1", together), rw("w x 1", together)], ["input"]],
  ["its own write is missing", [rw("w x 1, r x", together)], ["internal"]],
  [
    "two keys written in opposite orders, as reads before the writes show",
    [
      rw("w x 1, w y 3", together),
      rw("r x 1, w x 2, w y 4", together),
      rw("r y 4, w y 5", together),
      rw("r y 5, r x 1", together),
    ],
    ["G-single"],
  ],
  [
    "each reads the other's write",
    [rw("w x 1, r y 2", together), rw("w y 2, r x 1", together)],
    ["G1c"],
  ],
  ["a lost update", [rw("r x, w x 1", together), rw("r x, w x 2", together)], ["G2"]],
  ["write skew", [rw("r x, w y 1", together), rw("r y, w x 1", together)], ["G2"]],
  ["a stale read", [rw("w x 1", [0, 1]), rw("r x", [2, 3])], ["cyclic-versions"]],
  [
    "a value comes back",
    [rw("w x 1", [0, 1]), rw("w x 2", [2, 3]), rw("r x 1", [4, 5])],
    ["cyclic-versions"],
  ],
  [
    "a stale read before a write",
    [rw("w x 1", [0, 1]), rw("w x 2", [2, 3]), rw("r x 1, w x 3", [4, 5])],
    ["cyclic-versions"],
  ],
  [
    "a fractured read after both writes",
    [rw("w x 1, w y 1", [0, 9]), rw("r x 1, r y", [1, 8])],
    ["G-single"],
  ],
  [
    "two readers disagree about the order, given when they ran",
    [
      rw("w x 1", [0, 20]),
      rw("w y 1", [0, 20]),
      rw("r x 1, r y", [1, 4]),
      rw("r x, r y 1", [1, 4]),
    ],
    ["G2"],
  ],
  [
    "it is read before it was asked for",
    [rw("r x 1", [0, 1]), rw("w x 1", [2, 3])],
    ["G1c-realtime"],
  ],
] as const)("rw-register: %s", (_story, history, expected) => {
  const verdict = checkRwRegister([...history]);
  expect(names(verdict)).toEqual([...expected]);
  expect(verdict.verdict).toBe(expected.length === 0 ? "valid" : "invalid");
});

test("transactions: an indefinite one may have happened at any later time, or never", () => {
  const maybe = txn("append x 1", [0, 1], "indefinite");
  expect(checkListAppend([maybe, txn("r x", [5, 6]), txn("r x 1", [7, 8])]).verdict).toBe("valid");
  expect(checkListAppend([maybe, txn("r x", [5, 6])]).verdict).toBe("valid");
  expect(names(checkListAppend([maybe, txn("r x 1", [5, 6]), txn("r x", [7, 8])]))).toEqual([
    "G-single-realtime",
  ]);
  const write = rw("w x 1", [0, 1], "indefinite");
  expect(checkRwRegister([write, rw("r x", [5, 6]), rw("r x 1", [7, 8])]).verdict).toBe("valid");
  expect(checkRwRegister([write, rw("r x 1", [5, 6]), rw("r x", [7, 8])]).verdict).toBe("invalid");
});

test("transactions: what nobody answered is unknown, and another answer than asked is wrong", () => {
  expect(checkListAppend([]).verdict).toBe("unknown");
  expect(checkRwRegister([rw("w x 1", [0, 1], "indefinite")]).verdict).toBe("unknown");
  const other: Operation = { ...txn("r x", together), output: [["r", "y", []]] };
  expect(names(checkListAppend([other]))).toEqual(["malformed"]);
  expect(answersSteps([["w", 1, 2]], [["w", 1, 3]])).toBe(false);
  expect(() => parseSteps([["delete", 1, null]])).toThrow("no micro-operation");
});

test("transactions: an anomaly names the transactions and why each comes before the next", () => {
  const [anomaly] = checkListAppend([
    txn("r x, append x 1", together),
    txn("r x, append x 2", together),
    txn("r x 1 2", together),
  ]).anomalies;
  expect(anomaly!.text).toMatch(/-rw->.*reads "x" without 1; .*-ww->.*"x" gets 1 before 2/);
});

// ---- histories by construction

interface Shape {
  readonly seed: number;
  readonly count: number;
  readonly write: "w" | "append";
  readonly keyCount: number;
  readonly threads: number;
}

/** Transactions that take effect at one moment each, between their two times. */
function serialHistory({ seed, count, write, keyCount, threads }: Shape): Operation[] {
  const random = new Prng(seed);
  const freeAt = Array.from({ length: threads }, () => random.below(20));
  const planned = Array.from({ length: count }, () => {
    const thread = freeAt.indexOf(Math.min(...freeAt));
    const invokedAt = freeAt[thread]! + 1 + random.below(10);
    const completedAt = invokedAt + 1 + random.below(60);
    freeAt[thread] = completedAt;
    const effectAt = invokedAt + random.float() * (completedAt - invokedAt);
    const steps = Array.from({ length: random.between(1, 4) }, (): string[] => {
      const key = `k${random.below(keyCount)}`;
      return random.chance(0.5) ? ["r", key] : [write, key];
    });
    return { thread, invokedAt, completedAt, effectAt, steps, isAnswered: !random.chance(0.05) };
  });
  const lists = new Map<string, number[]>();
  let value = 0;
  const history = [...planned]
    .sort((a, b) => a.effectAt - b.effectAt)
    .map(({ steps, invokedAt, completedAt, isAnswered }) => {
      const done = steps.map(([f, key]): Step => {
        const before = lists.get(key!) ?? [];
        if (f === "r") return [f, key!, write === "append" ? before : (before.at(-1) ?? null)];
        lists.set(key!, [...before, ++value]);
        return [f!, key!, value];
      });
      return operation(done, invokedAt, completedAt, isAnswered ? "ok" : "indefinite");
    });
  return history.sort((a, b) => a.invokedAt - b.invokedAt);
}

const check = { w: checkRwRegister, append: checkListAppend } as const;
const kinds = ["append", "w"] as const;

test.each(kinds)("transactions: serial histories of %s are valid", (write) => {
  for (let seed = 1; seed <= 12; seed++) {
    const history = serialHistory({ seed, count: 150, write, keyCount: 6, threads: 8 });
    expect(check[write](history), `seed ${seed}`).toMatchObject({ verdict: "valid" });
  }
});

/** Takes an acknowledged reader's answer away from it and gives it that of a much earlier time. */
function spoil(history: readonly Operation[], random: Prng): Operation[] {
  const reads = history.filter(({ outcome, output }) => {
    return (
      outcome === "ok" && (output as readonly Step[]).some(([f, , v]) => f === "r" && hasMuch(v))
    );
  });
  const chosen = random.pick(reads);
  return history.map((each) => {
    if (each !== chosen) return each;
    const output = (each.output as readonly Step[]).map(([f, key, value]): Step => {
      if (f !== "r") return [f, key, value];
      return [f, key, Array.isArray(value) ? value.slice(0, -2) : null];
    });
    return { ...each, output };
  });
}

const hasMuch = (value: Json): boolean =>
  Array.isArray(value) ? value.length > 4 : value !== null;

test.each(kinds)("transactions: a stale read in a serial history of %s is found", (write) => {
  let found = 0;
  for (let seed = 1; seed <= 12; seed++) {
    const history = serialHistory({ seed, count: 150, write, keyCount: 3, threads: 4 });
    if (check[write](spoil(history, new Prng(seed))).verdict === "invalid") found++;
  }
  expect(found).toBeGreaterThanOrEqual(11);
});

// ---- against every order

/** A few transactions whose reads are drawn blindly from what could be. */
function smallHistory(random: Prng, write: "w" | "append"): Operation[] {
  let value = 0;
  const planned = Array.from({ length: random.between(2, 5) }, () =>
    Array.from({ length: random.between(1, 3) }, (): Step => {
      const key = random.pick(["x", "y"] as const);
      return random.chance(0.5) ? ["r", key, null] : [write, key, ++value];
    }),
  );
  // Values read are those of some order, of another for each transaction now and then.
  const orderOf = (): Operation[] => {
    const lists = new Map<string, number[]>();
    const results = new Map<number, Step[]>();
    for (const at of shuffled(planned.length, random)) {
      results.set(
        at,
        planned[at]!.map(([f, key, own]): Step => {
          const before = lists.get(key) ?? [];
          if (f === "r") return [f, key, write === "append" ? before : (before.at(-1) ?? null)];
          lists.set(key, [...before, own as number]);
          return [f, key, own];
        }),
      );
    }
    return planned.map((_, at) => operation(results.get(at)!, 0, 0, "ok"));
  };
  const [first, second] = [orderOf(), orderOf()];
  return planned.map((_, at) => {
    const invokedAt = random.below(10);
    const source = random.chance(0.75) ? first : second;
    const outcome = random.chance(0.1) ? "indefinite" : "ok";
    const steps = source[at]!.output as readonly Step[];
    return operation(steps, invokedAt, invokedAt + random.below(6), outcome);
  });
}

function shuffled(count: number, random: Prng): number[] {
  const items = Array.from({ length: count }, (_, at) => at);
  for (let at = count - 1; at > 0; at--) {
    const other = random.below(at + 1);
    [items[at], items[other]] = [items[other]!, items[at]!];
  }
  return items;
}

/** Whether some order of what happened respects real time and explains every answer. */
function isStrictSerializable(history: readonly Operation[]): boolean {
  const place = (left: readonly Operation[], state: ReadonlyMap<string, Json>): boolean => {
    if (!left.some(({ outcome }) => outcome === "ok")) return true;
    const firstEnd = Math.min(...left.map(closedAt));
    return left.some((next) => {
      if (next.invokedAt > firstEnd) return false;
      const after = apply(next, state);
      const rest = left.filter((each) => each !== next);
      return after !== undefined && place(rest, after);
    });
  };
  return place(history, new Map());
}

function apply(
  { input, output, outcome }: Operation,
  state: ReadonlyMap<string, Json>,
): Map<string, Json> | undefined {
  const after = new Map(state);
  for (const [f, key, value] of (outcome === "ok" ? output : input) as readonly Step[]) {
    const found = after.get(key);
    if (f === "w") after.set(key, value);
    else if (f === "append") after.set(key, [...((found ?? []) as readonly Json[]), value]);
    else if (outcome === "ok" && canonical(orNothing(found)) !== canonical(orNothing(value)))
      return undefined;
  }
  return after;
}

/** An empty list and a register that was never written are the same nothing. */
const orNothing = (value: Json | undefined): Json =>
  value === undefined || (Array.isArray(value) && value.length === 0) ? null : value;

test.each([
  ["append", 1],
  ["w", 0.98],
] as const)("transactions: judging %s agrees with trying every order", (write, share) => {
  const random = new Prng(7);
  const counts = { valid: 0, invalid: 0, missed: 0 };
  for (let run = 0; run < 2500; run++) {
    const history = smallHistory(random, write);
    if (!history.some(({ outcome }) => outcome === "ok")) continue;
    const { verdict } = check[write](history);
    const isRight = isStrictSerializable(history);
    // What the judge calls wrong is wrong: it never invents an order.
    expect(verdict === "invalid" && isRight, JSON.stringify(history)).toBe(false);
    counts[isRight ? "valid" : "invalid"]++;
    if (!isRight && verdict === "valid") counts.missed++;
  }
  expect(counts.valid).toBeGreaterThan(800);
  expect(counts.invalid).toBeGreaterThan(400);
  expect(counts.missed).toBeLessThanOrEqual((1 - share) * counts.invalid);
});
