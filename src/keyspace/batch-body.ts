// What a batch did to keys, packed: one operation per key, one behind the other. The commonest
// writes (a plain text over a plain text or over nothing, its removal, an own counter that grew)
// have short operations that are written from records and joined into records without an object in
// between; everything else is a list of element deltas.
//
// The bytes are made once, where the batch is closed, and never again: they go to every peer, into
// every log and to whoever asks later as they are. Therefore replicas are numbers of a table that
// stands beside the bytes (`names`), whose first entry is the batch's origin; only that table is
// written anew for each message. A text or a row carries no stamp: it is the batch's.

import { ByteReader, type Bytes, type ByteWriter, MalformedBytes } from "../base/bytes.js";
import type { ReplicaIndex, Time } from "../clock/stamp.js";
import type { Cell, ReplicaCodec, Row } from "../lattice/cell.js";
import { decodeDeadline, encodeDeadline, persist } from "../lattice/deadline.js";
import { integer, zero } from "../lattice/decimal.js";
import {
  decodeElementDelta,
  type ElementDelta,
  encodeElementDelta,
  onlyElement,
  slots,
} from "../lattice/key-entry.js";
import type { Keyspace } from "./keyspace.js";
import { shardOfSlot, slotOfKey } from "./slot.js";

/** The first byte of an operation; numbers are part of the wire format and of the log's. */
export const bodyOps = {
  /** Database, key, element deltas. */
  elements: 0,
  /**
   * Database, length of the key, what the text replaced (number + 1 and time, or 0), length of the
   * text; then key and text as they stand in their record, one behind the other. (1 was the same in
   * another order.)
   */
  text: 4,
  /** Database, key, the text that went: number and time. */
  removed: 2,
  /** Database, key, the origin's row: birth, born (number, time), sum. */
  row: 3,
} as const;

/** What a batch did to one key. */
export interface KeyDelta {
  readonly database: number;
  readonly key: Uint8Array;
  readonly elements: readonly ElementDelta[];
}

/** A batch as far as its body is concerned. */
export interface Packed {
  readonly shard: number;
  readonly origin: ReplicaIndex;
  readonly time: Time;
  /** What the numbers of replicas in `body` mean; the first is the origin. */
  readonly names: readonly ReplicaIndex[];
  readonly body: Bytes;
}

/** The names of one batch while it is written. */
export class NameTable implements ReplicaCodec {
  readonly names: ReplicaIndex[];
  readonly #numbers = new Map<ReplicaIndex, number>();

  constructor(origin: ReplicaIndex) {
    this.names = [origin];
    this.#numbers.set(origin, 0);
  }

  numberOf(replica: ReplicaIndex): number {
    if (replica === this.names[0]) return 0;
    let number = this.#numbers.get(replica);
    if (number === undefined) {
      number = this.names.length;
      this.names.push(replica);
      this.#numbers.set(replica, number);
    }
    return number;
  }

  write(writer: ByteWriter, replica: ReplicaIndex): void {
    writer.varint(this.numberOf(replica));
  }

  read(): ReplicaIndex {
    throw new Error("a table of names that is being written is not read");
  }
}

/** Reads numbers of a batch's names. */
export class NamesReader implements ReplicaCodec {
  readonly #names: readonly ReplicaIndex[];

  constructor(names: readonly ReplicaIndex[]) {
    this.#names = names;
  }

  write(): void {
    throw new Error("names are written by the batch that made them");
  }

  /** @throws MalformedBytes */
  read(reader: ByteReader): ReplicaIndex {
    const replica = this.#names[reader.varint()];
    if (replica === undefined) throw new MalformedBytes("a batch names a replica it does not list");
    return replica;
  }
}

export function encodeElements(
  writer: ByteWriter,
  names: NameTable,
  { replicas }: Keyspace,
  { database, key, elements }: KeyDelta,
): void {
  writer.u8(bodyOps.elements).u8(database).bytes(key).varint(elements.length);
  for (const element of elements) encodeElementDelta(writer, element, names, replicas);
}

/**
 * One operation after the other; the same object each time. `op` says which fields are set. Values
 * and keys are places in the body.
 */
export class BodyReader {
  op = 0;
  database = 0;
  keyStart = 0;
  keyLength = 0;
  /** Whether the operation takes a text away, which `removed` always does. */
  isRemoving = false;
  removedTime: Time = 0;
  removedReplica: ReplicaIndex = 0;
  valueStart = 0;
  valueLength = 0;
  birth: Time = 0;
  bornReplica: ReplicaIndex = 0;
  bornTime: Time = 0;
  sum = 0;
  elements: readonly ElementDelta[] = [];
  readonly body: Bytes;
  readonly #packed: Packed;
  readonly #reader: ByteReader;
  readonly #names: NamesReader;

  constructor(packed: Packed) {
    this.body = packed.body;
    this.#packed = packed;
    this.#reader = new ByteReader(packed.body);
    this.#names = new NamesReader(packed.names);
  }

  get key(): Bytes {
    return this.body.slice(this.keyStart, this.keyStart + this.keyLength);
  }

  /** False at the end. @throws MalformedBytes */
  next(): boolean {
    const reader = this.#reader;
    if (reader.remaining === 0) return false;
    this.op = reader.u8();
    this.database = reader.u8();
    this.keyLength = reader.varint();
    if (this.op === bodyOps.text) {
      this.#text(reader);
      return true;
    }
    this.keyStart = reader.skip(this.keyLength);
    if (this.op === bodyOps.removed) this.#removedStamp(reader, reader.varint());
    else if (this.op === bodyOps.row) this.#row(reader);
    else if (this.op === bodyOps.elements) this.#elements(reader);
    else throw new MalformedBytes(`no operation of a batch has the number ${this.op}`);
    return true;
  }

  #text(reader: ByteReader): void {
    const number = reader.varint();
    if (number > 0) this.#removedStamp(reader, number - 1);
    else this.isRemoving = false;
    this.valueLength = reader.varint();
    this.keyStart = reader.skip(this.keyLength);
    this.valueStart = reader.skip(this.valueLength);
  }

  #removedStamp(reader: ByteReader, number: number): void {
    this.isRemoving = true;
    this.removedReplica = this.#replica(number);
    this.removedTime = reader.f64();
  }

  #row(reader: ByteReader): void {
    this.birth = reader.f64();
    this.bornReplica = this.#replica(reader.varint());
    this.bornTime = reader.f64();
    this.sum = reader.f64();
  }

  #elements(reader: ByteReader): void {
    const elements: ElementDelta[] = [];
    for (let count = reader.count(5); count > 0; count--)
      elements.push(decodeElementDelta(reader, this.#names));
    if (elements.length === 0) throw new MalformedBytes("a key that did not change");
    this.elements = elements;
  }

  #replica(number: number): ReplicaIndex {
    const replica = this.#packed.names[number];
    if (replica === undefined) throw new MalformedBytes("a batch names a replica it does not list");
    return replica;
  }

  /** The operation as element deltas, whatever its form. */
  asElements(): readonly ElementDelta[] {
    if (this.op === bodyOps.elements) return this.elements;
    const fragment: Cell = { siblings: [], rows: [] };
    if (this.op === bodyOps.text) fragment.siblings.push(this.#sibling());
    if (this.op === bodyOps.row) fragment.rows.push(this.#ownRow());
    const isRemoving = this.op !== bodyOps.row && this.isRemoving;
    const removed = isRemoving ? [{ time: this.removedTime, replica: this.removedReplica }] : [];
    return [{ slot: slots.string, element: onlyElement, fragment, removed }];
  }

  #sibling() {
    const { time, origin } = this.#packed;
    const value = this.body.slice(this.valueStart, this.valueStart + this.valueLength);
    return { time, replica: origin, bornTime: time, bornReplica: origin, value };
  }

  #ownRow(): Row {
    const { time, origin } = this.#packed;
    const { birth, bornTime, bornReplica, sum } = this;
    const hi = integer(BigInt(sum));
    const since = { replica: origin, birth, bornTime, bornReplica };
    return { ...since, hiTime: time, hi, loTime: 0, lo: zero };
  }
}

/** The batch's content key by key; for those who want to look at it. @throws MalformedBytes */
export function deltasOf(packed: Packed): KeyDelta[] {
  const deltas: KeyDelta[] = [];
  const reader = new BodyReader(packed);
  while (reader.next())
    deltas.push({ database: reader.database, key: reader.key, elements: reader.asElements() });
  return deltas;
}

/**
 * Refuses what closing a batch cannot have produced: a value under another stamp than the batch's,
 * a removal of what cannot have been seen, a key of another shard. Otherwise hostile bytes could
 * plant state that the context does not account for. @throws MalformedBytes
 */
export function checkBody(packed: Packed, keyspace: Keyspace, shardCount: number): void {
  const { shard, body, time } = packed;
  const databaseCount = keyspace.databases.length;
  const reader = new BodyReader(packed);
  while (reader.next()) {
    if (reader.database >= databaseCount) throw new MalformedBytes("no such database");
    const slot = slotOfKey(body, reader.keyStart, reader.keyStart + reader.keyLength);
    if (shardOfSlot(slot, shardCount) !== shard) throw new MalformedBytes("a key of another shard");
    if (reader.op === bodyOps.elements)
      for (const element of reader.elements) refuseForeign(element, packed.origin, time);
    else if (reader.op === bodyOps.row) refuseBadRow(reader, time);
    else if (reader.isRemoving) refuseBadRemoval(reader.removedTime, time);
  }
}

const isStampTime = (time: number): boolean => Number.isSafeInteger(time) && time > 0;

function refuseBadRemoval(removed: Time, time: Time): void {
  if (!isStampTime(removed) || removed >= time)
    throw new MalformedBytes("a removal of what was not yet there");
}

function refuseBadRow({ birth, bornTime, sum }: BodyReader, time: Time): void {
  if (!isStampTime(birth) || !isStampTime(bornTime) || bornTime > birth || birth > time)
    throw new MalformedBytes("a row with impossible stamps");
  if (!Number.isSafeInteger(sum) || Object.is(sum, -0))
    throw new MalformedBytes("a row whose sum is no integer");
}

function refuseForeign(
  { slot, fragment, removed }: ElementDelta,
  origin: ReplicaIndex,
  time: Time,
): void {
  for (const sibling of fragment.siblings) {
    if (sibling.time !== time || sibling.replica !== origin)
      throw new MalformedBytes("a value under a stamp that is not its batch's");
    refuseBadDeadline(slot, sibling.value);
  }
  for (const row of fragment.rows)
    if (Math.max(row.hiTime, row.loTime) > time || (row.replica !== origin && row.hiTime >= time))
      throw new MalformedBytes("a row from the future");
  for (const stamp of removed)
    if (stamp.time >= time) throw new MalformedBytes("a removal of what was not yet there");
}

/**
 * A deadline in a second spelling would be stored in two ways on two replicas. @throws
 * MalformedBytes
 */
export function refuseBadDeadline(slot: number, value: Bytes): void {
  if (slot !== slots.deadline) return;
  const ms = decodeDeadline(value);
  const isRight = ms === persist || (Number.isSafeInteger(ms) && ms > 0);
  if (!isRight || encodeDeadline(ms).length !== value.length)
    throw new MalformedBytes("not a deadline");
}

/** @throws MalformedBytes */
export function decodeNames(reader: ByteReader, codec: ReplicaCodec, origin: ReplicaIndex) {
  const names: ReplicaIndex[] = [origin];
  for (let count = reader.count(); count > 0; count--) names.push(codec.read(reader));
  return names;
}
