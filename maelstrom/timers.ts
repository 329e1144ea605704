// All timers of the bench in one binary heap with one platform timer for the earliest: messages
// under way, client time-outs, the next operation, the next fault. Equal times run in the order
// they were set.

export interface Timer {
  readonly dueMs: number;
  readonly order: number;
  /** Undefined once it ran or was cancelled. */
  run: (() => void) | undefined;
}

export class Timers {
  readonly #now: () => number;
  readonly #heap: Timer[] = [];
  #order = 0;
  #platformTimer: NodeJS.Timeout | undefined;
  #platformDueMs = Number.POSITIVE_INFINITY;

  /** @param now milliseconds of a clock that never goes back. */
  constructor(now: () => number) {
    this.#now = now;
  }

  get count(): number {
    return this.#heap.length;
  }

  after(delayMs: number, run: () => void): Timer {
    return this.at(this.#now() + delayMs, run);
  }

  at(dueMs: number, run: () => void): Timer {
    const timer: Timer = { dueMs, order: this.#order++, run };
    this.#siftUp(this.#heap.push(timer) - 1);
    if (dueMs < this.#platformDueMs) this.#arm();
    return timer;
  }

  /** It stays in the heap until its time, without effect. */
  cancel(timer: Timer): void {
    timer.run = undefined;
  }

  /** Forgets everything: nothing runs any more. */
  clear(): void {
    this.#heap.length = 0;
    clearTimeout(this.#platformTimer);
    this.#platformDueMs = Number.POSITIVE_INFINITY;
  }

  #arm(): void {
    clearTimeout(this.#platformTimer);
    const first = this.#heap[0];
    this.#platformDueMs = first?.dueMs ?? Number.POSITIVE_INFINITY;
    if (first === undefined) return;
    this.#platformTimer = setTimeout(
      () => this.#runDue(),
      Math.max(0, Math.ceil(first.dueMs - this.#now())),
    );
  }

  #runDue(): void {
    // Disarmed meanwhile: timers set by what runs here are found by the loop or armed after it.
    this.#platformDueMs = Number.NEGATIVE_INFINITY;
    const now = this.#now();
    while (this.#heap.length > 0 && this.#heap[0]!.dueMs <= now) {
      const { run } = this.#popFirst();
      run?.();
    }
    this.#arm();
  }

  #popFirst(): Timer {
    const first = this.#heap[0]!;
    const last = this.#heap.pop()!;
    if (this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#siftDown();
    }
    return first;
  }

  #siftUp(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(this.#heap[at]!, this.#heap[parent]!)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #siftDown(): void {
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= this.#heap.length) return;
      const right = left + 1;
      const isRightFirst =
        right < this.#heap.length && isBefore(this.#heap[right]!, this.#heap[left]!);
      const child = isRightFirst ? right : left;
      if (!isBefore(this.#heap[child]!, this.#heap[at]!)) return;
      this.#swap(at, child);
      at = child;
    }
  }

  #swap(a: number, b: number): void {
    const held = this.#heap[a]!;
    this.#heap[a] = this.#heap[b]!;
    this.#heap[b] = held;
  }
}

const isBefore = (a: Timer, b: Timer): boolean =>
  a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
