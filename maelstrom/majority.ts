// What a cut cost those it should not have cost anything: of the operations sent to the majority
// side while it lasted, how many were answered; and how long after it began a write first succeeded
// there.

import type { History, Operation } from "../src/check/history.js";

export interface CutRecord {
  readonly kind: string;
  readonly description: string;
  readonly majoritySide: readonly string[];
  /** Microseconds, on the clock of the history. */
  readonly fromUs: number;
  readonly toUs: number;
}

/** A node that was killed or paused for a while. */
export interface Outage {
  readonly node: string;
  readonly fromUs: number;
  readonly toUs: number;
}

export interface Share {
  readonly count: number;
  /** Ended ok, or with "no such key" (20) or "not the expected value" (22): the cluster decided. */
  readonly answered: number;
}

export interface CutVerdict extends CutRecord {
  /**
   * Milliseconds until the first success of a write that was sent to the majority side after the
   * cut.
   */
  readonly firstWriteMs: number | undefined;
  readonly majorityShare: Share;
}

export interface MajorityReport {
  readonly share: Share;
  readonly byKind: Readonly<Record<string, Share>>;
  readonly cuts: readonly CutVerdict[];
  /** The slowest first write, and how many cuts ended before one. */
  readonly firstWriteMsMax: number | undefined;
  readonly cutsWithoutWrite: number;
}

const decidedCodes: readonly number[] = [20, 22];

export function reportMajority(
  history: History,
  cuts: readonly CutRecord[],
  outages: readonly Outage[],
  writes: ReadonlySet<string>,
): MajorityReport {
  const verdicts = cuts.map((cut): CutVerdict => {
    const sent = history.filter((operation) => isSentToMajority(operation, cut, outages));
    return {
      ...cut,
      firstWriteMs: firstWriteMs(sent, cut, writes),
      majorityShare: shareOf(sent),
    };
  });
  const byKind: Record<string, Share> = {};
  for (const { kind, majorityShare } of verdicts) {
    byKind[kind] = addShares(byKind[kind] ?? { count: 0, answered: 0 }, majorityShare);
  }
  const times = verdicts.flatMap((cut) => cut.firstWriteMs ?? []);
  return {
    share: Object.values(byKind).reduce(addShares, { count: 0, answered: 0 }),
    byKind,
    cuts: verdicts,
    firstWriteMsMax: times.length === 0 ? undefined : Math.max(...times),
    cutsWithoutWrite: verdicts.length - times.length,
  };
}

function isSentToMajority(
  { node, invokedAt, final }: Operation,
  cut: CutRecord,
  outages: readonly Outage[],
): boolean {
  if (node === undefined || final === true) return false;
  if (invokedAt < cut.fromUs || invokedAt >= cut.toUs) return false;
  if (!cut.majoritySide.includes(node)) return false;
  return !outages.some(
    (outage) => outage.node === node && outage.fromUs <= invokedAt && invokedAt < outage.toUs,
  );
}

function firstWriteMs(
  sent: History,
  cut: CutRecord,
  writes: ReadonlySet<string>,
): number | undefined {
  const ends = sent
    .filter(({ f, outcome }) => writes.has(f) && outcome === "ok")
    .map(({ completedAt }) => completedAt!)
    .filter((completedAt) => completedAt < cut.toUs);
  return ends.length === 0 ? undefined : (Math.min(...ends) - cut.fromUs) / 1000;
}

function shareOf(sent: History): Share {
  const isAnswered = ({ outcome, error }: Operation): boolean =>
    outcome === "ok" || (outcome === "fail" && decidedCodes.includes(error?.code ?? 0));
  return { count: sent.length, answered: sent.filter(isAnswered).length };
}

const addShares = (a: Share, b: Share): Share => ({
  count: a.count + b.count,
  answered: a.answered + b.answered,
});
