// Ends what growth began: an index that has grown keeps its old table until every slot of it is
// drained, and each look-up that the new one does not answer asks the old one as well. Writes of
// new keys drain some slots each; where none follow, housekeeping does it here.
//
// Element tables may be very many, so each step looks at some of them and the next one goes on
// behind those.

import type { Keyspace } from "./keyspace.js";

/** Element tables that one step looks at. */
const tablesPerStep = 256;

export class IndexDrain {
  readonly #keyspace: Keyspace;
  #next = 0;

  constructor(keyspace: Keyspace) {
    this.#keyspace = keyspace;
  }

  /** Drains up to so many slots of each index that it looks at; whether one of them wants more. */
  step(slots: number): boolean {
    let hasMore = false;
    for (const { keys } of this.#keyspace.databases) {
      keys.drain(slots);
      if (keys.isResizing) hasMore = true;
    }
    const { tables } = this.#keyspace;
    for (let seen = Math.min(tablesPerStep, tables.placeCount); seen > 0; seen--) {
      if (this.#next >= tables.placeCount) this.#next = 0;
      if (tables.peek(this.#next)?.drain(slots) === true) return true;
      this.#next++;
    }
    return hasMore;
  }
}
