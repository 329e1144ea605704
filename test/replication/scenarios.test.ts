// What the replicators of a cluster do, each in one situation: who sends what to whom, and how
// much.

import { expect, test } from "vitest";
import { utf8 } from "../../src/base/bytes.js";
import { decodeMessage } from "../../src/replication/codec.js";
import type { Body } from "../../src/replication/messages.js";
import { Peer } from "../../src/replication/peer.js";
import { increment, read, sadd, set } from "./operations.js";
import { World } from "./world.js";

interface Sent {
  readonly from: number;
  readonly to: number;
  readonly body: Body;
}

/** Remembers what is sent from now on. */
function record(world: World): Sent[] {
  const sent: Sent[] = [];
  world.filter = (from, to, bytes) => {
    // Decoded with the sender's own names; nothing is joined by it.
    sent.push({ from, to, body: decodeMessage(bytes, world.replicas[from]!.shards).body });
    return true;
  };
  return sent;
}

const write = (world: World, index: number, key: string, text: string): void =>
  world.turn(index, ({ keyspace, shards }) => {
    set(keyspace, key, text);
    shards.closeBatch();
  });

const countBatches = (sent: readonly Sent[]): number =>
  sent.reduce((sum, { body }) => sum + ("batches" in body ? body.batches.length : 0), 0);

/** Batches that were sent to the node that made them. */
const sentBack = (world: World, sent: readonly Sent[]): number =>
  sent.reduce((sum, { from, to, body }) => {
    if (!("batches" in body)) return sum;
    const { replicas } = world.replicas[from]!.keyspace;
    const own = body.batches.filter(({ origin }) =>
      replicas.nameOf(origin).startsWith(`${world.names[to]!}/`),
    );
    return sum + own.length;
  }, 0);

test("direct: each batch goes once to each peer and never back", () => {
  const world = new World({ seed: 1, nodeCount: 5 });
  const sent = record(world);
  for (let step = 0; step < 50; step++) {
    write(world, step % 5, `k${step % 7}`, `v${step}`);
    world.run(10);
  }
  world.run(3_000);
  expect(world.isConverged()).toBe(true);
  expect(countBatches(sent)).toBe(50 * 4);
  expect(sentBack(world, sent)).toBe(0);
});

test("direct: when all agree only small comparisons are exchanged", () => {
  const world = new World({ seed: 2 });
  write(world, 0, "x", "1");
  world.run(5_000);
  const sent = record(world);
  const bytesBefore = world.sentBytes;
  world.run(20_000);
  expect(new Set(sent.map(({ body }) => body.type))).toEqual(new Set(["summary"]));
  expect(sent.length).toBeLessThanOrEqual(80);
  expect((world.sentBytes - bytesBefore) / sent.length).toBeLessThan(40);
});

test("direct: a lost push is repeated; a lost acknowledgement costs one repetition, no more", () => {
  const world = new World({ seed: 3, nodeCount: 2, replicator: { timing: { exchangeMs: 1e9 } } });
  let lost = 0;
  world.filter = () => lost++ > 0;
  write(world, 0, "x", "1");
  world.run(2_000);
  expect(read(world.replicas[1]!.keyspace, "x")).toBe("1");
  expect(world.replicas[0]!.replicator.status().resentBatchCount).toBe(1);
  expect(world.replicas[0]!.replicator.nextDueMs()).toBeGreaterThan(2_000);
});

test("direct: nothing is repeated for ever to a node that is away, and the outbox is bounded", () => {
  const limits = { outboxBytesMax: 20_000, probeBytesMax: 2_000 };
  const world = new World({ seed: 4, nodeCount: 2, replicator: { limits } });
  world.partition([1]);
  const sent = record(world);
  for (let step = 0; step < 200; step++) write(world, 0, `k${step}`, "v".repeat(200));
  world.run(30_000);
  const status = world.replicas[0]!.replicator.status();
  expect(status.outboxDroppedCount).toBeGreaterThan(100);
  // The window at first, then probes that become rare.
  expect(countBatches(sent)).toBeLessThan(250);
  world.heal();
  expect(world.converge()).toBeDefined();
});

test("direct: who does not belong to the cluster any more is sent nothing", () => {
  const world = new World({ seed: 5, nodeCount: 3 });
  world.run(2_000);
  world.partition([2]);
  write(world, 0, "x", "1");
  world.replicas[0]!.replicator.removePeer("n2");
  const sent = record(world);
  write(world, 0, "x", "2");
  world.run(5_000);
  expect(sent.filter(({ to }) => to === 1)).not.toEqual([]);
  expect(sent.filter(({ from, to }) => from === 0 && to === 2)).toEqual([]);
});

test("repair: what nobody pushes is found out by comparing and fetched from whoever has it", () => {
  const world = new World({ seed: 5 });
  // Node 2 hears nothing from node 0, ever; node 1 is in between.
  world.cutOneWay(0, 2);
  for (let step = 0; step < 20; step++) write(world, 0, `k${step}`, "v");
  world.run(6_000);
  expect(read(world.replicas[2]!.keyspace, "k19")).toBe("v");
  expect(world.isConverged()).toBe(true);
  expect(world.replicas[2]!.replicator.status().pullCount).toBeGreaterThan(0);
});

test("repair: a node that starts empty gets everything, by state where the log is gone", () => {
  const world = new World({ seed: 6, shards: { shardCount: 8, logBytesMax: 4_000 } });
  for (let step = 0; step < 200; step++) {
    write(world, step % 3, `k${step % 50}`, `v${step}`);
    world.run(5);
  }
  world.start(1);
  expect(world.converge()).toBeDefined();
  expect(world.replicas[1]!.replicator.status().stateJoinedCount).toBeGreaterThan(0);
  // Rule 16: it writes under a new name, on top of what its former self wrote.
  world.turn(1, ({ keyspace, shards }) => {
    increment(keyspace, "n", 1);
    shards.closeBatch();
  });
  expect(world.converge()).toBeDefined();
  world.verify();
});

test("repair: a state of many megabytes travels in parts, and a write in between is not lost", () => {
  const world = new World({
    seed: 8,
    shards: { shardCount: 4, logBytesMax: 4_000 },
    replicator: { limits: { outboxBytesMax: 4_000 } },
  });
  world.partition([1]);
  for (let i = 0; i < 40; i++) write(world, 0, `{t}${i}`, "x".repeat(100_000));
  write(world, 1, "{t}5", "other");
  let partCount = 0;
  let lostCount = 0;
  world.filter = (from, _to, bytes) => {
    if (bytes.length < 500_000) return true;
    partCount++;
    // Half of the way the giver writes on; and some parts get lost.
    if (partCount === 2) write(world, from, "{t}late", "y");
    if (partCount % 4 !== 3) return true;
    lostCount++;
    return false;
  };
  world.heal();
  expect(world.converge(20_000)).toBeDefined();
  expect(lostCount).toBeGreaterThan(0);
  expect(read(world.replicas[1]!.keyspace, "{t}39")).toHaveLength(100_000);
  expect(read(world.replicas[1]!.keyspace, "{t}late")).toBe("y");
  const [first, , third] = world.replicas.map(({ replicator }) => replicator.status());
  const partsSent = first!.statePartCount + third!.statePartCount;
  expect(partsSent).toBeGreaterThanOrEqual(4);
  expect(partsSent).toBeLessThan(40);
  world.verify();
});

test("repair: what waits for what a crash took is asked for anew where others have it", () => {
  const world = new World({ seed: 10 });
  const both = (text: string): void =>
    world.turn(0, ({ keyspace, shards }) => {
      for (const key of ["left", "right"]) set(keyspace, key, text);
      shards.closeBatch();
    });
  // Nobody hears of the first write. Of the second, a group, node 2 has both parts, and neither can
  // be joined; node 1 has taken one of the two shards as a state.
  world.filter = () => false;
  write(world, 0, "right", "lost");
  world.filter = (from, to) => from === 0 && to === 2;
  both("half");
  world.run(30);
  const [writer, taker] = world.replicas;
  const left = writer!.shards.shardOfKey(utf8("left"));
  expect(left).not.toBe(writer!.shards.shardOfKey(utf8("right")));
  expect(taker!.shards.joinShard(writer!.shards.encodeShard(left))).toBe("joined");
  world.start(0);
  world.filter = () => true;
  expect(world.replicas[2]!.replicator.status().waitingCount).toBe(2);
  expect(world.converge(8_000)).toBeGreaterThan(0);
  expect(read(world.replicas[2]!.keyspace, "left")).toBe("half");
  expect(read(world.replicas[2]!.keyspace, "right")).toBeUndefined();
});

test("repair: a cluster of silent nodes forgets its logs once everybody has everything", () => {
  const world = new World({ seed: 7 });
  for (let step = 0; step < 100; step++) write(world, step % 3, `k${step}`, "v");
  world.run(30_000);
  for (const { replicator } of world.replicas) expect(replicator.status().logBytes).toBe(0);
  write(world, 0, "x", "later");
  expect(world.converge(1_000)).toBeDefined();
});

test("hub: one message to the hub, one to everybody, none with one's own batch", () => {
  const world = new World({ seed: 8, nodeCount: 12 });
  world.run(3_000);
  const sent = record(world);
  for (let step = 0; step < 12; step++) write(world, step, "x", `v${step}`);
  world.run(400);
  expect(world.isConverged()).toBe(true);
  expect(sentBack(world, sent)).toBe(0);
  const deltas = sent.filter(({ body }) => body.type === "delta");
  const relays = sent.filter(({ body }) => body.type === "relay");
  expect(relays.length).toBeLessThanOrEqual(12);
  // The first write leaves at once, the rest share the next window.
  expect(deltas.length).toBeLessThanOrEqual(2 * 11);
  // Nobody may take it for the answer that it waits for.
  const answers = sent.filter(({ body }) => body.type === "delta" && body.isAnswer);
  const pulls = sent.filter(({ body }) => body.type === "pull");
  expect(answers.length).toBeLessThanOrEqual(pulls.length);
});

test("hub: the hub is cut off: after a time-out another one passes the batches on", () => {
  const world = new World({ seed: 9, nodeCount: 12, replicator: { timing: { exchangeMs: 1e9 } } });
  const sent = record(world);
  write(world, 0, "x", "1");
  world.run(2_000);
  const hub = sent.find(({ body }) => body.type === "relay")?.to ?? 0;
  const writer = (hub + 1) % 12;
  world.partition([hub]);
  sent.length = 0;
  write(world, writer, "x", "2");
  world.run(2_000);
  const asked = sent.filter(({ body }) => body.type === "relay").map(({ to }) => to);
  expect(asked[0]).toBe(hub);
  expect(asked[1]).not.toBe(hub);
  for (const [index, { keyspace }] of world.replicas.entries())
    expect(read(keyspace, "x")).toBe(index === hub ? "1" : "2");
  // The hub hears of it through the next message that reaches it, or by comparing; here by a
  // message.
  world.heal();
  write(world, writer, "x", "3");
  world.run(3_000);
  expect(read(world.replicas[hub]!.keyspace, "x")).toBe("3");
});

test("hub: a node that cannot reach anybody loses nothing", () => {
  const world = new World({ seed: 10, nodeCount: 12 });
  world.partition([4]);
  for (let step = 0; step < 30; step++) {
    world.turn(4, ({ keyspace, shards }) => {
      sadd(keyspace, "s", `alone ${step}`);
      shards.closeBatch();
    });
    write(world, 5, "x", `v${step}`);
    world.run(200);
  }
  world.heal();
  expect(world.converge(5_000)).toBeDefined();
  expect(read(world.replicas[0]!.keyspace, "s")).toHaveLength(30);
});

test("replicator: strangers are counted and ignored", () => {
  const world = new World({ seed: 11, nodeCount: 2 });
  const { replicator, keyspace } = world.replicas[0]!;
  const body: Body = { type: "relay", batches: [] };
  replicator.onMessage("n77", { sender: keyspace.self, body }, 0);
  expect(replicator.status().unknownPeerCount).toBe(1);
});

test("peer: what a node's former incarnation had seen is not known of the present one", () => {
  const world = new World({ seed: 12, nodeCount: 2 });
  const { keyspace, shards } = world.replicas[0]!;
  set(keyspace, "x", "1");
  const batch = shards.closeBatch()[0]!;
  const peer = new Peer("n1", keyspace.replicas);
  const [former, present] = [keyspace.replicas.indexOf("n1/a"), keyspace.replicas.indexOf("n1/b")];
  let returns = 0;
  const onReturn = (): void => void returns++;
  expect(peer.hear(former, 0, onReturn)).toBe(true);
  peer.learnBatch(batch);
  expect(peer.covers(batch)).toBe(true);
  expect(peer.hear(present, 1, onReturn)).toBe(true);
  expect(peer.covers(batch)).toBe(false);
  // A late message of the former one changes nothing.
  expect(peer.hear(former, 2, onReturn)).toBe(false);
  expect(returns).toBe(1);
});

test("peer: a straggler of a process that was gone before it was heard retires nobody", () => {
  const world = new World({ seed: 12, nodeCount: 2 });
  const { replicas } = world.replicas[0]!.keyspace;
  const peer = new Peer("n1", replicas);
  const [first, short, present] = ["n1/1", "n1/2", "n1/3"].map((name) => replicas.indexOf(name));
  const hears = (sender: number): boolean => peer.hear(sender, 1, () => {});
  expect(hears(first!)).toBe(true);
  expect(hears(present!)).toBe(true);
  // Taken for a return, it would make the living process a ghost for ever.
  expect(hears(short!)).toBe(false);
  expect(hears(present!)).toBe(true);
});

test("exchange: what bears a stamp of the future is missed as soon as anything else", () => {
  // The first clock is ahead by less than others bear; then its node is gone, and with it its push.
  const world = new World({ seed: 23, skewMs: [50_000, 0, 0] });
  world.filter = (from, to) => from !== 0 || to !== 2;
  write(world, 0, "x", "1");
  world.run(200);
  expect(read(world.replicas[1]!.keyspace, "x")).toBe("1");
  world.filter = (from, to) => from !== 0 && to !== 0;
  for (const index of [1, 2]) world.replicas[index]!.replicator.removePeer("n0");
  world.run(5_000);
  expect(read(world.replicas[2]!.keyspace, "x")).toBe("1");
});
