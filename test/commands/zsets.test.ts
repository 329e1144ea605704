// Sorted sets: replies as redis-server 7.0.15 gives them, agreement with a plain model in every
// form.

import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { draws } from "../../scripts/lib/test-seed.js";
import { fromLatin1 } from "../../src/base/bytes.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import { hashBytes } from "../../src/keyspace/hash.js";
import { Keyspace } from "../../src/keyspace/keyspace.js";
import { kindOf, objectKind, packedZsetKind } from "../../src/keyspace/record.js";
import { Bench } from "./harness.js";
import { type Change, commandOf, disagreement, ZsetModel } from "./zset-model.js";
import { Cluster } from "./zset-replicas.js";

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});

const run = (line: string) => bench.run(...line.split(" "));

const kindUnder = ({ keyspace }: Bench, key: string): number => {
  const bytes = fromLatin1(key);
  const hash = hashBytes(bytes, 0, bytes.length);
  const ref = keyspace.databases[0]!.keys.find(hash, bytes, 0, bytes.length);
  return ref === 0 ? 0 : kindOf(keyspace.arena, ref);
};

describe("ZADD and its kin", () => {
  test("adds, updates and counts", () => {
    expect(run("zadd z 1 a 2 b")).toBe(2);
    expect(run("zadd z 3 a 4 c")).toBe(1);
    expect(run("zadd z ch 3 a 5 c 6 d")).toBe(2);
    expect(run("zrange z 0 -1 withscores")).toEqual(["b", "2", "a", "3", "c", "5", "d", "6"]);
    expect(run("zscore z a")).toBe("3");
    expect(run("zmscore z a x b")).toEqual(["3", null, "2"]);
  });

  test("conditions", () => {
    run("zadd z 5 a");
    expect(run("zadd z nx 9 a 1 b")).toBe(1);
    expect(run("zadd z xx 9 c")).toBe(0);
    expect(run("zadd z gt ch 4 a")).toBe(0);
    expect(run("zadd z lt ch 4 a")).toBe(1);
    expect(run("zadd z gt incr -1 a")).toBeNull();
    expect(run("zadd z xx incr 1 absent")).toBeNull();
    expect(run("zadd absent xx 1 a")).toBe(0);
    expect(run("exists absent")).toBe(0);
    expect(run("zincrby z 1.5 a")).toBe("5.5");
  });

  test.each([
    ["zadd z nx xx 1 a", "ERR XX and NX options at the same time are not compatible"],
    ["zadd z gt lt 1 a", "ERR GT, LT, and/or NX options at the same time are not compatible"],
    ["zadd z incr 1 a 2 b", "ERR INCR option supports a single increment-element pair"],
    ["zadd z 1 a 2", "ERR syntax error"],
    ["zadd z abc a", "ERR value is not a valid float"],
    ["zadd z 1 a nan b", "ERR value is not a valid float"],
    ["zrange z 0 -1 limit 1 1", expect.stringContaining("LIMIT is only supported")],
    ["zrange z - + bylex withscores", expect.stringContaining("WITHSCORES not supported")],
    ["zrangebyscore z a b", "ERR min or max is not a float"],
    ["zrangebylex z a b", "ERR min or max not valid string range item"],
    ["zunion 0 z", "ERR at least 1 input key is needed for 'zunion' command"],
    ["zpopmin z -1", "ERR value is out of range, must be positive"],
    ["zmpop 0 z min", "ERR numkeys should be greater than 0"],
  ])("refuses %s", (line, error) => {
    expect(run(line)).toEqual({ error });
    expect(run("exists z")).toBe(0);
  });

  test("an increment that is no number changes nothing", () => {
    run("zadd z inf a");
    expect(run("zincrby z -inf a")).toEqual({
      error: "ERR resulting score is not a number (NaN)",
    });
    expect(run("zscore z a")).toBe("inf");
  });

  test("numbers are read and written as C does", () => {
    run("zadd z 0.1 a 1e17 b 0x10 c -0 d 123456789012345.125 e 5e-324 f");
    expect(run("zscore z a")).toBe("0.10000000000000001");
    expect(run("zscore z b")).toBe("1e+17");
    expect(run("zscore z c")).toBe("16");
    expect(run("zscore z d")).toBe("0"); // A listpack has no minus zero.
    expect(run("zscore z e")).toBe("123456789012345.12");
    expect(run("zscore z f")).toBe("4.9406564584124654e-324");
    expect(run("zadd z 1e400 a")).toEqual({ error: "ERR value is not a valid float" });
    expect(run("zrangebyscore z 1e400 inf")).toEqual([]);
  });

  test("the last member takes the key along", () => {
    run("zadd z 1 a 2 b");
    expect(run("zrem z a x b a")).toBe(2);
    expect(run("exists z")).toBe(0);
    run("zadd z 1 a");
    expect(run("zremrangebyscore z (0 1")).toBe(1);
    expect(run("exists z")).toBe(0);
    run("zadd z 1 a");
    expect(run("zpopmax z")).toEqual(["a", "1"]);
    expect(run("exists z")).toBe(0);
  });

  test("a deadline stays through additions and goes with the key", () => {
    run("zadd z 1 a");
    run("pexpire z 500");
    for (let n = 0; n < 200; n++) run(`zadd z ${n} m${n}`);
    expect(run("pttl z")).toBe(500);
    run("zremrangebyrank z 0 -1");
    run("zadd z 1 a");
    expect(run("pttl z")).toBe(-1);
  });
});

describe("ranges", () => {
  beforeEach(() => {
    run("zadd z 1 a 2 b 2 c 3 d 5 e");
  });

  test.each([
    ["zrange z 1 -2", ["b", "c", "d"]],
    ["zrange z -100 100 rev", ["e", "d", "c", "b", "a"]],
    ["zrange z 3 1", []],
    ["zrange z 2 (5 byscore", ["b", "c", "d"]],
    ["zrange z 5 2 byscore rev limit 1 2", ["d", "c"]],
    ["zrangebyscore z (2 +inf limit 1 -1", ["e"]],
    ["zrangebyscore z 1 3 limit -1 5", []],
    ["zrevrangebyscore z 3 2 withscores", ["d", "3", "c", "2", "b", "2"]],
    ["zcount z 2 3", 3],
    ["zcount z (3 2", 0],
    ["zrank z d", 3],
    ["zrevrank z d", 1],
    ["zrank z x", null],
  ])("%s", (line, answer) => {
    expect(run(line)).toEqual(answer);
  });

  test("by member", () => {
    run("zadd l 0 a 0 b 0 bb 0 c 0 d");
    expect(run("zrangebylex l [b (c")).toEqual(["b", "bb"]);
    expect(run("zrange l + (b bylex rev limit 1 2")).toEqual(["c", "bb"]);
    expect(run("zlexcount l - +")).toBe(5);
    expect(run("zlexcount l + -")).toBe(0);
    expect(run("zremrangebylex l (a [bb")).toBe(2);
    expect(run("zrange l 0 -1")).toEqual(["a", "c", "d"]);
  });

  test("ZRANGESTORE and the store of combinations", () => {
    expect(run("zrangestore to z 1 2")).toBe(2);
    expect(run("zrange to 0 -1 withscores")).toEqual(["b", "2", "c", "2"]);
    run("sadd s b e");
    expect(run("zinterstore to 2 z s weights 2 10")).toBe(2);
    expect(run("zrange to 0 -1 withscores")).toEqual(["b", "14", "e", "20"]);
    expect(run("zunion 2 to s aggregate max withscores")).toEqual(["b", "14", "e", "20"]);
    expect(run("zdiff 2 z s")).toEqual(["a", "c", "d"]);
    expect(run("zintercard 2 z s limit 1")).toBe(1);
    expect(run("zdiffstore to 1 absent")).toBe(0);
    expect(run("exists to")).toBe(0);
  });

  test("ZQUERY: a place by score, member and offset", () => {
    expect(run("zquery z 2 b 0 2")).toEqual(["b", "2", "c", "2"]);
    expect(run("zquery z 2 bx 0 1")).toEqual(["c", "2"]);
    expect(run("zquery z 2 c 1 10")).toEqual(["d", "3", "e", "5"]);
    expect(run("zquery z 3 a -2 2")).toEqual(["b", "2", "c", "2"]);
    expect(run("zquery z -inf a -1 2")).toEqual([]);
    expect(run("zquery z 9 a -1 2")).toEqual([]);
    expect(run("zquery z 1 a 0 0")).toEqual([]);
    expect(run("zquery absent 1 a 0 5")).toEqual([]);
    expect(run("zquery z x a 0 5")).toEqual({ error: "ERR value is not a valid float" });
  });

  test("pairs are arrays of their own in RESP3", () => {
    bench.resp3 = true;
    expect(run("zrange z 0 1 withscores")).toEqual([
      ["a", "1"],
      ["b", "2"],
    ]);
    expect(run("zpopmin z")).toEqual(["a", "1"]);
    expect(run("zpopmin z 1")).toEqual([["b", "2"]]);
    expect(run("zmpop 2 x z max count 2")).toEqual([
      "z",
      [
        ["e", "5"],
        ["d", "3"],
      ],
    ]);
  });
});

describe("forms", () => {
  test("a small set is one record, a large one a table, and neither shows", () => {
    for (let n = 0; n < 300; n++) {
      expect(run(`zadd z ${(n * 7) % 50} m${n}`)).toBe(1);
      expect(kindUnder(bench, "z")).toBe(n < 128 ? packedZsetKind : objectKind);
      expect(run("object encoding z")).toBe(n < 128 ? "listpack" : "skiplist");
    }
    bench.keyspace.verifyInvariants();
    expect(run("zcard z")).toBe(300);
    for (let n = 0; n < 295; n++) run(`zrem z m${n}`);
    expect(run("zrange z 0 -1")).toEqual(["m299", "m298", "m297", "m296", "m295"].sort(byScore));
    expect(run("object encoding z")).toBe("skiplist");
    bench.keyspace.verifyInvariants();
    expect(run("zrem z m299 m298 m297 m296 m295")).toBe(5);
    expect(run("exists z")).toBe(0);
  });

  const byScore = (a: string, b: string): number => {
    const score = (name: string): number => (Number(name.slice(1)) * 7) % 50;
    return score(a) - score(b);
  };

  test("members of every length, zero bytes among them", () => {
    const lengths = [0, 1, 64, 65, 127, 128, 1000, 8_000, 9_000, 30_000, 40_000, 200_000];
    for (const length of lengths) bench.run("zadd", "z", length, "\x00".repeat(length));
    expect(run("zcard z")).toBe(lengths.length);
    for (const [rank, length] of lengths.entries()) {
      expect(bench.run("zrank", "z", "\x00".repeat(length))).toBe(rank);
      expect(bench.run("zincrby", "z", "0.5", "\x00".repeat(length))).toBe(String(length + 0.5));
    }
    bench.keyspace.verifyInvariants();
    for (const length of lengths) expect(bench.run("zrem", "z", "\x00".repeat(length))).toBe(1);
    expect(run("exists z")).toBe(0);
    bench.keyspace.verifyInvariants();
    expect(bench.keyspace.arena.liveBytes).toBe(0);
  });

  test("ZSCAN meets every member that stays, whatever comes and goes", () => {
    for (let n = 0; n < 500; n++) run(`zadd z ${n} m${n}`);
    const met = new Map<string, string>();
    let cursor = "0";
    let added = 0;
    do {
      const [next, flat] = run(`zscan z ${cursor} count 20`) as [string, string[]];
      for (let i = 0; i < flat.length; i += 2) met.set(flat[i]!, flat[i + 1]!);
      run(`zadd z 1 new${added++}`);
      run(`zrem z new${added - 3}`);
      cursor = next;
    } while (cursor !== "0");
    for (let n = 0; n < 500; n++) expect(met.get(`m${n}`)).toBe(String(n));
  });

  test("ZRANDMEMBER answers members, different ones when asked", () => {
    for (let n = 0; n < 200; n++) run(`zadd z ${n} m${n}`);
    for (const count of [5, 150, 199]) {
      const drawn = run(`zrandmember z ${count}`) as string[];
      expect(new Set(drawn).size).toBe(count);
    }
    expect(run("zrandmember z 300")).toHaveLength(200);
    expect(run("zrandmember z -300 withscores")).toHaveLength(600);
    expect(run("zrandmember absent")).toBeNull();
  });
});

// ---- the model

const members = Array.from({ length: 12 }, (_, n) => `m${n}`);
const member = fc.constantFrom(...members);
const score = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom(0.1, 0.2, 1e17, -2.5, 300, 70_000, 20_000_000, Number.POSITIVE_INFINITY),
);
const finite = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom(0.1, 0.7, -1e17, 2 ** -30),
);
const few = fc.nat({ max: 4 });

const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("add" as const),
      pairs: fc.uniqueArray(fc.tuple(member, score), {
        minLength: 1,
        maxLength: 4,
        selector: ([name]) => name,
      }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant("increment" as const), member, by: finite }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("remove" as const),
      members: fc.uniqueArray(member, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom("popMin" as const, "popMax" as const),
      count: few,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("removeRanks" as const), from: few, to: few }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("removeScores" as const),
      min: fc.integer({ min: -3, max: 1 }),
      max: fc.integer({ min: -1, max: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("store" as const), from: few, to: fc.nat(9) }),
  },
);

/** Members that make the set a table from the beginning; the changes leave them alone. */
const crowd: Change = {
  kind: "add",
  pairs: Array.from({ length: 140 }, (_, n) => [`crowd${n}`, 5_000 + (n % 9)] as const),
};

const isLocal = (step: Change): boolean => step.kind !== "store" && step.kind !== "removeRanks";

describe.each(["packed", "table"] as const)("agrees with a plain model: %s", (form) => {
  test("on a node alone", () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40, size: "max" }), (changes) => {
        const alone = new Bench(new Keyspace({ replicas: new ReplicaTable(), self: "n1/test" }));
        const model = new ZsetModel();
        const steps = form === "table" ? [crowd, ...changes.filter(isLocal)] : changes;
        for (const step of steps) {
          alone.run(...commandOf("z", step));
          model.apply(step);
          if (form === "packed") expect(disagreement(alone, "z", model)).toBeUndefined();
        }
        expect(disagreement(alone, "z", model)).toBeUndefined();
        alone.keyspace.verifyInvariants();
      }),
      { numRuns: draws(40) },
    );
  });

  test("on a node that others follow, whose batches give them the same state", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(change, fc.boolean()), { maxLength: 30, size: "max" }),
        (changes) => {
          const cluster = new Cluster(2);
          const [writer, follower] = cluster.replicas as [
            (typeof cluster.replicas)[0],
            (typeof cluster.replicas)[0],
          ];
          const model = new ZsetModel();
          const first: [Change, boolean][] = form === "table" ? [[crowd, true]] : [];
          for (const [step, ends] of [...first, ...changes]) {
            if (form === "table" && !isLocal(step)) continue;
            writer.bench.runInBatch(...commandOf("z", step));
            model.apply(step);
            if (!ends) continue;
            cluster.settle();
            expect(follower.dump()).toEqual(writer.dump());
          }
          cluster.settle();
          expect(disagreement(writer.bench, "z", model)).toBeUndefined();
          expect(disagreement(follower.bench, "z", model)).toBeUndefined();
          for (const { keyspace } of cluster.replicas) keyspace.verifyInvariants();
        },
      ),
      { numRuns: draws(30) },
    );
  });
});

// ---- two nodes at once
