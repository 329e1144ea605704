// Differences from redis-server 7.0.15 that we keep on purpose: at most twenty rows, each with the exact
// commands that show it and the reason. A row matches one step and the two replies to it, nothing more;
// a test counts the rows and demands that each still has its commands and its reason.

import type { Step } from "./step.js";

export interface AcceptedDifference {
  readonly name: string;
  /** Commands that show the difference, as typed into redis-cli. */
  readonly commands: readonly string[];
  readonly reason: string;
  matches(step: Step, ours: string, theirs: string): boolean;
}

export const acceptedMax = 20;

export const acceptedDifferences: readonly AcceptedDifference[] = [];

/** The row that explains this difference, if any. Replies are latin1 text of the raw frames. */
export const explanationOf = (
  step: Step,
  ours: Buffer,
  theirs: Buffer,
): AcceptedDifference | undefined =>
  acceptedDifferences.find((row) =>
    row.matches(step, ours.toString("latin1"), theirs.toString("latin1")),
  );
