// Replicas without a network: batches and states are handed over by the test, through their codecs.

import { ByteReader, ByteWriter } from "../../src/base/bytes.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import type { Batch } from "../../src/keyspace/batch.js";
import { decodeBatch, encodeBatch } from "../../src/keyspace/batch-codec.js";
import { Keyspace } from "../../src/keyspace/keyspace.js";
import { type ApplyOutcome, Shards, type ShardsOptions } from "../../src/keyspace/shards.js";
import { DictionaryCodec } from "../../src/lattice/replica-codec.js";
import { startMs } from "./world.js";

/** A replica with its clock at the start of the story. */
export function newReplica(name: string, options: ShardsOptions = {}, isOpen = true): Shards {
  const keyspace = new Keyspace({
    replicas: new ReplicaTable(),
    self: name,
    databaseCount: 2,
    slabCapacity: 1 << 14,
  });
  keyspace.beginTurn(startMs);
  const shards = new Shards(keyspace, { shardCount: 4, ...options });
  if (isOpen) shards.open();
  return shards;
}

/** Runs a command as a turn of its own and answers its batches. */
export function turn(shards: Shards, work: (keyspace: Keyspace) => void): readonly Batch[] {
  work(shards.keyspace);
  return shards.closeBatch();
}

/** The batch as another replica decodes it. */
export function carry(batch: Batch, from: Shards, to: Shards): Batch {
  const codec = new DictionaryCodec(from.keyspace.replicas);
  const body = new ByteWriter();
  encodeBatch(body, batch, codec);
  const writer = new ByteWriter();
  codec.writeNames(writer);
  const reader = new ByteReader(writer.raw(body.view()).finish());
  const dictionary = new DictionaryCodec(to.keyspace.replicas);
  dictionary.readNames(reader);
  const carried = decodeBatch(reader, dictionary, to.keyspace, to.count);
  reader.expectEnd();
  return carried;
}

/** Hands batches over one by one; answers what became of each. */
export const deliver = (batches: readonly Batch[], from: Shards, to: Shards): ApplyOutcome[] =>
  batches.map((batch) => to.apply(carry(batch, from, to)));

/** Joins every shard's state of one replica into another. */
export function joinAll(from: Shards, to: Shards): void {
  for (const { index } of from.shards) to.joinShard(from.encodeShard(index));
}

export const isEqual = (a: Shards, b: Shards): boolean =>
  a.digests().every((digest, shard) => digest === b.digests()[shard]);
