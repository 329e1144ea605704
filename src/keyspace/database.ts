// One numbered database: its key index and its counts. All databases share one arena, one clock and
// one heap.

import type { Arena } from "./arena.js";
import { HashIndex } from "./hash-index.js";

export class Database {
  /** The number that clients see; SWAPDB exchanges contents, not numbers. */
  readonly index: number;
  /**
   * The number that records carry: it goes with the contents, so that SWAPDB need not visit them.
   */
  store: number;
  keys: HashIndex;
  /** Records that are kept only for other replicas (dead counter rows): no reader sees them. */
  hiddenCount = 0;
  /** Keys with a deadline. */
  expiringCount = 0;

  constructor(index: number, arena: Arena) {
    this.index = index;
    this.store = index;
    this.keys = new HashIndex(arena);
  }

  /** Keys that DBSIZE counts. */
  get size(): number {
    return this.keys.count - this.hiddenCount;
  }
}
