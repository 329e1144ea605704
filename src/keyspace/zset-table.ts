// The compact store of a sorted set: an element table with an order beside it. A member's value is its score as eight
// bytes; its place in the order follows the record. A member whose cell is not simple (concurrent ZADDs, ZINCRBY rows)
// stands in the order through a stand-in record that holds the member and its resolved score and nothing else.
//
// Score = the base with the highest stamp, plus the live rows (design.md section 4): a member that was removed while
// another replica incremented it comes back with that increment alone.

import { type Bytes, fromLatin1 } from "../base/bytes.js";
import { type Cell, isLive, isVisible, rowSum, winner } from "../lattice/cell.js";
import { add } from "../lattice/decimal.js";
import { decimalOfDouble, doubleOfDecimal } from "../lattice/double.js";
import { type Ref, slabOf, wordOf } from "./arena.js";
import { ElementTable } from "./element-table.js";
import type { Keyspace } from "./keyspace.js";
import { OrderIndex } from "./order-index.js";
import * as record from "./record.js";

const scratch = new DataView(new ArrayBuffer(8));
/** A score as the value of a member's record. Valid until the next call. */
const scratchBytes = new Uint8Array(scratch.buffer);

export function scoreBytes(score: number): Bytes {
  scratch.setFloat64(0, score, true);
  return scratchBytes;
}

export function scoreOfBytes(bytes: Uint8Array, start = 0): number {
  for (let i = 0; i < 8; i++) scratchBytes[i] = bytes[start + i]!;
  return scratch.getFloat64(0, true);
}

/** What a reader sees as the score of a member. */
export function resolveScore(keyspace: Keyspace, cell: Readonly<Cell>): number {
  const base = winner(cell, keyspace.replicas);
  const start = base === undefined ? 0 : scoreOfBytes(base.value);
  if (!cell.rows.some(isLive) || !Number.isFinite(start)) return start;
  return doubleOfDecimal(add(decimalOfDouble(start), rowSum(cell)));
}

export class ZsetTable extends ElementTable {
  readonly order: OrderIndex;
  readonly #standIns = new Map<string, Ref>();

  constructor(keyspace: Keyspace) {
    super(keyspace);
    this.order = new OrderIndex(keyspace.arena);
  }

  /** The score in a member's record, or in its stand-in. */
  scoreOf(ref: Ref): number {
    const { arena } = this.keyspace;
    const at = record.keyStartOf(arena, ref) + record.keyLengthOf(arena, ref);
    return scoreOfBytes(arena.bytes[slabOf(ref)]!, at);
  }

  /** The record that stands for a visible member in the order, or 0. */
  memberRef(hash: number, bytes: Uint8Array, start: number, length: number): Ref {
    const ref = this.index.find(hash, bytes, start, length);
    if (ref !== 0 || this.#standIns.size === 0) return ref;
    const member = Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString("latin1");
    return this.#standIns.get(member) ?? 0;
  }

  protected override noteAdded(ref: Ref): void {
    this.order.add(this.scoreOf(ref), ref);
  }

  protected override noteRemoved(ref: Ref): void {
    this.order.remove(this.scoreOf(ref), ref);
  }

  protected override noteMoved(from: Ref, to: Ref): void {
    this.order.moved(this.scoreOf(to), from, to);
  }

  override moved(from: Ref, to: Ref): void {
    if ((record.flagsOf(this.keyspace.arena, to) & record.standInFlag) === 0) {
      super.moved(from, to);
      return;
    }
    this.order.moved(this.scoreOf(to), from, to);
    this.#standIns.set(Buffer.from(this.elementOf(to)).toString("latin1"), to);
  }

  protected override noteComplexAdded(element: string, cell: Readonly<Cell>): void {
    if (!isVisible(cell)) return;
    const { arena } = this.keyspace;
    const bytes = fromLatin1(element);
    const flags = record.standInFlag;
    const ref = arena.allocate(record.unitsFor(record.elementKind, flags, bytes.length, 8));
    const words = arena.words[slabOf(ref)]!;
    words[wordOf(ref) + 1] = bytes.length;
    words[wordOf(ref) + 2] = 8;
    words[wordOf(ref) + 3] = this.number;
    record.setHeader(arena, ref, record.elementKind, flags, 0, 0);
    const at = record.keyStartOf(arena, ref);
    const slab = arena.bytes[slabOf(ref)]!;
    record.copyBytes(slab, at, bytes, 0, bytes.length);
    const score = resolveScore(this.keyspace, cell);
    record.copyBytes(slab, at + bytes.length, scoreBytes(score), 0, 8);
    this.#standIns.set(element, ref);
    this.order.add(score, ref);
  }

  protected override noteComplexRemoved(element: string): void {
    const ref = this.#standIns.get(element);
    if (ref === undefined) return;
    this.order.remove(this.scoreOf(ref), ref);
    this.#standIns.delete(element);
    this.keyspace.arena.free(ref, record.unitsOf(this.keyspace.arena, ref));
  }

  override get liveUnits(): number {
    const { arena } = this.keyspace;
    let units = super.liveUnits;
    for (const ref of this.#standIns.values()) units += arena.sizeOf(record.unitsOf(arena, ref));
    return units;
  }

  override verify(replicas: Parameters<ElementTable["verify"]>[0]): boolean {
    this.order.verifyInvariants();
    return super.verify(replicas) && this.order.count === this.visibleCount;
  }

  override release(): void {
    const { arena } = this.keyspace;
    for (const ref of this.#standIns.values()) arena.free(ref, record.unitsOf(arena, ref));
    super.release();
  }
}
