// CLIENT between connections, and what a connection forgets on RESET.

import { expect, test } from "vitest";
import { gate } from "../../src/commands/session.js";
import { Rig } from "./harness.js";

const fieldsOf = (line: string): Map<string, string> =>
  new Map(
    line.split(" ").map((field) => {
      const equals = field.indexOf("=");
      return [field.slice(0, equals), field.slice(equals + 1)];
    }),
  );

test("client: LIST shows every connection with the fields of Redis 7.0, in Redis's order", () => {
  const rig = new Rig();
  const [one, two] = [rig.connect(), rig.connect()];
  two.send("CLIENT", "SETNAME", "worker");
  two.send("SELECT", 3);
  rig.wait(5000);
  const lines = one.lines("CLIENT", "LIST");
  expect(lines).toHaveLength(2);
  const [mine, other] = lines.map(fieldsOf);
  expect([...mine!.keys()].join(" ")).toBe(
    "id addr laddr fd name age idle flags db sub psub ssub multi qbuf qbuf-free argv-mem multi-mem " +
      "rbs rbp obl oll omem tot-mem events cmd user redir resp",
  );
  expect(mine!.get("cmd")).toBe("client|list");
  expect(mine!.get("qbuf")).toBe("26");
  expect(mine!.get("argv-mem")).toBe("10");
  expect(other!.get("name")).toBe("worker");
  expect(other!.get("db")).toBe("3");
  expect(other!.get("age")).toBe("5");
  expect(other!.get("idle")).toBe("5");
  expect(other!.get("addr")).toBe(two.session.address);
});

test("client: LIST ID and TYPE choose", () => {
  const rig = new Rig();
  const [one, two] = [rig.connect(), rig.connect()];
  const ids = one.lines("CLIENT", "LIST", "ID", two.session.id, 999, one.session.id);
  expect(ids.map((line) => fieldsOf(line).get("id"))).toEqual(["2", "1"]);
  expect(one.lines("CLIENT", "LIST", "TYPE", "normal")).toHaveLength(2);
  expect(one.lines("CLIENT", "LIST", "TYPE", "pubsub")).toHaveLength(0);
});

test("client: KILL by filters closes others and spares the caller", () => {
  const rig = new Rig();
  const [one, two, three] = [rig.connect(), rig.connect(), rig.connect()];
  expect(one.send("CLIENT", "KILL", "ID", two.session.id)).toBe(":1\r\n");
  expect([one.isClosed, two.isClosed, three.isClosed]).toEqual([false, true, false]);
  expect(one.send("CLIENT", "KILL", "TYPE", "normal", "USER", "default")).toBe(":1\r\n");
  expect(three.isClosed).toBe(true);
  expect(one.send("CLIENT", "KILL", "ADDR", one.session.address)).toBe(":0\r\n");
  expect(one.lines("CLIENT", "LIST")).toHaveLength(1);
});

test("client: the old KILL can close the caller, after its reply", () => {
  const rig = new Rig();
  const one = rig.connect();
  expect(one.send("CLIENT", "KILL", one.session.address)).toBe("+OK\r\n");
  expect(one.session.closeAfterReply).toBe(true);
});

test("client: REPLY OFF silences until ON", () => {
  const client = new Rig().connect();
  expect(client.send("CLIENT", "REPLY", "OFF")).toBe("");
  expect(client.send("PING")).toBe("");
  expect(client.send("NOSUCH")).toBe("");
  expect(client.send("CLIENT", "REPLY", "ON")).toBe("+OK\r\n");
  expect(client.send("PING")).toBe("+PONG\r\n");
});

test("client: REPLY SKIP silences the next command only", () => {
  const client = new Rig().connect();
  expect(client.send("CLIENT", "REPLY", "SKIP")).toBe("");
  expect(client.send("PING", "a")).toBe("");
  expect(client.send("PING", "b")).toBe("$1\r\nb\r\n");
});

test("client: RESET puts a connection back to where a new one stands", () => {
  const client = new Rig().connect();
  client.send("HELLO", 3, "SETNAME", "worker");
  client.send("SELECT", 5);
  client.send("MULTI");
  expect(client.send("RESET")).toBe("+RESET\r\n");
  const { session } = client;
  expect([session.name, session.database, session.resp3, session.gates]).toEqual(["", 0, false, 0]);
  expect(session.transaction).toBeUndefined();
  expect(client.send("EXEC")).toBe("-ERR EXEC without MULTI\r\n");
});

test("auth: the password of the default user is asked for and compared as a whole", () => {
  const rig = new Rig();
  const client = rig.connect();
  client.send("CONFIG", "SET", "requirepass", "secret");
  // Who was in already stays in; RESET makes a new connection of it.
  expect(client.send("PING")).toBe("+PONG\r\n");
  client.send("RESET");
  expect(client.session.gates & gate.unauthenticated).not.toBe(0);
  expect(client.send("HELLO", 3)).toMatch(/^-NOAUTH HELLO must be called/);
  for (const wrong of ["", "secre", "secrett", "SECRET", "secretsecret"]) {
    expect(client.send("AUTH", wrong)).toMatch(/^-WRONGPASS/);
  }
  expect(client.send("AUTH", "nobody", "secret")).toMatch(/^-WRONGPASS/);
  expect(client.send("AUTH", "secret")).toBe("+OK\r\n");
  expect(client.send("HELLO", 3, "AUTH", "default", "secret")).toMatch(/^%7\r\n/);
});

test("client: HELLO answers in the protocol that it asks for", () => {
  const client = new Rig().connect();
  const map = (reply: string): string => reply.slice(0, 4);
  expect(map(client.send("HELLO"))).toBe("*14\r");
  expect(map(client.send("HELLO", 3))).toBe("%7\r\n");
  expect(client.send("CLIENT", "GETNAME")).toBe("_\r\n");
  expect(map(client.send("HELLO", 2))).toBe("*14\r");
});
