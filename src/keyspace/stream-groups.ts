// The consumer groups of a stream as elements of its store: groups, consumers and pending entries
// by their names, each read as a cell and put back from one (stream-element.ts).

import type { Bytes } from "../base/bytes.js";
import type { ReplicaIndex, Time } from "../clock/stamp.js";
import type { Cell } from "../lattice/cell.js";
import {
  consumerElement,
  decodeConsumer,
  decodeGroup,
  decodePending,
  elementKinds,
  encodeConsumer,
  encodeGroup,
  encodePending,
  groupElement,
  type ParsedElement,
  pendingElement,
} from "../lattice/stream-element.js";
import { idMin, type StreamId } from "../lattice/stream-id.js";
import type { EntryStamp } from "./stream-chunk.js";
import { StreamGroup } from "./stream-group.js";

/** Replicas and births that pending entries share, by number. Few, and never forgotten. */
interface Origin {
  readonly replica: ReplicaIndex;
  readonly bornTime: Time;
  readonly bornReplica: ReplicaIndex;
}

/** A cell of one value. */
export const cellOf = (stamp: EntryStamp, value: Bytes): Cell => ({
  siblings: [
    {
      time: stamp.time,
      replica: stamp.replica,
      bornTime: stamp.bornTime,
      bornReplica: stamp.bornReplica,
      value,
    },
  ],
  rows: [],
});

const groupBytes = 600;
const consumerBytes = 160;

export class StreamGroups {
  readonly #groups = new Map<string, StreamGroup>();
  readonly #origins: Origin[] = [];
  /** Elements that are there: groups, consumers and pending entries, no ghosts. */
  elementCount = 0;

  /** The group, if readers see it. */
  group(name: string): StreamGroup | undefined {
    const group = this.#groups.get(name);
    return group?.stamp === undefined ? undefined : group;
  }

  /** Those that readers see, in the order of their names. */
  all(): StreamGroup[] {
    return this.#sorted().filter(({ stamp }) => stamp !== undefined);
  }

  #sorted(): StreamGroup[] {
    return [...this.#groups.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  #reach(name: string): StreamGroup {
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = new StreamGroup(name);
      this.#groups.set(name, group);
    }
    return group;
  }

  #dropIfBlank(group: StreamGroup): void {
    if (group.isBlank) this.#groups.delete(group.name);
  }

  originOf({ replica, bornTime, bornReplica }: Origin): number {
    const origins = this.#origins;
    for (let number = origins.length - 1; number >= 0; number--) {
      const known = origins[number]!;
      if (known.replica === replica && known.bornTime === bornTime)
        if (known.bornReplica === bornReplica) return number;
    }
    return origins.push({ replica, bornTime, bornReplica }) - 1;
  }

  /** The stamp of the pending entry that a group's table stands at. */
  pendingStamp({ pending }: StreamGroup): EntryStamp {
    return { time: pending.time, ...this.#origins[pending.origin]! };
  }

  /**
   * Writes a pending entry of a group that is there, over what may be there; answers the stamp that
   * was written over.
   */
  setPending(
    group: StreamGroup,
    id: StreamId,
    name: string,
    deliveredMs: number,
    deliveries: bigint,
    stamp: EntryStamp,
  ): EntryStamp | undefined {
    const { pending } = group;
    const consumer = group.reach(name);
    const { number } = consumer;
    const origin = this.originOf(stamp);
    const row = { consumer: number, deliveredMs, deliveries, time: stamp.time, origin };
    consumer.pendingCount++;
    if (!pending.find(id)) {
      pending.insert(id, row);
      this.elementCount++;
      return undefined;
    }
    const before = this.pendingStamp(group);
    const holder = group.consumerOf(pending.consumer);
    pending.set(row);
    holder.pendingCount--;
    group.dropIfBlank(holder);
    return before;
  }

  /** Removes the pending entry that a group's table stands at. */
  removePending(group: StreamGroup): void {
    const consumer = group.consumerOf(group.pending.consumer);
    group.pending.remove();
    consumer.pendingCount--;
    group.dropIfBlank(consumer);
    this.elementCount--;
  }

  /** Bytes that groups, consumers and what is pending take; the objects by estimate. */
  get memoryBytes(): number {
    let bytes = 0;
    for (const group of this.#groups.values())
      bytes += groupBytes + group.pending.memoryBytes + group.consumers().length * consumerBytes;
    return bytes;
  }

  clear(): void {
    this.#groups.clear();
    this.elementCount = 0;
  }

  // ---- by element

  /** The stamp and the value of an element; undefined when it is not there. */
  read(at: ParsedElement): { stamp: EntryStamp; value: Bytes } | undefined {
    const group = this.#groups.get(at.group);
    if (group === undefined) return undefined;
    switch (at.kind) {
      case elementKinds.group:
        return group.stamp && { stamp: group.stamp, value: encodeGroup(group) };
      case elementKinds.consumer: {
        const consumer = group.consumer(at.name);
        if (consumer?.stamp === undefined) return undefined;
        return { stamp: consumer.stamp, value: encodeConsumer(consumer.seenMs) };
      }
      default: {
        const { pending } = group;
        if (!pending.find(at.id)) return undefined;
        const consumer = group.consumerOf(pending.consumer).name;
        const { deliveredMs, deliveries } = pending;
        const value = encodePending({ deliveredMs, deliveries, consumer });
        return { stamp: this.pendingStamp(group), value };
      }
    }
  }

  /** Takes an element away that is there. */
  remove(at: ParsedElement): void {
    const group = this.#groups.get(at.group)!;
    if (at.kind !== elementKinds.pending) this.elementCount--;
    if (at.kind === elementKinds.group) {
      group.stamp = undefined;
      group.lastId = idMin;
      group.entriesRead = -1n;
    } else if (at.kind === elementKinds.consumer) {
      const consumer = group.consumer(at.name)!;
      consumer.stamp = undefined;
      consumer.seenMs = 0;
      group.dropIfBlank(consumer);
    } else {
      group.pending.find(at.id);
      this.removePending(group);
    }
    this.#dropIfBlank(group);
  }

  /** Puts an element that is not there. False when the value is none of its kind. */
  put(at: ParsedElement, stamp: EntryStamp, value: Bytes): boolean {
    if (at.kind === elementKinds.group) {
      const figures = decodeGroup(value);
      if (figures === undefined) return false;
      const group = this.#reach(at.group);
      group.stamp = stamp;
      group.lastId = figures.lastId;
      group.entriesRead = figures.entriesRead;
    } else if (at.kind === elementKinds.consumer) {
      const seenMs = decodeConsumer(value);
      if (seenMs === undefined) return false;
      const consumer = this.#reach(at.group).reach(at.name);
      consumer.stamp = stamp;
      consumer.seenMs = seenMs;
    } else {
      const figures = decodePending(value);
      if (figures === undefined) return false;
      const { consumer, deliveredMs, deliveries } = figures;
      this.setPending(this.#reach(at.group), at.id, consumer, deliveredMs, deliveries, stamp);
      return true;
    }
    this.elementCount++;
    return true;
  }

  /** Every element that is there, in the order of their names. */
  *elements(): IterableIterator<[string, Cell]> {
    const groups = this.#sorted();
    for (const group of groups)
      if (group.stamp !== undefined)
        yield [groupElement(group.name), cellOf(group.stamp, encodeGroup(group))];
    // In these names the length of the group's stands first.
    groups.sort((a, b) => (groupKey(a) < groupKey(b) ? -1 : 1));
    for (const group of groups)
      for (const { name, stamp, seenMs } of group.consumers())
        yield [consumerElement(group.name, name), cellOf(stamp!, encodeConsumer(seenMs))];
    for (const group of groups) yield* this.#pendingOf(group);
  }

  *#pendingOf(group: StreamGroup): IterableIterator<[string, Cell]> {
    const { pending } = group;
    for (let has = pending.seek(idMin); has; ) {
      const { id, deliveredMs, deliveries } = pending;
      const consumer = group.consumerOf(pending.consumer).name;
      const value = encodePending({ deliveredMs, deliveries, consumer });
      yield [pendingElement(group.name, id), cellOf(this.pendingStamp(group), value)];
      // Whoever reads may have looked elsewhere meanwhile, or removed this one (`walk`).
      has = pending.find(id) ? pending.next() : pending.seek(id);
    }
  }

  /** The stamps of everything that is there. */
  *stamps(): IterableIterator<EntryStamp> {
    for (const [, { siblings }] of this.elements()) yield siblings[0]!;
  }

  verify(): boolean {
    let count = 0;
    for (const group of this.#groups.values()) {
      if (group.isBlank || !group.pending.verify()) return false;
      let held = 0;
      for (const consumer of group.allConsumers()) {
        held += consumer.pendingCount;
        if (consumer.stamp !== undefined) count++;
        else if (consumer.pendingCount === 0) return false;
      }
      if (held !== group.pending.count) return false;
      count += group.pending.count + (group.stamp === undefined ? 0 : 1);
    }
    return count === this.elementCount;
  }
}

const groupKey = ({ name }: StreamGroup): string => consumerElement(name, "");
