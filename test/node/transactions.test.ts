// MULTI, EXEC, WATCH: what a transaction promises, and every way in which a watched key changes.

import { expect, test } from "vitest";
import { type Client, Rig } from "../server-commands/harness.js";

const queued = "+QUEUED\r\n";
const nil = "*-1\r\n";
const aborted = "-EXECABORT Transaction discarded because of previous errors.\r\n";

test("multi: commands run at EXEC, one after another, and their replies come as one", () => {
  const client = new Rig().connect();
  expect(client.send("MULTI")).toBe("+OK\r\n");
  expect(client.send("SET", "k", 1)).toBe(queued);
  expect(client.send("INCR", "k")).toBe(queued);
  expect(client.send("LPUSH", "k", "x")).toBe(queued);
  expect(client.send("GET", "k")).toBe(queued);
  expect(client.send("EXEC")).toMatch(/^\*4\r\n\+OK\r\n:2\r\n-WRONGTYPE [^\r]*\r\n\$1\r\n2\r\n$/);
  expect(client.send("EXEC")).toBe("-ERR EXEC without MULTI\r\n");
});

test("multi: nothing of it is seen before EXEC, nor after DISCARD", () => {
  const rig = new Rig();
  const [one, two] = [rig.connect(), rig.connect()];
  one.send("MULTI");
  one.send("SET", "k", 1);
  expect(two.send("GET", "k")).toBe("$-1\r\n");
  expect(one.send("DISCARD")).toBe("+OK\r\n");
  expect(two.send("GET", "k")).toBe("$-1\r\n");
  expect(one.send("DISCARD")).toBe("-ERR DISCARD without MULTI\r\n");
});

test.each([
  ["an unknown command", ["NOSUCH"], /^-ERR unknown command/],
  ["a wrong count of arguments", ["GET"], /^-ERR wrong number/],
  ["an unknown subcommand", ["CLIENT", "NOSUCH"], /^-ERR unknown subcommand/],
])("multi: %s spoils the transaction", (_what, args, error) => {
  const client = new Rig().connect();
  client.send("MULTI");
  client.send("SET", "k", 1);
  expect(client.send(...args)).toMatch(error);
  expect(client.send("SET", "k", 2)).toBe(queued);
  expect(client.send("EXEC")).toBe(aborted);
  expect(client.send("GET", "k")).toBe("$-1\r\n");
});

test("multi: what may not stand inside is refused, and the transaction goes on", () => {
  const client = new Rig().connect();
  client.send("MULTI");
  expect(client.send("MULTI")).toBe("-ERR MULTI calls can not be nested\r\n");
  expect(client.send("WATCH", "k")).toBe("-ERR WATCH inside MULTI is not allowed\r\n");
  client.send("SET", "k", 1);
  expect(client.send("EXEC")).toBe("*1\r\n+OK\r\n");
});

test("multi: an EXEC that is refused ends its transaction, and says why", () => {
  const client = new Rig().connect();
  client.send("MULTI");
  client.send("SET", "k", 1);
  expect(client.send("EXEC", "now")).toBe(
    "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command\r\n",
  );
  expect(client.send("EXEC")).toBe("-ERR EXEC without MULTI\r\n");
});

test("multi: commands in it have the database that was selected when they run", () => {
  const client = new Rig().connect();
  client.send("MULTI");
  client.send("SELECT", 3);
  client.send("SET", "k", "three");
  client.send("EXEC");
  client.send("SELECT", 0);
  expect(client.send("GET", "k")).toBe("$-1\r\n");
});

test("multi: an error in the list is the queued command's, not EXEC's", () => {
  const client = new Rig().connect();
  for (const line of ["SET k x", "MULTI", "INCR k", "EXEC"]) client.send(...line.split(" "));
  const statistics = client.send("INFO", "commandstats");
  expect(statistics).toMatch(/cmdstat_incr:calls=1,[^\r]*,failed_calls=1/);
  expect(statistics).toMatch(/cmdstat_exec:calls=1,[^\r]*,failed_calls=0/);
});

test("multi: RESET and RESP3's nil", () => {
  const rig = new Rig();
  const [one, two] = [rig.connect(), rig.connect()];
  one.send("WATCH", "k");
  one.send("MULTI");
  expect(one.send("RESET")).toBe("+RESET\r\n");
  one.send("HELLO", 3);
  two.send("SET", "k", 1);
  one.send("MULTI");
  expect(one.send("EXEC")).toBe("*0\r\n");
  one.send("WATCH", "k");
  two.send("SET", "k", 2);
  one.send("MULTI");
  expect(one.send("EXEC")).toBe("_\r\n");
});

test("multi: a transaction cannot grow beyond the query buffer's limit", () => {
  const rig = new Rig({ "client-query-buffer-limit": "1048576" });
  const client = rig.connect();
  client.send("MULTI");
  for (let i = 0; i < 8; i++) client.send("SET", `k${i}`, "v".repeat(200_000));
  expect(client.isClosed).toBe(true);
  expect(rig.node.sessions.size).toBe(0);
});

// ---- WATCH

type Change = readonly [what: string, prepare: readonly string[], change: readonly string[]];

/** One change per type, and the ways round the ordinary write. */
const changes: readonly Change[] = [
  ["SET", [], ["SET k 1"]],
  ["SET of the same value", ["SET k 1"], ["SET k 1"]],
  ["a change and its reverse", ["SET k 1"], ["INCR k", "DECR k"]],
  ["INCR", ["SET k 1"], ["INCR k"]],
  ["APPEND", ["SET k 1"], ["APPEND k 2"]],
  ["SETBIT", ["SET k 1"], ["SETBIT k 6 1"]],
  ["DEL", ["SET k 1"], ["DEL k"]],
  ["UNLINK", ["SET k 1"], ["UNLINK k"]],
  ["RENAME away", ["SET k 1"], ["RENAME k l"]],
  ["RENAME onto", ["SET l 1"], ["RENAME l k"]],
  ["COPY onto", ["SET l 1"], ["COPY l k"]],
  ["MOVE away", ["SET k 1"], ["MOVE k 5"]],
  ["EXPIRE", ["SET k 1"], ["EXPIRE k 100"]],
  ["PERSIST", ["SET k 1 EX 100"], ["PERSIST k"]],
  ["GETDEL", ["SET k 1"], ["GETDEL k"]],
  ["GETEX", ["SET k 1"], ["GETEX k EX 10"]],
  ["SADD", ["SADD k a"], ["SADD k b"]],
  ["SREM", ["SADD k a b"], ["SREM k a"]],
  ["HSET", ["HSET k f 1"], ["HSET k f 2"]],
  ["HDEL", ["HSET k f 1 g 2"], ["HDEL k f"]],
  ["ZADD", ["ZADD k 1 a"], ["ZADD k 2 a"]],
  ["ZREM", ["ZADD k 1 a 2 b"], ["ZREM k a"]],
  ["LPUSH", ["LPUSH k a"], ["LPUSH k b"]],
  ["LPOP", ["LPUSH k a b"], ["LPOP k"]],
  ["LSET", ["LPUSH k a b"], ["LSET k 0 c"]],
  ["FLUSHDB", ["SET k 1"], ["FLUSHDB"]],
  ["FLUSHALL", ["SET k 1"], ["FLUSHALL"]],
  ["SWAPDB, gone", ["SET k 1"], ["SWAPDB 0 1"]],
  ["SWAPDB, come", ["SELECT 1", "SET k 1", "SELECT 0"], ["SWAPDB 0 1"]],
  ["MULTI", ["SET k 1"], ["MULTI", "SET k 2", "EXEC"]],
];

const run = (client: Client, lines: readonly string[]): void => {
  for (const line of lines) expect(client.send(...line.split(" "))).not.toMatch(/^-/);
};

test.each(changes)("watch: %s by another client breaks the transaction", (_what, before, after) => {
  const rig = new Rig();
  const [one, two] = [rig.connect(), rig.connect()];
  run(two, before);
  one.send("WATCH", "other", "k");
  run(two, after);
  one.send("MULTI");
  one.send("PING");
  expect(one.send("EXEC")).toBe(nil);
  // Only once: EXEC forgets what was watched.
  one.send("MULTI");
  one.send("PING");
  expect(one.send("EXEC")).toBe("*1\r\n+PONG\r\n");
});

/** What touches neither the key nor its absence. */
const harmless: readonly Change[] = [
  ["reads", ["SET k 1"], ["GET k", "STRLEN k", "TTL k", "OBJECT ENCODING k"]],
  ["a refused write", ["SET k 1"], ["SETNX k 2", "SET k 2 NX"]],
  ["another key", [], ["SET l 1"]],
  ["the same key of another database", [], ["SELECT 1", "SET k 1"]],
  ["FLUSHALL where the key was not", ["SET l 1"], ["FLUSHALL"]],
  ["SWAPDB where the key was not", ["SET l 1"], ["SWAPDB 0 1"]],
  ["a DEL of nothing", [], ["DEL k"]],
  ["a member that was there", ["SADD k a"], ["SADD k a"]],
];

test.each(harmless)("watch: %s changes nothing", (_what, before, after) => {
  const rig = new Rig();
  const [one, two] = [rig.connect(), rig.connect()];
  for (const line of before) two.send(...line.split(" "));
  one.send("WATCH", "k");
  for (const line of after) two.send(...line.split(" "));
  one.send("MULTI");
  one.send("PING");
  expect(one.send("EXEC")).toBe("*1\r\n+PONG\r\n");
});

test("watch: one's own change counts, UNWATCH and DISCARD forget", () => {
  const client = new Rig().connect();
  const exec = (): string => {
    client.send("MULTI");
    client.send("PING");
    return client.send("EXEC");
  };
  client.send("WATCH", "k");
  client.send("SET", "k", 1);
  expect(exec()).toBe(nil);
  client.send("WATCH", "k");
  client.send("SET", "k", 2);
  client.send("UNWATCH");
  expect(exec()).toBe("*1\r\n+PONG\r\n");
  client.send("WATCH", "k");
  client.send("SET", "k", 3);
  client.send("MULTI");
  client.send("DISCARD");
  expect(exec()).toBe("*1\r\n+PONG\r\n");
});

test("watch: a key whose time has come has changed, removed or not", () => {
  for (const isRemoved of [false, true]) {
    const rig = new Rig();
    const [one, two] = [rig.connect(), rig.connect()];
    two.send("SET", "k", 1, "PX", 50);
    one.send("WATCH", "k");
    rig.wait(60);
    if (isRemoved) rig.node.cron();
    one.send("MULTI");
    one.send("PING");
    expect(one.send("EXEC")).toBe(nil);
  }
});

test("watch: a key that was past its time when it was first watched is absent, and stays so", () => {
  const rig = new Rig();
  const [one, two] = [rig.connect(), rig.connect()];
  two.send("DEBUG", "SET-ACTIVE-EXPIRE", 0);
  two.send("SET", "k", 1, "PX", 50);
  rig.wait(60);
  one.send("WATCH", "k");
  expect(two.send("GET", "k")).toBe("$-1\r\n");
  one.send("MULTI");
  one.send("PING");
  expect(one.send("EXEC")).toBe("*1\r\n+PONG\r\n");
});

test("watch: many keys at once cost no more than each by itself", () => {
  const rig = new Rig();
  const [one, two] = [rig.connect(), rig.connect()];
  const keys = Array.from({ length: 50_000 }, (_, i) => `key${i}`);
  // With a search through all watched keys for each this would take minutes.
  one.send("WATCH", ...keys);
  one.send("WATCH", ...keys);
  expect(one.session.watched).toHaveLength(keys.length);
  two.send("SET", keys.at(-1)!, 1);
  one.send("MULTI");
  expect(one.send("EXEC")).toBe(nil);
  expect(one.session.watched).toEqual([]);
});

test("watch: writes pay nothing when nobody watches any more", () => {
  const rig = new Rig();
  const client = rig.connect();
  expect(rig.node.keyspace.onModified).toBeUndefined();
  client.send("WATCH", "k");
  expect(rig.node.keyspace.onModified).toBeDefined();
  client.send("UNWATCH");
  expect(rig.node.keyspace.onModified).toBeUndefined();
  client.send("WATCH", "k");
  rig.node.closeSession(client.session);
  expect(rig.node.keyspace.onModified).toBeUndefined();
});

test("watch: others who listen for changed keys go on hearing of them", () => {
  const rig = new Rig();
  const client = rig.connect();
  const heard: string[] = [];
  const listen = (database: number, key: Uint8Array): void => {
    heard.push(`${database}:${Buffer.from(key).toString()}`);
  };
  const { modified } = rig.node.environment;
  modified.add(listen);
  client.send("WATCH", "k");
  client.send("SET", "k", 1);
  client.send("UNWATCH");
  client.send("SET", "l", 1);
  modified.remove(listen);
  client.send("SET", "m", 1);
  expect(heard).toEqual(["0:k", "0:l"]);
});
