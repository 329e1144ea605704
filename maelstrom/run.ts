// One run: start the nodes, let client threads ask at the wanted rate while the nemesis follows its
// plan, heal, wait, read once more, stop. What comes out is a history and what was done to the
// cluster; judging is for others. Random choices come from the seed, each consumer with a generator
// of its own.

import { rmSync } from "node:fs";
import { isDefinite } from "../src/base/errors.js";
import { Prng } from "../src/base/prng.js";
import type { Operation } from "../src/check/history.js";
import { type Answer, Client } from "./clients.js";
import { Cluster, type NodeFailure } from "./cluster.js";
import { FaultLog } from "./fault-log.js";
import type { OperationGenerator } from "./generators.js";
import type { CutRecord, Outage } from "./majority.js";
import { type FaultName, planFaults } from "./nemesis.js";
import { type Latency, Network, type NetworkCounts } from "./network.js";
import { startServices } from "./services.js";
import { Timers } from "./timers.js";
import { type TopologyName, topologies } from "./topologies.js";
import { parseReply, type Request, type Workload } from "./workloads.js";

export interface RunOptions {
  readonly workload: Workload;
  readonly bin: string;
  readonly nodeArgs: readonly string[];
  readonly nodeCount: number;
  readonly timeLimitMs: number;
  /** Requests per second over all clients, on average. */
  readonly rate: number;
  readonly threadCount: number;
  readonly latency: Latency;
  readonly faults: readonly FaultName[];
  readonly nemesisIntervalMs: number;
  /** Between healing and the final reads. */
  readonly recoveryMs: number;
  readonly topology: TopologyName;
  readonly seed: number;
  readonly logFolder: string;
  /** Where the nodes keep their data; emptied before the run. */
  readonly dataFolder?: string | undefined;
}

export interface FaultRecord {
  readonly atUs: number;
  readonly what: string;
}

export interface RunResult {
  /** In the order of invocation. */
  readonly history: readonly Operation[];
  readonly faults: readonly FaultRecord[];
  readonly cuts: readonly CutRecord[];
  readonly outages: readonly Outage[];
  readonly counts: NetworkCounts;
  readonly failures: readonly NodeFailure[];
  readonly failureCount: number;
  /** False: a node did not start or ended by itself, and the run was cut short. */
  readonly isComplete: boolean;
}

export interface Progress {
  readonly phase: "starting" | "running" | "recovering" | "final reads";
  readonly seconds: number;
  readonly invoked: number;
  readonly ok: number;
  readonly failed: number;
  readonly indefinite: number;
  readonly serverMessages: number;
  /** What the nemesis did last. */
  readonly fault: string;
}

interface Thread {
  readonly index: number;
  readonly client: Client;
  readonly node: string;
  /** Its present name in the history; a new one after every indefinite operation. */
  process: number;
}

const TIMEOUT_CODE = 0;
const CRASH_CODE = 13;
const LINE_SHOWN_MAX = 200;

export class Run {
  readonly #options: RunOptions;
  readonly #timers = new Timers(() => performance.now());
  readonly #network: Network;
  readonly #cluster: Cluster;
  readonly #faultLog: FaultLog;
  readonly #generator: OperationGenerator;
  readonly #arrivals: Prng;
  readonly #picks: Prng;
  readonly #nemesis: Prng;
  readonly #threads: Thread[];
  readonly #free: Thread[];
  readonly #history: Operation[] = [];
  /** Asked and not answered yet; if the run is cut short they may have happened. */
  readonly #open = new Map<Thread, Operation>();
  readonly #totals = { invoked: 0, ok: 0, fail: 0, indefinite: 0 };
  #phase: Progress["phase"] = "starting";
  #startedAtMs = performance.now();
  #lastUs = -1;
  #clientCount = 0;
  #isAborted = false;
  /** Resolves the wait of the present phase. */
  #onPhaseEnd: () => void = () => {};

  constructor(options: RunOptions) {
    this.#options = options;
    const random = new Prng(options.seed);
    this.#arrivals = random.fork();
    this.#picks = random.fork();
    this.#nemesis = random.fork();
    const content = random.fork();
    this.#network = new Network(this.#timers, random.fork(), options.latency, (node, line, why) =>
      this.#cluster.fail(node, `malformed line (${why}): ${line.slice(0, LINE_SHOWN_MAX)}`),
    );
    startServices(this.#network, random.fork());
    const nodeIds = Array.from({ length: options.nodeCount }, (_, index) => `n${index}`);
    this.#cluster = new Cluster(
      {
        nodeIds,
        bin: options.bin,
        args: options.nodeArgs,
        logFolder: options.logFolder,
        topology: options.workload.hasTopology ? topologies[options.topology](nodeIds) : undefined,
        newClient: () => this.#newClient(),
      },
      this.#network,
    );
    this.#cluster.onCrash = () => this.#abort();
    this.#faultLog = new FaultLog(this.#cluster, this.#network, () => this.#stamp());
    const { nodeCount, threadCount } = options;
    this.#generator = options.workload.newGenerator({ nodeCount, threadCount }, content);
    this.#threads = Array.from({ length: threadCount }, (_, index) => ({
      index,
      client: this.#newClient(),
      node: nodeIds[index % nodeCount]!,
      process: index,
    }));
    this.#free = [...this.#threads];
  }

  get progress(): Progress {
    const { invoked, ok, fail, indefinite } = this.#totals;
    return {
      phase: this.#phase,
      seconds: (performance.now() - this.#startedAtMs) / 1000,
      invoked,
      ok,
      failed: fail,
      indefinite,
      serverMessages: this.#network.counts.serverMessages,
      fault: this.#faultLog.last,
    };
  }

  /** Runs to the end, or until a node crashes. Always stops every node it started. */
  async run(): Promise<RunResult> {
    try {
      const isStarted = await this.#startNodes();
      if (isStarted && !this.#isAborted) await this.#runPhases();
      return this.#result(isStarted && !this.#isAborted);
    } finally {
      this.stop();
    }
  }

  /** Ends everything at once. */
  stop(): void {
    this.#cluster.stop();
    this.#timers.clear();
    this.#onPhaseEnd();
  }

  /** An earlier run's data are not this one's. */
  #startNodes(): Promise<boolean> {
    const { dataFolder } = this.#options;
    if (dataFolder !== undefined) rmSync(dataFolder, { recursive: true, force: true });
    return this.#cluster.start();
  }

  async #runPhases(): Promise<void> {
    this.#startedAtMs = performance.now();
    this.#phase = "running";
    const nextFinal = this.#finalRequests();
    this.#scheduleFaults();
    await this.#askUntilTimeLimit();
    if (nextFinal === undefined || this.#isAborted) return;
    this.#faultLog.heal();
    this.#phase = "recovering";
    await this.#faultLog.restarted();
    await this.#phaseEnd((end) => this.#timers.after(this.#options.recoveryMs, end));
    if (this.#isAborted) return;
    this.#phase = "final reads";
    await this.#phaseEnd((end) => {
      let open = this.#threads.length;
      const askNext = (thread: Thread): void => {
        const request = nextFinal(thread.index);
        if (request !== undefined) this.#ask(thread, request, true, () => askNext(thread));
        else if (--open === 0) end();
      };
      for (const thread of this.#threads) askNext(thread);
    });
  }

  /** What each thread asks in the end, one after another; undefined when nothing is to be asked. */
  #finalRequests(): ((thread: number) => Request | undefined) | undefined {
    const { finalRequest } = this.#options.workload;
    const generator = this.#generator;
    if (generator.nextFinal !== undefined) return (thread) => generator.nextFinal!(thread);
    if (finalRequest === undefined) return undefined;
    const asked = new Set<number>();
    return (thread) => {
      if (asked.has(thread)) return undefined;
      asked.add(thread);
      return finalRequest;
    };
  }

  #phaseEnd(begin: (end: () => void) => void): Promise<void> {
    if (this.#isAborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onPhaseEnd = resolve;
      begin(resolve);
    });
  }

  #scheduleFaults(): void {
    const { faults, nemesisIntervalMs: intervalMs, timeLimitMs } = this.#options;
    const nodeIds = this.#cluster.nodeIds;
    const plan = planFaults({ faults, intervalMs, timeLimitMs, nodeIds }, this.#nemesis);
    for (const { atMs, step } of plan) {
      this.#timers.at(this.#startedAtMs + atMs, () => {
        if (this.#phase === "running") this.#faultLog.take(step);
      });
    }
  }

  /**
   * Asks at random distances of 0 to twice the mean. If every thread is busy the request waits for
   * the first that is free and the next distance counts from there: as in Jepsen, nothing is caught
   * up.
   */
  #askUntilTimeLimit(): Promise<void> {
    const { rate, timeLimitMs } = this.#options;
    const endMs = this.#startedAtMs + timeLimitMs;
    let isOver = false;
    let isWaiting = false;
    return this.#phaseEnd((end) => {
      const endIfIdle = (): void => {
        if (isOver && this.#free.length === this.#threads.length) end();
      };
      const scheduleAfter = (fromMs: number): void => {
        const atMs = fromMs + (this.#arrivals.float() * 2000) / rate;
        if (atMs < endMs) this.#timers.at(atMs, () => onDue(atMs));
      };
      const onDue = (plannedMs: number): void => {
        if (isOver) return;
        isWaiting = this.#free.length === 0;
        if (isWaiting) return;
        this.#askAny(() => {
          if (isWaiting) onDue(performance.now());
          endIfIdle();
        });
        scheduleAfter(plannedMs);
      };
      this.#timers.at(endMs, () => {
        isOver = true;
        endIfIdle();
      });
      if (rate > 0) scheduleAfter(this.#startedAtMs);
    });
  }

  #askAny(onEnd: () => void): void {
    const at = this.#picks.below(this.#free.length);
    const thread = this.#free[at]!;
    this.#free[at] = this.#free.at(-1)!;
    this.#free.pop();
    const request = this.#generator.next(thread.index, thread.process);
    this.#ask(thread, request, false, () => {
      this.#free.push(thread);
      onEnd();
    });
  }

  #ask(thread: Thread, request: Request, isFinal: boolean, onEnd: () => void): void {
    const { workload, latency } = this.#options;
    const { process, node } = thread;
    const call = workload.calls[request.f]!;
    const asked = { process, ...request, node, ...(isFinal ? { final: true } : {}) };
    const invokedAt = this.#stamp();
    this.#open.set(thread, { ...asked, invokedAt, outcome: "indefinite" });
    this.#totals.invoked++;
    const timeoutMs = workload.timeoutMs(latency.meanMs);
    thread.client.request(node, call.body(request), timeoutMs, (answer) => {
      const ending = this.#interpret(request.f, node, answer);
      const completedAt = this.#stamp();
      this.#open.delete(thread);
      const operation = { ...asked, invokedAt, completedAt, ...ending };
      this.#history.push(operation);
      this.#generator.observe?.(thread.index, operation);
      this.#totals[ending.outcome]++;
      if (ending.outcome === "indefinite") thread.process += this.#threads.length;
      onEnd();
    });
  }

  /** Maelstrom's table of what an answer means; a malformed reply is the node's failure. */
  #interpret(
    f: string,
    node: string,
    answer: Answer,
  ): Pick<Operation, "outcome" | "output" | "error"> {
    const { workload } = this.#options;
    const isHarmless = workload.idempotent.has(f);
    const endedWith = (code: number, text?: string) => {
      const outcome = isHarmless || isDefinite(code) ? "fail" : "indefinite";
      return { outcome, error: text === undefined ? { code } : { code, text } } as const;
    };
    if (answer.kind === "timeout") return endedWith(TIMEOUT_CODE);
    const { body } = answer;
    if (body.type === "error") {
      const { code, text } = body;
      if (Number.isInteger(code)) {
        return endedWith(code as number, typeof text === "string" ? text : undefined);
      }
      this.#cluster.fail(node, `malformed error, its code is no integer: ${JSON.stringify(body)}`);
      return endedWith(CRASH_CODE, "malformed error");
    }
    const reply = parseReply(workload.calls[f]!, f, body);
    if (!reply.ok) {
      const shown = JSON.stringify(body).slice(0, LINE_SHOWN_MAX);
      this.#cluster.fail(node, `malformed reply to ${f}, ${reply.error}: ${shown}`);
      return endedWith(CRASH_CODE, "malformed reply");
    }
    const output = reply.value === undefined ? {} : { output: reply.value };
    return { outcome: "ok", ...output };
  }

  #newClient(): Client {
    return new Client(`c${this.#clientCount++}`, this.#network, this.#timers);
  }

  /**
   * Microseconds since the start; every event has a time of its own, so the order is never in
   * doubt.
   */
  #stamp(): number {
    const elapsed = Math.floor((performance.now() - this.#startedAtMs) * 1000);
    this.#lastUs = Math.max(this.#lastUs + 1, elapsed);
    return this.#lastUs;
  }

  #abort(): void {
    this.#isAborted = true;
    this.#onPhaseEnd();
  }

  #result(isComplete: boolean): RunResult {
    const { failures, failureCount } = this.#cluster;
    const { records, cuts, outages } = this.#faultLog.finish();
    const history = [...this.#history, ...this.#open.values()].sort(
      (a, b) => a.invokedAt - b.invokedAt,
    );
    return {
      history,
      faults: records,
      cuts,
      outages,
      counts: this.#network.counts,
      failures,
      failureCount,
      isComplete,
    };
  }
}
