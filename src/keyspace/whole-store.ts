// What an element store does as a whole, by its cells: compare, copy, encode. For stores whose
// cells are unfolded one by one.

import { type ByteWriter, compareText, fromLatin1 } from "../base/bytes.js";
import type { ReplicaTable } from "../clock/replica-table.js";
import type { Seen } from "../clock/version-vector.js";
import {
  type Cell,
  cloneCell,
  emptyCell,
  encodeCell,
  equalCells,
  joinCell,
  type ReplicaCodec,
  sortCell,
} from "../lattice/cell.js";
import { CellMap } from "../lattice/cell-map.js";
import type { ElementStore } from "../lattice/element-store.js";

export function equalStores(a: ElementStore, b: ElementStore, replicas: ReplicaTable): boolean {
  if (a.count !== b.count) return false;
  for (const [element, cell] of a.entries()) {
    const twin = b.get(element);
    if (twin === undefined || !equalCells(cell, twin, replicas)) return false;
  }
  return true;
}

export function plainCopy(store: ElementStore): CellMap {
  const copy = new CellMap();
  for (const [element, cell] of store.entries()) copy.restore(element, cloneCell(cell));
  return copy;
}

/** Joins `other` into `store`, whose elements are changed by `change` alone. */
export function joinStores(
  store: ElementStore,
  seen: Seen,
  other: ElementStore,
  otherSeen: Seen,
  change: (element: string, edit: (cell: Cell) => void) => void,
): void {
  for (const element of store.sortedElements()) {
    const theirs = other.get(element) ?? emptyCell();
    change(element, (cell) => joinCell(cell, seen, theirs, otherSeen));
  }
  for (const [element, theirs] of other.entries()) {
    if (store.get(element) !== undefined) continue;
    change(element, (cell) => joinCell(cell, seen, theirs, otherSeen));
  }
}

/** @param isSorted whether `entries` are in the order of their bytes already. */
export function encodeStore(
  store: ElementStore,
  isSorted: boolean,
  writer: ByteWriter,
  codec: ReplicaCodec,
  replicas: ReplicaTable,
): void {
  writer.varint(store.count);
  const entries: Iterable<[string, Readonly<Cell>]> = isSorted
    ? store.entries()
    : [...store.entries()].sort(([a], [b]) => compareText(a, b));
  for (const [element, cell] of entries) {
    writer.bytes(fromLatin1(element));
    sortCell(cell, replicas);
    encodeCell(writer, cell, codec);
  }
}
