// Several listeners where the keyspace knows one: WATCH, client-side caching and blocked clients
// all want to hear of changed keys. While nobody listens the keyspace has no listener and a write
// pays nothing.

import { assert } from "../base/assert.js";
import type { Keyspace, ModifiedListener } from "../keyspace/keyspace.js";

export class ModifiedListeners {
  readonly #keyspace: Keyspace;
  #listeners: readonly ModifiedListener[] = [];

  constructor(keyspace: Keyspace) {
    this.#keyspace = keyspace;
  }

  add(listener: ModifiedListener): void {
    assert(!this.#listeners.includes(listener), "a listener is added twice");
    this.#install([...this.#listeners, listener]);
  }

  remove(listener: ModifiedListener): void {
    this.#install(this.#listeners.filter((each) => each !== listener));
  }

  /** A change that is being told is told to those who listened when it happened. */
  #install(listeners: readonly ModifiedListener[]): void {
    this.#listeners = listeners;
    const keyspace = this.#keyspace;
    if (listeners.length < 2) {
      keyspace.onModified = listeners[0];
      return;
    }
    keyspace.onModified = (database, key) => {
      for (const listener of listeners) listener(database, key);
    };
  }
}
