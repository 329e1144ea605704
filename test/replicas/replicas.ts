// Three replicas in one process, without a network: random commands of all types, batches handed
// over in any order, repeatedly or never, whole states joined at random, links cut. One seed, one
// history. While it runs and after healing each replica must read as the log of operations says for
// what it has seen (so nothing removed comes back), and in the end all hold the same to the byte.

import { type Bytes, utf8 } from "../../src/base/bytes.js";
import { Prng } from "../../src/base/prng.js";
import type { Session } from "../../src/commands/session.js";
import { SettingsStore } from "../../src/commands/settings-store.js";
import type { Batch } from "../../src/keyspace/batch.js";
import type { Shards } from "../../src/keyspace/shards.js";
import { allTables } from "../../src/node/commands.js";
import { Node } from "../../src/node/node.js";
import { drawProfile } from "../../src/sim/fault-profile.js";
import { valueIn } from "../../src/sim/judges.js";
import { OperationLog, readings, seenBy } from "../../src/sim/operation-log.js";
import { newFacts } from "../../src/sim/watched-input.js";
import { Workload } from "../../src/sim/workload.js";
import { decodeReply } from "../../src/wire/reply-decoder.js";
import { carry } from "../replication/pair.js";

const names = ["a", "b", "c"];
const stepCount = 160;
const startMs = 1_800_000_000_000;

export interface Report {
  readonly violations: readonly string[];
  readonly writeCount: number;
  /** What became of the batches that were handed over, by outcome; states that brought news. */
  readonly met: ReadonlyMap<string, number>;
}

export function runReplicas(seed: number): Report {
  return new Run(seed).run();
}

interface Sent {
  readonly from: number;
  readonly batch: Batch;
}

class Run {
  readonly #prng: Prng;
  readonly #nodes: Node[];
  readonly #workload: Workload;
  readonly #log = new OperationLog();
  readonly #sent: Sent[] = [];
  readonly #met = new Map<string, number>();
  readonly #violations: string[] = [];
  /** Links that are cut, as `from to`. */
  readonly #cut = new Set<string>();
  #nowMs = startMs;
  #writeCount = 0;

  constructor(seed: number) {
    this.#prng = new Prng(seed);
    this.#nodes = names.map((name, index) => this.#newNode(name, index));
    this.#workload = new Workload({ ...drawProfile(seed), linearizableShare: 0 });
  }

  #newNode(name: string, index: number): Node {
    const nothing = (): void => {};
    const node = new Node(
      {
        name,
        members: names,
        incarnation: 1,
        consistency: { default: "eventual", prefixes: {} },
        seed: this.#prng.below(2 ** 32),
        commands: allTables,
        settings: new SettingsStore({}),
        facts: newFacts(startMs),
        databaseCount: 2,
        slabCapacity: 1 << 13,
        measureMicros: () => 0,
      },
      {
        write: (_session: Session, _bytes: Bytes, _length: number) => false,
        ...{ close: nothing, pause: nothing, resume: nothing, stall: nothing, shutdown: nothing },
        ...{ send: nothing, persist: nothing },
      },
    );
    node.shards.onClosed = (batches) => {
      for (const batch of batches) this.#sent.push({ from: index, batch });
    };
    node.beginTurn(startMs);
    return node;
  }

  run(): Report {
    for (let step = 0; step < stepCount && this.#violations.length === 0; step++) {
      this.#step();
      if (step % 8 === 0) this.#judge(this.#prng.below(names.length), 3);
    }
    if (this.#violations.length === 0) this.#heal();
    if (this.#violations.length === 0) this.#deleteAll();
    return { violations: this.#violations, writeCount: this.#writeCount, met: this.#met };
  }

  #step(): void {
    const prng = this.#prng;
    const choice = prng.float();
    if (choice < 0.45) this.#write(prng.below(names.length));
    else if (choice < 0.85) this.#deliver();
    else if (choice < 0.93) this.#joinState();
    else if (choice < 0.96) this.#changeLinks();
    else this.#pass(prng.between(1, 400));
  }

  #pass(ms: number): void {
    this.#nowMs += ms;
    for (const node of this.#nodes) node.beginTurn(this.#nowMs);
  }

  /** A turn of one to three commands, whose batch closes at its end or stays open. */
  #write(index: number): void {
    const node = this.#nodes[index]!;
    for (let count = this.#prng.between(1, 3); count > 0; count--) {
      const request = this.#workload.draw(this.#prng);
      if (request.family === "mixed") {
        for (const args of request.transaction ?? [request.args])
          node.request(args.map(utf8), () => {});
        continue;
      }
      if (request.family !== "logged") continue;
      const seen = request.keys.map((key) => seenBy(node, key));
      node.request(request.args.map(utf8), (reply) => {
        if (typeof reply === "string") return;
        for (const write of request.write?.(decodeReply(reply)) ?? []) {
          this.#writeCount++;
          this.#log.add(node, write, seen[request.keys.indexOf(write.key)]!);
        }
      });
    }
    if (this.#prng.chance(0.8)) node.shards.closeBatch();
  }

  /** Any batch that was ever sent, the younger ones rather than the old. */
  #deliver(): void {
    const prng = this.#prng;
    if (this.#sent.length === 0) return;
    const back = Math.floor(prng.float() ** 2 * this.#sent.length);
    const sent = this.#sent[this.#sent.length - 1 - back]!;
    const to = prng.below(names.length);
    if (to !== sent.from) this.#hand(sent, to);
  }

  #hand({ from, batch }: Sent, to: number): void {
    if (this.#cut.has(`${from} ${to}`)) return;
    const [source, target] = [this.#nodes[from]!.shards, this.#nodes[to]!.shards];
    this.#note(target.apply(carry(batch, source, target)));
  }

  #joinState(): void {
    const prng = this.#prng;
    const [from, to] = prng.shuffle([0, 1, 2]);
    if (this.#cut.has(`${from} ${to}`)) return;
    const shard = prng.below(this.#nodes[0]!.shards.count);
    this.#sendState(from!, to!, shard);
  }

  #sendState(from: number, to: number, shard: number): void {
    const [source, target] = [this.#nodes[from]!.shards, this.#nodes[to]!.shards];
    if (knowsAll(target, source, shard)) return;
    const before = target.context(shard).clone();
    target.joinShard(source.encodeShard(shard));
    if (!target.context(shard).equals(before)) this.#note("state with news");
  }

  #note(name: string): void {
    this.#met.set(name, (this.#met.get(name) ?? 0) + 1);
  }

  #changeLinks(): void {
    this.#cut.clear();
    const prng = this.#prng;
    for (const from of names.keys())
      for (const to of names.keys()) if (prng.chance(0.3)) this.#cut.add(`${from} ${to}`);
  }

  #judge(index: number, keyCount: number): void {
    const node = this.#nodes[index]!;
    node.shards.verifyInvariants();
    const { keys } = this.#log;
    const chosen = keyCount < keys.length ? this.#prng.shuffle(keys).slice(0, keyCount) : keys;
    for (const key of chosen) {
      const expected = String(this.#log.expect(key, seenBy(node, key)) ?? "absent");
      let reply: Bytes = new Uint8Array(0);
      node.request(readings[key[0]!]!(key).map(utf8), (bytes) => {
        if (typeof bytes !== "string") reply = bytes;
      });
      const actual = String(valueIn(key, reply) ?? "absent");
      if (expected !== actual)
        this.#violations.push(`${names[index]}: ${key} is ${actual}, not ${expected}`);
    }
  }

  /** Everything arrives: batches in any order, then states for what never will. */
  #heal(): void {
    this.#cut.clear();
    for (const node of this.#nodes) node.shards.settle();
    for (const sent of this.#prng.shuffle([...this.#sent]))
      for (const to of names.keys()) if (to !== sent.from) this.#hand(sent, to);
    this.#exchangeStates();
    const digests = this.#nodes.map(({ shards }) => shards.digests().join());
    if (new Set(digests).size > 1) this.#violations.push("the replicas differ after healing");
    for (const index of names.keys()) this.#judge(index, Number.POSITIVE_INFINITY);
  }

  #exchangeStates(): void {
    for (let round = 0; round < 2; round++)
      for (const from of names.keys())
        for (const to of names.keys())
          if (to !== from)
            for (let shard = 0; shard < this.#nodes[0]!.shards.count; shard++)
              this.#sendState(from, to, shard);
  }

  /** Deleted is deleted, and what is remembered of it does not grow with the number of keys. */
  #deleteAll(): void {
    this.#nodes[0]!.request([utf8("FLUSHALL")], () => {});
    this.#nodes[0]!.shards.closeBatch();
    this.#exchangeStates();
    this.#nodes.forEach((node, index) => {
      node.request([utf8("DBSIZE")], (reply) => {
        const text = typeof reply === "string" ? reply : Buffer.from(reply).toString().trim();
        if (text !== ":0") this.#violations.push(`${names[index]}: ${text} keys came back`);
      });
      for (const { context } of node.shards.shards)
        if ([...context.entries()].length > names.length)
          this.#violations.push(`${names[index]}: a context has more entries than replicas`);
    });
  }
}

/** Whether one has seen what the other has; each numbers the replicas in an order of its own. */
function knowsAll(target: Shards, source: Shards, shard: number): boolean {
  const context = target.context(shard);
  const { replicas } = target.keyspace;
  for (const [replica, time] of source.context(shard).entries())
    if (!context.covers(time, replicas.indexOf(source.keyspace.replicas.nameOf(replica))))
      return false;
  return true;
}
