// What replicas say to each other about the keyspace (design.md section 6). Bytes: codec.ts.
//
// Every message may be lost, repeated, delayed or overtaken: batches are joined by their place in
// the stream, and a context that is told is a fact that stays true.

import type { ReplicaIndex, Time } from "../clock/stamp.js";
import type { VersionVector } from "../clock/version-vector.js";
import { type Batch, withOwnBody } from "../keyspace/batch.js";

/** Names a node; incarnations of it come and go. */
export type NodeId = string;

/** How often a shard is read on a node, as its pings tell. */
export interface ShardReads {
  readonly shard: number;
  readonly perSecond: number;
}

/** What the sender has seen of one shard, or some of it: a lower bound. */
export interface ShardContext {
  readonly shard: number;
  readonly context: VersionVector;
}

export interface ReplicationMessage {
  /** The incarnation that speaks: what is known of a node's former ones is not true of it. */
  readonly sender: ReplicaIndex;
  /**
   * How often the sender has given shards up: what it had seen of them before, it has no more. 0
   * when left out.
   */
  readonly releases?: number;
  readonly body: Body;
}

/**
 * The message with bodies of its own, for somebody who sends it later (base/leased-memory.ts).
 */
export function withOwnBodies(message: ReplicationMessage): ReplicationMessage {
  const { body } = message;
  if (!("batches" in body)) return message;
  return { ...message, body: { ...body, batches: body.batches.map(withOwnBody) } };
}

export type Body =
  | Delta
  | Relay
  | Summary
  | Contexts
  | Pull
  | State
  | StatePart
  | StateMore
  | Offer
  | Inquiry
  | Difference
  | Release
  | Kept;

/**
 * Batches that the sender has joined, oldest first. The contexts acknowledge and tell how far the
 * sender is.
 */
export interface Delta {
  readonly type: "delta";
  readonly batches: readonly Batch[];
  readonly contexts: readonly ShardContext[];
  /** In answer to a pull; such a delta wants no acknowledgement. */
  readonly isAnswer: boolean;
}

/** "Be my hub": batches to be joined and passed on to everybody. */
export interface Relay {
  readonly type: "relay";
  readonly batches: readonly Batch[];
}

/**
 * A hash over what the sender has seen of the streams up to `until`, so that batches on their way
 * do not count. Who has seen other things answers with contexts; equality is silent.
 */
export interface Summary {
  readonly type: "summary";
  readonly until: Time;
  readonly hash: number;
}

/** All of the sender's contexts. `wantsReply` asks for the other side's too. */
export interface Contexts {
  readonly type: "contexts";
  readonly contexts: readonly ShardContext[];
  readonly wantsReply: boolean;
}

/**
 * "Send me what I lack of these shards", from these points on. No acknowledgement: some of it is
 * not joined yet.
 */
export interface Pull {
  readonly type: "pull";
  readonly contexts: readonly ShardContext[];
  /** Shards of which only a whole state is of use (keyspace/released-shards.ts). */
  readonly whole: readonly number[];
}

/** A shard's whole state, because the log does not reach back (state-sync.ts). */
export interface State {
  readonly type: "state";
  readonly bytes: Uint8Array;
}

/** A part of a state that is too long for one message (state-transfer.ts). */
export interface StatePart {
  readonly type: "state_part";
  /** Of the transfer, as its giver counts. */
  readonly id: number;
  readonly shard: number;
  /** Length of the whole state. */
  readonly total: number;
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** "I have so much; go on." */
export interface StateMore {
  readonly type: "state_more";
  readonly id: number;
  readonly at: number;
}

/**
 * "My log does not reach back; here are the digests of my slots" (difference.ts), 48 bits for each
 * slot of the shard.
 */
export interface Offer {
  readonly type: "offer";
  /** Of the comparison, as its giver counts. */
  readonly id: number;
  readonly shards: readonly (ShardContext & { readonly digests: Uint8Array })[];
}

/** "These slots differ, and this is what I have in them": 48 bits for each key. */
export interface Inquiry {
  readonly type: "inquiry";
  readonly id: number;
  readonly shards: readonly InquiredShard[];
}

export interface InquiredShard {
  readonly shard: number;
  /** So much differs that the whole state is wanted. */
  readonly isWhole: boolean;
  /** Slots that differ, counted from the shard's first. */
  readonly slots: readonly number[];
  readonly hashes: Uint8Array;
}

/** The keys in which the two sides differ; together with the rest, a shard's state. */
export interface Difference {
  readonly type: "difference";
  readonly id: number;
  readonly shard: number;
  /** One bit for each hash of the inquiry: the giver has that very key. */
  readonly matched: Uint8Array;
  /** A partial state (keyspace/state-sync.ts). */
  readonly bytes: Uint8Array;
}

/** "I want to give these shards up, and have seen so much of them: do you keep them?" */
export interface Release {
  readonly type: "release";
  /** Of the question; the answer repeats it. */
  readonly id: number;
  readonly contexts: readonly ShardContext[];
}

/** "These I keep, with all that you have seen of them." */
export interface Kept {
  readonly type: "kept";
  readonly id: number;
  readonly shards: readonly number[];
}
