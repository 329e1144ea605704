// What the law suite's random histories reach. A law that holds because nothing ever happened says
// nothing: each situation that a rule is about must occur, and not by rare luck.

import fc from "fast-check";
import { expect, test } from "vitest";
import { type Cell, isLive } from "../../src/lattice/cell.js";
import { type KeyEntry, type Slot, slots } from "../../src/lattice/key-entry.js";
import { lattices } from "../../src/lattice/registry.js";
import { subjects } from "./arbitraries.js";
import type { LawReplica } from "./replica.js";
import { runScript, steps } from "./script.js";

const histories = 300;

/** Of so many histories, in how many each situation occurs. */
function tally(count: (note: (situation: string) => void) => void): Map<string, number> {
  const seen = new Map<string, number>();
  for (let i = 0; i < histories; i++) {
    const noted = new Set<string>();
    count((situation) => noted.add(situation));
    for (const situation of noted) seen.set(situation, (seen.get(situation) ?? 0) + 1);
  }
  return seen;
}

function noteCell(cell: Readonly<Cell>, note: (situation: string) => void): void {
  if (cell.siblings.length > 1) note("siblings");
  if (cell.siblings.length > 0 && cell.rows.some(isLive)) note("increments on a base");
  if (cell.rows.some((row) => !isLive(row))) note("a dead row");
  if (cell.rows.some((row) => isLive(row) && row.loTime > 0)) note("a row reset in part");
  if (cell.rows.filter(isLive).length > 1) note("rows of several writers");
}

test("sometimes: counters have siblings, several rows, dead rows and rows reset in part", () => {
  const scripts = fc.sample(steps(subjects.pn_counter.operation), histories);
  const seen = tally((note) => {
    runScript(subjects.pn_counter.lattice, scripts.pop()!, (changed) => {
      noteCell(changed.state as Cell, note);
    });
  });
  for (const situation of [
    "siblings",
    "increments on a base",
    "a dead row",
    "a row reset in part",
    "rows of several writers",
  ])
    expect(seen.get(situation) ?? 0, situation).toBeGreaterThan(histories / 50);
});

test("sometimes: keys have clashing types, hidden deadlines and more than one birth", () => {
  const scripts = fc.sample(steps(subjects.key.operation), histories);
  const seen = tally((note) => {
    runScript(subjects.key.lattice, scripts.pop()!, (replica) => {
      noteKey(replica as LawReplica<unknown, unknown, unknown, unknown>, note);
    });
  });
  for (const situation of [
    "clashing types",
    "a deadline that counts",
    "a deadline that does not count",
    "entries of several births in one slot",
    "a dead row",
    "siblings",
  ])
    expect(seen.get(situation) ?? 0, situation).toBeGreaterThan(histories / 50);
});

function noteKey(
  replica: LawReplica<unknown, unknown, unknown, unknown>,
  note: (situation: string) => void,
): void {
  const entry = replica.state as KeyEntry;
  const living = new Set<Slot>();
  const births = new Map<Slot, Set<string>>();
  entry.forEachCell((slot, _element, cell) => {
    noteCell(cell, note);
    for (const one of [...cell.siblings, ...cell.rows.filter(isLive)]) {
      if (slot !== slots.deadline) living.add(slot);
      births.set(slot, (births.get(slot) ?? new Set()).add(`${one.bornTime} ${one.bornReplica}`));
    }
  });
  if (living.size > 1) note("clashing types");
  if ([...living].some((slot) => births.get(slot)!.size > 1))
    note("entries of several births in one slot");
  const view = lattices.key.query(entry, replica.replicas);
  if (view === undefined) return;
  if (view.deadlineMs !== undefined) note("a deadline that counts");
  else if (entry.cell(slots.deadline)?.siblings.some((one) => one.value.length > 0))
    note("a deadline that does not count");
}
