// Half a minute of the cluster trial (scripts/lib/cluster-trial.ts): mixed load through a real
// client on three processes while one of them is killed, paused or cut off. `npm run cluster-test`
// runs longer and with more nodes.

import { describe, expect, test } from "vitest";
import { runTrial } from "../../scripts/lib/cluster-trial.js";
import { whyUnavailable } from "../../scripts/lib/server-process.js";
import { testSeed } from "../../scripts/lib/test-seed.js";

const reason = whyUnavailable("skerry");

describe.skipIf(reason !== null)(`trial${reason === null ? "" : `: ${reason}`}`, () => {
  test("trial: a cluster under load and faults converges, loses nothing and stays linearizable", async () => {
    const seed = testSeed("SKERRY_SEED");
    const lines: string[] = [`seed ${seed}`];
    const result = await runTrial({
      nodeCount: 3,
      seconds: 25,
      seed,
      say: (line) => lines.push(line),
    });
    expect(result.flaws, lines.join("\n")).toEqual([]);
    expect(result.operations).toBeGreaterThan(1_000);
    expect(result.linearizableOperations).toBeGreaterThan(100);
  });
});
