// The marks of a batch (capture.ts): keys that were absent, a plain text or an own counter before
// the batch's first write to them. A mark is the key's bytes, some integers and a time.
//
// At the close `encode` writes the short forms of batch-body.ts for a key that is again a plain
// text, gone, or the same counter. It declines everything else.

import { type Bytes, ByteWriter, copyBytes, writeVarint } from "../base/bytes.js";
import { copyWords, knownWordsOf, wordCopyMax, wordCopyMin } from "../base/words.js";
import type { ReplicaIndex, Time } from "../clock/stamp.js";
import { type Cell, emptyCell } from "../lattice/cell.js";
import { zero } from "../lattice/decimal.js";
import { KeyEntry, onlyElement, slots } from "../lattice/key-entry.js";
import { type Arena, type Ref, slabOf, wordOf } from "./arena.js";
import { bodyOps, type NameTable } from "./batch-body.js";
import type { Database } from "./database.js";
import { hashBytes } from "./hash.js";
import type { Keyspace } from "./keyspace.js";
import * as record from "./record.js";
import { shardOfSlot, slotOfKey } from "./slot.js";
import { viewText } from "./text-view.js";

/** Before: nothing, a text, or an own counter. */
const befores = { absent: 0, text: 1, counter: 2 } as const;
/** In one integer: the database, above it what was before, above that the replica. */
const beforeShift = 8;
const replicaShift = 16;

/**
 * A mark is half a line of the cache, in integers: where its key starts, the key's length, database
 * and before and replica, the record, how many blocks of the arena had been freed, at the close the
 * shard, and in the place of two of them ...
 */
const intsEach = 8;
/** ... the time of the stamp. */
const timesEach = 4;
const firstTime = 3;
/** Behind the key of a counter: the times of its birth and of its base, and the base's replica. */
const counterBytes = 24;
/** What stands before key and text of an operation. */
const headBytesMax = 40;
/** Records that are loaded into the processor's cache together, before they are read. */
const prefetchCount = 32;
/** Arrays are given back to the system when a batch has made them larger than so many marks. */
const keptCount = 64 * 1024;
const firstCount = 256;

const deadlineBit = record.deadlineFlag << 8;
const baseBit = record.baseFlag << 8;

export class Marks {
  count = 0;
  /** What prefetching read, so that nobody may leave it out. */
  touched = 0;
  readonly #refs = new Int32Array(prefetchCount);
  readonly #keys = new ByteWriter(4096);
  #ints = new Int32Array(intsEach * firstCount);
  /** The same memory. */
  #times = new Float64Array(this.#ints.buffer);
  #order = new Int32Array(firstCount);

  /** Whether a text or counter was written by the open batch, so that it has been marked. */
  isOfBatch(keyspace: Keyspace, ref: Ref): boolean {
    const slab = slabOf(ref);
    const at = wordOf(ref);
    const word = keyspace.arena.words[slab]![at]!;
    return (
      (word & 0xff) <= record.counterKind &&
      word >>> 16 === keyspace.self &&
      keyspace.arena.floats[slab]![(at >> 1) + 2]! === keyspace.openTime
    );
  }

  /** False when the key is of another kind than marks are for. */
  add(
    keyspace: Keyspace,
    db: Database,
    ref: Ref,
    bytes: Uint8Array,
    start: number,
    length: number,
  ): boolean {
    const { arena } = keyspace;
    let before: number = befores.absent;
    let word = 0;
    if (ref !== 0) {
      word = arena.words[slabOf(ref)]![wordOf(ref)]!;
      before = word & 0xff;
      if (before > befores.counter || (word & deadlineBit) !== 0) return false;
    }
    if (this.count * intsEach === this.#ints.length) this.#grow();
    const into = this.#addKey(bytes, start, length);
    const mark = this.count++;
    const ints = this.#ints;
    const first = mark * intsEach;
    ints[first] = into;
    ints[first + 1] = length;
    ints[first + 2] = db.index | (before << beforeShift) | ((word >>> 16) << replicaShift);
    ints[first + 3] = ref;
    ints[first + 4] = arena.freedCount;
    if (before === befores.absent) return true;
    const floats = arena.floats[slabOf(ref)]!;
    this.#times[mark * timesEach + firstTime] = floats[(wordOf(ref) >> 1) + 2]!;
    if (before !== befores.counter) return true;
    const origin = record.originAt(arena, ref);
    const hasBase = (word & baseBit) !== 0;
    const keys = this.#keys;
    const behind = keys.length;
    keys.room(counterBytes);
    keys.words.setFloat64(behind, floats[origin]!, true);
    keys.words.setFloat64(behind + 8, hasBase ? floats[origin + 1]! : 0, true);
    keys.words.setFloat64(behind + 16, hasBase ? floats[origin + 2]! : 0, true);
    keys.length = behind + counterBytes;
    return true;
  }

  /** Answers where the key's bytes begin. */
  #addKey(bytes: Uint8Array, start: number, length: number): number {
    const keys = this.#keys;
    const into = keys.length;
    const room = keys.room(length);
    const source = knownWordsOf(bytes);
    if (source === undefined || length < wordCopyMin || length > wordCopyMax)
      copyBytes(room, into, bytes, start, length);
    else copyWords(keys.words, into, source, start, length);
    keys.length = into + length;
    return into;
  }

  #grow(): void {
    const ints = new Int32Array(this.count * 2 * intsEach);
    ints.set(this.#ints);
    this.#setInts(ints);
  }

  #setInts(ints: Int32Array<ArrayBuffer>): void {
    this.#ints = ints;
    this.#times = new Float64Array(ints.buffer);
  }

  clear(): void {
    this.#keys.clear(keptCount * 32);
    this.count = 0;
    if (this.#ints.length <= keptCount * intsEach) return;
    this.#setInts(new Int32Array(intsEach * firstCount));
    this.#order = new Int32Array(firstCount);
  }

  databaseOf(mark: number): number {
    return this.#ints[mark * intsEach + 2]! & 0xff;
  }

  keyOf(mark: number): Bytes {
    const start = this.#ints[mark * intsEach]!;
    return this.#keys.view().slice(start, start + this.#ints[mark * intsEach + 1]!);
  }

  shardOf(mark: number): number {
    return this.#ints[mark * intsEach + 5]!;
  }

  /** The marks by shard, those of one shard in the order in which they were made. */
  byShard(shardCount: number): Int32Array {
    const { count } = this;
    const ints = this.#ints;
    if (this.#order.length < count) this.#order = new Int32Array(ints.length / intsEach);
    const order = this.#order;
    const keys = this.#keys.room(0);
    const starts = new Int32Array(shardCount + 1);
    for (let mark = 0, at = 0; mark < count; mark++, at += intsEach) {
      const start = ints[at]!;
      const shard = shardOfSlot(slotOfKey(keys, start, start + ints[at + 1]!), shardCount);
      ints[at + 5] = shard;
      starts[shard + 1]!++;
    }
    for (let shard = 0; shard < shardCount; shard++) starts[shard + 1]! += starts[shard]!;
    for (let mark = 0, at = 5; mark < count; mark++, at += intsEach)
      order[starts[ints[at]!]!++] = mark;
    return order;
  }

  /** How the key was before the batch, as far as a difference asks: its stamps, not its values. */
  beforeOf(keyspace: Keyspace, mark: number): KeyEntry | undefined {
    const before = this.#beforeAt(mark);
    if (before === befores.absent) return undefined;
    const cell = before === befores.text ? this.#textCell(mark) : this.#counterCell(mark);
    const entry = new KeyEntry(keyspace.newStore);
    entry.isTracked = false;
    entry.restore(slots.string, onlyElement, cell);
    return entry;
  }

  #textCell(mark: number): Cell {
    return { ...emptyCell(), siblings: [siblingOf(this.#timeOf(mark), this.#replicaOf(mark))] };
  }

  #counterCell(mark: number): Cell {
    const replica = this.#replicaOf(mark);
    const hiTime = this.#timeOf(mark);
    const [birth, baseTime, baseReplica] = [0, 1, 2].map((which) => this.#ofCounter(mark, which));
    const born = { bornTime: birth!, bornReplica: replica };
    const row = { replica, birth: birth!, hiTime, hi: zero, loTime: 0, lo: zero, ...born };
    return { siblings: baseTime === 0 ? [] : [siblingOf(baseTime!, baseReplica!)], rows: [row] };
  }

  #timeOf(mark: number): Time {
    return this.#times[mark * timesEach + firstTime]!;
  }

  #replicaOf(mark: number): ReplicaIndex {
    return this.#ints[mark * intsEach + 2]! >>> replicaShift;
  }

  #beforeAt(mark: number): number {
    return (this.#ints[mark * intsEach + 2]! >>> beforeShift) & 0xff;
  }

  /** What stands behind the key of a counter: birth, time of the base, its replica. */
  #ofCounter(mark: number, which: number): number {
    const at = mark * intsEach;
    const behind = this.#ints[at]! + this.#ints[at + 1]! + 8 * which;
    return this.#keys.words.getFloat64(behind, true);
  }

  /** Loads the records of some marks, so that reading them one by one does not wait for each. */
  #prefetch(arena: Arena, order: Int32Array, from: number): void {
    const count = Math.min(prefetchCount, this.count - from);
    const refs = this.#refs;
    for (let i = 0; i < count; i++) refs[i] = this.#ints[order[from + i]! * intsEach + 3]!;
    this.touched ^= arena.touchAll(refs, count);
  }

  /** The key's record now. Nothing was freed since the mark: then it is the one it was. */
  #refOf(keyspace: Keyspace, mark: number): Ref {
    const ints = this.#ints;
    const at = mark * intsEach;
    const ref = ints[at + 3]!;
    if (ref !== 0 && ints[at + 4] === keyspace.arena.freedCount) return ref;
    const keys = this.#keys.room(0);
    const db = keyspace.databases[ints[at + 2]! & 0xff]!;
    const start = ints[at]!;
    const length = ints[at + 1]!;
    return db.keys.find(hashBytes(keys, start, length), keys, start, length);
  }

  /** Writes the key's change in a short form; false when none holds it. */
  encode(
    writer: ByteWriter,
    names: NameTable,
    keyspace: Keyspace,
    mark: number,
    time: Time,
  ): boolean {
    const before = this.#beforeAt(mark);
    const ref = this.#refOf(keyspace, mark);
    if (ref === 0) {
      if (before === befores.counter) return false;
      if (before === befores.absent) return true;
      this.#putHead(writer, bodyOps.removed, mark);
      writer.varint(names.numberOf(this.#replicaOf(mark))).f64(this.#timeOf(mark));
      return true;
    }
    const { arena } = keyspace;
    const word = arena.words[slabOf(ref)]![wordOf(ref)]!;
    if ((word & deadlineBit) !== 0 || word >>> 16 !== keyspace.self) return false;
    if (record.timeOf(arena, ref) !== time) return false;
    const flags = (word >>> 8) & 0xff;
    const kind = word & 0xff;
    if (kind === record.counterKind) return this.#encodeRow(writer, names, keyspace, mark, ref);
    if (kind !== record.textKind || before === befores.counter) return false;
    if ((flags & record.bornFlag) !== 0) return false;
    this.#encodeText(writer, names, keyspace, mark, ref);
    return true;
  }

  /**
   * The commonest of all, a plain text of a length that is copied by words: writes the marks of one
   * shard from `from` on as far as they are such, and answers where they end. In one loop that asks
   * nobody, for at the close there are thousands of them.
   */
  encodeTexts(
    writer: ByteWriter,
    names: NameTable,
    { arena, self }: Keyspace,
    order: Int32Array,
    from: number,
    shard: number,
    time: Time,
  ): number {
    const ints = this.#ints;
    const { count } = this;
    const { freedCount } = arena;
    let bytes = writer.room(0);
    let words = writer.words;
    let at = writer.length;
    let place = from;
    for (; place < count; place++) {
      const mark = order[place]!;
      const first = mark * intsEach;
      if (ints[first + 5] !== shard) break;
      if (place % prefetchCount === 0) this.#prefetch(arena, order, place);
      const ref = ints[first + 3]!;
      const what = ints[first + 2]!;
      const before = (what >>> beforeShift) & 0xff;
      if (ref === 0 || ints[first + 4] !== freedCount || before === befores.counter) break;
      const slab = slabOf(ref);
      const stored = arena.words[slab]!;
      const word = wordOf(ref);
      const head = stored[word]!;
      if ((head & 0xffff) !== record.textKind || head >>> 16 !== self) break;
      if (arena.floats[slab]![(word >> 1) + 2] !== time) break;
      const keyLength = stored[word + 1]!;
      const valueLength = stored[word + 2]!;
      const length = keyLength + valueLength;
      if (length > wordCopyMax) break;
      if (at + headBytesMax + length > bytes.length) {
        writer.length = at;
        bytes = writer.room(headBytesMax + length);
        words = writer.words;
      }
      bytes[at] = bodyOps.text;
      bytes[at + 1] = what;
      at = writeVarint(bytes, at + 2, keyLength);
      if (before === befores.absent) bytes[at++] = 0;
      else {
        const replica = what >>> replicaShift;
        if (replica === self) bytes[at++] = 1;
        else at = writeVarint(bytes, at, names.numberOf(replica) + 1);
        words.setFloat64(at, this.#times[mark * timesEach + firstTime]!, true);
        at += 8;
      }
      at = writeVarint(bytes, at, valueLength);
      const start = (word << 2) + record.prefixBytes(record.textKind, 0);
      copyWords(words, at, arena.data[slab]!, start, length);
      at += length;
    }
    writer.length = at;
    return place;
  }

  #encodeText(
    writer: ByteWriter,
    names: NameTable,
    keyspace: Keyspace,
    mark: number,
    ref: Ref,
  ): void {
    const { arena } = keyspace;
    const slab = slabOf(ref);
    const word = wordOf(ref);
    const keyLength = arena.words[slab]![word + 1]!;
    const valueLength = arena.words[slab]![word + 2]!;
    const length = keyLength + valueLength;
    const bytes = writer.room(headBytesMax + length);
    let at = writer.length;
    const before = this.#ints[mark * intsEach + 2]!;
    bytes[at] = bodyOps.text;
    bytes[at + 1] = before;
    at = writeVarint(bytes, at + 2, keyLength);
    if (((before >>> beforeShift) & 0xff) === befores.absent) bytes[at++] = 0;
    else {
      at = writeVarint(bytes, at, names.numberOf(before >>> replicaShift) + 1);
      // Read here: a number that a method answers may be boxed on its way.
      writer.words.setFloat64(at, this.#times[mark * timesEach + firstTime]!, true);
      at += 8;
    }
    at = writeVarint(bytes, at, valueLength);
    writer.length = at + length;
    const start = record.keyStartOf(arena, ref);
    if ((record.flagsOf(arena, ref) & record.externalFlag) !== 0) {
      const text = viewText(keyspace, ref);
      copyBytes(bytes, at, arena.bytes[slab]!, start, keyLength);
      copyBytes(bytes, at + keyLength, text.bytes, text.start, valueLength);
    } else if (length > wordCopyMax) copyBytes(bytes, at, arena.bytes[slab]!, start, length);
    else copyWords(writer.words, at, arena.data[slab]!, start, length);
  }

  /** Operation, database and key. */
  #putHead(writer: ByteWriter, op: number, mark: number): void {
    const ints = this.#ints;
    const first = mark * intsEach;
    const start = ints[first]!;
    const length = ints[first + 1]!;
    const bytes = writer.room(length + 10);
    const at = writer.length;
    bytes[at] = op;
    bytes[at + 1] = ints[first + 2]!;
    const into = writeVarint(bytes, at + 2, length);
    const keys = this.#keys;
    if (length > wordCopyMax) copyBytes(bytes, into, keys.room(0), start, length);
    else copyWords(writer.words, into, keys.words, start, length);
    writer.length = into + length;
  }

  /** A counter that did not exist before, or went on from what it was. */
  #encodeRow(
    writer: ByteWriter,
    names: NameTable,
    keyspace: Keyspace,
    mark: number,
    ref: Ref,
  ): boolean {
    const { arena } = keyspace;
    const before = this.#beforeAt(mark);
    const floats = arena.floats[slabOf(ref)]!;
    const flags = record.flagsOf(arena, ref);
    const origin = record.originAt(arena, ref);
    const hasBase = (flags & record.baseFlag) !== 0;
    const birth = floats[origin]!;
    const baseTime = hasBase ? floats[origin + 1]! : 0;
    const baseReplica = hasBase ? floats[origin + 2]! : 0;
    // A base that came with this batch is news, too.
    if (before === befores.absent && baseTime !== 0) return false;
    if (before === befores.text && baseTime !== this.#timeOf(mark)) return false;
    if (before === befores.text && baseReplica !== this.#replicaOf(mark)) return false;
    if (before === befores.counter && !this.#isSame(mark, birth, baseTime, baseReplica))
      return false;
    this.#putHead(writer, bodyOps.row, mark);
    writer.f64(birth).varint(names.numberOf(hasBase ? baseReplica : keyspace.self));
    // Adding zero turns -0 into the zero that numbers have on the wire.
    writer.f64(hasBase ? baseTime : birth).f64(floats[record.counterAt(ref, flags)]! + 0);
    return true;
  }

  #isSame(mark: number, birth: Time, baseTime: Time, baseReplica: ReplicaIndex): boolean {
    if (this.#ofCounter(mark, 0) !== birth || this.#ofCounter(mark, 1) !== baseTime) return false;
    return this.#ofCounter(mark, 2) === baseReplica;
  }
}

const siblingOf = (time: Time, replica: ReplicaIndex) => ({
  time,
  replica,
  bornTime: time,
  bornReplica: replica,
  value: new Uint8Array(0),
});
