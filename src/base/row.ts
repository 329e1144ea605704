// Items in a row, read by index, with both ends open: what is put in or taken out at an end moves
// no other item, however long the row is. An array moves all of them for a new first one.

export class Row<Item> implements Iterable<Item> {
  /** The first items, in reverse: the very first is the last here. */
  readonly #front: Item[] = [];
  readonly #back: Item[] = [];

  get length(): number {
    return this.#front.length + this.#back.length;
  }

  /** Undefined outside. */
  get(index: number): Item | undefined {
    const left = this.#front.length - 1 - index;
    return left >= 0 ? this.#front[left] : this.#back[-1 - left];
  }

  /** Puts an item before the one at `index`, or at the end. */
  insert(index: number, item: Item): void {
    const front = this.#front;
    const behind = index - front.length;
    if (index === 0) front.push(item);
    else if (behind < 0) front.splice(-behind, 0, item);
    else if (behind === this.#back.length) this.#back.push(item);
    else this.#back.splice(behind, 0, item);
  }

  remove(index: number): void {
    const front = this.#front;
    const behind = index - front.length;
    // V8 takes the first item of a long array away by moving its beginning.
    if (behind === 0) this.#back.shift();
    else if (behind > 0) this.#back.splice(behind, 1);
    else if (index === 0) front.pop();
    else if (behind === -1) front.shift();
    else front.splice(-behind - 1, 1);
  }

  clear(): void {
    this.#front.length = 0;
    this.#back.length = 0;
  }

  *[Symbol.iterator](): Generator<Item, void> {
    for (let index = 0; index < this.length; index++) yield this.get(index)!;
  }
}
