// The Redis listener with real sockets, once for each way of reading: what one connection does to
// itself, and what it cannot do to others.

import { createServer } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { encodeRequest } from "../wire/requests.js";
import { type Reading, TcpClient, TcpRig, type TcpRigOptions } from "./tcp-rig.js";

const pong = "+PONG\r\n";
const MiB = 1024 * 1024;

const rigs: TcpRig[] = [];
const clients: TcpClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  for (const rig of rigs.splice(0)) await rig.stop();
});

async function start(options: TcpRigOptions = {}): Promise<TcpRig> {
  const rig = await TcpRig.start(options);
  rigs.push(rig);
  return rig;
}

const bytesOf = (...requests: readonly (readonly string[])[]): Buffer =>
  Buffer.concat(requests.map((request) => encodeRequest(request)));

describe.each<Reading>(["raw", "shared", "events"])("listener, reading: %s", (reading) => {
  test("a pipeline of any length is answered in order", async () => {
    const client = await (await start({ reading })).connect();
    const count = 20_000;
    const words = Array.from({ length: count }, (_, n) => `word-${n}`);
    const expected = words.map((word) => `$${word.length}\r\n${word}\r\n`).join("");
    const replies = await client.ask(
      bytesOf(...words.map((word) => ["ECHO", word])),
      expected.length,
    );
    expect(replies === expected).toBe(true);
  });

  test("requests in pieces of any size come together again", async () => {
    const client = await (await start({ reading })).connect();
    const value = "v".repeat(300_000);
    const bytes = bytesOf(["SET", "k", value], ["GET", "k"], ["PING"]);
    for (let at = 0; at < bytes.length; at += 70_001) {
      client.send(bytes.subarray(at, at + 70_001));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const expected = `+OK\r\n$300000\r\n${value}\r\n${pong}`;
    expect((await client.ask("", expected.length)) === expected).toBe(true);
  });

  test("a request of many arguments in two pieces, with other requests behind it", async () => {
    const client = await (await start({ reading })).connect();
    const pairs = Array.from({ length: 200 }, (_, n) => [`key${n}`, `value${n}`]).flat();
    const bytes = bytesOf(["MSET", ...pairs]);
    client.send(bytes.subarray(0, bytes.length - 100));
    await new Promise((resolve) => setTimeout(resolve, 20));
    // The next one, inline, is a batch of its own; what follows begins in the middle of the input.
    client.send(Buffer.concat([bytes.subarray(bytes.length - 100), Buffer.from("PING\r\n")]));
    const rest = bytesOf(...Array.from({ length: 80 }, () => ["GET", "key7"]));
    client.send(rest);
    const expected = `+OK\r\n${pong}${"$6\r\nvalue7\r\n".repeat(80)}`;
    expect(await client.ask("", expected.length)).toBe(expected);
  });

  test("connections do not meet in the read buffer", async () => {
    const rig = await start({ reading });
    const many = await Promise.all(Array.from({ length: 20 }, () => rig.connect()));
    const halves = many.map((client, n) => {
      const bytes = bytesOf(["SET", `k${n}`, `value-${n}`], ["GET", `k${n}`]);
      client.send(bytes.subarray(0, 25));
      return bytes.subarray(25);
    });
    await many[0]!.ask("", 0);
    const replies = await Promise.all(
      many.map((client, n) => client.ask(halves[n]!, `+OK\r\n$7\r\nvalue-0\r\n`.length)),
    );
    many.forEach((_, n) => {
      const value = `value-${n}`;
      expect(replies[n]).toBe(`+OK\r\n$${value.length}\r\n${value}\r\n`);
    });
  });

  test("what arrives in one turn from many connections is answered to each, in order", async () => {
    const rig = await start({ reading });
    const many = await Promise.all(Array.from({ length: 40 }, () => rig.connect()));
    // Some replies are too long to wait for those of the others, and some come in two parts.
    const words = many.map((_, n) => `${n}-`.repeat(1 + ((n * 7) % 120) * 40));
    for (let round = 0; round < 5; round++) {
      const replies = await Promise.all(
        many.map((client, n) => {
          const word = words[n]!;
          // And some requests are too long to wait for the others.
          const blank = Buffer.from(`${" ".repeat(n % 3 === 0 ? 12_000 : 0)}\r\n`);
          const asked = bytesOf(["ECHO", word], ["PING"], ["ECHO", `${round}`]);
          const bytes = Buffer.concat([blank, asked]);
          const expected = `$${word.length}\r\n${word}\r\n${pong}$1\r\n${round}\r\n`;
          return client.ask(bytes, expected.length).then((got) => got === expected);
        }),
      );
      expect(replies).not.toContain(false);
    }
  });

  test("what is written before the replies of a turn have left comes behind them", async () => {
    const rig = await start({ reading });
    const client = await rig.connect();
    await client.ask("PING\r\n", pong.length);
    const session = [...rig.node.sessions.values()][0]!;
    const { onTurn } = rig.host;
    rig.host.onTurn = () => {
      rig.host.onTurn = onTurn;
      // After the read and before the end of the turn.
      queueMicrotask(() => rig.host.write(session, Buffer.from("+LATE\r\n"), 7));
      onTurn?.();
    };
    const expected = `${pong}+LATE\r\n`;
    expect(await client.ask(`${" ".repeat(12_000)}PING\r\n`, expected.length)).toBe(expected);
  });

  test("short and long messages of one turn arrive in order", async () => {
    const rig = await start({ reading });
    const [first, second, speaker] = [
      await rig.connect(),
      await rig.connect(),
      await rig.connect(),
    ];
    const joined = (name: string): string => `*3\r\n$9\r\nsubscribe\r\n$1\r\n${name}\r\n:1\r\n`;
    expect(await first.ask("SUBSCRIBE c\r\n", joined("c").length)).toBe(joined("c"));
    expect(await second.ask("SUBSCRIBE d\r\n", joined("d").length)).toBe(joined("d"));
    const joinedPattern = "*3\r\n$10\r\npsubscribe\r\n$2\r\nc*\r\n:2\r\n";
    expect(await first.ask("PSUBSCRIBE c*\r\n", joinedPattern.length)).toBe(joinedPattern);
    // Each comes twice, so that a read that is small enough brings more than is kept for its turn.
    const message = (text: string): string => {
      const rest = `$1\r\nc\r\n$${text.length}\r\n${text}\r\n`;
      return `*3\r\n$7\r\nmessage\r\n${rest}*4\r\n$8\r\npmessage\r\n$2\r\nc*\r\n${rest}`;
    };
    // The message for another listener keeps those for this one apart.
    const texts = ["short", "long".repeat(700), "longer".repeat(500), "end"];
    speaker.send(
      bytesOf(
        ...texts.flatMap((text) => [
          ["PUBLISH", "c", text],
          ["PUBLISH", "d", "x"],
        ]),
      ),
    );
    const expected = texts.map(message).join("");
    expect(await first.ask("", expected.length)).toBe(expected);
  });

  test("what the system could not take whole is not written over", async () => {
    const rig = await start({ reading });
    const [client, other] = [await rig.connect(), await rig.connect()];
    const valueBytes = 200_000;
    const session = [...rig.node.sessions.values()][0]!;
    client.socket.pause();
    let count = 0;
    while (session.unreadBytes === 0) {
      client.send(bytesOf(["ECHO", String.fromCharCode(97 + (count % 20)).repeat(valueBytes)]));
      count++;
      const expected = count;
      await other.until(() => session.commandCount === expected);
    }
    const reply = (letter: string): string => `$${valueBytes}\r\n${letter.repeat(valueBytes)}\r\n`;
    expect(
      (await other.ask(bytesOf(["ECHO", "z".repeat(valueBytes)]), reply("z").length)) ===
        reply("z"),
    ).toBe(true);
    client.socket.resume();
    const received = await client.ask("", reply("a").length * count);
    for (let n = 0; n < count; n++) {
      const got = received.slice(n * reply("a").length, (n + 1) * reply("a").length);
      expect(got === reply(String.fromCharCode(97 + (n % 20)))).toBe(true);
    }
  });

  test("what was sent right before the end is run", async () => {
    const rig = await start({ reading });
    const last = await rig.connect();
    last.socket.end(bytesOf(["SET", "last", "word"]));
    await last.closed();
    expect(await (await rig.connect()).ask("GET last\r\n", 10)).toBe("$4\r\nword\r\n");
  });

  test("replies stay in order when one command waits for the registers", async () => {
    const client = await (await start({ reading })).connect();
    const pipeline = ["a", "b", "c"].flatMap((word) => [
      ["ECHO", word],
      ["SET", `lin:${word}`, word],
      ["GET", `lin:${word}`],
    ]);
    const expected = ["a", "b", "c"].map((w) => `$1\r\n${w}\r\n+OK\r\n$1\r\n${w}\r\n`).join("");
    expect(await client.ask(bytesOf(...pipeline), expected.length)).toBe(expected);
  });

  test("what a waiting client sends meanwhile is kept, is run later, and is bounded", async () => {
    const rig = await start({ reading });
    const [one, two] = [await rig.connect(), await rig.connect()];
    expect(await one.ask("CLIENT PAUSE 60000 WRITE\r\n", 5)).toBe("+OK\r\n");
    const count = 30_000;
    two.send(bytesOf(...Array.from({ length: count }, () => ["INCR", "k"])));
    await one.until(() => [...rig.node.sessions.values()].some((s) => s.isInputPaused));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const session = [...rig.node.sessions.values()].find((s) => s.isInputPaused)!;
    expect(session.tailLength).toBeLessThanOrEqual(256 * 1024);
    one.send("CLIENT UNPAUSE\r\n");
    await two.until(
      (client) => client.received.at(-1)?.toString().endsWith(`:${count}\r\n`) === true,
    );
    const replies = two.take().split("\r\n");
    expect(replies).toHaveLength(count + 1);
    expect(replies.every((reply, n) => n === count || reply === `:${n + 1}`)).toBe(true);
  });

  test("a client that never reads is not served beyond its bound, and others are", async () => {
    const rig = await start({ reading });
    const [deaf, other] = [await rig.connect(), await rig.connect()];
    await other.ask(bytesOf(["SET", "big", "x".repeat(100_000)]), 5);
    deaf.socket.pause();
    const gets = bytesOf(...Array.from({ length: 2000 }, () => ["GET", "big"]));
    deaf.send(gets);
    await other.until(() => [...rig.node.sessions.values()].some((s) => s.isStalled));
    const session = [...rig.node.sessions.values()].find((s) => s.isStalled)!;
    expect(session.unreadBytes).toBeLessThan(2 * MiB);
    expect(await other.ask("PING\r\n", 7)).toBe(pong);
    // Once it reads it gets everything that it had asked for.
    deaf.socket.resume();
    const expected = 2000 * (100_000 + "$100000\r\n\r\n".length);
    await deaf.until((client) => client.receivedBytes === expected);
    await other.until(() => !session.isStalled && session.unreadBytes === 0);
  });

  test("a client that always has more to say gives way to others", async () => {
    const rig = await start({ reading });
    const [greedy, other] = [await rig.connect(), await rig.connect()];
    await other.ask("PING\r\n", 7);
    // Reads in one turn of the event loop; the greedy client's own socket lives in the same loop.
    let reads = 0;
    let readsMost = 0;
    const { onTurn } = rig.host;
    rig.host.onTurn = () => {
      readsMost = Math.max(readsMost, ++reads);
      onTurn?.();
    };
    let isOver = false;
    const eachTurn = (): void => {
      reads = 0;
      if (!isOver) setImmediate(eachTurn);
    };
    eachTurn();
    // Inline requests of which nearly all bytes are spaces: much to read, little to answer.
    const count = 2000;
    greedy.send(`${" ".repeat(8000)}ECHO x\r\n`.repeat(count));
    for (let i = 0; i < 5; i++) expect(await other.ask("PING\r\n", 7)).toBe(pong);
    expect(greedy.receivedBytes).toBeLessThan(count * 7);
    await greedy.until((client) => client.receivedBytes === count * 7);
    isOver = true;
    expect(readsMost).toBeLessThanOrEqual(6);
  });

  test("QUIT: what was asked before is answered, what comes after is not, and it ends", async () => {
    const rig = await start({ reading });
    const client = await rig.connect();
    const value = "v".repeat(24 * MiB);
    client.send(bytesOf(["SET", "k", value], ["GET", "k"], ["QUIT"], ["SET", "k", "late"]));
    await client.closed();
    const replies = client.take();
    expect(replies.length).toBe(5 + "$25165824\r\n\r\n".length + value.length + 5);
    expect(replies.endsWith("\r\n+OK\r\n")).toBe(true);
    const other = await rig.connect();
    expect(await other.ask("STRLEN k\r\n", 11)).toBe(":25165824\r\n");
    expect(rig.node.sessions.size).toBe(1);
  });

  test("QUIT: a short farewell is answered too", async () => {
    const client = await (await start({ reading })).connect();
    client.send("PING\r\nQUIT\r\n");
    await client.closed();
    expect(client.take()).toBe(`${pong}+OK\r\n`);
  });

  test("QUIT: replies that the system has not taken yet leave before the connection ends", async () => {
    const rig = await start({ reading });
    const [client, other] = [await rig.connect(), await rig.connect()];
    const reply = "$200000\r\n\r\n".length + 200_000;
    await other.ask(bytesOf(["SET", "k", "v".repeat(200_000)]), 5);
    const session = [...rig.node.sessions.values()][0]!;
    client.socket.pause();
    let count = 0;
    // Fill the system's buffers, and a little more.
    while (session.unreadBytes === 0) {
      client.send(bytesOf(["GET", "k"]));
      count++;
      const expected = count;
      await other.until(() => session.commandCount === expected);
    }
    expect(session.isStalled).toBe(false);
    client.send("QUIT\r\n");
    await other.until(() => session.closeAfterReply);
    client.socket.resume();
    await client.closed();
    expect(client.receivedBytes).toBe(count * reply + 5);
  });

  test("a protocol error is told and ends the connection, also for one that writes on", async () => {
    const rig = await start({ reading });
    const client = await rig.connect();
    client.send("PING\r\n*x\r\n");
    // As in Redis's own suite: the client goes on until the system tells it that nobody listens.
    const timer = setInterval(() => client.send("payload"), 5);
    await client.closed();
    clearInterval(timer);
    expect(client.take()).toBe(`${pong}-ERR Protocol error: invalid multibulk length\r\n`);
    await client.until(() => rig.node.sessions.size === 0);
  });

  test("CLIENT KILL ends a connection at once, whatever it has not read", async () => {
    const rig = await start({ reading });
    const [one, two] = [await rig.connect(), await rig.connect()];
    await two.ask(bytesOf(["SET", "k", "x".repeat(MiB)]), 5);
    two.socket.pause();
    two.send(bytesOf(...Array.from({ length: 20 }, () => ["GET", "k"])));
    await one.until(() => [...rig.node.sessions.values()].some((s) => s.isStalled));
    const id = [...rig.node.sessions.values()].find((s) => s.isStalled)!.id;
    expect(await one.ask(`CLIENT KILL ID ${id}\r\n`, 4)).toBe(":1\r\n");
    expect(rig.node.sessions.size).toBe(1);
    const writtenBytes = rig.node.environment.statistics.outputBytes;
    two.socket.resume();
    await two.closed();
    // What the system had not taken yet was dropped.
    expect(two.receivedBytes).toBeLessThan(writtenBytes - 1000);
  });

  test("half a frame, then the end: the session goes, nothing is run", async () => {
    const rig = await start({ reading });
    const client = await rig.connect();
    client.send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100\r\nhalf");
    client.socket.end();
    await client.closed();
    await client.until(() => rig.node.sessions.size === 0);
    expect(await (await rig.connect()).ask("EXISTS k\r\n", 4)).toBe(":0\r\n");
  });

  test("maxclients: one too many is told so and closed, and later ones may come", async () => {
    const rig = await start({ reading, settings: { maxclients: "2" } });
    const [one] = [await rig.connect(), await rig.connect()];
    const three = await rig.connect();
    await three.closed();
    expect(three.take()).toBe("-ERR max number of clients reached\r\n");
    one.destroy();
    await one.until(() => rig.node.sessions.size === 1);
    expect(await (await rig.connect()).ask("PING\r\n", 7)).toBe(pong);
    expect(rig.node.environment.statistics.rejectedConnections).toBe(1);
  });

  test("client-output-buffer-limit: over the hard limit a client is closed", async () => {
    const limits = { "client-output-buffer-limit": "normal 300000 0 0" };
    const rig = await start({ reading, settings: limits });
    const [one, two] = [await rig.connect(), await rig.connect()];
    await one.ask(bytesOf(["SET", "k", "x".repeat(200_000)]), 5);
    expect((await two.ask("GET k\r\n", 200_011)).length).toBe(200_011);
    await one.ask(bytesOf(["APPEND", "k", "x".repeat(200_000)]), 9);
    two.send("GET k\r\n");
    await two.closed();
    expect(await one.ask("PING\r\n", 7)).toBe(pong);
  });

  test("messages that a subscriber does not read are bounded", async () => {
    const settings = { "client-output-buffer-limit": "pubsub 0 0 0" };
    const rig = await start({ reading, settings, host: { outputBytesMax: 4 * MiB } });
    const [deaf, publisher] = [await rig.connect(), await rig.connect()];
    await deaf.ask("SUBSCRIBE news\r\n", 1);
    deaf.socket.pause();
    const publish = bytesOf(["PUBLISH", "news", "x".repeat(500_000)]);
    for (let heard = ":1\r\n"; heard === ":1\r\n"; ) heard = await publisher.ask(publish, 4);
    const session = [...rig.node.sessions.values()];
    expect(session).toHaveLength(1);
  });

  test("timeout: who is silent is closed, who waits for a message is not", async () => {
    const rig = await start({ reading, settings: { timeout: "1" } });
    const [silent, subscriber] = [await rig.connect(), await rig.connect()];
    await silent.ask("PING\r\n", 7);
    await subscriber.ask("SUBSCRIBE news\r\n", 1);
    await silent.closed();
    expect(subscriber.isClosed).toBe(false);
  });

  test("stopping: written replies leave, connections end, and it does not take long", async () => {
    const rig = await start({ reading });
    const [one, two] = [await rig.connect(), await rig.connect()];
    two.socket.pause();
    await one.ask(bytesOf(["SET", "k", "x".repeat(MiB)]), 5);
    one.send(bytesOf(["GET", "k"], ["PING"]));
    two.send(bytesOf(...Array.from({ length: 20 }, () => ["GET", "k"])));
    await one.until(() => one.receivedBytes > 0);
    rigs.splice(rigs.indexOf(rig), 1);
    const sleep = new Promise((resolve) => setTimeout(resolve, 3000));
    expect(await Promise.race([rig.host.stop().then(() => "stopped"), sleep])).toBe("stopped");
    await one.closed();
    expect(one.take().endsWith(pong)).toBe(true);
    await expect(TcpClient.connect(rig.port)).rejects.toThrow(/ECONNREFUSED/);
    two.destroy();
    await rig.stop();
  });
});

test("listening: several addresses on one port, one of which may be missing", async () => {
  const rig = await start({ bind: ["127.0.0.1", "127.0.0.2", "-203.0.113.1"] });
  for (const address of ["127.0.0.1", "127.0.0.2"]) {
    const client = await TcpClient.connect(rig.port, address);
    clients.push(client);
    expect(await client.ask("PING\r\n", 7)).toBe(pong);
  }
});

test("listening: a taken port is an error, or the next one is tried", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  const rig = await start();
  const listen = (portTries: number): Promise<number> =>
    rig.host.listen({ bind: "127.0.0.1", port, portTries });
  await expect(listen(0)).rejects.toThrow(/EADDRINUSE/);
  expect(await listen(50)).toBeGreaterThan(port);
  server.close();
});
