// What one turn of the event loop brings and sends, kept together. Reads of many connections are
// collected while the loop hands them over and then worked on one after another; their replies are
// collected too and then written one after another. Reading, working and writing each run in a row
// that way, which costs a processor's caches less than going through all three, and the kernel's
// part of two of them, for each request. And a client that waits for several connections is woken
// once for their replies: each write to one that sleeps costs the kernel as much as the rest of it.
//
// Bounds: what does not fit is not staged: the caller works on it, or writes it, at once.

import { copyBytes } from "../base/bytes.js";
import { copyWords, wordCopyMax, wordsOf } from "../base/words.js";

/** Room for the reads of one turn; what is beyond begins another, after the replies of this one. */
const inputBytesMax = 64 * 1024;
/** Larger reads gain nothing. */
const readBytesMax = 8192;
const readsMax = 256;
/** Replies staged per turn, and the room of each. */
const slotsMax = 128;
const slotBytes = 8192;
/** Views of replies up to this length are all kept. */
const keptViewBytes = 256;

/** Reads waiting for the end of the turn, in the order of their arrival. */
export class InputStage<Origin> {
  readonly bytes = new Uint8Array(inputBytesMax);
  readonly words = wordsOf(this.bytes);
  readonly #source: Uint8Array;
  readonly #sourceWords: DataView;
  count = 0;
  readonly #origins = new Array<Origin | undefined>(readsMax);
  /** Where each read begins, and the next one would. */
  readonly starts = new Int32Array(readsMax + 1);

  /** @param source where every read begins */
  constructor(source: Uint8Array) {
    this.#source = source;
    this.#sourceWords = wordsOf(source);
  }

  /** False when there is no room, or the read is a large one: nothing has been kept then. */
  tryPush(origin: Origin, length: number): boolean {
    const { count } = this;
    const start = this.starts[count]!;
    if (length > readBytesMax || count === readsMax || start + length > inputBytesMax) return false;
    if (length > wordCopyMax) copyBytes(this.bytes, start, this.#source, 0, length);
    else copyWords(this.words, start, this.#sourceWords, 0, length);
    this.#origins[count] = origin;
    this.starts[count + 1] = start + length;
    this.count = count + 1;
    return true;
  }

  /** Hands out who sent the read, and forgets it. */
  takeOrigin(index: number): Origin {
    const origin = this.#origins[index];
    this.#origins[index] = undefined;
    return origin!;
  }

  clear(): void {
    this.count = 0;
  }
}

/** Replies waiting for the end of the turn, one slot per connection. */
export class OutputStage<Target> {
  count = 0;
  readonly #targets = new Array<Target | undefined>(slotsMax);
  readonly #lengths = new Int32Array(slotsMax);
  #bytes = new Uint8Array(slotsMax * slotBytes);
  #words = wordsOf(this.#bytes);
  /** The replies' buffer, which is nearly always the same. */
  #source: Uint8Array = this.#bytes;
  #sourceWords = this.#words;
  /** Views of the slots by length, made once: most replies are short and alike. */
  #views = new Array<Uint8Array | undefined>(slotsMax * keptViewBytes);
  /** Of each slot the last view of a longer reply: those of pipelines are often equally long. */
  #longViews = new Array<Uint8Array | undefined>(slotsMax);

  /** A new slot, or -1 when there is none or the reply does not fit. */
  tryOpen(target: Target, source: Uint8Array, length: number): number {
    if (length > slotBytes || this.count === slotsMax) return -1;
    const slot = this.count++;
    this.#targets[slot] = target;
    this.#lengths[slot] = 0;
    this.#append(slot, source, length);
    return slot;
  }

  /** False when the slot has no room for that much more. */
  tryAppend(slot: number, source: Uint8Array, length: number): boolean {
    if (this.#lengths[slot]! + length > slotBytes) return false;
    this.#append(slot, source, length);
    return true;
  }

  #append(slot: number, source: Uint8Array, length: number): void {
    const at = slot * slotBytes + this.#lengths[slot]!;
    if (source !== this.#source) {
      this.#source = source;
      this.#sourceWords = wordsOf(source);
    }
    if (length > wordCopyMax) copyBytes(this.#bytes, at, source, 0, length);
    else copyWords(this.#words, at, this.#sourceWords, 0, length);
    this.#lengths[slot]! += length;
  }

  targetOf(slot: number): Target {
    return this.#targets[slot]!;
  }

  /** What the slot holds; the slot is empty afterwards. */
  take(slot: number): Uint8Array {
    const length = this.#lengths[slot]!;
    this.#lengths[slot] = 0;
    const isLong = length > keptViewBytes;
    const key = isLong ? slot : slot * keptViewBytes + length - 1;
    const views = isLong ? this.#longViews : this.#views;
    const kept = views[key];
    if (kept !== undefined && kept.length === length) return kept;
    const view = this.#bytes.subarray(slot * slotBytes, slot * slotBytes + length);
    views[key] = view;
    return view;
  }

  isEmpty(slot: number): boolean {
    return this.#lengths[slot] === 0;
  }

  /** All slots are free again. */
  clear(): void {
    for (let slot = 0; slot < this.count; slot++) this.#targets[slot] = undefined;
    this.count = 0;
  }

  /** The system still reads from the slots: others take their place. */
  replaceBytes(): void {
    this.#bytes = new Uint8Array(slotsMax * slotBytes);
    this.#words = wordsOf(this.#bytes);
    this.#views = new Array<Uint8Array | undefined>(slotsMax * keptViewBytes);
    this.#longViews = new Array<Uint8Array | undefined>(slotsMax);
  }
}
