// Counting the starts of a node: the first one votes, a later one has lost its memory.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { countStart, type StartsOptions, systemStarts } from "../../src/host/stdio-host-starts.js";

const members = ["n1", "n2", "n3"];
let root = "";
let alive = new Map<number, string>();
let lastPid = 100;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "skerry-starts-"));
  alive = new Map([[1, "parent"]]);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const options = (self: number, parent = 1): StartsOptions => ({
  root,
  parent,
  self,
  identify: (pid) => alive.get(pid),
});

/** A new process of a node; answers its count. */
function start(name: string, client = "c1", ids = members, parent = 1): number {
  const pid = ++lastPid;
  alive.set(pid, `began-${pid}`);
  return countStart(options(pid, parent), name, ids, client);
}

const kill = (...pids: number[]): void => {
  for (const pid of pids) alive.delete(pid);
};

test("starts: the first of each node is 1; one that was killed counts on", () => {
  expect(members.map((name) => start(name))).toEqual([1, 1, 1]);
  kill(lastPid);
  expect(start("n3")).toBe(2);
  kill(lastPid);
  expect(start("n3")).toBe(3);
});

test("starts: other members, other parents and other starts of a parent are other clusters", () => {
  for (const name of members) start(name);
  expect(start("n1", "c1", ["n1"])).toBe(1);
  expect(start("n1", "c1", ["n3", "n2", "n1"])).toBe(2); // The same members.
  alive.set(2, "parent");
  expect(start("n1", "c1", members, 2)).toBe(1);
  alive.set(1, "a later process with the same number");
  expect(start("n1")).toBe(1);
});

test("starts: when nobody of it lives a new cluster has begun", () => {
  const first = lastPid + 1;
  for (const name of members) start(name);
  kill(first, first + 1, first + 2);
  expect(members.map((name) => start(name))).toEqual([1, 1, 1]);
  kill(lastPid);
  expect(start("n3")).toBe(2);
});

test("starts: a process number that was given to somebody else does not live", () => {
  const first = lastPid + 1;
  for (const name of members) start(name);
  for (const pid of [first, first + 1, first + 2]) alive.set(pid, "somebody else");
  expect(start("n2")).toBe(1);
});

test("starts: a cluster all of whose nodes were killed goes on, as its client ids tell", () => {
  const first = lastPid + 1;
  members.forEach((name, i) => {
    expect(start(name, `c${i}`)).toBe(1);
  });
  kill(first, first + 1, first + 2);
  // Maelstrom's ids grow through a test, so c57 cannot have introduced a new cluster's first nodes.
  expect(start("n1", "c57")).toBe(2);
  kill(lastPid);
  expect(start("n1", "c2")).toBe(1); // The next test counts from the beginning.
});

test("starts: a count that cannot be read counts as none, and one that cannot be written is an error", () => {
  start("n1");
  const folder = join(root, readdirSync(root)[0]!);
  for (const name of readdirSync(folder)) writeFileSync(join(folder, name), "{");
  expect(start("n1")).toBe(1);
  rmSync(root, { recursive: true, force: true });
  writeFileSync(root, "a file where the folder should be");
  expect(() => start("n1")).toThrow();
});

test("starts: a lock that was left behind delays, and no more", () => {
  start("n1");
  const folder = join(root, readdirSync(root)[0]!);
  writeFileSync(join(folder, ".lock"), "");
  expect(start("n1")).toBe(2);
});

test("starts: the system tells processes apart", () => {
  const { identify, self, parent } = systemStarts();
  expect(identify(self)).toBeDefined();
  expect(identify(parent)).toBeDefined();
  expect(identify(2 ** 30)).toBeUndefined();
});
