// Who votes, in a simulated cluster whose nodes come, lose their memory and come back.

import { expect, test } from "vitest";
import { ask, ms, newQuietCluster, settle } from "./quiet-cluster.js";

test("voters: one that lost its memory is taken in again, though a newcomer waits too", () => {
  const simulation = newQuietCluster(2, 2);
  settle(simulation);
  const [, , newcomer, third] = simulation.hosts;
  // It goes by a later name than the newcomer does.
  third!.join(true);
  settle(simulation);
  simulation.runFor(3_000 * ms);
  third!.crash();
  third!.start();
  newcomer!.join(true);
  settle(simulation);
  simulation.runFor(3_000 * ms);
  for (const host of [newcomer!, third!])
    expect(ask(simulation, host, "GET", "l:a")).toBe("$-1\r\n");
});
