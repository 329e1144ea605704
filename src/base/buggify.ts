// Buggify points, after FoundationDB: places where the production code may do something allowed but
// rare - send less than it could, forget earlier than it must - which tests would hardly ever
// provoke. Only the simulator arms them; a test of the house sees to it. Unarmed, a point costs one
// comparison, and none stands on the way of a client's command.
//
// A point may only do what the protocol permits anyway. Whatever breaks then is a defect.

/** Every point with what happens at it. */
export const buggifyPoints = {
  inbox_is_full: "a batch that arrived is dropped as if there were no room",
  outbox_is_full: "an own batch is not kept for a peer, which must ask for it",
  logs_are_full: "the oldest batches of all logs go, and state sync must help",
  window_is_small: "a push carries a single batch",
  pull_answer_is_short: "a pull is answered with a single batch",
  pull_answer_is_lost: "a pull is not answered at all",
  round_is_given_up: "a proposer ends its round before the time",
  warm_ballot_is_thrown_away: "a proposer that could skip its first phase does not",
} as const;

export type BuggifyPoint = keyof typeof buggifyPoints;

type Draw = (point: BuggifyPoint) => boolean;

let draw: Draw | undefined;

/** Whether the rare thing happens here, now. */
export const buggify = (point: BuggifyPoint): boolean => draw?.(point) === true;

/** For the simulator alone. Undefined disarms every point. */
export function armBuggify(chosen: Draw | undefined): void {
  draw = chosen;
}
