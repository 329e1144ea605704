// HyperLogLog: the numbers and bytes that Redis has, the checks of a broken string, and replicas
// that add at once.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { utf8 } from "../../src/base/bytes.js";
import { cardOf, Sketch, unionOf } from "../../src/keyspace/hyperloglog.js";
import { registerCount, touchOf } from "../../src/lattice/hyperloglog.js";
import { Bench } from "./harness.js";
import { Cluster } from "./zset-replicas.js";

const invalid = { error: "WRONGTYPE Key is not a valid HyperLogLog string value." };
const corrupted = { error: "INVALIDOBJ Corrupted HLL object detected" };

const names = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `e${from + i}`);

test("the hash is Redis's: registers of known elements", () => {
  // Asked of redis-server 7.0.15 by PFDEBUG DECODE after PFADD of one element.
  const known: readonly (readonly [string, number, number])[] = [
    ["", 5938, 2],
    ["a", 12711, 2],
    ["ab", 719, 1],
    ["abcdefg", 5634, 2],
    ["abcdefgh", 1383, 1],
    ["hello, world", 5834, 2],
    ["abcdefghijklmnop1", 6293, 2],
    ["99999", 9656, 3],
  ];
  for (const [element, index, run] of known) {
    const bytes = utf8(`--${element}`);
    expect({ ...touchOf(bytes, 2, element.length) }, element).toEqual({ index, run });
  }
});

describe("commands", () => {
  test("adding, counting, and what the value is", () => {
    const b = new Bench();
    expect(b.run("pfadd", "h")).toBe(1);
    expect(b.run("pfadd", "h")).toBe(0);
    expect(b.run("pfcount", "h")).toBe(0);
    expect(b.run("pfadd", "h", "a", "b", "c")).toBe(1);
    expect(b.run("pfadd", "h", "a", "b", "c")).toBe(0);
    expect(b.run("pfcount", "h")).toBe(3);
    expect(b.run("type", "h")).toBe("string");
    expect(b.run("object", "encoding", "h")).toBe("raw");
    // Asked of redis-server 7.0.15, after the count was kept.
    expect(Buffer.from(b.run("get", "h") as string, "latin1").toString("hex")).toBe(
      "48594c4c01000000030000000000000060f38050b1844bfb80425a",
    );
    b.run("pfadd", "h", "d");
    expect((b.run("get", "h") as string).charCodeAt(15)).toBe(0x80);
  });

  test("a thousand elements are within two per cent, ten thousand make it dense", () => {
    const b = new Bench();
    b.run("pfadd", "h", ...names(0, 1000));
    expect(b.run("pfdebug", "encoding", "h")).toBe("sparse");
    expect(Math.abs((b.run("pfcount", "h") as number) - 1000)).toBeLessThan(20);
    b.run("pfadd", "h", ...names(0, 10_000));
    expect(b.run("pfdebug", "encoding", "h")).toBe("dense");
    expect(Math.abs((b.run("pfcount", "h") as number) - 10_000)).toBeLessThan(200);
    expect(b.run("strlen", "h")).toBe(12_304);
  });

  test("a small limit makes it dense at the first split", () => {
    const b = new Bench();
    b.settings.set("hll-sparse-max-bytes", "19");
    b.run("pfadd", "h", "a");
    expect(b.run("pfdebug", "encoding", "h")).toBe("dense");
    expect(b.run("pfcount", "h")).toBe(1);
  });

  test("unions of several keys, kept or not", () => {
    const b = new Bench();
    b.run("pfadd", "a", "1", "2", "3");
    b.run("pfadd", "b", "3", "4");
    expect(b.run("pfcount", "a", "b", "none")).toBe(4);
    expect(b.run("pfmerge", "to", "a", "b")).toBe("OK");
    expect(b.run("pfcount", "to")).toBe(4);
    b.run("pfdebug", "todense", "b");
    expect(b.run("pfmerge", "a", "b")).toBe("OK");
    expect(b.run("pfdebug", "encoding", "a")).toBe("dense");
    expect(b.run("pfcount", "a")).toBe(4);
  });

  test("what is no HyperLogLog, and what only looks like one", () => {
    const b = new Bench();
    b.run("set", "text", "hello");
    b.run("lpush", "list", "x");
    for (const line of [
      ["pfadd", "text", "x"],
      ["pfcount", "text"],
      ["pfmerge", "t", "text"],
    ])
      expect(b.run(...line)).toEqual(invalid);
    expect(b.run("pfcount", "list")).toEqual({
      error: "WRONGTYPE Operation against a key holding the wrong kind of value",
    });
    b.run("pfadd", "h", "a");
    b.run("append", "h", "hello");
    for (const line of [
      ["pfcount", "h"],
      ["pfcount", "h", "h"],
      ["pfmerge", "t", "h"],
    ])
      expect(b.run(...line)).toEqual(corrupted);
    b.run("pfadd", "d");
    b.run("setrange", "d", 4, "\0");
    expect(b.run("pfcount", "d")).toEqual(invalid);
  });

  test("the self test passes", () => expect(new Bench().run("pfselftest")).toBe("OK"));
});

describe("the string", () => {
  const touches = fc.array(fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 34 })), {
    maxLength: 60,
  });

  test("both encodings hold the maximum of what was written", () => {
    fc.assert(
      fc.property(touches, fc.constantFrom(3000, 24), (writes, bytesMax) => {
        const wanted = new Uint8Array(registerCount);
        const sketches = [new Sketch().clear(), new Sketch().clear()];
        sketches[1]!.toDense();
        for (const [place, value] of writes) {
          // Near the ends and in the middle, so that runs meet.
          const index = place < 20 ? place : place < 30 ? 8000 + place : registerCount - 41 + place;
          const isHigher = value > wanted[index]!;
          if (isHigher) wanted[index] = value;
          for (const sketch of sketches)
            expect(sketch.raise(index, value, bytesMax)).toBe(isHigher);
        }
        for (const sketch of sketches) {
          const found = new Uint8Array(registerCount);
          expect(sketch.raiseInto(found)).toBe(true);
          expect(Buffer.compare(found, wanted)).toBe(0);
          expect(sketch.histogram()![0]).toBe(wanted.filter((value) => value === 0).length);
        }
        expect(cardOf(sketches[0]!.histogram()!)).toBe(cardOf(sketches[1]!.histogram()!));
      }),
    );
  });

  test("neighbours of one value share an opcode", () => {
    const sketch = new Sketch().clear();
    for (const index of [3, 5, 4, 6, 7]) sketch.raise(index, 2, 3000);
    expect(sketch.describe()).toBe("z:3 v:2,4 v:2,1 Z:16376");
  });

  test("a union does not depend on the order", () => {
    const part = (from: number, count: number): Uint8Array => {
      const sketch = new Sketch().clear();
      for (const name of names(from, count)) {
        const { index, run } = touchOf(utf8(name), 0, name.length);
        sketch.raise(index, run, 3000);
      }
      return sketch.bytes.slice(0, sketch.length);
    };
    const [a, b, c] = [part(0, 100), part(50, 100), part(0, 6000)];
    expect(unionOf([a, b])).toEqual(unionOf([b, a]));
    expect(unionOf([a, b, c])).toEqual(unionOf([c, a, b]));
    expect(unionOf([a, utf8("text")])).toBeUndefined();
  });
});

describe("replicas", () => {
  test("elements added at once are all counted, on both, and the states are equal", () => {
    const cluster = new Cluster(2);
    cluster.on(1, "pfadd h a b");
    cluster.on(2, "pfadd h b c d");
    cluster.settle();
    for (const node of [1, 2]) expect(cluster.on(node, "pfcount h")).toBe(4);
    cluster.settle();
    // The next write has seen both parts and puts one value in their place.
    cluster.on(2, "pfadd h e");
    cluster.settle();
    for (const node of [1, 2]) expect(cluster.on(node, "pfcount h")).toBe(5);
    expect(cluster.on(1, "get h")).toBe(cluster.on(2, "get h"));
    const [one, two] = cluster.replicas;
    expect(one!.dump()).toEqual(two!.dump());
  });

  test("a copy of a key with two parts has them both", () => {
    const cluster = new Cluster(2);
    cluster.on(1, "pfadd h a b");
    cluster.on(2, "pfadd h c");
    cluster.settle();
    cluster.on(1, "copy h k");
    cluster.on(2, "rename h m");
    expect(cluster.on(1, "pfcount k")).toBe(3);
    expect(cluster.on(2, "pfcount m")).toBe(3);
  });

  test("beside a text the later write is seen, whatever the text is", () => {
    const cluster = new Cluster(2);
    cluster.on(1, "pfadd h a b");
    cluster.on(2, "set h text");
    cluster.settle();
    expect(cluster.on(1, "get h")).toBe(cluster.on(2, "get h"));
  });
});
