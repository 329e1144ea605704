// Add-wins set: a remove takes away the additions it has seen and no others, so an addition it has
// not seen wins, and a removed element never comes back by itself (Almeida, Shoker, Baquero 2018,
// without tombstones).

import { emptyBytes } from "../base/bytes.js";
import { cellMapLattice } from "./cell-lattice.js";

export type SetOperation =
  | { readonly kind: "add"; readonly element: string }
  | { readonly kind: "remove"; readonly element: string }
  | { readonly kind: "clear" };

export const addWinsSet = cellMapLattice<SetOperation, string[]>({
  name: "add_wins_set",
  tag: 7,
  edit(map, operation, { stamp, replicas }) {
    switch (operation.kind) {
      case "add":
        // Adding again is a new addition: a remove that has seen only the old one will not take it.
        map.assign(operation.element, stamp, map.birth(replicas) ?? stamp, emptyBytes);
        break;
      case "remove":
        map.clear(operation.element, stamp.replica);
        break;
      case "clear":
        map.clearAll(stamp.replica);
    }
  },
  /** The elements in byte order. */
  query: (map) => map.sortedElements().filter((element) => map.isVisible(element)),
});
