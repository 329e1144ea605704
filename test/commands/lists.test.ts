// List commands as an array would have it: random commands against a plain array, on a node alone
// and on one whose deltas are captured; the exact replies at the edges; and what concurrent writers
// get (merge-rules 18).

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { draws } from "../../scripts/lib/test-seed.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import { Capture } from "../../src/keyspace/capture.js";
import { Keyspace } from "../../src/keyspace/keyspace.js";
import { type Answer, Bench } from "./harness.js";

type Line = readonly string[];

const value = fc.oneof(fc.constantFrom("a", "b", "c", "1", ""), fc.string({ maxLength: 20 }));
const index = fc.integer({ min: -12, max: 12 });
const side = fc.constantFrom("LEFT", "RIGHT");

const anyLine: fc.Arbitrary<Line> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.array(value, { minLength: 1, maxLength: 5 }).map((v) => ["RPUSH", "k", ...v]),
  },
  {
    weight: 4,
    arbitrary: fc.array(value, { minLength: 1, maxLength: 5 }).map((v) => ["LPUSH", "k", ...v]),
  },
  {
    weight: 1,
    arbitrary: fc
      .integer({ min: 100, max: 400 })
      .map((n) => ["RPUSH", "k", ...Array.from({ length: n }, (_, i) => `${i % 7}`)]),
  },
  { weight: 1, arbitrary: fc.constant(["RPUSH", "k", "x".repeat(9000)]) },
  { weight: 3, arbitrary: fc.constantFrom(["LPOP", "k"], ["RPOP", "k"]) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom("LPOP", "RPOP"), fc.nat(200))
      .map(([c, n]) => [c, "k", `${n}`]),
  },
  { weight: 3, arbitrary: fc.tuple(index, value).map(([i, v]) => ["LSET", "k", `${i}`, v]) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom("BEFORE", "AFTER"), value, value)
      .map(([w, p, v]) => ["LINSERT", "k", w, p, v]),
  },
  { weight: 3, arbitrary: fc.tuple(index, value).map(([n, v]) => ["LREM", "k", `${n}`, v]) },
  { weight: 1, arbitrary: fc.tuple(index, index).map(([a, b]) => ["LTRIM", "k", `${a}`, `${b}`]) },
  { weight: 2, arbitrary: fc.tuple(side, side).map(([a, b]) => ["LMOVE", "k", "k", a, b]) },
  { weight: 2, arbitrary: index.map((i) => ["LINDEX", "k", `${i}`]) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(value, index)
      .map(([v, r]) => ["LPOS", "k", v, "RANK", `${r || 1}`, "COUNT", "0"]),
  },
);

/** What a plain array answers. */
function model(list: string[], [name, , ...args]: Line): Answer {
  const at = (text: string) => (Number(text) < 0 ? list.length + Number(text) : Number(text));
  switch (name) {
    case "RPUSH":
      return list.push(...args);
    case "LPUSH":
      for (const each of args) list.unshift(each);
      return list.length;
    case "LPOP":
    case "RPOP": {
      const take = () => (name === "LPOP" ? list.shift() : list.pop());
      if (args.length === 0) return take() ?? null;
      if (list.length === 0) return null;
      return Array.from({ length: Math.min(Number(args[0]), list.length) }, () => take()!);
    }
    case "LSET":
      if (list.length === 0) return { error: "ERR no such key" };
      if (list[at(args[0]!)] === undefined) return { error: "ERR index out of range" };
      list[at(args[0]!)] = args[1]!;
      return "OK";
    case "LINSERT": {
      if (list.length === 0) return 0;
      const pivot = list.indexOf(args[1]!);
      if (pivot < 0) return -1;
      list.splice(args[0] === "AFTER" ? pivot + 1 : pivot, 0, args[2]!);
      return list.length;
    }
    case "LREM": {
      const [count, wanted] = [Number(args[0]), args[1]!];
      const order = list.map((_, i) => i).filter((i) => list[i] === wanted);
      if (count < 0) order.reverse();
      const gone = new Set(order.slice(0, count === 0 ? order.length : Math.abs(count)));
      const kept = list.filter((_, i) => !gone.has(i));
      list.splice(0, list.length, ...kept);
      return gone.size;
    }
    case "LTRIM": {
      const stop = at(args[1]!);
      const kept = stop < 0 ? [] : list.slice(Math.max(0, at(args[0]!)), stop + 1);
      list.splice(0, list.length, ...kept);
      return "OK";
    }
    case "LMOVE": {
      const moved = args[1] === "LEFT" ? list.shift() : list.pop();
      if (moved === undefined) return null;
      if (args[2] === "LEFT") list.unshift(moved);
      else list.push(moved);
      return moved;
    }
    case "LINDEX":
      return list[at(args[0]!)] ?? null;
    default: {
      const rank = Number(args[2]);
      const order = list.map((_, i) => i).filter((i) => list[i] === args[0]);
      if (rank < 0) order.reverse();
      return order.slice(Math.abs(rank) - 1);
    }
  }
}

function newBench(isCaptured: boolean): Bench {
  const bench = new Bench(new Keyspace({ replicas: new ReplicaTable(), self: "n1/test" }));
  if (isCaptured) bench.keyspace.capture = new Capture();
  return bench;
}

describe.each([false, true])("random commands against an array, captured: %s", (isCaptured) => {
  test("replies and contents agree after every command", () => {
    fc.assert(
      fc.property(fc.array(anyLine, { maxLength: 60, size: "max" }), (lines) => {
        const bench = newBench(isCaptured);
        const list: string[] = [];
        lines.forEach((line, step) => {
          const expected = model(list, line);
          expect([line, bench.runInBatch(...line)]).toEqual([line, expected]);
          expect([line, bench.runInBatch("LRANGE", "k", 0, -1)]).toEqual([line, list]);
          expect(bench.runInBatch("LLEN", "k")).toBe(list.length);
          expect(bench.runInBatch("EXISTS", "k")).toBe(list.length > 0 ? 1 : 0);
          bench.keyspace.verifyInvariants();
          if (step % 3 === 0) {
            bench.keyspace.capture?.take(bench.keyspace);
            bench.keyspace.endBatch();
            bench.wait(1);
          }
        });
      }),
      { numRuns: draws(40) },
    );
  });
});

describe("replies at the edges", () => {
  const wrongType = {
    error: "WRONGTYPE Operation against a key holding the wrong kind of value",
  };

  test.each<[Line[], Answer]>([
    [[["LPUSHX", "k", "a"]], 0],
    [
      [
        ["RPUSH", "k", "a"],
        ["RPUSHX", "k", "b", "c"],
      ],
      3,
    ],
    [
      [
        ["SET", "k", "v"],
        ["LPUSH", "k", "a"],
      ],
      wrongType,
    ],
    [
      [
        ["SET", "k", "v"],
        ["LPOP", "k"],
      ],
      wrongType,
    ],
    [
      [
        ["SET", "k", "v"],
        ["LPOP", "k", "0"],
      ],
      wrongType,
    ],
    [[["LPOP", "k", "-1"]], { error: "ERR value is out of range, must be positive" }],
    [[["LPOP", "k", "x"]], { error: "ERR value is out of range, must be positive" }],
    [[["LPOP", "k", "1", "2"]], { error: "ERR wrong number of arguments for 'lpop' command" }],
    [
      [
        ["RPUSH", "k", "a"],
        ["LPOP", "k", "0"],
      ],
      [],
    ],
    [[["LPOP", "k", "2"]], null],
    [[["LRANGE", "k", "x", "1"]], { error: "ERR value is not an integer or out of range" }],
    [
      [
        ["RPUSH", "k", "a", "b", "c"],
        ["LRANGE", "k", "-100", "1"],
      ],
      ["a", "b"],
    ],
    [
      [
        ["RPUSH", "k", "a", "b", "c"],
        ["LRANGE", "k", "9223372036854775807", "-1"],
      ],
      [],
    ],
    [[["LSET", "k", "0", "a"]], { error: "ERR no such key" }],
    [
      [
        ["RPUSH", "k", "a"],
        ["LSET", "k", "x", "a"],
      ],
      { error: "ERR value is not an integer or out of range" },
    ],
    [[["LINSERT", "k", "beside", "a", "b"]], { error: "ERR syntax error" }],
    [
      [["LPOS", "k", "a", "RANK", "0"]],
      { error: expect.stringContaining("RANK can't be zero") as unknown as string },
    ],
    [[["LPOS", "k", "a", "COUNT", "-1"]], { error: "ERR COUNT can't be negative" }],
    [[["LPOS", "k", "a", "MAXLEN", "-1"]], { error: "ERR MAXLEN can't be negative" }],
    [[["LPOS", "k", "a"]], null],
    [[["LPOS", "k", "a", "COUNT", "2"]], []],
    [
      [
        ["RPUSH", "k", "a", "b", "a", "a"],
        ["LPOS", "k", "a", "RANK", "-1", "COUNT", "2", "MAXLEN", "3"],
      ],
      [3, 2],
    ],
    [
      [
        ["RPUSH", "k", "a", "b", "a", "a"],
        ["LPOS", "k", "a", "RANK", "2"],
      ],
      2,
    ],
    [[["LMOVE", "a", "b", "LEFT", "up"]], { error: "ERR syntax error" }],
    [
      [
        ["RPUSH", "k", "a"],
        ["SET", "s", "v"],
        ["RPOPLPUSH", "k", "s"],
      ],
      wrongType,
    ],
    [
      [
        ["RPUSH", "k", "1", "2"],
        ["RPOPLPUSH", "k", "l"],
        ["LRANGE", "l", "0", "-1"],
      ],
      ["2"],
    ],
    [[["LMPOP", "0", "k", "LEFT"]], { error: "ERR numkeys should be greater than 0" }],
    [[["LMPOP", "2", "k", "LEFT"]], { error: "ERR syntax error" }],
    [[["LMPOP", "1", "k", "LEFT", "COUNT", "0"]], { error: "ERR count should be greater than 0" }],
    [[["LMPOP", "1", "k", "LEFT", "COUNT", "1", "COUNT", "1"]], { error: "ERR syntax error" }],
    [[["LMPOP", "1", "k", "LEFT"]], null],
    [
      [
        ["RPUSH", "l", "a", "b", "c"],
        ["LMPOP", "2", "k", "l", "RIGHT", "COUNT", "2"],
      ],
      ["l", ["c", "b"]],
    ],
    [[["BLPOP", "k", "x"]], { error: "ERR timeout is not a float or out of range" }],
    [[["BLPOP", "k", "-1"]], { error: "ERR timeout is negative" }],
    [
      [
        ["RPUSH", "l", "a"],
        ["BLPOP", "k", "l", "0"],
      ],
      ["l", "a"],
    ],
    [
      [
        ["SET", "k", "v"],
        ["BLPOP", "k", "0"],
      ],
      wrongType,
    ],
    [
      [["BLMOVE", "k", "l", "LEFT", "RIGHT", "0.001x"]],
      { error: "ERR timeout is not a float or out of range" },
    ],
    [
      [
        ["RPUSH", "k", "a", "b"],
        ["BLMPOP", "0", "1", "k", "LEFT", "COUNT", "9"],
      ],
      ["k", ["a", "b"]],
    ],
    [
      [
        ["RPUSH", "k", "a"],
        ["COPY", "k", "l"],
        ["LPUSH", "l", "z"],
        ["LRANGE", "l", "0", "-1"],
      ],
      ["z", "a"],
    ],
    [
      [
        ["RPUSH", "k", "b", "a"],
        ["RENAME", "k", "l"],
        ["RPUSH", "l", "c"],
        ["LRANGE", "l", "0", "-1"],
      ],
      ["b", "a", "c"],
    ],
  ])("%j", (lines, expected) => {
    for (const isCaptured of [false, true]) {
      const bench = newBench(isCaptured);
      let last: Answer = null;
      for (const line of lines) last = bench.runInBatch(...line);
      expect(last).toEqual(expected);
      bench.keyspace.verifyInvariants();
    }
  });

  test("rotating a list of one element keeps the key and its deadline", () => {
    const bench = newBench(false);
    bench.run("RPUSH", "k", "a");
    bench.run("PEXPIRE", "k", "5000");
    expect(bench.run("LMOVE", "k", "k", "LEFT", "RIGHT")).toBe("a");
    expect(bench.run("PTTL", "k")).toBe(5000);
    expect(bench.run("LPOP", "k")).toBe("a");
    bench.run("RPUSH", "k", "b");
    expect(bench.run("PTTL", "k")).toBe(-1);
  });

  test.each(["LPOP k", "RPOP k 2", "LREM k 0 a", "LTRIM k 1 1", "LMOVE k l LEFT LEFT"])(
    "%s is an event of a batch",
    (line) => {
      for (const count of [3, 300]) {
        const bench = newBench(true);
        bench.runInBatch("RPUSH", "k", ...Array.from({ length: count }, () => "a"));
        bench.keyspace.capture!.take(bench.keyspace);
        bench.keyspace.endBatch();
        bench.runInBatch(...line.split(" "));
        expect(bench.keyspace.hasOpenBatch).toBe(true);
        expect(bench.keyspace.capture!.take(bench.keyspace)).not.toEqual([]);
      }
    },
  );
});

test("longer values of several chunks are answered as they were pushed", () => {
  const bench = new Bench(new Keyspace({ replicas: new ReplicaTable(), self: "n1/test" }));
  const values = Array.from({ length: 700 }, (_, n) => `${n}:${"x".repeat(15 + (n % 90))}`);
  for (const text of values) bench.run("RPUSH", "k", text);
  expect(bench.run("LRANGE", "k", "0", "-1")).toEqual(values);
  expect(bench.run("LPOP", "k")).toBe(values[0]);
  expect(bench.run("RPOP", "k")).toBe(values.at(-1));
  expect(bench.run("LINDEX", "k", "300")).toBe(values[301]);
});
