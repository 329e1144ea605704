// What a client's unfinished requests may hold: room while it is heard from, more while a large
// request arrives, none once it is silent. Redis's names for it, CLIENT LIST's qbuf and qbuf-free.

import { expect, test } from "vitest";
import { type Client, Rig } from "./harness.js";

const usual = 16 * 1024;

const roomOf = ({ session }: Client): number => session.tail.length;

function waitWithCare(rig: Rig, ms: number): void {
  for (let waited = 0; waited < ms; waited += 100) {
    rig.advance(100);
    rig.node.cron();
  }
}

function sendInPieces(rig: Rig, client: Client, value: string): void {
  const bytes = Buffer.from(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${value.length}\r\n${value}\r\n`);
  for (let at = 0; at < bytes.length; at += 65_536)
    rig.receive(client, bytes.subarray(at, at + 65_536));
}

test("query buffer: room from the first request on, none after two silent seconds", () => {
  const rig = new Rig();
  const client = rig.connect();
  expect(roomOf(client)).toBe(0);
  expect(client.send("PING")).toBe("+PONG\r\n");
  expect(roomOf(client)).toBe(usual);
  waitWithCare(rig, 1500);
  expect(roomOf(client)).toBe(usual);
  waitWithCare(rig, 1500);
  expect(roomOf(client)).toBe(0);
});

test("query buffer: a large request's room goes back while the client is active", () => {
  const rig = new Rig();
  const client = rig.connect();
  sendInPieces(rig, client, "v".repeat(400_000));
  expect(roomOf(client)).toBeGreaterThan(400_000);
  waitWithCare(rig, 600);
  expect(client.send("STRLEN", "k")).toBe(":400000\r\n");
  expect(roomOf(client)).toBe(usual);
});

test("query buffer: what has arrived of a request stays, however silent the client is", () => {
  const rig = new Rig();
  const client = rig.connect();
  rig.receive(client, Buffer.from("*2\r\n$4\r\nECHO\r\n$3\r\na"));
  waitWithCare(rig, 10_000);
  client.output = "";
  rig.receive(client, Buffer.from("bc\r\n"));
  expect(client.output).toBe("$3\r\nabc\r\n");
});
