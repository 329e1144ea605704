// Real processes that replicate over TCP: what one node takes, all have; a cut heals, a killed node
// comes back and catches up before it serves, a linearizable register survives both.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cluster, Redis } from "ioredis";
import { createCluster } from "redis";
import { afterEach, describe, expect, test } from "vitest";
import { LocalCluster, NodeProcess } from "../../scripts/lib/cluster-processes.js";
import { freePort, sleep, whyUnavailable } from "../../scripts/lib/server-process.js";
import { disconnectClients, holdsWithin, keep } from "./cluster-rig.js";

const reason = whyUnavailable("skerry");
const linearizable = ["--prefix", "lin:=linearizable"];

let cluster: LocalCluster;

afterEach(async () => {
  disconnectClients();
  await cluster?.stop();
});

const clientOf = (node: NodeProcess): Redis =>
  keep(
    new Redis(node.port, "127.0.0.1", {
      maxRetriesPerRequest: 20,
      retryStrategy: () => 50,
      reconnectOnError: () => false,
    }),
  );

/** How long what replicates may take here. */
const eventually = (check: () => Promise<void>, withinMs = 5_000): Promise<void> =>
  holdsWithin(withinMs, check);

describe.skipIf(reason !== null)(`cluster${reason === null ? "" : `: ${reason}`}`, () => {
  test("cluster: what one of three nodes takes, all have", async () => {
    cluster = await LocalCluster.start({ count: 3 });
    const [a, b, c] = cluster.nodes.map(clientOf) as [Redis, Redis, Redis];
    await a.set("color", "red");
    await b.incrby("count", 5);
    await c.incrby("count", 6);
    await a.rpush("list", "x", "y");
    await eventually(async () => {
      for (const client of [a, b, c]) {
        expect(await client.get("color")).toBe("red");
        expect(await client.get("count")).toBe("11");
        expect(await client.lrange("list", 0, -1)).toEqual(["x", "y"]);
      }
    });
    // b's row of the counter is reset by a, and goes when b writes again.
    const deadRowsOf = async (name: string): Promise<number> => {
      const rows = (await a.call("SKERRY.LAG")) as (string | number)[][];
      const row = rows.find((each) => each[1] === name)!;
      return Number(row[row.indexOf("deadRows") + 1]);
    };
    expect(await deadRowsOf("n2")).toBe(0);
    await a.del("count");
    expect(await deadRowsOf("n2")).toBe(1);
    await b.incr("count");
    await eventually(async () => expect(await deadRowsOf("n2")).toBe(0));
    expect(await a.info("stability")).toMatch(/log_batches:\d+\r\n[\s\S]*held_back_by:/);
  });

  test("cluster: both sides of a cut take writes, and have all of them once it is healed", async () => {
    cluster = await LocalCluster.start({ count: 3, isProxied: true });
    const [a, b, c] = cluster.nodes.map(clientOf) as [Redis, Redis, Redis];
    const [n1, n2, n3] = cluster.nodes as [NodeProcess, NodeProcess, NodeProcess];
    await a.sadd("set", "before");
    await eventually(async () => expect(await c.smembers("set")).toEqual(["before"]));

    cluster.cut([[n1, n2], [n3]]);
    await a.sadd("set", "left");
    await c.sadd("set", "right");
    await c.srem("set", "before");
    await eventually(async () =>
      expect((await b.smembers("set")).sort()).toEqual(["before", "left"]),
    );
    expect((await c.smembers("set")).sort()).toEqual(["right"]);
    await sleep(3_000); // Longer than a silent link lasts.

    cluster.heal();
    await eventually(async () => {
      for (const client of [a, b, c])
        expect((await client.smembers("set")).sort()).toEqual(["left", "right"]);
    });
  });

  test("cluster: a killed node returns with nothing, and serves only when it has caught up", async () => {
    cluster = await LocalCluster.start({ count: 3, args: linearizable });
    const [n1, , n3] = cluster.nodes as [NodeProcess, NodeProcess, NodeProcess];
    const a = clientOf(n1);
    for (let i = 0; i < 500; i++) await a.set(`key:${i}`, `value ${i}`);
    await eventually(async () => expect(await a.set("lin:x", "1")).toBe("OK"));
    await n3.kill();
    await a.set("key:0", "changed");
    expect(await a.incr("lin:x")).toBe(2);

    cluster.spawn(n3);
    await n3.ready();
    const c = clientOf(n3);
    expect(await c.get("key:0")).toBe("changed");
    expect(await c.get("key:499")).toBe("value 499");
    expect(await c.dbsize()).toBe(500);
    // It votes again: with another node gone, the two of them are a majority.
    await eventually(async () => expect(await c.get("lin:x")).toBe("2"));
    await eventually(async () => expect(await c.info("members")).toContain("voting:1\r\nepoch"));
    await cluster.nodes[1]!.kill();
    await eventually(async () => expect(await c.incr("lin:x")).toBeGreaterThan(2));
  });

  test("cluster: pipelines of linearizable commands from all sides count exactly", async () => {
    // Each reply lets the next command of its connection go on, in the middle of what the registers
    // do.
    cluster = await LocalCluster.start({ count: 3, args: linearizable });
    const clients = cluster.nodes.flatMap((node) => [clientOf(node), clientOf(node)]);
    await eventually(async () => expect(await clients[0]!.set("lin:n", "0")).toBe("OK"));
    const replies = await Promise.all(
      clients.map((client) => {
        const pipeline = client.pipeline();
        for (let i = 0; i < 60; i++) pipeline.incr(`lin:${i % 3 === 0 ? "n" : "m"}`);
        return pipeline.exec();
      }),
    );
    const told = replies.flatMap((each) => each ?? []);
    const counted = told.filter(([error]) => error === null).length;
    const values = await clients[0]!
      .mget("lin:n")
      .then(async ([n]) => [n, await clients[0]!.get("lin:m")]);
    const sum = values.reduce((total, value) => total + Number(value), 0);
    expect(told).toHaveLength(360);
    // What was refused did not happen; what was answered did; the rest may have.
    const refused = told.filter(([error]) => /^TRYAGAIN/.test(error?.message ?? "")).length;
    expect(sum).toBeGreaterThanOrEqual(counted);
    expect(sum).toBeLessThanOrEqual(360 - refused);
    for (const node of cluster.nodes) expect(node.isRunning).toBe(true);
  });

  test("cluster: with its logs a whole cluster comes back as it was, voters and all", async () => {
    const folder = mkdtempSync(join(tmpdir(), "skerry-cluster-"));
    try {
      cluster = await LocalCluster.start({
        count: 3,
        args: [...linearizable, "--fsync", "always"],
        argsOf: (name) => ["--data-dir", join(folder, name)],
      });
      const a = clientOf(cluster.nodes[0]!);
      await eventually(async () => expect(await a.set("lin:x", "5")).toBe("OK"));
      await a.set("k", "v");
      await Promise.all(cluster.nodes.map((node) => node.kill()));
      for (const node of cluster.nodes) cluster.spawn(node);
      await Promise.all(cluster.nodes.map((node) => node.ready()));
      const c = clientOf(cluster.nodes[2]!);
      await eventually(async () => expect(await c.incr("lin:x")).toBe(6), 15_000);
      expect(await c.get("k")).toBe("v");
      expect(await c.info("members")).toContain("\nfounders:\r\n");
      await cluster.stop();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("cluster: cluster-aware clients find their way, and every node serves every key", async () => {
    cluster = await LocalCluster.start({ count: 3 });
    const ports = cluster.nodes.map(({ port }) => port);
    const ours = new Cluster([{ host: "127.0.0.1", port: ports[0]! }]);
    try {
      for (let i = 0; i < 60; i++) await ours.set(`key:${i}`, i);
      await ours.hset("{u}hash", "f", "v");
      await ours.zadd("{u}zset", 1, "m");
      await ours.rpush("{u}list", "a", "b");
      expect(await ours.pipeline().get("{u}none").llen("{u}list").exec()).toEqual([
        [null, null],
        [null, 2],
      ]);
      // A node that a busy machine kept silent is on the map the next time the client asks for it.
      await expect.poll(() => ours.nodes("master").length, { timeout: 20_000 }).toBe(3);
      for (let i = 0; i < 60; i++) expect(await ours.get(`key:${i}`)).toBe(String(i));
    } finally {
      ours.disconnect();
    }
    const theirs = createCluster({
      rootNodes: ports.map((port) => ({ url: `redis://127.0.0.1:${port}` })),
    });
    theirs.on("error", () => {});
    await theirs.connect();
    try {
      await theirs.set("color", "red");
      expect(await theirs.get("color")).toBe("red");
      expect(await theirs.incr("n")).toBe(1);
      expect(await theirs.hSet("h", "f", "v")).toBe(1);
      await theirs.sAdd("s", ["a", "b"]);
      expect(await theirs.sCard("s")).toBe(2);
      expect(await theirs.multi().set("{t}1", "x").get("{t}1").exec()).toEqual(["OK", "x"]);
    } finally {
      theirs.destroy();
    }
  });

  test("cluster: a node leaves while clients write, and nothing that was acknowledged is lost", async () => {
    cluster = await LocalCluster.start({ count: 3 });
    const [a, b, operator] = [0, 2, 2].map((at) => clientOf(cluster.nodes[at]!));
    await eventually(async () => expect(await b!.set("k", "v")).toBe("OK"));
    const counts = new Map<string, number>();
    const refusals: string[] = [];
    let isOver = false;
    const increment = async (client: Redis, key: string): Promise<void> => {
      while (!isOver)
        try {
          await client.incr(key);
          counts.set(key, (counts.get(key) ?? 0) + 1);
        } catch (error) {
          refusals.push((error as Error).message);
          return;
        }
    };
    const names = Array.from({ length: 8 }, (_, i) => `c${i}`);
    const writing = names.map((name, i) => increment(i % 2 === 0 ? a! : b!, name));
    await eventually(async () => expect(counts.size).toBe(8));
    expect(await operator!.call("SKERRY.LEAVE")).toBe("OK");
    await eventually(async () => expect(refusals).toHaveLength(4));
    isOver = true;
    await Promise.all(writing);
    for (const refusal of refusals) expect(refusal).toMatch(/^MOVED \d+ 127\.0\.0\.1:\d+$/);
    await cluster.nodes[2]!.kill();
    await eventually(async () => {
      for (const [name, count] of counts) expect(await a!.get(name)).toBe(String(count));
    });
  });

  test("cluster: of two processes with one name the earlier ends, and says why", async () => {
    cluster = await LocalCluster.start({ count: 2 });
    const [, earlier] = cluster.nodes as [NodeProcess, NodeProcess];
    const later = new NodeProcess("n2", await freePort(), await freePort());
    later.address = `127.0.0.1:${later.peerPort}`;
    later.hasJoined = true;
    cluster.nodes.push(later);
    cluster.spawn(later);
    await later.ready();
    await eventually(async () => expect(earlier.isRunning).toBe(false), 20_000);
    expect(earlier.output).toMatch(
      /does not admit this node: it knows a later process of this name/,
    );
    expect(await clientOf(later).set("k", "v")).toBe("OK");
  });

  test("cluster: a node leaves in order, a dead one is forgotten, the rest goes on", async () => {
    cluster = await LocalCluster.start({ count: 4, args: linearizable });
    const [n1, n2, , n4] = cluster.nodes as [NodeProcess, NodeProcess, NodeProcess, NodeProcess];
    const [a, d] = [clientOf(n1), clientOf(n4)];
    await d.set("from4", "here");
    await eventually(async () => expect(await a.set("lin:x", "1")).toBe("OK"));
    await eventually(async () => expect(await d.call("SKERRY.LEAVE")).toBe("OK"));
    await eventually(async () => expect(await a.info("members")).toMatch(/node_n4:.*state=left/));
    await expect(d.get("from4")).rejects.toThrow(/^MOVED/);
    // The others take it out of the voters, who are three then.
    await eventually(
      async () => expect(await a.info("members")).toContain("\nepoch:2\r\n"),
      10_000,
    );
    await n4.kill();
    expect(await a.get("from4")).toBe("here");

    await n2.kill();
    await eventually(async () => expect(await a.call("CLUSTER", "FORGET", "n2")).toBe("OK"));
    // Two voters of two are left: with the dead one still counted, one more failure would be fatal.
    await eventually(async () => {
      expect(await a.cluster("NODES")).not.toContain(",n2");
      expect(await a.incr("lin:x")).toBeGreaterThan(1);
    });
    const lag = (await a.call("SKERRY.LAG")) as unknown[];
    expect(lag).toHaveLength(1);
  });
});
