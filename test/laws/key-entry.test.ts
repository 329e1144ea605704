// The key as an object in use: batches, births and what a join may share. The laws are in
// laws.test.ts.

import { describe, expect, test } from "vitest";
import { AssertionError } from "../../src/base/assert.js";
import { emptyBytes, utf8 } from "../../src/base/bytes.js";
import { ReplicaTable } from "../../src/clock/replica-table.js";
import { VersionVector } from "../../src/clock/version-vector.js";
import { emptyCell, incrementCell, joinCell } from "../../src/lattice/cell.js";
import { CellMap } from "../../src/lattice/cell-map.js";
import { integer } from "../../src/lattice/decimal.js";
import { KeyEntry, onlyElement, slots } from "../../src/lattice/key-entry.js";

const replicas = new ReplicaTable();
const [n1, n2] = [replicas.indexOf("n1"), replicas.indexOf("n2")];
const at = (time: number, replica = n1) => ({ time, replica });
const nothingSeen = new VersionVector();

function seen(...entries: readonly [number, number][]): VersionVector {
  const vector = new VersionVector();
  for (const [replica, time] of entries) vector.advance(replica, time);
  return vector;
}

describe("batches", () => {
  test("a delta is the net change: what came and went in the batch is not in it", () => {
    const key = new KeyEntry();
    key.assign(slots.set, "a", at(1), at(1), emptyBytes);
    key.takeDelta();
    key.assign(slots.set, "b", at(2), at(1), emptyBytes);
    key.clear(slots.set, "b", n1);
    key.assign(slots.set, "a", at(2), at(1), emptyBytes);
    const delta = key.takeDelta();
    expect(delta.map(({ element }) => element)).toEqual(["a"]);
    expect(delta[0]!.removed).toEqual([at(1)]);
    expect(delta[0]!.fragment.siblings.map(({ time }) => time)).toEqual([2]);
    expect([key.hasDelta, key.takeDelta()]).toEqual([false, []]);
  });

  test("a row extended and then removed in one batch is named by the stamp that others have", () => {
    const key = new KeyEntry();
    key.increment(slots.string, onlyElement, at(1), at(1), integer(3n));
    const first = key.takeDelta();
    key.increment(slots.string, onlyElement, at(2), at(1), integer(4n));
    key.clear(slots.string, onlyElement, n1);
    const second = key.takeDelta();
    expect(second[0]!.removed).toEqual([at(1)]);
    const peer = new KeyEntry();
    for (const change of first) peer.apply(nothingSeen, change);
    for (const change of second) peer.apply(seen([n1, 1]), change);
    expect(peer.isBlank).toBe(true);
  });

  test("nothing is joined into a key whose batch is open", () => {
    // The batch would mix what it saw with what it did not: LPUSH lands behind elements it saw
    // (merge-rules 3).
    const key = new KeyEntry();
    key.assign(slots.list, "p", at(1), at(1), utf8("x"));
    const other = new KeyEntry();
    other.assign(slots.list, "q", at(5, n2), at(5, n2), utf8("y"));
    const [change] = other.takeDelta();
    expect(() => key.joinWith(nothingSeen, other, nothingSeen)).toThrow(AssertionError);
    expect(() => key.apply(nothingSeen, change!)).toThrow(AssertionError);
    key.takeDelta();
    key.joinWith(nothingSeen, other, nothingSeen);
    expect(key.slot(slots.list)!.visibleCount).toBe(2);
  });
});

describe("writing", () => {
  test("a write on a key of which only a deadline is left removes it first", () => {
    const key = new KeyEntry();
    key.assignDeadline(1000, at(1), at(1));
    key.takeDelta();
    expect(key.prepare(at(2), false, replicas)).toEqual(at(2));
    expect(key.isBlank).toBe(true);
    expect(key.takeDelta()[0]!.removed).toEqual([at(1)]);
  });

  test("emptying a key removes the deadline, and a visible element keeps it", () => {
    const key = new KeyEntry();
    for (const element of ["a", "b"]) key.assign(slots.set, element, at(1), at(1), emptyBytes);
    key.assignDeadline(1000, at(1), at(1));
    key.clear(slots.set, "a", n1);
    key.settle(n1);
    expect(key.deadline(replicas)).toBe(1000);
    key.clear(slots.set, "b", n1);
    key.settle(n1);
    expect(key.isBlank).toBe(true);
  });

  test("a peer's row stays as a dead one until its owner has taken it away", () => {
    const key = new KeyEntry();
    key.increment(slots.string, onlyElement, at(1, n2), at(1, n2), integer(3n));
    key.clearAll(n1);
    expect([key.isBlank, key.visibleSlot(replicas)]).toEqual([false, undefined]);
    key.clearAll(n2);
    expect(key.isBlank).toBe(true);
  });
});

describe("kept figures", () => {
  test("births of one time are decided by name, and the search is repeated when the last one goes", () => {
    const map = new CellMap();
    map.assign("a", at(9, n1), at(5, n1), emptyBytes);
    map.assign("b", at(9, n2), at(5, n2), emptyBytes);
    map.assign("c", at(9, n1), at(3, n1), emptyBytes);
    expect(map.birth(replicas)).toEqual(at(5, n2));
    map.clear("b", n1);
    expect(map.birth(replicas)).toEqual(at(5, n1));
    map.clear("a", n1);
    expect(map.birth(replicas)).toEqual(at(3, n1));
    map.clear("c", n1);
    expect([map.birth(replicas), map.isBlank, map.visibleCount]).toEqual([undefined, true, 0]);
    map.assign("d", at(4, n1), at(2, n1), emptyBytes);
    expect([map.birth(replicas), map.verify(replicas)]).toEqual([at(2, n1), true]);
  });
});

describe("ownership", () => {
  test("a join shares no row with the other side, a clone none with the original", () => {
    const theirs = emptyCell();
    incrementCell(theirs, at(1), at(1), integer(3n));
    const ours = emptyCell();
    joinCell(ours, nothingSeen, theirs, nothingSeen);
    incrementCell(theirs, at(2), at(1), integer(4n));
    expect(ours.rows[0]!.hi).toEqual(integer(3n));

    const map = new CellMap();
    map.increment("f", at(1), at(1), integer(3n));
    const copy = map.clone();
    map.increment("f", at(2), at(1), integer(4n));
    expect(copy.get("f")!.rows[0]!.hi).toEqual(integer(3n));
  });
});
