// When two replies count as equal. The rule is byte for byte; the comparers below are the few
// exceptions: an order that Redis does not promise, and times that pass between asking one server
// and the other. Error replies are always compared exactly, whatever the command.

import { parseReply, type Reply } from "./resp-client.js";
import type { Comparer, Step } from "./step.js";

const canonical = (reply: Reply): string =>
  reply.items === undefined
    ? `${reply.type}${reply.text ?? "(null)"}`
    : `${reply.type}[${reply.items.map(canonical).join(",")}]`;

const sortedItems = (reply: Reply): string =>
  `${reply.type}[${(reply.items ?? []).map(canonical).sort().join(",")}]`;

const sortedDeep = (reply: Reply): string =>
  reply.items === undefined
    ? canonical(reply)
    : `${reply.type}[${reply.items.map(sortedDeep).sort().join(",")}]`;

/** Same elements at every depth, in any order (the subcommands and flags of COMMAND INFO). */
export const sameAtEveryDepth: Comparer = (ours, theirs) => sortedDeep(ours) === sortedDeep(theirs);

/** Same elements, each as often, in any order (SMEMBERS, KEYS). */
export const sameMultiset: Comparer = (ours, theirs) =>
  ours.items === undefined || theirs.items === undefined
    ? canonical(ours) === canonical(theirs)
    : sortedItems(ours) === sortedItems(theirs);

function pairs(reply: Reply): string {
  const items = reply.items ?? [];
  const found: string[] = [];
  for (let i = 0; i + 1 < items.length; i += 2)
    found.push(`${canonical(items[i]!)}=${canonical(items[i + 1]!)}`);
  return `${reply.type}${items.length}[${found.sort().join(",")}]`;
}

/** Same field-value pairs in any order (HGETALL). */
export const samePairs: Comparer = (ours, theirs) =>
  ours.items === undefined || theirs.items === undefined
    ? canonical(ours) === canonical(theirs)
    : pairs(ours) === pairs(theirs);

/** Same type of reply and same nullness; for what is drawn at random or measured. */
export const sameShape: Comparer = (ours, theirs) =>
  ours.type === theirs.type &&
  (ours.text === undefined) === (theirs.text === undefined) &&
  (ours.items === undefined) === (theirs.items === undefined);

/**
 * Integers that may differ by as much as time passed between the two servers; -1 and -2 are exact.
 */
export const within =
  (difference: number): Comparer =>
  (ours, theirs) => {
    const a = Number(ours.text);
    const b = Number(theirs.text);
    if (ours.type !== ":" || theirs.type !== ":") return canonical(ours) === canonical(theirs);
    return a === b || (a >= 0 && b >= 0 && Math.abs(a - b) <= difference);
  };

/** A minute of a stopped machine must not look like a bug; wrong units and wrong bases still do. */
export const millisecondsMax = 10_000;
export const secondsMax = 10;

const isError = (frame: Buffer): boolean => frame[0] === 0x2d || frame[0] === 0x21;

const comparerFor = (
  comparers: Readonly<Record<string, Comparer>>,
  step: Step,
): Comparer | undefined => {
  const command = step.argv[0]!.toUpperCase();
  const both = `${command} ${step.argv[1]?.toUpperCase() ?? ""}`;
  return comparers[both] ?? comparers[command];
};

/** Whether two raw replies to one step are equal under the family's table. */
export function isSameReply(
  comparers: Readonly<Record<string, Comparer>>,
  step: Step,
  ours: Buffer,
  theirs: Buffer,
): boolean {
  if (ours.equals(theirs)) return true;
  if (isError(ours) || isError(theirs)) return false;
  const comparer = comparerFor(comparers, step);
  return comparer?.(parseReply(ours), parseReply(theirs), step) ?? false;
}
