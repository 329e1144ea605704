// The time that a real node is given.

import { expect, test } from "vitest";
import { SystemClock } from "../../src/host/system-clock.js";

test("clock: a wall clock that is set back neither stops nor turns the node's time", () => {
  let wall = 1_000_000;
  let steady = 50;
  const clock = new SystemClock({ wall: () => wall, steady: () => steady });
  expect(clock.now()).toBe(1_000_000);
  const pass = (ms: number): void => {
    wall += ms;
    steady += ms;
  };
  pass(100);
  expect(clock.now()).toBe(1_000_100);
  wall -= 3_600_000;
  expect(clock.now()).toBe(1_000_100);
  pass(250);
  expect(clock.now()).toBe(1_000_350);
  wall += 7_200_000; // Set forward: the node follows at once.
  expect(clock.now()).toBe(4_600_350);
  pass(0.4);
  expect(clock.now()).toBe(4_600_350);
});
