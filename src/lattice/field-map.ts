// A map from fields to registers and counters, the lattice of a hash (and, with scores, of a sorted
// set): each field is a counter cell, so HSET, HINCRBY and HDEL follow pn-counter.ts, field by
// field. A field is there while any write to it is unseen by every removal.

import type { Bytes } from "../base/bytes.js";
import { cellMapLattice } from "./cell-lattice.js";
import type { Decimal } from "./decimal.js";
import { textOf } from "./pn-counter.js";

export type FieldOperation =
  | { readonly kind: "assign"; readonly field: string; readonly value: Bytes }
  | { readonly kind: "increment"; readonly field: string; readonly by: Decimal }
  | { readonly kind: "remove"; readonly field: string }
  | { readonly kind: "clear" };

export const fieldMap = cellMapLattice<FieldOperation, [string, Bytes][]>({
  name: "field_map",
  tag: 8,
  edit(map, operation, { stamp, replicas }) {
    const born = map.birth(replicas) ?? stamp;
    switch (operation.kind) {
      case "assign":
        map.assign(operation.field, stamp, born, operation.value);
        break;
      case "increment":
        map.increment(operation.field, stamp, born, operation.by);
        break;
      case "remove":
        map.clear(operation.field, stamp.replica);
        break;
      case "clear":
        map.clearAll(stamp.replica);
    }
  },
  /** The visible fields and their values, in byte order. */
  query: (map, replicas) =>
    map
      .sortedElements()
      .filter((field) => map.isVisible(field))
      .map((field) => [field, textOf(map.get(field)!, replicas)!]),
});
