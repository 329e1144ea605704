// Hostile and broken clients against the compiled server: it must not die, its memory must stay
// bounded, and others must be served all the while. Bounded in time: under half a minute in all.

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ServerProcess } from "../../scripts/lib/server-process.js";
import { Prng } from "../../src/base/prng.js";
import { skipReason } from "../differential/servers.js";
import { encodeRequest } from "../wire/requests.js";
import { TcpClient } from "./tcp-rig.js";

const pong = "+PONG\r\n";
const MiB = 1024 * 1024;
const idleCountWanted = 10_000;
/** Descriptors that the test's own process needs beside its sockets. */
const reservedFiles = 500;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const reason = skipReason("skerry");

describe.skipIf(reason !== null)(`hostile clients${reason === null ? "" : `: ${reason}`}`, () => {
  let server: ServerProcess;
  let witness: TcpClient;
  const open: TcpClient[] = [];

  beforeAll(async () => {
    server = await ServerProcess.start("skerry");
    witness = await TcpClient.connect(server.port);
  });
  afterAll(async () => {
    for (const client of [witness, ...open]) client?.destroy();
    await server?.stop();
  });

  const connect = async (): Promise<TcpClient> => {
    const client = await TcpClient.connect(server.port);
    open.push(client);
    return client;
  };

  /** The server is alive and serves others; answers how long it took. */
  async function expectServed(): Promise<number> {
    const startedMs = Date.now();
    expect(await witness.ask("PING\r\n", pong.length)).toBe(pong);
    expect(server.exited).toBe(false);
    return Date.now() - startedMs;
  }

  test("hostile: lengths and frames that are none", async () => {
    const frames = [
      "*-2147483648\r\nPING\r\n",
      "*2147483647\r\n",
      "*2147483648\r\n",
      "*99999999999999999999\r\n",
      "*1e9\r\n",
      "*\r\n",
      "*NaN\r\n",
      "*3\r\n$-5\r\nSET\r\n",
      "*3\r\n$536870912\r\n",
      "*3\r\n$536870913\r\n",
      "*3\r\n$9223372036854775807\r\n",
      "*3\r\n$abc\r\n",
      "*1\r\n".repeat(10_000),
      "*1000000\r\n*1000000\r\n*1000000\r\n",
      "%2\r\n~2\r\n>2\r\n",
      `$${"9".repeat(100_000)}\r\n`,
      `*${"9".repeat(100_000)}\r\n`,
      "\0".repeat(100_000),
      '"'.repeat(70_000),
    ];
    for (const bytes of frames) {
      const client = await connect();
      client.send(bytes);
      await sleep(20);
      await expectServed();
      client.destroy();
    }
  });

  test("hostile: random bytes from many connections", async () => {
    const prng = new Prng(20_261_120);
    for (let round = 0; round < 10; round++) {
      const many = await Promise.all(Array.from({ length: 30 }, connect));
      for (const client of many) {
        const bytes = Buffer.alloc(1 + Math.floor(prng.float() * 3000));
        for (let i = 0; i < bytes.length; i++) bytes[i] = Math.floor(prng.float() * 256);
        if (prng.float() < 0.5) bytes[0] = 0x2a;
        client.send(bytes);
      }
      await expectServed();
      for (const client of many) client.destroy();
    }
  });

  test("hostile: declared lengths reserve nothing", async () => {
    const before = server.residentBytes();
    const many = await Promise.all(Array.from({ length: 100 }, connect));
    for (const client of many) client.send("*2\r\n$4\r\nECHO\r\n$536870912\r\nx");
    await expectServed();
    await sleep(200);
    expect(server.residentBytes() - before).toBeLessThan(64 * MiB);
    for (const client of many) client.destroy();
  });

  test("hostile: a byte at a time, and half frames that end", async () => {
    const slow = await connect();
    for (const byte of "*1\r\n$4\r\nPING\r\n") {
      slow.send(byte);
      await sleep(30);
    }
    await slow.until((client) => client.receivedBytes === pong.length);
    for (let round = 0; round < 20; round++) {
      const many = await Promise.all(Array.from({ length: 10 }, connect));
      for (const [n, client] of many.entries()) {
        client.send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100\r\nhalf".slice(0, n * 4));
        client.socket.end();
      }
      await Promise.all(many.map((client) => client.closed()));
    }
    await expectServed();
    expect(await witness.ask("EXISTS k\r\n", 4)).toBe(":0\r\n");
  });

  test("hostile: a client that never reads costs a few megabytes, whatever it asks for", async () => {
    await witness.ask(encodeRequest(["SET", "big", "x".repeat(MiB)]), 5);
    const before = server.residentBytes();
    const deaf = await connect();
    deaf.socket.pause();
    const gets = Buffer.concat(Array.from({ length: 1000 }, () => encodeRequest(["GET", "big"])));
    for (let i = 0; i < 20; i++) deaf.send(gets);
    for (let i = 0; i < 10; i++) {
      await sleep(50);
      await expectServed();
    }
    // It has asked for 20 GB.
    expect(server.residentBytes() - before).toBeLessThan(128 * MiB);
    deaf.destroy();
    await witness.ask("DEL big\r\n", 4);
  });

  test("hostile: a million pipelined commands in one write, others are served meanwhile", async () => {
    const before = server.residentBytes();
    const count = 1_000_000;
    const greedy = await connect();
    let lastByte = 0;
    let received = 0;
    greedy.socket.on("data", (chunk: Buffer) => {
      received += chunk.length;
      lastByte = chunk.at(-1)!;
      greedy.received = [];
    });
    greedy.send(Buffer.from("PING\r\n".repeat(count)));
    const waits: number[] = [];
    while (received < count * pong.length) waits.push(await expectServed());
    expect([received, lastByte]).toEqual([count * pong.length, 10]);
    // The whole takes seconds; nobody else waits for more than a slice of it.
    expect(waits.length).toBeGreaterThan(5);
    expect(Math.max(...waits)).toBeLessThan(1000);
    expect(server.residentBytes() - before).toBeLessThan(200 * MiB);
  });

  test("hostile: ten thousand idle connections", async () => {
    const limit = Number(
      /Max open files +(\d+)/.exec(readFileSync("/proc/self/limits", "utf8"))?.[1],
    );
    const count = Math.min(idleCountWanted, limit - reservedFiles);
    if (count < idleCountWanted) console.log(`only ${count} connections: ulimit -n is ${limit}`);
    const set = encodeRequest(["CONFIG", "SET", "maxclients", String(count + 100)]);
    expect(await witness.ask(set, 5)).toBe("+OK\r\n");
    const before = server.residentBytes();
    const idle: TcpClient[] = [];
    while (idle.length < count) {
      const more = Math.min(500, count - idle.length);
      idle.push(
        ...(await Promise.all(Array.from({ length: more }, () => TcpClient.connect(server.port)))),
      );
    }
    await expectServed();
    // Each of them works.
    for (const client of idle.filter((_, n) => n % 500 === 0)) {
      expect(await client.ask("PING\r\n", pong.length)).toBe(pong);
    }
    const bytesEach = (server.residentBytes() - before) / count;
    console.log(`${count} idle connections take ${(bytesEach / 1024).toFixed(1)} KiB each`);
    expect(bytesEach).toBeLessThan(32 * 1024);
    // The server is told to stop with all of them open.
    const startedMs = Date.now();
    const ended = new Promise<number | null>((resolve) => server.child.once("exit", resolve));
    server.child.kill("SIGTERM");
    expect(await ended).toBe(0);
    expect(Date.now() - startedMs).toBeLessThan(5000);
    for (const client of idle) client.destroy();
  });
});
