// A consumer group of a stream: how far it has read, its consumers, and what was delivered and not
// acknowledged (pending-table.ts). A group or a consumer that others refer to before its own cell
// has come, or after it went, stands in as a ghost: it holds what is there and no reader sees it.

import type { StreamId } from "../lattice/stream-id.js";
import { idMin } from "../lattice/stream-id.js";
import { ObjectTable } from "./object-table.js";
import { PendingTable } from "./pending-table.js";
import type { EntryStamp } from "./stream-chunk.js";

export class StreamConsumer {
  readonly name: string;
  /** Its place in the group. */
  number = 0;
  /** Undefined for a ghost. */
  stamp: EntryStamp | undefined;
  /** Unix milliseconds. */
  seenMs = 0;
  pendingCount = 0;

  constructor(name: string) {
    this.name = name;
  }
}

export class StreamGroup {
  readonly name: string;
  /** Undefined for a ghost. */
  stamp: EntryStamp | undefined;
  lastId: StreamId = idMin;
  /** -1 when it is not known. */
  entriesRead = -1n;
  readonly pending = new PendingTable();
  readonly #consumers = new Map<string, StreamConsumer>();
  readonly #byNumber = new ObjectTable<StreamConsumer>();

  constructor(name: string) {
    this.name = name;
  }

  /** Nothing is left, not even for a ghost. */
  get isBlank(): boolean {
    return this.stamp === undefined && this.#consumers.size === 0;
  }

  consumer(name: string): StreamConsumer | undefined {
    return this.#consumers.get(name);
  }

  consumerOf(number: number): StreamConsumer {
    return this.#byNumber.get(number);
  }

  /** The consumer, or a ghost made for it. */
  reach(name: string): StreamConsumer {
    const known = this.#consumers.get(name);
    if (known !== undefined) return known;
    const consumer = new StreamConsumer(name);
    consumer.number = this.#byNumber.put(consumer);
    this.#consumers.set(name, consumer);
    return consumer;
  }

  /** Forgets a ghost for which nothing is pending. */
  dropIfBlank(consumer: StreamConsumer): void {
    if (consumer.stamp !== undefined || consumer.pendingCount > 0) return;
    this.#consumers.delete(consumer.name);
    this.#byNumber.remove(consumer.number);
  }

  /** Also ghosts, in no particular order. */
  allConsumers(): IterableIterator<StreamConsumer> {
    return this.#consumers.values();
  }

  /** Those that readers see, in the order of their names. */
  consumers(): StreamConsumer[] {
    return [...this.#consumers.values()]
      .filter(({ stamp }) => stamp !== undefined)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}
