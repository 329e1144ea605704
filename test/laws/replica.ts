// A replica for the law suite: a state, its context, a clock and its own table of names. Everything
// that leaves it is bytes, so every exchange also exercises the codecs and two tables that number
// replicas differently. It keeps the rules that joins rely on: batches close before anything is
// joined, a delta is applied when all that its writer had seen is covered (merge-rules 3 and 14).

import { ByteReader, type Bytes, ByteWriter } from "../../src/base/bytes.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import { HybridClock, type ReplicaIndex } from "../../src/clock/stamp.js";
import { VersionVector } from "../../src/clock/version-vector.js";
import type { Lattice } from "../../src/lattice/lattice.js";
import { NameCodec } from "../../src/lattice/replica-codec.js";
import type { Batch } from "./history.js";

/** A state together with its context; neither means anything alone (merge-rules 2). */
export interface Snapshot {
  readonly state: Bytes;
  readonly context: Bytes;
}

/** A batch as it travels, and as the oracle's log knows it. */
export interface SentBatch<Operation> extends Batch<Operation> {
  readonly delta: Bytes;
  readonly dependencies: Bytes;
}

export class LawReplica<State, Delta, Operation, Value> {
  readonly lattice: Lattice<State, Delta, Operation, Value>;
  readonly name: string;
  readonly replicas = new ReplicaTable();
  readonly self: ReplicaIndex;
  readonly clock = new HybridClock();
  context = new VersionVector();
  state: State;
  readonly #codec: NameCodec;

  constructor(lattice: Lattice<State, Delta, Operation, Value>, name: string) {
    this.lattice = lattice;
    this.name = name;
    this.self = this.replicas.indexOf(name); // Always 0: no two replicas number the others alike.
    this.state = lattice.bottom();
    this.#codec = new NameCodec(this.replicas);
  }

  /** One batch: opened, changed, closed, joined like anybody else's. */
  write(operations: readonly Operation[], wallMs: number): SentBatch<Operation> {
    const stamp = { time: this.clock.next(wallMs), replica: this.self };
    const observed = new Map(
      [...this.context.entries()].map(([replica, time]) => [this.replicas.nameOf(replica), time]),
    );
    const dependencies = this.#contextBytes();
    const write = { stamp, replicas: this.replicas };
    const writer = new ByteWriter();
    const delta = this.lattice.mutate(this.state, operations, write);
    this.lattice.encodeDelta(writer, delta, this.#codec, this.replicas);
    this.state = this.lattice.apply(this.state, this.context, delta, this.replicas);
    this.context.advance(this.self, stamp.time);
    const { time } = stamp;
    return { replica: this.name, time, observed, operations, delta: writer.finish(), dependencies };
  }

  covers(batch: Batch<unknown>): boolean {
    return this.context.covers(batch.time, this.replicas.indexOf(batch.replica));
  }

  mayApply(batch: SentBatch<unknown>): boolean {
    return this.context.includes(this.#readContext(batch.dependencies));
  }

  apply(batch: SentBatch<Operation>): void {
    const reader = new ByteReader(batch.delta);
    const delta = this.lattice.decodeDelta(reader, this.#codec);
    reader.expectEnd();
    this.state = this.lattice.apply(this.state, this.context, delta, this.replicas);
    this.context.advance(this.replicas.indexOf(batch.replica), batch.time);
    this.clock.observe(batch.time);
  }

  join(snapshot: Snapshot): void {
    const other = this.readState(snapshot.state);
    const otherContext = this.#readContext(snapshot.context);
    const { lattice, context, replicas } = this;
    this.state = lattice.join(this.state, context, other, otherContext, replicas);
    context.join(otherContext);
    for (const [, time] of context.entries()) this.clock.observe(time);
  }

  snapshot(): Snapshot {
    return { state: this.bytes(), context: this.#contextBytes() };
  }

  /** The canonical bytes of the state. */
  bytes(): Bytes {
    const writer = new ByteWriter();
    this.lattice.encode(writer, this.state, this.#codec, this.replicas);
    return writer.finish();
  }

  query(): Value {
    return this.lattice.query(this.state, this.replicas);
  }

  /** Becomes what `snapshot` says. */
  load(snapshot: Snapshot): this {
    this.state = this.readState(snapshot.state);
    this.context = this.#readContext(snapshot.context);
    return this;
  }

  #contextBytes(): Bytes {
    const writer = new ByteWriter();
    this.context.encode(writer, this.replicas);
    return writer.finish();
  }

  #readContext(bytes: Bytes): VersionVector {
    return VersionVector.decode(new ByteReader(bytes), this.replicas);
  }

  readState(bytes: Bytes): State {
    const reader = new ByteReader(bytes);
    const state = this.lattice.decode(reader, this.#codec);
    reader.expectEnd();
    return state;
  }
}
