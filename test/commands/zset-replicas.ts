// Replicas that hear of each other through captured deltas alone, for tests of what sorted sets do
// when two nodes write at once.

import { ByteWriter, latin1 } from "../../src/base/bytes.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import type { Time } from "../../src/clock/stamp.js";
import { VersionVector } from "../../src/clock/version-vector.js";
import { Capture, type KeyDelta } from "../../src/keyspace/capture.js";
import { hashBytes } from "../../src/keyspace/hash.js";
import { Keyspace } from "../../src/keyspace/keyspace.js";
import { NameCodec } from "../../src/lattice/replica-codec.js";
import { Bench } from "./harness.js";

interface Batch {
  readonly time: Time;
  readonly origin: number;
  readonly deltas: readonly KeyDelta[];
}

export class Replica {
  readonly bench: Bench;
  readonly #seen = new VersionVector();
  readonly #capture = new Capture();
  /** Batches of others, not joined yet. */
  readonly inbox: Batch[] = [];

  constructor(replicas: ReplicaTable, name: string, slabCapacity?: number) {
    const options = slabCapacity === undefined ? {} : { slabCapacity };
    this.bench = new Bench(new Keyspace({ replicas, self: name, ...options }));
    this.bench.keyspace.capture = this.#capture;
  }

  get keyspace(): Keyspace {
    return this.bench.keyspace;
  }

  /** Ends the open batch; undefined when nothing was written. */
  close(): Batch | undefined {
    const deltas = this.#capture.take(this.keyspace);
    const time = this.keyspace.endBatch();
    if (time === 0) return undefined;
    this.#seen.advance(this.keyspace.self, time);
    return { time, origin: this.keyspace.self, deltas };
  }

  deliver(): void {
    const { keyspace } = this;
    for (const batch of this.inbox.splice(0)) {
      keyspace.clock.observe(batch.time);
      for (const { database, key, elements } of batch.deltas) {
        const db = keyspace.databases[database]!;
        const hash = hashBytes(key, 0, key.length);
        const entry = keyspace.entryOrEmpty(keyspace.findRecord(db, hash, key, 0, key.length));
        for (const element of elements) entry.apply(this.#seen, element);
        keyspace.storeEntry(db, hash, key, entry);
      }
      this.#seen.advance(batch.origin, batch.time);
    }
  }

  /** Every stored key in canonical form. */
  dump(): Map<string, string> {
    const { keyspace } = this;
    const keys = new Map<string, string>();
    keyspace.databases[0]!.keys.forEach((ref) => {
      const writer = new ByteWriter();
      const codec = new NameCodec(keyspace.replicas);
      keyspace.entryOf(ref).encode(writer, codec, keyspace.replicas);
      keys.set(latin1(keyspace.keyOf(ref)), latin1(writer.finish()));
    });
    return new Map([...keys].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

export class Cluster {
  readonly replicas: readonly Replica[];

  /** @param slabCapacity units of a slab, where compaction is to have something to do. */
  constructor(count: number, slabCapacity?: number) {
    const table = new ReplicaTable();
    this.replicas = Array.from(
      { length: count },
      (_, i) => new Replica(table, `n${i + 1}/test`, slabCapacity),
    );
  }

  /** Runs a command on a node, counted from 1, in its open batch. */
  on(node: number, line: string): unknown {
    return this.replicas[node - 1]!.bench.runInBatch(...line.split(" "));
  }

  /** All batches close and reach everybody. */
  settle(): void {
    for (const sender of this.replicas) {
      const batch = sender.close();
      if (batch === undefined) continue;
      for (const other of this.replicas) if (other !== sender) other.inbox.push(batch);
    }
    for (const replica of this.replicas) replica.deliver();
    for (const replica of this.replicas) replica.bench.wait(1);
  }
}
