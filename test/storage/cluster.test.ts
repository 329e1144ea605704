// Replicas with logs: what a peer was told is never taken back, so a crash that loses a tail makes
// a new replica of the node, and all agree again; votes in the registers survive every crash.

import { describe, expect, test } from "vitest";
import { testSeed } from "../../scripts/lib/test-seed.js";
import { segmentName } from "../../src/storage/frame.js";
import type { SyncPolicy } from "../../src/storage/wal.js";
import { parseReply } from "../differential/resp-client.js";
import { endOfLog } from "./end-of-log.js";
import { type DurableNode, World } from "./world.js";

const firstSeed = testSeed("STORAGE_SEED");
const seedCount = Number(process.env.STORAGE_SEEDS ?? 2);
const seeds = Array.from({ length: seedCount }, (_, index) => firstSeed + index);

const digestsOf = ({ node }: DurableNode): string => node.shards.digests().join(" ");

/** Sends one command and answers its reply, or undefined when none came in time. */
function ask(world: World, node: DurableNode, ...argv: string[]): string | undefined {
  if (node.life === undefined) return undefined;
  const client = node.connect();
  client.send(argv);
  for (let i = 0; i < 60 && client.replies.length === 0 && !client.isClosed; i++) world.run(25);
  const [reply] = client.replies;
  return reply === undefined ? undefined : (parseReply(reply).text ?? "(nil)");
}

function writeSome(world: World, node: DurableNode, count: number): void {
  const { prng } = world;
  const client = node.connect();
  for (let i = 0; i < count; i++) {
    const key = `k${prng.below(6)}`;
    const choice = prng.below(5);
    if (choice === 0) client.send(["SET", `s${key}`, `${node.name} ${prng.below(1000)}`]);
    else if (choice === 1) client.send(["INCR", `n${key}`]);
    else if (choice === 2) client.send(["SADD", `t${key}`, `m${prng.below(30)}`]);
    else if (choice === 3) client.send(["SREM", `t${key}`, `m${prng.below(30)}`]);
    else client.send(["DEL", `n${key}`]);
    world.run(prng.below(6));
  }
}

function converge(world: World): void {
  for (let i = 0; i < 120; i++) {
    world.run(500);
    if (new Set(world.nodes.map(digestsOf)).size === 1) return;
  }
  throw new Error(`the replicas differ:\n${world.nodes.map(digestsOf).join("\n")}`);
}

describe("replicas with logs", () => {
  test.each(["always", "everysec", "no"] as const)(
    "log: after crashes of machines under %s all replicas agree",
    (policy: SyncPolicy) => {
      for (const seed of seeds) {
        const world = new World({ seed, policy, nodeCount: 3 });
        const { prng } = world;
        try {
          for (let round = 0; round < 4; round++) {
            for (const node of world.nodes) writeSome(world, node, prng.below(15));
            const victim = prng.pick(world.nodes);
            victim.syncMs = prng.pick([1, 30, 200]);
            writeSome(world, victim, prng.below(10));
            if (prng.chance(0.7)) victim.crash();
            else victim.kill();
            world.run(prng.below(800));
            for (const node of world.nodes) if (node !== victim) writeSome(world, node, 5);
            victim.start();
            world.run(prng.below(2000));
          }
          for (const node of world.nodes) writeSome(world, node, 3);
          converge(world);
          for (const { node } of world.nodes) node.verifyInvariants();
        } catch (error) {
          throw new Error(`seed ${seed}: ${(error as Error).stack}`);
        }
      }
    },
    60_000,
  );

  test("log: a replica that lost a tail under everysec is somebody new, under always itself", () => {
    for (const policy of ["always", "everysec"] as const) {
      const world = new World({ seed: 7, policy, nodeCount: 3 });
      const [n1, n2] = world.nodes as [DurableNode, DurableNode];
      const before = n1.node.replicator === undefined ? "" : n1.examined?.start?.replica;
      expect(before).toBeUndefined();
      expect(ask(world, n1, "SET", "color", "red")).toBe("OK");
      world.run(100);
      n1.crash();
      n1.start();
      // What n2 had heard of n1's lost write must not be in the way of its next ones.
      expect(ask(world, n1, "SET", "color", "blue")).toBe("OK");
      expect(ask(world, n1, "SADD", "set", "x")).toBe("1");
      world.run(5_000);
      converge(world);
      expect(ask(world, n2, "SISMEMBER", "set", "x")).toBe("1");
      expect(ask(world, n2, "GET", "color")).toBe("blue");
      const { replica } = n1.node.journal!.start;
      expect(replica).toBe(policy === "always" ? "n1/1" : "n1/2");
    }
  });

  test("log: what stands behind a reply that waits for the disk leaves with it", () => {
    const world = new World({ seed: 5, policy: "no" });
    const [n1] = world.nodes as [DurableNode];
    n1.syncMs = 200;
    const client = n1.connect();
    let wasHeld = false;
    // More comes than the log gathers before whoever writes has to wait, then less.
    for (let i = 0; i < 30; i++) {
      client.send(["SET", "key", "x".repeat(i < 20 ? 2000 : 20)]);
      wasHeld ||= client.replies.length <= i;
      world.run(40);
    }
    expect(wasHeld).toBe(true);
    world.run(500);
    expect(client.replies).toHaveLength(30);
  });

  test("log: a node back from a checkpoint claims what it wrote, and no moment beyond", () => {
    const world = new World({ seed: 13, policy: "always", nodeCount: 3 });
    const [n1] = world.nodes as [DurableNode];
    for (let i = 0; i < 20; i++) expect(ask(world, n1, "SET", `key${i}`, "x")).toBe("OK");
    expect(ask(world, n1, "SAVE")).toBe("OK");
    converge(world);
    const contexts = (): string[] =>
      n1.node.shards.digests().map((_, shard) => {
        const entries = [...n1.node.shards.context(shard).entries()];
        return entries.map((entry) => entry.join(" ")).join(", ");
      });
    const before = contexts();
    n1.kill();
    n1.start();
    expect(n1.examined!.checkpointBytes).toBeGreaterThan(0);
    expect(contexts()).toEqual(before);
  });

  test("log: what a salvaged log has lost is brought back by the others, not removed there", () => {
    const world = new World({ seed: 17, policy: "always", nodeCount: 3, isSalvage: true });
    const [n1, n2] = world.nodes as [DurableNode, DurableNode];
    const bytesAfter = (member: string): number => {
      expect(ask(world, n1, "SADD", "set", member)).toBe("1");
      world.run(200);
      return endOfLog(n1.disk, segmentName(1));
    };
    const [begin, end] = [bytesAfter("a"), bytesAfter("b")];
    bytesAfter("c");
    converge(world);
    n1.kill();
    n1.disk.rot(segmentName(1), (begin + end) >> 1);
    n1.start();
    expect(n1.examined!.findings.join()).toContain("passed over");
    converge(world);
    for (const node of [n1, n2]) expect(ask(world, node, "SCARD", "set")).toBe("3");
  });

  test("log: no peer hears what a full disk could not take", () => {
    const world = new World({ seed: 19, policy: "always", nodeCount: 3 });
    const [n1, n2] = world.nodes as [DurableNode, DurableNode];
    expect(ask(world, n1, "SADD", "set", "a")).toBe("1");
    converge(world);
    const { faults } = n1.disk;
    n1.disk.faults = { write: () => ({ code: "ENOSPC", part: 0 }) };
    expect(ask(world, n1, "SADD", "set", "b")).toMatch(/^MISCONF/);
    world.run(3_000);
    expect(ask(world, n2, "SCARD", "set")).toBe("1");
    // The write is gone with the process, and nobody waits for what came after it.
    n1.crash();
    n1.disk.faults = faults;
    n1.start();
    expect(n1.node.journal!.start.replica).toBe("n1/1");
    expect(ask(world, n1, "SADD", "set", "d")).toBe("1");
    world.run(1_000);
    converge(world);
    for (const node of world.nodes) expect(ask(world, node, "SCARD", "set")).toBe("2");
  });

  test("log: a clean end keeps the replica's name under every policy", () => {
    const world = new World({ seed: 11, policy: "everysec", nodeCount: 3 });
    const [n1] = world.nodes as [DurableNode];
    ask(world, n1, "SET", "a", "1");
    n1.stop();
    n1.start();
    expect(n1.examined!.isClean).toBe(true);
    expect(n1.node.journal!.start.replica).toBe("n1/1");
    expect(ask(world, n1, "GET", "a")).toBe("1");
  });

  test.each(["always", "no"] as const)(
    "log: registers survive the crash of all machines at once under %s",
    (policy: SyncPolicy) => {
      for (const seed of seeds) {
        const world = new World({ seed, policy, nodeCount: 3 });
        const { prng } = world;
        let acknowledged = 0;
        for (let round = 0; round < 4; round++) {
          for (let i = 0; i < 6; i++) {
            const reply = ask(world, prng.pick(world.nodes), "INCR", "lin:count");
            if (reply === undefined || !/^\d+$/.test(reply)) continue;
            const value = Number(reply);
            expect(value, `seed ${seed}: an acknowledged increment is gone`).toBeGreaterThan(
              acknowledged,
            );
            acknowledged = value;
          }
          // The machines go down at the very moment at which a client is answered.
          for (const node of world.nodes) node.syncMs = prng.pick([2, 60]);
          const client = prng.pick(world.nodes).connect();
          client.send(["INCR", "lin:count"]);
          for (let ms = 0; ms < 500 && client.replies.length === 0; ms++) world.run(1);
          const reply = client.replies[0]?.toString() ?? "";
          if (/^:\d+/.test(reply)) acknowledged = Number(reply.slice(1));
          for (const node of world.nodes) node.crash();
          for (const node of world.nodes) node.start();
          world.run(1_000);
        }
        const last = Number(ask(world, world.nodes[0]!, "GET", "lin:count"));
        expect(last, `seed ${seed}`).toBeGreaterThanOrEqual(acknowledged);
        expect(acknowledged).toBeGreaterThan(0);
      }
    },
    60_000,
  );
});
