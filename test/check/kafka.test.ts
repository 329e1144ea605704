// The judge of kafka: each rule on the smallest history that breaks it, and a log that is right.

import { expect, test } from "vitest";
import type { Json } from "../../src/check/canonical.js";
import type { Operation } from "../../src/check/history.js";
import { checkKafka } from "../../src/check/kafka.js";

type Times = readonly [invokedAt: number, completedAt: number];

let process = 0;

const op = (
  f: string,
  input: Json,
  [invokedAt, completedAt]: Times,
  rest: Partial<Operation>,
): Operation => ({ process: process++, f, input, invokedAt, completedAt, outcome: "ok", ...rest });

const send = (message: number, offset: number, times: Times = [0, 9]): Operation =>
  op("send", message, times, { key: "k", output: offset });
const unsure = (message: number): Operation =>
  op("send", message, [0, 9], { key: "k", outcome: "indefinite" });
const refused = (message: number): Operation =>
  op("send", message, [0, 9], { key: "k", outcome: "fail" });
const poll = (
  from: number,
  entries: readonly (readonly [number, number])[],
  times: Times = [10, 11],
  rest: Partial<Operation> = {},
): Operation => op("poll", { k: from }, times, { output: { k: entries }, ...rest });
const final = { final: true } as const;
const commit = (offset: number, times: Times, outcome: Operation["outcome"] = "ok"): Operation =>
  op("commit_offsets", { k: offset }, times, { outcome });
const list = (offset: number | undefined, times: Times): Operation =>
  op("list_committed_offsets", ["k"], times, {
    output: offset === undefined ? {} : { k: offset },
  });

const names = (history: readonly Operation[]): string[] =>
  [...new Set(checkKafka(history).anomalies.map(({ name }) => name))].sort();

test.each([
  [
    "gaps between offsets are allowed",
    [
      send(1, 0),
      send(2, 7),
      poll(0, [
        [0, 1],
        [7, 2],
      ]),
    ],
    [],
  ],
  [
    "one offset with two messages",
    [send(1, 0), send(2, 0), poll(0, [[0, 1]])],
    ["inconsistent-offset"],
  ],
  [
    "a poll shows another message",
    [send(1, 0), unsure(2), poll(0, [[0, 2]])],
    ["inconsistent-offset"],
  ],
  [
    "one message at two offsets",
    [
      send(1, 0),
      poll(0, [
        [0, 1],
        [1, 1],
      ]),
    ],
    ["duplicate"],
  ],
  [
    "a poll goes back",
    [
      send(1, 0),
      send(2, 1),
      poll(0, [
        [1, 2],
        [0, 1],
      ]),
    ],
    ["order", "skip"],
  ],
  ["a later send gets a lower offset", [send(1, 5, [0, 1]), send(2, 4, [2, 3])], ["order"]],
  [
    "sends at the same time get any offsets",
    [send(1, 5, [0, 2]), send(2, 4, [2, 3]), poll(0, [[4, 2]])],
    [],
  ],
  [
    "a message that nobody sent",
    [
      send(1, 0),
      poll(0, [
        [0, 1],
        [1, 9],
      ]),
    ],
    ["phantom"],
  ],
  ["a refused message", [refused(1), poll(0, [[0, 1]])], ["phantom"]],
  [
    "an unanswered message may be there",
    [
      unsure(1),
      send(2, 1),
      poll(0, [
        [0, 1],
        [1, 2],
      ]),
    ],
    [],
  ],
  ["more than was asked for", [send(1, 0), poll(3, [[0, 1]])], ["early"]],
  [
    "an acknowledged message is passed over",
    [send(1, 0), send(2, 1), poll(0, [[1, 2]])],
    ["lost-write"],
  ],
  [
    "a message that others see is passed over",
    [
      send(1, 0),
      send(2, 1),
      poll(0, [[1, 2]]),
      poll(0, [
        [0, 1],
        [1, 2],
      ]),
    ],
    ["skip"],
  ],
  [
    "a message is passed over in the middle",
    [
      send(1, 0),
      send(2, 1),
      send(3, 2),
      poll(0, [
        [0, 1],
        [2, 3],
      ]),
    ],
    ["lost-write"],
  ],
  [
    "what lies before the offset is not passed over",
    [send(1, 0), send(2, 1), poll(1, [[1, 2]])],
    [],
  ],
  [
    "the end does not show an acknowledged message",
    [send(1, 0), send(2, 1), poll(0, [[0, 1]], [10, 11], final)],
    ["unseen"],
  ],
  [
    "a committed offset goes back",
    [commit(5, [0, 1]), commit(3, [2, 3]), list(3, [4, 5])],
    ["lost-commit"],
  ],
  ["a commit is forgotten", [commit(5, [0, 1]), list(undefined, [2, 3])], ["lost-commit"]],
  [
    "a commit under way may show or not",
    [commit(5, [0, 9]), list(5, [1, 2]), list(undefined, [1, 2])],
    [],
  ],
  [
    "an unanswered commit may show later",
    [commit(5, [0, 1], "indefinite"), list(undefined, [2, 3]), list(5, [4, 5])],
    [],
  ],
  ["nobody committed so far", [commit(5, [0, 1]), list(6, [2, 3])], ["phantom-commit"]],
] as const)("kafka: %s", (_story, history, expected) => {
  expect(names(history)).toEqual([...expected]);
});

test("kafka: valid, invalid, and unknown when nothing was sent and read", () => {
  expect(checkKafka([send(1, 0), poll(0, [[0, 1]])])).toMatchObject({
    verdict: "valid",
    acknowledgedCount: 1,
    polledCount: 1,
    unseenCount: 0,
  });
  expect(checkKafka([send(1, 0), poll(0, [[0, 9]])]).verdict).toBe("invalid");
  expect(checkKafka([send(1, 0)]).verdict).toBe("unknown");
  expect(checkKafka([poll(0, [])]).verdict).toBe("unknown");
});

test("kafka: a poll may lag behind, and that is counted", () => {
  const verdict = checkKafka([send(1, 0, [0, 1]), poll(0, [], [2, 3]), poll(0, [[0, 1]])]);
  expect(verdict).toMatchObject({ verdict: "valid", staleCount: 1 });
});
