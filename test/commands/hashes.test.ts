// Hashes: every command against a plain map, in each of the forms that a hash is kept in, and while
// it goes from one to the next. What Redis answers to odd arguments is the differential test's
// question.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { draws } from "../../scripts/lib/test-seed.js";
import { fromLatin1 } from "../../src/base/bytes.js";
import { hashBytes } from "../../src/keyspace/hash.js";
import { integer } from "../../src/lattice/decimal.js";
import { KeyEntry, slots } from "../../src/lattice/key-entry.js";
import { type FormName, formed, formNames, formOf, pairsOf, scanAll } from "./collection-forms.js";
import { type Answer, Bench } from "./harness.js";

const key = "h";

type Model = Map<string, string>;
type Line = readonly (string | number)[];
interface Step {
  readonly line: Line;
  /** Changes the model and answers what the reply must be. */
  readonly expected: (model: Model) => Answer;
}

const field = fc.constantFrom("f1", "f2", "f3", "", "\xff\x00", "field".repeat(30));
const value = fc.constantFrom("", "v", "12", "-7", "value".repeat(40), "w".repeat(9000), "1.5");

const nil = (text: string | undefined): Answer => text ?? null;

function setPairs(model: Model, pairs: readonly (readonly [string, string])[]): number {
  let created = 0;
  for (const [name, text] of pairs) {
    if (!model.has(name)) created++;
    model.set(name, text);
  }
  return created;
}

const pairs = fc.array(fc.tuple(field, value), { minLength: 1, maxLength: 4 });

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: pairs.map((list) => ({
      line: ["hset", key, ...list.flat()],
      expected: (model: Model) => setPairs(model, list),
    })),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(field, value).map(([name, text]) => ({
      line: ["hsetnx", key, name, text],
      expected: (model: Model) => (model.has(name) ? 0 : setPairs(model, [[name, text]])),
    })),
  },
  {
    weight: 5,
    arbitrary: fc.array(field, { minLength: 1, maxLength: 3 }).map((names) => ({
      line: ["hdel", key, ...names],
      expected: (model: Model) => names.filter((name) => model.delete(name)).length,
    })),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(field, fc.integer({ min: -50, max: 50 })).map(([name, by]) => ({
      line: ["hincrby", key, name, by],
      expected: (model: Model): Answer => {
        const old = model.get(name) ?? "0";
        if (!/^(0|-?[1-9]\d*)$/.test(old)) return { error: "ERR hash value is not an integer" };
        model.set(name, String(Number(old) + by));
        return Number(old) + by;
      },
    })),
  },
  {
    weight: 3,
    arbitrary: fc.array(field, { minLength: 1, maxLength: 3 }).map((names) => ({
      line: ["hmget", key, ...names],
      expected: (model: Model) => names.map((name) => nil(model.get(name))),
    })),
  },
  {
    weight: 2,
    arbitrary: field.map((name) => ({
      line: ["hstrlen", key, name],
      expected: (model: Model) => model.get(name)?.length ?? 0,
    })),
  },
  {
    weight: 2,
    arbitrary: field.map((name) => ({
      line: ["hexists", key, name],
      expected: (model: Model) => (model.has(name) ? 1 : 0),
    })),
  },
);

function checkWhole(bench: Bench, model: Model): void {
  expect(bench.run("hlen", key)).toBe(model.size);
  const wanted = [...model].map(([name, text]) => `${name}=${text}`).sort();
  expect(pairsOf(bench.run("hgetall", key))).toEqual(wanted);
  expect(scanAll(bench, "hscan", key)).toEqual(wanted);
  expect((bench.run("hkeys", key) as string[]).sort()).toEqual([...model.keys()].sort());
  expect((bench.run("hvals", key) as string[]).sort()).toEqual([...model.values()].sort());
  expect(bench.run("exists", key)).toBe(model.size === 0 ? 0 : 1);
  bench.keyspace.verifyInvariants();
}

describe.each(formNames)("a hash kept as %s", (form: FormName) => {
  test("answers every command as a plain map would", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30, size: "max" }), (steps) => {
        const { bench, anchor, anchorValue } = formed(form, slots.hash, key);
        const model: Model = new Map([[anchor, anchorValue]]);
        expect(formOf(bench, key)).toBe(form);
        for (const { line, expected } of steps) {
          expect([line, bench.run(...line)]).toEqual([line, expected(model)]);
          bench.wait(1);
        }
        checkWhole(bench, model);
        if (form !== "packed") expect(formOf(bench, key)).toBe(form);
        expect(bench.run("hdel", key, ...model.keys())).toBe(model.size);
        checkWhole(bench, new Map());
      }),
      { numRuns: draws(35) },
    );
  });

  test("random fields are fields of it, distinct where they must be", () => {
    const { bench, anchor } = formed(form, slots.hash, key);
    const names = ["a", "b", "c", "d", "e"];
    bench.run("hset", key, ...names.flatMap((name) => [name, `${name}!`]));
    const all = [anchor, ...names].sort();
    for (let count = 1; count <= 7; count++) {
      const drawn = bench.run("hrandfield", key, count) as string[];
      expect(new Set(drawn).size).toBe(Math.min(count, all.length));
      for (const name of drawn) expect(all).toContain(name);
    }
    const drawn = new Set(bench.run("hrandfield", key, -300) as string[]);
    expect([...drawn].sort()).toEqual(all);
    const pairs = bench.run("hrandfield", key, -50, "withvalues") as string[];
    expect(pairs.length).toBe(100);
    for (const pair of pairsOf(pairs)) if (/^[a-e]=/.test(pair)) expect(pair).toMatch(/^(.)=\1!$/);
  });
});

test("a hash that grows past the packed limits becomes a table and keeps its deadline", () => {
  const bench = new Bench();
  bench.run("hset", key, "first", "1");
  bench.run("pexpire", key, 5000);
  for (let n = 0; n < 600; n++) {
    bench.run("hset", key, `f${n}`, n);
    if (n === 300) expect(formOf(bench, key)).toBe("packed");
  }
  expect(formOf(bench, key)).toBe("table");
  expect(bench.run("pttl", key)).toBe(5000);
  expect(bench.run("hlen", key)).toBe(601);
  expect(bench.run("hget", key, "f599")).toBe("599");
  bench.keyspace.verifyInvariants();
  bench.wait(5001);
  expect(bench.run("hlen", key)).toBe(0);
  bench.keyspace.verifyInvariants();
});

test("encodings have Redis's names, and never go back", () => {
  const bench = new Bench();
  const encoding = (): Answer => bench.run("object", "encoding", key);
  bench.run("hset", key, "f", "v".repeat(64));
  expect(encoding()).toBe("listpack");
  bench.run("hset", key, "f", "v".repeat(65));
  expect(encoding()).toBe("hashtable");
  bench.run("hset", key, "f", "v");
  expect(encoding()).toBe("hashtable");
  bench.run("copy", key, "copy");
  expect(bench.run("object", "encoding", "copy")).toBe("hashtable");
  bench.run("del", key);
  for (let n = 0; n < 512; n++) bench.run("hset", key, `f${n}`, "v");
  expect(encoding()).toBe("listpack");
  bench.run("hset", key, "one-more", "v");
  expect(encoding()).toBe("hashtable");
});

test("sums beyond 53 bits are exact, and overflow changes nothing", () => {
  const bench = new Bench();
  const most = "9223372036854775807";
  expect(bench.run("hincrby", key, "f", most)).toBe(9223372036854775807n);
  expect(bench.run("hincrby", key, "f", 1)).toEqual({
    error: "ERR increment or decrement would overflow",
  });
  expect(bench.run("hget", key, "f")).toBe(most);
  expect(bench.run("hincrby", key, "f", "-9223372036854775807")).toBe(0);
  expect(bench.run("hincrbyfloat", key, "f", "0.1")).toBe("0.1");
});

test("another type is refused by every command, and stays", () => {
  const bench = new Bench();
  bench.run("set", key, "text");
  bench.run("sadd", "s", "m");
  const lines: Line[] = [
    ["hset", "f", "v"],
    ["hsetnx", "f", "v"],
    ["hdel", "f"],
    ["hget", "f"],
    ["hmget", "f"],
    ["hgetall"],
    ["hlen"],
    ["hincrby", "f", 1],
    ["hincrbyfloat", "f", 1],
    ["hrandfield"],
    ["hrandfield", 2],
    ["hscan", 0],
  ];
  for (const name of [key, "s"])
    for (const [command, ...rest] of lines) {
      const answer = bench.run(command!, name, ...rest) as { error: string };
      expect([command, answer.error?.slice(0, 9)]).toEqual([command, "WRONGTYPE"]);
    }
  expect(bench.run("get", key)).toBe("text");
  expect(bench.run("smembers", "s")).toEqual(["m"]);
});

test("a field whose increments were all reset is not shown, and its dead row stays", () => {
  const bench = new Bench();
  const { keyspace } = bench;
  const other = { time: 9, replica: keyspace.replicas.indexOf("n2/x") };
  const entry = new KeyEntry();
  entry.isTracked = false;
  entry.increment(slots.hash, "counter", other, other, integer(5n));
  entry.assign(slots.hash, "text", other, other, fromLatin1("v"));
  const bytes = fromLatin1(key);
  keyspace.storeEntry(keyspace.databases[0]!, hashBytes(bytes, 0, bytes.length), bytes, entry);
  expect(bench.run("hget", key, "counter")).toBe("5");
  expect(bench.run("hdel", key, "counter")).toBe(1);
  expect(pairsOf(bench.run("hgetall", key))).toEqual(["text=v"]);
  expect([bench.run("hlen", key), bench.run("hkeys", key)]).toEqual([1, ["text"]]);
  expect(bench.run("hincrby", key, "counter", 2)).toBe(2);
  expect(bench.run("hdel", key, "counter", "text")).toBe(2);
  expect([bench.run("exists", key), keyspace.databases[0]!.hiddenCount]).toEqual([0, 1]);
  expect(bench.run("hset", key, "counter", 7)).toBe(1);
  expect(bench.run("hgetall", key)).toEqual(["counter", "7"]);
  keyspace.verifyInvariants();
});

test("long values of a small hash do not change the order in which it is shown", () => {
  const b = new Bench();
  b.settings.set("hash-max-listpack-value", "1000000");
  const names = ["z", "a", "m", "b"];
  for (const [i, name] of names.entries()) b.run("hset", "k", name, `${i}`.repeat(20_000));
  expect(b.run("hkeys", "k")).toEqual(names);
  expect(b.run("object", "encoding", "k")).toBe("listpack");
});
