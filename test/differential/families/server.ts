// The server about itself and its connections: COMMAND, CONFIG, CLIENT, HELLO, OBJECT HELP and the
// like. Compared exactly where Redis is determined, in shape where the reply holds names, times and
// counts of its own.

import fc from "fast-check";
import { sameAtEveryDepth, sameMultiset, sameShape } from "../compare.js";
import type { Comparer, Family } from "../step.js";
import { anyOf, integer, key, type Line, line, many, maybe, value } from "../values.js";

const commandName = fc.constantFrom(
  ...[
    "get",
    "SET",
    "mset",
    "append",
    "bitop",
    "copy",
    "lcs",
    "config|get",
    "client|kill",
    "object",
  ],
  ...[
    "expire",
    "del",
    "rename",
    "getex",
    "incr",
    "setrange",
    "bitfield",
    "foo",
    "",
    "memory|usage",
  ],
  ...["ping", "hello", "select", "scan", "keys", "swapdb", "flushall", "info", "command", "debug"],
);

const keyedCommand: Line = fc.oneof(
  line("GET", key),
  line("SET", key, value),
  line("MSET", many(line(key, value), 1, 3)),
  line("DEL", many(key, 1, 3)),
  line("BITOP", "AND", many(key, 2, 4)),
  line("COPY", key, key),
  line("RENAME", key, key),
  line("OBJECT", "ENCODING", key),
  line("LCS", key, key),
  line("PING"),
  line("GET"),
  line("NOSUCH", key),
);

/** Parameters whose values do not depend on the machine; a wrong value is refused alike. */
const parameter = fc.constantFrom(
  ...[
    "slowlog-max-len",
    "hash-max-listpack-entries",
    "hash-max-ziplist-entries",
    "set-max-intset-entries",
  ],
  ...[
    "list-max-listpack-size",
    "zset-max-listpack-value",
    "maxmemory-policy",
    "notify-keyspace-events",
  ],
  ...[
    "lazyfree-lazy-expire",
    "hz",
    "timeout",
    "proto-max-bulk-len",
    "appendfsync",
    "stream-node-max-entries",
  ],
  ...[
    "latency-monitor-threshold",
    "active-expire-effort",
    "lfu-decay-time",
    "no-such-parameter",
    "",
  ],
);

/** Only refusals: a change that succeeds would outlive the sequence. */
const refusedValue = fc.constantFrom(
  "",
  "abc",
  "-99999",
  "1.5",
  "99999999999999999999",
  "1x",
  "yes no",
);

const configPattern = fc.oneof(
  parameter,
  fc.constantFrom(
    "hash-*",
    "*listpack*",
    "lazyfree*",
    "latency-t*",
    "lfu-?*",
    "[sz]et-max*",
    "nope*",
  ),
);

const table: readonly (readonly [number, string, Line])[] = [
  [3, "PING", line("PING", maybe(value))],
  [2, "ECHO", line("ECHO", value)],
  [3, "SELECT", line("SELECT", fc.oneof(integer, fc.constantFrom("0", "15", "16")))],
  [2, "AUTH", line("AUTH", maybe(value), value)],
  [2, "HELLO", line("HELLO", fc.constantFrom("1", "4", "abc", "", "-1"), maybe(value))],
  [
    1,
    "HELLO",
    line("HELLO", fc.constantFrom("2", "3"), "SETNAME", fc.constantFrom("me", "a b", "")),
  ],
  [2, "CLIENT", line("CLIENT", "SETNAME", fc.oneof(value, fc.constant("me")))],
  [2, "CLIENT", line("CLIENT", "GETNAME")],
  [1, "CLIENT", line("CLIENT", fc.constantFrom("ID", "INFO", "LIST"))],
  [1, "CLIENT", line("CLIENT", "NO-EVICT", fc.constantFrom("on", "off", "x"))],
  [
    1,
    "CLIENT",
    line("CLIENT", "LIST", fc.constantFrom("TYPE", "ID"), fc.constantFrom("x", "0", "a")),
  ],
  [
    1,
    "CLIENT",
    line("CLIENT", "KILL", fc.constantFrom("ID", "TYPE", "SKIPME"), fc.constantFrom("-1", "x", "")),
  ],
  [
    1,
    "CLIENT",
    line("CLIENT", "UNBLOCK", integer, maybe(fc.constantFrom("TIMEOUT", "ERROR", "x"))),
  ],
  [1, "CLIENT", line("CLIENT", "REPLY", fc.constantFrom("ON", "x", ""))],
  [4, "COMMAND", line("COMMAND", "INFO", many(commandName, 1, 3))],
  [5, "COMMAND", line("COMMAND", "GETKEYS", keyedCommand)],
  [2, "COMMAND", line("COMMAND", "GETKEYSANDFLAGS", keyedCommand)],
  [2, "CONFIG", line("CONFIG", "GET", many(configPattern, 1, 2))],
  [3, "CONFIG", line("CONFIG", "SET", parameter, refusedValue)],
  [1, "CONFIG", line("CONFIG", "SET", parameter, refusedValue, parameter, refusedValue)],
  [1, "CONFIG", line("CONFIG", fc.constantFrom("RESETSTAT", "HELP", "X", "GET"))],
  [1, "OBJECT", line("OBJECT", fc.constantFrom("HELP", "X", "ENCODING"))],
  [1, "MEMORY", line("MEMORY", fc.constantFrom("HELP", "X", "USAGE", "PURGE"))],
  [1, "MEMORY", line("MEMORY", "USAGE", key, maybe(line("SAMPLES", integer)))],
  [1, "SLOWLOG", line("SLOWLOG", fc.constantFrom("RESET", "HELP", "X", "GET"), maybe(integer))],
  [1, "LATENCY", line("LATENCY", fc.constantFrom("RESET", "HELP", "X", "LATEST"), maybe(value))],
  [1, "INFO", line("INFO", fc.constantFrom("server", "keyspace", "nope"))],
  [1, "TIME", line("TIME", maybe(value))],
  [1, "ROLE", line("ROLE")],
  [1, "RESET", line("RESET")],
  [1, "WAIT", line("WAIT", fc.constantFrom("0", "abc"), fc.constantFrom("0", "-1", "abc"))],
  [2, "SET", line("SET", key, value)],
];

/**
 * Without names, COMMAND INFO tells of every command there is, in no order; with names only the
 * order is free.
 */
const everyCommand: Comparer = (ours, theirs, step) =>
  (step.argv.length <= 2 ? sameShape : sameAtEveryDepth)(ours, theirs, step);

/** All parameters together hold ports and folders, which are each server's own. */
const parameters: Comparer = (ours, theirs, step) =>
  (step.argv.includes("*") ? sameShape : sameMultiset)(ours, theirs, step);

export const serverFamily: Family = {
  name: "server",
  commands: [...new Set(table.map(([, command]) => command))],
  databaseCount: 1,
  comparers: {
    HELLO: sameShape,
    ROLE: sameShape,
    COMMAND: everyCommand,
    TIME: sameShape,
    INFO: sameShape,
    "CLIENT ID": sameShape,
    "CLIENT INFO": sameShape,
    "CLIENT LIST": sameShape,
    "CONFIG GET": parameters,
    "MEMORY USAGE": sameShape,
    "SLOWLOG GET": sameShape,
    "LATENCY LATEST": sameShape,
  },
  groups: (supports) => anyOf(table, supports),
};
