// Virtual time: events in the order of their times, and of their numbers where times are equal. A
// binary heap; nothing else in the simulator decides what comes next.

interface Event {
  readonly atUs: number;
  readonly order: number;
  readonly run: () => void;
}

export class EventQueue {
  /** Microseconds since the beginning of the run. */
  nowUs = 0;
  /** Events that have run. */
  count = 0;
  readonly #heap: Event[] = [];
  #order = 0;

  /** Events that wait. */
  get length(): number {
    return this.#heap.length;
  }

  /** Runs `run` at a time; what lies in the past runs next. */
  at(atUs: number, run: () => void): void {
    const event = { atUs: Math.max(Math.round(atUs), this.nowUs), order: this.#order++, run };
    const heap = this.#heap;
    let place = heap.length;
    heap.push(event);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[place] = heap[parent]!;
      place = parent;
    }
    heap[place] = event;
  }

  after(us: number, run: () => void): void {
    this.at(this.nowUs + us, run);
  }

  /** Runs every event up to a time, which is then now. */
  runUntil(untilUs: number): void {
    while (this.#heap.length > 0 && this.#heap[0]!.atUs <= untilUs) {
      const event = this.#pop();
      this.nowUs = event.atUs;
      this.count++;
      event.run();
    }
    this.nowUs = Math.max(this.nowUs, untilUs);
  }

  #pop(): Event {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    let place = 0;
    for (;;) {
      let child = place * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[place] = heap[child]!;
      place = child;
    }
    heap[place] = last;
    return top;
  }
}

const isBefore = (a: Event, b: Event): boolean =>
  a.atUs !== b.atUs ? a.atUs < b.atUs : a.order < b.order;
