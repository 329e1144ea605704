// SORT: what it orders by, what it shows, where it stores. That ties come in Redis's order is the
// differential test's to say; here a range is compared with the whole.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { orderOf, type Sortable, sortRange, sortScore } from "../../src/commands/sort-order.js";
import { Bench } from "./harness.js";

const bench = (): Bench => {
  const made = new Bench();
  made.run("rpush", "list", "3", "1", "10", "2");
  made.run("mset", "w_3", "1", "w_1", "2", "w_2", "b", "n_3", "three", "n_1", "one");
  made.run("hset", "h_1", "f", "uno", "->", "arrow");
  return made;
};

const notDouble = { error: "ERR One or more scores can't be converted into double" };

describe("what is sorted by", () => {
  test("numbers by value, letters by byte, both ways", () => {
    const b = bench();
    expect(b.run("sort", "list")).toEqual(["1", "2", "3", "10"]);
    expect(b.run("sort", "list", "desc")).toEqual(["10", "3", "2", "1"]);
    expect(b.run("sort", "list", "alpha")).toEqual(["1", "10", "2", "3"]);
    expect(b.run("sort", "list", "desc", "asc", "alpha")).toEqual(["1", "10", "2", "3"]);
  });

  test("a pattern's keys; what it does not find counts as nought", () => {
    const b = bench();
    b.run("set", "w_2", "-5");
    expect(b.run("sort", "list", "by", "w_*")).toEqual(["2", "10", "3", "1"]);
    expect(b.run("sort", "list", "by", "w_*", "alpha")).toEqual(["10", "2", "3", "1"]);
    expect(b.run("sort", "list", "by", "nosort", "desc")).toEqual(["2", "10", "1", "3"]);
  });

  test("a weight that is no number is an error and changes nothing", () => {
    const b = bench();
    expect(b.run("sort", "list", "by", "w_*", "store", "list")).toEqual(notDouble);
    expect(b.run("lrange", "list", 0, -1)).toEqual(["3", "1", "10", "2"]);
    b.run("rpush", "big", "1e400");
    expect(b.run("sort", "big")).toEqual(notDouble);
  });

  test("numbers are read as strtod does", () => {
    const read = (text: string): number => sortScore(Buffer.from(text, "latin1"));
    expect(["", " 7", "0x10", "inf", "-inf", "1\0x"].map(read)).toEqual([
      ...[0, 7, 16, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1],
    ]);
    expect(["nan", "1e400", "1e-400", "1e-310", "7 ", "x"].map(read)).toEqual(Array(6).fill(NaN));
  });
});

describe("what is shown", () => {
  test("GET: the element, keys, fields, and nil for what is not there", () => {
    const b = bench();
    expect(b.run("sort", "list", "limit", 0, 2, "get", "#", "get", "n_*", "get", "h_*->f")).toEqual(
      ["1", "one", "uno", "2", null, null],
    );
    b.run("set", "h_1->", "odd");
    expect(b.run("sort", "list", "limit", 0, 1, "get", "h_*->->")).toEqual(["arrow"]);
    expect(b.run("sort", "list", "limit", 0, 1, "get", "h_*->")).toEqual(["odd"]);
    expect(b.run("sort", "list", "limit", 0, 1, "get", "h_*", "get", "fixed")).toEqual([
      ...[null, null],
    ]);
  });

  test("LIMIT past the end shows nothing, a negative count all", () => {
    const b = bench();
    expect(b.run("sort", "list", "limit", 9, 2)).toEqual([]);
    expect(b.run("sort", "list", "limit", 1, -1)).toEqual(["2", "3", "10"]);
    expect(b.run("sort", "list", "limit", -4, 2)).toEqual(["1", "2"]);
    expect(b.run("sort", "none", "limit", 0, 1)).toEqual([]);
  });

  test("sets and sorted sets; a sorted set keeps its own order unsorted", () => {
    const b = bench();
    b.run("zadd", "zset", 1, "9", 2, "8", 3, "7");
    b.run("sadd", "set", "b", "a");
    expect(b.run("sort", "zset")).toEqual(["7", "8", "9"]);
    expect(b.run("sort", "zset", "by", "x", "desc", "limit", 1, 1)).toEqual(["8"]);
    expect(b.run("object", "encoding", "zset")).toBe("skiplist");
    expect(b.run("sort", "set", "by", "x", "store", "out")).toBe(2);
    expect(b.run("lrange", "out", 0, -1)).toEqual(["a", "b"]);
  });
});

describe("errors", () => {
  test("types, words, numbers", () => {
    const b = bench();
    expect(b.run("sort", "w_1")).toEqual({
      error: "WRONGTYPE Operation against a key holding the wrong kind of value",
    });
    for (const words of [["limit", 1], ["by"], ["store"], ["up"], ["get"]])
      expect(b.run("sort", "list", ...words)).toEqual({ error: "ERR syntax error" });
    expect(b.run("sort_ro", "list", "store", "x")).toEqual({ error: "ERR syntax error" });
    expect(b.run("sort", "list", "limit", "a", 1)).toEqual({
      error: "ERR value is not an integer or out of range",
    });
  });
});

describe("STORE", () => {
  test("over the sorted list itself, with its deadline gone; nothing to store removes", () => {
    const b = bench();
    b.run("expire", "list", 100);
    expect(b.run("sort", "list", "store", "list")).toBe(4);
    expect(b.run("lrange", "list", 0, -1)).toEqual(["1", "2", "3", "10"]);
    expect(b.run("ttl", "list")).toBe(-1);
    expect(b.run("sort", "list", "get", "none_*", "limit", 0, 1, "store", "w_1")).toBe(1);
    expect(b.run("lrange", "w_1", 0, -1)).toEqual([""]);
    expect(b.run("sort", "none", "store", "list")).toBe(0);
    expect(b.run("exists", "list")).toBe(0);
    b.keyspace.verifyInvariants();
  });
});

describe("the sort of a range", () => {
  const items = fc.array(fc.nat(9), { maxLength: 120 });
  test("has in its range what a whole sort has, and loses nothing", () => {
    fc.assert(
      fc.property(items, fc.nat(119), fc.nat(119), (numbers, a, b) => {
        const make = (): Sortable[] =>
          numbers.map((score) => ({ element: Buffer.alloc(0), score, weight: undefined }));
        const order = orderOf({
          ...{ isAlpha: false, isDescending: false, isByPattern: true, isStored: false },
        });
        const whole = make().sort(order);
        const part = make();
        const [first, last] = [Math.min(a, b), Math.min(Math.max(a, b), numbers.length - 1)];
        sortRange(part, order, first, last);
        const scores = (list: Sortable[]): number[] => list.map(({ score }) => score);
        expect(scores(part).slice(first, last + 1)).toEqual(scores(whole).slice(first, last + 1));
        expect(scores(part).sort((x, y) => x - y)).toEqual(scores(whole));
      }),
      { numRuns: 300 },
    );
  });

  test("ties come in the order of Bentley and McIlroy's quicksort", () => {
    // Asked of redis-server 7.0.15.
    const b = new Bench();
    for (let i = 0; i < 20; i++) {
      b.run("rpush", "list", i);
      b.run("set", `t_${i}`, (i * 7) % 3);
    }
    const answer = b.run("sort", "list", "by", "t_*", "alpha", "limit", 3, 10);
    expect((answer as string[]).join(" ")).toBe("3 12 18 6 19 1 4 7 10 13");
  });
});
