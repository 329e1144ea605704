// Situations that a campaign must have met. A checker that never saw a read overlap a partition has
// proved nothing about it, so a campaign in which one of these never happened fails.

import type { Node } from "../node/node.js";
import type { Tally } from "./tally.js";

export const sometimes = {
  read_overlapped_partition: "a read succeeded while the network was cut",
  proposer_preempted: "a round was rejected because another proposer was ahead",
  round_timed_out: "a round ended without a majority",
  cas_interrupted: "a client does not know whether its CAS happened",
  operation_unavailable: "a node refused at once for want of a majority",
  client_timed_out: "a client gave up waiting and asked another node",
  home_taken_over: "an origin gave up on the home of a register and proposed itself",
  forward_cancelled: "an origin withdrew what it had forwarded",
  second_read: "the first round of a read was not consistent",
  stored_outcome_told: "a repeated operation was answered from the register's table",
  state_sync_needed: "a log did not reach back, and a whole shard was sent",
  pull_needed: "a batch did not arrive by itself and was asked for",
  push_repeated: "a batch was sent again for want of an acknowledgement",
  duplicate_batch: "a batch arrived twice",
  batch_held_for_skew: "a batch waited because its maker's clock was far ahead",
  batch_waited: "a batch waited for its predecessor",
  crash_lost_writes: "a crash took writes that nobody else had seen",
  orphan_dropped: "a crash left a batch whose predecessor nobody has",
  add_survived_removal: "an add stayed because the remover had not seen it",
  increment_survived_reset: "an increment stayed because the SET or DEL had not seen it",
  concurrent_sets: "two SETs had not seen each other",
  corrupt_frame_refused: "a frame was damaged on its way and refused",
  message_overtaken: "a frame arrived before one that was sent earlier",
  log_recovered: "a node came back with its log",
  watch_refused: "a watched key had changed, and EXEC did nothing",
  checkpoint_made: "a checkpoint took the place of the older part of a log",
  log_salvaged: "a log was damaged, and its node came back with what could be read",
  session_moved: "a causal session went to another node with its token",
  session_waited_in_vain: "a node did not see in time what a session had seen",
  session_lost: "a token named what a crash had taken, and the session began anew",
  key_expired: "a key was removed because its time had come",
} as const;

export type SometimesName = keyof typeof sometimes;

/** Situations that only a campaign of chaos must have met. */
export const chaoticNames: readonly SometimesName[] = [
  "log_salvaged",
  "orphan_dropped",
  "session_lost",
];

export const sometimesNames = Object.keys(sometimes) as SometimesName[];

/** Shards that were joined as states or as differences of states. */
export function joinedStateCountOf(node: Node): number {
  const { stateJoinedCount, differenceJoinedCount } = node.replicator!.status();
  return stateJoinedCount + differenceJoinedCount;
}

/** What a node has met in the life of its process. */
export function noteNode(node: Node, sometimes: Tally<SometimesName>): void {
  const { counters } = node.registers;
  sometimes.add("proposer_preempted", counters.roundsPreempted);
  sometimes.add("round_timed_out", counters.roundsTimedOut);
  sometimes.add("home_taken_over", counters.takeovers);
  sometimes.add("forward_cancelled", counters.cancels);
  sometimes.add("second_read", counters.secondReads);
  sometimes.add("stored_outcome_told", counters.storedOutcomes);
  const status = node.replicator!.status();
  sometimes.add("state_sync_needed", joinedStateCountOf(node));
  sometimes.add("pull_needed", status.pullCount);
  sometimes.add("push_repeated", status.resentBatchCount);
  sometimes.add("duplicate_batch", status.duplicateCount);
  sometimes.add("checkpoint_made", node.environment.storage?.figures.saveCount ?? 0);
  sometimes.add("key_expired", node.keyspace.expiredKeys);
}
