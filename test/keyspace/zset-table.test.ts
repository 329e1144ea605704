// Sorted sets under compaction: records move, also those that stand for members kept as cells, and
// the order, the index and the cells follow.

import { expect, test } from "vitest";
import { Compaction } from "../../src/keyspace/compaction.js";
import { slots } from "../../src/lattice/key-entry.js";
import { Cluster } from "../commands/zset-replicas.js";

const members = 1_200;
const nameOf = (n: number): string => `m${String(n).padStart(5, "0")}${"x".repeat(20_000)}`;

test("compaction: an order follows its records, and those of cells", () => {
  const cluster = new Cluster(2, 2 ** 17);
  for (let n = 0; n < members; n++) cluster.on(1, `zadd z ${n % 97} ${nameOf(n)}`);
  cluster.settle();
  // Incremented on both at once: these are cells, for which stand-ins stand in the order.
  for (let n = 0; n < members; n += 24) {
    cluster.on(1, `zincrby z 0.25 ${nameOf(n)}`);
    cluster.on(2, `zincrby z 0.5 ${nameOf(n)}`);
  }
  cluster.settle();
  for (let n = 0; n < members; n++) if (n % 8 !== 0) cluster.on(1, `zrem z ${nameOf(n)}`);
  cluster.settle();
  const [first, second] = cluster.replicas;
  for (const { keyspace } of cluster.replicas) {
    const db = keyspace.databases[0]!;
    let entry = 0;
    db.keys.forEach((ref) => {
      entry = ref;
    });
    expect(keyspace.entryOf(entry).slot(slots.zset)!.visibleCount).toBe(members / 8);
    const compaction = new Compaction(keyspace);
    let isDone = false;
    for (let step = 0; step < 5_000 && !isDone; step++) {
      isDone = !compaction.step(16) && compaction.slabsReleased > 0 && !compaction.step(0);
      if (step % 20 === 0) keyspace.verifyInvariants();
    }
    expect(compaction.recordsMoved).toBeGreaterThan(0);
    expect(compaction.slabsReleased).toBeGreaterThan(0);
    keyspace.verifyInvariants();
  }
  cluster.settle();
  expect(second!.dump()).toEqual(first!.dump());
  for (let n = 0; n < members; n += 8) {
    const expected = (n % 97) + (n % 24 === 0 ? 0.75 : 0);
    expect(Number(cluster.on(2, `zscore z ${nameOf(n)}`))).toBe(expected);
  }
});
