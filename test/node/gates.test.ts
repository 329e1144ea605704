// The dispatcher's gates in their order, silent clients, the pause, and what is measured.

import { expect, test } from "vitest";
import { outcome } from "../../src/commands/session.js";
import type { Gate } from "../../src/node/dispatcher-gates.js";
import { Rig } from "../server-commands/harness.js";
import { encodeRequest } from "../wire/requests.js";

const pong = "+PONG\r\n";

// ---- order

test("gates: unknown commands and wrong counts come before everything else", () => {
  const rig = new Rig({ requirepass: "secret" });
  const client = rig.connect();
  expect(client.send("NOSUCH")).toMatch(/^-ERR unknown command 'NOSUCH'/);
  expect(client.send("GET")).toMatch(/^-ERR wrong number of arguments/);
  expect(client.send("CLIENT", "NOSUCH")).toMatch(/^-ERR unknown subcommand/);
  expect(client.send("GET", "k")).toBe("-NOAUTH Authentication required.\r\n");
  expect(client.send("CLIENT", "ID")).toBe("-NOAUTH Authentication required.\r\n");
});

test("gates: they are asked in Redis's order, whatever the order in which they came", () => {
  const rig = new Rig();
  const client = rig.connect();
  const asked: string[] = [];
  const { dispatcher } = rig.node;
  const gateOf =
    (name: string): Gate =>
    () => {
      asked.push(name);
      return false;
    };
  for (const name of ["consistency", "loading", "acl", "memory"] as const) {
    dispatcher.gates.set(name, gateOf(name));
  }
  client.send("CLIENT", "PAUSE", 100, "WRITE");
  dispatcher.gates.set("subscription", gateOf("subscription"));
  client.send("GET", "k");
  expect(asked).toEqual(["acl", "memory", "subscription", "loading", "consistency"]);
});

test("gates: where keys have modes, a command on one eventual key passes without being asked", () => {
  const rig = new Rig({}, { default: "linearizable", prefixes: { "e:": "eventual" } });
  const client = rig.connect();
  const asked: string[] = [];
  rig.node.dispatcher.gates.set("acl", (call) => {
    asked.push(Array.from({ length: call.argc }, (_, index) => call.text(index)).join(" "));
    return false;
  });
  expect(client.send("SET", "e:k", 1)).toBe("+OK\r\n");
  expect(client.send("GET", "e:k")).toBe("$1\r\n1\r\n");
  expect(asked).toEqual([]);
  // Keys of another mode, several keys, and whatever somebody else has a say in.
  client.send("GET", "k");
  client.send("EXISTS", "e:k", "k");
  client.send("OBJECT", "ENCODING", "k");
  client.send("PING");
  client.send("CLIENT", "PAUSE", 100, "WRITE");
  client.send("GET", "e:k");
  expect(asked).toEqual(
    ["GET k", "EXISTS e:k k", "OBJECT ENCODING k", "PING"].concat(asked.slice(4)),
  );
  expect(asked.slice(4)).toContain("GET e:k");
});

test("gates: a full node refuses what takes memory before it queues it", () => {
  const client = new Rig().connect();
  client.send("SET", "k", 1);
  client.send("CONFIG", "SET", "maxmemory", 1);
  const oom = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
  expect(client.send("SET", "k", 2)).toBe(oom);
  expect(client.send("GET", "k")).toBe("$1\r\n1\r\n");
  expect(client.send("DEL", "k")).toBe(":1\r\n");
  client.send("MULTI");
  expect(client.send("SET", "k", 2)).toBe(oom);
  expect(client.send("GET", "k")).toBe(oom);
  expect(client.send("EXEC")).toMatch(/^-EXECABORT/);
  client.send("CONFIG", "SET", "maxmemory", 0);
  client.send("MULTI");
  client.send("SET", "k", 2);
  expect(client.send("EXEC")).toBe("*1\r\n+OK\r\n");
});

// ---- authentication

test("auth: before it, only what leads to it; a new connection stands before it", () => {
  const rig = new Rig({ requirepass: "secret" });
  const client = rig.connect();
  for (const command of ["PING", "MULTI", "INFO", "EXEC"]) {
    expect(client.send(command)).toMatch(/NOAUTH Authentication required/);
  }
  expect(client.send("RESET")).toBe("+RESET\r\n");
  expect(client.send("AUTH", "secret")).toBe("+OK\r\n");
  expect(client.send("PING")).toBe(pong);
  expect(rig.connect().send("QUIT")).toBe("+OK\r\n");
});

test("auth: without a password everybody is in, also who was waiting to give one", () => {
  const rig = new Rig({ requirepass: "secret" });
  const [one, two] = [rig.connect(), rig.connect()];
  one.send("AUTH", "secret");
  expect(two.send("PING")).toMatch(/^-NOAUTH/);
  one.send("CONFIG", "SET", "requirepass", "");
  expect(two.send("PING")).toBe(pong);
});

test("auth: strangers may send only small requests", () => {
  const rig = new Rig({ requirepass: "secret" });
  const many = Array.from({ length: 11 }, () => "x");
  const one = rig.connect();
  expect(one.send(...many)).toBe("-ERR Protocol error: unauthenticated multibulk length\r\n");
  expect(one.isClosed).toBe(true);
  const two = rig.connect();
  expect(two.send("AUTH", "x".repeat(16_385))).toBe(
    "-ERR Protocol error: unauthenticated bulk length\r\n",
  );
  expect(rig.connect().send("AUTH", "x".repeat(16_384))).toMatch(/^-WRONGPASS/);
});

test("auth: a large request right behind AUTH is no stranger's", () => {
  const rig = new Rig({ requirepass: "secret" });
  const client = rig.connect();
  const args = ["MSET", ...Array.from({ length: 20 }, (_, i) => `k${i >> 1}`)];
  const large = encodeRequest(["SET", "k", "v".repeat(20_000)]);
  const bytes = [encodeRequest(["AUTH", "secret"]), encodeRequest(args), large];
  rig.receive(client, Buffer.concat(bytes));
  expect(client.output).toBe("+OK\r\n+OK\r\n+OK\r\n");
});

// ---- silence

test("silence: SKIP covers one command, whatever becomes of it", () => {
  const client = new Rig().connect();
  for (const silenced of [
    ["PING"],
    ["NOSUCH"],
    ["GET"],
    ["CLIENT", "NOSUCH"],
    ["INCR", "k", "x"],
  ]) {
    client.send("CLIENT", "REPLY", "SKIP");
    expect(client.send(...silenced)).toBe("");
    expect(client.send("PING")).toBe(pong);
  }
});

test("silence: SKIP after SKIP, ON within SKIP, OFF after SKIP", () => {
  const client = new Rig().connect();
  client.send("CLIENT", "REPLY", "SKIP");
  client.send("CLIENT", "REPLY", "SKIP");
  expect(client.send("PING")).toBe("");
  expect(client.send("PING")).toBe(pong);
  client.send("CLIENT", "REPLY", "SKIP");
  expect(client.send("CLIENT", "REPLY", "ON")).toBe("+OK\r\n");
  expect(client.send("PING")).toBe(pong);
  client.send("CLIENT", "REPLY", "OFF");
  client.send("CLIENT", "REPLY", "SKIP");
  expect(client.send("PING")).toBe("");
  expect(client.send("PING")).toBe("");
});

test("silence: one pipeline, and a transaction as a whole", () => {
  const rig = new Rig();
  const client = rig.connect();
  const pipeline = [
    ["ECHO", "1"],
    ["CLIENT", "REPLY", "SKIP"],
    ["ECHO", "2"],
    ["ECHO", "3"],
    ["MULTI"],
    ["CLIENT", "REPLY", "OFF"],
    ["EXEC"],
    ["ECHO", "4"],
    ["CLIENT", "REPLY", "ON"],
  ];
  rig.receive(client, Buffer.concat(pipeline.map(encodeRequest)));
  expect(client.output).toBe("$1\r\n1\r\n$1\r\n3\r\n+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
});

// ---- the pause

test("pause: writes wait for its end, then run in order; reads go on", () => {
  const rig = new Rig();
  const [one, two] = [rig.connect(), rig.connect()];
  one.send("CLIENT", "PAUSE", 1000, "WRITE");
  const pipeline = [
    ["GET", "k"],
    ["SET", "k", "1"],
    ["GET", "k"],
    ["INCR", "k"],
  ];
  rig.receive(two, Buffer.concat(pipeline.map(encodeRequest)));
  expect(two.output).toBe("$-1\r\n");
  expect(two.session.waiting).toBe(outcome.postponed);
  expect(one.info("clients").get("blocked_clients")).toBe("1");
  expect(two.send("INCR", "k")).toBe("");
  rig.wait(999);
  rig.node.tick();
  expect(two.output).toBe("");
  rig.wait(1);
  rig.node.tick();
  expect(two.output).toBe("+OK\r\n$1\r\n1\r\n:2\r\n:3\r\n");
  expect(one.info("clients").get("blocked_clients")).toBe("0");
});

test("pause: UNPAUSE ends it, after its own reply", () => {
  const rig = new Rig();
  const [one, two, three] = [rig.connect(), rig.connect(), rig.connect()];
  one.send("CLIENT", "PAUSE", 100_000, "WRITE");
  two.send("SET", "k", 1);
  three.send("INCR", "k");
  expect(one.send("CLIENT", "UNPAUSE")).toBe("+OK\r\n");
  expect([two.output, three.output]).toEqual(["+OK\r\n", ":2\r\n"]);
});

test("pause: everything waits when ALL is paused, and a weaker one changes nothing", () => {
  const rig = new Rig();
  const [one, two] = [rig.connect(), rig.connect()];
  const pipeline = [["CLIENT", "PAUSE", "500", "WRITE"], ["CLIENT", "PAUSE", "1000"], ["PING"]];
  rig.receive(one, Buffer.concat(pipeline.map(encodeRequest)));
  expect(one.output).toBe("+OK\r\n+OK\r\n");
  expect(two.send("GET", "k")).toBe("");
  rig.wait(600);
  rig.node.tick();
  expect(two.output).toBe("");
  rig.wait(400);
  rig.node.tick();
  expect([one.output, two.output]).toEqual(["+OK\r\n+OK\r\n+PONG\r\n", "$-1\r\n"]);
});

test("pause: ALL stays ALL when writes are paused too", () => {
  const rig = new Rig();
  const [one, two] = [rig.connect(), rig.connect()];
  // As two clients might, of which the second is not run before the pause has begun.
  rig.node.environment.pause(rig.nowMs + 1000, "all");
  rig.node.environment.pause(rig.nowMs + 1000, "write");
  expect(two.send("GET", "k")).toBe("");
  expect(one.send("PING")).toBe("");
});

test("pause: a later and shorter one does not shorten it", () => {
  const rig = new Rig();
  const [one, two] = [rig.connect(), rig.connect()];
  one.send("CLIENT", "PAUSE", 1000, "WRITE");
  one.send("CLIENT", "PAUSE", 10, "WRITE");
  rig.wait(500);
  rig.node.tick();
  expect(two.send("SET", "k", 1)).toBe("");
});

test("pause: errors are told at once, EXEC waits only for its writes", () => {
  const rig = new Rig();
  const [one, two] = [rig.connect(), rig.connect()];
  two.send("MULTI");
  two.send("GET", "k");
  one.send("CLIENT", "PAUSE", 1000, "WRITE");
  expect(two.send("SET", "k")).toMatch(/^-ERR wrong number/);
  expect(two.send("EXEC")).toMatch(/^-EXECABORT/);
  two.send("MULTI");
  two.send("GET", "k");
  expect(two.send("EXEC")).toBe("*1\r\n$-1\r\n");
});

test("pause: keys past their time are hidden, and removed when it is over", () => {
  const rig = new Rig();
  const client = rig.connect();
  client.send("SET", "k", 1, "PX", 10);
  client.send("CLIENT", "PAUSE", 1000, "WRITE");
  rig.wait(20);
  rig.node.cron();
  expect(client.send("GET", "k")).toBe("$-1\r\n");
  expect(client.send("DBSIZE")).toBe(":1\r\n");
  expect(client.info("stats").get("expired_keys")).toBe("0");
  rig.wait(1000);
  rig.node.tick();
  rig.node.cron();
  expect(client.send("DBSIZE")).toBe(":0\r\n");
});

test("pause: who was kept waiting may go, or be closed", () => {
  const rig = new Rig();
  const [one, two] = [rig.connect(), rig.connect()];
  one.send("CLIENT", "PAUSE", 1000, "WRITE");
  two.send("SET", "k", 1);
  expect(one.send("CLIENT", "KILL", "ID", two.session.id)).toBe(":1\r\n");
  one.send("CLIENT", "UNPAUSE");
  expect(one.send("GET", "k")).toBe("$-1\r\n");
});

// ---- measuring

test("measure: a subcommand's time is its own, a queued command's too", () => {
  const rig = new Rig();
  const client = rig.connect();
  client.send("CONFIG", "RESETSTAT");
  client.send("CLIENT", "ID");
  client.send("MULTI");
  client.send("GET", "k");
  client.send("OBJECT", "ENCODING", "k");
  client.send("EXEC");
  const total = (name: string): number | undefined =>
    rig.node.environment.findCommand(name)?.latency?.total;
  expect([total("client"), total("client|id")]).toEqual([undefined, 1]);
  expect([total("get"), total("exec"), total("object|encoding")]).toEqual([1, 1, 1]);
  // RESETSTAT itself, CLIENT ID, MULTI, EXEC and what it ran; a command is not run by being queued.
  expect(rig.node.environment.statistics.commandsProcessed).toBe(6);
});

test("measure: a command that waits is measured, and logged, when it is served", () => {
  const rig = new Rig({ "slowlog-log-slower-than": "0" });
  const [one, two] = [rig.connect(), rig.connect()];
  one.send("BLPOP", "l", 0);
  const { slowLog } = rig.node.environment;
  slowLog.reset();
  two.send("LPUSH", "l", "x");
  expect(one.output).toBe("*2\r\n$1\r\nl\r\n$1\r\nx\r\n");
  const logged = slowLog.newest(9).map(({ args }) => Buffer.from(args[0]!).toString());
  expect(logged.sort()).toEqual(["BLPOP", "LPUSH"]);
  expect(rig.node.environment.findCommand("blpop")?.latency?.total).toBe(1);
});

test("measure: the fast commands of a batch are counted, the refused ones are not", () => {
  const rig = new Rig();
  const client = rig.connect();
  client.send("CONFIG", "RESETSTAT");
  const pipeline = [
    ["GET", "a"],
    ["GET", "b"],
    ["GET"],
    ["SET", "a", "1"],
    ["GET", "a"],
    ["NOSUCH"],
  ];
  rig.receive(client, Buffer.concat(pipeline.map(encodeRequest)));
  const get = rig.node.environment.findCommand("get")!;
  expect([get.calls, get.rejectedCalls, get.latency?.total]).toEqual([3, 1, 3]);
  expect(client.session.lastCommand).toBe("NULL");
});

test("measure: a session that leaves access times alone", () => {
  const rig = new Rig();
  const client = rig.connect();
  client.send("SET", "k", 1);
  rig.wait(10_000);
  const pipeline = [
    ["CLIENT", "NO-TOUCH", "ON"],
    ["GET", "k"],
  ];
  rig.receive(client, Buffer.concat(pipeline.map(encodeRequest)));
  expect(client.send("OBJECT", "IDLETIME", "k")).toBe(":10\r\n");
  client.send("CLIENT", "NO-TOUCH", "OFF");
  client.send("GET", "k");
  expect(client.send("OBJECT", "IDLETIME", "k")).toBe(":0\r\n");
});

test("measure: CLIENT LIST names the last command, TIME tells microseconds", () => {
  const rig = new Rig();
  const [one, two] = [rig.connect(), rig.connect()];
  two.send("GET", "k");
  two.send("OBJECT", "HELP");
  expect(one.lines("CLIENT", "LIST")[1]).toContain(" cmd=object|help ");
  rig.nowMs += 0.25;
  expect(one.words("TIME")).toEqual([String(Math.floor(rig.nowMs / 1000)), "250"]);
});
