// Publish and subscribe on a whole node: who hears what, in which protocol, in which place among
// replies; and keyspace events as messages. Framing as in Redis 7.0 (pubsub.c, notify.c).

import { describe, expect, test } from "vitest";
import { type Client, Rig } from "../server-commands/harness.js";

function arrived(client: Client): string {
  const { output } = client;
  client.output = "";
  return output;
}

/** Sends a request and takes what came back. */
function say(client: Client, ...args: (string | number)[]): string {
  client.send(...args);
  return arrived(client);
}

/** Frames words as a message: bulk strings, numbers as integers, null as a missing value. */
function frame(mark: string, ...words: (string | number | null)[]): string {
  const parts = words.map((word) => {
    if (word === null) return mark === ">" ? "_\r\n" : "$-1\r\n";
    return typeof word === "number" ? `:${word}\r\n` : `$${word.length}\r\n${word}\r\n`;
  });
  return `${mark}${words.length}\r\n${parts.join("")}`;
}

function clients(): [Rig, Client, Client] {
  const rig = new Rig();
  return [rig, rig.connect(), rig.connect()];
}

describe("messages", () => {
  test("channels and patterns, counted together; shard channels apart", () => {
    const [, listener, writer] = clients();
    expect(say(listener, "SUBSCRIBE", "a", "b")).toBe(
      frame("*", "subscribe", "a", 1) + frame("*", "subscribe", "b", 2),
    );
    expect(say(listener, "PSUBSCRIBE", "a*")).toBe(frame("*", "psubscribe", "a*", 3));
    expect(say(listener, "SSUBSCRIBE", "a")).toBe(frame("*", "ssubscribe", "a", 1));
    expect(writer.send("PUBLISH", "a", "x\r\n")).toBe(":2\r\n");
    expect(arrived(listener)).toBe(
      frame("*", "message", "a", "x\r\n") + frame("*", "pmessage", "a*", "a", "x\r\n"),
    );
    expect(writer.send("SPUBLISH", "a", "y")).toBe(":1\r\n");
    expect(arrived(listener)).toBe(frame("*", "smessage", "a", "y"));
    expect(writer.send("PUBLISH", "c", "z")).toBe(":0\r\n");
    expect(writer.words("PUBSUB", "NUMSUB", "a", "c")).toEqual(["a", "1", "c", "0"]);
    expect(writer.words("PUBSUB", "CHANNELS", "b*")).toEqual(["b"]);
    expect(writer.words("PUBSUB", "SHARDCHANNELS")).toEqual(["a"]);
    expect(writer.send("PUBSUB", "NUMPAT")).toBe(":1\r\n");
  });

  test("a subscribed RESP2 connection runs little else, until it has unsubscribed", () => {
    const [, listener] = clients();
    say(listener, "SUBSCRIBE", "a");
    expect(say(listener, "GET", "k")).toMatch(/^-ERR Can't execute 'get': only /);
    expect(say(listener, "PING")).toBe(frame("*", "pong", ""));
    expect(say(listener, "UNSUBSCRIBE")).toBe(frame("*", "unsubscribe", "a", 0));
    expect(say(listener, "GET", "k")).toBe("$-1\r\n");
    expect(say(listener, "UNSUBSCRIBE")).toBe(frame("*", "unsubscribe", null, 0));
    expect(say(listener, "PUNSUBSCRIBE", "x")).toBe(frame("*", "punsubscribe", "x", 0));
  });

  test("on RESP3 messages are pushes, one's own comes before the reply", () => {
    const [, listener, writer] = clients();
    say(listener, "HELLO", 3);
    say(listener, "SUBSCRIBE", "a");
    expect(say(listener, "PUBLISH", "a", "x")).toBe(`${frame(">", "message", "a", "x")}:1\r\n`);
    writer.send("PUBLISH", "a", "y");
    expect(arrived(listener)).toBe(frame(">", "message", "a", "y"));
    expect(say(listener, "SUNSUBSCRIBE")).toBe(frame(">", "sunsubscribe", null, 0));
  });

  test("each listener hears a message in its own protocol", () => {
    const [rig, listener, writer] = clients();
    const modern = rig.connect();
    say(modern, "HELLO", 3);
    say(modern, "SUBSCRIBE", "a");
    say(listener, "SUBSCRIBE", "a");
    expect(writer.send("PUBLISH", "a", "x")).toBe(":2\r\n");
    expect(arrived(modern)).toBe(frame(">", "message", "a", "x"));
    expect(arrived(listener)).toBe(frame("*", "message", "a", "x"));
  });

  test("messages never mix with the replies of the one who publishes", () => {
    const [rig, listener, writer] = clients();
    say(listener, "SUBSCRIBE", "a");
    listener.output = "";
    writer.output = "";
    rig.receive(writer, Buffer.from("PUBLISH a 1\r\nPING\r\nPUBLISH a 2\r\nECHO x\r\n"));
    expect(arrived(writer)).toBe(":1\r\n+PONG\r\n:1\r\n$1\r\nx\r\n");
    expect(arrived(listener)).toBe(
      frame("*", "message", "a", "1") + frame("*", "message", "a", "2"),
    );
  });

  test("CLIENT REPLY OFF silences replies, not messages", () => {
    const [, listener, writer] = clients();
    say(listener, "HELLO", 3);
    say(listener, "CLIENT", "REPLY", "OFF");
    expect(say(listener, "SUBSCRIBE", "a")).toBe(frame(">", "subscribe", "a", 1));
    writer.send("PUBLISH", "a", "x");
    expect(arrived(listener)).toBe(frame(">", "message", "a", "x"));
    expect(say(listener, "PUBLISH", "a", "y")).toBe(frame(">", "message", "a", "y"));
    expect(say(listener, "PING")).toBe("");
  });

  test("a connection that is gone, or was reset, listens no more", () => {
    const [rig, listener, writer] = clients();
    say(listener, "SUBSCRIBE", "a");
    say(listener, "RESET");
    expect(writer.send("PUBLISH", "a", "x")).toBe(":0\r\n");
    say(listener, "PSUBSCRIBE", "*");
    rig.node.closeSession(listener.session);
    expect(writer.send("PUBLISH", "a", "x")).toBe(":0\r\n");
    expect(writer.send("PUBSUB", "NUMPAT")).toBe(":0\r\n");
  });
});

describe("keyspace events", () => {
  const events = (setting: string, ...lines: (string | number)[][]): string[] => {
    const [rig, listener, writer] = clients();
    writer.send("CONFIG", "SET", "notify-keyspace-events", setting);
    say(listener, "PSUBSCRIBE", "*");
    listener.output = "";
    for (const line of lines) {
      if (line[0] === "wait") rig.wait(Number(line[1]));
      else writer.send(...line);
    }
    return [
      ...arrived(listener).matchAll(/__\$?\r?\n?(key\w+@\d+__:\S*)\r\n\$\d+\r\n(\S*)\r\n/g),
    ].map(([, channel, message]) => `${channel} ${message}`);
  };

  test("both channels, by class", () => {
    expect(events("KEl", ["RPUSH", "k", "a"], ["SET", "s", "v"])).toEqual([
      "keyspace@0__:k rpush",
      "keyevent@0__:rpush k",
    ]);
    expect(events("K", ["RPUSH", "k", "a"])).toEqual([]);
    expect(events("l", ["RPUSH", "k", "a"])).toEqual([]);
    expect(events("", ["RPUSH", "k", "a"])).toEqual([]);
  });

  test("lists: in Redis's words and order", () => {
    expect(
      events(
        "EA",
        ["RPUSH", "k", "a", "b"],
        ["LSET", "k", 0, "c"],
        ["LINSERT", "k", "BEFORE", "b", "x"],
        ["LREM", "k", 0, "x"],
        ["LREM", "k", 0, "x"],
        ["LTRIM", "k", 0, 0],
        ["LMOVE", "k", "l", "LEFT", "RIGHT"],
        ["RPOPLPUSH", "l", "l"],
        ["LPOP", "l", 3],
      ),
    ).toEqual(
      [
        ...["rpush k", "lset k", "linsert k", "lrem k", "ltrim k"],
        ...["rpush l", "lpop k", "del k", "lpush l", "rpop l", "lpop l", "del l"],
      ].map((event) => `keyevent@0__:${event}`),
    );
  });

  test("new keys, missed keys, expired keys", () => {
    expect(events("En", ["SET", "k", "v"], ["SET", "k", "w"], ["RPUSH", "l", "a"])).toEqual([
      "keyevent@0__:new k",
      "keyevent@0__:new l",
    ]);
    expect(events("Em", ["GET", "k"], ["EXISTS", "k"], ["SET", "k", "v"], ["GET", "k"])).toEqual([
      "keyevent@0__:keymiss k",
      "keyevent@0__:keymiss k",
    ]);
    expect(events("Ex", ["PSETEX", "k", 5, "v"], ["wait", 10], ["GET", "k"])).toEqual([
      "keyevent@0__:expired k",
    ]);
  });
});
