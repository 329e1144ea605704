// Read copies of shards that are read often: when a node takes one, when the copy answers, and when
// it goes again.

import { expect, test } from "vitest";
import { fromUtf8, utf8 } from "../../src/base/bytes.js";
import { HotKeys } from "../../src/node/hot-keys.js";
import type { CopyRules } from "../../src/node/hot-shards.js";
import {
  copiesPerShardMax,
  copyCountMax,
  HotShards,
  toldCountMax,
} from "../../src/node/hot-shards.js";
import { holding, Placing, type PlacingPorts } from "../../src/node/placing.js";
import type { ShardReads } from "../../src/replication/messages.js";
import { Ring } from "../../src/replication/ring.js";

const rules: CopyRules = { readsPerCopy: 100, windowMs: 1_000 };
const shardCount = 32;
const members = ["n0", "n1", "n2", "n3"];
const ring = new Ring(members);
const shards = Array.from({ length: shardCount }, (_, shard) => shard);
/** By shard, the place of n0 behind those that hold it; 0 takes the first copy. */
const placeOf = (shard: number): number => ring.holders(shard, 0).slice(1).indexOf("n0");
const shardAt = (place: number): number => shards.find((shard) => placeOf(shard) === place)!;
const [first, second] = [shardAt(0), shardAt(1)];

/** n0 as it sees a cluster in which each shard is on one node, and its own shards are served. */
function rig() {
  const told = new Map<string, Uint8Array>();
  const reads = new Map<string, ShardReads[]>();
  const caughtUp = new Set(["n1", "n2", "n3"]);
  const state = {
    ...{ nowMs: 10_000, hasRoom: true, kept: false, isBlank: false, handings: [] as number[] },
  };
  const ports: PlacingPorts = {
    ...{ self: "n0", shardCount, factor: 1, members: () => members },
    isHeard: (node) => told.has(node),
    toldBy: (node) => told.get(node),
    hasAllOf: (node) => caughtUp.has(node),
    loadOf: () => 0,
    readsToldBy: (node) => reads.get(node) ?? [],
    mayCopy: () => state.hasRoom,
    isBlank: (shard) => state.isBlank || !placing.holds(shard),
    isBare: () => false,
    startAnew: () => {},
    hasRemains: () => false,
    handOver: (handings) => {
      state.handings = handings.map(({ shard }) => shard);
      return state.kept ? state.handings : [];
    },
    announce: () => {},
  };
  const placing = new Placing(ports, rules);
  const look = (passedMs = 200): void => {
    state.nowMs += passedMs;
    placing.look(state.nowMs);
  };
  /** Every shard is served by the node that the ring names. */
  for (const node of members.slice(1)) {
    const bytes = new Uint8Array(shardCount / 2);
    for (const shard of shards)
      if (ring.holders(shard, 1)[0] === node) bytes[shard >> 1]! |= 2 << ((shard & 1) * 4);
    told.set(node, bytes);
  }
  look();
  look();
  const heat = (shard: number, perSecond: number): void => {
    reads.set(ring.holders(shard, 1)[0]!, perSecond === 0 ? [] : [{ shard, perSecond }]);
  };
  return { placing, told, reads, caughtUp, state, look, heat };
}

test("copies: who stands first behind the holders takes one, the next at twice the heat", () => {
  const { placing, look, heat } = rig();
  heat(first, 99);
  look();
  expect(placing.holds(first)).toBe(false);
  heat(first, 100);
  look();
  expect(placing.holds(first)).toBe(true);
  heat(second, 199);
  look();
  expect(placing.holds(second)).toBe(false);
  heat(second, 200);
  look();
  expect(placing.holds(second)).toBe(true);
  // The third never does.
  const third = shardAt(copiesPerShardMax);
  heat(third, 1_000_000);
  look();
  expect(placing.holds(third)).toBe(false);
});

test("copies: the heat of a shard is what all nodes that are heard tell of it together", () => {
  const { placing, reads, told, look } = rig();
  for (const node of ["n1", "n2", "n3"]) reads.set(node, [{ shard: first, perSecond: 34 }]);
  const silent = members.find((node) => node !== "n0" && node !== ring.holders(first, 1)[0])!;
  const bytes = told.get(silent)!;
  told.delete(silent);
  look();
  expect(placing.holds(first)).toBe(false);
  told.set(silent, bytes);
  look();
  expect(placing.holds(first)).toBe(true);
});

test("copies: one answers only when it has all that those have who serve the shard", () => {
  const { placing, caughtUp, look, heat } = rig();
  const owner = ring.holders(first, 1)[0]!;
  caughtUp.delete(owner);
  heat(first, 500);
  look();
  look();
  expect(placing.holds(first)).toBe(true);
  expect(placing.answersReads(first)).toBe(false);
  caughtUp.add(owner);
  look();
  expect(placing.answersReads(first)).toBe(true);
  expect(placing.copiesOf(first)).toEqual(["n0"]);
  // It takes no writes, and nobody may rely on it.
  expect(placing.serves(first)).toBe(false);
  expect(placing.keeps(first)).toBe(false);
  expect(placing.serversOf(first)).toEqual([owner]);
});

test("copies: one that hears nobody who serves the shard steps back until it is complete again", () => {
  const { placing, told, reads, caughtUp, look, heat } = rig();
  const owner = ring.holders(first, 1)[0]!;
  heat(first, 500);
  // Somebody else tells the same, so that the heat stays when the owner is silent.
  const other = members.find((node) => node !== "n0" && node !== owner)!;
  reads.set(other, [{ shard: first, perSecond: 500 }]);
  look();
  look();
  expect(placing.answersReads(first)).toBe(true);
  const bytes = told.get(owner)!;
  told.delete(owner);
  look();
  expect(placing.answersReads(first)).toBe(false);
  expect(placing.copyStaleCount).toBe(1);
  told.set(owner, bytes);
  caughtUp.delete(owner);
  look();
  expect(placing.answersReads(first)).toBe(false);
  caughtUp.add(owner);
  look();
  expect(placing.answersReads(first)).toBe(true);
});

test("copies: one is kept down to half the heat, then leaves, and is gone when its keepers say so", () => {
  const { placing, state, look, heat } = rig();
  heat(first, 100);
  look();
  look();
  heat(first, 50);
  for (let i = 0; i < 20; i++) look();
  expect(placing.answersReads(first)).toBe(true);
  heat(first, 49);
  look();
  expect(placing.answersReads(first)).toBe(false);
  expect(placing.holds(first)).toBe(true);
  look();
  expect(state.handings).toEqual([first]);
  // Hot again before that: it stays, once it is known to be complete.
  heat(first, 100);
  look();
  expect(state.handings).toEqual([]);
  look();
  expect(placing.answersReads(first)).toBe(true);
  heat(first, 0);
  state.kept = true;
  look();
  look();
  expect(placing.holds(first)).toBe(false);
  expect(placing.copyDroppedCount).toBe(2);
});

test("copies: one does not leave while those who are to keep the shard are not all heard", () => {
  const { placing, told, state, look, heat } = rig();
  heat(first, 100);
  look();
  look();
  heat(first, 0);
  state.kept = true;
  told.delete(ring.holders(first, 1)[0]!);
  for (let i = 0; i < 20; i++) look();
  expect(placing.holds(first)).toBe(true);
  expect(state.handings).toEqual([]);
});

test("copies: a node has a bounded number of them, the hottest, and none without memory", () => {
  const { placing, reads, state, look } = rig();
  const all = shards.filter((shard) => [0, 1].includes(placeOf(shard)));
  expect(all.length).toBeGreaterThan(copyCountMax);
  reads.set(
    "n1",
    all.map((shard, place) => ({ shard, perSecond: 1_000 + place })),
  );
  look();
  look();
  const held = all.filter((shard) => placing.answersReads(shard));
  expect(held).toEqual(all.slice(-copyCountMax));
  // A little more heat elsewhere moves nothing.
  reads.set(
    "n1",
    all.map((shard, place) => ({ shard, perSecond: 1_000 - place })),
  );
  look();
  expect(all.filter((shard) => placing.answersReads(shard))).toEqual(held);
  state.hasRoom = false;
  look();
  expect(all.some((shard) => placing.answersReads(shard))).toBe(false);
});

test("copies: what nobody has written is copied, too, and forgotten without a question", () => {
  const { placing, state, look, heat } = rig();
  state.isBlank = true;
  heat(first, 100);
  look();
  look();
  expect(placing.answersReads(first)).toBe(true);
  heat(first, 0);
  look();
  expect(placing.holds(first)).toBe(false);
  expect(state.handings).toEqual([]);
});

test("copies: what a node tells of its copies, others do not take for serving", () => {
  const { placing, look, heat } = rig();
  heat(first, 100);
  look();
  expect(placing.encode()[first >> 1]! >> ((first & 1) * 4)).toSatisfy(
    (held: number) => (held & 15) === holding.copying,
  );
  look();
  const other = rig();
  other.told.set("n3", placing.encode());
  expect(other.placing.peerHolds("n3", first)).toBe(true);
  expect(other.placing.peerServes("n3", first)).toBe(false);
  // Logs wait for nobody who has only a copy.
  expect(other.placing.awaits("n3", first)).toBe(false);
  expect(other.placing.copiesOf(first)).toEqual(ring.holders(first, 1)[0] === "n3" ? [] : ["n3"]);
});

test("heat: reads count for as long as the window, writes count against them, and it tells few", () => {
  const hot = new HotShards(shardCount, rules);
  let nowMs = 5_000;
  hot.sample(nowMs);
  for (let i = 0; i < 300; i++) hot.count(3, i % 3 !== 0);
  nowMs += 100;
  hot.sample(nowMs);
  expect(hot.told).toEqual([{ shard: 3, perSecond: 100 }]);
  nowMs += 800;
  hot.sample(nowMs);
  expect(hot.rate(3)).toBe(100);
  nowMs += 200;
  hot.sample(nowMs);
  expect(hot.rate(3)).toBe(0);
  expect(hot.told).toEqual([]);
  for (const shard of shards) for (let i = 0; i <= shard; i++) hot.count(shard, true);
  for (let i = 0; i < 1_000; i++) hot.count(15, false);
  hot.sample(nowMs + 100);
  const busiest = shards.filter((shard) => shard !== 15).reverse();
  expect(hot.told.map(({ shard }) => shard)).toEqual(busiest.slice(0, toldCountMax));
  hot.sample(nowMs + 1_000_000);
  expect(shards.map((shard) => hot.rate(shard))).toEqual(shards.map(() => 0));
});

test("heat: without a figure there are no copies, and nothing is told", () => {
  const hot = new HotShards(shardCount, { readsPerCopy: 0, windowMs: 1_000 });
  hot.sample(1_000);
  for (let i = 0; i < 300; i++) hot.count(3, true);
  hot.sample(1_100);
  expect(hot.told).toEqual([]);
  const heats = hot.heats([[{ shard: 3, perSecond: 1_000_000 }]]);
  expect(
    hot.wanted(
      heats,
      () => 0,
      () => false,
    ).size,
  ).toBe(0);
});

test("hot key: the one that more than half of a shard's reads are about is named, and gives way", () => {
  const hot = new HotKeys(2);
  const request = utf8("..rare-star");
  const [rare, star] = [
    [2, 4],
    [7, 4],
  ] as const;
  const read = ([start, size]: readonly [number, number], times: number): void => {
    for (let i = 0; i < times * 16; i++) hot.note(1, request, start, size);
  };
  const name = (): string | undefined => {
    const key = hot.of(1);
    return key === undefined ? undefined : fromUtf8(key);
  };
  expect(name()).toBeUndefined();
  read(rare, 1);
  expect(name()).toBeUndefined();
  for (let i = 0; i < 40; i++) {
    read(rare, 1);
    read(star, 2);
  }
  expect(name()).toBe("star");
  expect(hot.of(0)).toBeUndefined();
  read(star, 10_000);
  read(rare, 80);
  expect(name()).toBe("rare");
});
