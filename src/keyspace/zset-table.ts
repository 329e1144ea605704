// The compact store of a sorted set: an element table with an order beside it. A member's value is
// its score as eight bytes; its place in the order follows the record. A member whose cell is not
// simple (concurrent ZADDs, ZINCRBY rows) stands in the order through a stand-in record that holds
// the member and its resolved score and nothing else.
//
// Score = the base with the highest stamp, plus the live rows (design.md section 4): a member that
// was removed while another replica incremented it comes back with that increment alone.

import { copyBytes, fromLatin1, latin1 } from "../base/bytes.js";
import type { ReplicaIndex } from "../clock/stamp.js";
import { type Cell, isLive, isVisible, rowSum, winner } from "../lattice/cell.js";
import { add, type Decimal } from "../lattice/decimal.js";
import { decimalOfDouble, doubleOfDecimal } from "../lattice/double.js";
import { type Ref, slabOf, wordOf } from "./arena.js";
import { ElementTable } from "./element-table.js";
import { hashBytes } from "./hash.js";
import type { Keyspace } from "./keyspace.js";
import { OrderIndex } from "./order-index.js";
import * as record from "./record.js";
import { putScore, scoreIn, scoreLength, scoreOfBytes } from "./zset-score.js";
import type { ZsetView } from "./zset-view.js";

/** What a reader sees as the score of a member. */
export function resolveScore(keyspace: Keyspace, cell: Readonly<Cell>): number {
  const base = winner(cell, keyspace.replicas);
  const start = base?.value.length === scoreLength ? scoreOfBytes(base.value) : 0;
  if (!cell.rows.some(isLive) || !Number.isFinite(start)) return start;
  return doubleOfDecimal(exactScore(start, cell));
}

/** The sum before it is rounded to a double; the base must be finite. */
export const exactScore = (base: number, cell: Readonly<Cell>): Decimal =>
  add(decimalOfDouble(base), rowSum(cell));

const runMax = 64;

/** Members that `copyRun` copied: their records and scores. */
export const run = {
  refs: new Int32Array(runMax),
  scores: new Float64Array(runMax),
  /** Keeps the loads that `copyRun` makes ahead of time from being left out. */
  touched: 0,
};

/** Longer members do not go the fast ways. */
export const plainLengthMax = 16 * 1024;

export class ZsetTable extends ElementTable implements ZsetView {
  readonly order: OrderIndex;
  readonly #standIns = new Map<string, Ref>();
  /** The order has let go already of what is being removed. */
  #isOrderAhead = false;
  /**
   * The record that the view stands at, its score, and the hash of the member that `seekMember`
   * looked for.
   */
  ref: Ref = 0;
  score = 0;
  foundHash = 0;

  constructor(keyspace: Keyspace) {
    super(keyspace);
    this.order = new OrderIndex(keyspace.arena);
  }

  /** The score in a member's record, or in its stand-in. */
  scoreOf(ref: Ref): number {
    const { arena, externals } = this.keyspace;
    // No write makes a value of another length; one that came from elsewhere counts as 0.
    if (record.valueLengthOf(arena, ref) !== scoreLength) return 0;
    // Beside a very long member even a score lies elsewhere.
    if ((record.flagsOf(arena, ref) & record.externalFlag) !== 0) {
      return scoreOfBytes(externals.get(record.externalPlaceOf(arena, ref)));
    }
    const at = record.keyStartOf(arena, ref) + record.keyLengthOf(arena, ref);
    return scoreIn(arena.data[slabOf(ref)]!, at);
  }

  // ---- as commands read it

  get bytes(): Uint8Array {
    return this.keyspace.arena.bytes[slabOf(this.ref)]!;
  }

  get words(): DataView {
    return this.keyspace.arena.data[slabOf(this.ref)]!;
  }

  get start(): number {
    return record.keyStartOf(this.keyspace.arena, this.ref);
  }

  get length(): number {
    return record.keyLengthOf(this.keyspace.arena, this.ref);
  }

  get rank(): number {
    return this.order.rankOf(this.score, this.ref);
  }

  /** Whether the view stands at a member that is kept as a cell. */
  get isStandIn(): boolean {
    return (record.flagsOf(this.keyspace.arena, this.ref) & record.standInFlag) !== 0;
  }

  seekMember(bytes: Uint8Array, start: number, length: number): boolean {
    this.foundHash = hashBytes(bytes, start, length);
    this.ref = this.index.find(this.foundHash, bytes, start, length);
    if (this.ref === 0 && this.#standIns.size > 0) {
      this.ref = this.#standIns.get(latin1(bytes, start, start + length)) ?? 0;
    }
    if (this.ref === 0) return false;
    this.score = this.scoreOf(this.ref);
    return true;
  }

  seek(rank: number): void {
    this.order.seek(rank);
    this.ref = this.order.ref;
    this.score = this.order.score;
  }

  step(isReverse: boolean): void {
    this.order.step(isReverse);
    if (!this.order.isInside) return;
    this.ref = this.order.ref;
    this.score = this.order.score;
  }

  /**
   * Copies up to `runMax` members from a rank on into `run`; answers how many. Their records are
   * asked for at once, so that the cache misses overlap.
   */
  copyRun(rank: number, count: number, isReverse: boolean): number {
    const copied = Math.min(count, runMax);
    this.order.copy(rank, copied, isReverse, run.refs, run.scores);
    const { words } = this.keyspace.arena;
    let touched = 0;
    for (let i = 0; i < copied; i++) {
      const ref = run.refs[i]!;
      touched |= words[slabOf(ref)]![wordOf(ref) + 1]!;
    }
    run.touched = touched;
    return copied;
  }

  rankOfScore(score: number, isExclusive: boolean): number {
    return this.order.rankOfScore(score, isExclusive);
  }

  rankOfPair(
    score: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    isExclusive: boolean,
  ): number {
    return this.order.rankOfPair(score, bytes, start, length, isExclusive);
  }

  rankOfMember(bytes: Uint8Array, start: number, length: number, isExclusive: boolean): number {
    return this.order.rankOfMember(bytes, start, length, isExclusive);
  }

  // ---- writing simple members

  /**
   * Whether a member may be written as a record: no cell stands behind it, and it is not too long.
   */
  isPlain(member: string): boolean {
    return member.length <= plainLengthMax && this.complexCell(member) === undefined;
  }

  /**
   * Gives the simple member that the view stands at another score, as part of the open batch. It
   * must have the birth that the table's new members get.
   */
  rescore(score: number): void {
    const { keyspace, ref } = this;
    const { arena } = keyspace;
    this.order.rescore(this.score, score, ref);
    const at = record.keyStartOf(arena, ref) + record.keyLengthOf(arena, ref);
    putScore(arena.data[slabOf(ref)]!, at, score);
    const flags = record.flagsOf(arena, ref);
    record.setHeader(arena, ref, record.elementKind, flags, keyspace.self, keyspace.batchTime);
    this.score = score;
  }

  /** Removes the simple member that the view stands at. */
  removeHere(): void {
    this.order.remove(this.score, this.ref);
    this.#isOrderAhead = true;
    this.delete(this.keyspace.hashOf(this.ref), this.ref);
    this.#isOrderAhead = false;
  }

  /**
   * Removes members from a rank on, all of them simple; `each` hears of every record before it
   * goes.
   */
  removeRange(rank: number, count: number, each: (ref: Ref) => void): void {
    const refs = new Int32Array(count);
    this.order.copy(rank, count, false, refs, new Float64Array(count));
    this.order.removeRange(rank, count);
    this.#isOrderAhead = true;
    for (const ref of refs) {
      each(ref);
      this.delete(this.keyspace.hashOf(ref), ref);
    }
    this.#isOrderAhead = false;
  }

  override clearAll(self: ReplicaIndex): void {
    this.order.clear();
    this.#isOrderAhead = true;
    super.clearAll(self);
    this.#isOrderAhead = false;
  }

  // ---- the order follows the elements

  protected override noteAdded(ref: Ref): void {
    this.order.add(this.scoreOf(ref), ref);
  }

  protected override noteRemoved(ref: Ref): void {
    if (!this.#isOrderAhead) this.order.remove(this.scoreOf(ref), ref);
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
    this.#standIns.set(latin1(this.elementOf(to)), to);
  }

  protected override noteComplexAdded(element: string, cell: Readonly<Cell>): void {
    if (!isVisible(cell)) return;
    const { arena } = this.keyspace;
    const bytes = fromLatin1(element);
    const flags = record.standInFlag;
    const ref = arena.allocate(
      record.unitsFor(record.elementKind, flags, bytes.length, scoreLength),
    );
    const words = arena.words[slabOf(ref)]!;
    words[wordOf(ref) + 1] = bytes.length;
    words[wordOf(ref) + 2] = scoreLength;
    words[wordOf(ref) + 3] = this.number;
    record.setHeader(arena, ref, record.elementKind, flags, 0, 0);
    const at = record.keyStartOf(arena, ref);
    const slab = arena.bytes[slabOf(ref)]!;
    copyBytes(slab, at, bytes, 0, bytes.length);
    const score = resolveScore(this.keyspace, cell);
    putScore(arena.data[slabOf(ref)]!, at + bytes.length, score);
    this.#standIns.set(element, ref);
    this.order.add(score, ref);
  }

  protected override noteComplexRemoved(element: string): void {
    const ref = this.#standIns.get(element);
    if (ref === undefined) return;
    if (!this.#isOrderAhead) this.order.remove(this.scoreOf(ref), ref);
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
