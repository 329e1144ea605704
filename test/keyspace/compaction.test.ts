// Compaction under a live keyspace: what is left after many deletions stays findable while slabs
// are emptied below it.

import { expect, test } from "vitest";
import { Prng } from "../../src/base/prng.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import { Compaction } from "../../src/keyspace/compaction.js";
import { hashBytes } from "../../src/keyspace/hash.js";
import { Keyspace } from "../../src/keyspace/keyspace.js";
import { noDeadline, setText } from "../../src/keyspace/text.js";
import { copyText } from "../../src/keyspace/text-view.js";

function newKeyspace(): Keyspace {
  const keyspace = new Keyspace({ replicas: new ReplicaTable(), self: "n1/1" });
  keyspace.beginTurn(1_800_000_000_000);
  return keyspace;
}

const keyOf = (number: number): Uint8Array => Buffer.from(`key:${number}`);

function put(keyspace: Keyspace, number: number, size: number, deadline = noDeadline): void {
  const key = keyOf(number);
  const value = new Uint8Array(size).fill(number & 0xff);
  const hash = hashBytes(key, 0, key.length);
  const db = keyspace.databases[0]!;
  setText(keyspace, db, hash, key, 0, key.length, value, 0, size, deadline);
}

function find(keyspace: Keyspace, number: number): number {
  const key = keyOf(number);
  return keyspace.find(keyspace.databases[0]!, hashBytes(key, 0, key.length), key, 0, key.length);
}

test("compaction: emptied slabs go back and every survivor is found, while writes go on", () => {
  const keyspace = newKeyspace();
  const prng = new Prng(7);
  const count = 500_000;
  for (let i = 0; i < count; i++) {
    put(keyspace, i, 200, i % 64 === 0 ? keyspace.nowMs + 1000 + i : noDeadline);
  }
  const slabsBefore = keyspace.arena.slabCount;
  const db = keyspace.databases[0]!;
  for (let i = 0; i < count; i++) {
    if (i % 8 === 0) continue;
    const key = keyOf(i);
    keyspace.remove(db, hashBytes(key, 0, key.length), find(keyspace, i));
  }
  const compaction = new Compaction(keyspace);
  const sizes = new Map<number, number>();
  for (let step = 0; step < 5000; step++) {
    if (!compaction.step(4096) && !compaction.isRunning && step > 3000) break;
    // Writes of other sizes land in between, also on records that are about to move.
    const victim = prng.below(count / 8) * 8;
    const size = prng.between(1, 400);
    put(keyspace, victim, size);
    sizes.set(victim, size);
  }
  expect(compaction.slabsReleased).toBeGreaterThan(0);
  expect(keyspace.arena.slabCount).toBeLessThan(slabsBefore);
  keyspace.verifyInvariants();
  for (let i = 0; i < count; i += 8) {
    const ref = find(keyspace, i);
    expect(ref).not.toBe(0);
    const text = copyText(keyspace, ref);
    if (text.length !== (sizes.get(i) ?? 200)) expect(text.length).toBe(sizes.get(i) ?? 200);
    if (text[0] !== (i & 0xff)) expect(text[0]).toBe(i & 0xff);
  }
});
