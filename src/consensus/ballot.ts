// Ballots: the total order of attempts to change a register (consensus-rules 1; Lamport, The
// Part-Time Parliament, and Rystsov, CASPaxos). A ballot names its epoch, its round, the node that
// issued it and the process of that node, so it is never issued twice: not by two nodes, not by two
// processes of one node. Equal ballots therefore mean the same proposer and the same value.

import { compareText } from "../base/bytes.js";
import type { NodeId } from "./configuration.js";

export interface Ballot {
  /**
   * Epoch of the configuration the ballot was issued in; votes of other epochs do not count for it.
   */
  readonly epoch: number;
  readonly round: number;
  readonly node: NodeId;
  /** The issuing process: greater at every start of the node. */
  readonly incarnation: number;
}

/** Below every issued ballot: what a blank register has promised. */
export const zeroBallot: Ballot = { epoch: 0, round: 0, node: "", incarnation: 0 };

/** Negative, zero or positive as `a` is below, equal to or above `b`. */
export function compareBallots(a: Ballot, b: Ballot): number {
  if (a.epoch !== b.epoch) return a.epoch - b.epoch;
  if (a.round !== b.round) return a.round - b.round;
  if (a.node !== b.node) return compareText(a.node, b.node);
  return a.incarnation - b.incarnation;
}

export const equalBallots = (a: Ballot, b: Ballot): boolean => compareBallots(a, b) === 0;

export const maxBallot = (a: Ballot, b: Ballot): Ballot => (compareBallots(a, b) < 0 ? b : a);

/** For traces and assertion messages. */
export const ballotText = (ballot: Ballot): string =>
  `${ballot.epoch}.${ballot.round}.${ballot.node}/${ballot.incarnation}`;
