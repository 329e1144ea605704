// What a checkpoint is made of: all keys in slices while commands run. Large collections are
// written in pieces, and what stays as it is between the first and the last piece must be in one of
// them.

import fc from "fast-check";
import { expect, test } from "vitest";
import { type Bytes, ByteWriter, latin1 } from "../../src/base/bytes.js";
import { Prng } from "../../src/base/prng.js";
import { KeyWalk } from "../../src/keyspace/key-walk.js";
import type { Slot } from "../../src/lattice/key-entry.js";
import { Bench, dump } from "../commands/harness.js";
import { addSlice, Logged, replay } from "./redo-harness.js";

/** Collections of each type, too large for the packed forms. */
function fillLarge(bench: Bench): void {
  const text = (n: number): string => `${String(n).padStart(3, "0")}${"x".repeat(200)}`;
  bench.runInBatch("xgroup", "create", "stream", "g", "$", "mkstream");
  for (let n = 0; n < 150; n++) {
    bench.runInBatch("hset", "hash", text(n), text(n));
    bench.runInBatch("hincrby", "hash", `n${n}`, n);
    bench.runInBatch("sadd", "set", text(n));
    bench.runInBatch("zadd", "zset", n, text(n));
    bench.runInBatch("zincrby", "zset", n, `n${n}`);
    bench.runInBatch("rpush", "list", text(n), text(n + 1), text(n + 2));
    bench.runInBatch("xadd", "stream", `${n + 1}-1`, "field", text(n));
  }
  bench.runInBatch("xreadgroup", "group", "g", "c", "count", 100, "streams", "stream", ">");
}

/** One change of a large collection, at a place that a number chooses. */
function changeLarge(bench: Bench, choice: number, n: number): void {
  const member = `${String(n % 150).padStart(3, "0")}${"x".repeat(200)}`;
  const changes: (string | number)[][] = [
    ["hdel", "hash", member, `n${n % 150}`],
    ["hset", "hash", `new${n}`, member],
    ["srem", "set", member],
    ["sadd", "set", `new${n}`],
    ["zrem", "zset", member, `n${n % 150}`],
    ["zadd", "zset", n, `new${n}`],
    ["lrem", "list", 1, member],
    ["lpop", "list", (n % 40) + 1],
    ["rpop", "list", (n % 40) + 1],
    ["linsert", "list", "before", member, `new${n}`],
    ["lpush", "list", member, member],
    ["xdel", "stream", `${n % 150}-1`],
    ["xtrim", "stream", "minid", (n % 60) + 1],
    ["xadd", "stream", `${1000 + n}-1`, "f", "v"],
    ["xack", "stream", "g", `${n % 150}-1`],
    ["expire", "hash", 1000],
    ["rename", n % 2 === 0 ? "set" : "other", n % 2 === 0 ? "other" : "set"],
    ["del", n % 40 === 0 ? "list" : "none"],
  ];
  bench.runInBatch(...changes[choice % changes.length]!);
}

test.each(["hash", "set", "zset", "list", "stream"])(
  "walking a %s visits what stays, whatever goes meanwhile",
  (name) => {
    const bench = new Bench();
    fillLarge(bench);
    const { keyspace } = bench;
    const prng = new Prng(7);
    keyspace.databases[0]!.keys.forEach((ref) => {
      if (latin1(keyspace.keyOf(ref)) !== name) return;
      const entry = keyspace.entryOf(ref);
      const left = new Map<string, [Slot, string]>();
      entry.forEachCell((slot, element) => left.set(`${slot} ${element}`, [slot, element]));
      expect(left.size).toBeGreaterThan(99);
      const visited = new Set<string>();
      let last = "";
      const pieces = entry.walk((slot, element) => {
        last = `${slot} ${element}`;
        visited.add(last);
      });
      const remove = (path: string): void => {
        const [slot, element] = left.get(path) ?? [];
        if (slot === undefined) return;
        entry.clear(slot, element!, keyspace.self);
        left.delete(path);
      };
      // A list loses what was visited and a little more, so that its places move.
      pieces.next();
      if (name === "list") for (const path of [...left.keys()].slice(0, 130)) remove(path);
      while (pieces.next().done !== true && left.size > 0) {
        remove(last);
        remove(prng.pick([...left.keys(), ""]));
      }
      expect([...left.keys()].filter((path) => !visited.has(path))).toEqual([]);
    });
  },
);

test("replay onto pieces of large collections that change between them gives the same state", () => {
  const change = fc.tuple(fc.nat({ max: 17 }), fc.nat({ max: 1000 }));
  fc.assert(
    fc.property(fc.array(change, { minLength: 100, maxLength: 200, size: "max" }), (changes) => {
      const logged = new Logged();
      fillLarge(logged.bench);
      logged.close();
      const first = logged.records.length;
      const checkpoint: Bytes[] = [];
      const walk = new KeyWalk(logged.keyspace, { bytes: 64 * 1024, elements: 20 });
      for (const [choice, n] of changes) {
        addSlice(checkpoint, walk);
        changeLarge(logged.bench, choice, n);
        logged.close();
      }
      while (!walk.isDone) addSlice(checkpoint, walk);
      const records = [...checkpoint, ...logged.records.slice(first)];
      expect(dump(replay(records))).toEqual(dump(logged.keyspace));
    }),
    { numRuns: 6 },
  );
});

test("a slice of a checkpoint is short whatever a collection holds", () => {
  const logged = new Logged();
  for (let n = 0; n < 20_000; n++) logged.bench.runInBatch("zadd", "zset", n, `member${n}`);
  const walk = new KeyWalk(logged.keyspace);
  let sliceCount = 0;
  for (; !walk.isDone; sliceCount++) {
    const writer = new ByteWriter();
    walk.next(writer);
    expect(writer.length).toBeLessThan(192 * 1024);
  }
  expect(sliceCount).toBeGreaterThanOrEqual(20);
});
