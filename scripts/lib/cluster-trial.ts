// A trial of a real cluster: load from all sides while a minority is killed, paused or cut off, one
// fault after another. After each, the eventual load holds still and all digests must be equal
// within `convergeMsMax`; in the end every value is judged by the log of what clients were told,
// and the history of the linearizable keys by the judge of src/check.
//
// Nodes that keep their data may also be killed all at once. Under `always` nothing that anybody
// was told is at risk then, whichever nodes are killed.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Redis } from "ioredis";
import { Prng } from "../../src/base/prng.js";
import type { Operation } from "../../src/check/history.js";
import { checkLinearizable, explainKey, registerModel } from "../../src/check/linearizability.js";
import {
  EventualLoad,
  LinearizableLoad,
  type LoadOptions,
  newClient,
  Pacer,
} from "./cluster-load.js";
import {
  ClusterLog,
  type Judgement,
  judgeCounter,
  judgeElements,
  judgeOrder,
  judgeRegister,
} from "./cluster-log.js";
import { LocalCluster, type NodeProcess } from "./cluster-processes.js";
import { sleep } from "./server-process.js";

export type FaultKind = "kill" | "pause" | "cut" | "kill all";

export interface TrialOptions {
  readonly nodeCount: number;
  /** How long faults come; with `faults`, how long at most. */
  readonly seconds: number;
  readonly seed: number;
  readonly say: (line: string) => void;
  readonly clientsEach?: number;
  /** What all eventual clients together do in a second while they run; undefined: by `pauseMs`. */
  readonly perSecond?: number;
  readonly pauseMs?: number;
  /** Nodes keep their data under this policy; undefined: in memory only. */
  readonly fsync?: string;
  /** These faults in this order, and no others; undefined: drawn. */
  readonly faults?: readonly FaultKind[];
}

export interface TrialResult {
  readonly flaws: readonly string[];
  readonly operations: number;
  readonly operationsPerSecond: number;
  /** The same without the time in which the load held still. */
  readonly operationsPerLoadedSecond: number;
  readonly counts: Readonly<Record<"ok" | "fail" | "indefinite", number>>;
  readonly faults: Readonly<Record<string, number>>;
  /** From each healing until all digests were equal. */
  readonly convergeMs: readonly number[];
  readonly missing: number;
  readonly linearizableOperations: number;
}

const convergeMsMax = 5_000;
/** A node that comes back is a voter again after this, also on a machine that has much to do. */
const admitMsMax = 40_000;
/** By then what was to expire has expired. */
const expiryMs = 1_000;
/** The load settles before a fault, so that what came before it has left every node. */
const calmMs = 500;

export async function runTrial(options: TrialOptions): Promise<TrialResult> {
  const trial = new Trial(options);
  try {
    return await trial.run();
  } finally {
    await trial.stop();
  }
}

class Trial {
  readonly #options: TrialOptions;
  readonly #prng: Prng;
  readonly #log = new ClusterLog();
  readonly #lives = new Map<string, number>();
  readonly #history: Operation[] = [];
  readonly #faults: Record<FaultKind, number> = { kill: 0, pause: 0, cut: 0, "kill all": 0 };
  /** Where the nodes keep their data. */
  #folder: string | undefined;
  readonly #convergeMs: number[] = [];
  readonly #flaws: string[] = [];
  /** How long the eventual load held still so far. */
  #stillMs = 0;
  #cluster!: LocalCluster;
  #eventual: EventualLoad[] = [];
  #linearizable: LinearizableLoad[] = [];
  #observers: Redis[] = [];

  constructor(options: TrialOptions) {
    this.#options = options;
    this.#prng = new Prng(options.seed);
  }

  async run(): Promise<TrialResult> {
    const { nodeCount, seconds, say, faults } = this.#options;
    const args = ["--prefix", "lin:=linearizable"];
    const argsOf = this.#storage();
    this.#cluster = await LocalCluster.start({ count: nodeCount, isProxied: true, args, argsOf });
    this.#observers = this.#cluster.nodes.map((node) => newClient(node));
    await this.#untilVoting();
    this.#startLoad();
    const startedMs = performance.now();
    const running = [...this.#eventual, ...this.#linearizable].map((load) => load.run());
    const planned = faults?.values();
    while (performance.now() - startedMs < seconds * 1000 && this.#flaws.length === 0) {
      await sleep(1_000);
      const next = planned?.next();
      if (next?.done) break;
      await this.#fault(next?.value ?? this.#drawFault());
      await this.#converge();
    }
    for (const load of this.#linearizable) load.isStopped = true;
    for (const load of this.#eventual) load.isStopped = true;
    await Promise.all(running);
    await sleep(expiryMs);
    const elapsedS = (performance.now() - startedMs) / 1000;
    const missing = await this.#judge();
    const { counts } = this.#log;
    const operations = counts.ok + counts.fail + counts.indefinite;
    say(`${operations} operations in ${elapsedS.toFixed(0)} s`);
    return {
      flaws: this.#flaws,
      operations,
      operationsPerSecond: operations / elapsedS,
      operationsPerLoadedSecond: operations / (elapsedS - this.#stillMs / 1000),
      counts,
      faults: this.#faults,
      convergeMs: this.#convergeMs,
      missing,
      linearizableOperations: this.#history.length,
    };
  }

  async stop(): Promise<void> {
    for (const client of this.#observers) client.disconnect();
    for (const load of [...this.#eventual, ...this.#linearizable]) load.client.disconnect();
    await this.#cluster?.stop();
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The flags by which each node keeps its data, if it does. */
  #storage(): (name: string) => string[] {
    const { fsync } = this.#options;
    if (fsync === undefined) return () => [];
    const folder = mkdtempSync(join(tmpdir(), "skerry-trial-"));
    this.#folder = folder;
    return (name) => ["--data-dir", join(folder, name), "--fsync", fsync];
  }

  #startLoad(): void {
    const { clientsEach = 6, pauseMs = 4, perSecond } = this.#options;
    const pacer = perSecond === undefined ? undefined : new Pacer(perSecond);
    let processes = 0;
    const shared = { history: this.#history, nextProcess: () => ++processes };
    for (const node of this.#cluster.nodes) {
      const load: LoadOptions = {
        prng: this.#prng.fork(),
        log: this.#log,
        lifeOf: (name) => this.#lives.get(name) ?? 0,
        pauseMs,
      };
      const eventual = pacer === undefined ? load : { ...load, pacer };
      for (let index = 0; index < clientsEach; index++)
        this.#eventual.push(new EventualLoad(`${node.name}-${index}`, node, eventual));
      this.#linearizable.push(
        new LinearizableLoad(`${node.name}-l`, node, { ...load, pauseMs: pauseMs * 4 }, shared),
      );
    }
  }

  // ---- faults

  /** A cluster that kept nothing would have to stay down when a majority is killed at once. */
  #drawFault(): FaultKind {
    const kinds: FaultKind[] = ["kill", "pause", "cut"];
    if (this.#folder !== undefined) kinds.push("kill all");
    return this.#prng.pick(kinds);
  }

  async #fault(kind: FaultKind): Promise<void> {
    const { nodes } = this.#cluster;
    const countMax = Math.floor((nodes.length - 1) / 2);
    const minority = this.#prng.shuffle([...nodes]).slice(0, 1 + this.#prng.below(countMax));
    const victims = kind === "kill all" ? nodes : minority;
    this.#faults[kind]++;
    const names = victims.map(({ name }) => name).join(" ");
    this.#options.say(`${kind}: ${names}`);
    if (kind === "kill" || kind === "kill all") await this.#kill(victims);
    else if (kind === "pause") {
      for (const node of victims) node.pause();
      await sleep(1_000 + this.#prng.below(3_000));
      for (const node of victims) node.resume();
    } else {
      const others = nodes.filter((node) => !victims.includes(node));
      this.#cluster.cut([others, victims]);
      await sleep(1_500 + this.#prng.below(3_500));
      this.#cluster.heal();
    }
  }

  async #kill(victims: readonly NodeProcess[]): Promise<void> {
    if (this.#folder === undefined) {
      for (const node of victims) {
        const life = this.#lives.get(node.name) ?? 0;
        this.#log.kills.push({ node: node.name, life, atMs: performance.now() });
        this.#lives.set(node.name, life + 1);
      }
    }
    await Promise.all(victims.map((node) => node.kill()));
    await sleep(500 + this.#prng.below(1_500));
    for (const node of victims) this.#cluster.spawn(node);
    await Promise.all(victims.map((node) => node.ready()));
    await this.#untilVoting();
  }

  /** All nodes are voters of the registers: another minority may fail. */
  async #untilVoting(): Promise<void> {
    const deadline = performance.now() + admitMsMax;
    for (;;) {
      const infos = await Promise.all(this.#observers.map((client) => ask(client.info("members"))));
      if (infos.every((info) => info?.includes("\nvoting:1\r") === true)) return;
      if (performance.now() > deadline) {
        this.#flaws.push("not every node was admitted to the voters again in time");
        await this.#tellState();
        return;
      }
      await sleep(50);
    }
  }

  /** The eventual load holds still until all digests are equal. */
  async #converge(): Promise<void> {
    const healedMs = performance.now();
    for (const load of this.#eventual) load.isPaused = true;
    let digests = new Set<string | undefined>();
    for (;;) {
      await sleep(50);
      const isQuiet = this.#eventual.every((load) => !load.isBusy);
      const found = await Promise.all(
        this.#observers.map((client) => ask(client.call("SKERRY.DIGEST") as Promise<string>)),
      );
      digests = new Set(found);
      const tookMs = performance.now() - healedMs;
      if (isQuiet && digests.size === 1 && !digests.has(undefined)) {
        this.#convergeMs.push(Math.round(tookMs));
        const before = this.#flaws.length;
        await this.#judgeValues();
        if (this.#flaws.length > before)
          this.#options.say(`${this.#flaws.length - before} flaws: ${this.#flaws[before]}`);
        break;
      }
      if (tookMs > convergeMsMax) {
        this.#flaws.push(`digests differ ${convergeMsMax} ms after healing: ${found.join(" ")}`);
        await this.#tellState();
        break;
      }
    }
    for (const load of this.#eventual) load.isPaused = false;
    this.#stillMs += performance.now() - healedMs;
    await sleep(calmMs);
  }

  async #tellState(): Promise<void> {
    for (const client of this.#observers)
      for (const section of ["members", "peers", "gossip", "consensus"])
        this.#options.say((await ask(client.info(section))) ?? "no answer");
  }

  // ---- the judge

  /** Judges what the eventual keys hold; answers how many values went with killed nodes. */
  async #judgeValues(): Promise<number> {
    const judgement: Judgement = { flaws: this.#flaws, missing: 0 };
    const client = this.#observers[0]!;
    const log = this.#log;
    const number = async (key: string): Promise<number> => {
      const [name, field] = key.split(" ") as [string, string | undefined];
      if (field === undefined) return Number(await client.get(name));
      if (name.startsWith("h")) return Number(await client.hget(name, field));
      return Number(await client.zscore(name, field));
    };
    for (const key of log.counters.keys()) judgeCounter(log, key, await number(key), judgement);
    for (const key of log.registers.keys()) judgeRegister(log, key, await number(key), judgement);
    if ((await client.get("m:a")) !== (await client.get("m:b")))
      this.#flaws.push("a transaction was torn: m:a and m:b differ");
    for (const key of log.elements.keys())
      if (!key.startsWith("lin:"))
        judgeElements(log, key, await this.#read(client, key, judgement), judgement);
    return judgement.missing;
  }

  async #judge(): Promise<number> {
    const missing = await this.#judgeValues();
    const judgement: Judgement = { flaws: this.#flaws, missing: 0 };
    const client = this.#observers[0]!;
    for (const key of this.#log.elements.keys())
      if (key.startsWith("lin:"))
        judgeElements(this.#log, key, await this.#read(client, key, judgement), judgement);
    if ((await client.keys("e:*")).length > 0) this.#flaws.push("expired keys are still there");
    const verdict = checkLinearizable(
      this.#history.sort((a, b) => a.invokedAt - b.invokedAt),
      registerModel(),
    );
    if (verdict.verdict !== "valid")
      for (const key of verdict.keys)
        if (key.verdict !== "valid") this.#flaws.push(`${key.verdict}: ${explainKey(key)}`);
    return missing;
  }

  async #read(client: Redis, key: string, judgement: Judgement): Promise<Map<string, string>> {
    switch (key[0]) {
      case "s":
        return new Map((await client.smembers(key)).map((member) => [member, ""]));
      case "h":
        return new Map(Object.entries(await client.hgetall(key)));
      case "z": {
        // Pairs or one after another, as the protocol of the connection has it.
        const reply = (await client.call("ZRANGE", key, "0", "-1", "WITHSCORES")) as unknown[];
        const flat = reply.flat().map(String);
        const held = new Map<string, string>();
        for (let i = 0; i < flat.length; i += 2) held.set(flat[i]!, flat[i + 1]!);
        return held;
      }
      default: {
        const list = await client.lrange(key, 0, -1);
        judgeOrder(key, list, judgement);
        return new Map(list.map((element) => [element, ""]));
      }
    }
  }
}

async function ask<T>(reply: Promise<T>): Promise<T | undefined> {
  try {
    return await reply;
  } catch {
    return undefined;
  }
}
