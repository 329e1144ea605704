// Replies that wait for the disk: one queue in the order in which they were made, each with the
// group of the log after which it may leave. Nothing leaves before what stands in front of it, and
// a session that has something here puts everything further behind it, so each client reads its
// replies in order.
//
// Under `always` every reply comes through here, so small ones stand one behind the other in one
// buffer and cost no object of their own.
//
// What one session can keep here counts as unread (client-input.ts), which bounds the whole.

import { copyBytes } from "../base/bytes.js";
import type { Session } from "../commands/session.js";

/** A reply longer than this has a buffer of its own. */
const sharedBytesMax = 4096;
const bytesAtFirst = 16 * 1024;
/** A larger buffer is given back once it is empty. */
const bytesKept = 1024 * 1024;

/** Sends what a session waited for; the bytes may be overwritten once it does anything else. */
export type Leave = (session: Session, bytes: Uint8Array, start: number, length: number) => void;

export class HeldReplies {
  // Reply `i` of those that wait is the one at `first <= i < end`; of each the session, the group
  // and where it ends in the buffer, or the buffer of its own that a long one has.
  readonly #sessions: (Session | undefined)[] = [];
  readonly #groups: number[] = [];
  readonly #ends: number[] = [];
  readonly #long: (Uint8Array | undefined)[] = [];
  #first = 0;
  #end = 0;
  #bytes = new Uint8Array(bytesAtFirst);

  get count(): number {
    return this.#end - this.#first;
  }

  keep(session: Session, bytes: Uint8Array, length: number, group: number): void {
    session.heldBytes += length;
    const index = this.#end++;
    const start = this.#startOf(index);
    const isLong = length > sharedBytesMax;
    this.#sessions[index] = session;
    this.#groups[index] = group;
    this.#long[index] = isLong ? bytes.slice(0, length) : undefined;
    this.#ends[index] = isLong ? start : start + length;
    if (isLong) return;
    if (start + length > this.#bytes.length) this.#grow();
    copyBytes(this.#bytes, start, bytes, 0, length);
  }

  /**
   * Lets everything up to a group leave. `leave` may cause more to be kept, behind what is here,
   * and more to be released.
   */
  release(group: number, leave: Leave): void {
    while (this.#first < this.#end && this.#groups[this.#first]! <= group) {
      const index = this.#first++;
      const session = this.#sessions[index]!;
      const long = this.#long[index];
      const start = this.#startOf(index);
      const length = long?.length ?? this.#ends[index]! - start;
      this.#sessions[index] = undefined;
      this.#long[index] = undefined;
      session.heldBytes -= length;
      if (long === undefined) leave(session, this.#bytes, start, length);
      else leave(session, long, 0, length);
    }
    this.#compact();
  }

  /** Forgets everything; answers the sessions that waited. */
  drop(): Set<Session> {
    const sessions = new Set<Session>();
    for (; this.#first < this.#end; this.#first++) {
      const session = this.#sessions[this.#first]!;
      session.heldBytes = 0;
      sessions.add(session);
      this.#sessions[this.#first] = undefined;
      this.#long[this.#first] = undefined;
    }
    this.#compact();
    return sessions;
  }

  #startOf(index: number): number {
    return index === 0 ? 0 : this.#ends[index - 1]!;
  }

  #grow(): void {
    const grown = new Uint8Array(this.#bytes.length * 2);
    grown.set(this.#bytes);
    this.#bytes = grown;
  }

  /** What has left makes room: at once when nothing waits, else when it is most of what is here. */
  #compact(): void {
    const left = this.count;
    if (left > 0 && this.#first <= left) return;
    const base = this.#startOf(this.#first);
    if (left > 0) this.#bytes.copyWithin(0, base, this.#ends[this.#end - 1]!);
    for (let i = 0; i < left; i++) {
      const from = this.#first + i;
      this.#sessions[i] = this.#sessions[from];
      this.#groups[i] = this.#groups[from]!;
      this.#long[i] = this.#long[from];
      this.#ends[i] = this.#ends[from]! - base;
      this.#sessions[from] = undefined;
      this.#long[from] = undefined;
    }
    this.#first = 0;
    this.#end = left;
    if (left === 0 && this.#bytes.length > bytesKept) this.#bytes = new Uint8Array(bytesAtFirst);
  }
}
