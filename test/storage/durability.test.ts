// What a log promises, on a disk that forgets: whatever crashes, kills, torn writes, full and
// failing disks do, each client finds some first part of what it sent, with `always` nothing that
// was acknowledged missing; replicas that lost a tail come back as somebody new, and all agree
// again.

import { describe, expect, test } from "vitest";
import { describeReplies, LoadModel } from "../../scripts/lib/kill-load.js";
import { testSeed } from "../../scripts/lib/test-seed.js";
import type { SyncPolicy } from "../../src/storage/wal.js";
import { parseReply } from "../differential/resp-client.js";
import { type Client, World } from "./world.js";

const policies: readonly SyncPolicy[] = ["always", "everysec", "no"];
const seedCount = Number(process.env.STORAGE_SEEDS ?? 12);
const firstSeed = testSeed("STORAGE_SEED");
const seeds = Array.from({ length: seedCount }, (_, index) => firstSeed + index);

/** A client that sends its sequence and judges what it finds afterwards. */
class Judge {
  readonly #world: World;
  readonly #model = new LoadModel(0);
  #client!: Client;
  sent = 0;
  acknowledged = 0;
  refused = 0;
  /** Acknowledged, or older than a second: what must be there. */
  #needed: { readonly atMs: number; readonly count: number }[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  connect(): void {
    this.#client = this.#world.nodes[0]!.connect();
    this.sent = this.#model.count;
    this.acknowledged = this.#model.count;
    this.#needed = [];
  }

  /** False when an error came: what became of the commands is to be looked at. */
  step(): boolean {
    const { prng } = this.#world;
    // Whoever has been refused sends nothing more: the log may work again by then, and what is
    // there would be no first part.
    for (const reply of this.#client.replies.splice(0)) {
      if (reply[0] === 0x2d) return false;
      this.acknowledged++;
    }
    for (let count = prng.below(4); count > 0 && this.sent - this.acknowledged < 20; count--)
      this.#client.send(this.#model.command(this.sent++));
    this.#needed.push({ atMs: this.#world.nowMs, count: this.acknowledged });
    return !this.#client.isClosed;
  }

  /** Reads everything and looks for the first part that it is. */
  judge(policy: SyncPolicy, isCrash: boolean): void {
    const reader = this.#world.nodes[0]!.connect();
    for (const argv of this.#model.readCommands()) reader.send(argv);
    // A linearizable read is answered in a later turn.
    for (let i = 0; i < 200 && reader.replies.length < 10; i++) this.#world.run(20);
    const found = describeReplies(reader.replies.map(parseReply)).join("\n");
    const needed = isCrash ? this.#neededUnder(policy) : this.acknowledged;
    for (;;) {
      if (this.#model.count >= needed && this.#model.describe().join("\n") === found) return;
      if (this.#model.count >= this.sent)
        throw new Error(`no first part of ${needed} to ${this.sent} commands is what was found`);
      this.#model.step();
    }
  }

  #neededUnder(policy: SyncPolicy): number {
    if (policy === "always") return this.acknowledged;
    if (policy === "no") return 0;
    const oldMs = this.#world.nowMs - 1000;
    return this.#needed.filter(({ atMs }) => atMs <= oldMs).at(-1)?.count ?? 0;
  }
}

/** One history: lives of a node, each with its faults and its end. */
function runHistory(seed: number): { checkpoints: number; fences: number; lost: number } {
  const seen = { checkpoints: 0, fences: 0, lost: 0 };
  const policy = policies[seed % 3]!;
  const world = new World({ seed, policy });
  const [node] = world.nodes;
  const { prng } = world;
  const judge = new Judge(world);
  const { disk } = node!;
  for (let life = 0; life < 3; life++) {
    judge.connect();
    node!.syncMs = prng.pick([1, 5, 40]);
    for (let steps = 15 + prng.below(70); steps > 0; steps--) {
      if (prng.chance(0.01)) node!.node.environment.storage!.save(() => seen.checkpoints++);
      if (prng.chance(0.01)) disk.faults = drawFaults(world);
      if (judge.step()) world.run(prng.below(12));
      else {
        // The log was fenced, or a command met it so: it must work again once the disk does.
        seen.fences++;
        disk.faults = {};
        disk.capacity = Number.POSITIVE_INFINITY;
        world.run(400);
        judge.judge(policy, false);
        judge.connect();
      }
    }
    disk.faults = {};
    disk.capacity = Number.POSITIVE_INFINITY;
    const end = prng.pick(["crash", "crash", "kill", "stop"] as const);
    const lostBefore = disk.lostBytes;
    if (end === "crash") node!.crash();
    else if (end === "kill") node!.kill();
    else {
      world.run(200);
      node!.stop();
    }
    seen.lost += disk.lostBytes - lostBefore;
    node!.start();
    node!.node.verifyInvariants();
    judge.judge(policy, true);
  }
  return seen;
}

function drawFaults(world: World): World["nodes"][0]["disk"]["faults"] {
  const { prng } = world;
  const { disk } = world.nodes[0]!;
  const kind = prng.below(3);
  if (kind === 0) {
    disk.capacity = disk.list().reduce((sum, { bytes }) => sum + bytes, 0) + prng.below(400);
    return {};
  }
  if (kind === 1)
    return {
      write: (bytes) =>
        prng.chance(0.2) ? { code: "EIO", part: prng.below(bytes + 1) } : undefined,
    };
  return { sync: () => prng.chance(0.4) };
}

describe("a node on a disk that forgets", () => {
  test("log: each client finds a first part of what it sent, and all that was promised", () => {
    const sum = { checkpoints: 0, fences: 0, lost: 0 };
    for (const seed of seeds) {
      try {
        const seen = runHistory(seed);
        sum.checkpoints += seen.checkpoints;
        sum.fences += seen.fences;
        sum.lost += seen.lost;
      } catch (error) {
        throw new Error(`seed ${seed}, ${policies[seed % 3]}: ${(error as Error).stack}`);
      }
    }
    // Sometimes: a history without these proves little.
    expect(sum.checkpoints).toBeGreaterThan(0);
    expect(sum.fences).toBeGreaterThan(0);
    expect(sum.lost).toBeGreaterThan(0);
  });

  test("log: a linearizable write does not outlive what the same client wrote before it", () => {
    // Both are in one write of the log, which a crash tears: what stands first in it stays longer.
    let torn = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const world = new World({ seed, policy: "always" });
      const [node] = world.nodes;
      const client = node!.connect();
      client.send(["SET", "lin:x", "before"]);
      world.run(500);
      expect(client.replies.splice(0)).toHaveLength(1);
      node!.syncMs = 500;
      for (let i = 0; i < 5; i++) client.send(["RPUSH", "list", `element ${i}`]);
      client.send(["SET", "lin:x", "behind"]);
      world.run(20);
      expect(client.replies).toEqual([]);
      node!.crash();
      node!.start();
      const reader = node!.connect();
      reader.send(["LLEN", "list"]);
      reader.send(["GET", "lin:x"]);
      world.run(5000);
      const [length, value] = reader.replies.map((reply) => parseReply(reply).text);
      if (value === "behind") expect(length, `seed ${seed}`).toBe("5");
      if (value !== "behind" && length === "5") torn++;
    }
    expect(torn).toBeGreaterThan(0);
  });
});
