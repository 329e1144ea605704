// The marks of a batch (capture.ts): keys that were absent, a plain text or an own counter before
// the batch's first write to them. A mark is the key's bytes, some integers and four times.
//
// At the close `encode` writes the short forms of batch-body.ts for a key that is again a plain
// text, gone, or the same counter. It declines everything else.

import { type Bytes, ByteWriter, copyBytes, writeVarint } from "../base/bytes.js";
import { copyWords, knownWordsOf, wordCopyMax, wordCopyMin } from "../base/words.js";
import type { ReplicaIndex, Time } from "../clock/stamp.js";
import { type Cell, emptyCell } from "../lattice/cell.js";
import { zero } from "../lattice/decimal.js";
import { KeyEntry, onlyElement, slots } from "../lattice/key-entry.js";
import { type Ref, slabOf, wordOf } from "./arena.js";
import { bodyOps, type NameTable } from "./batch-body.js";
import type { Database } from "./database.js";
import { hashBytes } from "./hash.js";
import type { Keyspace } from "./keyspace.js";
import * as record from "./record.js";
import { shardOfSlot, slotOfKey } from "./slot.js";
import { viewText } from "./text-view.js";

/** Before: nothing, a text, or an own counter. */
const befores = { absent: 0, text: 1, counter: 2 } as const;

/**
 * A mark is a line of the cache. Its first half are integers: where its key starts, the key's
 * length, database and before, replica, the record, how many blocks of the arena had been freed,
 * and at the close the shard ...
 */
const intsEach = 16;
/**
 * ... its second half times: of the stamp; of a counter besides its birth and its base's stamp.
 */
const timesEach = 8;
const firstTime = 4;
/** Arrays are given back to the system when a batch has made them larger than so many marks. */
const keptCount = 64 * 1024;
const firstCount = 256;

const deadlineBit = record.deadlineFlag << 8;
const baseBit = record.baseFlag << 8;

export class Marks {
  count = 0;
  /** What prefetching read, so that nobody may leave it out. */
  touched = 0;
  readonly #refs = new Int32Array(64);
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
    ints[first + 2] = db.index | (before << 8);
    ints[first + 3] = word >>> 16;
    ints[first + 4] = ref;
    ints[first + 5] = arena.freedCount;
    if (before === befores.absent) return true;
    const at = mark * timesEach + firstTime;
    const times = this.#times;
    const floats = arena.floats[slabOf(ref)]!;
    times[at] = floats[(wordOf(ref) >> 1) + 2]!;
    if (before !== befores.counter) return true;
    const origin = record.originAt(arena, ref);
    const hasBase = (word & baseBit) !== 0;
    times[at + 1] = floats[origin]!;
    times[at + 2] = hasBase ? floats[origin + 1]! : 0;
    times[at + 3] = hasBase ? floats[origin + 2]! : 0;
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
    return this.#ints[mark * intsEach + 6]!;
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
      ints[at + 6] = shard;
      starts[shard + 1]!++;
    }
    for (let shard = 0; shard < shardCount; shard++) starts[shard + 1]! += starts[shard]!;
    for (let mark = 0, at = 6; mark < count; mark++, at += intsEach)
      order[starts[ints[at]!]!++] = mark;
    return order;
  }

  /** How the key was before the batch, as far as a difference asks: its stamps, not its values. */
  beforeOf(keyspace: Keyspace, mark: number): KeyEntry | undefined {
    const at = mark * intsEach;
    const before = this.#ints[at + 2]! >>> 8;
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
    const at = mark * timesEach + firstTime;
    const [hiTime, birth, baseTime, baseReplica] = this.#times.subarray(at, at + timesEach);
    const born = { bornTime: birth!, bornReplica: replica };
    const row = { replica, birth: birth!, hiTime: hiTime!, hi: zero, loTime: 0, lo: zero, ...born };
    return { siblings: baseTime === 0 ? [] : [siblingOf(baseTime!, baseReplica!)], rows: [row] };
  }

  #timeOf(mark: number): Time {
    return this.#times[mark * timesEach + firstTime]!;
  }

  #replicaOf(mark: number): ReplicaIndex {
    return this.#ints[mark * intsEach + 3]!;
  }

  /** Loads the records of some marks, so that reading them one by one does not wait for each. */
  prefetch({ arena }: Keyspace, order: Int32Array, from: number, most: number): void {
    const count = Math.min(most, this.count - from);
    const refs = this.#refs;
    for (let i = 0; i < count; i++) refs[i] = this.#ints[order[from + i]! * intsEach + 4]!;
    this.touched ^= arena.touchAll(refs, count);
  }

  /** The key's record now. Nothing was freed since the mark: then it is the one it was. */
  #refOf(keyspace: Keyspace, mark: number): Ref {
    const ints = this.#ints;
    const at = mark * intsEach;
    const ref = ints[at + 4]!;
    if (ref !== 0 && ints[at + 5] === keyspace.arena.freedCount) return ref;
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
    const before = this.#ints[mark * intsEach + 2]! >>> 8;
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
    const bytes = writer.room(40 + length);
    let at = writer.length;
    const before = this.#ints[mark * intsEach + 2]!;
    bytes[at] = bodyOps.text;
    bytes[at + 1] = before;
    at = writeVarint(bytes, at + 2, keyLength);
    if (before >>> 8 === befores.absent) bytes[at++] = 0;
    else {
      at = writeVarint(bytes, at, names.numberOf(this.#ints[mark * intsEach + 3]!) + 1);
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
    const at = mark * timesEach + firstTime;
    const before = this.#ints[mark * intsEach + 2]! >>> 8;
    const floats = arena.floats[slabOf(ref)]!;
    const flags = record.flagsOf(arena, ref);
    const origin = record.originAt(arena, ref);
    const hasBase = (flags & record.baseFlag) !== 0;
    const birth = floats[origin]!;
    const baseTime = hasBase ? floats[origin + 1]! : 0;
    const baseReplica = hasBase ? floats[origin + 2]! : 0;
    const times = this.#times;
    // A base that came with this batch is news, too.
    if (before === befores.absent && baseTime !== 0) return false;
    if (before === befores.text && baseTime !== times[at]) return false;
    if (before === befores.text && baseReplica !== this.#replicaOf(mark)) return false;
    if (before === befores.counter && !this.#isSame(at, birth, baseTime, baseReplica)) return false;
    this.#putHead(writer, bodyOps.row, mark);
    writer.f64(birth).varint(names.numberOf(hasBase ? baseReplica : keyspace.self));
    // Adding zero turns -0 into the zero that numbers have on the wire.
    writer.f64(hasBase ? baseTime : birth).f64(floats[record.counterAt(ref, flags)]! + 0);
    return true;
  }

  #isSame(at: number, birth: Time, baseTime: Time, baseReplica: ReplicaIndex): boolean {
    const times = this.#times;
    return times[at + 1] === birth && times[at + 2] === baseTime && times[at + 3] === baseReplica;
  }
}

const siblingOf = (time: Time, replica: ReplicaIndex) => ({
  time,
  replica,
  bornTime: time,
  bornReplica: replica,
  value: new Uint8Array(0),
});
