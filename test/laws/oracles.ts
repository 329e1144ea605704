// What a reader must see, computed from the log of operations alone (history.ts). Each oracle is
// the sentence of design.md section 4 for its type, written as a filter over the log: slow, and too
// simple to be wrong.

import type { Bytes } from "../../src/base/bytes.js";
import { fromUtf8, latin1, utf8 } from "../../src/base/bytes.js";
import type { SetOperation } from "../../src/lattice/add-wins-set.js";
import type { Decimal } from "../../src/lattice/decimal.js";
import type { ExpiryOperation } from "../../src/lattice/expiry-register.js";
import type { FieldOperation } from "../../src/lattice/field-map.js";
import type { RegisterOperation } from "../../src/lattice/mv-register.js";
import type { CounterOperation } from "../../src/lattice/pn-counter.js";
import { compareIds, higherId, idMin, idText } from "../../src/lattice/stream-id.js";
import type { StreamOperation, StreamView } from "../../src/lattice/stream-log.js";
import { type History, type Logged, unseenBy } from "./history.js";

/** Increments of the generators are multiples of this part of one. */
export const partsOfOne = 4n;

/** Assignments that no other operation has seen, by stamp. */
export function mvRegisterOracle(history: History<RegisterOperation>): Bytes[] {
  return unseenBy(history, history).flatMap(({ operation }) =>
    operation.kind === "assign" ? [operation.value] : [],
  );
}

export const lwwRegisterOracle = (history: History<{ value: Bytes }>): Bytes | undefined =>
  history.at(-1)?.operation.value;

export const maxRegisterOracle = (history: History<{ raiseTo: number }>): number =>
  Math.max(...history.map(({ operation }) => operation.raiseTo)) + 0; // Minus zero is zero.

export const gSetOracle = (history: History<{ add: string }>): string[] =>
  [...new Set(history.map(({ operation }) => operation.add))].sort();

export const gCounterOracle = (history: History<{ add: bigint }>): bigint =>
  history.reduce((sum, { operation }) => sum + operation.add, 0n);

/** The last assignment unseen by every reset, plus every increment unseen by every reset. */
export function pnCounterOracle(history: History<CounterOperation>): Bytes | undefined {
  const resets = history.filter(({ operation }) => operation.kind !== "increment");
  const alive = unseenBy(history, resets);
  const bases: Bytes[] = [];
  const increments: Decimal[] = [];
  for (const { operation } of alive) {
    if (operation.kind === "assign") bases.push(operation.value);
    if (operation.kind === "increment") increments.push(operation.by);
  }
  return readCounter(bases.at(-1), increments);
}

/**
 * A base that is no number hides the increments; without increments it is shown as it was written.
 */
export function readCounter(
  base: Bytes | undefined,
  increments: readonly Decimal[],
): Bytes | undefined {
  if (increments.length === 0) return base;
  const start = base === undefined ? 0n : partsIn(fromUtf8(base));
  if (start === undefined) return base;
  return utf8(textOfParts(increments.reduce((sum, by) => sum + partsOf(by), start)));
}

/** Quarters in an integer text; undefined for other text. */
const partsIn = (text: string): bigint | undefined =>
  /^-?\d+$/.test(text) ? BigInt(text) * partsOfOne : undefined;

const partsOf = ({ units, scale }: Decimal): bigint => (units * partsOfOne) / 10n ** BigInt(scale);

function textOfParts(parts: bigint): string {
  const size = parts < 0n ? -parts : parts;
  const fraction = ["", ".25", ".5", ".75"][Number(size % partsOfOne)]!;
  return `${parts < 0n ? "-" : ""}${size / partsOfOne}${fraction}`;
}

/** An element is in when some addition of it is unseen by every removal of it. */
export function addWinsSetOracle(history: History<SetOperation>): string[] {
  const elements = new Set<string>();
  for (const { operation } of history)
    if (operation.kind === "add") elements.add(operation.element);
  return [...elements].sort().filter((element) => {
    const about = history.filter(
      ({ operation }) => operation.kind === "clear" || operation.element === element,
    );
    const removals = about.filter(({ operation }) => operation.kind !== "add");
    return unseenBy(about, removals).some(({ operation }) => operation.kind === "add");
  });
}

/** Field by field a counter. */
export function fieldMapOracle(history: History<FieldOperation>): [string, Bytes][] {
  const fields = new Set<string>();
  for (const { operation } of history) if (operation.kind !== "clear") fields.add(operation.field);
  const view: [string, Bytes][] = [];
  for (const field of [...fields].sort()) {
    const value = pnCounterOracle(history.flatMap((logged) => aboutField(logged, field)));
    if (value !== undefined) view.push([field, value]);
  }
  return view;
}

function aboutField(logged: Logged<FieldOperation>, field: string): Logged<CounterOperation>[] {
  const { operation } = logged;
  if (operation.kind !== "clear" && operation.field !== field) return [];
  const isReset = operation.kind === "clear" || operation.kind === "remove";
  return [{ ...logged, operation: isReset ? { kind: "clear" } : operation }];
}

/** The latest deadline unseen by every other operation; PERSIST is the latest of all. */
export function expiryOracle(history: History<ExpiryOperation>): number | undefined {
  const deadlines = unseenBy(history, history).flatMap(({ operation }) => {
    if (operation.kind === "clear") return [];
    return [operation.kind === "persist" ? Number.POSITIVE_INFINITY : operation.deadlineMs];
  });
  return deadlines.length === 0 ? undefined : Math.max(...deadlines);
}

/** Few elements are counted exactly; these two share a register, and nobody can tell them apart. */
export const hyperLogLogOracle = (history: History<{ readonly add: Bytes }>): number =>
  new Set(history.map(({ operation }) => latin1(operation.add).replace("e144", "e87"))).size;

/**
 * Per id and replica the last addition unseen by every removal of the id and every trim above it;
 * the figures only grow.
 */
export function streamOracle(history: History<StreamOperation>): StreamView {
  const places = new Map<string, Logged<StreamOperation>>();
  let lastId = idMin;
  let maxDeletedId = idMin;
  for (const logged of history) {
    const { operation, batch } = logged;
    if (operation.kind === "remove") maxDeletedId = higherId(maxDeletedId, operation.id);
    if (operation.kind !== "add") continue;
    lastId = higherId(lastId, operation.id);
    const takesAway = ({ operation: other }: Logged<StreamOperation>): boolean =>
      other.kind === "remove"
        ? compareIds(other.id, operation.id) === 0
        : other.kind === "trim" && compareIds(operation.id, other.below) < 0;
    const isAlive = unseenBy([logged], history.filter(takesAway)).length > 0;
    // A removal hides what the replica added under the id before it as well.
    const place = `${idText(operation.id).padStart(12)} ${batch.replica}`;
    if (isAlive) places.set(place, logged);
    else places.delete(place);
  }
  const entries = [...places]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { operation }]): [string, Bytes] =>
      operation.kind === "add" ? [idText(operation.id), operation.value] : ["", utf8("")],
    );
  return { entries, lastId: idText(lastId), maxDeletedId: idText(maxDeletedId) };
}
