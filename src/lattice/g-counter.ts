// Grow-only counter: each replica's own total, joined by the maximum, summed on reading. Only the
// owner raises a total and it never falls, so the higher one is the newer one. pn-counter.ts is
// what keys use.

import { assert } from "../base/assert.js";
import { MalformedBytes } from "../base/bytes.js";
import type { ReplicaTable } from "../clock/replica-table.js";
import type { ReplicaIndex } from "../clock/stamp.js";
import { contextFree } from "./lattice.js";

type Totals = ReadonlyMap<ReplicaIndex, bigint>;

/** Bytes of one total: sums beyond 2^512 are refused by the decoder. */
const digitsMax = 154;

export const gCounter = contextFree<Totals, { readonly add: bigint }, bigint>({
  name: "g_counter",
  tag: 5,
  bottom: () => new Map(),
  news(state, { add }, { stamp }) {
    assert(add >= 0n, "a grow-only counter only grows");
    return new Map([[stamp.replica, (state.get(stamp.replica) ?? 0n) + add]]);
  },
  // Spec: Lattice.DrawCounter.
  joinValues(a, b) {
    const joined = new Map(a);
    // An explicit zero would make equal counters differ, so absent and zero are one here.
    for (const [replica, total] of b)
      if (total > (joined.get(replica) ?? 0n)) joined.set(replica, total);
    return joined;
  },
  query: (state) => [...state.values()].reduce((sum, total) => sum + total, 0n),
  equals: (a, b) =>
    a.size === b.size && [...a].every(([replica, total]) => b.get(replica) === total),
  encode(writer, state, codec, replicas) {
    writer.varint(state.size);
    for (const [replica, total] of sorted(state, replicas)) {
      codec.write(writer, replica);
      writer.text(total.toString());
    }
  },
  decode(reader, codec) {
    const totals = new Map<ReplicaIndex, bigint>();
    for (let count = reader.count(3); count > 0; count--) {
      const replica = codec.read(reader);
      const text = reader.text();
      if (text.length > digitsMax || !/^[1-9]\d*$/.test(text) || totals.has(replica))
        throw new MalformedBytes("not a total");
      totals.set(replica, BigInt(text));
    }
    return totals;
  },
});

const sorted = (totals: Totals, replicas: ReplicaTable): [ReplicaIndex, bigint][] =>
  [...totals].sort(([a], [b]) => replicas.compare(0, a, 0, b));
