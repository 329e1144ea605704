// A counter that can be set, deleted and moved up and down at once: a base register and one row per
// replica (cell.ts, merge-rules 6 to 8). A reset takes away what it has seen of the rows, so two
// resets never subtract
// twice and an increment that no reset has seen always counts:
//   SET 10 beside INCR = 11 · DEL beside an unseen INCR = 1 · (SET 10, INCR) beside SET 20 may give
//   21.
// Sums are exact decimals, so floats do not depend on the order of arrival. A base that is no
// number hides the rows: they show again when a number is set.

import { type Bytes, fromUtf8, utf8 } from "../base/bytes.js";
import type { ReplicaTable } from "../clock/replica-table.js";
import {
  assignCell,
  bornOf,
  type Cell,
  clearCell,
  incrementCell,
  isLive,
  isVisible,
  rowSum,
  winner,
} from "./cell.js";
import { cellLattice } from "./cell-lattice.js";
import { add, type Decimal, formatDecimal, parseDecimal, zero } from "./decimal.js";
import type { Write } from "./lattice.js";

export type CounterOperation =
  | { readonly kind: "assign"; readonly value: Bytes }
  | { readonly kind: "increment"; readonly by: Decimal }
  | { readonly kind: "clear" };

export const pnCounter = cellLattice<CounterOperation, Bytes | undefined>({
  name: "pn_counter",
  tag: 6,
  edit: editCounter,
  query: textOf,
});

/** Applies one operation in place; an increment of what exists keeps its birth. */
export function editCounter(
  cell: Cell,
  operation: CounterOperation,
  { stamp, replicas }: Write,
): void {
  switch (operation.kind) {
    case "assign":
      assignCell(cell, stamp, stamp, operation.value);
      break;
    case "increment":
      incrementCell(cell, stamp, bornOf(cell, replicas) ?? stamp, operation.by);
      break;
    case "clear":
      clearCell(cell, stamp.replica);
      break;
  }
}

/** The number that a cell stands for; undefined when there is none or its base is other text. */
export function numberOf(cell: Readonly<Cell>, replicas: ReplicaTable): Decimal | undefined {
  if (!isVisible(cell)) return undefined;
  const base = winner(cell, replicas);
  const start = base === undefined ? zero : parseDecimal(fromUtf8(base.value));
  return start === undefined ? undefined : add(start, rowSum(cell));
}

/**
 * What a reader sees: the winning value with the increments added to it; undefined when nothing is
 * there.
 */
export function textOf(cell: Readonly<Cell>, replicas: ReplicaTable): Bytes | undefined {
  const base = winner(cell, replicas);
  if (!cell.rows.some(isLive)) return base?.value;
  const sum = numberOf(cell, replicas);
  return sum === undefined ? base?.value : utf8(formatDecimal(sum));
}
