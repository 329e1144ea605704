// Runs one Maelstrom node on stdin and stdout: connects the pipe, the face, the node and, if asked
// for, the Redis listener. Only the protocol goes to stdout; what people may want to read goes to
// stderr.

import { randomInt } from "node:crypto";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { dataCommands } from "../commands/data-commands.js";
import { SettingsStore } from "../commands/settings-store.js";
import { Drive } from "../host/drive.js";
import { processFacts } from "../host/process-facts.js";
import { StdioHost } from "../host/stdio-host.js";
import { loadChecks } from "../host/stdio-host-checks.js";
import { countStart, systemStarts } from "../host/stdio-host-starts.js";
import { SystemClock } from "../host/system-clock.js";
import type { TcpHost } from "../host/tcp-host.js";
import { seedHash } from "../keyspace/hash.js";
import type { NodeEffects, PeerEffects } from "../node/effects.js";
import { Node, type NodeOptions } from "../node/node.js";
import { type Envelope, type Introduction, Maelstrom } from "../wire/maelstrom.js";
import { collectionPrefix } from "../wire/maelstrom-workloads.js";
import type { MaelstromOptions } from "./maelstrom-options.js";
import type { Storage } from "./serve-storage.js";

/** Lines on stderr; further ones are counted and not written. */
const logLineCountMax = 1000;
/** How long requests may still be answered after stdin has ended. */
const drainMs = 1000;
const drainPollMs = 10;
const seedBound = 2 ** 32;

/** Resolves when stdin has ended, or a signal has, and everything was answered. */
export async function runMaelstrom(options: MaelstromOptions): Promise<void> {
  await new MaelstromProcess(options).run();
}

class MaelstromProcess {
  readonly #options: MaelstromOptions;
  readonly #seed: number;
  readonly #clock = new SystemClock();
  #pipe!: StdioHost;
  #face!: Maelstrom;
  #node: Node | undefined;
  #drive: Drive | undefined;
  #tcp: TcpHost | undefined;
  /** The node's log, and who the node is after what it says; or why there is none. */
  #logs: typeof import("./serve-storage.js") | undefined;
  #storage: Storage | undefined;
  #past: NodeOptions["past"];
  #flaw: Error | undefined;
  #logged = 0;
  #onSignal: () => void = () => {};

  constructor(options: MaelstromOptions) {
    this.#options = options;
    this.#seed = options.seed ?? randomInt(seedBound);
    seedHash(this.#seed, this.#seed ^ 0x5bd1e995);
  }

  async run(): Promise<void> {
    const signalled = new Promise<void>((resolve) => {
      this.#onSignal = resolve;
    });
    process.once("SIGTERM", this.#onSignal);
    process.once("SIGINT", this.#onSignal);
    // Not while a node is introduced, which asks for its log and does not wait.
    if (this.#options.dataFolder !== undefined) this.#logs = await import("./serve-storage.js");
    this.#face = new Maelstrom({
      checks: await loadChecks(),
      emit: (message) => this.#emit(message),
      begin: (name, members, client) => this.#begin(name, members, client),
      start: (introduction, send, started) => {
        this.#start(introduction, send).then(started, (error: Error) => {
          this.#log(`cannot start: ${error.message}`);
          started({ error: error.message });
        });
      },
      defer: (callback) => setImmediate(callback),
      after: (ms, callback) => this.#after(ms, callback),
      log: (line) => this.#log(line),
    });
    doNotBlock(process.stdout);
    this.#pipe = new StdioHost({
      input: process.stdin,
      output: process.stdout,
      onMessage: (message) => this.#receive(message),
      onDropped: (reason) => this.#log(`dropped a line: ${reason}`),
      onTurn: (event) => (event === "begin" ? this.#beginTurn() : this.#drive?.turn()),
    });
    await Promise.race([this.#pipe.ended.then(() => this.#drain()), signalled]);
    await this.#stop();
  }

  // ---- time and turns

  #beginTurn(): void {
    this.#node?.beginTurn(this.#clock.now());
  }

  #after(ms: number, callback: () => void): void {
    setTimeout(() => {
      this.#beginTurn();
      callback();
      this.#drive?.turn();
    }, ms).unref();
  }

  // ---- messages

  #receive(message: unknown): void {
    if (this.#options.isTraced) this.#log(`<- ${JSON.stringify(message)}`);
    this.#face.receive(message);
  }

  #emit(message: Envelope): void {
    if (this.#options.isTraced) this.#log(`-> ${JSON.stringify(message)}`);
    this.#pipe.emit(message, message.body.type === "skerry");
  }

  #log(line: string): void {
    this.#logged++;
    if (this.#logged > logLineCountMax && !this.#options.isTraced) return;
    process.stderr.write(`skerry: ${line}\n`);
    if (this.#logged === logLineCountMax && !this.#options.isTraced)
      process.stderr.write("skerry: further lines are not logged\n");
  }

  // ---- the node

  /** Answers the incarnation. */
  #begin(name: string, members: readonly string[], client: string): number {
    const count = this.#countStart(name, members, client);
    const { dataFolder } = this.#options;
    if (this.#logs === undefined || dataFolder === undefined) return count;
    try {
      this.#storage = this.#logs.openLog(join(dataFolder, name), name);
      const hasPeers = members.length > 1;
      const { incarnation, past } = this.#storage.identifyAs({ incarnation: count, hasPeers });
      this.#past = past;
      return incarnation;
    } catch (error) {
      this.#flaw = error as Error;
      return count;
    }
  }

  #countStart(name: string, members: readonly string[], client: string): number {
    try {
      return countStart(systemStarts(), name, members, client);
    } catch (error) {
      // Whether this is the first start is not known, so the node must not vote.
      this.#log(`cannot count starts, so ${name} does not vote: ${(error as Error).message}`);
      return this.#clock.now();
    }
  }

  async #start({ name, members, incarnation }: Introduction, send: PeerEffects["send"]) {
    if (this.#flaw !== undefined) throw this.#flaw;
    const { consistency = "linearizable" } = this.#options;
    const isOpen = this.#options.port !== undefined;
    // Without Redis clients nobody asks for the others, which take a tenth of the start to load.
    const commands = isOpen ? (await import("../node/commands.js")).allTables : [dataCommands];
    // From here on nothing waits: the first client finds the node.
    const port = isOpen ? await this.#listen(name) : 0;
    const silent = { write: () => false, close() {}, pause() {}, resume() {}, stall() {} };
    const clients = this.#tcp ?? { ...silent, shutdown: () => this.#onSignal() };
    const peers: PeerEffects = {
      send,
      // Asked only without a log: what such a node accepted lives as long as the process, and it
      // never votes after a restart.
      persist: (lsn) => node.persisted(lsn),
    };
    const node = new Node(
      {
        name,
        members,
        incarnation,
        ...(this.#past === undefined ? {} : { past: this.#past }),
        consistency: { default: consistency, prefixes: { [collectionPrefix]: "eventual" } },
        seed: this.#seed,
        commands,
        settings: this.#settings(port),
        facts: processFacts({ version: "", port, configFile: "" }),
        measureMicros: () => performance.now() * 1000,
      },
      Object.assign(clients, peers) as NodeEffects,
    );
    this.#node = node;
    this.#beginTurn();
    const drive = new Drive(node, () => this.#clock.now());
    this.#drive = drive;
    this.#storage?.attach(node, drive, () => this.#clock.now());
    if (this.#tcp !== undefined) {
      this.#tcp.attach(node);
      this.#tcp.onTurn = () => drive.turn();
      this.#tcp.onShutdown = () => this.#onSignal();
    }
    drive.start();
    if ((this.#past?.stateIncarnation ?? incarnation) > 1)
      this.#log(`${name} has lost its memory (start ${incarnation}): no votes`);
    return node;
  }

  #settings(port: number): SettingsStore {
    const log = { appendonly: "yes", appendfsync: "always" };
    return new SettingsStore({ port: String(port), ...(this.#storage === undefined ? {} : log) });
  }

  /** Node nK listens on port P + K of this machine only. */
  async #listen(name: string): Promise<number> {
    const { TcpHost } = await import("../host/tcp-host.js");
    const port = this.#options.port! + Number(/\d+$/.exec(name)?.[0] ?? 0);
    this.#tcp = new TcpHost(() => this.#clock.now());
    return this.#tcp.listen({ bind: "127.0.0.1", port, portTries: 0 });
  }

  // ---- the end

  /** What was asked before the end of stdin may still be answered. */
  async #drain(): Promise<void> {
    const endMs = Date.now() + drainMs;
    while (this.#face.pendingCount > 0 && Date.now() < endMs)
      await new Promise((resolve) => setTimeout(resolve, drainPollMs));
  }

  async #stop(): Promise<void> {
    this.#pipe.stop();
    this.#drive?.stop();
    await this.#tcp?.stop();
    await this.#storage?.close();
    await this.#pipe.flushed();
  }
}

/**
 * A pipe is written synchronously otherwise: a reader that is slow would stop the node and its
 * timers.
 */
function doNotBlock(stream: NodeJS.WriteStream): void {
  const { _handle: handle } = stream as { _handle?: { setBlocking?: (on: boolean) => void } };
  handle?.setBlocking?.(false);
}
