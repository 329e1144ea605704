// The drive loop of a real process: it gives the node the time when something is due, runs the
// periodic work, and closes the batch of a turn.

import type { Node } from "../node/node.js";
import { tendHeapGrowth } from "./heap-growth.js";
import { sampleFacts } from "./process-facts.js";

/** Period of the node's housekeeping, as Redis's default `hz` 10. */
const cronMs = 100;
/** How often a turn may be prolonged for what has just arrived. */
const gatheringsMax = 32;

export class Drive {
  readonly #node: Node;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;
  #dueMs = Number.POSITIVE_INFINITY;
  #cron: NodeJS.Timeout | undefined;
  /** Whether the listener holds what has arrived and was not worked on. */
  isMoreAtHand: () => boolean = () => false;
  #isTurnOpen = false;
  /** Something has happened since the end of the turn was last thought of. */
  #hasMore = false;
  #gatherings = 0;
  #crons = 0;
  #isStopped = false;

  /** @param now Unix milliseconds; the same clock as for the node's other turns. */
  constructor(node: Node, now: () => number = Date.now) {
    this.#node = node;
    this.#now = now;
  }

  start(): void {
    this.#cron = setInterval(() => this.#runCron(), cronMs);
    this.arm();
  }

  /** For good: a turn that is still under way arms no timer, which would keep the process alive. */
  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#cron);
    clearTimeout(this.#timer);
  }

  /**
   * Something happened to the node: its timers may have moved and its batch may be open. The batch
   * closes when the event loop has handed over all that had arrived.
   */
  turn(): void {
    this.#hasMore = true;
    if (this.#node.wantsEndTurn && !this.#isTurnOpen) {
      this.#isTurnOpen = true;
      this.#gatherings = 0;
      setImmediate(this.#closeTurn);
    }
    this.arm();
  }

  /**
   * Where replies wait for the disk, a turn goes on as long as asking the system brings more: what
   * comes a moment later needs no sync of its own then. Clients that were answered together ask
   * again one after another.
   */
  readonly #closeTurn = (): void => {
    const mayGather = this.#node.pace.wantsLongTurns && this.#gatherings++ < gatheringsMax;
    if (mayGather && (this.#hasMore || this.isMoreAtHand())) {
      this.#hasMore = false;
      setImmediate(this.#closeTurn);
      return;
    }
    this.#isTurnOpen = false;
    this.#node.endTurn();
    this.arm();
  };

  /** Sets the timer to the node's next due time. */
  arm(): void {
    const due = this.#node.nextDueMs();
    if (due === this.#dueMs || this.#isStopped) return;
    this.#dueMs = due;
    clearTimeout(this.#timer);
    if (due === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.#tick(), Math.max(0, due - this.#now()));
  }

  #tick(): void {
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.#node.beginTurn(this.#now());
    this.#node.tick();
    this.turn();
  }

  #runCron(): void {
    if (this.#crons++ % 10 === 0) {
      const { facts, settings } = this.#node.environment;
      sampleFacts(facts);
      tendHeapGrowth(facts.heapBytes, settings.number("maxmemory") > 0);
    }
    this.#node.beginTurn(this.#now());
    this.#node.cron();
    this.turn();
  }
}
