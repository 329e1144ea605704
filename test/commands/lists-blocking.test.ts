// Sessions that wait for keys, on a whole node: who is served by which change, in which order, what
// ends a wait otherwise, and that a waiter's reply is its own. The order is Redis 7.0's
// (blocked.c).

import { describe, expect, test } from "vitest";
import { type Client, Rig } from "../server-commands/harness.js";

/** What has arrived since the last look. */
function arrived(client: Client): string {
  const { output } = client;
  client.output = "";
  return output;
}

function advance(rig: Rig, ms: number): void {
  rig.nowMs += ms;
  rig.node.beginTurn(rig.nowMs);
  rig.node.tick();
}

const pair = (key: string, value: string): string =>
  `*2\r\n$${key.length}\r\n${key}\r\n$${value.length}\r\n${value}\r\n`;

function clients(count: number): [Rig, ...Client[]] {
  const rig = new Rig();
  return [rig, ...Array.from({ length: count }, () => rig.connect())];
}

describe("serving", () => {
  test("a push serves whoever waits; each gets the reply that is its own", () => {
    const [, waiter, writer] = clients(2) as [Rig, Client, Client];
    expect(waiter.send("BLPOP", "j", "k", 0)).toBe("");
    expect(writer.send("RPUSH", "k", "a")).toBe(":1\r\n");
    expect(arrived(waiter)).toBe(pair("k", "a"));
    expect(writer.send("EXISTS", "k")).toBe(":0\r\n");
  });

  test("first come, first served, one element each", () => {
    const [, first, second, third, writer] = clients(4) as [Rig, ...Client[]] as [
      Rig,
      Client,
      Client,
      Client,
      Client,
    ];
    first.send("BLPOP", "k", 0);
    second.send("BRPOP", "k", 0);
    third.send("BLMPOP", 0, 1, "k", "LEFT", "COUNT", 9);
    writer.send("RPUSH", "k", "a", "b", "c", "d");
    expect(arrived(first)).toBe(pair("k", "a"));
    expect(arrived(second)).toBe(pair("k", "d"));
    expect(arrived(third)).toBe("*2\r\n$1\r\nk\r\n*2\r\n$1\r\nb\r\n$1\r\nc\r\n");
    expect(writer.send("EXISTS", "k")).toBe(":0\r\n");
  });

  test("a transaction serves when it is over, from the key that changed first", () => {
    const [, waiter, writer] = clients(2) as [Rig, Client, Client];
    waiter.send("BLPOP", "a", "b", 0);
    writer.send("MULTI");
    writer.send("RPUSH", "b", "1");
    writer.send("DEL", "b");
    writer.send("EXEC");
    expect(arrived(waiter)).toBe("");
    writer.send("MULTI");
    writer.send("RPUSH", "b", "2");
    writer.send("RPUSH", "a", "1");
    writer.send("EXEC");
    expect(arrived(waiter)).toBe(pair("b", "2"));
    expect(writer.send("LLEN", "a")).toBe(":1\r\n");
  });

  test("what a waiter sends meanwhile is answered behind its wait", () => {
    const [rig, waiter, writer] = clients(2) as [Rig, Client, Client];
    waiter.output = "";
    rig.receive(waiter, Buffer.from("BLPOP k 0\r\nPING\r\nBLPOP k 0\r\nPING\r\n"));
    expect(arrived(waiter)).toBe("");
    writer.send("RPUSH", "k", "a");
    expect(arrived(waiter)).toBe(`${pair("k", "a")}+PONG\r\n`);
    writer.send("RPUSH", "k", "b", "c");
    expect(arrived(waiter)).toBe(`${pair("k", "b")}+PONG\r\n`);
    expect(writer.send("LLEN", "k")).toBe(":1\r\n");
  });

  test("an element passes through lists that sessions move between", () => {
    const [, mover, popper, writer] = clients(3) as [Rig, Client, Client, Client];
    mover.send("BLMOVE", "x", "y", "LEFT", "RIGHT", 0);
    popper.send("BLPOP", "y", 0);
    writer.send("LPUSH", "x", "e");
    expect(arrived(mover)).toBe("$1\r\ne\r\n");
    expect(arrived(popper)).toBe(pair("y", "e"));
    expect(writer.send("EXISTS", "x", "y")).toBe(":0\r\n");
  });

  test("a value of another type does not end the wait", () => {
    const [, waiter, writer] = clients(2) as [Rig, Client, Client];
    waiter.send("BLPOP", "k", 0);
    writer.send("SET", "k", "v");
    writer.send("DEL", "k");
    writer.send("SADD", "k", "m");
    expect(arrived(waiter)).toBe("");
    writer.send("DEL", "k");
    writer.send("RPUSH", "k", "a");
    expect(arrived(waiter)).toBe(pair("k", "a"));
  });

  test("a target of another type ends the wait with an error and takes nothing", () => {
    const [, waiter, writer] = clients(2) as [Rig, Client, Client];
    writer.send("SET", "s", "v");
    waiter.send("BRPOPLPUSH", "k", "s", 0);
    writer.send("RPUSH", "k", "a");
    expect(arrived(waiter)).toMatch(/^-WRONGTYPE /);
    expect(writer.send("LLEN", "k")).toBe(":1\r\n");
  });

  test.each([
    [
      "RENAME",
      [
        ["RPUSH", "l", "a"],
        ["RENAME", "l", "k"],
      ],
    ],
    [
      "COPY",
      [
        ["RPUSH", "l", "a"],
        ["COPY", "l", "k"],
      ],
    ],
    [
      "SWAPDB",
      [
        ["SELECT", "1"],
        ["RPUSH", "k", "a"],
        ["SWAPDB", "0", "1"],
      ],
    ],
    [
      "MOVE",
      [
        ["SELECT", "1"],
        ["RPUSH", "k", "a"],
        ["MOVE", "k", "0"],
      ],
    ],
  ])("a list that comes by %s serves too", (_name, lines) => {
    const [, waiter, writer] = clients(2) as [Rig, Client, Client];
    waiter.send("BLPOP", "k", 0);
    for (const line of lines) writer.send(...line);
    expect(arrived(waiter)).toBe(pair("k", "a"));
  });
});

describe("the end of a wait", () => {
  test("its time is up: to the millisecond, and the node says when", () => {
    const [rig, waiter, other] = clients(2) as [Rig, Client, Client];
    waiter.send("BLPOP", "k", "0.5");
    other.send("BLMOVE", "k", "l", "LEFT", "LEFT", "0.25");
    expect(rig.node.nextDueMs()).toBe(rig.nowMs + 250);
    advance(rig, 250);
    expect(arrived(other)).toBe("*-1\r\n");
    expect(rig.node.nextDueMs()).toBe(rig.nowMs + 250);
    advance(rig, 249);
    expect(arrived(waiter)).toBe("");
    advance(rig, 1);
    expect(arrived(waiter)).toBe("*-1\r\n");
    expect(rig.node.nextDueMs()).toBe(Number.POSITIVE_INFINITY);
    expect(waiter.send("PING")).toBe("+PONG\r\n");
  });

  test("CLIENT UNBLOCK, as a timeout or as an error", () => {
    const [, waiter, other] = clients(2) as [Rig, Client, Client];
    const { id } = waiter.session;
    expect(other.send("CLIENT", "UNBLOCK", id)).toBe(":0\r\n");
    waiter.send("BLPOP", "k", 0);
    expect(other.info("clients").get("blocked_clients")).toBe("1");
    expect(other.send("CLIENT", "UNBLOCK", id)).toBe(":1\r\n");
    expect(arrived(waiter)).toBe("*-1\r\n");
    waiter.send("BLPOP", "k", 0);
    expect(other.send("CLIENT", "UNBLOCK", id, "ERROR")).toBe(":1\r\n");
    expect(arrived(waiter)).toBe("-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
    expect(other.info("clients").get("blocked_clients")).toBe("0");
    other.send("RPUSH", "k", "a");
    expect(arrived(waiter)).toBe("");
  });

  test("a connection that is gone takes nothing with it", () => {
    const [rig, waiter, writer] = clients(2) as [Rig, Client, Client];
    waiter.send("BLPOP", "k", "7");
    rig.node.closeSession(waiter.session);
    expect(writer.send("RPUSH", "k", "a")).toBe(":1\r\n");
    expect(writer.send("LLEN", "k")).toBe(":1\r\n");
    expect(rig.node.nextDueMs()).toBe(Number.POSITIVE_INFINITY);
  });

  test("inside EXEC nothing waits", () => {
    const [, client] = clients(1) as [Rig, Client];
    client.send("MULTI");
    client.send("BLPOP", "k", 0);
    client.send("BRPOPLPUSH", "k", "l", 0);
    expect(client.send("EXEC")).toBe("*2\r\n*-1\r\n$-1\r\n");
  });

  test("while nobody waits, writes are told to nobody", () => {
    const [rig, waiter, writer] = clients(2) as [Rig, Client, Client];
    waiter.send("BLPOP", "k", 0);
    expect(rig.node.keyspace.onModified).toBeDefined();
    writer.send("RPUSH", "k", "a");
    expect(rig.node.keyspace.onModified).toBeUndefined();
  });
});
