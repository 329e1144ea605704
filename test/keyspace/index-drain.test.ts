// Housekeeping of indexes that have grown: the old table goes although nobody writes any more.

import { expect, test } from "vitest";
import type { ElementTable } from "../../src/keyspace/element-table.js";
import { IndexDrain } from "../../src/keyspace/index-drain.js";
import { Rig } from "../server-commands/harness.js";

test("index drain: collections that have grown are drained without another write, however many", () => {
  const rig = new Rig();
  const client = rig.connect();
  const { keyspace } = rig.node;
  const count = 300;
  // The index grows with the element that fills three quarters of it, and a few slots are drained.
  const members = Array.from({ length: 193 }, (_, n) => `m${n}`);
  for (let n = 0; n < count; n++) client.send("SADD", `s${n}`, ...members);
  client.send("DEL", "s7", "s8");
  const growing = (): number =>
    keyspace.tables.all().filter((table) => (table as ElementTable).index.isResizing).length;
  expect(growing()).toBe(count - 2);
  const drain = new IndexDrain(keyspace);
  let steps = 0;
  while (drain.step(64)) expect(++steps).toBeLessThan(count * 5);
  // A step that finds nothing to do has not looked at all of them.
  while (growing() > 0) {
    drain.step(64);
    expect(++steps).toBeLessThan(count * 5);
  }
  rig.node.verifyInvariants();
  expect(client.send("SISMEMBER", "s299", "m0")).toBe(":1\r\n");
  client.send("FLUSHALL");
  expect(new IndexDrain(keyspace).step(64)).toBe(false);
});
