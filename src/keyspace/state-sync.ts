// A shard's state as bytes, and joining it: the last tier of repair, for a replica that the logs
// cannot serve. State travels only together with its context (merge-rules 2), and everything is
// checked before anything is joined.
//
// Layout: replica names; shard; context; keys in ascending order of (database, key), each with its
// entry.
//
// A *partial* state names only the keys in which two replicas differ (replication/difference.ts),
// those that the sender lacks with an empty entry; its shard number is raised by the number of
// shards. Whoever joins it has made sure that all other keys are equal on both sides.
//
// Left out: overlays (merge-rules 11). A long state travels in parts
// (replication/state-transfer.ts) and is joined in one step all the same, which is right and, for a
// very large shard, a pause; digests of slots (digest.ts) could say which part need not travel.

import {
  ByteReader,
  type Bytes,
  ByteWriter,
  compareBytes,
  latin1,
  MalformedBytes,
} from "../base/bytes.js";
import type { VersionVector } from "../clock/version-vector.js";
import { KeyEntry } from "../lattice/key-entry.js";
import { DictionaryCodec } from "../lattice/replica-codec.js";
import type { Ref } from "./arena.js";
import { refuseBadDeadline } from "./batch-body.js";
import { decodeContext, encodeContext } from "./batch-codec.js";
import { hashOfEntry } from "./digest.js";
import { hashBytes } from "./hash.js";
import type { Keyspace } from "./keyspace.js";
import type { Shard } from "./shard.js";
import { shardOfSlot, slotOfKey } from "./slot.js";

export interface StoredKey {
  readonly database: number;
  readonly key: Uint8Array;
}

/** A key with what is stored under it; an empty entry says that nothing is. */
export interface StoredEntry extends StoredKey {
  readonly entry: KeyEntry;
}

/** One text per key, to find it again. */
export const nameOfKey = ({ database, key }: StoredKey): string =>
  String.fromCharCode(database) + latin1(key);

const compareKeys = (a: StoredKey, b: StoredKey): number =>
  a.database - b.database || compareBytes(a.key, b.key);

/** The keys of one shard, in canonical order. */
function keysOfShard(
  keyspace: Keyspace,
  shardCount: number,
  shard: number,
): (StoredKey & { readonly ref: Ref })[] {
  const keys: (StoredKey & { readonly ref: Ref })[] = [];
  for (const db of keyspace.databases)
    db.keys.forEach((ref) => {
      const key = keyspace.keyOf(ref);
      if (shardOfSlot(slotOfKey(key), shardCount) === shard)
        keys.push({ database: db.index, key, ref });
    });
  return keys.sort(compareKeys);
}

export function encodeShardState(keyspace: Keyspace, shardCount: number, shard: Shard): Bytes {
  const codec = new DictionaryCodec(keyspace.replicas);
  const body = new ByteWriter(4096);
  body.varint(shard.index);
  encodeContext(body, shard.context, codec);
  const keys = keysOfShard(keyspace, shardCount, shard.index);
  body.varint(keys.length);
  for (const { database, key, ref } of keys) {
    body.u8(database).bytes(key);
    keyspace.entryOf(ref).encode(body, codec, keyspace.replicas);
  }
  const writer = new ByteWriter(body.length + 256);
  codec.writeNames(writer);
  return writer.raw(body.view()).finish();
}

/** A partial state: see the top of this file. */
export function encodePartialState(
  keyspace: Keyspace,
  shardCount: number,
  shard: number,
  context: VersionVector,
  keys: readonly StoredEntry[],
): Bytes {
  const codec = new DictionaryCodec(keyspace.replicas);
  const body = new ByteWriter(1024);
  body.varint(shardCount + shard);
  encodeContext(body, context, codec);
  body.varint(keys.length);
  for (const { database, key, entry } of [...keys].sort(compareKeys)) {
    body.u8(database).bytes(key);
    entry.encode(body, codec, keyspace.replicas);
  }
  const writer = new ByteWriter(body.length + 256);
  codec.writeNames(writer);
  return writer.raw(body.view()).finish();
}

/** A decoded state, ready to be joined. */
export class ShardState {
  readonly shard: number;
  readonly context: VersionVector;
  readonly #keyspace: Keyspace;
  readonly #shardCount: number;
  readonly isPartial: boolean;
  readonly keys: readonly StoredEntry[];

  constructor(
    keyspace: Keyspace,
    shardCount: number,
    parts: {
      shard: number;
      context: VersionVector;
      isPartial: boolean;
      keys: readonly StoredEntry[];
    },
  ) {
    this.#keyspace = keyspace;
    this.#shardCount = shardCount;
    this.shard = parts.shard;
    this.context = parts.context;
    this.isPartial = parts.isPartial;
    this.keys = parts.keys;
  }

  /**
   * Joins every key that either side has, or all that a partial state names. `seen` is the
   * receiver's context, which the caller then advances.
   */
  join(seen: VersionVector): void {
    if (this.isPartial) {
      for (const named of this.keys) this.#joinKey(named, named.entry, seen);
      return;
    }
    const ours = keysOfShard(this.#keyspace, this.#shardCount, this.shard);
    const absent = new KeyEntry();
    let at = 0;
    for (const { database, key, entry } of this.keys) {
      while (at < ours.length && compareKeys(ours[at]!, { database, key }) < 0)
        this.#joinKey(ours[at++]!, absent, seen);
      if (at < ours.length && compareKeys(ours[at]!, { database, key }) === 0) at++;
      this.#joinKey({ database, key }, entry, seen);
    }
    while (at < ours.length) this.#joinKey(ours[at++]!, absent, seen);
  }

  #joinKey({ database, key }: StoredKey, theirs: KeyEntry, seen: VersionVector): void {
    const keyspace = this.#keyspace;
    const db = keyspace.databases[database]!;
    const hash = hashBytes(key, 0, key.length);
    const entry = keyspace.entryOrEmpty(keyspace.findRecord(db, hash, key, 0, key.length));
    const before = hashOfEntry(keyspace, entry);
    entry.joinWith(seen, theirs, this.context);
    const isChanged = hashOfEntry(keyspace, entry) !== before;
    keyspace.storeEntry(db, hash, key, entry);
    // Who watches a key hears only of changes: most of a state is known already.
    if (isChanged) keyspace.didWrite(db, key, 0, key.length);
  }
}

/** @throws MalformedBytes when the bytes are not a state that some replica can have reached. */
export function decodeShardState(bytes: Bytes, keyspace: Keyspace, shardCount: number): ShardState {
  const reader = new ByteReader(bytes);
  const codec = new DictionaryCodec(keyspace.replicas);
  codec.readNames(reader);
  const number = reader.varint();
  const isPartial = number >= shardCount;
  const shard = isPartial ? number - shardCount : number;
  if (shard >= shardCount) throw new MalformedBytes(`no shard has the number ${shard}`);
  const context = decodeContext(reader, codec);
  const keys: StoredEntry[] = [];
  for (let count = reader.count(5); count > 0; count--) {
    const database = reader.u8();
    const key = reader.bytes().slice();
    if (database >= keyspace.databases.length) throw new MalformedBytes("no such database");
    if (shardOfSlot(slotOfKey(key), shardCount) !== shard)
      throw new MalformedBytes("a key of another shard");
    const last = keys.at(-1);
    if (last !== undefined && compareKeys(last, { database, key }) >= 0)
      throw new MalformedBytes("keys out of order or repeated");
    const entry = KeyEntry.decode(reader, codec);
    if (!isPartial && entry.isBlank) throw new MalformedBytes("a key without entries");
    refuseUnseen(entry, context);
    keys.push({ database, key, entry });
  }
  reader.expectEnd();
  return new ShardState(keyspace, shardCount, { shard, context, isPartial, keys });
}

/** A state never holds what its context lacks: joined, it would come back after every removal. */
function refuseUnseen(entry: KeyEntry, context: VersionVector): void {
  entry.forEachCell((slot, _element, { siblings, rows }) => {
    for (const sibling of siblings) {
      if (!context.covers(sibling.time, sibling.replica))
        throw new MalformedBytes("a value that its context lacks");
      refuseBadDeadline(slot, sibling.value);
    }
    for (const row of rows)
      if (!context.covers(row.hiTime, row.replica))
        throw new MalformedBytes("a row that its context lacks");
  });
}
