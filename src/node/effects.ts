// What the node asks of its host. The host (or the simulator) implements this; the node never does
// I/O itself. Order matters where the comments say so.

import type { Bytes } from "../base/bytes.js";
import type { Session } from "../commands/session.js";
import type { PeerMessage } from "./messages.js";

export interface ClientEffects {
  /**
   * Sends reply bytes to a client, in order. The bytes are valid only during the call unless the
   * host answers true: then it has kept the buffer and the node takes another one.
   */
  write(session: Session, bytes: Uint8Array, length: number): boolean;
  /**
   * Closes a connection after everything written to it has left; `atOnce`, without waiting for
   * that. Nothing more is read from it either way.
   */
  close(session: Session, atOnce?: boolean): void;
  /** Reads no more from a client until `resume`. */
  pause(session: Session): void;
  resume(session: Session): void;
  /** DEBUG SLEEP: does nothing for so many microseconds before it returns. */
  stall(micros: number): void;
  /** Ends the process in order. */
  shutdown(save: boolean): void;
}

export interface PeerEffects {
  /** Sends a message to a peer; it may be lost, repeated or overtaken. */
  send(to: string, message: PeerMessage): void;
  /**
   * Makes a record of the registers durable, in order, then calls `Node.persisted(lsn)`; it may do
   * so at once. Nothing that the record promises has left before.
   */
  persist(lsn: number, record: Bytes): void;
}

export type NodeEffects = ClientEffects & PeerEffects;

/** What delivers late replies: the face that owns the clients' input and output. */
export interface ClientFace {
  /** Hands what is in the reply buffer to the session's client. */
  flush(session: Session): void;
  /** Runs what the session's client has sent meanwhile. */
  resume(session: Session): void;
  /** Periodic care of the clients: silent ones, slow ones. */
  cron?(): void;
  /** More of the log is durable: replies that waited for it leave. */
  safe?(): void;
  /** The log is fenced: replies that wait for it will not come. */
  fenced?(): void;
}
