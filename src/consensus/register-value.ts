// What a register holds: the opaque state and the applied table (consensus-rules 4-6). The table
// keeps, for each node that took a client's request, the last envelope of it that ran and what came
// out, so that an envelope which is retried, forwarded twice or adopted by another proposer never
// runs twice. One entry per node; nothing else prunes it.

import type { Bytes } from "../base/bytes.js";
import { compareText, emptyBytes } from "../base/bytes.js";
import { type Ballot, compareBallots, zeroBallot } from "./ballot.js";
import type { NodeId } from "./configuration.js";

/** The name of an envelope: who took its operations, in which process, and its number there. */
export interface EnvelopeId {
  readonly origin: NodeId;
  readonly incarnation: number;
  readonly seq: number;
}

export interface AppliedEntry extends EnvelopeId {
  /** One outcome per operation of the envelope, refusals included. */
  readonly outcomes: readonly Bytes[];
}

export interface RegisterValue {
  readonly state: Bytes;
  /** In order of origin; at most one entry per origin. */
  readonly applied: readonly AppliedEntry[];
  /**
   * What was born below this may have run before the register was collected, table and all (14).
   */
  readonly floor: Ballot;
}

/** A register that nobody wrote since the acceptors' floor. */
export const blankAbove = (floor: Ballot): RegisterValue => ({
  state: emptyBytes,
  applied: [],
  floor,
});

export const blankValue: RegisterValue = blankAbove(zeroBallot);

/**
 * An empty state is all that is left of a deleted register: the table that guards it may go too.
 */
export const isTombstone = (value: RegisterValue): boolean => value.state.length === 0;

/** The order of one origin's envelopes: its process, then its number. */
export const compareEnvelopeIds = (a: EnvelopeId, b: EnvelopeId): number =>
  a.incarnation !== b.incarnation ? a.incarnation - b.incarnation : a.seq - b.seq;

export interface EnvelopeToRun extends EnvelopeId {
  readonly operations: readonly Bytes[];
  /** The floor of its origin when the envelope was made. */
  readonly born: Ballot;
}

/**
 * Its operations' outcomes; `moved_on`: a later envelope of the origin has run, nobody waits for
 * this one; `too_old`: it was born below the register's floor and is refused for good.
 */
export type EnvelopeOutcome = readonly Bytes[] | "moved_on" | "too_old";

/** Runs operations in order on a state; see `ConsensusPort.change`. */
export type ChangeState = (state: Bytes, operations: readonly Bytes[]) => ChangedState;

export interface ChangedState {
  readonly state: Bytes;
  readonly outcomes: readonly Bytes[];
  /** False: every operation left the state as it was. */
  readonly changed: boolean;
}

export interface AppliedBatch {
  readonly value: RegisterValue;
  /** By position of the envelope. */
  readonly outcomes: readonly EnvelopeOutcome[];
  /** How many envelopes had run before and got their stored outcomes. */
  readonly storedCount: number;
}

/**
 * Runs envelopes in order (rule 4): one above its origin's entry runs, one equal to it gets the
 * stored outcomes, one below it is refused. Refusals of operations are outcomes like any other and
 * are recorded with them (rule 6). Nothing here may be told to anybody until the value is chosen
 * (rule 5).
 */
export function applyEnvelopes(
  base: RegisterValue,
  envelopes: readonly EnvelopeToRun[],
  change: ChangeState,
): AppliedBatch {
  let state = base.state;
  const applied = [...base.applied];
  const outcomes: EnvelopeOutcome[] = [];
  let storedCount = 0;
  for (const envelope of envelopes) {
    const at = applied.findIndex((entry) => entry.origin === envelope.origin);
    const order = at < 0 ? 1 : compareEnvelopeIds(envelope, applied[at]!);
    if (order <= 0) {
      if (order === 0) storedCount++;
      outcomes.push(order === 0 ? applied[at]!.outcomes : "moved_on");
      continue;
    }
    if (compareBallots(envelope.born, base.floor) < 0) {
      outcomes.push("too_old");
      continue;
    }
    const result = change(state, envelope.operations);
    state = result.state;
    const { origin, incarnation, seq } = envelope;
    const entry: AppliedEntry = { origin, incarnation, seq, outcomes: result.outcomes };
    if (at < 0) applied.push(entry);
    else applied[at] = entry;
    outcomes.push(result.outcomes);
  }
  applied.sort((a, b) => compareText(a.origin, b.origin));
  return { value: { state, applied, floor: base.floor }, outcomes, storedCount };
}
