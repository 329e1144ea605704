// A hash over what a replica has seen of all streams up to a time. Two replicas that have all
// batches made until then agree on it, whatever is on its way to either; so one small message tells
// that nothing is missing.

import { utf8 } from "../base/bytes.js";
import type { ReplicaIndex, Time } from "../clock/stamp.js";
import { hash32 } from "../keyspace/digest.js";
import type { Shards } from "../keyspace/shards.js";

export class SettledHash {
  readonly #shards: Shards;
  /** Hashes of replica names, by index. */
  readonly #names: number[] = [];
  readonly #bytes = new Uint8Array(16);
  readonly #view = new DataView(this.#bytes.buffer);

  constructor(shards: Shards) {
    this.#shards = shards;
  }

  /**
   * 53 bits; undefined when a log does not reach back so far. The sum has no order (merge-rules
   * 13). @param counts which shards are meant: those that both sides hold.
   */
  at(until: Time, counts: (shard: number) => boolean): number | undefined {
    let low = 0;
    let high = 0;
    for (const shard of this.#shards.shards) {
      if (!counts(shard.index)) continue;
      const context = shard.contextAt(until);
      if (context === undefined) return undefined;
      for (const [replica, time] of context.entries()) {
        this.#view.setUint32(0, shard.index, true);
        this.#view.setUint32(4, this.#nameHash(replica), true);
        this.#view.setFloat64(8, time, true);
        low = (low + hash32(this.#bytes, 1)) >>> 0;
        high = (high + hash32(this.#bytes, 2)) & 0x1fffff;
      }
    }
    return high * 0x1_0000_0000 + low;
  }

  #nameHash(replica: ReplicaIndex): number {
    this.#names[replica] ??= hash32(utf8(this.#shards.keyspace.replicas.nameOf(replica)), 0);
    return this.#names[replica];
  }
}
