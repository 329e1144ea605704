// A first-in first-out queue with a named bound. Nothing here is dropped silently: `tryPush`
// answers false when the queue is full and the caller says what happens then.

export class BoundedQueue<T> {
  readonly countMax: number;
  #items: (T | undefined)[];
  #head = 0;
  #count = 0;

  constructor(countMax: number) {
    this.countMax = countMax;
    this.#items = new Array<T | undefined>(Math.min(16, countMax));
  }

  get count(): number {
    return this.#count;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** False means full: the caller sheds load, it never waits. */
  tryPush(item: T): boolean {
    if (this.#count === this.countMax) return false;
    if (this.#count === this.#items.length) this.#grow();
    this.#items[(this.#head + this.#count) % this.#items.length] = item;
    this.#count++;
    return true;
  }

  peek(): T | undefined {
    return this.#count === 0 ? undefined : this.#items[this.#head];
  }

  shift(): T | undefined {
    if (this.#count === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined; // Let the collector have it.
    this.#head = (this.#head + 1) % this.#items.length;
    this.#count--;
    return item;
  }

  clear(): void {
    this.#items = new Array<T | undefined>(Math.min(16, this.countMax));
    this.#head = 0;
    this.#count = 0;
  }

  #grow(): void {
    const grown = new Array<T | undefined>(Math.min(this.countMax, this.#items.length * 2));
    for (let i = 0; i < this.#count; i++)
      grown[i] = this.#items[(this.#head + i) % this.#items.length];
    this.#items = grown;
    this.#head = 0;
  }
}
