// The load of the cluster trial: clients that write all types of eventual keys and log what they
// were told, and clients of linearizable keys whose history is recorded for the judge.

import { Redis } from "ioredis";
import type { Prng } from "../../src/base/prng.js";
import type { Operation } from "../../src/check/history.js";
import type { ClusterLog, Outcome, Write } from "./cluster-log.js";
import type { NodeProcess } from "./cluster-processes.js";
import { sleep } from "./server-process.js";

/** A client that hears nothing for so long does not know what became of its command. */
const commandMsMax = 3_000;
const keysEach = 8;

/** A client that never sends a command twice. */
export function newClient(node: NodeProcess): Redis {
  const client = new Redis(node.port, "127.0.0.1", {
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    commandTimeout: commandMsMax,
    retryStrategy: () => 100,
  });
  client.on("error", () => {});
  return client;
}

/** Errors that say that nothing happened. */
const definite =
  /^(LOADING|TRYAGAIN|MISMATCH|NOTFOUND|READONLY)|Stream isn't writeable|ECONNREFUSED/;

const outcomeOf = (error: unknown): Outcome =>
  definite.test((error as Error).message) ? "fail" : "indefinite";

export interface LoadOptions {
  readonly prng: Prng;
  readonly log: ClusterLog;
  /** Lives of each node so far. */
  readonly lifeOf: (node: string) => number;
  /** Pause between two operations of one client, in milliseconds. */
  readonly pauseMs: number;
  /** Shared by several clients that together keep a rate; their pauses follow from it. */
  readonly pacer?: Pacer;
}

/** How much of what a rate has missed is made up for. */
const missedMsMax = 1_000;

/** Deals out the times of operations at a steady rate to whoever asks. */
export class Pacer {
  readonly #gapMs: number;
  #nextMs = 0;

  constructor(perSecond: number) {
    this.#gapMs = 1000 / perSecond;
  }

  /** How long the caller waits for its turn. */
  waitMs(): number {
    const nowMs = performance.now();
    const atMs = Math.max(this.#nextMs, nowMs - missedMsMax);
    this.#nextMs = atMs + this.#gapMs;
    return Math.max(0, atMs - nowMs);
  }
}

abstract class Load {
  readonly node: NodeProcess;
  readonly client: Redis;
  protected readonly options: LoadOptions;
  isPaused = false;
  isStopped = false;
  isBusy = false;

  constructor(node: NodeProcess, options: LoadOptions) {
    this.node = node;
    this.options = options;
    this.client = newClient(node);
  }

  async run(): Promise<void> {
    while (!this.isStopped) {
      if (this.isPaused || this.client.status !== "ready") {
        await sleep(20);
        continue;
      }
      this.isBusy = true;
      await this.step();
      this.isBusy = false;
      const { pacer, pauseMs, prng } = this.options;
      await sleep(pacer?.waitMs() ?? pauseMs * (0.5 + prng.float()));
    }
    this.client.disconnect();
  }

  protected abstract step(): Promise<void>;
}

/** Writes eventual keys of every type. */
export class EventualLoad extends Load {
  readonly id: string;
  #number = 0;
  /** Members that this client added in this life of its node and may remove. */
  #own: { key: string; member: string; life: number }[] = [];

  constructor(id: string, node: NodeProcess, options: LoadOptions) {
    super(node, options);
    this.id = id;
  }

  protected async step(): Promise<void> {
    const { prng, log } = this.options;
    const life = this.options.lifeOf(this.node.name);
    const key = prng.below(keysEach);
    const by = 1 + prng.below(9);
    const member = `${this.id}:${++this.#number}`;
    const { client } = this;
    const at = (outcome: Outcome): Write => ({
      node: this.node.name,
      life,
      outcome,
      atMs: performance.now(),
    });
    const ask = async (work: () => Promise<unknown>): Promise<Write> => {
      let outcome: Outcome = "ok";
      try {
        await work();
      } catch (error) {
        outcome = outcomeOf(error);
      }
      log.count(outcome);
      return at(outcome);
    };
    switch (prng.below(11)) {
      case 0:
        log.add(`c:${key}`, await ask(() => client.incrby(`c:${key}`, by)), by);
        return;
      case 1:
        log.add(`f:${key}`, await ask(() => client.incrbyfloat(`f:${key}`, by / 4)), by / 4);
        return;
      case 2: {
        const name = `hc:${key}`;
        log.add(`${name} n`, await ask(() => client.hincrby(name, "n", by)), by);
        return;
      }
      case 3: {
        const name = `zc:${key}`;
        log.add(`${name} m`, await ask(() => client.zincrby(name, by, "m")), by);
        return;
      }
      case 4: {
        const name = `s:${key}`;
        log.put(name, await ask(() => client.sadd(name, member)), member, "");
        this.#own.push({ key: name, member, life });
        return;
      }
      case 5: {
        const own = this.#own.splice(prng.below(this.#own.length + 1), 1)[0];
        if (own === undefined || own.life !== life) return;
        log.remove(own.key, await ask(() => client.srem(own.key, own.member)), own.member);
        return;
      }
      case 6:
        log.put(
          `h:${key}`,
          await ask(() => client.hset(`h:${key}`, member, `v${by}`)),
          member,
          `v${by}`,
        );
        return;
      case 7:
        log.put(
          `z:${key}`,
          await ask(() => client.zadd(`z:${key}`, by, member)),
          member,
          String(by),
        );
        return;
      case 8:
        log.put(`l:${key}`, await ask(() => client.rpush(`l:${key}`, member)), member, "");
        return;
      case 9: {
        const name = `w:${this.id}`;
        const value = this.#number;
        log.set(name, await ask(() => client.set(name, value)), value);
        if (prng.below(4) === 0) await ask(() => client.set(`e:${member}`, "x", "PX", 200));
        return;
      }
      default: {
        // Both or neither: a transaction travels as one.
        const write = await ask(async () => {
          const replies = await client.multi().incrby("m:a", by).incrby("m:b", by).exec();
          for (const [error] of replies ?? []) if (error !== null) throw error;
        });
        log.add("m:a", write, by);
        log.add("m:b", write, by);
      }
    }
  }
}

/** Reads, writes and compares linearizable registers; pushes to linearizable lists. */
export class LinearizableLoad extends Load {
  readonly history: Operation[];
  readonly #nextProcess: () => number;
  #process: number;
  #number = 0;
  readonly #id: string;

  constructor(
    id: string,
    node: NodeProcess,
    options: LoadOptions,
    shared: { history: Operation[]; nextProcess: () => number },
  ) {
    super(node, options);
    this.#id = id;
    this.history = shared.history;
    this.#nextProcess = shared.nextProcess;
    this.#process = shared.nextProcess();
  }

  protected async step(): Promise<void> {
    const { prng, log } = this.options;
    if (prng.below(5) === 0) {
      const key = `lin:l:${prng.below(4)}`;
      const member = `${this.#id}:${++this.#number}`;
      let outcome: Outcome = "ok";
      try {
        await this.client.rpush(key, member);
      } catch (error) {
        outcome = outcomeOf(error);
      }
      log.count(outcome);
      // Nothing that was acknowledged is at risk here: a majority has it.
      const write = { node: "", life: 0, outcome, atMs: performance.now() };
      log.put(key, write, member, "");
      return;
    }
    // Registers are left after a while, so that no history of one gets too long to judge.
    const key = `lin:r:${Math.floor(performance.now() / 8_000)}:${prng.below(4)}`;
    const [from, to] = [prng.below(5), prng.below(5)];
    switch (prng.below(3)) {
      case 0:
        await this.#record("read", key, null, async () => {
          const value = await this.client.get(key);
          return value === null ? null : Number(value);
        });
        return;
      case 1:
        await this.#record("write", key, to, async () => {
          await this.client.set(key, to);
          return undefined;
        });
        return;
      default:
        await this.#record("cas", key, [from, to], async () => {
          await this.client.call("SKERRY.CAS", key, String(from), String(to));
          return undefined;
        });
    }
  }

  async #record(
    f: string,
    key: string,
    input: number | number[] | null,
    work: () => Promise<number | null | undefined>,
  ): Promise<void> {
    const invokedAt = performance.now();
    const common = { process: this.#process, node: this.node.name, f, key, input, invokedAt };
    try {
      const output = await work();
      const completedAt = performance.now();
      this.options.log.count("ok");
      this.history.push({
        ...common,
        completedAt,
        outcome: "ok",
        ...(output === undefined ? {} : { output }),
      });
    } catch (error) {
      const outcome = outcomeOf(error);
      this.options.log.count(outcome);
      this.history.push({ ...common, completedAt: performance.now(), outcome });
      if (outcome === "indefinite") this.#process = this.#nextProcess();
    }
  }
}
