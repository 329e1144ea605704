// Putting back what a node's log holds, record by record, before it serves anybody. Everything is
// joined or replaced in the order of the log (merge-rules 15); afterwards the contexts of the
// shards say what is there.

import { ByteReader, MalformedBytes } from "../base/bytes.js";
import { VersionVector } from "../clock/version-vector.js";
import type { Registers } from "../consensus/registers.js";
import { decodeBatch, decodeContext } from "../keyspace/batch-codec.js";
import type { Keyspace } from "../keyspace/keyspace.js";
import { indexCodec } from "../keyspace/redo-codec.js";
import { RedoReplay } from "../keyspace/redo-replay.js";
import type { Shards } from "../keyspace/shards.js";
import { type Frame, recordKinds } from "../storage/frame.js";
import { restoreNames } from "../storage/names.js";
import { decodeStart } from "../storage/start-record.js";

export class JournalReplay {
  readonly #keyspace: Keyspace;
  readonly #shards: Shards;
  readonly #registers: Registers;
  readonly #redo: RedoReplay;
  /** Who wrote the records that come next. */
  #writer = 0;
  /** What a node without peers wrote: it is in every context, and nothing else says so. */
  readonly #own = new VersionVector();
  recordCount = 0;

  constructor(node: { keyspace: Keyspace; shards: Shards; registers: Registers }) {
    this.#keyspace = node.keyspace;
    this.#shards = node.shards;
    this.#registers = node.registers;
    this.#redo = new RedoReplay(node.keyspace);
  }

  /**
   * @param isOld the record comes from a checkpoint
   * @throws MalformedBytes: the checksum was right and the record is not.
   */
  apply(frame: Frame, isOld: boolean): void {
    const { kind, payload, time } = frame;
    this.recordCount++;
    this.#keyspace.clock.observe(time);
    switch (kind) {
      case recordKinds.start:
        this.#writer = this.#keyspace.replicas.indexOf(decodeStart(payload).replica);
        return;
      case recordKinds.names:
        restoreNames(payload, this.#keyspace.replicas);
        return;
      case recordKinds.redo:
        this.#redo.apply(payload);
        // A checkpoint has contexts of its own. Its time may lie between two batches of a shard,
        // and as a context it would be the predecessor of none.
        if (!isOld) this.#own.advance(this.#writer, time);
        return;
      case recordKinds.batches:
        this.#applyBatches(payload);
        return;
      case recordKinds.state:
        this.#shards.released.sweepAll();
        this.#shards.restoreState(payload);
        return;
      case recordKinds.released:
        this.#shards.released.restore(new ByteReader(payload));
        return;
      case recordKinds.consensus:
        this.#registers.recover(payload);
        return;
      case recordKinds.contexts:
        this.#applyContexts(payload);
        return;
      case recordKinds.clean:
      case recordKinds.end:
        return;
      default:
        throw new MalformedBytes(`a record of the unknown kind ${kind}`);
    }
  }

  /** Nothing more comes: the node is what its log says. */
  finish(): void {
    const keyspace = this.#keyspace;
    this.#shards.released.sweepAll();
    keyspace.endBatch();
    keyspace.dirty = 0;
    keyspace.expiredKeys = 0;
    for (const { context } of this.#shards.shards) context.join(this.#own);
  }

  #applyBatches(payload: Uint8Array): void {
    const reader = new ByteReader(payload);
    // Of a shard that came back nothing may stand from before.
    this.#shards.released.sweepAll();
    for (let count = reader.count(); count > 0; count--) {
      const batch = decodeBatch(reader, indexCodec, this.#keyspace, this.#shards.count);
      this.#shards.restoreBatch(batch);
    }
    reader.expectEnd();
  }

  #applyContexts(payload: Uint8Array): void {
    const reader = new ByteReader(payload);
    for (const shard of this.#shards.shards) {
      const context = decodeContext(reader, indexCodec);
      for (const [, time] of context.entries()) this.#keyspace.clock.observe(time);
      shard.joinContext(context);
    }
    reader.expectEnd();
  }
}
