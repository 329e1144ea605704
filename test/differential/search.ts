// The search itself: fast-check draws sequences, the rig runs them on both servers, and what
// differs is shrunk twice, first by fast-check (words and values become simple), then by removing
// every group of steps that is not needed. After a find the search goes on, so that one run shows
// several different differences.

import fc from "fast-check";
import type { Difference, Rig } from "./rig.js";
import { type Family, type StepGroup, showStep } from "./step.js";

export interface Find {
  readonly family: string;
  readonly difference: Difference;
  readonly groups: readonly StepGroup[];
  readonly protocol: 2 | 3;
  readonly seed: number;
}

export interface Outcome {
  readonly family: string;
  readonly commands: number;
  readonly leftOut: readonly string[];
  readonly finds: readonly Find[];
}

export interface SearchOptions {
  readonly commands: number;
  readonly seed: number;
  readonly findsMax: number;
}

/** Groups of one sequence; long enough for keys to meet again, short enough to shrink fast. */
const groupsMax = 160;
/** Shrinking stops here: a longer story is better than none. */
const shrinkRunsMax = 600;

interface Sequence {
  readonly groups: readonly StepGroup[];
  readonly protocol: 2 | 3;
}

/** One sequence in three uses several connections; the others would spend their time in waiting. */
function sequences(groups: fc.Arbitrary<StepGroup>): fc.Arbitrary<Sequence> {
  const spread = fc
    .tuple(groups, fc.nat(2))
    .map(([group, connection]) => group.map((step) => ({ ...step, connection })));
  const list = (each: fc.Arbitrary<StepGroup>, maxLength: number): fc.Arbitrary<StepGroup[]> =>
    fc.array(each, { minLength: 1, maxLength, size: "max" });
  return fc.record({
    groups: fc.oneof(
      { weight: 4, arbitrary: list(groups, groupsMax) },
      { weight: 1, arbitrary: list(spread, groupsMax / 4) },
    ),
    protocol: fc.constantFrom<2 | 3>(2, 2, 3),
  });
}

/** Differences of one kind: the same command with replies that begin alike. */
const signatureOf = ({ step, ours, theirs }: Difference): string => {
  // A connection that broke says nothing about the step; the program's last words tell crashes
  // apart.
  if (!ours.startsWith('"')) return ours.replaceAll(/\d+/g, "").slice(0, 400);
  const head = (reply: string): string =>
    /^"[-+]/.test(reply) ? reply.slice(0, 24) : reply.slice(0, 2);
  return `${step.argv[0]!.toUpperCase()} ${head(ours)} ${head(theirs)}`;
};

export async function search(rig: Rig, family: Family, options: SearchOptions): Promise<Outcome> {
  const known = await rig.supported(family.commands);
  const leftOut = family.commands.filter((command) => !known.has(command));
  const arbitrary = sequences(family.groups((command) => known.has(command)));
  const finds: Find[] = [];
  const seen = new Set<string>();
  let commands = 0;
  let seed = options.seed;

  const differs = async ({ groups, protocol }: Sequence): Promise<Difference | null> => {
    const difference = await rig.run(family, groups.flat(), protocol);
    // A kind already reported ends its sequence quietly.
    return difference === null || seen.has(signatureOf(difference)) ? null : difference;
  };

  while (commands < options.commands && finds.length < options.findsMax) {
    let isShrinking = false;
    let shrinkRuns = 0;
    const property = fc.asyncProperty(arbitrary, async (sequence) => {
      // An interruption, not a success: a success would make fast-check walk every candidate there
      // is.
      const isEnough = isShrinking ? ++shrinkRuns > shrinkRunsMax : commands >= options.commands;
      if (isEnough) throw new fc.PreconditionFailure(true);
      if (!isShrinking) commands += sequence.groups.reduce((sum, group) => sum + group.length, 0);
      const difference = await differs(sequence);
      if (difference !== null) isShrinking = true;
      return difference === null;
    });
    const numRuns = Math.ceil((options.commands - commands) / (groupsMax / 2));
    const result = await fc.check(property, { seed, numRuns });
    if (!result.failed) {
      seed++;
      continue;
    }
    if (result.counterexample === null) throw result.errorInstance;
    const find = await shorten(result.counterexample[0], differs);
    if (find !== null) {
      seen.add(signatureOf(find.difference));
      finds.push({ family: family.name, seed, ...find });
    }
    seed++;
  }
  return { family: family.name, commands, leftOut, finds };
}

/**
 * Removes groups, halves first, single ones last, while some difference remains. Null: it did not
 * come again.
 */
async function shorten(
  sequence: Sequence,
  differs: (sequence: Sequence) => Promise<Difference | null>,
): Promise<Pick<Find, "groups" | "difference" | "protocol"> | null> {
  let { groups } = sequence;
  const { protocol } = sequence;
  let difference = await differs(sequence);
  if (difference === null) return null;
  for (let size = Math.ceil(groups.length / 2); size >= 1; size = size === 1 ? 0 : size >> 1) {
    for (let at = 0; at < groups.length; ) {
      const fewer = [...groups.slice(0, at), ...groups.slice(at + size)];
      const still = fewer.length === 0 ? null : await differs({ groups: fewer, protocol });
      if (still === null) at += size;
      else [groups, difference] = [fewer, still];
    }
  }
  return { groups, difference, protocol };
}

export function showFind({ family, difference, groups, protocol, seed }: Find): string {
  const lines = groups.flat().map((step) => `  ${showStep(step)}`);
  return [
    `difference in family ${family}, RESP${protocol}, seed ${seed}, at: ${showStep(difference.step)}`,
    ...lines,
    `  ours:  ${difference.ours}`,
    `  redis: ${difference.theirs}`,
  ].join("\n");
}
