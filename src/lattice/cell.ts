// The cell: the one lattice that every Redis type is made of. A shard maps (database, key, slot,
// element) to cells; a string is one cell, a set member, a hash field, a list element and a
// deadline are each a cell.
//
// A cell asks of every entry the question that add-wins sets ask: present there and absent here, is
// it not yet seen or removed? The answer is the causal context beside the state: absent and covered
// means removed, absent and not covered means not yet seen (Almeida, Shoker, Baquero: delta-state
// CRDTs; no tombstones).
//
// Two kinds of entries live in a cell (merge-rules.md):
//  - siblings: values that no write has yet seen together; reading resolves them (rule 9);
//  - rows: what one incarnation has added to a counter since the row's birth, `hi`, and how much of
//    it resets have seen, `lo` (rules 6 to 8). A text sibling hides the rows; that is a matter of
//    reading, not of joining.
// Every entry carries `born`, the birth stamp of its slot (rule 10).
//
// Left out: what a cell *means*. Readers of each type resolve siblings (highest stamp, highest
// deadline, union of HyperLogLog registers) in their own file. Cells are mutable and owned by one
// keyspace.

import {
  type ByteReader,
  type Bytes,
  type ByteWriter,
  equalBytes,
  MalformedBytes,
} from "../base/bytes.js";
import type { ReplicaTable } from "../clock/replica-table.js";
import { decodeTime, type ReplicaIndex, type Stamp, type Time } from "../clock/stamp.js";
import type { Seen } from "../clock/version-vector.js";
import {
  add,
  type Decimal,
  digitsMax,
  equalDecimals,
  isCanonical,
  subtract,
  zero,
} from "./decimal.js";

export interface Sibling {
  readonly time: Time;
  readonly replica: ReplicaIndex;
  readonly bornTime: Time;
  readonly bornReplica: ReplicaIndex;
  readonly value: Bytes;
}

/**
 * Owned by `replica`: only it extends `hi`. Others raise `lo` when they reset what they have seen.
 */
export interface Row {
  readonly replica: ReplicaIndex;
  readonly birth: Time;
  readonly bornTime: Time;
  readonly bornReplica: ReplicaIndex;
  hiTime: Time;
  hi: Decimal;
  loTime: Time;
  lo: Decimal;
}

/** Both lists are replaced by new ones, never changed in place, except in their order. */
export interface Cell {
  siblings: Sibling[];
  rows: Row[];
}

/** Most cells have no rows and many no siblings: they share one list, which nobody can change. */
const noSiblings: Sibling[] = [];
const noRows: Row[] = [];
Object.freeze(noSiblings);
Object.freeze(noRows);

/** A list of exactly its items: pushing onto an empty one would reserve room for seventeen. */
const exactly = <T>(items: T[], none: T[]): T[] => (items.length === 0 ? none : items.slice());

export const emptyCell = (): Cell => ({ siblings: noSiblings, rows: noRows });

/** Nothing is stored, not even a dead row: the cell may be forgotten. */
export const isBlank = (cell: Cell): boolean =>
  cell.siblings.length === 0 && cell.rows.length === 0;

/** Whether increments since the last reset are part of the row. */
export const isLive = (row: Row): boolean => row.hiTime > row.loTime;

/** Visible: some value has not been removed, or some increment not been reset. */
export const isVisible = (cell: Cell): boolean =>
  cell.siblings.length > 0 || cell.rows.some(isLive);

/** The sibling with the highest stamp: last writer wins, as a way of reading. */
export function winner(cell: Cell, replicas: ReplicaTable): Sibling | undefined {
  let best: Sibling | undefined;
  for (const sibling of cell.siblings) {
    if (best === undefined || replicas.compareStamps(sibling, best) > 0) best = sibling;
  }
  return best;
}

/** What the live rows add to the base: the sum of `hi - lo`. */
export function rowSum(cell: Cell): Decimal {
  let sum = zero;
  for (const row of cell.rows) if (isLive(row)) sum = add(sum, subtract(row.hi, row.lo));
  return sum;
}

/**
 * The birth of the cell's slot as this cell shows it: the highest `born` of its live entries (rule
 * 10).
 */
export function bornOf(cell: Cell, replicas: ReplicaTable): Stamp | undefined {
  let time = 0;
  let replica = 0;
  let found = false;
  const consider = (bornTime: Time, bornReplica: ReplicaIndex): void => {
    if (found && replicas.compare(bornTime, bornReplica, time, replica) <= 0) return;
    time = bornTime;
    replica = bornReplica;
    found = true;
  };
  for (const sibling of cell.siblings) consider(sibling.bornTime, sibling.bornReplica);
  for (const row of cell.rows) if (isLive(row)) consider(row.bornTime, row.bornReplica);
  return found ? { time, replica } : undefined;
}

/**
 * Removes everything seen: siblings go, one's own rows go, the others' rows are reset to what was
 * seen of them (`lo := hi`), because only their owner may take them away (rule 7).
 */
export function clearCell(cell: Cell, self: ReplicaIndex): void {
  cell.siblings = noSiblings;
  if (cell.rows.length === 0) return;
  cell.rows = exactly(othersRows(cell, self), noRows);
  for (const row of cell.rows) {
    row.loTime = row.hiTime;
    row.lo = row.hi;
  }
}

const othersRows = (cell: Cell, self: ReplicaIndex): Row[] =>
  cell.rows.filter((row) => row.replica !== self);

/** Writes a value over everything seen. `born` is the slot's birth: the stamp itself for SET. */
export function assignCell(cell: Cell, stamp: Stamp, born: Stamp, value: Bytes): void {
  clearCell(cell, stamp.replica);
  const { time, replica } = stamp;
  cell.siblings = [{ time, replica, bornTime: born.time, bornReplica: born.replica, value }];
}

/**
 * Adds to one's own row. A dead row of one's own is replaced by a new birth, never extended:
 * somebody may have pruned it and an old maximum would swallow the increment (rule 7).
 */
export function incrementCell(cell: Cell, stamp: Stamp, born: Stamp, by: Decimal): void {
  const own = cell.rows.find((row) => row.replica === stamp.replica && isLive(row));
  if (own !== undefined) {
    own.hiTime = stamp.time;
    own.hi = add(own.hi, by);
    return;
  }
  const row: Row = {
    replica: stamp.replica,
    birth: stamp.time,
    bornTime: born.time,
    bornReplica: born.replica,
    hiTime: stamp.time,
    hi: by,
    loTime: 0,
    lo: zero,
  };
  cell.rows = cell.rows.length === 0 ? [row] : othersRows(cell, stamp.replica).concat(row);
}

/**
 * Joins `other` into `cell`, in place. `seen` is what this side has seen, `otherSeen` what the
 * other has: two contexts for states, or the removal list of a delta (`RemovedStamps`) for a
 * delta's fragment. `other` is not changed, and no row of it is shared.
 */
// Spec: Lattice.DrawCell.
export function joinCell(cell: Cell, seen: Seen, other: Cell, otherSeen: Seen): void {
  if (cell.siblings.length > 0 || other.siblings.length > 0) {
    cell.siblings = joinSiblings(cell.siblings, seen, other.siblings, otherSeen);
  }
  if (cell.rows.length > 0 || other.rows.length > 0) {
    cell.rows = joinRows(cell.rows, seen, other.rows, otherSeen);
  }
}

function joinSiblings(
  ours: readonly Sibling[],
  seen: Seen,
  theirs: readonly Sibling[],
  otherSeen: Seen,
): Sibling[] {
  const isIn = (list: readonly Sibling[], wanted: Sibling): boolean =>
    list.some((sibling) => sibling.time === wanted.time && sibling.replica === wanted.replica);
  const joined = ours.filter(
    (sibling) => isIn(theirs, sibling) || !otherSeen.covers(sibling.time, sibling.replica),
  );
  for (const sibling of theirs) {
    if (!isIn(ours, sibling) && !seen.covers(sibling.time, sibling.replica)) joined.push(sibling);
  }
  return exactly(joined, noSiblings);
}

function joinRows(ours: Row[], seen: Seen, theirs: readonly Row[], otherSeen: Seen): Row[] {
  const find = (list: readonly Row[], wanted: Row): Row | undefined =>
    list.find((row) => row.replica === wanted.replica && row.birth === wanted.birth);
  const joined: Row[] = [];
  for (const row of ours) {
    const twin = find(theirs, row);
    if (twin !== undefined) raiseRow(row, twin);
    else if (otherSeen.covers(row.hiTime, row.replica)) continue;
    joined.push(row);
  }
  for (const row of theirs) {
    if (find(ours, row) === undefined && !seen.covers(row.hiTime, row.replica))
      joined.push({ ...row });
  }
  return exactly(joined, noRows);
}

/** `hi` and `lo` each join by the higher stamp (rule 6). */
function raiseRow(row: Row, twin: Row): void {
  if (twin.hiTime > row.hiTime) {
    row.hiTime = twin.hiTime;
    row.hi = twin.hi;
  }
  if (twin.loTime > row.loTime) {
    row.loTime = twin.loTime;
    row.lo = twin.lo;
  }
}

/** The stamps that a delta removes from one cell: the `Seen` of its fragment. */
export class RemovedStamps implements Seen {
  readonly #stamps: readonly Stamp[];

  constructor(stamps: readonly Stamp[]) {
    this.#stamps = stamps;
  }

  covers(time: Time, replica: ReplicaIndex): boolean {
    return this.#stamps.some((stamp) => stamp.time === time && stamp.replica === replica);
  }
}

export const cloneCell = (cell: Cell): Cell => ({
  siblings: exactly(cell.siblings, noSiblings),
  rows: cell.rows.length === 0 ? noRows : cell.rows.map((row) => ({ ...row })),
});

/** Entries in canonical order, so that equal cells have equal bytes on every node. */
export function sortCell(cell: Cell, replicas: ReplicaTable): void {
  const { siblings, rows } = cell;
  if (siblings.length > 1) siblings.sort((a, b) => replicas.compareStamps(a, b));
  if (rows.length > 1)
    rows.sort((a, b) => replicas.compare(a.birth, a.replica, b.birth, b.replica));
}

export function equalCells(a: Cell, b: Cell, replicas: ReplicaTable): boolean {
  if (a.siblings.length !== b.siblings.length || a.rows.length !== b.rows.length) return false;
  sortCell(a, replicas);
  sortCell(b, replicas);
  return (
    a.siblings.every((sibling, i) => {
      const twin = b.siblings[i]!;
      return (
        sibling.time === twin.time &&
        sibling.replica === twin.replica &&
        sibling.bornTime === twin.bornTime &&
        sibling.bornReplica === twin.bornReplica &&
        equalBytes(sibling.value, twin.value)
      );
    }) && a.rows.every((row, i) => equalRows(row, b.rows[i]!))
  );
}

const equalRows = (a: Row, b: Row): boolean =>
  a.replica === b.replica &&
  a.birth === b.birth &&
  a.bornTime === b.bornTime &&
  a.bornReplica === b.bornReplica &&
  a.hiTime === b.hiTime &&
  a.loTime === b.loTime &&
  equalDecimals(a.hi, b.hi) &&
  equalDecimals(a.lo, b.lo);

/**
 * How replica indices are written: as positions in a dictionary of names that travels with the
 * bytes, or (for digests) as the names themselves.
 */
export interface ReplicaCodec {
  write(writer: ByteWriter, replica: ReplicaIndex): void;
  read(reader: ByteReader): ReplicaIndex;
}

/** Canonical once the caller has sorted the cell (`sortCell`). */
export function encodeCell(writer: ByteWriter, cell: Cell, codec: ReplicaCodec): void {
  writer.varint(cell.siblings.length);
  for (const sibling of cell.siblings) {
    writer.f64(sibling.time);
    codec.write(writer, sibling.replica);
    // Most entries were born by their own write: one byte instead of a second stamp.
    const own = sibling.bornTime === sibling.time && sibling.bornReplica === sibling.replica;
    writer.u8(own ? 1 : 0);
    if (!own) {
      writer.f64(sibling.bornTime);
      codec.write(writer, sibling.bornReplica);
    }
    writer.bytes(sibling.value);
  }
  writer.varint(cell.rows.length);
  for (const row of cell.rows) {
    codec.write(writer, row.replica);
    writer.f64(row.birth).f64(row.bornTime);
    codec.write(writer, row.bornReplica);
    writer.f64(row.hiTime);
    encodeDecimal(writer, row.hi);
    writer.f64(row.loTime);
    encodeDecimal(writer, row.lo);
  }
}

/** Two replicas of one byte, four times, two decimals of three bytes. */
const rowBytesMin = 40;

/**
 * Refuses whatever no write can have produced, so that hostile bytes cannot plant a state that the
 * laws do not cover: a time that is no stamp, an entry older than its birth, an entry twice, a
 * number in a second spelling.
 * @throws MalformedBytes
 */
export function decodeCell(reader: ByteReader, codec: ReplicaCodec): Cell {
  const siblings: Sibling[] = [];
  for (let count = reader.count(11); count > 0; count--)
    siblings.push(decodeSibling(reader, codec));
  const rows: Row[] = [];
  for (let count = reader.count(rowBytesMin); count > 0; count--)
    rows.push(decodeRow(reader, codec));
  refuseTwins(siblings);
  refuseTwins(rows);
  return { siblings: exactly(siblings, noSiblings), rows: exactly(rows, noRows) };
}

function decodeSibling(reader: ByteReader, codec: ReplicaCodec): Sibling {
  const time = decodeTime(reader);
  const replica = codec.read(reader);
  const flag = reader.u8();
  if (flag > 1) throw new MalformedBytes(`${flag} is no birth flag`);
  const bornTime = flag === 1 ? time : decodeTime(reader);
  const bornReplica = flag === 1 ? replica : codec.read(reader);
  const isOwnBirth = bornTime === time && bornReplica === replica;
  if (time === 0 || bornTime === 0 || bornTime > time || (flag === 0 && isOwnBirth))
    throw new MalformedBytes("a value with impossible stamps");
  return { time, replica, bornTime, bornReplica, value: reader.bytes().slice() };
}

function decodeRow(reader: ByteReader, codec: ReplicaCodec): Row {
  const replica = codec.read(reader);
  const birth = decodeTime(reader);
  const bornTime = decodeTime(reader);
  const bornReplica = codec.read(reader);
  const hiTime = decodeTime(reader);
  const hi = decodeDecimal(reader);
  const loTime = decodeTime(reader);
  const lo = decodeDecimal(reader);
  const isReset = loTime > 0;
  if (birth === 0 || bornTime === 0 || bornTime > birth || hiTime < birth || loTime > hiTime)
    throw new MalformedBytes("a row with impossible stamps");
  if (isReset ? loTime < birth : lo.units !== 0n)
    throw new MalformedBytes("a row reset before its birth");
  if (loTime === hiTime && !equalDecimals(hi, lo))
    throw new MalformedBytes("a row with two sums for one stamp");
  return { replica, birth, bornTime, bornReplica, hiTime, hi, loTime, lo };
}

/**
 * A replica's next write has seen its last one, so it never has two siblings, nor two rows, in one
 * cell.
 */
function refuseTwins(entries: readonly { readonly replica: ReplicaIndex }[]): void {
  if (new Set(entries.map((entry) => entry.replica)).size < entries.length)
    throw new MalformedBytes("two entries of one replica in one cell");
}

function encodeDecimal(writer: ByteWriter, value: Decimal): void {
  writer.varint(value.scale).text(value.units.toString());
}

function decodeDecimal(reader: ByteReader): Decimal {
  const scale = reader.varint();
  const text = reader.text();
  if (text.length > digitsMax + 1 || !/^(0|-?[1-9]\d*)$/.test(text))
    throw new MalformedBytes("not a decimal number");
  const value = { units: BigInt(text), scale };
  if (!isCanonical(value)) throw new MalformedBytes("a decimal number in a second spelling");
  return value;
}
