// Strings: replies and errors as redis-server 7.0.15 gives them.

import { beforeEach, describe, expect, test } from "vitest";
import { Bench, startMs } from "./harness.js";

const syntax = { error: "ERR syntax error" };
const wrongType = {
  error: "WRONGTYPE Operation against a key holding the wrong kind of value",
};

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});

const run = (line: string) => bench.run(...line.split(" "));

describe("SET", () => {
  test("stores a value and GET returns it", () => {
    expect(run("set k v")).toBe("OK");
    expect(run("GET k")).toBe("v");
    expect(run("get other")).toBeNull();
  });

  test("NX and XX", () => {
    expect(run("set k 1 xx")).toBeNull();
    expect(run("set k 1 NX")).toBe("OK");
    expect(run("set k 2 nx")).toBeNull();
    expect(run("set k 2 xx")).toBe("OK");
    expect(run("set k 3 nx xx")).toEqual(syntax);
    expect(run("get k")).toBe("2");
  });

  test("GET answers the old value, also when nothing is set", () => {
    expect(run("set k 1 get")).toBeNull();
    expect(run("set k 2 get")).toBe("1");
    expect(run("set k 3 nx get")).toBe("2");
    expect(run("set other 3 xx get")).toBeNull();
    expect(run("get k")).toBe("2");
    run("sadd s a");
    expect(run("set s 1 get")).toEqual(wrongType);
    expect(run("type s")).toBe("set");
  });

  test("times: relative, absolute, kept, and dropped by a plain SET", () => {
    run("set k v ex 10");
    expect(run("pttl k")).toBe(10_000);
    run("set k w keepttl");
    expect(run("pttl k")).toBe(10_000);
    run("set k w");
    expect(run("ttl k")).toBe(-1);
    run(`set k w pxat ${startMs + 1234}`);
    expect(run("pexpiretime k")).toBe(startMs + 1234);
    run("set k w px 1500");
    expect(run("ttl k")).toBe(2);
    bench.wait(1500);
    expect(run("get k")).toBeNull();
  });

  test("a time in the past sets a key that is gone at once", () => {
    run("set k v");
    expect(run("set k v pxat 1")).toBe("OK");
    expect(run("exists k")).toBe(0);
  });

  test.each([
    ["set k v ex", syntax],
    ["set k v ex 10 px 10", syntax],
    ["set k v ex 10 keepttl", syntax],
    ["set k v keepttl exat 10", syntax],
    ["set k v persist", syntax],
    ["set k v ex 0", { error: "ERR invalid expire time in 'set' command" }],
    ["set k v px -1", { error: "ERR invalid expire time in 'set' command" }],
    ["set k v ex 9223372036854775807", { error: "ERR invalid expire time in 'set' command" }],
    ["set k v px 9223372036854775807", { error: "ERR invalid expire time in 'set' command" }],
    ["set k v ex 1.5", { error: "ERR value is not an integer or out of range" }],
    ["setex k 0 v", { error: "ERR invalid expire time in 'setex' command" }],
    ["psetex k x v", { error: "ERR value is not an integer or out of range" }],
  ])("refuses %s", (line, answer) => {
    expect(run(line)).toEqual(answer);
    expect(run("exists k")).toBe(0);
  });

  test("replaces a key of any type, with its deadline", () => {
    run("sadd k a");
    run("expire k 10");
    expect(run("set k v")).toBe("OK");
    expect(run("ttl k")).toBe(-1);
    expect(run("get k")).toBe("v");
  });

  test("values of every size survive overwriting by every other", () => {
    const sizes = [0, 1, 7, 8, 9, 96, 97, 1000, 1024, 5000, 32_000, 33_000, 100_000];
    for (const before of sizes) {
      for (const after of sizes) {
        bench.run("set", "k", "a".repeat(before));
        bench.run("set", "k", "b".repeat(after));
        expect(bench.run("strlen", "k")).toBe(after);
        expect(bench.run("get", "k")).toBe("b".repeat(after));
      }
    }
    bench.keyspace.verifyInvariants();
  });
});

describe("the relatives of SET and GET", () => {
  test("SETNX, SETEX, PSETEX, GETSET, GETDEL", () => {
    expect(run("setnx k 1")).toBe(1);
    expect(run("setnx k 2")).toBe(0);
    expect(run("setex k 5 v")).toBe("OK");
    expect(run("ttl k")).toBe(5);
    expect(run("psetex k 5 v")).toBe("OK");
    expect(run("pttl k")).toBe(5);
    expect(run("getset k w")).toBe("v");
    expect(run("ttl k")).toBe(-1);
    expect(run("getdel k")).toBe("w");
    expect(run("getdel k")).toBeNull();
    expect(run("getset k w")).toBeNull();
    expect(run("dbsize")).toBe(1);
  });

  test("GETEX changes the deadline and nothing else", () => {
    run("set k v");
    expect(run("getex k")).toBe("v");
    expect(run("getex k ex 10")).toBe("v");
    expect(run("ttl k")).toBe(10);
    expect(run("getex k")).toBe("v");
    expect(run("ttl k")).toBe(10);
    expect(run("getex k persist")).toBe("v");
    expect(run("ttl k")).toBe(-1);
    expect(run("getex k ex 10 persist")).toEqual(syntax);
    expect(run("getex k keepttl")).toEqual(syntax);
    expect(run("getex k ex 0")).toEqual({ error: "ERR invalid expire time in 'getex' command" });
    expect(run("getex none ex 0")).toBeNull();
    expect(run("getex k pxat 1")).toBe("v");
    expect(run("exists k")).toBe(0);
  });

  test("MSET, MSETNX, MGET", () => {
    expect(run("mset a 1 b 2 a 3")).toBe("OK");
    expect(run("mget a b c")).toEqual(["3", "2", null]);
    expect(run("msetnx c 1 a 2")).toBe(0);
    expect(run("exists c")).toBe(0);
    expect(run("msetnx c 1 d 2")).toBe(1);
    run("sadd s x");
    expect(run("mget s d")).toEqual([null, "2"]);
    expect(run("mset a 1 b")).toEqual({
      error: "ERR wrong number of arguments for 'mset' command",
    });
  });
});

describe("parts of strings", () => {
  test("APPEND and STRLEN", () => {
    expect(run("append k ab")).toBe(2);
    expect(run("append k cd")).toBe(4);
    expect(run("get k")).toBe("abcd");
    expect(run("strlen k")).toBe(4);
    expect(run("strlen none")).toBe(0);
    run("incr n");
    expect(run("append n 0")).toBe(2);
    expect(run("incr n")).toBe(11);
    run("sadd s x");
    expect(run("append s x")).toEqual(wrongType);
    expect(run("strlen s")).toEqual(wrongType);
  });

  test("APPEND keeps the deadline", () => {
    run("set k a ex 10");
    run("append k b");
    expect(run("ttl k")).toBe(10);
  });

  test("APPEND grows a string through every size", () => {
    let text = "";
    const piece = "0123456789".repeat(317);
    for (let round = 0; round < 40; round++) {
      text += piece;
      expect(bench.run("append", "k", piece)).toBe(text.length);
    }
    expect(bench.run("get", "k")).toBe(text);
    bench.keyspace.verifyInvariants();
  });

  test("SETRANGE pads with zero bytes", () => {
    expect(run("setrange k 3 ab")).toBe(5);
    expect(run("get k")).toBe("\0\0\0ab");
    expect(run("setrange k 1 x")).toBe(5);
    expect(run("get k")).toBe("\0x\0ab");
    expect(bench.run("setrange", "none", "5", "")).toBe(0);
    expect(run("exists none")).toBe(0);
    expect(bench.run("setrange", "k", "50", "")).toBe(5);
    expect(run("setrange k -1 x")).toEqual({ error: "ERR offset is out of range" });
    const tooLong = { error: "ERR string exceeds maximum allowed size (proto-max-bulk-len)" };
    expect(run("setrange k 536870912 x")).toEqual(tooLong);
    expect(run("setrange k 9223372036854775807 x")).toEqual(tooLong);
  });

  test("what a shrunk and regrown value held before is not seen", () => {
    bench.runInBatch("set", "j", "secrets");
    bench.runInBatch("set", "j", "s"); // In the same place, as both fit the same block.
    expect(bench.runInBatch("setrange", "j", "5", "x")).toBe(6);
    expect(bench.runInBatch("get", "j")).toBe("s\0\0\0\0x");
    bench.run("set", "k", "secret-secret-secret");
    bench.run("set", "k", "s");
    expect(bench.run("setrange", "k", "18", "x")).toBe(19);
    expect(bench.run("get", "k")).toBe(`s${"\0".repeat(17)}x`);
  });

  test.each([
    ["0 -1", "Hello"],
    ["0 0", "H"],
    ["-3 -1", "llo"],
    ["-1 -3", ""],
    ["3 1", ""],
    ["-100 1", "He"],
    ["2 100", "llo"],
    ["5 10", ""],
    ["-100 -50", "H"],
    ["0 9223372036854775807", "Hello"],
    ["-9223372036854775808 9223372036854775807", "Hello"],
  ])("GETRANGE Hello %s", (range, answer) => {
    run("set k Hello");
    expect(run(`getrange k ${range}`)).toBe(answer);
    expect(run(`substr k ${range}`)).toBe(answer);
    expect(run(`getrange none ${range}`)).toBe("");
  });
});
