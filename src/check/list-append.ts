// Judge of txn-list-append: strict serializability. Elements are unique, so what a read returns
// tells the order in which its key was written, and with it every dependency that was observed
// (Elle, section 4). Without a cycle among dependencies and real time an order of all transactions
// exists.
//
// Sound and, for what was read, complete: of an element that nobody read it is only known that it
// comes after all that were read.

import { canonical, type Json } from "./canonical.js";
import type { DependencyGraph } from "./dependency-graph.js";
import type { History } from "./history.js";
import { judgeTransactions, KeyHistory, type TransactionVerdict } from "./transaction-judge.js";
import {
  type Anomaly,
  isCertain,
  isList,
  type MicroOperation,
  nameOf,
  type Transaction,
} from "./transactions.js";

/** Written are its elements. */
class ListHistory extends KeyHistory {
  /** Without the reader's own appends: elements as canonical texts. */
  readonly reads: { by: Transaction; elements: readonly string[] }[] = [];
}

/** Judges operations `txn` whose steps are `r` and `append`. */
export const checkListAppend = (history: History): TransactionVerdict =>
  judgeTransactions(history, {
    writes: "append",
    newKey: (key) => new ListHistory(key),
    collect: collectTransaction,
    judgeKey: (key, graph, anomalies) => {
      judgeElements(key, anomalies);
      const order = longestRead(key, anomalies);
      if (order !== undefined) addDependencies(key, order, graph);
    },
  });

/** Appends and reads of one transaction; reads must agree with what it did before them. */
function collectTransaction(
  transaction: Transaction,
  keyOf: (key: Json) => ListHistory,
  anomalies: Anomaly[],
): void {
  const own = new Map<ListHistory, { read: readonly string[] | undefined; appended: string[] }>();
  for (const step of transaction.steps) {
    const key = keyOf(step.key);
    const seen = own.get(key) ?? { read: undefined, appended: [] };
    own.set(key, seen);
    if (step.f === "append") {
      const element = canonical(step.value);
      key.addWrite(transaction, element, seen.appended.at(-1), anomalies);
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
function judgeElements(key: ListHistory, anomalies: Anomaly[]): void {
  for (const { by, elements } of key.reads) {
    const where = `${nameOf(by)} reads ${key.name}`;
    if (new Set(elements).size < elements.length)
      anomalies.push({ name: "duplicate", text: `${where} with an element twice` });
    for (const element of elements) key.judgeOrigin(`${where} with ${element}`, element, anomalies);
    const last = elements.length === 0 ? undefined : key.writers.get(elements.at(-1)!);
    if (last !== undefined && !last.isLast && last.by !== by)
      anomalies.push({ name: "G1b", text: `${where} in the middle of ${nameOf(last.by)}` });
  }
}

/** The longest read, if every other is a beginning of it. */
function longestRead({ name, reads }: ListHistory, anomalies: Anomaly[]): string[] | undefined {
  let longest: readonly string[] = [];
  for (const { elements } of reads) if (elements.length > longest.length) longest = elements;
  for (const { by, elements } of reads) {
    if (elements.every((element, at) => element === longest[at])) continue;
    const text = `${nameOf(by)} reads ${name} in another order than the longest read`;
    anomalies.push({ name: "incompatible-order", text });
    return undefined;
  }
  return [...longest];
}

function addDependencies(
  { name, writers, reads }: ListHistory,
  order: readonly string[],
  graph: DependencyGraph,
): void {
  const writerAt = (position: number): Transaction | undefined => writers.get(order[position]!)?.by;
  const observed = new Set(order);
  // Nobody read them here: if they happened, then after everything that was read. One that did
  // not happen has nothing after it, so it closes no cycle.
  const unread = [...writers].filter(([element]) => !observed.has(element)).map(([, { by }]) => by);
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
