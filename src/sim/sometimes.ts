// Situations that a campaign must have met. A checker that never saw a read overlap a partition has
// proved nothing about it, so a campaign in which one of these never happened fails.

import type { Session } from "../commands/session.js";
import type { Node } from "../node/node.js";
import { unfinishedName } from "../storage/frame.js";
import type { Examined } from "../storage/recovery.js";
import type { StartRecord } from "../storage/start-record.js";
import type { Wal } from "../storage/wal.js";
import type { SimulatedDisk } from "./disk.js";
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
  crash_took_bytes: "a crash took what was written to a log and not forced",
  crash_took_replies: "a crash took replies that waited for the disk",
  checkpoint_torn: "a crash came in the middle of a checkpoint",
  tail_cut: "a crash left a torn record at the end of a log, and it was cut off",
  writer_renewed: "the tail of a log may have been missing, and its node wrote under a new name",
  writer_kept: "a node whose log was whole went on as the writer that it was",
  file_sealed: "a file of the log was full, and the next one was begun",
  log_fenced: "the disk refused a write or a sync, and the log worked again afterwards",
  log_salvaged: "a log was damaged, and its node came back with what could be read",
  session_moved: "a causal session went to another node with its token",
  session_waited_in_vain: "a node did not see in time what a session had seen",
  session_lost: "a token named what a crash had taken, and the session began anew",
  joined_during_partition: "a node joined while links were cut",
  left_under_load: "a node left in order while clients were asking",
  member_came_again: "a node that had left, or was forgotten, joined again",
  acceptors_changed_in_round: "the acceptors changed while a proposer was in a round",
  shard_taken_over: "a node began to serve a shard that others had served",
  shard_given_up: "a node gave up a shard that others keep",
  copy_taken: "a shard that was read often got a read copy that answers",
  copy_read: "a read was answered from a read copy",
  copy_dropped: "a read copy was not wanted any more, and left",
  copy_stepped_back: "a read copy heard nobody who serves its shard, and stopped answering",
  client_sent_on: "a client was sent to another node, which serves its key",
  write_put_off: "a write waited at its node and was worked on later",
  key_expired: "a key was removed because its time had come",
} as const;

export type SometimesName = keyof typeof sometimes;

/** Situations that only a campaign of chaos must have met, and from how many seeds on. */
export const chaoticFrom: Partial<Record<SometimesName, number>> = {
  ...{ log_salvaged: 150, orphan_dropped: 150, session_lost: 150 },
  ...{ copy_stepped_back: 500, write_put_off: 500 },
  ...{ crash_took_bytes: 150, tail_cut: 500, crash_took_replies: 500, checkpoint_torn: 5000 },
};

export const sometimesNames = Object.keys(sometimes) as SometimesName[];

/** The machine of a node with a log goes down; notes what that takes. */
export function crashDisk(
  disk: SimulatedDisk,
  sessions: Iterable<Session>,
  sometimes: Tally<SometimesName>,
): void {
  for (const { heldBytes } of sessions) if (heldBytes > 0) sometimes.add("crash_took_replies");
  if (disk.list().some(({ name }) => name === unfinishedName)) sometimes.add("checkpoint_torn");
  const before = disk.lostBytes;
  disk.crash();
  if (disk.lostBytes > before) sometimes.add("crash_took_bytes");
}

/** How a node comes back with its log. */
export function noteReturn(
  { start: previous, isCut }: Pick<Examined, "start" | "isCut">,
  start: StartRecord,
  sometimes: Tally<SometimesName>,
): void {
  if (previous === undefined) return;
  sometimes.add("log_recovered");
  sometimes.add(start.replica === previous.replica ? "writer_kept" : "writer_renewed");
  if (isCut) sometimes.add("tail_cut");
}

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
  sometimes.add("acceptors_changed_in_round", counters.roundsOutdated);
  const { placing } = node.clustering ?? {};
  sometimes.add("shard_taken_over", placing?.fetchedCount ?? 0);
  sometimes.add("shard_given_up", placing?.givenUpCount ?? 0);
  sometimes.add("copy_taken", placing?.copyTakenCount ?? 0);
  sometimes.add("copy_read", placing?.copyReadCount ?? 0);
  sometimes.add("copy_dropped", placing?.copyDroppedCount ?? 0);
  sometimes.add("copy_stepped_back", placing?.copyStaleCount ?? 0);
  const status = node.replicator!.status();
  sometimes.add("state_sync_needed", joinedStateCountOf(node));
  sometimes.add("pull_needed", status.pullCount);
  sometimes.add("push_repeated", status.resentBatchCount);
  sometimes.add("duplicate_batch", status.duplicateCount);
  sometimes.add("checkpoint_made", node.environment.storage?.figures.saveCount ?? 0);
  sometimes.add("key_expired", node.keyspace.expiredKeys);
  if (node.journal !== undefined) noteLog(node.journal.wal, sometimes);
}

function noteLog({ counters, isFenced }: Wal, sometimes: Tally<SometimesName>): void {
  // The first file is begun by every process.
  sometimes.add("file_sealed", Math.max(0, counters.segmentCount - counters.failedSyncCount - 1));
  if (!isFenced) sometimes.add("log_fenced", counters.failedSyncCount + counters.failedWriteCount);
}
