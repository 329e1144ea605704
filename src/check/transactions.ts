// Transactions as Maelstrom's txn workloads have them: a list of micro-operations on keys, run
// together. What the judges of list-append and rw-register share: the parsed form, and the order in
// real time. Vocabulary and method: Kingsbury and Alvaro, "Elle: Inferring Isolation Anomalies from
// Experimental Observations" (VLDB 2020).

import type { Json } from "./canonical.js";
import { closedAt, type History, type Operation } from "./history.js";

/**
 * `["r", key, value]`, `["w", key, value]` or `["append", key, element]`; a read asks with null.
 */
export interface MicroOperation {
  readonly f: "r" | "w" | "append";
  readonly key: Json;
  /** What was written, or what a read returned; null where a read found nothing. */
  readonly value: Json;
}

export interface Transaction {
  /** Its node in the graph of dependencies. */
  readonly index: number;
  readonly operation: Operation;
  /** As answered; of an indefinite transaction as asked, whose reads say nothing. */
  readonly steps: readonly MicroOperation[];
}

/** One thing that must not be, and the transactions that show it. */
export interface Anomaly {
  readonly name: string;
  readonly text: string;
}

export interface Transactions {
  /** Those that happened or may have happened. */
  readonly possible: readonly Transaction[];
  /** Those that were definitely refused. */
  readonly failed: readonly Transaction[];
  /** Answers that are not answers to what was asked. */
  readonly malformed: readonly Anomaly[];
}

/** The operations `txn` of a history. Throws if one has another form than Maelstrom's. */
export function transactionsOf(history: History): Transactions {
  const possible: Transaction[] = [];
  const failed: Transaction[] = [];
  const malformed: Anomaly[] = [];
  for (const operation of history) {
    if (operation.f !== "txn") continue;
    const list = operation.outcome === "fail" ? failed : possible;
    const shown = operation.outcome === "ok" ? operation.output : operation.input;
    const transaction = { index: list.length, operation, steps: parseSteps(shown ?? null) };
    list.push(transaction);
    if (operation.outcome !== "ok" || answersSteps(operation.input, shown ?? null)) continue;
    const text = `${nameOf(transaction)} was answered with other steps than it asked`;
    malformed.push({ name: "malformed", text });
  }
  return { possible, failed, malformed };
}

/** Throws on what is no list of micro-operations. */
export function parseSteps(value: Json): MicroOperation[] {
  if (!isList(value)) throw new Error("a transaction is a list of micro-operations");
  return value.map((step) => {
    const [f, key, result] = isList(step) ? step : [];
    if (f !== "r" && f !== "w" && f !== "append") throw new Error(`no micro-operation: ${f}`);
    return { f, key: key ?? null, value: result ?? null };
  });
}

/** Whether an answer says what was asked: the same steps, reads filled in. */
export function answersSteps(asked: Json, answered: Json): boolean {
  if (!isList(asked) || !isList(answered) || asked.length !== answered.length) return false;
  return asked.every((step, at) => {
    const reply = answered[at]!;
    if (!isList(step) || !isList(reply) || reply.length !== 3) return false;
    const same = (part: number): boolean =>
      JSON.stringify(step[part] ?? null) === JSON.stringify(reply[part] ?? null);
    return same(0) && same(1) && (step[0] === "r" || same(2));
  });
}

export const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);

/** Whether reads of it were answered. */
export const isCertain = ({ operation }: Transaction): boolean => operation.outcome === "ok";

/** How a message names a transaction. */
export const nameOf = ({ operation }: Transaction): string =>
  `T(process ${operation.process} at ${operation.invokedAt})`;

/**
 * Tells the pairs of which the first ended before the second began, leaving out what follows from
 * others.
 */
export function forEachInRealTime(
  transactions: readonly Transaction[],
  edge: (before: Transaction, after: Transaction) => void,
): void {
  const events = transactions.flatMap((transaction) => [
    { atUs: transaction.operation.invokedAt, isEnd: false, transaction },
    { atUs: closedAt(transaction.operation), isEnd: true, transaction },
  ]);
  // What begins in the moment in which another ends is concurrent with it.
  events.sort((a, b) => a.atUs - b.atUs || Number(a.isEnd) - Number(b.isEnd));
  let ended: Transaction[] = [];
  for (const { atUs, isEnd, transaction } of events) {
    if (!isEnd) for (const before of ended) edge(before, transaction);
    else if (atUs < Number.POSITIVE_INFINITY) {
      const { invokedAt } = transaction.operation;
      ended = ended.filter(({ operation }) => closedAt(operation) >= invokedAt);
      ended.push(transaction);
    }
  }
}
