// `npm run bench -- --cluster`: what replication and agreement cost on three local processes. Time
// of the processor is the scheduler's own account of the writing node, so that a busy machine
// disturbs it little; latencies are those of the machine as it is, and the load of the run is
// printed.

import { connect, type Socket } from "node:net";
import { loadavg } from "node:os";
import { LocalCluster, type NodeProcess } from "./lib/cluster-processes.js";
import { cpuNsOf, ServerProcess, sleep } from "./lib/server-process.js";

const valueBytes = 64;
const keyBytes = 16;
/** Eventual keys: drawn uniformly, as redis-benchmark does with -r. */
const keyCount = 100_000;
/** Linearizable ones: few enough that each register has been written, and is warm, before. */
const registerCount = 500;
/** Lengths of replies: "+OK", and a value with its length before it. */
const replyBytes = { SET: 5, GET: 7 + valueBytes } as const;
type Verb = keyof typeof replyBytes;
/** Of the open loop. */
const measureMs = 4_000;
/** What runs once for a batch of thousands of writes must have run often, too. */
const warmOperations = 3_000_000;
const measuredOperations = 1_000_000;
const driveMsMax = 30_000;

/** A connection that sends SETs, or GETs of what is there, and counts their replies. */
class Client {
  readonly socket: Socket;
  readonly #prefix: string;
  readonly #value = "x".repeat(valueBytes);
  readonly #keyCount: number;
  readonly #verb: Verb;
  replies = 0;
  onReplies: (count: number) => void = () => {};
  #bytes = 0;
  #next: number;

  /**
   * @param seed of the order of keys: connections that went through them in step would coalesce.
   */
  constructor(port: number, prefix: string, keyCount: number, seed: number, verb: Verb = "SET") {
    this.#verb = verb;
    this.#prefix = prefix;
    this.#keyCount = keyCount;
    this.#next = (seed * 0x9e37_79b9) >>> 0;
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.socket.on("data", (chunk: Buffer) => {
      this.#bytes += chunk.length;
      const replies = Math.floor(this.#bytes / replyBytes[verb]);
      const count = replies - this.replies;
      this.replies = replies;
      if (count > 0) this.onReplies(count);
    });
    this.socket.on("error", () => {});
  }

  send(count: number): void {
    let text = "";
    for (let i = 0; i < count; i++) {
      this.#next = (Math.imul(this.#next, 1_664_525) + 1_013_904_223) >>> 0;
      const number = Math.floor((this.#next / 2 ** 32) * this.#keyCount);
      text += this.#command(number);
    }
    this.socket.write(text, "latin1");
  }

  /** Every key once. */
  sendAll(): void {
    const numbers = Array.from({ length: this.#keyCount }, (_, number) => number);
    this.socket.write(numbers.map((number) => this.#command(number)).join(""), "latin1");
  }

  #command(number: number): string {
    const key = `${this.#prefix}${number}`.padEnd(keyBytes, "_");
    const args = [this.#verb, key, ...(this.#verb === "SET" ? [this.#value] : [])];
    return [`*${args.length}\r\n`, ...args.map((arg) => `$${arg.length}\r\n${arg}\r\n`)].join("");
  }
}

/** Pipelines of 16 on several connections, each sent when the one before is answered. */
async function pipelined(
  port: number,
  prefix: string,
): Promise<{ done: () => number; stop: () => Promise<number> }> {
  const writers = Array.from({ length: 8 }, (_, i) => new Client(port, prefix, keyCount, i + 1));
  await Promise.all(
    writers.map(({ socket }) => new Promise((done) => socket.once("connect", done))),
  );
  let isStopped = false;
  for (const writer of writers) {
    let open = 16;
    writer.onReplies = (count) => {
      open -= count;
      if (open > 0 || isStopped) return;
      open = 16;
      writer.send(16);
    };
    writer.send(16);
  }
  const done = (): number => writers.reduce((sum, { replies }) => sum + replies, 0);
  const stop = async (): Promise<number> => {
    isStopped = true;
    await sleep(200);
    for (const { socket } of writers) socket.destroy();
    return done();
  };
  return { done, stop };
}

interface Cost {
  readonly operations: number;
  readonly cpuNsEach: number;
}

/**
 * By operations rather than by time: a node that has not run for long pays for its compilation, and
 * on a busy machine a second is not long.
 */
async function costOf(pid: number, port: number, prefix: string): Promise<Cost> {
  await drive(port, prefix, warmOperations);
  const before = cpuNsOf(pid);
  const operations = await drive(port, prefix, measuredOperations);
  return { operations, cpuNsEach: (cpuNsOf(pid) - before) / operations };
}

/** Writes until so many are done, or the time is up; answers how many were. */
async function drive(port: number, prefix: string, operations: number): Promise<number> {
  const { done, stop } = await pipelined(port, prefix);
  const endMs = performance.now() + driveMsMax;
  while (done() < operations && performance.now() < endMs) await sleep(20);
  return stop();
}

/** A figure of INFO. */
async function figure(node: NodeProcess, section: string, name: string): Promise<number> {
  const text = await new Promise<string>((resolve, reject) => {
    const socket = connect(node.port, "127.0.0.1", () => socket.write(`INFO ${section}\r\n`));
    socket.once("error", () => reject(new Error(`${node.name} is gone:\n${node.output}`)));
    let read = "";
    socket.on("data", (chunk: Buffer) => {
      read += chunk.toString("latin1");
      const header = read.indexOf("\r\n");
      if (header > 0 && read.length >= header + 4 + Number(read.slice(1, header))) {
        socket.destroy();
        resolve(read);
      }
    });
  });
  return Number(new RegExp(`${name}[:=](\\d+)`).exec(text)?.[1] ?? Number.NaN);
}

const sumOf = async (nodes: readonly NodeProcess[], section: string, name: string) => {
  let sum = 0;
  for (const node of nodes) sum += await figure(node, section, name);
  return sum;
};

async function benchEventual(cluster: LocalCluster): Promise<void> {
  const solo = await ServerProcess.start("skerry");
  const alone = await costOf(solo.pid, solo.port, "k");
  await solo.stop();
  const [n1] = cluster.nodes as [NodeProcess];
  const first = await costOf(n1.pid, n1.port, "k");
  await sleep(1_500);
  const sent = await figure(n1, "peers", "sentBytes");
  // Since the start of the node, warm-up included, as for the bytes.
  const perLink = sent / 2 / (await figure(n1, "commandstats", "cmdstat_set:calls"));
  const us = ({ cpuNsEach }: Cost): string => (cpuNsEach / 1000).toFixed(2);
  const factor = perLink / (valueBytes + keyBytes);
  console.log(
    [
      `SET of ${valueBytes} bytes, pipelines of 16, 8 connections`,
      `  alone            ${us(alone)} us CPU each, ${alone.operations} done`,
      `  with two peers   ${us(first)} us CPU each, ${first.operations} done`,
      `  ratio            ${(first.cpuNsEach / alone.cpuNsEach).toFixed(2)}  (goal at most 1.4)`,
      `  bytes per link   ${perLink.toFixed(0)} each, ` +
        `${factor.toFixed(2)} x key and value (goal below 2.5)`,
    ].join("\n"),
  );
}

const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;

/** Sends at a fixed rate, whatever the answers do; answers the latencies in milliseconds. */
async function openLoop(
  port: number,
  prefix: string,
  perSecond: number,
  verb: Verb = "SET",
): Promise<number[]> {
  const writers = Array.from(
    { length: 16 },
    (_, i) => new Client(port, prefix, registerCount, i + 1, verb),
  );
  await Promise.all(
    writers.map(({ socket }) => new Promise((done) => socket.once("connect", done))),
  );
  const latencies: number[] = [];
  const queues = writers.map(() => [] as number[]);
  writers.forEach((writer, index) => {
    writer.onReplies = (count) => {
      const now = performance.now();
      for (const at of queues[index]!.splice(0, count)) latencies.push(now - at);
    };
  });
  const startedMs = performance.now();
  let sent = 0;
  while (performance.now() - startedMs < measureMs) {
    const due = Math.floor(((performance.now() - startedMs) * perSecond) / 1000);
    for (; sent < due; sent++) {
      const index = sent % writers.length;
      // When it was due, not when this loop came round to it.
      queues[index]!.push(startedMs + (sent * 1000) / perSecond);
      writers[index]!.send(1);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await sleep(800);
  for (const { socket } of writers) socket.destroy();
  return latencies.sort((a, b) => a - b);
}

/** Writes every register once: they learn their homes and get warm. */
async function warmRegisters(port: number, prefix: string): Promise<void> {
  const client = new Client(port, prefix, registerCount, 1);
  await new Promise((done) => client.socket.once("connect", done));
  client.sendAll();
  const endMs = performance.now() + driveMsMax;
  while (client.replies < registerCount && performance.now() < endMs) await sleep(20);
  client.socket.destroy();
}

async function benchLinearizable(cluster: LocalCluster, verb: Verb): Promise<void> {
  const { nodes } = cluster;
  const [n1] = nodes as [NodeProcess];
  await warmRegisters(n1.port, "lin:");
  await openLoop(n1.port, "lin:", 500, verb);
  for (const perSecond of [200, 1_000, 5_000]) {
    const before = await sumOf(nodes, "consensus", "messagesSent");
    const bytesBefore = await sumOf(nodes, "peers", "sentBytes");
    const framesBefore = await sumOf(nodes, "peers", "sentFrames");
    const latencies = await openLoop(n1.port, "lin:", perSecond, verb);
    const count = latencies.length;
    const messages = (await sumOf(nodes, "consensus", "messagesSent")) - before;
    const bytes = (await sumOf(nodes, "peers", "sentBytes")) - bytesBefore;
    const frames = (await sumOf(nodes, "peers", "sentFrames")) - framesBefore;
    console.log(
      `linearizable ${verb}, ${perSecond}/s open loop: ${count} answered, ` +
        `median ${quantile(latencies, 0.5).toFixed(2)} ms, ` +
        `p99 ${quantile(latencies, 0.99).toFixed(1)} ms; ` +
        `${(messages / count).toFixed(1)} messages, ${(frames / count).toFixed(2)} frames, ` +
        `${(bytes / count).toFixed(0)} bytes each`,
    );
  }
}

export async function benchCluster(): Promise<void> {
  console.log(
    `load of the machine: ${loadavg()
      .map((each) => each.toFixed(1))
      .join(" ")}`,
  );
  const cluster = await LocalCluster.start({ count: 3, args: ["--prefix", "lin:=linearizable"] });
  try {
    await benchEventual(cluster);
    await benchLinearizable(cluster, "SET");
    await benchLinearizable(cluster, "GET");
  } finally {
    await cluster.stop();
  }
}
