// What replicas say to each other about the keyspace (design.md section 6). Bytes: codec.ts.
//
// Every message may be lost, repeated, delayed or overtaken: batches are joined by their place in the stream, and
// a context that is told is a fact that stays true.

import type { VersionVector } from "../clock/version-vector.js";
import type { Batch } from "../keyspace/batch.js";

/** Names a node; incarnations of it come and go. */
export type NodeId = string;

/** What the sender has seen of one shard, or some of it: a lower bound. */
export interface ShardContext {
  readonly shard: number;
  readonly context: VersionVector;
}

export type ReplicationMessage = Delta | Relay | Summary | Contexts | Pull | State;

/** Batches, in an order in which they can be joined. The contexts acknowledge and tell how far the sender is. */
export interface Delta {
  readonly type: "delta";
  readonly batches: readonly Batch[];
  readonly contexts: readonly ShardContext[];
}

/** "Be my hub": batches to be joined and passed on to everybody. */
export interface Relay {
  readonly type: "relay";
  readonly batches: readonly Batch[];
}

/** A hash over all of the sender's contexts. Who has others answers with them; equality is silent. */
export interface Summary {
  readonly type: "summary";
  readonly hash: number;
}

/** All of the sender's contexts. `wantsReply` asks for the other side's too. */
export interface Contexts {
  readonly type: "contexts";
  readonly contexts: readonly ShardContext[];
  readonly wantsReply: boolean;
}

/** "Send me what I lack of these shards", from these points on. No acknowledgement: some of it is not joined yet. */
export interface Pull {
  readonly type: "pull";
  readonly contexts: readonly ShardContext[];
}

/** A shard's whole state, because the log does not reach back (state-sync.ts). */
export interface State {
  readonly type: "state";
  readonly shard: number;
  readonly bytes: Uint8Array;
}
