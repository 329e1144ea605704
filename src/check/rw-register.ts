// Judge of txn-rw-register: strict serializability. Values written to a key are unique, but a read
// shows only the last of them, so the order of a key's versions is inferred (Elle, section 5.2):
// nothing comes before the first write; who read a version and then wrote made the later one; and
// as keys of a strictly serializable store are linearizable, so does who began after another had
// ended. Every inferred edge holds in each order that explains the history; orders that nothing
// shows are not invented, so a cycle proves a fault and its absence is not quite a proof.

import { canonical, type Json } from "./canonical.js";
import type { DependencyGraph } from "./dependency-graph.js";
import type { History } from "./history.js";
import { judgeTransactions, KeyHistory, type TransactionVerdict } from "./transaction-judge.js";
import {
  type Anomaly,
  forEachInRealTime,
  isCertain,
  nameOf,
  type Transaction,
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

/** Written are its versions. */
class RegisterHistory extends KeyHistory {
  readonly visits: Visit[] = [];
}

/** Judges operations `txn` whose steps are `r` and `w`. */
export const checkRwRegister = (history: History): TransactionVerdict =>
  judgeTransactions(history, {
    writes: "w",
    newKey: (key) => new RegisterHistory(key),
    collect: collectTransaction,
    judgeKey: (key, graph, anomalies) => {
      judgeReads(key, anomalies);
      addDependencies(key, graph, anomalies);
    },
  });

function collectTransaction(
  transaction: Transaction,
  keyOf: (key: Json) => RegisterHistory,
  anomalies: Anomaly[],
): void {
  const visits = new Map<RegisterHistory, Visit>();
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
      keyHistory.addWrite(transaction, version, visit.written, anomalies);
      visit.written = version;
    } else if (isCertain(transaction)) {
      const expected = visit.written ?? visit.read;
      if (expected === undefined) visit.read = version;
      else if (expected !== version) {
        const where = `${nameOf(transaction)} reads ${keyHistory.name}`;
        const text = `${where} = ${version} after ${expected}`;
        anomalies.push({ name: "internal", text });
      }
    }
  }
}

function judgeReads(key: RegisterHistory, anomalies: Anomaly[]): void {
  for (const { by, read } of key.visits) {
    if (read === undefined || read === unwritten) continue;
    const where = `${nameOf(by)} reads ${key.name} = ${read}`;
    key.judgeOrigin(where, read, anomalies);
    const writer = key.writers.get(read);
    if (writer !== undefined && !writer.isLast && writer.by !== by)
      anomalies.push({ name: "G1b", text: `${where} in the middle of ${nameOf(writer.by)}` });
  }
}

function addDependencies(key: RegisterHistory, graph: DependencyGraph, anomalies: Anomaly[]): void {
  const { name, writers, visits } = key;
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
function versionOrder({ visits }: RegisterHistory): Map<string, Set<string>> {
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
