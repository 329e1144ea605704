// Whole RDB files: one made by hand, in chunks of every size, and one that the real server saved.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ServerProcess } from "../../scripts/lib/server-process.js";
import { type Bytes, latin1, MalformedBytes, utf8 } from "../../src/base/bytes.js";
import { Crc64 } from "../../src/rdb/crc64.js";
import { UnsupportedValue } from "../../src/rdb/decode.js";
import { RdbFileDecoder, type RdbItem, type RdbKey } from "../../src/rdb/file.js";
import { openValue, sealEncoded } from "../../src/rdb/payload.js";
import { RespConnection } from "../differential/resp-client.js";
import { skipReason } from "../differential/servers.js";
import { texts } from "./payloads.js";

const text = (word: string): number[] => [word.length, ...utf8(word)];

const content = [
  ...utf8("REDIS0010"),
  ...[250, ...text("redis-ver"), ...text("7.0.15")],
  ...[245, ...text("#!lua name=x")],
  ...[254, 2, 251, 4, 1],
  ...[252, 0x39, 0x30, 0, 0, 0, 0, 0, 0, 248, 60, 0, ...text("idle"), ...text("v")],
  ...[249, 200, 0, ...text("often"), 0xc0, 5],
  ...[253, 10, 0, 0, 0, 2, ...text("set"), 2, ...text("a"), ...text("b")],
  ...[2, ...text("empty"), 0],
  ...[254, 3, 1, ...text("list"), 1, ...text("x")],
  255,
];

const withChecksum = (bytes: readonly number[]): Bytes =>
  Uint8Array.from([...bytes, ...new Crc64().update(Uint8Array.from(bytes)).digest()]);

function decode(file: Bytes, chunkBytes = file.length): RdbItem[] {
  const decoder = new RdbFileDecoder();
  const items: RdbItem[] = [];
  for (let at = 0; at < file.length; at += chunkBytes)
    items.push(...decoder.push(file.subarray(at, at + chunkBytes)));
  return [...items, ...decoder.finish()];
}

const shown = (item: RdbItem): unknown => {
  const { type, encoded, ...rest } = item as RdbKey;
  if (item.kind === "key") expect(openValue(sealEncoded(type, encoded))).toEqual(item.value);
  const asText = (_: string, part: unknown) => (part instanceof Uint8Array ? latin1(part) : part);
  return JSON.parse(JSON.stringify(rest, asText));
};

describe("a file made by hand", () => {
  const file = withChecksum(content);
  const whole = decode(file).map(shown);

  test("everything in it, in order", () => {
    expect(whole).toEqual([
      { kind: "aux", name: "redis-ver", value: "7.0.15" },
      { kind: "function", code: "#!lua name=x" },
      { kind: "sizes", keys: 4, expiring: 1 },
      {
        ...{ kind: "key", database: 2, key: "idle", value: { kind: "string", text: "v" } },
        ...{ deadlineMs: 12_345, idleSeconds: 60 },
      },
      {
        ...{ kind: "key", database: 2, key: "often", value: { kind: "string", text: "5" } },
        frequency: 200,
      },
      {
        ...{ kind: "key", database: 2, key: "set", value: { kind: "set", members: ["a", "b"] } },
        deadlineMs: 10_000,
      },
      { kind: "skipped", key: "empty" },
      { kind: "key", database: 3, key: "list", value: { kind: "list", elements: ["x"] } },
      { kind: "end", version: 10, isChecked: true },
    ]);
  });

  test("the same in chunks of every size, and with something behind it", () => {
    for (let size = 1; size < file.length; size++)
      expect(decode(file, size).map(shown), `${size} bytes`).toEqual(whole);
    expect(decode(Uint8Array.from([...file, 1, 2, 3])).map(shown)).toEqual(whole);
  });

  test("no checksum is no error, a wrong one is; older files have none", () => {
    const zero = Uint8Array.from([...content, ...Array<number>(8).fill(0)]);
    expect(decode(zero).at(-1)).toEqual({ kind: "end", version: 10, isChecked: false });
    const wrong = file.slice();
    wrong[30]! ^= 1;
    expect(() => decode(wrong)).toThrow(MalformedBytes);
    expect(decode(Uint8Array.from([...utf8("REDIS0003"), 255]))).toHaveLength(1);
  });

  test("cut anywhere, it is known to be cut", () => {
    for (let size = 0; size < file.length; size++)
      expect(() => decode(file.slice(0, size)), `${size} bytes`).toThrow(MalformedBytes);
  });

  test("no RDB file, one of the future, modules: refused by name", () => {
    expect(() => decode(utf8("REDIZ0010x"))).toThrow(/no RDB file/);
    expect(() => decode(utf8("REDIS0011x"))).toThrow(UnsupportedValue);
    const head = [...utf8("REDIS0010")];
    const id = [0x81, 0x08, 0x20, 0x82, 0x08, 0x20, 0x82, 0x08, 0x01];
    expect(() => decode(Uint8Array.from([...head, 247, ...id, 2, 1, 0]))).toThrow(
      "the module CCCCCCCCC cannot be read",
    );
    expect(() => decode(Uint8Array.from([...head, 7, ...text("k"), 1, 2]))).toThrow(/module/);
  });
});

const noRedis = skipReason("redis");

describe.skipIf(noRedis !== null)(`a file of the real server${noRedis ?? ""}`, () => {
  test("every type, small and large, with deadlines and marks", async () => {
    const folder = mkdtempSync(join(tmpdir(), "skerry-rdb-"));
    const redis = await ServerProcess.start("redis", { cwd: folder });
    const connection = await RespConnection.connect(redis.port);
    const many = (count: number, make: (i: number) => string[]): string[] =>
      Array.from({ length: count }, (_, i) => make(i)).flat();
    const commands = [
      ["CONFIG", "SET", "maxmemory-policy", "allkeys-lfu"],
      ["SET", "text", "word ".repeat(100)],
      ["SET", "number", "-123456"],
      ["SET", "volatile", "x", "PXAT", "4102444800123"],
      ["RPUSH", "list", ...many(3000, (i) => [`element ${i}`]), "y".repeat(20_000)],
      ["SADD", "integers", "1", "-70000", "5000000000"],
      ["SADD", "words", ...many(600, (i) => [`word ${i}`])],
      ["HSET", "small", "f", "1", "g", "two"],
      ["HSET", "large", ...many(600, (i) => [`field ${i}`, `value ${i}`])],
      ["ZADD", "few", "1", "a", "2.5", "b", "-inf", "c"],
      ["ZADD", "lots", ...many(300, (i) => [String(i / 8), `member ${i}`])],
      ["SELECT", "5"],
      ["SET", "elsewhere", "1"],
      ["SAVE"],
    ];
    for (const command of commands) {
      const [reply] = await connection.exchange([command]);
      expect(reply!.toString("latin1").startsWith("-"), `${command[0]} ${reply}`).toBe(false);
    }
    connection.close();
    await redis.stop();
    const file = new Uint8Array(readFileSync(join(folder, "dump.rdb")));
    rmSync(folder, { recursive: true });
    const items = decode(file, 1000);
    expect(items.at(-1)).toEqual({ kind: "end", version: 10, isChecked: true });
    const keys = items.filter((item): item is RdbKey => item.kind === "key");
    const at = (name: string): RdbKey => keys.find(({ key }) => latin1(key) === name)!;
    expect(keys).toHaveLength(11);
    expect(at("text").value).toEqual({ kind: "string", text: utf8("word ".repeat(100)) });
    expect(at("text").frequency).toBeGreaterThan(0);
    expect(at("number").value).toEqual({ kind: "string", text: utf8("-123456") });
    expect(at("volatile").deadlineMs).toBe(4_102_444_800_123);
    const list = at("list").value;
    if (list.kind !== "list") throw new Error("no list");
    expect(texts(list.elements).slice(0, 2)).toEqual(["element 0", "element 1"]);
    expect(list.elements).toHaveLength(3001);
    const integers = at("integers").value;
    expect(integers.kind === "set" && texts(integers.members)).toEqual([
      ...["-70000", "1", "5000000000"],
    ]);
    const counts = ["words", "large", "lots"].map((name) => {
      const { value } = at(name);
      if (value.kind === "set" || value.kind === "zset") return value.members.length;
      return value.kind === "hash" ? value.pairs.length / 2 : 0;
    });
    expect(counts).toEqual([600, 600, 300]);
    const few = at("few").value;
    expect(few.kind === "zset" && few.scores).toEqual([-Infinity, 1, 2.5]);
    expect(at("elsewhere").database).toBe(5);
  });
});
