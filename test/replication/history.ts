// Random histories: which operations and which faults happen, drawn from one seed.

import { Prng } from "../../src/base/prng.js";
import { persist } from "../../src/lattice/deadline.js";
import { del, expire, increment, sadd, set, srem } from "./operations.js";
import { OperationLog } from "./oracle.js";
import { type Replica, World, type WorldOptions } from "./world.js";

const stepCount = 60;

export interface History {
  readonly world: World;
  readonly log: OperationLog;
}

const textKeys = ["t1", "t2", "{t}3"];
const setKeys = ["s1", "s2", "{t}4"];
/**
 * Every type and deadlines under one name: the oracle does not know births, so only convergence is
 * judged.
 */
const mixedKeys = ["m1", "{t}5"];

/** Faults differ by seed: some seeds lack whole kinds of them (swarm testing). */
function profileOf(seed: number, prng: Prng): WorldOptions {
  const delayMsMax = prng.pick([5, 30, 150]);
  const delays = new Prng(seed + 1);
  return {
    seed,
    link: {
      delayMs: () => delays.between(1, delayMsMax),
      loss: prng.pick([0, 0.05, 0.3]),
      duplication: prng.pick([0, 0.2]),
    },
    shards: {
      shardCount: prng.pick([1, 4]),
      logBytesMax: prng.pick([1200, 20_000, 1 << 20]),
      // As under load: memory is used again, in half of the histories as soon as may be.
      leasedBytesMin: 1,
      ...(seed % 2 === 0 && { stableBytesMax: 300 }),
    },
    skewMs: prng.chance(0.5) ? [prng.between(0, 2000), prng.between(0, 2000), 0] : [0, 0, 0],
    replicator: {
      mode: prng.pick(["direct", "direct", "hub"]),
      limits: {
        inboxWaitMsMax: 5_000,
        // A quarter of the histories compare however little there is; the others send whole states.
        compareKeyCountMin: seed % 4 === 0 ? 0 : 1_000,
        ...(prng.chance(0.3) ? { inboxBatchCountMax: 5, pullBytesMax: 600 } : {}),
      },
    },
  };
}

function write(replica: Replica, log: OperationLog, prng: Prng): void {
  const { keyspace } = replica;
  const by = prng.between(-3, 9);
  const text = prng.chance(0.7) ? String(prng.below(50)) : `v${prng.below(9)}`;
  const member = `e${prng.below(5)}`;
  const textKey = prng.pick(textKeys);
  const setKey = prng.pick(setKeys);
  const anyKey = prng.pick([textKey, setKey]);
  const writes = [
    () => log.set(replica, textKey, text, () => set(keyspace, textKey, text)),
    () => log.increment(replica, textKey, by, () => increment(keyspace, textKey, by)),
    () => log.delete(replica, anyKey, () => del(keyspace, anyKey)),
    () => log.add(replica, setKey, member, () => sadd(keyspace, setKey, member)),
    () => log.remove(replica, setKey, member, () => srem(keyspace, setKey, member)),
    () => writeMixed(replica, prng, member, text),
  ];
  writes[prng.pick([0, 1, 1, 2, 3, 3, 4, 5])]!();
}

function writeMixed({ keyspace }: Replica, prng: Prng, member: string, text: string): void {
  const key = prng.pick(mixedKeys);
  const soon = keyspace.nowMs + prng.between(1, 3000);
  const until = prng.chance(0.3) ? soon : 0;
  prng.pick([
    () => set(keyspace, key, text, until),
    () => increment(keyspace, key, 1),
    () => sadd(keyspace, key, member),
    () => srem(keyspace, key, member),
    () => del(keyspace, key),
    () => expire(keyspace, key, soon),
    () => expire(keyspace, key, persist),
  ])();
}

export function runHistory(seed: number): History {
  const prng = new Prng(seed);
  const world = new World(profileOf(seed, prng.fork()));
  const log = new OperationLog();
  const crashes = prng.chance(0.3);
  for (let step = 0; step < stepCount; step++) {
    const index = prng.below(3);
    world.turn(index, (replica) => {
      for (let count = prng.between(1, 3); count > 0; count--) write(replica, log, prng);
      // Mostly the turn publishes its batch; sometimes a message finds it open.
      if (prng.chance(0.8)) replica.shards.closeBatch();
    });
    if (prng.chance(0.05)) world.partition([prng.below(3)]);
    if (prng.chance(0.03)) world.cutOneWay(prng.below(3), prng.below(3));
    if (prng.chance(0.06)) world.cut.clear();
    if (crashes && prng.chance(0.02)) world.start(prng.below(3));
    world.run(prng.chance(0.1) ? prng.between(50, 1500) : prng.between(0, 30));
  }
  world.heal();
  return { world, log };
}
