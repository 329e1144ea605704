// The timers of one node: a binary heap of jobs by due time. A job has one due time, which may move
// either way; an entry that no longer matches its job is dropped when it comes up, so moving a
// timer is cheap.

export interface Job {
  /** When the job wants to run, in ms; Infinity if it does not. Set by `Agenda.set`. */
  dueMs: number;
  /** Where the agenda holds the job; Infinity if nowhere. Set by `Agenda` only. */
  queuedMs: number;
  onDue(now: number): void;
}

interface Entry {
  readonly dueMs: number;
  readonly job: Job;
}

/** A job that runs lets at least this much time pass before it runs again. */
const pauseMsMin = 0.1;

export class Agenda {
  readonly #heap: Entry[] = [];
  /**
   * While jobs run, nothing can be set to run before this: time must pass, or a tick would not end.
   */
  #earliestMs = Number.NEGATIVE_INFINITY;

  /** Moves the job to `dueMs`; Infinity takes it off. */
  set(job: Job, dueMs: number): void {
    job.dueMs = Math.max(dueMs, this.#earliestMs);
    if (job.dueMs >= job.queuedMs) return; // It comes up early and is put back then.
    job.queuedMs = job.dueMs;
    this.#push({ dueMs: job.dueMs, job });
  }

  /** No later than the first job is due; it may be early, which costs an empty tick. */
  nextDueMs(): number {
    return this.#heap.length === 0 ? Number.POSITIVE_INFINITY : this.#heap[0]!.dueMs;
  }

  /** Runs what is due. A job that wants to run again sets itself. */
  run(now: number): void {
    this.#earliestMs = now + pauseMsMin;
    while (this.#heap.length > 0 && this.#heap[0]!.dueMs <= now) {
      const { dueMs, job } = this.#pop();
      if (dueMs !== job.queuedMs) continue; // Replaced by an earlier entry, which has run.
      job.queuedMs = Number.POSITIVE_INFINITY;
      const due = job.dueMs;
      if (due > now) {
        if (due < Number.POSITIVE_INFINITY) this.set(job, due);
        continue;
      }
      job.dueMs = Number.POSITIVE_INFINITY;
      job.onDue(now);
    }
    this.#earliestMs = Number.NEGATIVE_INFINITY;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.dueMs <= entry.dueMs) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): Entry {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.dueMs < heap[child]!.dueMs) child++;
      if (heap[child]!.dueMs >= last.dueMs) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}
