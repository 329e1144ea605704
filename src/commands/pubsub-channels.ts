// Who listens to which channel, and how a message reaches them (Redis 7.0, pubsub.c). A message is
// encoded once per protocol and kept once, whatever the number of listeners. The session whose
// command runs gets its own message in its reply, before the command's answer; all others through
// the node's outbox.
//
// Left out: other nodes. A message reaches the clients of the node it was published on.

import { type Bytes, fromLatin1 } from "../base/bytes.js";
import type { Subscriptions } from "./client-line.js";
import { matchesGlob } from "./glob.js";
import { Reply } from "./reply.js";
import { gate, type Session } from "./session.js";

/** The kinds of subscriptions, each with its own namespace. */
export type SubscriptionKind = "channels" | "patterns" | "shardChannels";

/** Names are byte strings as Latin-1 text. */
interface Held extends Subscriptions {
  readonly channels: Set<string>;
  readonly patterns: Set<string>;
  readonly shardChannels: Set<string>;
}

const extra = "subscriptions";

interface Listeners {
  readonly name: Bytes;
  readonly sessions: Set<Session>;
}

export class Channels {
  readonly #send: (session: Session, bytes: Bytes) => void;
  readonly #listeners: Readonly<Record<SubscriptionKind, Map<string, Listeners>>> = {
    channels: new Map(),
    patterns: new Map(),
    shardChannels: new Map(),
  };
  /** Messages are encoded here. */
  readonly #reply = new Reply();

  /** @param send delivers bytes to a session once no command runs. */
  constructor(send: (session: Session, bytes: Bytes) => void) {
    this.#send = send;
  }

  // ---- subscriptions

  subscribe(session: Session, kind: SubscriptionKind, name: string): void {
    let held = session.extras.get(extra) as Held | undefined;
    if (held === undefined) {
      held = { channels: new Set(), patterns: new Set(), shardChannels: new Set() };
      session.extras.set(extra, held);
      session.gates |= gate.subscribed;
    }
    held[kind].add(name);
    const all = this.#listeners[kind];
    const listeners = all.get(name);
    if (listeners === undefined)
      all.set(name, { name: fromLatin1(name), sessions: new Set([session]) });
    else listeners.sessions.add(session);
  }

  unsubscribe(session: Session, kind: SubscriptionKind, name: string): void {
    const held = session.extras.get(extra) as Held | undefined;
    if (held?.[kind].delete(name) !== true) return;
    const all = this.#listeners[kind];
    const { sessions } = all.get(name)!;
    sessions.delete(session);
    if (sessions.size === 0) all.delete(name);
    if (held.channels.size + held.patterns.size + held.shardChannels.size > 0) return;
    session.extras.delete(extra);
    session.gates &= ~gate.subscribed;
  }

  /** The session is gone, or begins anew. */
  forget(session: Session): void {
    for (const kind of ["channels", "patterns", "shardChannels"] as const)
      for (const name of this.namesOf(session, kind)) this.unsubscribe(session, kind, name);
  }

  /** What a session has subscribed to, in the order in which it did. */
  namesOf(session: Session, kind: SubscriptionKind): string[] {
    return [...((session.extras.get(extra) as Held | undefined)?.[kind] ?? [])];
  }

  /** The number that confirmations show: channels and patterns together, shard channels apart. */
  countOf(session: Session, kind: SubscriptionKind): number {
    const held = session.extras.get(extra) as Held | undefined;
    if (held === undefined) return 0;
    if (kind === "shardChannels") return held.shardChannels.size;
    return held.channels.size + held.patterns.size;
  }

  /** Names that anybody listens to. */
  names(kind: SubscriptionKind): readonly Bytes[] {
    return [...this.#listeners[kind].values()].map(({ name }) => name);
  }

  listenerCount(kind: SubscriptionKind, name: string): number {
    return this.#listeners[kind].get(name)?.sessions.size ?? 0;
  }

  nameCount(kind: SubscriptionKind): number {
    return this.#listeners[kind].size;
  }

  // ---- messages

  /**
   * Sends a message to all who listen; answers how many times.
   * @param current gets what is its own at once, in its reply; nobody does when it is undefined.
   */
  publish(
    kind: "channels" | "shardChannels",
    channel: string,
    message: Bytes,
    current?: { readonly session: Session; readonly reply: Reply },
  ): number {
    let count = 0;
    const direct = this.#listeners[kind].get(channel);
    if (direct !== undefined) {
      const word = kind === "channels" ? "message" : "smessage";
      count += this.#toAll(direct.sessions, [word, direct.name, message], current);
    }
    const { patterns } = this.#listeners;
    if (kind !== "channels" || patterns.size === 0) return count;
    const name = fromLatin1(channel);
    for (const pattern of patterns.values()) {
      if (!matchesGlob(pattern.name, name)) continue;
      count += this.#toAll(pattern.sessions, ["pmessage", pattern.name, name, message], current);
    }
    return count;
  }

  #toAll(
    sessions: ReadonlySet<Session>,
    parts: readonly [string, ...Bytes[]],
    current?: { readonly session: Session; readonly reply: Reply },
  ): number {
    let resp2: Bytes | undefined;
    let resp3: Bytes | undefined;
    for (const session of sessions) {
      if (session.resp3) resp3 ??= this.#encode(parts, true);
      else resp2 ??= this.#encode(parts, false);
      const bytes = (session.resp3 ? resp3 : resp2)!;
      // A silent session's reply is taken back, its messages are not.
      const isInReply = session === current?.session && (session.gates & gate.silent) === 0;
      if (isInReply) current!.reply.raw(bytes);
      else this.#send(session, bytes);
    }
    return sessions.size;
  }

  #encode([word, ...rest]: readonly [string, ...Bytes[]], isResp3: boolean): Bytes {
    const reply = this.#reply;
    reply.clear();
    reply.resp3 = isResp3;
    reply.push(rest.length + 1);
    reply.bulkText(word);
    for (const part of rest) reply.bulk(part);
    return reply.bytes.slice(0, reply.length);
  }

  /** Confirms a subscription or its end; `name` is undefined when there was nothing to end. */
  confirm(
    current: { readonly session: Session; readonly reply: Reply },
    word: string,
    kind: SubscriptionKind,
    name: Bytes | undefined,
  ): void {
    const { session, reply } = current;
    const start = reply.length;
    reply.push(3);
    reply.bulkText(word);
    if (name === undefined) reply.nil();
    else reply.bulk(name);
    reply.integer(this.countOf(session, kind));
    if ((session.gates & gate.silent) === 0) return;
    this.#send(session, reply.bytes.slice(start, reply.length));
    reply.length = start;
  }
}
