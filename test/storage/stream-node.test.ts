// A node beside its store: what clients see while the store is away, what the disk keeps until
// then, and the nodes of a cluster, each with a store of its own.

import { expect, test } from "vitest";
import { Prng } from "../../src/base/prng.js";
import { FaultyStore } from "../../src/storage/faulty-store.js";
import { decodeManifest, objectKinds } from "../../src/storage/manifest.js";
import { manifestName } from "../../src/storage/manifest-writer.js";
import { MemoryStore } from "../../src/storage/memory-store.js";
import { answerOf } from "./stores.js";
import { type Client, DurableNode, World } from "./world.js";

const stream = { segmentBytes: 2048, intervalMs: 20, retentionMs: 0 };

interface Rig {
  readonly world: World;
  readonly node: DurableNode;
  readonly client: Client;
  readonly store: FaultyStore;
}

function newRig(lagBytesMax: number): Rig {
  const later = (ms: number, run: () => void): void => world.after(ms, run);
  const store = new FaultyStore(new MemoryStore(), new Prng(1), {}, { later });
  const world: World = new World({
    ...{ seed: 1, policy: "always" },
    store: { objects: store, stream: { ...stream, lagBytesMax } },
  });
  const node = new DurableNode(world, "n1");
  node.start();
  return { world, node, client: node.connect(), store };
}

function ask({ world, client }: Rig, ...argv: string[]): string {
  const before = client.replies.length;
  client.send(argv);
  for (let waited = 0; client.replies.length === before && waited < 200; waited++) world.run(100);
  return client.replies[before]?.toString() ?? "nothing";
}

const info = (rig: Rig, field: string): string =>
  new RegExp(`${field}:(.*)\\r`).exec(ask(rig, "INFO", "persistence"))![1]!;

test("store: while it is away the log stays on the disk; beyond a bound writes wait for it", () => {
  const rig = newRig(20_000);
  expect(ask(rig, "SKERRY.STORED")).toBe("+OK\r\n");
  rig.store.profile = { put_fail: 1 };
  let refusal = "";
  for (let i = 0; i < 400 && refusal === ""; i++) {
    const reply = ask(rig, "SET", `key ${i}`, "x".repeat(200));
    if (i % 100 === 50) ask(rig, "BGSAVE");
    rig.world.run(10);
    if (reply !== "+OK\r\n") refusal = reply;
  }
  expect(refusal).toMatch(
    /^-MISCONF .*the object store lacks \d+ bytes of the log: the put failed/,
  );
  expect(ask(rig, "GET", "key 0")).toContain("x");
  expect(info(rig, "store_status")).toBe("failing");
  expect(Number(info(rig, "store_lag_bytes"))).toBeGreaterThan(20_000);
  expect(rig.node.said.at(-1)).toContain("lags behind: the put failed");
  rig.store.profile = {};
  rig.world.run(60_000);
  expect(ask(rig, "SET", "again", "1")).toBe("+OK\r\n");
  expect(ask(rig, "SKERRY.STORED")).toBe("+OK\r\n");
  expect(info(rig, "store_lag_bytes")).toBe("0");
  expect(rig.node.said.at(-1)).toContain("written to again");
});

test("store: what waits for it is answered when it holds all, and not before", () => {
  const rig = newRig(0);
  rig.store.profile = { put_fail: 1 };
  ask(rig, "SET", "key", "1");
  rig.client.send(["SKERRY.STORED"]);
  const before = rig.client.replies.length;
  rig.world.run(3000);
  expect(rig.client.replies).toHaveLength(before);
  rig.store.profile = {};
  rig.world.run(60_000);
  expect(rig.client.replies.at(-1)!.toString()).toBe("+OK\r\n");
  expect(Number(info(rig, "store_held_lsn"))).toBe(Number(info(rig, "log_last_lsn")));
});

test("store: a node that never had one brings its checkpoint and its log there", () => {
  const rig = newRig(0);
  for (let i = 0; i < 50; i++) ask(rig, "SET", `key ${i}`, "x".repeat(300));
  ask(rig, "BGSAVE");
  rig.world.run(1000);
  ask(rig, "DEL", "key 7");
  const digest = ask(rig, "SKERRY.DIGEST");
  rig.node.stop();
  const objects = new MemoryStore();
  const world = new World({ seed: 2, policy: "always", store: { objects, stream } });
  const node = new DurableNode(world, "n1");
  node.disk = rig.node.disk;
  node.disk.remove("store-writers");
  node.start();
  const moved = { ...rig, world, node, client: node.connect() };
  // Its disk answers in the world that it comes from.
  const stored = node.node.environment.storage!;
  let told: string | undefined = "nothing";
  stored.whenStored((error) => {
    told = error;
  });
  for (let i = 0; i < 50; i++) {
    rig.world.run(100);
    world.run(100);
  }
  expect([told, node.node.journal!.stream!.checkpointCount]).toEqual([undefined, 1]);
  node.lose();
  node.start();
  world.run(1000);
  expect(ask({ ...moved, client: node.connect() }, "SKERRY.DIGEST")).toBe(digest);
});

test("store: a node of a cluster comes back from its own as a new replica, and all agree", () => {
  const stores = new Map<string, MemoryStore>();
  const objects = (name: string): MemoryStore => {
    if (!stores.has(name)) stores.set(name, new MemoryStore());
    return stores.get(name)!;
  };
  const world = new World({ seed: 5, policy: "always", nodeCount: 3, store: { objects, stream } });
  for (const name of world.names) world.nodes.push(new DurableNode(world, name));
  for (const node of world.nodes) node.start();
  const write = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const node = world.nodes[i % 3]!;
      if (node.life === undefined) continue;
      const client = node.connect();
      client.send(["INCR", "count"]);
      client.send(["SADD", "set", `${node.name} ${i}`]);
      if (i % 4 === 0) client.send(["SREM", "set", `${node.name} ${i}`]);
      if (i % 5 === 0) client.send(["DEL", `key ${i % 2}`]);
      else client.send(["SET", `key ${i % 2}`, String(i)]);
      client.onClose();
      world.run(world.prng.below(30));
    }
  };
  write(40);
  world.run(2000);
  const { keyspace } = world.nodes[1]!.node;
  const before = keyspace.replicas.nameOf(keyspace.self);
  world.cut.add("n1>n2").add("n3>n2");
  write(10);
  world.nodes[1]!.lose();
  write(10);
  world.cut.clear();
  world.nodes[1]!.start();
  world.run(2000);
  const { restored, node } = world.nodes[1]!;
  expect(restored!.lastLsn).toBeGreaterThan(10);
  const { replicas, self } = node.keyspace;
  expect(replicas.nameOf(self)).not.toBe(before);
  write(30);
  world.run(20_000);
  const digests = world.nodes.map((each) => each.node.shards.digests().join(" "));
  expect(new Set(digests).size).toBe(1);
});

/** The bytes of the objects of a kind that the manifest names, one behind the other. */
function storedBytes(store: FaultyStore, kind: number): Buffer {
  const parts: Uint8Array[] = [];
  store.get(manifestName, undefined, (found) => {
    const manifest = decodeManifest(answerOf(found).bytes);
    if (!manifest.ok) throw new Error(manifest.error);
    for (const object of manifest.value.objects)
      if (object.kind === kind)
        store.get(object.name, undefined, (part) => parts.push(answerOf(part).bytes));
  });
  return Buffer.concat(parts);
}

test("store: a checkpoint whose file is replaced while it is read begins again", () => {
  const rig = newRig(0);
  for (let i = 0; i < 60; i++) ask(rig, "SET", `key ${i}`, "x".repeat(200));
  rig.store.profile = { slow: 1 };
  ask(rig, "BGSAVE");
  rig.world.run(3000);
  const journal = rig.node.node.journal!;
  const { pinned } = journal.stream!;
  const bytesOf = (): Buffer => Buffer.from(rig.node.disk.read(pinned!, 0, 1_000_000));
  const before = bytesOf();
  // Nothing is written meanwhile, so the second one has the first one's name, though not its bytes.
  journal.start = { ...journal.start, policy: "everysec" };
  ask(rig, "BGSAVE");
  rig.world.run(200);
  const after = bytesOf();
  expect(after.equals(before)).toBe(false);
  rig.store.profile = {};
  rig.world.run(60_000);
  expect(journal.stream!.checkpointCount).toBe(1);
  expect(storedBytes(rig.store, objectKinds.checkpoint).equals(after)).toBe(true);
});
