// What a reader must see of one key, from the log alone. Every operation is replayed against its
// own view, the entries of the operations it saw less those they took away; what it adds and takes
// is remembered by name. A key is then all that was added and that nobody has taken. No cell, no
// row, no context occurs here.

import type { Bytes } from "../../src/base/bytes.js";
import type { Decimal } from "../../src/lattice/decimal.js";
import { type Slot, slots } from "../../src/lattice/key-entry.js";
import type { KeyView, TimedOperation } from "../../src/lattice/key-lattice.js";
import { type History, type Logged, saw } from "./history.js";
import { readCounter } from "./oracles.js";

interface Birth {
  readonly time: number;
  readonly replica: string;
}

interface Entry {
  readonly slot: Slot;
  readonly element: string;
  readonly writer: string;
  readonly born: Birth;
  readonly is:
    | { readonly value: Bytes }
    | { readonly by: Decimal }
    | { readonly deadlineMs: number };
}

interface Effect {
  readonly adds: readonly Entry[];
  readonly takes: ReadonlySet<Entry>;
}

type KeyHistory = History<TimedOperation>;

const effects = new WeakMap<Logged<TimedOperation>["batch"], Map<number, Effect>>();

export function keyOracle(history: KeyHistory): KeyView | undefined {
  const entries = alive(history);
  const slot = visibleSlot(entries);
  if (slot === undefined) return undefined;
  const inSlot = entries.filter((entry) => entry.slot === slot);
  const names = [...new Set(inSlot.map((entry) => entry.element))].sort();
  const elements = names.map((name): [string, Bytes] => {
    const ofName = inSlot.filter((entry) => entry.element === name);
    const values = ofName.flatMap(({ is }) => ("value" in is ? [is.value] : []));
    const increments = ofName.flatMap(({ is }) => ("by" in is ? [is.by] : []));
    return [name, readCounter(values.at(-1), increments)!];
  });
  return { slot, elements, deadlineMs: deadlineOf(entries) };
}

/** What the operations added and none of them has taken, in the order of their stamps. */
function alive(history: KeyHistory): Entry[] {
  const all = history.map((logged) => effectOf(logged, history));
  const taken = new Set(all.flatMap((effect) => [...effect.takes]));
  return all.flatMap((effect) => effect.adds).filter((entry) => !taken.has(entry));
}

/** An effect depends on what the operation saw and on nothing else, so it is worked out once. */
function effectOf(logged: Logged<TimedOperation>, history: KeyHistory): Effect {
  const ofBatch = effects.get(logged.batch) ?? new Map<number, Effect>();
  effects.set(logged.batch, ofBatch);
  let effect = ofBatch.get(logged.place);
  if (effect === undefined) {
    effect = decide(logged, alive(history.filter((other) => saw(logged, other))));
    ofBatch.set(logged.place, effect);
  }
  return effect;
}

function decide({ batch, operation: timed }: Logged<TimedOperation>, view: Entry[]): Effect {
  const { operation, isLate } = timed;
  const own: Birth = { time: batch.time, replica: batch.replica };
  const entry = (slot: Slot, element: string, born: Birth, is: Entry["is"]): Entry => ({
    slot,
    element,
    writer: batch.replica,
    born,
    is,
  });
  if (operation.kind === "delete") return { adds: [], takes: new Set(view) };
  if (operation.kind === "set") {
    const value = entry(slots.string, "", own, { value: operation.value });
    return { adds: [value], takes: new Set(view) };
  }
  const hasExpired = isLate && deadlineOf(view) !== undefined;
  const visible = hasExpired ? undefined : visibleSlot(view);
  const creates = operation.kind === "put" || operation.kind === "increment";
  const nothing: Effect = { adds: [], takes: new Set() };
  if (visible === undefined && !creates)
    return hasExpired ? { ...nothing, takes: new Set(view) } : nothing;
  if (visible !== undefined && "slot" in operation && operation.slot !== visible) return nothing;

  // A new key takes all that was seen; an existing one takes the losers of a clash.
  const takes = new Set(
    view.filter((one) => visible === undefined || (isLiving(one) && one.slot !== visible)),
  );
  const rest = view.filter((one) => !takes.has(one));
  const born = visible === undefined ? own : birthOf(rest, visible)!;
  const take = (from: Entry[]): void => {
    for (const one of from) takes.add(one);
  };
  switch (operation.kind) {
    case "put": {
      const { slot, element, value } = operation;
      take(rest.filter((one) => one.slot === slot && one.element === element));
      return { adds: [entry(slot, element, born, { value })], takes };
    }
    case "increment": {
      const { slot, element, by } = operation;
      // Increments of one replica that nobody has reset share a row, and so a birth.
      const row = rest.find(
        (one) =>
          one.slot === slot &&
          one.element === element &&
          one.writer === batch.replica &&
          "by" in one.is,
      );
      return { adds: [entry(slot, element, row?.born ?? born, { by })], takes };
    }
    case "remove": {
      const isRemoved = (one: Entry): boolean =>
        one.slot === operation.slot && one.element === operation.element;
      take(rest.filter(isRemoved));
      if (!rest.some((one) => isLiving(one) && !isRemoved(one))) take(rest);
      return { adds: [], takes };
    }
    case "expire":
    case "persist": {
      take(rest.filter((one) => one.slot === slots.deadline));
      const deadlineMs =
        operation.kind === "expire" ? operation.deadlineMs : Number.POSITIVE_INFINITY;
      return { adds: [entry(slots.deadline, "", born, { deadlineMs })], takes };
    }
  }
}

const isLiving = (entry: Entry): boolean => entry.slot !== slots.deadline;

const compareBirths = (a: Birth, b: Birth): number =>
  a.time !== b.time ? a.time - b.time : a.replica < b.replica ? -1 : a.replica > b.replica ? 1 : 0;

const birthOf = (entries: readonly Entry[], slot: Slot): Birth | undefined =>
  entries
    .filter((entry) => entry.slot === slot)
    .map((entry) => entry.born)
    .sort(compareBirths)
    .at(-1);

function visibleSlot(entries: readonly Entry[]): Slot | undefined {
  return entries
    .filter(isLiving)
    .sort((a, b) => compareBirths(a.born, b.born) || a.slot - b.slot)
    .at(-1)?.slot;
}

function deadlineOf(entries: readonly Entry[]): number | undefined {
  const slot = visibleSlot(entries);
  if (slot === undefined) return undefined;
  const birth = birthOf(entries, slot)!;
  const deadlines = entries.flatMap(({ is, born }) =>
    "deadlineMs" in is && compareBirths(born, birth) === 0 ? [is.deadlineMs] : [],
  );
  const latest = Math.max(...deadlines);
  return Number.isFinite(latest) ? latest : undefined;
}
