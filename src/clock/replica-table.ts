// Names of replica incarnations, interned to 16-bit indices. A name is `node/incarnation`, for
// example `n1/4f2a90c1`. Only this node uses its indices: two nodes agree on names, never on
// numbers.

import { assert } from "../base/assert.js";
import { type ByteReader, compareText, MalformedBytes } from "../base/bytes.js";
import type { ReplicaIndex, Stamp, Time } from "./stamp.js";

/** How many incarnations one node can tell apart. */
export const replicaCountMax = 0xffff;

/** Longest name of an incarnation, in UTF-16 units. */
export const replicaNameLengthMax = 256;

export class ReplicaTable {
  readonly #names: string[] = [];
  readonly #indices = new Map<string, ReplicaIndex>();

  get count(): number {
    return this.#names.length;
  }

  indexOf(name: string): ReplicaIndex {
    const known = this.#indices.get(name);
    if (known !== undefined) return known;
    assert(
      this.#names.length < replicaCountMax,
      "more replica incarnations than a node can tell apart",
    );
    const index = this.#names.length;
    this.#names.push(name);
    this.#indices.set(name, index);
    return index;
  }

  /** @throws MalformedBytes when the name is no name, or one more than a node can tell apart. */
  decode(reader: ByteReader): ReplicaIndex {
    const name = reader.text();
    if (name.length === 0 || name.length > replicaNameLengthMax)
      throw new MalformedBytes(`a replica's name has ${name.length} characters`);
    if (!this.#indices.has(name) && this.#names.length >= replicaCountMax)
      throw new MalformedBytes("more replica incarnations than a node can tell apart");
    return this.indexOf(name);
  }

  /** Whether `indexOf` takes a name that comes from elsewhere. */
  mayName(name: string): boolean {
    if (this.#indices.has(name)) return true;
    const isName = /^[\x21-\x7e]+$/.test(name) && name.length <= replicaNameLengthMax;
    return isName && this.#names.length < replicaCountMax;
  }

  nameOf(index: ReplicaIndex): string {
    const name = this.#names[index];
    assert(name !== undefined, "replica index without a name");
    return name;
  }

  /**
   * The number by which an incarnation follows the earlier ones of its node; 0 when its name tells
   * none.
   */
  incarnationOf(index: ReplicaIndex): number {
    const name = this.nameOf(index);
    return Number.parseInt(name.slice(name.lastIndexOf("/") + 1), 36) || 0;
  }

  /** The order of stamps: time, then the replica's name, so that all nodes agree. */
  compare(aTime: Time, aReplica: ReplicaIndex, bTime: Time, bReplica: ReplicaIndex): number {
    if (aTime !== bTime) return aTime - bTime;
    if (aReplica === bReplica) return 0;
    return compareText(this.nameOf(aReplica), this.nameOf(bReplica));
  }

  compareStamps(a: Stamp, b: Stamp): number {
    return this.compare(a.time, a.replica, b.time, b.replica);
  }
}
