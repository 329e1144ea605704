// The bench judges real processes: a good toy node is valid in every workload, under faults too,
// and each bad one is found out for what it does.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import type { FaultName } from "../../maelstrom/nemesis.js";
import type { BenchOptions } from "../../maelstrom/options.js";
import { exitCodeOf, type Report, renderReport, reportRun } from "../../maelstrom/report.js";
import { Run, type RunOptions } from "../../maelstrom/run.js";
import { type WorkloadName, workloads } from "../../maelstrom/workloads.js";
import { encodeHistory, type History, parseHistory } from "../../src/check/history.js";
import { STATES_MAX_DEFAULT } from "../../src/check/linearizability.js";

const toyNode = fileURLToPath(new URL("toy-node.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "bench-test-"));
afterAll(() => rmSync(folder, { recursive: true }));
let runs = 0;

/** In these a toy is right only without others. */
const alone = new Set<WorkloadName>(["lin-kv", "txn-list-append", "txn-rw-register", "kafka"]);

async function bench(
  name: WorkloadName,
  behaviour: string,
  changes: Partial<RunOptions> & { readonly availability?: "total" } = {},
): Promise<Report & { readonly history: History }> {
  const workload = workloads[name];
  const nodeCount = changes.nodeCount ?? (alone.has(name) ? 1 : 3);
  const options: BenchOptions = {
    run: {
      workload,
      bin: toyNode,
      nodeArgs: [name, behaviour],
      nodeCount,
      timeLimitMs: 1500,
      rate: 150,
      threadCount: 4 * nodeCount,
      latency: { meanMs: 5, shape: "uniform" },
      faults: [],
      nemesisIntervalMs: 300,
      recoveryMs: 600,
      topology: "grid",
      seed: 11,
      logFolder: join(folder, String(runs++)),
      ...changes,
    },
    availability: changes.availability,
    observeRefusals: true,
    statesMax: STATES_MAX_DEFAULT,
    historyFile: "",
    jsonFile: undefined,
    judgeFile: undefined,
    isQuiet: true,
  };
  const result = await new Run(options.run).run();
  return { ...reportRun(options, result), history: result.history };
}

const isValid = (report: Report): void => {
  expect(renderReport(report, "-")).toContain(`${report.workload}: valid`);
  expect(report.failures).toEqual([]);
  expect(exitCodeOf(report)).toBe(0);
};

const everyWorkload = Object.keys(workloads) as WorkloadName[];

test.concurrent.each(everyWorkload)("bench: a good node is valid in %s", async (name) => {
  const report = await bench(name, "good");
  isValid(report);
  expect(report.statistics.all.count).toBeGreaterThan(50);
  expect(report.statistics.all.indefinite).toBe(0);
});

test.concurrent("bench: a good node is valid under partition, loss and duplication", async () => {
  const faults: FaultName[] = ["partition", "loss", "duplicate"];
  const report = await bench("broadcast", "good", { faults, nodeCount: 5 });
  isValid(report);
  expect(report.majority.cuts.length).toBe(3);
  expect(report.counts.lostToCuts).toBeGreaterThan(0);
  expect(report.counts.lostAtRandom).toBeGreaterThan(0);
  expect(report.counts.duplicated).toBeGreaterThan(0);
  // A toy answers at once, cut off or not.
  expect(report.majority.share).toMatchObject({ answered: report.majority.share.count });
  expect(report.majority.share.count).toBeGreaterThan(20);
});

test.concurrent("bench: killed nodes are started again and introduced", async () => {
  const report = await bench("unique-ids", "good", { faults: ["kill"], timeLimitMs: 2000 });
  expect(report.verdict).toBe("valid");
  expect(report.failures).toEqual([]);
  expect(report.outages.length).toBeGreaterThan(1);
  expect(report.counts.undeliverable).toBeGreaterThan(0);
});

test.concurrent("bench: a paused node answers late, and nothing is lost", async () => {
  const report = await bench("g-set", "good", { faults: ["pause"] });
  isValid(report);
  expect(report.outages.length).toBeGreaterThan(0);
});

test.concurrent("bench: what a killed node forgot is lost", async () => {
  // The toy keeps its set in memory, and alone nobody else has it.
  const report = await bench("g-set", "good", { faults: ["kill"], nodeCount: 1 });
  expect(report.verdict).toBe("invalid");
});

test.concurrent.each([
  ["echo", "wrong-echo"],
  ["unique-ids", "duplicate-ids"],
  ["g-set", "lossy-set"],
  ["broadcast", "lossy-set"],
  ["g-counter", "forgetful-counter"],
  ["pn-counter", "forgetful-counter"],
  ["lin-kv", "stale-register"],
  ["txn-list-append", "stale-transaction"],
  ["txn-rw-register", "stale-transaction"],
  ["kafka", "lossy-log"],
] as const)("bench: in %s the fault «%s» is found", async (name, behaviour) => {
  const report = await bench(name, behaviour);
  expect(report.judgement.verdict).toBe("invalid");
  expect(exitCodeOf(report)).toBe(1);
  expect(renderReport(report, "-")).toContain(`${name}: INVALID`);
});

test.concurrent("bench: three registers that do not talk are not one register", async () => {
  const report = await bench("lin-kv", "good", { nodeCount: 3, threadCount: 6 });
  expect(report.verdict).toBe("invalid");
});

test.concurrent("bench: nodes may use Maelstrom's services, and are as good as those", async () => {
  const three = { nodeCount: 3, threadCount: 12, faults: ["partition"] as const };
  isValid(await bench("lin-kv", "proxy:lin-kv", three));
  // Last-writer-wins goes wrong only when a partition falls between two writes: a few runs, each
  // with other draws, find one.
  let verdict = "valid";
  for (let run = 0; run < 4 && verdict !== "invalid"; run++) {
    verdict = (await bench("lin-kv", "proxy:lww-kv", { ...three, seed: 100 + run })).verdict;
  }
  expect(verdict).toBe("invalid");
});

test.concurrent("bench: a node that does not answer leaves nothing known", async () => {
  const report = await bench("lin-kv", "mute", { timeLimitMs: 1500 });
  expect(report.verdict).toBe("unknown");
  expect(report.statistics.all).toMatchObject({ ok: 0 });
  // Every process ends with its first indefinite operation, or the history would not parse.
  expect(parseHistory(encodeHistory(report.history)).ok).toBe(true);
  // A timed-out read certainly changed nothing; a timed-out write may have.
  expect(report.statistics.byFunction.read).toMatchObject({ indefinite: 0 });
  expect(report.statistics.byFunction.cas).toMatchObject({ fail: 0 });
  const demanding = await bench("lin-kv", "good", { timeLimitMs: 700, availability: "total" });
  expect(demanding.availability.verdict).toBe("invalid");
});

test.concurrent.each([
  ["crash", /exited with status 3/, false],
  ["babble", /malformed line \(it is not JSON\): hello/, true],
  ["surplus-field", /a field too many, `extra`/, true],
] as const)(
  "bench: a node that does «%s» fails, whatever it answered",
  async (behaviour, what, isComplete) => {
    const report = await bench("unique-ids", behaviour);
    expect(report.failures[0]!.what).toMatch(what);
    expect(report.isComplete).toBe(isComplete);
    expect(exitCodeOf(report)).toBe(2);
  },
);

test.concurrent("bench: a program that cannot run is a failure at the start", async () => {
  const report = await bench("echo", "good", { bin: join(folder, "nothing-here") });
  expect(report.failures[0]!.what).toContain("could not run");
  expect(exitCodeOf(report)).toBe(2);
});

test.concurrent("bench: equal seeds ask equal things", async () => {
  const inputs = async () => {
    const run = new Run({
      workload: workloads.echo,
      bin: toyNode,
      nodeArgs: ["echo", "good"],
      nodeCount: 1,
      timeLimitMs: 600,
      rate: 50,
      threadCount: 50,
      latency: { meanMs: 0, shape: "constant" },
      faults: [],
      nemesisIntervalMs: 1000,
      recoveryMs: 0,
      topology: "grid",
      seed: 5,
      logFolder: join(folder, String(runs++)),
    });
    return (await run.run()).history.map(({ input }) => input);
  };
  const [first, second] = [await inputs(), await inputs()];
  const common = Math.min(first.length, second.length);
  expect(common).toBeGreaterThan(15);
  expect(first.slice(0, common)).toEqual(second.slice(0, common));
});

test.concurrent("bench: what nodes say on stderr is in their log", async () => {
  const logFolder = join(folder, "stderr");
  await bench("echo", "talkative", { logFolder, timeLimitMs: 300 });
  expect(readFileSync(join(logFolder, "n2.log"), "utf8")).toContain("n2 is ready");
});
