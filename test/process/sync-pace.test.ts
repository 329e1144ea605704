// Where the log is forced: the event loop waits only for small syncs, and only while the disk is
// quick.

import { expect, test } from "vitest";
import { SyncPace, waitBytesMax } from "../../src/host/sync-pace.js";

test("sync pace: a quick disk is waited for, a slow one is not until it is quick again", () => {
  const pace = new SyncPace(2);
  expect(pace.mayWait(100)).toBe(true);
  for (let i = 0; i < 50; i++) pace.note(0.3);
  expect(pace.mayWait(100)).toBe(true);
  // One that hangs is enough.
  pace.note(40);
  expect(pace.mayWait(100)).toBe(false);
  let count = 0;
  for (; !pace.mayWait(100) && count < 100; count++) pace.note(0.3);
  expect(count).toBeGreaterThan(8);
  expect(count).toBeLessThan(30);
});

test("sync pace: many bytes are never waited for, and nothing is if told so", () => {
  const pace = new SyncPace(2);
  expect(pace.mayWait(waitBytesMax)).toBe(true);
  expect(pace.mayWait(waitBytesMax + 1)).toBe(false);
  expect(new SyncPace(0).mayWait(1)).toBe(false);
});
