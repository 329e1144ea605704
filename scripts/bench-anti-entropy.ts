// npm run bench -- --anti-entropy [--keys N] [--differ N]
//
// What it costs to bring two replicas together whose logs do not reach back: bytes on the wire, and
// the time and processor time of both sides together, which take turns on one core here. Three
// parts: nothing differs; one side has missed writes; both have. The replicas are
// the production classes; every message is encoded, counted and decoded. Exit code 1 when a bound
// of the design is missed.

import { Prng } from "../src/base/prng.js";
import { ReplicaTable } from "../src/clock/replica-table.js";
import { withOwnBody } from "../src/keyspace/batch.js";
import { hashBytes } from "../src/keyspace/hash.js";
import { Keyspace } from "../src/keyspace/keyspace.js";
import { Shards } from "../src/keyspace/shards.js";
import { noDeadline, setText } from "../src/keyspace/text.js";
import { decodeMessage, encodeMessage } from "../src/replication/codec.js";
import { Replicator } from "../src/replication/replicator.js";

const startMs = 1_800_000_000_000;
const valueBytes = 64;
const batchKeys = 1_000;
/** The design's bounds (a million keys, 1000 differ). */
const bytesMax = 1_000_000;
const secondsMax = 3;
const quietBytesMax = 10_000;

interface Wire {
  bytes: number;
  messages: number;
  readonly byType: Map<string, number>;
  /** Seconds of processor time that its receiver took to decode and answer it. */
  readonly cpuByType: Map<string, number>;
}

class Side {
  readonly keyspace: Keyspace;
  readonly shards: Shards;
  readonly replicator: Replicator;
  readonly inbox: Uint8Array[] = [];

  readonly other: string;

  constructor(name: string, other: string, pair: Pair) {
    this.other = other;
    const replicas = new ReplicaTable();
    this.keyspace = new Keyspace({ replicas, self: `${name}/1`, databaseCount: 1 });
    this.keyspace.beginTurn(startMs);
    // No log: whoever lacks something is helped by state.
    this.shards = new Shards(this.keyspace, { logBytesMax: 1 });
    this.replicator = new Replicator(
      this.shards,
      {
        send: (_to, message) => {
          const bytes = encodeMessage(message, this.shards);
          pair.wire.bytes += bytes.length;
          pair.wire.messages++;
          const { type } = message.body;
          pair.wire.byType.set(type, (pair.wire.byType.get(type) ?? 0) + bytes.length);
          if (pair.isConnected) pair.sideOf(_to).inbox.push(bytes);
        },
      },
      { self: name, peers: [other], prng: new Prng(name.length), mode: "direct" },
      0,
    );
  }

  set(n: number, value: Uint8Array): void {
    const key = Buffer.from(`key:${String(n).padStart(12, "0")}`);
    const hash = hashBytes(key, 0, key.length);
    const [db] = this.keyspace.databases;
    const { length } = key;
    setText(this.keyspace, db!, hash, key, 0, length, value, 0, value.length, noDeadline);
  }
}

class Pair {
  readonly wire: Wire = { bytes: 0, messages: 0, byType: new Map(), cpuByType: new Map() };
  isConnected = false;
  nowMs = 0;
  readonly a = new Side("n1", "n2", this);
  readonly b = new Side("n2", "n1", this);

  sideOf(name: string): Side {
    return name === "n1" ? this.a : this.b;
  }

  get isEqual(): boolean {
    return this.a.shards.shards.every(({ context, index }) => {
      const theirs = this.b.shards.shards[index]!.context;
      // Two tables number the replicas differently.
      const text = (side: Side, vector: typeof context): string =>
        [...vector.entries()]
          .map(([replica, time]) => `${side.keyspace.replicas.nameOf(replica)} ${time}`)
          .sort()
          .join();
      return text(this.a, context) === text(this.b, theirs);
    });
  }

  /** Delivers what is under way and lets a millisecond of virtual time pass. */
  step(): void {
    this.nowMs++;
    for (const side of [this.a, this.b]) {
      side.keyspace.beginTurn(startMs + this.nowMs);
      for (const bytes of side.inbox.splice(0)) this.#receive(side, bytes);
      if (side.replicator.nextDueMs() <= this.nowMs) side.replicator.tick(this.nowMs);
    }
  }

  #receive(side: Side, bytes: Uint8Array): void {
    const before = process.cpuUsage();
    const message = decodeMessage(bytes, side.shards);
    side.replicator.onMessage(side.other, message, this.nowMs);
    const { user, system } = process.cpuUsage(before);
    const { cpuByType } = this.wire;
    const { type } = message.body;
    cpuByType.set(type, (cpuByType.get(type) ?? 0) + (user + system) / 1e6);
  }

  resetWire(): void {
    this.wire.bytes = 0;
    this.wire.messages = 0;
    this.wire.byType.clear();
    this.wire.cpuByType.clear();
  }
}

function fill(pair: Pair, keys: number): void {
  const value = new Uint8Array(valueBytes).fill(120);
  for (let first = 0; first < keys; first += batchKeys) {
    pair.nowMs++;
    for (const side of [pair.a, pair.b]) side.keyspace.beginTurn(startMs + pair.nowMs);
    for (let n = first; n < Math.min(keys, first + batchKeys); n++) pair.a.set(n, value);
    const batches = pair.a.shards.closeBatch();
    pair.b.keyspace.clock.observe(pair.a.keyspace.clock.last);
    for (const batch of batches) {
      // The replicas' numbers differ between the two tables; the body's numbers are its own.
      const carry = (replica: number): number =>
        pair.b.keyspace.replicas.indexOf(pair.a.keyspace.replicas.nameOf(replica));
      const [origin, names] = [carry(batch.origin), batch.names.map(carry)];
      pair.b.shards.apply({ ...withOwnBody(batch), origin, names });
    }
  }
}

interface Measured {
  readonly bytes: number;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
}

function untilEqual(pair: Pair): Measured {
  pair.resetWire();
  pair.isConnected = true;
  const started = process.hrtime.bigint();
  const cpu = process.cpuUsage();
  pair.a.replicator.onLinked("n2");
  pair.b.replicator.onLinked("n1");
  for (let step = 0; !pair.isEqual || step < 20; step++) {
    if (step > 60_000) throw new Error("the replicas did not come together");
    pair.step();
  }
  const used = process.cpuUsage(cpu);
  return {
    bytes: pair.wire.bytes,
    wallSeconds: Number(process.hrtime.bigint() - started) / 1e9,
    cpuSeconds: (used.user + used.system) / 1e6,
  };
}

function report(what: string, pair: Pair, { bytes, wallSeconds, cpuSeconds }: Measured): void {
  const types = [...pair.wire.byType].map(([type, count]) => {
    const seconds = pair.wire.cpuByType.get(type) ?? 0;
    return `${type} ${count} bytes, ${seconds.toFixed(2)} s processor time at its receiver`;
  });
  console.log(
    `${what}: ${bytes} bytes in ${pair.wire.messages} messages, ` +
      `${wallSeconds.toFixed(2)} s, ${cpuSeconds.toFixed(2)} s processor time\n` +
      types.map((each) => `  ${each}`).join("\n"),
  );
}

/** Answers the exit code. */
export function benchAntiEntropy(keys: number, differ: number): number {
  const pair = new Pair();
  fill(pair, keys);
  console.log(`${keys} keys with values of ${valueBytes} bytes on two replicas, no logs`);

  pair.isConnected = true;
  for (let step = 0; step < 10_000; step++) pair.step();
  pair.resetWire();
  const rounds = 30;
  for (let step = 0; step < rounds * 1_000; step++) pair.step();
  const perRound = pair.wire.bytes / (2 * rounds);
  console.log(`in sync: ${perRound.toFixed(0)} bytes per round and node, over ${rounds} s`);

  const apart = (sides: readonly Side[]): Measured => {
    pair.isConnected = false;
    const changed = new Uint8Array(valueBytes).fill(121);
    for (let i = 0; i < differ; i++) sides[i % sides.length]!.set(prng.below(keys), changed);
    pair.a.shards.settle();
    pair.b.shards.settle();
    return untilEqual(pair);
  };
  const prng = new Prng(7);
  const missed = apart([pair.a]);
  report(`${differ} keys that one side has missed`, pair, missed);
  report(`${differ} keys, half on each side`, pair, apart([pair.a, pair.b]));

  const digestsAgree = pair.a.shards.digests().join() === pair.b.shards.digests().join();
  console.log(`digests ${digestsAgree ? "agree" : "DIFFER"}`);
  const misses = [
    ...(perRound > quietBytesMax ? [`more than ${quietBytesMax} bytes per round in sync`] : []),
    ...(missed.bytes > bytesMax ? [`more than ${bytesMax} bytes`] : []),
    ...(missed.cpuSeconds > secondsMax ? [`more than ${secondsMax} s of processor time`] : []),
    ...(digestsAgree ? [] : ["the replicas differ"]),
  ];
  for (const miss of misses) console.log(`MISSED: ${miss}`);
  return misses.length === 0 ? 0 : 1;
}
