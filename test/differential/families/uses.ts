// What counts as a use of a key: under an LFU policy whose counter rises with each, OBJECT FREQ
// tells. A step group sets the policy, works on keys of its own and takes both away again, so that
// the other families meet the settings they know. Integers are left out: Redis shares small ones
// among keys.

import fc from "fast-check";
import type { Family, StepGroup } from "../step.js";
import { type Line, line } from "../values.js";

const begin = ["maxmemory-policy", "allkeys-lfu", "lfu-log-factor", "0", "lfu-decay-time", "0"];
const end = ["maxmemory-policy", "noeviction", "lfu-log-factor", "10", "lfu-decay-time", "1"];

const made = [
  ["SET", "u:text", "v"],
  ["RPUSH", "u:list", "a", "b", "c"],
  ["HSET", "u:hash", "f", "v"],
  ["SADD", "u:set", "a"],
  ["ZADD", "u:zset", "1", "a"],
  ["XADD", "u:stream", "1-1", "f", "v"],
  ["PFADD", "u:hll", "a"],
];
const keys = made.map(([, key]) => key!);
const key = fc.constantFrom(...keys);
const text = fc.constantFrom("w", "x".repeat(60), "y".repeat(500));

const uses: Line = fc.oneof(
  line("GET", "u:text"),
  line("SET", key, text),
  line("SETEX", "u:text", "100000", text),
  line("APPEND", "u:text", text),
  line("SETRANGE", "u:text", "1", text),
  line("STRLEN", "u:text"),
  line("MGET", "u:text", "u:list"),
  line("MSET", "u:text", text),
  line("LPUSH", "u:list", text),
  line("LRANGE", "u:list", "0", "-1"),
  line("LLEN", "u:list"),
  line("HGET", "u:hash", "f"),
  line("HSET", "u:hash", "g", text),
  line("SADD", "u:set", text),
  line("SISMEMBER", "u:set", "a"),
  line("ZADD", "u:zset", "2", text),
  line("ZSCORE", "u:zset", "a"),
  line("XLEN", "u:stream"),
  line("PFADD", "u:hll", text),
  line("TTL", key),
  line("EXPIRE", key, "100000"),
  line("PERSIST", key),
  line("EXISTS", key),
  line("TYPE", key),
  line("TOUCH", key, key),
  line("DUMP", key),
  line("OBJECT", "ENCODING", key),
  line("SORT_RO", "u:list", "ALPHA"),
);

const group: fc.Arbitrary<StepGroup> = fc
  .array(uses, { minLength: 1, maxLength: 8 })
  .map((lines) => [
    { argv: ["CONFIG", "SET", ...begin] },
    ...made.map((argv) => ({ argv })),
    ...lines.map((argv) => ({ argv: [...argv] })),
    ...keys.map((name) => ({ argv: ["OBJECT", "FREQ", name] })),
    { argv: ["DEL", ...keys] },
    { argv: ["CONFIG", "SET", ...end] },
  ]);

export const usesFamily: Family = {
  name: "uses",
  commands: ["OBJECT", "CONFIG", "SET", "RPUSH", "HSET", "SADD", "ZADD", "XADD", "PFADD", "DEL"],
  databaseCount: 1,
  comparers: { DUMP: () => true },
  groups: () => group,
};
