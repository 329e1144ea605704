// Expiry register: a deadline as a lattice by itself. EXPIRE replaces the deadlines it has seen; of
// concurrent ones the latest counts, and PERSIST is later than all (deadline.ts, merge-rules 9).
// Which key a deadline belongs to is key-entry.ts's concern: there only those of the visible slot's
// birth count.

import { assignCell, clearCell } from "./cell.js";
import { cellLattice } from "./cell-lattice.js";
import { decodeDeadline, encodeDeadline, latest, persist } from "./deadline.js";

export type ExpiryOperation =
  | { readonly kind: "expire"; readonly deadlineMs: number }
  | { readonly kind: "persist" }
  | { readonly kind: "clear" };

/** Its value is Unix milliseconds or `persist`, undefined when no deadline was set. */
export const expiryRegister = cellLattice<ExpiryOperation, number | undefined>({
  name: "expiry_register",
  tag: 9,
  edit(cell, operation, { stamp }) {
    if (operation.kind === "clear") {
      clearCell(cell, stamp.replica);
    } else {
      const deadlineMs = operation.kind === "expire" ? operation.deadlineMs : persist;
      assignCell(cell, stamp, stamp, encodeDeadline(deadlineMs));
    }
  },
  query: (cell) => latest(cell.siblings.map((sibling) => decodeDeadline(sibling.value))),
});
