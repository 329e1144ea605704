// A cluster of real processes in which each shard is on two of three nodes: whom clients are sent
// to, what cluster-aware clients make of it, and what becomes of the shards when nodes come, go and
// die.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cluster, Redis } from "ioredis";
import { createCluster } from "redis";
import { afterEach, describe, expect, test } from "vitest";
import { LocalCluster, type NodeProcess } from "../../scripts/lib/cluster-processes.js";
import { whyUnavailable } from "../../scripts/lib/server-process.js";
import { disconnectClients, holdsWithin, keep } from "./cluster-rig.js";

const reason = whyUnavailable("skerry");
const factor = ["--replication-factor", "2", "--prefix", "lin:=linearizable"];

let cluster: LocalCluster;

afterEach(async () => {
  disconnectClients();
  await cluster?.stop();
});

const clientOf = (node: NodeProcess): Redis =>
  keep(new Redis(node.port, "127.0.0.1", { maxRetriesPerRequest: 20 }));

/** How long shards may take to move. */
const eventually = (check: () => Promise<void>): Promise<void> => holdsWithin(60_000, check);

type SlotRow = readonly [number, number, ...(readonly [string, number, string])[]];

const slotsOf = (client: Redis): Promise<SlotRow[]> =>
  client.call("CLUSTER", "SLOTS") as Promise<SlotRow[]>;

/** Every slot has as many servers as it should, and all nodes say the same. */
async function isPlaced(nodes: readonly Redis[], copies: number): Promise<void> {
  const [first, ...others] = await Promise.all(nodes.map(slotsOf));
  for (const other of others) expect(other).toEqual(first);
  let next = 0;
  for (const [start, end, ...servers] of first!) {
    expect(start).toBe(next);
    next = end + 1;
    expect(servers).toHaveLength(copies);
  }
  expect(next).toBe(16_384);
}

/** The ports that serve a key's slot, by one node's word. */
async function portsFor(client: Redis, key: string): Promise<number[]> {
  const slot = Number(await client.call("CLUSTER", "KEYSLOT", key));
  const row = (await slotsOf(client)).find(([start, end]) => start <= slot && slot <= end)!;
  return row.slice(2).map((server) => Number((server as [string, number, string])[1]));
}

const get = (client: Redis, key: string): Promise<string> =>
  client.get(key).then(
    (value) => String(value),
    (error: Error) => error.message,
  );

describe.skipIf(reason !== null)(`placement${reason === null ? "" : `: ${reason}`}`, () => {
  test("placement: a key is on two of three nodes, and the third names one of them", async () => {
    cluster = await LocalCluster.start({ count: 3, args: factor });
    const nodes = cluster.nodes.map(clientOf);
    await eventually(() => isPlaced(nodes, 2));
    const served = new Map<number, number>();
    for (let i = 0; i < 30; i++) {
      const key = `key:${i}`;
      const ports = await portsFor(nodes[0]!, key);
      const [holder] = nodes.filter((_, at) => ports.includes(cluster.nodes[at]!.port));
      expect(await holder!.set(key, `value ${i}`)).toBe("OK");
      await eventually(async () => {
        for (const [at, client] of nodes.entries()) {
          const { port } = cluster.nodes[at]!;
          const answer = await get(client, key);
          if (ports.includes(port)) expect(answer).toBe(`value ${i}`);
          else expect(answer).toMatch(new RegExp(`^MOVED \\d+ 127.0.0.1:(${ports.join("|")})$`));
        }
      });
      for (const port of ports) served.set(port, (served.get(port) ?? 0) + 1);
    }
    // The ring gives every node its share.
    expect([...served.values()].every((count) => count >= 4)).toBe(true);
    const sizes = await Promise.all(nodes.map((client) => client.dbsize()));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(60);
    // Linearizable keys are everywhere; keys of several slots are refused where one is missing.
    for (const client of nodes) expect(await client.incr("lin:x")).toBeGreaterThan(0);
    const errors = await Promise.all(
      nodes.map((client) =>
        client.mget(...Array.from({ length: 30 }, (_, i) => `key:${i}`)).then(
          () => "none",
          (error: Error) => error.message,
        ),
      ),
    );
    for (const error of errors) expect(error).toMatch(/^CROSSSLOT/);
  });

  test("placement: ioredis Cluster and node-redis createCluster run their families", async () => {
    cluster = await LocalCluster.start({ count: 3, args: factor });
    const nodes = cluster.nodes.map(clientOf);
    await eventually(() => isPlaced(nodes, 2));
    const ioredis = new Cluster(
      cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port })),
      { redisOptions: { maxRetriesPerRequest: 5 } },
    );
    const redis = createCluster({
      rootNodes: cluster.nodes.map(({ port }) => ({ url: `redis://127.0.0.1:${port}` })),
    });
    redis.on("error", () => {});
    try {
      for (let i = 0; i < 12; i++) {
        await ioredis.set(`s${i}`, `${i}`);
        expect(await ioredis.get(`s${i}`)).toBe(`${i}`);
        expect(await ioredis.incr(`n${i}`)).toBe(1);
        expect(await ioredis.hset(`h${i}`, "f", "v")).toBe(1);
        expect(await ioredis.hgetall(`h${i}`)).toEqual({ f: "v" });
        expect(await ioredis.rpush(`l${i}`, "a", "b")).toBe(2);
        expect(await ioredis.lpop(`l${i}`)).toBe("a");
        expect(await ioredis.sadd(`e${i}`, "x", "y")).toBe(2);
        expect(await ioredis.zadd(`z${i}`, 1, "m")).toBe(1);
        expect(await ioredis.expire(`s${i}`, 100)).toBe(1);
        expect(await ioredis.multi().set(`{t${i}}a`, "1").incr(`{t${i}}a`).exec()).toEqual([
          [null, "OK"],
          [null, 2],
        ]);
        expect(await ioredis.mget(`{t${i}}a`, `{t${i}}b`)).toEqual(["2", null]);
      }
      await redis.connect();
      for (let i = 0; i < 12; i++) {
        await redis.set(`r${i}`, `${i}`);
        expect(await redis.get(`r${i}`)).toBe(`${i}`);
        expect(await redis.incrBy(`rn${i}`, 5)).toBe(5);
        expect(await redis.hSet(`rh${i}`, { f: "v" })).toBe(1);
        expect(await redis.hGetAll(`rh${i}`)).toEqual({ f: "v" });
        expect(await redis.rPush(`rl${i}`, ["a", "b"])).toBe(2);
        expect(await redis.lRange(`rl${i}`, 0, -1)).toEqual(["a", "b"]);
        expect(await redis.sAdd(`re${i}`, ["x", "y"])).toBe(2);
        expect(await redis.zAdd(`rz${i}`, { score: 1, value: "m" })).toBe(1);
        expect(await redis.multi().set(`{u${i}}a`, "1").incr(`{u${i}}a`).exec()).toEqual(["OK", 2]);
        expect(await redis.del(`r${i}`)).toBe(1);
      }
    } finally {
      ioredis.disconnect();
      if (redis.isOpen) redis.destroy();
    }
  });

  test("placement: a node that comes takes over shards, and nothing written meanwhile is lost", async () => {
    cluster = await LocalCluster.start({ count: 3, args: factor });
    const nodes = cluster.nodes.map(clientOf);
    await eventually(() => isPlaced(nodes, 2));
    const ioredis = new Cluster([{ host: "127.0.0.1", port: cluster.nodes[0]!.port }]);
    const counts = new Map<string, number>();
    const write = async (rounds: number): Promise<void> => {
      for (let round = 0; round < rounds; round++)
        for (let i = 0; i < 50; i++) {
          await ioredis.incr(`c${i}`);
          counts.set(`c${i}`, (counts.get(`c${i}`) ?? 0) + 1);
        }
    };
    try {
      await write(2);
      const writing = write(8);
      const fourth = await cluster.join();
      await writing;
      nodes.push(clientOf(fourth));
      await eventually(async () => {
        const info = String(await nodes[3]!.call("INFO", "placement"));
        expect(info).toMatch(/shards_fetched:0\r\n/);
        expect(Number(/shards_taken_over:(\d+)/.exec(info)![1])).toBeGreaterThan(0);
      });
      await write(1);
      // Whoever serves a key has every increment of it.
      await eventually(async () => {
        let served = 0;
        for (const [key, count] of counts)
          for (const client of nodes) {
            const answer = await get(client, key);
            if (answer.startsWith("MOVED")) continue;
            expect(answer).toBe(String(count));
            served++;
          }
        expect(served).toBeGreaterThanOrEqual(2 * counts.size);
      });
    } finally {
      ioredis.disconnect();
    }
  });

  test("placement: of a node that dies every shard is served by the other that holds it", async () => {
    cluster = await LocalCluster.start({ count: 3, args: factor });
    const nodes = cluster.nodes.map(clientOf);
    await eventually(() => isPlaced(nodes, 2));
    const ioredis = new Cluster(cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port })));
    try {
      for (let i = 0; i < 50; i++) await ioredis.set(`k${i}`, `${i}`);
      const survivors = nodes.slice(1);
      const have = async (): Promise<void> => {
        for (let i = 0; i < 50; i++) {
          const answers = await Promise.all(survivors.map((client) => get(client, `k${i}`)));
          expect(answers).toContain(`${i}`);
          for (const answer of answers) expect([`${i}`, "MOVED"]).toContain(answer.split(" ")[0]);
        }
      };
      // Whatever was on the first node only would be gone with it.
      await eventually(have);
      await cluster.nodes[0]!.kill();
      await eventually(have);
      // Once it is known to be gone for good, its shards get a second copy.
      const dead = cluster.nodes[0]!.name;
      const lines = String(await survivors[0]!.call("CLUSTER", "NODES")).split("\n");
      const id = lines.find((line) => line.includes(`,${dead} `))!.split(" ")[0]!;
      await eventually(async () => void (await survivors[0]!.call("CLUSTER", "FORGET", id)));
      await eventually(() => isPlaced(survivors, 2));
      await have();
    } finally {
      ioredis.disconnect();
    }
  });

  test("placement: a key that is read often is answered by the third node, too, and then no more", async () => {
    cluster = await LocalCluster.start({ count: 3, args: [...factor, "--reads-per-copy", "20"] });
    const nodes = cluster.nodes.map(clientOf);
    await eventually(() => isPlaced(nodes, 2));
    const ports = await portsFor(nodes[0]!, "star");
    const isOwner = (at: number): boolean => ports.includes(cluster.nodes[at]!.port);
    const owner = nodes.find((_, at) => isOwner(at))!;
    const third = nodes.find((_, at) => !isOwner(at))!;
    await owner.set("star", "a");
    expect(await get(third, "star")).toMatch(/^MOVED/);
    await eventually(async () => {
      await Promise.all(Array.from({ length: 300 }, () => owner.get("star")));
      expect(await get(third, "star")).toBe("a");
    });
    await expect(third.set("star", "b")).rejects.toThrow(/^MOVED/);
    expect((await portsFor(owner, "star")).length).toBe(3);
    await owner.set("star", "b");
    await eventually(async () => expect(await get(third, "star")).toBe("b"));
    expect(String(await third.call("INFO", "placement"))).toMatch(/reads_from_copies:[1-9]/);
    await eventually(async () => {
      expect(String(await third.call("INFO", "placement"))).toMatch(/shards_copied:0\r/);
      expect(await third.dbsize()).toBe(0);
    });
    expect(await get(third, "star")).toMatch(/^MOVED/);
  });

  test("placement: a node that means another number of copies is refused, and stops with the reason", async () => {
    cluster = await LocalCluster.start({
      count: 2,
      args: ["--prefix", "lin:=linearizable"],
      argsOf: (name) => ["--replication-factor", name === "n3" ? "3" : "2"],
    });
    await expect(cluster.join()).rejects.toThrow(/another number of copies/);
    const [first] = cluster.nodes.map(clientOf);
    expect(String(await first!.call("INFO", "peers"))).toMatch(/other_replication_factor=\d/);
  });

  test("placement: nodes with logs come back with their shards, and with what they hold of each", async () => {
    const folder = await mkdtemp(join(tmpdir(), "skerry-placement-"));
    try {
      cluster = await LocalCluster.start({
        count: 3,
        args: [...factor, "--fsync", "always"],
        argsOf: (name) => ["--data-dir", join(folder, name)],
      });
      let nodes = cluster.nodes.map(clientOf);
      await eventually(() => isPlaced(nodes, 2));
      const write = async (key: string, value: string): Promise<void> => {
        const ports = await portsFor(nodes[0]!, key);
        const at = cluster.nodes.findIndex(({ port }) => ports.includes(port));
        expect(await nodes[at]!.set(key, value)).toBe("OK");
      };
      for (let i = 0; i < 40; i++) await write(`key:${i}`, `value ${i}`);
      for (const node of cluster.nodes) await node.kill("SIGKILL");
      for (const node of cluster.nodes) cluster.spawn(node);
      await Promise.all(cluster.nodes.map((node) => node.ready()));
      nodes = cluster.nodes.map(clientOf);
      await eventually(() => isPlaced(nodes, 2));
      await eventually(async () => {
        for (let i = 0; i < 40; i++) {
          const answers = await Promise.all(nodes.map((client) => get(client, `key:${i}`)));
          expect(answers.filter((answer) => answer === `value ${i}`)).toHaveLength(2);
          expect(answers.filter((answer) => answer.startsWith("MOVED"))).toHaveLength(1);
        }
      });
    } finally {
      await cluster.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
