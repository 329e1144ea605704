// Putting back what redo-log.ts or a checkpoint wrote: each operation replaces what it names, so
// the order alone matters, not what was there. Runs before the node serves anybody: nothing is
// captured, watched or logged meanwhile.
//
// The bytes have passed a checksum. What is impossible all the same (a database that this node does
// not have, a replica that no name was given for) is refused rather than guessed at.

import { ByteReader, type Bytes, copyBytes, latin1, MalformedBytes } from "../base/bytes.js";
import { decodeTime, type Time } from "../clock/stamp.js";
import { decodeCell } from "../lattice/cell.js";
import { KeyEntry, type Slot, slotCount } from "../lattice/key-entry.js";
import { type Ref, slabOf } from "./arena.js";
import { baseFlagOf, writeCounter } from "./counter-record.js";
import type { Database } from "./database.js";
import { entryOfRecord } from "./entry-record.js";
import { flushDatabase, swapDatabases } from "./flush.js";
import { hashBytes } from "./hash.js";
import type { Keyspace } from "./keyspace.js";
import * as record from "./record.js";
import { indexCodec, redoOps, storedFlags } from "./redo-codec.js";

/** The part that all compact forms share; one object serves all. */
interface Head {
  db: Database;
  flags: number;
  replica: number;
  time: Time;
  deadline: number;
  deadlineTime: Time;
  deadlineReplica: number;
  bornTime: Time;
  bornReplica: number;
}

export class RedoReplay {
  readonly #keyspace: Keyspace;
  readonly #head: Head;
  /** Operations done. */
  count = 0;

  constructor(keyspace: Keyspace) {
    this.#keyspace = keyspace;
    this.#head = {
      db: keyspace.databases[0]!,
      ...{ flags: 0, replica: 0, time: 0, deadline: 0, deadlineTime: 0, deadlineReplica: 0 },
      ...{ bornTime: 0, bornReplica: 0 },
    };
  }

  /** Does what the bytes say. @throws MalformedBytes */
  apply(bytes: Bytes): void {
    const reader = new ByteReader(bytes);
    while (reader.remaining > 0) {
      this.#applyOne(bytes, reader);
      this.count++;
    }
  }

  #applyOne(bytes: Bytes, reader: ByteReader): void {
    const op = reader.u8();
    if (op === redoOps.text) this.#text(bytes, reader);
    else if (op === redoOps.counter) this.#counter(reader);
    else if (op === redoOps.packed) this.#packed(reader);
    else if (op === redoOps.entry) this.#entry(reader);
    else if (op === redoOps.elements) this.#elements(reader);
    else if (op === redoOps.removed) this.#removed(reader);
    else if (op === redoOps.roomy) this.#roomy(reader);
    else if (op === redoOps.flushed) flushDatabase(this.#keyspace, this.#database(reader));
    else if (op === redoOps.swapped)
      swapDatabases(this.#keyspace, this.#database(reader), this.#database(reader));
    else throw new MalformedBytes(`${op} is no operation of a log`);
  }

  #database(reader: ByteReader): Database {
    const db = this.#keyspace.databases[reader.u8()];
    if (db === undefined) throw new MalformedBytes("a key of a database that this node lacks");
    return db;
  }

  #replica(reader: ByteReader): number {
    const replica = reader.u16();
    if (replica >= this.#keyspace.replicas.count)
      throw new MalformedBytes(`no name was given for replica ${replica}`);
    return replica;
  }

  #readHead(reader: ByteReader): Head {
    const head = this.#head;
    head.db = this.#database(reader);
    head.flags = reader.u8() & storedFlags;
    head.replica = this.#replica(reader);
    head.time = decodeTime(reader);
    if ((head.flags & record.deadlineFlag) !== 0) {
      head.deadline = reader.f64();
      head.deadlineTime = decodeTime(reader);
      head.deadlineReplica = this.#replica(reader);
    }
    if ((head.flags & record.bornFlag) !== 0) {
      head.bornTime = decodeTime(reader);
      head.bornReplica = this.#replica(reader);
    }
    return head;
  }

  /** A record with everything but its value. */
  #create(
    head: Head,
    kind: number,
    flags: number,
    key: Bytes,
    start: number,
    length: number,
    valueLength: number,
  ): Ref {
    const keyspace = this.#keyspace;
    const { arena } = keyspace;
    const { time } = head;
    const ref = keyspace.createRecord(head.db, kind, flags, key, start, length, valueLength, time);
    record.setHeader(arena, ref, kind, flags, head.replica, time);
    if ((flags & record.deadlineFlag) !== 0)
      record.setDeadline(arena, ref, head.deadline, head.deadlineTime, head.deadlineReplica);
    if ((flags & record.bornFlag) !== 0)
      record.setBorn(arena, ref, head.bornTime, head.bornReplica);
    return ref;
  }

  #put({ db }: Head, key: Bytes, start: number, length: number, ref: Ref): void {
    const keyspace = this.#keyspace;
    const hash = hashBytes(key, start, length);
    const old = db.keys.find(hash, key, start, length);
    if (old === 0) keyspace.attach(db, hash, ref);
    else keyspace.supersede(db, hash, old, ref);
  }

  #text(bytes: Bytes, reader: ByteReader): void {
    const keyspace = this.#keyspace;
    const { arena } = keyspace;
    const head = this.#readHead(reader);
    const length = reader.varint();
    const start = reader.skip(length);
    const valueLength = reader.varint();
    const valueStart = reader.skip(valueLength);
    const isExternal = record.isExternal(head.flags, length, valueLength);
    const flags = head.flags | (isExternal ? record.externalFlag : 0);
    const ref = this.#create(head, record.textKind, flags, bytes, start, length, valueLength);
    if (isExternal) {
      const value = bytes.slice(valueStart, valueStart + valueLength);
      keyspace.externalBytes += valueLength;
      record.setExternalPlace(arena, ref, keyspace.externals.put(value));
    } else {
      const at = record.keyStartOf(arena, ref) + length;
      copyBytes(arena.bytes[slabOf(ref)]!, at, bytes, valueStart, valueLength);
    }
    this.#put(head, bytes, start, length, ref);
  }

  #counter(reader: ByteReader): void {
    const keyspace = this.#keyspace;
    const head = this.#readHead(reader);
    const fields = {
      added: reader.f64(),
      birth: decodeTime(reader),
      base: reader.f64(),
      baseTime: decodeTime(reader),
      baseReplica: this.#replica(reader),
    };
    const key = reader.bytes();
    const flags = head.flags | baseFlagOf(fields);
    const ref = this.#create(head, record.counterKind, flags, key, 0, key.length, 0);
    writeCounter(keyspace, ref, fields);
    if (head.replica === keyspace.self) {
      this.#put(head, key, 0, key.length, ref);
      return;
    }
    // A row of an earlier incarnation is not extended here, so only an object can hold it.
    const entry = entryOfRecord(keyspace, ref);
    keyspace.arena.free(ref, record.unitsOf(keyspace.arena, ref));
    this.#store(head.db, key, entry);
  }

  #packed(reader: ByteReader): void {
    const keyspace = this.#keyspace;
    const head = this.#readHead(reader);
    const kind = reader.u8();
    if (kind < record.packedHashKind || kind > record.packedListKind)
      throw new MalformedBytes(`${kind} is no form of a collection`);
    const key = reader.bytes();
    const payload = reader.bytes();
    const { length } = payload;
    const ref = this.#create(head, kind, head.flags, key, 0, key.length, length);
    const at = record.keyStartOf(keyspace.arena, ref) + key.length;
    copyBytes(record.bytesOf(keyspace.arena, ref), at, payload, 0, length);
    this.#put(head, key, 0, key.length, ref);
  }

  #entry(reader: ByteReader): void {
    const keyspace = this.#keyspace;
    const db = this.#database(reader);
    const isRoomy = reader.u8() !== 0;
    const key = reader.bytes();
    const ref = this.#store(db, key, KeyEntry.decode(reader, indexCodec));
    if (isRoomy && ref !== 0) record.markRoomy(keyspace.arena, ref);
  }

  #elements(reader: ByteReader): void {
    const keyspace = this.#keyspace;
    const db = this.#database(reader);
    const key = reader.bytes();
    const hash = hashBytes(key, 0, key.length);
    const entry = keyspace.entryOrEmpty(db.keys.find(hash, key, 0, key.length));
    entry.isTracked = false;
    for (let count = reader.count(5); count > 0; count--) {
      const slot = reader.u8();
      if (slot >= slotCount) throw new MalformedBytes(`no slot has the number ${slot}`);
      const element = latin1(reader.bytes());
      entry.restore(slot as Slot, element, decodeCell(reader, indexCodec));
    }
    this.#store(db, key, entry);
  }

  #removed(reader: ByteReader): void {
    const db = this.#database(reader);
    const key = reader.bytes();
    const hash = hashBytes(key, 0, key.length);
    const ref = db.keys.find(hash, key, 0, key.length);
    if (ref !== 0) this.#keyspace.drop(db, hash, ref);
  }

  #roomy(reader: ByteReader): void {
    const db = this.#database(reader);
    const key = reader.bytes();
    const ref = db.keys.find(hashBytes(key, 0, key.length), key, 0, key.length);
    if (ref !== 0) record.markRoomy(this.#keyspace.arena, ref);
  }

  #store(db: Database, key: Bytes, entry: KeyEntry): Ref {
    const hash = hashBytes(key, 0, key.length);
    entry.isTracked = false;
    this.#keyspace.storeEntry(db, hash, key, entry);
    return db.keys.find(hash, key, 0, key.length);
  }
}
