// The compact element store agrees with the plain one: the same operations, joins and deltas give
// the same cells, the same bytes and the same figures, while elements move between their compact
// and their unfolded form.

import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteWriter, utf8 } from "../../src/base/bytes.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import { VersionVector } from "../../src/clock/version-vector.js";
import { ElementTable } from "../../src/keyspace/element-table.js";
import { Keyspace } from "../../src/keyspace/keyspace.js";
import { CellMap } from "../../src/lattice/cell-map.js";
import { integer } from "../../src/lattice/decimal.js";
import type { ElementStore } from "../../src/lattice/element-store.js";
import { NameCodec } from "../../src/lattice/replica-codec.js";

type Step =
  | { readonly kind: "assign"; readonly element: string; readonly value: string }
  | { readonly kind: "increment"; readonly element: string }
  | { readonly kind: "clear"; readonly element: string }
  | { readonly kind: "clearAll" }
  | { readonly kind: "join" };

const element = fc.constantFrom("a", "b", "c", "\xff\x00", "", "long".repeat(30));
const value = fc.oneof(fc.string({ maxLength: 8 }), fc.constant("LONG"));

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("assign" as const), element, value }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("increment" as const), element }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("clear" as const), element }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("clearAll" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("join" as const) }) },
);

/** One replica: a store, what it has seen, and its own stream of stamps. */
class Side {
  readonly seen = new VersionVector();
  readonly store: ElementStore;
  readonly replica: number;

  constructor(store: ElementStore, replica: number) {
    this.store = store;
    this.replica = replica;
  }

  apply(step: Step, time: number, replicas: ReplicaTable): void {
    const stamp = { time, replica: this.replica };
    const born = this.store.birth(replicas) ?? stamp;
    this.seen.advance(this.replica, time);
    if (step.kind === "assign") {
      this.store.assign(
        step.element,
        stamp,
        born,
        utf8(step.value === "LONG" ? "x".repeat(40_000) : step.value),
      );
    } else if (step.kind === "increment") {
      this.store.increment(step.element, stamp, born, integer(3n));
    } else if (step.kind === "clear") {
      this.store.clear(step.element, this.replica);
    } else {
      this.store.clearAll(this.replica);
    }
  }

  joinFrom(other: Side): void {
    this.store.join(this.seen, other.store, other.seen);
    this.seen.join(other.seen);
  }
}

function bytesOf(store: ElementStore, replicas: ReplicaTable): string {
  const writer = new ByteWriter();
  store.encode(writer, new NameCodec(replicas), replicas);
  return Buffer.from(writer.view()).toString("latin1");
}

test("element table: agrees with the plain store under writes and joins of two replicas", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.boolean(), step), { maxLength: 40 }),
      (steps: [boolean, Step][]) => {
        const replicas = new ReplicaTable();
        const keyspace = new Keyspace({ replicas, self: "n1/1" });
        const other = replicas.indexOf("n2/1");
        const compact = [
          new Side(new ElementTable(keyspace), keyspace.self),
          new Side(new ElementTable(keyspace), other),
        ];
        const plain = [new Side(new CellMap(), keyspace.self), new Side(new CellMap(), other)];
        let time = 0;
        for (const [first, step] of steps) {
          const at = first ? 0 : 1;
          time++;
          for (const sides of [compact, plain]) {
            if (step.kind === "join") sides[at]!.joinFrom(sides[1 - at]!);
            else sides[at]!.apply(step, time, replicas);
          }
          const store = compact[at]!.store;
          expect(bytesOf(store, replicas)).toBe(bytesOf(plain[at]!.store, replicas));
          expect(store.visibleCount).toBe(plain[at]!.store.visibleCount);
          expect(store.birth(replicas)).toEqual(plain[at]!.store.birth(replicas));
          expect(store.equals(plain[at]!.store, replicas)).toBe(true);
        }
        for (const side of compact) expect(side.store.verify(replicas)).toBe(true);
        keyspace.verifyInvariants();
        for (const side of compact) side.store.release?.();
        keyspace.verifyInvariants();
        expect(keyspace.arena.liveBytes).toBe(0);
      },
    ),
    { numRuns: 120 },
  );
});
