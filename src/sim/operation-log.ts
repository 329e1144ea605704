// What eventual keys must hold, worked out from a log of the operations alone: each write with its
// stamp and with what its writer had seen. No lattice, no deltas, no order of arrival: only "a
// write counts unless some remover saw it" (design.md section 4, merge-rules 5 to 9).
//
// Left out: deadlines and type clashes, whose keys are judged by convergence alone.

import { utf8 } from "../base/bytes.js";
import type { Node } from "../node/node.js";
import type { SometimesName } from "./sometimes.js";
import type { Tally } from "./tally.js";

/** Times by replica name: what was seen of each stream. */
export type Seen = ReadonlyMap<string, number>;

export interface LoggedWrite {
  readonly key: string;
  readonly kind: "set" | "delete" | "increment" | "add" | "remove";
  /** The value set, the member added or removed. */
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
}

/** What a replica has seen of the shard of a key; its open batch is not in it. */
export function seenBy({ shards, keyspace }: Node, key: string): Seen {
  const seen = new Map<string, number>();
  const { context } = shards.shards[shards.shardOfKey(utf8(key))]!;
  for (const [replica, time] of context.entries())
    seen.set(keyspace.replicas.nameOf(replica), time);
  return seen;
}

export class OperationLog {
  readonly #entries = new Map<string, Entry[]>();
  #count = 0;

  get keys(): string[] {
    return [...this.#entries.keys()].sort();
  }

  /** Notes a write that the node has just made; its batch is still open. */
  add({ keyspace }: Node, write: LoggedWrite, seen: Seen): void {
    const { replicas, self, batchTime } = keyspace;
    const entries = this.#entries.get(write.key) ?? [];
    this.#entries.set(write.key, entries);
    const origin = replicas.nameOf(self);
    entries.push({ ...write, origin, time: batchTime, order: this.#count++, seen });
  }

  /** Writes whose stream a replica has not seen so far. */
  unseen(key: string, seen: Seen): readonly { readonly origin: string; readonly order: number }[] {
    return (this.#entries.get(key) ?? []).filter((entry) => !covers(seen, entry));
  }

  /** What a key must read as for a replica that has seen this much: text, members or nothing. */
  expect(
    key: string,
    seen: Seen,
    sometimes?: Tally<SometimesName>,
  ): string | readonly string[] | undefined {
    const known = (this.#entries.get(key) ?? []).filter((entry) => covers(seen, entry));
    const removers = known.filter(({ kind }) => kind !== "add" && kind !== "increment");
    const left = known.filter((entry) => !removers.some((remover) => removes(remover, entry)));
    if (sometimes !== undefined) noteConflicts(left, removers, sometimes);
    const members = left.filter(({ kind }) => kind === "add").map(({ text }) => text);
    return members.length > 0 ? [...new Set(members)].sort() : textOf(left);
  }
}

const covers = (seen: Seen, { origin, time }: Entry): boolean => time <= (seen.get(origin) ?? 0);

const removes = (remover: Entry, entry: Entry): boolean =>
  (remover.kind !== "remove" || remover.text === entry.text) && hasSeen(remover, entry);

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
      (remover) =>
        remover.time > entry.time &&
        remover !== entry &&
        (remover.kind !== "remove" || remover.text === entry.text),
    );
  const survivors = left.filter(outlived);
  if (survivors.some(({ kind }) => kind === "add")) sometimes.add("add_survived_removal");
  if (survivors.some(({ kind }) => kind === "increment")) sometimes.add("increment_survived_reset");
  if (left.filter(({ kind }) => kind === "set").length > 1) sometimes.add("concurrent_sets");
}
