// Replies that wait for the disk: one queue in the order in which they were made, each with the
// group of the log after which it may leave. Nothing leaves before what stands in front of it, and
// a session that has something here puts everything further behind it, so each client reads its
// replies in order.
//
// What one session can keep here counts as unread (client-input.ts), which bounds the whole.

import type { Session } from "../commands/session.js";

interface Held {
  readonly session: Session;
  readonly bytes: Uint8Array;
  readonly group: number;
}

export class HeldReplies {
  #queue: Held[] = [];

  get count(): number {
    return this.#queue.length;
  }

  keep(session: Session, bytes: Uint8Array, length: number, group: number): void {
    session.heldBytes += length;
    this.#queue.push({ session, bytes: bytes.slice(0, length), group });
  }

  /**
   * Lets everything up to a group leave. `leave` may cause more to be kept, behind what is here.
   */
  release(group: number, leave: (session: Session, bytes: Uint8Array) => void): void {
    let count = 0;
    while (count < this.#queue.length && this.#queue[count]!.group <= group) count++;
    if (count === 0) return;
    const leaving = this.#queue.slice(0, count);
    this.#queue = this.#queue.slice(count);
    for (const { session, bytes } of leaving) {
      session.heldBytes -= bytes.length;
      leave(session, bytes);
    }
  }

  /** Forgets everything; answers the sessions that waited. */
  drop(): Set<Session> {
    const sessions = new Set<Session>();
    for (const { session } of this.#queue) {
      session.heldBytes = 0;
      sessions.add(session);
    }
    this.#queue = [];
    return sessions;
  }
}
