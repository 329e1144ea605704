// The first two passes of a batch (dispatcher.ts): the first key of each command is hashed and its
// slot of the index loaded, then the record. The independent loads overlap their cache misses.
//
// Batches that begin with two commands on one key are taken for what they mostly are, work on one
// collection: who finds the key of the command before him again is told so, and nothing is done
// twice for him.

import { type Repeat, repeats } from "../commands/call.js";
import type { Command } from "../commands/command.js";
import { hashTwo, hashWords } from "../keyspace/hash.js";
import type { HashIndex } from "../keyspace/hash-index.js";
import type { Keyspace } from "../keyspace/keyspace.js";
import { loadRecords } from "../keyspace/record-loads.js";
import { ElementPrefetch } from "./element-prefetch.js";
import { batchCountMax, type RequestBatch } from "./request-batch.js";

type Commands = readonly (Command | undefined)[];

export class KeyPrefetch {
  readonly hashes = new Int32Array(batchCountMax);
  /** Where the batch's records probably are. */
  readonly refs = new Int32Array(batchCountMax);
  /** Whether the batch begins with two commands on one key; then whether each is like that. */
  isRepeating = false;
  readonly #isSame = new Uint8Array(batchCountMax);
  /** What the commands name of the one collection that all of them are about, if they are. */
  readonly elements = new ElementPrefetch();
  hasElements = false;
  /** Keeps the loads from being left out: a value that is never used could be optimised away. */
  touched = 0;

  load(
    keyspace: Keyspace,
    keys: HashIndex,
    commands: Commands,
    batch: RequestBatch,
    data: DataView,
  ): void {
    const { count } = batch;
    const { hashes, refs } = this;
    this.isRepeating = isRepeated(commands, batch, data, 1);
    let different = count;
    if (this.isRepeating) different = this.#hashRepeats(commands, batch, data);
    else this.#hash(commands, batch, data);
    this.touched ^= loadRecords(keyspace, keys, hashes, refs, different);
    this.hasElements = false;
    if (different > 1) return;
    refs.fill(refs[0]!, 1, count);
    this.hasElements = this.elements.load(keyspace, refs[0]!, commands, batch, data);
  }

  /** Of command `i` of such a batch. */
  repeatOf(i: number): Repeat {
    return this.#isSame[i] === 1 ? repeats.same : repeats.other;
  }

  #hash(commands: Commands, batch: RequestBatch, data: DataView): void {
    const { count, ranges } = batch;
    const { hashes } = this;
    for (let i = 0; i < count; i++) {
      if (!hasKey(commands, batch, i)) continue;
      const first = batch.firsts[i]!;
      const length = ranges[first + 3]!;
      if (i + 1 < count && hasKey(commands, batch, i + 1)) {
        const next = batch.firsts[i + 1]!;
        if (ranges[next + 3] === length) {
          hashTwo(data, ranges[first + 2]!, ranges[next + 2]!, length, hashes, i++);
          continue;
        }
      }
      hashes[i] = hashWords(data, ranges[first + 2]!, length);
    }
  }

  /** Answers 1 when all keys are the first one's, else the number of commands. */
  #hashRepeats(commands: Commands, batch: RequestBatch, data: DataView): number {
    const { count, ranges } = batch;
    const { hashes } = this;
    let different = 1;
    let before = -1;
    let beforeLength = 0;
    for (let i = 0; i < count; i++) {
      const key = batch.firsts[i]! + 2;
      const start = hasKey(commands, batch, i) ? ranges[key]! : -1;
      const length = start < 0 ? 0 : ranges[key + 1]!;
      const isComparable = start >= 0 && before >= 0 && length === beforeLength;
      const isSame = isComparable && areEqual(data, start, before, length);
      before = start;
      beforeLength = length;
      this.#isSame[i] = isSame ? 1 : 0;
      if (isSame) {
        hashes[i] = hashes[i - 1]!;
        continue;
      }
      if (i > 0) different = count;
      if (start >= 0) hashes[i] = hashWords(data, start, length);
    }
    return different;
  }
}

const hasKey = (commands: Commands, batch: RequestBatch, i: number): boolean =>
  commands[i]?.firstKey === 1 && batch.argcs[i]! > 1;

/** Whether command `i` has the first key of the one before. */
function isRepeated(commands: Commands, batch: RequestBatch, data: DataView, i: number): boolean {
  if (!hasKey(commands, batch, i) || !hasKey(commands, batch, i - 1)) return false;
  const { firsts, ranges } = batch;
  const here = firsts[i]! + 2;
  const before = firsts[i - 1]! + 2;
  const length = ranges[here + 1]!;
  return ranges[before + 1] === length && areEqual(data, ranges[here]!, ranges[before]!, length);
}

/** Whether two runs are the same bytes. The last word may begin inside the one before. */
function areEqual(data: DataView, start: number, other: number, length: number): boolean {
  let at = 0;
  for (; at + 4 <= length; at += 4)
    if (data.getInt32(start + at, true) !== data.getInt32(other + at, true)) return false;
  if (at === length) return true;
  if (length > 4) {
    at = length - 4;
    return data.getInt32(start + at, true) === data.getInt32(other + at, true);
  }
  for (; at < length; at++)
    if (data.getUint8(start + at) !== data.getUint8(other + at)) return false;
  return true;
}
