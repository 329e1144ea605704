// `save`, as in Redis: checkpoints by changes and time, changed while the node runs.

import { expect, test } from "vitest";
import { isSaveDue, parseSavePoints } from "../../src/node/save-points.js";
import { World } from "../storage/world.js";

test("save points: so many changes, and more than so long ago, for any of them", () => {
  const points = parseSavePoints("60 1000 300 10");
  expect(isSaveDue(points, 1000, 60_000)).toBe(false);
  expect(isSaveDue(points, 1000, 60_001)).toBe(true);
  expect(isSaveDue(points, 999, 300_000)).toBe(false);
  expect(isSaveDue(points, 10, 300_001)).toBe(true);
  expect(isSaveDue(points, 9, 1e9)).toBe(false);
  expect(isSaveDue(parseSavePoints(""), 1e9, 1e9)).toBe(false);
});

test("save points: a node saves when one is due, and INFO and LASTSAVE say so", () => {
  const world = new World({ seed: 1, policy: "everysec" });
  const rig = world.node("n1");
  const { settings } = rig.node.environment;
  settings.set("save", "10 5");
  const saves = (): number => rig.node.environment.storage!.figures.saveCount;
  const client = rig.connect();
  const write = (count: number): void => {
    for (let i = 0; i < count; i++) client.send(["SET", `k${i}`, String(i)]);
  };
  write(4);
  world.run(20_000);
  expect(saves()).toBe(0);
  write(1);
  world.run(500);
  expect(saves()).toBe(1);
  expect(rig.node.keyspace.dirty).toBe(0);
  // The time counts from the save on.
  write(5);
  world.run(9_000);
  expect(saves()).toBe(1);
  expect(rig.node.keyspace.dirty).toBe(5);
  world.run(2_000);
  expect(saves()).toBe(2);
  settings.set("save", "");
  write(100);
  world.run(60_000);
  expect(saves()).toBe(2);
});
