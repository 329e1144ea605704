// The compact element store agrees with the plain one: the same operations, joins and deltas give
// the same cells, the same bytes and the same figures, while elements move between their compact
// and their unfolded form.

import fc from "fast-check";
import { expect, test } from "vitest";
import { utf8 } from "../../src/base/bytes.js";
import { ElementTable } from "../../src/keyspace/element-table.js";
import { integer } from "../../src/lattice/decimal.js";
import { runTwoReplicas, type Write } from "./two-replicas.js";

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

function write(step: Step, { store, stamp, born }: Write): void {
  if (step.kind === "assign") {
    const text = step.value === "LONG" ? "x".repeat(40_000) : step.value;
    store.assign(step.element, stamp, born, utf8(text));
  } else if (step.kind === "increment") store.increment(step.element, stamp, born, integer(3n));
  else if (step.kind === "clear") store.clear(step.element, stamp.replica);
  else store.clearAll(stamp.replica);
}

test("element table: agrees with the plain store under writes and joins of two replicas", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.boolean(), step), { maxLength: 40 }),
      (steps: [boolean, Step][]) => {
        const { keyspace, stores } = runTwoReplicas(steps, {
          newStore: (keyspace) => new ElementTable(keyspace),
          write,
          check: (store, plain) => expect(store.visibleCount).toBe(plain.visibleCount),
        });
        keyspace.verifyInvariants();
        for (const store of stores) store.release?.();
        keyspace.verifyInvariants();
        expect(keyspace.arena.liveBytes).toBe(0);
      },
    ),
    { numRuns: 120 },
  );
});
