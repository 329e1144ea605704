// The causal mode: what a session has seen on one node it never misses on another.

import { expect, test } from "vitest";
import { waitMsMax } from "../../src/node/causal.js";
import { type Client, Rig } from "../server-commands/harness.js";

const rules = { default: "causal", prefixes: { "e:": "eventual" } } as const;
/**
 * The rig's clock begins before the first possible stamp, where every other time looks far ahead.
 */
const sinceStampsMs = 100_000_000_000;

/** A node that has peers, so that what it writes is known by stamps. */
function newRig(name: string): Rig {
  const rig = new Rig({}, rules, [name, "n9"]);
  rig.wait(sinceStampsMs);
  return rig;
}

const tokenOf = (client: Client): string => client.words("SKERRY.SESSION")[0]!;

/** What replication does: one node joins all that the other has. */
function carry(from: Rig, to: Rig): void {
  for (const { index } of from.node.shards.shards)
    to.node.shards.joinShard(from.node.shards.encodeShard(index));
  to.advance(1);
}

function written(): { one: Rig; two: Rig; client: Client } {
  const [one, two] = [newRig("n1"), newRig("n2")];
  const writer = one.connect();
  writer.send("SET", "k", "v");
  const client = two.connect();
  expect(client.send("SKERRY.SESSION", tokenOf(writer))).toBe("+OK\r\n");
  return { one, two, client };
}

test("causal: a read waits until the node has seen what the session has seen", () => {
  const { one, two, client } = written();
  expect(client.send("GET", "k")).toBe("");
  two.advance(waitMsMax / 2);
  expect(client.output).toBe("");
  carry(one, two);
  expect(client.output).toBe("$1\r\nv\r\n");
  expect(client.send("GET", "k")).toBe("$1\r\nv\r\n");
});

test("causal: a wait that is too long ends in an error after which one may try again", () => {
  const { one, two, client } = written();
  expect(client.send("INCR", "{k}n")).toBe("");
  two.advance(waitMsMax + 10);
  expect(client.output).toMatch(/^-TRYAGAIN /);
  expect(two.connect().send("EXISTS", "{k}n")).toBe(":0\r\n");
  carry(one, two);
  expect(client.send("INCR", "{k}n")).toBe(":1\r\n");
});

test("causal: who has no token, or asks for other keys, does not wait", () => {
  const { two, client } = written();
  expect(two.connect().send("GET", "k")).toBe("$-1\r\n");
  expect(client.send("GET", "e:k")).toBe("$-1\r\n");
  expect(client.send("GET", "other")).toBe("$-1\r\n");
  expect(client.send("PING")).toBe("+PONG\r\n");
});

test("causal: a token carries what came with the one before it", () => {
  const { one, two, client } = written();
  // The session has only been elsewhere meanwhile; its token still names n1's write.
  const third = newRig("n3");
  const reader = third.connect();
  reader.send("SKERRY.SESSION", tokenOf(client));
  expect(reader.send("GET", "k")).toBe("");
  carry(one, third);
  expect(reader.output).toBe("$1\r\nv\r\n");
  void two;
});

test("causal: inside a transaction nothing waits", () => {
  const { client } = written();
  client.send("MULTI");
  client.send("GET", "k");
  expect(client.send("EXEC")).toMatch(/^\*1\r\n-TRYAGAIN /);
});

test.each([
  ["nothing", ""],
  ["punctuation", "!"],
  ["zeroes", "AAAA"],
  ["a count beyond its end", "_____w"],
  ["far too much", "x".repeat(70_000)],
])("causal: %s is no token", (_what, token) => {
  expect(newRig("n1").connect().send("SKERRY.SESSION", token)).toMatch(/^-ERR not a token/);
});
