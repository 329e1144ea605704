// `skerry import`: what redis-server saved is in the node afterwards;
// what is no whole file changes nothing; what was there stays unless it may be written over.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ServerProcess } from "../../scripts/lib/server-process.js";
import { CliError } from "../../src/bin/cli.js";
import { type ImportOptions, importFile } from "../../src/bin/import.js";
import { RespConnection } from "../differential/resp-client.js";
import { skipReason } from "../differential/servers.js";

const reason = skipReason("redis", "skerry");

const many = (count: number, make: (i: number) => string[]): string[] =>
  Array.from({ length: count }, (_, i) => make(i)).flat();

const content: readonly (readonly string[])[] = [
  ["SET", "text", "word ".repeat(300)],
  ["SET", "number", "9223372036854775807"],
  ["SET", "binary", "a\r\nb"],
  ["SET", "fading", "v", "EX", "100000"],
  ["RPUSH", "list", ...many(2000, (i) => [`e${i}`]), "z".repeat(9000)],
  ["SADD", "integers", "-3", "70000", "5000000000"],
  ["SADD", "words", ...many(700, (i) => [`w${i}`])],
  ["HSET", "hash", "f", "-70000", "g", ""],
  ["HSET", "large", ...many(700, (i) => [`f${i}`, `v${i}`])],
  ["ZADD", "few", "1", "a", "-1.5", "b", "inf", "c"],
  ["ZADD", "lots", ...many(300, (i) => [String(i / 8), `m${i}`])],
  ["XADD", "stream", "5-1", "field", "value"],
  ["XADD", "stream", "6-1", "field", "value"],
  ["XGROUP", "CREATE", "stream", "g", "0"],
  ["XREADGROUP", "GROUP", "g", "c", "COUNT", "1", "STREAMS", "stream", ">"],
  ["PFADD", "sketch", ...many(500, (i) => [`e${i}`])],
  ...Array.from({ length: 3000 }, (_, i) => ["SET", `key:${i}`, "x".repeat(i % 200)]),
  ["SELECT", "3"],
  ["SET", "elsewhere", "v"],
  ["SELECT", "0"],
];

/** Commands that show all of it. */
const shows: readonly (readonly string[])[] = [
  ["MGET", "text", "number", "binary", "fading", "sketch", ...many(3000, (i) => [`key:${i}`])],
  ["LRANGE", "list", "0", "-1"],
  ["SORT", "integers"],
  ["SORT", "words", "ALPHA"],
  ["HMGET", "hash", "f", "g"],
  ["HMGET", "large", ...many(700, (i) => [`f${i}`])],
  ["ZRANGE", "few", "0", "-1", "WITHSCORES"],
  ["ZRANGE", "lots", "0", "-1", "WITHSCORES"],
  ["XRANGE", "stream", "-", "+"],
  ["XINFO", "STREAM", "stream", "FULL"],
  ["DBSIZE"],
  ["SELECT", "3"],
  ["GET", "elsewhere"],
  ["DBSIZE"],
  ["SELECT", "0"],
];

describe.skipIf(reason !== null)(`import${reason === null ? "" : ` (${reason})`}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "skerry-import-"));
  const file = join(folder, "dump.rdb");
  let node: ServerProcess;
  let client: RespConnection;
  let saved: string[] = [];

  const options = (changed: Partial<ImportOptions> = {}): ImportOptions => ({
    ...{ file, host: "127.0.0.1", port: node.port, user: undefined, password: undefined },
    ...{ mayReplace: false, ...changed },
  });
  const show = async (connection: RespConnection): Promise<string[]> =>
    (await connection.exchange(shows)).map((reply) => reply.toString("latin1"));
  const quiet = (): void => {};

  beforeAll(async () => {
    const args = ["--dir", folder];
    const redis = await ServerProcess.start("redis", { args });
    const connection = await RespConnection.connect(redis.port);
    for (const reply of await connection.exchange(content))
      expect(reply.toString()).not.toMatch(/^-/);
    await connection.call("SAVE");
    saved = await show(connection);
    connection.close();
    await redis.stop();
    node = await ServerProcess.start("skerry");
    client = await RespConnection.connect(node.port);
  });

  afterAll(async () => {
    client?.close();
    await node?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test("a file that is cut, damaged or none changes nothing and says what it is", async () => {
    const whole = readFileSync(file);
    const damaged = Uint8Array.from(whole);
    damaged[whole.length >> 1]! ^= 1;
    const bad = join(folder, "bad.rdb");
    for (const [bytes, words] of [
      [whole.subarray(0, whole.length - 20), /ends before its end is said/],
      [damaged, /bad\.rdb: .*found before byte/],
      [Buffer.from("*1\r\n$4\r\nPING\r\n"), /this is no RDB file/],
    ] as const) {
      writeFileSync(bad, bytes);
      await expect(importFile(options({ file: bad }), quiet)).rejects.toThrow(words);
    }
    const missing = importFile(options({ file: join(folder, "none.rdb") }), quiet);
    await expect(missing).rejects.toThrow(CliError);
    expect((await client.call("DBSIZE")).text).toBe("0");
  });

  test("nobody there, or the wrong password: refused before anything is sent", async () => {
    const elsewhere = importFile(options({ port: 1 }), quiet);
    await expect(elsewhere).rejects.toThrow(/ECONNREFUSED.*nothing was imported/);
    const stranger = importFile(options({ password: "wrong" }), quiet);
    await expect(stranger).rejects.toThrow(/AUTH.*nothing was imported/);
  });

  test("everything that redis-server saved is there", async () => {
    const summary = await importFile(options(), quiet);
    expect(summary).toEqual({ imported: 3014, expired: 0, kept: 0, refused: 0, functions: 0 });
    expect(await show(client)).toEqual(saved);
    const seconds = Number((await client.call("TTL", "fading")).text);
    expect(seconds).toBeGreaterThan(90_000);
    expect(seconds).toBeLessThanOrEqual(100_000);
  });

  test("what is there stays, and is written over on demand", async () => {
    await client.call("SET", "number", "7");
    await client.call("DEL", "text");
    expect(await importFile(options(), quiet)).toMatchObject({ imported: 1, kept: 3013 });
    expect((await client.call("GET", "number")).text).toBe("7");
    expect(await importFile(options({ mayReplace: true }), quiet)).toMatchObject({
      imported: 3014,
    });
    expect(await show(client)).toEqual(saved);
  });

  test("what the node refuses is told by name, and the rest goes on", async () => {
    const said: string[] = [];
    await client.call("FLUSHALL");
    await client.call("CONFIG", "SET", "maxmemory", "1");
    const full = importFile(options(), (line) => said.push(line));
    await expect(full).rejects.toThrow(/stopped after 100 keys were refused; 0 of 3014 keys/);
    expect(said.filter((line) => line.includes("was refused: OOM")).length).toBe(10);
    await client.call("CONFIG", "SET", "maxmemory", "0");
  });
});
