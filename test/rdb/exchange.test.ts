// Values go from the real server to ours and back, and are what they were: our reader and its
// writer, our writer and its reader, for every type, streams with groups among them.

import { describe, expect, test } from "vitest";
import { Bench } from "../commands/harness.js";
import { RespConnection } from "../differential/resp-client.js";
import { skipReason, withServers } from "../differential/servers.js";

const many = (count: number, make: (i: number) => string[]): string[] =>
  Array.from({ length: count }, (_, i) => make(i)).flat();

/** By name: what makes it, and what shows all of it. */
const values: Readonly<Record<string, { make: string[][]; show: string[][] }>> = {
  text: { make: [["SET", "k", "word ".repeat(300)]], show: [["GET", "k"]] },
  number: { make: [["SET", "k", "9223372036854775807"]], show: [["GET", "k"]] },
  list: {
    make: [["RPUSH", "k", ...many(2000, (i) => [`e${i}`, String(i * 77)]), "z".repeat(9000)]],
    show: [["LRANGE", "k", "0", "-1"]],
  },
  integers: {
    make: [["SADD", "k", "-3", "70000", "5000000000"]],
    show: [
      ["SORT", "k"],
      ["OBJECT", "ENCODING", "k"],
    ],
  },
  words: { make: [["SADD", "k", ...many(700, (i) => [`w${i}`])]], show: [["SORT", "k", "ALPHA"]] },
  hash: {
    make: [["HSET", "k", "f", "-70000", "g", "", "h", "y".repeat(60)]],
    show: [
      ["HMGET", "k", "f", "g", "h"],
      ["OBJECT", "ENCODING", "k"],
    ],
  },
  large: {
    make: [["HSET", "k", ...many(700, (i) => [`f${i}`, `v${i}`])]],
    show: [["HMGET", "k", ...many(700, (i) => [`f${i}`])]],
  },
  few: {
    make: [["ZADD", "k", "1", "a", "-1.5", "b", "inf", "c", "1e300", "d"]],
    show: [
      ["ZRANGE", "k", "0", "-1", "WITHSCORES"],
      ["OBJECT", "ENCODING", "k"],
    ],
  },
  lots: {
    make: [["ZADD", "k", ...many(300, (i) => [String(i / 8), `m${i}`])]],
    show: [
      ["ZRANGE", "k", "0", "-1", "WITHSCORES"],
      ["OBJECT", "ENCODING", "k"],
    ],
  },
  hyperloglog: {
    make: [
      ["PFADD", "k", ...many(4000, (i) => [`e${i}`])],
      ["PFCOUNT", "k"],
    ],
    show: [["GET", "k"]],
  },
  stream: {
    make: [
      ...many(250, (i) => [`${i + 5}-${i}`]).map((id) => ["XADD", "k", id, "a", id, "b", "12"]),
      ["XADD", "k", "300-18446744073709551615", "other", "name"],
      ["XADD", "k", "18446744073709551614-7", "a", "", "b", "\xff\0"],
      ["XDEL", "k", "7-2", "120-115"],
      ["XTRIM", "k", "MINID", "6"],
      ["XGROUP", "CREATE", "k", "g1", "0"],
      ["XGROUP", "CREATE", "k", "g2", "50-45"],
      ["XREADGROUP", "GROUP", "g1", "bob", "COUNT", "5", "STREAMS", "k", ">"],
      ["XREADGROUP", "GROUP", "g1", "eve", "COUNT", "3", "STREAMS", "k", ">"],
      ["XACK", "k", "g1", "8-3"],
      ["XGROUP", "CREATECONSUMER", "k", "g2", "idle"],
    ],
    show: [
      ["XRANGE", "k", "-", "+"],
      ["XINFO", "GROUPS", "k"],
      ["XPENDING", "k", "g1"],
      ["XPENDING", "k", "g1", "-", "+", "20", "eve"],
    ],
  },
};

const noRedis = skipReason("redis");

describe.skipIf(noRedis !== null)(`with the real server ${noRedis ?? ""}`, () => {
  test("there and back", () =>
    withServers(["redis"], async ([redis]) => {
      const connection = await RespConnection.connect(redis!.port);
      const ask = async (argv: readonly string[]): Promise<string> =>
        (await connection.exchange([argv]))[0]!.toString("latin1");
      for (const [name, { make, show }] of Object.entries(values)) {
        await ask(["FLUSHALL"]);
        for (const command of make)
          expect(await ask(command), `${name}: ${command.slice(0, 4).join(" ")}`).not.toMatch(/^-/);
        const shown: string[] = [];
        for (const command of show) shown.push(await ask(command));
        const reply = await ask(["DUMP", "k"]);
        const bench = new Bench();
        expect(bench.run("restore", "k", 0, reply.slice(reply.indexOf("\n") + 1, -2))).toBe("OK");
        bench.keyspace.verifyInvariants();
        const ours = bench.run("dump", "k") as string;
        expect(await ask(["RESTORE", "k", "0", ours, "REPLACE"]), name).toBe("+OK\r\n");
        // Milliseconds since a delivery pass meanwhile.
        for (const [i, command] of show.entries())
          expect((await ask(command)).replace(/:\d+\r\n:1\r\n/g, ""), `${name} ${command[0]}`).toBe(
            shown[i]!.replace(/:\d+\r\n:1\r\n/g, ""),
          );
      }
      connection.close();
    }));
});
