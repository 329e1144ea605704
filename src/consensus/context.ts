// What the roles of one node share: who it is, its timers and peers, and the ways out. Roles know
// each other only through `RegisterRoles`, so each file can be read alone.

import type { Bytes } from "../base/bytes.js";
import type { Acceptor } from "./acceptor.js";
import type { Agenda } from "./agenda.js";
import type { Ballot } from "./ballot.js";
import type { Configuration, NodeId } from "./configuration.js";
import type { Counters } from "./counters.js";
import type { Body } from "./messages.js";
import type { Peers } from "./peers.js";
import type { ChangedState } from "./register-value.js";
import type { Timing } from "./timing.js";

/**
 * `read` never changes the state. `conditional` may leave the state as it is and is then answered
 * from a quorum read, without an accept (rule 7). `write` goes straight to the home.
 */
export type OperationKind = "read" | "write" | "conditional";

export type OperationResult =
  | { readonly kind: "ok"; readonly outcome: Bytes }
  /**
   * `temporarily_unavailable`: certainly not applied. `timeout`: it may have been, or may yet be.
   */
  | { readonly kind: "error"; readonly error: "temporarily_unavailable" | "timeout" };

/** One operation of a client of this node. */
export interface Operation {
  readonly ticket: number;
  readonly bytes: Bytes;
  readonly kind: OperationKind;
  readonly deadlineMs: number;
  isSettled: boolean;
}

export interface NodeContext {
  readonly self: NodeId;
  readonly incarnation: number;
  readonly timing: Timing;
  readonly agenda: Agenda;
  readonly peers: Peers;
  readonly acceptor: Acceptor;
  readonly counters: Counters;
  readonly configuration: Configuration;
  /** The highest floor known here: new envelopes are born at it (rule 14). */
  readonly floor: Ballot;
  learnFloor(floor: Ballot): void;
  /** Whether this process may vote: the configuration names the incarnation its state began in. */
  readonly votes: boolean;
  /** To a peer, or to this node's own acceptor. */
  send(to: NodeId, body: Body): void;
  change(register: string, state: Bytes, operations: readonly Bytes[], atMs: number): ChangedState;
  query(register: string, state: Bytes, operation: Bytes, atMs: number): Bytes;
  random(): number;
  /** A number above all given out before by this process. */
  nextSeq(): number;
  settle(operation: Operation, result: OperationResult): void;
  /**
   * Runs a step once the results so far are told, so that what their clients ask next is part of
   * it.
   */
  afterResults(step: (now: number) => void): void;
}

/** Ends an operation that certainly has not run and never will, or is a read (rule 10). */
export const settleUnavailable = (context: NodeContext, operation: Operation): void => {
  context.settle(operation, { kind: "error", error: "temporarily_unavailable" });
};
