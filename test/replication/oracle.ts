// What values must come out, worked out from a log of the operations alone: each write with its
// stamp and with what its writer had seen. No lattice, no deltas, no order of arrival: only "counts
// unless some remover saw it".

import { utf8 } from "../../src/base/bytes.js";
import type { Replica } from "./world.js";

export interface Logged {
  readonly key: string;
  readonly kind: "set" | "delete" | "increment" | "add" | "remove";
  readonly text: string;
  readonly by: number;
  readonly shard: number;
  readonly origin: string;
  readonly time: number;
  /** Place in the whole log: decides within a batch. */
  readonly order: number;
  /** What the writer had seen of the shard, without its open batch. */
  readonly seen: ReadonlyMap<string, number>;
}

export class OperationLog {
  readonly #logged: Logged[] = [];

  set(replica: Replica, key: string, text: string, run: () => boolean): void {
    this.#perform(replica, { key, kind: "set", text }, run);
  }

  increment(replica: Replica, key: string, by: number, run: () => boolean): void {
    this.#perform(replica, { key, kind: "increment", by }, run);
  }

  delete(replica: Replica, key: string, run: () => boolean): void {
    this.#perform(replica, { key, kind: "delete" }, run);
  }

  add(replica: Replica, key: string, text: string, run: () => boolean): void {
    this.#perform(replica, { key, kind: "add", text }, run);
  }

  remove(replica: Replica, key: string, text: string, run: () => boolean): void {
    this.#perform(replica, { key, kind: "remove", text }, run);
  }

  /** Runs an operation and remembers it, unless it changed nothing. */
  #perform(
    { keyspace, shards }: Replica,
    operation: Pick<Logged, "key" | "kind"> & { text?: string; by?: number },
    run: () => boolean,
  ): void {
    const shard = shards.shardOfKey(utf8(operation.key));
    const seen = new Map<string, number>();
    for (const [replica, time] of shards.shards[shard]!.context.entries())
      seen.set(keyspace.replicas.nameOf(replica), time);
    if (!run()) return;
    this.#logged.push({
      text: "",
      by: 0,
      ...operation,
      shard,
      origin: keyspace.replicas.nameOf(keyspace.self),
      time: keyspace.batchTime,
      order: this.#logged.length,
      seen,
    });
  }

  get keys(): string[] {
    return [...new Set(this.#logged.map(({ key }) => key))];
  }

  /** What a key must read as for a replica that has seen `context`. */
  expect(key: string, { keyspace, shards }: Replica): string | readonly string[] | undefined {
    const known = this.#logged.filter((entry) => {
      if (entry.key !== key) return false;
      const context = shards.context(entry.shard);
      return context.covers(entry.time, keyspace.replicas.indexOf(entry.origin));
    });
    const removers = known.filter(({ kind }) => kind !== "add" && kind !== "increment");
    const counts = (entry: Logged): boolean =>
      !removers.some(
        (remover) =>
          (remover.kind !== "remove" || remover.text === entry.text) && hasSeen(remover, entry),
      );
    const left = known.filter(counts);
    const members = left.filter(({ kind }) => kind === "add").map(({ text }) => text);
    if (members.length > 0) return [...new Set(members)].sort();
    return textOf(left);
  }
}

function hasSeen(later: Logged, earlier: Logged): boolean {
  if (later.origin === earlier.origin && later.time === earlier.time)
    return earlier.order < later.order;
  return earlier.time <= (later.seen.get(earlier.origin) ?? 0);
}

function textOf(left: readonly Logged[]): string | undefined {
  const bases = left.filter(({ kind }) => kind === "set");
  bases.sort((a, b) => b.time - a.time || (a.origin < b.origin ? 1 : -1));
  const increments = left.filter(({ kind }) => kind === "increment");
  const base = bases[0];
  if (increments.length === 0) return base?.text;
  const sum = increments.reduce((total, { by }) => total + by, 0);
  if (base === undefined) return String(sum);
  return /^-?\d+$/.test(base.text) ? String(Number(base.text) + sum) : base.text;
}
