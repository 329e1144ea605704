// The highest birth among the live entries of a large store, kept while entries come and go
// (merge-rules 10). Only when the last entry that has it goes must the store be looked through
// again; births differ only where an empty key was written concurrently, so that is as rare as
// those.

import type { ReplicaTable } from "../clock/replica-table.js";
import type { ReplicaIndex, Time } from "../clock/stamp.js";
import { type Cell, isLive } from "../lattice/cell.js";

/** Two births of one time compete: their names decide, at the next question. */
const unknown = -1;

export class HighestBirth {
  time: Time = 0;
  replica: ReplicaIndex = 0;
  /** Entries that have it. */
  #count = 0;

  get isKnown(): boolean {
    return this.#count > 0;
  }

  is(time: Time, replica: ReplicaIndex): boolean {
    return this.time === time && this.replica === replica;
  }

  reset(): void {
    this.time = 0;
    this.replica = 0;
    this.#count = 0;
  }

  /** A live entry came. */
  raise(time: Time, replica: ReplicaIndex): void {
    if (time < this.time) return;
    if (time > this.time) {
      this.time = time;
      this.replica = replica;
      this.#count = 1;
    } else if (replica !== this.replica) {
      this.#count = unknown;
    } else if (this.#count !== unknown) {
      this.#count++;
    }
  }

  /** A live entry went. */
  lower(time: Time, replica: ReplicaIndex): void {
    if (this.#count > 0 && time === this.time && replica === this.replica) this.#count--;
  }

  /** One entry of a complete look through the store, after `reset`. */
  consider(time: Time, replica: ReplicaIndex, replicas: ReplicaTable): void {
    const order = this.#count === 0 ? 1 : replicas.compare(time, replica, this.time, this.replica);
    if (order < 0) return;
    this.#count = order > 0 ? 1 : this.#count + 1;
    this.time = time;
    this.replica = replica;
  }
}

/** The births of a cell's live entries. */
export function eachBirth(
  cell: Readonly<Cell>,
  visit: (time: Time, replica: ReplicaIndex) => void,
): void {
  for (const { bornTime, bornReplica } of cell.siblings) visit(bornTime, bornReplica);
  for (const row of cell.rows) if (isLive(row)) visit(row.bornTime, row.bornReplica);
}
