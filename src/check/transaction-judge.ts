// The frame of both judges of transactions: what was done is collected key by key, each key adds
// the dependencies it shows, real time adds its own, and a cycle among them is an anomaly.

import { canonical, type Json } from "./canonical.js";
import { DependencyGraph } from "./dependency-graph.js";
import type { History, Verdict } from "./history.js";
import {
  type Anomaly,
  forEachInRealTime,
  isCertain,
  type MicroOperation,
  type Transaction,
  transactionsOf,
} from "./transactions.js";

export interface TransactionVerdict {
  readonly verdict: Verdict;
  readonly anomalies: readonly Anomaly[];
  readonly transactionCount: number;
  readonly keyCount: number;
}

/** Who wrote something to a key, and whether it was the last that this transaction wrote there. */
export interface Writer {
  readonly by: Transaction;
  isLast: boolean;
}

/** What was written to a key; canonical texts stand for what was written. */
export class KeyHistory {
  readonly name: string;
  readonly writers = new Map<string, Writer>();
  /** What refused transactions tried to write. */
  readonly failed = new Map<string, Transaction>();

  constructor(key: Json) {
    this.name = canonical(key);
  }

  /** @param earlier what the same transaction wrote to the key before. */
  addWrite(
    by: Transaction,
    written: string,
    earlier: string | undefined,
    anomalies: Anomaly[],
  ): void {
    if (earlier !== undefined) this.writers.get(earlier)!.isLast = false;
    if (this.writers.has(written))
      anomalies.push({ name: "input", text: `${written} was written twice` });
    this.writers.set(written, { by, isLast: true });
  }

  /** What keeps something from being read that is in the key for nobody: refused, or unheard of. */
  judgeOrigin(where: string, written: string, anomalies: Anomaly[]): void {
    if (this.writers.has(written)) return;
    const isRefused = this.failed.has(written);
    const origin = isRefused ? "of a refused transaction" : "that nobody wrote";
    anomalies.push({ name: isRefused ? "G1a" : "phantom", text: `${where} ${origin}` });
  }
}

/** What a workload adds to the frame. */
export interface TransactionJudge<Key extends KeyHistory> {
  /** The micro-operation that writes. */
  readonly writes: MicroOperation["f"];
  readonly newKey: (key: Json) => Key;
  readonly collect: (
    transaction: Transaction,
    keyOf: (key: Json) => Key,
    anomalies: Anomaly[],
  ) => void;
  readonly judgeKey: (key: Key, graph: DependencyGraph, anomalies: Anomaly[]) => void;
}

/** Judges the operations `txn` of a history. */
export function judgeTransactions<Key extends KeyHistory>(
  history: History,
  judge: TransactionJudge<Key>,
): TransactionVerdict {
  const { possible, failed, malformed } = transactionsOf(history);
  const anomalies: Anomaly[] = [...malformed];
  const keys = new Map<string, Key>();
  const keyOf = (key: Json): Key => {
    const name = canonical(key);
    const known = keys.get(name) ?? judge.newKey(key);
    keys.set(name, known);
    return known;
  };
  for (const transaction of failed) {
    for (const { f, key, value } of transaction.steps)
      if (f === judge.writes) keyOf(key).failed.set(canonical(value), transaction);
  }
  for (const transaction of possible) judge.collect(transaction, keyOf, anomalies);
  const graph = new DependencyGraph(possible);
  for (const key of keys.values()) judge.judgeKey(key, graph, anomalies);
  forEachInRealTime(possible, (before, after) => graph.add(before, after, "rt", ""));
  anomalies.push(...graph.cycles());
  const isJudged = possible.some(isCertain);
  const verdict = anomalies.length > 0 ? "invalid" : isJudged ? "valid" : "unknown";
  return { verdict, anomalies, transactionCount: possible.length, keyCount: keys.size };
}
