// The node's folder on a real file system: what a sync says comes as a turn of its own, and is what
// the system has said, in the event loop as beside it.

import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FolderDisk } from "../../src/host/disk.js";
import type { DiskError } from "../../src/storage/disk.js";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "skerry-disk-"));
  // Takes every write, and has nothing that could be forced.
  symlinkSync("/dev/null", join(folder, "void"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What a sync said, and in which order things came. */
async function syncOf(
  waitMs: number,
  name: string,
): Promise<{ steps: string[]; error: DiskError | undefined }> {
  const disk = new FolderDisk(folder, waitMs);
  const steps: string[] = [];
  if (name !== "void") disk.create(name);
  disk.append(name, Uint8Array.of(1, 2, 3));
  const error = await new Promise<DiskError | undefined>((resolve) => {
    disk.onDone = (done) => {
      steps.push("a turn");
      done();
    };
    disk.sync(name, resolve, true);
    steps.push("returned");
  });
  disk.close();
  return { steps, error };
}

test.each([
  ["in the event loop", 1000],
  ["beside the event loop", 0],
])("folder: a sync %s answers in a turn of its own", async (_, waitMs) => {
  const { steps, error } = await syncOf(waitMs, "file");
  expect(steps).toEqual(["returned", "a turn"]);
  expect(error).toBeUndefined();
});

test.each([
  ["in the event loop", 1000],
  ["beside the event loop", 0],
])("folder: a sync %s that fails says so", async (_, waitMs) => {
  const { error } = await syncOf(waitMs, "void");
  expect(error?.code).toBe("EINVAL");
});

test("folder: what is added goes into the room behind it, whatever else is opened meanwhile", () => {
  const disk = new FolderDisk(folder);
  const lengthOf = (name: string): number =>
    disk.list().find((entry) => entry.name === name)!.bytes;
  disk.create("log");
  disk.append("log", Uint8Array.of(1, 2, 3), 100);
  expect(lengthOf("log")).toBe(103);
  for (let i = 0; i < 20; i++) disk.create(`other-${i}`);
  disk.append("log", Uint8Array.of(4, 5), 100);
  expect(lengthOf("log")).toBe(103);
  expect([...disk.read("log", 0, 7)]).toEqual([1, 2, 3, 4, 5, 0, 0]);
  // More than there is room for: it grows, and gets new room.
  disk.append("log", new Uint8Array(99).fill(6), 100);
  expect(lengthOf("log")).toBe(204);
  expect([...disk.read("log", 102, 4)]).toEqual([6, 6, 0, 0]);
  disk.truncate("log", 104);
  disk.append("log", Uint8Array.of(7));
  expect([...disk.read("log", 102, 9)]).toEqual([6, 6, 7]);
  disk.close();
});
