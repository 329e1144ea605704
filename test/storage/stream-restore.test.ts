// Restoring from a store into a folder: any moment within the time that is kept, a state that
// cannot be had, a folder whose store has gone on, and a restore that is cut short.

import { expect, test } from "vitest";
import type { Result } from "../../src/base/result.js";
import type { Time } from "../../src/clock/stamp.js";
import type { Disk } from "../../src/storage/disk.js";
import { decodeManifest, emptyManifest, type Manifest } from "../../src/storage/manifest.js";
import { manifestName } from "../../src/storage/manifest-writer.js";
import { MemoryStore } from "../../src/storage/memory-store.js";
import { plainPacker } from "../../src/storage/packer.js";
import { holdsLog, planRestore, Restore, type Restored } from "../../src/storage/store-restore.js";
import { drawCommand, stateOf } from "./stream-trial.js";
import { DurableNode, World } from "./world.js";

const hourMs = 3_600_000;

interface Rig {
  readonly world: World;
  readonly objects: MemoryStore;
  readonly node: DurableNode;
  /** The state after each stamp. */
  readonly states: { readonly time: Time; readonly state: string }[];
}

function newRig(seed: number, retentionMs: number, commands: number): Rig {
  const objects = new MemoryStore();
  const stream = { segmentBytes: 2048, intervalMs: 20, retentionMs, mergeCount: 4 };
  const world = new World({ seed, policy: "always", store: { objects, stream } });
  const node = new DurableNode(world, "n1");
  node.start();
  const rig = { world, objects, node, states: [] as Rig["states"] };
  write(rig, commands);
  return rig;
}

function write({ world, node, states }: Rig, commands: number): void {
  const client = node.connect();
  for (let i = 0; i < commands; i++) {
    client.send(drawCommand(world.prng));
    node.node.journal!.closeOpenBatch();
    states.push({ time: node.node.keyspace.clock.last, state: stateOf(node) });
    world.run(world.prng.below(10));
  }
  world.run(5000);
}

function manifestOf({ objects }: Rig): Manifest {
  let manifest = emptyManifest;
  objects.get(manifestName, undefined, (result) => {
    const decoded = result.ok ? decodeManifest(result.value.bytes) : result;
    if (decoded.ok) manifest = decoded.value;
  });
  return manifest;
}

function restoreInto(rig: Rig, disk: Disk, until?: Time): Result<Restored> {
  const manifest = manifestOf(rig);
  const plan = planRestore(manifest, until);
  if (!plan.ok) return plan;
  let result: Result<Restored> | undefined;
  const parts = { store: rig.objects, packer: plainPacker, disk, manifest, isByHand: true };
  new Restore(
    parts,
    plan.value,
    () => {},
    (answer) => {
      result = answer;
    },
  ).begin();
  return result!;
}

/** A node that starts from a folder restored to a moment, with a store of its own. */
function stateAt(rig: Rig, until: Time): string {
  const store = { objects: new MemoryStore(), stream: rig.world.options.store!.stream };
  const other = new DurableNode(new World({ seed: 1, policy: "always", store }), "n1");
  const result = restoreInto(rig, other.disk, until);
  if (!result.ok) throw new Error(result.error);
  other.start();
  return stateOf(other);
}

test("restore: any moment within the time that is kept comes back as it was", () => {
  const rig = newRig(1, hourMs, 200);
  expect(manifestOf(rig).objects.some(({ kind }) => kind === 1)).toBe(true);
  for (let i = 0; i < 8; i++) {
    const { time } = rig.world.prng.pick(rig.states);
    const { state } = rig.states.findLast((other) => other.time === time)!;
    expect(stateAt(rig, time)).toBe(state);
  }
});

test("restore: without a time that is kept what was joined or dropped is refused, not guessed", () => {
  const rig = newRig(3, 0, 250);
  const outcomes = new Set(
    rig.states.map(({ time }) => {
      const plan = planRestore(manifestOf(rig), time);
      return plan.ok ? "ok" : plan.error;
    }),
  );
  expect([...outcomes].sort()).toEqual([
    "ok",
    "that moment lies within records that compaction has joined",
    "the store does not reach back so far",
  ]);
  const last = rig.states.at(-1)!;
  expect(stateAt(rig, last.time)).toBe(last.state);
});

test("restore: a folder of an earlier moment is followed by the store only if that is said", () => {
  const rig = newRig(4, hourMs, 120);
  const { time, state } = rig.states[60]!;
  rig.node.lose();
  expect(restoreInto(rig, rig.node.disk, time).ok).toBe(true);
  rig.node.start();
  rig.world.run(10_000);
  expect(rig.node.refusal).toContain("--store-reset true");
  rig.node.mayRebase = true;
  rig.node.start();
  rig.world.run(10_000);
  expect(stateOf(rig.node)).toBe(state);
  rig.node.mayRebase = false;
  write(rig, 20);
  const after = stateOf(rig.node);
  rig.node.lose();
  rig.node.start();
  rig.world.run(10_000);
  expect(stateOf(rig.node)).toBe(after);
});

test("restore: a folder with all that the store holds goes on with it", () => {
  const rig = newRig(5, 0, 60);
  const state = stateOf(rig.node);
  rig.node.lose();
  expect(restoreInto(rig, rig.node.disk).ok).toBe(true);
  rig.node.start();
  rig.world.run(10_000);
  expect([rig.node.refusal, stateOf(rig.node)]).toEqual([undefined, state]);
});

test("restore: one that was cut short is no log, and begins again", () => {
  const rig = newRig(6, 0, 120);
  const state = stateOf(rig.node);
  rig.node.lose();
  const { disk } = rig.node;
  let writes = 0;
  disk.faults = { write: () => (++writes > 6 ? { code: "ENOSPC", part: 7 } : undefined) };
  expect(restoreInto(rig, disk)).toMatchObject({ ok: false });
  disk.faults = {};
  disk.killProcess();
  expect(disk.list().some(({ name }) => /^(wal|checkpoint)-/.test(name))).toBe(true);
  expect(holdsLog(disk)).toBe(false);
  rig.node.start();
  rig.world.run(10_000);
  expect(stateOf(rig.node)).toBe(state);
});

test("restore: a damaged object is refused by name, and an absent one too", () => {
  const rig = newRig(7, 0, 60);
  const { name } = manifestOf(rig).objects.at(-1)!;
  rig.node.lose();
  rig.objects.put(name, new Uint8Array(10), { kind: "always" }, () => {});
  expect(restoreInto(rig, rig.node.disk)).toMatchObject({ ok: false });
  rig.objects.delete(name, () => {});
  const result = restoreInto(rig, rig.node.disk);
  expect(result.ok ? "" : result.error).toContain(name);
});

test("claim: a machine that was taken over from and reads the past fences nobody", () => {
  const rig = newRig(8, 0, 30);
  const { world, objects, node } = rig;
  const past = manifestBytes(objects);
  node.kill();
  const other = new DurableNode(world, "n1");
  other.start();
  world.run(2000);
  const real = objects.get.bind(objects);
  let lies = 1;
  objects.get = (name, range, done) =>
    name === manifestName && lies-- > 0
      ? done({ ok: true, value: { bytes: past, tag: "put-1", size: past.length } })
      : real(name, range, done);
  node.start();
  world.run(10_000);
  expect(node.refusal).toContain("taken over");
  write({ ...rig, node: other }, 10);
  expect(other.node.journal!.stream!.state).toBe("streaming");
});

function manifestBytes(objects: MemoryStore): Uint8Array {
  let bytes = new Uint8Array(0);
  objects.get(manifestName, undefined, (result) => {
    if (result.ok) bytes = Uint8Array.from(result.value.bytes);
  });
  return bytes;
}
