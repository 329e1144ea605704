// Sorted sets when two nodes write at once: what both see once each has the other's news.

import { beforeEach, describe, expect, test } from "vitest";
import { Cluster } from "./zset-replicas.js";

describe("two nodes at once", () => {
  let cluster: Cluster;
  beforeEach(() => {
    cluster = new Cluster(2);
  });
  const on = (node: number, line: string): unknown => cluster.on(node, line);
  const both = (line: string): unknown => {
    const [first, second] = [on(1, line), on(2, line)];
    expect(first).toEqual(second);
    return first;
  };
  const settle = (): void => {
    cluster.settle();
    const [first, second] = cluster.replicas;
    expect(second!.dump()).toEqual(first!.dump());
    for (const { keyspace } of cluster.replicas) keyspace.verifyInvariants();
  };

  test("increments add up, to the last bit of an exact sum", () => {
    on(1, "zadd z 1 a");
    settle();
    on(1, "zincrby z 0.1 a");
    on(2, "zincrby z 0.2 a");
    settle();
    expect(Number(both("zscore z a"))).toBe(1.3);
    expect(on(1, "zincrby z 1 a")).toBe("2.2999999999999998");
    settle();
    expect(both("zscore z a")).toBe("2.2999999999999998");
  });

  test("after a merge an increment counts from the score that was seen, as doubles do", () => {
    // The exact sum of three times 0.1 lies a little above the double that is nearest to it.
    on(1, "zadd z 0.1 a");
    settle();
    on(1, "zincrby z 0.1 a");
    on(2, "zincrby z 0.1 a");
    settle();
    expect(on(1, "zincrby z 0.3 a")).toBe("0.60000000000000009");
    settle();
    expect(both("zscore z a")).toBe("0.60000000000000009");
  });

  test("a removal does not take away an increment that it has not seen", () => {
    on(1, "zadd z 5 a");
    settle();
    on(1, "zrem z a");
    on(2, "zincrby z 2 a");
    settle();
    expect(both("zrange z 0 -1 withscores")).toEqual(["a", "2"]);
  });

  test("a score that was set counts from there, whoever increments", () => {
    on(1, "zadd z 5 a");
    settle();
    on(1, "zadd z 10 a");
    on(2, "zincrby z 1 a");
    settle();
    expect(both("zscore z a")).toBe("11");
  });

  test("two scores set at once: the later stamp wins, everywhere in the same place", () => {
    on(1, "zadd z 1 a 2 b 3 c");
    settle();
    on(1, "zadd z 9 a");
    on(2, "zadd z 0 a");
    settle();
    expect(["9", "0"]).toContain(both("zscore z a"));
    expect(both("zrank z a")).toBe(both("zscore z a") === "9" ? 2 : 0);
    on(2, "zadd z 7 a");
    settle();
    expect(both("zscore z a")).toBe("7");
  });

  test("adding again survives a removal that has not seen it, though nothing changed", () => {
    on(1, "zadd z 5 a");
    settle();
    on(1, "zrem z a");
    on(2, "zadd z 5 a");
    settle();
    expect(both("zscore z a")).toBe("5");
  });

  test("both pop the same member: at least once", () => {
    on(1, "zadd z 1 a 2 b");
    settle();
    expect(on(1, "zpopmin z")).toEqual(["a", "1"]);
    expect(on(2, "zpopmin z")).toEqual(["a", "1"]);
    settle();
    expect(both("zrange z 0 -1")).toEqual(["b"]);
  });

  test("an infinite score is set, not added; finite increments wait behind it", () => {
    on(1, "zadd z 1 a");
    settle();
    on(1, "zincrby z inf a");
    on(2, "zincrby z 5 a");
    settle();
    expect(both("zscore z a")).toBe("inf");
    on(1, "zadd z 3 a");
    settle();
    expect(both("zscore z a")).toBe("3");
  });

  test("a stored result replaces what was seen and spares what was not", () => {
    on(1, "zadd z 1 a 2 b");
    settle();
    on(1, "zrangestore z z 0 0");
    on(2, "zadd z 9 c");
    settle();
    expect(both("zrange z 0 -1 withscores")).toEqual(["a", "1", "c", "9"]);
  });

  test("a large set takes part too, member by member", () => {
    for (let n = 0; n < 300; n++) on(1, `zadd z ${n} m${n}`);
    settle();
    for (let n = 0; n < 100; n++) on(1, `zincrby z 0.5 m${n * 3}`);
    for (let n = 0; n < 100; n++) on(2, `zincrby z 0.25 m${n * 2}`);
    on(2, "zrem z m1 m5");
    on(1, "zadd z 1000 m5");
    settle();
    expect(both("zscore z m0")).toBe("0.75");
    expect(both("zscore z m6")).toBe("6.75");
    expect(both("zcard z")).toBe(299);
    expect(both("zrevrange z 0 0")).toEqual(["m5"]);
    for (const node of [1, 2]) {
      const [next, flat] = on(node, "zscan z 0 count 1000") as [string, string[]];
      expect(next).toBe("0");
      expect(flat.length).toBe(598);
    }
    on(1, "zpopmin z 299");
    settle();
    expect(both("exists z")).toBe(0);
  });

  test("the key of a removed set can be another type at once, and the later birth is seen", () => {
    on(1, "zadd z 1 a");
    settle();
    on(1, "del z");
    on(1, "set z text");
    on(2, "zincrby z 1 a");
    settle();
    expect(["string", "zset"]).toContain(both("type z"));
  });
});
