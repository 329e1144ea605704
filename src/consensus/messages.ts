// What the nodes of a cluster say to each other about registers. Every message carries the sender's
// epoch (consensus-rules 16) and its process incarnation (rules 10 and 11). Bytes: codec.ts.

import type { Bytes } from "../base/bytes.js";
import type { Ballot } from "./ballot.js";
import type { Configuration } from "./configuration.js";
import type { RegisterValue } from "./register-value.js";

export interface ConsensusMessage {
  readonly epoch: number;
  /** The sender's process. */
  readonly incarnation: number;
  /** Whether the sender is an acceptor of this epoch; one that lost its state is not (rule 15). */
  readonly votes: boolean;
  readonly body: Body;
}

export type Body =
  | Heartbeat
  | Prepare
  | PromiseReply
  | Accept
  | AcceptedReply
  | RejectedReply
  | Read
  | ReadReply
  | Forward
  | ForwardOk
  | ForwardRefused
  | Cancel
  | Erase
  | ConfigurationNotice
  | ConfigurationQuery
  | Copy
  | CopyOk;

/** Answers to what this node asked about a register. */
export type Reply =
  | PromiseReply
  | AcceptedReply
  | RejectedReply
  | ReadReply
  | ForwardOk
  | ForwardRefused;

/** "I am here." Sent only to peers that got nothing else from us lately. */
export interface Heartbeat {
  readonly type: "heartbeat";
  /**
   * For how long the sender wants to hear us too: it has operations of its own. 0: it does not
   * care.
   */
  readonly wantedMs: number;
}

/** Asks an acceptor to hear nobody below `ballot` and to report what it accepted. */
export interface Prepare {
  readonly type: "prepare";
  readonly register: string;
  readonly ballot: Ballot;
  /** The accepted ballot the sender already holds; its value need not be sent again. */
  readonly known: Ballot | undefined;
}

export interface PromiseReply {
  readonly type: "promise";
  readonly register: string;
  readonly ballot: Ballot;
  /** Undefined: the register is blank here. */
  readonly accepted: Ballot | undefined;
  /** Undefined if blank, or if `accepted` is the ballot the proposer already knows. */
  readonly value: RegisterValue | undefined;
  /** If the register is blank here: below which ballot it may have been collected (rule 14). */
  readonly floor: Ballot;
}

export interface Accept {
  readonly type: "accept";
  readonly register: string;
  readonly ballot: Ballot;
  readonly value: RegisterValue;
  /**
   * Promised together with the vote, so that the proposer's next round may start at accept (rule
   * 3).
   */
  readonly next: Ballot;
  /** A tombstone proposed unchanged, to find out whether everybody can forget it (rule 14). */
  readonly collects: boolean;
}

export interface AcceptedReply {
  readonly type: "accepted";
  readonly register: string;
  readonly ballot: Ballot;
  /** To an accept that collects: nothing is under way here on the register. */
  readonly isIdle: boolean;
}

export interface RejectedReply {
  readonly type: "rejected";
  readonly register: string;
  readonly ballot: Ballot;
  /** Which request was refused: a late prepare must not undo a vote for the same ballot. */
  readonly phase: "prepare" | "accept";
  readonly promised: Ballot;
}

/** Asks what is accepted, without raising any promise (rule 8). */
export interface Read {
  readonly type: "read";
  readonly register: string;
  readonly id: number;
  readonly known: Ballot | undefined;
}

export interface ReadReply {
  readonly type: "read_ok";
  readonly register: string;
  readonly id: number;
  /** The reader's process: a reply to an earlier one is nobody's. */
  readonly reader: number;
  readonly accepted: Ballot | undefined;
  readonly value: RegisterValue | undefined;
}

/** Hands an envelope to the register's home (rules 9 and 11). The origin is the sender. */
export interface Forward {
  readonly type: "forward";
  readonly register: string;
  /** The home's process that is meant; another one ignores it. */
  readonly home: number;
  /** For how long the origin will wait from now on. */
  readonly ttlMs: number;
  readonly seq: number;
  /** The origin's floor when it made the envelope (rule 14). */
  readonly born: Ballot;
  readonly operations: readonly Bytes[];
}

export interface ForwardOk {
  readonly type: "forward_ok";
  readonly register: string;
  readonly origin: number;
  readonly seq: number;
  readonly outcomes: readonly Bytes[];
}

/** The home has never put the envelope into an accept and never will (rules 10 and 12). */
export interface ForwardRefused {
  readonly type: "forward_refused";
  readonly register: string;
  readonly origin: number;
  readonly seq: number;
  /** Given if every home refuses it for good, because it was born below this floor (rule 14). */
  readonly floor: Ballot | undefined;
}

/** Asks the home to drop an envelope, or never to run it if it comes later (rule 12). */
export interface Cancel {
  readonly type: "cancel";
  readonly register: string;
  readonly home: number;
  readonly seq: number;
}

/** Everybody voted for the tombstone at `ballot` and was idle: who still holds it may forget it. */
export interface Erase {
  readonly type: "erase";
  readonly register: string;
  readonly ballot: Ballot;
}

export interface ConfigurationNotice {
  readonly type: "configuration";
  readonly configuration: Configuration;
}

export interface ConfigurationQuery {
  readonly type: "configuration_query";
}

/** A member that has nothing asks a voting one for what it holds (rule 15), page by page. */
export interface Copy {
  readonly type: "copy";
  /** Of the asker's attempt; pages of another one are void. */
  readonly id: number;
  readonly page: number;
}

export interface CopyOk {
  readonly type: "copy_ok";
  readonly id: number;
  readonly page: number;
  /** The page to ask for next; 0: this was the last one. */
  readonly next: number;
  /** Records as in the log, each with its length in front. */
  readonly records: Bytes;
}
