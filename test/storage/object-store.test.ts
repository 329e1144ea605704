// One acceptance suite for every object store: what a checkpoint or a manifest relies on holds in
// memory, in a folder and over S3 alike.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { always, ifAbsent, ifMatch, type ObjectStore } from "../../src/storage/object-store.js";
import { probeConditions } from "../../src/storage/probe-conditions.js";
import {
  answerOf,
  get,
  list,
  listAll,
  type OpenStore,
  openers,
  outcomeOf,
  put,
  remove,
  textOf,
} from "./stores.js";

describe.each(Object.keys(openers))("object store, %s:", (kind) => {
  let opened: OpenStore;
  let store: ObjectStore;
  beforeEach(async () => {
    opened = await openers[kind]!();
    store = opened.store;
  });
  afterEach(async () => await opened.close());

  test("what was put is there, as a whole, for everybody", async () => {
    const tag = answerOf(await put(store, "a/b.seg", "hello", always));
    const found = answerOf(await get(opened.again(), "a/b.seg"));
    expect([Buffer.from(found.bytes).toString(), found.tag, found.size]).toEqual(["hello", tag, 5]);
  });

  test("the object is a copy: who changes what it gave or got changes nothing", async () => {
    const given = Buffer.from("hello");
    await new Promise((resolve) => store.put("copy", given, always, resolve));
    given.fill(0);
    const found = answerOf(await get(store, "copy"));
    expect(Buffer.from(found.bytes).toString()).toBe("hello");
    found.bytes.fill(0);
    expect(await textOf(store, "copy", { offset: 0, count: 5 })).toBe("hello");
  });

  test("an empty object is an object", async () => {
    answerOf(await put(store, "empty", "", always));
    expect(await textOf(store, "empty")).toBe("");
    expect(outcomeOf(await put(store, "empty", "x", ifAbsent))).toBe("precondition_failed");
  });

  test("what is not there is a definite error, and removing it is none", async () => {
    expect(await textOf(store, "nothing")).toBe("key_does_not_exist");
    expect(outcomeOf(await remove(store, "nothing"))).toBe("ok");
  });

  test("a range is cut at the end; one behind the end is an error", async () => {
    answerOf(await put(store, "r", "0123456789", always));
    expect(await textOf(store, "r", { offset: 2, count: 3 })).toBe("234");
    expect(await textOf(store, "r", { offset: 8, count: 100 })).toBe("89");
    expect(answerOf(await get(store, "r", { offset: 9, count: 1 })).size).toBe(10);
    expect(await textOf(store, "r", { offset: 10, count: 1 })).toBe("malformed_request");
    expect(await textOf(store, "r", { offset: 0, count: 0 })).toBe("malformed_request");
  });

  test("if-absent: the first is taken, the second refused, the object stays", async () => {
    expect(outcomeOf(await put(store, "m", "one", ifAbsent))).toBe("ok");
    expect(outcomeOf(await put(opened.again(), "m", "two", ifAbsent))).toBe("precondition_failed");
    expect(await textOf(store, "m")).toBe("one");
    answerOf(await remove(store, "m"));
    expect(outcomeOf(await put(store, "m", "three", ifAbsent))).toBe("ok");
  });

  test("if-match: only on the tag at hand", async () => {
    const first = answerOf(await put(store, "m", "one", ifAbsent));
    const second = answerOf(await put(store, "m", "two", ifMatch(first)));
    expect(second).not.toBe(first);
    expect(outcomeOf(await put(store, "m", "lost", ifMatch(first)))).toBe("precondition_failed");
    expect(await textOf(store, "m")).toBe("two");
    expect(outcomeOf(await put(store, "m", "three", ifMatch(second)))).toBe("ok");
    // Where there is nothing, no tag is the right one.
    expect(outcomeOf(await put(store, "n", "x", ifMatch(second)))).toBe("precondition_failed");
    expect(await textOf(store, "n")).toBe("key_does_not_exist");
  });

  test("an object that was replaced many times is listed once, with its size", async () => {
    for (let i = 1; i <= 12; i++) answerOf(await put(store, "many", "x".repeat(i), always));
    expect(answerOf(await list(store, "many")).entries).toEqual([{ name: "many", size: 12 }]);
    answerOf(await remove(store, "many"));
    expect(await textOf(store, "many")).toBe("key_does_not_exist");
    expect(await listAll(store, "many")).toEqual([]);
  });

  test("a list gives the names of a prefix, in order, page by page", async () => {
    const names = ["seg/01", "seg/02", "seg/10/a", "seg/10/b", "seg/11", "seg/2", "seg/3-x"];
    for (const name of [...names, "sega", "other/01"].reverse())
      answerOf(await put(store, name, name, always));
    expect(await listAll(store, "seg/")).toEqual(names);
    expect(await listAll(store, "seg/1")).toEqual(["seg/10/a", "seg/10/b", "seg/11"]);
    expect(await listAll(store, "")).toHaveLength(9);
    expect(await listAll(store, "none/")).toEqual([]);
    // Three to a page, seven in all: the last page is not mistaken for a full one.
    expect(answerOf(await list(store, "seg/")).entries).toHaveLength(3);
  });

  test("names that a store could not hold are refused before anything is done", async () => {
    for (const name of [
      "",
      "/a",
      "a/",
      "a//b",
      "../a",
      "a/.b",
      "a b",
      "a@1",
      "ä",
      "x".repeat(513),
    ]) {
      expect(outcomeOf(await put(store, name, "x", always))).toBe("malformed_request");
      expect(outcomeOf(await remove(store, name))).toBe("malformed_request");
      expect(await textOf(store, name)).toBe("malformed_request");
    }
    expect(await listAll(store, "")).toEqual([]);
  });

  test("eight writers that count by compare-and-swap lose no step", async () => {
    // What the manifest relies on. Each success is one step; an answer in doubt may be one.
    answerOf(await put(store, "count", "0", ifAbsent));
    let steps = 0;
    let doubts = 0;
    const count = async (writer: ObjectStore): Promise<void> => {
      for (let i = 0; i < 12; i++) {
        const { bytes, tag } = answerOf(await get(writer, "count"));
        const next = String(Number(Buffer.from(bytes).toString()) + 1);
        const outcome = outcomeOf(await put(writer, "count", next, ifMatch(tag)));
        if (outcome === "ok") steps++;
        else if (outcome === "timeout") doubts++;
        else expect(outcome).toBe("precondition_failed");
      }
    };
    await Promise.all(Array.from({ length: 8 }, () => count(opened.again())));
    const counted = Number(await textOf(store, "count"));
    expect(counted).toBeGreaterThanOrEqual(steps);
    expect(counted).toBeLessThanOrEqual(steps + doubts);
    expect(steps).toBeGreaterThanOrEqual(12);
  });

  test("of eight that create at once exactly one does", async () => {
    const all = await Promise.all(
      Array.from({ length: 8 }, (_, i) => put(opened.again(), "new", `by ${i}`, ifAbsent)),
    );
    expect(all.filter(({ ok }) => ok)).toHaveLength(1);
    expect(await textOf(store, "new")).toBe(`by ${all.findIndex(({ ok }) => ok)}`);
  });

  test("the probe of its conditions passes, twice, and leaves nothing", async () => {
    for (let i = 0; i < 2; i++) {
      const probe = { name: "probe", isSingleWriter: false };
      const result = await new Promise((resolve) => probeConditions(store, probe, resolve));
      expect(result).toEqual({ ok: true, value: undefined });
    }
    expect(await listAll(store, "")).toEqual([]);
  });
});
