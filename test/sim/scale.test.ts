// The figures of `npm run sim -- --scale` stay what they are for: bytes per write grow with the
// nodes, the messages of a write do not grow as fast, and all have all soon.

import { expect, test } from "vitest";
import { describeScale, measureScale } from "../../src/sim/scale.js";

test("scale: hubs keep the messages of a write few", () => {
  const [few, many] = [measureScale(5, 5), measureScale(20, 5)];
  expect([few.mode, many.mode]).toEqual(["direct", "hub"]);
  expect(few.messagesPerWrite).toBeGreaterThan(1);
  expect(many.messagesPerWrite).toBeLessThan(few.messagesPerWrite);
  expect(many.bytesPerWrite).toBeGreaterThan(few.bytesPerWrite);
  for (const row of [few, many]) {
    expect(row.convergedMs).toBeLessThan(1000);
    expect(row.idleMessages).toBeLessThan(3);
    expect(row.bytesPerKey).toBeGreaterThan(20);
  }
  expect(describeScale([few, many])).toHaveLength(3);
});

test("scale: more nodes than may vote make a cluster", () => {
  expect(measureScale(66, 5).convergedMs).toBeLessThan(1000);
});
