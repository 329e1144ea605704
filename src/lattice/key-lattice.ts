// The lattice of one key as the registry knows it: `KeyEntry` with the writes of a few
// representative commands. It shows the discipline that every write command keeps: `prepare`,
// change, and `settle` if it removed something. The commands themselves are elsewhere; here a write
// against the visible type does nothing, where a command would answer WRONGTYPE.

import { type Bytes, emptyBytes } from "../base/bytes.js";
import type { ReplicaTable } from "../clock/replica-table.js";
import type { Stamp } from "../clock/stamp.js";
import { persist } from "./deadline.js";
import type { Decimal } from "./decimal.js";

import {
  decodeElementDelta,
  type ElementDelta,
  encodeElementDelta,
  KeyEntry,
  onlyElement,
  type Slot,
  slots,
} from "./key-entry.js";
import type { Lattice, Write } from "./lattice.js";
import { textOf } from "./pn-counter.js";

export type KeyOperation =
  /** SET: whatever was there, a new birth. */
  | { readonly kind: "set"; readonly value: Bytes }
  /** SADD, HSET, RPUSH ...: one element of a collection, or a string kept in place (SETRANGE). */
  | { readonly kind: "put"; readonly slot: Slot; readonly element: string; readonly value: Bytes }
  /** INCRBY on the string, HINCRBY on a field. */
  | {
      readonly kind: "increment";
      readonly slot: Slot;
      readonly element: string;
      readonly by: Decimal;
    }
  /** SREM, HDEL, LPOP. */
  | { readonly kind: "remove"; readonly slot: Slot; readonly element: string }
  | { readonly kind: "delete" }
  | { readonly kind: "expire"; readonly deadlineMs: number }
  | { readonly kind: "persist" };

export interface TimedOperation {
  readonly operation: KeyOperation;
  /** Whether the writer's clock has passed the key's deadline, if it has one. */
  readonly isLate: boolean;
}

/** What a reader sees of a key: its type, its visible elements and its deadline. */
export interface KeyView {
  readonly slot: Slot;
  readonly elements: readonly (readonly [string, Bytes])[];
  readonly deadlineMs: number | undefined;
}

/** Applies one operation in place. */
export function editKey(entry: KeyEntry, timed: TimedOperation, { stamp, replicas }: Write): void {
  const { operation, isLate } = timed;
  if (operation.kind === "delete" || operation.kind === "set") {
    entry.clearAll(stamp.replica);
    if (operation.kind === "set")
      entry.assign(slots.string, onlyElement, stamp, stamp, operation.value);
    return;
  }
  const hasExpired = isLate && entry.deadline(replicas) !== undefined;
  const visible = hasExpired ? undefined : entry.visibleSlot(replicas);
  const createsKey = operation.kind === "put" || operation.kind === "increment";
  if (visible === undefined ? !createsKey && !hasExpired : isWrongType(operation, visible)) return;
  const born = entry.prepare(stamp, hasExpired, replicas);
  // A write that needs a key and finds it expired has removed it, and that is all.
  if (visible !== undefined || createsKey) change(entry, operation, stamp, born);
}

function change(entry: KeyEntry, operation: KeyOperation, stamp: Stamp, born: Stamp): void {
  switch (operation.kind) {
    case "put":
      entry.assign(operation.slot, operation.element, stamp, born, operation.value);
      break;
    case "increment":
      entry.increment(operation.slot, operation.element, stamp, born, operation.by);
      break;
    case "remove":
      entry.clear(operation.slot, operation.element, stamp.replica);
      entry.settle(stamp.replica);
      break;
    case "expire":
      entry.assignDeadline(operation.deadlineMs, stamp, born);
      break;
    case "persist":
      entry.assignDeadline(persist, stamp, born);
  }
}

const isWrongType = (operation: KeyOperation, visible: Slot): boolean =>
  "slot" in operation && operation.slot !== visible;

export const keyLattice: Lattice<
  KeyEntry,
  readonly ElementDelta[],
  TimedOperation,
  KeyView | undefined
> = {
  name: "key",
  tag: 10,
  bottom: () => new KeyEntry(),
  clone: (state) => state.clone(),
  mutate(state, operations, write) {
    const after = state.clone();
    for (const operation of operations) editKey(after, operation, write);
    return after.takeDelta();
  },
  apply(state, seen, delta) {
    for (const change of delta) state.apply(seen, change);
    return state;
  },
  join(state, seen, other, otherSeen) {
    state.joinWith(seen, other, otherSeen);
    return state;
  },
  query: viewOf,
  equals: (a, b, replicas) => a.equals(b, replicas),
  encode: (writer, state, codec, replicas) => state.encode(writer, codec, replicas),
  decode: KeyEntry.decode,
  encodeDelta(writer, delta, codec, replicas) {
    writer.varint(delta.length);
    for (const change of delta) encodeElementDelta(writer, change, codec, replicas);
  },
  decodeDelta(reader, codec) {
    const delta: ElementDelta[] = [];
    for (let count = reader.count(5); count > 0; count--)
      delta.push(decodeElementDelta(reader, codec));
    return delta;
  },
};

function viewOf(entry: KeyEntry, replicas: ReplicaTable): KeyView | undefined {
  const slot = entry.visibleSlot(replicas);
  if (slot === undefined) return undefined;
  const map = entry.slot(slot)!;
  const elements = map
    .sortedElements()
    .filter((element) => map.isVisible(element))
    .map((element): [string, Bytes] => [
      element,
      textOf(map.get(element)!, replicas) ?? emptyBytes,
    ]);
  return { slot, elements, deadlineMs: entry.deadline(replicas) };
}
