// Every lattice with three replicas: each writes once, out of a few operations, and states are sent
// and joined in any order. Delivery is everything that may go wrong with states: sent at any time,
// lost (never sent), repeated, overtaken.

import { ByteWriter, utf8 } from "../../src/base/bytes.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import { VersionVector } from "../../src/clock/version-vector.js";
import { parseDecimal } from "../../src/lattice/decimal.js";
import { slots } from "../../src/lattice/key-entry.js";
import { type LatticeName, lattices } from "../../src/lattice/registry.js";
import { NameCodec } from "../../src/lattice/replica-codec.js";
import { idOf } from "../../src/lattice/stream-id.js";
import type { World } from "../../src/sim/explorer.js";
import { subjects } from "../laws/arbitraries.js";
import { type Batch, historyOf } from "../laws/history.js";

const by = (text: string) => parseDecimal(text)!;
const key = (operation: object) => ({ operation, isLate: false });

/** What replicas may write; few enough that all of it is visited. */
export const menus: Record<LatticeName, readonly unknown[]> = {
  mv_register: [{ kind: "assign", value: utf8("x") }, { kind: "clear" }],
  lww_register: [{ value: utf8("x") }, { value: utf8("y") }],
  max_register: [{ raiseTo: 1 }, { raiseTo: 2 }],
  g_set: [{ add: "a" }, { add: "b" }],
  g_counter: [{ add: 1n }, { add: 2n }],
  pn_counter: [
    { kind: "increment", by: by("1") },
    { kind: "increment", by: by("-2") },
    { kind: "clear" },
  ],
  add_wins_set: [
    { kind: "add", element: "a" },
    { kind: "remove", element: "a" },
    { kind: "clear" },
  ],
  field_map: [
    { kind: "increment", field: "a", by: by("1") },
    { kind: "assign", field: "a", value: utf8("10") },
    { kind: "remove", field: "a" },
  ],
  expiry_register: [{ kind: "expire", deadlineMs: 1000 }, { kind: "persist" }, { kind: "clear" }],
  key: [
    key({ kind: "set", value: utf8("10") }),
    key({ kind: "increment", slot: slots.string, element: "", by: by("1") }),
    key({ kind: "put", slot: slots.set, element: "a", value: utf8("") }),
    key({ kind: "delete" }),
  ],
  stream_log: [
    { kind: "add", id: idOf(0, 1, 0, 0), value: utf8("x") },
    { kind: "remove", id: idOf(0, 1, 0, 0) },
    { kind: "trim", below: idOf(0, 2, 0, 0) },
  ],
  hyperloglog: [{ add: utf8("e87") }, { add: utf8("e144") }],
};

const names = ["a", "b", "c"];
/** Writes of one replica. */
const writesMax = 2;

interface Replica {
  state: unknown;
  seen: VersionVector;
  writes: number;
}

export class LatticeWorld implements World {
  readonly #lattice;
  readonly #oracle;
  readonly #menu: readonly unknown[];
  readonly #table = new ReplicaTable();
  readonly #codec = new NameCodec(this.#table);
  readonly #replicas: Replica[];
  readonly #batches: Batch<unknown>[] = [];

  readonly #writesMaxTotal: number;

  /** @param writesMaxTotal how often all replicas together write. */
  constructor(name: LatticeName, writesMaxTotal: number) {
    this.#writesMaxTotal = writesMaxTotal;
    const { lattice, oracle } = subjects[name];
    this.#lattice = lattice;
    this.#oracle = oracle;
    this.#menu = menus[name];
    for (const each of names) this.#table.indexOf(each);
    this.#replicas = names.map(() => ({
      state: lattice.bottom(),
      seen: new VersionVector(),
      writes: 0,
    }));
  }

  choices(): string[] {
    const found: string[] = [];
    this.#replicas.forEach(({ writes }, index) => {
      if (writes < writesMax && this.#batches.length < this.#writesMaxTotal)
        this.#menu.forEach((_, operation) => {
          found.push(`write ${index} ${operation}`);
        });
      for (const from of names.keys())
        if (from !== index && !this.#replicas[index]!.seen.includes(this.#replicas[from]!.seen))
          found.push(`join ${from} ${index}`);
    });
    return found;
  }

  take(choice: string): void {
    const [verb, first, second] = choice.split(" ");
    if (verb === "write") this.#write(Number(first), this.#menu[Number(second)]);
    else this.#join(this.#replicas[Number(first)]!, this.#replicas[Number(second)]!);
  }

  #write(index: number, operation: unknown): void {
    const replica = this.#replicas[index]!;
    const table = this.#table;
    const time = Math.max(0, ...[...replica.seen.entries()].map(([, at]) => at)) + 1;
    const stamp = { time, replica: index };
    const observed = new Map([...replica.seen.entries()].map(([r, at]) => [table.nameOf(r), at]));
    const write = { stamp, replicas: table };
    const delta = this.#lattice.mutate(replica.state, [operation], write);
    replica.state = this.#lattice.apply(replica.state, replica.seen, delta, table);
    replica.seen.advance(index, time);
    replica.writes++;
    this.#batches.push({ replica: names[index]!, time, observed, operations: [operation] });
  }

  #join(from: Replica, to: Replica): void {
    to.state = this.#lattice.join(to.state, to.seen, from.state, from.seen, this.#table);
    to.seen.join(from.seen);
  }

  fingerprint(): string {
    // What was written is a part of it: the oracle judges by that, and how much may still be.
    const written = this.#batches.map(
      ({ replica, time, observed, operations }) =>
        `${replica}${time}:${[...observed].join()}:${this.#menu.indexOf(operations[0])}`,
    );
    return `${this.#replicas.map((replica) => this.#textOf(replica)).join("|")}#${written.sort()}`;
  }

  #textOf({ state, seen }: Replica): string {
    const writer = new ByteWriter();
    this.#lattice.encode(writer, state, this.#codec, this.#table);
    return `${Buffer.from(writer.finish()).toString("base64")} ${[...seen.entries()].join(" ")}`;
  }

  always(): void {
    for (const replica of this.#replicas) {
      this.#judgeValue(replica);
      const copy = this.#copyOf(replica);
      this.#join(copy, copy);
      demand(this.#textOf(copy) === this.#textOf(replica), "joining with itself changes a state");
      for (const other of this.#replicas)
        if (other.seen.equals(replica.seen))
          demand(this.#textOf(other) === this.#textOf(replica), "same context, other state");
    }
  }

  #judgeValue({ state, seen }: Replica): void {
    const known = this.#batches.filter(({ replica, time }) =>
      seen.covers(time, this.#table.indexOf(replica)),
    );
    const expected = this.#oracle(historyOf(known));
    const actual = this.#lattice.query(state, this.#table);
    demand(show(actual) === show(expected), `reads ${show(actual)}, not ${show(expected)}`);
  }

  #copyOf({ state, seen, writes }: Replica): Replica {
    return { state: this.#lattice.clone(state), seen: seen.clone(), writes };
  }

  sometimes(): string[] {
    const met: string[] = [];
    const [a, b] = this.#replicas;
    if (!a!.seen.includes(b!.seen) && !b!.seen.includes(a!.seen)) met.push("concurrent");
    if (this.#batches.some(({ observed }) => observed.size > 0)) met.push("written in view");
    if (this.#replicas.every(({ seen }) => seen.equals(a!.seen)) && this.#batches.length > 1)
      met.push("all have seen all");
    return met;
  }

  /** (a b) c and c (b a), and each replica for itself. */
  finish(): void {
    const [a, b, c] = this.#replicas as [Replica, Replica, Replica];
    const [left, right] = [this.#copyOf(a), this.#copyOf(c)];
    const back = this.#copyOf(b);
    this.#join(b, left);
    this.#join(c, left);
    this.#join(a, back);
    this.#join(back, right);
    demand(this.#textOf(left) === this.#textOf(right), "the order of joins matters");
    this.#judgeValue(left);
  }
}

const show = (value: unknown): string =>
  JSON.stringify(value, (_key, each: unknown) => {
    if (typeof each === "bigint") return `${each}n`;
    if (each instanceof Map) return [...each].sort();
    if (each instanceof Set) return [...each].sort();
    return each;
  }) ?? "undefined";

function demand(holds: boolean, text: string): void {
  if (!holds) throw new Error(text);
}

export const latticeNames = Object.keys(lattices) as LatticeName[];
