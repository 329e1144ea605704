// The nodes of a run: spawns them, introduces them to each other (init, then the topology if the
// workload has one), kills, restarts, pauses and resumes them, and writes down what they did wrong
// by themselves.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Answer, Client, RequestBody } from "./clients.js";
import type { Network } from "./network.js";
import { NodeProcess } from "./node-process.js";

export interface ClusterOptions {
  readonly nodeIds: readonly string[];
  readonly bin: string;
  readonly args: readonly string[];
  readonly logFolder: string;
  /** Sent after init, to every node and again to a restarted one. */
  readonly topology: Readonly<Record<string, readonly string[]>> | undefined;
  readonly newClient: () => Client;
}

export interface NodeFailure {
  readonly node: string;
  readonly what: string;
}

/**
 * A node that is not introduced within this time failed. Maelstrom waits 10 s; many nodes on few
 * cores start slowly.
 */
const INTRODUCTION_TIMEOUT_MS = 30_000;
/** Failures that are kept with their text; beyond, they are only counted. */
const FAILURES_KEPT_MAX = 20;
const LOG_LINES_SHOWN = 8;

export class Cluster {
  readonly failures: NodeFailure[] = [];
  failureCount = 0;
  /** Called when a node ended by itself: the run cannot go on as planned. */
  onCrash: () => void = () => {};
  readonly #options: ClusterOptions;
  readonly #network: Network;
  readonly #processes = new Map<string, NodeProcess>();
  readonly #paused = new Set<string>();

  constructor(options: ClusterOptions, network: Network) {
    this.#options = options;
    this.#network = network;
    mkdirSync(options.logFolder, { recursive: true });
  }

  get nodeIds(): readonly string[] {
    return this.#options.nodeIds;
  }

  isUp(id: string): boolean {
    return this.#processes.get(id)?.isRunning === true && !this.#paused.has(id);
  }

  /** Spawns all and introduces them. False: at least one failed (see `failures`). */
  async start(): Promise<boolean> {
    for (const id of this.nodeIds) this.#spawn(id);
    const ready = await Promise.all(this.nodeIds.map((id) => this.#introduce(id)));
    if (ready.includes(false)) return false;
    const placed = await Promise.all(this.nodeIds.map((id) => this.#sendTopology(id)));
    return !placed.includes(false);
  }

  kill(id: string): void {
    this.#paused.delete(id);
    this.#processes.get(id)!.kill();
  }

  /** A new process with the same name, which is sent init like the first. */
  async restart(id: string): Promise<void> {
    this.#spawn(id);
    if (await this.#introduce(id)) await this.#sendTopology(id);
  }

  pause(id: string): void {
    const node = this.#processes.get(id)!;
    if (!node.isRunning) return;
    this.#paused.add(id);
    node.pause();
  }

  resume(id: string): void {
    this.#paused.delete(id);
    this.#processes.get(id)!.resume();
  }

  /** Ends every node. */
  stop(): void {
    for (const node of this.#processes.values()) node.kill();
  }

  fail(node: string, what: string): void {
    this.failureCount++;
    if (this.failures.length < FAILURES_KEPT_MAX) this.failures.push({ node, what });
  }

  #spawn(id: string): void {
    const { bin, args, logFolder } = this.#options;
    const node = new NodeProcess({
      id,
      bin,
      args,
      logFile: join(logFolder, `${id}.log`),
      onLine: (line) => this.#network.onLine(id, line),
      onCrash: (how) => {
        const log = node.lastLogLines(LOG_LINES_SHOWN);
        this.fail(id, log === "" ? how : `${how}; its log ends:\n${log}`);
        this.onCrash();
      },
    });
    this.#processes.set(id, node);
    this.#network.addNode(id, node);
  }

  async #introduce(id: string): Promise<boolean> {
    const init = { type: "init", node_id: id, node_ids: this.nodeIds };
    return this.#demand(id, init, "init_ok");
  }

  async #sendTopology(id: string): Promise<boolean> {
    const { topology } = this.#options;
    if (topology === undefined) return true;
    return this.#demand(id, { type: "topology", topology }, "topology_ok");
  }

  /**
   * Asks and waits for the one reply that is right. An end of the process is reported elsewhere.
   */
  async #demand(id: string, body: RequestBody, expected: string): Promise<boolean> {
    const asked = this.#processes.get(id)!;
    const answer = await new Promise<Answer | undefined>((resolve) => {
      this.#options.newClient().request(id, body, INTRODUCTION_TIMEOUT_MS, resolve);
      void asked.ended.then(() => resolve(undefined));
    });
    if (answer === undefined) return false;
    if (answer.kind === "reply" && answer.body.type === expected) return true;
    const got = answer.kind === "timeout" ? "no answer" : JSON.stringify(answer.body);
    this.fail(id, `expected ${expected} in reply to ${body.type}, got ${got}`);
    return false;
  }
}
