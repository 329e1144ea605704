// Linearizable keys on a node alone: transactions, WATCH and blocking pops go through a register,
// and what does not lie in one register is refused.

import { describe, expect, test } from "vitest";
import { Rig } from "../server-commands/harness.js";

const newRig = (): Rig => new Rig({}, { default: "linearizable", prefixes: { "e:": "eventual" } });

test("modes: SKERRY.CONSISTENCY tells a key's mode", () => {
  const client = newRig().connect();
  expect(client.send("SKERRY.CONSISTENCY", "x")).toBe("+linearizable\r\n");
  expect(client.send("SKERRY.CONSISTENCY", "e:x")).toBe("+eventual\r\n");
});

describe("transactions", () => {
  test("transactions: commands of one register run together and answer as one", () => {
    const client = newRig().connect();
    client.send("MULTI");
    expect(client.send("SET", "{a}1", "x")).toBe("+QUEUED\r\n");
    expect(client.send("RPUSH", "{a}2", "y", "z")).toBe("+QUEUED\r\n");
    expect(client.send("GET", "{a}1")).toBe("+QUEUED\r\n");
    expect(client.send("EXEC")).toBe("*3\r\n+OK\r\n:2\r\n$1\r\nx\r\n");
    expect(client.send("GET", "{a}1")).toBe("$1\r\nx\r\n");
    expect(client.send("EXEC")).toBe("-ERR EXEC without MULTI\r\n");
  });

  test.each([
    ["two registers", ["SET", "a", "1"], ["SET", "b", "1"]],
    ["two modes", ["SET", "a", "1"], ["SET", "e:b", "1"]],
    ["a command without keys", ["SET", "a", "1"], ["DBSIZE"]],
  ])("transactions: %s do not mix, and nothing is applied", (_what, first, second) => {
    const client = newRig().connect();
    client.send("MULTI");
    client.send(...first);
    client.send(...second);
    expect(client.send("EXEC")).toMatch(/^-EXECABORT /);
    expect(client.send("GET", "a")).toBe("$-1\r\n");
    expect(client.send("GET", "e:b")).toBe("$-1\r\n");
  });

  test("transactions: one command over two registers spoils them", () => {
    const client = newRig().connect();
    client.send("MULTI");
    expect(client.send("MSET", "a", "1", "b", "2")).toMatch(/^-CROSSSLOT /);
    expect(client.send("EXEC")).toMatch(/^-EXECABORT /);
  });

  test("transactions: a watched key that changes, even to the same value, ends them", () => {
    const rig = newRig();
    const [one, two] = [rig.connect(), rig.connect()];
    one.send("SET", "k", "1");
    expect(one.send("WATCH", "k")).toBe("+OK\r\n");
    two.send("SET", "k", "1");
    one.send("MULTI");
    one.send("SET", "k", "2");
    expect(one.send("EXEC")).toBe("*-1\r\n");
    expect(one.send("GET", "k")).toBe("$1\r\n1\r\n");

    one.send("WATCH", "k");
    one.send("MULTI");
    one.send("SET", "k", "2");
    expect(one.send("EXEC")).toBe("*1\r\n+OK\r\n");
  });

  test("transactions: UNWATCH, DISCARD and EXEC forget what was watched", () => {
    const rig = newRig();
    const [one, two] = [rig.connect(), rig.connect()];
    for (const ending of [["UNWATCH"], ["DISCARD"], ["EXEC"]]) {
      one.send("WATCH", "k");
      if (ending[0] !== "UNWATCH") one.send("MULTI");
      one.send(...ending);
      two.send("INCR", "k");
      one.send("MULTI");
      one.send("GET", "k");
      expect(one.send("EXEC")).toMatch(/^\*1/);
    }
  });
});

describe("blocking", () => {
  test("blocking: a pop waits for an element, and gets it once it is there", () => {
    const rig = newRig();
    const [one, two] = [rig.connect(), rig.connect()];
    expect(one.send("BLPOP", "q", "10")).toBe("");
    expect(two.send("RPUSH", "q", "x")).toBe(":1\r\n");
    rig.advance(200);
    expect(one.output).toBe("*2\r\n$1\r\nq\r\n$1\r\nx\r\n");
    expect(two.send("LLEN", "q")).toBe(":0\r\n");
  });

  test("blocking: an element goes to one of those who wait", () => {
    const rig = newRig();
    const waiters = [rig.connect(), rig.connect(), rig.connect()];
    for (const client of waiters) client.send("BLPOP", "q", "1");
    rig.connect().send("RPUSH", "q", "x", "y");
    for (let i = 0; i < 15; i++) rig.advance(100);
    const outputs = waiters.map(({ output }) => output).sort();
    expect(outputs[0]).toBe("*-1\r\n");
    expect(outputs.slice(1).map((output) => output.slice(-4, -2).trim())).toEqual(["x", "y"]);
  });

  test("blocking: the wait ends at its time, or with the connection", () => {
    const rig = newRig();
    const [one, two] = [rig.connect(), rig.connect()];
    one.send("BLMPOP", "0.5", "1", "q", "LEFT");
    for (let i = 0; i < 8; i++) rig.advance(100);
    expect(one.output).toBe("*-1\r\n");
    one.send("BLPOP", "q", "0");
    rig.node.closeSession(one.session);
    two.send("RPUSH", "q", "x");
    for (let i = 0; i < 5; i++) rig.advance(100);
    expect(two.send("LLEN", "q")).toBe(":1\r\n");
  });
});
