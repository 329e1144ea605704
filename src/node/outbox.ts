// What goes to clients other than the one whose command runs: replies to those who waited, messages
// to those who subscribed. All replies of a turn share one buffer, so such bytes are kept here, in
// order, until no command runs (`Node.settle`). What was queued for a session first leaves first,
// and before anything it sends next is run.
//
// Its bound is what one read of a socket can cause; a client that does not read its messages is the
// output limits' business (wire/client-input.ts). Bytes that go to many are kept once.

import type { Bytes } from "../base/bytes.js";
import type { Reply } from "../commands/reply.js";
import { gate, outcome, type Session } from "../commands/session.js";
import { consumeSilence } from "./dispatcher.js";
import type { ClientFace } from "./effects.js";

interface Letter {
  readonly session: Session;
  readonly bytes: Bytes;
  /** The reply that the session waited for. */
  readonly endsWait: boolean;
}

export class Outbox {
  #letters: Letter[] = [];
  readonly #reply: Reply;

  constructor(reply: Reply) {
    this.#reply = reply;
  }

  get isEmpty(): boolean {
    return this.#letters.length === 0;
  }

  /** A message that nobody asked for just now. */
  push(session: Session, bytes: Bytes): void {
    this.#letters.push({ session, bytes, endsWait: false });
  }

  /** The reply of a command that kept its session waiting. */
  answer(session: Session, bytes: Bytes): void {
    this.#letters.push({ session, bytes, endsWait: true });
  }

  /**
   * Sends everything; sessions that waited go on. That may queue more, which is left for the next
   * call.
   */
  deliver(clients: ClientFace | undefined, isOpen: (session: Session) => boolean): void {
    const letters = this.#letters;
    this.#letters = [];
    const released: Session[] = [];
    letters.forEach(({ session, bytes, endsWait }, index) => {
      if (!isOpen(session)) return;
      if (endsWait) {
        session.waiting = outcome.done;
        released.push(session);
      }
      // CLIENT REPLY OFF and SKIP are about replies; messages come all the same.
      const isSilent = endsWait && (session.gates & gate.silent) !== 0 && consumeSilence(session);
      if (!isSilent) this.#reply.raw(bytes);
      if (letters[index + 1]?.session !== session) clients?.flush(session);
    });
    for (const session of released) if (isOpen(session)) clients?.resume(session);
  }
}
