// What eventual keys must hold, worked out from a log of the operations alone: each write with its
// stamp and with what its writer had seen. No lattice, no deltas, no order of arrival: only "a
// write counts unless some remover saw it" (design.md section 4, merge-rules 5 to 9).
//
// A key is a set of cells: one for a string, one per field, member or element otherwise. A cell has
// a base and increments; a set's member is a base without text. The first letter of a key says its
// type, so that no types clash.
//
// Left out: deadlines and type clashes, whose keys are judged by convergence alone; the order of a
// list.

import { utf8 } from "../base/bytes.js";
import type { Node } from "../node/node.js";
import type { SometimesName } from "./sometimes.js";
import type { Tally } from "./tally.js";

/** Times by replica name: what was seen of each stream. */
export type Seen = ReadonlyMap<string, number>;

export interface LoggedWrite {
  readonly key: string;
  /**
   * `set`, `increment`, `add` and `remove` concern a cell; `delete` all of them. What a `set`
   * replaces it has seen.
   */
  readonly kind: "set" | "delete" | "increment" | "add" | "remove";
  /** The field, member or element; empty for a string. */
  readonly element: string;
  /** The value set. */
  readonly text: string;
  readonly by: number;
}

interface Entry extends LoggedWrite {
  readonly origin: string;
  readonly time: number;
  /** Place in the whole log: decides within a batch. */
  readonly order: number;
  /** What the writer had seen of the key's shard, without its open batch. */
  readonly seen: Seen;
  /** A client has heard that it is done. */
  isTold: boolean;
}

/** A write of the log, for its client to note that it was told. */
export type Told = Pick<Entry, "isTold">;

/** How keys of a type are read, by the first letter of the key. */
export const readings: Readonly<Record<string, (key: string) => readonly string[]>> = {
  t: (key) => ["GET", key],
  s: (key) => ["SMEMBERS", key],
  h: (key) => ["HGETALL", key],
  z: (key) => ["ZRANGE", key, "0", "-1", "WITHSCORES"],
  q: (key) => ["LRANGE", key, "0", "-1"],
};

/** Types whose elements have values: they are read in pairs. */
export const hasPairs = (key: string): boolean => key[0] === "h" || key[0] === "z";

/** What a replica has seen of the shard of a key; its open batch is not in it. */
export function seenBy({ shards, keyspace }: Pick<Node, "shards" | "keyspace">, key: string): Seen {
  const seen = new Map<string, number>();
  const { context } = shards.shards[shards.shardOfKey(utf8(key))]!;
  for (const [replica, time] of context.entries())
    seen.set(keyspace.replicas.nameOf(replica), time);
  return seen;
}

export class OperationLog {
  readonly #entries = new Map<string, Entry[]>();
  /** What was written together, on several keys. */
  #groups: (readonly Entry[])[] = [];
  #count = 0;

  get keys(): string[] {
    return [...this.#entries.keys()].sort();
  }

  /** Notes a write that the node has just made; its batch is still open. */
  add({ keyspace }: Pick<Node, "keyspace">, write: LoggedWrite, seen: Seen): Entry {
    const { replicas, self, batchTime } = keyspace;
    const entries = this.#entries.get(write.key) ?? [];
    this.#entries.set(write.key, entries);
    const origin = replicas.nameOf(self);
    const order = this.#count++;
    const entry = { ...write, origin, time: batchTime, order, seen, isTold: false };
    entries.push(entry);
    return entry;
  }

  /** Notes what one command or transaction has written. @param seenOf by key */
  addTogether(
    node: Pick<Node, "keyspace">,
    writes: readonly LoggedWrite[],
    seenOf: (key: string) => Seen,
  ): Told[] {
    const entries = writes.map((write) => this.add(node, write, seenOf(write.key)));
    if (new Set(entries.map(({ key }) => key)).size > 1) this.#groups.push(entries);
    return entries;
  }

  /**
   * Keys that were written together, of which a replica has seen some and not the others (merge
   * rule 20).
   */
  torn(node: Pick<Node, "shards" | "keyspace">): string | undefined {
    const group = this.#groups.find((entries) => {
      const isSeen = entries.map((entry) => covers(seenBy(node, entry.key), entry));
      if (!isSeen.includes(true) || !isSeen.includes(false)) return false;
      const made = isSeen.filter((_, place) => !this.#mayBeNothing(entries[place]!));
      return made.includes(true) && made.includes(false);
    });
    return group?.map(({ key }) => key).join(" ");
  }

  /**
   * A node has come back with its log: what one of its former lives wrote and the log lacks has
   * never been, if it goes on under the same name. Answers what clients were told of it all the
   * same; what came to nothing within its batch was never to be in the log.
   */
  forgetLost(node: Pick<Node, "shards" | "keyspace">, name: string): string[] {
    const self = node.keyspace.replicas.nameOf(node.keyspace.self);
    const told: string[] = [];
    for (const [key, entries] of this.#entries) {
      // A shard that it gave up before is whole with its keepers, who confirmed that.
      if (node.shards.released.isBare(node.shards.shardOfKey(utf8(key)))) continue;
      const seen = seenBy(node, key);
      const lost = entries.filter(
        (entry) => entry.origin.startsWith(`${name}/`) && !covers(seen, entry),
      );
      if (lost.length === 0) continue;
      if (lost.some((entry) => entry.isTold && !this.#mayBeNothing(entry))) told.push(key);
      // Each loss is told once, and may be forgiven.
      for (const entry of lost) entry.isTold = false;
      const never = lost.filter((entry) => entry.origin === self);
      this.#entries.set(
        key,
        entries.filter((entry) => !never.includes(entry)),
      );
      this.#groups = this.#groups.filter((group) => !group.some((entry) => never.includes(entry)));
    }
    return told;
  }

  /**
   * A node comes with an empty disk: what its clients were told of before is not to be found there.
   * If peers do not give it back before the next crash, that crash has not taken it.
   */
  forgive(name: string): void {
    for (const entries of this.#entries.values())
      for (const entry of entries) if (entry.origin.startsWith(`${name}/`)) entry.isTold = false;
  }

  /**
   * Writes whose stream a replica has not seen so far. What was added and removed within a batch
   * came to nothing, and a batch of nothing is not made.
   */
  unseen(key: string, seen: Seen): readonly { readonly origin: string; readonly order: number }[] {
    const unseen = (this.#entries.get(key) ?? []).filter((entry) => !covers(seen, entry));
    return unseen.filter((entry) => !this.#mayBeNothing(entry));
  }

  /** Whether another write of the same batch has taken it back, or it took back another one. */
  #mayBeNothing(entry: Entry): boolean {
    return (this.#entries.get(entry.key) ?? []).some(
      (other) =>
        other !== entry &&
        other.origin === entry.origin &&
        other.time === entry.time &&
        (removes(other, entry) || removes(entry, other)),
    );
  }

  /**
   * What a key must read as for a replica that has seen this much: text, or sorted members, fields
   * and values as `field=value`, or nothing.
   */
  expect(
    key: string,
    seen: Seen,
    sometimes?: Tally<SometimesName>,
  ): string | readonly string[] | undefined {
    const known = (this.#entries.get(key) ?? []).filter((entry) => covers(seen, entry));
    const removers = known.filter(({ kind }) => kind !== "add" && kind !== "increment");
    const left = known.filter((entry) => !removers.some((remover) => removes(remover, entry)));
    if (sometimes !== undefined) noteConflicts(left, removers, sometimes);
    if (key.startsWith("t")) return textOf(left);
    const cells = new Map<string, Entry[]>();
    for (const entry of left) {
      if (entry.kind === "delete" || entry.kind === "remove") continue;
      const cell = cells.get(entry.element);
      if (cell === undefined) cells.set(entry.element, [entry]);
      else cell.push(entry);
    }
    if (cells.size === 0) return undefined;
    const parts = [...cells].map(([element, cell]) =>
      hasPairs(key) ? `${element}=${textOf(cell)}` : element,
    );
    return parts.sort();
  }
}

const covers = (seen: Seen, { origin, time }: Entry): boolean => time <= (seen.get(origin) ?? 0);

/** Whether a remover means the cell of an entry. */
const concerns = (remover: Entry, { element }: Entry): boolean =>
  remover.kind === "delete" || remover.element === element;

const removes = (remover: Entry, entry: Entry): boolean =>
  concerns(remover, entry) && hasSeen(remover, entry);

function hasSeen(later: Entry, earlier: Entry): boolean {
  if (later.origin === earlier.origin && later.time === earlier.time)
    return earlier.order < later.order;
  return covers(later.seen, earlier);
}

function textOf(left: readonly Entry[]): string | undefined {
  const bases = left.filter(({ kind }) => kind === "set");
  bases.sort((a, b) => b.time - a.time || (a.origin < b.origin ? 1 : -1));
  const increments = left.filter(({ kind }) => kind === "increment");
  const base = bases[0];
  if (increments.length === 0) return base?.text;
  const sum = increments.reduce((total, { by }) => total + by, 0);
  if (base === undefined) return String(sum);
  return /^-?\d+$/.test(base.text) ? String(Number(base.text) + sum) : base.text;
}

function noteConflicts(
  left: readonly Entry[],
  removers: readonly Entry[],
  sometimes: Tally<SometimesName>,
): void {
  const outlived = (entry: Entry): boolean =>
    removers.some(
      (remover) => remover.time > entry.time && remover !== entry && concerns(remover, entry),
    );
  const survivors = left.filter(outlived);
  if (survivors.some(({ kind }) => kind === "add")) sometimes.add("add_survived_removal");
  if (survivors.some(({ kind }) => kind === "increment")) sometimes.add("increment_survived_reset");
  if (left.filter(({ kind }) => kind === "set").length > 1) sometimes.add("concurrent_sets");
}
