// Pulls of a node that lacks more than one answer gives: which shards it asks for, and that all of
// them have their turn. And a push that cannot be repeated.

import { expect, test } from "vitest";
import { decodeShardState } from "../../src/keyspace/state-sync.js";
import { decodeMessage } from "../../src/replication/codec.js";
import type { Body } from "../../src/replication/messages.js";
import { set } from "./operations.js";
import { World } from "./world.js";

/** Eight shards, of which a node that heard nothing of any lacks all; no log reaches back. */
function lackingWorld(holds: (name: string, shard: number) => boolean): World {
  const world = new World({
    seed: 9,
    shards: { shardCount: 8, logBytesMax: 1 },
    replicator: { mode: "direct" },
  });
  for (const { replicator, name } of world.replicas)
    replicator.holdings = {
      holds: (shard) => holds(name, shard),
      peerHolds: (node, shard) => node !== "n2" && holds(node, shard),
      peerServes: (node, shard) => node !== "n2" && holds(node, shard),
      awaits: () => true,
      keeps: () => true,
    };
  world.filter = () => false;
  for (let i = 0; i < 200; i++)
    world.turn(0, ({ keyspace, shards: held }) => {
      set(keyspace, `${i * i}`, "v");
      held.closeBatch();
    });
  world.run(1_000);
  return world;
}

/** A push of what was written; an answer to who asked is none. */
const isPush = (body: Body): boolean => body.type === "delta" && !body.isAnswer;

const shardsSeen = (world: World, node: number): number[] =>
  world.replicas[node]!.shards.shards.flatMap(({ index, context }) =>
    context.isEmpty ? [] : [index],
  );

test("repair: a shard that was let go before it came is not asked for any more", () => {
  let isGiven = false;
  const world = lackingWorld((name, shard) => name !== "n1" || !isGiven || shard >= 6);
  // It hears what it lacks, and nobody hears what it asks for.
  world.filter = (_from, to, bytes) => {
    const { body } = decodeMessage(bytes, world.replicas[to]!.shards);
    return body.type !== "pull" && !isPush(body);
  };
  world.run(3_000);
  isGiven = true;
  const asked = new Set<number>();
  world.filter = (from, to, bytes) => {
    const { body } = decodeMessage(bytes, world.replicas[to]!.shards);
    if (from === 1 && body.type === "pull") for (const { shard } of body.contexts) asked.add(shard);
    return !isPush(body);
  };
  world.run(3_000);
  expect(shardsSeen(world, 1)).toEqual([6, 7]);
  expect([...asked].sort()).toEqual([6, 7]);
});

test("repair: states that are not taken do not keep the others from their turn", () => {
  const world = lackingWorld(() => true);
  world.filter = (_from, to, bytes) => {
    const { shards: held, keyspace } = world.replicas[to]!;
    const { body } = decodeMessage(bytes, held);
    if (isPush(body)) return false;
    return body.type !== "state" || decodeShardState(body.bytes, keyspace, 8).shard >= 6;
  };
  world.run(20_000);
  expect(shardsSeen(world, 1)).toEqual([6, 7]);
});

test("push: what nobody can send any more is not due again and again", () => {
  const shards = { shardCount: 1, stableBytesMax: 1, leasedBytesMin: 1 };
  const world = new World({ seed: 3, shards, replicator: { mode: "direct" } });
  const holders = new Set(world.names);
  for (const { replicator } of world.replicas)
    replicator.holdings = {
      holds: () => true,
      peerHolds: (node) => holders.has(node),
      peerServes: (node) => holders.has(node),
      awaits: () => true,
      keeps: () => true,
    };
  world.run(2_000);
  // The third hears nothing. While it is said not to hold the shard all others have the write, and
  // the memory of it is used again.
  world.filter = (from, to) => from !== 2 && to !== 2;
  const { replicator, shards: held } = world.replicas[0]!;
  world.turn(0, ({ keyspace }) => {
    set(keyspace, "key", "v");
    held.closeBatch();
  });
  holders.delete("n2");
  for (let waited = 0; waited < 250 && held.logBytes > 0; waited++) world.run(1);
  expect(held.logBytes).toBe(0);
  holders.add("n2");
  let tickCount = 0;
  const tick = replicator.tick.bind(replicator);
  replicator.tick = (now) => {
    if (++tickCount > 1_000) throw new Error("it is due for ever");
    tick(now);
  };
  world.run(10_000);
  expect(tickCount).toBeLessThan(200);
});
