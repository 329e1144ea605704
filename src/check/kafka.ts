// Judge of Maelstrom's kafka: logs by key, whose offsets may leave gaps but tell one story. After
// Jepsen's jepsen.tests.kafka; the rules, each an anomaly by name:
//   inconsistent-offset  one offset of a key shows two messages
//   duplicate            one message stands at two offsets
//   order                a poll goes back, or a send that began after another had ended got the
//                        lower offset
//   phantom              a message that nobody sent, or whose send was refused
//   early                a poll returns what lies before the offset it asked from
//   skip, lost-write     a poll passes over a message that is known to be there; lost if no poll
//                        ever saw it
//   unseen               the final polls, which read to the end, did not see an acknowledged
//   message lost-commit          an offset that was committed before is not reported
//   phantom-commit       an offset is reported that nobody committed
// A poll that does not yet see the newest messages is counted (stale), as Kafka allows it.

import { canonical, type Json } from "./canonical.js";
import type { History, Operation, Verdict } from "./history.js";
import type { Anomaly } from "./transactions.js";

export interface KafkaVerdict {
  readonly verdict: Verdict;
  readonly anomalies: readonly Anomaly[];
  readonly keyCount: number;
  readonly sentCount: number;
  readonly acknowledgedCount: number;
  readonly polledCount: number;
  /** Acknowledged and seen by no poll. */
  readonly unseenCount: number;
  readonly staleCount: number;
}

interface Send {
  readonly message: string;
  readonly operation: Operation;
  /** Undefined unless it was acknowledged. */
  readonly offset: number | undefined;
}

interface Poll {
  readonly operation: Operation;
  readonly from: number;
  readonly entries: readonly (readonly [offset: number, message: string])[];
}

interface Log {
  readonly key: string;
  readonly sends: Send[];
  readonly polls: Poll[];
}

/** Judges `send`, `poll`, `commit_offsets` and `list_committed_offsets`. */
export function checkKafka(history: History): KafkaVerdict {
  const byInvocation = [...history].sort((a, b) => a.invokedAt - b.invokedAt);
  const anomalies: Anomaly[] = [];
  const logs = collectLogs(byInvocation);
  const counts = { sent: 0, acknowledged: 0, polled: 0, unseen: 0, stale: 0 };
  const hasFinalPolls = history.some(({ f, final, outcome }) => {
    return f === "poll" && final === true && outcome === "ok";
  });
  for (const log of logs.values()) {
    judgeSends(log, anomalies);
    const places = judgePlaces(log, anomalies);
    judgePolls(log, places, anomalies);
    countLog(log, places.seen, counts);
    if (hasFinalPolls) judgeFinal(log, places.seen, anomalies);
  }
  judgeCommits(byInvocation, anomalies);
  const isJudged = counts.acknowledged > 0 && counts.polled > 0;
  return {
    verdict: anomalies.length > 0 ? "invalid" : isJudged ? "valid" : "unknown",
    anomalies,
    keyCount: logs.size,
    sentCount: counts.sent,
    acknowledgedCount: counts.acknowledged,
    polledCount: counts.polled,
    unseenCount: counts.unseen,
    staleCount: counts.stale,
  };
}

function collectLogs(history: History): Map<string, Log> {
  const logs = new Map<string, Log>();
  const logOf = (key: string): Log => {
    const log = logs.get(key) ?? { key, sends: [], polls: [] };
    logs.set(key, log);
    return log;
  };
  for (const operation of history) {
    const { f, key, input, outcome, output } = operation;
    if (f === "send") {
      const offset = outcome === "ok" ? Number(output) : undefined;
      logOf(String(key)).sends.push({ message: canonical(input), operation, offset });
    } else if (f === "poll" && outcome === "ok") {
      const asked = fieldsOf(input);
      for (const [name, entries] of Object.entries(fieldsOf(output ?? null))) {
        logOf(name).polls.push({
          operation,
          from: Number(asked[name] ?? 0),
          entries: (entries as readonly (readonly [number, Json])[]).map(([offset, message]) => [
            offset,
            canonical(message),
          ]),
        });
      }
    }
  }
  return logs;
}

const fieldsOf = (value: Json): Readonly<Record<string, Json>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, Json>>)
    : {};

/** Real time orders the offsets of acknowledged sends. */
function judgeSends({ key, sends }: Log, anomalies: Anomaly[]): void {
  const acknowledged = sends.filter(({ offset }) => offset !== undefined);
  const byEnd = [...acknowledged].sort(
    (a, b) => a.operation.completedAt! - b.operation.completedAt!,
  );
  let highest = -1;
  let ended = 0;
  for (const { offset, operation } of acknowledged) {
    for (; byEnd[ended]!.operation.completedAt! < operation.invokedAt; ended++)
      highest = Math.max(highest, byEnd[ended]!.offset!);
    if (offset! > highest) continue;
    const text = `a send to ${key} got ${offset} though ${highest} was given out before it began`;
    anomalies.push({ name: "order", text });
  }
}

interface Places {
  /** Offset -> the message there, known from sends and polls. */
  readonly messages: ReadonlyMap<number, string>;
  /** Offsets that some poll returned. */
  readonly seen: ReadonlySet<number>;
}

/** Every offset has one message, every message one offset, and somebody sent it. */
function judgePlaces({ key, sends, polls }: Log, anomalies: Anomaly[]): Places {
  const messages = new Map<number, string>();
  const offsets = new Map<string, number>();
  const seen = new Set<number>();
  const sent = new Map(sends.map((send) => [send.message, send.operation.outcome]));
  const place = (offset: number, message: string): void => {
    const known = messages.get(offset);
    if (known !== undefined && known !== message) {
      const text = `offset ${offset} of ${key} shows ${known} and ${message}`;
      anomalies.push({ name: "inconsistent-offset", text });
    }
    const other = offsets.get(message);
    if (other !== undefined && other !== offset) {
      const text = `${message} stands in ${key} at ${other} and at ${offset}`;
      anomalies.push({ name: "duplicate", text });
    }
    messages.set(offset, message);
    offsets.set(message, offset);
  };
  for (const { offset, message } of sends) if (offset !== undefined) place(offset, message);
  for (const { entries } of polls) {
    for (const [offset, message] of entries) {
      place(offset, message);
      seen.add(offset);
      const outcome = sent.get(message);
      if (outcome !== undefined && outcome !== "fail") continue;
      const origin = outcome === "fail" ? "refused" : "never sent";
      const text = `${message} at ${offset} of ${key} was ${origin}`;
      anomalies.push({ name: "phantom", text });
    }
  }
  return { messages, seen };
}

/** What a poll returns goes upward and passes over nothing that is known. */
function judgePolls({ key, polls }: Log, { messages, seen }: Places, anomalies: Anomaly[]): void {
  const known = [...messages.keys()].sort((a, b) => a - b);
  const ranks = new Map(known.map((offset, rank) => [offset, rank]));
  for (const { operation, from, entries } of polls) {
    const where = `a poll of ${key} by process ${operation.process} from ${from}`;
    let expected = lowerBound(known, from);
    let last = -1;
    for (const [offset] of entries) {
      if (offset < from) anomalies.push({ name: "early", text: `${where} returns ${offset}` });
      if (offset <= last)
        anomalies.push({ name: "order", text: `${where} returns ${offset} after ${last}` });
      last = offset;
      const rank = ranks.get(offset)!;
      for (; expected < rank; expected++) {
        const skipped = known[expected]!;
        const name = seen.has(skipped) ? "skip" : "lost-write";
        anomalies.push({ name, text: `${where} returns ${offset}, but not ${skipped}` });
      }
      expected = Math.max(expected, rank + 1);
    }
  }
}

/** The position of the first item that is not below `value`. */
function lowerBound(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function judgeFinal({ key, sends }: Log, seen: ReadonlySet<number>, anomalies: Anomaly[]): void {
  for (const { offset, message } of sends) {
    if (offset === undefined || seen.has(offset)) continue;
    const text = `${message} at ${offset} of ${key} was acknowledged and no poll saw it`;
    anomalies.push({ name: "unseen", text });
  }
}

function countLog(
  { sends, polls }: Log,
  seen: ReadonlySet<number>,
  counts: { sent: number; acknowledged: number; polled: number; unseen: number; stale: number },
): void {
  const acknowledged = sends.filter(({ offset }) => offset !== undefined);
  counts.sent += sends.length;
  counts.acknowledged += acknowledged.length;
  counts.polled += seen.size;
  counts.unseen += acknowledged.filter(({ offset }) => !seen.has(offset!)).length;
  for (const { operation, from, entries } of polls) {
    if (entries.length > 0) continue;
    const isBehind = acknowledged.some((send) => {
      return send.offset! >= from && send.operation.completedAt! < operation.invokedAt;
    });
    if (isBehind) counts.stale++;
  }
}

/** Committed offsets never go back, as far as real time tells. */
function judgeCommits(history: History, anomalies: Anomaly[]): void {
  const commits = history.filter(({ f, outcome }) => f === "commit_offsets" && outcome !== "fail");
  for (const { f, input, output, outcome, invokedAt, completedAt } of history) {
    if (f !== "list_committed_offsets" || outcome !== "ok") continue;
    const reported = fieldsOf(output ?? null);
    for (const key of Array.isArray(input) ? (input as readonly string[]) : []) {
      let before = -1;
      let possible = -1;
      for (const commit of commits) {
        const offset = Number(fieldsOf(commit.input)[key] ?? -1);
        if (commit.invokedAt < completedAt!) possible = Math.max(possible, offset);
        if (commit.outcome === "ok" && commit.completedAt! < invokedAt)
          before = Math.max(before, offset);
      }
      const shown = Number(reported[key] ?? -1);
      const where = `${key} reports ${shown}`;
      if (shown < before)
        anomalies.push({ name: "lost-commit", text: `${where}, but ${before} was committed` });
      if (shown > possible)
        anomalies.push({ name: "phantom-commit", text: `${where}, at most ${possible} was asked` });
    }
  }
}
