// Makes lattices out of cells: a type says how an operation changes a cell (or a map of them) in
// place and how it is read; joining, net deltas and bytes are the same for all.

import {
  type ByteReader,
  type ByteWriter,
  compareText,
  fromLatin1,
  latin1,
  MalformedBytes,
} from "../base/bytes.js";
import type { ReplicaTable } from "../clock/replica-table.js";
import {
  type Cell,
  cloneCell,
  decodeCell,
  emptyCell,
  encodeCell,
  equalCells,
  joinCell,
  type ReplicaCodec,
  sortCell,
} from "./cell.js";
import {
  applyCellDelta,
  type CellDelta,
  decodeCellDelta,
  differenceOfCells,
  encodeCellDelta,
  isEmptyDelta,
} from "./cell-delta.js";
import { CellMap } from "./cell-map.js";
import type { Lattice, Write } from "./lattice.js";

/** What a type that is one cell must say for itself. */
export interface CellType<Operation, Value> {
  readonly name: string;
  readonly tag: number;
  edit(cell: Cell, operation: Operation, write: Write): void;
  query(cell: Cell, replicas: ReplicaTable): Value;
}

export function cellLattice<Operation, Value>(
  type: CellType<Operation, Value>,
): Lattice<Cell, CellDelta, Operation, Value> {
  return {
    name: type.name,
    tag: type.tag,
    bottom: emptyCell,
    clone: cloneCell,
    mutate(state, operations, write) {
      const after = cloneCell(state);
      for (const operation of operations) type.edit(after, operation, write);
      return differenceOfCells(state, after);
    },
    apply(state, seen, delta) {
      applyCellDelta(state, seen, delta);
      return state;
    },
    join(state, seen, other, otherSeen) {
      joinCell(state, seen, other, otherSeen);
      return state;
    },
    query: type.query,
    equals: equalCells,
    encode(writer, state, codec, replicas) {
      sortCell(state, replicas);
      encodeCell(writer, state, codec);
    },
    decode: decodeCell,
    encodeDelta: encodeCellDelta,
    decodeDelta: decodeCellDelta,
  };
}

/** What a type that is a map of cells must say for itself. */
export interface CellMapType<Operation, Value> {
  readonly name: string;
  readonly tag: number;
  edit(map: CellMap, operation: Operation, write: Write): void;
  query(map: CellMap, replicas: ReplicaTable): Value;
}

/** What a batch did to a map, by element. */
export type CellMapDelta = ReadonlyMap<string, CellDelta>;

export function cellMapLattice<Operation, Value>(
  type: CellMapType<Operation, Value>,
): Lattice<CellMap, CellMapDelta, Operation, Value> {
  return {
    name: type.name,
    tag: type.tag,
    bottom: () => new CellMap(),
    clone: (state) => state.clone(),
    mutate(state, operations, write) {
      const after = state.clone();
      for (const operation of operations) type.edit(after, operation, write);
      return differenceOfMaps(state, after);
    },
    apply(state, seen, delta) {
      for (const [element, change] of delta) state.apply(element, seen, change);
      return state;
    },
    join(state, seen, other, otherSeen) {
      state.join(seen, other, otherSeen);
      return state;
    },
    query: type.query,
    equals: (a, b, replicas) => a.equals(b, replicas),
    encode: (writer, state, codec, replicas) => state.encode(writer, codec, replicas),
    decode: CellMap.decode,
    encodeDelta: encodeMapDelta,
    decodeDelta: decodeMapDelta,
  };
}

function differenceOfMaps(before: CellMap, after: CellMap): CellMapDelta {
  const delta = new Map<string, CellDelta>();
  for (const element of new Set([...before.sortedElements(), ...after.sortedElements()])) {
    const change = differenceOfCells(
      before.get(element) ?? emptyCell(),
      after.get(element) ?? emptyCell(),
    );
    if (!isEmptyDelta(change)) delta.set(element, change);
  }
  return delta;
}

function encodeMapDelta(
  writer: ByteWriter,
  delta: CellMapDelta,
  codec: ReplicaCodec,
  replicas: ReplicaTable,
): void {
  writer.varint(delta.size);
  for (const element of [...delta.keys()].sort(compareText)) {
    writer.bytes(fromLatin1(element));
    encodeCellDelta(writer, delta.get(element)!, codec, replicas);
  }
}

function decodeMapDelta(reader: ByteReader, codec: ReplicaCodec): CellMapDelta {
  const delta = new Map<string, CellDelta>();
  for (let count = reader.count(4); count > 0; count--) {
    const element = latin1(reader.bytes());
    if (delta.has(element)) throw new MalformedBytes("an element twice in one delta");
    delta.set(element, decodeCellDelta(reader, codec));
  }
  return delta;
}
