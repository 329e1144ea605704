// The stories of merge-rules.md that concern shards, batches, digests and states, told with two or
// three replicas.

import { expect, test } from "vitest";
import { utf8 } from "../../src/base/bytes.js";
import { timeOfMs } from "../../src/clock/stamp.js";
import { deltasOf } from "../../src/keyspace/batch-body.js";
import { persist } from "../../src/lattice/deadline.js";
import { Inbox } from "../../src/replication/inbox.js";
import { del, expire, increment, read, sadd, set, srem } from "./operations.js";
import { carry, deliver, isEqual, joinAll, newReplica, turn } from "./pair.js";
import { startMs } from "./world.js";

/** What an inbox of these stories holds is never too much nor too old. */
const roomy = { batchCountMax: 9, bytesMax: 99_999, waitMsMax: 99_999, patienceMs: 99_999 };

test("rule 1: a value that lost to a later one is removed by name, nobody collects it", () => {
  const [a, b] = [newReplica("a"), newReplica("b")];
  const first = turn(a, (keyspace) => set(keyspace, "x", "17"));
  const second = turn(b, (keyspace) => set(keyspace, "x", "18"));
  deliver(second, b, a);
  // Both values are there, one is read. Had `a` dropped the loser, its DEL would name one stamp and
  // `b`, which has yet to hear of 17, would show it for ever.
  const removal = turn(a, (keyspace) => del(keyspace, "x"));
  expect(deltasOf(removal[0]!)[0]!.elements[0]!.removed).toHaveLength(2);
  deliver(first, a, b);
  deliver(removal, a, b);
  expect(read(b.keyspace, "x")).toBeUndefined();
  expect(isEqual(a, b)).toBe(true);
});

test("rule 2: a state that holds what its context lacks is refused", () => {
  const [a, b] = [newReplica("a"), newReplica("b")];
  turn(a, (keyspace) => set(keyspace, "x", "1"));
  const shard = a.shardOfKey(utf8("x"));
  const bytes = a.encodeShard(shard);
  expect(b.joinShard(bytes)).toBe("joined");
  // The context's only entry ends just before the stamp of the value.
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const at = 1 + 2 + 1 + 1 + 1; // one name of one letter, shard, count, replica
  view.setFloat64(at, view.getFloat64(at, true) - 1, true);
  expect(() => newReplica("c").joinShard(bytes)).toThrow("lacks");
});

test("rule 3: a remote stamp closes the open batch, and later writes are above it", () => {
  const [a, b] = [newReplica("a"), newReplica("b")];
  b.keyspace.beginTurn(startMs + 5_000);
  const remote = turn(b, (keyspace) => sadd(keyspace, "s", "remote"));
  sadd(a.keyspace, "s", "before");
  const before = a.keyspace.batchTime;
  const closed: number[] = [];
  a.onClosed = (batches) => closed.push(...batches.map(({ time }) => time));
  deliver(remote, b, a);
  expect(closed).toEqual([before]);
  expect(a.keyspace.hasOpenBatch).toBe(false);
  sadd(a.keyspace, "s", "after");
  expect(a.keyspace.batchTime).toBeGreaterThan(remote[0]!.time);
});

test("rule 3: encoding, digests and contexts never show half a batch", () => {
  const [a, b] = [newReplica("a"), newReplica("b")];
  set(a.keyspace, "x", "1");
  const shard = a.shardOfKey(utf8("x"));
  const digest = a.digest(shard);
  set(a.keyspace, "x", "2");
  b.joinShard(a.encodeShard(shard));
  expect(read(b.keyspace, "x")).toBe("2");
  expect(b.context(shard).get(b.keyspace.replicas.indexOf("a"))).toBe(
    a.context(shard).get(a.keyspace.self),
  );
  expect(a.digest(shard)).not.toBe(digest);
});

test("rule 4: one stamp for all writes of a turn, none for a turn without writes", () => {
  const a = newReplica("a");
  const batches = turn(a, (keyspace) => {
    set(keyspace, "{t}x", "1");
    set(keyspace, "{t}y", "1");
  });
  expect(batches).toHaveLength(1);
  expect(a.closeBatch()).toEqual([]);
  const next = turn(a, (keyspace) => set(keyspace, "{t}x", "2"));
  expect(next[0]!.time).toBe(batches[0]!.time + 1);
  expect(next[0]!.previous).toBe(batches[0]!.time);
});

test("rule 5: DEL takes away what it saw; an unseen increment and an unseen member stay", () => {
  const [a, b] = [newReplica("a"), newReplica("b")];
  const made = turn(a, (keyspace) => {
    increment(keyspace, "{t}n", 3);
    sadd(keyspace, "{t}s", "seen");
  });
  deliver(made, a, b);
  const removal = turn(a, (keyspace) => {
    del(keyspace, "{t}n");
    del(keyspace, "{t}s");
  });
  const unseen = turn(b, (keyspace) => {
    increment(keyspace, "{t}n", 1);
    sadd(keyspace, "{t}s", "unseen");
  });
  deliver(removal, a, b);
  deliver(unseen, b, a);
  for (const { keyspace } of [a, b]) {
    expect(read(keyspace, "{t}n")).toBe("1");
    expect(read(keyspace, "{t}s")).toEqual(["unseen"]);
  }
  expect(isEqual(a, b)).toBe(true);
});

test("rule 7: after INCR 3, DEL and INCR everybody reads 1", () => {
  const [a, b, c] = [newReplica("a"), newReplica("b"), newReplica("c")];
  const three = turn(a, (keyspace) => increment(keyspace, "n", 3));
  deliver(three, a, b);
  deliver(three, a, c);
  const removal = turn(b, (keyspace) => del(keyspace, "n"));
  deliver(removal, b, a);
  deliver(removal, b, c);
  // The dead row is still stored everywhere, so that a late copy of it cannot come back to life.
  expect(a.keyspace.databases[0]!.hiddenCount).toBe(1);
  expect(read(a.keyspace, "n")).toBeUndefined();
  const one = turn(a, (keyspace) => increment(keyspace, "n", 1));
  deliver(one, a, b);
  deliver(one, a, c);
  for (const { keyspace } of [a, b, c]) expect(read(keyspace, "n")).toBe("1");
  expect(isEqual(a, b) && isEqual(b, c)).toBe(true);
});

test("rule 7: two concurrent resets subtract once", () => {
  const [a, b, c] = [newReplica("a"), newReplica("b"), newReplica("c")];
  const five = turn(a, (keyspace) => increment(keyspace, "n", 5));
  deliver(five, a, b);
  deliver(five, a, c);
  const resets = [
    { from: b, batches: turn(b, (keyspace) => del(keyspace, "n")) },
    { from: c, batches: turn(c, (keyspace) => set(keyspace, "n", "10")) },
  ];
  for (const { from, batches } of resets)
    for (const to of [a, b, c]) if (to !== from) deliver(batches, from, to);
  for (const { keyspace } of [a, b, c]) expect(read(keyspace, "n")).toBe("10");
  expect(isEqual(a, b) && isEqual(b, c)).toBe(true);
});

test("rules 9 and 10: EXPIRE beside PERSIST, a type clash, and a deadline of an earlier key", () => {
  const [a, b] = [newReplica("a"), newReplica("b")];
  const made = turn(a, (keyspace) => {
    for (const key of ["{t}p", "{t}q", "{t}r"]) set(keyspace, key, "old");
  });
  deliver(made, a, b);
  const soon = startMs + 1_000;
  const ours = turn(a, (keyspace) => {
    expire(keyspace, "{t}p", soon);
    expire(keyspace, "{t}q", soon);
    set(keyspace, "{t}r", "text");
  });
  const theirs = turn(b, (keyspace) => {
    expire(keyspace, "{t}p", persist);
    del(keyspace, "{t}q");
    sadd(keyspace, "{t}q", "new");
    del(keyspace, "{t}r");
    sadd(keyspace, "{t}r", "member");
  });
  deliver(ours, a, b);
  deliver(theirs, b, a);
  expect(isEqual(a, b)).toBe(true);
  for (const { keyspace } of [a, b]) {
    keyspace.beginTurn(soon + 1);
    expect(read(keyspace, "{t}p")).toBe("old");
    expect(read(keyspace, "{t}q")).toEqual(["new"]);
    // Equal times: the names of the replicas decide, on both sides alike.
    expect(read(keyspace, "{t}r")).toEqual(read(a.keyspace, "{t}r"));
  }
  const cleaned = turn(a, (keyspace) => {
    const isText = typeof read(keyspace, "{t}r") === "string";
    if (isText) set(keyspace, "{t}r", "newer");
    else sadd(keyspace, "{t}r", "newer");
  });
  deliver(cleaned, a, b);
  const removed = turn(b, (keyspace) => del(keyspace, "{t}r"));
  deliver(removed, b, a);
  // The loser of the clash went with the write that saw it: it does not come back when the winner
  // goes.
  for (const { keyspace } of [a, b]) expect(read(keyspace, "{t}r")).toBeUndefined();
});

test("rule 12: a state removes what its context covers and nothing else", () => {
  const [a, b] = [newReplica("a"), newReplica("b")];
  deliver(
    turn(a, (keyspace) => {
      sadd(keyspace, "{t}s", "gone");
      sadd(keyspace, "{t}s", "kept");
      set(keyspace, "{t}x", "gone");
    }),
    a,
    b,
  );
  turn(a, (keyspace) => {
    srem(keyspace, "{t}s", "gone");
    del(keyspace, "{t}x");
  });
  turn(b, (keyspace) => {
    sadd(keyspace, "{t}s", "unseen");
    set(keyspace, "{t}y", "unseen");
  });
  joinAll(a, b);
  expect(read(b.keyspace, "{t}s")).toEqual(["kept", "unseen"]);
  expect(read(b.keyspace, "{t}x")).toBeUndefined();
  expect(read(b.keyspace, "{t}y")).toBe("unseen");
  joinAll(b, a);
  expect(isEqual(a, b)).toBe(true);
  for (const shards of [a, b]) shards.verifyInvariants();
});

test("rule 12: bytes that end early join nothing and advance nothing", () => {
  const [a, b] = [newReplica("a"), newReplica("b")];
  turn(a, (keyspace) => {
    for (let i = 0; i < 20; i++) sadd(keyspace, `{t}${i}`, "m");
  });
  const shard = a.shardOfKey(utf8("{t}"));
  const bytes = a.encodeShard(shard);
  for (let length = 0; length < bytes.length; length++)
    expect(() => b.joinShard(bytes.slice(0, length))).toThrow();
  expect(b.keyspace.databases[0]!.keys.count).toBe(0);
  expect(b.context(shard).isEmpty).toBe(true);
});

test("rule 12: a chain of batches ends where a state went past it", () => {
  const [a, b, c] = [newReplica("a"), newReplica("b"), newReplica("c")];
  const first = turn(a, (keyspace) => set(keyspace, "x", "1"));
  deliver(first, a, b);
  turn(a, (keyspace) => set(keyspace, "x", "2"));
  joinAll(a, b);
  // `b` has the first batch and what both did, but not the second: it cannot serve `c` by batches.
  const shard = b.shards[b.shardOfKey(utf8("x"))]!;
  const origin = b.keyspace.replicas.indexOf("a");
  expect(shard.since(origin, 0)).toBeUndefined();
  expect(shard.since(origin, shard.context.get(origin))).toEqual([]);
  joinAll(b, c);
  expect(read(c.keyspace, "x")).toBe("2");
  b.verifyInvariants();
});

test("rule 13: a digest tells stamps, losers and dead rows apart, and no order of arrival", () => {
  const [a, b, c] = [newReplica("a"), newReplica("b"), newReplica("c")];
  turn(a, (keyspace) => set(keyspace, "x", "same"));
  turn(b, (keyspace) => set(keyspace, "x", "same"));
  expect(isEqual(a, b)).toBe(false);

  const batches = Array.from({ length: 40 }, (_, i) =>
    turn(c, (keyspace) => {
      sadd(keyspace, `{t}${i % 20}`, `m${i}`);
      increment(keyspace, `{t}n${i % 7}`, i);
    }),
  ).flat();
  const [forth, whole] = [newReplica("d"), newReplica("e")];
  deliver(batches, c, forth);
  joinAll(c, whole);
  expect(isEqual(c, forth)).toBe(true);
  expect(isEqual(c, whole)).toBe(true);

  const [maker, reader, empty] = [newReplica("f"), newReplica("g"), newReplica("h")];
  deliver(
    turn(maker, (keyspace) => increment(keyspace, "{t}n", 3)),
    maker,
    reader,
  );
  turn(reader, (keyspace) => del(keyspace, "{t}n"));
  // Nothing is visible on either, but one holds a dead row: were it not in the digest, nobody would
  // ever send it.
  expect(read(reader.keyspace, "{t}n")).toBe(read(empty.keyspace, "{t}n"));
  expect(isEqual(reader, empty)).toBe(false);
});

test("rule 14: a batch waits for its predecessor and for what its maker had seen", () => {
  const [a, b, c] = [newReplica("a"), newReplica("b"), newReplica("c")];
  const [first] = turn(a, (keyspace) => sadd(keyspace, "s", "1"));
  const [second] = turn(a, (keyspace) => sadd(keyspace, "s", "2"));
  deliver([first!, second!], a, b);
  const [removal] = turn(b, (keyspace) => srem(keyspace, "s", "1"));

  expect(deliver([second!], a, c)).toEqual(["gap"]);
  // Joined now, the removal would find nothing to remove and the member would come back with the
  // first batch.
  expect(deliver([removal!], b, c)).toEqual(["gap"]);
  expect(deliver([first!, second!], a, c)).toEqual(["applied", "applied"]);
  expect(deliver([removal!], b, c)).toEqual(["applied"]);
  expect(deliver([removal!], b, c)).toEqual(["duplicate"]);
  expect(read(c.keyspace, "s")).toEqual(["2"]);
  expect(isEqual(b, c)).toBe(true);
});

test("rule 14: a batch that overlaps what is there is not taken for the next one", () => {
  const [a, b] = [newReplica("a"), newReplica("b")];
  deliver(
    turn(a, (keyspace) => sadd(keyspace, "s", "1")),
    a,
    b,
  );
  const [next] = turn(a, (keyspace) => sadd(keyspace, "s", "2"));
  // Whoever netted two batches into one would have to keep what the first removed; nobody does so.
  expect(deliver([{ ...next!, previous: 0 }], a, b)).toEqual(["gap"]);
  expect(deliver([next!], a, b)).toEqual(["applied"]);
  b.verifyInvariants();
});

test("rule 14: a repeated batch adds nothing twice and revives nothing", () => {
  const [a, b] = [newReplica("a"), newReplica("b")];
  const made = turn(a, (keyspace) => {
    increment(keyspace, "{t}n", 5);
    sadd(keyspace, "{t}s", "m");
  });
  deliver(made, a, b);
  turn(b, (keyspace) => srem(keyspace, "{t}s", "m"));
  turn(b, (keyspace) => increment(keyspace, "{t}n", 1));
  expect(deliver(made, a, b)).toEqual(["duplicate"]);
  expect(read(b.keyspace, "{t}s")).toBeUndefined();
  expect(read(b.keyspace, "{t}n")).toBe("6");
});

test("rule 16: nobody may speak in this replica's name", () => {
  const [a, b] = [newReplica("a"), newReplica("b")];
  const impostor = newReplica("a");
  impostor.keyspace.beginTurn(startMs + 10);
  const forged = turn(impostor, (keyspace) => set(keyspace, "x", "forged"));
  expect(deliver(forged, impostor, a)).toEqual(["foreign"]);
  expect(deliver(forged, impostor, b)).toEqual(["applied"]);
  expect(a.joinShard(impostor.encodeShard(a.shardOfKey(utf8("x"))))).toBe("foreign");
  expect(read(a.keyspace, "x")).toBeUndefined();
});

test("rule 19: a batch from far ahead is held until its time and does not move the clock", () => {
  const [a, b] = [newReplica("a"), newReplica("b", { clockSkewMsMax: 1_000 })];
  a.keyspace.beginTurn(startMs + 60_000);
  const ahead = turn(a, (keyspace) => set(keyspace, "x", "from the future"));
  const inbox = new Inbox(b, roomy);
  expect(inbox.take([carry(ahead[0]!, a, b)], 0)).toEqual([]);
  expect(inbox.earlyCount).toBe(1);
  expect(b.joinShard(a.encodeShard(b.shardOfKey(utf8("x"))))).toBe("early");
  const own = turn(b, (keyspace) => set(keyspace, "y", "now"));
  expect(own[0]!.time).toBeLessThan(timeOfMs(startMs + 1_000));
  expect(read(b.keyspace, "x")).toBeUndefined();
  b.keyspace.beginTurn(startMs + 59_500);
  expect(inbox.retry(1)).toHaveLength(1);
  expect(read(b.keyspace, "x")).toBe("from the future");
});

test("rule 20: what one turn did in two shards becomes visible together", () => {
  const [a, b] = [newReplica("a"), newReplica("b")];
  const batches = turn(a, (keyspace) => {
    set(keyspace, "left", "1");
    set(keyspace, "right", "1");
  });
  expect(batches.map(({ group }) => group)).toEqual([
    [batches[0]!.shard, batches[1]!.shard],
    [batches[0]!.shard, batches[1]!.shard],
  ]);
  const inbox = new Inbox(b, roomy);
  const [one, other] = batches.map((batch) => carry(batch, a, b));
  expect(inbox.take([one!], 0)).toEqual([]);
  expect(read(b.keyspace, "left") ?? read(b.keyspace, "right")).toBeUndefined();
  expect(inbox.take([other!], 0)).toHaveLength(2);
  expect([read(b.keyspace, "left"), read(b.keyspace, "right")]).toEqual(["1", "1"]);
});

test("shards: a node alone logs nothing; what it wrote travels as state once it opens", () => {
  const [a, b] = [newReplica("a", {}, false), newReplica("b")];
  set(a.keyspace, "x", "1");
  const shard = a.shardOfKey(utf8("x"));
  // Its context follows from its clock, so what it shows and what it saves is complete all the
  // same.
  expect(a.context(shard).get(a.keyspace.self)).toBe(a.keyspace.clock.last);
  expect(a.shards[shard]!.count).toBe(0);
  set(a.keyspace, "x", "2");
  a.open();
  const [batch] = turn(a, (keyspace) => set(keyspace, "x", "3"));
  expect(deliver([batch!], a, b)).toEqual(["gap"]);
  joinAll(a, b);
  expect(read(b.keyspace, "x")).toBe("3");
  expect(isEqual(a, b)).toBe(true);
  for (const shards of [a, b]) shards.verifyInvariants();
});

test("shards: every change of a key by a peer is told to those who watch", () => {
  const [a, b] = [newReplica("a"), newReplica("b")];
  const told: string[] = [];
  b.keyspace.onModified = (database, key) =>
    told.push(`${database}:${String.fromCharCode(...key)}`);
  deliver(
    turn(a, (keyspace) => set(keyspace, "x", "1")),
    a,
    b,
  );
  expect(told).toEqual(["0:x"]);
  turn(a, (keyspace) => sadd(keyspace, "y", "1"));
  joinAll(a, b);
  expect(told).toContain("0:y");
});

test("shards: a set of a thousand members changes, goes and comes back like a small one", () => {
  const [a, b, c] = [newReplica("a"), newReplica("b"), newReplica("c")];
  const addAll = (from: number, to: number) =>
    turn(a, (keyspace) => {
      for (let i = from; i < to; i++) sadd(keyspace, "s", `member ${i}`);
    });
  deliver(addAll(0, 1_000), a, b);
  const removal = turn(b, (keyspace) => {
    for (let i = 0; i < 500; i++) srem(keyspace, "s", `member ${i}`);
  });
  const unseen = addAll(1_000, 1_010);
  deliver(removal, b, a);
  deliver(unseen, a, b);
  joinAll(a, c);
  for (const { keyspace } of [a, b, c]) expect(read(keyspace, "s")).toHaveLength(510);
  expect(isEqual(a, b) && isEqual(b, c)).toBe(true);

  const gone = turn(c, (keyspace) => {
    del(keyspace, "s");
    sadd(keyspace, "s", "new");
  });
  const late = turn(a, (keyspace) => sadd(keyspace, "s", "late"));
  deliver(gone, c, a);
  deliver(gone, c, b);
  deliver(late, a, b);
  deliver(late, a, c);
  for (const shards of [a, b, c]) {
    expect(read(shards.keyspace, "s")).toEqual(["late", "new"]);
    shards.verifyInvariants();
    shards.keyspace.verifyInvariants();
  }
  expect(isEqual(a, b) && isEqual(b, c)).toBe(true);
});

test("shards: a state that brings nothing new is told to nobody", () => {
  const [a, b] = [newReplica("a"), newReplica("b")];
  const made = turn(a, (keyspace) => {
    set(keyspace, "{t}x", "1");
    increment(keyspace, "{t}n", 1);
    sadd(keyspace, "{t}s", "1");
  });
  deliver(made, a, b);
  let told = 0;
  b.keyspace.onModified = () => told++;
  joinAll(a, b);
  expect(told).toBe(0);
});

test("shards: the log keeps within its bound and says when it does not reach back", () => {
  const [a, b] = [newReplica("a", { logBytesMax: 4_000 }), newReplica("b")];
  const batches = Array.from({ length: 100 }, (_, i) =>
    turn(a, (keyspace) => set(keyspace, "x", `value ${i}`)),
  ).flat();
  expect(a.logBytes).toBeLessThanOrEqual(4_000);
  expect(a.truncatedCount).toBeGreaterThan(50);
  const shard = a.shards[a.shardOfKey(utf8("x"))]!;
  expect(shard.since(a.keyspace.self, 0)).toBeUndefined();
  expect(shard.since(a.keyspace.self, batches.at(-3)!.time)).toHaveLength(2);
  expect(deliver(shard.since(a.keyspace.self, batches.at(-3)!.time)!, a, b)).toEqual([
    "gap",
    "gap",
  ]);
  a.verifyInvariants();
});

test("shards: a log that has let go of batches still knows where its streams stood", () => {
  // Two replicas compare what they had seen up to a moment ago. Under load the batches of that
  // moment are gone at once, and neither may be taken for one that knows nothing.
  const a = newReplica("a");
  const times: number[] = [];
  for (let i = 0; i < 4; i++) {
    a.keyspace.beginTurn(a.keyspace.nowMs + 10);
    times.push(turn(a, (keyspace) => set(keyspace, "x", `value ${i}`))[0]!.time);
  }
  const shard = a.shards[a.shardOfKey(utf8("x"))]!;
  const { self } = a.keyspace;
  shard.forget(shard.context, times[2]!, times[0]!);
  expect(shard.since(self, times[1]!)).toBeUndefined();
  expect(shard.since(self, times[2]!)).toHaveLength(1);
  expect(times.map((time) => shard.contextAt(time)?.get(self))).toEqual(times);
  expect(shard.contextAt(times[1]! + 1)?.get(self)).toBe(times[1]);
  expect(shard.contextAt(times[0]! - 1)).toBeUndefined();
  a.verifyInvariants();
});
