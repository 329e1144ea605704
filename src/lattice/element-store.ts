// What a key's entry asks of the store behind one of its slots: a map from elements to cells that
// keeps count of what is visible and knows its birth (merge-rules 10). `CellMap` is the plain one;
// the keyspace has others that keep simple elements compactly and unfold a cell only when somebody
// asks. They must agree (test: one suite over all stores).
//
// Elements are byte strings as Latin-1 text. Cells that are handed out are for reading.

import type { Bytes, ByteWriter } from "../base/bytes.js";
import type { ReplicaTable } from "../clock/replica-table.js";
import type { ReplicaIndex, Stamp } from "../clock/stamp.js";
import type { Seen } from "../clock/version-vector.js";
import type { Cell, ReplicaCodec } from "./cell.js";
import type { CellDelta } from "./cell-delta.js";
import type { Decimal } from "./decimal.js";

export type VisitElement = (element: string, cell: Readonly<Cell>) => void;

export interface ElementStore {
  /** Stored elements, also those of which only dead rows are left. */
  readonly count: number;
  /** Elements that a reader sees. */
  readonly visibleCount: number;
  /** Nothing is stored: the store may be forgotten. */
  readonly isBlank: boolean;
  get(element: string): Readonly<Cell> | undefined;
  /** Whether a reader sees the element; a stored one may consist of dead rows. */
  isVisible(element: string): boolean;
  /** In the order of their bytes. */
  sortedElements(): string[];
  /** In no particular order. The store must not change meanwhile. */
  entries(): IterableIterator<[string, Readonly<Cell>]>;
  /**
   * Visits the store in pieces; between two of them, at every `yield`, it may change. Visited is at
   * least what stays as it is from the first piece to the last.
   */
  walk(visit: VisitElement): IterableIterator<void>;
  /** The highest `born` of the live entries, undefined when nothing is visible. */
  birth(replicas: ReplicaTable): Stamp | undefined;
  assign(element: string, stamp: Stamp, born: Stamp, value: Bytes): void;
  increment(element: string, stamp: Stamp, born: Stamp, by: Decimal): void;
  /** Removes what was seen of one element; dead rows of other replicas stay behind. */
  clear(element: string, self: ReplicaIndex): void;
  /** Removes what was seen of every element. */
  clearAll(self: ReplicaIndex): void;
  /** Puts a cell as it was read from its stored form; the store owns it from now on. */
  restore(element: string, cell: Cell): void;
  /** Joins the delta of one element. */
  apply(element: string, seen: Seen, delta: CellDelta): void;
  /** Joins `other` into this store; `other` stays as it is. */
  join(seen: Seen, other: ElementStore, otherSeen: Seen): void;
  /** A plain copy. */
  clone(): ElementStore;
  equals(other: ElementStore, replicas: ReplicaTable): boolean;
  /** Canonical: elements in byte order, entries in stamp order. */
  encode(writer: ByteWriter, codec: ReplicaCodec, replicas: ReplicaTable): void;
  /** Compares kept figures with the cells; for tests and for verifying invariants. */
  verify(replicas: ReplicaTable): boolean;
  /** Gives back memory held outside the collector. The store is not used afterwards. */
  release?(): void;
}
