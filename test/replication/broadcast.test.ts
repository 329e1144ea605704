// The broadcast workload of a large cluster as an event model: 25 nodes, links of 100 ms, 100
// operations per second of which half broadcast. What counts is how many messages the nodes
// exchange per operation and when the last node knows a value. Measured in virtual time, with the
// real replicators and codecs.

import { expect, test } from "vitest";
import { Prng } from "../../src/base/prng.js";
import { deltasOf } from "../../src/keyspace/batch-body.js";
import { sadd } from "./operations.js";
import { type Replica, World, type WorldOptions } from "./world.js";

interface Figures {
  readonly messagesPerOperation: number;
  readonly bytesPerOperation: number;
  /** From the write until the last node has it. */
  readonly latencyMs: { readonly median: number; readonly max: number };
}

const key = "broadcast";

interface Load {
  readonly durationMs: number;
  readonly operationsPerSecond: number;
  /** Called once per millisecond of virtual time, for faults. */
  readonly disturb?: (world: World, prng: Prng) => void;
}

/** Runs the workload; `seenMs` learns when the last node has each value. */
function broadcast(options: WorldOptions, load: Load): { world: World; figures: Figures } {
  const world = new World(options);
  const prng = new Prng(options.seed + 7);
  const count = world.names.length;
  const missing = new Map<string, { sinceMs: number; nodes: Set<string> }>();
  const latencies: number[] = [];
  for (const replica of world.replicas) watch(world, replica, missing, latencies);
  world.run(1_000);
  const before = world.sentCount;
  const bytesBefore = world.sentBytes;
  let operations = 0;
  const everyMs = 1000 / load.operationsPerSecond;
  for (let ms = 0; ms < load.durationMs; ms += everyMs) {
    operations++;
    load.disturb?.(world, prng);
    if (operations % 2 === 0) {
      const member = `v${operations}`;
      world.turn(prng.below(count), (replica) => {
        missing.set(member, { sinceMs: world.nowMs, nodes: new Set(world.names) });
        missing.get(member)!.nodes.delete(replica.name);
        sadd(replica.keyspace, key, member);
        replica.shards.closeBatch();
      });
    }
    world.run(everyMs);
  }
  const figures = {
    messagesPerOperation: (world.sentCount - before) / operations,
    bytesPerOperation: (world.sentBytes - bytesBefore) / operations,
    latencyMs: quantiles(latencies),
  };
  return { world, figures };
}

function watch(
  world: World,
  replica: Replica,
  missing: Map<string, { sinceMs: number; nodes: Set<string> }>,
  latencies: number[],
): void {
  const apply = replica.shards.apply.bind(replica.shards);
  replica.shards.apply = (batch) => {
    const outcome = apply(batch);
    for (const { elements } of deltasOf(batch))
      for (const { element } of elements) {
        const wait = missing.get(element);
        if (wait === undefined || !wait.nodes.delete(replica.name) || wait.nodes.size > 0) continue;
        missing.delete(element);
        latencies.push(world.nowMs - wait.sinceMs);
      }
    return outcome;
  };
}

function quantiles(values: number[]): { median: number; max: number } {
  values.sort((a, b) => a - b);
  return { median: values[values.length >> 1] ?? 0, max: values.at(-1) ?? 0 };
}

function show(name: string, { messagesPerOperation, bytesPerOperation, latencyMs }: Figures): void {
  console.log(
    `${name}: ${messagesPerOperation.toFixed(2)} messages and ${bytesPerOperation.toFixed(0)} bytes ` +
      `per operation, stable after ${latencyMs.median.toFixed(0)} ms (median), ` +
      `${latencyMs.max.toFixed(0)} ms (max)`,
  );
}

const linkMs = (delayMs: number): { delayMs: () => number } => ({ delayMs: () => delayMs });

test("broadcast: 25 nodes at 100 ms, without faults: under 2 messages per operation, 600 ms", () => {
  const { world, figures } = broadcast(
    { seed: 1, nodeCount: 25, link: linkMs(100) },
    { durationMs: 10_000, operationsPerSecond: 100 },
  );
  show("25 nodes, hub", figures);
  expect(world.replicas[0]!.replicator.mode).toBe("hub");
  expect(figures.messagesPerOperation).toBeLessThan(2);
  expect(figures.latencyMs.median).toBeLessThan(400);
  expect(figures.latencyMs.max).toBeLessThan(600);
  expect(world.converge(2_000)).toBeDefined();
});

test("broadcast: 25 nodes whose clocks differ by up to a second still pay under 3 messages", () => {
  const prng = new Prng(5);
  const skewMs = Array.from({ length: 25 }, () => prng.between(0, 1000));
  const { figures } = broadcast(
    { seed: 2, nodeCount: 25, link: linkMs(100), skewMs },
    { durationMs: 10_000, operationsPerSecond: 100 },
  );
  show("25 nodes, skewed", figures);
  expect(figures.messagesPerOperation).toBeLessThan(3);
  expect(figures.latencyMs.max).toBeLessThan(600);
});

test("broadcast: 25 nodes on links of varying delay stay under 12 messages per operation", () => {
  const prng = new Prng(9);
  // Exponential with a mean of 100 ms.
  const delayMs = (): number => -Math.log(1 - prng.float()) * 100;
  const { world, figures } = broadcast(
    { seed: 3, nodeCount: 25, link: { delayMs } },
    { durationMs: 10_000, operationsPerSecond: 100 },
  );
  show("25 nodes, exponential delay", figures);
  expect(figures.messagesPerOperation).toBeLessThan(12);
  expect(world.converge(5_000)).toBeDefined();
});

test("broadcast: 25 nodes cut in halves every few seconds converge within 10 s of healing", () => {
  for (const seed of [11, 12]) {
    let ms = 0;
    const { world, figures } = broadcast(
      { seed, nodeCount: 25, link: linkMs(100) },
      {
        durationMs: 12_000,
        operationsPerSecond: 100,
        disturb(at, prng) {
          ms += 10;
          if (ms % 3000 !== 0) return;
          if (ms % 6000 === 0) at.heal();
          else at.partition(prng.shuffle([...at.names.keys()]).slice(0, 12));
        },
      },
    );
    show(`25 nodes, cut, seed ${seed}`, figures);
    world.partition(new Prng(seed).shuffle([...world.names.keys()]).slice(0, 12));
    world.run(3_000);
    world.heal();
    const convergedMs = world.converge(10_000);
    console.log(`converged ${convergedMs} ms after healing`);
    expect(convergedMs, `seed ${seed}`).toBeLessThan(6_000);
  }
});

test("broadcast: 5 nodes push directly: stable after one link", () => {
  const { world, figures } = broadcast(
    { seed: 4, nodeCount: 5, link: linkMs(10) },
    { durationMs: 10_000, operationsPerSecond: 100 },
  );
  show("5 nodes, direct", figures);
  expect(world.replicas[0]!.replicator.mode).toBe("direct");
  expect(figures.latencyMs.max).toBeLessThanOrEqual(11);
  // Four pushes per write, half of the operations being writes, and acknowledgements that share
  // messages.
  expect(figures.messagesPerOperation).toBeLessThan(5);
});
