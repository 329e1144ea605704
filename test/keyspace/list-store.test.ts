// The store of lists agrees with the plain one: the same operations, joins and deltas give the same
// cells, the same bytes and the same figures, while elements move between their plain and their
// unfolded form and chunks are split and joined. And it is a sequence: what is read by index is
// what an array of values would hold.

import fc from "fast-check";
import { expect, test } from "vitest";
import { latin1, utf8 } from "../../src/base/bytes.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import { Keyspace } from "../../src/keyspace/keyspace.js";
import { ListStore } from "../../src/keyspace/list-store.js";
import { isVisible, winner } from "../../src/lattice/cell.js";
import { integer } from "../../src/lattice/decimal.js";
import type { ElementStore } from "../../src/lattice/element-store.js";
import { KeyEntry, slots } from "../../src/lattice/key-entry.js";
import {
  placeOf,
  positionBetween,
  positionFirst,
  positionLast,
} from "../../src/lattice/list-position.js";
import { runTwoReplicas, type Write } from "./two-replicas.js";

type Step =
  | { readonly kind: "pushLast" | "pushFirst"; readonly count: number; readonly value: string }
  | { readonly kind: "between" | "set"; readonly at: number; readonly value: string }
  | { readonly kind: "clear" | "increment"; readonly at: number }
  | { readonly kind: "odd"; readonly element: string; readonly value: string }
  | { readonly kind: "clearAll" | "join" | "delta" };

const value = fc.oneof(fc.string({ maxLength: 8 }), fc.constant("LONG"));
const at = fc.nat({ max: 1000 });
const kind = <K extends string>(...kinds: K[]) => fc.constantFrom(...kinds);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: kind("pushLast", "pushFirst"),
      count: fc.constantFrom(1, 2, 3, 150),
      value,
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: kind("between", "set"), at, value }) },
  { weight: 4, arbitrary: fc.record({ kind: kind("clear"), at }) },
  { weight: 1, arbitrary: fc.record({ kind: kind("increment"), at }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: kind("odd"),
      element: fc.constantFrom("", "\x00", "\xff", "\x02odd\x01"),
      value,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: kind("clearAll") }) },
  { weight: 4, arbitrary: fc.record({ kind: kind("join", "delta") }) },
);

function write(step: Step, { store, stamp, born, replicas }: Write): void {
  const sorted = store.sortedElements();
  switch (step.kind) {
    case "pushLast":
    case "pushFirst":
      for (let place = 0; place < step.count; place++) {
        const make = step.kind === "pushLast" ? positionLast : positionFirst;
        store.assign(make(stamp, place * 7, replicas), stamp, born, bytesOf(step.value));
      }
      break;
    case "between": {
      const index = step.at % (sorted.length + 1);
      const isOdd = (element: string | undefined) => element !== undefined && element.length < 9;
      if (isOdd(sorted[index - 1]) || isOdd(sorted[index])) break;
      const element = positionBetween(sorted[index - 1], sorted[index], stamp, 3, replicas);
      store.assign(element, stamp, born, bytesOf(step.value));
      break;
    }
    case "odd":
      store.assign(step.element, stamp, born, bytesOf(step.value));
      break;
    case "clearAll":
      store.clearAll(stamp.replica);
      break;
    default: {
      if (!("at" in step) || sorted.length === 0) break;
      const element = sorted[step.at % sorted.length]!;
      if (step.kind === "set") store.assign(element, stamp, born, bytesOf(step.value));
      else if (step.kind === "increment") store.increment(element, stamp, born, integer(3n));
      else store.clear(element, stamp.replica);
    }
  }
}

const bytesOf = (text: string) => utf8(text === "LONG" ? "x".repeat(5000) : text);

function expectSequence(store: ListStore, plain: ElementStore, replicas: ReplicaTable): void {
  const visible = plain.sortedElements().filter((element) => isVisible(plain.get(element)!));
  expect(store.visibleCount).toBe(visible.length);
  visible.forEach((element, index) => {
    store.seek(index);
    expect(store.position).toBe(element);
    const cell = plain.get(element)!;
    // Only a hostile peer counts in a list; commands need not read it.
    if (cell.rows.length > 0) return;
    store.load();
    const { value: held, valueStart, valueLength } = store;
    const text = latin1(held, valueStart, valueStart + valueLength);
    expect(text).toBe(latin1(winner(cell, replicas)!.value));
  });
}

test("list store: agrees with the plain store under writes, joins and deltas of two replicas", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.boolean(), step), { maxLength: 30, size: "max" }),
      (steps: [boolean, Step][]) => {
        const newStore = (keyspace: Keyspace) => new ListStore(keyspace);
        runTwoReplicas(steps, { newStore, write, check: expectSequence });
      },
    ),
    { numRuns: 40 },
  );
});

test("list store: pushes and removals at any index are those of an array", () => {
  const action = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ push: fc.boolean(), count: fc.integer({ min: 1, max: 90 }) }),
    },
    { weight: 4, arbitrary: fc.record({ from: at, count: fc.integer({ min: 1, max: 90 }) }) },
    { weight: 1, arbitrary: fc.constant("batch" as const) },
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40, size: "max" }), (actions) => {
      const keyspace = new Keyspace({ replicas: new ReplicaTable(), self: "n1/1" });
      keyspace.beginTurn(1_800_000_000_000);
      const store = new ListStore(keyspace);
      const entry = new KeyEntry(() => store);
      entry.isTracked = false;
      entry.adopt(slots.list, store);
      const array: string[] = [];
      let born = { time: keyspace.batchTime, replica: keyspace.self };
      let next = 0;
      for (const each of actions) {
        if (each === "batch") {
          keyspace.endBatch();
        } else if ("push" in each) {
          for (let i = 0; i < each.count; i++) {
            const text = `${next++}:${"v".repeat(next % 150)}`;
            if (array.length === 0) born = keyspace.stamp;
            store.push(entry, each.push, utf8(text), 0, text.length, born.time, born.replica);
            if (each.push) array.unshift(text);
            else array.push(text);
          }
        } else if (array.length > 0) {
          const from = each.from % array.length;
          const count = Math.min(each.count, array.length - from);
          store.seek(from);
          for (let i = 0; i < count; i++) store.remove(entry);
          array.splice(from, count);
        }
        const seen: string[] = [];
        if (array.length > 0) store.seek(0);
        for (let i = 0; i < array.length; i++, store.step(false)) {
          store.load();
          seen.push(latin1(store.value, store.valueStart, store.valueStart + store.valueLength));
        }
        expect(seen).toEqual(array);
        expect(store.verify(keyspace.replicas)).toBe(true);
      }
    }),
    { numRuns: 60 },
  );
});

test("list store: reading backwards is reading forwards, turned round", () => {
  const keyspace = new Keyspace({ replicas: new ReplicaTable(), self: "n1/1" });
  const store = new ListStore(keyspace);
  const entry = new KeyEntry(() => store);
  for (let i = 0; i < 700; i++)
    store.push(entry, i % 3 === 0, utf8(`${i}`), 0, `${i}`.length, 1, 0);
  const forwards: string[] = [];
  const backwards: string[] = [];
  const read = () => latin1(store.value, store.valueStart, store.valueStart + store.valueLength);
  store.seek(0);
  for (let i = 0; i < 700; i++, store.step(false)) {
    store.load();
    forwards.push(read());
  }
  store.seek(699);
  for (let i = 0; i < 700; i++, store.step(true)) {
    store.load();
    backwards.unshift(read());
  }
  expect(backwards).toEqual(forwards);
});

test("list store: what a position tells of a push, and of nothing else", () => {
  const replicas = new ReplicaTable();
  const stamp = { time: 12_345, replica: replicas.indexOf("n1/1") };
  for (const make of [positionFirst, positionLast])
    for (const place of [0, 1, 0xf7, 0xf8, 0xff, 0x1234_5678, 0xffff_ffff])
      expect(placeOf(make(stamp, place, replicas), stamp, replicas)).toBe(place);
  const one = positionLast(stamp, 1, replicas);
  const inner = positionBetween(one, undefined, stamp, 2, replicas);
  expect(placeOf(inner, stamp, replicas)).toBe(-1);
  expect(placeOf(one, { ...stamp, time: 12_346 }, replicas)).toBe(-1);
  expect(placeOf("", stamp, replicas)).toBe(-1);
  // A long spelling of a small place is no position.
  const long = positionLast(stamp, 0xf8, replicas);
  expect(placeOf(`${long.slice(0, -2)}\x07\x01`, stamp, replicas)).toBe(-1);
});
