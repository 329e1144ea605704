// All keys of a keyspace as operations of the log (redo-codec.ts), written in slices while commands
// run: what a checkpoint is made of. A key is written as it is when its turn comes; of a large
// collection each piece is. That is enough, because replay goes on with the log from where the walk
// began: what changed since is in there, and what did not is visited (`HashIndex.scan`,
// `ElementStore.walk`).
//
// Bound: a slice ends once it has grown beyond its limits; a single element is never parted.

import { type Bytes, ByteWriter, fromLatin1 } from "../base/bytes.js";
import { encodeCell } from "../lattice/cell.js";
import type { KeyEntry } from "../lattice/key-entry.js";
import type { Ref } from "./arena.js";
import type { Database } from "./database.js";
import { hashBytes } from "./hash.js";
import type { Keyspace } from "./keyspace.js";
import * as record from "./record.js";
import { encodeKey, encodeRemoved, encodeRoomy, indexCodec, redoOps } from "./redo-codec.js";

export interface SliceLimits {
  /** About the bytes of one slice. */
  readonly bytes: number;
  /** A collection of more elements is written in pieces, each of about so many. */
  readonly elements: number;
}

/** A slice takes a millisecond or so. */
export const sliceLimits: SliceLimits = { bytes: 192 * 1024, elements: 1000 };

/** The large collection that is being written. */
interface LargeKey {
  readonly db: Database;
  readonly key: Bytes;
  /** What stood under the key when its walk began; undefined before. */
  entry: KeyEntry | undefined;
  pieces: Iterator<void> | undefined;
}

export class KeyWalk {
  /** Keys written so far. */
  keyCount = 0;
  readonly #keyspace: Keyspace;
  readonly #limits: SliceLimits;
  #database = 0;
  #cursor = 0;
  /** Large collections of the bucket that was visited last. */
  readonly #large: LargeKey[] = [];
  /** The elements of a piece, encoded, and their number. */
  readonly #piece = new ByteWriter();
  #pieceCount = 0;

  constructor(keyspace: Keyspace, limits: SliceLimits = sliceLimits) {
    this.#keyspace = keyspace;
    this.#limits = limits;
  }

  get isDone(): boolean {
    return this.#large.length === 0 && this.#database === this.#keyspace.databases.length;
  }

  /** Writes one slice. */
  next(writer: ByteWriter): void {
    const end = writer.length + this.#limits.bytes;
    while (writer.length < end && !this.isDone) {
      const large = this.#large.at(-1);
      if (large !== undefined) {
        if (this.#writeLarge(writer, large)) this.#large.pop();
        return;
      }
      this.#visitBucket(writer);
    }
  }

  #visitBucket(writer: ByteWriter): void {
    const keyspace = this.#keyspace;
    const db = keyspace.databases[this.#database]!;
    this.#cursor = db.keys.scan(this.#cursor, (ref) => {
      this.keyCount++;
      if (this.#isLarge(ref))
        this.#large.push({ db, key: keyspace.keyOf(ref), entry: undefined, pieces: undefined });
      else encodeKey(writer, keyspace, db.index, ref);
    });
    if (this.#cursor === 0) this.#database++;
  }

  #isLarge(ref: Ref): boolean {
    const kind = record.kindOf(this.#keyspace.arena, ref);
    if (kind !== record.objectKind && kind !== record.hiddenKind) return false;
    return this.#keyspace.entryOf(ref).elementCount > this.#limits.elements;
  }

  /** Writes a piece of a large collection; true when it was the last. */
  #writeLarge(writer: ByteWriter, large: LargeKey): boolean {
    const keyspace = this.#keyspace;
    const { db, key } = large;
    const ref = db.keys.find(hashBytes(key, 0, key.length), key, 0, key.length);
    // The log says that it went, and what came in its place.
    if (ref === 0) return true;
    const kind = record.kindOf(keyspace.arena, ref);
    if (kind !== record.objectKind && kind !== record.hiddenKind) {
      encodeKey(writer, keyspace, db.index, ref);
      return true;
    }
    const entry = keyspace.entryOf(ref);
    if (large.pieces === undefined || large.entry !== entry) {
      // What pieces of another entry have left goes.
      encodeRemoved(writer, db.index, key, 0, key.length);
      large.entry = entry;
      large.pieces = entry.walk((slot, element, cell) => {
        this.#piece.u8(slot).bytes(fromLatin1(element));
        encodeCell(this.#piece, cell, indexCodec);
        this.#pieceCount++;
      });
    }
    const isLast = this.#fillPiece(large.pieces);
    if (this.#pieceCount > 0) {
      writer.u8(redoOps.elements).u8(db.index).bytes(key).varint(this.#pieceCount);
      writer.raw(this.#piece.view());
    }
    this.#piece.clear(this.#limits.bytes * 2);
    this.#pieceCount = 0;
    if (isLast && record.isRoomy(keyspace.arena, ref)) encodeRoomy(writer, db.index, key);
    return isLast;
  }

  #fillPiece(pieces: Iterator<void>): boolean {
    const { elements, bytes } = this.#limits;
    while (this.#pieceCount < elements && this.#piece.length < bytes)
      if (pieces.next().done === true) return true;
    return false;
  }
}
