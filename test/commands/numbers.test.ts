// Strings as numbers: 64-bit integers and x87 long doubles, with Redis's errors.

import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { addExtended, formatExtended, parseExtended } from "../../src/commands/long-double.js";
import { Bench } from "./harness.js";

const notInteger = { error: "ERR value is not an integer or out of range" };
const overflow = { error: "ERR increment or decrement would overflow" };
const notFloat = { error: "ERR value is not a valid float" };

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});

const run = (line: string) => bench.run(...line.split(" "));

describe("INCR", () => {
  test("counts from nothing, from text, up and down", () => {
    expect(run("incr k")).toBe(1);
    expect(run("incrby k 10")).toBe(11);
    expect(run("decr k")).toBe(10);
    expect(run("decrby k 15")).toBe(-5);
    run("set k 100");
    expect(run("incr k")).toBe(101);
    expect(run("get k")).toBe("101");
  });

  test("within one batch SET and INCR see each other", () => {
    bench.runInBatch("set", "k", "5");
    expect(bench.runInBatch("incr", "k")).toBe(6);
    bench.runInBatch("set", "k", "7");
    expect(bench.runInBatch("incrby", "k", "3")).toBe(10);
    bench.runInBatch("del", "k");
    expect(bench.runInBatch("incr", "k")).toBe(1);
  });

  test("the whole range of 64 bits, and not one more", () => {
    run("set k 9223372036854775806");
    expect(run("incr k")).toBe(9223372036854775807n);
    expect(run("incr k")).toEqual(overflow);
    expect(run("get k")).toBe("9223372036854775807");
    run("set k -9223372036854775807");
    expect(run("decr k")).toBe(-9223372036854775808n);
    expect(run("decr k")).toEqual(overflow);
    run("set k 9007199254740993");
    expect(run("decr k")).toBe(9007199254740992n);
    run("set k -9007199254740993");
    expect(run("incr k")).toBe(-9007199254740992n);
    run("set k 9007199254740991");
    expect(run("incr k")).toBe(9007199254740992n);
    expect(run("incr k")).toBe(9007199254740993n);
    expect(run("decrby k 9007199254740993")).toBe(0);
    expect(run("incrby none 9223372036854775807")).toBe(9223372036854775807n);
    expect(run("decrby none -9223372036854775808")).toEqual({
      error: "ERR decrement would overflow",
    });
  });

  test.each(["abc", " 1", "1 ", "01", "+1", "-0", "1.0", "", "9223372036854775808", "1e3"])(
    "refuses the value %j",
    (value) => {
      bench.run("set", "k", value);
      expect(run("incr k")).toEqual(notInteger);
      expect(bench.run("incrby", "n", value)).toEqual(notInteger);
      expect(run("exists n")).toBe(0);
    },
  );

  test("keeps the deadline", () => {
    run("set k 1 ex 10");
    run("incr k");
    expect(run("ttl k")).toBe(10);
    bench.wait(10_000);
    expect(run("incr k")).toBe(1);
    expect(run("ttl k")).toBe(-1);
  });

  test("random walks agree with BigInt", () => {
    const by = fc.oneof(
      fc.bigInt({ min: -100n, max: 100n }),
      fc.bigInt({ min: -(2n ** 54n), max: 2n ** 54n }),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    );
    fc.assert(
      fc.property(fc.array(by, { maxLength: 20 }), (steps) => {
        bench = new Bench();
        let value = 0n;
        for (const step of steps) {
          const answer = bench.run("incrby", "k", step.toString());
          const sum = value + step;
          if (sum > 2n ** 63n - 1n || sum < -(2n ** 63n)) expect(answer).toEqual(overflow);
          else {
            value = sum;
            expect(BigInt(answer as number)).toBe(value);
          }
          expect(bench.run("get", "k") ?? "0").toBe(value.toString());
        }
        bench.keyspace.verifyInvariants();
      }),
    );
  });
});

describe("INCRBYFLOAT", () => {
  test.each([
    ["10.50", "0.1", "10.6"],
    ["5.0e3", "2.0e2", "5200"],
    ["1", "1", "2"],
    ["1", "-1.5", "-0.5"],
    ["3", "0.3", "3.3"],
    ["0.1", "0.2", "0.3"],
    ["1.1", "-1.1", "0"],
    ["0", "1e-18", "0"],
    ["0", "-1e-18", "0"],
    ["17179869184", "1", "17179869185"],
    ["17179869184", "1.5", "17179869185.5"],
    ["9007199254740993", "0.5", "9007199254740993.5"],
    ["1e18", "0.5", "1000000000000000000.5"],
    ["1e19", "0.5", "10000000000000000000"],
    ["1e20", "0.5", "100000000000000000000"],
    ["0x10", "1", "17"],
    ["1", "0x1p-1", "1.5"],
  ])("%s + %s = %s", (value, by, sum) => {
    bench.run("set", "k", value);
    expect(bench.run("incrbyfloat", "k", by)).toBe(sum);
    expect(run("get k")).toBe(sum);
  });

  test("numbers of thousands of digits", () => {
    const huge = `1${"0".repeat(4500)}`;
    expect(bench.run("incrbyfloat", "k", huge)).toMatch(/^\d{4500,4501}$/);
    expect(run("incrbyfloat k 1")).toMatch(/^\d{4500,4501}$/);
  });

  test("twice from nothing, then INCR when it is whole again", () => {
    expect(run("incrbyfloat k 1.25")).toBe("1.25");
    expect(run("incrbyfloat k 1.75")).toBe("3");
    expect(run("incr k")).toBe(4);
    expect(run("incrbyfloat k -0.125")).toBe("3.875");
    expect(run("incr k")).toEqual(notInteger);
    bench.keyspace.verifyInvariants();
  });

  test.each(["abc", " 1", "1 ", "", "1e", "1.2.3", "nan", "1e5000", "1e-5000", "0x", "--1", "1 2"])(
    "refuses %j",
    (text) => {
      bench.run("set", "k", text);
      expect(run("incrbyfloat k 1")).toEqual(notFloat);
      expect(bench.run("incrbyfloat", "n", text)).toEqual(notFloat);
      expect(run("exists n")).toBe(0);
    },
  );

  test("refuses infinity", () => {
    const infinite = { error: "ERR increment would produce NaN or Infinity" };
    expect(run("incrbyfloat k +inf")).toEqual(infinite);
    expect(run("incrbyfloat k -INFINITY")).toEqual(infinite);
    bench.run("set", "k", "1e4932");
    expect(run("incrbyfloat k 9e4931")).toEqual(infinite);
  });

  test("doubles, which are long doubles too, print exactly", () => {
    // Every double below 2^53 with at most 17 decimals prints as its own decimal expansion, cut and
    // rounded.
    fc.assert(
      fc.property(fc.double({ min: -1e15, max: 1e15, noNaN: true }), (value) => {
        const shown = formatExtended(parseExtended(value.toString())!);
        expect(Math.abs(Number(shown) - value)).toBeLessThanOrEqual(
          1e-17 + Math.abs(value) * 2 ** -52,
        );
      }),
    );
  });

  test("adding is commutative and adds zero for nothing", () => {
    const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map(String);
    fc.assert(
      fc.property(number, number, (a, b) => {
        const [x, y] = [parseExtended(a)!, parseExtended(b)!];
        const sum = addExtended(x, y)!;
        expect(formatExtended(sum)).toBe(formatExtended(addExtended(y, x)!));
        expect(formatExtended(addExtended(x, parseExtended("0")!)!)).toBe(formatExtended(x));
      }),
    );
  });
});
