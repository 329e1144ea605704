// From the judges of src/check to what a run reports: a verdict, a few lines for people, the
// details as data.

import { canonical } from "../src/check/canonical.js";
import { checkCounterBounds } from "../src/check/counter-bounds.js";
import { checkEcho } from "../src/check/echo.js";
import type { History, Verdict } from "../src/check/history.js";
import { checkKafka } from "../src/check/kafka.js";
import {
  checkLinearizable,
  describe,
  explainKey,
  registerModel,
} from "../src/check/linearizability.js";
import { checkListAppend } from "../src/check/list-append.js";
import type { Quantiles } from "../src/check/quantiles.js";
import { checkRwRegister } from "../src/check/rw-register.js";
import { checkSetFull } from "../src/check/set-full.js";
import type { TransactionVerdict } from "../src/check/transaction-judge.js";
import type { Anomaly } from "../src/check/transactions.js";
import { checkUniqueIds } from "../src/check/unique-ids.js";
import type { JudgeOptions } from "./workloads.js";

export interface Judgement {
  readonly verdict: Verdict;
  readonly lines: readonly string[];
  readonly details: unknown;
}

/** Items of a list that a line shows. */
const SHOWN_MAX = 10;

const list = (items: readonly unknown[]): string => {
  const shown = items.slice(0, SHOWN_MAX).map((item) => JSON.stringify(item));
  return items.length > SHOWN_MAX ? `${shown.join(" ")} ...` : shown.join(" ");
};

export const milliseconds = (quantiles: Quantiles): string => {
  const show = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0));
  const { min, median, p95, p99, max } = quantiles;
  const parts = { min, median, "95 %": p95, "99 %": p99, max };
  return `${Object.entries(parts)
    .map(([name, value]) => `${name} ${show(value)}`)
    .join("  ")} ms`;
};

function linearizability(history: History, options: JudgeOptions): Judgement {
  const { observeRefusals, statesMax } = options;
  const result = checkLinearizable(history, registerModel({ observeRefusals }), { statesMax });
  const bad = result.keys.filter(({ verdict }) => verdict !== "valid");
  const lines = [
    `${result.keys.length} keys, ${result.statesExplored} configurations explored`,
    ...bad.slice(0, 3).map(explainKey),
  ];
  const keys = result.keys.map(({ longestPrefix, ...rest }) => rest);
  return { verdict: result.verdict, lines, details: { ...result, keys } };
}

const set =
  (addName: string) =>
  (history: History): Judgement => {
    const result = checkSetFull(history, addName);
    const { attemptCount, acknowledgedCount, stableCount, neverReadCount, staleCount } = result;
    const lines = [
      `${attemptCount} elements: ${acknowledgedCount} acknowledged, ${stableCount} stable, ` +
        `${result.lost.length} lost, ${neverReadCount} never read, ${staleCount} stale for a while`,
    ];
    if (result.stableLatencies !== undefined)
      lines.push(`stable after: ${milliseconds(result.stableLatencies)}`);
    if (result.lost.length > 0) lines.push(`lost: ${list(result.lost)}`);
    if (result.phantoms.length > 0) lines.push(`read but never added: ${list(result.phantoms)}`);
    if (result.duplicated.length > 0) lines.push(`twice in a read: ${list(result.duplicated)}`);
    return { verdict: result.verdict, lines, details: result };
  };

function counter(history: History): Judgement {
  const result = checkCounterBounds(history);
  const ranges = result.acceptable.slice(0, SHOWN_MAX).map(([low, high]) => {
    return low === high ? `${low}` : `${low}..${high}`;
  });
  const lines = [
    `final reads ${list([...new Set(result.finalReads)])}, acceptable ${ranges.join(" ")}`,
    ...result.wrong.slice(0, SHOWN_MAX).map((read) => `wrong: ${describe(read)}`),
  ];
  return { verdict: result.verdict, lines, details: result };
}

function uniqueIds(history: History): Judgement {
  const result = checkUniqueIds(history);
  const lines = [`${result.acknowledgedCount} ids, ${result.duplicated.length} more than once`];
  for (const { id, count } of result.duplicated.slice(0, SHOWN_MAX))
    lines.push(`id ${canonical(id)} was handed out ${count} times`);
  return { verdict: result.verdict, lines, details: result };
}

function echo(history: History): Judgement {
  const result = checkEcho(history);
  const lines = [`${result.answeredCount} came back as sent, ${result.wrong.length} did not`];
  lines.push(...result.wrong.slice(0, SHOWN_MAX).map((each) => `wrong: ${describe(each)}`));
  return { verdict: result.verdict, lines, details: result };
}

/** How often each anomaly occurs, then the first few of each. */
function anomalyLines(anomalies: readonly Anomaly[]): string[] {
  const byName = new Map<string, Anomaly[]>();
  for (const anomaly of anomalies)
    byName.set(anomaly.name, [...(byName.get(anomaly.name) ?? []), anomaly]);
  return [...byName].flatMap(([name, found]) => [
    `${name}: ${found.length}`,
    ...found.slice(0, 3).map(({ text }) => `  ${text}`),
  ]);
}

const transactions =
  (check: (history: History) => TransactionVerdict) =>
  (history: History): Judgement => {
    const result = check(history);
    const { anomalies, transactionCount, keyCount, verdict } = result;
    const lines = [
      `${transactionCount} transactions on ${keyCount} keys, ` +
        `${anomalies.length} anomalies against strict serializability`,
      ...anomalyLines(anomalies),
    ];
    return { verdict, lines, details: result };
  };

function kafka(history: History): Judgement {
  const result = checkKafka(history);
  const { acknowledgedCount, sentCount, keyCount, polledCount, unseenCount, staleCount } = result;
  const lines = [
    `${sentCount} messages sent to ${keyCount} keys: ${acknowledgedCount} acknowledged, ` +
      `${polledCount} polled, ${unseenCount} unseen, ${staleCount} polls stale`,
    ...anomalyLines(result.anomalies),
  ];
  return { verdict: result.verdict, lines, details: result };
}

const listAppend = transactions(checkListAppend);
const rwRegister = transactions(checkRwRegister);

export const judges = {
  linearizability,
  set,
  counter,
  uniqueIds,
  echo,
  listAppend,
  rwRegister,
  kafka,
} as const;
