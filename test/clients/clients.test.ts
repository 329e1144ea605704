// The clients people use, with their default options: ioredis 6 and node-redis 6 both open with
// HELLO 3. Every story runs against redis-server too, so a failure tells a fault of ours from a
// change in the client.

import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ServerKind } from "../../scripts/lib/server-process.js";
import { ServerProcess } from "../../scripts/lib/server-process.js";
import { skipReason } from "../differential/servers.js";

const kinds: readonly ServerKind[] = ["redis", "skerry"];

describe.each(kinds)("clients of %s", (kind) => {
  const reason = skipReason(kind);
  describe.skipIf(reason !== null)(
    `with default options${reason === null ? "" : `: ${reason}`}`,
    () => {
      let server: ServerProcess;
      beforeAll(async () => {
        server = await ServerProcess.start(kind);
      });
      afterAll(() => server?.stop());

      test("ioredis: strings, expiry, counters, bits and a pipeline", async () => {
        const client = new Redis(server.port, "127.0.0.1", { lazyConnect: true });
        await client.connect();
        await client.flushall();
        expect(await client.set("greeting", "hello", "EX", 1000)).toBe("OK");
        expect(await client.get("greeting")).toBe("hello");
        expect(await client.ttl("greeting")).toBeGreaterThan(900);
        expect(await client.get("absent")).toBeNull();
        expect(await client.incrby("n", 41)).toBe(41);
        expect(await client.incr("n")).toBe(42);
        expect(Number(await client.incrbyfloat("n", 0.5))).toBe(42.5);
        expect(await client.setbit("bits", 7, 1)).toBe(0);
        expect(await client.bitcount("bits")).toBe(1);
        const binary = Buffer.from([0, 255, 13, 10, 128]);
        await client.set("binary", binary);
        expect(await client.getBuffer("binary")).toEqual(binary);
        const replies = await client.pipeline().set("a", "1").incr("a").get("a").exec();
        expect(replies?.map(([error, value]) => [error, String(value)])).toEqual([
          [null, "OK"],
          [null, "2"],
          [null, "2"],
        ]);
        await expect(client.call("incr", "greeting")).rejects.toThrow(/not an integer/);
        expect(await client.mget("a", "absent", "n")).toEqual(["2", null, "42.5"]);
        await client.quit();
      });

      test("ioredis: a thousand commands at once come back in order", async () => {
        const client = new Redis(server.port, "127.0.0.1");
        const replies = await Promise.all(
          Array.from({ length: 1000 }, (_, n) =>
            client.set(`key:${n}`, n).then(() => client.get(`key:${n}`)),
          ),
        );
        expect(replies).toEqual(Array.from({ length: 1000 }, (_, n) => String(n)));
        const found = new Set<string>();
        for await (const batch of client.scanStream({ match: "key:*", count: 100 }))
          for (const key of batch as string[]) found.add(key);
        expect(found.size).toBe(1000);
        client.disconnect();
      });

      test("node-redis: connects with its defaults, types come back as types", async () => {
        const client = createClient({ url: `redis://127.0.0.1:${server.port}` });
        await client.connect();
        await client.flushAll();
        expect(
          await client.set("greeting", "hello", { expiration: { type: "EX", value: 1000 } }),
        ).toBe("OK");
        expect(await client.get("greeting")).toBe("hello");
        expect(await client.set("greeting", "again", { condition: "NX" })).toBeNull();
        expect(await client.incrBy("n", 5)).toBe(5);
        expect(await client.mGet(["n", "absent"])).toEqual(["5", null]);
        expect(await client.exists(["n", "greeting", "absent"])).toBe(2);
        expect(await client.expire("n", 1000)).toBe(1);
        expect(await client.ttl("n")).toBeGreaterThan(900);
        expect(await client.append("greeting", " world")).toBe(11);
        expect(await client.getRange("greeting", 0, 4)).toBe("hello");
        expect((await client.keys("*")).sort()).toEqual(["greeting", "n"]);
        expect(await client.dbSize()).toBe(2);
        await expect(client.incr("greeting")).rejects.toThrow(/not an integer/);
        const found: string[] = [];
        for await (const keys of client.scanIterator()) found.push(...keys);
        expect(found.sort()).toEqual(["greeting", "n"]);
        expect(await client.ping()).toBe("PONG");
        await client.close();
      });

      test("node-redis: RESP2 when asked for it", async () => {
        const client = createClient({ url: `redis://127.0.0.1:${server.port}`, RESP: 2 });
        await client.connect();
        expect(await client.set("resp2", "yes")).toBe("OK");
        expect(await client.get("resp2")).toBe("yes");
        expect(await client.clientId()).toBeGreaterThan(0);
        client.destroy();
      });
    },
  );
});
