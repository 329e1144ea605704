// Comparing shards by digests: what travels grows with the difference, and what happens while two
// sides compare is not lost and does not come back.

import { expect, test } from "vitest";
import { ByteWriter } from "../../src/base/bytes.js";
import { hash32 } from "../../src/keyspace/digest.js";
import { NameCodec } from "../../src/lattice/replica-codec.js";
import { decodeMessage } from "../../src/replication/codec.js";
import { del, expire, increment, read, sadd, set } from "./operations.js";
import { isEqual, newReplica, turn } from "./pair.js";
import { World } from "./world.js";

/**
 * Two replicas that hold `count` keys and keep hardly any log; what one lacks comes by comparing.
 */
function newPair(count: number, shardCount = 4, logBytesMax = 1): World {
  const world = new World({
    seed: 5,
    nodeCount: 2,
    link: { delayMs: () => 5 },
    shards: { shardCount, logBytesMax },
    replicator: { mode: "direct", limits: { compareKeyCountMin: 0, outboxBytesMax: 1 } },
  });
  world.turn(0, ({ keyspace, shards }) => {
    for (let i = 0; i < count; i++) set(keyspace, `key ${i}`, `value ${i}`);
    shards.closeBatch();
  });
  expect(world.converge()).toBeDefined();
  world.run(10_000);
  return world;
}

/** A batch that no push brings: the outbox has room for the one before it only. */
const write = (world: World, node: number, work: Parameters<typeof turn>[1]): void =>
  world.turn(node, ({ shards }) => {
    turn(shards, (keyspace) => set(keyspace, "filler", "x"));
    turn(shards, work);
  });

/** Heals; answers the bytes that travelled until both agreed, by type of message. */
function heal(world: World): Map<string, number> {
  const bytesByType = new Map<string, number>();
  world.filter = (_from, to, bytes) => {
    const { type } = decodeMessage(bytes, world.replicas[to]!.shards).body;
    bytesByType.set(type, (bytesByType.get(type) ?? 0) + bytes.length);
    return true;
  };
  world.heal();
  expect(world.converge()).toBeDefined();
  world.verify();
  return bytesByType;
}

test("difference: what travels grows with what differs, not with what is stored", () => {
  const cost = (stored: number, differing: number): number => {
    const world = newPair(stored);
    world.partition([0]);
    for (const node of [0, 1])
      write(world, node, (keyspace) => {
        for (let i = node; i < differing; i += 2) set(keyspace, `key ${i}`, "new");
      });
    const bytes = heal(world);
    expect(bytes.get("state")).toBeUndefined();
    return (bytes.get("difference") ?? 0) + (bytes.get("inquiry") ?? 0);
  };
  const few = cost(3_000, 4);
  expect(few).toBeLessThan(2_000);
  expect(cost(3_000, 400)).toBeGreaterThan(10 * few);
  // The offer, one digest for each slot, is all that does not shrink.
  expect(cost(300, 4)).toBeGreaterThan(few / 2);
});

test("difference: removed, expired, counted and grown keys are found as well as changed ones", () => {
  const world = newPair(500);
  world.partition([0]);
  write(world, 0, (keyspace) => {
    del(keyspace, "key 1");
    set(keyspace, "key 2", "17");
    sadd(keyspace, "a set", "a");
  });
  write(world, 0, (keyspace) => increment(keyspace, "key 2", 3));
  write(world, 1, (keyspace) => {
    expire(keyspace, "key 3", keyspace.nowMs + 1_000_000);
    sadd(keyspace, "a set", "b");
    del(keyspace, "key 4");
  });
  const bytes = heal(world);
  expect(bytes.get("difference")).toBeGreaterThan(0);
  for (const { keyspace } of world.replicas) {
    expect(read(keyspace, "key 1")).toBeUndefined();
    expect(read(keyspace, "key 2")).toBe("20");
    expect(read(keyspace, "key 4")).toBeUndefined();
    expect(read(keyspace, "a set")).toEqual(["a", "b"]);
  }
});

test.each(["offer", "inquiry", "difference"])(
  "difference: writes on both sides while the %s is on its way are kept",
  (awaited) => {
    const world = newPair(200, 1, 2_000);
    world.partition([0]);
    write(world, 0, (keyspace) => set(keyspace, "key 1", "other"));
    // The log forgets that write, but will still know what happens during the comparison.
    for (let i = 0; i < 40; i++) write(world, 0, (keyspace) => set(keyspace, "key 2", `${i}`));
    let isAwaited = true;
    world.filter = (_from, to, bytes) => {
      const { type } = decodeMessage(bytes, world.replicas[to]!.shards).body;
      if (type !== awaited || !isAwaited) return true;
      isAwaited = false;
      world.at(world.nowMs + 1, () => {
        for (const node of [0, 1])
          write(world, node, (keyspace) => {
            set(keyspace, `key ${10 + node}`, "during");
            del(keyspace, `key ${20 + node}`);
            sadd(keyspace, `new ${node}`, "n");
          });
      });
      return true;
    };
    world.heal();
    expect(world.converge()).toBeDefined();
    expect(isAwaited).toBe(false);
    world.verify();
    for (const { keyspace } of world.replicas) {
      expect(read(keyspace, "key 1")).toBe("other");
      for (const node of [0, 1]) {
        expect(read(keyspace, `key ${10 + node}`)).toBe("during");
        expect(read(keyspace, `key ${20 + node}`)).toBeUndefined();
        expect(read(keyspace, `new ${node}`)).toEqual(["n"]);
      }
    }
  },
);

test("difference: a batch that comes late, while they compare, does not bring back what is gone", () => {
  const world = newPair(200, 1);
  const late: Uint8Array[] = [];
  world.filter = (from, to, bytes) => {
    const { body } = decodeMessage(bytes, world.replicas[to]!.shards);
    if (from === 0 && body.type === "delta" && !body.isAnswer && body.batches.length > 0) {
      late.push(bytes);
      return false;
    }
    if (body.type === "inquiry")
      world.at(world.nowMs + 1, () =>
        world.turn(1, ({ replicator, shards }) =>
          replicator.onMessage("n0", decodeMessage(late[0]!, shards), world.nowMs),
        ),
      );
    return true;
  };
  world.turn(0, ({ shards }) => void turn(shards, (keyspace) => set(keyspace, "late", "1")));
  world.turn(0, ({ shards }) => void turn(shards, (keyspace) => del(keyspace, "late")));
  expect(world.converge()).toBeDefined();
  expect(late.length).toBeGreaterThan(0);
  for (const { keyspace } of world.replicas) expect(read(keyspace, "late")).toBeUndefined();
});

test("difference: a partial state is no state, and a state no partial one", () => {
  const [a, b] = [newReplica("a"), newReplica("b")];
  turn(a, (keyspace) => set(keyspace, "x", "1"));
  const shard = a.shardOfKey(Buffer.from("x"));
  const part = a.encodePart(shard, [{ database: 0, key: Buffer.from("x") }]);
  expect(() => b.joinShard(part)).toThrow("a part of a state");
  expect(() => b.joinPartial(a.encodeShard(shard), shard, [])).toThrow("not that partial state");
  expect(() => b.joinPartial(part, (shard + 1) % 4, [])).toThrow("not that partial state");
  expect(b.joinPartial(part, shard, [])).toHaveLength(1);
  expect(isEqual(a, b)).toBe(true);
});

test("difference: what a log has kept of a partial state can be restored", () => {
  const [a, b, c] = [newReplica("a"), newReplica("b"), newReplica("b")];
  for (const replica of [b, c]) turn(replica, (keyspace) => set(keyspace, "{t}old", "1"));
  const shard = a.shardOfKey(Buffer.from("{t}old"));
  a.joinShard(b.encodeShard(shard));
  turn(a, (keyspace) => del(keyspace, "{t}old"));
  turn(a, (keyspace) => set(keyspace, "{t}new", "2"));
  const logged: Uint8Array[] = [];
  b.onJoined = (state) => logged.push(state);
  const part = a.encodePart(shard, [{ database: 0, key: Buffer.from("{t}new") }]);
  b.joinPartial(part, shard, [{ database: 0, key: Buffer.from("{t}old") }]);
  expect(read(b.keyspace, "{t}old")).toBeUndefined();
  c.restoreState(logged[0]!);
  expect(isEqual(b, c)).toBe(true);
  expect(isEqual(a, c)).toBe(true);
});

test("digests: a plain text is hashed as the entry that it stands for", () => {
  const shards = newReplica("writer");
  const { keyspace } = shards;
  turn(shards, (edited) => {
    set(edited, "plain", "a value");
    set(edited, "empty", "");
    set(edited, "roomy", "x".repeat(300));
    set(edited, "expiring", "v", edited.nowMs + 5_000);
    increment(edited, "count", 3);
  });
  turn(shards, (edited) => set(edited, "plain", "another"));
  for (const shard of shards.shards) {
    let sum = 0n;
    for (const db of keyspace.databases)
      db.keys.forEach((ref) => {
        const key = keyspace.keyOf(ref);
        if (shards.shardOfKey(key) !== shard.index) return;
        const writer = new ByteWriter(64);
        writer.u8(db.index).bytes(key);
        keyspace.entryOf(ref).encode(writer, new NameCodec(keyspace.replicas), keyspace.replicas);
        const [low, high] = [0x9747b28c, 0x3c6ef372].map((seed) => hash32(writer.view(), seed));
        sum =
          ((((sum >> 32n) + BigInt(high!)) & 0xffffffffn) << 32n) |
          (((sum & 0xffffffffn) + BigInt(low!)) & 0xffffffffn);
      });
    expect(shards.digest(shard.index)).toBe(sum);
  }
});
