// The bytes between replicas: what real runs send comes back the same, what nobody can have sent is
// refused, and nothing crashes a replica or breaks its invariants.

import { expect, test } from "vitest";
import { MalformedBytes } from "../../src/base/bytes.js";
import { Prng } from "../../src/base/prng.js";
import { decodeMessage, encodeMessage } from "../../src/replication/codec.js";
import type { ReplicationMessage } from "../../src/replication/messages.js";
import { Replicator } from "../../src/replication/replicator.js";
import { increment, sadd, set, srem } from "./operations.js";
import { newReplica } from "./pair.js";
import { startMs, World } from "./world.js";

/** Messages of all types, as they were sent in a run with losses. */
function recorded(seed: number): Uint8Array[] {
  const world = new World({
    seed,
    shards: { shardCount: 4, logBytesMax: 3_000 },
    link: { loss: 0.2 },
    replicator: {
      mode: seed % 2 === 0 ? "hub" : "direct",
      limits: { compareKeyCountMin: seed % 2 === 0 ? 0 : 1_000 },
    },
  });
  const messages: Uint8Array[] = [];
  world.filter = (_from, _to, bytes) => {
    messages.push(bytes);
    return true;
  };
  for (let step = 0; step < 60; step++) {
    world.turn(step % 3, ({ keyspace, shards }) => {
      set(keyspace, `k${step % 5}`, `value ${step}`);
      increment(keyspace, "n", step);
      sadd(keyspace, "s", `m${step}`);
      srem(keyspace, "s", `m${step - 1}`);
      shards.closeBatch();
    });
    if (step === 20) world.partition([1]);
    if (step === 40) world.heal();
    world.run(50);
  }
  world.run(6_000);
  return messages;
}

/** A state that goes in parts: long values, of which no log and no outbox is left. */
function recordedParts(): Uint8Array[] {
  const world = new World({
    seed: 3,
    shards: { shardCount: 4, logBytesMax: 3_000 },
    replicator: { limits: { outboxBytesMax: 1_000 } },
  });
  world.partition([1]);
  world.turn(0, ({ keyspace, shards }) => {
    set(keyspace, "{t}first", "x");
    shards.closeBatch();
  });
  world.turn(0, ({ keyspace, shards }) => {
    for (let i = 0; i < 12; i++) set(keyspace, `{t}${i}`, "x".repeat(100_000));
    shards.closeBatch();
  });
  world.turn(0, ({ keyspace, shards }) => {
    set(keyspace, "{t}last", "y");
    shards.closeBatch();
  });
  const messages: Uint8Array[] = [];
  world.filter = (_from, to, bytes) => {
    if (to === 1 || bytes.length < 200) messages.push(bytes);
    return true;
  };
  world.heal();
  world.run(8_000);
  expect(world.isConverged()).toBe(true);
  // The long ones are only kept where they say something about the codec.
  return messages.filter((bytes) => bytes.length < 200_000).slice(0, 40);
}

const messages = [...recorded(1), ...recorded(2), ...recordedParts()];

test("codec: every message of a run survives decoding and encoding", () => {
  const seen = new Set<string>();
  const shards = newReplica("reader");
  for (const bytes of messages) {
    const message = decodeMessage(bytes, shards);
    seen.add(message.body.type);
    // The reader has other numbers for the replicas' names, so the order of a context may differ,
    // once.
    const again = encodeMessage(message, shards);
    expect(again).toHaveLength(bytes.length);
    expect(decodeMessage(again, shards)).toEqual(message);
    expect(encodeMessage(decodeMessage(again, shards), shards)).toEqual(again);
  }
  const all = [
    "contexts",
    "delta",
    "difference",
    "inquiry",
    "offer",
    "pull",
    "relay",
    "state",
    "state_more",
    "state_part",
    "summary",
  ];
  expect([...seen].sort()).toEqual(all);
});

test("codec: every strict prefix of a message is refused, and so is anything after it", () => {
  const shards = newReplica("reader");
  for (const bytes of messages.slice(0, 60)) {
    for (let length = 0; length < bytes.length; length++)
      expect(() => decodeMessage(bytes.slice(0, length), shards)).toThrow(MalformedBytes);
    expect(() => decodeMessage(new Uint8Array([...bytes, 0]), shards)).toThrow(MalformedBytes);
  }
});

test("codec: mutated messages are refused or do no harm", () => {
  const prng = new Prng(77);
  const shards = newReplica("victim", { shardCount: 4 });
  const replicator = new Replicator(
    shards,
    { send: (_to, message: ReplicationMessage) => void encodeMessage(message, shards) },
    { self: "n9", peers: ["n0", "n1"], prng: prng.fork() },
    0,
  );
  let refused = 0;
  let taken = 0;
  for (let round = 0; round < 6_000; round++) {
    const now = round * 5;
    shards.keyspace.beginTurn(startMs + now);
    const bytes = mutate(prng.pick(messages), prng);
    try {
      replicator.onMessage(prng.pick(["n0", "n1"]), decodeMessage(bytes, shards), now);
      taken++;
    } catch (error) {
      expect(error).toBeInstanceOf(MalformedBytes);
      refused++;
    }
    if (round % 50 === 0) {
      set(shards.keyspace, "own", String(round));
      shards.closeBatch();
      replicator.tick(now);
    }
  }
  expect(refused).toBeGreaterThan(1_000);
  expect(taken).toBeGreaterThan(500);
  shards.verifyInvariants();
  shards.keyspace.verifyInvariants();
});

function mutate(bytes: Uint8Array, prng: Prng): Uint8Array {
  const mutated = bytes.slice();
  for (let count = prng.between(1, 4); count > 0; count--) {
    const at = prng.below(mutated.length);
    mutated[at] = prng.pick([0, 1, 0x7f, 0x80, 0xff, prng.below(256), mutated[at]! ^ 1]);
  }
  return prng.chance(0.1) ? mutated.slice(0, prng.below(mutated.length)) : mutated;
}

test("codec: a count beyond the input is refused before anything is allocated for it", () => {
  const shards = newReplica("reader");
  // One name, then a delta that promises 2^40 batches.
  const bytes = new Uint8Array([1, 1, 97, 0, 0, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1]);
  expect(() => decodeMessage(bytes, shards)).toThrow("exceeds the input");
});
