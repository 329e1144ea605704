// The pace of a node with peers: how long the open batch of writes stays open, and when clients
// wait because peers take in less than they write.
//
// A batch for each turn of the loop would cost more than the writes in it, so after one has closed
// the next stays open for a while (`Timing.batchMsMin`); whoever asks for what it holds closes it
// earlier (keyspace/shards.ts). A write after a pause leaves with its turn.
//
// Replies to writers are held back while a peer that does acknowledge is far behind. Without that
// the logs would overflow and whole states would travel, which costs both sides far more than the
// writes. A peer that is silent holds nobody up.

import type { Keyspace } from "../keyspace/keyspace.js";
import type { Replicator } from "../replication/replicator.js";
import type { Journal } from "./journal.js";

/** How often held replies are looked at when no peer says anything. */
const lookMs = 50;

/** A batch that has touched so many keys gains nothing by waiting for more. */
const batchKeysMax = 8192;
/** Nor one for which so much has come from clients: what peers are owed has a bound in bytes. */
const batchInputBytesMax = 2 * 1024 * 1024;

export interface PaceSource {
  readonly environment: { readonly statistics: { readonly inputBytes: number } };
  readonly keyspace: Keyspace;
  readonly replicator: Replicator | undefined;
  readonly journal: Journal | undefined;
  readonly nowMs: number;
}

export class Pace {
  /** Replies to writers are held back. */
  isHolding = false;
  /** What clients had sent when a batch was closed last. */
  #inputBytes = 0;
  readonly #node: PaceSource;

  constructor(node: PaceSource) {
    this.#node = node;
  }

  /**
   * Until then the open batch may stay open. Replies that wait for the log do not wait for this.
   */
  get batchDueMs(): number {
    const { journal, replicator } = this.#node;
    const mustLog = journal?.wal.policy === "always";
    return mustLog || replicator === undefined ? Number.NEGATIVE_INFINITY : replicator.batchDueMs;
  }

  /** Whether the open batch of a node with peers is to be closed with this turn. */
  get wantsClose(): boolean {
    const { environment, keyspace, nowMs } = this.#node;
    const { capture } = keyspace;
    if (capture === undefined || !keyspace.hasOpenBatch) return false;
    if (nowMs >= this.batchDueMs || capture.count >= batchKeysMax) return true;
    // CONFIG RESETSTAT begins anew.
    const { inputBytes } = environment.statistics;
    return inputBytes - Math.min(this.#inputBytes, inputBytes) >= batchInputBytesMax;
  }

  batchClosed(): void {
    this.#inputBytes = this.#node.environment.statistics.inputBytes;
  }

  /** Whether a turn that lasts a moment longer saves more than it costs: a sync for what comes. */
  get wantsLongTurns(): boolean {
    return this.#node.journal?.wal.policy === "always";
  }

  /** Whether nobody but clients waits for this node: it may let their requests gather. */
  get mayRest(): boolean {
    return this.#node.replicator === undefined && !this.wantsLongTurns;
  }

  /** Whether the reply to a write must wait for peers. */
  mustHold(): boolean {
    const { replicator, nowMs } = this.#node;
    this.isHolding ||= replicator?.isCrowded(nowMs) ?? false;
    return this.isHolding;
  }

  /** True when what was held may go: peers have caught up, or are silent. */
  relieve(): boolean {
    const { replicator, nowMs } = this.#node;
    if (!this.isHolding || replicator?.isCrowded(nowMs)) return false;
    this.isHolding = false;
    return true;
  }

  nextDueMs(): number {
    const { keyspace, nowMs } = this.#node;
    const { batchDueMs } = this;
    // A batch that is due closes with its turn.
    const isWaiting = batchDueMs > nowMs && keyspace.hasOpenBatch;
    const closeMs = isWaiting ? batchDueMs : Number.POSITIVE_INFINITY;
    return this.isHolding ? Math.min(closeMs, nowMs + lookMs) : closeMs;
  }
}
