// How new batches reach everybody in the usual case. Repair (repair.ts) brings whatever does not
// arrive this way, so a dissemination may lose and may never block.

import type { Batch } from "../keyspace/batch.js";
import type { Peer } from "./peer.js";

export interface Dissemination {
  /** When `onDue` is next to be called; Infinity: not for now. */
  readonly dueMs: number;
  /** This node has closed batches. */
  onLocal(batches: readonly Batch[], now: number): void;
  /** A peer pushed batches, joined or not; it is owed an acknowledgement. */
  onPushed(from: Peer, batches: readonly Batch[], now: number): void;
  /** A peer asks to have its batches passed on. Called before they are joined. */
  onRelay(from: Peer, batches: readonly Batch[], now: number): void;
  /** Batches were joined, however they came. */
  onJoined(batches: readonly Batch[], now: number): void;
  /** More is known of what a peer has seen. */
  onKnown(peer: Peer, now: number): void;
  /** A peer came back as a new incarnation: what it had is gone. */
  onReturn(peer: Peer, now: number): void;
  /** What waits for a peer's acknowledgement, as far as this dissemination keeps it by peer. */
  waitingFor(peer: Peer): { readonly count: number; readonly bytes: number };
  /** Peers take in less than this node makes: its clients are to be slowed down. */
  isCrowded(now: number): boolean;
  /** A node has joined the cluster, or left it for good. */
  onAdded(peer: Peer): void;
  onRemoved(peer: Peer): void;
  /** This node has given shards up. */
  onReleased(shards: readonly number[]): void;
  onDue(now: number): void;
}
