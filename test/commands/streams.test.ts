// Streams without a node around them: bad input that must change nothing, ids at the end of their
// range, nodes that fill as Redis's do, groups, and what nodes that share a stream do differently.

import { describe, expect, test } from "vitest";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import { Keyspace } from "../../src/keyspace/keyspace.js";
import { type Answer, Bench, isError, startMs } from "./harness.js";

const last = "18446744073709551615-18446744073709551615";

/** Everything that can be asked about a stream. */
const whole = (bench: Bench): Answer => [
  bench.run("exists", "s"),
  bench.run("xrange", "s", "-", "+"),
  bench.run("xinfo", "stream", "s", "full", "count", "0"),
];

const info = (bench: Bench, key = "s"): Map<Answer, Answer> => {
  const answer = bench.run("xinfo", "stream", key) as Answer[];
  return new Map(answer.flatMap((item, i) => (i % 2 === 0 ? [[item, answer[i + 1]!]] : [])));
};

const ids = (answer: Answer): Answer[] => (answer as Answer[][]).map(([id]) => id!);

const entry = (id: string, ...fields: string[]): Answer => [id, fields];

const invalid = "ERR Invalid stream ID specified as stream command argument";
const notInteger = "ERR value is not an integer or out of range";
const tooSmall = "ERR The ID specified in XADD is equal or smaller than the target stream top item";
const exhausted = "ERR The stream has exhausted the last possible ID, unable to add more items";
const wrongType = "WRONGTYPE Operation against a key holding the wrong kind of value";

describe("bad input changes nothing", () => {
  const lines: [string, string][] = [
    ["xadd s 0-0 f v", "ERR The ID specified in XADD must be greater than 0-0"],
    ["xadd s 3-1 f v", tooSmall],
    ["xadd s 18446744073709551616-1 f v", invalid],
    ["xadd s 1-18446744073709551616 f v", invalid],
    ["xadd s -1-1 f v", invalid],
    ["xadd s 5-1 f", "ERR wrong number of arguments for 'xadd' command"],
    ["xadd s maxlen 9223372036854775808 * f v", notInteger],
    ["xadd s maxlen -1 * f v", "ERR The MAXLEN argument must be >= 0."],
    ["xadd s minid - * f v", invalid],
    [
      "xadd s maxlen 3 minid 1 * f v",
      "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
    ],
    [
      "xadd s maxlen = 3 limit 5 * f v",
      "ERR syntax error, LIMIT cannot be used without the special ~ option",
    ],
    [
      "xtrim s limit 5",
      "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
    ],
    ["xtrim s maxlen ~ 0 limit -1", "ERR The LIMIT argument must be >= 0."],
    ["xdel s 1-1 x", invalid],
    ["xrange s - + count x", notInteger],
    [`xrange s (${last} +`, "ERR invalid start ID for the interval"],
    ["xrange s - (0-0", "ERR invalid end ID for the interval"],
    ["xrange s (- +", invalid],
    ["xsetid s 2-9", "ERR The ID specified in XSETID is smaller than the target stream top item"],
    ["xsetid s 9-9 entriesadded -1", "ERR entries_added must be positive"],
    [
      "xsetid s 9-9 entriesadded 2",
      "ERR The entries_added specified in XSETID is smaller than the target stream length",
    ],
    [
      "xsetid s 9-9 maxdeletedid 9-10",
      "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
    ],
    ["xsetid none 1-1", "ERR no such key"],
    [
      "xread count 1 streams s",
      "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
    ],
    ["xread count x streams s 0", notInteger],
    ["xread block -1 streams s 0", "ERR timeout is negative"],
    ["xread block 1.5 streams s 0", "ERR timeout is not an integer or out of range"],
    ["xgroup create s g 0", "BUSYGROUP Consumer Group name already exists"],
    ["xgroup create s h 0 entriesread -2", "ERR value for ENTRIESREAD must be positive or -1"],
    ["xgroup setid s x 0", "NOGROUP No such consumer group 'x' for key name 's'"],
    ["xclaim s g c x 1-1", "ERR Invalid min-idle-time argument for XCLAIM"],
    ["xclaim s g c 0 1-1 never", "ERR Unrecognized XCLAIM option 'never'"],
    ["xautoclaim s g c 0 0 count 0", "ERR COUNT must be > 0"],
    ["xautoclaim s g c 0 0 count 9223372036854775807", "ERR COUNT must be > 0"],
    [
      "xautoclaim s g c 0 0 count 576460752303423486",
      "ERR Insufficient memory, failed allocating transient memory, COUNT too high.",
    ],
    ["xpending s g - + x", notInteger],
    ["xadd text * f v", wrongType],
    ["xread streams text 0", wrongType],
    ["xinfo stream text", wrongType],
    ["xgroup create text g 0", wrongType],
    ["lpush s x", wrongType],
  ];

  test.each(lines)("%s", (text, error) => {
    const bench = new Bench();
    bench.run("set", "text", "x");
    for (const id of ["1-1", "2-1", "3-1"]) bench.run("xadd", "s", id, "f", "v");
    bench.run("xgroup", "create", "s", "g", "0");
    bench.run("xreadgroup", "group", "g", "c", "count", "2", "streams", "s", ">");
    const before = whole(bench);
    expect(bench.run(...text.split(" "))).toEqual({ error });
    expect(whole(bench)).toEqual(before);
    expect(bench.run("get", "text")).toBe("x");
    bench.keyspace.verifyInvariants();
  });

  test("huge counts are no counts to be made room for", () => {
    const bench = new Bench();
    bench.run("xadd", "s", "1-1", "f", "v");
    const count = "9223372036854775807";
    expect(ids(bench.run("xrange", "s", "-", "+", "count", count))).toEqual(["1-1"]);
    expect(bench.run("xtrim", "s", "maxlen", count)).toBe(0);
    expect(bench.run("xtrim", "s", "maxlen", "~", "0", "limit", count)).toBe(1);
  });
});

describe("ids", () => {
  test("the last of all is taken once, and then the stream is full", () => {
    const bench = new Bench();
    expect(bench.run("xadd", "s", last, "f", "v")).toBe(last);
    for (const id of ["*", last, "18446744073709551615-*"])
      expect(bench.run("xadd", "s", id, "f", "v")).toEqual({ error: exhausted });
    expect(bench.run("xread", "streams", "s", last)).toBeNull();
    expect(ids(bench.run("xrevrange", "s", "+", "-"))).toEqual([last]);
    expect(bench.run("xdel", "s", last)).toBe(1);
    expect(bench.run("xadd", "s", "*", "f", "v")).toEqual({ error: exhausted });
  });

  test("a millisecond whose sequences are used up has no more", () => {
    const bench = new Bench();
    const full = `${startMs + 5}-18446744073709551615`;
    bench.run("xadd", "s", full, "f", "v");
    expect(bench.run("xadd", "s", `${startMs + 5}-*`, "f", "v")).toEqual({ error: tooSmall });
    expect(bench.run("xadd", "s", "*", "f", "v")).toBe(`${startMs + 6}-0`);
  });

  test("the clock gives them, and never goes back behind the last", () => {
    const bench = new Bench();
    expect(bench.run("xadd", "s", "*", "f", "v")).toBe(`${startMs}-0`);
    expect(bench.run("xadd", "s", "*", "f", "v")).toBe(`${startMs}-1`);
    bench.wait(7);
    expect(bench.run("xadd", "s", "*", "f", "v")).toBe(`${startMs + 7}-0`);
    expect(bench.run("xadd", "s", `${startMs + 8}-*`, "f", "v")).toBe(`${startMs + 8}-0`);
    expect(bench.run("xadd", "s", "*", "f", "v")).toBe(`${startMs + 8}-1`);
  });

  test("an open end of a range goes back over a millisecond", () => {
    const bench = new Bench();
    for (const id of ["1-1", "2-0", "4294967296-0"]) bench.run("xadd", "s", id, "f", "v");
    expect(ids(bench.run("xrange", "s", "-", "(2-0"))).toEqual(["1-1"]);
    expect(ids(bench.run("xrange", "s", "(1-1", "(4294967296-0"))).toEqual(["2-0"]);
    const end = "1-18446744073709551615";
    expect(ids(bench.run("xrange", "s", `(${end}`, "+"))).toEqual(["2-0", "4294967296-0"]);
  });

  test("sequences are compared with all their bits", () => {
    const bench = new Bench();
    bench.run("xadd", "s", "1-5", "f", "v");
    expect(bench.run("xadd", "s", "1-4294967296", "f", "v")).toBe("1-4294967296");
    expect(bench.run("xadd", "s", "1-7", "f", "v")).toEqual({ error: tooSmall });
    expect(bench.run("xadd", "s", "4294967296-1", "f", "v")).toBe("4294967296-1");
    expect(ids(bench.run("xrange", "s", "1-6", "+"))).toEqual(["1-4294967296", "4294967296-1"]);
  });

  test("spellings that C takes for numbers", () => {
    const bench = new Bench();
    expect(bench.run("xadd", "s", "007-+2", "f", "v")).toBe("7-2");
    expect(bench.run("xrange", "s", " 7", "7")).toEqual([entry("7-2", "f", "v")]);
    expect(bench.run("xadd", "s", "8--01", "f", "v")).toBe("8-18446744073709551615");
  });
});

describe("nodes fill as Redis's do", () => {
  test("by entries, removed ones included, and by bytes", () => {
    const bench = new Bench();
    bench.settings.set("stream-node-max-entries", "3");
    for (let i = 1; i <= 4; i++) bench.run("xadd", "s", `${i}-0`, "f", `${i}`);
    expect(info(bench).get("radix-tree-keys")).toBe(2);
    bench.run("xdel", "s", "4-0");
    expect(info(bench).get("radix-tree-keys")).toBe(1);
    bench.run("xdel", "s", "3-0");
    bench.run("xadd", "s", "5-0", "f", "v");
    expect([info(bench).get("radix-tree-keys"), info(bench).get("radix-tree-nodes")]).toEqual([
      2, 6,
    ]);
    bench.settings.set("stream-node-max-entries", "0");
    bench.settings.set("stream-node-max-bytes", "100");
    for (let i = 6; i <= 9; i++) bench.run("xadd", "s", `${i}-0`, "f", "v".repeat(60));
    expect(info(bench).get("radix-tree-keys")).toBe(5);
  });

  test("an approximate trim takes whole nodes, and no more than its limit", () => {
    const bench = new Bench();
    bench.settings.set("stream-node-max-entries", "10");
    for (let i = 1; i <= 55; i++) bench.run("xadd", "s", `${i}-0`, "f", `${i}`);
    expect(bench.run("xtrim", "s", "maxlen", "~", "31")).toBe(20);
    expect(bench.run("xtrim", "s", "maxlen", "~", "0", "limit", "15")).toBe(10);
    expect(bench.run("xtrim", "s", "minid", "~", "45")).toBe(10);
    expect(bench.run("xtrim", "s", "minid", "45")).toBe(4);
    expect(ids(bench.run("xrange", "s", "-", "+"))).toEqual(
      Array.from({ length: 11 }, (_, i) => `${45 + i}-0`),
    );
    expect(info(bench).get("max-deleted-entry-id")).toBe("0-0");
    expect(info(bench).get("entries-added")).toBe(55);
    bench.keyspace.verifyInvariants();
  });

  test("names that differ are kept with their entry", () => {
    const bench = new Bench();
    bench.run("xadd", "s", "1-0", "a", "1", "b", "2");
    bench.run("xadd", "s", "2-0", "a", "3", "c", "4");
    bench.run("xadd", "s", "3-0", "a", "5", "b", "");
    bench.run("xadd", "s", "4-0", "a", "\0\xff");
    expect(bench.run("xrange", "s", "-", "+")).toEqual([
      entry("1-0", "a", "1", "b", "2"),
      entry("2-0", "a", "3", "c", "4"),
      entry("3-0", "a", "5", "b", ""),
      entry("4-0", "a", "\0\xff"),
    ]);
  });
});

describe("groups", () => {
  function grouped(): Bench {
    const bench = new Bench();
    for (let i = 1; i <= 5; i++) bench.run("xadd", "s", `${i}-0`, "f", `${i}`);
    bench.run("xgroup", "create", "s", "g", "0");
    return bench;
  }
  const read = (bench: Bench, consumer: string, count: number): Answer => {
    const answer = bench.run(
      ...["xreadgroup", "group", "g", consumer, "count", count, "streams", "s", ">"],
    ) as [[string, Answer]] | null;
    return answer === null ? null : ids(answer[0][1]);
  };

  test("each entry goes to one consumer and stays pending until it is acknowledged", () => {
    const bench = grouped();
    expect(read(bench, "c", 2)).toEqual(["1-0", "2-0"]);
    expect(read(bench, "d", 9)).toEqual(["3-0", "4-0", "5-0"]);
    expect(read(bench, "c", 1)).toBeNull();
    expect(bench.run("xpending", "s", "g")).toEqual([
      5,
      "1-0",
      "5-0",
      [
        ["c", "2"],
        ["d", "3"],
      ],
    ]);
    expect(bench.run("xack", "s", "g", "2-0", "9-9", "2-0")).toBe(1);
    expect(bench.run("xpending", "s", "g", "-", "+", "9", "c")).toEqual([["1-0", "c", 0, 1]]);
    bench.wait(50);
    expect(bench.run("xpending", "s", "g", "idle", "50", "(1-0", "4-0", "9")).toEqual([
      ["3-0", "d", 50, 1],
      ["4-0", "d", 50, 1],
    ]);
    expect(bench.run("xgroup", "delconsumer", "s", "g", "d")).toBe(3);
    expect(bench.run("xpending", "s", "g")).toEqual([1, "1-0", "1-0", [["c", "1"]]]);
    bench.keyspace.verifyInvariants();
  });

  test("history gives again what is pending, and tells of what is gone", () => {
    const bench = grouped();
    read(bench, "c", 3);
    bench.run("xdel", "s", "2-0");
    expect(bench.run("xreadgroup", "group", "g", "c", "streams", "s", "1")).toEqual([
      ["s", [["2-0", null], entry("3-0", "f", "3")]],
    ]);
    expect(bench.run("xpending", "s", "g", "-", "+", "9")).toEqual([
      ["1-0", "c", 0, 1],
      ["2-0", "c", 0, 1],
      ["3-0", "c", 0, 2],
    ]);
  });

  test("history is a consumer's own", () => {
    const bench = grouped();
    read(bench, "c", 2);
    read(bench, "d", 1);
    const history = (consumer: string): Answer => {
      const line = ["xreadgroup", "group", "g", consumer, "streams", "s", "0"];
      return ids((bench.run(...line) as [[string, Answer]])[0][1]);
    };
    expect(history("d")).toEqual(["3-0"]);
    expect(history("c")).toEqual(["1-0", "2-0"]);
    expect(history("e")).toEqual([]);
  });

  test("claiming moves entries, and drops those that are gone", () => {
    const bench = grouped();
    read(bench, "c", 4);
    bench.run("xdel", "s", "2-0");
    bench.wait(100);
    expect(bench.run("xclaim", "s", "g", "d", "101", "1-0")).toEqual([]);
    expect(bench.run("xclaim", "s", "g", "d", "100", "1-0", "2-0", "5-0")).toEqual([
      entry("1-0", "f", "1"),
    ]);
    expect(bench.run("xclaim", "s", "g", "d", "0", "5-0", "force", "justid")).toEqual(["5-0"]);
    expect(bench.run("xpending", "s", "g", "-", "+", "9", "d")).toEqual([
      ["1-0", "d", 0, 2],
      ["5-0", "d", 0, 1],
    ]);
    bench.run("xdel", "s", "3-0");
    expect(bench.run("xautoclaim", "s", "g", "e", "0", "-", "count", "2")).toEqual([
      "4-0",
      [entry("1-0", "f", "1")],
      ["3-0"],
    ]);
    expect(bench.run("xautoclaim", "s", "g", "e", "0", "4-0", "justid")).toEqual([
      "0-0",
      ["4-0", "5-0"],
      [],
    ]);
    bench.keyspace.verifyInvariants();
  });

  test("the lag is known until an entry is removed in the middle of what is to come", () => {
    const bench = grouped();
    const lag = (): Answer => {
      const group = (bench.run("xinfo", "groups", "s") as Answer[][])[0]!;
      return [group[9]!, group[11]!];
    };
    expect(lag()).toEqual([null, 5]);
    read(bench, "c", 2);
    expect(lag()).toEqual([2, 3]);
    bench.run("xdel", "s", "4-0");
    expect(lag()).toEqual([2, null]);
    read(bench, "c", 9);
    expect(lag()).toEqual([5, 0]);
  });

  test("a copy has the same entries and groups, and goes its own way", () => {
    const bench = grouped();
    read(bench, "c", 2);
    bench.run("copy", "s", "t");
    const of = (key: string): Answer => bench.run("xinfo", "stream", key, "full");
    expect(of("t")).toEqual(of("s"));
    bench.run("xadd", "t", "6-0", "f", "6");
    bench.run("xack", "t", "g", "1-0");
    expect(bench.run("xlen", "s")).toBe(5);
    expect(bench.run("xpending", "s", "g", "-", "+", "9")).toHaveLength(2);
    bench.run("rename", "t", "u");
    expect(info(bench, "u").get("length")).toBe(6);
    bench.keyspace.verifyInvariants();
  });
});

describe("nodes that share a stream", () => {
  function shared(name: string): Bench {
    const bench = new Bench(new Keyspace({ replicas: new ReplicaTable(), self: name }));
    bench.keyspace.isShared = true;
    return bench;
  }

  test("mark the ids that they make, each with a mark of its own", () => {
    const one = shared("n1/1");
    const two = shared("n2/1");
    const made = [one, two].flatMap((bench) => [
      bench.run("xadd", "s", "*", "f", "v"),
      bench.run("xadd", "s", "*", "f", "v"),
      bench.run("xadd", "s", `${startMs + 9}-*`, "f", "v"),
    ]);
    expect(new Set(made).size).toBe(6);
    for (const bench of [one, two]) {
      const [first, second] = ids(bench.run("xrange", "s", "-", "+")).map((id) =>
        BigInt(String(id).split("-")[1]!),
      );
      // The marks stand in the low bits, so that a node's own ids ascend.
      expect(second! - first!).toBe(1n << 24n);
    }
    expect(one.run("xadd", "s", `${startMs + 9}-18446744073709551615`, "f", "v")).toBeTypeOf(
      "string",
    );
    expect(one.run("xadd", "s", `${startMs + 9}-*`, "f", "v")).toEqual({ error: tooSmall });
  });

  test("have no groups there", () => {
    const bench = shared("n1/1");
    bench.run("xadd", "s", "1-1", "f", "v");
    for (const line of [
      "xgroup create s g 0",
      "xgroup setid s g 0",
      "xgroup destroy s g",
      "xgroup createconsumer s g c",
      "xgroup delconsumer s g c",
      "xreadgroup group g c streams s >",
      "xack s g 1-1",
      "xpending s g",
      "xclaim s g c 0 1-1",
      "xautoclaim s g c 0 0",
    ]) {
      const answer = bench.run(...line.split(" "));
      expect(isError(answer) && answer.error).toMatch(/^ERR consumer groups need one order/);
    }
    expect(bench.run("xinfo", "groups", "s")).toEqual([]);
  });
});
