// Where the log is forced: in the event loop, or beside it on a thread of Node's pool.
//
// Beside the loop the node goes on meanwhile, but each sync pays two changes of threads, and what
// arrives during it makes a group of its own: the clients split into groups that take turns, each
// with a sync for itself. While the loop waits, everything that arrives falls into the next group.
// On a disk that answers in a fraction of a millisecond waiting is cheaper. On one that does not,
// or for many bytes, it would keep readers and heartbeats from being served.
//
// So the loop waits for small syncs as long as recent ones were quick. One slow sync is what a disk
// that was quick can cost before this notices.

/** More bytes than this are written while the node works on other things. */
export const waitBytesMax = 16 * 1024;
/** A sync's share of the average: some eight of them decide. */
const weight = 1 / 8;

export class SyncPace {
  /** How long a recent sync took, about. */
  #averageMs = 0;
  /** The loop waits for syncs that take less than this on average; 0: never. */
  readonly waitMsMax: number;

  constructor(waitMsMax: number) {
    this.waitMsMax = waitMsMax;
  }

  /** Whether the loop may wait for a sync of so many bytes. */
  mayWait(bytes: number): boolean {
    return bytes <= waitBytesMax && this.#averageMs < this.waitMsMax;
  }

  /** A sync has taken so long, wherever it ran. */
  note(ms: number): void {
    this.#averageMs += (ms - this.#averageMs) * weight;
  }
}
