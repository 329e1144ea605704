// Judge of txn-rw-register: strict serializability. Values written to a key are unique, but a read
// shows only the last of them, so the order of a key's versions is inferred (Elle, section 5.2):
// nothing comes before the first write; who read a version and then wrote made the later one; and
// as keys of a strictly serializable store are linearizable, so does who began after another had
// ended. Every inferred edge holds in each order that explains the history; orders that nothing
// shows are not invented, so a cycle proves a fault and its absence is not quite a proof.

import { canonical, type Json } from "./canonical.js";
import { DependencyGraph } from "./dependency-graph.js";
import type { History } from "./history.js";
import { type TransactionVerdict, verdictOf } from "./list-append.js";
import {
  type Anomaly,
  forEachInRealTime,
  isCertain,
  nameOf,
  type Transaction,
  type Transactions,
  transactionsOf,
} from "./transactions.js";

/** The version before every write. */
const unwritten = canonical(null);

/** What one transaction has to do with one key. */
interface Visit {
  readonly by: Transaction;
  /** The first version it saw that is not its own. */
  read: string | undefined;
  /** The last version it wrote. */
  written: string | undefined;
}

interface KeyHistory {
  readonly key: Json;
  readonly writers: Map<string, { by: Transaction; isLast: boolean }>;
  readonly failed: Map<string, Transaction>;
  readonly visits: Visit[];
}

/** Judges operations `txn` whose steps are `r` and `w`. */
export function checkRwRegister(history: History): TransactionVerdict {
  const transactions = transactionsOf(history);
  const anomalies: Anomaly[] = [...transactions.malformed];
  const keys = collectKeys(transactions, anomalies);
  const graph = new DependencyGraph(transactions.possible);
  for (const key of keys.values()) {
    judgeReads(key, anomalies);
    addDependencies(key, graph, anomalies);
  }
  forEachInRealTime(transactions.possible, (before, after) => graph.add(before, after, "rt", ""));
  anomalies.push(...graph.cycles());
  return verdictOf(transactions, anomalies, keys.size);
}

function collectKeys({ possible, failed }: Transactions, anomalies: Anomaly[]) {
  const keys = new Map<string, KeyHistory>();
  const keyOf = (key: Json): KeyHistory => {
    const name = canonical(key);
    const known = keys.get(name);
    if (known !== undefined) return known;
    const fresh: KeyHistory = { key, writers: new Map(), failed: new Map(), visits: [] };
    keys.set(name, fresh);
    return fresh;
  };
  for (const transaction of failed) {
    for (const { f, key, value } of transaction.steps)
      if (f === "w") keyOf(key).failed.set(canonical(value), transaction);
  }
  for (const transaction of possible) collectTransaction(transaction, keyOf, anomalies);
  return keys;
}

function collectTransaction(
  transaction: Transaction,
  keyOf: (key: Json) => KeyHistory,
  anomalies: Anomaly[],
): void {
  const visits = new Map<KeyHistory, Visit>();
  for (const { f, key, value } of transaction.steps) {
    const keyHistory = keyOf(key);
    let visit = visits.get(keyHistory);
    if (visit === undefined) {
      visit = { by: transaction, read: undefined, written: undefined };
      visits.set(keyHistory, visit);
      keyHistory.visits.push(visit);
    }
    const version = canonical(value);
    if (f === "w") {
      if (visit.written !== undefined) keyHistory.writers.get(visit.written)!.isLast = false;
      if (keyHistory.writers.has(version))
        anomalies.push({ name: "input", text: `${version} was written twice` });
      keyHistory.writers.set(version, { by: transaction, isLast: true });
      visit.written = version;
    } else if (isCertain(transaction)) {
      const expected = visit.written ?? visit.read;
      if (expected === undefined) visit.read = version;
      else if (expected !== version) {
        const where = `${nameOf(transaction)} reads ${canonical(key)}`;
        const text = `${where} = ${version} after ${expected}`;
        anomalies.push({ name: "internal", text });
      }
    }
  }
}

function judgeReads({ key, writers, failed, visits }: KeyHistory, anomalies: Anomaly[]): void {
  for (const { by, read } of visits) {
    if (read === undefined || read === unwritten) continue;
    const where = `${nameOf(by)} reads ${canonical(key)} = ${read}`;
    const writer = writers.get(read);
    if (writer === undefined) {
      const isRefused = failed.has(read);
      const origin = isRefused ? "of a refused transaction" : "that nobody wrote";
      anomalies.push({ name: isRefused ? "G1a" : "phantom", text: `${where} ${origin}` });
    } else if (!writer.isLast && writer.by !== by) {
      anomalies.push({ name: "G1b", text: `${where} in the middle of ${nameOf(writer.by)}` });
    }
  }
}

function addDependencies(key: KeyHistory, graph: DependencyGraph, anomalies: Anomaly[]): void {
  const { writers, visits } = key;
  const name = canonical(key.key);
  const readers = new Map<string, Transaction[]>();
  for (const { by, read } of visits) {
    if (read === undefined) continue;
    readers.set(read, [...(readers.get(read) ?? []), by]);
    const writer = writers.get(read);
    if (writer !== undefined) graph.add(writer.by, by, "wr", `it reads ${name} = ${read}`);
  }
  const successors = versionOrder(key);
  if (hasCycle(successors)) {
    const text = `the versions of ${name} cannot be ordered`;
    anomalies.push({ name: "cyclic-versions", text });
    return;
  }
  for (const [version, laters] of successors) {
    for (const later of laters) {
      const next = writers.get(later)?.by;
      if (next === undefined) continue;
      const writer = writers.get(version)?.by;
      const why = `${name} = ${version} comes before ${later}`;
      if (writer !== undefined) graph.add(writer, next, "ww", why);
      for (const reader of readers.get(version) ?? []) graph.add(reader, next, "rw", why);
    }
  }
}

/** Version -> versions that certainly came later. */
function versionOrder({ visits }: KeyHistory): Map<string, Set<string>> {
  const successors = new Map<string, Set<string>>();
  const follow = (earlier: string | undefined, later: string | undefined): void => {
    if (earlier === undefined || later === undefined || earlier === later) return;
    const known = successors.get(earlier);
    if (known === undefined) successors.set(earlier, new Set([later]));
    else known.add(later);
  };
  const byTransaction = new Map(visits.map((visit) => [visit.by, visit]));
  for (const { read, written } of visits) {
    follow(read, written);
    // One that did not happen was read by nobody: nothing follows it, so it closes no cycle.
    follow(unwritten, written);
  }
  forEachInRealTime([...byTransaction.keys()], (before, after) => {
    const [first, second] = [byTransaction.get(before)!, byTransaction.get(after)!];
    follow(first.written ?? first.read, second.read ?? second.written);
  });
  return successors;
}

/** Takes away what nothing comes before (Kahn): whether some version comes before itself. */
function hasCycle(successors: ReadonlyMap<string, ReadonlySet<string>>): boolean {
  const incoming = new Map<string, number>();
  for (const laters of successors.values())
    for (const later of laters) incoming.set(later, (incoming.get(later) ?? 0) + 1);
  const free = [...successors.keys()].filter((version) => !incoming.has(version));
  let left = incoming.size;
  for (const version of free) {
    for (const later of successors.get(version) ?? []) {
      const count = incoming.get(later)! - 1;
      incoming.set(later, count);
      if (count > 0) continue;
      left--;
      free.push(later);
    }
  }
  return left > 0;
}
