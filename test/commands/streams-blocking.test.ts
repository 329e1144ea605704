// Sessions that wait for streams, on a whole node: whom an entry serves, what a group that is gone
// answers, and which changes of a stream are no news. As in Redis 7.0 (blocked.c).

import { describe, expect, test } from "vitest";
import { type Client, Rig } from "../server-commands/harness.js";

/** What has arrived since the last look. */
function arrived(client: Client): string {
  const { output } = client;
  client.output = "";
  return output;
}

function clients(count: number): Client[] {
  const rig = new Rig();
  return Array.from({ length: count }, () => rig.connect());
}

const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;

/** The reply of one entry of one stream, with a field f. */
const one = (key: string, id: string, value: string): string =>
  `*1\r\n*2\r\n${bulk(key)}*1\r\n*2\r\n${bulk(id)}*2\r\n${bulk("f")}${bulk(value)}`;

describe("XREAD", () => {
  test("an entry serves everybody who waits for what is behind an id", () => {
    const [first, second, writer] = clients(3) as [Client, Client, Client];
    writer.send("XADD", "s", "1-1", "f", "a");
    expect(first.send("XREAD", "BLOCK", 0, "STREAMS", "t", "s", "$", "$")).toBe("");
    expect(second.send("XREAD", "BLOCK", 0, "STREAMS", "s", "1-1")).toBe("");
    writer.send("XADD", "s", "2-1", "f", "b");
    for (const client of [first, second]) expect(arrived(client)).toBe(one("s", "2-1", "b"));
  });

  test("what is below the id, or is removed, is no news", () => {
    const [waiter, writer] = clients(2) as [Client, Client];
    for (const id of ["1-1", "2-1", "3-1"]) writer.send("XADD", "s", id, "f", "a");
    writer.send("XDEL", "s", "3-1");
    waiter.send("XREAD", "BLOCK", 0, "STREAMS", "s", "2-1");
    writer.send("XDEL", "s", "1-1");
    writer.send("XTRIM", "s", "MAXLEN", 0);
    expect(arrived(waiter)).toBe("");
    writer.send("XADD", "s", "4-1", "f", "b");
    expect(arrived(waiter)).toBe(one("s", "4-1", "b"));
  });

  test("a key that goes, or becomes another type, is waited for still", () => {
    const [waiter, writer] = clients(2) as [Client, Client];
    writer.send("XADD", "s", "1-1", "f", "a");
    waiter.send("XREAD", "BLOCK", 0, "STREAMS", "s", "$");
    writer.send("DEL", "s");
    writer.send("SET", "s", "text");
    writer.send("DEL", "s");
    expect(arrived(waiter)).toBe("");
    writer.send("XADD", "s", "2-1", "f", "b");
    expect(arrived(waiter)).toBe(one("s", "2-1", "b"));
  });

  test("an entry that is trimmed at once still ends the wait", () => {
    const [waiter, writer] = clients(2) as [Client, Client];
    waiter.send("XREAD", "BLOCK", 0, "STREAMS", "s", "$");
    writer.send("XADD", "s", "MAXLEN", 0, "2-1", "f", "b");
    expect(arrived(waiter)).toBe(`*1\r\n*2\r\n${bulk("s")}*0\r\n`);
  });

  test("in a transaction nothing waits", () => {
    const [client] = clients(1) as [Client];
    client.send("MULTI");
    client.send("XREAD", "BLOCK", 0, "STREAMS", "s", "$");
    expect(client.send("EXEC")).toBe("*1\r\n*-1\r\n");
  });
});

describe("XREADGROUP", () => {
  function waiting(): [Client, Client, Client] {
    const [first, second, writer] = clients(3) as [Client, Client, Client];
    writer.send("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM");
    first.send("XREADGROUP", "GROUP", "g", "a", "BLOCK", 0, "STREAMS", "s", ">");
    second.send("XREADGROUP", "GROUP", "g", "b", "BLOCK", 0, "STREAMS", "s", ">");
    return [first, second, writer];
  }

  test("an entry serves the one who waits longest, and is pending for it", () => {
    const [first, second, writer] = waiting();
    writer.send("XADD", "s", "1-1", "f", "a");
    expect(arrived(first)).toBe(one("s", "1-1", "a"));
    expect(arrived(second)).toBe("");
    writer.send("XADD", "s", "2-1", "f", "b");
    expect(arrived(second)).toBe(one("s", "2-1", "b"));
    const held = (consumer: string, id: string): string =>
      `*4\r\n${bulk(id)}${bulk(consumer)}:0\r\n:1\r\n`;
    const pending = writer.send("XPENDING", "s", "g", "-", "+", 9);
    expect(pending).toBe(`*2\r\n${held("a", "1-1")}${held("b", "2-1")}`);
  });

  const gone = "-UNBLOCKED the stream key no longer exists\r\n";

  test.each([
    ["DEL", "s"],
    ["SET", "s", "text"],
    ["FLUSHALL"],
    ["PEXPIREAT", "s", "1"],
    ["RENAME", "s", "t"],
  ])("whoever waits in a group hears that the key is gone: %s", (...line) => {
    const [first, second, writer] = waiting();
    writer.send(...line);
    expect([arrived(first), arrived(second)]).toEqual([gone, gone]);
  });

  test("and that the group is", () => {
    const [first, second, writer] = waiting();
    writer.send("XGROUP", "DESTROY", "s", "g");
    const text = "-NOGROUP the consumer group this client was blocked on no longer exists\r\n";
    expect([arrived(first), arrived(second)]).toEqual([text, text]);
  });

  test("a key that is made anew in one transaction has no such group", () => {
    const [first, , writer] = waiting();
    writer.send("MULTI");
    writer.send("DEL", "s");
    writer.send("XADD", "s", "9-1", "f", "a");
    writer.send("EXEC");
    expect(arrived(first)).toContain("-NOGROUP");
  });

  test("reading, acknowledging and claiming do not break a WATCH", () => {
    const [, , writer] = waiting();
    writer.send("XADD", "s", "1-1", "f", "a");
    writer.send("WATCH", "s");
    writer.send("XACK", "s", "g", "1-1");
    writer.send("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", "0");
    writer.send("XGROUP", "SETID", "s", "g", "0");
    writer.send("MULTI");
    writer.send("PING");
    expect(writer.send("EXEC")).toBe("*1\r\n+PONG\r\n");
    writer.send("WATCH", "s");
    writer.send("XADD", "s", "3-1", "f", "a");
    writer.send("MULTI");
    expect(writer.send("EXEC")).toBe("*-1\r\n");
  });
});
