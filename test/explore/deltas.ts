// Delta replication and anti-entropy between three replicas, over the production keyspace, shards
// and codecs: each batch reaches each other replica at any time, in any order, repeatedly or never;
// whole states travel between any two. What is read must be what the log of operations says, and
// equal contexts mean equal digests.

import type { Batch } from "../../src/keyspace/batch.js";
import type { Shards } from "../../src/keyspace/shards.js";
import type { World } from "../../src/sim/explorer.js";
import { type LoggedWrite, OperationLog, type Seen } from "../../src/sim/operation-log.js";
import { del, increment, read, sadd, set, srem } from "../replication/operations.js";
import { carry, newReplica } from "../replication/pair.js";

type Kind = LoggedWrite["kind"];

/** Runs a write; false when it has not written. */
const writes: Record<Kind, (shards: Shards, key: string) => boolean> = {
  set: ({ keyspace }, key) => set(keyspace, key, "10"),
  increment: ({ keyspace }, key) => increment(keyspace, key, 1),
  delete: ({ keyspace }, key) => del(keyspace, key),
  add: ({ keyspace }, key) => sadd(keyspace, key, "m"),
  remove: ({ keyspace }, key) => srem(keyspace, key, "m"),
};

const elementOf: Partial<Record<Kind, string>> = { add: "m", remove: "m" };

export interface DeltaScope {
  readonly replicaCount: number;
  readonly kinds: readonly Kind[];
  /** By all replicas together. */
  readonly writesMax: number;
  /** Whether whole states are sent. */
  readonly hasStates: boolean;
}

interface Sent {
  readonly from: number;
  readonly batch: Batch;
}

export class DeltaWorld implements World {
  readonly #scope: DeltaScope;
  readonly #key: string;
  readonly #replicas: Shards[];
  readonly #log = new OperationLog();
  readonly #sent: Sent[] = [];
  readonly #written: string[] = [];
  readonly #met = new Set<string>();

  constructor(scope: DeltaScope) {
    this.#scope = scope;
    this.#key = scope.kinds.includes("add") ? "s" : "t";
    this.#replicas = Array.from({ length: scope.replicaCount }, (_, index) =>
      newReplica(`r${index}`, { shardCount: 1 }),
    );
  }

  choices(): string[] {
    const found: string[] = [];
    if (this.#written.length < this.#scope.writesMax)
      for (const index of this.#replicas.keys())
        for (const kind of this.#scope.kinds) found.push(`write ${index} ${kind}`);
    this.#sent.forEach(({ from }, number) => {
      for (const to of this.#replicas.keys())
        if (to !== from) found.push(`deliver ${number} ${to}`);
    });
    if (this.#scope.hasStates)
      for (const from of this.#replicas.keys())
        for (const to of this.#replicas.keys()) if (to !== from) found.push(`state ${from} ${to}`);
    return found;
  }

  take(choice: string): void {
    const [verb, first, second] = choice.split(" ") as [string, string, string];
    if (verb === "write") this.#write(Number(first), second as Kind);
    else if (verb === "deliver") this.#deliver(this.#sent[Number(first)]!, Number(second));
    else this.#sendState(Number(first), Number(second));
  }

  #write(index: number, kind: Kind): void {
    const shards = this.#replicas[index]!;
    const seen = this.#seenBy(index);
    const hasWritten = writes[kind](shards, this.#key);
    this.#written.push(`${index}${kind}${[...seen].sort().join()}`);
    if (!hasWritten) return;
    const element = elementOf[kind] ?? "";
    this.#log.add(shards, { key: this.#key, kind, element, text: "10", by: 1 }, seen);
    for (const batch of shards.closeBatch()) this.#sent.push({ from: index, batch });
  }

  #deliver({ from, batch }: Sent, to: number): void {
    const [source, target] = [this.#replicas[from]!, this.#replicas[to]!];
    const outcome = target.apply(carry(batch, source, target));
    this.#met.add(`a batch is ${outcome}`);
  }

  #sendState(from: number, to: number): void {
    const [source, target] = [this.#replicas[from]!, this.#replicas[to]!];
    const before = target.context(0).clone();
    target.joinShard(source.encodeShard(0));
    if (!target.context(0).equals(before)) this.#met.add("a state brings news");
  }

  #seenBy(index: number): Seen {
    const { keyspace } = this.#replicas[index]!;
    const context = this.#replicas[index]!.context(0);
    return new Map(
      [...context.entries()].map(([replica, time]) => [keyspace.replicas.nameOf(replica), time]),
    );
  }

  /** Digests hash all that a replica holds (merge-rules 13); the logs decide what states do. */
  fingerprint(): string {
    const replicas = this.#replicas.map((shards, index) => {
      const logged = [...shards.shards[0]!.batches()].map(
        ({ origin, time }) => `${shards.keyspace.replicas.nameOf(origin)}${time}`,
      );
      return [...[...this.#seenBy(index)].sort(), shards.digest(0), ...logged.sort()].join(" ");
    });
    const sent = this.#sent.map(({ from, batch }) => `${from}:${batch.time}`);
    return [...replicas, sent.sort().join(), [...this.#written].sort().join()].join("|");
  }

  always(): void {
    this.#replicas.forEach((shards, index) => {
      shards.verifyInvariants();
      const expected = this.#log.expect(this.#key, this.#seenBy(index));
      const actual = read(shards.keyspace, this.#key);
      if (String(actual ?? "") !== String(expected ?? ""))
        throw new Error(`r${index} reads ${String(actual)}, not ${String(expected)}`);
      for (const other of this.#replicas) {
        const isSame = this.#textOf(other) === this.#textOf(shards);
        if (isSame && other.digest(0) !== shards.digest(0))
          throw new Error("same context, other digest");
      }
    });
  }

  #textOf(shards: Shards): string {
    return [...this.#seenBy(this.#replicas.indexOf(shards))].sort().join(" ");
  }

  sometimes(): string[] {
    const met = [...this.#met];
    if (new Set(this.#replicas.map((shards) => shards.digest(0))).size > 1)
      met.push("replicas differ");
    return met;
  }

  /** Anti-entropy alone brings everybody together, whatever was lost. */
  finish(): void {
    for (let round = 0; round < 2; round++)
      for (const from of this.#replicas.keys())
        for (const to of this.#replicas.keys()) if (to !== from) this.#sendState(from, to);
    if (new Set(this.#replicas.map((shards) => shards.digest(0))).size > 1)
      throw new Error("after all states were exchanged replicas differ");
    this.always();
  }
}
