// Places for what does not fit a record: entries of keys that need more than bytes, and buffers of
// large values. A record holds the place as a number; freed places are used again.

import { assert } from "../base/assert.js";
import type { Ref } from "./arena.js";

/** What compaction and other housekeeping need of an element table. */
export interface MovableElements {
  /** Drains slots of an index that has grown; whether it wants more of it. */
  drain(slots: number): boolean;
  moved(from: Ref, to: Ref): void;
  readonly liveUnits: number;
}

export class ObjectTable<T> {
  readonly #objects: (T | undefined)[] = [];
  readonly #vacant: number[] = [];

  get count(): number {
    return this.#objects.length - this.#vacant.length;
  }

  all(): readonly T[] {
    return this.#objects.filter((object) => object !== undefined);
  }

  /** Places so far, empty ones among them. */
  get placeCount(): number {
    return this.#objects.length;
  }

  /** What is at a place; undefined when it is empty. */
  peek(place: number): T | undefined {
    return this.#objects[place];
  }

  put(object: T): number {
    const place = this.#vacant.pop() ?? this.#objects.length;
    this.#objects[place] = object;
    return place;
  }

  get(place: number): T {
    const object = this.#objects[place];
    assert(object !== undefined, "a record names an empty place of the object table");
    return object;
  }

  replace(place: number, object: T): void {
    assert(this.#objects[place] !== undefined, "replaced an empty place of the object table");
    this.#objects[place] = object;
  }

  remove(place: number): T {
    const object = this.get(place);
    this.#objects[place] = undefined;
    this.#vacant.push(place);
    return object;
  }

  /** Empties every place. */
  reset(): void {
    this.#objects.length = 0;
    this.#vacant.length = 0;
  }
}
