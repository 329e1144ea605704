// Version vectors: for each replica the highest time such that everything of that replica up to it
// is included. As a causal context this says which stamps have been seen; absent and covered means
// removed.

import { type ByteReader, type ByteWriter, compareText } from "../base/bytes.js";
import type { ReplicaTable } from "./replica-table.js";
import { decodeTime, type ReplicaIndex, type Time } from "./stamp.js";

/**
 * Answers whether a stamp has been seen. A version vector is one; a delta's removal list is
 * another.
 */
export interface Seen {
  covers(time: Time, replica: ReplicaIndex): boolean;
}

export class VersionVector implements Seen {
  readonly #times: Time[] = [];

  get(replica: ReplicaIndex): Time {
    return this.#times[replica] ?? 0;
  }

  covers(time: Time, replica: ReplicaIndex): boolean {
    return time <= (this.#times[replica] ?? 0);
  }

  /** Raises one entry; lower times leave it alone. */
  advance(replica: ReplicaIndex, time: Time): void {
    const times = this.#times;
    while (times.length <= replica) times.push(0);
    if (time > times[replica]!) times[replica] = time;
  }

  /** Forgets everything: to be done only together with what the vector speaks of. */
  clear(): void {
    this.#times.length = 0;
  }

  /** Least upper bound, in place. */
  join(other: VersionVector): void {
    const times = other.#times;
    for (let replica = 0; replica < times.length; replica++) this.advance(replica, times[replica]!);
  }

  /** Greatest lower bound, as a new vector. */
  meet(other: VersionVector): VersionVector {
    const result = new VersionVector();
    const count = Math.min(this.#times.length, other.#times.length);
    for (let replica = 0; replica < count; replica++)
      result.#times.push(Math.min(this.#times[replica]!, other.#times[replica]!));
    return result;
  }

  includes(other: VersionVector): boolean {
    const times = other.#times;
    for (let replica = 0; replica < times.length; replica++)
      if (times[replica]! > (this.#times[replica] ?? 0)) return false;
    return true;
  }

  equals(other: VersionVector): boolean {
    return this.includes(other) && other.includes(this);
  }

  /** Replicas that something is included of. */
  get size(): number {
    let size = 0;
    for (let replica = 0; replica < this.#times.length; replica++)
      if (this.#times[replica]! > 0) size++;
    return size;
  }

  get isEmpty(): boolean {
    return this.#times.every((time) => time === 0);
  }

  /** Non-zero entries in index order (not canonical across nodes; `encode` is). */
  *entries(): IterableIterator<[ReplicaIndex, Time]> {
    for (let replica = 0; replica < this.#times.length; replica++) {
      const time = this.#times[replica]!;
      if (time > 0) yield [replica, time];
    }
  }

  /** What `known` lacks of this, but for one replica's part; undefined when it lacks nothing. */
  beyond(known: VersionVector, except: ReplicaIndex): VersionVector | undefined {
    const times = this.#times;
    let news: VersionVector | undefined;
    for (let replica = 0; replica < times.length; replica++) {
      if (replica === except || known.covers(times[replica]!, replica)) continue;
      news ??= new VersionVector();
      news.advance(replica, times[replica]!);
    }
    return news;
  }

  clone(): VersionVector {
    const copy = new VersionVector();
    copy.join(this);
    return copy;
  }

  /** Canonical: sorted by replica name, names written out. */
  encode(writer: ByteWriter, replicas: ReplicaTable): void {
    const named = [...this.entries()]
      .map(([replica, time]): [string, Time] => [replicas.nameOf(replica), time])
      .sort((a, b) => compareText(a[0], b[0]));
    writer.varint(named.length);
    for (const [name, time] of named) writer.text(name).f64(time);
  }

  /** @throws MalformedBytes when a time is no stamp time. */
  static decode(reader: ByteReader, replicas: ReplicaTable): VersionVector {
    const result = new VersionVector();
    for (let count = reader.count(9); count > 0; count--) {
      const replica = replicas.decode(reader);
      // A time that is no number would lower nothing, an infinite one would claim to have seen
      // everything.
      result.advance(replica, decodeTime(reader));
    }
    return result;
  }
}
