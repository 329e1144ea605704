// Multi-value register: a write replaces what it has seen, and values that no write has seen
// together stay side by side. Reading as last-writer-wins takes the one with the highest stamp; the
// losers stay, because a register that drops them is not associative (merge-rules 9: SET 20 beside
// SET 10).

import type { Bytes } from "../base/bytes.js";
import type { ReplicaTable } from "../clock/replica-table.js";
import { assignCell, type Cell, clearCell, sortCell, winner } from "./cell.js";
import { cellLattice } from "./cell-lattice.js";

export type RegisterOperation =
  | { readonly kind: "assign"; readonly value: Bytes }
  | { readonly kind: "clear" };

export const mvRegister = cellLattice<RegisterOperation, Bytes[]>({
  name: "mv_register",
  tag: 1,
  edit(cell, operation, { stamp }) {
    if (operation.kind === "assign") assignCell(cell, stamp, stamp, operation.value);
    else clearCell(cell, stamp.replica);
  },
  /** All values that no write has replaced, in the order of their stamps. */
  query(cell, replicas) {
    sortCell(cell, replicas);
    return cell.siblings.map((sibling) => sibling.value);
  },
});

/** The last writer's value; undefined when there is none. */
export const lastWritten = (cell: Readonly<Cell>, replicas: ReplicaTable): Bytes | undefined =>
  winner(cell, replicas)?.value;
