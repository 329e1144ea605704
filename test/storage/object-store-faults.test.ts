// What the stores do when something goes wrong: S3 over a bad network, a folder that was left by a
// killed process, the faulty store of the simulator, and the probe before a store that ignores
// conditions.

import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Prng } from "../../src/base/prng.js";
import {
  FaultyStore,
  type StoreFault,
  type StoreFaultProfile,
  storeFaults,
} from "../../src/storage/faulty-store.js";
import { MemoryStore } from "../../src/storage/memory-store.js";
import {
  always,
  ifAbsent,
  ifMatch,
  type ObjectStore,
  type StoreResult,
} from "../../src/storage/object-store.js";
import { probeConditions } from "../../src/storage/probe-conditions.js";
import type { S3Fault, S3Request } from "../s3/s3-server.js";
import {
  answerOf,
  get,
  list,
  listAll,
  openDirectory,
  openS3,
  outcomeOf,
  put,
  remove,
  textOf,
} from "./stores.js";

/** Befalls the first requests of a method, one fault each. */
function once(method: string, ...faults: S3Fault[]) {
  return (request: S3Request) => (request.method === method ? faults.shift() : undefined);
}

const serverError: S3Fault = { kind: "refuse", status: 500, code: "InternalError" };
const slowDown: S3Fault = { kind: "refuse", status: 503, code: "SlowDown" };
const conflict: S3Fault = { kind: "refuse", status: 409, code: "ConditionalRequestConflict" };
const lost: S3Fault = { kind: "answer_lost" };
const errorAfter: S3Fault = { kind: "error_after_commit" };

test.each([
  ["500", serverError],
  ["503", slowDown],
  ["409", conflict],
  ["latency", { kind: "latency", ms: 30 } as const],
])("s3: %s once, then the put is done", async (_, fault) => {
  const { store, close } = await openS3({ fault: once("PUT", fault) });
  expect(outcomeOf(await put(store, "m", "one", ifAbsent))).toBe("ok");
  expect(await textOf(store, "m")).toBe("one");
  await close();
});

test.each([
  ["cut", lost],
  ["500 after the commit", errorAfter],
])("s3: a put whose answer is lost (%s) is known again by reading", async (_, fault) => {
  // The second attempt is refused by the first one's work. Answering "refused" would make a writer
  // believe that another has taken the manifest from it.
  const { server, store, close } = await openS3({ fault: once("PUT", fault) });
  const tag = answerOf(await put(store, "m", "one", ifAbsent));
  expect(answerOf(await get(store, "m")).tag).toBe(tag);
  server.objects.clear();
  await close();
  const second = await openS3();
  const first = answerOf(await put(second.store, "m", "one", ifAbsent));
  const cut = once("PUT", fault);
  const faulty = await openS3({ fault: cut });
  faulty.server.objects.set("some/node/m", second.server.objects.get("some/node/m")!);
  const next = answerOf(await put(faulty.store, "m", "two", ifMatch(first)));
  expect(answerOf(await get(faulty.store, "m")).tag).toBe(next);
  await second.close();
  await faulty.close();
});

test("s3: a put in doubt, over which another wrote, stays indefinite", async () => {
  // Ours may have been there before; "refused" would be a lie about what may have happened.
  let puts = 0;
  const { server, store, close } = await openS3({
    fault: ({ method }) => {
      if (method !== "PUT") return undefined;
      if (++puts === 1) return lost;
      const other = { bytes: Buffer.from("other"), tag: '"other"', metadata: {} };
      server.objects.set("some/node/m", other);
      return undefined;
    },
  });
  expect(outcomeOf(await put(store, "m", "one", ifAbsent))).toBe("timeout");
  expect(await textOf(store, "m")).toBe("other");
  await close();
});

test("s3: the same bytes by another writer are not one's own work", async () => {
  let puts = 0;
  const { server, store, close } = await openS3({
    fault: ({ method }) => {
      if (method !== "PUT") return undefined;
      if (++puts > 1) return undefined;
      server.objects.set("some/node/m", { bytes: Buffer.from("x"), tag: '"x"', metadata: {} });
      return serverError;
    },
  });
  expect(outcomeOf(await put(store, "m", "x", ifAbsent))).toBe("timeout");
  await close();
});

test("s3: refusals that last are bounded, and say whether anything may have happened", async () => {
  const settings: { fault?: (request: S3Request) => S3Fault } = { fault: () => slowDown };
  const { server, store, close } = await openS3(settings, { attemptsMax: 3 });
  expect(outcomeOf(await put(store, "m", "x", always))).toBe("temporarily_unavailable");
  expect(server.requests).toBe(3);
  await close();
  const doubtful = await openS3({ fault: () => serverError }, { attemptsMax: 2 });
  expect(outcomeOf(await put(doubtful.store, "m", "x", always))).toBe("timeout");
  expect(outcomeOf(await get(doubtful.store, "m"))).toBe("timeout");
  expect(outcomeOf(await list(doubtful.store, ""))).toBe("timeout");
  expect(outcomeOf(await remove(doubtful.store, "m"))).toBe("timeout");
  await doubtful.close();
});

test("s3: an answer that does not come in time is given up", async () => {
  const slow: S3Fault = { kind: "latency", ms: 400 };
  const { store, close } = await openS3({ fault: () => slow }, { timeoutMs: 40, attemptsMax: 2 });
  expect(outcomeOf(await put(store, "m", "x", always))).toBe("timeout");
  await close();
});

test("s3: nobody listens: the put may not be called undone", async () => {
  const { store, close } = await openS3({}, { attemptsMax: 2 });
  await close();
  expect(outcomeOf(await put(store, "m", "x", always))).toBe("timeout");
});

test("s3: a wrong secret is refused, definitely and at once", async () => {
  const { server, store, close } = await openS3({}, { secretAccessKey: "wrong" });
  const result = await put(store, "m", "x", always);
  expect(result).toMatchObject({ error: { name: "temporarily_unavailable" } });
  expect(result).toMatchObject({ error: { message: expect.stringContaining("SignatureDoesNot") } });
  expect(server.requests).toBe(1);
  await close();
});

test("s3: names stand under the prefix of their node", async () => {
  const { server, store, close } = await openS3();
  answerOf(await put(store, "seg/1", "x", always));
  server.objects.set("some/other/seg/2", { bytes: Buffer.from(""), tag: '""', metadata: {} });
  expect([...server.objects.keys()]).toEqual(["some/node/seg/1", "some/other/seg/2"]);
  expect(await listAll(store, "")).toEqual(["seg/1"]);
  await close();
});

const probe = (store: ObjectStore, isSingleWriter = false): Promise<StoreResult<undefined>> =>
  new Promise((resolve) => probeConditions(store, { name: "probe", isSingleWriter }, resolve));

test("probe: a store that ignores conditions is refused, unless there is a single writer", async () => {
  const { store, close } = await openS3({ ignoresConditions: true });
  const result = await probe(store);
  expect(result).toMatchObject({ ok: false, error: { name: "not_supported" } });
  expect(result).toMatchObject({ error: { message: expect.stringContaining("single writer") } });
  expect(await listAll(store, "")).toEqual([]);
  expect(outcomeOf(await probe(store, true))).toBe("ok");
  await close();
});

test.each(["if_absent", "if_match"])(
  "probe: a store that ignores %s only is refused",
  async (kind) => {
    const store = new MemoryStore();
    const put = store.put.bind(store);
    store.put = (name, bytes, condition, done) =>
      put(name, bytes, condition.kind === kind ? always : condition, done);
    expect(outcomeOf(await probe(store))).toBe("not_supported");
  },
);

test("probe: what an earlier probe left behind is no reason to refuse", async () => {
  const store = new MemoryStore();
  answerOf(await put(store, "probe", "left", always));
  expect(outcomeOf(await probe(store))).toBe("ok");
});

test("directory: what a killed writer left is not seen and not in the way", async () => {
  const { folder, store, again, close } = openDirectory();
  const first = answerOf(await put(store, "m", "one", ifAbsent));
  writeFileSync(join(folder, ".unfinished-of-somebody"), "half");
  const second = answerOf(await put(again(), "m", "two", ifMatch(first)));
  // Killed between the link and the removal of older files: both are there.
  writeFileSync(join(folder, "m@1"), "one");
  expect(await textOf(store, "m")).toBe("two");
  expect(await listAll(store, "")).toEqual(["m"]);
  answerOf(await put(store, "m", "three", ifMatch(second)));
  expect(existsSync(join(folder, "m@1"))).toBe(false);
  expect(readdirSync(folder).sort()).toEqual([".unfinished-of-somebody", "m@2", "m@3"]);
  close();
});

test("directory: what is half written goes when its writer is gone, and not before", async () => {
  const { folder, store, close } = openDirectory();
  answerOf(await put(store, "a/b", "x", always));
  // No process has this id: it is above the highest that systems give.
  writeFileSync(join(folder, "a", ".unfinished-99999999-1"), "half");
  writeFileSync(join(folder, `.unfinished-${process.pid}-1`), "half");
  const count = await new Promise((resolve) => store.removeUnfinished(resolve));
  expect(count).toEqual({ ok: true, value: 1 });
  expect(readdirSync(folder).sort()).toEqual([`.unfinished-${process.pid}-1`, "a"]);
  expect(readdirSync(join(folder, "a"))).toEqual(["b@1"]);
  close();
});

test("directory: a content that came back under the same name has another tag", async () => {
  const { store, close } = openDirectory();
  const first = answerOf(await put(store, "m", "one", ifAbsent));
  answerOf(await remove(store, "m"));
  answerOf(await put(store, "m", "one", ifAbsent));
  expect(outcomeOf(await put(store, "m", "two", ifMatch(first)))).toBe("precondition_failed");
  close();
});

/** A store with one fault, always or by chance, and what befell. */
function faulty(profile: StoreFaultProfile, seed = 1) {
  const memory = new MemoryStore();
  const befell: StoreFault[] = [];
  const waits: number[] = [];
  const store = new FaultyStore(memory, new Prng(seed), profile, {
    later: (ms, run) => {
      waits.push(ms);
      run();
    },
    onFault: (fault) => befell.push(fault),
  });
  return { memory, store, befell, waits };
}

test("faulty: a definite failure did nothing, an indefinite one may have", async () => {
  for (const fault of ["put_fail", "rename_fail"] as const) {
    const { memory, store } = faulty({ [fault]: 1 });
    expect(outcomeOf(await put(store, "a", "x", always))).toBe("temporarily_unavailable");
    expect(await textOf(memory, "a")).toBe("key_does_not_exist");
  }
  const lost = faulty({ answer_lost: 1 });
  expect(outcomeOf(await put(lost.store, "a", "x", always))).toBe("timeout");
  expect(await textOf(lost.memory, "a")).toBe("x");
  expect(outcomeOf(await remove(lost.store, "a"))).toBe("timeout");
  expect(await textOf(lost.memory, "a")).toBe("key_does_not_exist");
  const none = faulty({ timeout: 1 });
  expect(outcomeOf(await put(none.store, "a", "x", always))).toBe("timeout");
  expect(await textOf(none.memory, "a")).toBe("key_does_not_exist");
  const partial = faulty({ partial_write: 1 });
  expect(outcomeOf(await put(partial.store, "a", "0123456789", always))).toBe("timeout");
  expect("0123456789".startsWith(await textOf(partial.memory, "a"))).toBe(true);
  expect(await textOf(partial.memory, "a")).not.toBe("0123456789");
  expect(await textOf(faulty({ get_fail: 1 }).store, "a")).toBe("temporarily_unavailable");
  expect(outcomeOf(await list(faulty({ list_fail: 1 }).store, ""))).toBe("temporarily_unavailable");
  const undeleted = faulty({ delete_fail: 1 });
  answerOf(await put(undeleted.store, "a", "x", always));
  expect(outcomeOf(await remove(undeleted.store, "a"))).toBe("temporarily_unavailable");
  expect(await textOf(undeleted.store, "a")).toBe("x");
});

test("faulty: wrong answers without an error: one bit, the past, a name less; and slow ones", async () => {
  const corrupt = faulty({ get_corrupt: 1 });
  answerOf(await put(corrupt.store, "a", "hello", always));
  expect(await textOf(corrupt.store, "a")).not.toBe("hello");
  expect(await textOf(corrupt.memory, "a")).toBe("hello");
  const stale = faulty({ stale_read: 1 });
  answerOf(await put(stale.store, "a", "old", always));
  expect(await textOf(stale.store, "a")).toBe("key_does_not_exist");
  answerOf(await put(stale.store, "a", "new", always));
  expect(await textOf(stale.store, "a")).toBe("old");
  expect(await textOf(stale.store, "a", { offset: 1, count: 1 })).toBe("l");
  const short = faulty({ incomplete_list: 1 });
  for (const name of ["a", "b", "c"]) answerOf(await put(short.store, name, name, always));
  expect(await listAll(short.store, "")).toHaveLength(2);
  const slow = faulty({ slow: 1 });
  answerOf(await put(slow.store, "a", "x", always));
  expect(slow.waits[0]).toBeGreaterThanOrEqual(100);
});

test("faulty: one seed, the same faults; every kind comes up", async () => {
  const profile = Object.fromEntries(Object.keys(storeFaults).map((fault) => [fault, 0.1]));
  const run = async (seed: number) => {
    const { store, befell } = faulty(profile, seed);
    for (let i = 0; i < 400; i++) {
      await put(store, `n${i % 7}`, `text ${i}`, always);
      await get(store, `n${i % 5}`);
      await list(store, "n");
      if (i % 3 === 0) await remove(store, `n${i % 7}`);
    }
    return befell;
  };
  expect(await run(7)).toEqual(await run(7));
  expect(new Set(await run(7))).toEqual(new Set(Object.keys(storeFaults)));
});
