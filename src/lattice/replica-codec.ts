// How replicas are written: by name, or by a number from a dictionary of names that stands before
// the bytes. Indices of the replica table never leave the node (replica-table.ts).

import { type ByteReader, type ByteWriter, MalformedBytes } from "../base/bytes.js";
import type { ReplicaTable } from "../clock/replica-table.js";
import type { ReplicaIndex } from "../clock/stamp.js";
import type { ReplicaCodec } from "./cell.js";

/**
 * Names written out at every place: for digests, which must not depend on what else was written.
 */
export class NameCodec implements ReplicaCodec {
  readonly #replicas: ReplicaTable;

  constructor(replicas: ReplicaTable) {
    this.#replicas = replicas;
  }

  write(writer: ByteWriter, replica: ReplicaIndex): void {
    writer.text(this.#replicas.nameOf(replica));
  }

  read(reader: ByteReader): ReplicaIndex {
    return this.#replicas.decode(reader);
  }
}

/**
 * Numbers in the order of first use, one byte each for the first 128 names. The names go where the
 * reader finds them first, usually in front of the body: `writeNames` after the body is written,
 * `readNames` before it is read.
 */
export class DictionaryCodec implements ReplicaCodec {
  readonly #replicas: ReplicaTable;
  readonly #numbers = new Map<ReplicaIndex, number>();
  readonly #indices: ReplicaIndex[] = [];

  constructor(replicas: ReplicaTable) {
    this.#replicas = replicas;
  }

  write(writer: ByteWriter, replica: ReplicaIndex): void {
    writer.varint(this.note(replica));
  }

  /** The replica's number, from now on. */
  note(replica: ReplicaIndex): number {
    let number = this.#numbers.get(replica);
    if (number === undefined) {
      number = this.#indices.length;
      this.#numbers.set(replica, number);
      this.#indices.push(replica);
    }
    return number;
  }

  read(reader: ByteReader): ReplicaIndex {
    const number = reader.varint();
    const index = this.#indices[number];
    if (index === undefined) throw new MalformedBytes(`no replica has the number ${number}`);
    return index;
  }

  writeNames(writer: ByteWriter): void {
    writer.varint(this.#indices.length);
    for (const index of this.#indices) writer.text(this.#replicas.nameOf(index));
  }

  readNames(reader: ByteReader): void {
    for (let count = reader.count(); count > 0; count--)
      this.#indices.push(this.#replicas.decode(reader));
  }
}
