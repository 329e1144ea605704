// The manifest: its bytes, the strays that may go, and writers that take it over from each other in
// a store that fails, answers late and answers the past.

import fc from "fast-check";
import { expect, test } from "vitest";
import { Prng } from "../../src/base/prng.js";
import { FaultyStore, type StoreFaultProfile } from "../../src/storage/faulty-store.js";
import {
  changed,
  decodeManifest,
  emptyManifest,
  encodeManifest,
  epochOfObject,
  type LiveObject,
  type Manifest,
  objectNameOf,
  straysAmong,
} from "../../src/storage/manifest.js";
import { ManifestWriter, manifestName } from "../../src/storage/manifest-writer.js";
import { MemoryStore } from "../../src/storage/memory-store.js";
import { always, type ObjectStore, type StoreResult } from "../../src/storage/object-store.js";
import { answerOf, get, outcomeOf, put } from "./stores.js";

const objectOf = (name: string): LiveObject => ({
  ...{ name, size: 10, crc: 7, codec: 1, plainSize: 20, kind: 2, firstLsn: 1, lastLsn: 1, time: 5 },
});

const manifests: fc.Arbitrary<Manifest> = fc.record({
  epoch: fc.nat(),
  sequence: fc.maxSafeNat(),
  writer: fc.string(),
  heldLsn: fc.maxSafeNat(),
  objects: fc.array(
    fc.record({
      name: fc.string(),
      size: fc.maxSafeNat(),
      crc: fc.integer({ min: 0, max: 0xffff_ffff }),
      codec: fc.integer({ min: 0, max: 255 }),
      plainSize: fc.maxSafeNat(),
      kind: fc.integer({ min: 0, max: 255 }),
      firstLsn: fc.maxSafeNat(),
      lastLsn: fc.maxSafeNat(),
      time: fc.maxSafeNat(),
    }),
  ),
});

test("manifest: what was encoded is decoded", () => {
  fc.assert(
    fc.property(manifests, (manifest) => {
      expect(decodeManifest(encodeManifest(manifest))).toEqual({ ok: true, value: manifest });
    }),
  );
});

test("manifest: no wrong byte, no missing and no added one goes unseen", () => {
  const bytes = encodeManifest(changed(emptyManifest, changeOf("segments/a")));
  for (let at = 0; at < bytes.length; at++) {
    for (const bit of [1, 16, 128]) {
      const wrong = Uint8Array.from(bytes);
      wrong[at]! ^= bit;
      expect(decodeManifest(wrong).ok).toBe(false);
    }
    expect(decodeManifest(bytes.subarray(0, at)).ok).toBe(false);
  }
  expect(decodeManifest(Uint8Array.from([...bytes, 0])).ok).toBe(false);
});

function changeOf(name: string, remove: readonly string[] = [], heldLsn = 0) {
  return { add: [objectOf(name)], remove, heldLsn };
}

test("manifest: a change adds and removes; the mark of the log does not fall", () => {
  const first = changed({ ...emptyManifest, heldLsn: 9 }, changeOf("b", [], 5));
  const second = changed(first, {
    add: [objectOf("a"), objectOf("c")],
    remove: ["b"],
    heldLsn: 12,
  });
  expect(first).toMatchObject({ sequence: 1, heldLsn: 9, objects: [{ name: "b" }] });
  expect(second).toMatchObject({
    sequence: 2,
    heldLsn: 12,
    objects: [{ name: "a" }, { name: "c" }],
  });
});

test("manifest: only what is not alive and of an epoch that is over is a stray", () => {
  const alive = objectNameOf("segments", 2, 5);
  const manifest = { ...changed(emptyManifest, changeOf(alive)), epoch: 3 };
  const old = objectNameOf("segments", 2, 6);
  const names = [alive, old, objectNameOf("segments", 3, 1), objectNameOf("segments", 4, 1)];
  const entries = [...names, manifestName, "segments/other"].map((name) => ({ name, size: 1 }));
  expect(straysAmong(entries, manifest)).toEqual([old]);
  expect(epochOfObject(old)).toBe(2);
});

const takeOver = (writer: ManifestWriter): Promise<StoreResult<Manifest>> =>
  new Promise((resolve) => writer.takeOver(resolve));
const add = (writer: ManifestWriter, name: string): Promise<StoreResult<Manifest>> =>
  new Promise((resolve) => writer.replace(changeOf(name), resolve));

test("manifest: who is taken over from is fenced for good", async () => {
  const store = new MemoryStore();
  const [a, b] = [new ManifestWriter(store, "a"), new ManifestWriter(store, "b")];
  expect(answerOf(await takeOver(a)).epoch).toBe(1);
  answerOf(await add(a, "one"));
  expect(answerOf(await takeOver(b)).objects).toEqual([objectOf("one")]);
  expect(await add(a, "two")).toMatchObject({ error: { name: "precondition_failed" } });
  expect(a.isFenced).toBe(true);
  answerOf(await add(b, "three"));
  expect(outcomeOf(await add(a, "four"))).toBe("precondition_failed");
  const standing = decodeManifest(answerOf(await get(store, manifestName)).bytes);
  expect(standing).toMatchObject({ value: { epoch: 2, writer: "b" } });
  expect(standing).toMatchObject({ value: { objects: [{ name: "one" }, { name: "three" }] } });
});

test("manifest: a damaged one is refused and left as it is", async () => {
  const store = new MemoryStore();
  answerOf(await put(store, manifestName, "SKERRY-MANIFEST of nobody", always));
  expect(outcomeOf(await takeOver(new ManifestWriter(store, "a")))).toBe("crash");
  const { bytes } = answerOf(await get(store, manifestName));
  expect(Buffer.from(bytes).toString()).toBe("SKERRY-MANIFEST of nobody");
});

// ---- writers against each other in a store that fails

/** Everything but parts of objects: a store that shows those is none (and the manifest damaged). */
const profile: StoreFaultProfile = {
  ...{ put_fail: 0.05, get_fail: 0.05, rename_fail: 0.02, timeout: 0.05, answer_lost: 0.1 },
  ...{ done_late: 0.1, get_corrupt: 0.05, stale_read: 0.1, slow: 0.3 },
};

interface Told {
  readonly name: string;
  readonly outcome: string;
}

/** Three writers that take over from each other and add names; what they were told. */
async function contend(seed: number) {
  const prng = new Prng(seed);
  const memory = new MemoryStore();
  const world = new World(prng.fork());
  const told: Told[] = [];
  const epochs: number[] = [];
  const writers: ManifestWriter[] = [];
  const stores = [0, 1, 2].map(
    () => new FaultyStore(world.delayed(memory), prng.fork(), profile, { later: world.later }),
  );
  let names = 0;
  const live = (store: ObjectStore, life: number): void => {
    if (life > 3) return;
    const writer = new ManifestWriter(store, `w${++names}`);
    const next = (left: number): void => {
      if (left === 0 || writer.isFenced) {
        live(store, life + 1);
        return;
      }
      const name = `segments/${++names}`;
      writer.replace(changeOf(name), (result) => {
        told.push({ name, outcome: outcomeOf(result) });
        world.later(prng.below(3000), () => next(left - 1));
      });
    };
    writer.takeOver((result) => {
      if (!result.ok) return world.later(500, () => live(store, life + 1));
      epochs.push(result.value.epoch);
      writers.push(writer);
      next(5);
    });
  };
  for (const store of stores) live(store, 1);
  world.run();
  const standing = await get(memory, manifestName);
  const manifest = standing.ok ? decodeManifest(standing.value.bytes) : undefined;
  return { told, epochs, writers, manifest: manifest?.ok ? manifest.value : emptyManifest };
}

/** Virtual time: what was asked for happens in the order of its time, then of its asking. */
class World {
  readonly #prng: Prng;
  readonly #due: { at: number; run: () => void }[] = [];
  #now = 0;

  constructor(prng: Prng) {
    this.#prng = prng;
  }

  readonly later = (ms: number, run: () => void): void => {
    this.#due.push({ at: this.#now + ms, run });
  };

  run(): void {
    while (this.#due.length > 0) {
      let first = 0;
      for (let i = 1; i < this.#due.length; i++)
        if (this.#due[i]!.at < this.#due[first]!.at) first = i;
      const [{ at, run }] = this.#due.splice(first, 1) as [{ at: number; run: () => void }];
      this.#now = at;
      run();
    }
  }

  /** A store at a distance: requests arrive later, and their answers later still. */
  delayed(store: ObjectStore): ObjectStore {
    const soon = (run: () => void) => this.later(this.#prng.below(200), run);
    return {
      get: (name, range, done) => soon(() => store.get(name, range, (r) => soon(() => done(r)))),
      put: (name, bytes, condition, done) =>
        soon(() => store.put(name, bytes, condition, (r) => soon(() => done(r)))),
      list: (prefix, from, done) =>
        soon(() => store.list(prefix, from, (r) => soon(() => done(r)))),
      delete: (name, done) => soon(() => store.delete(name, (r) => soon(() => done(r)))),
    };
  }
}

test("manifest: in 300 runs with faults no change that was told done is lost, none refused is in", async () => {
  const seen = new Map<string, number>();
  for (let seed = 1; seed <= 300; seed++) {
    const { told, epochs, writers, manifest } = await contend(seed);
    const alive = new Set(manifest.objects.map(({ name }) => name));
    for (const { name, outcome } of told) {
      seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
      if (outcome === "ok") expect([seed, name, alive.has(name)]).toEqual([seed, name, true]);
      else if (outcome !== "timeout")
        expect([seed, name, alive.has(name)]).toEqual([seed, name, false]);
    }
    // Nobody was fenced but by a later writer.
    for (const { isFenced, epoch } of writers)
      if (isFenced)
        expect([seed, epoch]).toEqual([seed, expect.toSatisfy((e) => e < manifest.epoch)]);
    // No two writers were told the same epoch.
    expect([seed, new Set(epochs).size]).toEqual([seed, epochs.length]);
  }
  for (const outcome of ["ok", "timeout", "precondition_failed", "temporarily_unavailable"])
    expect([outcome, seen.get(outcome) ?? 0]).toEqual([outcome, expect.toSatisfy((n) => n > 20)]);
});
