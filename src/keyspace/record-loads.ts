// Loading what a run of look-ups will need before the first of them: their slots of the index, then
// their records. Each look-up alone waits for memory twice; the loads of many overlap.
//
// Nothing is decided here: a record that is loaded in vain costs its load and no more.

import { type Arena, type Ref, slabOf, wordOf } from "./arena.js";
import type { HashIndex } from "./hash-index.js";
import type { Keyspace } from "./keyspace.js";
import { baseFlag, counterKind, elementKind, textKind } from "./record.js";

/** What follows the header of a record that ends within the two lines that `Arena.touch` loads. */
const shortRecordBytes = 40;
/** Without the flag that makes a counter longer by a number, which is counted here always. */
const shortHeads = 0xffff ^ (baseFlag << 8);
const counterBytes = 16;
/** So many records tell what the others of their run are like. */
const sampleCount = 4;

/**
 * Loads the index slots of keys with these hashes and their probable records, which go into `refs`.
 * Answers a number of no meaning that depends on all that was loaded: whoever keeps it keeps the
 * loads.
 */
export function loadRecords(
  keyspace: Keyspace,
  keys: HashIndex,
  hashes: Int32Array,
  refs: Int32Array,
  count: number,
): number {
  const { arena } = keyspace;
  let touched = keys.touch(hashes, count);
  // Which slot of a run it is can only be guessed wrong before the slots are there: a loop of its
  // own, so that the loads of the next one depend on no guess.
  keys.candidates(hashes, refs, count);
  touched ^= arena.touch(refs, count);
  // Records of a run are mostly alike, so a few tell of all. To look at each before its third line
  // is loaded would be to wait for it.
  const isShort = areShort(arena, refs, Math.min(count, sampleCount));
  return isShort ? touched : touched ^ arena.touchThird(refs, count);
}

function areShort(arena: Arena, refs: Int32Array, count: number): boolean {
  for (let i = 0; i < count; i++) if (isLong(arena, refs[i]!)) return false;
  return true;
}

/** Whether a record, if there is one, has more than `Arena.touch` loads. */
function isLong(arena: Arena, ref: Ref): boolean {
  const words = arena.words[slabOf(ref)];
  if (words === undefined || ref === -1) return false;
  const word = wordOf(ref);
  const head = words[word]! & 0xffff;
  // Keys of what has more than a value lie further on, and so does the end of a longer text.
  const isPlain =
    (head & shortHeads) === textKind || (head & shortHeads) === counterKind || head === elementKind;
  const length =
    words[word + 1]! + ((head & 0xff) === counterKind ? counterBytes : words[word + 2]!);
  return !isPlain || length > shortRecordBytes;
}
