// Three real nodes that keep their logs under `always`: a minority is killed under load, then all
// at once. No acknowledged write is missing, whoever took it, and the history of the linearizable
// keys is linearizable. `npm run cluster-test -- --fsync always` runs longer and with more nodes.

import { describe, expect, test } from "vitest";
import { runTrial } from "../../scripts/lib/cluster-trial.js";
import { whyUnavailable } from "../../scripts/lib/server-process.js";
import { testSeed } from "../../scripts/lib/test-seed.js";

const reason = whyUnavailable("skerry");

describe.skipIf(reason !== null)(`log of nodes${reason === null ? "" : `: ${reason}`}`, () => {
  test("trial: a cluster that is killed, in part and whole, loses nothing it has told", async () => {
    const seed = testSeed("SKERRY_SEED");
    const lines: string[] = [`seed ${seed}`];
    const result = await runTrial({
      nodeCount: 3,
      // As long as it takes.
      seconds: Number.POSITIVE_INFINITY,
      fsync: "always",
      faults: ["kill", "kill all", "kill all"],
      seed,
      say: (line) => lines.push(line),
    });
    expect(result.flaws, lines.join("\n")).toEqual([]);
    expect(result.missing).toBe(0);
    expect(result.faults).toMatchObject({ kill: 1, "kill all": 2 });
    expect(result.linearizableOperations).toBeGreaterThan(20);
  });
});
