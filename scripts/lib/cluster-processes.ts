// A cluster of real processes on this machine: started, killed, paused, cut off by proxies, ended
// by process id. For the cluster test, for the bench and for trying a cluster out.

import { type ChildProcess, spawn } from "node:child_process";
import { projectFolder } from "../project.js";
import { PeerProxy } from "./peer-proxy.js";
import { answersPing, endAtExit, freePort, skerryEntry, sleep } from "./server-process.js";

export interface ClusterProcessOptions {
  readonly count: number;
  /** Flags of every node beside those that make it a cluster. */
  readonly args?: readonly string[];
  /** Further flags by the node's name. */
  readonly argsOf?: (name: string) => readonly string[];
  /** Peers talk through proxies, so that the network can be cut. */
  readonly isProxied?: boolean;
  /** Redis ports from here on; default: free ones. */
  readonly firstPort?: number;
  readonly cores?: readonly number[];
}

const startTimeoutMs = 60_000;
const stopTimeoutMs = 5_000;
const outputBytesMax = 64 * 1024;

export class NodeProcess {
  readonly name: string;
  readonly port: number;
  readonly peerPort: number;
  /** Where the others reach it. */
  address = "";
  proxy: PeerProxy | undefined;
  output = "";
  child: ChildProcess | undefined;
  isPaused = false;
  /** It came to a cluster that was there already. */
  hasJoined = false;

  constructor(name: string, port: number, peerPort: number) {
    this.name = name;
    this.port = port;
    this.peerPort = peerPort;
  }

  get isRunning(): boolean {
    return this.child !== undefined && this.child.exitCode === null && !this.#isKilled;
  }

  get #isKilled(): boolean {
    return this.child?.signalCode != null;
  }

  get pid(): number {
    return this.child!.pid!;
  }

  spawn(args: readonly string[], core?: number): void {
    const program = [process.execPath, skerryEntry, "serve", ...args];
    const argv = core === undefined ? program : ["taskset", "-c", String(core), ...program];
    const child = spawn(argv[0]!, argv.slice(1), {
      cwd: projectFolder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const keep = (chunk: Buffer): void => {
      this.output = (this.output + chunk.toString("latin1")).slice(-outputBytesMax);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    this.child = child;
    this.isPaused = false;
    endAtExit(child);
  }

  /** Waits until the node serves clients. @throws when it ends or takes too long. */
  async ready(timeoutMs = startTimeoutMs): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!(await answersPing(this.port))) {
      if (!this.isRunning || Date.now() > deadline)
        throw new Error(`${this.name} is not ready:\n${this.output}`);
      await sleep(20);
    }
  }

  /** The process and what it had in memory are gone. */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const { child } = this;
    if (child === undefined || !this.isRunning) return;
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    if (this.isPaused) child.kill("SIGCONT");
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
    await ended;
    clearTimeout(timer);
  }

  pause(): void {
    this.isPaused = true;
    this.child?.kill("SIGSTOP");
  }

  resume(): void {
    this.isPaused = false;
    this.child?.kill("SIGCONT");
  }
}

export class LocalCluster {
  readonly nodes: NodeProcess[];
  readonly #options: ClusterProcessOptions;
  /** Groups that may talk among themselves; undefined: everybody may. */
  #groups: readonly ReadonlySet<string>[] | undefined;

  private constructor(nodes: NodeProcess[], options: ClusterProcessOptions) {
    this.nodes = nodes;
    this.#options = options;
  }

  static async start(options: ClusterProcessOptions): Promise<LocalCluster> {
    const nodes: NodeProcess[] = [];
    for (let index = 0; index < options.count; index++) {
      const port = options.firstPort === undefined ? await freePort() : options.firstPort + index;
      const peerPort = await freePort();
      nodes.push(new NodeProcess(`n${index + 1}`, port, peerPort));
    }
    const cluster = new LocalCluster(nodes, options);
    for (const node of nodes) {
      node.address = `127.0.0.1:${node.peerPort}`;
      if (options.isProxied !== true) continue;
      const mayTalk = (from: string, to: string): boolean => cluster.#mayTalk(from, to);
      node.proxy = new PeerProxy(node.name, node.peerPort, mayTalk);
      node.address = `127.0.0.1:${await node.proxy.listen()}`;
    }
    for (const node of nodes) cluster.spawn(node);
    try {
      await Promise.all(nodes.map((node) => node.ready()));
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  #mayTalk(from: string, to: string): boolean {
    return this.#groups === undefined || this.#groups.some((set) => set.has(from) && set.has(to));
  }

  /** Starts a node's process, for the first time or again. */
  spawn(node: NodeProcess): void {
    const { args = [], cores } = this.#options;
    const index = this.nodes.indexOf(node);
    node.spawn(
      [
        ...["--node", node.name, "--port", String(node.port)],
        ...["--listen-peers", `127.0.0.1:${node.peerPort}`, "--advertise", node.address],
        ...this.#meeting(node),
        ...args,
        ...(this.#options.argsOf?.(node.name) ?? []),
      ],
      cores?.[index % cores.length],
    );
  }

  #meeting(node: NodeProcess): string[] {
    if (node.hasJoined) return ["--join", this.nodes[0]!.address];
    const founders = this.nodes.filter(({ hasJoined }) => !hasJoined);
    return ["--peers", founders.map(({ address }) => address).join(",")];
  }

  /** Starts one node more, which joins; without a proxy. */
  async join(): Promise<NodeProcess> {
    const name = `n${this.nodes.length + 1}`;
    const node = new NodeProcess(name, await freePort(), await freePort());
    node.address = `127.0.0.1:${node.peerPort}`;
    node.hasJoined = true;
    this.nodes.push(node);
    this.spawn(node);
    await node.ready();
    return node;
  }

  /** Cuts the network into groups; a node in none of them is alone. */
  cut(groups: readonly (readonly NodeProcess[])[]): void {
    this.#groups = groups.map((group) => new Set(group.map(({ name }) => name)));
    for (const { proxy } of this.nodes) proxy?.update();
  }

  heal(): void {
    this.#groups = undefined;
    for (const { proxy } of this.nodes) proxy?.update();
  }

  async stop(): Promise<void> {
    this.heal();
    await Promise.all(this.nodes.map((node) => node.kill("SIGTERM")));
    await Promise.all(this.nodes.map(({ proxy }) => proxy?.stop()));
  }
}
