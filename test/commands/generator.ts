// Random commands over few keys, so that they meet: every write command of the data tables, with
// arguments that are mostly sensible. Which replies they get is the differential test's question;
// here only that nothing breaks.

import fc from "fast-check";
import { latin1 } from "../../src/base/bytes.js";
import { dataCommands } from "../../src/commands/data-commands.js";
import { forms as dumpForms, seal } from "../rdb/payloads.js";
import { startMs } from "./harness.js";

export type Line = readonly (string | number)[];

const key = fc.constantFrom("a", "b", "c", "d");
const small = fc.integer({ min: -9, max: 9 });
const value = fc.oneof(
  { weight: 4, arbitrary: small.map(String) },
  { weight: 2, arbitrary: fc.constantFrom("", "x", "text", "9007199254740991", "1.5", "-3.25e1") },
  { weight: 1, arbitrary: fc.constantFrom("y".repeat(200), "z".repeat(33_000)) },
);
const float = fc.constantFrom("0.5", "-1.25", "3", "1e3", "0.1");
const member = fc.constantFrom("m1", "m2", "7");
const score = fc.constantFrom("-2", "0", "1", "1.5", "7");
const count = fc.nat({ max: 3 });
const ahead = fc.integer({ min: 1, max: 50 });
const at = fc.integer({ min: startMs - 10, max: startMs + 100 });
const database = fc.constantFrom(0, 1);
const offset = fc.integer({ min: 0, max: 40 });
const bit = fc.constantFrom(0, 1);

const line = (...parts: (string | fc.Arbitrary<string | number>)[]): fc.Arbitrary<Line> =>
  fc.tuple(...parts.map((part) => (typeof part === "string" ? fc.constant(part) : part)));

const side = fc.constantFrom("left", "right");
const condition = fc.constantFrom("nx", "xx", "gt", "lt");

type Forms = Readonly<Record<string, readonly fc.Arbitrary<Line>[]>>;

const setForms: Forms = {
  sadd: [line("sadd", key, member), line("sadd", key, member, member)],
  srem: [line("srem", key, member), line("srem", key, member, member)],
  smove: [line("smove", key, key, member)],
  spop: [line("spop", key), line("spop", key, count)],
  sinterstore: [line("sinterstore", key, key, key)],
  sunionstore: [line("sunionstore", key, key, key)],
  sdiffstore: [line("sdiffstore", key, key, key)],
};

const hashForms: Forms = {
  hset: [line("hset", key, member, value), line("hset", key, member, value, member, value)],
  hmset: [line("hmset", key, member, value)],
  hsetnx: [line("hsetnx", key, member, value)],
  hdel: [line("hdel", key, member), line("hdel", key, member, member)],
  hincrby: [line("hincrby", key, member, small)],
  hincrbyfloat: [line("hincrbyfloat", key, member, float)],
};

const zsetForms: Forms = {
  zadd: [
    line("zadd", key, score, member),
    line("zadd", key, score, member, score, member),
    line("zadd", key, fc.constantFrom("nx", "xx", "gt", "lt", "ch"), score, member),
    line("zadd", key, "incr", score, member),
  ],
  zincrby: [line("zincrby", key, score, member)],
  zrem: [line("zrem", key, member)],
  zremrangebyrank: [line("zremrangebyrank", key, small, small)],
  zremrangebyscore: [line("zremrangebyscore", key, "-inf", score)],
  zremrangebylex: [line("zremrangebylex", key, "-", "[m1")],
  zrangestore: [line("zrangestore", key, key, count, small)],
  zunionstore: [line("zunionstore", key, "2", key, key)],
  zinterstore: [line("zinterstore", key, "2", key, key)],
  zdiffstore: [line("zdiffstore", key, "2", key, key)],
  zpopmin: [line("zpopmin", key), line("zpopmin", key, count)],
  zpopmax: [line("zpopmax", key), line("zpopmax", key, count)],
  zmpop: [line("zmpop", "1", key, "min", "count", fc.constantFrom(1, 2))],
  bzpopmin: [line("bzpopmin", key, key, "0")],
  bzpopmax: [line("bzpopmax", key, "0")],
  bzmpop: [line("bzmpop", "0", "1", key, "max")],
};

const place = fc
  .constantFrom("13.36 38.11", "15.08 37.5", "-180 -85.05")
  .map((at) => at.split(" "));

const geoForms: Forms = {
  geoadd: [
    fc.tuple(key, place, member).map(([name, at, who]) => ["geoadd", name, ...at, who]),
    fc.tuple(key, place, member).map(([name, at, who]) => ["geoadd", name, "ch", ...at, who]),
  ],
  georadius: [line("georadius", key, "15", "37", "200", "km", "store", key)],
  georadiusbymember: [
    line("georadiusbymember", key, member, "500", "km", "storedist", key),
    line("georadiusbymember", key, member, "500", "km"),
  ],
  geosearchstore: [
    line("geosearchstore", key, key, "fromlonlat", "15", "37", "byradius", "300", "km"),
    line("geosearchstore", key, key, "frommember", member, "bybox", "1", "1", "m", "storedist"),
  ],
};

const id = fc.constantFrom("*", "*", "1-1", "2-1", "2-*", "7-7", "1800000000003-*");
const entryId = fc.constantFrom("1-1", "2-1", "2-2", "7-7", "1800000000003-0");
const group = fc.constantFrom("g1", "g2");
const consumer = fc.constantFrom("c1", "c2");

const streamForms: Forms = {
  xadd: [
    line("xadd", key, id, member, value),
    line("xadd", key, id, "m1", value, "m2", value),
    line("xadd", key, "maxlen", "~", count, "*", "m1", value),
    line("xadd", key, "nomkstream", "minid", entryId, id, "m1", value),
  ],
  xdel: [line("xdel", key, entryId), line("xdel", key, entryId, entryId)],
  xtrim: [line("xtrim", key, "maxlen", count), line("xtrim", key, "minid", entryId)],
  xsetid: [line("xsetid", key, "1800000000900-0"), line("xsetid", key, entryId)],
  xgroup: [
    line("xgroup", "create", key, group, fc.constantFrom("0", "$", "2-1"), "mkstream"),
    line("xgroup", "setid", key, group, entryId, "entriesread", count),
    line("xgroup", "destroy", key, group),
    line("xgroup", "createconsumer", key, group, consumer),
    line("xgroup", "delconsumer", key, group, consumer),
  ],
  xreadgroup: [
    line("xreadgroup", "group", group, consumer, "count", count, "streams", key, ">"),
    line("xreadgroup", "group", group, consumer, "noack", "streams", key, ">"),
    line("xreadgroup", "group", group, consumer, "streams", key, "0"),
  ],
  xack: [line("xack", key, group, entryId, entryId)],
  xclaim: [
    line("xclaim", key, group, consumer, "0", entryId, "retrycount", count),
    line("xclaim", key, group, consumer, "0", entryId, "force", "justid"),
  ],
  xautoclaim: [line("xautoclaim", key, group, consumer, "0", "0", "count", "2")],
};
const payloads = ["list", "set", "hash", "zset"].map((name) =>
  latin1(seal(dumpForms[name]!(["m1", "1", "m2", "7"]))),
);

/** By command name: its forms. A test demands that no write command of the tables is missing. */
export const forms: Readonly<Record<string, readonly fc.Arbitrary<Line>[]>> = {
  ...setForms,
  ...hashForms,
  ...zsetForms,
  ...geoForms,
  ...streamForms,
  set: [
    line("set", key, value),
    line("set", key, value, "px", ahead),
    line("set", key, value, "keepttl", "get"),
    line("set", key, value, fc.constantFrom("nx", "xx")),
    line("set", key, value, "pxat", at),
  ],
  getex: [
    line("getex", key, "px", ahead),
    line("getex", key, "persist"),
    line("getex", key, "pxat", at),
  ],
  getdel: [line("getdel", key)],
  getset: [line("getset", key, value)],
  setex: [line("setex", key, ahead, value)],
  psetex: [line("psetex", key, ahead, value)],
  setnx: [line("setnx", key, value)],
  mset: [line("mset", key, value, key, value)],
  msetnx: [line("msetnx", key, value, key, value)],
  append: [line("append", key, value)],
  setrange: [line("setrange", key, offset, value)],
  incr: [line("incr", key)],
  decr: [line("decr", key)],
  incrby: [line("incrby", key, small), line("incrby", key, fc.constant("9007199254740991"))],
  decrby: [line("decrby", key, small)],
  incrbyfloat: [line("incrbyfloat", key, float)],
  setbit: [line("setbit", key, offset, bit)],
  bitop: [
    line("bitop", fc.constantFrom("and", "or", "xor"), key, key, key),
    line("bitop", "not", key, key),
  ],
  bitfield: [line("bitfield", key, "set", "u8", offset, small, "incrby", "i5", offset, small)],
  del: [line("del", key), line("del", key, key)],
  unlink: [line("unlink", key)],
  rename: [line("rename", key, key)],
  renamenx: [line("renamenx", key, key)],
  copy: [line("copy", key, key, "replace"), line("copy", key, key, "db", database)],
  move: [line("move", key, database)],
  swapdb: [line("swapdb", database, database)],
  flushdb: [line("flushdb")],
  flushall: [line("flushall", "async")],
  expire: [line("expire", key, ahead), line("expire", key, small)],
  pexpire: [line("pexpire", key, ahead), line("pexpire", key, ahead, condition)],
  expireat: [line("expireat", key, at)],
  pexpireat: [line("pexpireat", key, at)],
  persist: [line("persist", key)],
  lpush: [line("lpush", key, value), line("lpush", key, value, value)],
  rpush: [line("rpush", key, value), line("rpush", key, value, value)],
  lpushx: [line("lpushx", key, value)],
  rpushx: [line("rpushx", key, value)],
  lpop: [line("lpop", key), line("lpop", key, offset)],
  rpop: [line("rpop", key), line("rpop", key, offset)],
  lset: [line("lset", key, small, value)],
  linsert: [line("linsert", key, fc.constantFrom("before", "after"), value, value)],
  lrem: [line("lrem", key, small, value)],
  ltrim: [line("ltrim", key, small, small)],
  lmove: [line("lmove", key, key, side, side)],
  rpoplpush: [line("rpoplpush", key, key)],
  lmpop: [line("lmpop", "2", key, key, side, "count", ahead)],
  blpop: [line("blpop", key, key, "0")],
  brpop: [line("brpop", key, "0")],
  blmove: [line("blmove", key, key, side, side, "0")],
  brpoplpush: [line("brpoplpush", key, key, "0")],
  blmpop: [line("blmpop", "0", "1", key, side)],
  restore: [
    line("restore", key, fc.constantFrom(0, 5), fc.constantFrom(...payloads), "replace"),
    line("restore", key, at, fc.constantFrom(...payloads), "absttl"),
  ],
  "restore-asking": [line("restore-asking", key, "0", fc.constantFrom(...payloads))],
  pfadd: [line("pfadd", key), line("pfadd", key, value, member)],
  pfmerge: [line("pfmerge", key, key, key)],
  pfdebug: [line("pfdebug", fc.constantFrom("todense", "getreg"), key)],
  sort: [
    line("sort", key, "alpha", "store", key),
    line("sort", key, "by", "nosort", "get", "#", "get", "*", "store", key),
  ],
  "skerry.cas": [
    line("skerry.cas", key, value, value, "create"),
    line("skerry.cas", key, small, small),
  ],
};

/** A form may wait here for a command that is still being written. */
const known = new Set(dataCommands.map(({ name }) => name));

/** Removing everything too often leaves nothing to test. */
const rare = new Set(["flushdb", "flushall", "swapdb"]);

export const anyCommand: fc.Arbitrary<Line> = fc.oneof(
  ...Object.entries(forms)
    .filter(([name]) => known.has(name))
    .map(([name, arbitraries]) => ({
      weight: rare.has(name) ? 1 : 8,
      arbitrary: fc.oneof(...arbitraries),
    })),
  { weight: 8, arbitrary: line("select", database) },
);

/** Few keys and one group, so that readers find it and entries become pending. */
const narrowed: Readonly<Record<string, string>> = { c: "a", d: "b", g2: "g1" };

const weights: readonly (readonly [number, string])[] = [
  ...([
    [8, "xadd"],
    [8, "xreadgroup"],
    [6, "xgroup"],
    [2, "xack"],
    [2, "xclaim"],
  ] as const),
  ...([
    [2, "xautoclaim"],
    [2, "xdel"],
    [1, "xtrim"],
    [1, "xsetid"],
  ] as const),
  ...([
    [0.3, "del"],
    [0.3, "copy"],
    [0.3, "rename"],
    [0.2, "pexpire"],
  ] as const),
];

/** Streams and their groups alone, so that they meet. */
export const streamCommand: fc.Arbitrary<Line> = fc
  .oneof(
    ...weights.map(([weight, name]) => ({
      weight: weight * 10,
      arbitrary: fc.oneof(...forms[name]!),
    })),
    {
      weight: 40,
      arbitrary: line("xgroup", "create", key, group, "0", "mkstream"),
    },
  )
  .map((words) => words.map((word) => narrowed[word] ?? word));
