// Judge of txn-list-append: strict serializability. Elements are unique, so what a read returns
// tells the order in which its key was written, and with it every dependency that was observed
// (Elle, section 4). Without a cycle among dependencies and real time an order of all transactions
// exists.
//
// Sound and, for what was read, complete: of an element that nobody read it is only known that it
// comes after all that were read.

import { canonical, type Json } from "./canonical.js";
import { DependencyGraph } from "./dependency-graph.js";
import type { History, Verdict } from "./history.js";
import {
  type Anomaly,
  forEachInRealTime,
  isCertain,
  isList,
  type MicroOperation,
  nameOf,
  type Transaction,
  type Transactions,
  transactionsOf,
} from "./transactions.js";

export interface TransactionVerdict {
  readonly verdict: Verdict;
  readonly anomalies: readonly Anomaly[];
  readonly transactionCount: number;
  readonly keyCount: number;
}

/** What was appended to a key, and what was read of it. */
interface KeyHistory {
  readonly key: Json;
  /** Canonical element -> who appended it, and as which of its appends to this key. */
  readonly appends: Map<string, { by: Transaction; isLast: boolean }>;
  readonly failed: Map<string, Transaction>;
  /** Of other transactions than the reader's own appends: elements as canonical texts. */
  readonly reads: { by: Transaction; elements: readonly string[] }[];
}

/** Judges operations `txn` whose steps are `r` and `append`. */
export function checkListAppend(history: History): TransactionVerdict {
  const transactions = transactionsOf(history);
  const anomalies: Anomaly[] = [...transactions.malformed];
  const keys = collectKeys(transactions, anomalies);
  const graph = new DependencyGraph(transactions.possible);
  for (const key of keys.values()) {
    judgeElements(key, anomalies);
    const order = longestRead(key, anomalies);
    if (order !== undefined) addDependencies(key, order, graph);
  }
  forEachInRealTime(transactions.possible, (before, after) => graph.add(before, after, "rt", ""));
  anomalies.push(...graph.cycles());
  return verdictOf(transactions, anomalies, keys.size);
}

/** What both judges of transactions answer. */
export function verdictOf(
  { possible }: Transactions,
  anomalies: readonly Anomaly[],
  keyCount: number,
): TransactionVerdict {
  const isJudged = possible.some(isCertain);
  const verdict = anomalies.length > 0 ? "invalid" : isJudged ? "valid" : "unknown";
  return { verdict, anomalies, transactionCount: possible.length, keyCount };
}

function collectKeys({ possible, failed }: Transactions, anomalies: Anomaly[]) {
  const keys = new Map<string, KeyHistory>();
  const keyOf = (key: Json): KeyHistory => {
    const name = canonical(key);
    const known = keys.get(name);
    if (known !== undefined) return known;
    const fresh = { key, appends: new Map(), failed: new Map(), reads: [] };
    keys.set(name, fresh);
    return fresh;
  };
  for (const transaction of failed) {
    for (const { f, key, value } of transaction.steps)
      if (f === "append") keyOf(key).failed.set(canonical(value), transaction);
  }
  for (const transaction of possible) collectTransaction(transaction, keyOf, anomalies);
  return keys;
}

/** Appends and reads of one transaction; reads must agree with what it did before them. */
function collectTransaction(
  transaction: Transaction,
  keyOf: (key: Json) => KeyHistory,
  anomalies: Anomaly[],
): void {
  const own = new Map<KeyHistory, { read: readonly string[] | undefined; appended: string[] }>();
  for (const step of transaction.steps) {
    const key = keyOf(step.key);
    const seen = own.get(key) ?? { read: undefined, appended: [] };
    own.set(key, seen);
    if (step.f === "append") {
      const element = canonical(step.value);
      const earlier = seen.appended.at(-1);
      if (earlier !== undefined) key.appends.get(earlier)!.isLast = false;
      if (key.appends.has(element))
        anomalies.push({ name: "input", text: `${element} was appended twice` });
      key.appends.set(element, { by: transaction, isLast: true });
      seen.appended.push(element);
    } else if (isCertain(transaction)) {
      const elements = elementsOf(step);
      const before = elements.slice(0, elements.length - seen.appended.length);
      const expected = seen.read === undefined ? undefined : [...seen.read, ...seen.appended];
      const isOwn = seen.appended.every((each, at) => elements[before.length + at] === each);
      if (!isOwn || (expected !== undefined && !isEqual(expected, elements))) {
        const text = `${nameOf(transaction)} reads ${show(step)} against what it did before`;
        anomalies.push({ name: "internal", text });
      } else if (seen.read === undefined) {
        seen.read = before;
        key.reads.push({ by: transaction, elements: before });
      }
    }
  }
}

const elementsOf = ({ value }: MicroOperation): string[] =>
  isList(value) ? value.map(canonical) : [];

const show = ({ key, value }: MicroOperation): string => `${canonical(key)} = ${canonical(value)}`;

const isEqual = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((each, at) => each === b[at]);

/** What must not be read at all: the unwritten, the refused, the half done, the doubled. */
function judgeElements({ key, appends, failed, reads }: KeyHistory, anomalies: Anomaly[]): void {
  for (const { by, elements } of reads) {
    const where = `${nameOf(by)} reads ${canonical(key)}`;
    if (new Set(elements).size < elements.length)
      anomalies.push({ name: "duplicate", text: `${where} with an element twice` });
    for (const element of elements) {
      if (appends.has(element)) continue;
      const name = failed.has(element) ? "G1a" : "phantom";
      const origin = name === "G1a" ? "of a refused transaction" : "that nobody appended";
      anomalies.push({ name, text: `${where} with ${element} ${origin}` });
    }
    const last = elements.length === 0 ? undefined : appends.get(elements.at(-1)!);
    if (last !== undefined && !last.isLast && last.by !== by)
      anomalies.push({ name: "G1b", text: `${where} in the middle of ${nameOf(last.by)}` });
  }
}

/** The longest read, if every other is a beginning of it. */
function longestRead({ key, reads }: KeyHistory, anomalies: Anomaly[]): string[] | undefined {
  let longest: readonly string[] = [];
  for (const { elements } of reads) if (elements.length > longest.length) longest = elements;
  for (const { by, elements } of reads) {
    if (elements.every((element, at) => element === longest[at])) continue;
    const text = `${nameOf(by)} reads ${canonical(key)} in another order than the longest read`;
    anomalies.push({ name: "incompatible-order", text });
    return undefined;
  }
  return [...longest];
}

function addDependencies(
  { key, appends, reads }: KeyHistory,
  order: readonly string[],
  graph: DependencyGraph,
): void {
  const name = canonical(key);
  const writerAt = (position: number): Transaction | undefined => appends.get(order[position]!)?.by;
  const observed = new Set(order);
  // Nobody read them here: if they happened, then after everything that was read. One that did
  // not happen has nothing after it, so it closes no cycle.
  const unread = [...appends].filter(([element]) => !observed.has(element)).map(([, { by }]) => by);
  for (let at = 0; at < order.length; at++) {
    const writer = writerAt(at);
    if (writer === undefined) continue;
    const why = `${name} gets ${order[at]} before ${order[at + 1] ?? "what nobody read"}`;
    const next = at + 1 < order.length ? [writerAt(at + 1)] : unread;
    for (const after of next) if (after !== undefined) graph.add(writer, after, "ww", why);
  }
  for (const { by, elements } of reads) {
    const last = writerAt(elements.length - 1);
    if (last !== undefined) graph.add(last, by, "wr", `it reads ${name} with ${elements.at(-1)}`);
    const why = `it reads ${name} without ${order[elements.length] ?? "what nobody read"}`;
    const next = elements.length < order.length ? [writerAt(elements.length)] : unread;
    for (const after of next) if (after !== undefined) graph.add(by, after, "rw", why);
  }
}
