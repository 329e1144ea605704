// What the registers of a node are made with, and their way out: they do no input or output
// themselves.

import type { Bytes } from "../base/bytes.js";
import type { Configuration, NodeId } from "./configuration.js";
import type { OperationResult } from "./context.js";
import type { ConsensusMessage } from "./messages.js";
import type { ChangedState } from "./register-value.js";
import type { Timing } from "./timing.js";

export interface ConsensusPort {
  send(to: NodeId, message: ConsensusMessage): void;
  /**
   * Makes the record durable, in order, then calls `persisted(lsn)`, which stands for all up to
   * `lsn`. Until then nothing that the record promises has left.
   */
  persist(lsn: number, record: Bytes): void;
  /**
   * Runs operations in order on a register's state (empty: a blank register). It must be
   * deterministic and must cope with reads among the operations. `changed` false means that every
   * operation left the state as it was (reads and refusals). `atMs` is the proposer's time, for
   * expiry.
   */
  change(register: string, state: Bytes, operations: readonly Bytes[], atMs: number): ChangedState;
  /** Runs a read-only operation. */
  query(register: string, state: Bytes, operation: Bytes, atMs: number): Bytes;
  /** Ends a ticket; called once for each submitted. */
  complete(ticket: number, result: OperationResult): void;
  /** This node's acceptor has voted for a new value. It must not call back. */
  accepted?(register: string): void;
  /** Uniform in [0, 1), from the host's seed. */
  random(): number;
}

export interface RegistersOptions {
  readonly self: NodeId;
  /**
   * This process: greater at every start (a durable counter), else ballots and envelopes would be
   * issued twice (rules 1 and 4). 0: unknown, so that every operation is refused (11) until it is
   * admitted.
   */
  readonly incarnation: number;
  /**
   * The incarnation in which this node's durable state began: what the configuration must name for
   * the node to vote (rule 15). Without a disk the state begins with the process, which is the
   * default.
   */
  readonly stateIncarnation?: number;
  readonly configuration: Configuration;
  readonly timing?: Partial<Timing>;
}
