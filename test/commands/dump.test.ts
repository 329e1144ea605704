// DUMP and RESTORE: every type comes back as it was, options do what they say, and bad input
// changes nothing.

import { expect, test } from "vitest";
import { latin1 } from "../../src/base/bytes.js";
import { forms, seal } from "../rdb/payloads.js";
import { Bench, startMs } from "./harness.js";

const many = (count: number, make: (i: number) => (string | number)[]): (string | number)[] =>
  Array.from({ length: count }, (_, i) => make(i)).flat();

const contents: readonly (readonly [string, readonly (string | number)[], string[]])[] = [
  ["a text", ["set", "k", "\0text\xff"], ["get", "k"]],
  ["a number", ["set", "k", "-70000"], ["get", "k"]],
  ["a counter", ["incrby", "k", 5], ["get", "k"]],
  ["a list", ["rpush", "k", "a", "1", "", "a"], ["lrange", "k", "0", "-1"]],
  ["a long list", ["rpush", "k", ...many(900, (i) => [i * 77])], ["lrange", "k", "0", "-1"]],
  ["a set of numbers", ["sadd", "k", 3, 1, -70000], ["smembers", "k"]],
  ["a set of words", ["sadd", "k", "b", "a", "3"], ["smembers", "k"]],
  ["a large set", ["sadd", "k", ...many(600, (i) => [`w${i}`])], ["smembers", "k"]],
  ["a hash", ["hset", "k", "f", "v", "g", "1"], ["hgetall", "k"]],
  ["a large hash", ["hset", "k", ...many(600, (i) => [`f${i}`, i])], ["hgetall", "k"]],
  ["a sorted set", ["zadd", "k", 1.5, "a", "-inf", "b"], ["zrange", "k", "0", "-1", "withscores"]],
  [
    "a large sorted set",
    ["zadd", "k", ...many(200, (i) => [i / 8, `m${i}`])],
    ["zrange", "k", "0", "-1", "withscores"],
  ],
];

test.each(contents)("%s comes back", (_name, write, read) => {
  const b = new Bench();
  b.run(...write);
  const sorted = (answer: unknown): unknown =>
    read[0] === "smembers" ? [...(answer as string[])].sort() : answer;
  const [before, encoding] = [sorted(b.run(...read)), b.run("object", "encoding", "k")];
  const payload = b.run("dump", "k") as string;
  b.run("del", "k");
  expect(b.run("restore", "k", 0, payload)).toBe("OK");
  if (read[0] === "hgetall") {
    const pairs = (answer: unknown): unknown => {
      const words = answer as string[];
      return words.flatMap((w, i) => (i % 2 === 0 ? [`${w}=${words[i + 1]}`] : [])).sort();
    };
    expect(pairs(b.run(...read))).toEqual(pairs(before));
  } else expect(sorted(b.run(...read))).toEqual(before);
  expect(b.run("object", "encoding", "k")).toBe(encoding);
  b.keyspace.verifyInvariants();
});

test("deadlines: from now, absolute, past", () => {
  const b = new Bench();
  b.run("set", "k", "v");
  const payload = b.run("dump", "k") as string;
  expect(b.run("restore", "a", 5000, payload)).toBe("OK");
  expect(b.run("pttl", "a")).toBe(5000);
  expect(b.run("restore", "b", startMs + 70, payload, "absttl")).toBe("OK");
  expect(b.run("pttl", "b")).toBe(70);
  expect(b.run("restore", "k", startMs - 1, payload, "absttl", "replace")).toBe("OK");
  expect(b.run("exists", "k")).toBe(0);
  for (const [name, write] of [
    ["list", ["rpush", "x", "1"]],
    ["zset", ["zadd", "x", 1, "a"]],
    ["hash", ["hset", "x", "f", "v"]],
  ] as const) {
    b.run("del", "x");
    b.run(...write);
    expect(b.run("restore", "a", 900, b.run("dump", "x") as string, "replace"), name).toBe("OK");
    expect(b.run("pttl", "a"), name).toBe(900);
  }
  b.keyspace.verifyInvariants();
});

test("errors, in Redis's words, and nothing changed", () => {
  const b = new Bench();
  b.run("set", "k", "v");
  const payload = b.run("dump", "k") as string;
  const error = (text: string): unknown => ({ error: text });
  expect(b.run("dump", "none")).toBeNull();
  expect(b.run("restore", "k", 0, payload)).toEqual(
    error("BUSYKEY Target key name already exists."),
  );
  expect(b.run("restore", "n", -1, payload)).toEqual(error("ERR Invalid TTL value, must be >= 0"));
  expect(b.run("restore", "n", "x", payload)).toEqual(
    error("ERR value is not an integer or out of range"),
  );
  expect(b.run("restore", "n", 0, "...")).toEqual(
    error("ERR DUMP payload version or checksum are wrong"),
  );
  expect(b.run("restore", "n", 0, payload, "freq", 256)).toEqual(
    error("ERR Invalid FREQ value, must be >= 0 and <= 255"),
  );
  expect(b.run("restore", "n", 0, payload, "idletime", -1)).toEqual(
    error("ERR Invalid IDLETIME value, must be >= 0"),
  );
  for (const words of [["maybe"], ["idletime"], ["freq", 1, "idletime", 1]])
    expect(b.run("restore", "n", 0, payload, ...words)).toEqual(error("ERR syntax error"));
  const broken = latin1(seal(forms.hashListpack!(["f", "1", "f", "2"])));
  expect(b.run("restore", "k", 0, broken, "replace")).toEqual(error("ERR Bad data format"));
  expect(b.run("get", "k")).toBe("v");
  expect(b.run("exists", "n")).toBe(0);
});

test("a stream with its groups comes back", () => {
  const b = new Bench();
  b.run("xadd", "k", "1-1", "f", "v", "g", "12");
  b.run("xadd", "k", "1-2", "f", "w", "g", "");
  b.run("xadd", "k", "18446744073709551615-3", "other", "\0\xff");
  b.run("xdel", "k", "1-1");
  b.run("xgroup", "create", "k", "grp", "0");
  b.run("xreadgroup", "group", "grp", "bob", "count", 1, "streams", "k", ">");
  const show = [
    ["xrange", "k", "-", "+"],
    ["xinfo", "stream", "k", "full"],
    ["xpending", "k", "grp"],
  ];
  const before = show.map((line) => b.run(...line));
  const payload = b.run("dump", "k") as string;
  expect(b.run("restore", "k", 0, payload, "replace")).toBe("OK");
  expect(show.map((line) => b.run(...line))).toEqual(before);
  b.keyspace.isShared = true;
  expect(b.run("restore", "n", 0, payload)).toEqual({ error: expect.stringContaining("groups") });
  b.keyspace.verifyInvariants();
});
