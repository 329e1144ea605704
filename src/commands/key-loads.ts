// Commands with many keys: the keys are hashed and their records loaded some at a time before the
// command works on them, as the dispatcher does with the first keys of a batch.

import { knownWordsOf } from "../base/words.js";
import { hashTwo } from "../keyspace/hash.js";
import { loadRecords } from "../keyspace/record-loads.js";
import type { Call } from "./call.js";

/** Keys loaded together. */
export const keysAtOnce = 32;

/** What `loadKeys` found out; valid until it is called again. */
export const loaded = {
  hashes: new Int32Array(keysAtOnce),
  /** Keeps the loads from being left out: a value that is never used could be optimised away. */
  touched: 0,
};
const refs = new Int32Array(keysAtOnce);

/**
 * Hashes the keys at arguments `first`, `first + step` and so on, up to `keysAtOnce`, and loads
 * their records. Answers how many; their hashes are in `loaded`.
 */
export function loadKeys(call: Call, first: number, step: number): number {
  const count = Math.min(keysAtOnce, Math.ceil((call.argc - first) / step));
  const { hashes } = loaded;
  const words = knownWordsOf(call.bytes);
  for (let i = 0; i < count; i++) {
    const index = first + i * step;
    const next = index + step;
    const length = call.size(index);
    if (words !== undefined && i + 1 < count && call.size(next) === length)
      hashTwo(words, call.start(index), call.start(next), length, hashes, i++);
    else hashes[i] = call.hashOf(index);
  }
  const { keyspace, db } = call;
  if (count > 1) loaded.touched ^= loadRecords(keyspace, db.keys, hashes, refs, count);
  return count;
}
