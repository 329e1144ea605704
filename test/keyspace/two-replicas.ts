// Two replicas of one collection, each held twice: in the store under test and in the plain one.
// The same operations, joins and deltas go to both, and after each the store has the plain one's
// bytes. What the tests of all element stores share.

import { expect } from "vitest";
import { ByteWriter, latin1 } from "../../src/base/bytes.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import type { Stamp } from "../../src/clock/stamp.js";
import { VersionVector } from "../../src/clock/version-vector.js";
import { Keyspace } from "../../src/keyspace/keyspace.js";
import { cloneCell, emptyCell } from "../../src/lattice/cell.js";
import { differenceOfCells } from "../../src/lattice/cell-delta.js";
import { CellMap } from "../../src/lattice/cell-map.js";
import type { ElementStore } from "../../src/lattice/element-store.js";
import { NameCodec } from "../../src/lattice/replica-codec.js";

/** A write that one side makes. */
export interface Write {
  readonly store: ElementStore;
  readonly stamp: Stamp;
  readonly born: Stamp;
  readonly replicas: ReplicaTable;
}

/** One replica: a store, what it has seen, and its own stream of stamps. */
class Side<S extends ElementStore> {
  readonly seen = new VersionVector();
  readonly store: S;
  readonly replica: number;
  /** Before the last write, for its delta. */
  #before: ElementStore;

  constructor(store: S, replica: number) {
    this.store = store;
    this.replica = replica;
    this.#before = store.clone();
  }

  beginWrite(time: number, replicas: ReplicaTable): Write {
    const { store, replica } = this;
    const stamp = { time, replica };
    this.#before = store.clone();
    this.seen.advance(replica, time);
    return { store, stamp, born: store.birth(replicas) ?? stamp, replicas };
  }

  joinFrom(other: Side<S>): void {
    this.store.join(this.seen, other.store, other.seen);
    this.seen.join(other.seen);
  }

  /** Hears of the other side's last write: its removals and additions, as a delta tells them. */
  hearFrom(other: Side<S>): void {
    const elements = new Set([...other.#before.sortedElements(), ...other.store.sortedElements()]);
    for (const element of elements) {
      const before = other.#before.get(element) ?? emptyCell();
      const after = cloneCell(other.store.get(element) ?? emptyCell());
      this.store.apply(element, this.seen, differenceOfCells(before, after));
    }
  }
}

interface Kind {
  readonly kind: string;
}

export interface TwoReplicas<S extends ElementStore, Step extends Kind> {
  readonly newStore: (keyspace: Keyspace) => S;
  /** Makes a step that is neither a `join` nor a `delta`. */
  readonly write: (step: Step, write: Write) => void;
  /** After each step, beside what holds for every store. */
  readonly check: (store: S, plain: ElementStore, replicas: ReplicaTable, step: Step) => void;
}

/** Takes the steps, each at the first or the second replica; answers what is left. */
export function runTwoReplicas<S extends ElementStore, Step extends Kind>(
  steps: readonly (readonly [isFirst: boolean, step: Step])[],
  { newStore, write, check }: TwoReplicas<S, Step>,
): { readonly keyspace: Keyspace; readonly stores: readonly S[] } {
  const replicas = new ReplicaTable();
  const keyspace = new Keyspace({ replicas, self: "n1/1" });
  const names = [keyspace.self, replicas.indexOf("n22/1")];
  const compact = names.map((name) => new Side(newStore(keyspace), name));
  const plain = names.map((name) => new Side<ElementStore>(new CellMap(), name));
  let time = 0;
  const take = <T extends ElementStore>(sides: readonly Side<T>[], at: number, step: Step) => {
    const [side, other] = [sides[at]!, sides[1 - at]!];
    if (step.kind === "join") side.joinFrom(other);
    else if (step.kind === "delta") side.hearFrom(other);
    else write(step, side.beginWrite(time, replicas));
  };
  for (const [isFirst, step] of steps) {
    const at = isFirst ? 0 : 1;
    time++;
    take(compact, at, step);
    take(plain, at, step);
    const [{ store }, { store: expected }] = [compact[at]!, plain[at]!];
    expect(encoded(store, replicas)).toBe(encoded(expected, replicas));
    expect(store.count).toBe(expected.count);
    expect(store.birth(replicas)).toEqual(expected.birth(replicas));
    expect(store.verify(replicas)).toBe(true);
    expect(store.equals(expected, replicas)).toBe(true);
    check(store, expected, replicas, step);
  }
  return { keyspace, stores: compact.map(({ store }) => store) };
}

function encoded(store: ElementStore, replicas: ReplicaTable): string {
  const writer = new ByteWriter();
  store.encode(writer, new NameCodec(replicas), replicas);
  return latin1(writer.finish());
}
