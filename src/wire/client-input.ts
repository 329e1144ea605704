// From a client's bytes to its replies: decoding, running, keeping what is incomplete, and stopping
// where a client must wait or does not read. One reply buffer serves the whole node; it is handed
// to the host once per read, or earlier when it has grown.
//
// What one client can make the node hold is bounded: unprocessed input by
// `client-query-buffer-limit`, where it is closed; input of a client that waits by
// `waitingInputBytes`, where it is not read further; unread replies by `unreadBytesHigh` and one
// reply, where it runs nothing more, and by `client-output-buffer-limit`, where it is closed.

import { utf8 } from "../base/bytes.js";
import { clientTypeOf } from "../commands/client-line.js";
import type { Statistics } from "../commands/environment.js";
import { type Reply, ReplyTooLarge } from "../commands/reply.js";
import { gate, outcome, type Session } from "../commands/session.js";
import { type Dispatcher, replyBytesHigh } from "../node/dispatcher.js";
import type { ClientEffects, ClientFace } from "../node/effects.js";
import type { Node } from "../node/node.js";
import { type OutputLimit, readOutputLimits } from "./client-input-limits.js";
import { HeldReplies, type Leave } from "./held-replies.js";
import { type DecodeLimits, RequestDecoder } from "./request-decoder.js";

/** A client that leaves this much unread is not served further until it reads. */
export const unreadBytesHigh = 1024 * 1024;
/** Of a client that waits for an answer, or for the end of a pause, this much more is read. */
export const waitingInputBytes = 64 * 1024;
/** An emptied tail keeps a buffer up to this size until `cron` looks at it. */
const tailBytesKept = 1024 * 1024;
/** Room for a request in pieces that a client has while it is heard from. */
const tailBytesReserved = 16 * 1024;
/** A client that says nothing for so long has no room. */
const tailIdleMs = 2000;
/** How often silent and slow clients are looked for. */
const careIntervalMs = 500;

export class ClientInput implements ClientFace {
  protocolErrors = 0;
  queryBufferOverruns = 0;
  outputBufferOverruns = 0;

  readonly #node: Node;
  readonly #decoder = new RequestDecoder();
  readonly #dispatcher: Dispatcher;
  readonly #reply: Reply;
  readonly #effects: ClientEffects;
  readonly #statistics: Statistics;
  readonly #outputBytesMax: number;
  readonly #held = new HeldReplies();
  readonly #limits: DecodeLimits = { bulkBytesMax: 0, authenticated: true };
  #queryBytesMax = 0;
  #outputLimits: ReadonlyMap<string, OutputLimit> = new Map();
  #normalLimit: OutputLimit | undefined;
  #idleMsMax = 0;
  /** Sessions over their soft output limit. */
  readonly #slow = new Set<Session>();
  #nextCareMs = 0;
  /** Changes of the keyspace at the last flush: who flushes next has made those since then. */
  #dirtySeen = 0;

  constructor(node: Node, effects: ClientEffects, limits: { outputBytesMax?: number } = {}) {
    this.#node = node;
    this.#outputBytesMax = limits.outputBytesMax ?? Number.POSITIVE_INFINITY;
    this.#dispatcher = node.dispatcher;
    this.#reply = node.reply;
    this.#effects = effects;
    this.#statistics = node.environment.statistics;
    node.clients = this;
    const { settings } = node.environment;
    settings.onChange("proto-max-bulk-len", (text) => {
      this.#limits.bulkBytesMax = Number(text);
    });
    settings.onChange("client-query-buffer-limit", (text) => {
      this.#queryBytesMax = Number(text);
    });
    settings.onChange("client-output-buffer-limit", (text) => {
      this.#outputLimits = readOutputLimits(text);
      this.#normalLimit = this.#outputLimits.get("normal");
    });
    settings.onChange("timeout", (text) => {
      this.#idleMsMax = Number(text) * 1000;
    });
  }

  /** Bytes arrived. They are the host's: what must stay is copied into the session's tail. */
  receive(session: Session, bytes: Uint8Array, start: number, end: number): void {
    // A connection on its way out may have sent more; nobody will answer it.
    if (session.closeAfterReply) return;
    session.lastCommandMs = this.#node.nowMs;
    if (session.tail.length === 0) session.tail = new Uint8Array(tailBytesReserved);
    this.#statistics.readsProcessed++;
    this.#statistics.inputBytes += end - start;
    this.#receive(session, bytes, start, end);
    this.#node.settle();
  }

  #receive(session: Session, bytes: Uint8Array, start: number, end: number): void {
    if (session.tailLength > 0 || !mayRun(session)) {
      this.#appendTail(session, bytes, start, end);
      if (mayRun(session)) this.#runTail(session);
      else this.#regulate(session);
      return;
    }
    const used = this.#process(session, bytes, start, end);
    // `wanted` counts from what was used; it is right for the tail as well.
    if (used < end && !session.closeAfterReply) this.#appendTail(session, bytes, used, end);
    this.#finish(session);
  }

  /** Goes on with a session's tail: after waiting, or after it has read its replies. */
  resume(session: Session): void {
    if (mayRun(session)) this.#runTail(session);
  }

  #runTail(session: Session): void {
    if (session.tailLength >= session.tailWanted && session.tailLength > 0) {
      const used = this.#process(session, session.tail, 0, session.tailLength);
      this.#dropTail(session, used);
    }
    this.#finish(session);
  }

  #process(session: Session, bytes: Uint8Array, start: number, end: number): number {
    try {
      return this.#run(session, bytes, start, end);
    } catch (error) {
      // The command may have been applied: with its reply gone the connection has to go too.
      if (!(error instanceof ReplyTooLarge) && !isOutOfMemory(error)) throw error;
      this.outputBufferOverruns++;
      this.#dispatcher.isRunning = false;
      this.#reply.clear();
      session.closeAfterReply = true;
      return end;
    }
  }

  /** Runs everything complete in the range; returns the position of the first byte not used up. */
  #run(session: Session, bytes: Uint8Array, start: number, end: number): number {
    const decoder = this.#decoder;
    const reply = this.#reply;
    const limits = this.#limits;
    reply.resp3 = session.resp3;
    let at = start;
    while (at < end && mayRun(session)) {
      limits.authenticated = (session.gates & gate.unauthenticated) === 0;
      decoder.decode(bytes, at, end, limits, session.partialRequest);
      session.partialRequest = undefined;
      const { count } = decoder;
      if (count > 0) {
        const begun = this.#dispatcher.runBatch(session, decoder);
        session.commandCount += begun;
        if (reply.length > replyBytesHigh) this.flush(session);
        if (begun < count) {
          if (begun > 0) at = decoder.ends[begun - 1]!;
          continue;
        }
      }
      at = decoder.consumed;
      if (decoder.error !== undefined && mayRun(session)) {
        // What was too long for a stranger may be right for whom AUTH has just let in.
        if (!limits.authenticated && (session.gates & gate.unauthenticated) === 0) continue;
        this.#protocolError(session, decoder.error);
        return end;
      }
      session.tailWanted = decoder.wanted;
      if (decoder.wanted > end - at) {
        session.partialRequest = decoder.partial;
        break;
      }
    }
    if (!mayRun(session)) session.tailWanted = 1;
    return at;
  }

  #protocolError(session: Session, error: string): void {
    this.protocolErrors++;
    if ((session.gates & gate.silent) === 0) this.#reply.error(`ERR ${error}`);
    session.closeAfterReply = true;
  }

  // ---- the tail: input that could not be parsed or run yet

  #appendTail(session: Session, bytes: Uint8Array, start: number, end: number): void {
    const needed = session.tailLength + (end - start);
    if (needed > this.#queryBytesMax || !makeRoom(session, needed)) {
      this.queryBufferOverruns++;
      session.tailLength = 0;
      this.#node.environment.closeSession(session);
      return;
    }
    session.tail.set(bytes.subarray(start, end), session.tailLength);
    session.tailLength = needed;
  }

  #dropTail(session: Session, used: number): void {
    const left = session.tailLength - used;
    if (session.closeAfterReply || left <= 0) {
      session.tailLength = 0;
      if (session.tail.length > tailBytesKept) session.tail = new Uint8Array(0);
      return;
    }
    session.tailLength = left;
    if (used === 0) return;
    // What followed a large value must not keep its buffer alive.
    if (session.tail.length > tailBytesKept && left < session.tail.length / 4) {
      session.tail = session.tail.slice(used, used + left);
    } else session.tail.copyWithin(0, used, used + left);
  }

  // ---- output

  #finish(session: Session): void {
    this.flush(session);
    // What it is still owed leaves first.
    if (session.closeAfterReply && session.heldBytes === 0) this.#effects.close(session);
    else this.#regulate(session);
  }

  /** Tells the host whether to read from the client; it is asked only when that changes. */
  #regulate(session: Session): void {
    if (session.closeAfterReply) return;
    const isFull =
      session.isStalled ||
      (session.waiting !== outcome.done && session.tailLength >= waitingInputBytes);
    if (isFull === session.isInputPaused) return;
    session.isInputPaused = isFull;
    if (isFull) this.#effects.pause(session);
    else this.#effects.resume(session);
  }

  /** Hands the replies written so far to the host. */
  flush(session: Session): void {
    const reply = this.#reply;
    if (reply.length === 0) return;
    // One reply may be as large as it likes; behind one that is too large nothing more is put.
    const waiting = session.unreadBytes + session.heldBytes;
    if (waiting > this.#outputBytesMax || this.#isOverLimit(session, waiting + reply.length)) {
      reply.clear();
      this.outputBufferOverruns++;
      this.#node.environment.closeSession(session);
      return;
    }
    if (this.#mustHold(session)) {
      const group = this.#node.journal?.heldGroup ?? 0;
      this.#held.keep(session, reply.bytes, reply.length, group);
      reply.clear();
      if (session.unreadBytes + session.heldBytes > unreadBytesHigh) session.isStalled = true;
      return;
    }
    const kept = this.#effects.write(session, reply.bytes, reply.length);
    if (kept) reply.replaceBuffer();
    else reply.clear();
    if (session.unreadBytes > unreadBytesHigh) session.isStalled = true;
  }

  /** Whether replies wait: for the disk, or because peers do not keep up with what was written. */
  #mustHold(session: Session): boolean {
    const node = this.#node;
    if (node.replicator !== undefined) {
      const { dirty } = node.keyspace;
      const hasWritten = dirty !== this.#dirtySeen;
      this.#dirtySeen = dirty;
      if (hasWritten && node.pace.mustHold()) return true;
    }
    return session.heldBytes > 0 || (node.journal?.mustHold ?? false);
  }

  /**
   * Whether so many unread bytes are more than `client-output-buffer-limit` lets a client leave.
   */
  #isOverLimit(session: Session, bytes: number): boolean {
    // Without extras a client is a normal one, and those have no limit unless somebody sets it.
    const limit =
      session.extras.size === 0 ? this.#normalLimit : this.#outputLimits.get(clientTypeOf(session));
    if (limit === undefined) return false;
    if (limit.hardBytes > 0 && bytes >= limit.hardBytes) return true;
    if (limit.softBytes === 0 || bytes < limit.softBytes) {
      session.softLimitSinceMs = 0;
      this.#slow.delete(session);
      return false;
    }
    if (session.softLimitSinceMs === 0) {
      session.softLimitSinceMs = this.#node.nowMs;
      this.#slow.add(session);
    }
    return this.#node.nowMs - session.softLimitSinceMs > limit.softMs;
  }

  /** The client has read what it was sent: it is served again. */
  drained(session: Session): void {
    session.unreadBytes = 0;
    session.lastCommandMs = this.#node.nowMs;
    this.#isOverLimit(session, 0);
    if (session.isStalled && session.heldBytes === 0) this.#unstall(session);
    this.#node.settle();
  }

  #unstall(session: Session): void {
    session.isStalled = false;
    this.#regulate(session);
    this.resume(session);
  }

  // ---- the log, and peers

  /** More is durable, or peers have caught up: what waited for it leaves. */
  safe(): void {
    const { journal, pace } = this.#node;
    if (!pace.isHolding) this.#held.release(journal?.wal.safeGroup ?? 0, this.#leave);
  }

  /**
   * What waits will not become durable soon, so nobody is told that it was done. It may have been:
   * the connection ends, as after any error that does not say.
   */
  fenced(): void {
    const { logError } = this.#node.environment;
    const error = utf8(`-MISCONF Errors writing to the log: ${logError}\r\n`);
    for (const session of this.#held.drop()) {
      if (!this.#node.sessions.has(session.id)) continue;
      this.#effects.write(session, error, error.length);
      this.#node.closeSession(session);
      this.#effects.close(session);
    }
  }

  readonly #leave: Leave = (session, bytes, start, length) => {
    const reply = this.#reply;
    if (start === 0 && bytes.length === length) this.#effects.write(session, bytes, length);
    else {
      reply.raw(bytes, start, length);
      if (this.#effects.write(session, reply.bytes, length)) reply.replaceBuffer();
      else reply.clear();
    }
    if (session.heldBytes > 0) return;
    if (session.closeAfterReply) this.#effects.close(session);
    else if (session.isStalled && session.unreadBytes === 0) this.#unstall(session);
  };

  // ---- care

  /** Closes clients that have been silent for `timeout`, and slow ones; takes unused room back. */
  cron(): void {
    const { nowMs, sessions, environment } = this.#node;
    if (nowMs < this.#nextCareMs) return;
    this.#nextCareMs = nowMs + careIntervalMs;
    for (const session of this.#slow) {
      if (!sessions.has(session.id)) this.#slow.delete(session);
      else if (this.#isOverLimit(session, session.unreadBytes)) {
        this.outputBufferOverruns++;
        environment.closeSession(session);
      }
    }
    for (const session of sessions.values()) {
      shrinkTail(session, nowMs);
      if (this.#idleMsMax === 0) continue;
      if (nowMs - session.lastCommandMs <= this.#idleMsMax || mayBeSilent(session)) continue;
      environment.closeSession(session);
    }
  }
}

/** Whether the next command of a session may run now. */
const mayRun = (session: Session): boolean =>
  session.waiting === outcome.done && !session.isStalled && !session.closeAfterReply;

/**
 * Room that no request needs now: a large one's goes back to the usual, a silent client's goes.
 */
function shrinkTail(session: Session, nowMs: number): void {
  if (session.tailLength > 0 || session.tail.length === 0) return;
  if (nowMs - session.lastCommandMs > tailIdleMs) session.tail = new Uint8Array(0);
  else if (session.tail.length > tailBytesReserved)
    session.tail = new Uint8Array(tailBytesReserved);
}

/** A client that waits for the node, or for messages, says nothing for good reason. */
const mayBeSilent = (session: Session): boolean =>
  session.waiting !== outcome.done || session.closeAfterReply || clientTypeOf(session) === "pubsub";

/**
 * Grows a session's tail to hold `needed` bytes. A declared length alone reserves nothing: at most
 * twice what has arrived. False when there is no memory.
 */
function makeRoom(session: Session, needed: number): boolean {
  if (needed <= session.tail.length) return true;
  const expected = Math.min(session.tailWanted, needed * 2);
  try {
    const grown = new Uint8Array(Math.max(needed + (needed >> 2), expected, 1024));
    grown.set(session.tail.subarray(0, session.tailLength));
    session.tail = grown;
    return true;
  } catch (error) {
    if (isOutOfMemory(error)) return false;
    throw error;
  }
}

/**
 * A buffer that cannot be had comes as a RangeError; so do mistakes of ours, told by other words.
 */
const isOutOfMemory = (error: unknown): boolean =>
  error instanceof RangeError && /allocation failed/i.test(error.message);
