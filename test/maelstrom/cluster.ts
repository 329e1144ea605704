// Maelstrom nodes in one process: the face and the node as they are, with a network and a clock of
// ours in between. Every message travels as a line of JSON. Time moves only when nothing else is
// left to do.

import { Ajv } from "ajv";
import { expect } from "vitest";
import type { HostFacts } from "../../src/commands/environment.js";
import { SettingsStore } from "../../src/commands/settings-store.js";
import { allTables } from "../../src/node/commands.js";
import type { ConsistencyMode } from "../../src/node/consistency.js";
import { Node } from "../../src/node/node.js";
import { type Envelope, Maelstrom, type MaelstromPorts } from "../../src/wire/maelstrom.js";
import type { Fields } from "../../src/wire/maelstrom-exchange.js";
import { type Checks, schemas } from "../../src/wire/maelstrom-schemas.js";
import { collectionPrefix } from "../../src/wire/maelstrom-workloads.js";

export const startMs = 1_800_000_000_000;
const answerMsMax = 6000;

const ajv = new Ajv({ strictRequired: false });
export const checks = Object.fromEntries(
  Object.entries(schemas).map(([name, schema]) => [name, ajv.compile(schema)]),
) as unknown as Checks;

interface Timer {
  readonly atMs: number;
  readonly run: () => void;
}

export interface ClusterOptions {
  readonly consistency?: ConsistencyMode;
  /** Which start of each node it is; default 1. */
  readonly incarnation?: number;
}

/** One node: its process, as far as it matters here. */
export class FaceNode {
  readonly id: string;
  readonly face: Maelstrom;
  /** Everything it has written, in order. */
  readonly written: Envelope[] = [];
  readonly log: string[] = [];
  /** What was asked of the ports, in order. */
  readonly events: string[] = [];
  node: Node | undefined;
  #deferred: (() => void)[] = [];
  readonly #cluster: Cluster;

  constructor(cluster: Cluster, id: string, ports: Partial<MaelstromPorts> = {}) {
    this.#cluster = cluster;
    this.id = id;
    this.face = new Maelstrom({
      checks,
      emit: (message) => {
        this.events.push(String(message.body.type));
        const line = JSON.stringify(message);
        this.written.push(JSON.parse(line) as Envelope);
        cluster.route(line);
      },
      begin: () => {
        this.events.push("begin");
        return cluster.options.incarnation ?? 1;
      },
      start: (introduction, send, started) => this.start(introduction, send, started),
      defer: (callback) => this.#deferred.push(callback),
      after: (ms, callback) =>
        cluster.timers.push({
          atMs: cluster.nowMs + ms,
          run: () => this.turn(callback),
        }),
      log: (line) => this.log.push(line),
      ...ports,
    });
  }

  /** Makes the node at once. */
  readonly start: MaelstromPorts["start"] = ({ name, members, incarnation }, send, started) => {
    const cluster = this.#cluster;
    this.events.push("start");
    const consistency = cluster.options.consistency ?? "linearizable";
    const node: Node = new Node(
      {
        name,
        members,
        incarnation,
        consistency: { default: consistency, prefixes: { [collectionPrefix]: "eventual" } },
        seed: 1,
        commands: allTables,
        settings: new SettingsStore({}),
        facts: { startedMs: cluster.nowMs } as HostFacts,
        measureMicros: () => 0,
      },
      {
        write: () => false,
        close() {},
        pause() {},
        resume() {},
        stall() {},
        shutdown() {},
        send,
        persist: (lsn) => node.persisted(lsn),
      },
    );
    this.node = node;
    node.beginTurn(cluster.nowMs);
    started(node);
  };

  /** One turn of the event loop. */
  turn(run: () => void): void {
    this.node?.beginTurn(this.#cluster.nowMs);
    run();
    if (this.node?.wantsEndTurn) this.node.endTurn();
    while (this.#deferred.length > 0) {
      const deferred = this.#deferred;
      this.#deferred = [];
      for (const callback of deferred) callback();
    }
  }

  receive(lines: readonly unknown[]): void {
    this.turn(() => {
      for (const line of lines) this.face.receive(line);
    });
  }
}

export class Cluster {
  readonly options: ClusterOptions;
  readonly nodes = new Map<string, FaceNode>();
  readonly timers: Timer[] = [];
  nowMs = startMs;
  /** Messages from node to node so far. */
  peerMessageCount = 0;
  /** Decides whether a message between nodes arrives. */
  isCut: (from: string, to: string) => boolean = () => false;
  readonly #waiting = new Map<string, Envelope[]>();
  readonly #answers = new Map<string, Fields>();
  #messageId = 0;

  /** Nodes n1 to nN, introduced to each other unless told otherwise. */
  constructor(count: number, options: ClusterOptions = {}, isIntroduced = true) {
    this.options = options;
    const ids = Array.from({ length: count }, (_, index) => `n${index + 1}`);
    for (const id of ids) this.nodes.set(id, new FaceNode(this, id));
    if (!isIntroduced) return;
    for (const id of ids) {
      const answer = this.ask(id, { type: "init", node_id: id, node_ids: ids });
      expect(answer.type).toBe("init_ok");
    }
  }

  node(id: string): FaceNode {
    return this.nodes.get(id)!;
  }

  route(line: string): void {
    const message = JSON.parse(line) as Envelope;
    const { src, dest, body } = message;
    if (this.nodes.has(dest)) {
      this.peerMessageCount++;
      if (!this.isCut(src, dest)) this.#queue(message);
    } else {
      this.#answers.set(`${src} ${body.in_reply_to}`, body);
    }
  }

  #queue(message: Envelope): void {
    const queue = this.#waiting.get(message.dest);
    if (queue === undefined) this.#waiting.set(message.dest, [message]);
    else queue.push(message);
  }

  /** Sends a request and answers the message id. */
  send(to: string, body: Fields): number {
    const msgId = ++this.#messageId;
    this.#queue({ src: "c1", dest: to, body: { msg_id: msgId, ...body } });
    return msgId;
  }

  /**
   * Asks and lets time pass until the answer is there. Its type, msg_id and in_reply_to are
   * checked.
   */
  ask(to: string, body: Fields): Fields {
    const msgId = this.send(to, body);
    const answer = this.until(() => this.#answers.get(`${to} ${msgId}`));
    expect(answer, `${JSON.stringify(body)} has no answer`).toBeDefined();
    return answer!;
  }

  answerTo(to: string, msgId: number): Fields | undefined {
    return this.#answers.get(`${to} ${msgId}`);
  }

  /** Runs until `find` finds something, at most some seconds of virtual time. */
  until<T>(find: () => T | undefined, ms = answerMsMax): T | undefined {
    const endMs = this.nowMs + ms;
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      if (this.#waiting.size > 0) this.#deliver();
      else if (!this.#advance(endMs)) return undefined;
    }
  }

  run(ms: number): void {
    const endMs = this.nowMs + ms;
    this.until(() => undefined, ms);
    this.nowMs = endMs;
  }

  #deliver(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const [id, messages] of waiting) this.nodes.get(id)?.receive(messages);
  }

  /**
   * To the next moment at which anybody wants to do something; false when there is none before the
   * end.
   */
  #advance(endMs: number): boolean {
    const running = [...this.nodes.values()].filter(({ node }) => node !== undefined);
    const dueMs = Math.min(
      ...running.map(({ node }) => node!.nextDueMs()),
      ...this.timers.map(({ atMs }) => atMs),
    );
    if (dueMs > endMs) return false;
    this.nowMs = Math.max(this.nowMs, Math.ceil(dueMs));
    const due = this.timers.filter(({ atMs }) => atMs <= this.nowMs);
    for (const timer of due) this.timers.splice(this.timers.indexOf(timer), 1);
    for (const timer of due) timer.run();
    for (const some of running)
      if (some.node!.nextDueMs() <= this.nowMs) some.turn(() => some.node!.tick());
    return true;
  }
}

/** What a Redis client of a node gets, as far as these tests ask: through the inner session. */
export function redis(cluster: Cluster, id: string, ...words: string[]): string {
  let reply: Uint8Array | string | undefined;
  const some = cluster.node(id);
  some.turn(() =>
    some.node!.request(
      words.map((word) => Buffer.from(word)),
      (bytes) => {
        reply = bytes;
      },
    ),
  );
  cluster.until(() => reply);
  return typeof reply === "string" ? reply : Buffer.from(reply ?? []).toString();
}

export const errorOf = (answer: Fields): unknown =>
  answer.type === "error" ? answer.code : answer.type;
