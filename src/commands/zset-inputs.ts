// The inputs of ZUNION, ZINTER and ZDIFF: sorted sets, and sets whose members count with score one.
// Where one object is given twice both inputs share its cursor, so whoever walks over one copies it
// first.

import { Collection } from "../keyspace/collection.js";
import { copyMembers, ScoredList } from "../keyspace/scored-list.js";
import { ownViewOfZset } from "../keyspace/zset-forms.js";
import type { ZsetView } from "../keyspace/zset-view.js";
import { slots } from "../lattice/key-entry.js";
import type { Call } from "./call.js";
import { fail } from "./errors.js";

export class ZsetInput {
  weight = 1;
  readonly #view: ZsetView | undefined;
  readonly #set: Collection | undefined;

  constructor(view: ZsetView | undefined, set: Collection | undefined) {
    this.#view = view;
    this.#set = set;
  }

  get count(): number {
    return this.#view?.visibleCount ?? this.#set?.count ?? 0;
  }

  /** The score of a member, NaN when it is not there. */
  scoreOf(bytes: Uint8Array, start: number, length: number): number {
    if (this.#view !== undefined) {
      return this.#view.seekMember(bytes, start, length) ? this.#view.score : Number.NaN;
    }
    return this.#set?.find(bytes, start, length) === true ? 1 : Number.NaN;
  }

  /** Copies of all members; a sorted set's from the highest to the lowest, as Redis walks. */
  members(): ScoredList {
    const view = this.#view;
    if (view !== undefined)
      return copyMembers(view, view.visibleCount - 1, view.visibleCount, true);
    const members = new ScoredList();
    this.#set?.each(({ element, elementStart, elementLength }) =>
      members.push(element, elementStart, elementLength, 1),
    );
    return members;
  }

  close(): void {
    this.#set?.close();
  }
}

/** Opens the keys at arguments [first, first + count); undefined after WRONGTYPE was replied. */
export function openInputs(call: Call, first: number, count: number): ZsetInput[] | undefined {
  const inputs: ZsetInput[] = [];
  for (let index = first; index < first + count; index++) {
    const input = openInput(call, index);
    if (input === undefined) {
      fail(call, "wrongType");
      return undefined;
    }
    inputs.push(input);
  }
  return inputs;
}

function openInput(call: Call, index: number): ZsetInput | undefined {
  const { keyspace } = call;
  const ref = call.findForRead(index);
  if (ref === 0) return new ZsetInput(undefined, undefined);
  const view = ownViewOfZset(keyspace, ref);
  if (view !== undefined) return new ZsetInput(view, undefined);
  const set = new Collection();
  return set.open(keyspace, ref, slots.set) ? new ZsetInput(undefined, set) : undefined;
}
