// A session: what the node knows of one client connection. The bytes of its socket are the host's
// business; the session holds the protocol state that commands read and change, and the output that
// may not leave yet.

import type { Command } from "./command.js";

/**
 * Bits of `Session.gates`: any of them set sends the command through the dispatcher's slow path.
 */
export const gate = {
  /** AUTH is required and has not happened. */
  unauthenticated: 1,
  /** MULTI is open: commands queue. */
  transaction: 2,
  /** RESP2 with subscriptions: only (P)SUBSCRIBE and a few others are allowed. */
  subscribed: 4,
  /** CLIENT REPLY OFF or SKIP is in effect. */
  silent: 8,
  /** The user is not the all-powerful default: ACL must be asked. */
  restricted: 16,
  /** The session watches keys, is a monitor or tracks keys: rare bookkeeping after each command. */
  observed: 32,
} as const;

/** What a command left undone when it returned. */
export const outcome = {
  /** The reply is complete. */
  done: 0,
  /** Parked: the session waits for another client (BLPOP and friends). */
  blocked: 1,
  /** The answer comes later (a quorum, another shard): the connection's pipeline stops here. */
  pending: 2,
  /** Not begun: clients are paused. The request stays in the session's input and is run later. */
  postponed: 3,
} as const;

export type Outcome = (typeof outcome)[keyof typeof outcome];

export interface QueuedCommand {
  readonly command: Command;
  /**
   * The request's argument bytes and their (offset, length) pairs, copied out of the read buffer.
   */
  readonly bytes: Uint8Array;
  readonly ranges: Int32Array;
  readonly argc: number;
  /** The linearizable register that its keys lie in, if they do. */
  readonly register: string | undefined;
}

export interface Transaction {
  readonly queue: QueuedCommand[];
  /** Bytes of the queued requests; they count as input that was not processed yet. */
  queuedBytes: number;
  /** A command failed to queue: EXEC answers EXECABORT. */
  aborted: boolean;
}

export interface WatchedKey {
  readonly database: number;
  readonly key: string;
  /** Whether the key was there when it was first watched: only then can it come to its end. */
  readonly isLive: boolean;
}

/** A request of many arguments that is still arriving at the beginning of a session's tail. */
export interface PartialRequest {
  readonly argc: number;
  /** Arguments that have arrived, and where the next one begins. */
  readonly index: number;
  readonly at: number;
  /** Their (offset, length) pairs; there may be room behind them. */
  readonly ranges: Int32Array;
}

export class Session {
  readonly id: number;
  gates = 0;
  resp3 = false;
  database = 0;
  name = "";
  libraryName = "";
  libraryVersion = "";
  user = "default";
  /** Peer and local address, for CLIENT LIST. */
  readonly address: string;
  readonly localAddress: string;
  readonly createdMs: number;
  lastCommandMs: number;
  lastCommand = "NULL";
  commandCount = 0;
  /** Replies are dropped: "off" until CLIENT REPLY ON, "skip" for the next command only. */
  replyMode: "on" | "off" | "skip" | "skip-next" = "on";
  transaction: Transaction | undefined;
  watched: WatchedKey[] = [];
  /** A watched key changed: the next EXEC answers nil. */
  watchBroken = false;
  noEvict = false;
  noTouch = false;
  /** Close once everything written so far has left. */
  closeAfterReply = false;
  /** The command is parked or pending: input stays unread until it ends. */
  waiting: Outcome = outcome.done;
  /** Input that could not be parsed or run yet. */
  tail: Uint8Array = new Uint8Array(0);
  tailLength = 0;
  /** Bytes that must be in `tail` before another parse can succeed. */
  tailWanted = 0;
  partialRequest: PartialRequest | undefined;
  /** Bytes written to the client that its socket has not taken yet; the host keeps it. */
  unreadBytes = 0;
  /** Bytes of replies that wait until what they tell of is durable (wire/held-replies.ts). */
  heldBytes = 0;
  /** Too much is unread: the session runs nothing until the client reads. */
  isStalled = false;
  /** The host was told to read no more from the client for now. */
  isInputPaused = false;
  /**
   * Since when more is unread than the soft output limit allows, in Unix milliseconds; 0: it is
   * not.
   */
  softLimitSinceMs = 0;
  /** Free for the families: subscriptions, blocked keys, tracking. Keyed by the family's name. */
  readonly extras = new Map<string, unknown>();

  constructor(id: number, address: string, localAddress: string, nowMs: number) {
    this.id = id;
    this.address = address;
    this.localAddress = localAddress;
    this.createdMs = nowMs;
    this.lastCommandMs = nowMs;
  }
}
