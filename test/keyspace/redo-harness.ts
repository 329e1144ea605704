// A keyspace whose changes are logged, and its replay into another one; what the tests of the log
// and of checkpoints share.

import { expect } from "vitest";
import { type Bytes, ByteWriter } from "../../src/base/bytes.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import type { KeyWalk } from "../../src/keyspace/key-walk.js";
import { Keyspace } from "../../src/keyspace/keyspace.js";
import { RedoLog } from "../../src/keyspace/redo-log.js";
import { RedoReplay } from "../../src/keyspace/redo-replay.js";
import { Bench, startMs } from "../commands/harness.js";

export const newKeyspace = (): Keyspace => {
  const replicas = new ReplicaTable();
  replicas.indexOf("n0/test");
  return new Keyspace({ replicas, self: "n0/test", databaseCount: 2 });
};

export class Logged {
  readonly bench = new Bench(newKeyspace());
  readonly keyspace = this.bench.keyspace;
  readonly redo = new RedoLog();
  readonly records: Bytes[] = [];

  constructor() {
    this.keyspace.redo = this.redo;
  }

  close(): void {
    const bytes = this.redo.take(this.keyspace).slice();
    this.redo.clear();
    if (bytes.length > 0) this.records.push(bytes);
    const time = this.keyspace.endBatch();
    if (time === 0) expect(bytes.length).toBe(0);
  }
}

export function replay(records: readonly Bytes[]): Keyspace {
  const keyspace = newKeyspace();
  keyspace.beginTurn(startMs);
  const reader = new RedoReplay(keyspace);
  for (const record of records) reader.apply(record);
  keyspace.endBatch();
  keyspace.verifyInvariants();
  return keyspace;
}

export function addSlice(checkpoint: Bytes[], walk: KeyWalk): void {
  const writer = new ByteWriter();
  walk.next(writer);
  checkpoint.push(writer.finish());
}
