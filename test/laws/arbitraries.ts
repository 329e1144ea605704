// What each lattice contributes to the law suite: how its operations are drawn and what a reader
// must see (oracles.ts). Values and elements are few, so that operations meet.

import fc from "fast-check";
import { utf8 } from "../../src/base/bytes.js";
import type { ReplicaTable } from "../../src/clock/replica-table.js";
import type { SetOperation } from "../../src/lattice/add-wins-set.js";
import type { CellMap } from "../../src/lattice/cell-map.js";
import { type Decimal, parseDecimal } from "../../src/lattice/decimal.js";
import type { ExpiryOperation } from "../../src/lattice/expiry-register.js";
import type { FieldOperation } from "../../src/lattice/field-map.js";
import { type KeyEntry, slots } from "../../src/lattice/key-entry.js";
import { editKey, type KeyOperation, type TimedOperation } from "../../src/lattice/key-lattice.js";
import type { Lattice, Write } from "../../src/lattice/lattice.js";
import type { RegisterOperation } from "../../src/lattice/mv-register.js";
import type { CounterOperation } from "../../src/lattice/pn-counter.js";
import { type LatticeName, lattices } from "../../src/lattice/registry.js";
import { idOf } from "../../src/lattice/stream-id.js";
import type { StreamOperation } from "../../src/lattice/stream-log.js";
import type { History } from "./history.js";
import { keyOracle } from "./key-oracle.js";
import {
  addWinsSetOracle,
  expiryOracle,
  fieldMapOracle,
  gCounterOracle,
  gSetOracle,
  hyperLogLogOracle,
  lwwRegisterOracle,
  maxRegisterOracle,
  mvRegisterOracle,
  pnCounterOracle,
  streamOracle,
} from "./oracles.js";

export interface LawSubject<State, Delta, Operation, Value> {
  readonly lattice: Lattice<State, Delta, Operation, Value>;
  readonly operation: fc.Arbitrary<Operation>;
  readonly oracle: (history: History<Operation>) => Value;
  /** Whether figures that the state keeps beside its entries agree with them. */
  readonly verify?: (state: State, replicas: ReplicaTable) => boolean;
  /**
   * The path of production: a batch changes the state in place. It must end where the delta ends.
   */
  readonly editInPlace?: (state: State, operations: readonly Operation[], write: Write) => void;
}

const element = fc.constantFrom("a", "b", "\xff");
const value = fc.constantFrom("x", "y", "", "10", "-3").map(utf8);
const deadlineMs = fc.constantFrom(1000, 2000, 3000);
const by: fc.Arbitrary<Decimal> = fc
  .constantFrom("1", "2", "3", "-1", "-4", "0", "0.25", "0.5", "-0.75")
  .map((text) => parseDecimal(text)!);

const kind = <K extends string>(name: K): { kind: fc.Arbitrary<K> } => ({
  kind: fc.constant(name),
});

const registerOperation: fc.Arbitrary<RegisterOperation> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ ...kind("assign"), value }) },
  { weight: 1, arbitrary: fc.record(kind("clear")) },
);

const counterOperation: fc.Arbitrary<CounterOperation> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ ...kind("increment"), by }) },
  { weight: 2, arbitrary: fc.record({ ...kind("assign"), value }) },
  { weight: 1, arbitrary: fc.record(kind("clear")) },
);

const setOperation: fc.Arbitrary<SetOperation> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ ...kind("add"), element }) },
  { weight: 4, arbitrary: fc.record({ ...kind("remove"), element }) },
  { weight: 1, arbitrary: fc.record(kind("clear")) },
);

const fieldOperation: fc.Arbitrary<FieldOperation> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ ...kind("increment"), field: element, by }) },
  { weight: 3, arbitrary: fc.record({ ...kind("assign"), field: element, value }) },
  { weight: 2, arbitrary: fc.record({ ...kind("remove"), field: element }) },
  { weight: 1, arbitrary: fc.record(kind("clear")) },
);

const entryId = fc.integer({ min: 1, max: 4 }).map((ms) => idOf(0, ms, 0, 0));

const streamOperation: fc.Arbitrary<StreamOperation> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ ...kind("add"), id: entryId, value }) },
  { weight: 3, arbitrary: fc.record({ ...kind("remove"), id: entryId }) },
  { weight: 1, arbitrary: fc.record({ ...kind("trim"), below: entryId }) },
);

const expiryOperation: fc.Arbitrary<ExpiryOperation> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ ...kind("expire"), deadlineMs }) },
  { weight: 1, arbitrary: fc.record(kind("persist")) },
  { weight: 1, arbitrary: fc.record(kind("clear")) },
);

const place = fc.oneof(
  fc.record({ slot: fc.constant(slots.string), element: fc.constant("") }),
  fc.record({ slot: fc.constantFrom(slots.hash, slots.set), element }),
);
const counterPlace = fc.oneof(
  fc.record({ slot: fc.constant(slots.string), element: fc.constant("") }),
  fc.record({ slot: fc.constant(slots.hash), element }),
);
const keyOperation: fc.Arbitrary<KeyOperation> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ ...kind("set"), value }) },
  {
    weight: 5,
    arbitrary: fc.tuple(place, value).map(([at, v]) => ({ kind: "put" as const, ...at, value: v })),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(counterPlace, by)
      .map(([at, n]) => ({ kind: "increment" as const, ...at, by: n })),
  },
  { weight: 4, arbitrary: place.map((at) => ({ kind: "remove" as const, ...at })) },
  { weight: 2, arbitrary: fc.record(kind("delete")) },
  { weight: 3, arbitrary: fc.record({ ...kind("expire"), deadlineMs }) },
  { weight: 1, arbitrary: fc.record(kind("persist")) },
);
const timedOperation: fc.Arbitrary<TimedOperation> = fc.record({
  operation: keyOperation,
  isLate: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, fc.constant(true)),
});

/** The first two fall to one register, with unlike runs. */
const countedElement = fc.constantFrom("e87", "e144", "e1", "e2", "e3", "e4", "e5").map(utf8);

const verifyMap = (state: CellMap, replicas: ReplicaTable): boolean => state.verify(replicas);

function editKeyInPlace(
  state: KeyEntry,
  operations: readonly TimedOperation[],
  write: Write,
): void {
  for (const operation of operations) editKey(state, operation, write);
  state.takeDelta();
}

const subject = <State, Delta, Operation, Value>(
  it: LawSubject<State, Delta, Operation, Value>,
): LawSubject<unknown, unknown, unknown, unknown> =>
  it as LawSubject<unknown, unknown, unknown, unknown>;

/** One line for each lattice of the registry; the suite fails when one is missing. */
export const subjects: Record<LatticeName, LawSubject<unknown, unknown, unknown, unknown>> = {
  mv_register: subject({
    lattice: lattices.mv_register,
    operation: registerOperation,
    oracle: mvRegisterOracle,
  }),
  lww_register: subject({
    lattice: lattices.lww_register,
    operation: fc.record({ value }),
    oracle: lwwRegisterOracle,
  }),
  max_register: subject({
    lattice: lattices.max_register,
    operation: fc.record({ raiseTo: fc.oneof(fc.integer(), fc.constant(0), fc.constant(-0)) }),
    oracle: maxRegisterOracle,
  }),
  g_set: subject({
    lattice: lattices.g_set,
    operation: fc.record({ add: fc.oneof(element, fc.constantFrom("c", "dd", "")) }),
    oracle: gSetOracle,
  }),
  g_counter: subject({
    lattice: lattices.g_counter,
    operation: fc.record({ add: fc.bigInt({ min: 0n, max: 5n }) }),
    oracle: gCounterOracle,
  }),
  pn_counter: subject({
    lattice: lattices.pn_counter,
    operation: counterOperation,
    oracle: pnCounterOracle,
  }),
  add_wins_set: subject({
    lattice: lattices.add_wins_set,
    operation: setOperation,
    oracle: addWinsSetOracle,
    verify: verifyMap,
  }),
  field_map: subject({
    lattice: lattices.field_map,
    operation: fieldOperation,
    oracle: fieldMapOracle,
    verify: verifyMap,
  }),
  expiry_register: subject({
    lattice: lattices.expiry_register,
    operation: expiryOperation,
    oracle: expiryOracle,
  }),
  key: subject({
    lattice: lattices.key,
    operation: timedOperation,
    oracle: keyOracle,
    verify: (state: KeyEntry, replicas: ReplicaTable) => state.verify(replicas),
    editInPlace: editKeyInPlace,
  }),
  hyperloglog: subject({
    lattice: lattices.hyperloglog,
    operation: fc.record({ add: countedElement }),
    oracle: hyperLogLogOracle,
  }),
  stream_log: subject({
    lattice: lattices.stream_log,
    operation: streamOperation,
    oracle: streamOracle,
    verify: verifyMap,
  }),
};
