// A pipeline is answered as its commands one by one are: what a batch does ahead, or only once for
// commands on one key, nobody can tell from the replies.

import fc from "fast-check";
import { expect, test } from "vitest";
import { type Client, Rig } from "../server-commands/harness.js";
import { encodeRequest } from "../wire/requests.js";

type Request = readonly string[];

function sendAtOnce(rig: Rig, client: Client, requests: readonly Request[]): string {
  client.output = "";
  rig.receive(client, Buffer.concat(requests.map(encodeRequest)));
  return client.output;
}

const singly = (client: Client, requests: readonly Request[]): string =>
  requests.map((request) => client.send(...request)).join("");

// Few keys, so that runs on one of them are common; every command that makes a key come, go, move
// or change its form, and some that are refused before they look for theirs.
const key = fc.constantFrom("a", "b", "longer-key");
const more = "x".repeat(70);
const onKey = (...forms: Request[]) =>
  fc
    .tuple(key, fc.constantFrom(...forms))
    .map(([name, [command, ...rest]]) => [command!, name, ...rest]);
const request: fc.Arbitrary<Request> = fc.oneof(
  {
    weight: 6,
    arbitrary: onKey(
      ...[["SET", "1"], ["SET", more], ["GET"], ["INCR"], ["APPEND", "2"], ["DEL"], ["GETDEL"]],
      ...[["EXPIRE", "100"], ["PEXPIRE", "0"], ["PERSIST"], ["TTL"], ["STRLEN"], ["EXISTS"]],
    ),
  },
  {
    weight: 6,
    arbitrary: onKey(
      ...[["SADD", "m", "n"], ["SADD", more], ["SREM", "m"], ["SPOP"], ["SCARD"], ["TYPE"]],
      ...[["LPUSH", "v"], ["RPUSH", more], ["LPOP"], ["RPOP"], ["LLEN"], ["HSET", "f", "v"]],
      ...[["HDEL", "f"], ["HGET", "f"], ["ZADD", "1", "m"], ["ZPOPMIN"], ["ZSCORE", "m"]],
    ),
  },
  { weight: 2, arbitrary: onKey(["RENAME", "b"], ["COPY", "a", "REPLACE"], ["SET"], ["GET", "x"]) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      ...[["MULTI"], ["EXEC"], ["SELECT", "1"], ["SELECT", "0"], ["FLUSHALL"], ["PING"]],
      ...[["SWAPDB", "0", "1"], ["DBSIZE"]],
    ),
  },
);

test("pipelines: any of them is answered as its commands one by one", () => {
  const runs = fc.array(request, { minLength: 2, maxLength: 80, size: "max" });
  fc.assert(
    fc.property(runs, (requests) => {
      const [rig, other] = [new Rig(), new Rig()];
      const atOnce = sendAtOnce(rig, rig.connect(), requests);
      expect(atOnce).toBe(singly(other.connect(), requests));
      rig.node.verifyInvariants();
    }),
    { numRuns: 300 },
  );
});

test("pipelines: a key is found where it is now, not where the command before found it", () => {
  const rig = new Rig();
  const value = "x".repeat(40);
  const replies = sendAtOnce(rig, rig.connect(), [
    ...[
      ["SET", "a", "1"],
      ["GET", "a"],
      ["SET", "a", value],
      ["GET", "a"],
      ["DEL", "a"],
    ],
    ...[
      ["GET", "a"],
      ["SADD", "a", "m"],
      ["SCARD", "a"],
      ["SADD", "a", value],
      ["SCARD", "a"],
    ],
  ]);
  const expected = [
    "+OK",
    "$1\r\n1",
    "+OK",
    `$40\r\n${value}`,
    ":1",
    "$-1",
    ":1",
    ":1",
    ":1",
    ":2",
  ];
  expect(replies).toBe(`${expected.join("\r\n")}\r\n`);
});

test("pipelines: keys that differ in one byte are two keys, wherever it stands", () => {
  const rig = new Rig();
  const client = rig.connect();
  for (let length = 1; length <= 13; length++) {
    for (let at = 0; at < length; at++) {
      const name = "a".repeat(length);
      const other = `${name.slice(0, at)}b${name.slice(at + 1)}`;
      const replies = sendAtOnce(rig, client, [
        ...[["FLUSHALL"], ["SET", name, "1"]],
        ...[
          ["GET", name],
          ["GET", other],
          ["SET", other, "2"],
          ["GET", name],
        ],
      ]);
      expect(replies, other).toBe("+OK\r\n+OK\r\n$1\r\n1\r\n$-1\r\n+OK\r\n$1\r\n1\r\n");
      // A batch that begins with two commands on one key is one of repeats.
      const repeated = sendAtOnce(rig, client, [
        ...[
          ["GET", name],
          ["GET", name],
          ["GET", other],
          ["GET", name],
        ],
      ]);
      expect(repeated, other).toBe("$1\r\n1\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n1\r\n");
    }
  }
});

test("pipelines: a command that is refused leaves no other key's record behind", () => {
  const rig = new Rig();
  const replies = sendAtOnce(rig, rig.connect(), [
    ...[
      ["SET", "a", "1"],
      ["GET", "a"],
      ["GET", "b", "x"],
      ["GET", "b"],
    ],
  ]);
  expect(replies).toMatch(/^\+OK\r\n\$1\r\n1\r\n-ERR wrong number [^\r]*\r\n\$-1\r\n$/);
});

test("pipelines: a command on many keys finds each of them", () => {
  const rig = new Rig();
  const client = rig.connect();
  // More than are looked for together, of one length and of several, and some of them twice.
  const keys = Array.from(
    { length: 75 },
    (_, n) => (n % 5 === 0 ? "k" : "key:").repeat(1 + (n % 3)) + (n % 70),
  );
  const last = new Map(keys.map((name, n) => [name, `value-${n}`]));
  const pairs = keys.flatMap((name, n) => [name, `value-${n}`]);
  const found = keys.map((name) => `$${last.get(name)!.length}\r\n${last.get(name)}\r\n`);
  const requests = [
    ["SADD", "set", "m"],
    ["MSET", ...pairs],
    ["MGET", ...keys, "none", "set"],
  ];
  const expected = `:1\r\n+OK\r\n*77\r\n${found.join("")}$-1\r\n$-1\r\n`;
  expect(sendAtOnce(rig, client, requests)).toBe(expected);
  expect(singly(client, [["MGET", ...keys]])).toBe(`*75\r\n${found.join("")}`);
  const odd = keys.slice(0, 33);
  expect(singly(client, [["MGET", ...odd]])).toBe(`*33\r\n${found.slice(0, 33).join("")}`);
  rig.node.verifyInvariants();
});

/** A collection of so many is no packed record. */
const largeCount = 600;
const element = fc
  .integer({ min: 0, max: largeCount + 60 })
  .map((n) => "element".slice(0, 1 + (n % 3)) + n);
/** On one collection, whose elements are looked for ahead. */
const onElements: Readonly<Record<string, readonly Request[]>> = {
  hash: [
    ["HSET"],
    ["HGET"],
    ["HDEL"],
    ["HEXISTS"],
    ["HINCRBY"],
    ["HMGET"],
    ["HSETNX"],
    ["HSTRLEN"],
  ],
  set: [["SADD"], ["SREM"], ["SISMEMBER"], ["SMISMEMBER"], ["SCARD"], ["SPOP"]],
  zset: [["ZADD", "5"], ["ZADD", "NX", "7"], ["ZINCRBY", "2"], ["ZSCORE"], ["ZRANK"], ["ZREM"]],
};

test.each(Object.entries(onElements))(
  "pipelines: what is named of a large %s is found",
  (name, commands) => {
    const fill = Array.from({ length: largeCount }, (_, n) => {
      const member = "element".slice(0, 1 + (n % 3)) + n;
      if (name === "hash") return ["HSET", name, member, "1"];
      return name === "set" ? ["SADD", name, member] : ["ZADD", name, String(n), member];
    });
    const asked = fc
      .tuple(fc.constantFrom(...commands), fc.array(element, { maxLength: 2 }))
      .map(([[command, ...given], elements]) => [command!, name, ...given, ...elements]);
    fc.assert(
      fc.property(fc.array(asked, { minLength: 2, maxLength: 40, size: "max" }), (requests) => {
        const [rig, other] = [new Rig(), new Rig()];
        sendAtOnce(rig, rig.connect(), fill);
        const expected = singly(other.connect(), [...fill, ...requests]);
        expect(expected.endsWith(sendAtOnce(rig, rig.connect(), requests))).toBe(true);
        rig.node.verifyInvariants();
      }),
      { numRuns: 20 },
    );
  },
);

test("pipelines: what was looked for ahead in one says nothing of the next", () => {
  const rig = new Rig();
  const client = rig.connect();
  const members = Array.from({ length: 900 }, (_, n) => `m${100 + n}`);
  client.send("SADD", "s", ...members);
  const found = sendAtOnce(rig, client, [
    ["SISMEMBER", "s", "m101"],
    ["SISMEMBER", "s", "m102"],
  ]);
  expect(found).toBe(":1\r\n:1\r\n");
  // The same places in the request, other members, and no batch on one key.
  const others = sendAtOnce(rig, client, [
    ["SISMEMBER", "t", "m103"],
    ["SISMEMBER", "s", "m104"],
  ]);
  expect(others).toBe(":0\r\n:1\r\n");
});
