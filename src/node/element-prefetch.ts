// Batches of commands on one large collection: as their key is found once (key-prefetch.ts), their
// elements are looked for together. Each command's element is hashed, and its slot of the
// collection's index and its record are loaded, so that the cache misses of the batch overlap.
//
// It is a guess that decides nothing: commands look for their elements themselves, with the hash
// that is at hand.

import type { Command } from "../commands/command.js";
import type { Ref } from "../keyspace/arena.js";
import { ElementTable } from "../keyspace/element-table.js";
import { giveHash, hashTwo, hashWords } from "../keyspace/hash.js";
import type { Keyspace } from "../keyspace/keyspace.js";
import { kindOf, objectKind } from "../keyspace/record.js";
import { loadRecords } from "../keyspace/record-loads.js";
import { slots } from "../lattice/key-entry.js";
import { batchCountMax, type RequestBatch } from "./request-batch.js";

type Commands = readonly (Command | undefined)[];

const tableSlots = [slots.hash, slots.set, slots.zset] as const;

export class ElementPrefetch {
  readonly #hashes = new Int32Array(batchCountMax);
  readonly #refs = new Int32Array(batchCountMax);
  /** Where each command's element lies in the request; -1: it names none. */
  readonly #starts = new Int32Array(batchCountMax);
  readonly #lengths = new Int32Array(batchCountMax);
  /** Keeps the loads from being left out: a value that is never used could be optimised away. */
  touched = 0;

  /**
   * @param ref the record that all commands of the batch are probably about
   * Answers whether it is a collection's whose elements were looked for.
   */
  load(
    keyspace: Keyspace,
    ref: Ref,
    commands: Commands,
    batch: RequestBatch,
    data: DataView,
  ): boolean {
    const table = tableUnder(keyspace, ref);
    if (table === undefined) return false;
    const { count, ranges } = batch;
    for (let i = 0; i < count; i++) {
      const argument = commands[i]!.element;
      const isNamed = argument > 0 && argument < batch.argcs[i]!;
      const at = batch.firsts[i]! + argument * 2;
      this.#starts[i] = isNamed ? ranges[at]! : -1;
      this.#lengths[i] = isNamed ? ranges[at + 1]! : 0;
    }
    this.#hash(count, data);
    this.touched ^= loadRecords(keyspace, table.index, this.#hashes, this.#refs, count);
    return true;
  }

  #hash(count: number, data: DataView): void {
    const hashes = this.#hashes;
    for (let i = 0; i < count; i++) {
      const start = this.#starts[i]!;
      const length = this.#lengths[i]!;
      if (start < 0) continue;
      const next = i + 1 < count ? this.#starts[i + 1]! : -1;
      if (next >= 0 && this.#lengths[i + 1] === length)
        hashTwo(data, start, next, length, hashes, i++);
      else hashes[i] = hashWords(data, start, length);
    }
  }

  /** Command `i` of the batch comes next: whoever hashes its element need not. */
  give(i: number): void {
    giveHash(this.#starts[i]!, this.#lengths[i]!, this.#hashes[i]!);
  }
}

/** The elements of a collection that is kept as a table; undefined under any other record. */
function tableUnder(keyspace: Keyspace, ref: Ref): ElementTable | undefined {
  if (ref === 0 || kindOf(keyspace.arena, ref) !== objectKind) return undefined;
  const entry = keyspace.entryOf(ref);
  for (const slot of tableSlots) {
    const store = entry.slot(slot);
    if (store instanceof ElementTable) return store;
  }
  return undefined;
}
