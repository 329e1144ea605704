// The network between the nodes, after Maelstrom's: every line a node prints is checked and goes to
// its destination, to another node after a drawn latency, to or from a client at once. A cut is
// looked at when a message arrives, so what is under way when a cut begins is lost. Faults are
// fields set from outside.
//
// The line itself is passed on unchanged: nodes see exactly what the other node printed.

import type { Prng } from "../src/base/prng.js";
import type { Json } from "../src/check/canonical.js";
import type { Timers } from "./timers.js";

export interface Message {
  readonly src: string;
  readonly dest: string;
  readonly body: { readonly [key: string]: Json };
}

export type LatencyShape = "constant" | "uniform" | "exponential";

export interface Latency {
  readonly meanMs: number;
  readonly shape: LatencyShape;
}

/** Whoever can be sent lines: a node's process. False means it is not there or takes no more. */
export interface Receiver {
  send(line: string): boolean;
}

/** Whoever lives in the bench itself (clients, services) and is handed parsed messages. */
export type LocalReceiver = (message: Message) => void;

export interface NetworkCounts {
  /** Messages from node to node (or service) that were sent, whatever became of them. */
  serverMessages: number;
  clientMessages: number;
  lostToCuts: number;
  lostAtRandom: number;
  duplicated: number;
  /** For a node that was down, or whose backlog was full. */
  undeliverable: number;
  malformed: number;
}

/** Messages under way at once. Beyond, further ones are dropped and counted as undeliverable. */
const UNDER_WAY_MAX = 1_000_000;

export class Network {
  readonly counts: NetworkCounts = {
    serverMessages: 0,
    clientMessages: 0,
    lostToCuts: 0,
    lostAtRandom: 0,
    duplicated: 0,
    undeliverable: 0,
    malformed: 0,
  };
  /** Chance that a message between nodes is lost, or delivered twice. */
  lossChance = 0;
  duplicateChance = 0;
  /** Node -> the nodes it does not hear. */
  cut: ReadonlyMap<string, ReadonlySet<string>> = new Map();

  readonly #timers: Timers;
  readonly #random: Prng;
  readonly #latency: Latency;
  readonly #nodes = new Map<string, Receiver>();
  readonly #locals = new Map<string, LocalReceiver>();
  readonly #onMalformed: (nodeId: string, line: string, why: string) => void;
  #underWay = 0;

  constructor(
    timers: Timers,
    random: Prng,
    latency: Latency,
    onMalformed: (nodeId: string, line: string, why: string) => void,
  ) {
    this.#timers = timers;
    this.#random = random;
    this.#latency = latency;
    this.#onMalformed = onMalformed;
  }

  addNode(id: string, receiver: Receiver): void {
    this.#nodes.set(id, receiver);
  }

  /** Clients (c0, c1, ...) and services (lin-kv, ...). */
  addLocal(id: string, receiver: LocalReceiver): void {
    this.#locals.set(id, receiver);
  }

  /** From a client or a service to a node. False: no such node, or it is down. */
  sendFromLocal(message: Message): boolean {
    const receiver = this.#nodes.get(message.dest);
    if (receiver === undefined) return false;
    const line = JSON.stringify(message);
    if (isClient(message.src)) {
      this.counts.clientMessages++;
      return this.#deliver(receiver, line);
    }
    this.counts.serverMessages++;
    this.#transmit(message.src, message.dest, () => this.#deliver(receiver, line));
    return true;
  }

  /** One line that node `from` printed. */
  onLine(from: string, line: string): void {
    if (line.trim() === "") return;
    const message = this.#parse(from, line);
    if (message === undefined) return;
    const local = this.#locals.get(message.dest);
    if (local !== undefined) {
      if (isClient(message.dest)) {
        this.counts.clientMessages++;
        local(message);
      } else {
        this.counts.serverMessages++;
        this.#transmit(from, message.dest, () => local(message));
      }
      return;
    }
    const receiver = this.#nodes.get(message.dest);
    if (receiver === undefined) {
      this.#refuse(from, line, `there is no node ${message.dest}`);
      return;
    }
    this.counts.serverMessages++;
    this.#transmit(from, message.dest, () => this.#deliver(receiver, line));
  }

  #parse(from: string, line: string): Message | undefined {
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      return this.#refuse(from, line, "it is not JSON");
    }
    if (typeof message !== "object" || message === null || Array.isArray(message)) {
      return this.#refuse(from, line, "a message is a JSON object");
    }
    const { src, dest, body } = message as Record<string, unknown>;
    if (src !== from) return this.#refuse(from, line, `its src is not ${from}`);
    if (typeof dest !== "string") return this.#refuse(from, line, "its dest is not a string");
    if (typeof body !== "object" || body === null || Array.isArray(body)) {
      return this.#refuse(from, line, "its body is not an object");
    }
    return message as Message;
  }

  #refuse(from: string, line: string, why: string): undefined {
    this.counts.malformed++;
    this.#onMalformed(from, line, why);
    return undefined;
  }

  /**
   * Between servers: loss, duplication and latency are drawn now, the cut is looked at on arrival.
   */
  #transmit(src: string, dest: string, deliver: () => void): void {
    if (this.lossChance > 0 && this.#random.chance(this.lossChance)) {
      this.counts.lostAtRandom++;
      return;
    }
    this.#travel(src, dest, deliver);
    if (this.duplicateChance > 0 && this.#random.chance(this.duplicateChance)) {
      this.counts.duplicated++;
      this.#travel(src, dest, deliver);
    }
  }

  #travel(src: string, dest: string, deliver: () => void): void {
    const arrive = (): void => {
      if (this.cut.get(dest)?.has(src)) this.counts.lostToCuts++;
      else deliver();
    };
    const latencyMs = this.#drawLatency();
    if (latencyMs === 0) {
      arrive();
      return;
    }
    if (this.#underWay >= UNDER_WAY_MAX) {
      this.counts.undeliverable++;
      return;
    }
    this.#underWay++;
    this.#timers.after(latencyMs, () => {
      this.#underWay--;
      arrive();
    });
  }

  #deliver(receiver: Receiver, line: string): boolean {
    const isTaken = receiver.send(line);
    if (!isTaken) this.counts.undeliverable++;
    return isTaken;
  }

  /** Whole milliseconds, as Maelstrom truncates them. */
  #drawLatency(): number {
    const { meanMs, shape } = this.#latency;
    if (meanMs === 0) return 0;
    switch (shape) {
      case "constant":
        return meanMs;
      case "uniform":
        return this.#random.below(2 * meanMs);
      case "exponential":
        return Math.floor(-Math.log(1 - this.#random.float()) * meanMs);
    }
  }
}

const isClient = (id: string): boolean => id.startsWith("c");
