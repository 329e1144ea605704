// Keys, their names, databases and deadlines: replies as redis-server 7.0.15 gives them.

import { beforeEach, describe, expect, test } from "vitest";
import { Bench, startMs } from "./harness.js";

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});

const run = (line: string) => bench.run(...line.split(" "));

const syntax = { error: "ERR syntax error" };
const notInteger = { error: "ERR value is not an integer or out of range" };
const noKey = { error: "ERR no such key" };
const same = { error: "ERR source and destination objects are the same" };
const range = { error: "ERR DB index is out of range" };

describe("being there", () => {
  test("DEL, UNLINK, EXISTS, TOUCH, TYPE, DBSIZE", () => {
    run("mset a 1 b 2 c 3");
    run("sadd s x");
    expect(run("exists a b a none")).toBe(3);
    expect(run("touch a b none")).toBe(2);
    expect(run("del a none a")).toBe(1);
    expect(run("unlink b s")).toBe(2);
    expect(run("dbsize")).toBe(1);
    expect(run("type c")).toBe("string");
    run("sadd s x");
    expect(run("type s")).toBe("set");
    expect(run("type none")).toBe("none");
  });

  test("KEYS and RANDOMKEY", () => {
    expect(run("randomkey")).toBeNull();
    run("mset foo 1 foobar 2 bar 3");
    expect((run("keys foo*") as string[]).sort()).toEqual(["foo", "foobar"]);
    expect((run("keys *") as string[]).length).toBe(3);
    const drawn = new Set(Array.from({ length: 60 }, () => run("randomkey")));
    expect(drawn.size).toBe(3);
    run("pexpire foo 5");
    bench.wait(5);
    expect((run("keys *") as string[]).sort()).toEqual(["bar", "foobar"]);
  });

  test("SCAN goes over everything, with its filters", () => {
    for (let n = 0; n < 500; n++) bench.run("set", `key:${n}`, n);
    run("sadd s x");
    const scanAll = (...options: string[]): Set<string> => {
      const found = new Set<string>();
      let cursor = "0";
      do {
        const [next, keys] = bench.run("scan", cursor, ...options) as [string, string[]];
        for (const key of keys) found.add(key);
        cursor = next;
      } while (cursor !== "0");
      return found;
    };
    expect(scanAll().size).toBe(501);
    expect(scanAll("count", "1").size).toBe(501);
    expect(scanAll("count", "100000").size).toBe(501);
    expect(scanAll("match", "key:1?").size).toBe(10);
    expect([...scanAll("type", "SET")]).toEqual(["s"]);
    expect(scanAll("type", "none").size).toBe(0);
    for (const line of ["scan x", "scan 18446744073709551616", "scan -"]) {
      expect(run(line)).toEqual({ error: "ERR invalid cursor" });
    }
    expect(run("scan 0 count 0")).toEqual(syntax);
    expect(run("scan 0 count")).toEqual(syntax);
    expect(run("scan 0 count x")).toEqual(notInteger);
  });

  test("SCAN takes expired keys away", () => {
    run("set a 1 px 5");
    run("set b 1");
    bench.wait(5);
    expect(run("dbsize")).toBe(2);
    expect(run("scan 0")).toEqual(["0", ["b"]]);
    expect(run("dbsize")).toBe(1);
  });
});

describe("other names, other databases", () => {
  test("RENAME and RENAMENX", () => {
    expect(run("rename none x")).toEqual(noKey);
    run("set a 1 ex 10");
    run("set b 2");
    expect(run("renamenx a b")).toBe(0);
    expect(run("rename a b")).toBe("OK");
    expect(run("get b")).toBe("1");
    expect(run("ttl b")).toBe(10);
    expect(run("exists a")).toBe(0);
    expect(run("rename b b")).toBe("OK");
    expect(run("renamenx b b")).toBe(0);
    expect(run("renamenx b c")).toBe(1);
    run("incr n");
    run("rename n c");
    expect(run("incr c")).toBe(2);
    expect(run("ttl c")).toBe(-1);
    run("sadd s x y");
    run("rename s c");
    expect((run("smembers c") as string[]).sort()).toEqual(["x", "y"]);
    bench.keyspace.verifyInvariants();
  });

  test("COPY", () => {
    run("set a 1 ex 10");
    expect(run("copy a b")).toBe(1);
    expect(run("copy a b")).toBe(0);
    expect(run("copy a b replace")).toBe(1);
    expect(run("ttl b")).toBe(10);
    expect(run("copy a a")).toEqual(same);
    expect(run("copy a a db 1")).toBe(1);
    expect(run("copy none b")).toBe(0);
    expect(run("copy a b db 99")).toEqual(range);
    expect(run("copy a b db")).toEqual(syntax);
    run("sadd s x");
    run("copy s t");
    run("sadd t y");
    expect(run("scard s")).toBe(1);
    bench.keyspace.verifyInvariants();
  });

  test("SELECT and MOVE", () => {
    run("set a 1 ex 10");
    expect(run("move a 0")).toEqual(same);
    expect(run("move a 16")).toEqual(range);
    expect(run("move none 1")).toBe(0);
    expect(run("move a 1")).toBe(1);
    expect(run("exists a")).toBe(0);
    expect(run("select 1")).toBe("OK");
    expect(run("get a")).toBe("1");
    expect(run("ttl a")).toBe(10);
    run("copy a a db 0");
    expect(run("move a 0")).toBe(0);
    expect(run("select 16")).toEqual(range);
    expect(run("select x")).toEqual(notInteger);
    expect(run("select 2147483648")).toEqual({
      error: "ERR value is out of range, value must between -2147483648 and 2147483647",
    });
    expect(run("swapdb x 0")).toEqual({ error: "ERR invalid first DB index" });
    expect(run("swapdb 0 x")).toEqual({ error: "ERR invalid second DB index" });
    expect(run("swapdb 0 16")).toEqual(range);
    expect(run("flushdb now")).toEqual(syntax);
    expect(run("wait 0 0")).toBe(0);
  });
});

describe("deadlines", () => {
  test("the EXPIRE and TTL families", () => {
    expect(run("expire none 10")).toBe(0);
    expect(run("ttl none")).toBe(-2);
    run("set k v");
    expect(run("ttl k")).toBe(-1);
    expect(run("pexpiretime k")).toBe(-1);
    expect(run("expire k 10")).toBe(1);
    expect(run("ttl k")).toBe(10);
    expect(run("pttl k")).toBe(10_000);
    bench.wait(501);
    expect(run("ttl k")).toBe(9);
    expect(run("pexpire k 700")).toBe(1);
    expect(run("ttl k")).toBe(1);
    expect(run(`expireat k ${startMs / 1000 + 7}`)).toBe(1);
    expect(run("expiretime k")).toBe(startMs / 1000 + 7);
    expect(run(`pexpireat k ${startMs + 7777}`)).toBe(1);
    expect(run("pexpiretime k")).toBe(startMs + 7777);
    expect(run("persist k")).toBe(1);
    expect(run("persist k")).toBe(0);
    expect(run("ttl k")).toBe(-1);
    expect(run("expire k 5")).toBe(1);
    expect(run("ttl k")).toBe(5);
    bench.keyspace.verifyInvariants();
  });

  test("a key is gone at its deadline, not before", () => {
    run("set k v px 100");
    bench.wait(99);
    expect(run("get k")).toBe("v");
    bench.wait(1);
    expect(run("exists k")).toBe(0);
    expect(run("setnx k w")).toBe(1);
    expect(run("ttl k")).toBe(-1);
  });

  test("a time that has passed removes the key", () => {
    for (const line of ["expire k 0", "pexpire k -1", "expireat k 1", "pexpireat k 0"]) {
      run("set k v");
      expect(run(line)).toBe(1);
      expect(run("dbsize")).toBe(0);
    }
  });

  test("NX, XX, GT, LT", () => {
    run("set k v");
    expect(run("expire k 10 xx")).toBe(0);
    expect(run("expire k 10 gt")).toBe(0);
    expect(run("expire k 10 lt")).toBe(1);
    expect(run("expire k 20 nx")).toBe(0);
    expect(run("expire k 20 lt")).toBe(0);
    expect(run("expire k 20 gt xx")).toBe(1);
    expect(run("expire k 20 gt")).toBe(0);
    expect(run("ttl k")).toBe(20);
    expect(run("expire k 5 nx gt")).toEqual({
      error: "ERR NX and XX, GT or LT options at the same time are not compatible",
    });
    expect(run("expire k 5 lt gt")).toEqual({
      error: "ERR GT and LT options at the same time are not compatible",
    });
    expect(run("expire k 5 foo")).toEqual({ error: "ERR Unsupported option foo" });
  });

  test.each([
    ["expire", "9223372036854775807"],
    ["expire", "9223372036854776"],
    ["expire", "-9223372036854776"],
    ["pexpire", "9223372036854775807"],
    ["expireat", "9223372036854776"],
  ])("%s k %s overflows", (command, time) => {
    run("set k v");
    expect(run(`${command} k ${time}`)).toEqual({
      error: `ERR invalid expire time in '${command}' command`,
    });
    expect(run("ttl k")).toBe(-1);
    expect(run(`${command} k 1.5`)).toEqual(notInteger);
  });

  test("a large string keeps its bytes through EXPIRE and PERSIST", () => {
    for (const length of [10, 32_600, 32_700, 32_730, 100_000]) {
      const value = "x".repeat(length);
      bench.run("set", "k", value);
      expect(run("expire k 10")).toBe(1);
      expect(bench.run("get", "k")).toBe(value);
      run("append k y");
      expect(run("persist k")).toBe(1);
      expect(bench.run("get", "k")).toBe(`${value}y`);
      bench.keyspace.verifyInvariants();
    }
  });
});

describe("OBJECT", () => {
  test.each([
    ["set k 123", "int"],
    ["set k 9223372036854775807", "int"],
    ["set k 9223372036854775808", "embstr"],
    ["set k abc", "embstr"],
    [`set k ${"x".repeat(44)}`, "embstr"],
    [`set k ${"x".repeat(45)}`, "raw"],
    ["append k a", "embstr"],
    ["incr k", "int"],
    ["incrbyfloat k 1.5", "embstr"],
    ["incrbyfloat k 1", "embstr"],
    ["setrange k 1 x", "raw"],
    ["setbit k 1 1", "raw"],
    ["sadd k 1 2", "intset"],
    ["sadd k 1 a", "hashtable"],
  ])("ENCODING after %s", (line, encoding) => {
    run(line);
    expect(run("object encoding k")).toBe(encoding);
  });

  test("APPEND makes it raw, SET makes it what it is again", () => {
    run("set k ab");
    run("append k c");
    expect(run("object encoding k")).toBe("raw");
    run("rename k j");
    expect(run("object encoding j")).toBe("raw");
    run("expire j 10");
    expect(run("object encoding j")).toBe("raw");
    run("set j ab");
    expect(run("object encoding j")).toBe("embstr");
  });

  test("REFCOUNT, IDLETIME, FREQ", () => {
    run("set k 5");
    expect(run("object refcount k")).toBe(2147483647);
    run("set k text");
    expect(run("object refcount k")).toBe(1);
    bench.wait(3000);
    expect(run("object idletime k")).toBe(3);
    run("get k");
    expect(run("object idletime k")).toBe(0);
    expect(run("object freq k")).toMatchObject({ error: expect.stringContaining("LFU") });
    expect(run("object encoding none")).toBeNull();
    bench.settings.set("maxmemory-policy", "allkeys-lfu");
    expect(run("object idletime k")).toMatchObject({ error: expect.stringContaining("LFU") });
  });
});

describe("sets, as far as they go", () => {
  test("members", () => {
    expect(run("sadd s a b a")).toBe(2);
    expect(run("sadd s a c")).toBe(1);
    expect(run("scard s")).toBe(3);
    expect(run("sismember s a")).toBe(1);
    expect(run("smismember s a x c")).toEqual([1, 0, 1]);
    expect(run("smismember none a")).toEqual([0]);
    expect(run("srem s a x")).toBe(1);
    expect((run("smembers s") as string[]).sort()).toEqual(["b", "c"]);
    expect(run("srem s b c")).toBe(2);
    expect(run("exists s")).toBe(0);
    expect(run("smembers s")).toEqual([]);
    run("set k v");
    expect(run("sadd k a")).toMatchObject({ error: expect.stringContaining("WRONGTYPE") });
    bench.keyspace.verifyInvariants();
  });
});

test("SKERRY.CAS", () => {
  expect(run("skerry.cas k 1 2")).toEqual({ error: "NOTFOUND key does not exist" });
  expect(run("skerry.cas k 1 2 create")).toBe("OK");
  expect(run("skerry.cas k 1 3")).toEqual({ error: "MISMATCH expected 1, found 2" });
  run("expire k 10");
  expect(run("skerry.cas k 2 3")).toBe("OK");
  expect(run("ttl k")).toBe(10);
  expect(run("get k")).toBe("3");
  expect(run("skerry.cas k 2 3 nope")).toEqual(syntax);
});

describe("LCS", () => {
  test("length, text and ranges", () => {
    run("mset a ohmytext b mynewtext");
    expect(run("lcs a b")).toBe("mytext");
    expect(run("lcs a b len")).toBe(6);
    expect(run("lcs a b idx")).toEqual([
      "matches",
      [
        [
          [4, 7],
          [5, 8],
        ],
        [
          [2, 3],
          [0, 1],
        ],
      ],
      "len",
      6,
    ]);
    expect(run("lcs a b idx minmatchlen 4 withmatchlen")).toEqual([
      "matches",
      [[[4, 7], [5, 8], 4]],
      "len",
      6,
    ]);
    expect(run("lcs a none")).toBe("");
    expect(run("lcs a b len idx")).toEqual({
      error: "ERR If you want both the length and indexes, please just use IDX.",
    });
    run("sadd s x");
    expect(run("lcs a s")).toEqual({
      error: "ERR The specified keys must contain string values",
    });
    bench.settings.set("proto-max-bulk-len", "1mb");
    bench.run("mset", "a", "x".repeat(600), "b", "y".repeat(600));
    expect(run("lcs a b")).toMatchObject({ error: expect.stringContaining("Insufficient memory") });
  });
});
