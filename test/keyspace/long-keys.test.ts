// Keys longer than any block of a value, up to longer than a slab: stored, found, written over,
// freed.

import { expect, test } from "vitest";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import { Compaction } from "../../src/keyspace/compaction.js";
import { hashBytes } from "../../src/keyspace/hash.js";
import { Keyspace } from "../../src/keyspace/keyspace.js";
import { noDeadline, setText } from "../../src/keyspace/text.js";
import { copyText } from "../../src/keyspace/text-view.js";

/** Small slabs, so that a key longer than one is cheap. */
const slabCapacity = 1 << 14;

test("long keys: of every size around the limits of blocks and slabs", () => {
  const keyspace = new Keyspace({ replicas: new ReplicaTable(), self: "n1/1", slabCapacity });
  keyspace.beginTurn(1_800_000_000_000);
  const db = keyspace.databases[0]!;
  const slabBytes = slabCapacity * 8;
  const sizes = [32_700, 32_736, 32_768, 40_000, 65_536, slabBytes - 64, slabBytes, slabBytes * 3];
  const keys = sizes.map((size, index) => new Uint8Array(size).fill(65 + index));
  const put = (key: Uint8Array, value: string): void => {
    const bytes = Buffer.from(value);
    const hash = hashBytes(key, 0, key.length);
    setText(keyspace, db, hash, key, 0, key.length, bytes, 0, bytes.length, noDeadline);
  };
  const find = (key: Uint8Array): number =>
    keyspace.find(db, hashBytes(key, 0, key.length), key, 0, key.length);
  for (const key of keys) put(key, "first");
  for (const key of keys) put(key, "a second, longer value".repeat(key.length % 7));
  keyspace.verifyInvariants();
  for (const key of keys) {
    const text = Buffer.from(copyText(keyspace, find(key))).toString();
    expect(text).toBe("a second, longer value".repeat(key.length % 7));
  }
  for (const key of keys) keyspace.remove(db, hashBytes(key, 0, key.length), find(key));
  for (const key of keys) expect(find(key)).toBe(0);
  const compaction = new Compaction(keyspace);
  for (let step = 0; step < 100; step++) compaction.step(100);
  put(keys[7]!, "again");
  expect(Buffer.from(copyText(keyspace, find(keys[7]!))).toString()).toBe("again");
  keyspace.verifyInvariants();
});
