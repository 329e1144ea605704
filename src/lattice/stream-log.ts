// The lattice of a stream: entries under ids that grow, each named by its id and the replica that
// added it, so two additions never meet and both survive. A removal or a trim takes what it has
// seen and no more. The stream's own figures are one cell; what several replicas wrote there unseen
// by each other is read as the highest of each.
//
// Consumer groups are elements of the same map (stream-element.ts) and join likewise, but what they
// promise needs one order of all writes; they are not part of this.

import type { Bytes } from "../base/bytes.js";
import type { ReplicaTable } from "../clock/replica-table.js";
import { winner } from "./cell.js";
import { cellMapLattice } from "./cell-lattice.js";
import type { CellMap } from "./cell-map.js";
import type { Write } from "./lattice.js";
import {
  decodeFigures,
  elementKinds,
  encodeFigures,
  entryElement,
  figuresElement,
  higherFigures,
  noFigures,
  parseElement,
  type StreamFigures,
} from "./stream-element.js";
import { compareIds, higherId, idText, type StreamId } from "./stream-id.js";

export type StreamOperation =
  | { readonly kind: "add"; readonly id: StreamId; readonly value: Bytes }
  | { readonly kind: "remove"; readonly id: StreamId }
  /** Removes what is below an id. */
  | { readonly kind: "trim"; readonly below: StreamId };

export interface StreamView {
  /** Ids and values, in the order of the ids. */
  readonly entries: readonly (readonly [string, Bytes])[];
  readonly lastId: string;
  readonly maxDeletedId: string;
}

/** The figures as a reader sees them. */
export function figuresOf(map: CellMap): StreamFigures {
  let figures = noFigures;
  for (const { value } of map.get(figuresElement)?.siblings ?? [])
    figures = higherFigures(figures, decodeFigures(value) ?? noFigures);
  return figures;
}

interface Entry {
  readonly element: string;
  readonly id: StreamId;
}

const entriesOf = (map: CellMap): Entry[] =>
  map.sortedElements().flatMap((element) => {
    const at = parseElement(element);
    if (at?.kind !== elementKinds.entry || !map.isVisible(element)) return [];
    return [{ element, id: at.id }];
  });

function edit(map: CellMap, operation: StreamOperation, { stamp, replicas }: Write): void {
  const born = map.birth(replicas) ?? stamp;
  const before = figuresOf(map);
  let after = before;
  const isGone = ({ id }: Entry): boolean =>
    operation.kind === "remove"
      ? compareIds(id, operation.id) === 0
      : operation.kind === "trim" && compareIds(id, operation.below) < 0;
  for (const entry of entriesOf(map)) if (isGone(entry)) map.clear(entry.element, stamp.replica);
  if (operation.kind === "add") {
    const element = entryElement(operation.id, replicas.nameOf(stamp.replica));
    map.assign(element, stamp, born, operation.value);
    after = { ...before, lastId: higherId(before.lastId, operation.id), added: before.added + 1n };
  } else if (operation.kind === "remove") {
    after = { ...before, maxDeletedId: higherId(before.maxDeletedId, operation.id) };
  }
  if (after !== before) map.assign(figuresElement, stamp, born, encodeFigures(after));
}

export const streamLog = cellMapLattice<StreamOperation, StreamView>({
  name: "stream_log",
  tag: 12,
  edit,
  query: viewOf,
});

function viewOf(map: CellMap, replicas: ReplicaTable): StreamView {
  const { lastId, maxDeletedId } = figuresOf(map);
  const entries = entriesOf(map).map(({ element, id }): [string, Bytes] => {
    // Nobody counts in an entry: what is visible is a value.
    return [idText(id), winner(map.get(element)!, replicas)!.value];
  });
  return { entries, lastId: idText(lastId), maxDeletedId: idText(maxDeletedId) };
}
