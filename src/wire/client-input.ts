// From a client's bytes to its replies: decoding, running, keeping what is incomplete, and stopping where a client
// must wait or does not read. One reply buffer serves the whole node; it is handed to the host once per read, or
// earlier when it has grown.

import type { Reply } from "../commands/reply.js";
import { outcome, type Session } from "../commands/session.js";
import type { Dispatcher } from "../node/dispatcher.js";
import type { ClientEffects, ClientFace } from "../node/effects.js";
import type { Node } from "../node/node.js";
import { type DecodeLimits, RequestDecoder } from "./request-decoder.js";

/** Replies are handed over in the middle of a read when they have grown to this. */
const replyBytesHigh = 256 * 1024;
/** A client that leaves this much unread is not served further until it reads. */
export const unreadBytesHigh = 1024 * 1024;

export interface InputLimits extends DecodeLimits {
  /** `client-query-buffer-limit`: unprocessed input above it closes the connection. */
  queryBytesMax: number;
}

export class ClientInput implements ClientFace {
  readonly limits: InputLimits = {
    bulkBytesMax: 512 * 1024 * 1024,
    authenticated: true,
    queryBytesMax: 1024 * 1024 * 1024,
  };
  protocolErrors = 0;
  queryBufferOverruns = 0;

  readonly #node: Node;
  readonly #decoder = new RequestDecoder();
  readonly #dispatcher: Dispatcher;
  readonly #reply: Reply;
  readonly #effects: ClientEffects;

  constructor(node: Node, effects: ClientEffects) {
    this.#node = node;
    this.#dispatcher = node.dispatcher;
    this.#reply = node.reply;
    this.#effects = effects;
    node.clients = this;
  }

  /** Bytes arrived. They are the host's: what must stay is copied into the session's tail. */
  receive(session: Session, bytes: Uint8Array, start: number, end: number): void {
    session.lastCommandMs = this.#node.nowMs;
    this.#node.environment.statistics.inputBytes += end - start;
    this.#receive(session, bytes, start, end);
    this.#node.settle();
  }

  #receive(session: Session, bytes: Uint8Array, start: number, end: number): void {
    if (session.tailLength > 0 || !mayRun(session)) {
      this.#appendTail(session, bytes, start, end);
      this.resume(session);
      return;
    }
    const used = this.#process(session, bytes, start, end);
    if (used < end && !session.closeAfterReply) {
      // `wanted` counts from what was used; it is right for the tail as well.
      this.#appendTail(session, bytes, used, end);
    }
    this.#finish(session);
  }

  /** Goes on with a session's tail: after more input, after waiting, after it has read its replies. */
  resume(session: Session): void {
    if (!mayRun(session)) return;
    if (session.tailLength >= session.tailWanted && session.tailLength > 0) {
      const used = this.#process(session, session.tail, 0, session.tailLength);
      this.#dropTail(session, used);
    }
    this.#finish(session);
  }

  /** Runs everything complete in the range; returns the position of the first byte not used up. */
  #process(session: Session, bytes: Uint8Array, start: number, end: number): number {
    const decoder = this.#decoder;
    const reply = this.#reply;
    reply.resp3 = session.resp3;
    let at = start;
    while (at < end && mayRun(session)) {
      decoder.decode(bytes, at, end, this.limits);
      let isWhole = true;
      if (decoder.count > 0) {
        const begun = this.#dispatcher.runBatch(session, decoder);
        session.commandCount += begun;
        isWhole = begun === decoder.count;
        at = isWhole ? decoder.consumed : decoder.ends[begun - 1]!;
        if (reply.length > replyBytesHigh) this.flush(session);
      } else {
        at = decoder.consumed;
      }
      if (!isWhole) continue;
      if (decoder.error !== undefined && mayRun(session)) {
        this.#protocolError(session, decoder.error);
        return end;
      }
      session.tailWanted = decoder.wanted;
      if (decoder.wanted > end - at) break;
    }
    if (!mayRun(session)) session.tailWanted = 1;
    return at;
  }

  #protocolError(session: Session, error: string): void {
    this.protocolErrors++;
    this.#reply.error(`ERR ${error}`);
    session.closeAfterReply = true;
  }

  #appendTail(session: Session, bytes: Uint8Array, start: number, end: number): void {
    const needed = session.tailLength + (end - start);
    if (needed > this.limits.queryBytesMax) {
      this.queryBufferOverruns++;
      session.closeAfterReply = true;
      session.tailLength = 0;
      this.#effects.close(session);
      return;
    }
    if (needed > session.tail.length) {
      // Doubling bounds the copying; a declared length alone reserves nothing.
      const grown = new Uint8Array(Math.max(needed, session.tail.length * 2, 1024));
      grown.set(session.tail.subarray(0, session.tailLength));
      session.tail = grown;
    }
    session.tail.set(bytes.subarray(start, end), session.tailLength);
    session.tailLength = needed;
  }

  #dropTail(session: Session, used: number): void {
    if (used >= session.tailLength) {
      session.tailLength = 0;
      if (session.tail.length > 64 * 1024) session.tail = new Uint8Array(0);
      return;
    }
    session.tail.copyWithin(0, used, session.tailLength);
    session.tailLength -= used;
  }

  #finish(session: Session): void {
    this.flush(session);
    if (session.closeAfterReply) this.#effects.close(session);
  }

  /** Hands the replies written so far to the host. */
  flush(session: Session): void {
    const reply = this.#reply;
    if (reply.length === 0) return;
    const kept = this.#effects.write(session, reply.bytes, reply.length);
    if (kept) reply.replaceBuffer();
    else reply.clear();
    if (session.unreadBytes > unreadBytesHigh && !session.isStalled) {
      session.isStalled = true;
      this.#effects.pause(session);
    }
  }

  /** The client has read what it was sent: it is served again. */
  drained(session: Session): void {
    session.unreadBytes = 0;
    if (!session.isStalled) return;
    session.isStalled = false;
    this.#effects.resume(session);
    this.resume(session);
    this.#node.settle();
  }
}

/** Whether the next command of a session may run now. */
const mayRun = (session: Session): boolean =>
  session.waiting === outcome.done && !session.isStalled && !session.closeAfterReply;
