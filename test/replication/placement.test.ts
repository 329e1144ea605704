// Placement on fewer nodes than there are: the ring, what a node decides to hold and to serve, and
// replicas that hold different shards, under loss, repetition and cuts.

import { expect, test } from "vitest";
import { Prng } from "../../src/base/prng.js";
import { shardOfSlot, slotOfKey } from "../../src/keyspace/slot.js";
import type { CopyRules } from "../../src/node/hot-shards.js";
import { holding, Placing, type PlacingPorts } from "../../src/node/placing.js";
import { decodeMessage } from "../../src/replication/codec.js";
import type { Holdings } from "../../src/replication/holdings.js";
import type { ShardReads } from "../../src/replication/messages.js";
import { Ring } from "../../src/replication/ring.js";
import { increment, sadd, set } from "./operations.js";
import { World } from "./world.js";

const shardCount = 64;
const shards = Array.from({ length: shardCount }, (_, shard) => shard);
const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `n${i}`);

test("ring: every shard has as many different nodes as asked, whatever order they are named in", () => {
  for (const count of [1, 2, 3, 5, 9]) {
    const ring = new Ring(names(count));
    const reversed = new Ring(names(count).reverse());
    for (const shard of shards) {
      const holders = ring.holders(shard, 2);
      expect(new Set(holders).size).toBe(Math.min(2, count));
      expect(reversed.holders(shard, 2)).toEqual(holders);
      expect(ring.holders(shard, 0)).toHaveLength(count);
      expect(ring.holders(shard, 99)).toHaveLength(count);
    }
  }
});

test("ring: no node has more than three times its share of shards, in clusters of 3 to 16", () => {
  for (let count = 3; count <= 16; count++) {
    const ring = new Ring(names(count));
    const shares = new Map<string, number>();
    for (const shard of shards)
      for (const node of ring.holders(shard, 2)) shares.set(node, (shares.get(node) ?? 0) + 1);
    const mean = (2 * shardCount) / count;
    for (const node of names(count)) {
      expect(shares.get(node) ?? 0, `${node} of ${count}`).toBeGreaterThan(mean / 4);
      expect(shares.get(node) ?? 0, `${node} of ${count}`).toBeLessThan(mean * 3);
    }
  }
});

test("ring: a node that comes or goes moves only what is its own", () => {
  for (let count = 2; count <= 12; count++) {
    const [before, after] = [new Ring(names(count)), new Ring(names(count + 1))];
    const comer = `n${count}`;
    for (const shard of shards) {
      const kept = after.holders(shard, 2).filter((node) => node !== comer);
      const former = before.holders(shard, 2);
      // Who stays a holder was one, in the same order; one at most has made room.
      expect(former.filter((node) => kept.includes(node))).toEqual(kept);
      if (kept.length === 2) expect(kept).toEqual(former);
    }
  }
});

// ---- what a node decides

interface Rig {
  readonly placing: Placing;
  readonly told: Map<string, Uint8Array>;
  readonly caughtUp: Set<string>;
  readonly written: Set<number>;
  members: string[];
  announced: number;
  /** Shards that are to be given up, and those of them that others keep. */
  handings: number[];
  readonly kept: Set<number>;
  /** How often the others say that shards are read there. */
  readonly reads: Map<string, ShardReads[]>;
  /** For copies. */
  hasRoom: boolean;
}

function rig(members: string[], factor: number, rules?: CopyRules): Rig {
  const told = new Map<string, Uint8Array>();
  const caughtUp = new Set<string>();
  const written = new Set<number>();
  const state = {
    ...{ members, announced: 0, handings: [] as number[], kept: new Set<number>() },
    ...{ reads: new Map<string, ShardReads[]>(), hasRoom: true },
  };
  const ports: PlacingPorts = {
    self: "n0",
    shardCount: 16,
    factor,
    members: () => state.members,
    isHeard: (node) => told.has(node),
    toldBy: (node) => told.get(node),
    hasAllOf: (node) => caughtUp.has(node),
    loadOf: () => 0,
    readsToldBy: (node) => state.reads.get(node) ?? [],
    mayCopy: () => state.hasRoom,
    isBlank: (shard) => !written.has(shard),
    isBare: () => false,
    startAnew: () => {},
    hasRemains: () => false,
    handOver: (handings) => {
      state.handings = handings.map(({ shard }) => shard);
      const done = state.handings.filter((shard) => state.kept.has(shard));
      for (const shard of done) written.delete(shard);
      return done;
    },
    announce: () => {
      state.announced++;
    },
  };
  return Object.assign(state, { placing: new Placing(ports, rules), told, caughtUp, written });
}

const all = (held: number): Uint8Array => new Uint8Array(8).fill(held | (held << 4));
const some = Array.from({ length: 16 }, (_, shard) => shard);

test("placing: a shard that falls to a node is served once it has what those who serve it have", () => {
  const { placing, told, caughtUp } = rig(["n0", "n1"], 2);
  told.set("n1", all(holding.served));
  placing.look(1_000);
  expect(some.every((shard) => placing.holds(shard) && !placing.serves(shard))).toBe(true);
  expect(placing.serversOf(3)).toEqual(["n1"]);
  placing.look(1_200);
  expect(placing.serves(3)).toBe(false);
  caughtUp.add("n1");
  placing.look(1_400);
  expect(some.every((shard) => placing.serves(shard))).toBe(true);
  expect(placing.serversOf(3).sort()).toEqual(["n0", "n1"]);
  expect(placing.fetchedCount).toBe(16);
});

test("placing: nobody begins to serve before every node that is heard has told what it holds", () => {
  const { placing, told } = rig(["n0", "n1"], 2);
  const isHeard = told;
  isHeard.set("n1", undefined as unknown as Uint8Array);
  placing.look(1_000);
  placing.look(1_200);
  expect(some.some((shard) => placing.serves(shard))).toBe(false);
  told.set("n1", all(holding.fetched));
  placing.look(1_400);
  expect(some.every((shard) => placing.serves(shard))).toBe(true);
});

test("placing: what falls to others is kept if anything was written, else let go", () => {
  const state = rig(["n0"], 1);
  const { placing, told, written } = state;
  placing.look(1_000);
  placing.look(1_200);
  expect(some.every((shard) => placing.serves(shard))).toBe(true);
  const ring = new Ring(["n0", "n1"]);
  const lost = some.filter((shard) => ring.holders(shard, 1)[0] === "n1");
  expect(lost.length).toBeGreaterThan(2);
  written.add(lost[0]!);
  state.members = ["n0", "n1"];
  told.set("n1", all(holding.none));
  placing.look(2_000);
  // Nobody else serves them yet.
  expect(lost.every((shard) => placing.serves(shard))).toBe(true);
  told.set("n1", all(holding.served));
  placing.look(3_000);
  expect(lost.filter((shard) => placing.serves(shard))).toEqual([lost[0]]);
  expect(placing.serversOf(lost[0]!)).toEqual(["n1", "n0"]);
});

test("placing: what one node tells another reads, and a silent node serves nobody", () => {
  const { placing } = rig(["n0"], 1);
  placing.look(1_000);
  placing.look(1_200);
  const reader = rig(["n0", "n1"], 2);
  reader.told.set("n1", placing.encode());
  reader.placing.look(1_000);
  for (const shard of some) {
    expect(reader.placing.peerHolds("n1", shard)).toBe(true);
    expect(reader.placing.serversOf(shard)).toEqual(["n1"]);
  }
  reader.told.delete("n1");
  expect(reader.placing.serversOf(0)).toEqual([]);
});

// ---- replicas that hold different shards

/** Each of four shards is on two of four nodes. */
function partialWorld(seed: number): World {
  const prng = new Prng(seed);
  const world = new World({
    seed,
    nodeCount: 4,
    shards: { shardCount: 4, logBytesMax: prng.pick([2_000, 1 << 20]) },
    link: { loss: prng.pick([0, 0.2]), duplication: prng.pick([0, 0.2]) },
    replicator: { mode: "direct", limits: { compareKeyCountMin: seed % 2 === 0 ? 0 : 1_000 } },
  });
  const ring = new Ring(world.names);
  world.replicas.forEach(({ replicator, name }) => {
    replicator.holdings = {
      holds: (shard) => ring.holders(shard, 2).includes(name),
      peerHolds: (node, shard) => ring.holders(shard, 2).includes(node),
      peerServes: (node, shard) => ring.holders(shard, 2).includes(node),
      awaits: () => true,
      keeps: (shard) => ring.holders(shard, 2).includes(name),
    };
  });
  return world;
}

function isPartlyConverged(world: World): boolean {
  const ring = new Ring(world.names);
  return [0, 1, 2, 3].every((shard) => {
    const holders = world.replicas.filter(({ name }) => ring.holders(shard, 2).includes(name));
    const prints = holders.map(({ shards: held, contextText }, at) => {
      return `${contextText.call(holders[at]!, shard)} ${held.digest(shard)}`;
    });
    return new Set(prints).size === 1;
  });
}

test("placement: holders of a shard come together, the others have nothing of it", () => {
  for (let seed = 1; seed <= 12; seed++) {
    const world = partialWorld(seed);
    const prng = new Prng(seed);
    const ring = new Ring(world.names);
    for (let step = 0; step < 60; step++) {
      const node = prng.below(4);
      world.turn(node, ({ keyspace, shards: held, name }) => {
        // A group over all the shards that this node holds.
        for (let i = 0; i < 12; i++) {
          const key = `key ${prng.below(40)}`;
          if (!ring.holders(held.shardOfKey(Buffer.from(key)), 2).includes(name)) continue;
          const kind = prng.below(3);
          if (kind === 0) set(keyspace, key, `${step}`);
          else if (kind === 1) increment(keyspace, key, 1);
          else sadd(keyspace, key, `${step}`);
        }
        held.closeBatch();
      });
      if (step === 20) world.partition([prng.below(4)]);
      if (step === 40) world.heal();
      world.run(prng.between(1, 200));
    }
    world.heal();
    let waitedMs = 0;
    while (!isPartlyConverged(world) && waitedMs < 30_000) {
      world.run(250);
      waitedMs += 250;
    }
    expect(isPartlyConverged(world), `seed ${seed}`).toBe(true);
    world.verify();
    for (const { shards: held, name, replicator } of world.replicas) {
      for (const { index, context } of held.shards)
        if (!ring.holders(index, 2).includes(name)) expect(context.isEmpty).toBe(true);
      expect(replicator.status().elsewhereCount, `seed ${seed}`).toBe(0);
      expect(replicator.status().waitingCount, `seed ${seed}`).toBe(0);
    }
    // Agreement is silent: nobody takes what others do not hold for missing.
    world.run(5_000);
    const before = world.sentBytes;
    world.run(10_000);
    expect(world.sentBytes - before, `seed ${seed}`).toBeLessThan(2_500);
    for (const { shards: held } of world.replicas) expect(held.logBytes, `seed ${seed}`).toBe(0);
  }
});

test("stability: what a silent peer has not confirmed is kept for its sake, and told", () => {
  const world = new World({ seed: 3, nodeCount: 3, replicator: { mode: "direct" } });
  world.run(3_000);
  const lagOf = (peer: string) => world.replicas[0]!.replicator.lagOf(peer)!;
  world.partition([2]);
  for (let i = 0; i < 5; i++) {
    world.turn(0, ({ keyspace, shards: held }) => {
      set(keyspace, `{t}${i}`, "v");
      held.closeBatch();
    });
    world.run(100);
  }
  // Time enough to forget what everybody has.
  world.run(20_000);
  expect(lagOf("n2")).toMatchObject({ heldBatches: 5, behindShards: 1 });
  expect(lagOf("n2").heldBytes).toBe(world.replicas[0]!.shards.logBytes);
  expect(lagOf("n1")).toMatchObject({ heldBatches: 0, heldBytes: 0, behindShards: 0 });
  world.heal();
  world.run(20_000);
  expect(lagOf("n2")).toMatchObject({ heldBatches: 0, behindShards: 0 });
  expect(world.replicas[0]!.shards.logBytes).toBe(0);
});

test("placement: what only some hold is handed over when one of them has all of it", () => {
  const world = partialWorld(2);
  const ring = new Ring(world.names);
  const [first, second] = ring.holders(0, 2).map((name) => world.names.indexOf(name));
  const key = Array.from({ length: 99 }, (_, i) => `k${i}`).find(
    (name) => world.replicas[0]!.shards.shardOfKey(Buffer.from(name)) === 0,
  )!;
  world.heal();
  world.partition([first!]);
  world.turn(first!, ({ keyspace, shards: held }) => {
    set(keyspace, key, "v");
    held.closeBatch();
  });
  expect(world.replicas[first!]!.replicator.isHandedOver).toBe(false);
  world.heal();
  world.run(5_000);
  expect(world.replicas[first!]!.replicator.isHandedOver).toBe(true);
  expect(world.replicas[second!]!.shards.shards[0]!.context.isEmpty).toBe(false);
});

// ---- giving up

/** Three nodes that push to each other, each with a view of its own of who holds what. */
function placedWorld(
  seed: number,
  shardCount: number,
  holdingsOf: (name: string) => Holdings,
): World {
  const replicator = { mode: "direct" } as const;
  const world = new World({ seed, nodeCount: 3, shards: { shardCount }, replicator });
  for (const replica of world.replicas) replica.replicator.holdings = holdingsOf(replica.name);
  world.run(2_000);
  return world;
}

/** Nodes that have given up the only shard. */
const gone = new Set<string>();

/** Three nodes, of which the last two are to keep a shard that the first is to give up. */
function handingWorld(keepers: readonly string[]): World {
  gone.clear();
  return placedWorld(5, 1, (name) => ({
    holds: () => !gone.has(name),
    peerHolds: (node) => !gone.has(node),
    peerServes: (node) => keepers.includes(node),
    awaits: () => true,
    keeps: () => keepers.includes(name),
  }));
}

/** Lets a node ask for so long whether it may give its shard up; answers whether it did. */
function handsOver(world: World, node: number, keepers: readonly string[], forMs: number): boolean {
  let isDone = false;
  for (let waited = 0; waited < forMs && !isDone; waited += 200) {
    world.turn(node, ({ replicator, name }) => {
      isDone = replicator.handOver([{ shard: 0, keepers }], world.nowMs).length > 0;
      if (isDone) gone.add(name);
    });
    world.run(200);
  }
  return isDone;
}

const write = (world: World, node: number, text: string): void =>
  world.turn(node, ({ keyspace, shards: held }) => {
    set(keyspace, "k", text);
    held.closeBatch();
  });

test("handover: a shard is given up only once everybody who is to keep it has what is here", () => {
  const keepers = ["n1", "n2"];
  const world = handingWorld(keepers);
  // The last one hears the question, and nothing of what it is about.
  world.filter = (_from, to, bytes) =>
    to !== 2 || decodeMessage(bytes, world.replicas[2]!.shards).body.type === "release";
  write(world, 0, "a");
  expect(handsOver(world, 0, keepers, 6_000)).toBe(false);
  world.filter = () => true;
  expect(handsOver(world, 0, keepers, 6_000)).toBe(true);
  const { shards: former, replicator } = world.replicas[0]!;
  expect(former.shards[0]!.context.isEmpty).toBe(true);
  expect(former.logBytes).toBe(0);
  expect(former.released.isBare(0)).toBe(true);
  expect(world.replicas[1]!.shards.shards[0]!.context.isEmpty).toBe(false);
  expect(world.replicas[1]!.contextText(0)).toBe(world.replicas[2]!.contextText(0));
  expect(replicator.status().waitingCount).toBe(0);
});

test("handover: what is written after the question was asked is asked about again", () => {
  const keepers = ["n1", "n2"];
  const world = handingWorld(keepers);
  write(world, 0, "a");
  world.run(1_000);
  // Nothing that is new leaves the node, but answers arrive.
  world.filter = (from, _to, bytes) => from !== 0 || bytes.length < 120;
  handsOver(world, 0, keepers, 100);
  world.filter = (from) => from !== 0;
  write(world, 0, "b");
  expect(handsOver(world, 0, keepers, 5_000)).toBe(false);
  world.filter = () => true;
  expect(handsOver(world, 0, keepers, 8_000)).toBe(true);
  const own = world.replicas[0]!.shards.released.ownTime(0);
  for (const { shards: held, keyspace } of world.replicas.slice(1)) {
    const maker = keyspace.replicas.indexOf("n0/1");
    expect(held.shards[0]!.context.get(maker)).toBe(own);
  }
});

test("handover: two nodes that would rely on each other both keep what they have", () => {
  const world = handingWorld([]);
  write(world, 0, "a");
  world.run(1_000);
  for (let round = 0; round < 20; round++) {
    expect(handsOver(world, 0, ["n1"], 200)).toBe(false);
    expect(handsOver(world, 1, ["n0"], 200)).toBe(false);
  }
});

// ---- groups of shards of which a node holds some

/** Keys of two shards. */
const [inFirst, inSecond] = [0, 1].map((shard) =>
  Array.from({ length: 99 }, (_, i) => `k${i}`).find(
    (key) => shardOfSlot(slotOfKey(Buffer.from(key)), 2) === shard,
  ),
) as [string, string];

/** @param held by node and shard; may change */
function groupWorld(held: Record<string, readonly number[]>): World {
  return placedWorld(7, 2, (name) => ({
    holds: (shard) => held[name]!.includes(shard),
    peerHolds: (node, shard) => held[node]!.includes(shard),
    peerServes: (node, shard) => held[node]!.includes(shard),
    awaits: () => true,
    keeps: () => true,
  }));
}

const writeBoth = (world: World, node: number): void =>
  world.turn(node, ({ keyspace, shards: held }) => {
    set(keyspace, inFirst, "v");
    set(keyspace, inSecond, "v");
    held.closeBatch();
  });

const hasSeen = (world: World, node: number, shard: number): boolean =>
  !world.replicas[node]!.shards.shards[shard]!.context.isEmpty;

test("groups: a part that others have joined is joined, though the rest died with its maker", () => {
  const world = groupWorld({ n0: [0, 1], n1: [0, 1], n2: [0] });
  // Only the node that holds one of the two shards hears of it, and then its maker is gone.
  world.filter = (from, to) => !(from === 0 && to === 1);
  writeBoth(world, 0);
  world.run(100);
  expect(hasSeen(world, 2, 0)).toBe(true);
  world.filter = (from, to) => from !== 0 && to !== 0;
  for (const { replicator } of world.replicas.slice(1)) replicator.removePeer("n0");
  world.run(1_000);
  expect(hasSeen(world, 1, 0)).toBe(false);
  world.run(10_000);
  expect(hasSeen(world, 1, 0)).toBe(true);
  expect(hasSeen(world, 1, 1)).toBe(false);
  expect(world.replicas[1]!.replicator.status().waitingCount).toBe(0);
});

test("groups: what waits for a shard that a node lets go is dropped", () => {
  const held: Record<string, readonly number[]> = { n0: [0, 1], n1: [0, 1], n2: [0, 1] };
  const world = groupWorld(held);
  // A node hears the second of two writes.
  world.filter = (from, to) => !(from === 0 && to === 1);
  writeBoth(world, 0);
  world.run(10);
  world.filter = (from, to, bytes) => {
    const isPush = decodeMessage(bytes, world.replicas[to]!.shards).body.type === "delta";
    return to !== 1 || (from === 0 && isPush);
  };
  writeBoth(world, 0);
  world.run(60);
  expect(world.replicas[1]!.replicator.status().waitingCount).toBeGreaterThan(0);
  held.n1 = [];
  world.run(3_000);
  expect(world.replicas[1]!.replicator.status().waitingCount).toBe(0);
});
