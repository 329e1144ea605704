// What a replicated data type is: a state with a least element and a join. The join is commutative,
// associative and idempotent on states that operations can reach, taken together with what each
// side has seen (merge-rules 2).
//
// Two families implement it. Context-free lattices (a maximum, a union) never take anything away,
// and ignore what has been seen. The others are made of cells (cell.ts): there an entry that is
// absent and has been seen was removed. One law suite runs over all of them (test/laws).
//
// A batch of operations yields one delta; whoever made it joins it as everybody else does, so there
// is one write path. Left out: when a batch closes, what it depends on, in which order deltas may
// be joined (merge-rules 14).

import type { ByteReader, ByteWriter } from "../base/bytes.js";
import type { ReplicaTable } from "../clock/replica-table.js";
import type { Stamp } from "../clock/stamp.js";
import type { Seen } from "../clock/version-vector.js";
import type { ReplicaCodec } from "./cell.js";

/** Under which stamp a batch writes, and how stamps of one time are ordered. */
export interface Write {
  readonly stamp: Stamp;
  readonly replicas: ReplicaTable;
}

export interface Lattice<State, Delta, Operation, Value> {
  readonly name: string;
  /** The type's number on the wire and on disk; never reused. */
  readonly tag: number;
  bottom(): State;
  clone(state: State): State;
  /**
   * The net change that one batch of operations makes to `state`, which stays as it is: the caller
   * joins the delta by `apply` and then counts the stamp as seen. A stamp is used for one batch
   * only.
   */
  mutate(state: State, operations: readonly Operation[], write: Write): Delta;
  /**
   * Joins a delta into `state`, which it may change and return. `seen` is what the state's owner
   * has seen.
   */
  apply(state: State, seen: Seen, delta: Delta, replicas: ReplicaTable): State;
  /** Joins `other` into `state`, which it may change and return; `other` stays as it is. */
  join(state: State, seen: Seen, other: State, otherSeen: Seen, replicas: ReplicaTable): State;
  query(state: State, replicas: ReplicaTable): Value;
  equals(a: State, b: State, replicas: ReplicaTable): boolean;
  /**
   * Canonical: equal states have equal bytes on every node, in whatever order their entries
   * arrived.
   */
  encode(writer: ByteWriter, state: State, codec: ReplicaCodec, replicas: ReplicaTable): void;
  /** @throws MalformedBytes when the bytes are not a state. */
  decode(reader: ByteReader, codec: ReplicaCodec): State;
  encodeDelta(writer: ByteWriter, delta: Delta, codec: ReplicaCodec, replicas: ReplicaTable): void;
  /** @throws MalformedBytes when the bytes are not a delta. */
  decodeDelta(reader: ByteReader, codec: ReplicaCodec): Delta;
}

/** What a lattice without removals must say for itself. Its deltas are small states. */
export interface ContextFree<State, Operation, Value> {
  readonly name: string;
  readonly tag: number;
  bottom(): State;
  /** The state that one operation adds. `state` has the batch's earlier operations in it. */
  news(state: State, operation: Operation, write: Write): State;
  /** A new state; both arguments stay as they are. */
  joinValues(a: State, b: State, replicas: ReplicaTable): State;
  query(state: State, replicas: ReplicaTable): Value;
  equals(a: State, b: State, replicas: ReplicaTable): boolean;
  encode(writer: ByteWriter, state: State, codec: ReplicaCodec, replicas: ReplicaTable): void;
  decode(reader: ByteReader, codec: ReplicaCodec): State;
}

export function contextFree<State, Operation, Value>(
  type: ContextFree<State, Operation, Value>,
): Lattice<State, State, Operation, Value> {
  return {
    name: type.name,
    tag: type.tag,
    bottom: type.bottom,
    clone: (state) => state,
    mutate(state, operations, write) {
      let after = state;
      let delta = type.bottom();
      for (const operation of operations) {
        const news = type.news(after, operation, write);
        after = type.joinValues(after, news, write.replicas);
        delta = type.joinValues(delta, news, write.replicas);
      }
      return delta;
    },
    apply: (state, _seen, delta, replicas) => type.joinValues(state, delta, replicas),
    join: (state, _seen, other, _otherSeen, replicas) => type.joinValues(state, other, replicas),
    query: type.query,
    equals: type.equals,
    encode: type.encode,
    decode: type.decode,
    encodeDelta: type.encode,
    decodeDelta: type.decode,
  };
}
