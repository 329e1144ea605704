// The causal mode: a session carries what it has seen, as a token, from one node to another. A node
// answers a command on a causal key once its own context covers the token; until then the command
// waits, at most `waitMsMax`, and is then refused with an error after which it may be tried again.
// That gives read-your-writes, monotonic reads and writes-follow-reads across nodes and reconnects.
// Within one connection they hold by themselves: a node's context only grows.
//
// SKERRY.SESSION without arguments answers the token: the contexts of the shards whose causal keys
// the session has used, and all of the token that it came with. SKERRY.SESSION token takes one.
//
// The context is kept per shard, so between keys of different shards only the token tells the
// order; whoever reads without one may see the later write first.
//
// What a lost incarnation took with it never comes: a token that names it is refused for good once
// nobody who is heard has it (merge-rules 16). Left out: overlays in tokens (merge-rules 11).

import { ByteReader, type Bytes, ByteWriter, MalformedBytes } from "../base/bytes.js";
import { VersionVector } from "../clock/version-vector.js";
import type { Call } from "../commands/call.js";
import { type Command, keyPositions } from "../commands/command.js";
import { outcome, type Session } from "../commands/session.js";
import { decodeContext, encodeContext } from "../keyspace/batch-codec.js";
import type { Shards } from "../keyspace/shards.js";
import { DictionaryCodec } from "../lattice/replica-codec.js";
import type { Consistency } from "./consistency.js";
import type { Refuse } from "./dispatcher-gates.js";

export const waitMsMax = 1_000;
const tokenLengthMax = 64 * 1024;

interface Past {
  /** By shard: what must have been seen before the session is answered. */
  readonly token: Map<number, VersionVector>;
  /** Shards whose causal keys the session has used. */
  readonly used: Set<number>;
  /** When the command that waits is refused; 0: none waits. */
  deadlineMs: number;
}

export interface CausalPorts {
  readonly consistency: Consistency;
  readonly shards: () => Shards;
  readonly now: () => number;
  /** Lets a session whose command was put off go on. */
  readonly resume: (session: Session) => void;
  /** Whether a replica will never say anything more, and nobody who is heard has it up to there. */
  readonly isLost: (replica: string, shard: number, time: number) => boolean;
}

export class Causal {
  waits = 0;
  timeouts = 0;
  readonly #ports: CausalPorts;
  readonly #pasts = new WeakMap<Session, Past>();
  readonly #waiting = new Set<Session>();

  constructor(ports: CausalPorts) {
    this.#ports = ports;
  }

  /** The dispatcher's gate. */
  // Spec: CausalSessions.Write.
  ask(call: Call, command: Command, session: Session, refuse: Refuse): boolean {
    const used = this.#shardsOf(call, command);
    if (used.length === 0) return false;
    const past = this.#pastOf(session);
    for (const shard of used) past.used.add(shard);
    if (past.token.size === 0) return false;
    const missing = used.filter((shard) => !this.#covers(past, shard));
    if (missing.length === 0) {
      past.deadlineMs = 0;
      return false;
    }
    if (missing.some((shard) => this.#isLost(past, shard))) {
      past.deadlineMs = 0;
      refuse("LOSTPAST a node lost, before others had it, what this session has seen");
      return true;
    }
    const nowMs = this.#ports.now();
    if (past.deadlineMs === 0) past.deadlineMs = nowMs + waitMsMax;
    if (nowMs >= past.deadlineMs || !call.mayBlock) {
      past.deadlineMs = 0;
      this.timeouts++;
      refuse("TRYAGAIN this node has not yet seen what this session has seen");
      return true;
    }
    this.waits++;
    this.#waiting.add(session);
    call.outcome = outcome.postponed;
    return true;
  }

  #shardsOf(call: Call, command: Command): number[] {
    const shards: number[] = [];
    if (command.flags.includes("pubsub")) return shards;
    for (const index of keyPositions(command, call) ?? []) {
      if (index >= call.argc) continue;
      const [start, size] = [call.start(index), call.size(index)];
      if (this.#ports.consistency.modeOf(call.bytes, start, size) !== "causal") continue;
      shards.push(this.#ports.shards().shardOfKey(call.bytes.subarray(start, start + size)));
    }
    return shards;
  }

  // Spec: CausalSessions.Read.
  #covers({ token }: Past, shard: number): boolean {
    const needed = token.get(shard);
    return needed === undefined || this.#ports.shards().shards[shard]!.context.includes(needed);
  }

  // Spec: CausalSessions.Refuse.
  #isLost({ token }: Past, shard: number): boolean {
    const shards = this.#ports.shards();
    const { context } = shards.shards[shard]!;
    for (const [replica, time] of token.get(shard)!.entries()) {
      if (context.covers(time, replica)) continue;
      if (this.#ports.isLost(shards.keyspace.replicas.nameOf(replica), shard, time)) return true;
    }
    return false;
  }

  #pastOf(session: Session): Past {
    let past = this.#pasts.get(session);
    if (past === undefined) {
      past = { token: new Map(), used: new Set(), deadlineMs: 0 };
      this.#pasts.set(session, past);
    }
    return past;
  }

  /** Something was joined, or time has passed: whoever waits looks again. */
  resume(): void {
    if (this.#waiting.size === 0) return;
    const nowMs = this.#ports.now();
    for (const session of [...this.#waiting]) {
      const past = this.#pastOf(session);
      const isCovered = [...past.used].every((shard) => this.#covers(past, shard));
      if (!isCovered && nowMs < past.deadlineMs) continue;
      this.#waiting.delete(session);
      session.waiting = outcome.done;
      this.#ports.resume(session);
    }
  }

  forget(session: Session): void {
    this.#waiting.delete(session);
  }

  nextDueMs(): number {
    let due = Number.POSITIVE_INFINITY;
    for (const session of this.#waiting) due = Math.min(due, this.#pastOf(session).deadlineMs);
    return due;
  }

  // ---- tokens

  /** What the session has seen, as a token. */
  tokenOf(session: Session): string {
    const past = this.#pastOf(session);
    const shards = this.#ports.shards();
    shards.settle();
    const codec = new DictionaryCodec(shards.keyspace.replicas);
    const body = new ByteWriter(256);
    const indices = [...new Set([...past.used, ...past.token.keys()])].sort((a, b) => a - b);
    body.varint(indices.length);
    for (const shard of indices) {
      const context = new VersionVector();
      if (past.used.has(shard)) {
        context.join(shards.shards[shard]!.context);
        // The session may have read here before the shard went to others.
        const former = shards.released.formerContext(shard);
        if (former !== undefined) context.join(former);
      }
      const needed = past.token.get(shard);
      if (needed !== undefined) context.join(needed);
      body.varint(shard);
      encodeContext(body, context, codec);
    }
    const writer = new ByteWriter(body.length + 64);
    codec.writeNames(writer);
    return Buffer.from(writer.raw(body.view()).view()).toString("base64url");
  }

  /** Adds a token to what the session must find. False when it is no token. */
  take(session: Session, text: string): boolean {
    if (text.length > tokenLengthMax || !/^[A-Za-z0-9_-]+$/.test(text)) return false;
    try {
      const token = this.#decode(Buffer.from(text, "base64url"));
      const past = this.#pastOf(session);
      for (const [shard, context] of token) {
        const known = past.token.get(shard);
        if (known === undefined) past.token.set(shard, context);
        else known.join(context);
      }
      return true;
    } catch (error) {
      if (error instanceof MalformedBytes) return false;
      throw error;
    }
  }

  #decode(bytes: Bytes): Map<number, VersionVector> {
    const shards = this.#ports.shards();
    const reader = new ByteReader(bytes);
    const codec = new DictionaryCodec(shards.keyspace.replicas);
    codec.readNames(reader);
    const token = new Map<number, VersionVector>();
    for (let count = reader.count(2); count > 0; count--) {
      const shard = reader.varint();
      if (shard >= shards.count) throw new MalformedBytes("no such shard");
      token.set(shard, decodeContext(reader, codec));
    }
    reader.expectEnd();
    return token;
  }
}
